"""Did a machine write this mail? Scored from several signals (SPEC section 7, "Automatic or not").

The marks are data (`rules/mail.toml`). One strong mark is enough; a weak one, which forwarding rules and
mailing lists also set, only silences our own automatic answer, unless words of absence stand beside it.
"""

import re
from dataclasses import dataclass

from gateway.domain.policy import AutomaticRules, HeaderMark
from gateway.domain.post import Envelope, ParsedMail


@dataclass(frozen=True, slots=True)
class Marks:
    """The signals found, in words: `strong` ones make a mail automatic, `weak` ones keep us from answering."""

    strong: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()

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
    strong = [mark.header for mark in rules.strong if _shows(mail, mark)]
    weak = [mark.header for mark in rules.weak if _shows(mail, mark)]
    if envelope.mail_from == "":
        strong.append("null return path")
    if mail.report is not None or mail.content_type == "multipart/report":
        strong.append("a report")
    local = (mail.sender or "").partition("@")[0]
    if any(local == name or local.startswith(f"{name}-") or local.endswith(f"-{name}") for name in rules.senders):
        weak.append(f"sender {local}")
    subject = mail.subject.casefold()
    absence = next((words for words in rules.absence if words.casefold() in subject), None)
    if absence and weak:
        strong.append(f"{weak[0]} and {absence!r} in the subject")
    elif absence:
        weak.append(f"{absence!r} in the subject")
    if mail.values("x-auto-response-suppress"):
        weak.append("x-auto-response-suppress")  # suppresses our answer, never the mail (MS-OXCMAIL)
    return Marks(tuple(dict.fromkeys(strong)), tuple(dict.fromkeys(weak)))


def _shows(mail: ParsedMail, mark: HeaderMark) -> bool:
    return any(re.search(mark.pattern, value, re.IGNORECASE) for value in mail.values(mark.header))
