"""Bytes of a mail into a ParsedMail, or into Unreadable with a reason that a support agent understands.

Called by the parse child with each intake row. Promises: `read_mail` never raises, but for MemoryError, which is for
the parent to count; every field is bounded and can be stored; the same bytes give the same answer. The message is
parsed once, by the standard library's compat32 policy; `policy.default` never sees it, since a hostile header costs
it minutes. mail-parser reads From of that same parse, as the second opinion about who wrote.
"""

import hashlib
import logging
import re
from collections.abc import Iterable
from email.message import Message

from mailparser import MailParser

from gateway.domain.mail_rules import MailRules, TextRules
from gateway.domain.post import ParsedMail, Unreadable
from gateway.mail import sender
from gateway.mail.bounce import read_bounce
from gateway.mail.charset import storable
from gateway.mail.command_lines import AROUND, own_lines, read_commands, says_the_same
from gateway.mail.decode import header_text, named_charset, one_line, unfolded
from gateway.mail.header import Fields, mended, read_fields
from gateway.mail.names import content_type
from gateway.mail.parts import LimitReachedError, from_only, parse_parts
from gateway.mail.text import split_text
from gateway.mail.walk import Content, read_parts

MAX_LINES = 1_000_000
"""Lines of a whole mail; 70 MB of attachments, as they are usually folded, stay below it."""
MAX_HEADER = 256_000
"""Bytes of the header, from the first byte to the first empty line."""
MAX_HEADER_FIELDS = 2_000
MAX_SUBJECT = 1_000
MIN_HISTORY = 200
"""Characters of a text that may hold old text without any mark of it."""
MAX_REFERENCES = 200
"""Message-IDs kept of References: the first, and the newest others."""

TRACE = re.compile(
    r"received|x-received|received-spf|return-path|delivered-to|x-delivered-to|x-original-to|envelope-to"
    r"|authentication-results|arc-.*|x-spam-.*"
)
"""Header fields that relays add on the way: no part of what the mail itself is."""

# mail-parser logs pieces of the mails that it reads; content never reaches a log (STYLE, "Logs").
logging.getLogger("mailparser").setLevel(logging.CRITICAL + 1)

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MBOX_LINE = re.compile(rb">?From [^\r\n]*(?:\r\n|\r|\n)")
_MESSAGE_ID = re.compile(r"<([^<>]{1,998})>")
_SPACES = re.compile(rb"[ \t\n]+")


def read_mail(data: bytes, rules: MailRules) -> ParsedMail | Unreadable:
    """All that can be known of a mail from its bytes alone; Unreadable beyond a limit or where a parser failed."""
    try:
        return _read(data, rules)
    except LimitReachedError as limit:
        return Unreadable(reason=str(limit))
    except RecursionError:
        return Unreadable(reason="the mail is nested too deeply to be read")
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a parser trips over is a fact about this mail
        return Unreadable(reason=f"the mail could not be parsed ({type(error).__name__})")


def _read(data: bytes, rules: MailRules) -> ParsedMail:
    data = data.removeprefix(_BYTE_ORDER_MARK)
    mbox_line = _MBOX_LINE.match(data)
    data = data[mbox_line.end() :] if mbox_line else data
    fields, fingerprint = _identify(data)
    whole = mended(data, fields)
    message = parse_parts(whole)
    raw_headers = [(storable(name.lower()), value) for name, value in message.raw_items()]
    headers = tuple((name, unfolded(value)) for name, value in raw_headers)
    from_fields = [value.decode("utf-8", "surrogateescape") for name, value in fields if name == b"from"]
    lenient, complaints = _read_from(message)
    address, defect = sender.single_sender(from_fields, lenient, complaints)
    hint = named_charset(_first(raw_headers, "subject")) or named_charset(_first(raw_headers, "from"))
    content = read_parts(message, "\r\n" if b"\r\n" in data else "\n", rules.text, hint)
    new_text, quoted_text = _split(content, rules.text)
    commands, words = read_commands(new_text, _may_command(content, new_text, rules.text))
    return ParsedMail(
        fingerprint=fingerprint,
        sender=address,
        sender_defect=defect,
        sender_shown=address or sender.shown(from_fields),
        sender_name=sender.display_name(from_fields[0], content.charset) if address else "",
        to=sender.addresses(value for name, value in headers if name == "to"),
        cc=sender.addresses(value for name, value in headers if name == "cc"),
        subject=one_line(header_text(_first(raw_headers, "subject"), content.charset), MAX_SUBJECT),
        message_id=next(iter(_message_ids(headers, "message-id")), None),
        in_reply_to=_message_ids(headers, "in-reply-to"),
        references=_message_ids(headers, "references"),
        headers=headers,
        content_type=storable(content_type(message))[:200],
        text=content.text,
        new_text=new_text,
        quoted_text="\n\n".join(filter(None, (quoted_text, content.attached_text))),
        commands=commands,
        words=words,
        attachments=content.attachments,
        report=read_bounce(message, content.text, rules.bounce),
        encrypted=content.encrypted,
        defects=(*_line_defects(data, whole), *content.defects),
    )


