"""What deciding an agent's mail needs: which mail of ours it answers, and what was written on a case.

`services.agent_facts` reads it; most mail is no agent's, and costs none of this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import func, select

from gateway.domain.agent_mail import Correspondence
from gateway.domain.model import CaseNumber, Direction, NoticeKind
from gateway.store import tables as t

MOST_MAILS = 10
"""So many of the mails of ours that a mail refers to are looked at."""
MOST_MESSAGES = 500
"""So many of the newest messages of a case."""
LONGEST = 2_000_000
"""Characters of it; what is older counts as not seen by the customer."""

_m, _o = t.message.c, t.outbox.c


@dataclass(frozen=True, slots=True, kw_only=True)
class OurMail:
    """A mail that we owed somebody."""

    message_id: str
    kind: NoticeKind
    created_at: datetime
    data: bytes


def our_mails(tx: sa.Connection, message_ids: Sequence[str]) -> tuple[OurMail, ...]:
    """Those of our mails that have one of these Message-IDs, in their order."""
    ids = list(dict.fromkeys(message_ids))[:MOST_MAILS]
    query = select(_o.message_id, _o.kind, _o.created_at, _o.data).where(_o.message_id.in_(ids))
    rows = {row.message_id: row for row in tx.execute(query)} if ids else {}
    return tuple(OurMail(**rows[id_]._mapping) for id_ in ids if id_ in rows)  # noqa: SLF001 - SQLAlchemy's own name


def told(tx: sa.Connection, number: CaseNumber, address: str) -> tuple[bytes, ...]:
    """The newest mails that an agent was owed on a case."""
    where = (_o.case_number == number) & (_o.recipient == address)
    return tuple(tx.scalars(select(_o.data).where(where).order_by(_o.id.desc()).limit(MOST_MAILS)))


def names_note(tx: sa.Connection, number: CaseNumber, message_ids: Sequence[str]) -> bool:
    """True if one of these is the Message-ID of a mail that an agent wrote a note of this case with."""
    where = (_m.case_number == number) & (_m.direction == Direction.NOTE) & _m.message_id.in_(list(message_ids))
    return bool(message_ids) and tx.scalar(select(_m.id).where(where).limit(1)) is not None


def correspondence(tx: sa.Connection, number: CaseNumber) -> Correspondence:
    """What was written on a case, the newest of it."""
    query = select(_m.direction, _m.text, _m.quoted).where(_m.case_number == number)
    rows = tx.execute(query.order_by(_m.id.desc()).limit(MOST_MESSAGES)).all()
    shown = (text for row in rows if row.direction != Direction.NOTE for text in (row.text, row.quoted) if text)
    return Correspondence(
        shown="\n".join(shown)[:LONGEST], notes=tuple(row.text for row in rows if row.direction == Direction.NOTE)
    )


def answers_since(tx: sa.Connection, address: str, since: datetime) -> int:
    """How many answers to mail of theirs this address was owed since then."""
    where = (_o.recipient == address) & (_o.kind == NoticeKind.COMMAND_ANSWER) & (_o.created_at > since)
    return int(tx.scalar(select(func.count()).select_from(t.outbox).where(where)) or 0)
