"""What letters of registration say of their writers, in both languages and many layouts (TESTPLAN RA-01, RA-19)."""

# ruff: noqa: RUF001  # people write with the dashes, blanks and quotes of their own machines

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.letter_rules import LetterRules, read_letter_rules
from gateway.domain.post import ParsedMail
from gateway.domain.toml_lines import Page
from gateway.mail import letter
from gateway.mail.html import html_to_text
from gateway.mail.letter import MASK, Letter, read_letter, without_pins
from gateway.mail.token import bare_pin
from gateway.resources import data_dir
from gateway.services import people

RULES = read_letter_rules(Page("registration.toml", (data_dir("rules") / "registration.toml").read_text("utf-8")))
OURS = "F4K9-HJQT-3P7M"
BOB, FAR, LOCAL = "Bob Miller", "+49 30 1234567", "030 1234567"


def a_mail(text: str, *, subject: str = "", name: str = "", headers: tuple[tuple[str, str], ...] = ()) -> ParsedMail:
    return ParsedMail(
        fingerprint="1",
        sender="bob@customer.example",
        sender_defect=None,
        sender_shown="bob@customer.example",
        sender_name=name,
        subject=subject,
        headers=headers,
        text=text,
        new_text=text,
    )


def read(text: str, *, subject: str = "", name: str = "") -> Letter:
    return read_letter(a_mail(text, subject=subject, name=name), RULES)


