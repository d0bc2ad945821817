"""Rows of announcements, and of each person to whom one goes: that row is why nobody gets one twice."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from gateway.domain.announcement import Audience, RecipientState
from gateway.store.row import Row, choice


class AnnouncementRow(Row, table=True):
    """What was announced to whom. `variables` are pairs of a name and a text."""

    __tablename__ = "announcement"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = Field(default=None, primary_key=True)
    by_id: int = Field(foreign_key="agent.id")
    created_at: datetime
    audience: Audience = Field(sa_type=choice(Audience))
    accounts: list[str] = Field(sa_type=sa.JSON)
    template: str
    variables: list[list[str]] = Field(sa_type=sa.JSON)


class AnnouncementRecipientRow(Row, table=True):
    """One contact of one announcement. `message_id` is that of the mail, from the transaction that put it in the outbox."""

    __tablename__ = "announcement_recipient"
    __table_args__ = (sa.Index("ix_announcement_recipient_state", "announcement_id", "state", "contact_id"),)
    announcement_id: int = Field(primary_key=True, foreign_key="announcement.id")
    contact_id: int = Field(primary_key=True, foreign_key="contact.id")
    state: RecipientState = Field(sa_type=choice(RecipientState))
    message_id: str | None = Field(default=None, unique=True)
