"""The header of a mail as its bytes say it, and the same mended where a parser would stop reading.

Called by `parse`. Promises: linear; every line is in a field; what is believed about a sender is never mended into
being, since a relay that stopped at the same line has not looked at it.
"""

import re

Fields = list[tuple[bytes, bytes]]
"""Lower-case name and value as it is folded; what no field is stands under an empty name."""

MOST_ODD = 5
"""Odd lines of a header; with more of them it is no header."""

_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_SOUND = re.compile(rb"[!-9;-~]+:|[ \t]")
_HEADER_END = re.compile(rb"(?:\r\n|\r(?!\n)|\n){2}")
_PARAMETERS = (b"\nname", b"\nfilename", b"\ncharset=", b"\nboundary=")
_LOOSE = re.compile(rb"\n(?:file)?name\*?=|\ncharset=|\nboundary=", re.IGNORECASE)
_LOOSE = re.compile(
    rb"^(content-(?:type|disposition):[^\n]{1,500};[ \t]*\r?\n)(?=(?:(?:file)?name|charset|boundary)\*?=)",
    re.IGNORECASE | re.MULTILINE,
)
_USUAL = frozenset(
    {
        *(b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"mime-version", b"reply-to", b"return-path"),
        *(b"content-type", b"content-transfer-encoding", b"received", b"in-reply-to", b"references", b"x-mailer"),
    }
)
"""Fields by which a header is known to go on."""
_BELIEVED = re.compile(
    rb"from|sender|authentication-results|received|received-spf|arc-.*|dkim-signature|return-path"
    rb"|delivered-to|x-original-to"
)
"""Fields that are evidence about who wrote, or which way a mail took."""


def read_fields(head: bytes) -> Fields:
    """Each header field of a header with LF line ends, as the bytes say it and no parser.

    What no field is (a line without a colon) keeps its place under an empty name.
    """
    fields: list[tuple[bytes, list[bytes]]] = []
    for line in head.split(b"\n") if head else []:
        name = _NAME.match(line)
        if line[:1] in {b" ", b"\t"} and fields:
            fields[-1][1].append(line)
        elif name:
            fields.append((name[1].lower(), [line[name.end() :]]))
        else:
            fields.append((b"", [line]))
    return [(name, b"\n".join(lines)) for name, lines in fields]


def mended(data: bytes, fields: Fields) -> bytes:
    """The mail with odd lines of its header as fields, where the header goes on below them.

    The standard library takes a line without a colon, or with a blank before it, for the end of the header; of a part,
    too, where a parameter stands at the beginning of its line.
    """
    if any(begin in data for begin in _PARAMETERS):
        data = _LOOSE.sub(rb"\1 ", data)
    end = _HEADER_END.search(data)
    if end is None or not _goes_on(fields):
        return data
    lines = data[: end.start()].split(b"\n")
    first = next((n for n, line in enumerate(lines) if line.strip() and not _SOUND.match(line)), None)
    spaced = _NAME.match(lines[first]) if first is not None else None
    if first is None or (spaced and spaced[1].lower() not in _USUAL):
        return data
    return b"\n".join([*lines[:first], *map(_mended_line, lines[first:])]) + data[end.start() :]


def _goes_on(fields: Fields) -> bool:
    """True if each line that is no field has a usual field right below it, and not all of them are odd."""
    odd = [number for number, (name, _) in enumerate(fields) if not name]
    below = (fields[number + 1][0] if number + 1 < len(fields) else b"" for number in odd)
    return len(odd) <= MOST_ODD and all(name in _USUAL for name in below)


def _mended_line(line: bytes) -> bytes:
    if line[:1] in {b" ", b"\t", b"\r", b""}:
        return line
    if line.startswith(b"=?"):
        return b" " + line  # the rest of a subject that was folded without a blank
    name = _NAME.match(line)
    if name is None:
        return b"X-Unreadable: " + line
    prefix = b"X-Unreadable-" if _BELIEVED.fullmatch(name[1].lower()) else b""
    return prefix + name[1] + b":" + line[name.end() :]