LETTERS = [
    # text, pins, name, phone, language
    (f"Name: Bob Miller\nPIN: {OURS}\nPhone: {FAR}", [OURS], BOB, FAR, None),
    (f"PIN: {OURS}\r\nPhone: {FAR}\r\nName: Bob Miller\r\n", [OURS], BOB, FAR, None),
    (f"company pin = {OURS}\nNAME = Bob Miller\ntel = {LOCAL}", [OURS], BOB, LOCAL, None),
    (f"Company PIN - {OURS}\nFull name - Bob Miller\nMobile - {FAR}", [OURS], BOB, FAR, "en"),
    (f"Company PIN – {OURS}\nFull name – Bob Miller\nMobile – {FAR}", [OURS], BOB, FAR, "en"),
    (f"PIN\t{OURS}\nName\tBob Miller\nPhone\t{LOCAL}", [OURS], BOB, LOCAL, None),
    (f"* PIN: {OURS}\n* Name: Bob Miller\n* Phone: {FAR}", [OURS], BOB, FAR, None),
    (f"**PIN:** {OURS}\n**Name:** Bob Miller\n**Phone:** {FAR}", [OURS], BOB, FAR, None),
    (f"*PIN: {OURS}*\n*Name*: Bob Miller\n_Phone:_ {FAR}", [OURS], BOB, FAR, None),
    (f"- Firmen-PIN: {OURS}\n- Name: Bob Miller\n- Telefon: {LOCAL}", [OURS], BOB, LOCAL, "de"),
    (f"1. PIN: {OURS}\n2) Name: Bob Miller\n3. Tel.: {LOCAL}", [OURS], BOB, LOCAL, None),
    (f"| PIN | {OURS} |\n| Name | Bob Miller |\n| Telefon | {LOCAL} |", [OURS], BOB, LOCAL, None),
    (f"PIN\n{OURS}\n\nName\n\nBob Miller\n\nPhone:\n{FAR}", [OURS], BOB, FAR, None),
    (f"PIN {OURS}\nName Bob Miller\nTelefon {LOCAL}", [OURS], BOB, LOCAL, None),
    (f"PIN：{OURS}\nName：Bob Miller\nTel：{FAR}", [OURS], BOB, FAR, None),
    ("ＰＩＮ： Ｆ４Ｋ９－ＨＪＱＴ－３Ｐ７Ｍ", [OURS], "", None, None),
    (f"PIN\xa0: {OURS}\nName\xa0:\xa0Bob\xa0Miller", [OURS], BOB, None, None),
    ("PIN: F4K9–HJQT—3P7M", [OURS], "", None, None),
    ("PIN: F4K9\u2011HJQT\u22123P7M", [OURS], "", None, None),
    ("PIN: F4K9\xa0HJQT\xa03P7M", ["F4K9 HJQT 3P7M"], "", None, None),
    ("PIN: f4k9hjqt3p7m", ["f4k9hjqt3p7m"], "", None, None),
    ("PIN: „4711-0815“.", ["4711-0815"], "", None, None),
    ("PIN: <4711-0815>", ["4711-0815"], "", None, None),
    ("PIN: [4711-0815]", ["4711-0815"], "", None, None),
    ("PIN: Blue Horse #77!", ["Blue Horse #77!", "Blue Horse #77!"], "", None, None),
    ("Unsere Kunden-PIN: Grüne Wiese", ["Grüne Wiese"], "", None, None),
    ("Our PIN: 4711-0815, thanks", ["4711-0815", "4711-0815, thanks"], "", None, "en"),
    ("PIN: 4711-0815 (see our contract)", ["4711-0815", "4711-0815 (see our contract)"], "", None, None),
    (f"PIN: {OURS} (see our contract)", [OURS], "", None, None),
    (f"Name: Bob Miller, PIN: {OURS}, Phone: {FAR}", [OURS], BOB, FAR, None),
    (f"PIN: 4711-0815 / Name: Bob Miller / Tel.: {LOCAL}", ["4711-0815"], BOB, LOCAL, None),
    (f"My name: Bob Miller. Our PIN: 4711-0815 and my phone: {LOCAL}", ["4711-0815"], BOB, LOCAL, "en"),
    ("Company PIN (as on the contract): 4711-0815", ["4711-0815"], "", None, "en"),
    (f"Code: 4711-0815\nRückruf: {LOCAL}", ["4711-0815"], "", LOCAL, None),
    (f"Vor- und Nachname: Eva Müller\nTelefonnummer: {LOCAL}\nFirmen-PIN: {OURS}", [OURS], "Eva Müller", LOCAL, "de"),
    (
        f"Vorname: Eva\nNachname: Müller\nFirmenPIN: {OURS}\nHandy: 0170/1234567",
        [OURS],
        "Eva Müller",
        "0170/1234567",
        "de",
    ),
    (f"Name: Müller\nVorname: Eva\nPIN: {OURS}", [OURS], "Eva Müller", None, None),
    ("First name: Bob\nSurname: Miller\nPIN code: 4711 0815", ["4711 0815"], BOB, None, None),
    ("Hello, I am Bob Miller (+49 30 1234), our PIN is 4711-0815.", ["4711-0815"], "", "+49 30 1234", "en"),
    (
        f"Guten Tag,\n\nich möchte mich mit der Firmen-PIN F4K9 HJQT 3P7M anmelden.\nTelefon: {LOCAL}\n\nEva Müller",
        ["F4K9 HJQT 3P7M"],
        "",
        LOCAL,
        "de",
    ),
    ("Guten Tag, unsere PIN lautet 4711-0815, danke!", ["4711-0815"], "", None, "de"),
    ("Please register me. The PIN for Acme Ltd is\n4711-0815. Thank you", ["4711-0815"], "", None, "en"),
    ("Our PIN is as follows:\n\n4711 0815 99\n\nRegards", ["4711 0815 99"], "", None, "en"),
    (f"Hi,\n{OURS}\nthanks", [OURS], "", None, "en"),
    ("hier f4k9 hjqt 3p7m, bitte um Rückruf", ["f4k9 hjqt 3p7m"], "", None, "de"),
    ("The letters are F4K9-\nHJQT-3P7M", ["F4K9- HJQT-3P7M"], "", None, None),
    (f"PIN: {OURS}\nPIN: f4k9 hjqt 3p7m\nPIN: 4711-0815", [OURS, "4711-0815"], "", None, None),
    (
        "PIN: aaaa-1111\nPIN: aaaa-2222\nPIN: aaaa-3333\nPIN: aaaa-4444",
        ["aaaa-1111", "aaaa-2222", "aaaa-3333"],
        "",
        None,
        None,
    ),
    ("PIN: 4711-0815\nOrder F4K9-HJQT-3P7X", ["4711-0815"], "", None, None),
    (f"PIN: ____________\nName: Bob Miller\n{OURS}", [OURS], BOB, None, None),
    ("PIN: (your company PIN)\nName: (your name)", [], "", None, "en"),
    ("PIN: <your company PIN>\nPhone: [your phone]", [], "", None, "en"),
    ("PIN:\nName:\nPhone:", [], "", None, None),
    ("PIN: ....\nBob Miller of Acme", [], "", None, None),
    ("PIN: XXXX-XXXX-XXXX", [], "", None, None),
    ("PIN: ••••••••\nPIN: 1234", [], "", None, None),
    ("PIN: see below\nName: unknown", [], "", None, None),
    (f"PIN: {FAR}", [], "", FAR, None),
    (f"I have no PIN, call me at {LOCAL}", [], "", None, None),
    (f"I have no PIN\n\n{FAR}", [], "", FAR, None),
    ("PIN:F4K9-HJQT-3P7M Name:Bob Miller Tel:030-12345", [OURS], BOB, "030-12345", None),
    (f"Name Bob Miller PIN {OURS}", [OURS], BOB, None, None),
    ("Die PIN von unserem Vertrag ist Nr. 4711-0815", ["4711-0815"], "", None, "de"),
    ("Our company has no PIN. Number 4711-0815 is a case", [], "", None, "en"),
    ("Phone: 030 1234, our PIN is 4711-0815", ["4711-0815"], "", "030 1234", "en"),
    ("Phone: 030 1234 PIN 4711-0815", ["4711-0815"], "", "030 1234", None),
    ("Without a PIN at\nPhone: 030 12345678", [], "", "030 12345678", None),
    ("Please send me the PIN and phone 030 12345678", [], "", None, "en"),
    ("The PIN that you sent on 2026-05-12 is lost", [], "", None, "en"),
    ("Error code: 80070005AB", [], "", None, None),
    ("7364 3496 7463 is my number", [], "", None, "en"),
    ("File name: report-2026\nCompany name: Acme", [], "", None, None),
    ("Name: https://evil.example\nName: www.evil.example\nName: bob@evil.example", [], "", None, None),
    ("Name: Bob evil.example", [], "Bob evil. example", None, None),
    (f"Name: Bob Miller, PIN {OURS}", [OURS], BOB, None, None),
    (f"Name: Bob {OURS}", [OURS], "Bob", None, None),
    ("Name: Bob\u202e Miller\u200b\x07", [], BOB, None, None),
    ("Name: Dr. Bob Miller jr.", [], "Dr. Bob Miller jr.", None, None),
    ("Name, Vorname: Müller, Eva", [], "Müller, Eva", None, None),
    ("Phone: +49 (0)30 1234-56 ext. 12", [], "", "+49 (0)30 1234-56 ext. 12", None),
    ("Phone: +49 30 1234 (mornings only)", [], "", "+49 30 1234 (mornings only)", None),
    ("Phone: 030 1234, mornings only", [], "", "030 1234", None),
    ("Phone: 030 1234 www.evil.example", [], "", "030 1234", None),
    (f"Fax: +49 30 99999\nMobile: {FAR}", [], "", FAR, None),
    ("Fax: +49 30 9999999", [], "", None, None),
    ("Reach me on 0049 30 1234567.", [], "", "0049 30 1234567", None),
    ("PIN: 0049-3012-3456", ["0049-3012-3456"], "", None, None),
    ("", [], "", None, None),
]


