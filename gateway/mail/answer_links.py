"""Ready answers: `mailto:` links that carry the address, the command and whatever mark the subject needs (RFC 6068).

`compose` puts them into the words of mails that ask something, and of those about a case: one click and "send" answers,
or closes, reopens or escalates it.
"""

from dataclasses import replace
from urllib.parse import quote

from gateway.domain.model import CaseNumber, ContactId
from gateway.domain.words import (
    AnnouncementWords,
    ApprovalWords,
    CaseWords,
    CommandWords,
    Notice,
    RegistrationWords,
    ResultWords,
    Words,
)
from gateway.mail.sandbox import one_line
from gateway.mail.subject import bare_subject
from gateway.mail.token import Tokens

LONGEST_SUBJECT = 100
"""Characters of a case's subject in a link: mail programs cut links that are much longer than a line or two."""


def mailto(address: str, *, subject: str, body: str = "") -> str:
    """A link to a mail with exactly this recipient, subject and body; line ends in it are CRLF (RFC 6068 section 5)."""
    text = body.replace("\r\n", "\n").replace("\n", "\r\n")
    fields = [f"subject={quote(subject, safe='')}", *([f"body={quote(text, safe='')}"] if text else [])]
    return f"mailto:{quote(address, safe='@+.-_=')}?{'&'.join(fields)}"


def with_links(notice: Notice, token: str | None, tokens: Tokens) -> Words:
    """The words of a mail with all links that belong in it; `token` is the one-time token of a mail that asks something."""
    words = notice.words if token is None else with_answer(notice.words, token, tokens)
    if notice.subscriber is not None and isinstance(words, AnnouncementWords):
        return _with_unsubscribing(words, notice.subscriber, tokens)
    if not isinstance(words, CaseWords | CommandWords):
        return words
    words = replace(words, results=tuple(_with_ways(result, tokens) for result in words.results))
    return words if notice.case is None else _with_actions(words, notice.case, tokens)


def _with_ways(result: ResultWords, tokens: Tokens) -> ResultWords:
    """What came of a command, with links to what it shows a part of."""

    def link(command: str) -> str:
        if not command:
            return ""
        return mailto(tokens.post.service_address, subject=command.removeprefix("/"), body=f"{command}\n")

    blocks = tuple(replace(block, link=link(block.command)) for block in result.blocks)
    return replace(result, blocks=blocks, more_link=link(result.more))


def unsubscribe_link(contact: ContactId, tokens: Tokens) -> str:
    """The `mailto:` that ends announcements to this contact; programs show it as a button (RFC 2369 section 3.2)."""
    return mailto(tokens.unsubscribe_address(contact), subject=_unsubscribe_subject(contact, tokens))


def _unsubscribe_subject(contact: ContactId, tokens: Tokens) -> str:
    return f"unsubscribe {tokens.unsubscribe_mark(contact)}".strip()


def _with_unsubscribing(words: AnnouncementWords, contact: ContactId, tokens: Tokens) -> AnnouncementWords:
    return replace(
        words,
        unsubscribe_address=tokens.unsubscribe_address(contact),
        unsubscribe_subject=_unsubscribe_subject(contact, tokens),
        unsubscribe_link=unsubscribe_link(contact, tokens),
    )


def with_answer(words: Words, token: str, tokens: Tokens) -> Words:
    """The words with the one-time address in them, and the links that answer there."""
    address, mark = tokens.answer_address(token), tokens.answer_mark(token)

    def link(subject: str, body: str = "") -> str:
        return mailto(address, subject=f"{mark} {subject}".strip(), body=body)

    if isinstance(words, RegistrationWords):
        lacks_pin = words.needs_pin and (words.event == "incomplete" or words.inviter is not None)
        lines = f"PIN: \nName: {words.name}\n" if lacks_pin else ""  # labels that mail.letter knows in each language
        return replace(words, answer_address=address, answer_link=link("OK", lines))
    if isinstance(words, ApprovalWords):
        approve, reject = link("approve", "/approve\n"), link("reject", "/reject\n")
        return replace(words, answer_address=address, approve_link=approve, reject_link=reject)
    return words


def _with_actions(words: CaseWords | CommandWords, case: CaseNumber, tokens: Tokens) -> Words:
    """The words with a link for each action that is possible: to the case's address, its mark and one command in it."""
    subject = one_line(bare_subject(words.subject, tokens))
    if len(subject) > LONGEST_SUBJECT:
        subject = subject[: LONGEST_SUBJECT - 1].rstrip() + "…"
    address, subject = tokens.plus_address(case), f"{tokens.mint(case)} {subject}".rstrip()
    return replace(
        words,
        actions=tuple(
            replace(action, link=mailto(address, subject=subject, body=f"/{action.command}\n"))
            for action in words.actions
        ),
    )
