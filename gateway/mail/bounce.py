"""Reports of mail servers that a mail was not delivered, or not yet: RFC 3464, and all that came before and beside it.

Called by `parse`. Promises: None for what a person wrote, also one who forwards a report, and for what else machines
write (absence notices, receipts, complaints, lists); a normal mail costs some comparisons of its header; never raises
for what is in the mail. What a report is about is for the ladder to prove.
"""

import logging
import re
from dataclasses import dataclass, replace
from email.message import Message
from enum import IntEnum

from gateway.domain.bounce_rules import BounceRules
from gateway.domain.post import DeliveryReport
from gateway.mail.bounce_text import Notice, addresses, failed_addresses, fold, names_plainly, outcome, read_notice
from gateway.mail.decode import header_text, one_line
from gateway.mail.parts import part_bytes
from gateway.mail.report import (
    ORIGINAL_HEADERS,
    ORIGINALS,
    OTHER_REPORTS,
    OTHER_TYPES,
    STATUS_PARTS,
    Outcome,
    leaves,
    outcomes,
    report_type,
    returned,
)
from gateway.mail.status import has_reply

MAX_HEADER_VALUE = 500
OPENING = 400
"""Characters of a text in which a report without other marks must say what it is."""
FIRST_WORDS = 20
"""Characters before which they must begin where the sender or the subject looks like a person's."""
INTRODUCTION = 120
"""Characters in which the words must begin with which a mail server introduces itself."""
SECOND_LOOK = 20_000
"""Characters of a report that the library looks at, line by line with a score of patterns."""

_ANSWERS = re.compile(
    r"(?:re|aw|antw|sv|vs|rif|res|odp|fwd?|wg|tr|rv|vb|enc|i|doorst|转发|回复|答复)\s?(?:\[\d+\])?\s?[:\uff1a]",
    re.IGNORECASE,
)
_TEXT_STATUS = re.compile(rb"^[ \t]*(?:Final|Original)-Recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)

# It logs what it trips over with its traceback; content never reaches a log (STYLE, "Logs").
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)


class _Writer(IntEnum):
    """Who a mail seems to be from, by its header alone: the more it is a machine, the less its words must show."""

    PERSON = 0
    AUTOMATIC = 1
    OFFICE = 2
    MACHINE = 3


@dataclass(frozen=True, slots=True)
class _Signs:
    """What the header says: who wrote; that the subject tells of a failure; that it answers or forwards."""

    writer: _Writer
    subject: bool
    answers: bool


@dataclass(slots=True)
class _Parts:
    """The parts of a report, by what they are; `other` says that it reports of something else."""

    status: list[Message]
    originals: list[Message]
    other: bool = False


def read_bounce(message: Message, text: str, rules: BounceRules) -> DeliveryReport | None:
    """What a delivery report says of its first failed recipient, else of its first; None for any other mail.

    `text` is what the mail itself says, without attached mails.
    """
    kind, writer = _kind(message), _writer(message, rules)
    if kind in OTHER_TYPES:
        return None
    signs = _signs(message, writer, rules)
    if kind is None and writer is _Writer.PERSON and (signs.answers or not signs.subject):
        return None
    parts = _sorted(message)
    if parts.other and not (kind == "delivery-status" and parts.status):
        return None
    found = outcomes(parts.status)
    is_report = kind == "delivery-status" or bool(found and (kind is not None or signs.writer is _Writer.MACHINE))
    is_report = is_report or bool(found and signs.writer is not _Writer.PERSON and not signs.answers)
    notice = read_notice(text, rules)
    original = next((returned(part) for part in parts.originals), notice.returned)
    notice.returned = original if original.to else notice.returned
    ours = addresses(header_text(str(value)) for value in message.get_all("to", [])[:5])
    brings = bool(parts.originals or found)
    if not is_report and not _tells_failure(notice, signs, ours, brings_mail=brings, rules=rules):
        return None
    told = _completed(message, found, notice, ours, rules)
    message_id = original.message_id or notice.returned.message_id
    return replace(told[0], original_message_id=message_id, others=tuple(told[1:]))


def _kind(message: Message) -> str | None:
    """The kind of report that a mail is, or that is all that some list or forwarder wrapped: nothing is said before it."""
    if message.get_content_maintype() != "multipart":
        return None
    kind = report_type(message)
    if kind is None and message.is_multipart():
        first = next((part for part in message.get_payload() if isinstance(part, Message)), None)
        return _kind(first) if first is not None else None
    return kind


def _signs(message: Message, writer: _Writer, rules: BounceRules) -> _Signs:
    subject = one_line(header_text(_first(message, "subject")), MAX_HEADER_VALUE)
    folded = fold(subject)
    return _Signs(
        writer=writer,
        subject=any(words in folded for words in rules.subjects),
        answers=_ANSWERS.match(subject.strip("[( ")) is not None,
    )


