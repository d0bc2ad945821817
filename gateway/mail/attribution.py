"""What mail programs write above old text over several lines: "On Monday Ann wrote:", or a block of header lines.

Called by `text`. Languages differ in words, not in shape: a line that names a time and an address in brackets and ends
in a colon introduces old text in any of them. Promises: linear in the lines; where nothing below is marked as quoted,
only what no person would write counts.
"""

import re
from collections.abc import Iterable

from gateway.mail.lines import COLONS, MAX_LOOKED_AT, Kind, Role, Words, has_verb, label_of, looked_at

MAX_ATTRIBUTION = 4
"""Lines over which "On … wrote:" may be wrapped."""
MAX_ATTRIBUTIONS = 2_000
"""Lines that may end an attribution and are looked at closely; a long correspondence has a hundred."""
MAX_HEADER_BLOCK = 16
"""Lines of a quoted header block that are looked at."""

_DATE = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?!\d)|\d[./-]\d|\d[:h]\d\d|\d\s?[\u5e74\u6708\u65e5]|\d\s?[\ub144\uc6d4\uc77c]"
)
_FULL_DATE = re.compile(r"(?<!\d)(?:19|20|2[45])\d\d(?!\d)|(?<![\d.])\d{1,2}[./-]\d{1,2}[./-]\d\d(?!\.?\d)")
_TIME = re.compile(r"(?<![\d.])\d{1,2}\s?[:h.\uff1a\u6642\u65f6\uc2dc]\s?\d\d(?![\d.]\d)")
_ADDRESS = re.compile(r"\S@\S")
_BRACKETED = re.compile(r"[<(\[\uff1c]\s?(?:mailto:)?[^<>()\[\]\s]+@[^<>()\[\]\s]+\s?[>)\]\uff1e]?")
_FORENOON = re.compile(r"\d\s?[ap]\.\s?m\.$")
_MARKED = re.compile(r"[ \t]*-{3,}")
_MARKED_AT_END = re.compile(r"-{3,}[ \t:]*$")
_FRAMED = re.compile(r"-{5,}[ \t]*[^\s-][^\n]{1,60}?[ \t]*-{5,}")
_FIELD = re.compile(r"[ \t*_|]*[^\W\d_][^:\uff1a>(]{0,30}[:\uff1a]\**[ \t\xa0]*\S")
# Marks before quoted lines that mean nothing without an attribution above them: "| so", "AB> so", "Ann> so".
_OTHER_MARK = re.compile(r"[ \t]?(\||[A-Z][A-Za-z]{0,11}>)")
_CONTINUED = re.compile(r"[^\W\d_]")


def mark_attributions(lines: list[str], kinds: list[Kind], words: Words) -> None:
    """Changes kinds to ATTRIBUTION and HISTORY where such lines introduce old text."""
    tried = 0
    for position, line in enumerate(lines):
        if kinds[position] is Kind.HISTORY or tried == MAX_ATTRIBUTIONS:
            break
        if kinds[position] in (Kind.WORDS, Kind.LABEL) and _may_end(line, words):
            tried += 1
            _mark_attribution(lines, kinds, position, words)
    _unmark_answered(kinds)


def _may_end(line: str, words: Words) -> bool:
    end = line[-MAX_LOOKED_AT:].rstrip(" \t\xa0-_=*\u200e\u200f\u202c")
    return end.endswith(COLONS) or end[-40:].casefold().endswith(words.verbs)


def _mark_attribution(lines: list[str], kinds: list[Kind], last: int, words: Words) -> None:
    """Marks "On Monday … wrote:", ending in this line, if there is one and what follows it is quoted."""
    first = _start(lines, kinds, last, words)
    if first is None:
        return
    said = " ".join(looked_at(line) for line in lines[first : last + 1])
    has_colon = said.rstrip().endswith(COLONS)
    has_time = _TIME.search(said) is not None
    is_framed = _MARKED.match(said) is not None and _MARKED_AT_END.search(said) is not None
    is_unmistakable = _FULL_DATE.search(said) and (
        _BRACKETED.search(said) or (has_time and (has_colon or _ADDRESS.search(said)))
    )
    if next_kind(kinds, last + 1) is Kind.QUOTED and (has_colon or is_unmistakable):
        kinds[first : last + 1] = [Kind.ATTRIBUTION] * (last + 1 - first)
    elif _stands_apart(kinds, first) and (
        is_unmistakable or is_framed or (has_colon and has_time and _BRACKETED.search(said))
    ):
        # Nothing is marked below it, so all of it is history; what a customer may have written must not say that.
        kinds[first : last + 1] = [Kind.INTRODUCTION] * (last + 1 - first)


