"""Old text in HTML mail, by the way its program marks it; the pages are made up after what each program writes."""

from pathlib import Path

import pytest

from gateway.domain.rulebook import read_mail_rules
from gateway.domain.toml_lines import Page
from gateway.mail.html import MAX_ELEMENTS, html_to_text
from gateway.mail.text import split_text

RULES = read_mail_rules(Page("mail.toml", (Path(__file__).parents[2] / "rules" / "mail.toml").read_text())).text
# A language that no rule knows: only the structure can say what is old.
HEAD = "<b>Zhk:</b> Ann &lt;ann@customer.example&gt;<br><b>Qrst:</b> 2.10.2023 17:43<br>"


def new_text(page: str) -> str:
    """The new text of an HTML mail."""
    return split_text(html_to_text(page, RULES), RULES)[0]


@pytest.mark.parametrize(
    "old",
    [
        # Gmail
        (
            '<div class="gmail_quote"><div class="gmail_attr">On Mon, Oct 2, 2023 at 5:43 PM Ann &lt;<a href="mailto:a@x.example">'
            'a@x.example</a>&gt; wrote:<br></div><blockquote class="gmail_quote">Fire!</blockquote></div>'
        ),
        (
            '<div class="gmail_quote"><div class="gmail_attr">Zhk Ann qrst:<br></div>'
            '<blockquote class="gmail_quote">Fire!</blockquote></div>'
        ),
        (
            '<div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>From: Ann<br>'
            "Date: 2 Oct 2023<br>Subject: Fire<br></div><br>Fire!</div>"
        ),
        # Roundcube
        '<p id="reply-intro">Zhk Ann qrst:</p><blockquote type="cite">Fire!</blockquote>',
        # Thunderbird
        '<div class="moz-cite-prefix">Zhk 2.10.2023 qrst Ann:<br></div><blockquote type="cite">Fire!</blockquote>',
        # Apple Mail
        '<div><br><blockquote type="cite"><div>Zhk 2 Oct 2023 Ann:</div><br><div>Fire!</div></blockquote></div>',
        # Outlook on the web, Hotmail
        f'<div id="appendonsend"></div><hr tabindex="-1" style="width:98%"><div id="divRplyFwdMsg">{HEAD}</div><div>Fire!</div>',
        f'<div><hr id="stopSpelling">{HEAD}Fire!</div></div>after',
        f'<hr style="width:98%"><div id="x_divRplyFwdMsg">{HEAD}</div><div>Fire!</div>',
        # Outlook for mobile, with its signature
        (
            '<div id="ms-outlook-mobile-signature">Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a></div>'
            f'<hr><div id="divRplyFwdMsg">{HEAD}</div><div>Fire!</div>'
        ),
        # Outlook for Windows
        (
            '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class=MsoNormal>'
            f"{HEAD}</p></div></div><p class=MsoNormal>Fire!</p>"
        ),
        '<div style="border:none;border-left:solid blue 1.5pt;padding:0cm 0cm 0cm 4.0pt"><p>Fire!</p></div>',
        # Outlook for Mac, for mobile
        f'<span id="OLK_SRC_BODY_SECTION"><div>{HEAD}</div><div>Fire!</div></span>',
        f'<div class="ms-outlook-mobile-reference-message"><hr>{HEAD}<div>Fire!</div></div>',
        f'<div id="mail-editor-reference-message-container"><div>{HEAD}</div><div>Fire!</div></div>',
        # Windows Mail
        f'<div style="border-top-color: rgb(229, 229, 229); border-top-width: 1px; border-top-style: solid;">{HEAD}</div><p>Fire!</p>',
        # Yahoo
        '<div id="ydp7a8byahoo_quoted_12" class="ydp7a8byahoo_quoted"><div>Zhk qrst:</div><div><p>Fire!</p></div></div>',
        # GMX, WEB.DE
        f'<div name="quote" style="border-left:2px solid #C3D9E5;">{HEAD}<div name="quoted-content">Fire!</div></div>',
        # Zimbra
        f'<hr id="zwchr" data-marker="__DIVIDER__"><div data-marker="__HEADERS__">{HEAD}</div><div>Fire!</div>',
        # Yandex, mail.ru
        '<div>02.10.2023, 17:43, "Ann" &lt;a@x.example&gt;:</div><blockquote><p>Fire!</p></blockquote>',
        # Proton, Tutanota, Spark, Zoho
        '<div class="protonmail_quote">On 2 Oct 2023 Ann wrote:<br><blockquote type="cite">Fire!</blockquote></div>',
        '<blockquote class="tutanota_quote">Fire!</blockquote>',
        '<div name="messageReplySection">Zhk:<div>Fire!</div></div>',
        '<div class="zmail_extra"><div>---- Zhk 2.10.2023 ----</div><div>Fire!</div></div>',
    ],
)
def test_what_a_program_marks_as_old_is_not_new(old: str) -> None:
    assert new_text(f"<html><body><p>It works now.</p><div>Bob</div>{old}</body></html>") == "It works now.\n\nBob"


