"""Read model of decisions: what a mail was taken for, by which rung, on which evidence, and what did not hold (I9).

`casegate why` prints it. Nothing here decides: it reads what `inbound.handle` kept with each mail.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.model import Direction, Event
from gateway.domain.post import IntakeState
from gateway.errors import NotFound, Refused
from gateway.mail.masking import without_tokens
from gateway.services.views import Names
from gateway.store import load
from gateway.store import tables as t


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A rung, or a clue of the one that held, and why it was not that."""

    rung: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One decision. Where no mail is behind it (an agent opened the case) only `reason` says anything."""

    decision: str | None
    rung: str | None
    reason: str
    evidence: str | None
    alternatives: tuple[Alternative, ...]
    intake: int | None = None
    message: int | None = None
    case: int | None = None
    received_at: datetime | None = None
    sender: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseWhy:
    """How a case came to be, and the decision behind each mail on it, oldest first."""

    opening: Why
    messages: tuple[Why, ...]


def of_intake(tx: sa.Connection, id_: int) -> Why:
    """The decision about one mail; NotFound if there is no such mail, Refused if none was made yet."""
    row = tx.execute(select(t.intake).where(t.intake.c.id == id_)).first()
    if row is None:
        raise NotFound(f"there is no mail {id_}; `casegate intake list` shows them")
    if row.state == IntakeState.PENDING:
        raise Refused(f"mail {id_} is not decided yet")
    return _why(row)


def of_case(tx: sa.Connection, number: int) -> CaseWhy:
    """Why a case was opened, and why each mail came to it; NotFound if there is no such case."""
    entries = load.events(tx, number).get(number)
    if entries is None:
        raise NotFound(f"there is no case {number}")
    inbound = (t.message.c.case_number == number, t.message.c.direction == Direction.INBOUND)
    query = select(t.intake, t.message.c.id.label("message")).join(t.message, t.message.c.intake_id == t.intake.c.id)
    rows = tx.execute(query.where(*inbound).order_by(t.message.c.id)).all()
    return CaseWhy(
        opening=_opening(tx, entries), messages=tuple(replace(_why(row), message=row.message) for row in rows)
    )


def _opening(tx: sa.Connection, entries: Sequence[Event]) -> Why:
    opened = entries[0]
    kind, _, id_ = opened.cause.partition(":")
    if kind != "mail":
        return _said(_by_hand(tx, entries), opened)
    row = tx.execute(select(t.intake).where(t.intake.c.id == int(id_))).first()
    return _why(row) if row else _said(f"opened by mail {id_}, which is not kept any more", opened)


def _by_hand(tx: sa.Connection, entries: Sequence[Event]) -> str:
    opened = entries[0]
    names = Names(tx, {opened.actor})
    others = [entry for entry in entries if entry.cause == opened.cause and entry.event == "linked"]
    how = f"split off case {others[0].detail['other']}" if others else f"by {opened.detail['channel']}"
    return f"opened by {names.name(opened.actor)}, {how}"


def _said(reason: str, opened: Event) -> Why:
    return Why(
        decision=None,
        rung=None,
        reason=reason,
        evidence=None,
        alternatives=(),
        case=opened.case,
        received_at=opened.at,
        subject=opened.detail["subject"],
    )


def _why(row: sa.Row[Any]) -> Why:
    return Why(
        decision=row.decision,
        rung=row.rung,
        reason=row.reason or "",
        evidence=row.evidence,
        alternatives=tuple(Alternative(rung=rung, reason=reason) for rung, reason in row.passed),
        intake=row.id,
        case=row.case_number,
        received_at=row.received_at,
        sender=row.sender,
        subject=without_tokens(row.subject) if row.subject else row.subject,
    )
