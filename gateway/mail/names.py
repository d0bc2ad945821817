"""What a part says of itself: the parameters of its header fields, and its name.

Called by `walk`. Promises: raw 8-bit, RFC 2231 and RFC 2047 are all read; a name has no path and no control
characters, and fits a file system.
"""

from email.message import Message

from gateway.mail.charset import storable, to_text
from gateway.mail.decode import header_text, one_line, raw_header

STRUCTURE = frozenset({"content-type", "content-disposition", "content-transfer-encoding", "content-id"})
"""The fields that describe a part."""
MAX_NAME = 200
"""Characters of an attachment's name; 250 bytes at most, as file systems want it."""


def described(part: Message) -> Message:
    """The fields that describe a part, as characters: raw 8-bit in them would else be lost."""
    view: Message = Message()
    for name, value in part.raw_items():
        if name.lower() in STRUCTURE and name not in view:
            view[name] = to_text(raw_header(value))
    return view


def parameter(view: Message, name: str, header: str = "content-type") -> str:
    """One parameter of a field, decoded; "" if it is not there. `view` is what `described` made."""
    value = view.get_param(name, "", header)
    if not isinstance(value, tuple):
        return header_text(str(value))
    # RFC 2231: the standard library gives the bytes as Latin-1 characters.
    charset, _, encoded = value
    try:
        return to_text(encoded.encode("latin-1"), charset or None)
    except UnicodeEncodeError:
        return storable(encoded)


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
