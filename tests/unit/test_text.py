"""New text apart from quoted text, in the languages and habits of mail programs (SPEC section 7)."""

from pathlib import Path

import pytest

from gateway.domain.rulebook import read_mail_rules
from gateway.domain.toml_lines import Page
from gateway.mail.html import MAX_NESTING, html_to_text
from gateway.mail.text import MAX_LINES, split_text
from gateway.mail.transfer import unflow

RULES = read_mail_rules(Page("mail.toml", (Path(__file__).parents[2] / "rules" / "mail.toml").read_text())).text
QUOTE = "> The printer is on fire.\n> Please advise."


@pytest.mark.parametrize(
    "attribution",
    [
        "On Mon, Oct 2, 2023 at 5:43 PM Ann Archer <ann@customer.example> wrote:",
        "On Mon, Oct 2, 2023 at 5:43 PM Ann Archer\n<ann@customer.example> wrote:",
        "On Mon, Oct 2, Ann Archer\n<ann@customer.example>\nwrote:",
        "Am 02.10.2023 um 17:43 schrieb Ann Archer <ann@customer.example>:",
        "Le lun. 2 oct. 2023 à 17:43, Ann Archer <ann@customer.example> a écrit :",
        "El lun, 2 oct 2023 a las 17:43, Ann Archer (<ann@customer.example>) escribió:",
        "Il giorno lun 2 ott 2023 alle ore 17:43 Ann Archer <ann@customer.example>\nha scritto:",
        "Op ma 2 okt. 2023 om 17:43 schreef Ann Archer <ann@customer.example>:",
        "Em seg., 2 de out. de 2023 às 17:43, Ann Archer <ann@customer.example>\nescreveu:",
        "pon., 2 paź 2023 o 17:43 Ann Archer <ann@customer.example> napisał(a):",
        "tir. 2. okt. 2023 kl. 17:43 skrev Ann Archer <ann@customer.example\n>:",
        "2023-10-02 17:43 GMT+02:00 Ann Archer <ann@customer.example>:",
        "Ann Archer wrote:",
    ],
)
def test_an_attribution_and_its_quote_are_not_new(attribution: str) -> None:
    new, quoted = split_text(f"It works now.\n\nBob\n\n{attribution}\n{QUOTE}\n", RULES)

    assert new == "It works now.\n\nBob"
    assert quoted == f"{attribution}\n{QUOTE}"


@pytest.mark.parametrize(
    "history",
    [
        "-----Original Message-----\nFrom: Ann\n\nThe printer is on fire.",
        "-----Ursprüngliche Nachricht-----\nVon: Ann\n\nDer Drucker brennt.",
        "________________________________\nFrom: Ann <ann@customer.example>\nSent: Monday\n\nThe printer is on fire.",
        "From: Ann\nSent: Monday, 2 October 2023\nTo: Support\nSubject: Fire\n\nThe printer is on fire.",
        "*Von:* Ann\n*Gesendet:* Montag\n*An:* Support\n*Betreff:* Feuer\n\nDer Drucker brennt.",
        "De : Ann\nEnvoyé : lundi\nÀ : Support\nObjet : Feu\n\nL'imprimante brûle.",
        "Da: Ann\n\nInviato: lunedì\n\nA: Support\n\nOggetto: Fuoco",
        "On Mon, Oct 2, 2023 at 5:43 PM Ann <ann@customer.example> wrote:\nThe printer is on fire.",
        "---- On Mon, 02 Oct 2023 17:43:00 +0200 ann@customer.example wrote ----\n\nThe printer is on fire.",
    ],
)
def test_history_without_quote_marks_is_not_new(history: str) -> None:
    assert split_text(f"It works now.\n\n{history}", RULES) == ("It works now.", history)


def test_answers_between_quoted_lines_stand_with_the_line_that_they_answer() -> None:
    text = "On 2 Oct 2023 Ann wrote:\n> Does it burn?\nYes.\n\n> Is it out?\n> Really?\nNo.\n\nBob"

    new, quoted = split_text(text, RULES)

    assert new == "> Does it burn?\nYes.\n\n> Really?\nNo.\n\nBob"
    assert quoted == "On 2 Oct 2023 Ann wrote:\n> Is it out?"


def test_an_answer_below_the_quote_stands_alone() -> None:
    assert split_text(f"On 2 Oct 2023 Ann wrote:\n{QUOTE}\n\nDone.", RULES)[0] == "Done."