@pytest.mark.parametrize(("text", "pins", "name", "phone", "lang"), LETTERS)
def test_a_letter_is_read(text: str, pins: list[str], name: str, phone: str | None, lang: str | None) -> None:
    """Labels in any layout, or free words; placeholders, phones and links are none of it."""
    said = read(text)
    assert (tuple(dict.fromkeys(pins)), name, phone, lang) == (said.pins, said.name, said.phone, said.lang)


def test_an_html_form_is_read() -> None:
    """Cells stand beside or below each other in its text."""
    rows = f"<tr><td><b>PIN</b></td><td>{OURS}</td></tr><tr><td>Name:</td><td>Bob Miller</td></tr>"
    below = f"<tr><td><p>Phone</p></td><td><p>{FAR}</p></td></tr>"
    said = read(html_to_text(f"<table>{rows}{below}</table>"))
    assert Letter(name=BOB, phone=FAR, lang=None, pins=(OURS,)) == said


def test_the_subject_is_read_too() -> None:
    """People write the PIN there; what has a label in the text comes first."""
    assert (OURS,) == read("Bob Miller", subject=f"Registration PIN {OURS}").pins
    assert ("4711-0815", OURS) == read("PIN: 4711-0815", subject=f"PIN: {OURS}").pins
    assert () == read("PIN:", subject="Registration of Bob Miller").pins


def test_without_a_name_that_of_from_counts() -> None:
    """It is cleaned like any other."""
    assert BOB == read("PIN: 4711-0815", name="  Bob\tMiller ").name
    assert BOB == read("Name: http://x.example", name=BOB).name
    assert "" == read("Hello", name="bob@customer.example").name
    assert "" == read(f"Hello {OURS}", name="F4K9 HJQT 3P7M").name
    assert "Bob" == read("PIN: Grüne Wiese", name="Bob grüne-wiese").name
    assert "B" * 200 == read("Name: " + "B" * 300).name
    assert "Bob" == read("Hello, our PIN is 4711-0815", name="Bob 4711-0815").name


@pytest.mark.parametrize(
    ("headers", "lang"),
    [
        ((("content-language", "de-DE"),), "de"),
        ((("content-language", "fr"), ("accept-language", "fr-FR, de;q=0.8, en;q=0.5")), "de"),
        ((("accept-language", "EN-us"), ("content-language", "de")), "de"),
        ((("content-language", "fr, nl"),), "en"),
        ((), "en"),
    ],
)
def test_the_header_says_the_language_first(headers: tuple[tuple[str, str], ...], lang: str) -> None:
    """Of the languages of the rules, else the words do."""
    assert lang == read_letter(a_mail("Hello, please register me", headers=headers), RULES).lang


