"""Bytes of a mail into characters: charsets, RFC 2047 words, format=flowed.

Called by `parse`, `sender` and `report`. Promises: no byte is dropped, a sender's charset name never
chooses anything but a text codec, every answer can be stored as UTF-8 without NUL, all in linear time.
"""

import base64
import binascii
import encodings
import re
from encodings.aliases import aliases

from gateway.mail.html import declared_charset

ALLOWED_CODECS = frozenset(
    {
        *("ascii", "utf_8", "utf_8_sig", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_7", "latin_1"),
        *(f"iso8859_{number}" for number in range(2, 17) if number != 12),
        *(f"cp{number}" for number in range(1250, 1259)),
        *("cp437", "cp850", "cp852", "cp855", "cp857", "cp858", "cp860", "cp861", "cp862", "cp863", "cp864"),
        *("cp865", "cp866", "cp869", "cp874", "cp1006", "cp1125", "koi8_r", "koi8_t", "koi8_u", "kz1048", "ptcp154"),
        *("mac_cyrillic", "mac_greek", "mac_iceland", "mac_latin2", "mac_roman", "mac_turkish", "hp_roman8"),
        *("tis_620", "big5", "big5hkscs", "cp950", "gb2312", "gbk", "gb18030", "hz", "cp932", "shift_jis"),
        *("shift_jis_2004", "shift_jisx0213", "euc_jp", "euc_jis_2004", "euc_jisx0213", "iso2022_jp"),
        *("iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_2004", "iso2022_jp_3", "iso2022_jp_ext"),
        *("cp949", "euc_kr", "johab", "iso2022_kr"),
    }
)
"""Text encodings only: `punycode`, `idna`, `unicode_escape`, `undefined` and the transforms are not among them."""

_WIDER = {
    # What senders mean, as browsers read it (WHATWG Encoding Standard): the wider set of the same family.
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "ks_c_5601": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "utf_8": "utf_8_sig",
}
_MULTIBYTE = re.compile(r"big5|gb|hz|cp9[345]|euc|iso2022|johab|shift|utf_(?:16|32|7)")
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,80})\?([BbQq])\?([^?]*)\?=")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile("\r\n?")
_FOLD = re.compile(r"\r?\n|\r")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def codec(charset: str | None) -> str | None:
    """The Python codec for a charset that a sender named; None for none, an unknown or an unsafe one."""
    if not charset or len(charset) > 60 or not charset.isascii():
        return None
    name = encodings.normalize_encoding(charset.split("*")[0].strip("\"' ")).lower()
    name = re.sub(r"^(?:x_|cs)(?=[a-z])", "", name.removesuffix("_i").removesuffix("_e"))
    name = {"windows_874": "cp874", "sjis": "shift_jis", "unicode_1_1_utf_7": "utf_7"}.get(name, name)
    name = aliases.get(name, aliases.get(name.replace("_", ""), name))
    return name if name in ALLOWED_CODECS else None


def storable(text: str) -> str:
    """The text without what no database takes: lone surrogates and NUL become U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def one_line(text: str, limit: int = 1000) -> str:
    """The text on one line, control characters as blanks, at most `limit` characters."""
    return " ".join(_CONTROL.sub(" ", text[: 10 * limit]).split())[:limit]


def to_text(data: bytes, charset: str | None = None) -> str:
    """The characters of `data`: the declared charset, else UTF-8, else windows-1252; stray bytes are shown, never dropped."""
    declared = codec(charset)
    if declared == "ascii" or (declared == "utf_16" and data[:2] not in {b"\xff\xfe", b"\xfe\xff"}):
        declared = None
    if declared:
        try:
            return storable(data.decode(_WIDER.get(declared, declared)))
        except (UnicodeError, ValueError):
            if _MULTIBYTE.match(declared) and not _is_utf_8(data):
                return storable(data.decode(_WIDER.get(declared, declared), "backslashreplace"))
    if declared == "utf_8" or _is_utf_8(data):
        # A mail cut in the middle of a letter is still UTF-8; only its stray bytes are read as windows-1252.
        text = data.decode("utf_8_sig", "surrogateescape")
        return storable(_SURROGATE.sub(lambda stray: _western(stray[0].encode("utf-8", "surrogateescape")), text))
    return storable(_western(data))


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _western(data: bytes) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def body_text(data: bytes, charset: str | None, *, is_html: bool = False) -> str:
    """A text part as text, lines ended by LF; an HTML part may name its charset inside (HTML, "meta charset")."""
    if is_html and codec(charset) is None:
        charset = declared_charset(data) or charset
    return _LINE_END.sub("\n", to_text(data, charset))


def raw_header(value: str) -> bytes:
    """The bytes of a header value as the standard library's compat32 policy keeps it."""
    return value.encode("utf-8", "surrogateescape")


def unfolded(value: str) -> str:
    """A raw header value as one line, nothing in it decoded; raw 8-bit is shown, not dropped.

    What is believed is read from this: a sender who writes `;` as an encoded word must not end a clause of the
    Authentication-Results that our relay wrote about his address (RFC 2047 §5: no encoded words there).
    """
    return storable(to_text(raw_header(_FOLD.sub("", value)))).strip()


def header_text(value: str) -> str:
    """A raw header value unfolded and with its RFC 2047 words decoded; raw 8-bit is shown, not dropped.

    More lenient than RFC 2047: words may stand anywhere, hold blanks, and share a letter between two.
    """
    text = to_text(raw_header(_FOLD.sub("", value)))
    if "=?" not in text:
        return text.strip()
    shown: list[str] = []
    pending: tuple[str, bytes] | None = None
    end = 0
    for word in _ENCODED_WORD.finditer(text):
        between = text[end : word.start()]
        charset, data = word[1].lower(), _word_bytes(word[2], word[3])
        if pending and not between.strip() and pending[0] == charset:
            data = pending[1] + data
        else:
            shown.append(to_text(pending[1], pending[0]) if pending else "")
            # RFC 2047 §6.2: blanks between two encoded words are not shown.
            shown.append("" if pending and not between.strip() else between)
        pending, end = (charset, data), word.end()
    shown.append(to_text(pending[1], pending[0]) if pending else "")
    return storable("".join(shown) + text[end:]).strip()


def _word_bytes(encoding: str, encoded: str) -> bytes:
    data = encoded.encode("utf-8")
    if encoding in "Bb":
        packed = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        try:
            return base64.b64decode(packed[: len(packed) - (len(packed) % 4 == 1)] + b"==")
        except binascii.Error:
            return data
    return _HEX.sub(lambda pair: bytes([int(pair[1], 16)]), data.replace(b"_", b" "))


def unflow(text: str, *, delsp: bool) -> str:
    """format=flowed text with its soft line breaks taken out (RFC 3676 §4), quote marks kept."""
    paragraphs: list[str] = []
    open_depth: int | None = None
    parts: list[str] = []
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
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
