"""What people type to search, as terms: `services.finding` parses it, `store.search` asks the database for it.

Words are ANDed, "quoted words" stand together, `print*` is a beginning; every other character only parts words, so
nothing that anyone types is an operator of a database. A bare word also finds its usual English and German endings
(`printer` printers, `Drucker` Druckern) and both spellings of an umlaut; quoted words are taken as they are.
Case and diacritics are folded by the database, which does the same to the query as to the texts.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.domain.phrases import Phrase
from gateway.errors import BadUsage

MOST = 200
"""Characters of a query."""

LEAST_BEGINNING = 3
"""Characters before a `*`: fewer begin half of all words, and a database reads them all."""

LEAST_WORD = 3
LEAST_STEM = 4
"""A shorter word has no endings; of a longer one at least so much stays."""

ENDINGS = ("s", "es", "e", "n", "en", "er", "ern", "em", "t", "et", "ed", "ing")
"""Of English and German alike: nobody says in which language a question is asked."""

_QUOTES = str.maketrans("„“”«»", '"""""')
_CHUNK = re.compile(r'"(?P<quoted>[^"]*)"?|(?P<bare>[^\s"]+)')
_PRECOMPOSED = re.compile(r"(?<![aeiouq])([aou])e")


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One thing that must be there: any of these runs of words; of the last word only the beginning if `is_prefix`.

    Words are letters, digits and their marks, in lower case: safe between the quotes of any database.
    """

    runs: tuple[tuple[str, ...], ...]
    is_prefix: bool = False


def parse(text: str) -> tuple[Term, ...]:
    """The terms of a query; BadUsage where nothing is left to search for, or it is too long or too short."""
    if len(text) > MOST:
        raise BadUsage(Phrase("search for at most {count} characters", count=MOST))
    plain = unicodedata.normalize("NFC", text).translate(_QUOTES)
    terms = tuple(term for chunk in _CHUNK.finditer(plain) if (term := _term(chunk)))
    if not terms:
        raise BadUsage(Phrase("there is nothing to search for: give words of letters or digits"))
    return terms


def _term(chunk: re.Match[str]) -> Term | None:
    text = chunk["quoted"] if chunk["bare"] is None else chunk["bare"]
    run = tuple(word for word, _, _ in words(text))
    if not run:
        return None
    if chunk["bare"] is None:
        return Term(runs=(run,))
    if text.endswith("*"):
        if len(run) == 1 and len(run[0]) < LEAST_BEGINNING:
            raise BadUsage(
                Phrase(
                    "{word}* is too short: give at least {count} characters before the *",
                    word=run[0],
                    count=LEAST_BEGINNING,
                )
            )
        runs = tuple((word,) for word in _spellings(run[0])) if len(run) == 1 else (run,)
        return Term(runs=runs, is_prefix=True)
    if len(run) > 1:  # an address, a file name: its parts stand together
        return Term(runs=(run,))
    spelt = [form for spelling in _spellings(run[0]) for form in _forms(spelling)]
    return Term(runs=tuple((form,) for form in dict.fromkeys(spelt)))


def _spellings(word: str) -> tuple[str, ...]:
    """Both ways to write an umlaut and a sharp s: `müller` also finds mueller, `mueller` also müller and muller."""
    spread = unicodedata.normalize("NFC", word).translate({0xE4: "ae", 0xF6: "oe", 0xFC: "ue", 0xDF: "ss"})
    drawn = _PRECOMPOSED.sub(r"\1", word)
    return tuple(dict.fromkeys((word, spread, drawn, drawn.replace("ss", "ß"))))


def _forms(word: str) -> Iterator[str]:
    """The word with other endings, itself first."""
    yield word
    if len(word) < LEAST_WORD or not word.isalpha():
        return
    stems = [word]
    ending = max((end for end in ENDINGS if word.endswith(end)), key=len, default="")
    if ending and len(word) - len(ending) >= (LEAST_WORD if ending == "s" else LEAST_STEM):
        stems.append(word.removesuffix(ending))
        yield stems[1]
    for stem in stems:
        yield from (stem + end for end in ENDINGS)


def words(text: str) -> Iterator[tuple[str, int, int]]:
    """The words of a text in lower case, with where each begins and ends."""
    begin = None
    for place, letter in enumerate(text):
        if unicodedata.category(letter)[0] in "LNM":
            begin = place if begin is None else begin
        elif begin is not None:
            yield _lower(text[begin:place]), begin, place
            begin = None
    if begin is not None:
        yield _lower(text[begin:]), begin, len(text)


def _lower(word: str) -> str:
    """Letter by letter, as databases do it: Python's own way makes another sigma of the last one."""
    return word.lower() if word.isascii() else "".join(map(str.lower, word)).replace("\u03c2", "\u03c3")


def first_match(text: str, terms: Sequence[Term]) -> tuple[int, int] | None:
    """Where the first of the terms that is in this text begins and ends."""
    found = [(folded(word), begin, end) for word, begin, end in words(text)]
    wanted = [(tuple(map(folded, run)), term.is_prefix) for term in terms for run in term.runs]
    heads = {run[0] for run, _ in wanted if run}
    beginnings = tuple(run[0] for run, is_prefix in wanted if is_prefix)
    for place, (word, begin, _) in enumerate(found):
        if word not in heads and not word.startswith(beginnings):
            continue
        for run, is_prefix in wanted:
            there = [word for word, _, _ in found[place : place + len(run)]]
            last = there[-1].startswith(run[-1]) if is_prefix else there[-1] == run[-1]
            if len(there) == len(run) and last and there[:-1] == list(run[:-1]):
                return begin, found[place + len(run) - 1][2]
    return None


def folded(word: str) -> str:
    """A word in lower case without diacritics on its Latin letters, as the databases compare it."""
    if word.isascii():
        return word
    apart = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", re.sub(r"([a-z])[\u0300-\u036f]+", r"\1", apart))
