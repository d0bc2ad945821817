"""What the sender wrote now, apart from what was quoted, in plain text (SPEC section 7, "Text").

Called by `parse` with the text of a mail, which for HTML was made by `html`. Two steps: each line gets a kind from
words that are data (`rules/mail.toml`), then one fold over the lines decides what is new. Promises: linear in the
text; every line ends up in exactly one of the two answers, in order; where nothing new is left, or the split is
doubtful, the whole text is new: never less than the customer wrote.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from gateway.domain.policy import TextRules

MAX_LINES = 20_000
"""Lines that are looked at; what is below them is like the last of them."""
MAX_LOOKED_AT = 400
"""Characters of a line that are looked at; marks of mail programs stand in short lines."""
MAX_ATTRIBUTION = 4
"""Lines over which "On … wrote:" may be wrapped."""
MAX_HEADER_BLOCK = 16
"""Lines of a quoted header block that are looked at."""
MAX_SIGNATURE = 25
"""Lines of a signature; more below `-- ` is text."""
MAX_FOOTER = 8
"""Lines of a mailing list's footer below a line of underscores."""

# A long attribution may be wrapped before the last bracket of its address: that line, ">:", quotes nothing.
_QUOTE = re.compile(r" ?>(?!\s*:\s*$)")
_RULE = re.compile(r"[ \t]*(?:[-_=*][ \t]?){5,}[ \t]*")
_MARKED = re.compile(r"[ \t]*(?:[-_=*] ?){2,}")
_FOOTER_RULE = re.compile(r"_{20,}\s*")
_MARKS = " \t\xa0*_-=:\uff1a."
_COLONS = (":", "\uff1a")
_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|\d[./-]\d|\d[:h]\d\d")
_FULL_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_TIME = re.compile(r"\d[:h.]\d\d")
_ADDRESS = re.compile(r"\S@\S")
_ADDRESS_AT_END = re.compile(r"<[^<>\s]+@[^<>\s]+>?\s*>?\s*[:\uff1a]\s*$")


class Kind(Enum):
    """What a line is by itself, or as part of what mail programs write over several lines."""

    BLANK = auto()
    WORDS = auto()
    QUOTED = auto()
    ATTRIBUTION = auto()
    RULE = auto()
    LABEL = auto()
    SIGNATURE = auto()
    TAGLINE = auto()
    HISTORY = auto()


@dataclass(frozen=True, slots=True)
class _Words:
    """TextRules made ready for looking up."""

    wrote: re.Pattern[str]
    verbs: tuple[str, ...]
    labels: frozenset[str]
    dividers: tuple[str, ...]
    taglines: tuple[str, ...]


@lru_cache(maxsize=4)
def _words(rules: TextRules) -> _Words:
    return _Words(
        wrote=re.compile("|".join(map(_whole_word, rules.wrote)) or r"(?!)", re.IGNORECASE),
        verbs=tuple(verb.casefold() for verb in rules.wrote),
        labels=frozenset(label.casefold() for label in rules.labels),
        dividers=tuple(divider.casefold() for divider in rules.dividers),
        taglines=tuple(tagline.casefold() for tagline in rules.taglines),
    )


def _whole_word(word: str) -> str:
    """A pattern for a word; scripts that write without blanks have no word borders to ask for."""
    return re.escape(word) if word[-1] >= "\u2e80" else rf"(?<!\w){re.escape(word)}(?!\w)"


def split_text(text: str, rules: TextRules) -> tuple[str, str]:
    """New text and quoted text (all the rest, the signature included) of a mail."""
    lines = text.split("\n")
    kinds = _classify(lines[:MAX_LINES], _words(rules))
    is_new = _fold(lines, kinds)
    is_new += [Kind.HISTORY not in kinds] * (len(lines) - len(kinds))
    new = _join(line for line, keep in zip(lines, is_new, strict=True) if keep)
    if not new.replace(">", " ").strip():
        return text.strip("\n"), ""
    return new, _join(line for line, keep in zip(lines, is_new, strict=True) if not keep)


def _join(lines: Iterable[str]) -> str:
    return "\n".join(lines).strip("\n")


