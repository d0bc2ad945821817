"""How far each mailbox that we take from by IMAP was read: the ledger of UIDs (SPEC section 7, "Transports")."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store import tables as t


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What decides which mail of a mailbox is new; UIDs mean something under one UIDVALIDITY only (RFC 3501 §2.3.1.1).

    All up to `last_uid` is dealt with. From `first_uid` on all mail is ours; below it lies what was there when we
    came, or when the server gave all mail new UIDs (`is_rescan`). `began_at` is when we first looked.
    """

    name: str
    uidvalidity: int
    last_uid: int
    first_uid: int
    is_rescan: bool
    began_at: datetime


def ledger(tx: sa.Connection, name: str) -> Ledger | None:
    """The ledger of a mailbox, locked until the commit; None before the first day."""
    row = tx.execute(sa.select(t.mailbox).where(t.mailbox.c.name == name).with_for_update()).first()
    if row is None:
        return None
    return Ledger(
        name=row.name,
        uidvalidity=row.uidvalidity,
        last_uid=row.last_uid,
        first_uid=row.first_uid,
        is_rescan=row.is_rescan,
        began_at=row.began_at,
    )


def open_ledger(tx: sa.Connection, opened: Ledger) -> None:
    """Begin a ledger, or begin it anew under another UIDVALIDITY; when we first looked stays."""
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    values = {
        "uidvalidity": opened.uidvalidity,
        "last_uid": opened.last_uid,
        "first_uid": opened.first_uid,
        "is_rescan": opened.is_rescan,
    }
    row = insert(t.mailbox).values(name=opened.name, began_at=opened.began_at, **values)
    tx.execute(row.on_conflict_do_update(index_elements=["name"], set_=values))


def advance(tx: sa.Connection, name: str, uidvalidity: int, last_uid: int, at: datetime) -> None:
    """Note a successful look. The ledger never goes back: another daemon on this mailbox may be further."""
    further = sa.case((t.mailbox.c.last_uid < last_uid, last_uid), else_=t.mailbox.c.last_uid)
    where = (t.mailbox.c.name == name) & (t.mailbox.c.uidvalidity == uidvalidity)
    tx.execute(sa.update(t.mailbox).where(where).values(last_uid=further, last_success_at=at))


def stored(tx: sa.Connection, transport_ids: Iterable[str]) -> frozenset[str]:
    """Which of these deliveries have an intake row."""
    query = sa.select(t.intake.c.transport_id).where(t.intake.c.transport_id.in_(tuple(transport_ids)))
    return frozenset(tx.scalars(query))


def forget_alarms(tx: sa.Connection, prefix: str, keep: Iterable[str]) -> None:
    """Clear the alarms whose name starts so, but for these."""
    where = t.alarm.c.name.startswith(prefix, autoescape=True) & t.alarm.c.name.not_in(tuple(keep))
    tx.execute(sa.delete(t.alarm).where(where))
