"""Queries of the reports: rows in a stream, so that memory stays flat however many cases there are.

`services.report` asks here. A stream is read inside the snapshot that it began in; other queries may run meanwhile.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from gateway.domain.model import Case, Event
from gateway.store import tables as t
from gateway.store.load import case_from, event_from

PORTION = 500
"""So many cases have their histories in memory at once."""

ROWS = 5_000
"""So many short rows are fetched at once."""

_HISTORIES = (
    select(t.event)
    .where(t.event.c.case_number.in_(bindparam("numbers", expanding=True)))
    .order_by(t.event.c.case_number, t.event.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSpan:
    """Which cases a report is about: of these types, now or (`also_before`) ever; of one account; in a time.

    `changed_since` and `opened_before` leave out cases that were at rest before it, or came after it.
    """

    types: tuple[str, ...]
    also_before: bool = False
    account: str | None = None
    changed_since: datetime | None = None
    opened_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Something that happened to a case, and whose case that is now."""

    at: datetime
    account: str
    team: str


def how_many(tx: sa.Connection, asked: CaseSpan) -> int:
    """The number of cases whose histories `histories` reads."""
    return tx.scalar(_chosen(asked, sa.func.count())) or 0


def histories(tx: sa.Connection, asked: CaseSpan) -> Iterator[tuple[Case, list[Event]]]:
    """Each case as it is now, without its participants and escalation, and its whole history; by number."""
    query = _chosen(asked, t.cases).order_by(t.cases.c.number)
    for portion in tx.execute(query, execution_options={"yield_per": PORTION}).partitions():
        found: dict[int, list[Event]] = {row.number: [] for row in portion}
        for row in tx.execute(_HISTORIES, {"numbers": list(found)}):
            found[row.case_number].append(event_from(row))
        yield from ((case_from(row), found[row.number]) for row in portion)


def _chosen(asked: CaseSpan, *columns: Any) -> sa.Select[Any]:
    c = t.cases.c
    query = select(*columns).select_from(t.cases)
    has_type: sa.ColumnElement[bool] = sa.literal("").concat(c.type).in_(asked.types)  # read in order of the number
    if asked.also_before:
        other = t.event.c.case_number == c.number, t.event.c.event == "type_changed"
        has_type = sa.or_(has_type, sa.exists().where(*other))
    query = query.where(has_type)
    if asked.account is not None:
        query = query.where(c.account == asked.account)
    if asked.changed_since is not None:
        query = query.where(c.updated_at >= asked.changed_since)
    if asked.opened_before is not None:
        query = query.where(c.created_at < asked.opened_before)
    return query


def opened(tx: sa.Connection, since: datetime, before: datetime, account: str | None) -> Iterator[Happened]:
    """Cases that were opened in a time."""
    return _stream(tx, t.cases.c.created_at, account, _within(t.cases.c.created_at, since, before))


def answered(tx: sa.Connection, since: datetime, before: datetime, account: str | None) -> Iterator[Happened]:
    """Answers of agents to customers in a time, each of them."""
    is_answer = t.event.c.event == "message_sent"
    return _stream(tx, t.event.c.at, account, is_answer, _within(t.event.c.at, since, before))


def closed(
    tx: sa.Connection, since: datetime, before: datetime, account: str | None, settled: Sequence[str]
) -> Iterator[Happened]:
    """Cases that came to rest in a time: into a settled status from one that is not, or into another case."""
    e = t.event.c
    came_to_rest = sa.and_(e.to_status.in_(settled), e.from_status.not_in(settled))
    merged = sa.and_(e.event == "merged", t.cases.c.status.not_in(settled))  # its status stays as it was
    return _stream(tx, e.at, account, sa.or_(came_to_rest, merged), _within(e.at, since, before))


def still_open(tx: sa.Connection, account: str | None, settled: Sequence[str]) -> Iterator[Happened]:
    """Cases that are neither settled nor merged, with the time at which they were opened."""
    is_open = t.cases.c.status.not_in(settled), t.cases.c.merged_into.is_(None)
    return _stream(tx, t.cases.c.created_at, account, *is_open)


def _within(column: Any, since: datetime, before: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(column >= since, column < before)


def _stream(tx: sa.Connection, at: Any, account: str | None, *where: sa.ColumnElement[bool]) -> Iterator[Happened]:
    query = select(at.label("at"), t.cases.c.account, t.cases.c.team).where(*where)
    if at.table is t.event:
        query = query.join(t.cases, t.cases.c.number == t.event.c.case_number)
    if account is not None:
        query = query.where(t.cases.c.account == account)
    for row in tx.execute(query, execution_options={"yield_per": ROWS}):
        yield Happened(at=row.at, account=row.account, team=row.team)