@pytest.mark.parametrize(
    "signature",
    [
        '<span class="gmail_signature_prefix">-- </span><br><div class="gmail_signature">Bob<br>Builder</div>',
        '<div class="gmail_signature" data-smartmail="gmail_signature">Bob<br>Builder</div>',
        '<pre class="moz-signature" cols="72">-- \nBob\nBuilder</pre>',
        '<div id="Signature"><p>Bob</p><p>Builder</p></div>',
        '<div id="ms-outlook-mobile-signature">Get Outlook for iOS</div>',
        '<div id="AppleMailSignature">Bob</div>',
    ],
)
def test_a_signature_is_not_new(signature: str) -> None:
    quote = "<blockquote>Fire!</blockquote>"

    assert new_text(f"<div>It works now.</div>{signature}") == "It works now."
    assert new_text(f"<div>It works now.</div>{signature}<div>On 2 Oct Ann wrote:</div>{quote}") == "It works now."


def test_words_below_a_signature_are_new_and_the_signature_stays_with_them() -> None:
    page = '<div>Hello</div><div id="Signature">Bob</div><div>PS: it burns again.</div>'

    assert new_text(page) == "Hello\n\nBob\nPS: it burns again."


def test_a_paragraph_that_its_writer_indented_is_new() -> None:
    gmail = '<blockquote style="margin:0 0 0 40px;border:none;padding:0px"><div>step two</div></blockquote>'
    apple = (
        '<blockquote class="webkit-indent-blockquote" style="margin: 0 0 0 40px; border: none;">step two</blockquote>'
    )

    for indented in (gmail, apple):
        assert new_text(f"<div>step one</div>{indented}<div>step three</div>").split("\n") == [
            *("step one", "", "step two", "", "step three")
        ]


def test_answers_between_quotations_within_a_programs_own_mark_are_new() -> None:
    page = (
        '<div class="protonmail_quote"><div>On 2 Oct 2023 Ann wrote:</div><blockquote>Does it burn?</blockquote>'
        "<div>Yes.</div><blockquote>Is it out?</blockquote><div>No.</div></div>"
    )

    assert new_text(page) == "> Does it burn?\n\nYes.\n\n> Is it out?\n\nNo."


def test_a_mail_that_is_only_forwarded_has_no_marks_of_quotation() -> None:
    page = f'<div id="divRplyFwdMsg">{HEAD}</div><div>Fire!</div>'

    assert new_text(page).splitlines()[-1] == "Fire!"


@pytest.mark.parametrize(
    "page",
    [
        '<table class="quote"><tr><td>Offer 7</td></tr></table><p>Please confirm.</p>',
        '<div style="border-top:solid #ccc 1.0pt;padding:3.0pt 0cm 0cm 0cm">Bob, Builder Ltd</div><p>Please confirm.</p>',
        '<div class="quotation">12 EUR</div><p>Please confirm.</p>',
    ],
)
def test_a_page_that_only_looks_so_is_new(page: str) -> None:
    assert split_text(html_to_text(page, RULES), RULES)[1] == ""


def test_lines_of_preformatted_text_stay_lines() -> None:
    assert html_to_text('<div style="white-space: pre-wrap">a\n  b</div><p>c\nd</p>') == "a\n  b\n\nc d"


def test_a_page_of_too_many_elements_loses_its_tags_only() -> None:
    assert html_to_text("Hello" + "<br>" * (MAX_ELEMENTS + 1) + "Bob").split() == ["Hello", "Bob"]