@pytest.mark.parametrize(
    "text",
    [
        QUOTE,
        f"On 2 Oct 2023 Ann wrote:\n{QUOTE}",
        "-----Original Message-----\nFrom: Ann\n\nThe printer is on fire.",
        "Yesterday at 10:30 your colleague wrote:\n\nRestart the server.\n\nThat did not help.",
        "Our user ann@customer.example wrote:\n\nI cannot log in.\n\nPlease help.",
        "It is as my colleague wrote",
        "To: be honest\nit never worked.",
        "Price: 10\nFrom: Berlin\nit takes two days.",
        "On Monday, as I wrote: nothing.",
        "a\n--\nb" + "\nmore" * 40,
        "Sent from my desk, which is easier than from a phone.",
        "",
    ],
)
def test_what_is_doubtful_or_leaves_nothing_is_all_new(text: str) -> None:
    assert split_text(text, RULES) == (text, "")


def test_signature_and_tagline_are_not_new() -> None:
    assert split_text("Done.\n\n-- \nBob\nBuilder Ltd", RULES) == ("Done.", "-- \nBob\nBuilder Ltd")
    assert split_text("Done.\n\nSent from my iPhone", RULES) == ("Done.", "Sent from my iPhone")
    assert split_text(f"Done.\n\nGesendet von Mail\n\nAm 2.10.23 schrieb Ann:\n{QUOTE}", RULES)[0] == "Done."


def test_a_list_footer_is_not_new() -> None:
    footer = f"{'_' * 40}\nusers mailing list\nusers@lists.example"

    assert split_text(f"Done.\n\n{footer}", RULES) == ("Done.", footer)


def test_a_paragraph_above_a_wrapped_attribution_stays_new() -> None:
    text = f"Call 555 1234.\nOn Mon, Oct 2, 2023 Ann Archer\n<ann@customer.example> wrote:\n{QUOTE}"

    assert split_text(text, RULES)[0] == "Call 555 1234."


def test_below_the_lines_looked_at_all_is_like_the_last_of_them() -> None:
    many = "x\n" * (MAX_LINES + 10)

    assert split_text(f"{many}> y", RULES) == (f"{many}> y", "")
    assert split_text(f"Done.\n-----Original Message-----\n{many}", RULES)[0] == "Done."


def test_flowed_text_is_joined_and_its_quotes_stay_quotes() -> None:
    text = "A line \nthat flows.\n> quoted \n> words\n>> deeper\n >stuffed\n-- \nBob"

    assert unflow(text, delsp=False) == "A line that flows.\n> quoted words\n>> deeper\n  >stuffed\n-- \nBob"
    assert unflow("日本 \n語", delsp=True) == "日本語"


def test_html_becomes_the_text_that_a_reader_sees() -> None:
    page = (
        "<html><head><title>no</title><style>p{}</style></head><body><p>Hello <b>there</b>,</p>"
        "<div>one<br>two</div><ul><li>a<li>b</ul><pre>x\n  y</pre>"
        "<table><tr><td>1</td><td>2</td></tr></table>"
        '<p>See <a href="https://x.example/1">this</a> &amp; <a href="https://x.example">https://x.example</a></p>'
        "<script>alert(1)</script></body></html>"
    )

    assert html_to_text(page) == (
        "Hello there,\n\none\ntwo\n\n- a\n- b\n\nx\n  y\n\n1 2\n\nSee this <https://x.example/1> & https://x.example"
    )


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display: none">/close</div>',
        '<span style="FONT-SIZE:0px">/close</span>',
        '<span style="color:#ffffff">/close</span>',
        "<p hidden>/close</p>",
        "<!-- /close -->",
        "<!--[if mso]>/close<![endif]-->",
        '<div style="visibility:hidden">/close</div>',
    ],
)
def test_hidden_words_of_html_are_not_text(hidden: str) -> None:
    """IJ-06."""
    assert html_to_text(f"{hidden}<p>Hello</p>") == "Hello"


def test_white_words_on_a_painted_ground_are_text() -> None:
    assert html_to_text('<table bgcolor="black"><td><span style="color:white">Hello</span></table>') == "Hello"


def test_a_quotation_in_html_has_quote_marks() -> None:
    page = "<p>Done.</p><div>On 2 Oct 2023 Ann wrote:<br></div><blockquote><p>Fire!</p><blockquote>Help</blockquote></blockquote>"

    assert html_to_text(page) == "Done.\n\nOn 2 Oct 2023 Ann wrote:\n\n> Fire!\n>\n>> Help"
    assert split_text(html_to_text(page), RULES)[0] == "Done."


def test_html_too_deep_for_a_tree_loses_its_tags_only() -> None:
    assert html_to_text("<div>" * (MAX_NESTING + 1) + "Hello").split() == ["Hello"]
