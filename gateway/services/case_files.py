"""The files of a case (SPEC section 15, `case attachments`): who sent what when. The terminal calls it; nothing is written."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.model import FileState, Party
from gateway.errors import NotFound
from gateway.services.views import Names
from gateway.store import load
from gateway.store import tables as t


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """A file of a case; `number` counts those of the case, oldest first. `name` is the sender's and is text only.

    `state` is what became of it: one that is too large has no bytes here.
    """

    number: int
    name: str
    size: int
    content_type: str
    sha256: str
    state: FileState
    message: int
    author: str
    at: datetime


def files(tx: sa.Connection, number: int) -> tuple[CaseFile, ...]:
    """All files of a case; NotFound if there is no such case."""
    if number not in load.cases(tx, (number,)):
        raise NotFound(f"there is no case {number}")
    query = (
        select(t.attachment, t.message.c.author, t.message.c.at)
        .join(t.message, t.message.c.id == t.attachment.c.message)
        .where(t.message.c.case_number == number)
        .order_by(t.message.c.id, t.attachment.c.id)
    )
    rows = tx.execute(query).all()
    names = Names(tx, {Party.parse(row.author) for row in rows})
    return tuple(
        CaseFile(
            number=place,
            name=row.name,
            size=row.size,
            content_type=row.content_type,
            sha256=row.sha256,
            state=row.state,
            message=row.message,
            author=names.address(Party.parse(row.author)),
            at=row.at,
        )
        for place, row in enumerate(rows, 1)
    )
