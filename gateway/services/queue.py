"""Read model of the queue: what is the vendor's turn, in SPEC's order (section 6). Nothing here writes.

Escalated first, then overdue, then the earliest due, then the oldest. Now it is read off an index; a time that is past
is read off the histories of the cases that changed since.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain import sla
from gateway.domain.escalation import EscalationState
from gateway.domain.fold import fold
from gateway.domain.model import Case, Party, Turn
from gateway.domain.policy import Policy
from gateway.domain.waiting import has_deadlines
from gateway.mail.token import Tokens
from gateway.services import sla_view, views
from gateway.services.views import Summary
from gateway.store import load, load_people
from gateway.store import tables as t


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFilter:
    """What of the queue is asked for: None means everything. `free` are cases that nobody works on yet.

    `for_teams` are an agent's teams: their cases, and those of teams that nobody is in; () means every team.
    """

    team: str | None = None
    assignee: Party | None = None
    free: bool = False
    for_teams: Sequence[str] = ()
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A case in the queue: since when it stands where it stands, and whether its escalation is open.

    `breached` says that a promised time is over and nobody has answered, or solved it, yet.
    """

    summary: Summary
    waiting_since: datetime
    escalated: bool
    breached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """As much of the queue as is asked for, and how long it is in all."""

    found: tuple[Waiting, ...]
    length: int


def queue(tx: sa.Connection, asked: QueueFilter, policy: Policy, tokens: Tokens, now: datetime) -> Queue:
    """What is the vendor's turn now; a `now` that is yet to come shows what will be overdue if nothing happens."""
    chosen = tx.execute(_ordered(tx, asked, policy)).all()
    rows = {row.number: row for row in tx.execute(select(t.cases).where(t.cases.c.number.in_([n for n, _ in chosen])))}
    shown = views.listed(tx, [rows[number] for number, _ in chosen], policy, tokens)
    found = tuple(
        _waiting(summary, rows[number].status_since, escalated=bool(escalated), now=now)
        for summary, (number, escalated) in zip(shown, chosen, strict=True)
    )
    return Queue(found=found, length=len(found) if len(found) != asked.limit else length(tx, asked, policy))


def length(tx: sa.Connection, asked: QueueFilter, policy: Policy) -> int:
    """How many cases are in the queue, the limit aside."""
    return tx.scalar(_in_queue(select(sa.func.count()).select_from(t.cases), asked, tx, policy)) or 0


def _waiting(summary: Summary, since: datetime, *, escalated: bool, now: datetime) -> Waiting:
    due_at = summary.sla_due_at
    breached = due_at is not None and due_at <= now
    return Waiting(summary=summary, waiting_since=since, escalated=escalated, breached=breached)


def _ordered(tx: sa.Connection, asked: QueueFilter, policy: Policy) -> sa.Select[Any]:
    """Numbers of cases in the order of the queue, and whether they are escalated: from an index alone.

    What is overdue was due before everything that will be.
    """
    c = t.cases.c
    is_open = sa.exists().where(
        t.escalation.c.case_number == c.number, t.escalation.c.state != EscalationState.RESOLVED
    )
    escalated = sa.case((c.escalations > 0, is_open), else_=sa.false())
    query = _in_queue(select(c.number, escalated), asked, tx, policy)
    order = (escalated.desc(), c.sla_due_at.asc().nulls_last(), c.created_at, c.number)
    return query.order_by(*order).limit(asked.limit)


def _in_queue(query: sa.Select[Any], asked: QueueFilter, tx: sa.Connection, policy: Policy) -> sa.Select[Any]:
    c = t.cases.c
    (waiting,) = views.with_turn(tx, Turn.VENDOR, policy)
    query = views.within(query, waiting)
    if asked.team is not None:
        query = query.where(sa.or_(c.team == asked.team, _escalated_to((asked.team,))))
    if asked.assignee is not None:
        query = query.where(c.assignee_id == int(asked.assignee.id))
    if asked.free:
        query = query.where(c.assignee_id.is_(None))
    if asked.for_teams:
        ours = _escalated_to(asked.for_teams)
        query = query.where(sa.or_(c.team.in_(asked.for_teams), c.team.not_in(_staffed(tx)), ours))
    return query


def _staffed(tx: sa.Connection) -> set[str]:
    return {team for agent in load_people.agents(tx) if agent.active for team in agent.teams}


def _escalated_to(teams: Sequence[str]) -> sa.ColumnElement[bool]:
    """True for cases with an open escalation that is addressed to one of these teams."""
    e = t.escalation.c
    called = select(e.case_number).where(e.state != EscalationState.RESOLVED, e.team.in_(teams))
    return t.cases.c.number.in_(called)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """A case as it stood at a time."""

    case: Case
    due_at: datetime | None

    @property
    def is_escalated(self) -> bool:
        return self.case.escalation is not None and self.case.escalation.is_open

    @property
    def place(self) -> tuple[bool, bool, float, datetime, int]:
        """Its place in the queue."""
        due = self.due_at.timestamp() if self.due_at else 0.0
        return not self.is_escalated, self.due_at is None, due, self.case.created_at, self.case.number


def queue_at(tx: sa.Connection, asked: QueueFilter, policy: Policy, tokens: Tokens, at: datetime) -> Queue:
    """The queue as it was at a time that is past, by the rules of today."""
    staffed = _staffed(tx) if asked.for_teams else set[str]()
    standing = [*_unchanged(tx, at, policy), *_changed(tx, at, policy)]
    ours = sorted((one for one in standing if _is_asked(one, asked, staffed)), key=lambda one: one.place)
    chosen = ours[: asked.limit]
    shown = views.summaries(tx, [(one.case, one.due_at) for one in chosen], policy, tokens)
    found = tuple(
        _waiting(summary, one.case.status_since, escalated=one.is_escalated, now=at)
        for summary, one in zip(shown, chosen, strict=True)
    )
    return Queue(found=found, length=len(ours))


def _unchanged(tx: sa.Connection, at: datetime, policy: Policy) -> Iterator[_Standing]:
    """What is in the queue and was there in the same way."""
    rows = tx.execute(_in_queue(select(t.cases), QueueFilter(), tx, policy).where(t.cases.c.updated_at <= at)).all()
    escalations = load.escalations_of(tx, rows)
    for row in rows:
        yield _Standing(case=load.case_from(row, (), escalations.get(row.number)), due_at=row.sla_due_at)


def _changed(tx: sa.Connection, at: datetime, policy: Policy) -> Iterator[_Standing]:
    """What was in the queue, of the cases of which something was heard since: their history is read until then."""
    calendars = {account.number: account.calendar for account in load_people.accounts(tx)}
    c = t.cases.c
    for number in tx.scalars(select(c.number).where(c.updated_at > at, c.created_at <= at)).all():
        history = sla_view.until(load.events(tx, number)[number], at)
        case = fold(history)
        if case is None or policy.turn_of(case) is not Turn.VENDOR:
            continue
        own = calendars.get(case.account)
        clocks = sla.clocks(history, policy, own, at) if has_deadlines(case, policy) else ()
        yield _Standing(case=case, due_at=min((clock.due_at for clock in clocks if clock.due_at), default=None))


def _is_asked(one: _Standing, asked: QueueFilter, staffed: set[str]) -> bool:
    case = one.case
    called = case.escalation.team if case.escalation and one.is_escalated else None
    return (
        (asked.team is None or asked.team in {case.team, called})
        and (asked.assignee is None or case.assignee == asked.assignee)
        and not (asked.free and case.assignee is not None)
        and (not asked.for_teams or case.team not in staffed or bool({case.team, called} & set(asked.for_teams)))
    )
