"""Delivery status notifications (RFC 3464): what a mail server says became of a mail.

Called by `parse`. A report is only what the wire says; whether it is about a mail of ours is for the ladder to prove.
"""

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message

from gateway.domain.post import DeliveryReport
from gateway.mail.decode import header_text, one_line
from gateway.mail.parts import part_bytes
from gateway.mail.sender import stored_form

MAX_BLOCKS = 500
"""Recipients of one report that are looked at."""

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,998}>")
_BLANK_LINE = re.compile(rb"(?:\r?\n){2,}")
_STATUS_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_ORIGINALS = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})


def read_report(message: Message) -> DeliveryReport | None:
    """What a delivery status notification says of its first failed recipient, else of its first; None for any other mail."""
    if message.get_content_type() != "multipart/report" or not message.is_multipart():
        return None
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    status = next((part for part in parts if part.get_content_type().endswith("/delivery-status")), None)
    status = status or next(
        (part for part in parts if part.get_content_type() == "message/global-delivery-status"), None
    )
    if status is None:
        return None
    blocks = [block for block in _blocks(status) if "final-recipient" in block or "original-recipient" in block]
    failed = next((block for block in blocks if _action(block) == "failed"), None)
    chosen = failed or next(iter(blocks), None) or Message()
    return DeliveryReport(
        recipient=_recipient(chosen),
        status=_status(chosen),
        action=_action(chosen),
        diagnostic=_value(chosen, "diagnostic-code", 500) or None,
        original_message_id=next(filter(None, map(_original_id, parts)), None),
    )


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields of a status part, the one about the whole mail first (RFC 3464 §2.1)."""
    for block in _BLANK_LINE.split(part_bytes(part).strip(), MAX_BLOCKS)[:MAX_BLOCKS]:
        yield message_from_bytes(block)


def _value(block: Message, name: str, limit: int = 320) -> str:
    return next((one_line(header_text(value), limit) for key, value in block.raw_items() if key.lower() == name), "")


def _action(block: Message) -> str | None:
    return _value(block, "action").lower().split(" ")[0] or None


def _status(block: Message) -> str | None:
    found = _STATUS.search(_value(block, "status"))
    return found[0] if found else None


def _recipient(block: Message) -> str | None:
    """`rfc822; bob@customer.example` as an address, in stored form where it has one."""
    value = _value(block, "final-recipient") or _value(block, "original-recipient")
    address = value.rpartition(";")[2].strip(" <>")
    return stored_form(address) or address.lower() or None


def _original_id(part: Message) -> str | None:
    """The Message-ID of the returned mail, or of its header, in this part."""
    if part.get_content_type() not in _ORIGINALS:
        return None
    original = message_from_bytes(_BLANK_LINE.split(part_bytes(part).lstrip(), 1)[0])
    found = _MESSAGE_ID.search(_value(original, "message-id", 1000))
    return found[0] if found else None
