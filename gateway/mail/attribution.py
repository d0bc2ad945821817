"""What mail programs write above old text over several lines: "On Monday Ann wrote:", or a block of header lines.

Called by `text`. Languages differ in words, not in shape: a line that names a time and an address in brackets and ends
in a colon introduces old text in any of them. Promises: linear in the lines; where nothing below is marked as quoted,
only what no person would write counts.
"""

import re
from collections.abc import Iterable

from gateway.mail.lines import COLONS, MAX_LOOKED_AT, Kind, Role, Words, has_verb, is_closing, label_of, looked_at

MAX_ATTRIBUTION = 4
"""Lines over which "On … wrote:" may be wrapped."""
MAX_ATTRIBUTIONS = 2_000
"""Lines that may end an attribution and are looked at closely; a long correspondence has a hundred."""
MAX_SMALL_WORDS = 3
"""Words without a capital letter in an attribution that names no address."""
MAX_OWN = 30
"""Lines that a person marks as quoted by hand."""
MAX_TRACE = 4
"""Lines above a header block in which other fields are looked for."""
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
# "(időpont: 2024. márc." goes on in the next line.
_UNCLOSED = re.compile(r"\([^()]{1,60}\.$")
_ABBREVIATED = re.compile(r" [^\W\d_]{1,4}\.$")
# Yahoo on phones: "On Mon, Oct 2, 2023 at 5:43 PM, Ann<ann@customer.example> wrote:   Dear Bob,".
_RUN_ON = re.compile(r"\s*([^\W\d_][^<>\n]{10,160}<[^\s<>@]{1,80}@[^\s<>@]{1,80}>[^:<>]{0,25}[:\uff1a])[ \t\xa0]{2,}\S")
# "14 Mar 2024, 10:02 by ann@customer.example:", as Tutanota writes it.
_DATED_ADDRESS = re.compile(r"\d{1,4}[ ./-][^@\n]{4,60} [^\s@<>]+@[^\s@<>]+[:\uff1a]")
_MARKED = re.compile(r"[ \t]*-{3,}")
_MARKED_AT_END = re.compile(r"-{3,}[ \t:]*$")
_FRAMED = re.compile(r"-{5,}[ \t]*[^\s-][^\n]{1,60}?[ \t]*-{5,}")
_FIELD = re.compile(r"[ \t*_|]*[^\W\d_][^:\uff1a>(]{0,30}[:\uff1a]\**[ \t\xa0]*\S")
# Marks before quoted lines that mean nothing without an attribution above them: "| so", "AB> so", "Ann> so".
_OTHER_MARK = re.compile(r"[ \t]?(\||[A-Z][A-Za-z]{0,11}>)")
_CONTINUED = re.compile(r"[^\W\d_]")
_TRACE = re.compile(
    r"(?:received|return-path|delivered-to|dkim-signature|authentication-results|mime-version|content-transfer-encoding"
    r"|x-spam-[a-z]+):[ \t]",
    re.IGNORECASE,
)
_COLUMN = 10 * " "


def mark_attributions(lines: list[str], kinds: list[Kind], words: Words) -> None:
    """Changes kinds to ATTRIBUTION and HISTORY where such lines introduce old text."""
    tried = 0
    for position, line in enumerate(lines):
        if kinds[position] is Kind.HISTORY or tried == MAX_ATTRIBUTIONS:
            break
        if kinds[position] in (Kind.WORDS, Kind.LABEL) and (
            _may_end(line, words) or _is_old_gmail(line, kinds, position)
        ):
            tried += 1
            _mark_attribution(lines, kinds, position, words)
        elif (
            kinds[position] is Kind.WORDS and "@" in line and _is_run_on(line, words) and _stands_apart(kinds, position)
        ):
            kinds[position] = Kind.HISTORY
            break
    _unmark_answered(kinds)


def _may_end(line: str, words: Words) -> bool:
    end = line[-MAX_LOOKED_AT:].rstrip(" \t\xa0-_=*\u200e\u200f\u202c")
    if end.endswith(COLONS) or end[-40:].casefold().endswith(words.verbs):
        return True
    return line.startswith("---") and _is_between_dashes(line[:MAX_LOOKED_AT])


def _is_run_on(line: str, words: Words) -> bool:
    """True for a whole attribution with old text behind it in the same line."""
    said = _RUN_ON.match(line[:MAX_LOOKED_AT])
    return said is not None and all((_FULL_DATE.search(said[1]), _TIME.search(said[1]), has_verb(said[1], words)))


def _is_old_gmail(line: str, kinds: list[Kind], position: int) -> bool:
    """True for "2013/10/2 Ann <ann@customer.example>" right above a quotation; other programs end with a mark."""
    if line[-1:] != ">" or next_kind(kinds, position + 1) is not Kind.QUOTED:
        return False
    start = line[:MAX_LOOKED_AT].lstrip()
    return start[:1].isdigit() and _FULL_DATE.match(start) is not None and _BRACKETED.search(start) is not None


