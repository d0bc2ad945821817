"""Every mail of ours in a real browser: on a phone and on a desk, by day and by night, and as mail programs mangle it.

`python -m tests.pages FOLDER` draws them for people to look at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.words import CaseWords
from gateway.mail.samples import VENDORS, samples
from tests.browser import Browser
from tests.unit.test_mail_texts import LANGUAGES, NAMES, spoiled
from tests.world import shipped_templates

QUESTION = Path(__file__).with_name("page.js").read_text(encoding="utf-8")
PHONE, DESK = 360, 1200
MANY = tuple(f"Colleague {number} <colleague-{number}@a-rather-long-domain.customer.example>" for number in range(20))
RUNS_ON = {
    "one word": "Donaudampfschifffahrtsgesellschaftskapitän" * 8,
    "an address": f"https://files.customer.example/{'a1b2c3d4' * 30}?q=%C3%A4",
    "a long subject": ("Since Monday our staging server is slow again " * 5)[:200],
    "right to left": "השרת איטי מאוד מאז יום שני (staging-01) خادم الاختبار بطيء",
}
"""What people write that templates must have room for."""
MAX_OWN = 20_000
"""Octets of our own in a mail; Gmail shows 102 kB of one, and the rest should be the message's."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a mail is shown: as wide as this, light or dark; `mangled` as by programs that keep only inline styles."""

    width: int
    dark: bool
    mangled: bool = False

    def problems(self, browser: Browser, lang: str, html: str) -> list[str]:
        """What a reader would complain of."""
        browser.show(mangled(html) if self.mangled else html)
        question = QUESTION.replace("WANTS_DARK", str(self.dark).lower()).replace("LANG", f"'{lang}'")
        found: list[str] = browser.ask(question)
        return found


LOOKS = {
    "phone": Look(PHONE, dark=False),
    "phone by night": Look(PHONE, dark=True),
    "desk": Look(DESK, dark=False),
    "desk by night": Look(DESK, dark=True),
    "phone, mangled": Look(PHONE, dark=False, mangled=True),
    "desk by night, mangled": Look(DESK, dark=True, mangled=True),
}


def mangled(html: str) -> str:
    """As Gmail has it for other people's accounts, and webmail inside its own page: no style sheet, no doctype."""
    bare = re.sub(r"<style>.*?</style>|<meta name[^>]*>|<!doctype html>", "", html, flags=re.DOTALL)
    assert "<style" not in bare
    return bare


def plain() -> Iterator[tuple[str, str, Any]]:
    """Each mail in each language, with each of its samples."""
    for lang in LANGUAGES:
        for name in NAMES:
            yield from ((f"{lang}/{name}", lang, words) for words in samples(name))


def overfull() -> Iterator[tuple[str, str, Any]]:
    """Each mail with words that do not fit on a line wherever people's own stand, and with twenty others who get it."""
    for lang in LANGUAGES:
        for name in NAMES:
            words = next(iter(samples(name)))
            for what, text in RUNS_ON.items():
                yield f"{lang}/{name}, {what}", lang, spoiled(words, text)
            if isinstance(words, CaseWords):
                yield f"{lang}/{name}, many", lang, replace(words, others=MANY, attachments=MANY)


def complaints(browser: Browser, look: Look, mails: Iterator[tuple[str, str, Any]]) -> dict[str, list[str]]:
    """What is wrong with which mail; mails that came out alike are shown once."""
    templates, seen, found = shipped_templates(), set[str](), dict[str, list[str]]()
    browser.wear(width=look.width, dark=look.dark)
    for title, lang, words in mails:
        name = title.partition("/")[2].partition(",")[0]
        html = templates.render(name, lang, words, VENDORS[0]).html
        if html not in seen and (wrong := look.problems(browser, lang, html)):
            found.setdefault(title, wrong)
        seen.add(html)
    return found


@pytest.mark.servers
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_every_mail_can_be_read(browser: Browser, look: Look) -> None:
    """Nothing sticks out, letters stand out and are not small, links look like links, and nothing is fetched."""
    assert {} == complaints(browser, look, plain())
    assert [] == browser.fetched


@pytest.mark.servers
@pytest.mark.parametrize("look", [LOOKS["phone"], LOOKS["desk by night"], LOOKS["phone, mangled"]], ids=str)
def test_there_is_room_for_whatever_people_write(browser: Browser, look: Look) -> None:
    assert {} == complaints(browser, look, overfull())
    assert [] == browser.fetched


@pytest.mark.servers
def test_what_is_wrong_is_seen(browser: Browser) -> None:
    """The question finds each fault that it asks for."""
    faults = {
        "sticks out": '<p style="white-space:nowrap; font-size:16px">A line that nobody may break, and so it goes on and on</p>',
        "contrast is": '<p style="color:#999999">pale</p>',
        "letters of": '<p style="font-size:13px">small</p>',
        "lines too close": '<p style="line-height:1">close</p>',
        "cannot be seen": '<p style="display:none">hidden</p>',
        "leads elsewhere": '<a class="link" href="https://x.example">there</a>',
        "does not look like one": '<a href="mailto:x@x.example" style="text-decoration:none; color:#1f6aa5">there</a>',
        "too small for a finger": '<a href="mailto:x@x.example" style="border:1px solid">there</a>',
        "<img>": '<img src="http://x.example/x.png" alt="">',
    }
    html = shipped_templates().render("welcome", "en", next(iter(samples("welcome"))), VENDORS[0]).html
    browser.wear(width=PHONE, dark=False)
    for fault, markup in faults.items():
        faulty = html.replace("</p>", f"</p>{markup}", 1)
        assert any(fault in wrong for wrong in LOOKS["phone"].problems(browser, "en", faulty)), fault
    assert LOOKS["phone by night"].problems(browser, "de", html) == ["not in the colours asked for", "lang is en"]
    assert ["http://x.example/x.png"] == browser.fetched


def test_our_own_words_leave_room_for_the_message() -> None:
    """Gmail cuts what is longer than 102 kB."""
    templates = shipped_templates()
    sizes = {
        title: len(templates.render(title.partition("/")[2], lang, words, VENDORS[0]).html.encode())
        for title, lang, words in plain()
    }
    assert {} == {title: size for title, size in sizes.items() if size > MAX_OWN}
