"""What programs wrap around a body to carry it: transfer encodings, uuencode, format=flowed.

Called by `walk`. Promises: never raises; nothing is dropped that is not packing; linear in the body.
"""

import base64
import binascii
import quopri
import re
from email.message import Message

_TOKEN = re.compile(r"[^\s;()\"']+")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NO_BASE64 = bytes(set(range(256)) - set(_BASE64))
_SOFT_BREAK = re.compile(rb"=[ \t]+(?=\r?\n)")
_YENC = re.compile(rb"^=ybegin ([^\r\n]*?)name=([^\r\n]{1,255})\r?\n(?:=ypart [^\r\n]*\n)?", re.MULTILINE)
_YENC_END = re.compile(rb"^=yend [^\r\n]*\r?\n?", re.MULTILINE)
_YENC_BYTES = bytes((byte - 42) % 256 for byte in range(256))
_YENC_ESCAPED = re.compile(rb"=(.)", re.DOTALL)
_BEGIN = re.compile(r"begin [0-7]{3,4} ([^\n]{1,255})")
_UU_LINE = re.compile(r"[ -`]{1,86}")

LEAST_PACKED = 8
"""Letters of base64 that stand above a text in clear; fewer are a word."""
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
            # RFC 2045 §6.7: blanks at the end of a line were added on the way.
            return quopri.decodestring(_SOFT_BREAK.sub(b"=", data) if b"= " in data or b"=\t" in data else data), b""
        case "x-uuencode" | "uuencode" | "uue" | "x-uue":
            files, rest = take_uuencoded(payload)
            return (files[0][1], b"") if files and not rest.strip() else (data, b"")
    return data, b""


def _from_base64(data: bytes) -> tuple[bytes, bytes]:
    packed, below = _apart(data) if data.translate(None, _BASE64 + b"\r\n") else (data, b"")
    if below and not packed.strip():
        return data, b""  # never encoded at all
    # What was packed piece by piece has padding within; one letter alone is less than a byte: a mail that was cut there.
    pieces = (piece for piece in packed.translate(None, _NO_BASE64).split(b"=") if piece)
    return b"".join(base64.b64decode(piece[: len(piece) - (len(piece) % 4 == 1)] + b"==") for piece in pieces), below


def _apart(data: bytes) -> tuple[bytes, bytes]:
    """The lines of base64, and the text in clear below them; a line with stray letters among them is base64, too."""
    lines = data.split(b"\n")
    first = next((number for number, line in enumerate(lines) if _is_clear(line)), len(lines))
    rest = [line for line in lines[first:] if line.strip()]
    if sum(map(_is_clear, rest)) * 2 < len(rest):
        return data, b""
    above = b"".join(lines[:first])
    if len(above) < LEAST_PACKED or above.strip().islower():  # a word, not base64
        return b"", data
    return above, b"\n".join(lines[first:])


def _is_clear(line: bytes) -> bool:
    """True for words: blanks between them, or letters of which too many are not of base64."""
    line = line.strip()
    return b" " in line or len(line.translate(None, _BASE64)) * 8 > len(line)


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


def take_yencoded(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Files that stand yEncoded in the bytes of a text, as (name, bytes), and the text without them.

    A block without its end, or one of several of a file, stays text.
    """
    files: list[tuple[bytes, bytes]] = []
    kept: list[bytes] = []
    position = 0
    for begin in _YENC.finditer(data) if b"=ybegin " in data else ():
        end = _YENC_END.search(data, begin.end()) if begin.start() >= position and b"part=" not in begin[1] else None
        if end is None:
            continue
        packed = data[begin.end() : end.start()].replace(b"\r", b"").replace(b"\n", b"")
        # An escaped byte has 64 more.
        plain = _YENC_ESCAPED.sub(lambda byte: bytes([(byte[1][0] - 64) % 256]), packed)
        files.append((begin[2].strip(b' "'), plain.translate(_YENC_BYTES)))
        kept.append(data[position : begin.start()])
        position = end.end()
    return files, b"".join([*kept, data[position:]])


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
