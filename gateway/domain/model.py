"""The nouns of Casegate: frozen values that every floor shares (SPEC section 2).

Nothing here reads a clock, makes an id or knows a database. Times are aware and in UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NewType

from gateway.domain.escalation import EscalationKind, EscalationState, Meetings

ContactId = NewType("ContactId", int)
AgentId = NewType("AgentId", int)
CaseNumber = NewType("CaseNumber", int)
IntakeId = NewType("IntakeId", int)
OutboxId = NewType("OutboxId", int)


class Turn(StrEnum):
    """Whose move it is; drives every clock."""

    VENDOR = "vendor"
    CUSTOMER = "customer"
    NOBODY = "nobody"


class Authenticity(StrEnum):
    """What the evidence says about the sender of a mail (SPEC section 7)."""

    AUTHENTICATED = "authenticated"
    UNVERIFIED = "unverified"
    FAILED = "failed"


class NoticeKind(StrEnum):
    """What happened, the same for both sides; in the order in which notices merge (CONTRACT)."""

    CASE_OPENED = "case_opened"
    CUSTOMER_WROTE = "customer_wrote"
    AGENT_REPLIED = "agent_replied"
    STATUS_CHANGED = "status_changed"
    COMMAND_ANSWER = "command_answer"
    ATTACHMENT_REFUSED = "attachment_refused"
    UNREGISTERED = "unregistered"
    REGISTRATION = "registration"
    APPROVAL = "approval"
    WELCOME = "welcome"
    REJECTED = "rejected"
    SLA_LEVEL = "sla_level"
    ESCALATION = "escalation"
    ANNOUNCEMENT = "announcement"
    DIGEST = "digest"
    ALARM = "alarm"
    ASSIGNED = "assigned"
    NOTE = "note"
    CASE_CHANGED = "case_changed"
    REMINDER = "reminder"
    UPLOAD = "upload"


class Direction(StrEnum):
    """Which way a message went; a note never leaves the vendor."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    NOTE = "note"


class FileState(StrEnum):
    """What became of a file that came with a message."""

    KEPT = "kept"
    REPEATED = "repeated"
    """Kept too: a picture that the account sent before, such as the logo of a signature."""
    TOO_LARGE = "too_large"
    """Its bytes are not kept."""
    REFUSED = "refused"
    """The operator's scanner says that it harms: its bytes are kept, and go nowhere by themselves."""


class AgentKind(StrEnum):
    """What an agent may do (SPEC section 3)."""

    AGENT = "agent"
    SUPPORT_MANAGER = "support_manager"
    ADMIN = "admin"


class ContactRole(StrEnum):
    """Roles a contact may hold (SPEC section 2)."""

    USER_MANAGER = "user_manager"
    DECISION_MAKER = "decision_maker"
    INCIDENT_MANAGER = "incident_manager"
    VERSION_RECIPIENT = "version_recipient"


class TimerKind(StrEnum):
    """What is due at a time, once."""

    WAKE = "wake"
    CUSTOMER_REMINDER = "customer_reminder"
    AUTO_CLOSE_REMINDER = "auto_close_reminder"
    AUTO_CLOSE = "auto_close"
    FIRST_RESPONSE = "first_response"
    SOLUTION = "solution"
    REGISTRATION_EXPIRY = "registration_expiry"
    APPROVAL_REMINDER = "approval_reminder"
    APPROVAL_EXPIRY = "approval_expiry"
    ESCALATION_UNTAKEN = "escalation_untaken"
    MEETING = "meeting"
    LESSONS = "lessons"
    DIGEST = "digest"


class PartyKind(StrEnum):
    """Who can act on, or take part in, a case."""

    CONTACT = "contact"
    AGENT = "agent"
    EXTERNAL = "external"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Party:
    """A person (or Casegate itself) as events and participants name it: `contact:12`, `agent:3`, `system:`.

    Ids, not addresses: a person who changes address, or is erased, stays the same party.
    """

    kind: PartyKind
    id: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Party":
        """The party that `str()` wrote; ValueError for anything else."""
        kind, _, id_ = text.partition(":")
        return cls(PartyKind(kind), id_)

    @classmethod
    def contact(cls, id_: int) -> "Party":
        """The party of a contact."""
        return cls(PartyKind.CONTACT, str(id_))

    @classmethod
    def agent(cls, id_: int) -> "Party":
        """The party of an agent."""
        return cls(PartyKind.AGENT, str(id_))


