"""Rows of people and cases: accounts, contacts, agents; cases with all that hangs on them.

They know the enums, nothing of the rules. Times are stored in UTC (SQLModel's own datetime column, which refuses
naive ones).
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from gateway.domain.escalation import EscalationKind, EscalationState
from gateway.domain.model import AgentKind, Authenticity, Direction, FileState
from gateway.store.row import Row, choice


class AccountRow(Row, table=True):
    """A customer company. Its PIN is kept as a keyed hash only; `pin_set_by` is unknown where nobody was named."""

    __tablename__ = "account"
    number: str = Field(primary_key=True)
    name: str
    domains: list[str] = Field(sa_type=sa.JSON)
    services: list[str] = Field(sa_type=sa.JSON)
    lang: str
    timezone: str
    manager_id: int | None = Field(default=None, foreign_key="agent.id")
    team: str | None = None
    calendar: str | None = None
    valid_until: str | None = None
    pin_hash: str | None = Field(default=None, unique=True)
    pin_set_at: datetime | None = None
    pin_set_by: int | None = Field(default=None, foreign_key="agent.id")


class ContactRow(Row, table=True):
    """A person of one account; un-registered ones stay for history, of who was erased a pseudonym (`store.erase`).

    `unsubscribed_at` is since when they want no announcements.
    """

    __tablename__ = "contact"
    id: int | None = Field(default=None, primary_key=True)
    account: str = Field(foreign_key="account.number", index=True)
    name: str
    phone: str | None = None
    lang: str | None = None
    roles: list[str] = Field(sa_type=sa.JSON)
    access: bool = True
    active: bool = True
    erased_at: datetime | None = None
    unsubscribed_at: datetime | None = None


class AgentRow(Row, table=True):
    """A person of the vendor."""

    __tablename__ = "agent"
    id: int | None = Field(default=None, primary_key=True)
    name: str
    kind: AgentKind = Field(sa_type=choice(AgentKind))
    teams: list[str] = Field(sa_type=sa.JSON)
    os_user: str | None = None
    signature: str | None = None
    lang: str
    active: bool = True


class AddressRow(Row, table=True):
    """An address in stored form: a contact's or an agent's, never both. Mail goes to position 0.

    `bounced_at` is when it was proved that mail does not reach it, `bounced_status` the code that said so.
    """

    __tablename__ = "address"
    __table_args__ = (sa.CheckConstraint("(contact_id IS NULL) <> (agent_id IS NULL)", name="one_owner"),)
    address: str = Field(primary_key=True)
    contact_id: int | None = Field(default=None, foreign_key="contact.id", index=True)
    agent_id: int | None = Field(default=None, foreign_key="agent.id", index=True)
    position: int = 0
    bounced_at: datetime | None = None
    bounced_status: str | None = None


class CaseRow(Row, table=True):
    """A case as its events left it; `version` counts them.

    `awaits` has the ids of its open approvals with blanks between them, NULL for none: text, since no index takes a list.
    """

    __tablename__ = "cases"
    __table_args__ = (
        sa.Index("ix_cases_account_updated", "account", "updated_at"),
        sa.Index("ix_cases_status_updated", "status", "updated_at"),
        sa.Index("ix_cases_assignee_status_updated", "assignee_id", "status", "updated_at"),
        sa.Index("ix_cases_type_updated", "type", "updated_at"),
        sa.Index("ix_cases_priority_updated", "priority", "updated_at"),
        sa.Index("ix_cases_updated", "updated_at"),
        sa.Index("ix_cases_created", "created_at"),
        sa.Index(  # all that puts the queue in order: no row is read for that
            "ix_cases_queue",
            *("merged_into", "status", "awaits", "sla_due_at", "created_at", "number"),
            *("team", "assignee_id", "escalations"),
        ),
    )
    number: int = Field(primary_key=True)
    subject: str
    type: str
    category: str | None = None
    priority: str | None = None
    status: str
    account: str = Field(foreign_key="account.number")
    reporter_id: int = Field(foreign_key="contact.id")
    assignee_id: int | None = Field(default=None, foreign_key="agent.id")
    team: str
    channel: str
    product: str | None = None
    product_version: str | None = None
    environment: str | None = None
    planned_at: datetime | None = None
    merged_into: int | None = Field(default=None, foreign_key="cases.number")
    follow_up_of: int | None = Field(default=None, foreign_key="cases.number")
    followed_by: int | None = Field(default=None, foreign_key="cases.number")
    links: list[int] = Field(default_factory=list, sa_type=sa.JSON)
    escalations: int = 0
    status_since: datetime
    stay: int
    reminded_at: datetime | None = None
    deferred_until: datetime | None = None
    deferred_by: str | None = None
    awaits: str | None = None
    sla_due_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    version: int


class EscalationRow(Row, table=True):
    """A call for more than the case's agent; a case has at most one that is not resolved (`store.partial`)."""

    __tablename__ = "escalation"
    case_number: int = Field(primary_key=True, foreign_key="cases.number")
    round: int = Field(primary_key=True)
    kind: EscalationKind = Field(sa_type=choice(EscalationKind))
    state: EscalationState = Field(sa_type=choice(EscalationState))
    reason: str
    team: str | None = None
    requested_by: str
    requested_at: datetime
    manager: str | None = None
    taken_at: datetime | None = None
    reminders: int = 0
    told: bool = True
    meetings_every: str | None = None
    meetings_first_at: datetime | None = None
    meetings_zone: str | None = None
    place: str | None = None
    meetings_began: int | None = None
    meetings_sequence: int | None = None
    meeting_next_at: datetime | None = None
    meeting_round: int | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    lessons_at: datetime | None = None
    log: list[dict[str, Any]] = Field(default_factory=list, sa_type=sa.JSON)


