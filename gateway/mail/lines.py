"""What a line of a mail is by itself: blank, quoted, a header line, a mark of some mail program, or words.

Called by `text` and `attribution`. The words are data (`rules/mail.toml`). Promises: each line costs the same, however
long it is; a line that could be a sentence is one.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from gateway.domain.mail_rules import TextRules

MAX_LOOKED_AT = 400
"""Characters of a line that are looked at; marks of mail programs stand in short lines."""
MAX_TAGLINE = 100
"""Characters of a mobile program's signature, addresses of pages left out."""

MAX_CLOSING = 80
"""Characters of "With kind regards"."""
MAX_NAME_WORDS = 3
"""Words of a name behind a closing."""

COLONS = (":", "\uff1a")
MARKS = " \t\xa0*_-=#~:\uff1a.|\u2010\u2011\u2012\u2013\u2014"

_AROUND_CLOSING = " ,.:!*_-\u2013"
# A long attribution may be wrapped before the last bracket of its address: that line, ">:", quotes nothing.
_QUOTE = re.compile(r" ?[>\uff1e](?!\s*:\s*$)")
_RULE = re.compile(r"[ \t]*(?:[-_=*#~\u2010-\u2014\u2500][ \t]?){3,}[ \t]*")
_MARKED = re.compile(r"[ \t]*(?:[-_=*#\u2010-\u2014] ?){2,}")
_WELL_MARKED = re.compile(r"[ \t]*(?:[-_=*\u2010-\u2014] ?){4,}")
_MARKED_AT_END = re.compile(r"(?:[-_=*#\u2010-\u2014] ?){2,}[ \t:]*$")
# "Ann Archer ---02/10/2023 05:43:12 PM---Hello", as Notes writes above old text.
_NOTES = re.compile(r"\S[^-]{0,60} ?-{3,}\d{1,4}[./-]\d{1,2}[./-]\d{1,4} [^-]{4,20}-{3}")
_ONLY_LINK = re.compile(r"[<(\[]?(?:https?://|www\.|#)[^\s>)\]]+[>)\]]?(?:[ \t]*<[^\s>]+>)?")
_DEVICES_NAMED_LAST = ("smartphone", "smartphone.", "smartphone)")
_LINK = re.compile(r"[<(\[]?https?://[^\s>)\]]*[>)\]]?")
# GroupWise: ">>> Ann Archer <ann@customer.example> 3/14/2024 10:02 AM >>>" above unmarked old text.
_GROUPWISE = re.compile(r">>> [^\n]{0,200}\d{1,2}[./-]\d{1,2}[./-]\d{2,4} \d{1,2}:\d\d[^>\n]{0,9}>>>")
# What no reader sees: direction marks and joiners around names in Hebrew, Arabic and Apple's mail.
INVISIBLE = dict.fromkeys([0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF])
_LOOKED_THROUGH = {**INVISIBLE, 0xA0: " ", 0x202F: " ", 0x2019: "'", 0x130: "I"}


class Kind(Enum):
    """What a line is by itself, or as part of what mail programs write over several lines."""

    BLANK = auto()
    WORDS = auto()
    QUOTED = auto()
    ATTRIBUTION = auto()
    INTRODUCTION = auto()
    RULE = auto()
    LABEL = auto()
    SIGNATURE = auto()
    TAGLINE = auto()
    ARMOR = auto()
    HISTORY = auto()


class Role(Enum):
    """What a header line above a quoted mail tells."""

    SENDER = auto()
    DATE = auto()
    SENT = auto()
    SUBJECT = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Words:
    """TextRules made ready for looking up, all in folded case."""

    verbs: tuple[str, ...]
    labels: dict[str, Role]
    dividers: tuple[str, ...]
    divider_set: frozenset[str]
    taglines: tuple[str, ...]
    sent_starts: tuple[str, ...]
    sent_frames: tuple[tuple[str, str], ...]
    sent_ends: tuple[str, ...]
    devices: tuple[str, ...]
    disclaimers: tuple[str, ...]
    banners: tuple[str, ...]
    closings: frozenset[str]
    thanks: frozenset[str]
    company_words: tuple[str, ...]
    notice_headings: frozenset[str]
    banner_marks: tuple[str, ...]
    answer_words: tuple[str, ...]
    answer_places: tuple[str, ...]
    footers: tuple[str, ...]
    excuses: tuple[str, ...]
    list_words: tuple[str, ...]


