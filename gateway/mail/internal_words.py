"""What must not leave with an agent's answer: words of our internal mail and notes that its mail program quoted.

`agent_rungs` asks before any word of a mail goes to a customer. What a mail program quotes is cut away by `text`; where
that fails, or keeps a line because an answer stands below it, this finds it by what we ourselves wrote and not by the
marks of any program. Promises: a line marked as quoted passes only if the customer knows its words already; linear in
the texts.
"""

import re
from collections.abc import Iterable
from email import message_from_bytes

from gateway.domain.agent_mail import Correspondence
from gateway.domain.mail_rules import TextRules
from gateway.domain.policy import Vendor
from gateway.mail.lines import is_closing, words_of
from gateway.mail.token import Tokens, marks_in, split_address

MIN_WORDS = 4
"""Fewer words than these may be anybody's own."""
MIN_LENGTH = 16
"""Characters that must be among them; what is written without blanks is one word."""
MAX_LINES = 5_000
"""Lines of an answer: each is looked for in all that was written on the case."""

_QUOTED = re.compile(r"[ \t]*[>\uff1e][>\uff1e \t]*")
_OF_THE_CLI = re.compile(r"\bcasegate (?:case|next|queue|cases|why|intake|search|escalation|outbox)\b", re.IGNORECASE)
"""What the foot of mail to agents says, whatever the templates are."""


def plain_text(data: bytes) -> str:
    """The plain text of a mail that we composed ourselves."""
    for part in message_from_bytes(data).walk():
        if part.get_content_type() == "text/plain" and isinstance(found := part.get_payload(decode=True), bytes):
            return found.decode("utf-8", "replace")
    return ""


def find_internal(
    text: str, known: Correspondence, ours: Iterable[str], tokens: Tokens, vendor: Vendor, rules: TextRules
) -> str | None:
    """The first words in `text` that no customer of this case may read, else None.

    `ours` are texts of our mail that the agent answers; what of it the customer said or was told is no secret.
    """
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        return f"more than {MAX_LINES} lines"
    shown, own = _joined(known.shown.split("\n")), []
    for line in lines:
        if (marked := _QUOTED.match(line)) and (core := _joined([line[marked.end() :]])):
            if core not in shown:
                return line.strip()
        else:
            own.append(line)
    whole = _joined(own)
    if found := _OF_THE_CLI.search(whole):
        return found[0]
    if mark := next((mark for mark in marks_in(whole, tokens) if mark.is_right), None):
        return whole[mark.start : mark.end]
    if address := _plus_address(whole, tokens):
        return address
    return _secret(whole, own, shown, known.notes, ours, _boilerplate(vendor), rules)


def find_ours(text: str, ours: Iterable[str], vendor: Vendor, rules: TextRules) -> str | None:
    """The first words of mail to agents in a mail that is handed on as a customer's, else None.

    What customers quote of our mail to them is theirs to show.
    """
    lines = text.split("\n")
    whole = _joined(_QUOTED.sub("", line, count=1) for line in lines)
    if found := _OF_THE_CLI.search(whole):
        return found[0]
    return _secret(whole, lines, "", (), ours, _boilerplate(vendor), rules)


def _secret(
    whole: str,
    lines: list[str],
    shown: str,
    notes: Iterable[str],
    ours: Iterable[str],
    boilerplate: str,
    rules: TextRules,
) -> str | None:
    """A line of a note or of our mail that stands in the text, and is neither known nor anybody's own."""
    words, own_lines = words_of(rules), {_joined([line]) for line in lines}
    for secret in (*notes, *ours):
        for line in secret.split("\n"):
            core = _joined([_QUOTED.sub("", line, count=1)])
            if len(core) < MIN_LENGTH or (core.isascii() and len(core.split()) < MIN_WORDS):
                continue
            if core in whole and core not in shown and core not in boilerplate and not is_closing(line, words):
                return line.strip()
    for note in notes:  # a short one counts where it stands alone
        if (core := _joined(note.split("\n"))) and " " in core and core in own_lines and core not in shown:
            return note.strip()
    return None


def _plus_address(whole: str, tokens: Tokens) -> str | None:
    """An address of one of our cases: mail programs write it above what they quote."""
    user, _, domain = split_address(tokens.post.service_address.lower())
    found = re.search(rf"{re.escape(user)}\+\S{{1,60}}@{re.escape(domain)}", whole)
    return found[0] if found else None


def _boilerplate(vendor: Vendor) -> str:
    """What stands in all of our mail, and is no secret."""
    known = (vendor.name, vendor.hotline, vendor.knowledge_base, vendor.feedback_address, vendor.footer)
    return _joined(value for value in known if value)


def _joined(lines: Iterable[str]) -> str:
    """Words as they are compared: without case, and wherever a mail program wrapped them."""
    return " ".join(" ".join(lines).split()).casefold()
