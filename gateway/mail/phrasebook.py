"""What each language says for our phrases: the shipped `phrases.toml`, and over it that of an override.

A key is the English text as code or a rule file has it, its value the same in the language, with the same `{places}`.
`mail.sandbox` asks for the phrases of the language that a mail is written in; a file is read when it is first asked for,
those of an override at start. What a language does not know stays English.
"""

import tomllib
from collections.abc import Collection, Iterator, Mapping

from gateway.domain.phrases import places
from gateway.domain.toml_lines import Page, suggest
from gateway.mail.template_files import PHRASES, Source

MOST_SHOWN = 60
"""Characters of a phrase that a problem shows."""


class Phrasebook:
    """The phrases of all languages."""

    def __init__(self, shipped: Mapping[str, Source], override: Mapping[str, Source]) -> None:
        self._shipped = shipped
        self._override = override
        self._read: dict[str, Mapping[str, str]] = {}

    def of(self, lang: str) -> Mapping[str, str]:
        """English texts with what this language says for them; `de-AT` says all that `de` does."""
        if lang not in self._read:
            names = dict.fromkeys((lang.partition("-")[0], lang))
            sources = (books.get(name) for name in names for books in (self._shipped, self._override))
            self._read[lang] = {key: text for source in sources if source for key, text in _texts(source).items()}
        return self._read[lang]

    @property
    def languages(self) -> frozenset[str]:
        """Those that have phrases."""
        return frozenset({*self._shipped, *self._override})

    @property
    def overriding(self) -> tuple[str, ...]:
        """The files of the override."""
        return tuple(source.shown for source in self._override.values())

    @property
    def known(self) -> tuple[str, ...]:
        """Every phrase of ours, as the shipped languages list them; a test sees to it that they have all."""
        return tuple(dict.fromkeys(key for lang in self._shipped for key in _texts(self._shipped[lang])))

    def problems(self) -> Iterator[str]:
        """What is wrong with the files of the override, whatever they are used for."""
        for source in self._override.values():
            page = Page(source.shown, source.text)
            yield from page.problems
            for key, text in page.data.items():
                if not isinstance(text, str) or not text.strip():
                    yield page.problem((key,), f'{quoted(key)}: its translation must be text in quotes, such as "…"')
                elif places(text) != places(key):
                    yield page.problem((key,), f"{quoted(key)}: {_different(places(key), places(text))}")

    def gaps(self, lang: str, labels: Collection[str]) -> Iterator[str]:
        """What a language does not say yet, and what its override says for nothing; `labels` are those of the rules."""
        known = self.known
        source = self._override.get(lang) or self._shipped.get(lang)
        missing = [key for key in known if key not in self.of(lang)]
        if missing and source is None:
            yield (
                f"{lang}/{PHRASES}: missing, so that {len(missing)} phrases stay in English: labels of statuses, "
                f"answers to commands and more; copy a shipped one and translate the right sides"
            )
        elif missing and source is not None:
            for key in missing:
                yield f"{source.shown}: {quoted(key)} is missing, so that it stays in English; add it with its translation"
        if lang in self._override:
            page = Page(self._override[lang].shown, self._override[lang].text)
            for key in page.data.keys() - {*known, *labels}:
                yield page.problem((key,), f"{quoted(key)}: nothing of ours reads so; {suggest_phrase(key, known)}")


def _texts(source: Source) -> Mapping[str, str]:
    return tomllib.loads(source.text)


def _different(wanted: frozenset[str], given: frozenset[str]) -> str:
    """How the places of a translation differ from those of its phrase."""
    lacks = [f"the translation lacks {{{name}}}" for name in sorted(wanted - given)]
    strange = [f"there is no {{{name}}} in the English text" for name in sorted(given - wanted)]
    return "; ".join([*lacks, *strange])


def quoted(phrase: str) -> str:
    """A phrase as problems show it."""
    return f'"{phrase}"' if len(phrase) <= MOST_SHOWN else f'"{phrase[: MOST_SHOWN - 1]}…"'


def suggest_phrase(key: str, known: Collection[str]) -> str:
    """What was probably meant; else nothing but the advice to leave it out."""
    near = suggest(key, known)
    return near if near.startswith("did you mean") else "leave it out"
