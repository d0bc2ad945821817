"""What agents must know and no case tells: mail that was set aside, and mail of ours that failed (SPEC section 13).

`services.gathering` asks here. A contact's mail that was set aside is told at once, but once an hour for each contact and of few contacts,
since anybody can write their addresses into a From; all else is gathered, and told once a day.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.domain.desk_words import AlarmWords, AsideWords, DeskWords, DigestWords, FailedWords, TroubleWords
from gateway.domain.model import Account, Agent, Contact, ContactId, IntakeId, NoticeKind
from gateway.domain.policy import Policy
from gateway.domain.post import IntakeState
from gateway.domain.words import Notice

ALARM_GAP, MOST_ALARMED = timedelta(hours=1), 10
"""So long nobody is alarmed again about mail of the same contact, nor about that of more contacts; it is gathered."""

MOST_LISTED = 50
"""So many failed addresses, and so many mails, a digest names; it counts the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A mail is held or quarantined. `contact` is who has the address in its From, `is_proved` that they wrote it."""

    intake: IntakeId
    state: IntakeState
    reason: str
    sender: str = ""
    subject: str = ""
    contact: Contact | None = None
    is_proved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFails:
    """A template of the vendor's own is none, or failed; the shipped one stands in for it. `text` says which and why."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TellGathered:
    """It is time for agents to read what was gathered."""


def next_digest(now: datetime, policy: Policy) -> datetime:
    """When what is gathered now is told: at the next `digest_at` in the zone of the default calendar."""
    zone = ZoneInfo(policy.sla.default_calendar.zone)
    local = now.astimezone(zone)
    due = local.replace(hour=policy.digest_at.hour, minute=policy.digest_at.minute, second=0, microsecond=0)
    return (due if due > local else due + timedelta(days=1)).astimezone(UTC)


def may_alarm(contact: Contact, alarmed: Collection[ContactId]) -> bool:
    """Whether agents are told at once of mail of this contact, if they were of that of these within ALARM_GAP."""
    return contact.id not in alarmed and len(alarmed) < MOST_ALARMED


def alarm(
    action: SetAside, contact: Contact, account: Account, agents: Sequence[Agent], policy: Policy
) -> tuple[Notice, ...]:
    """Tell the account's team of a contact's mail that was set aside."""
    mail = AsideWords(
        number=action.intake,
        state=action.state.value,
        sender=action.sender,
        subject=action.subject,
        reason=action.reason,
        name=contact.name,
        account=contact.account,
    )
    words = AlarmWords(recipient="", mail=mail, account_name=account.name, is_proved=action.is_proved)
    return _told(NoticeKind.ALARM, "set_aside", words, agents, policy)


def digest(
    failed: Sequence[FailedWords], aside: Sequence[AsideWords], agents: Sequence[Agent], policy: Policy
) -> tuple[Notice, ...]:
    """Tell agents what was gathered; nothing if there is nothing left to tell."""
    if not failed and not aside:
        return ()
    words = DigestWords(
        recipient="",
        failed=tuple(failed[:MOST_LISTED]),
        aside=tuple(aside[:MOST_LISTED]),
        more_failed=max(0, len(failed) - MOST_LISTED),
        more_aside=max(0, len(aside) - MOST_LISTED),
    )
    return _told(NoticeKind.DIGEST, "gathered", words, agents, policy)


def trouble(text: str, mend: str, agents: Sequence[Agent], policy: Policy) -> tuple[Notice, ...]:
    """Tell agents of what does not work here."""
    return _told(NoticeKind.ALARM, "trouble", TroubleWords(recipient="", text=text, mend=mend), agents, policy)


def _told(
    kind: NoticeKind, event: str, words: DeskWords, agents: Sequence[Agent], policy: Policy
) -> tuple[Notice, ...]:
    return tuple(
        Notice(
            kind=kind,
            template=rule.template,
            recipient=agent.address,
            lang=agent.lang,
            words=replace(words, recipient=agent.name),
            automatic=rule.automatic,
            internal=rule.internal,
        )
        for rule in policy.notices
        if rule.kind == kind and rule.to == "agents" and (rule.events is None or event in rule.events)
        for agent in agents
    )
