"""Mail as it may be shown: without what answers a question, or unsubscribes, in somebody's place (SPEC section 9).

Views of intake and outbox call it: who reads a screen or a log of one must not learn a one-time token, used or not.
"""

import base64
import re
from email import message_from_bytes

MASK = "…"

_BREAK = r"(?:=\r?\n)?"
"""A line of quoted-printable may end anywhere (RFC 2045 §6.7)."""

_LETTERS = rf"(?:{_BREAK}[a-z2-7]){{16,40}}"
_WHOSE = rf"(?:a|u{_BREAK}\.(?:{_BREAK}\d){{1,10}})"
"""Answers to questions (`a.…`), and the ends of announcements for one person (`u.12.…`)."""
_ADDRESS = re.compile(rf"((?:\+|%2B){_BREAK}{_WHOSE}{_BREAK}\.){_LETTERS}(?={_BREAK}(?:@|%40))", re.IGNORECASE)
_SUBJECT_MARK = re.compile(rf"(\[[^\[\]\s]{{1,40}}\.){_LETTERS}(?={_BREAK}\])", re.IGNORECASE)


def without_tokens(text: str) -> str:
    """The text with each such address, and each mark of a subject that stands for one, as `service+a.…@…`."""
    return _SUBJECT_MARK.sub(rf"\1{MASK}", _ADDRESS.sub(rf"\1{MASK}", text))


def shown_mail(data: bytes) -> str:
    """One of our own mails as text, whole but for its one-time token, also where a part is base64."""
    text = without_tokens(data.decode("utf-8", "replace"))
    for part in message_from_bytes(data).walk():
        if part.get_content_maintype() != "text" or part.get("Content-Transfer-Encoding") != "base64":
            continue
        payload, content = part.get_payload(), part.get_payload(decode=True)
        if not isinstance(payload, str) or not isinstance(content, bytes):
            continue
        plain = content.decode("utf-8", "replace")
        if (masked := without_tokens(plain)) != plain:
            text = text.replace(payload, base64.encodebytes(masked.encode()).decode())
    return text