def _split(content: Content, rules: TextRules) -> tuple[str, str]:
    """New and quoted text; where the plain text does not show what is old, what the HTML beside it says of it."""
    new, quoted = split_text(content.text, rules, content.part_starts)
    if quoted or content.other is None or len(content.text) < MIN_HISTORY:
        return new, quoted
    shown, old = split_text(content.other.words, rules)
    end = 0
    for word in shown.split() if old else ():
        while end < len(content.text) and content.text[end].isspace():
            end += 1
        if not content.text.startswith(word, end):
            return new, quoted  # the two say different things
        end += len(word)
    # Only whole lines: what the HTML shows as new is how the plain text begins.
    if not end or content.text[end : end + 1] not in {"\n", " ", "\t"}:
        return new, quoted
    return content.text[:end], content.text[end:].strip("\n")


def _may_command(content: Content, new_text: str, rules: TextRules) -> int:
    """How many lines of the new text may be commands: those that begin the mail, if whoever reads another form saw them."""
    if not new_text.lstrip(AROUND).startswith("/"):
        return 0
    for rival in content.rivals:
        shown = split_text(rival.words, rules)[0]
        is_empty = rival.content_type != "text/html" and not shown.strip()  # nobody is shown an empty plain text
        if rival.doubtful or not (is_empty or says_the_same(new_text, shown)):
            return 0
    return own_lines(new_text, content.text, content.first_lines)


def _read_from(message: Message) -> tuple[list[tuple[str, str]], list[str]]:
    """From as mail-parser reads it, and what it does not like about it; a name that it cannot decode names nobody."""
    fields = from_only(message)
    if any(len(str(value)) > sender.MAX_FROM for value in fields.values()):
        return [], ["too-long"]
    try:
        lenient = MailParser(fields)
        complaints = [defect["reason"] for defect in lenient.address_header_defects if defect["header"] == "from"]
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - base64 that is none, and whatever else it trips over, is a fact about this mail
        return [], ["unreadable"]
    else:
        return lenient.from_, complaints


def _identify(data: bytes) -> tuple[Fields, str]:
    """The raw header fields, and the mail's own identity: blind to trace fields, folding and line ends, awake to the rest."""
    whole = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
    if whole.count(b"\n") > MAX_LINES:
        raise LimitReachedError(f"the mail has more than {MAX_LINES} lines")
    head, _, body = (b"", b"", whole[1:]) if whole.startswith(b"\n") else whole.partition(b"\n\n")
    if len(head) > MAX_HEADER:
        raise LimitReachedError(f"the header is larger than {MAX_HEADER // 1000} kB")
    fields = read_fields(head)
    if len(fields) > MAX_HEADER_FIELDS:
        raise LimitReachedError(f"the header has more than {MAX_HEADER_FIELDS} fields")
    hashed = hashlib.sha256()
    for name, value in fields:
        if not TRACE.fullmatch(name.decode("ascii", "replace")):
            hashed.update(name + b":" + _SPACES.sub(b" ", value).strip() + b"\n")
    hashed.update(b"\n" + body.rstrip(b"\n"))
    return fields, hashed.hexdigest()


def _first(headers: Iterable[tuple[str, str]], name: str) -> str:
    return next((value for key, value in headers if key == name), "")


def _message_ids(headers: tuple[tuple[str, str], ...], name: str) -> tuple[str, ...]:
    """The Message-IDs of a header, folding inside them taken out; one without its brackets gets them."""
    value = _first(headers, name)[: 100 * 1000]
    found = [f"<{inside}>" for match in _MESSAGE_ID.finditer(value) if (inside := "".join(match[1].split()))]
    if not found and name == "message-id" and value and len(value.split()) == 1:
        found = [f"<{value.strip('<>')[:998]}>"]
    ids = tuple(dict.fromkeys(found))
    return ids if len(ids) <= MAX_REFERENCES else (ids[0], *ids[1 - MAX_REFERENCES :])


def _line_defects(data: bytes, whole: bytes) -> tuple[str, ...]:
    """RFC 5322 §2.3: a line ends in CRLF; other ends are read as line ends all the same. `whole` is what was read."""
    both, feeds, returns = data.count(b"\r\n"), data.count(b"\n"), data.count(b"\r")
    defects = ["a line of a header was mended"] if whole != data else []
    if returns > both:
        defects.append("a lone CR was read as a line end")
    if both and feeds > both:
        defects.append("a lone LF was read as a line end")
    return tuple(defects)
