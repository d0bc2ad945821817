"""The labels in a letter of registration, and the values that stand beside, behind or below them (SPEC section 9).

Called by `letter` only, with text that it has made plain. The labels are data (`rules/registration.toml`). Promises:
pure; time grows with the text; a value is one line and never empty.
"""

# ruff: noqa: RUF001  # people write with the quotes of their own language

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import islice

from gateway.domain.letter_rules import LetterRules

MAX_LINE = 1_000
MOST_VALUES = 20
LEAST_PIN, LONGEST_PIN = 8, 100
"""Characters of a PIN given by hand; fewer are none."""

_LONGEST_LABEL = 200
WRAPPING = " \t\"'`´*_|,;:=<>„“”‚‘’«»‹›"
INTERNATIONAL = re.compile(r"(?<![\w+])(?:\+|00)[0-9 ()./-]{6,30}(?!\w)")
_GROUP = re.compile(r"(?=[^\d]*\d)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TO_FILL_IN = re.compile(r"([._?-])\1|\*{3}|[•(\[<{]")
_OPENS_SEGMENT = ",;|/\t.!?(>"


class Kind(StrEnum):
    """What a label stands before; the fields of LetterLanguage."""

    PIN = "pin"
    NAME = "name"
    GIVEN = "given"
    FAMILY = "family"
    PHONE = "phone"
    FAX = "fax"


def key(text: str) -> str:
    """What counts of a label."""
    return "".join(filter(str.isalnum, text.casefold()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The rules as they are looked up: labels before a value, before a blank, and PIN words."""

    kinds: dict[str, Kind]
    label: re.Pattern[str]
    opening: re.Pattern[str]
    pin_word: re.Pattern[str]
    pin_words: frozenset[str]
    fillers: frozenset[str]
    empty: frozenset[str]
    langs: tuple[str, ...]
    lang_of: dict[str, str]


@lru_cache(maxsize=8)
def words_of(rules: LetterRules) -> Words:
    """The words of all languages at once: people mix them."""
    languages = rules.languages
    labels = [(text, kind) for one in languages for kind in Kind for text in getattr(one, kind)]
    loose = _any_of(text for text, _ in labels)
    pin_words = [text for one in languages for text in one.pin_words]
    start, remark = r"(?<![^\W_])", r"[.#]?(?: ?\([^()\n]{0,60}\))?"
    return Words(
        kinds={key(text): kind for text, kind in reversed(labels)},
        label=re.compile(
            rf"{start}(?P<label>{loose}){remark}(?P<sign>[ *_\"'`]{{0,5}}[:=|\t]|[ *_]{{0,4}} -{{1,2}}>?(?= ))",
            re.IGNORECASE,
        ),
        opening=re.compile(rf"[\W\d_]{{0,6}}(?P<label>{loose}){remark}(?![^\W_])[ *_]{{1,5}}", re.IGNORECASE),
        pin_word=re.compile(rf"{start}{_any_of(pin_words)}(?![^\W_])", re.IGNORECASE),
        pin_words=frozenset(map(key, pin_words)),
        fillers=frozenset(word.casefold() for one in languages for text in one.fillers for word in text.split()),
        empty=frozenset(key(text) for one in languages for text in one.empty),
        langs=tuple(one.lang for one in languages),
        lang_of={word.casefold(): one.lang for one in languages for word in one.words},
    )


def _any_of(texts: Iterable[str]) -> str:
    """An expression for any of these, the longest first; blanks, dashes and stops between words as they come."""
    pieces = {text: re.findall(r"[^\W_]+", text) for text in sorted(texts, key=len, reverse=True)}
    joined = [r"[ .,/-]{0,3}".join(map(re.escape, words)) for words in pieces.values() if words]
    return f"(?:{'|'.join(joined)})" if joined else r"(?!)"


Said = dict[Kind, list[str]]


def labelled(text: str, words: Words) -> Said:
    """The values that have a label, by kind, in the order of the text."""
    said: Said = {kind: [] for kind in Kind}
    lines = [line[:MAX_LINE].strip() for line in text.split("\n")]
    for number, line in enumerate(lines):
        for kind, value in _values(line, words):
            shown = value or next((below for below in lines[number + 1 : number + 3] if below), "")
            if shown and (value or not _values(shown, words)) and len(said[kind]) < MOST_VALUES:
                said[kind].append(shown)
    return said


def _values(line: str, words: Words) -> list[tuple[Kind, str]]:
    """The labels of a line with what follows each of them; "" for one whose value may stand in the next line."""
    if kind := words.kinds.get(key(line)) if len(line) < _LONGEST_LABEL else None:
        return [] if _TO_FILL_IN.search(line) else [(kind, "")]
    found = [label for label in islice(words.label.finditer(line), MOST_VALUES) if _is_label(label, line, words)]
    if not found:
        return _beside(line, words)
    ends = [_before(label, line, words) for label in found[1:]] + [len(line)]
    return [
        (words.kinds[key(label["label"])], _trimmed(line[label.end() : end], words))
        for label, end in zip(found, ends, strict=True)
    ]


def _is_label(label: re.Match[str], line: str, words: Words) -> bool:
    """True for a label at the start of a line or clause, behind words such as "our" or a number; some anywhere."""
    name = key(label["label"])
    kind = words.kinds.get(name)
    if kind is None:  # letters that are the same to `re` only, such as a dotless i
        return False
    if (kind is Kind.PHONE or name in words.pin_words) and label["sign"][-1] in ":=":
        return True
    lead = line[: label.start()].rstrip(" *_\"'`")
    before = line[: _before(label, line, words)].rstrip(" *_\"'`")
    if before != lead or before[-1:] in _OPENS_SEGMENT or not any(map(str.isalpha, before)):
        return True
    return any(map(str.isdigit, before[-LONGEST_PIN:].split()[-1]))  # what is before it was a PIN or a number


def _before(label: re.Match[str], line: str, words: Words) -> int:
    """Where the clause of a label begins: before words such as "and our"."""
    at = label.start()
    for word in reversed(list(re.finditer(r"[^\W\d_]+", line[max(0, at - 60) : at]))[-4:]):
        if word[0].casefold() not in words.fillers:
            break
        at = max(0, label.start() - 60) + word.start()
    return at


def _beside(line: str, words: Words) -> list[tuple[Kind, str]]:
    """A label and its value with only a blank between them, as a table becomes; the value must look like one."""
    label = words.opening.match(line)
    if label is None or key(label["label"]) not in words.kinds:
        return []
    kind, value = words.kinds[key(label["label"])], line[label.end() :].strip()
    parts = value.split()
    looks_right = {
        Kind.PIN: run_of(parts) is not None and len(key(run_of(parts) or "")) == len(key(value.rstrip("."))),
        Kind.PHONE: value[:1] in "+(0123456789" and sum(map(str.isdigit, value)) >= 5,
    }.get(kind, len(parts) <= 5 and all(part[:1].isupper() for part in parts) and value[-1:] not in ".!?")
    return [(kind, value)] if value and looks_right else []


def _trimmed(value: str, words: Words) -> str:
    """A value without what stands around it: quotes, stars, bars, and words such as "is"."""
    value = value.lstrip(">").strip(WRAPPING + "/")
    first, _, rest = value.partition(" ")
    return rest.strip(WRAPPING) if rest and first.islower() and first in words.fillers else value


def run_of(parts: list[str]) -> str | None:
    """The groups with figures that these words begin with, if together they look like a PIN."""
    taken: list[str] = []
    for part in parts[:8]:
        group = part.strip(WRAPPING + "()[].!?-")
        if group and not _GROUP.fullmatch(group):
            break
        taken += [group] if group else []
        if (not taken and group == "" and part != "-") or part[-1:] in ",.;!?)":
            break
    run = " ".join(taken)
    is_phone = run.startswith("00") and INTERNATIONAL.fullmatch(run) is not None
    return None if len(key(run)) < LEAST_PIN or is_phone or _DAY.fullmatch(run) else run[:LONGEST_PIN]
