"""What a report in a mail server's own words says: which address failed, for good or not yet, and why.

Called by `bounce` for mails that are such reports. Formats differ, what they are made of does not: an address on a line
of its own or after a word such as "to", words of failure around it, and the returned mail below. So all addresses
are weighed by where they stand, and the heaviest one failed. Linear in the text, of which only the beginning is read.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from gateway.domain.bounce_rules import BounceRules
from gateway.mail.report import MAX_DIAGNOSTIC, Outcome, Returned, returned_header
from gateway.mail.sender import stored_form
from gateway.mail.status import has_reply, status_of

MAX_TEXT = 60_000
"""Characters of a report that are looked at."""
MAX_LINES = 1_500
MAX_LINE = 1_000
MAX_ADDRESSES = 500
"""Addresses of a report that are weighed."""
PLAIN = 40
"""The weight of an address that begins a line, or stands after "recipient"."""
MAX_NAME = 40
"""Characters of a person's name before an address."""
MAX_BEFORE = 60
"""Characters before an address that may say what it is."""

# A run of letters is entered once only: the time stays linear.
# Of other letters those that are written with blanks between words: Latin, Greek, Cyrillic.
_LETTERS = r"A-Za-z0-9\u00c0-\u024f\u0370-\u04ff"
_LOCAL = rf"[{_LETTERS}!#$%&'*+/=?^_`{{|}}~.\-]"
_ADDRESS = re.compile(
    rf"(?<!{_LOCAL})(?:(?P<local>{_LOCAL}{{1,128}}+)|(?P<quoted>\"[^\"<>@\r\n]{{1,64}}\"))"
    rf"@(?P<domain>[{_LETTERS}_][{_LETTERS}.\-_]{{0,250}}+)"
)
_ASSIGNMENT = re.compile(r"(?:to|rcpt|recipient|address|orig_to|mailto)=", re.IGNORECASE)
_TRACE = re.compile(r"(?:received|return-path|mime-version|dkim-signature|delivered-to|content-type):", re.IGNORECASE)
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,40}:(?:\s|$)")
_MESSAGE_ID = re.compile(r"\s{0,20}message-id:\s{0,20}(?P<id><[^<>\s]{1,998}>)", re.IGNORECASE)
_RULE = re.compile(r"^[\s\-_=*#>|~+.:]+|[\s\-_=*#<|~+.:;,]+$")
_FRAME = "<>\"'`()[]{}\u00ab\u00bb\u201c\u201d\u201e\u2018\u2019,*|\u3000 \t"
_OFFICES = frozenset({"postmaster", "mailer-daemon", "abuse", "hostmaster", "webmaster", "support", "helpdesk", "help"})
_WRAPPED = re.compile(r"\s+")


@dataclass(slots=True)
class Notice:
    """The text of a report: the lines above the returned mail, and what is known of that."""

    lines: list[str]
    below: list[str]
    returned: Returned
    has_end: bool
    folded: str = field(init=False)

    def __post_init__(self) -> None:
        self.folded = fold("\n".join(self.lines))


def fold(text: str) -> str:
    """A text as it is compared with words: lower case, blanks and line ends as one blank, plain apostrophes."""
    return _WRAPPED.sub(" ", text[:MAX_TEXT].casefold()).replace("\u2019", "'").strip()


def read_notice(text: str, rules: BounceRules) -> Notice:
    """The report apart from the mail that it returns, as far as the text shows where that begins."""
    lines = [line[:MAX_LINE] for line in text[:MAX_TEXT].split("\n", MAX_LINES)[:MAX_LINES]]
    end = next((at for at in range(1, len(lines)) if _begins_returned(lines, at, rules)), len(lines))
    below = lines[end:]
    start = next((at for at, line in enumerate(below) if _FIELD.match(line.lstrip("> "))), len(below))
    header: list[str] = []
    for line in below[start:]:
        if not line.strip() and header:
            break
        header.append(line.lstrip("> ") if line.startswith(">") else line)
    known = returned_header("\n".join(header).encode("utf-8", "replace"))
    if known.message_id is None:  # some repeat the header of the mail in their own words
        named = next((found for line in lines[:end] if (found := _MESSAGE_ID.match(line))), None)
        known = Returned(message_id=named["id"] if named else None, to=known.to)
    return Notice(lines[:end], below, known, bool(below))


def _begins_returned(lines: Sequence[str], at: int, rules: BounceRules) -> bool:
    line = lines[at]
    if _TRACE.match(line):
        return any(_FIELD.match(other) for other in lines[at + 1 : at + 4]) or (at > 0 and not lines[at - 1].strip())
    bare = _RULE.sub("", line[:160].casefold())
    if not 6 <= len(bare) <= 100 or "@" in bare:
        return False
    is_ruled = len(line.strip()) - len(bare) >= 4
    return any(words in bare and (is_ruled or len(bare) <= len(words) + 30) for words in rules.returned)


@dataclass(slots=True)
class _Candidate:
    address: str
    line: int
    weight: int


def failed_addresses(notice: Notice, ours: Iterable[str], rules: BounceRules) -> list[str]:
    """The addresses that failed, heaviest first; `ours` are those to which the report itself came."""
    own = set(ours)
    above = [candidate.address for candidate in _weighed(notice, own, rules) if candidate.weight > 0]
    return above or [address for address in addresses(notice.returned.to) if address not in own]


