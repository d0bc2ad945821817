"""The verbs of Casegate: what can be asked of it, by whom, for what cause, and what that changes.

Mail, the CLI and timers hand Actions with a Cause to `services.perform`; `domain.workflow` decides
each into a Change.
"""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.agent_mail import AgentMail, ByMail, TellAgent
from gateway.domain.approval import Approval, Registration
from gateway.domain.approval_actions import ApprovalAction, RaiseAlarm, RegistrationAction
from gateway.domain.case_actions import NOT_SAID, About, RecordRequest
from gateway.domain.commands import CarryOut
from gateway.domain.erasing import Erased
from gateway.domain.escalation import EscalationKind
from gateway.domain.escalation_actions import EscalationAction
from gateway.domain.gathering import SetAside, TellGathered, TemplateFails
from gateway.domain.model import (
    Attachment,
    Authenticity,
    Case,
    CaseNumber,
    Contact,
    Event,
    IntakeId,
    Message,
    OutboxId,
    Party,
    TimerKind,
)
from gateway.domain.people_actions import AddressWorks, AnswerStranger, PeopleAction
from gateway.domain.words import Notice
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

    @classmethod
    def timer(cls, id_: int) -> "Cause":
        """A timer that was due."""
        return cls(f"timer:{id_}")

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """The part of an inbound mail that a case keeps.

    `reached` are the addresses in its own To and Cc, which need no copy from us;
    `quiet` says that nothing may be answered automatically, `only_thanks` that it asks for nothing, `encrypted` that
    only who has the key can read it. `keeps_status` says that its commands alone change that.
    """

    intake: IntakeId
    subject: str
    text: str
    quoted: str
    message_id: str | None
    authenticity: Authenticity
    attachments: tuple[Attachment, ...] = ()
    reached: frozenset[str] = frozenset()
    joining: tuple[Party, ...] = ()
    quiet: bool = False
    only_thanks: bool = False
    refers_to: tuple[str, ...] = ()
    foreign: tuple[CaseNumber, ...] = ()
    encrypted: bool = False
    keeps_status: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase:
    """A contact's mail that belongs to no case opens one (SPEC section 7, rung 13).

    `follows` is the case that it answers, closed too long ago to be reopened (SPEC section 5.3).
    """

    contact: Contact
    incoming: Incoming
    follows: CaseNumber | None = None
    about: About = NOT_SAID


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
class DeliveryFailed:
    """A mail of ours failed for good: refused by the relay, or bounced (SPEC section 14). `owed_by` is its cause.

    `flags` says that it is the address that mail does not reach, which is proved; `status` is the enhanced code.
    """

    outbox: OutboxId
    owed_by: str
    case: CaseNumber | None
    recipient: str
    error: str
    status: str | None = None
    flags: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReply:
    """An agent answers the customer; by mail, what came with it goes along."""

    case: CaseNumber
    actor: Party
    text: str
    attachments: tuple[Attachment, ...] = ()
    mail: ByMail | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNote:
    """An agent writes an internal note."""

    case: CaseNumber
    actor: Party
    text: str
    mail: ByMail | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """Someone triggers a named event: start, resolve, close, reopen, defer, wait_for_client; the system: auto_close.

    Whether it is the customer's, the vendor's or the system's turn to do so follows from the actor. A text goes out
    as the agent's reply, with this one transition (SPEC section 15). `until` ends a `defer`.
    """

    case: CaseNumber
    actor: Party
    trigger: str
    text: str | None = None
    until: datetime | None = None
    mail: ByMail | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFor:
    """An agent opens a case in a contact's name; the text is kept as the contact's message (SPEC section 4)."""

    contact: Contact
    actor: Party
    subject: str
    text: str
    channel: str
    type: str | None = None
    priority: str | None = None
    category: str | None = None
    mail: ByMail | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeType:
    """Another type, with the priority or category that it needs; what it can't have is taken away."""

    case: CaseNumber
    actor: Party
    type: str
    priority: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePriority:
    """Another priority, where the type has one."""

    case: CaseNumber
    actor: Party
    priority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A planned time, sent with a calendar part (SPEC section 4)."""

    case: CaseNumber
    actor: Party
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe:
    """What the case is about: None leaves a field as it is, "" empties it."""

    case: CaseNumber
    actor: Party
    product: str | None = None
    product_version: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign:
    """The case goes to an agent, or to a team and nobody in particular."""

    case: CaseNumber
    actor: Party
    assignee: Party | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeParticipants:
    """Who gets the case's mail beside its reporter (SPEC section 2)."""

    case: CaseNumber
    actor: Party
    add: tuple[Party, ...] = ()
    remove: tuple[Party, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """This case's correspondence goes on as part of `into`, a case of the same account."""

    case: CaseNumber
    actor: Party
    into: CaseNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """These messages (by id) become a case of their own."""

    case: CaseNumber
    actor: Party
    messages: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two cases have to do with each other; agents see it on both."""

    case: CaseNumber
    actor: Party
    other: CaseNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate:
    """Ask for more than the case's agent can do (SPEC section 10); adds to an escalation that is open."""

    case: CaseNumber
    actor: Party
    kind: EscalationKind
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelReached:
    """So many percent of an SLA target are used, since `reached_at`; the target itself is or was due at `due_at`.

    `due_at` is None where the clock stands still; `is_met` says that it was met before anyone could be told.
    """

    percent: int
    reached_at: datetime
    due_at: datetime | None
    target_seconds: float
    is_met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Elapse:
    """A timer of a case is due: it is woken, closed, its reporter reminded, or a level of its SLA is reached.

    `level` is given for the timers of SLA clocks. One that the case does not wait for any more does nothing.
    """

    case: CaseNumber
    kind: TimerKind
    round: int
    level: LevelReached | None = None


CaseAction = (
    OpenCase
    | OpenFor
    | CustomerReply
    | RecordAutomatic
    | DeliveryFailed
    | AgentReply
    | AddNote
    | Fire
    | ChangeType
    | ChangePriority
    | Plan
    | Describe
    | Assign
    | ChangeParticipants
    | Merge
    | Split
    | Link
    | Escalate
    | Elapse
    | RecordRequest
    | EscalationAction
)
PostAction = AnswerStranger | AddressWorks | RaiseAlarm | TellAgent | SetAside | TellGathered | TemplateFails
PlainAction = CaseAction | PeopleAction | RegistrationAction | ApprovalAction | PostAction
Action = PlainAction | CarryOut | AgentMail


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one decided Action writes, all in one transaction.

    `takes` are messages of other cases that become this one's, `absorbs` a case whose messages all do. `also` is what
    changes on further cases. `contact` is a contact as it is from now on, new if its id is 0, `cancels` why mail to them
    that waits is not sent any more, of who is active still announcements only. `registrations` and `approvals` are as they are from now on, `hinted` is the asking
    mail whose answerer was told why it did not count, `then` what is done after this, as part of it.
    `erases` is a contact, as they were, for whom a pseudonym stands from now on.
    """

    case: Case | None = None
    events: tuple[Event, ...] = ()
    message: Message | None = None
    notices: tuple[Notice, ...] = ()
    takes: tuple[int, ...] = ()
    absorbs: CaseNumber | None = None
    also: tuple["Change", ...] = ()
    contact: Contact | None = None
    cancels: str | None = None
    registrations: tuple[Registration, ...] = ()
    approvals: tuple[Approval, ...] = ()
    hinted: int | None = None
    then: tuple["Action", ...] = ()
    erases: Contact | None = None

    @property
    def all(self) -> tuple["Change", ...]:
        """This change and those beside it."""
        return (self, *self.also)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one Action: the case after it, or why it was refused; how many events it wrote and mails it owes.

    Of one about a person: the contact after it (None: it was so already), how many mails to them are not sent, and the
    cases that it changed; of an erasure, what it changed beside.
    """

    case: Case | None = None
    refused: CasegateError | None = None
    events: int = 0
    mails: int = 0
    contact: Contact | None = None
    cancelled: int = 0
    cases: tuple[Case, ...] = ()
    erased: Erased | None = None
