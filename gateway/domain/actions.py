"""The verbs of Casegate: what can be asked of it, by whom, for what cause, and what that changes.

Mail, the CLI and timers hand Actions with a Cause to `services.perform`; `domain.workflow` decides
each into a Change. `evolve` is the only way in which a Case changes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.model import (
    Attachment,
    Authenticity,
    Case,
    CaseNumber,
    Contact,
    Event,
    IntakeId,
    Message,
    NoticeKind,
    OutboxId,
    Party,
)
from gateway.errors import CasegateError


@dataclass(frozen=True, slots=True)
class Stamp:
    """The time of one transaction, and 16 random bytes from which its ids derive; a frozen stamp repeats the bytes."""

    at: datetime
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Cause:
    """What set something off: `mail:9001`, `cli:…`, `timer:7`. Unique with a step, so it takes effect once."""

    id: str

    @classmethod
    def mail(cls, intake: IntakeId) -> "Cause":
        """An inbound mail."""
        return cls(f"mail:{intake}")

    @classmethod
    def cli(cls, id_: str) -> "Cause":
        """A command typed by an agent."""
        return cls(f"cli:{id_}")

    @classmethod
    def outbox(cls, id_: OutboxId) -> "Cause":
        """A mail of ours that failed for good."""
        return cls(f"outbox:{id_}")

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """The part of an inbound mail that a case keeps.

    `reached` are the addresses in its own To and Cc, which need no copy from us;
    `quiet` says that nothing may be answered automatically.
    """

    intake: IntakeId
    subject: str
    text: str
    quoted: str
    message_id: str | None
    authenticity: Authenticity
    attachments: tuple[Attachment, ...] = ()
    reached: frozenset[str] = frozenset()
    joining: tuple[Contact, ...] = ()
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase:
    """A contact's mail that belongs to no case opens one (SPEC section 7, rung 13)."""

    contact: Contact
    incoming: Incoming


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerReply:
    """A contact wrote on a case (SPEC section 7, rung 11)."""

    case: CaseNumber
    contact: Contact
    incoming: Incoming


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAutomatic:
    """An automatic mail is kept on its case and changes nothing else (SPEC section 7, rung 5)."""

    case: CaseNumber
    contact: Contact
    incoming: Incoming


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerStranger:
    """One polite answer to an unregistered sender (SPEC section 7, rung 9)."""

    address: str
    message_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFailed:
    """A mail of ours failed for good: refused by the relay, or bounced (SPEC section 14)."""

    outbox: OutboxId
    case: CaseNumber | None
    recipient: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReply:
    """An agent answers the customer."""

    case: CaseNumber
    actor: Party
    text: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNote:
    """An agent writes an internal note."""

    case: CaseNumber
    actor: Party
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """An agent triggers a named event: start, resolve, close, reopen, defer, wait_for_client.

    A text goes out as the agent's reply, with this one transition (SPEC section 15).
    """

    case: CaseNumber
    actor: Party
    trigger: str
    text: str | None = None


Action = OpenCase | CustomerReply | RecordAutomatic | AnswerStranger | DeliveryFailed | AgentReply | AddNote | Fire


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseWords:
    """What a template about a case can say. Names and texts of people are data, never markup.

    `author` is who acted, `text` what they wrote, `event` the transition that happened (None without
    one), `others` who else gets this mail, as "Name <address>".
    """

    number: int
    token: str
    subject: str
    type_label: str
    status_label: str
    account: str
    account_name: str
    reporter: str
    assignee: str | None
    recipient: str
    author: str
    text: str = ""
    event: str | None = None
    others: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangerWords:
    """What the answer to an unregistered sender can say: nothing of their mail."""

    registration_address: str


Words = CaseWords | StrangerWords


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notification before it is rendered: what happened, to whom, by which template, with what to say.

    `answers` is the Message-ID that this mail replies to, `thread` the Message-IDs of the case, oldest
    first. `automatic` is the value of Auto-Submitted, None for a person's own words. `case` and `token`
    are None for mail about no case; `internal` mail has a Reply-To tag of its own.
    """

    kind: NoticeKind
    template: str
    recipient: str
    lang: str
    words: Words
    automatic: str | None
    case: CaseNumber | None = None
    answers: str | None = None
    thread: tuple[str, ...] = ()
    internal: bool = False
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one decided Action writes, all in one transaction."""

    case: Case | None = None
    events: tuple[Event, ...] = ()
    message: Message | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one Action: the case after it, or why it was refused; and how many mails it owes."""

    case: Case | None = None
    refused: CasegateError | None = None
    mails: int = 0


def evolve(case: Case | None, event: Event) -> Case:
    """The case after one more event; `case` is None for its first, `opened`.

    Total over every history that `domain.workflow` writes: `fold(events)` equals the stored row
    (`casegate db verify`).
    """
    detail = event.detail
    if case is None:
        return Case(
            number=event.case,
            subject=detail["subject"],
            type=detail["type"],
            status=event.to_status or "",
            account=detail["account"],
            reporter=Party.parse(detail["reporter"]),
            team=detail["team"],
            channel=detail["channel"],
            priority=detail.get("priority"),
            category=detail.get("category"),
            created_at=event.at,
            updated_at=event.at,
            version=1,
        )
    changed = replace(case, updated_at=event.at, version=case.version + 1, status=event.to_status or case.status)
    match event.event:
        case "participant_added":
            return replace(changed, participants=(*case.participants, Party.parse(detail["party"])))
        case "assigned":
            return replace(changed, assignee=Party.parse(detail["assignee"]))
        case _:
            return changed


def fold(events: Iterable[Event]) -> Case | None:
    """The case that a whole history makes; None for an empty one."""
    case = None
    for event in events:
        case = evolve(case, event)
    return case
