"""Mail that loses a person: whether its texts and headers name one, and a mail of ours rewritten without.

`services.erasing` calls it, with a mask that puts a pseudonym in a person's place. Attached files keep what
is in them, and lose a name only.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.generator import BytesGenerator
from email.header import Header, decode_header, make_header
from email.message import Message as Mail
from email.policy import compat32
from io import BytesIO

Mask = Callable[[str], str]

_WIRE = compat32.clone(linesep="\r\n", max_line_length=0)
_NAMED_IN = (("Content-Disposition", "filename"), ("Content-Type", "name"))


def is_from(data: bytes, mask: Mask) -> bool:
    """Whether a From field of this mail names the person."""
    head, _, _ = data.replace(b"\r\n", b"\n").partition(b"\n\n")
    return any(mask(shown) != shown for shown in map(_shown, message_from_bytes(head).get_all("From", [])))


def names(data: bytes, mask: Mask) -> bool:
    """Whether a header, a text or a file's name of this mail names the person; plainly, where it cannot be read."""
    if any(mask(plain) != plain for plain in (data.decode("utf-8", "replace"), data.decode("latin-1"))):
        return True
    try:
        return any(mask(text) != text for part in message_from_bytes(data).walk() for text in _texts(part))
    except Exception:  # noqa: BLE001  # a stranger's bytes: the standard library raises whatever it likes on them
        return False


def rewritten(data: bytes, mask: Mask) -> bytes:
    """A mail of ours without the person: the same ids, parts and boundaries; the very same bytes if it names nobody."""
    mail = message_from_bytes(data)
    changes = [_rewrite(part, mask) for part in mail.walk()]
    if not any(changes):
        return data
    out = BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=_WIRE).flatten(mail)
    return out.getvalue()


def _texts(part: Mail) -> Iterator[str]:
    yield from (_shown(value) for value in part.values())
    yield part.get_filename() or ""
    if part.get_content_maintype() == "text":
        yield _text(part)


def _rewrite(part: Mail, mask: Mask) -> bool:
    """Take the person out of one part; False if it did not name them."""
    before = list(part.raw_items())
    named = [(header, name, str(value)) for header, name, value in _file_names(part)]
    after = [(name, _masked(name, value, mask)) for name, value in before]
    if after != before:
        for name, _ in before:
            del part[name]
        for name, value in after:
            part.set_raw(name, value)
    changed = after != before
    for header, parameter, name in named:
        if mask(name) != name:
            part.set_param(parameter, mask(name), header=header, charset="utf-8")
            changed = True
    if part.get_content_maintype() == "text" and not part.get_filename():
        text = _text(part)
        if mask(text) != text:
            _fill(part, mask(text))
            changed = True
    return changed


def _file_names(part: Mail) -> Iterator[tuple[str, str, str]]:
    for header, parameter in _NAMED_IN:
        value = part.get_param(parameter, None, header=header)
        if value is not None:
            yield header, parameter, part.get_filename() or "" if isinstance(value, tuple) else str(value)


def _masked(name: str, value: str, mask: Mask) -> str:
    shown = _shown(value)
    after = mask(shown)
    if after == shown:
        return value
    return after if after.isascii() else Header(after, "utf-8", header_name=name).encode(linesep="\r\n")


def _shown(value: object) -> str:
    """A header's value as people read it; as it stands, where it cannot be decoded."""
    try:
        return str(make_header(decode_header(str(value))))
    except (LookupError, ValueError):
        return str(value)


def _charset(part: Mail) -> str:
    found = part.get_content_charset("utf-8")
    try:
        "".encode(found)
    except LookupError:
        return "utf-8"
    return found


def _text(part: Mail) -> str:
    data = part.get_payload(decode=True)
    return data.decode(_charset(part), "replace") if isinstance(data, bytes) else ""


def _fill(part: Mail, text: str) -> None:
    """Give a text part another text, encoded as it was."""
    data, encoding = text.encode(_charset(part), "replace"), str(part.get("Content-Transfer-Encoding", "")).lower()
    if encoding == "base64":
        data = base64.encodebytes(data)
    elif encoding == "quoted-printable":
        data = binascii.b2a_qp(data, istext=True)
    part.set_payload(data.decode("ascii", "surrogateescape"))