@lru_cache(maxsize=4)
def words_of(rules: TextRules) -> Words:
    """The words of these rules; made once."""
    dividers = tuple(divider.casefold() for divider in rules.dividers)
    roles = (
        (Role.OTHER, rules.labels),
        (Role.DATE, rules.date_labels),
        (Role.SENT, rules.sent_labels),
        (Role.SUBJECT, rules.subject_labels),
        (Role.SENDER, rules.from_labels),
    )
    frames = [tuple(half.strip() for half in entry.casefold().split("\u2026")) for entry in rules.sent]
    return Words(
        verbs=tuple(verb.casefold() for verb in rules.wrote),
        labels={label.casefold(): role for role, labels in roles for label in labels},
        dividers=dividers,
        divider_set=frozenset(dividers),
        taglines=tuple(tagline.casefold() for tagline in rules.taglines),
        sent_starts=tuple(frame[0] for frame in frames if len(frame) == 1),
        sent_frames=tuple((frame[0], frame[1]) for frame in frames if len(frame) > 1),
        sent_ends=tuple(frame[1] for frame in frames if len(frame) > 1),
        devices=tuple(device.casefold() for device in rules.devices),
        disclaimers=tuple(phrase.casefold() for phrase in rules.disclaimers),
        banners=tuple(phrase.casefold() for phrase in rules.banners),
        closings=frozenset(closing.casefold() for closing in rules.closings),
        thanks=frozenset(thanks.casefold() for thanks in rules.closing_thanks),
        company_words=tuple(word.casefold() for word in rules.company_words),
        notice_headings=frozenset(heading.casefold() for heading in rules.notice_headings),
        banner_marks=tuple(mark.casefold() for mark in rules.banner_marks),
        answer_words=tuple(word.casefold() for word in rules.answer_words),
        answer_places=tuple(place.casefold() for place in rules.answer_places),
        footers=tuple(footer.casefold() for footer in rules.footers),
        excuses=tuple(excuse.casefold() for excuse in rules.excuses),
        list_words=tuple(word.casefold() for word in rules.list_words),
    )


def has_verb(text: str, words: Words) -> bool:
    """True if a verb of an attribution stands in the text as a whole word."""
    folded = text.casefold()
    return any(verb in folded and _is_whole(verb, folded) for verb in words.verbs)


def _is_whole(word: str, text: str) -> bool:
    """Scripts that write without blanks have no word borders to ask for."""
    if word[-1] >= "\u0e00":
        return True
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        before, after = text[start - 1 : start], text[end : end + 1]
        if not (before.isalnum() or before == "_" or after.isalnum() or after == "_"):
            return True
        start = text.find(word, end)
    return False


def looked_at(line: str) -> str:
    """What is looked at of a line: its beginning, without what cannot be seen, with the apostrophes of a keyboard."""
    line = line[:MAX_LOOKED_AT]
    return line if line.isascii() else line.translate(_LOOKED_THROUGH)


def kind_of(line: str, words: Words) -> Kind:
    """What this line is by itself; `line` is `looked_at`."""
    stripped = line.strip()
    if not stripped:
        return Kind.BLANK
    if _QUOTE.match(line):
        return Kind.HISTORY if line.endswith(">>>") and _GROUPWISE.fullmatch(line) else Kind.QUOTED
    if stripped == "--" and line[0] == "-":
        return Kind.SIGNATURE
    if _RULE.fullmatch(line):
        return Kind.RULE
    if _is_divider(stripped, words):
        return Kind.HISTORY
    if label_of(line) in words.labels:
        return Kind.LABEL if not _is_flat_header(stripped, words) else Kind.HISTORY
    if len(stripped) < 3 * MAX_TAGLINE and _is_tagline(stripped, words):
        return Kind.TAGLINE
    return Kind.WORDS


