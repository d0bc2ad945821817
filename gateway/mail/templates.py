"""The texts of our mail: templates loaded and compiled once at start, checked, shown and rendered.

`wiring` loads them, `mail.compose` renders with them, `casegate template` lists, checks and shows them. An
override that fails gives way to the shipped template, so a mail is never lost to a typo (SPEC section 13).

A template is a pair, `<language>/<name>.txt.j2` and `<language>/<name>.html.j2`. The text one opens with the
line `Subject: …` and an empty line. Files whose name begins with `_` are parts that others include or extend.
A file is looked for in the override's language, the shipped language, then both again in English.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

from gateway.domain.policy import Vendor
from gateway.domain.words import CaseWords, ContactWords, LevelWords, StrangerWords, Words
from gateway.errors import BadConfig
from gateway.mail.sandbox import Rendered, Shelf, Source, is_mail, tidy


class Templates:
    """All templates in force: the shipped ones, and over them the files of `[templates] dir`."""

    def __init__(self, shipped: Mapping[str, Source], override: Mapping[str, Source]) -> None:
        """Compile all; both map `en/note.txt.j2` to its Source. BadConfig names every problem with file and line."""
        self._shipped = Shelf(shipped)
        self._all = Shelf({**shipped, **override}) if override else self._shipped
        known = {name.rpartition("/")[2] for name in shipped}
        strange = [
            f"{source.shown}: no mail uses a template of this name; there are {', '.join(self.names())}"
            for name, source in override.items()
            if name.rpartition("/")[2] not in known and is_mail(name.rpartition("/")[2])
        ]
        if problems := (*strange, *self._all.problems()):
            raise BadConfig(*problems)

    @classmethod
    def load(cls, shipped: Path, override: Path | None = None) -> Self:
        """Read both folders, `<language>/<file>.j2`; BadConfig if one is missing, unreadable or wrong."""
        return cls(_read(shipped), _read(override) if override else {})

    def names(self) -> tuple[str, ...]:
        """List what a rule of `notices.toml` may name as its template."""
        return self._shipped.names()

    def render(self, name: str, lang: str, words: Words, vendor: Vendor) -> Rendered:
        """Write a mail; the shipped template stands in for an override that fails, and `fell_back` says why."""
        words = tidy(words)
        try:
            return self._all.render(name, lang, words, vendor)
        except BadConfig as fault:
            if self._all is self._shipped:
                raise
            return replace(self._shipped.render(name, lang, words, vendor), fell_back=fault.public)

    def preview(self, name: str, lang: str, vendor: Vendor | None = None) -> Rendered:
        """Write a mail with sample data, by the template in force even if it fails (BadConfig)."""
        return self._all.render(name, lang, next(_samples(name)), vendor or _VENDORS[0])

    def check(self) -> tuple[str, ...]:
        """Every problem that shows when each template is rendered with each kind of sample."""
        found: dict[str, None] = {}
        for name in self.names():
            for lang, vendor in ((lang, vendor) for lang in self._all.languages(name) for vendor in _VENDORS):
                found |= dict.fromkeys(self._faults(name, lang, vendor))
        return tuple(found)

    def _faults(self, name: str, lang: str, vendor: Vendor) -> Iterator[str]:
        for words in _samples(name):
            try:
                rendered = self._all.render(name, lang, words, vendor)
            except BadConfig as fault:
                yield fault.public
            else:
                if re.search(r"^\s*/\w", rendered.text, re.MULTILINE):  # quoted back to us it would be obeyed
                    shown = self._all.sources[f"{lang}/{name}.txt.j2"].shown
                    yield f"{shown}: a line begins with a slash, which is how commands begin"


def _read(folder: Path) -> dict[str, Source]:
    """All templates in the folder's languages."""
    if not folder.is_dir():
        raise BadConfig(f"{folder}: there is no such folder of templates")
    found, problems = {}, []
    for path in sorted(folder.rglob("*.j2")):
        name = path.relative_to(folder).as_posix()
        if not re.fullmatch(r"[A-Za-z-]+/[^/]+\.(txt|html)\.j2", name):
            problems.append(
                f"{path}: a template is LANGUAGE/NAME.txt.j2 or LANGUAGE/NAME.html.j2, such as en/note.txt.j2"
            )
            continue
        try:
            found[name] = Source(str(path), path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path}: cannot be read as UTF-8 text: {error}")
    if problems:
        raise BadConfig(*problems)
    return found


