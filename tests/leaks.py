"""What a mail shows to whoever gets it: all its bytes, decoded in each way in which something may hide (TESTPLAN AC-13)."""

import re
from collections.abc import Iterable, Iterator
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from html import unescape
from urllib.parse import unquote

ZERO_WIDTH = dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0xAD))


def readings(data: bytes) -> Iterator[str]:
    """The mail as it is, and each header and part of it as a mail program reads it."""
    yield data.decode("latin-1")
    yield from _read(message_from_bytes(data, policy=policy.compat32))


def _read(mail: Message) -> Iterator[str]:
    for part in mail.walk():
        for value in map(str, part.values()):
            unfolded = re.sub(r"[\r\n]+[ \t]", " ", value)
            yield from (value, unfolded, str(make_header(decode_header(unfolded))))
        yield part.get_filename() or ""
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            yield payload.decode("utf-8", "replace")
            yield payload.decode("latin-1")


def shows(data: bytes, markers: Iterable[str]) -> list[str]:
    """Those of these words (in lower case) that this mail shows in any reading, whatever stands between their letters."""
    seen = [plain for text in readings(data) for plain in _plain(text)]
    return sorted(marker for marker in markers if any(marker in plain for plain in seen))


def _plain(text: str) -> Iterator[str]:
    for one in (text, unescape(text), unquote(text), unquote(unescape(text)), re.sub(r"=\r?\n", "", text)):
        words = one.translate(ZERO_WIDTH).lower()
        yield words
        yield re.sub(r"\s+", "", re.sub(r"<[^>]*>", "", words))