def _is_divider(line: str, words: Words) -> bool:
    """`-----Original Message-----`, or the same words before a colon; Zendesk's `##- … -##` in any language."""
    if line.startswith("##-"):
        return line.endswith("-##")
    if _MARKED.match(line):
        core = line.strip(MARKS).casefold()
        if not core.startswith(words.dividers):
            return False
        rest = min((core[len(d) :] for d in words.dividers if core.startswith(d)), key=len)
        if not rest or _MARKED.match(rest) or _MARKED_AT_END.search(line):
            return True
        return len(rest) <= 20 and _WELL_MARKED.match(line) is not None
    if line.endswith(COLONS):
        return line.strip(MARKS).casefold() in words.divider_set
    return "---" in line and _NOTES.match(line) is not None


def divides(line: str, words: Words) -> bool:
    """True if the line is the words of a divider, though it has no marks: what follows must say that it is one.

    So does "Ann Archer --- Re: Fire --- ", as HCL Verse writes it above header lines.
    """
    if " --- " in line and line.rstrip().endswith(" ---"):
        return True
    return len(line) < 60 and line.strip(MARKS).casefold() in words.divider_set


def label_of(line: str) -> str:
    """The name of a header line, `*From:* Ann` as `from`; "" for any other line."""
    name, colon, _ = line[:60].lstrip(" \t*_|").replace("\uff1a", ":", 1).partition(":")
    return name.strip(" \t*_|").casefold() if colon and len(name) <= 40 else ""


def _is_flat_header(line: str, words: Words) -> bool:
    """A whole header block on one line: "From: Ann Sent: Monday To: Bob Subject: Fire"."""
    if line.count(":") < 3:
        return False
    roles = set()
    for piece in line.replace("\uff1a", ":").split(":")[:-1]:
        last = piece.strip(" \t*_|").casefold().split(" ")[-3:]
        roles |= {words.labels.get(" ".join(last[-count:])) for count in (1, 2, 3)}
    return {Role.SENDER, Role.SUBJECT} <= roles and bool(roles & {Role.DATE, Role.SENT})


def _is_tagline(line: str, words: Words) -> bool:
    core = line.casefold().strip("*_([<-~ \t")
    if core.startswith(words.footers):
        return True
    core, comma, excuse = core.replace("\uff0c", ",").partition(",")
    # "Sent from my desk, which is easier" is a sentence.
    if comma and not (any(word in excuse for word in words.excuses) or excuse.endswith(_DEVICES_NAMED_LAST)):
        return False
    if core.startswith(words.taglines):
        return len(_LINK.sub("", core)) < MAX_TAGLINE
    sent = core.startswith(words.sent_starts)
    if not sent:
        end = core.rstrip(" .!)]>*_")
        sent = end.endswith(words.sent_ends) and any(
            end.startswith(first) and end.endswith(last) for first, last in words.sent_frames
        )
    return sent and len(_LINK.sub("", core)) < MAX_TAGLINE and any(device in core for device in words.devices)


def is_closing(line: str, words: Words) -> bool:
    """True for "Kind regards", also with a name, "Regards, Ann", or in two languages, "Viele Grüße / Kind regards"."""
    return is_one_of(line, words.closings)


def is_one_of(line: str, closings: frozenset[str]) -> bool:
    """True if the line is one of these closings, or several of them between strokes, or one above a name."""
    if len(line) > MAX_CLOSING:
        return False
    core = line.strip(_AROUND_CLOSING).casefold()
    if core in closings:
        return True
    closing, comma, name = core.partition(",")
    if not comma and "/" not in core and "|" not in core:
        return False
    if comma and (len(name.split()) > MAX_NAME_WORDS or not line.rpartition(",")[2].strip().istitle()):
        return False
    return all(piece.strip(_AROUND_CLOSING) in closings for piece in closing.replace("|", "/").split("/"))


def is_link(line: str) -> bool:
    """True if the line is an address of a page, and nothing else."""
    return _ONLY_LINK.fullmatch(line[:MAX_LOOKED_AT].strip()) is not None
