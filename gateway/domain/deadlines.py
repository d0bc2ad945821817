"""What the SLA has a case wait for: its due time, and the levels of which people are to be told (SPEC section 6).

Computed from the case's history by `domain.sla`, whenever it changes; `services.waiting` keeps it as rows, so that
nobody must look through all cases for what is due.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from gateway.domain import sla
from gateway.domain.actions import LevelReached
from gateway.domain.model import Event, TimerKind
from gateway.domain.policy import Policy
from gateway.domain.timer import Timer, TimerKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """When the first of the clocks that run is due (None: none runs), and a timer for each level to be told of."""

    due_at: datetime | None = None
    levels: tuple[tuple[Timer, LevelReached], ...] = ()


def deadlines(
    history: Iterable[Event],
    policy: Policy,
    calendar: str | None,
    now: datetime,
    waiting: Collection[TimerKey] = (),
) -> Deadlines:
    """The deadlines of a case with this history; `calendar` is the account's own, `waiting` is what it waited for.

    A level that was reached before its clock was met is told of late, if it was waited for; a target that was met
    long ago and is missed only by newer rules is not.
    """
    events = tuple(history)
    found = [clock for clock in sla.clocks(events, policy, calendar, now) if clock.name != sla.PROCESSING]
    levels = [
        (timer, _level(clock, at))
        for clock in found
        for at in clock.levels
        if (timer := _timer(events[0], clock, at)) and (clock.met_at is None or timer.key in waiting)
    ]
    return Deadlines(due_at=min((clock.due_at for clock in found if clock.due_at), default=None), levels=tuple(levels))


def _timer(opened: Event, clock: sla.Clock, level: sla.LevelTime) -> Timer:
    kind = TimerKind(clock.name)
    return Timer(kind=kind, case=opened.case, round=level.round, due_at=level.due_at, level=level.level)


def _level(clock: sla.Clock, level: sla.LevelTime) -> LevelReached:
    return LevelReached(
        percent=level.level,
        reached_at=level.due_at,
        due_at=clock.due_at,
        target_seconds=clock.target_seconds or 0,
        is_met=clock.met_at is not None,
    )
