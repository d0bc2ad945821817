"""What agents are still to be told of, as rows: mails that were set aside, and mails of ours that failed for good.

Called by `services.gathering`. A row only points: what is told is read when it is told, so that nothing is told of mail
that was decided or erased meanwhile. With the first row comes the timer that tells them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.desk_words import AsideWords, FailedWords
from gateway.domain.model import ContactId, IntakeId, OutboxId, TimerKind
from gateway.domain.post import IntakeState, TimerState
from gateway.store import load_people
from gateway.store import tables as t

_ASIDE = (IntakeState.HELD, IntakeState.QUARANTINED)


def alarmed_since(tx: sa.Connection, since: datetime) -> frozenset[ContactId]:
    """The contacts about whose mail agents were alarmed since then; what is older is forgotten."""
    c = t.to_tell.c
    tx.execute(sa.delete(t.to_tell).where(c.alarmed_at <= since))
    return frozenset(tx.scalars(select(c.contact_id).where(c.alarmed_at > since)))


def alarmed(tx: sa.Connection, intake: IntakeId, contact: ContactId, at: datetime) -> None:
    """Note that agents were alarmed about this mail of a contact."""
    tx.execute(sa.insert(t.to_tell).values(intake_id=intake, contact_id=contact, alarmed_at=at))


def gather(
    tx: sa.Connection, *, due_at: datetime, intake: IntakeId | None = None, outbox: OutboxId | None = None
) -> None:
    """Have agents told of this mail at the next digest, which is due then unless one waits already."""
    tx.execute(sa.insert(t.to_tell).values(intake_id=intake, outbox_id=outbox))
    waits = select(t.timer.c.id).where(t.timer.c.kind == TimerKind.DIGEST, t.timer.c.state == TimerState.PENDING)
    # Held, so that it is not told of at this moment without this mail.
    if tx.scalar(waits.limit(1).with_for_update()) is None:
        row = {"kind": TimerKind.DIGEST, "round": 1, "level": 0, "due_at": due_at, "state": TimerState.PENDING}
        tx.execute(sa.insert(t.timer).values(**row, attempts=0))


def take(tx: sa.Connection) -> tuple[list[int], list[int]]:
    """What is to be told, oldest first, as ids of intake and of outbox; nobody else tells it."""
    taken = tx.execute(
        sa.delete(t.to_tell)
        .where(t.to_tell.c.alarmed_at.is_(None))
        .returning(t.to_tell.c.intake_id, t.to_tell.c.outbox_id)
    ).all()
    mails = sorted(row.intake_id for row in taken if row.intake_id is not None)
    return mails, sorted(row.outbox_id for row in taken if row.outbox_id is not None)


def aside(tx: sa.Connection, ids: Sequence[int]) -> list[AsideWords]:
    """Those of these mails that are still set aside, as digests name them."""
    rows = _chunked(tx, select(t.intake).where(t.intake.c.state.in_(_ASIDE)), t.intake.c.id, ids)
    known = load_people.contacts_by_address(tx, {row.sender for row in rows if row.sender})
    found = []
    for row in rows:
        contact = known.get(row.sender)
        found.append(
            AsideWords(
                number=row.id,
                state=row.state.value,
                sender=row.sender or "",
                subject=row.subject or "",
                reason=row.reason or "",
                name=contact.name if contact else None,
                account=contact.account if contact else None,
            )
        )
    return found


def failed(tx: sa.Connection, ids: Sequence[int]) -> list[FailedWords]:
    """The addresses that these mails did not reach, each with its last error."""
    last: dict[str, str | None] = {}
    mails: dict[str, int] = {}
    for row in _chunked(tx, select(t.outbox.c.id, t.outbox.c.recipient, t.outbox.c.last_error), t.outbox.c.id, ids):
        last[row.recipient] = row.last_error
        mails[row.recipient] = mails.get(row.recipient, 0) + 1
    known = load_people.contacts_by_address(tx, last)
    found = []
    for address, error in last.items():
        contact = known.get(address)
        found.append(
            FailedWords(
                address=address,
                error=error or "",
                mails=mails[address],
                name=contact.name if contact else None,
                account=contact.account if contact else None,
                phone=contact.phone if contact else None,
            )
        )
    return found


def _chunked(
    tx: sa.Connection, query: sa.Select[Any], id_: sa.ColumnElement[Any], ids: Sequence[int]
) -> list[sa.Row[Any]]:
    """Rows by id in their order, asked in portions that every database takes."""
    portions: Iterable[Sequence[int]] = (ids[at : at + 500] for at in range(0, len(ids), 500))
    return [row for portion in portions for row in tx.execute(query.where(id_.in_(portion)).order_by(id_))]
