"""From a Notice to the final bytes of a mail (RFC 5322), the same bytes for the same stamp and key.

`services.perform` calls it inside the transaction that owes the mail. Whatever people wrote, the header set
is ours alone: values are one line without control characters, addresses and ids of a strict form. The text is
7 bit on the wire, with CRLF line ends and no line over 998 octets (SPEC section 13).
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.generator import BytesGenerator
from email.header import Header
from email.message import Message as Mail
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import Compat32
from email.utils import format_datetime, quote
from io import BytesIO
from typing import Any

from gateway.domain.actions import Stamp
from gateway.domain.model import Attachment, CaseNumber, ContactId, NoticeKind
from gateway.domain.policy import Policy
from gateway.domain.words import Appointment, Notice
from gateway.mail.answer_links import unsubscribe_link, with_links
from gateway.mail.calendar import PUBLISH, calendar_file
from gateway.mail.sandbox import Rendered, one_line
from gateway.mail.subject import bare_subject
from gateway.mail.templates import Templates
from gateway.mail.token import Tokens, digest, is_our_id, split_address

MAX_SUBJECT = 200
"""Characters of a case's subject that a mail shows after its token."""
MAX_NAME = 200
"""Bytes of a file's name; three times that, percent-encoded, is still one line. Characters of the vendor's name."""
LINE_LENGTH = 78
"""Headers are folded to lines of so many characters (RFC 5322 §2.1.1)."""
LONGEST_LINE = 998
"""Octets of a line, of a header that has no blank too (RFC 5322 §2.1.1)."""
MAX_REFERENCES = 20
"""Message-IDs in References: the first, the newest of ours, and the newest of all."""

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"
_ADDRESS = re.compile(rf'(?=.{{3,320}}\Z)(?:{_ATOM}|"(?:[ !#-\[\]-~]|\\[ -~])*")@(?:{_ATOM}|\[[A-Za-z0-9.:]+\])')
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,200}@[!-;=?-~]{1,200}>")
_CONTENT_TYPE = re.compile(
    r"(?P<main>application|audio|font|image|model|text|video)/(?P<sub>[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,99})"
)
_SPOOFING = re.compile("[/\\\\\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A finished mail. `return_path` "" is the null sender; `remark` says that a template of the vendor's own failed.

    `answer_token` is the one-time token of a mail that asks something.
    """

    message_id: str
    return_path: str
    data: bytes = field(repr=False)
    recipient: str
    kind: NoticeKind
    case: CaseNumber | None
    remark: str | None = None
    answer_token: str | None = field(default=None, repr=False)


class _Wire(Compat32):
    """How a mail becomes bytes: as compat32 has it, but for a header that is plain and short, or has no place to fold at."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The header's lines."""
        if (
            len(name) + len(value) + 2 <= (LINE_LENGTH if " " in value else LONGEST_LINE)
            and value.isascii()
            and value.isprintable()
            and value == value.strip() != ""
        ):
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


_WIRE = _Wire(linesep="\r\n", max_line_length=LINE_LENGTH, cte_type="7bit")


def compose(
    notice: Notice,
    tokens: Tokens,
    policy: Policy,
    templates: Templates,
    stamp: Stamp,
    key: str,
    fetch: Callable[[str], bytes],
) -> Composed:
    """Write the mail of one notice.

    `key` is unique to the notice (its cause and recipient): Message-ID, boundaries and return path derive from it
    and the stamp. `fetch` gives an attachment's bytes by hash. ValueError for a recipient that is no plain address.
    """
    if not _ADDRESS.fullmatch(notice.recipient):
        raise ValueError(f"{notice.recipient!r} is no address that a header can hold")

    def derived(use: str) -> str:
        return digest(stamp.nonce, key, use)

    token = derived("answer") if notice.question else None
    rendered = templates.render(notice.template, notice.lang, with_links(notice, token, tokens), policy.vendor)
    message_id = f"<{derived('message-id')}@{split_address(policy.post.service_address)[2]}>"
    mail = _body(rendered, _invitation(notice, policy, stamp), _files(notice, fetch, policy, stamp), derived)
    _address(mail, notice, tokens, policy, token)
    mail["Subject"] = _subject(rendered.subject, notice, tokens, token)
    mail["Date"], mail["Message-ID"] = format_datetime(stamp.at), message_id
    _thread(mail, notice, policy)
    _mark(mail, notice, tokens, policy)
    is_to_stranger = notice.kind is NoticeKind.UNREGISTERED  # RFC 3834 §3.3: no bounce may answer it
    return Composed(
        message_id=message_id,
        return_path="" if is_to_stranger else tokens.return_path(derived("return-path")),
        data=_bytes(mail),
        recipient=notice.recipient,
        kind=notice.kind,
        case=notice.case,
        remark=rendered.fell_back,
        answer_token=token,
    )


def _address(mail: Mail, notice: Notice, tokens: Tokens, policy: Policy, token: str | None) -> None:
    """From, To and Reply-To; what answers an internal note, an answer to an agent, or a question has its own."""
    service = policy.post.service_address
    answers_to = service
    if token is not None:
        answers_to = tokens.answer_address(token)
    elif notice.case is not None:
        is_note = notice.internal and notice.kind in {NoticeKind.NOTE, NoticeKind.COMMAND_ANSWER}
        answers_to = tokens.plus_address(notice.case, note=is_note)
    mail["From"] = _mailbox("From", policy.vendor.name, service)
    mail["To"] = notice.recipient
    mail["Reply-To"] = _mailbox("Reply-To", policy.vendor.name, answers_to)


def _thread(mail: Mail, notice: Notice, policy: Policy) -> None:
    """In-Reply-To and References (RFC 5322 §3.6.4); ids that are no msg-id are left out."""
    answers = notice.answers if notice.answers and _MESSAGE_ID.fullmatch(notice.answers) else None
    if answers:
        mail["In-Reply-To"] = answers
    known = [id_ for id_ in notice.thread if _MESSAGE_ID.fullmatch(id_) and id_ != answers]
    ids = list(dict.fromkeys([*known, *([answers] if answers else [])]))
    if ids:
        mail["References"] = " ".join(_trimmed(ids, split_address(policy.post.service_address)[2]))


def _mark(mail: Mail, notice: Notice, tokens: Tokens, policy: Policy) -> None:
    """Say what a machine wrote: by RFC 3834 §5, and by the header that Exchange heeds; and what went to many."""
    if notice.subscriber is not None:
        _list(mail, notice.subscriber, tokens, policy)
    if notice.automatic is not None:
        mail["Auto-Submitted"] = one_line(notice.automatic)
        mail["X-Auto-Response-Suppress"] = "All"


def _list(mail: Mail, subscriber: ContactId, tokens: Tokens, policy: Policy) -> None:
    """Name the list, and how to leave it (RFC 2919, RFC 2369); responders keep quiet about what has a List-Id.

    By mail only: RFC 8058 wants a page. No Precedence: it is no standard, and says less than Auto-Submitted.
    """
    user, _, domain = split_address(policy.post.service_address)
    mail["List-Id"] = _mailbox("List-Id", policy.vendor.name, f"announcements.{user}.{domain}")
    mail["List-Unsubscribe"] = f"<{unsubscribe_link(subscriber, tokens)}>"


def _trimmed(ids: list[str], our_domain: str) -> list[str]:
    """Keep the first id, the newest that is ours, and the newest of all, in their order (TT-10)."""
    if len(ids) <= MAX_REFERENCES:
        return ids
    ours = (id_ for id_ in reversed(ids) if is_our_id(id_, our_domain))
    kept = {ids[0], *ids[2 - MAX_REFERENCES :], next(ours, ids[1 - MAX_REFERENCES])}
    return [id_ for id_ in ids if id_ in kept]


def _subject(subject: str, notice: Notice, tokens: Tokens, token: str | None) -> str:
    """`Re: [CASE-1042.k7q2mh3x] Staging is slow`: on all mail of a case alike, so that mail programs thread."""
    if notice.case is None:
        mark = tokens.answer_mark(token) if token else ""
        return f"{mark} {_encoded(f'Subject: {mark}', _shortened(subject))}".strip()
    bare = bare_subject(subject, tokens)
    mark = f"{'Re: ' if notice.answers else ''}{tokens.mint(notice.case)}"
    return f"{mark} {_encoded(f'Subject: {mark}', _shortened(bare))}".rstrip()


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SUBJECT else text[: MAX_SUBJECT - 1].rstrip() + "…"


def _encoded(before: str, text: str) -> str:
    """Encode a text (RFC 2047) that is not ASCII or would be decoded; `before` is what stands before it on its line."""
    text = one_line(text)
    if text.isascii() and "=?" not in text:
        return text
    return Header(text, "utf-8", header_name=before).encode(linesep="")


def _mailbox(header: str, name: str, address: str) -> str:
    shown = _encoded(header, name[:MAX_NAME])
    return f"{shown if shown.startswith('=?') else _quoted(shown)} <{address}>"


def _quoted(text: str) -> str:
    return f'"{quote(text)}"'


def _body(rendered: Rendered, invitation: Mail | None, attached: Sequence[Mail], derived: Callable[[str], str]) -> Mail:
    """Put together the forms of the text, the plain one first, and the files beside them.

    An invitation is one more form of the same: there mail programs look for it, and show what it does to the calendar.
    """
    # "=_" stands in no quoted-printable and no base64 text, so no part can hold its own boundary (RFC 2045 §6.7).
    body = MIMEMultipart("alternative", boundary=f"=_{derived('alternative')}")
    body.attach(_text(rendered.text, "plain"))
    body.attach(_text(rendered.html, "html"))
    if invitation is not None:
        body.attach(invitation)
    if not attached:
        return body
    del body["MIME-Version"]
    mixed = MIMEMultipart("mixed", boundary=f"=_{derived('mixed')}")
    for part in (body, *attached):
        mixed.attach(part)
    return mixed


def _text(text: str, subtype: str) -> Mail:
    """Make a text part: quoted-printable where that stays readable, else base64."""
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode()
    foreign = len(data.translate(None, bytes(range(128))))
    if foreign * 6 <= len(data):
        encoding, payload = "quoted-printable", binascii.b2a_qp(data, istext=True).decode()
    else:
        encoding, payload = "base64", base64.encodebytes(data.replace(b"\n", b"\r\n")).decode()
    part = MIMENonMultipart("text", subtype, charset="utf-8")
    return _filled(part, encoding, payload)


def _files(notice: Notice, fetch: Callable[[str], bytes], policy: Policy, stamp: Stamp) -> list[Mail]:
    """Make all that goes along with the text."""
    files = [_file(file, fetch(file.sha256)) for file in notice.attachments]
    if notice.appointment is None or notice.appointment.method != PUBLISH:
        return files
    shown = _calendar(notice.appointment, notice.recipient, policy, stamp)
    shown.add_header("Content-Disposition", "attachment", filename=f"{notice.appointment.uid}.ics")
    return [*files, shown]


def _file(file: Attachment, data: bytes) -> Mail:
    """Make an attachment under a name that is text only: no folder, no hidden direction of writing."""
    found = _CONTENT_TYPE.fullmatch(file.content_type)
    part = (
        MIMENonMultipart(found["main"].lower(), found["sub"].lower())
        if found
        else MIMENonMultipart("application", "octet-stream")
    )
    name = _file_name(file.name)
    part.add_header("Content-Disposition", "attachment", filename=name if name.isascii() else ("utf-8", "", name))
    return _filled(part, "base64", base64.encodebytes(data).decode())


def _invitation(notice: Notice, policy: Policy, stamp: Stamp) -> Mail | None:
    """Make what asks a person to come, or not to come any more; None where a time is only shown, or there is none."""
    if notice.appointment is None or notice.appointment.method == PUBLISH:
        return None
    return _calendar(notice.appointment, notice.recipient, policy, stamp)


def _calendar(appointment: Appointment, attendee: str, policy: Policy, stamp: Stamp) -> Mail:
    """Make the file that calendar programs open, with its method where they look for it (RFC 6047 section 2.4)."""
    part = MIMENonMultipart("text", "calendar", charset="utf-8", method=appointment.method)
    data = calendar_file(appointment, organizer=policy.post.service_address, attendee=attendee, stamp=stamp)
    return _filled(part, "base64", base64.encodebytes(data).decode())


def _file_name(name: str) -> str:
    """Bound the sender's name for a file, cutting before its ending."""
    name = _SPOOFING.sub("_", one_line(name)) or "file"
    stem, dot, ending = name.rpartition(".")
    tail = f"{dot}{ending}".encode()
    if not stem or len(tail) > MAX_NAME // 4:
        stem, tail = name, b""
    return (stem.encode()[: MAX_NAME - len(tail)] + tail).decode("utf-8", "ignore")


def _filled(part: MIMENonMultipart, encoding: str, payload: str) -> Mail:
    del part["MIME-Version"]  # said once, on the mail
    part["Content-Transfer-Encoding"] = encoding
    part.set_payload(payload)
    return part


def _bytes(mail: Mail) -> bytes:
    out = BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=_WIRE).flatten(mail)
    return out.getvalue()