def _mark_attribution(lines: list[str], kinds: list[Kind], last: int, words: Words) -> None:
    """Marks "On Monday … wrote:", ending in this line, if there is one and what follows it is quoted."""
    first = _start(lines, kinds, last, words)
    if first is None:
        return
    said = " ".join(looked_at(line) for line in lines[first : last + 1])
    has_colon = said.rstrip().endswith(COLONS)
    has_time = _TIME.search(said) is not None
    is_framed = _is_between_dashes(said)
    is_unmistakable = _FULL_DATE.search(said) and (_BRACKETED.search(said) or (has_time and _ADDRESS.search(said)))
    if next_kind(kinds, last + 1) is Kind.QUOTED and (has_colon or is_unmistakable or is_framed):
        kinds[first : last + 1] = [Kind.ATTRIBUTION] * (last + 1 - first)
    elif (
        _stands_apart(kinds, first)
        and not said.startswith("[")
        and not _goes_on(said, words)
        and (is_unmistakable or is_framed or (has_colon and has_time and (_BRACKETED.search(said) or _is_terse(said))))
    ):
        # Nothing is marked below it, so all of it is history; what a customer may have written must not say that.
        kinds[first : last + 1] = [Kind.INTRODUCTION] * (last + 1 - first)


def _goes_on(said: str, words: Words) -> bool:
    """True for "… <ann@customer.example> said in a phone call that:": below its verb a program says when, and no more."""
    folded = said.casefold()
    end = max((at + len(verb) for verb in words.verbs if (at := folded.rfind(verb)) >= 0), default=None)
    if end is None or any(letter.isdigit() for letter in said[end:]):
        return False
    return sum(word[0].islower() for word in said[end:].split()) > MAX_SMALL_WORDS


def _is_terse(said: str) -> bool:
    """True for "On 02/10/2023 17:43, Ann Archer wrote:", in which a person would have told more."""
    words = said.split()
    return (
        _FULL_DATE.search(said) is not None
        and not words[0][0].islower()
        and sum(word[0].islower() for word in words) <= MAX_SMALL_WORDS
    )


def _is_between_dashes(said: str) -> bool:
    return _MARKED.match(said) is not None and _MARKED_AT_END.search(said) is not None


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
        if first < last and _ends_sentence(line.rstrip()):
            break
        is_bare_address = window.lstrip().startswith("<")
        window = f"{line} {window}"
        is_verbal = is_verbal or has_verb(window[: len(line) + 40], words)
        has_address = _ADDRESS.search(window) is not None
        has_time = _TIME.search(window) is not None
        # Some programs name date and address only: "2017-11-24 16:32 GMT+01:00 Ann <ann@…>:".
        is_signed = is_verbal or (has_address and _is_signed(window, ends_in_colon, has_time, is_quote_next))
        if is_signed and _DATE.search(window):
            return first
        if is_verbal and has_address and (not best_has_address or is_bare_address):
            best, best_has_address = first, True
        elif is_verbal and best is None and is_quote_next and len(window) < 100:
            best = first
    return best


def _is_signed(window: str, ends_in_colon: bool, has_time: bool, is_quote_next: bool) -> bool:
    """True if date and address alone make an attribution, in whatever language the rest of it is."""
    if ends_in_colon and is_quote_next and _DATED_ADDRESS.fullmatch(window.strip()):
        return True
    if not (is_quote_next or has_time):
        return False
    return _BRACKETED.search(window) is not None and (ends_in_colon or _is_between_dashes(window) or is_quote_next)


def _ends_sentence(line: str) -> bool:
    if not line.endswith((".", "!", "?", *COLONS)) or _FORENOON.search(line) or _UNCLOSED.search(line):
        return False
    # "On Mon, Oct 2, 2023 at 5:43 PM Ann M." was broken within the name.
    return not (_ABBREVIATED.search(line) and _FULL_DATE.search(line) and _TIME.search(line))


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
    if above.endswith("=") and len(above) >= 70:
        return True  # a quoted-printable line end that nobody decoded
    first_word = line.partition(" ")[0][:30]
    return (
        len(above) >= 60
        and len(above) + 1 + len(first_word) > 72
        and above[-1] not in ".!?:;"
        and _CONTINUED.match(line) is not None
        and line[0].islower()
    )


