"""Reads `absence.toml`: the words of responders and absence notices. Called by `domain.rulebook`."""

from dataclasses import fields

from gateway.domain.mail_rules import AbsenceLanguage
from gateway.domain.toml_lines import Page, Table

_LISTS = tuple(field.name for field in fields(AbsenceLanguage) if field.name != "name")
_NO_GAP = ("replies", "alone", "follows", "receipts")


def read_absence(page: Page) -> tuple[AbsenceLanguage, ...]:
    """The languages in the order of the file; complains to the page."""
    top = Table.top(page)
    top.only("language")
    tables = top.tables("language")
    names = [table.text("name") for table in tables]
    for place, table in enumerate(tables):
        if names[place] in names[:place]:
            table.complain("name", f'"{names[place]}" is named twice')
    return tuple(_language(table) for table in tables)


def _language(table: Table) -> AbsenceLanguage:
    table.only("name", *_LISTS)
    lists = {key: table.texts(key) for key in _LISTS}
    for key, expressions in lists.items():
        for expression in expressions:
            if not all(any(letter.isalnum() for letter in piece) for piece in expression.split("…")):
                table.complain(key, f'"{expression}" has a piece without a word')
            elif key in _NO_GAP and "…" in expression:
                table.complain(key, f'"{expression}" has a gap, and the words of a subject have none')
    for expression in sorted(set(lists["asks"]) & set(lists["asides"])):
        table.complain("asks", f'"{expression}" stands in asides, too')
    return AbsenceLanguage(name=table.text("name"), **lists)
