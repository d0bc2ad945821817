"""Header values and text bodies into characters: raw bytes, RFC 2047 words.

Called by `parse`, `walk`, `names`, `sender` and `report`. Promises: no byte is dropped, every answer can be stored as
UTF-8 without NUL, all in linear time.
"""

import base64
import re

from gateway.mail.charset import codec, storable, to_text
from gateway.mail.html import declared_charset

# `?` may stand inside a word, as in "=?utf-8?q?Really??=": lenient, but a word never runs into the next one. The last
# one may have lost its end.
_ENCODED_WORD = re.compile(r"=\?([^?\s]{0,80}) ?\?([BbQq])\?((?:[^?]|(?<!=)\?(?!=))*+)(\?=|\Z)")
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_LINE_END = re.compile("\r\n?")
_FOLD = re.compile(r"\r?\n|\r")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def one_line(text: str, limit: int = 1000) -> str:
    """The text on one line, control characters as blanks, at most `limit` characters."""
    return " ".join(_CONTROL.sub(" ", text[: 10 * limit]).split())[:limit]


def body_text(data: bytes, charset: str | None, hint: str | None = None, *, is_html: bool = False) -> str:
    """A text part as text, lines ended by LF; an HTML part may name its charset inside (HTML, "meta charset").

    `hint` is a charset that the mail names elsewhere, for text that names none.
    """
    if is_html and codec(charset) in {None, "ascii"}:
        charset = declared_charset(data) or charset
    return _LINE_END.sub("\n", to_text(data, charset, hint))


def raw_header(value: str) -> bytes:
    """The bytes of a header value as the standard library's compat32 policy keeps it."""
    return value.encode("utf-8", "surrogateescape")


def unfolded(value: str) -> str:
    """A raw header value as one line, nothing in it decoded; raw 8-bit is shown, not dropped.

    What is believed is read from this: a sender who writes `;` as an encoded word must not end a clause of the
    Authentication-Results that our relay wrote about his address (RFC 2047 §5: no encoded words there).
    """
    return storable(to_text(raw_header(_FOLD.sub("", value)))).strip()


def header_text(value: str, hint: str | None = None) -> str:
    """A raw header value unfolded and with its RFC 2047 words decoded; raw 8-bit is shown, not dropped.

    More lenient than RFC 2047: words may stand anywhere, hold blanks, and share a letter between two. Raw 8-bit that
    is no UTF-8 is in the charset `hint`, if that is given.
    """
    text = to_text(raw_header(_FOLD.sub("", value)), None, hint)
    if "=?" not in text:
        return text.strip()
    shown: list[str] = []
    pending = _Word()
    end = 0
    for word in _ENCODED_WORD.finditer(text):
        between = text[end : word.start()]
        charset, packed = word[1].lower(), word[3] if word[4] else word[3].removesuffix("?")
        if pending.is_there and not between.strip() and pending.charset == charset:
            pending.add(word[2], packed)
        else:
            shown.append(pending.text())
            # RFC 2047 §6.2: blanks between two encoded words are not shown.
            shown.append("" if pending.is_there and not between.strip() else between)
            pending = _Word(charset)
            pending.add(word[2], packed)
        end = word.end()
    shown.append(pending.text())
    return storable("".join(shown) + text[end:]).strip()


class _Word:
    """Encoded words of one charset that follow each other: letters may be cut between them, and even base64."""

    __slots__ = ("charset", "data", "is_there", "left")

    def __init__(self, charset: str | None = None) -> None:
        self.charset = charset
        self.is_there = charset is not None
        self.data = b""
        self.left = ""

    def add(self, encoding: str, packed: str) -> None:
        """What one word holds, as it is packed."""
        if encoding in "Qq":
            self.data += _unpacked(self.left)
            self.left = ""
            plain = packed.replace("_", " ").encode("utf-8")
            self.data += _HEX.sub(lambda pair: bytes([int(pair[1], 16)]), plain)
            return
        if self.left and not _is_cut(self.left):
            self.data += _unpacked(self.left)
            self.left = ""
        packed = self.left + _NO_BASE64.sub("", packed)
        whole = len(packed) - len(packed) % 4
        self.data += _unpacked(packed[:whole])
        self.left = packed[whole:]

    def text(self) -> str:
        """All of it as characters."""
        return to_text(self.data + _unpacked(self.left), self.charset) if self.is_there else ""


def _is_cut(left: str) -> bool:
    """True if letters of base64 that fill no byte go on in the next word: bits are set that the end of a text lacks."""
    return base64.b64encode(_unpacked(left)).decode().rstrip("=") != left


def _unpacked(packed: str) -> bytes:
    return base64.b64decode(packed[: len(packed) - (len(packed) % 4 == 1)] + "==")


def named_charset(value: str) -> str | None:
    """The charset of the first RFC 2047 word in a header value."""
    word = _ENCODED_WORD.search(value) if "=?" in value else None
    return word[1] or None if word else None
