"""Bytes in some charset into characters: what the sender named, or what the bytes themselves show.

Called by `decode` and `names`. Promises: no byte is dropped, a sender's charset name never chooses anything but a
text codec, every answer can be stored as UTF-8 without NUL, all in linear time.
"""

import encodings
import re
import unicodedata
from encodings.aliases import aliases

from gateway.mail.guess import guessed

ALLOWED_CODECS = frozenset(
    {
        *("ascii", "utf_8", "utf_8_sig", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"),
        *("utf_7", "latin_1"),
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
_NICKNAMES = {
    "sjis": "shift_jis",
    "windows_31j": "cp932",
    "ms_kanji": "cp932",
    "unicode_1_1_utf_7": "utf_7",
    "unicode_2_0_utf_7": "utf_7",
    "mac_ce": "mac_latin2",
    "macintosh": "mac_roman",
    "unicode": "utf_16",
    "ucs_2": "utf_16",
    "iso_10646_ucs_2": "utf_16",
    "utf8mb4": "utf_8",
    "koi8": "koi8_r",
    "koi8_ru": "koi8_u",
    "cp51932": "euc_jp",
    "gb_2312_80": "gb2312",
    "gb2312_charset": "gb2312",
    "cn_gb": "gb2312",
    "cn_big5": "big5",
    "big5_eten": "big5",
    "chinesebig5": "big5",
    "chinesebig5_charset": "big5",
}
_MULTIBYTE = re.compile(r"big5|gb|hz|cp9[345]|euc|iso2022|johab|shift|utf_")
_WIDE = re.compile(r"utf_(?:16|32)")
_SAID_MORE = re.compile(r"[\s(;,*]")
_JAPANESE = re.compile(rb"\x1b\$[@B]|\x1b\([IJ]|\x1b\$\([DOPQ]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LOOKED_AT = 4_000
"""Bytes that decide which of two byte orders it is."""


def codec(charset: str | None) -> str | None:
    """The Python codec for a charset that a sender named; None for none, an unknown or an unsafe one."""
    if not charset or len(charset) > 60 or not charset.isascii():
        return None
    name = encodings.normalize_encoding(_SAID_MORE.split(charset.strip("\"' "))[0].rstrip("\"'")).lower()
    name = re.sub(r"^(?:x_|cs)(?=[a-z])", "", name.removesuffix("_i").removesuffix("_e"))
    name = re.sub(r"^(?:windows|win|ibm|cp|ms)_?(?=\d{3,4}$)", "cp", _NICKNAMES.get(name, name))
    name = aliases.get(name, aliases.get(name.replace("_", ""), name))
    return name if name in ALLOWED_CODECS else None


def storable(text: str) -> str:
    """The text without what no database takes: lone surrogates and NUL become U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def to_text(data: bytes, charset: str | None = None, hint: str | None = None) -> str:
    """The characters of `data`; stray bytes are shown, never dropped.

    What the bytes show outweighs the declared charset: UTF-8 and UTF-16 are hardly ever anything else by accident.
    Where nothing is declared, UTF-8, else the `hint` (what the mail declares elsewhere), else what its letters show,
    else windows-1252.
    """
    declared = codec(charset)
    if data.isascii() and b"\0" not in data and b"\x1b" not in data and declared not in {"utf_7", "hz"}:
        return data.decode("ascii")
    declared = None if declared == "ascii" else declared
    if wide := _wide(data, declared):
        return storable(wide)
    declared = None if declared and _WIDE.match(declared) else declared
    is_seven_bit = data.isascii()
    japanese = declared if declared and declared.startswith("iso2022_jp") else None
    if (is_seven_bit or japanese or declared is None) and _JAPANESE.search(data):
        return storable(_japanese(data, japanese or "iso2022_jp"))
    if declared is None or declared == "utf_8" or (declared.startswith("iso2022") and not is_seven_bit):
        return _undeclared(data, codec(hint) if declared is None else None)
    if not is_seven_bit and _is_rather_utf_8(data, declared):
        return storable(data.decode("utf_8_sig"))
    name = _WIDER.get(declared, declared)
    try:
        return storable(data.decode(name))
    except (UnicodeError, ValueError):
        return storable(_western(data) if name == "cp1252" else data.decode(name, "backslashreplace"))


def _undeclared(data: bytes, hint: str | None) -> str:
    if not _is_utf_8(data) and hint not in {None, "ascii", "utf_8", "utf_7"} and not _WIDE.match(str(hint)):
        try:
            return storable(data.decode(_WIDER.get(str(hint), str(hint))))
        except (UnicodeError, ValueError):
            pass
    # A mail cut in the middle of a letter is still UTF-8; only its stray bytes are read as windows-1252.
    text = data.decode("utf_8_sig", "surrogateescape")
    strays = len(_SURROGATE.findall(text))
    if strays * 2 > len(text) - _ascii_count(data):
        return storable(_guessed(data))
    return storable(_SURROGATE.sub(lambda stray: _western(stray[0].encode("utf-8", "surrogateescape")), text))


def _guessed(data: bytes) -> str:
    """The text as its letters show it; windows-1252, where they show nothing."""
    name = guessed(data)
    if name is None:
        return _western(data)
    return data.decode(name, "backslashreplace")


def _ascii_count(data: bytes) -> int:
    return len(data.translate(None, bytes(range(128, 256))))


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_rather_utf_8(data: bytes, declared: str) -> bool:
    """True if text that is declared as something else is UTF-8.

    In an eight-bit set its sequences would be letters beside symbols. Two letters of a two-byte set may look like
    UTF-8; four of three bytes each do not.
    """
    try:
        letters = [letter for letter in data.decode("utf-8") if letter > "\x7f"]
    except UnicodeDecodeError:
        return False
    if _MULTIBYTE.match(declared):
        return len(letters) >= 4 and sum(letter > "\u07ff" for letter in letters) * 2 > len(letters)
    return declared in {"latin_1", "cp1252", "iso8859_15"} or len(letters) >= 2


def _western(data: bytes) -> str:
    """windows-1252, its five holes filled from Latin-1 as browsers do."""
    text = data.decode("cp1252", "surrogateescape")
    return _SURROGATE.sub(lambda stray: chr(ord(stray[0]) - 0xDC00), text)


def _wide(data: bytes, declared: str | None) -> str | None:
    """UTF-16 or UTF-32, with or without a byte order mark; None if it is neither."""
    if data[:4] in {b"\xff\xfe\0\0", b"\0\0\xfe\xff"}:
        names = ["utf_32"]
    elif data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        names = ["utf_16"]
    elif not (declared and _WIDE.match(declared)) and data[:_LOOKED_AT].count(0) * 4 < len(data[:_LOOKED_AT]):
        return None
    elif b"\0" not in data and _is_utf_8(data):
        return None  # a charset declared wrongly: two bytes a letter would make Chinese of it
    else:
        size = "32" if (declared or "").startswith("utf_32") or data[:_LOOKED_AT].count(b"\0\0\0") > 1 else "16"
        names = [f"utf_{size}_be", f"utf_{size}_le"]
        if declared in names:
            names = [declared]
    # RFC 2781 §4.3: without a mark the big end comes first.
    texts = [data.decode(name, "backslashreplace") for name in names]
    if declared or len(names) == 1:
        return min(texts, key=lambda text: _oddness(text[: _LOOKED_AT // 2]))
    sound = [text for text in texts if "\\x" not in text and _oddness(text[: _LOOKED_AT // 2]) < 0]
    return min(sound, key=lambda text: _oddness(text[: _LOOKED_AT // 2]), default=None)


def _oddness(text: str) -> int:
    """How many characters no mail has, less those that every mail has: ASCII, most of all blanks and line ends."""
    odd = sum(letter not in "\t\r\n" and unicodedata.category(letter) in {"Cc", "Cn", "Co", "Cs"} for letter in text)
    return odd + 8 * text.count("\\x") - sum(" " <= letter <= "~" or letter in "\t\r\n" for letter in text)


def _japanese(data: bytes, name: str) -> str:
    """ISO-2022-JP as it is written: with half-width kana, and the circled numbers that its standard lacks."""
    for attempt in dict.fromkeys((name, "iso2022_jp_ext")):
        try:
            return data.decode(attempt)
        except (UnicodeError, ValueError):
            continue
    first, *runs = re.split(rb"\x1b(\$[@B]|\([IJB])", data)
    upper = bytes(byte | 0x80 if byte > 0x20 else byte for byte in range(256))
    pieces = [first]
    for escape, run in zip(runs[::2], runs[1::2], strict=True):
        if escape == b"(I":
            pieces.append(b"".join(b"\x8e%c" % byte if byte > 0xA0 else b"%c" % byte for byte in run.translate(upper)))
        else:
            pieces.append(run.translate(upper) if escape[:1] == b"$" else run)
    # JIS X 0213 has the numbers where Windows put them.
    return b"".join(pieces).decode("euc_jis_2004", "backslashreplace")
