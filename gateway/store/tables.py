"""The tables: constraints and indexes carry the promises, code only makes them pleasant.

They know the enums, nothing of the rules. Rows never leave `store/`; `load` and `save` translate.
Times are stored in UTC (SQLModel's own datetime column, which refuses naive ones).
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from gateway.domain.model import (
    AgentKind,
    Authenticity,
    Direction,
    EscalationKind,
    EscalationState,
    NoticeKind,
    TimerKind,
)
from gateway.domain.post import DecisionKind, IntakeState, OutboxState, TimerState, Transport

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def choice(kind: type[StrEnum]) -> Any:
    """A column type that stores the values of an enum and refuses all others, in Python and in SQL."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        length=20,
        name=kind.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


class Row(SQLModel):
    """What all rows share: they check nothing themselves, so that no command waits until pydantic has made checks."""

    model_config = {"defer_build": True}  # pydantic takes it so


class AccountRow(Row, table=True):
    """A customer company."""

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
    pin_hash: str | None = None


class ContactRow(Row, table=True):
    """A person of one account; un-registered ones stay for history."""

    __tablename__ = "contact"
    id: int | None = Field(default=None, primary_key=True)
    account: str = Field(foreign_key="account.number", index=True)
    name: str
    phone: str | None = None
    lang: str | None = None
    roles: list[str] = Field(sa_type=sa.JSON)
    access: bool = True
    active: bool = True


class AgentRow(Row, table=True):
    """A person of the vendor."""

    __tablename__ = "agent"
    id: int | None = Field(default=None, primary_key=True)
    name: str
    kind: AgentKind = Field(sa_type=choice(AgentKind))
    teams: list[str] = Field(sa_type=sa.JSON)
    os_user: str | None = None
    active: bool = True


class AddressRow(Row, table=True):
    """An address in stored form: a contact's or an agent's, never both. Mail goes to position 0."""

    __tablename__ = "address"
    __table_args__ = (sa.CheckConstraint("(contact_id IS NULL) <> (agent_id IS NULL)", name="one_owner"),)
    address: str = Field(primary_key=True)
    contact_id: int | None = Field(default=None, foreign_key="contact.id", index=True)
    agent_id: int | None = Field(default=None, foreign_key="agent.id", index=True)
    position: int = 0


class CaseRow(Row, table=True):
    """A case as its events left it; `version` counts them."""

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
            *("merged_into", "status", "priority", "type", "created_at", "number"),
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