def test_as_many_words_of_two_languages_are_of_none() -> None:
    """A clear majority is twice as many."""
    assert read("Hello Hallo please bitte").lang is None
    assert "de" == read("Hallo, bitte registrieren. Thanks").lang


def test_a_third_language_is_data() -> None:
    """Its labels are read beside the others."""
    french = dataclasses.replace(
        RULES.languages[0],
        lang="fr",
        pin=("Code secret",),
        name=("Nom et prénom",),
        phone=("Téléphone",),
        words=("bonjour", "merci"),
    )
    rules = LetterRules(languages=(*RULES.languages, french))
    text = "Bonjour,\nCode secret : 4711-0815\nNom et prénom : Zoé Petit\nTéléphone : 01 23 45 67 89\nMerci"
    assert Letter(name="Zoé Petit", phone="01 23 45 67 89", lang="fr", pins=("4711-0815",)) == read_letter(
        a_mail(text), rules
    )


def test_without_languages_a_pin_of_ours_is_found() -> None:
    """It needs no word."""
    said = read_letter(a_mail(f"Hello, {OURS}, {FAR}", name=BOB), LetterRules())
    assert Letter(name=BOB, phone=FAR, lang=None, pins=(OURS,)) == said


def test_pins_are_made_of_the_letters_that_are_looked_for() -> None:
    """One alphabet in both places; no PIN is shown by its value."""
    assert people.PIN_LETTERS == letter.PIN_LETTERS
    assert OURS not in repr(read(f"PIN: {OURS}"))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Registration PIN f4k9 hjqt 3p7m now", f"Registration PIN {MASK} now"),
        ("F4K9HJQT3P7M,F4K9 - HJQT–3P7M", f"{MASK},{MASK}"),
        ("F4K9\u200b-HJQT\n-\xad3P7M", MASK),
        ("Ｆ４Ｋ９HJQT3P7M", MASK),
        ("no PIN here", "no PIN here"),
    ],
)
def test_a_pin_is_masked_however_it_is_written(text: str, left: str) -> None:
    """Case, blanks, dashes and marks that nobody sees do not matter."""
    assert left == without_pins(text, (OURS, ""))


def test_pins_that_overlap_are_masked_together() -> None:
    """Nothing of either is left."""
    assert f"x{MASK}y" == without_pins("xabababay", ("aba",))
    assert f"{MASK} {MASK}" == without_pins("STRASSE12 straße12", ("Straße12",))


WORDS = "PIN Firmen-PIN Name Phone Tel. : = | – F4K9 HJQT 3P7M 4711-0815 00471108 ( ) is www. @ ı İ ß • é +"
PIECES = st.sampled_from([*WORDS.split(), "\xa0", "\u202e", "\x07", "\ud800", " ", "\n", "\t", "e\u0301", FAR])
WILD = st.lists(PIECES | st.text(max_size=8), max_size=40).map("".join)


@settings(deadline=None)
@given(text=WILD, subject=WILD, name=WILD)
def test_whatever_is_written_can_be_read(text: str, subject: str, name: str) -> None:
    """One printable line each, within its length; a phone as contacts have it; name and phone tell no PIN."""
    said = read(text, subject=subject, name=name)
    for value in (said.name, said.phone or "", *said.pins):
        assert value.isprintable()
        assert value == value.strip()
    assert len(said.name) <= 200
    assert len(said.pins) <= letter.MOST_PINS
    assert all(8 <= len(bare_pin(pin)) <= 100 for pin in said.pins)
    assert said.phone == people._phone(said.phone)  # the form is the one that contacts are checked by
    assert all(bare_pin(pin) not in bare_pin(f"{said.name} {said.phone}") for pin in said.pins)
    assert not any(link in said.name for link in ("@", "://", "www."))


@settings(deadline=None)
@given(text=WILD, pins=st.lists(WILD.filter(lambda pin: "•" not in pin), max_size=3))
def test_no_bare_pin_is_left(text: str, pins: list[str]) -> None:
    """As SPEC section 9 wants it of whatever is stored."""
    left = bare_pin(without_pins(text + "".join(pins), tuple(pins)))
    assert not any(letter._fold(pin) and bare_pin(pin) in left for pin in pins)  # some are all blanks


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(
        ["PIN: ", "F4K9-", "Name:", "+", "+49 ", "our ", "(", "PIN ", "0", "Vor- ", "\n", "PIN\n", "- ", "a:b|"]
    )
)
def test_a_huge_letter_is_read_in_bounds(piece: str) -> None:
    """The first part of it only."""
    said = read(piece * (2_000_000 // len(piece)), subject=piece * 100_000, name=piece * 100_000)
    assert len(said.name) <= 200