def _stands_apart(kinds: list[Kind], first: int) -> bool:
    """True if no words stand right above: a program begins a paragraph of its own."""
    return first == 0 or kinds[first - 1] not in (Kind.WORDS, Kind.LABEL)


def _start(lines: list[str], kinds: list[Kind], last: int, words: Words) -> int | None:
    """The shortest run of lines that has a verb and a date; else a verb and an address; else a verb alone."""
    window = ""
    best: int | None = None
    best_has_address = is_verbal = False
    ends_in_colon = looked_at(lines[last][-MAX_LOOKED_AT:]).rstrip().endswith(COLONS)
    is_quote_next = next_kind(kinds, last + 1) is Kind.QUOTED
    for first in range(last, max(-1, last - MAX_ATTRIBUTION), -1):
        line = looked_at(lines[first])
        if kinds[first] not in (Kind.WORDS, Kind.LABEL, Kind.TAGLINE):
            break
        if first < last and line.rstrip().endswith((".", "!", "?", *COLONS)) and not _FORENOON.search(line.rstrip()):
            break
        is_bare_address = window.lstrip().startswith("<")
        window = f"{line} {window}"
        is_verbal = is_verbal or has_verb(window[: len(line) + 40], words)
        has_address = _ADDRESS.search(window) is not None
        has_time = _TIME.search(window) is not None
        # Some programs name date and address only: "2017-11-24 16:32 GMT+01:00 Ann <ann@…>:".
        is_signed = is_verbal or (
            ends_in_colon and has_address and (is_quote_next or has_time) and _BRACKETED.search(window)
        )
        if is_signed and _DATE.search(window):
            return first
        if is_verbal and has_address and (not best_has_address or is_bare_address):
            best, best_has_address = first, True
        elif is_verbal and best is None and is_quote_next and len(window) < 100:
            best = first
    return best


def next_kind(kinds: list[Kind], start: int) -> Kind | None:
    """What comes next, not counting up to two blank lines."""
    return next((kind for kind in kinds[start : start + 3] if kind is not Kind.BLANK), None)


def _unmark_answered(kinds: list[Kind]) -> None:
    """Below an INTRODUCTION all is history, unless a quotation begins further down: then an answer is between the two."""
    below: Kind | None = None
    for position in range(len(kinds) - 1, -1, -1):
        kind = kinds[position]
        if kind is Kind.INTRODUCTION:
            kinds[position] = Kind.ATTRIBUTION if below is Kind.QUOTED else Kind.HISTORY
        elif kind in (Kind.QUOTED, Kind.ATTRIBUTION, Kind.HISTORY, Kind.LABEL):
            below = kind
        if kind is Kind.INTRODUCTION and kinds[position - 1 : position] != [Kind.INTRODUCTION]:
            below = kind


def mark_other_quotes(lines: list[str], kinds: list[Kind], words: Words) -> None:
    """Marks lines as quoted that begin with a mark of their own below "… wrote:", and what a quoted line lost."""
    for position in range(1, len(lines)):
        if kinds[position] is not Kind.WORDS:
            continue
        mark = _OTHER_MARK.match(lines[position][:20])
        above = position - 1 if kinds[position - 1] is not Kind.BLANK else position - 2
        if mark and above >= 0 and kinds[above] is Kind.WORDS and _may_end(lines[above], words):
            if has_verb(looked_at(lines[above]), words):
                _mark_run(lines, kinds, position, mark[1])
        elif _is_torn_off(lines, kinds, position):
            kinds[position] = Kind.QUOTED


