"""What programs wrap around a body to carry it: transfer encodings, uuencode, format=flowed.

Called by `walk`. Promises: never raises; nothing is dropped that is not packing; linear in the body.
"""

import base64
import binascii
import quopri
import re
from email.message import Message

_TOKEN = re.compile(r"[^\s;()\"']+")
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
_BASE64_LINE = re.compile(rb"[ \t]*[A-Za-z0-9+/]+={0,2}[ \t]*")
_PADDED = re.compile(rb"=[ \t\r]*\n")
_BEGIN = re.compile(r"begin [0-7]{3,4} ([^\n]{1,255})")
_UU_LINE = re.compile(r"[ -`]{1,86}")

STUFFED = "  "
"""Put before a `>` that format=flowed had escaped: a line that begins so was never a quotation."""


def encoding_of(part: Message) -> str:
    """The Content-Transfer-Encoding in lower case, without the comments and commas that some programs add to it."""
    token = _TOKEN.search(str(part.get("content-transfer-encoding", "")))
    return token[0].rstrip(",.").lower() if token else ""


def decoded(part: Message) -> tuple[bytes, bytes]:
    """The bytes of a leaf; and text in clear that somebody has written below its base64, as mailing lists do."""
    payload = part.get_payload()
    if not isinstance(payload, str):
        return b"", b""
    data = payload.encode("utf-8", "surrogateescape")
    match encoding_of(part):
        case "base64":
            return _from_base64(data)
        case "quoted-printable" | "quotedprintable":
            return quopri.decodestring(data), b""
        case "x-uuencode" | "uuencode" | "uue" | "x-uue":
            files, rest = take_uuencoded(payload)
            return (files[0][1], b"") if files and not rest.strip() else (data, b"")
    return data, b""


def _from_base64(data: bytes) -> tuple[bytes, bytes]:
    packed, below = data, b""
    lines = [line.rstrip(b"\r") for line in _PADDED.split(data[:4000])[0].split(b"\n", 30) if line.strip()]
    if sum(_BASE64_LINE.fullmatch(line) is None for line in lines) * 2 > len(lines) > 1:
        return data, b""  # never encoded at all
    if b"=" in data:
        # Only below the padding can there be more; a line that is no base64 shows that there is.
        end = data.index(b"=")
        stop = data.find(b"\n", end)
        rest = data[stop + 1 :] if stop >= 0 else b""
        first = next((line for line in rest.split(b"\n") if line.strip()), b"")
        if first and not _BASE64_LINE.fullmatch(first.rstrip(b"\r")):
            packed, below = data[: stop + 1], rest
    letters = _NO_BASE64.sub(b"", packed)
    try:
        # One letter alone is less than a byte: a mail that was cut there.
        short = letters.rstrip(b"=")
        return base64.b64decode(short[: len(short) - (len(short) % 4 == 1)] + b"=="), below
    except binascii.Error:
        return data, b""


def take_uuencoded(text: str) -> tuple[list[tuple[str, bytes]], str]:
    """Files that stand uuencoded in a text, as (name, bytes), and the text without them.

    A block that is not whole, from `begin` to `end`, stays text.
    """
    if "\nend" not in text or "begin " not in text:
        return [], text
    files: list[tuple[str, bytes]] = []
    kept: list[str] = []
    lines = text.split("\n")
    position = 0
    ends = [number for number, line in enumerate(lines) if line.rstrip("\r") == "end"]
    for end in ends:
        begin = next(
            (n for n in range(end - 1, position - 1, -1) if not _UU_LINE.fullmatch(lines[n].rstrip("\r"))), None
        )
        found = _BEGIN.fullmatch(lines[begin].rstrip("\r")) if begin is not None else None
        if begin is None or found is None:
            kept += lines[position : end + 1]
        else:
            data = _uudecoded(lines[begin + 1 : end])
            kept += lines[position : end + 1 if data is None else begin]
            if data is not None:
                files.append((found[1].strip(), data))
        position = end + 1
    return files, "\n".join([*kept, *lines[position:]])


def _uudecoded(lines: list[str]) -> bytes | None:
    pieces: list[bytes] = []
    for line in lines:
        packed = line.rstrip("\r")
        size = (ord(packed[0]) - 32) & 63 if packed else 0
        wanted = (size + 2) // 3 * 4
        try:
            # Blanks at the end of a line may have been lost on the way, or one letter too many added.
            pieces.append(binascii.a2b_uu(packed[: 1 + wanted].ljust(1 + wanted).encode("ascii")) if size else b"")
        except (binascii.Error, UnicodeEncodeError):
            return None
        if len(packed) - 1 < size:
            return None
    data = b"".join(pieces)
    return data or None


def unflow(text: str, *, delsp: bool) -> str:
    """format=flowed text with its soft line breaks taken out (RFC 3676 §4), quote marks kept."""
    paragraphs: list[str] = []
    open_depth: int | None = None
    parts: list[str] = []
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        if not depth and content.startswith(">"):
            content = STUFFED + content
        # The signature line ends in a blank and is never flowed (RFC 3676 §4.3).
        flowed = content.endswith(" ") and content != "-- "
        if open_depth is not None and (open_depth != depth or content == "-- "):
            paragraphs.append(_quoted(open_depth, parts))
            open_depth = None
        if open_depth is None:
            open_depth, parts = depth, []
        parts.append(content[:-1] if flowed and delsp else content)
        if not flowed:
            paragraphs.append(_quoted(depth, parts))
            open_depth = None
    if open_depth is not None:
        paragraphs.append(_quoted(open_depth, parts))
    return "\n".join(paragraphs)


def _quoted(depth: int, parts: list[str]) -> str:
    marks = ">" * depth + " " if depth else ""
    return marks + "".join(parts)
