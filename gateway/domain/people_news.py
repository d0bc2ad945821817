"""Who is told what about registrations and approvals: from what happened and `rules/notices.toml` to Notices.

For `domain.registering` and `domain.approving`; what is told about cases is in `domain.notices`.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.model import Account, Agent, Contact, NoticeKind
from gateway.domain.notices import local_day
from gateway.domain.policy import Policy
from gateway.domain.words import ApprovalWords, Notice, RegistrationWords

FALLBACK_LANGUAGE = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who gets a mail about people."""

    address: str
    name: str = ""
    lang: str = FALLBACK_LANGUAGE


def contact_reader(contact: Contact, account: Account) -> Reader:
    """A contact, in the language of their own or of their account."""
    return Reader(address=contact.address, name=contact.name, lang=contact.lang or account.lang)


def agent_reader(agent: Agent) -> Reader:
    """An agent."""
    return Reader(address=agent.address, name=agent.name, lang=agent.lang)


def tell(  # noqa: PLR0913  # what happened, to whom, with which words, and what it answers and asks
    kind: NoticeKind,
    to: str,
    readers: tuple[Reader, ...],
    words: RegistrationWords | ApprovalWords,
    policy: Policy,
    *,
    answers: str | None = None,
    registration: int | None = None,
    approval: int | None = None,
) -> tuple[Notice, ...]:
    """The mails that the rules name for what happened; with `registration` or `approval` each can be answered.

    `answers` is the Message-ID of the mail that they reply to.
    """
    return tuple(
        Notice(
            kind=kind,
            template=rule.template,
            recipient=reader.address,
            lang=reader.lang,
            words=replace(words, recipient=reader.name),
            automatic=rule.automatic,
            answers=answers,
            internal=rule.internal,
            registration=registration,
            approval=approval,
        )
        for rule in policy.notices
        if rule.kind == kind and rule.to == to and (rule.events is None or words.event in rule.events)
        for reader in readers
    )


def last_day(at: datetime, account: Account | None) -> str:
    """A day until which something can be answered, as people of the account write it."""
    return local_day(at, account.timezone if account else "UTC")