class TimerRow(Row, table=True):
    """Something due at a time, once: fired ones are kept, so that none speaks twice."""

    __tablename__ = "timer"
    __table_args__ = (
        sa.UniqueConstraint("case_number", "kind", "round"),
        sa.Index("ix_timer_state_due", "state", "due_at"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: TimerKind = Field(sa_type=choice(TimerKind))
    case_number: int = Field(foreign_key="cases.number")
    round: int
    due_at: datetime
    state: TimerState = Field(sa_type=choice(TimerState))
    attempts: int = 0
    lease_until: datetime | None = None
    fired_at: datetime | None = None


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
    party: str = Field(primary_key=True)
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


class AttachmentRow(Row, table=True):
    """A file of a message; its bytes are a blob under `sha256`."""

    __tablename__ = "attachment"
    id: int | None = Field(default=None, primary_key=True)
    message: int = Field(foreign_key="message.id", index=True)
    name: str
    size: int
    sha256: str = Field(index=True)
    content_type: str


class ThreadRow(Row, table=True):
    """A Message-ID that we sent or saw on a case. The same id may stand on several cases."""

    __tablename__ = "thread"
    message_id: str = Field(primary_key=True)
    case_number: int = Field(primary_key=True, foreign_key="cases.number")


class IntakeRow(Row, table=True):
    """Raw inbound mail as accepted, and what was decided about it.

    `attempts` counts the leases, `faults` the times that handling it failed while we lived to see it.
    """

    __tablename__ = "intake"
    __table_args__ = (sa.Index("ix_intake_state_id", "state", "id"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True)
    transport: Transport = Field(sa_type=choice(Transport))
    transport_id: str = Field(unique=True)
    mail_from: str | None = None
    rcpt_to: list[str] = Field(sa_type=sa.JSON)
    peer: str | None = None
    login: str | None = None
    authserv_id: str | None = None
    received_at: datetime
    state: IntakeState = Field(sa_type=choice(IntakeState))
    attempts: int = 0
    faults: int = 0
    lease_until: datetime | None = None
    decision: DecisionKind | None = Field(default=None, sa_type=choice(DecisionKind))
    reason: str | None = None
    evidence: str | None = None
    rung: str | None = None
    passed: list[list[str]] = Field(default_factory=list, sa_type=sa.JSON)
    case_number: int | None = Field(default=None, foreign_key="cases.number")
    sender: str | None = None
    subject: str | None = None


class RawMailRow(Row, table=True):
    """The bytes of an intake row: here up to about 1 MB, beyond that as a blob that was written first."""

    __tablename__ = "raw_mail"
    __table_args__ = (sa.CheckConstraint("(data IS NULL) <> (sha256 IS NULL)", name="one_place"),)
    intake_id: int = Field(primary_key=True, foreign_key="intake.id")
    data: bytes | None = None
    sha256: str | None = None


class HandledRow(Row, table=True):
    """The fingerprint of a mail that was handled, so that no copy of it is handled again."""

    __tablename__ = "handled"
    fingerprint: str = Field(primary_key=True)
    intake_id: int = Field(foreign_key="intake.id")


class OutboxMailRow(Row, table=True):
    """Mail owed to one recipient, with its final bytes."""

    __tablename__ = "outbox"
    __table_args__ = (
        sa.Index("ix_outbox_state_next", "state", "next_attempt_at"),
        sa.Index("ix_outbox_order", "case_number", "recipient", "id"),
        sa.Index("ix_outbox_told", "recipient", "kind", "created_at"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    case_number: int | None = Field(default=None, foreign_key="cases.number")
    recipient: str
    kind: NoticeKind = Field(sa_type=choice(NoticeKind))
    state: OutboxState = Field(sa_type=choice(OutboxState))
    return_path: str = Field(index=True)
    message_id: str = Field(unique=True)
    data: bytes
    created_at: datetime
    cause: str = ""
    attempts: int = 0
    next_attempt_at: datetime
    lease_until: datetime | None = None
    last_error: str | None = None


class AlarmRow(Row, table=True):
    """Something a person must mend; gone when it is mended."""

    __tablename__ = "alarm"
    name: str = Field(primary_key=True)
    since: datetime
    text: str
    mend: str


class MailboxRow(Row, table=True):
    """How far a mailbox that we take from by IMAP was read; UIDs have 32 bits, without a sign."""

    __tablename__ = "mailbox"
    name: str = Field(primary_key=True)
    uidvalidity: int = Field(sa_type=sa.BigInteger)
    last_uid: int = Field(sa_type=sa.BigInteger)
    first_uid: int = Field(sa_type=sa.BigInteger)
    is_rescan: bool
    began_at: datetime
    last_success_at: datetime | None = None


class CounterRow(Row, table=True):
    """Numbers without gaps: a case number is taken in the transaction that opens the case."""

    __tablename__ = "counter"
    name: str = Field(primary_key=True)
    value: int


def table(model: type[SQLModel]) -> sa.Table:
    """The Core table of a model, for the hot path."""
    found: sa.Table = model.__table__  # type: ignore[attr-defined]  # SQLModel adds it; the stubs do not say so
    return found


account = table(AccountRow)
contact = table(ContactRow)
agent = table(AgentRow)
address = table(AddressRow)
cases = table(CaseRow)
participant = table(ParticipantRow)
escalation = table(EscalationRow)
timer = table(TimerRow)
snippet = table(SnippetRow)
event = table(EventRow)
message = table(MessageRow)
attachment = table(AttachmentRow)
thread = table(ThreadRow)
intake = table(IntakeRow)
raw_mail = table(RawMailRow)
handled = table(HandledRow)
outbox = table(OutboxMailRow)
alarm = table(AlarmRow)
mailbox = table(MailboxRow)
counter = table(CounterRow)