_VENDORS = (
    Vendor(
        name="Acme Support",
        hotline="+49 30 555 0100",
        knowledge_base="https://help.acme.example",
        feedback_address="feedback@acme.example",
        footer="Acme Software Ltd, 1 Example Road, Exampleton",
    ),
    Vendor(name="Acme Support"),
)
_FULL = CaseWords(
    number=1042,
    token="[CASE-1042.k7q2mh3x]",  # noqa: S106 - a sample, and a token is no password
    subject="The staging server is slow since Monday",
    type_label="Question",
    status_label="Waiting for Customer",
    account="ACME-1",
    account_name="Acme Europe",
    reporter="Ann Example",
    assignee="Mira Agent",
    recipient="Ann Example",
    author="Mira Agent",
    text="Hello Ann,\n\nwe have found the cause & mended it: <cache> was full.\nDoes it work for you now?",
    event="resolve",
    others=("Bob Example <bob@customer.example>", "Carl Example <carl@customer.example>"),
    attachments=("before.png", "after.png"),
    priority_label="P2 high",
    category_label="Restore a backup",
    planned="2026-12-01 14:30 CET",
    changes=("type", "priority", "category", "plan"),
    when="2026-12-15 09:00 CET",
    renamed="And now the printer",
    foreign=("1007",),
)
_CONTACT = ContactWords(
    event="roles",
    recipient="Ann Example",
    account="ACME-1",
    account_name="Acme Europe",
    name="Bob Example",
    address="bob@customer.example",
    author="Mira Agent",
    roles=("decision maker", "incident manager"),
    added=("incident manager",),
    removed=("user manager",),
)
_CONTACTS = (
    _CONTACT,
    replace(_CONTACT, recipient="", roles=(), added=()),
    replace(_CONTACT, event="returned"),
    replace(_CONTACT, event="returned", roles=(), added=()),
    replace(_CONTACT, event="removed", cases=("[CASE-1042.k7q2mh3x] Staging is slow",), successor="Carl Example"),
    replace(_CONTACT, event="removed"),
)
_HALF = LevelWords(
    clock="first_response",
    percent=50,
    target="4 h",
    reached="2026-12-01 11:00 CET",
    due="2026-12-01 13:00 CET",
    is_late=False,
    is_met=False,
)
_LEVELS = (
    _HALF,
    replace(_HALF, clock="solution", percent=100, reached="2026-12-01 13:00 CET", is_late=True),
    replace(_HALF, due=None, is_late=True, is_met=True),
)
_EVENTS = (
    None,
    "start",
    "close",
    "auto_close",
    "reopen",
    "defer",
    "wait_for_client",
    "merge",
    "split",
    "opened_for",
    "customer_reminder",
    "auto_close_reminder",
    "other",
)


def _samples(name: str) -> Iterator[Words]:
    """One of each kind of Words that a mail may be written with; the first is the one to show."""
    if name == "unregistered":
        yield StrangerWords(registration_address="service+register@acme.example")
        return
    if name == "contact_changed":
        yield from _CONTACTS
        return
    if name == "sla_level":
        for level in _LEVELS:
            yield from (replace(_FULL, level=level), replace(_FULL, level=level, assignee=None, priority_label=None))
        return
    refused = replace(_FULL, refused=("dump.bin (30 MB)",), largest_file="25 MB", encrypted=True)
    yield from (refused, _FULL) if name == "attachment_refused" else (_FULL, refused)
    yield from (replace(_FULL, event=event, other=1007) for event in _EVENTS)
    yield from (replace(_FULL, event=event, when=None) for event in ("customer_reminder", "auto_close_reminder"))
    bare = replace(_FULL, assignee=None, text="", event=None, recipient="", others=(), attachments=(), changes=())
    yield replace(bare, priority_label=None, category_label=None, planned=None, when=None, renamed=None, foreign=())