def names_plainly(notice: Notice, ours: Iterable[str], rules: BounceRules) -> bool:
    """True if an address stands in the text as those that failed do, and as people seldom write one."""
    return any(candidate.weight >= PLAIN for candidate in _weighed(notice, set(ours), rules)[:1])


def _weighed(notice: Notice, own: set[str], rules: BounceRules) -> list[_Candidate]:
    """The addresses above the returned mail, heaviest first."""
    sent_to = set(addresses(notice.returned.to))
    best: dict[str, _Candidate] = {}
    places = ((at, found) for at, line in enumerate(notice.lines) for found in _ADDRESS.finditer(line))
    for at, found in islice(places, MAX_ADDRESSES):
        address = _stored(found)
        if address is None:
            continue
        weight = _weight(notice.lines[at], found, rules)
        weight += 25 * (address in sent_to) - 60 * (address in own) - 40 * (address.split("@")[0] in _OFFICES)
        known = best.get(address)
        if known is None or weight > known.weight:
            best[address] = _Candidate(address, known.line if known else at, weight)
    return sorted(best.values(), key=lambda candidate: (-candidate.weight, candidate.line))


def addresses(texts: Iterable[str]) -> list[str]:
    """The addresses in these texts, in their order, in stored form."""
    found = (_stored(match) for text in texts for match in _ADDRESS.finditer(text[: 10 * MAX_LINE]))
    return list(dict.fromkeys(address for address in found if address))


def _stored(found: re.Match[str]) -> str | None:
    local = found["local"] or found["quoted"]
    local = _ASSIGNMENT.sub("", local).lstrip("'`=").removeprefix("3D<") if found["local"] else local
    return stored_form(f"{local}@{found['domain'].rstrip('.-_')}")


def _weight(line: str, found: re.Match[str], rules: BounceRules) -> int:
    """How much speaks for it that this address, here, is the one that failed."""
    before, after = line[: found.start()], line[found.end() :].lstrip(_FRAME)
    mark = _mark(before)
    weight = 10 if has_reply(line) else 0
    if not mark:
        weight += 30  # the line begins with it
        weight += 20 if not after or after[0] in ":;-\u2026." else 0
    elif _ends_with(mark, rules.other_marks) > _ends_with(mark, rules.recipient_marks):
        weight -= 60
    elif length := _ends_with(mark, rules.recipient_marks):
        weight += 40 if length > 2 else 15
        weight += 40 if mark.endswith(("rfc822;", "rcpt to:", "final-recipient:")) else 0
    elif re.match(r"[^:]{0,40}from[: ]", before.casefold().lstrip()):
        weight -= 60
    elif not after and len(mark) <= MAX_NAME and before.rstrip().endswith("<"):
        weight += 30  # a name and its address
    return weight + 10


def _mark(before: str) -> str:
    """What stands before an address on its line, without brackets and bullets."""
    return before[-MAX_BEFORE:].rstrip(_FRAME).casefold().lstrip("0123456789-+*>.#|\u2022 \t")


def _ends_with(text: str, marks: Iterable[str]) -> int:
    """The length of the longest mark that the text ends with, as whole words."""
    return max(
        (
            len(mark)
            for mark in marks
            if text.endswith(mark)
            and (len(text) == len(mark) or not (text[-len(mark) - 1].isalnum() and mark[0].isalnum()))
        ),
        default=0,
    )


def outcome(notice: Notice, recipient: str | None, rules: BounceRules) -> Outcome:
    """What the text says became of this recipient; the words after its address say more than all others."""
    at = next((n for n, line in enumerate(notice.lines) if recipient and recipient in line.lower()), None)
    near = notice.lines[at : at + 12] if at is not None else []
    status = status_of("\n".join(near), rules) if near else None
    if status is None or status.endswith(".0.0"):
        status = status_of("\n".join(notice.lines), rules) or status
    action = "failed"
    if any(words in notice.folded for words in rules.delays) and not any(
        words in notice.folded for words in rules.final
    ):
        action = "delayed"
    if action == "delayed" and status:
        status = f"4{status[1:]}"
    return Outcome(recipient=recipient, status=status, action=action, diagnostic=_diagnostic(notice, near))


def _diagnostic(notice: Notice, near: Sequence[str]) -> str | None:
    """The line with the reply of the server that refused, with what goes on below it; else what follows the address."""
    for lines in (near, notice.lines):
        for at, line in enumerate(lines):
            if has_reply(line):
                more = lines[at + 1] if at + 1 < len(lines) and lines[at + 1][:1] in {" ", "\t"} else ""
                return " ".join(f"{line} {more}".split())[:MAX_DIAGNOSTIC]
    if not near:
        return None
    own = _ADDRESS.sub("", near[0]).strip(_FRAME + ":;-. ")
    said = (
        near[0]
        if len(own) > len("to the")
        else next((line for line in near[1:] if line.strip() and not line.rstrip().endswith(":")), near[0])
    )
    return " ".join(said.split())[:MAX_DIAGNOSTIC] or None
