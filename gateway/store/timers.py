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

from gateway.domain.model import CaseNumber, Timer, TimerKind
from gateway.domain.post import TimerState
from gateway.store import tables as t
from gateway.store.upsert import INSERT

_OLD = sa.delete(t.timer).where(t.timer.c.case_number.in_(bindparam("numbers")), t.timer.c.state == TimerState.PENDING)
_NEW = {dialect: insert(t.timer).on_conflict_do_nothing() for dialect, insert in INSERT.items()}
_ROWS = select(t.timer).where(t.timer.c.id.in_(bindparam("ids"))).order_by(t.timer.c.due_at, t.timer.c.id)
_FIRED = sa.update(t.timer).where(
    t.timer.c.id == bindparam("timer"),
    t.timer.c.case_number == bindparam("case"),
    t.timer.c.kind == bindparam("what"),
    t.timer.c.round == bindparam("stay"),
    t.timer.c.state == TimerState.PENDING,
)
_OF_CASES = select(t.timer).where(t.timer.c.case_number.in_(bindparam("numbers")))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedTimer:
    """A timer row that a worker holds; `attempts` counts its leases, this one too."""

    id: int
    timer: Timer
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The rows of one case: what it waits for, and what has spoken already (kind and round)."""

    pending: frozenset[Timer] = frozenset()
    fired: frozenset[tuple[TimerKind, int]] = frozenset()

    def is_right(self, wanted: Iterable[Timer]) -> bool:
        """True if these are the rows of a case that waits for `wanted`."""
        return self.pending == {timer for timer in wanted if (timer.kind, timer.round) not in self.fired}


def replace(tx: sa.Connection, wanted: Mapping[CaseNumber, Sequence[Timer]]) -> None:
    """These cases wait for these timers and nothing else; one that fired already never speaks again."""
    tx.execute(_OLD, {"numbers": list(wanted)})
    rows = [
        {
            "kind": timer.kind,
            "case_number": timer.case,
            "round": timer.round,
            "due_at": timer.due_at,
            "state": TimerState.PENDING,
            "attempts": 0,
        }
        for timers in wanted.values()
        for timer in timers
    ]
    if rows:
        tx.execute(_NEW[tx.dialect.name], rows)


def leased(tx: sa.Connection, ids: Sequence[int]) -> tuple[LeasedTimer, ...]:
    """Rows by id, what was due first first."""
    return tuple(
        LeasedTimer(id=row.id, timer=_timer(row), attempts=row.attempts) for row in tx.execute(_ROWS, {"ids": ids})
    )


def fired(tx: sa.Connection, row: LeasedTimer, at: datetime) -> bool:
    """Note that this one speaks now; False if it did already, or was replaced by a change of its case."""
    key = {"timer": row.id, "case": row.timer.case, "what": row.timer.kind, "stay": row.timer.round}
    values = {"state": TimerState.FIRED, "fired_at": at, "lease_until": None}
    return tx.execute(_FIRED, {**key, **values}).rowcount == 1


def postponed(tx: sa.Connection, row: LeasedTimer, until: datetime) -> None:
    """It failed: nobody takes it before then."""
    pending = (t.timer.c.id == row.id) & (t.timer.c.state == TimerState.PENDING)
    tx.execute(sa.update(t.timer).where(pending).values(lease_until=until))


def waiting_cases(tx: sa.Connection, statuses: Iterable[str]) -> Sequence[CaseNumber]:
    """The cases that stand in one of these statuses or have a timer that did not fire, in their order."""
    standing = select(t.cases.c.number).where(t.cases.c.status.in_(sorted(statuses)), t.cases.c.merged_into.is_(None))
    waiting = select(t.timer.c.case_number).where(t.timer.c.state == TimerState.PENDING)
    return [CaseNumber(number) for number in sorted(tx.scalars(standing.union(waiting)))]


def kept(tx: sa.Connection, numbers: Sequence[CaseNumber]) -> Mapping[CaseNumber, Kept]:
    """What is there for each of these cases."""
    pending: dict[CaseNumber, set[Timer]] = {number: set() for number in numbers}
    fired: dict[CaseNumber, set[tuple[TimerKind, int]]] = {number: set() for number in numbers}
    for row in tx.execute(_OF_CASES, {"numbers": numbers}):
        if row.state is TimerState.PENDING:
            pending[row.case_number].add(_timer(row))
        else:
            fired[row.case_number].add((row.kind, row.round))
    return {number: Kept(pending=frozenset(pending[number]), fired=frozenset(fired[number])) for number in pending}


def _timer(row: sa.Row[Any]) -> Timer:
    return Timer(kind=row.kind, case=CaseNumber(row.case_number), round=row.round, due_at=row.due_at)
