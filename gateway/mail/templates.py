"""The texts of our mail: templates loaded once at start, checked, shown and rendered.

`wiring` loads them, `mail.compose` renders with them, `casegate template` lists, checks and shows them. An
override that fails gives way to the shipped template, so a mail is never lost to a typo (SPEC section 13).
The files of an override are compiled at start, so that a typo shows; ours, which tests check, when first used: to
compile all of them takes longer than most commands.

A template is a pair, `<language>/<name>.txt.j2` and `<language>/<name>.html.j2`. The text one opens with the
line `Subject: …` and an empty line. Files whose name begins with `_` are parts that others include or extend.
A file is looked for in the override's language, the shipped language, then both again in English.
Beside them `<language>/phrases.toml` has what comes from code and rule files: labels, answers to commands, sizes.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

from gateway.domain.phrases import Phrase
from gateway.domain.policy import Vendor
from gateway.domain.words import Words
from gateway.errors import BadConfig
from gateway.mail.phrasebook import Phrasebook
from gateway.mail.samples import VENDORS, samples
from gateway.mail.sandbox import Rendered, Shelf, is_mail, wanted
from gateway.mail.template_files import Folder, read_folder


class Templates:
    """All templates in force: the shipped ones, and over them the files of `[templates] dir`."""

    def __init__(self, shipped: Folder, override: Folder) -> None:
        """Compile the override. BadConfig names every problem with its line."""
        files, ours = shipped.templates, override.templates
        self._override = ours
        self._shipped = Shelf(files, Phrasebook(shipped.phrases, {}))
        self._all = self._shipped
        if ours or override.phrases:
            self._all = Shelf({**files, **ours}, Phrasebook(shipped.phrases, override.phrases))
        known = {name.rpartition("/")[2] for name in files}
        strange = [
            f"{source.shown}: no mail uses a template of this name; there are {', '.join(self.names())}"
            for name, source in ours.items()
            if name.rpartition("/")[2] not in known and is_mail(name.rpartition("/")[2])
        ]
        if problems := (*strange, *self._all.problems(ours), *self._all.phrases.problems()):
            raise BadConfig(*problems)

    @classmethod
    def load(cls, shipped: Path, override: Path | None = None) -> Self:
        """Read both folders; BadConfig if one is missing, unreadable or wrong."""
        return cls(read_folder(shipped), read_folder(override) if override else Folder())

    def names(self) -> tuple[str, ...]:
        """List what a rule of `notices.toml` may name as its template."""
        return self._shipped.names()

    def render(self, name: str, lang: str, words: Words, vendor: Vendor) -> Rendered:
        """Write a mail; the shipped template stands in for an override that fails, and `fell_back` says why."""
        try:
            return self._all.render(name, lang, words, vendor)
        except BadConfig as fault:
            if self._all is self._shipped:
                raise
            return replace(self._shipped.render(name, lang, words, vendor), fell_back=fault.public)

    def say(self, phrase: Phrase, lang: str) -> str:
        """A phrase that is kept as text, such as the subject of a case, in the language of who asked for it."""
        return phrase.said(next((book for one in wanted(lang) if (book := self._all.phrases.of(one))), {}))

    def preview(self, name: str, lang: str, vendor: Vendor | None = None) -> Rendered:
        """Write a mail with sample data, by the template in force even if it fails (BadConfig)."""
        return self._all.render(name, lang, next(samples(name)), vendor or VENDORS[0])

    def check(self) -> tuple[str, ...]:
        """Every problem that shows when each template is rendered with each kind of sample."""
        found: dict[str, None] = {}
        for name in self.names():
            for lang, vendor in ((lang, vendor) for lang in self._all.languages(name) for vendor in VENDORS):
                found |= dict.fromkeys(self._faults(name, lang, vendor))
        return tuple(found)

    def _faults(self, name: str, lang: str, vendor: Vendor) -> Iterator[str]:
        for words in samples(name):
            try:
                rendered = self._all.render(name, lang, words, vendor)
            except BadConfig as fault:
                yield fault.public
            else:
                if re.search(r"^\s*/\w", rendered.text, re.MULTILINE):  # quoted back to us it would be obeyed
                    shown = self._all.sources[f"{lang}/{name}.txt.j2"].shown
                    yield f"{shown}: a line begins with a slash, which is how commands begin"
