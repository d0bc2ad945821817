"""What a part says of itself: the parameters of its header fields, and its name.

Called by `walk`. Promises: raw 8-bit, RFC 2231 and RFC 2047 are all read; a name has no path and no control
characters, and fits a file system.
"""

import re
from email.message import Message

from gateway.mail.charset import storable, to_text
from gateway.mail.decode import header_text, one_line, raw_header

STRUCTURE = frozenset({"content-type", "content-disposition", "content-transfer-encoding", "content-id"})
"""The fields that describe a part."""
_TYPE = re.compile(r"[a-z0-9.+_-]+/[a-z0-9.+_-]+")
_NO_SEMICOLON = re.compile(r"([a-z0-9.+_-]+/[a-z0-9.+_-]+),?[ \t]+(?=(?:name|charset)\*?=)", re.IGNORECASE)

MAX_NAME = 200
"""Characters of an attachment's name; 250 bytes at most, as file systems want it."""


def described(part: Message) -> Message:
    """The fields that describe a part, as characters: raw 8-bit in them would else be lost."""
    view: Message = Message()
    for name, value in part.raw_items():
        if name.lower() in STRUCTURE and name not in view:
            # A semicolon may be missing behind the type.
            view[name] = _NO_SEMICOLON.sub(r"\1; ", to_text(raw_header(value)), 1)
    return view


def content_type(part: Message) -> str:
    """The type of a part in lower case, without what some programs put behind it; text/plain where there is none."""
    told = _TYPE.match(part.get_content_type())
    return told[0] if told else "text/plain"


def parameter(view: Message, name: str, header: str = "content-type") -> str:
    """One parameter of a field, decoded; "" if it is not there. `view` is what `described` made.

    Said twice, in the plain way for old programs and in that of RFC 2231, the latter counts.
    """
    values = [value for key, value in view.get_params([], header) if key.lower() == name]
    value = next((value for value in values if isinstance(value, tuple)), values[0] if values else "")
    if not isinstance(value, tuple):
        return header_text(_without_half_quotes(value))
    # The standard library gives the bytes as Latin-1 characters.
    charset, _, encoded = value
    try:
        return header_text(to_text(encoded.encode("latin-1"), charset or None))
    except UnicodeEncodeError:
        return storable(encoded)


def _without_half_quotes(value: str) -> str:
    """A quoted value that lost its other quote."""
    if value.count('"') == 1 and (value.startswith('"') or value.endswith('"')):
        return value.strip('"')
    return value


def file_name(view: Message) -> str:
    """What the sender called this part, without path and control characters; "" for nothing of use."""
    return clean_name(parameter(view, "filename", "content-disposition") or parameter(view, "name"))


def clean_name(name: str) -> str:
    """A file name as text: no path, no control characters, not too long; "" for nothing of use."""
    name = one_line(name.replace("\\", "/").rpartition("/")[2], 10 * MAX_NAME)
    if not name.strip(". "):
        return ""
    stem, dot, extension = name.rpartition(".")
    if dot and len(extension) <= 10:
        stem = stem[: MAX_NAME - 1 - len(extension)]
        while len(f"{stem}.{extension}".encode()) > 250:
            stem = stem[:-1]
        return f"{stem}.{extension}"
    return name[:MAX_NAME].encode()[:250].decode(errors="ignore")