def _writer(message: Message, rules: BounceRules) -> _Writer:
    sender = one_line(header_text(_first(message, "from")), MAX_HEADER_VALUE).casefold()
    name, _, address = sender.rpartition("<") if "<" in sender else (sender, "", sender)
    local, _, domain = address.strip(" >\"'").partition("@")
    if local in rules.senders or not local or any(words in name for words in rules.names):
        return _Writer.MACHINE
    if "x-failed-recipients" in message:
        return _Writer.MACHINE
    is_listed = any(name in message for name in ("list-id", "list-unsubscribe", "list-post"))
    is_office = local in rules.offices or local.startswith(("bounce", "owner-")) or local.endswith(("-admin", "-owner"))
    if is_office and not is_listed:
        return _Writer.OFFICE
    has_no_sender = "".join(_first(message, "return-path").split()) == "<>"
    is_automatic = has_no_sender or _first(message, "auto-submitted").strip().lower().startswith("auto-")
    is_bulk = _first(message, "precedence").strip().lower() in {"list", "bulk"}
    return _Writer.AUTOMATIC if is_automatic and not is_listed and not is_bulk and domain else _Writer.PERSON


def _first(message: Message, name: str) -> str:
    return next((value for key, value in message.raw_items() if key.lower() == name), "")


def _sorted(message: Message) -> _Parts:
    """Status parts also under a wrong name: a text that has their fields."""
    parts = _Parts([], [])
    named = list(leaves(message))
    for part in named:
        content_type = part.get_content_type()
        parts.other = parts.other or content_type in OTHER_REPORTS
        if content_type in STATUS_PARTS:
            parts.status.append(part)
        elif content_type in ORIGINALS or content_type in ORIGINAL_HEADERS:
            parts.originals.append(part)
        elif len(named) > 1 and content_type != "text/html" and _TEXT_STATUS.search(part_bytes(part)[:20_000]):
            parts.status.append(part)
    return parts


def _tells_failure(notice: Notice, signs: _Signs, ours: list[str], *, brings_mail: bool, rules: BounceRules) -> bool:
    """True if the words say that a mail failed, as plainly as what is known of the writer demands."""
    tells = any(words in notice.folded for words in rules.failures)
    if signs.writer is _Writer.MACHINE:
        return tells or signs.subject
    is_plain, has_code = names_plainly(notice, ours, rules), has_reply("\n".join(notice.lines))
    if not tells and not (signs.subject and is_plain and has_code):  # a language that the rules do not know
        return False
    brings_mail = brings_mail or notice.has_end
    opening = notice.folded[:OPENING]
    introduced = min((at for words in rules.openings if (at := opening.find(words)) >= 0), default=OPENING)
    if signs.writer is _Writer.PERSON:  # some servers write in the name of the recipient; people begin with own words
        return introduced <= FIRST_WORDS and signs.subject and (brings_mail or is_plain)
    if introduced <= (FIRST_WORDS if signs.answers else INTRODUCTION):
        return True
    if signs.answers:
        return False
    is_first = any(words in opening for words in rules.failures)
    if signs.writer is _Writer.AUTOMATIC or not signs.subject:
        return (signs.subject or signs.writer is _Writer.OFFICE) and is_first and brings_mail
    return is_plain or brings_mail or has_code


def _completed(
    message: Message, found: list[Outcome], notice: Notice, ours: list[str], rules: BounceRules
) -> list[DeliveryReport]:
    """What is told of each recipient, failures first; what no field of a status part says is read in the text."""
    order = {"failed": 0, "delayed": 1}
    told = sorted(found, key=lambda one: order.get(one.action or "", 2))
    if not told or told[0].recipient is None or "@" not in told[0].recipient:
        first = told[0] if told else Outcome(recipient=None, status=None, action=None, diagnostic=None)
        recipient = next(iter(_addresses_in(message, notice, ours, rules)), first.recipient)
        said = outcome(notice, recipient, rules)
        completed = Outcome(
            recipient=recipient,
            status=first.status or said.status,
            action=first.action or (said.action if notice.folded else None),
            diagnostic=first.diagnostic or said.diagnostic,
        )
        told = [completed, *told[1:]]
    return [
        DeliveryReport(recipient=one.recipient, status=one.status, action=one.action, diagnostic=one.diagnostic)
        for one in told
    ]


def _addresses_in(message: Message, notice: Notice, ours: list[str], rules: BounceRules) -> list[str]:
    """The failed addresses by a header or the text; where that names none plainly, a library is asked first."""
    if named := addresses(header_text(str(value)) for value in message.get_all("x-failed-recipients", [])[:5]):
        return named
    if names_plainly(notice, ours, rules):
        return failed_addresses(notice, ours, rules)
    return _second_look(message, notice) or failed_addresses(notice, ours, rules)


def _second_look(message: Message, notice: Notice) -> list[str]:
    """What flufl.bounce finds in the text. It gets a copy that is short, since it reads each line with many patterns."""
    from flufl.bounce import all_failures  # most mails never ask it

    copy: Message = Message()
    for name in ("From", "To", "Subject"):
        copy[name] = one_line(_first(message, name.lower()), MAX_HEADER_VALUE).encode("ascii", "replace").decode()
    copy.set_payload("\n".join([*notice.lines, "", *notice.below])[:SECOND_LOOK])
    try:
        temporary, permanent = all_failures(copy)
    except Exception:  # noqa: BLE001 - whatever it trips over is a fact about this mail
        return []
    return addresses(address.decode("utf-8", "replace") for address in sorted({*permanent, *temporary}))
