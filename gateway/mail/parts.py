"""The parts of a mail: one parse within limits, and one walk that tells the writer's text from files.

Called by `parse` only. Promises: the limits hold while the standard library parses, not after it; text of an attached
mail is never the sender's; every leaf is either text or an attachment; names are repeatable and are only text.
"""

import re
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import Compat32
from itertools import count
from typing import Any

from gateway.domain.post import ParsedAttachment
from gateway.mail.decode import body_text, header_text, one_line, raw_header, storable, to_text, unflow
from gateway.mail.html import html_to_text

MAX_DEPTH = 50
"""Multiparts and attached mails inside each other; 8 forwards of forwards stay below it."""
MAX_PARTS = 1_000
MAX_PART_HEADERS = 256_000
"""Characters of the header of one part."""
MAX_STRUCTURE_HEADER = 8_000
"""Characters of one Content-Type and its like, which the standard library reads again and again."""
MAX_PARAMETERS = 200
"""Semicolons in such a header: reading parameters takes the square of their number."""
MAX_TEXT = 1_000_000
"""Characters of text kept; the raw mail has the rest."""
MAX_NAME = 200
"""Characters of an attachment's name; 250 bytes at most, as file systems want it."""
MAX_DEFECTS = 50

_STRUCTURE = frozenset({"content-type", "content-disposition", "content-transfer-encoding", "content-id"})
_EXTENSIONS = {
    "text/plain": "txt",
    "text/html": "html",
    "text/calendar": "ics",
    "text/csv": "csv",
    "text/rtf": "rtf",
    "message/rfc822": "eml",
    "message/global": "eml",
    "message/delivery-status": "txt",
    "text/rfc822-headers": "txt",
    "text/vcard": "vcf",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/tiff": "tif",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/gzip": "gz",
    "application/xml": "xml",
    "application/json": "json",
    "application/pgp-signature": "asc",
    "application/pgp-encrypted": "pgp",
    "application/ms-tnef": "tnef",
    "application/pkcs7-signature": "p7s",
    "application/x-pkcs7-signature": "p7s",
    "application/pkcs7-mime": "p7m",
    "application/x-pkcs7-mime": "p7m",
}
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class LimitReachedError(Exception):
    """A mail is beyond a limit; the text says which, in words a support agent understands."""


class _Part(Message):
    """A message or part that stops its own parse at the limits.

    `set_raw` and `attach` are what the standard library's parser calls for each header and each child.
    """

    depth = 0
    header_characters = 0
    _payload: Any

    def set_raw(self, name: str, value: str) -> None:
        self.header_characters += len(name) + len(value)
        if self.header_characters > MAX_PART_HEADERS:
            raise LimitReachedError(f"the header of one part is larger than {MAX_PART_HEADERS // 1000} kB")
        if name.lower() in _STRUCTURE and (
            len(value) > MAX_STRUCTURE_HEADER or value.count(";") > MAX_PARAMETERS or value.count("'") > MAX_PARAMETERS
        ):
            raise LimitReachedError(f"a {name} field is too large")
        super().set_raw(name, value)

    def attach(self, payload: Any) -> None:
        payload.depth = self.depth + 1
        if payload.depth > MAX_DEPTH:
            raise LimitReachedError(f"parts are nested deeper than {MAX_DEPTH}")
        super().attach(payload)

    def get_payload(self, i: int | None = None, decode: bool = False) -> Any:
        # Undecoded text is for writing back: the standard library would put U+FFFD where its charset does not fit.
        if i is None and not decode and isinstance(self._payload, str):
            return self._payload
        return super().get_payload(i, decode)  # type: ignore[call-overload]  # typed for literals only


class _AsItCame(Compat32):
    """Writes headers back as they were read, where the standard library would fold them anew."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        return raw_header(f"{name}: {value}{self.linesep}")


def parse_parts(data: bytes) -> Message:
    """The message tree of the standard library, with the compat32 policy; raises LimitReachedError."""
    numbers = count(1)

    def part(**keywords: Any) -> Message:
        if next(numbers) > MAX_PARTS + 1:  # the parser makes one more, to see what the factory takes
            raise LimitReachedError(f"there are more than {MAX_PARTS} parts")
        return _Part(**keywords)

    return message_from_bytes(data, part)


def from_only(message: Message) -> Message:
    """The From fields of a message, for mail-parser.

    Of the rest it would decode each attachment once more, and fail on what can be read: an unclosed boundary, an odd
    charset in a file name, a name in To that is no base64.
    """
    fields: Message = Message()
    for name, value in message.raw_items():
        if name.lower() == "from":
            fields.set_raw(name, value)
    return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What the walk found in a mail."""

    text: str
    attachments: tuple[ParsedAttachment, ...]
    encrypted: bool
    defects: tuple[str, ...]


@dataclass(slots=True)
class _Found:
    """Texts in order, as plain text; files, each with its text where it might be the body after all."""

    texts: list[str] = field(default_factory=list)
    has_plain: bool = False
    files: list[tuple[ParsedAttachment, str | None]] = field(default_factory=list)

    def add(self, other: "_Found", *, texts: bool = True) -> None:
        if texts:
            self.texts += other.texts
            self.has_plain = self.has_plain or other.has_plain
        self.files += other.files


