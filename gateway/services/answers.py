"""What the customer said that an answer may not know of yet (SPEC section 14). The terminal calls it; nothing is written."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import func, select

from gateway.domain.model import Direction, Party
from gateway.services.views import Names
from gateway.store import tables as t

_m = t.message.c
_THEIRS = (_m.direction == Direction.INBOUND) & ~_m.automatic


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A message of the customer's, by its id; later ones have higher ids."""

    id: int
    author: str
    at: datetime
    text: str


def newest(tx: sa.Connection, number: int) -> Word | None:
    """The newest message that people on the customer's side wrote on this case."""
    query = select(t.message).where(_m.case_number == number, _THEIRS).order_by(_m.id.desc()).limit(1)
    row = tx.execute(query).first()
    if row is None:
        return None
    author = Party.parse(row.author)
    return Word(id=row.id, author=Names(tx, {author}).name(author), at=row.at, text=row.text)


def answered_up_to(tx: sa.Connection, number: int) -> int:
    """The message that an answer from memory is about: the first of theirs since our last word, else their newest."""
    ours = select(func.max(_m.id)).where(_m.case_number == number, _m.direction != Direction.INBOUND)
    since = func.coalesce(ours.scalar_subquery(), 0)
    first = tx.scalar(select(func.min(_m.id)).where(_m.case_number == number, _THEIRS, _m.id > since))
    return int(first or tx.scalar(select(func.max(_m.id)).where(_m.case_number == number, _THEIRS)) or 0)