def unmark_own_quotations(lines: list[str], kinds: list[Kind], words: Words) -> None:
    """Makes words again of what a person marked with ">" and introduced with words: commands, a quotation, a list.

    That is what stands below a line that ends in a colon and above more words, and what a shell asks for below "$ ".
    Above all that introduces old text, words on both sides are enough: whose they are is then doubtful.
    """
    introductions = (Kind.ATTRIBUTION, Kind.HISTORY)
    introduced = next((n for n, kind in enumerate(kinds) if kind in introductions), len(kinds))
    position = 1
    while position < len(lines):
        first, position = position, position + 1
        if kinds[first] is not Kind.QUOTED or kinds[first - 1] is Kind.QUOTED:
            continue
        while position < len(lines) and kinds[position] is Kind.QUOTED:
            position += 1
        if position - first <= MAX_OWN and _is_own(lines, kinds, first, position, words, introduced):
            kinds[first:position] = [Kind.WORDS] * (position - first)


def _is_own(lines: list[str], kinds: list[Kind], first: int, end: int, words: Words, introduced: int) -> bool:
    if kinds[first - 1] is Kind.WORDS and lines[first - 1].startswith("$ "):
        return True
    above = first - 1 if kinds[first - 1] is not Kind.BLANK else first - 2
    if kinds[above] is not Kind.ATTRIBUTION and all(line.startswith(">>> ") for line in lines[first:end]):
        return True  # what is quoted for the third time stands beside what is new to the mail: this is Python's prompt
    if above < 0 or kinds[above] is not Kind.WORDS:
        return False
    if first > introduced and not lines[above].rstrip().endswith(COLONS):
        return False
    below = next((n for n in range(end, min(len(lines), end + 3)) if kinds[n] is not Kind.BLANK), None)
    if below is None or kinds[below] not in (Kind.WORDS, Kind.LABEL) or is_closing(lines[below], words):
        return False
    for line in lines[first:end]:
        inner = looked_at(line).lstrip(" >\uff1e")
        if (
            (introduced < len(kinds) and line.lstrip().startswith((">>", "> >")))
            or label_of(inner) in words.labels
            or has_verb(inner, words)
        ):
            return False
    return True


def mark_header_blocks(lines: list[str], kinds: list[Kind], words: Words) -> None:
    """Marks where a quoted mail begins with its header lines, in a known language or below a divider in any."""
    for position, kind in enumerate(kinds):
        if kind is Kind.LABEL and (position == 0 or kinds[position - 1] is not Kind.LABEL):
            if _is_header_block(lines, kinds, position, words):
                kinds[position] = Kind.HISTORY
                break
        elif kind is Kind.WORDS and (
            (_is_framed(lines[position]) and _has_fields_below(lines, position + 1))
            or (lines[position].startswith(_COLUMN) and _is_columned(lines, kinds, position, words))
        ):
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
    if (not dated and not {Role.SENDER, Role.SUBJECT} <= by_role.keys()) or _is_traced(lines, kinds, first):
        return False
    above = next((n for n in range(first - 1, max(-1, first - 3), -1) if kinds[n] is not Kind.BLANK), None)
    if above is not None and kinds[above] is Kind.WORDS and lines[above].rstrip().endswith(COLONS):
        # "This is the header of the report:" announces what a person shows; a mail there tells its minute.
        return dated is not None and bool(_FULL_DATE.search(dated) and _TIME.search(dated))
    before = next((kind for kind in reversed(kinds[max(0, first - 2) : first]) if kind is not Kind.BLANK), None)
    is_sent = Role.SENT in by_role and _tells_when(by_role[Role.SENT])
    # "From: Berlin, to: Paris, date: tomorrow" is no mail, and "sent: 7 packets" neither.
    is_of_mail = is_sent or Role.SUBJECT in by_role or _has_address(found.values())
    if len(found) >= 3 or (len(found) == 2 and before is Kind.RULE):
        return is_of_mail
    is_dated = dated is not None and _FULL_DATE.search(dated) and _TIME.search(dated)
    return bool(len(found) == 2 and is_dated and is_of_mail and Role.SENDER in by_role)


def _is_traced(lines: list[str], kinds: list[Kind], first: int) -> bool:
    """True for a whole header, which a person shows: fields stand in it that no mail program writes above old text."""
    start, end = first, first
    while start > max(0, first - MAX_TRACE) and kinds[start - 1] is not Kind.BLANK:
        start -= 1
    while end < min(len(lines), first + MAX_HEADER_BLOCK) and kinds[end] is not Kind.BLANK:
        end += 1
    return any(_TRACE.match(line) for line in lines[start:end])


def _is_columned(lines: list[str], kinds: list[Kind], first: int, words: Words) -> bool:
    """Header lines as old Notes writes them: names of fields without a colon, at the right end of indented lines."""
    if first and kinds[first - 1] is not Kind.BLANK:
        return False
    roles = set()
    block = [line[:MAX_LOOKED_AT] for line in lines[first : first + MAX_HEADER_BLOCK]]
    for line in block:
        if line.startswith(_COLUMN):
            roles.add(words.labels.get(line.rstrip().rpartition("  ")[2].strip().casefold()))
    return {Role.SUBJECT, Role.OTHER} <= roles and any(map(_DATE.search, block))


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