def read_parts(message: Message, linesep: str) -> Content:
    """The text that the sender wrote, and every other leaf as an attachment."""
    walk = _Walk(linesep)
    found = walk.visit(message, attached=False)
    text = "\n".join(part.rstrip("\n") for part in found.texts).strip("\n")
    if not text.strip():
        # `text/plain; name=body.txt` without a disposition, as the only text, is the body.
        for position, (_, other) in enumerate(found.files):
            if other is not None and other.strip():
                del found.files[position]
                text = other
                break
    defects = walk.defects
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT]
        defects.append(f"the text was cut at {MAX_TEXT} characters")
    return Content(
        text=text,
        attachments=tuple(file for file, _ in found.files),
        encrypted=walk.encrypted or text.lstrip().startswith("-----BEGIN PGP MESSAGE-----"),
        defects=tuple(dict.fromkeys(defects))[:MAX_DEFECTS],
    )


class _Walk:
    """One walk over one mail; counts its leaves, so that nameless ones have a name."""

    def __init__(self, linesep: str) -> None:
        self.linesep = linesep
        self.leaves = 0
        self.encrypted = False
        self.defects: list[str] = []

    def visit(self, part: Message, *, attached: bool) -> _Found:
        """What is in this part; `attached` if a container around it is an attachment (RFC 2183 §2.9)."""
        content_type, disposition = part.get_content_type(), part.get_content_disposition()
        attached = attached or disposition == "attachment"
        self.encrypted = self.encrypted or _is_encrypted(part, content_type)
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            found = self._container(part, content_type, attached=attached)
        else:
            found = self._leaf(part, content_type, disposition, attached=attached)
        self.defects += (_in_words(defect) for defect in part.defects)
        return found

    def _container(self, part: Message, content_type: str, *, attached: bool) -> _Found:
        children = [self.visit(child, attached=attached) for child in part.get_payload() if isinstance(child, Message)]
        chosen: _Found | None = None
        if content_type == "multipart/alternative":
            with_words = [child for child in children if any(text.strip() for text in child.texts)]
            plain = [child for child in with_words if child.has_plain]
            chosen = next(iter(plain or with_words[::-1] or children), None)
        found = _Found()
        for child in children:
            found.add(child, texts=chosen is None or child is chosen)
        return found

    def _leaf(self, part: Message, content_type: str, disposition: str | None, *, attached: bool) -> _Found:
        self.leaves += 1
        # A multipart without parts is what a missing boundary makes of a text (MT-03).
        is_text = content_type in {"text/plain", "text/html"} or content_type.startswith("multipart/")
        view = _view(part)
        name = _name(view)
        if is_text and not attached and not name:
            return _Found(texts=[_text(part, view, content_type)], has_plain=content_type != "text/html")
        file = ParsedAttachment(
            name=name or f"part-{self.leaves}.{_EXTENSIONS.get(content_type, 'bin')}",
            content_type=storable(content_type)[:200],
            data=part_bytes(part, self.linesep),
            inline=disposition != "attachment" and (disposition == "inline" or "content-id" in part),
        )
        may_be_body = is_text and not attached and disposition is None
        return _Found(files=[(file, _text(part, view, content_type) if may_be_body else None)])


def part_bytes(part: Message, linesep: str = "\n") -> bytes:
    """What is in a part, decoded; of an attached mail or report its own bytes, header and all, with these line ends."""
    if not part.is_multipart():
        data = part.get_payload(decode=True)
        return data if isinstance(data, bytes) else b""
    whole, end = part.as_bytes(policy=_AsItCame(linesep=linesep, mangle_from_=False)), linesep.encode()
    body = whole.removeprefix(end) if whole.startswith(end) else whole.partition(end * 2)[2]
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    if encoding not in {"base64", "quoted-printable"}:
        return body
    # RFC 2046 §5.2.1 forbids to encode an attached mail; some programs do.
    encoded: Message = Message()
    encoded["Content-Transfer-Encoding"] = encoding
    encoded.set_payload(body.decode("ascii", "surrogateescape"))
    decoded = encoded.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else body


def _view(part: Message) -> Message:
    """The fields that describe a part, as characters: raw 8-bit in them would else be lost."""
    view: Message = Message()
    for name, value in part.raw_items():
        if name.lower() in _STRUCTURE and name not in view:
            view[name] = to_text(raw_header(value))
    return view


def _parameter(view: Message, name: str, header: str = "content-type") -> str:
    value = view.get_param(name, "", header)
    if not isinstance(value, tuple):
        return header_text(str(value))
    # RFC 2231: the standard library gives the bytes as Latin-1 characters.
    charset, _, encoded = value
    try:
        return to_text(encoded.encode("latin-1"), charset or None)
    except UnicodeEncodeError:
        return storable(encoded)


def _name(view: Message) -> str:
    """What the sender called this part, without path and control characters; "" for nothing of use."""
    name = _parameter(view, "filename", "content-disposition") or _parameter(view, "name")
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


def _text(part: Message, view: Message, content_type: str) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else str(part.get_payload()).encode("utf-8", "surrogateescape")
    is_html = content_type == "text/html"
    text = body_text(data, _parameter(view, "charset") or None, is_html=is_html)
    if is_html:
        return html_to_text(text)
    if _parameter(view, "format").lower() == "flowed":
        return unflow(text, delsp=_parameter(view, "delsp").lower() == "yes")
    return text


def _is_encrypted(part: Message, content_type: str) -> bool:
    """PGP/MIME (RFC 3156) or S/MIME that is enveloped (RFC 8551); signed is not encrypted."""
    if content_type in {"multipart/encrypted", "application/pgp-encrypted"}:
        return True
    if content_type not in {"application/pkcs7-mime", "application/x-pkcs7-mime"}:
        return False
    return _parameter(_view(part), "smime-type").lower() in {"", "enveloped-data", "authenveloped-data"}


def _in_words(defect: object) -> str:
    """`StartBoundaryNotFoundDefect` as "start boundary not found"."""
    return _CAMEL.sub(" ", type(defect).__name__.removesuffix("Defect")).lower()
