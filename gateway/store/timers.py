"""Timers as rows: written with each change of a case, leased and fired by `services.timers`, compared at a start.

A case waits for what `domain.waiting` says and nothing else; the rows are there so that nobody must look through
all cases for what is due. Fired ones are kept, so that none speaks twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from gateway.domain.approval import ApprovalId, RegistrationId
from gateway.domain.approval_actions import Lapse
from gateway.domain.escalation import EscalationState
from gateway.domain.gathering import TellGathered
from gateway.domain.model import CaseNumber, TimerKind
from gateway.domain.post import TimerState
from gateway.domain.timer import Timer, TimerKey
from gateway.store import tables as t
from gateway.store.upsert import INSERT

_WAITING = "waiting"
"""The name under which the rules are noted."""

_ONE = (
    t.timer.c.case_number == bindparam("case"),
    t.timer.c.kind == bindparam("what"),
    t.timer.c.round == bindparam("stay"),
    t.timer.c.level == bindparam("percent"),
    t.timer.c.state == TimerState.PENDING,
)
_OLD = sa.delete(t.timer).where(*_ONE)
_ROWS = select(t.timer).where(t.timer.c.id.in_(bindparam("ids"))).order_by(t.timer.c.due_at, t.timer.c.id)
_FIRED = sa.update(t.timer).where(t.timer.c.id == bindparam("timer"), *_ONE)
_OF_CASES = select(t.timer).where(t.timer.c.case_number.in_(bindparam("numbers")))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedTimer:
    """A timer row that a worker holds: of a case, a registration or approval, or what was gathered. `attempts` counts its leases."""

    id: int
    due: Timer | Lapse | TellGathered
    attempts: int

    @property
    def kind(self) -> TimerKind:
        """What is due."""
        return TimerKind.DIGEST if isinstance(self.due, TellGathered) else self.due.kind

    @property
    def about(self) -> dict[str, int]:
        """What it is about, for the log: the case, the registration or the approval."""
        if isinstance(self.due, TellGathered):
            return {}
        if isinstance(self.due, Timer):
            return {"case": self.due.case}
        named = {"registration": self.due.registration, "approval": self.due.approval}
        return {name: id_ for name, id_ in named.items() if id_ is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The rows of one case: what it waits for, and what has spoken already."""

    pending: frozenset[Timer] = frozenset()
    fired: frozenset[TimerKey] = frozenset()

    def is_right(self, wanted: Iterable[Timer]) -> bool:
        """True if these are the rows of a case that waits for `wanted`."""
        return self.pending == {timer for timer in wanted if timer.key not in self.fired}


def replace(tx: sa.Connection, case: CaseNumber, wanted: Iterable[Timer]) -> None:
    """This case waits for these timers and nothing else; one that fired already never speaks again.

    What is right already stays as it is, also in the hands of a worker.
    """
    there = kept(tx, (case,))[case]
    wanted = {timer for timer in wanted if timer.key not in there.fired}
    for timer in there.pending - wanted:
        tx.execute(_OLD, {"case": case, "what": timer.kind, "stay": timer.round, "percent": timer.level})
    rows = [
        {
            "kind": timer.kind,
            "case_number": timer.case,
            "round": timer.round,
            "level": timer.level,
            "due_at": timer.due_at,
            "state": TimerState.PENDING,
            "attempts": 0,
        }
        for timer in sorted(wanted - there.pending, key=lambda timer: (timer.due_at, timer.level))
    ]
    if rows:
        tx.execute(sa.insert(t.timer), rows)


def leased(tx: sa.Connection, ids: Sequence[int]) -> tuple[LeasedTimer, ...]:
    """Rows by id, what was due first first."""
    return tuple(
        LeasedTimer(id=row.id, due=_due(row), attempts=row.attempts) for row in tx.execute(_ROWS, {"ids": ids})
    )


def fired(tx: sa.Connection, row: LeasedTimer, at: datetime) -> bool:
    """Note that this one speaks now; False if it did already, or was replaced by a change of its case."""
    values = {"state": TimerState.FIRED, "fired_at": at, "lease_until": None}
    timer = row.due
    if not isinstance(timer, Timer):
        pending = (t.timer.c.id == row.id) & (t.timer.c.state == TimerState.PENDING)
        return tx.execute(sa.update(t.timer).where(pending).values(values)).rowcount == 1
    key = {"timer": row.id, "case": timer.case, "what": timer.kind, "stay": timer.round, "percent": timer.level}
    return tx.execute(_FIRED, {**key, **values}).rowcount == 1