def _classify(lines: list[str], words: _Words) -> list[Kind]:
    kinds = [_kind(line[:MAX_LOOKED_AT], words) for line in lines]
    for position, line in enumerate(lines):
        if kinds[position] in (Kind.WORDS, Kind.LABEL) and _may_end_attribution(line, words):
            _mark_attribution(lines, kinds, position, words)
    for position, kind in enumerate(kinds):
        is_first = position == 0 or kinds[position - 1] is not Kind.LABEL
        if kind is Kind.LABEL and is_first and _is_header_block(lines, kinds, position):
            kinds[position] = Kind.HISTORY
            break
    return kinds


def _kind(line: str, words: _Words) -> Kind:
    stripped = line.strip()
    if not stripped:
        return Kind.BLANK
    if _QUOTE.match(line):
        return Kind.QUOTED
    if line in {"-- ", "--"} or stripped == "\u2014":
        return Kind.SIGNATURE
    if _RULE.fullmatch(line):
        return Kind.RULE
    if _is_divider(line, words):
        return Kind.HISTORY
    if _label(line) in words.labels:
        return Kind.LABEL
    # "Sent from my desk, which is easier" is a sentence.
    if len(stripped) < 100 and "," not in stripped and stripped.casefold().lstrip("*_([<").startswith(words.taglines):
        return Kind.TAGLINE
    return Kind.WORDS


def _is_divider(line: str, words: _Words) -> bool:
    """`-----Original Message-----`, or the same words before a colon."""
    core = line.strip(_MARKS).casefold()
    if _MARKED.match(line):
        return any(core.startswith(divider) and len(core) <= len(divider) + 20 for divider in words.dividers)
    return line.rstrip().endswith(_COLONS) and core in words.dividers


def _label(line: str) -> str:
    """The name of a header line, `*From:* Ann` as `from`; "" for any other line."""
    name, colon, _ = line.lstrip(" \t\xa0*_").replace("\uff1a", ":", 1).partition(":")
    return name.strip(" \t\xa0*_").casefold() if colon and len(name) <= 40 else ""


def _may_end_attribution(line: str, words: _Words) -> bool:
    end = line.rstrip(" \t\xa0-_=*")
    return end.endswith(_COLONS) or end[-40:].casefold().endswith(words.verbs)


def _mark_attribution(lines: list[str], kinds: list[Kind], last: int, words: _Words) -> None:
    """Marks "On Monday … wrote:", ending in this line, if there is one and what follows it is quoted."""
    first = _attribution_start(lines, kinds, last, words)
    if first is None:
        return
    attribution = " ".join(lines[first : last + 1])
    has_colon = attribution.rstrip().endswith(_COLONS)
    is_unmistakable = _FULL_DATE.search(attribution) and (
        _ADDRESS.search(attribution) or (has_colon and _TIME.search(attribution))
    )
    if _next_kind(kinds, last + 1) is Kind.QUOTED and (has_colon or is_unmistakable):
        kinds[first : last + 1] = [Kind.ATTRIBUTION] * (last + 1 - first)
    elif is_unmistakable or (has_colon and _ADDRESS.search(attribution) and _DATE.search(attribution)):
        # Nothing is marked below it, so all of it is history; what a customer may have written must not say that.
        kinds[first] = Kind.HISTORY


def _attribution_start(lines: list[str], kinds: list[Kind], last: int, words: _Words) -> int | None:
    """The shortest run of lines that has a verb and a date; else a verb and an address; else a verb alone."""
    window = ""
    best: int | None = None
    best_has_address = has_verb = False
    is_address_last = _ADDRESS_AT_END.search(lines[last][-MAX_LOOKED_AT:]) is not None
    is_quote_next = _next_kind(kinds, last + 1) is Kind.QUOTED
    for first in range(last, max(-1, last - MAX_ATTRIBUTION), -1):
        line = lines[first][:MAX_LOOKED_AT]
        if kinds[first] not in (Kind.WORDS, Kind.LABEL, Kind.TAGLINE):
            break
        if first < last and line.rstrip().endswith((".", "!", "?", *_COLONS)):
            break
        is_bare_address = window.lstrip().startswith("<")
        window = f"{line} {window}"
        has_verb = has_verb or _has_verb(window, words)
        has_address = _ADDRESS.search(window) is not None
        # Some programs name date and address only: "2017-11-24 16:32 GMT+01:00 Ann <ann@…>:".
        is_signed = has_verb or (has_address and is_quote_next) or (is_address_last and _TIME.search(window))
        if is_signed and _DATE.search(window):
            return first
        if has_verb and has_address and (not best_has_address or is_bare_address):
            best, best_has_address = first, True
        elif has_verb and best is None and is_quote_next and len(window) < 100:
            best = first
    return best


