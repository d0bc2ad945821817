"""What is due happens: cases come back, are closed, their customers reminded (SPEC sections 5.1 and 5.3).

The daemon's clock leases what is due and fires it, one transaction each. A row is a hint that it is time to look:
what a case waits for follows from the case and the rules (`domain.waiting`), and is asked once more before a timer
speaks. So it takes effect exactly once, by whichever daemon, after any crash and any time of darkness.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import sqlalchemy as sa

from gateway.domain.actions import Cause, Elapse
from gateway.domain.model import CaseNumber
from gateway.domain.post import TimerState
from gateway.domain.timer import Timer
from gateway.errors import Conflict
from gateway.services import waiting
from gateway.services.perform import TRIES, perform_in
from gateway.services.ports import Ports
from gateway.store import db, load, timers
from gateway.store import tables as t
from gateway.store.timers import LeasedTimer

T = TypeVar("T")

BATCH = 32
"""So many timers are taken at once."""

LEASE_SECONDS = 20
"""A worker that died gives its timers back after this; one that is slow loses them, and none speaks twice for it."""

GAPS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""How long a timer waits after its first, second … failure; then hourly."""

WALKED = 300
"""So many cases are looked at in one transaction of a start."""


def lease(ports: Ports) -> tuple[LeasedTimer, ...]:
    """Take timers that are due, the oldest first: up to BATCH fresh ones, or alone one that was taken before."""
    now = ports.now()
    due = sa.select(t.timer.c.id).where(
        t.timer.c.state == TimerState.PENDING, t.timer.c.due_at <= now, db.is_free(t.timer, now)
    )
    if ports.db.read(lambda tx: tx.scalar(due.limit(1))) is None:  # most looks find nothing, and need not write
        return ()
    due = due.order_by(t.timer.c.due_at, t.timer.c.id)
    again, fresh = due.where(t.timer.c.attempts > 0).limit(1), due.where(t.timer.c.attempts == 0).limit(BATCH)
    with ports.db.begin() as tx:
        ids = db.lease(tx, t.timer, again, now=now, seconds=LEASE_SECONDS)
        ids = ids or db.lease(tx, t.timer, fresh, now=now, seconds=LEASE_SECONDS)
        return timers.leased(tx, ids) if ids else ()


def fire(ports: Ports, row: LeasedTimer) -> bool:
    """What is due happens, and the row is done with it in the same transaction; False if nobody waits for it any more.

    Raises Conflict after a few tries.
    """
    done = _tried(lambda: _fire(ports, row))
    if done:
        ports.nudge()
    return done


def _fire(ports: Ports, row: LeasedTimer) -> bool:
    timer, now = row.due, ports.now()
    if not isinstance(timer, Timer):
        with ports.db.begin() as tx:
            if not timers.fired(tx, row, now):
                return False
            perform_in(tx, ports, (timer,), Cause.timer(row.id))
            return True
    with ports.db.begin() as tx:
        case = load.cases(tx, (timer.case,), lock=True)[timer.case]  # first the case, as every change of it does
        found = waiting.wanted(tx, ports.policy, case, now)
        if not any(one.key == timer.key and one.due_at <= now for one in found.timers):
            waiting.renew(tx, ports.policy, case, now)  # the rules or the clock were changed
            timers.given_back(tx, row)
            return False
        if not timers.fired(tx, row, now):
            return False
        level = found.levels.get(timer.key)
        elapse = Elapse(case=timer.case, kind=timer.kind, round=timer.round, level=level)
        perform_in(tx, ports, (elapse,), Cause.timer(row.id))
        return True


def failed(ports: Ports, row: LeasedTimer) -> None:
    """Have a timer that failed wait for its next try; `post_room.ALARM_AFTER` tries raise an alarm."""
    gap = GAPS[min(row.attempts, len(GAPS)) - 1]
    with ports.db.begin() as tx:
        timers.postponed(tx, row, ports.now() + gap)


def to_refresh(ports: Ports) -> Sequence[Sequence[CaseNumber]]:
    """At the start: the cases that may wait for something else by today's rules, in portions for `refresh`."""
    numbers = ports.db.read(waiting.concerned, ports.policy)
    return [numbers[at : at + WALKED] for at in range(0, len(numbers), WALKED)]


def is_fresh(ports: Ports) -> bool:
    """True if all cases wait for what the rules in force want: they are those of the last start."""
    return ports.db.read(waiting.has_rules, ports.policy)


def refreshed(ports: Ports) -> None:
    """What all cases wait for follows from the rules in force."""
    with ports.db.begin() as tx:
        timers.rules_are(tx, waiting.rules_digest(ports.policy))


def refresh(ports: Ports, numbers: Sequence[CaseNumber]) -> int:
    """Make the timers of these cases what the rules in force want; how many cases had others."""
    wrong = ports.db.read(_wrong, ports, numbers)
    return _tried(lambda: _mend(ports, wrong)) if wrong else 0


def _wrong(tx: sa.Connection, ports: Ports, numbers: Sequence[CaseNumber]) -> list[CaseNumber]:
    found = load.cases(tx, numbers).values()
    return [case.number for case in found if not waiting.is_right(tx, ports.policy, case, ports.now())]


def _mend(ports: Ports, numbers: Sequence[CaseNumber]) -> int:
    with ports.db.begin() as tx:
        for case in load.cases(tx, numbers, lock=True).values():
            waiting.renew(tx, ports.policy, case, ports.now())
    return len(numbers)


def _tried(job: Callable[[], T]) -> T:
    """What the job returns; a transaction that met another one is tried again."""
    for _ in range(TRIES - 1):
        try:
            return job()
        except Conflict:
            continue
    return job()
