"""Rows of registrations and approvals, and of the mails that asked somebody.

They know the enums, nothing of the rules. The one-time token of a mail is kept as a hash only: who reads the database
cannot answer in somebody's place.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from gateway.domain.approval import ApprovalKind, ApprovalState, RegistrationState
from gateway.store.row import Row, choice


class RegistrationRow(Row, table=True):
    """A person who wants to be a contact; those that came to an end stay."""

    __tablename__ = "registration"
    __table_args__ = (sa.Index("ix_registration_address_state", "address", "state"),)
    id: int = Field(primary_key=True)
    address: str
    state: RegistrationState = Field(sa_type=choice(RegistrationState))
    requested_at: datetime
    expires_at: datetime
    account: str | None = Field(default=None, foreign_key="account.number", index=True)
    is_proved: bool = False
    name: str = ""
    phone: str | None = None
    lang: str | None = None
    roles: list[str] = Field(sa_type=sa.JSON)
    invited_by: str | None = None
    is_granted: bool = False
    wrong_pins: int = 0
    hints: int = 0
    bounced: str | None = None


class ApprovalRow(Row, table=True):
    """A question to people with authority, and its answer."""

    __tablename__ = "approval"
    __table_args__ = (sa.Index("ix_approval_state_account", "state", "account"),)
    id: int = Field(primary_key=True)
    kind: ApprovalKind = Field(sa_type=choice(ApprovalKind))
    account: str = Field(foreign_key="account.number")
    state: ApprovalState = Field(sa_type=choice(ApprovalState))
    requested_at: datetime
    expires_at: datetime
    case_number: int | None = Field(default=None, foreign_key="cases.number", index=True)
    registration_id: int | None = Field(default=None, foreign_key="registration.id", index=True)
    contact: str | None = None
    request: dict[str, Any] = Field(sa_type=sa.JSON)
    text: str = ""
    phrase: dict[str, Any] | None = Field(default=None, sa_type=sa.JSON)
    asked: list[str] = Field(sa_type=sa.JSON)
    agreed: list[str] = Field(sa_type=sa.JSON)
    answered_by: str | None = None
    answered_at: datetime | None = None
    reason: str | None = None


class AskedRow(Row, table=True):
    """A mail that asks somebody. `message_id` is its own, so that a bounce of it is known."""

    __tablename__ = "asked"
    __table_args__ = (
        sa.CheckConstraint("(registration_id IS NULL) <> (approval_id IS NULL)", name="one_question"),
        sa.Index("ix_asked_address_sent", "address", "sent_at"),
        sa.Index("ix_asked_sent", "sent_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    token_hash: str = Field(unique=True)
    message_id: str = Field(unique=True)
    address: str
    sent_at: datetime
    registration_id: int | None = Field(default=None, foreign_key="registration.id", index=True)
    approval_id: int | None = Field(default=None, foreign_key="approval.id", index=True)
    hints: int = 0


class WrongPinRow(Row, table=True):
    """A PIN that was none: counted over all addresses, so that a spread search is seen (SPEC section 9)."""

    __tablename__ = "wrong_pin"
    __table_args__ = (sa.Index("ix_wrong_pin_at", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    address: str
