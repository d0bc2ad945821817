"""The tree of parts of a mail, parsed once and within limits, and the bytes of any part of it.

Called by `parse`, `walk` and `report`. Promises: the limits hold while the standard library parses, not after it;
bytes come out as they came in.
"""

import re
from email import message_from_bytes
from email.message import Message
from email.policy import Compat32
from itertools import count
from typing import Any

from gateway.mail.decode import raw_header
from gateway.mail.names import STRUCTURE
from gateway.mail.transfer import decoded, encoding_of

MAX_DEPTH = 50
"""Multiparts and attached mails inside each other; 8 forwards of forwards stay below it."""
MAX_PARTS = 1_000
MAX_PART_HEADERS = 256_000
"""Characters of the header of one part."""
MAX_STRUCTURE_HEADER = 8_000
"""Characters of one Content-Type and its like, which the standard library reads again and again."""
MAX_PARAMETERS = 200
"""Semicolons in such a header: reading parameters takes the square of their number."""

ENCODED = frozenset({"base64", "quoted-printable"})
"""How RFC 2046 §5.2.1 forbids to encode an attached mail, and some programs do: its parts are then not seen."""


_BOUNDARY = re.compile(rb"^--([^\s\"]{1,70})[ \t]*\r?\n(?=content-[a-z-]{1,40}:)", re.IGNORECASE | re.MULTILINE)


class LimitReachedError(Exception):
    """A mail is beyond a limit; the text says which, in words a support agent understands."""


class _Part(Message):
    """A message or part that stops its own parse at the limits.

    `set_raw` and `attach` are what the standard library's parser calls for each header and each child.
    """

    depth = 0
    header_characters = 0
    _payload: Any

    def set_raw(self, name: str, value: str) -> None:
        self.header_characters += len(name) + len(value)
        if self.header_characters > MAX_PART_HEADERS:
            raise LimitReachedError(f"the header of one part is larger than {MAX_PART_HEADERS // 1000} kB")
        if name.lower() in STRUCTURE and (
            len(value) > MAX_STRUCTURE_HEADER or value.count(";") > MAX_PARAMETERS or value.count("'") > MAX_PARAMETERS
        ):
            raise LimitReachedError(f"a {name} field is too large")
        super().set_raw(name, value)

    def attach(self, payload: Any) -> None:
        payload.depth = self.depth + 1
        if payload.depth > MAX_DEPTH:
            raise LimitReachedError(f"parts are nested deeper than {MAX_DEPTH}")
        super().attach(payload)

    def get_payload(self, i: int | None = None, decode: bool = False) -> Any:
        # Undecoded text is for writing back: the standard library would put U+FFFD where its charset does not fit.
        if i is None and not decode and isinstance(self._payload, str):
            return self._payload
        return super().get_payload(i, decode)  # type: ignore[call-overload]  # typed for literals only


class _AsItCame(Compat32):
    """Writes headers back as they were read, where the standard library would fold them anew."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        return raw_header(f"{name}: {value}{self.linesep}")


def parse_parts(data: bytes) -> Message:
    """The message tree of the standard library, with the compat32 policy; raises LimitReachedError.

    A multipart that does not name its boundary, or another one, is read with the one that stands in it.
    """
    message = _parsed(data)
    if message.get_content_maintype() == "multipart" and not message.is_multipart():
        below = str(message.get_payload()).encode("utf-8", "surrogateescape")
        if boundary := _BOUNDARY.search(below):
            field = b'Content-Type: multipart/mixed; boundary="' + boundary[1] + b'"\n\n'
            message.set_payload(_parsed(field + below).get_payload())
    return message


def _parsed(data: bytes) -> Message:
    numbers = count(1)

    def part(**keywords: Any) -> Message:
        if next(numbers) > MAX_PARTS + 1:  # the parser makes one more, to see what the factory takes
            raise LimitReachedError(f"there are more than {MAX_PARTS} parts")
        return _Part(**keywords)

    return message_from_bytes(data, part)


def from_only(message: Message) -> Message:
    """The From fields of a message, for mail-parser.

    Of the rest it would decode each attachment once more, and fail on what can be read: an unclosed boundary, an odd
    charset in a file name, a name in To that is no base64.
    """
    fields: Message = Message()
    for name, value in message.raw_items():
        if name.lower() == "from":
            fields.set_raw(name, value)
    return fields


def part_bytes(part: Message, linesep: str = "\n") -> bytes:
    """What is in a part, decoded; of an attached mail or report its own bytes, header and all, with these line ends."""
    if not part.is_multipart():
        data, below = decoded(part)
        return data + below
    whole, end = part.as_bytes(policy=_AsItCame(linesep=linesep, mangle_from_=False)), linesep.encode()
    body = whole.removeprefix(end) if whole.startswith(end) else whole.partition(end * 2)[2]
    if (encoding := encoding_of(part)) not in ENCODED:
        return body
    # RFC 2046 §5.2.1 forbids to encode an attached mail; some programs do.
    encoded: Message = Message()
    encoded["Content-Transfer-Encoding"] = encoding
    encoded.set_payload(body.decode("ascii", "surrogateescape"))
    return decoded(encoded)[0]