SYSTEM = Party(PartyKind.SYSTEM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A customer company. `number` is its name everywhere, `ACME-1`; `timezone` an IANA name."""

    number: str
    name: str
    domains: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    lang: str = "en"
    timezone: str = "UTC"
    manager: str | None = None
    team: str | None = None
    calendar: str | None = None
    valid_until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounced:
    """An address to which a mail of ours could not be delivered for good, when that was told, and its status if known."""

    address: str
    at: datetime
    status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person of one account. `addresses` are in stored form; the first is the one mail goes to.

    `bounced` are those that mail does not reach, until some comes from there; who `is_erased` is a pseudonym, who is
    `unsubscribed_at` wants no announcements since.
    """

    id: ContactId
    account: str
    name: str
    addresses: tuple[str, ...]
    roles: frozenset[ContactRole] = frozenset()
    phone: str | None = None
    lang: str | None = None
    access: bool = True
    active: bool = True
    bounced: tuple[Bounced, ...] = ()
    is_erased: bool = False
    unsubscribed_at: datetime | None = None

    @property
    def address(self) -> str:
        """Where mail to this person goes."""
        return self.addresses[0]

    @property
    def party(self) -> Party:
        """How events name this person."""
        return Party.contact(self.id)

    @property
    def may_write(self) -> bool:
        """Active, and with access to the account's cases."""
        return self.active and self.access


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A person of the vendor."""

    id: AgentId
    name: str
    address: str
    kind: AgentKind = AgentKind.AGENT
    teams: tuple[str, ...] = ()
    os_user: str | None = None
    signature: str | None = None
    lang: str = "en"
    active: bool = True

    @property
    def party(self) -> Party:
        """How events name this person."""
        return Party.agent(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """What became of an escalation, in somebody's words; an `internal` one never leaves the vendor."""

    at: datetime
    author: Party
    text: str
    internal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """A call for more than the case's agent. `round` counts those of one case; `team` is whom it is addressed to, if anyone.

    `manager` took it, `reminders` counts the steps at which people heard that nobody had, `told` says that customers did.
    """

    round: int
    kind: EscalationKind
    state: EscalationState
    reason: str
    requested_by: Party
    requested_at: datetime
    team: str | None = None
    manager: Party | None = None
    taken_at: datetime | None = None
    reminders: int = 0
    told: bool = True
    meetings: Meetings | None = None
    resolved_at: datetime | None = None
    resolved_by: Party | None = None
    lessons_at: datetime | None = None
    log: tuple[LogEntry, ...] = ()

    @property
    def is_open(self) -> bool:
        """True until it is resolved; a case has at most one that is open."""
        return self.state is not EscalationState.RESOLVED


def timestamp(at: datetime) -> str:
    """A time as details of events hold it: RFC 3339 in UTC, with `Z`."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a customer wants handled: the fold of its events, nothing else (`fold.evolve`).

    `version` is the number of events folded, `stay` the version at which it came to its status, `status_since`
    when that was. `merged_into` is where a merged case went, which takes no more events; `followed_by` its newest
    follow-up. `reminded_at` is when the customer was reminded in this stay; `deferred_until` and `deferred_by` say when
    a deferred case comes back, in whose name. `awaits` are the approvals that are open.
    """

    number: CaseNumber
    subject: str
    type: str
    status: str
    account: str
    reporter: Party
    team: str
    channel: str
    created_at: datetime
    updated_at: datetime
    category: str | None = None
    priority: str | None = None
    assignee: Party | None = None
    participants: tuple[Party, ...] = ()
    product: str | None = None
    product_version: str | None = None
    environment: str | None = None
    planned_at: datetime | None = None
    merged_into: CaseNumber | None = None
    follow_up_of: CaseNumber | None = None
    followed_by: CaseNumber | None = None
    links: tuple[CaseNumber, ...] = ()
    escalation: Escalation | None = None
    status_since: datetime
    stay: int = 1
    reminded_at: datetime | None = None
    deferred_until: datetime | None = None
    deferred_by: Party | None = None
    awaits: tuple[int, ...] = ()
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of a message, kept by content hash; `name` is the sender's and is text only."""

    name: str
    size: int
    sha256: str
    content_type: str
    state: FileState = FileState.KEPT

    @property
    def is_refused(self) -> bool:
        """True if nobody gets it as if nothing were wrong."""
        return self.state in {FileState.TOO_LARGE, FileState.REFUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One piece of correspondence, as a decision writes it. `quoted` is all the rest of the text.

    `encrypted`: only who has the key can read it. `refers_to` are Message-IDs of mail that we may never have seen.
    """

    direction: Direction
    author: Party
    subject: str
    text: str
    quoted: str = ""
    automatic: bool = False
    authenticity: Authenticity | None = None
    message_id: str | None = None
    intake: IntakeId | None = None
    attachments: tuple[Attachment, ...] = ()
    encrypted: bool = False
    refers_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a case's append-only history. `detail` holds JSON values only."""

    case: CaseNumber
    at: datetime
    actor: Party
    cause: str
    step: int
    event: str
    from_status: str | None = None
    to_status: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