def lapses(
    tx: sa.Connection,
    wanted: Mapping[TimerKind, datetime],
    *,
    registration: RegistrationId | None = None,
    approval: ApprovalId | None = None,
) -> None:
    """A registration or an approval waits for these and nothing else; one that fired already never speaks again."""
    c = t.timer.c
    about = c.registration_id == registration if registration is not None else c.approval_id == approval
    there = {row.kind: row for row in tx.execute(select(t.timer).where(about))}
    for kind, row in there.items():
        if row.state is TimerState.PENDING and wanted.get(kind) != row.due_at:
            if kind in wanted:
                tx.execute(sa.update(t.timer).where(c.id == row.id).values(due_at=wanted[kind]))
            else:
                tx.execute(sa.delete(t.timer).where(c.id == row.id))
    rows = [
        {
            "kind": kind,
            "registration_id": registration,
            "approval_id": approval,
            "round": 1,
            "due_at": due_at,
            "state": TimerState.PENDING,
            "attempts": 0,
        }
        for kind, due_at in wanted.items()
        if kind not in there
    ]
    if rows:
        tx.execute(sa.insert(t.timer), rows)


def given_back(tx: sa.Connection, row: LeasedTimer) -> None:
    """It is not its time yet: whoever looks when it is may take it, as if nobody had."""
    pending = (t.timer.c.id == row.id) & (t.timer.c.state == TimerState.PENDING)
    tx.execute(sa.update(t.timer).where(pending).values(lease_until=None, attempts=0))


def postponed(tx: sa.Connection, row: LeasedTimer, until: datetime) -> None:
    """It failed: nobody takes it before then."""
    pending = (t.timer.c.id == row.id) & (t.timer.c.state == TimerState.PENDING)
    tx.execute(sa.update(t.timer).where(pending).values(lease_until=until))


def waiting_cases(
    tx: sa.Connection, statuses: Iterable[str], *, with_sla: tuple[Sequence[str], Sequence[str]] = ((), ())
) -> Sequence[CaseNumber]:
    """The cases that stand in one of these statuses, or have a timer that did not fire, in their order.

    And those that stand in one of the statuses, and are of one of the types, of `with_sla`; and escalated ones.
    """
    c, (ours, promised) = t.cases.c, with_sla
    standing = select(c.number).where(c.status.in_(sorted(statuses)), c.merged_into.is_(None))
    counted = select(c.number).where(c.status.in_(ours), c.type.in_(promised), c.merged_into.is_(None))
    waiting = select(t.timer.c.case_number).where(
        t.timer.c.state == TimerState.PENDING, t.timer.c.case_number.is_not(None)
    )
    escalated = select(t.escalation.c.case_number).where(t.escalation.c.state != EscalationState.RESOLVED)
    return [CaseNumber(number) for number in sorted(tx.scalars(standing.union(counted, waiting, escalated)))]


def rules_in_force(tx: sa.Connection) -> str | None:
    """The digest of the rules by which what all cases wait for was made; None before a first start."""
    return tx.scalar(select(t.in_force.c.digest).where(t.in_force.c.name == _WAITING))


def rules_are(tx: sa.Connection, digest: str) -> None:
    """What all cases wait for was made by these rules."""
    row = INSERT[tx.dialect.name](t.in_force).values(name=_WAITING, digest=digest)
    tx.execute(row.on_conflict_do_update(index_elements=["name"], set_={"digest": digest}))


def kept(tx: sa.Connection, numbers: Sequence[CaseNumber]) -> Mapping[CaseNumber, Kept]:
    """What is there for each of these cases."""
    pending: dict[CaseNumber, set[Timer]] = {number: set() for number in numbers}
    fired: dict[CaseNumber, set[TimerKey]] = {number: set() for number in numbers}
    for row in tx.execute(_OF_CASES, {"numbers": numbers}):
        if row.state is TimerState.PENDING:
            pending[row.case_number].add(_timer(row))
        else:
            fired[row.case_number].add(TimerKey(row.kind, row.round, row.level))
    return {number: Kept(pending=frozenset(pending[number]), fired=frozenset(fired[number])) for number in pending}


def _timer(row: sa.Row[Any]) -> Timer:
    case = CaseNumber(row.case_number)
    return Timer(kind=row.kind, case=case, round=row.round, due_at=row.due_at, level=row.level)


def _due(row: sa.Row[Any]) -> Timer | Lapse | TellGathered:
    if row.kind is TimerKind.DIGEST:
        return TellGathered()
    return _lapse(row) if row.case_number is None else _timer(row)


def _lapse(row: sa.Row[Any]) -> Lapse:
    return Lapse(kind=row.kind, registration=row.registration_id, approval=row.approval_id)
