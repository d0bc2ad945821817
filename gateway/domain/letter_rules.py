"""The rules by which a letter of registration is read: `rules/registration.toml`, as values (SPEC section 9).

`domain.rulebook` reads them, `Policy.letters` carries them, `mail.letter` reads by them. A word that tells of two
languages tells of none, so it is refused with its line.
"""

import re
from dataclasses import dataclass, fields

from gateway.domain.toml_lines import Page, Table, unique_names

_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterLanguage:
    """The words of one language; `lang` is its tag in lower case (RFC 5646).

    Labels stand before a value: `pin`, `name`, `given` and `family` (of a name in two lines), `phone`, and `fax`, whose
    number nobody answers. After `pin_words` a PIN may stand in a sentence; `fillers` may stand before a label ("our
    PIN") or before its value. `empty` says that there is no value ("see below"). By `words` the language is known.
    """

    lang: str
    pin: tuple[str, ...]
    pin_words: tuple[str, ...]
    name: tuple[str, ...]
    given: tuple[str, ...]
    family: tuple[str, ...]
    phone: tuple[str, ...]
    fax: tuple[str, ...]
    fillers: tuple[str, ...]
    empty: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterRules:
    """How people write of themselves; without languages only PINs of our own making and phone numbers are found."""

    languages: tuple[LetterLanguage, ...] = ()


_LISTS = tuple(field.name for field in fields(LetterLanguage) if field.name != "lang")
_LABELS = ("pin", "name", "given", "family", "phone", "fax")


def read_letter_rules(page: Page) -> LetterRules:
    """The languages in the order of the file; complains to the page."""
    top = Table.top(page)
    top.only("language")
    tables = top.tables("language")
    unique_names(tables, "lang")
    told: dict[str, str] = {}
    return LetterRules(languages=tuple(_language(table, told) for table in tables))


def _language(table: Table, told: dict[str, str]) -> LetterLanguage:
    """One language; `told` is the language that each word of those above tells of."""
    table.only("lang", *_LISTS)
    lang = table.text_or_none("lang") or ""
    if lang and not _TAG.fullmatch(lang):
        table.complain("lang", f'"{lang}" is no language tag in lower case, such as "de"')
    lists = {key: table.texts(key) for key in _LISTS}
    kinds: dict[str, str] = {}
    for key in _LABELS:
        for text in lists[key]:
            if not any(letter.isalnum() for letter in text):
                table.complain(key, f'"{text}" has no letter')
            elif kinds.setdefault(text.casefold(), key) != key:
                table.complain(key, f'"{text}" stands in {kinds[text.casefold()]}, too')
    for word in lists["words"]:
        if len(word.split()) != 1:
            table.complain("words", f'"{word}" is not one word')
        elif told.setdefault(word.casefold(), lang) != lang:
            table.complain("words", f'"{word}" stands in the words of "{told[word.casefold()]}", too')
    return LetterLanguage(lang=lang, **lists)
