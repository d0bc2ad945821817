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
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

from gateway.domain.announcement import PREFIX
from gateway.domain.phrases import Phrase
from gateway.domain.policy import Vendor
from gateway.domain.words import AnnouncementWords, Words
from gateway.errors import BadConfig
from gateway.mail.announcement_samples import announcements
from gateway.mail.phrasebook import Phrasebook
from gateway.mail.samples import VENDORS, samples
from gateway.mail.sandbox import Rendered, Shelf, Variables, is_mail, wanted
from gateway.mail.template_check import lacking, unknown_words
from gateway.mail.template_files import FALLBACK, Folder, read_folder


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
            if (file := name.rpartition("/")[2]) not in known and is_mail(file) and not file.startswith(PREFIX)
        ]
        if problems := (*strange, *self._all.problems(ours), *self._all.phrases.problems()):
            raise BadConfig(*problems)

    @classmethod
    def load(cls, shipped: Path, override: Path | None = None) -> Self:
        """Read both folders; BadConfig if one is missing, unreadable or wrong."""
        return cls(read_folder(shipped), read_folder(override) if override else Folder())

    def names(self) -> tuple[str, ...]:
        """List what a rule of `notices.toml` may name as its template, and all announcements."""
        own = (name for name in self._all.names() if name.startswith(PREFIX))
        return tuple(sorted({*self._shipped.names(), *own}))

    def announcements(self) -> tuple[str, ...]:
        """List what can be announced, by the names that `--template` takes."""
        return tuple(name.removeprefix(PREFIX) for name in self.names() if name.startswith(PREFIX))

    def variables(self, name: str) -> Variables:
        """What an announcement must and may be given by name."""
        return self._all.variables(name)

    def language(self, name: str, lang: str) -> str:
        """In which language somebody of this one gets a mail; NotFound if there is none in English to fall back on."""
        return self._all.language(name, lang)

    def render(self, name: str, lang: str, words: Words, vendor: Vendor) -> Rendered:
        """Write a mail; the shipped template stands in for an override that fails, and `fell_back` says why.

        Not for an announcement, which is written by hand and can wait: BadConfig.
        """
        try:
            return self._all.render(name, lang, words, vendor)
        except BadConfig as fault:
            if self._all is self._shipped or isinstance(words, AnnouncementWords):
                raise
            return replace(self._shipped.render(name, lang, words, vendor), fell_back=fault.public)

    def say(self, phrase: Phrase, lang: str) -> str:
        """A phrase that is kept as text, such as the subject of a case, in the language of who asked for it."""
        return phrase.said(next((book for one in wanted(lang) if (book := self._all.phrases.of(one))), {}))

    def preview(self, name: str, lang: str, vendor: Vendor | None = None) -> Rendered:
        """Write a mail with sample data, by the template in force even if it fails (BadConfig)."""
        return self._all.render(name, lang, next(self._samples(name)), vendor or VENDORS[0])

    def _samples(self, name: str) -> Iterator[Words]:
        """Sample words; those of an announcement have what its own files read."""
        if not name.startswith(PREFIX):
            return samples(name)
        found = self.variables(name)
        return announcements(sorted(found.all), sorted(found.needed))

    def overridden(self, name: str = "") -> tuple[str, ...]:
        """The files of the override that a mail is made of; without a name its parts and phrases, which serve all."""
        files = {key: key.rpartition("/")[2].removesuffix(".txt.j2").removesuffix(".html.j2") for key in self._override}
        found = [
            self._override[key].shown for key, file in files.items() if (file == name if name else not is_mail(file))
        ]
        return tuple(found) if name else (*found, *self._all.phrases.overriding)

    def languages(self, name: str) -> tuple[str, ...]:
        """The languages that a mail can be written in."""
        return self._all.languages(name)

    def faults_of_override(self) -> tuple[str, ...]:
        """The faults of mails that the override has a hand in; tests look at ours, which takes seconds."""
        if self.overridden():
            return self.faults(self.names())
        return self.faults([name for name in self.names() if self.overridden(name)])

    def faults(self, names: Collection[str]) -> tuple[str, ...]:
        """Every problem that would show when one of these mails is written: the shipped template then stands in."""
        found = dict.fromkeys(unknown_words(self._all, self._override))
        places = {problem.split(": ", 1)[0] for problem in found}
        for name in names:
            for lang, vendor in ((lang, vendor) for lang in self._all.languages(name) for vendor in VENDORS):
                shown = (fault for fault in self._faults(name, lang, vendor) if fault.split(": ", 1)[0] not in places)
                found |= dict.fromkeys(shown)
        return tuple(found)

    def check(self, labels: Collection[str] = ()) -> tuple[str, ...]:
        """The faults, and what a language lacks; `labels` are those of the rules, which phrases may translate."""
        languages = {lang for name in self.names() for lang in self._all.languages(name)} | self._all.phrases.languages
        gaps = [gap for lang in sorted(languages - {FALLBACK}) for gap in self._all.phrases.gaps(lang, labels)]
        return (*self.faults(self.names()), *lacking(self._all, self._shipped), *gaps)

    def _faults(self, name: str, lang: str, vendor: Vendor) -> Iterator[str]:
        for words in self._samples(name):
            try:
                rendered = self._all.render(name, lang, words, vendor)
            except BadConfig as fault:
                yield fault.public
            else:
                if re.search(r"^\s*/\w", rendered.text, re.MULTILINE):  # quoted back to us it would be obeyed
                    shown = self._all.sources[f"{lang}/{name}.txt.j2"].shown
                    yield f"{shown}: a line begins with a slash, which is how commands begin"