class SnippetRow(Row, table=True):
    """A text that agents use again."""

    __tablename__ = "snippet"
    name: str = Field(primary_key=True)
    text: str
    updated_at: datetime


class ParticipantRow(Row, table=True):
    """Who gets the case's mail beside its reporter, in the order in which they joined."""

    __tablename__ = "participant"
    case_number: int = Field(primary_key=True, foreign_key="cases.number")
    party: str = Field(primary_key=True, index=True)
    position: int


class EventRow(Row, table=True):
    """One entry of a case's append-only history. A cause takes effect once, even if two workers hold it."""

    __tablename__ = "event"
    __table_args__ = (
        sa.UniqueConstraint("cause", "step"),
        sa.Index("ix_event_case_id", "case_number", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    case_number: int = Field(foreign_key="cases.number")
    at: datetime
    actor: str
    cause: str
    step: int
    event: str
    from_status: str | None = None
    to_status: str | None = None
    detail: dict[str, Any] = Field(sa_type=sa.JSON)


class MessageRow(Row, table=True):
    """One piece of correspondence on a case."""

    __tablename__ = "message"
    __table_args__ = (sa.Index("ix_message_case_id", "case_number", "id"),)
    id: int | None = Field(default=None, primary_key=True)
    case_number: int = Field(foreign_key="cases.number")
    direction: Direction = Field(sa_type=choice(Direction))
    author: str
    automatic: bool
    authenticity: Authenticity | None = Field(default=None, sa_type=choice(Authenticity))
    at: datetime
    subject: str
    text: str
    quoted: str
    message_id: str | None = None
    intake_id: int | None = Field(default=None, foreign_key="intake.id")
    encrypted: bool = False


class AttachmentRow(Row, table=True):
    """A file of a message; its bytes are a blob under `sha256`, unless it was too large to be kept."""

    __tablename__ = "attachment"
    id: int | None = Field(default=None, primary_key=True)
    message: int = Field(foreign_key="message.id", index=True)
    name: str
    size: int
    sha256: str = Field(index=True)
    content_type: str
    state: FileState = Field(default=FileState.KEPT, sa_type=choice(FileState))


class ThreadRow(Row, table=True):
    """A Message-ID that we sent or saw on a case, or only `heard` of there. The same id may stand on several cases."""

    __tablename__ = "thread"
    message_id: str = Field(primary_key=True)
    case_number: int = Field(primary_key=True, foreign_key="cases.number")
    heard: bool = False
