"""Signatures that no `-- ` announces: a closing above the data of a person and a company, or "-Ann Archer".

Called by `text` with what stands last in a mail. Promises: linear in the lines looked at; only data that is of no use
in an answer makes a block a signature, so a closing with a name stays, and so does an address that was asked for;
thanks stay in any case.
"""

import re

from gateway.mail.lines import COLONS, MAX_LOOKED_AT, Kind, Words, is_closing, is_link, is_one_of

MAX_SIGNATURE = 25
"""Lines of a signature; more below its mark is text."""
MAX_LINE = 100
"""Characters of a line of a signature."""
MAX_NAME = 60
"""Characters of "-Ann Archer"."""
MIN_FULL = 3
"""Lines below a closing that make one way to reach somebody enough."""
MAX_SENTENCE = 5
"""Words of a line that ends like a sentence and is none, such as "We care."."""

_LABEL = r"(?:[^\W\d_][\w.-]{0,14}[ \t.]*){0,2}[:\uff1a]?[ \t]*"
_PHONE = re.compile(rf"(?:{_LABEL}\+?|[+(]|(?=0)) ?[\d(][\d \t()./\u2013-]{{5,24}}\d")
_MAIL = re.compile(rf"{_LABEL}[<\[]?(?:mailto:)?[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+(?:[ \t]*<[^\s<>]+>)?[>\]]?")
_PAGE = re.compile(
    rf"{_LABEL}(?:(?:[^\W_][\w-]*\.)+[a-z]{{2,12}}/?|https?://[^\s<>]+)(?:[ \t]*<[^\s<>]+>)?", re.IGNORECASE
)
_BARE_DATE = re.compile(rf"{_LABEL}\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{1,4}}")
_BETWEEN = re.compile(r"[ \t]+[|\u2022\u00b7/\u2013-][ \t]+|,[ \t]+|\t+|[ \t]{3,}")
_DASH_NAME = re.compile(r"-(?:[^\W\d_]\w*)(?: [^\W\d_][\w.]*){1,2}")


def above_signature(
    lines: list[str], kinds: list[Kind], start: int, end: int, words: Words, *, is_noticed: bool = False
) -> int:
    """Where the text ends above the signature that these lines end with; `end` if there is none.

    With `is_noticed` a legal notice stood below it, and one way to reach the person is enough.
    """
    last = end
    while end > start and kinds[end - 1] in (Kind.BLANK, Kind.RULE):
        end -= 1
    if end - start > 1 and _is_dash_name(lines, kinds, start, end):
        return end - 1
    contacts: set[tuple[str, str]] = set()
    for position in range(end - 1, max(start, end - 1 - MAX_SIGNATURE), -1):
        line = lines[position][:MAX_LOOKED_AT].strip()
        if kinds[position] is Kind.RULE:
            is_signed = len({kind for kind, _ in contacts}) > 1
            return position if is_signed and not _is_announced(lines, kinds, start, position) else last
        is_thanks = is_one_of(line, words.thanks)
        if is_thanks or is_closing(line, words):
            is_signed = len(contacts) > 1 or (
                len(contacts) == 1 and (is_noticed or _is_full(lines[position + 1 : end]))
            )
            if not is_signed or _is_announced(lines, kinds, start, position):
                return last
            return position + 1 if is_thanks else position
        if len(line) > MAX_LINE or _is_sentence(line):
            if _is_of_company(line, words):
                continue
            break
        contacts |= _contacts(line)
    return last


def _is_full(lines: list[str]) -> bool:
    """True for a name, what the person is, and one way to reach them; a number below a name may be the answer."""
    said = [line.strip() for line in lines if line.strip()]
    return len(said) >= MIN_FULL and all(
        line[0].isupper() or not line[0].isalpha() or _contacts(line) for line in said if not line.endswith(COLONS)
    )


def _is_of_company(line: str, words: Words) -> bool:
    """True for what the law wants to be said of a company, which may be long or a sentence."""
    folded = line.casefold()
    return any(word in folded for word in words.company_words)


def _is_sentence(line: str) -> bool:
    return line.endswith(("?", "\uff1f")) or (line.endswith((".", "!", "\u3002")) and len(line.split()) > MAX_SENTENCE)


def _is_announced(lines: list[str], kinds: list[Kind], start: int, position: int) -> bool:
    """True if the line above says that something follows, or if there is none."""
    above = next((n for n in range(position - 1, start - 1, -1) if kinds[n] is not Kind.BLANK), None)
    return above is None or lines[above].rstrip().endswith(COLONS)


def _contacts(line: str) -> set[tuple[str, str]]:
    """The ways to reach somebody that a line consists of, each with its kind."""
    found: set[tuple[str, str]] = set()
    if "@" not in line and "." not in line and not any(letter.isdigit() for letter in line):
        return found
    pieces = _BETWEEN.split(line)
    for piece in pieces if len(pieces) == 1 else [line, *pieces]:
        if _MAIL.fullmatch(piece):
            found.add(("mail", piece))
        elif is_link(piece) or _PAGE.fullmatch(piece):
            found.add(("page", piece))
        elif _PHONE.fullmatch(piece) and not _BARE_DATE.fullmatch(piece):
            found.add(("phone", piece))
    return found


def _is_dash_name(lines: list[str], kinds: list[Kind], start: int, end: int) -> bool:
    """True if the last line is "-Ann Archer", all alone; people who make a list write a blank after the dash."""
    line = lines[end - 1].rstrip()
    if kinds[end - 2] is not Kind.BLANK or len(line) > MAX_NAME or not _DASH_NAME.fullmatch(line):
        return False
    above = next((other.rstrip() for other in reversed(lines[start : end - 1]) if other.strip()), "")
    # Below "We have" or "We have:" it would be what they have.
    if not above.endswith((".", "!", "?", ")", "\u2026")) or not all(word[0].isupper() for word in line[1:].split()):
        return False
    return not any(other.lstrip().startswith("-") for other in lines[max(start, end - MAX_SIGNATURE) : end - 1])
