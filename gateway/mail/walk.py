"""One walk over the parts of a mail, which tells the writer's text from files.

Called by `parse` only. Promises: text of an attached mail is never the sender's; every leaf is either text or an
attachment; names are repeatable and are only text.
"""

import re
from dataclasses import dataclass, field
from email.message import Message
from itertools import accumulate

from gateway.domain.mail_rules import TextRules
from gateway.domain.post import ParsedAttachment
from gateway.mail.charset import storable, to_text
from gateway.mail.decode import body_text, header_text, one_line
from gateway.mail.enriched import enriched_to_text
from gateway.mail.html import read_html
from gateway.mail.names import clean_name, content_type, described, file_name, parameter
from gateway.mail.parts import ENCODED, part_bytes
from gateway.mail.transfer import decoded, encoding_of, take_uuencoded, take_yencoded, unflow

MAX_TEXT = 1_000_000
"""Characters of text kept; the raw mail has the rest."""
MAX_STUB = 300
"""Characters of a plain text that may say no more than "read the other part"."""
MAX_DEFECTS = 50

_TEXTS = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext", "text/markdown", "text/x-markdown"})
"""What may be the sender's words; any other text is a file (a calendar, a table, a contact)."""
_MARKUP = frozenset({"text/html", "text/enriched", "text/richtext"})
_MAILS = frozenset({"message/rfc822", "message/global"})
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
_OTHER_PART = re.compile("html|mime", re.IGNORECASE)
"""What a plain text names, in any language, that only says that there is another one."""
_PGP_MESSAGE = re.compile(r"^-----BEGIN PGP MESSAGE-----\s*$", re.MULTILINE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What the walk found in a mail; `attached_text` is what attached mails say, `charset` what its first text declares.

    `other` is the HTML that says the same as the text, where the mail has both; `part_starts` are the lines of the text
    at which another part of the mail begins. `first_lines` is how many lines of the text are the first part, none where
    a file stands in for it or a reader may not have seen it; `rivals` are its alternatives, which should say the same.
    """

    text: str
    part_starts: frozenset[int]
    first_lines: int
    other: "Leaf | None"
    rivals: tuple["Leaf", ...]
    attached_text: str
    attachments: tuple[ParsedAttachment, ...]
    charset: str | None
    encrypted: bool
    defects: tuple[str, ...]


@dataclass(slots=True)
class Leaf:
    """A leaf that may be what the sender wrote; read when it is asked for, since of alternatives only one is.

    `doubtful`, once it is read: what a reader has seen of it, and what of it is new, is not sure.
    """

    part: Message
    view: Message
    content_type: str
    hint: str | None
    rules: TextRules
    _words: str | None = None
    files: list[ParsedAttachment] = field(default_factory=list)
    doubtful: bool = False

    @property
    def words(self) -> str:
        """Its text, as plain text."""
        if self._words is None:
            self._words = self._read()
        return self._words

    def _read(self) -> str:
        data, below = decoded(self.part)
        yencoded, data = take_yencoded(data) if self.content_type not in _MARKUP else ([], data)
        is_html = self.content_type == "text/html"
        charset = parameter(self.view, "charset") or None
        text = body_text(data, charset, self.hint, is_html=is_html)
        if below:
            text = f"{text.rstrip()}\n{body_text(below, None, self.hint)}"
        if is_html:
            shown = read_html(text, self.rules)
            self.doubtful = shown.doubtful
            return shown.text
        if self.content_type in _MARKUP:
            return enriched_to_text(text, richtext=self.content_type == "text/richtext")
        if parameter(self.view, "format").lower() == "flowed":
            text = unflow(text, delsp=parameter(self.view, "delsp").lower() == "yes")
        files, text = take_uuencoded(text)
        files += [(to_text(name, charset, self.hint), file) for name, file in yencoded]
        self.files = [
            ParsedAttachment(name=clean_name(name) or "part.bin", content_type="application/octet-stream", data=file)
            for name, file in files
        ]
        return text


@dataclass(slots=True)
class _Found:
    """Texts in order; files, each with its text where it might be the body after all."""

    texts: list[Leaf] = field(default_factory=list)
    files: list[tuple[ParsedAttachment, Leaf | None]] = field(default_factory=list)
    other: Leaf | None = None
    rivals: list[Leaf] = field(default_factory=list)

    def add(self, found: "_Found", *, texts: bool = True) -> None:
        if texts:
            self.rivals += [] if self.texts else found.rivals
            self.texts += found.texts
            self.other = self.other or found.other
        self.files += found.files

    @property
    def has_plain(self) -> bool:
        return any(text.content_type not in _MARKUP for text in self.texts)

    @property
    def words(self) -> str:
        return "\n".join(self._pieces())

    @property
    def part_starts(self) -> frozenset[int]:
        """The line numbers of `words` at which another part begins."""
        ends = accumulate(piece.count("\n") + 1 for piece in self._pieces())
        return frozenset(ends)

    @property
    def first_lines(self) -> int:
        """How many lines of `words` are surely the first text."""
        if not self.texts or not (first := self.texts[0].words.strip("\n")) or self.texts[0].doubtful:
            return 0
        return first.count("\n") + 1

    def _pieces(self) -> list[str]:
        return [piece for text in self.texts if (piece := text.words.strip("\n"))]


def read_parts(message: Message, linesep: str, rules: TextRules, hint: str | None = None) -> Content:
    """The text that the sender wrote, and every other leaf as an attachment.

    `hint` is a charset named in the header of the mail, for text that names none.
    """
    walk = _Walk(message, linesep, rules, hint)
    found = walk.visit(message, attached=False)
    text = found.words
    if not text.strip():
        # `text/plain; name=body.txt` as the only text is the body; said to be shown inline, it is a file, too.
        for position, (file, other) in enumerate(found.files):
            if other is not None and other.words.strip():
                text = other.words
                if not file.inline:
                    del found.files[position]
                break
    attached_text = "\n\n".join(walk.attached).strip("\n")
    if len(text) > MAX_TEXT or len(attached_text) > MAX_TEXT:
        text, attached_text = text[:MAX_TEXT], attached_text[:MAX_TEXT]
        walk.defects.append(f"the text was cut at {MAX_TEXT} characters")
    return Content(
        text=text,
        part_starts=found.part_starts if len(found.texts) > 1 else frozenset(),
        first_lines=found.first_lines,
        other=found.other if len(found.texts) == 1 else None,
        rivals=tuple(found.rivals),
        attached_text=attached_text,
        attachments=tuple([file for file, _ in found.files] + [file for part in found.texts for file in part.files]),
        charset=walk.charset,
        encrypted=walk.encrypted or ("PGP MESSAGE" in text and _PGP_MESSAGE.search(text) is not None),
        defects=tuple(dict.fromkeys(walk.defects))[:MAX_DEFECTS],
    )


class _Walk:
    """One walk over one mail; counts its leaves, so that nameless ones have a name."""

    def __init__(self, root: Message, linesep: str, rules: TextRules, hint: str | None) -> None:
        self.root = root
        self.linesep = linesep
        self.rules = rules
        self.hint = hint
        self.leaves = 0
        self.charset: str | None = None
        self.encrypted = False
        self.attached: list[str] = []
        self.defects: list[str] = []

    def visit(self, part: Message, *, attached: bool, inside: bool = False) -> _Found:
        """What is in this part; `attached` if a container around it is an attachment (RFC 2183 §2.9).

        `inside` an attached mail only files that have a name are told, beside those bytes of the whole mail.
        """
        kind, disposition = content_type(part), part.get_content_disposition()
        attached = attached or disposition == "attachment"
        self.encrypted = self.encrypted or _is_encrypted(part, kind)
        if part.is_multipart() and kind.startswith("multipart/"):
            found = self._container(part, kind, attached=attached, inside=inside)
        else:
            found = self._leaf(part, kind, disposition, attached=attached, inside=inside)
        self.defects += (_in_words(defect) for defect in part.defects)
        return found

    def _container(self, part: Message, kind: str, *, attached: bool, inside: bool) -> _Found:
        children = [
            self.visit(child, attached=attached, inside=inside)
            for child in part.get_payload()
            if isinstance(child, Message)
        ]
        if kind == "multipart/report":
            self.attached.clear()  # a report brings our own mail back
        chosen = _best(children) if kind == "multipart/alternative" else None
        found = _Found()
        for child in children:
            found.add(child, texts=chosen is None or child is chosen)
        if chosen and chosen.has_plain:
            pages = [text for child in children for text in child.texts if text.content_type == "text/html"]
            found.other = pages[-1] if pages else None
        if chosen:
            found.rivals += [child.texts[0] for child in children if child is not chosen and child.texts]
        return found

    def _leaf(self, part: Message, kind: str, disposition: str | None, *, attached: bool, inside: bool) -> _Found:
        self.leaves += 1
        view = described(part)
        name = file_name(view)
        # A multipart without parts is what a missing boundary makes of a text (MT-03).
        is_text = kind in _TEXTS or kind.startswith("multipart/")
        if part is self.root and not name:  # all that was written, whatever it is called
            is_text, attached = is_text or (kind.startswith("text/") and kind not in _EXTENSIONS), False
        text = Leaf(part, view, kind, self.hint, self.rules) if is_text else None
        if text and not attached and not name:
            self.charset = self.charset or parameter(view, "charset") or None
            return _Found(texts=[text])
        is_inline = disposition != "attachment" and (disposition == "inline" or "content-id" in part)
        found = _Found()
        if not inside or (name and not is_inline and not part.is_multipart()):
            file = ParsedAttachment(
                name=name or f"part-{self.leaves}.{_EXTENSIONS.get(kind, 'bin')}",
                content_type=storable(kind)[:200],
                data=part_bytes(part, self.linesep),
                inline=is_inline,
            )
            found.files.append((file, None if attached else text))
        mail = part.get_payload(0) if kind in _MAILS and part.is_multipart() else None
        if isinstance(mail, Message) and encoding_of(part) not in ENCODED:
            found.add(self._attached_mail(mail), texts=False)
        return found

    def _attached_mail(self, mail: Message) -> _Found:
        """The named files of a mail that is attached; its words are kept apart, since they are never the sender's."""
        here = len(self.attached)
        charset, self.charset = self.charset, None
        found = self.visit(mail, attached=False, inside=True)
        fields = [(name, header_text(str(mail.get(name, "")), self.charset)) for name in ("From", "Date", "Subject")]
        self.charset = charset
        head = [f"{name}: {one_line(value)}" for name, value in fields if value]
        self.attached.insert(here, "\n".join([*head, "", found.words]))
        return found


def _best(children: list[_Found]) -> _Found | None:
    """Of alternatives the plain text; the richest, if that is empty or only says that there is another one."""
    plain = next((child for child in children if child.has_plain and child.words.strip()), None)
    if plain is None:
        return next((child for child in reversed(children) if child.words.strip()), next(iter(children), None))
    if len(words := plain.words) < MAX_STUB:
        least = 1 if _OTHER_PART.search(words) else 3 * len(words) + MAX_STUB
        for child in reversed(children):
            if child is not plain and len(child.words.strip()) >= least:
                missing = set(words.split()) - set(child.words.split())
                if len(missing) * 2 > len(set(words.split())):
                    return child
    return plain


def _is_encrypted(part: Message, kind: str) -> bool:
    """PGP/MIME (RFC 3156) or S/MIME that is enveloped (RFC 8551); signed is not encrypted."""
    if kind in {"multipart/encrypted", "application/pgp-encrypted"}:
        return True
    if kind == "application/octet-stream":  # as some programs call it on the way
        return file_name(described(part)).lower() == "smime.p7m"
    if kind not in {"application/pkcs7-mime", "application/x-pkcs7-mime"}:
        return False
    return parameter(described(part), "smime-type").lower() in {"", "enveloped-data", "authenveloped-data"}


def _in_words(defect: object) -> str:
    """`StartBoundaryNotFoundDefect` as "start boundary not found"."""
    return _CAMEL.sub(" ", type(defect).__name__.removesuffix("Defect")).lower()
