"""Delivery status notifications (RFC 3464, RFC 6533): the fields of a report, however badly it is put together.

Called by `bounce`. A report is only what the wire says; whether it is about a mail of ours is for the ladder to prove.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

from gateway.mail.decode import header_text, one_line
from gateway.mail.names import described, parameter
from gateway.mail.parts import part_bytes
from gateway.mail.sender import stored_form
from gateway.mail.status import enhanced

MAX_BLOCKS = 500
"""Recipients of one report that are looked at."""
MAX_FIELDS = 100_000
"""Bytes of a status part or of a returned header that are looked at."""
MAX_DIAGNOSTIC = 500

STATUS_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
ORIGINALS = frozenset({"message/rfc822", "message/global"})
ORIGINAL_HEADERS = frozenset({"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"})
OTHER_REPORTS = frozenset({"message/feedback-report", "message/disposition-notification", "message/tracking-status"})
"""Reports that tell of something else: complaints (RFC 5965), receipts (RFC 8098), tracking (RFC 3886)."""
OTHER_TYPES = frozenset({"feedback-report", "disposition-notification", "tracking-status", "tlsrpt"})
"""What such reports call themselves (TLS: RFC 8460)."""

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,998}>")
_BLANK_LINE = re.compile(rb"(?:\r?\n){2,}")
_NAMES = ("final-recipient", "original-recipient", "x-actual-recipient")
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_ADDRESS_TYPE = re.compile(r"(?:rfc-?822|utf-8|smtp|unknown|internet|mailto)?\s*;", re.IGNORECASE)
_ACTIONS = {"error": "failed", "failure": "failed", "fail": "failed", "failed": "failed", "delay": "delayed"}
"""How programs spell an action that RFC 3464 §2.3.3 knows by another name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a report says of one recipient; `action` in the words of RFC 3464 §2.3.3."""

    recipient: str | None
    status: str | None
    action: str | None
    diagnostic: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What is known of the mail that was returned: its Message-ID with angle brackets, and to whom it was."""

    message_id: str | None = None
    to: tuple[str, ...] = ()


def leaves(message: Message) -> Iterator[Message]:
    """The parts of a mail in their order, down to attached mails and reports, whose insides are not its own."""
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from leaves(part)
    else:
        yield message


def report_type(message: Message) -> str | None:
    """What kind of report a mail is by its own word: "" where it does not say; None for what is no report."""
    if message.get_content_type() != "multipart/report":
        return None
    return parameter(described(message), "report-type").strip().lower()


def outcomes(parts: list[Message]) -> list[Outcome]:
    """What these status parts say, recipient by recipient; a part without recipients says nothing."""
    return [_outcome(block) for part in parts for block in _blocks(part) if any(name in block for name in _NAMES)]


def returned(part: Message) -> Returned:
    """What this part says of the returned mail: the mail itself, or its header."""
    data = part_bytes(part)[:MAX_FIELDS].lstrip()
    return returned_header(_BLANK_LINE.split(data, 1)[0])


def returned_header(data: bytes) -> Returned:
    """The same from the bytes of a header."""
    header = message_from_bytes(data)
    found = _MESSAGE_ID.search(_value(header, "message-id", 1000))
    to = ",".join(_value(header, name, 2000) for name in ("x-original-to", "to", "cc"))
    return Returned(message_id=found[0] if found else None, to=tuple(to.split(",")))


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields of a status part, the one about the whole mail first (RFC 3464 §2.1)."""
    for block in _BLANK_LINE.split(part_bytes(part)[:MAX_FIELDS].strip(), MAX_BLOCKS)[:MAX_BLOCKS]:
        yield message_from_bytes(block)


def _value(block: Message, name: str, limit: int = 320) -> str:
    return next((one_line(header_text(value), limit) for key, value in block.raw_items() if key.lower() == name), "")


def _outcome(block: Message) -> Outcome:
    diagnostic = _value(block, "diagnostic-code", MAX_DIAGNOSTIC)
    status = enhanced(_value(block, "status")) or enhanced(diagnostic)
    return Outcome(
        recipient=_recipient(block),
        status=status,
        action=_action(_value(block, "action"), status),
        diagnostic=diagnostic or None,
    )


def _action(said: str, status: str | None) -> str | None:
    """The action, from the class of the status where it is missing (RFC 3463 §2)."""
    word = re.split(r"[^a-z-]", said.lower(), maxsplit=1)[0]
    if not word and status:
        return {"2": "delivered", "4": "delayed"}.get(status[0], "failed")
    return _ACTIONS.get(word, word) or None


def _recipient(block: Message) -> str | None:
    """`rfc822; bob@customer.example` as an address, in stored form where it has one; the first field that has one."""
    found = [address for name in _NAMES if (address := _address(_value(block, name)))]
    return next((address for address in found if "@" in address), next(iter(found), None))


def _address(value: str) -> str:
    """The address of a recipient field (RFC 3464 §2.3.1, RFC 6533 §3), with or without its type."""
    bare = _UNICODE.sub(_character, _ADDRESS_TYPE.sub("", value, count=1)).strip()
    inside = re.search(r"<([^<>]+)>", bare)
    bare = (inside[1] if inside else bare.rpartition(";")[2] if "@" in bare.rpartition(";")[2] else bare).strip(
        " <>\"'"
    )
    if " " in bare and '"' not in bare:  # `bob@customer.example (Bob)`
        bare = next((word for word in bare.split() if "@" in word), bare).strip("<>()")
    return stored_form(bare) or bare.lower()


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "?"