def _mark_run(lines: list[str], kinds: list[Kind], first: int, mark: str) -> None:
    for position in range(first, len(lines)):
        if lines[position].lstrip(" \t").startswith(mark):
            kinds[position] = Kind.QUOTED
        elif kinds[position] is not Kind.BLANK:
            break


def _is_torn_off(lines: list[str], kinds: list[Kind], position: int) -> bool:
    """The end of a quoted line that some program on the way wrapped without its mark; an answer begins otherwise."""
    if kinds[position - 1] is not Kind.QUOTED or kinds[position + 1 : position + 2] != [Kind.QUOTED]:
        return False
    above, line = lines[position - 1].rstrip(), lines[position]
    first_word = line.partition(" ")[0][:30]
    return (
        len(above) >= 60
        and len(above) + 1 + len(first_word) > 72
        and above[-1] not in ".!?:;"
        and _CONTINUED.match(line) is not None
        and line[0].islower()
    )


def mark_header_blocks(lines: list[str], kinds: list[Kind], words: Words) -> None:
    """Marks where a quoted mail begins with its header lines, in a known language or below a divider in any."""
    for position, kind in enumerate(kinds):
        if kind is Kind.LABEL and (position == 0 or kinds[position - 1] is not Kind.LABEL):
            if _is_header_block(lines, kinds, position, words):
                kinds[position] = Kind.HISTORY
                break
        elif kind is Kind.WORDS and _is_framed(lines[position]) and _has_fields_below(lines, position + 1):
            kinds[position] = Kind.HISTORY
            break


def _is_header_block(lines: list[str], kinds: list[Kind], first: int, words: Words) -> bool:
    """Three different header lines close together that tell of a mail; two are enough below a rule."""
    found: dict[str, str] = {}
    others = 0
    for position in range(first, min(len(lines), first + MAX_HEADER_BLOCK)):
        if kinds[position] is Kind.LABEL:
            line = looked_at(lines[position])
            found.setdefault(label_of(line), line)
            others = 0
        elif kinds[position] is not Kind.BLANK or kinds[position + 1 : position + 2] != [Kind.LABEL]:
            # A long To: may be wrapped; a blank line is part of the block only between two header lines.
            others += 1 if kinds[position] is Kind.WORDS else 3
        if others > 2:
            break
    by_role = {words.labels[label]: line for label, line in reversed(found.items())}
    dated = by_role.get(Role.SENT) or by_role.get(Role.DATE)
    if not dated and Role.SENDER not in by_role:
        return False
    before = next((kind for kind in reversed(kinds[max(0, first - 2) : first]) if kind is not Kind.BLANK), None)
    is_sent = Role.SENT in by_role and _tells_when(by_role[Role.SENT])
    # "From: Berlin, to: Paris, date: tomorrow" is no mail, and "sent: 7 packets" neither.
    is_of_mail = is_sent or Role.SUBJECT in by_role or _has_address(found.values())
    if len(found) >= 3 or (len(found) == 2 and before is Kind.RULE):
        return is_of_mail
    is_dated = dated is not None and _FULL_DATE.search(dated) and _TIME.search(dated)
    return bool(len(found) == 2 and is_dated and is_of_mail and Role.SENDER in by_role)


def _tells_when(line: str) -> bool:
    return _DATE.search(line) is not None or not any(letter.isdigit() for letter in line)


def _has_address(lines: Iterable[str]) -> bool:
    return any(_ADDRESS.search(line) for line in lines)


def _is_framed(line: str) -> bool:
    return "-----" in line and _FRAMED.fullmatch(line.strip()[:MAX_LOOKED_AT]) is not None


def _has_fields_below(lines: list[str], start: int) -> bool:
    """Two lines like header lines right below, one of which names somebody with an address."""
    below = [line[:MAX_LOOKED_AT] for line in lines[start : start + 8] if line.strip()][:2]
    return len(below) == 2 and all(map(_FIELD.match, below)) and any(map(_BRACKETED.search, below))