def _has_verb(window: str, words: _Words) -> bool:
    # Looking for plain words first keeps the pattern, which is slow, off nearly every line.
    folded = window.casefold()
    return any(verb in folded for verb in words.verbs) and words.wrote.search(window) is not None


def _next_kind(kinds: list[Kind], start: int) -> Kind | None:
    """What comes next, not counting up to two blank lines."""
    return next((kind for kind in kinds[start : start + 3] if kind is not Kind.BLANK), None)


def _is_header_block(lines: list[str], kinds: list[Kind], first: int) -> bool:
    """Three different header lines close together; two are enough below a rule."""
    found: set[str] = set()
    others = 0
    for position in range(first, min(len(lines), first + MAX_HEADER_BLOCK)):
        if kinds[position] is Kind.LABEL:
            found.add(_label(lines[position][:MAX_LOOKED_AT]))
            others = 0
        elif kinds[position] is not Kind.BLANK or kinds[position + 1 : position + 2] != [Kind.LABEL]:
            # A long To: may be wrapped; a blank line is part of the block only between two header lines.
            others += 1 if kinds[position] is Kind.WORDS else 3
        if others > 2:
            break
    before = next((kind for kind in reversed(kinds[max(0, first - 2) : first]) if kind is not Kind.BLANK), None)
    return len(found) >= (2 if before is Kind.RULE else 3)


def _fold(lines: list[str], kinds: list[Kind]) -> list[bool]:
    """For each line whether it is new."""
    history = next((position for position, kind in enumerate(kinds) if kind is Kind.HISTORY), len(kinds))
    while 0 < history < len(kinds) and kinds[history - 1] in (Kind.RULE, Kind.BLANK):
        history -= 1
    is_new = [position < history and kind not in (Kind.QUOTED, Kind.ATTRIBUTION) for position, kind in enumerate(kinds)]
    _drop_signatures(lines, kinds, is_new, history)
    _keep_answered(kinds, is_new, history)
    return is_new


def _drop_signatures(lines: list[str], kinds: list[Kind], is_new: list[bool], history: int) -> None:
    """Takes out what stands below `-- `, and taglines, at the end of each run of new lines."""
    end = history
    while end > 0:
        start = end
        while start > 0 and kinds[start - 1] not in (Kind.QUOTED, Kind.ATTRIBUTION):
            start -= 1
        _drop_signature(lines, kinds, is_new, start, end)
        end = start
        while end > 0 and kinds[end - 1] in (Kind.QUOTED, Kind.ATTRIBUTION):
            end -= 1


def _drop_signature(lines: list[str], kinds: list[Kind], is_new: list[bool], start: int, end: int) -> None:
    marks = [position for position in range(start, end) if kinds[position] is Kind.SIGNATURE]
    if marks and end - marks[-1] <= MAX_SIGNATURE:
        first = marks[0] if end - marks[0] <= MAX_SIGNATURE else marks[-1]
        is_new[first:end] = [False] * (end - first)
        end = first
    end = _drop_footer(lines, kinds, is_new, start, end)
    while end > start and kinds[end - 1] in (Kind.BLANK, Kind.TAGLINE):
        end -= 1
        is_new[end] = kinds[end] is Kind.BLANK


def _drop_footer(lines: list[str], kinds: list[Kind], is_new: list[bool], start: int, end: int) -> int:
    """Takes out a mailing list's footer: a line of underscores, and few lines with an address below it."""
    for position in range(end - 1, max(start, end - 1 - MAX_FOOTER) - 1, -1):
        if kinds[position] is Kind.RULE and _FOOTER_RULE.fullmatch(lines[position]):
            if any("@" in line or "://" in line for line in lines[position:end]):
                is_new[position:end] = [False] * (end - position)
                return position
            break
    return end


def _keep_answered(kinds: list[Kind], is_new: list[bool], history: int) -> None:
    """Where answers stand between quoted lines, keeps the line that each of them answers (SPEC section 7)."""
    answered: list[int] = []
    between = False
    last_quoted = None
    open_answer = False
    for position in range(history):
        if kinds[position] is Kind.QUOTED:
            between = between or open_answer
            open_answer = False
            last_quoted = position
        elif is_new[position] and kinds[position] is not Kind.BLANK and last_quoted is not None:
            if not open_answer:
                answered.append(last_quoted)
            open_answer = True
    if between:
        for position in answered:
            is_new[position] = True
