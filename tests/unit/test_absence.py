"""The words of responders, of absence notices, and of people who write about such things (SPEC section 7, rung 5)."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.absence_file import read_absence
from gateway.domain.mail_rules import AbsenceLanguage
from gateway.domain.toml_lines import Page
from gateway.mail.absence import read_words

ABSENCE = (Path(__file__).parents[2] / "rules" / "absence.toml").read_text(encoding="utf-8")
LANGUAGES = read_absence(Page("absence.toml", ABSENCE))
WANTED = "en de fr es it nl pt pl cs sv da nb fi ru uk tr zh ja ko"


def written(expression: str) -> str:
    """The first way to write an expression: `repl|y|ies/answer … us` is `repl us`."""
    tokens = re.split(r"[\s'-]+", expression.replace("…", " "))
    return " ".join(token.split("/")[0].split("|")[0] for token in tokens)


def test_the_languages_are_those_of_the_text_issue() -> None:
    assert WANTED.split() == [language.name for language in LANGUAGES]


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_every_expression_says_what_it_stands_for(language: AbsenceLanguage) -> None:
    """None is spoilt by another list, or by the way it is written."""
    for expression in (*language.away, *language.machine, *language.whole):
        said = read_words("", f"{written(expression)}.", LANGUAGES)
        assert said.text or said.whole, expression
    for expression in language.replies:
        said = read_words(f"{written(expression)}: Re: [CASE-1.abcdefgh] Printer", "", LANGUAGES)
        assert said.subject, expression
        assert said.leads, expression
    for expression in language.alone:
        assert read_words(written(expression), "", LANGUAGES).subject, expression


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Printer",
        "OUT OF OFFICE",
        "Out-of-Office Re: [CASE-1.abcdefgh] Printer",
        "Out of office until 5 May",
        "Out of office (back on Monday): Printer",
        "[Auto-Reply] Printer",
        "Away until May 5",
        "AUTO: Ann Example is out of the office (returning 05/12/2026)",
        "I am out of the office until Monday",
        "Reponse automatique : Printer",
        "Urlaub 3.-14. Juli",
        "ABWESENHEITSNOTIZ: Drucker",
        "\u81ea\u52a8\u56de\u590d\uff1aPrinter",
        "\u3010\u81ea\u52d5\u8fd4\u4fe1\u3011\u304a\u554f\u3044\u5408\u308f\u305b",
    ],
)
def test_a_responders_subject_is_known(subject: str) -> None:
    assert read_words(subject, "", LANGUAGES).subject


@pytest.mark.parametrize(
    "subject",
    [
        "Re: Automatic reply: Printer",
        "AW: Abwesenheitsnotiz: Drucker",
        "Fwd: Out of office",
        "Automatic reply does not work",
        "Out of office assistant crashes",
        "Out of memory",
        "Out of the box",
        "Vacation: three days are missing",
        "Urlaub: Antrag fehlt",
        "Autoren fehlen",
        "Away game tickets",
        "Absence report is empty",
        'Mails with "Out of office" are lost',
        "\u81ea\u52d5\u8fd4\u4fe1\u304c\u52d5\u304b\u306a\u3044",
    ],
)
def test_a_subject_about_such_things_is_a_persons(subject: str) -> None:
    assert read_words(subject, "", LANGUAGES).subject is None


@pytest.mark.parametrize(
    "text",
    [
        "I am out of the office until 12.07.2026. For urgent matters please contact Carl.",
        "Hello,\n\nthank you for your e-mail.\nI'm currently out of the office\nand will be back on Monday.\n\nKind regards\nAnn",
        "Ich bin bis zum 5. Mai nicht im Büro.\n\nMit freundlichen Grüßen",
        "I am attending a conference in Berlin this week and have limited access to my email.",
        "This is an automatically generated message. Please do not reply to it.",
        "*** english below ***\n\nIch bin im Urlaub.\n\n***\n\nI am on vacation.",
    ],
)
def test_a_notice_is_known(text: str) -> None:
    assert read_words("", text, LANGUAGES).text


@pytest.mark.parametrize(
    "text",
    [
        "I am out of office next week, please close the case then.",
        "I am out of the office until Monday. Could you call Carl about it?",
        "It fails at step 3. It fails at step 4, too. Also, I am on vacation next week.",
        "The text should read: we are closed. It reads: we are open. Nobody changed it. Why is that so?",
        "Error 17 comes when I open the calendar. I am out of office, says the status line.",
        "",
    ],
)
def test_a_text_that_asks_or_tells_more_is_a_persons(text: str) -> None:
    assert read_words("", text, LANGUAGES).text is None


@pytest.mark.parametrize(
    ("subject", "text", "whole"),
    [
        ("Re: Printer", "Bob Example reacted to your message:", "reacted to your message"),
        ("Re: Printer", "Bob Example reacted to your message, and so does everyone. It is broken.", None),
        ("Accepted: Printer", "", "accepted"),
        ("Accepted: Printer", "Any news?", None),
        ("Accepted", "", None),
    ],
)
def test_what_is_nothing_but_a_reaction_or_receipt(subject: str, text: str, whole: str | None) -> None:
    assert whole == read_words(subject, text, LANGUAGES).whole


@settings(deadline=None)
@given(st.text(), st.text(max_size=5_000))
def test_any_words_are_read(subject: str, text: str) -> None:
    """Nothing raises, and without languages nothing is said."""
    read_words(subject, text, LANGUAGES)
    said = read_words(subject, text, ())
    assert (None, False, None, None) == (said.subject, said.leads, said.text, said.whole)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("\nasides = [", "\naside = [", "asides: missing"),
        ('name = "de"', 'name = "en"', '"en" is named twice'),
        ('"automatic/automated/auto ', '"automatic … ', "the words of a subject have none"),
        ('"i am/m … out of office"', '"i am/m …"', "has a piece without a word"),
        ('"please", "nobody"', '"please note", "nobody"', '"please note" stands in asides, too'),
    ],
)
def test_a_wrong_word_is_told_with_its_line(old: str, new: str, problem: str) -> None:
    page = Page("rules/absence.toml", ABSENCE.replace(old, new, 1))
    read_absence(page)
    assert any(told.startswith("rules/absence.toml:") and problem in told for told in page.problems), page.problems
