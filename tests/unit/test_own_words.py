"""Words of a person that look like those of a mail program, and the cost of text that looks so (SPEC section 7)."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import pytest

from gateway.domain.rulebook import read_mail_rules
from gateway.domain.toml_lines import Page
from gateway.mail.html import html_to_text
from gateway.mail.text import split_text

RULES = read_mail_rules(Page("mail.toml", (Path(__file__).parents[2] / "rules" / "mail.toml").read_text())).text
QUOTE = "On 2 Oct 2023 Ann wrote:\n> Fire!"


@pytest.mark.parametrize(
    "text",
    [
        "I did these steps:\n\n> stop the service\n> start it\n\nIt fails.",
        "The manual says:\n> Press twice.\nThat does not help.",
        "It crashed.\n\n> NullPointerException: name\n>     at Export.run(Export.java:42)\n\nWhat now?",
        "I saw\n> disk full\nFrom: then on it repeats.",
        "On 14 March 2024 Ann Archer <ann@b.example> said in a call to me that:\n\nit ends in June.\n\nIs it so?",
        "The mail is late. Its header:\nReceived: from a by b\nFrom: a@b.example\nDate: 14.03.2024 10:02\nSubject: x\n\nWhy?",
        "I ran\n$ cat > /etc/app.conf\n> a = 1\n> EOF\nand it fails.",
        ">>> import app\n>>> app.run()\n\nWhat is wrong?",
        "On 14.03.2024 at 10:02 I called Ann Archer and she wrote:\n\nPlease restart.\n\nThat did not help.",
        "am 14.03.2024 um 10:02 Uhr schrieb mir Frau Archer:\n\nBitte starten.\n\nEs hilft nicht.",
        "[14.03.2024 10:02] Bob <bob@customer.example>:\nDisk full\n[14.03.2024 10:05] Ann <ann@b.example>:\nWhich?",
        "14.03.2024 10:02 bob@customer.example:\nDisk full\n14.03.2024 10:05 ann@b.example:\nWhich?",
        "This is the header:\n\nReceived: from a by b\nFrom: a@b.example\nTo: c@d.example\nMessage-ID: <1@b>\n\nWhy?",
        "The report is set to\nthis:\n\nfrom: a@b.example\nto: c@d.example\nsubject: Nightly\nsent: daily\n\nWhy?",
    ],
)
def test_what_a_person_shows_is_new(text: str) -> None:
    assert split_text(f"Hello,\n\n{text}", RULES) == (f"Hello,\n\n{text}", "")
    assert split_text(f"Hello,\n\n{text}\n\n{QUOTE}", RULES)[0] == f"Hello,\n\n{text}"


def test_a_mail_that_is_announced_is_old_all_the_same() -> None:
    mail = "From: Ann <ann@customer.example>\nSent: Thursday, March 14, 2024 10:02 AM\nTo: Bob\nSubject: Fire\n\nHelp!"

    assert split_text(f"See the mail below:\n\n{mail}", RULES) == ("See the mail below:", mail)


@pytest.mark.parametrize("announced", ["See my answers in red below.", "Hallo, unsere Antworten in rot."])
def test_announced_answers_are_not_lost_within_old_text(announced: str) -> None:
    mail = "From: Ann <a@b.example>\nSent: March 14, 2024 10:02 AM\nTo: Bob\nSubject: Fire\n\nWhere?\nIn the hall."

    assert split_text(f"{announced}\n\n{mail}", RULES) == (f"{announced}\n\n{mail}", "")
    assert split_text(f"Hello.\n\n{mail}", RULES) == ("Hello.", mail)


def _calls(work: Callable[[], object]) -> int:
    """How many functions are called, those written in C included: the same on any machine."""
    count = 0

    def look(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "line",
    [
        *(
            "\n",
            " \n",
            ">\n",
            "> x\nyes\n",
            "x:\n> y\nz\n",
            "x:\n\n> y\nz\n",
            "On On On\n",
            "wrote:\n",
            "a:\n",
            ":::\n",
        ),
        *(
            "From: a\n",
            "From: a\n\n",
            "-----\n",
            "-----\na@b.example\n",
            "-- \n",
            "-- \nBob\n> x\n",
            "<<<<\n",
            "(((.\n",
        ),
        *("Sent from my iPhone\n", "Sent from my iPhone\n> x\n", "https://a.example\n", "https://a.example\n\n"),
        *("Regards\nBob\n1\n+49 30 1234567\n> x\n", "-- \n-- x\n", "-- \n\nso it is as it is.\n", "[x]\n\n"),
        *(
            f"\n{' ' * 12}To\n{' ' * 12}Subject\n",
            "Received: x\nFrom: a\nDate: b\nSubject: c\n\n",
            "answers below\n> x\n",
        ),
        *("Regards\n+49 30 1234567\na@b.example\n", "-Ann Archer\n\n", "confidential in error prohibited\n\n"),
        *(
            "On 2.10.2023 17:43 Ann <a@b.example> wrote:\n",
            "2.10.2023 17:43 a@b.example:\n",
            ">>> x 1/1/2024 1:00 >>>\n",
        ),
    ],
)
def test_four_times_the_lines_cost_four_times_the_work(line: str) -> None:
    few, many = (line * count + "the end" for count in (300, 1200))

    assert _calls(lambda: split_text(many, RULES)) < 5 * _calls(lambda: split_text(few, RULES)) + 1000


@pytest.mark.parametrize(
    "page",
    [
        *('<a href="https://a.example">x</a> ', "<blockquote>x</blockquote>y", '<div class="gmail_attr">x</div><br>'),
        *('<br class="gmail_attr">', '<div class="gmail_signature">x</div>y', '<p class="x_x_gmail_quote">x', "<td>x"),
        *('<div style="border-top:solid x 1.0pt;padding:3.0pt 0">x</div>', '<div class="gmail_quote">x</div>'),
    ],
)
def test_four_times_the_page_costs_four_times_the_work(page: str) -> None:
    few, many = (page * count + "the end" for count in (150, 600))

    assert _calls(lambda: html_to_text(many, RULES)) < 5 * _calls(lambda: html_to_text(few, RULES)) + 1000


def test_a_long_line_costs_as_much_as_a_short_one() -> None:
    for mark in (" ", "On ", ">", "<", ":", "-", "1/1/2024 ", "a@b ", "("):
        short, long = (mark * count + "x" for count in (400, 100_000))

        assert _calls(partial(split_text, long, RULES)) <= _calls(partial(split_text, short, RULES)) + 50
