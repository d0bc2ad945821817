"""Signatures that no `-- ` announces: a closing above the data of a person and a company, or "-Ann Archer".

Called by `text` with what stands last in a mail. Promises: linear in the lines looked at; only data that is of no use
in an answer makes a block a signature, so a closing with a name stays, and so does an address that was asked for.
"""

import re

from gateway.mail.lines import COLONS, MAX_LOOKED_AT, Kind, Words, is_link

MAX_SIGNATURE = 25
"""Lines of a signature; more below its mark is text."""
MAX_LINE = 100
"""Characters of a line of a signature."""
MAX_CLOSING = 60
"""Characters of "With kind regards"."""
MAX_SENTENCE = 5
"""Words of a line that ends like a sentence and is none, such as "We care."."""

_LABEL = r"(?:[^\W\d_][\w.-]{0,14}[ \t.]*){0,2}[:\uff1a]?[ \t]*"
_PHONE = re.compile(rf"(?:{_LABEL}\+?|[+(]|(?=0)) ?[\d(][\d \t()./\u2013-]{{5,24}}\d")
_MAIL = re.compile(rf"{_LABEL}[<\[]?(?:mailto:)?[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+(?:[ \t]*<[^\s<>]+>)?[>\]]?")
_PAGE = re.compile(rf"{_LABEL}(?:[^\W_][\w-]*\.)+[a-z]{{2,12}}/?(?:[ \t]*<[^\s<>]+>)?", re.IGNORECASE)
_BARE_DATE = re.compile(rf"{_LABEL}\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{1,4}}")
_BETWEEN = re.compile(r"[ \t]+[|\u2022\u00b7/][ \t]+|\t+|[ \t]{3,}")
_DASH_NAME = re.compile(r"-(?:[^\W\d_]\w*)(?: [^\W\d_][\w.]*){1,2}")


def above_signature(lines: list[str], kinds: list[Kind], start: int, end: int, words: Words) -> int:
    """Where the text ends above the signature that these lines end with; `end` if there is none."""
    last = end
    while end > start and kinds[end - 1] is Kind.BLANK:
        end -= 1
    if end - start > 1 and _is_dash_name(lines, kinds, start, end):
        return end - 1
    contacts: set[str] = set()
    for position in range(end - 1, max(start, end - 1 - MAX_SIGNATURE), -1):
        line = lines[position][:MAX_LOOKED_AT].strip()
        if kinds[position] is Kind.RULE or _is_closing(line, words):
            return position if len(contacts) > 1 and not _is_announced(lines, kinds, start, position) else last
        if len(line) > MAX_LINE or _is_sentence(line):
            break
        contacts |= _contacts(line)
    return last


def _is_closing(line: str, words: Words) -> bool:
    return len(line) <= MAX_CLOSING and line.strip(" ,.!*_-\u2013").casefold() in words.closings


def _is_sentence(line: str) -> bool:
    return line.endswith(("?", "\uff1f")) or (line.endswith((".", "!", "\u3002")) and len(line.split()) > MAX_SENTENCE)


def _is_announced(lines: list[str], kinds: list[Kind], start: int, position: int) -> bool:
    """True if the line above says that something follows, or if there is none."""
    above = next((n for n in range(position - 1, start - 1, -1) if kinds[n] is not Kind.BLANK), None)
    return above is None or lines[above].rstrip().endswith(COLONS)


def _contacts(line: str) -> set[str]:
    """The ways to reach somebody that a line consists of."""
    found: set[str] = set()
    for piece in _BETWEEN.split(line) if line else ():
        if _MAIL.fullmatch(piece):
            found.add("mail")
        elif is_link(piece) or _PAGE.fullmatch(piece):
            found.add("page")
        elif _PHONE.fullmatch(piece) and not _BARE_DATE.fullmatch(piece):
            found.add("phone")
    return found


def _is_dash_name(lines: list[str], kinds: list[Kind], start: int, end: int) -> bool:
    """True if the last line is "-Ann Archer", all alone; people who make a list write a blank after the dash."""
    line = lines[end - 1].rstrip()
    if kinds[end - 2] is not Kind.BLANK or len(line) > MAX_CLOSING or not _DASH_NAME.fullmatch(line):
        return False
    above = next((other.rstrip() for other in reversed(lines[start : end - 1]) if other.strip()), "")
    # Below "We have" or "We have:" it would be what they have.
    if not above.endswith((".", "!", "?", ")", "\u2026")) or not all(word[0].isupper() for word in line[1:].split()):
        return False
    return not any(other.lstrip().startswith("-") for other in lines[max(start, end - MAX_SIGNATURE) : end - 1])
