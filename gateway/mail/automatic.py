"""Did a machine write this mail? Scored from several signals (SPEC section 7, "Automatic or not").

Called by `ladder` and `explain`. The marks are data (`rules/mail.toml`, `rules/absence.toml`). One strong mark is
enough. A weak one, such as forwarding rules and mailing lists also set, only silences our own automatic answer; two
weak ones of different kinds make a mail automatic, too. X-Auto-Response-Suppress asks for silence and is no mark.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.domain.mail_rules import AutomaticRules, HeaderMark
from gateway.domain.post import Envelope, ParsedMail
from gateway.mail.absence import Said, read_words

MAX_VALUE = 2_000
"""Characters of a header value that are looked at."""

_CALENDAR_ANSWER = re.compile(rb"^METHOD\s*:\s*REPLY\s*$", re.IGNORECASE | re.MULTILINE)
"""RFC 5546 section 3.2.3: what a calendar program sends when someone accepts or declines."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The signals found, in words: `strong` ones make a mail automatic, `weak` ones keep us from answering.

    `is_unmarked` says that only its words tell of a machine, no header and no sender.
    """

    strong: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    is_unmarked: bool = False

    @property
    def is_automatic(self) -> bool:
        """True if a machine wrote this."""
        return bool(self.strong)

    @property
    def silences(self) -> bool:
        """True if nothing may be answered automatically."""
        return bool(self.strong or self.weak)


def find_marks(mail: ParsedMail, envelope: Envelope, rules: AutomaticRules) -> Marks:
    """All signals of a machine in this mail and its envelope; every instance of a header counts (RFC 3834)."""
    said = read_words(mail.subject, mail.new_text, rules.absence)
    strong = _strong(mail, envelope, rules)
    if said.whole and all(part.content_type == "text/calendar" for part in mail.attachments):
        strong.append(f"nothing but {said.whole!r}")
    headers, responders, sender, *words = _weak(mail, rules, said)
    kinds = [kind for kind in (headers, responders, sender, *words) if kind]
    is_unmarked = bool(kinds) and not (strong or headers or responders or sender)
    if not strong and len(kinds) > 1:
        strong.append(" and ".join(kind[0] for kind in kinds))
    weak = [mark for kind in kinds for mark in kind]
    if mail.values("x-auto-response-suppress"):
        weak.append("x-auto-response-suppress")  # suppresses our answer, never the mail (MS-OXCMAIL 2.2.3.2.14)
    return Marks(tuple(dict.fromkeys(strong)), tuple(dict.fromkeys(weak)), is_unmarked)


def _strong(mail: ParsedMail, envelope: Envelope, rules: AutomaticRules) -> list[str]:
    """What nobody but a machine writes."""
    strong = _headers(mail, rules.strong)
    if envelope.mail_from == "":
        strong.append("null return path")
    if mail.report is not None or mail.content_type == "multipart/report":
        strong.append("a report")
    if _is_one_of(mail.sender, rules.daemons):
        strong.append(f"sender {mail.sender}")
    types = {part.content_type for part in mail.attachments} | {mail.content_type}
    strong += [name for name in rules.parts if name in types]
    if any(part.content_type == "text/calendar" and _CALENDAR_ANSWER.search(part.data) for part in mail.attachments):
        strong.append("an answer to an invitation")
    return strong


def _weak(mail: ParsedMail, rules: AutomaticRules, said: Said) -> tuple[list[str], ...]:
    """What a person's mail may also show, by kind: two kinds together it does not."""
    subject = [f"{said.subject!r} in the subject"] if said.subject else []
    text = [f"{said.text!r} in the text"] if said.text else []
    sender = [f"sender {mail.sender}"] if _is_one_of(mail.sender, rules.senders) else []
    # A person's mail program puts "Re:" before the subject that it answers.
    unlike = ["an answer without Re:"] if said.leads and (mail.in_reply_to or mail.references) else []
    return _headers(mail, rules.weak), _headers(mail, rules.responders), sender, subject, text, unlike


def _headers(mail: ParsedMail, marks: tuple[HeaderMark, ...]) -> list[str]:
    """The names of the headers that show one of these marks."""
    return [mark.header for mark in marks if any(_shows(value, mark) for value in _values(mail, mark.header))]


def _values(mail: ParsedMail, header: str) -> tuple[str, ...]:
    return (mail.subject,) if header == "subject" else mail.values(header)


def _shows(value: str, mark: HeaderMark) -> bool:
    return re.search(mark.pattern, value[:MAX_VALUE], re.IGNORECASE) is not None


def _is_one_of(sender: str | None, patterns: tuple[str, ...]) -> bool:
    local = (sender or "").partition("@")[0]
    return any(fnmatchcase(local, pattern) for pattern in patterns)
