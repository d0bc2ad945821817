"""The texts of our mail: templates loaded once at start, checked, shown and rendered.

`wiring` loads them, `mail.compose` renders with them, `casegate template` lists, checks and shows them. An
override that fails gives way to the shipped template, so a mail is never lost to a typo (SPEC section 13).
The files of an override are compiled at start, so that a typo shows; ours, which tests check, when first used: to
compile all of them takes longer than most commands.

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
from gateway.domain.words import Words
from gateway.errors import BadConfig
from gateway.mail.samples import VENDORS, samples
from gateway.mail.sandbox import Rendered, Shelf, Source, is_mail, tidy


class Templates:
    """All templates in force: the shipped ones, and over them the files of `[templates] dir`."""

    def __init__(self, shipped: Mapping[str, Source], override: Mapping[str, Source]) -> None:
        """Compile the override; both map `en/note.txt.j2` to its Source. BadConfig names every problem with its line."""
        self._shipped = Shelf(shipped)
        self._all = Shelf({**shipped, **override}) if override else self._shipped
        known = {name.rpartition("/")[2] for name in shipped}
        strange = [
            f"{source.shown}: no mail uses a template of this name; there are {', '.join(self.names())}"
            for name, source in override.items()
            if name.rpartition("/")[2] not in known and is_mail(name.rpartition("/")[2])
        ]
        if problems := (*strange, *self._all.problems(override)):
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
