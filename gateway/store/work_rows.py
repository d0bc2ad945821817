"""Rows of what waits to be done or was done: intake, outbox, timers, mailboxes, alarms, counters.

Workers meet here: a row is accepted, leased and settled.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from gateway.domain.budget import Share
from gateway.domain.model import NoticeKind, TimerKind
from gateway.domain.post import DecisionKind, IntakeState, OutboxState, TimerState, Transport
from gateway.store.row import Row, choice


class TimerRow(Row, table=True):
    """Something due at a time, once: fired ones are kept, so that none speaks twice.

    It is about a case, a registration or an approval, or what was gathered for agents.
    """

    __tablename__ = "timer"
    __table_args__ = (
        sa.UniqueConstraint("case_number", "kind", "level", "round"),
        sa.UniqueConstraint("registration_id", "kind", "round"),
        sa.UniqueConstraint("approval_id", "kind", "round"),
        sa.Index("ix_timer_state_due", "state", "due_at"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: TimerKind = Field(sa_type=choice(TimerKind))
    case_number: int | None = Field(default=None, foreign_key="cases.number")
    registration_id: int | None = Field(default=None, foreign_key="registration.id")
    approval_id: int | None = Field(default=None, foreign_key="approval.id")
    round: int
    level: int = 0
    due_at: datetime
    state: TimerState = Field(sa_type=choice(TimerState))
    attempts: int = 0
    lease_until: datetime | None = None
    fired_at: datetime | None = None


class IntakeRow(Row, table=True):
    """Raw inbound mail as accepted, and what was decided about it.

    `attempts` counts the leases, `faults` the times that handling it failed while we lived to see it. `asked_by` is the
    agent on whose word it was decided once more, `is_released` as if its sender were acceptable.
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
    asked_by: str | None = None
    is_released: bool = False


class RawMailRow(Row, table=True):
    """The bytes of an intake row: here up to about 1 MB, beyond that as a blob that was written first."""

    __tablename__ = "raw_mail"
    __table_args__ = (sa.CheckConstraint("(data IS NULL) <> (sha256 IS NULL)", name="one_place"),)
    intake_id: int = Field(primary_key=True, foreign_key="intake.id")
    data: bytes | None = None
    sha256: str | None = None


class UnwantedBlobRow(Row, table=True):
    """A blob whose mail was erased: to be deleted, unless something else has the same bytes."""

    __tablename__ = "unwanted_blob"
    sha256: str = Field(primary_key=True)


class HandledRow(Row, table=True):
    """The fingerprint of a mail that was handled, so that no copy of it is handled again."""

    __tablename__ = "handled"
    fingerprint: str = Field(primary_key=True)
    intake_id: int = Field(foreign_key="intake.id")


class OutboxMailRow(Row, table=True):
    """Mail owed to one recipient, with its final bytes; `budget` is None for a person's own words.

    What `is_bulk` waits for all other mail that is due.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        sa.Index("ix_outbox_state_next", "state", "is_bulk", "next_attempt_at"),
        sa.Index("ix_outbox_order", "case_number", "recipient", "id"),
        sa.Index("ix_outbox_told", "recipient", "created_at"),
        sa.Index("ix_outbox_case_created", "case_number", "created_at"),
        sa.Index("ix_outbox_budget", "budget", "created_at"),
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
    budget: Share | None = Field(default=None, sa_type=choice(Share))
    is_bulk: bool = False
    rounds: int = 0
    attempts: int = 0
    next_attempt_at: datetime
    lease_until: datetime | None = None
    last_error: str | None = None


class ToTellRow(Row, table=True):
    """A mail that was set aside, or one of ours that failed, until agents are told of it; nothing but ids.

    `alarmed_at` is when they were told at once of this mail of a contact; it is kept until nobody cares any more.
    """

    __tablename__ = "to_tell"
    __table_args__ = (sa.Index("ix_to_tell_alarmed", "alarmed_at"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True)
    intake_id: int | None = Field(default=None, foreign_key="intake.id", ondelete="CASCADE")
    outbox_id: int | None = Field(default=None, foreign_key="outbox.id", ondelete="CASCADE")
    contact_id: int | None = Field(default=None, foreign_key="contact.id")
    alarmed_at: datetime | None = None


class AlarmRow(Row, table=True):
    """Something a person must mend; gone when it is mended, or with `until`, where it ends by itself."""

    __tablename__ = "alarm"
    name: str = Field(primary_key=True)
    since: datetime
    text: str
    mend: str
    until: datetime | None = None


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


class InForceRow(Row, table=True):
    """The rules by which something was made that is not made anew while they stay the same."""

    __tablename__ = "in_force"
    name: str = Field(primary_key=True)
    digest: str


class CounterRow(Row, table=True):
    """Numbers without gaps: a case number is taken in the transaction that opens the case."""

    __tablename__ = "counter"
    name: str = Field(primary_key=True)
    value: int
