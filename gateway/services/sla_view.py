"""Read model of the SLA clocks of a case: what `case show` and `sla explain` print (CONTRACT, "JSON"). Nothing here writes.

`domain.sla` counts to the microsecond; people and scripts get whole seconds, cut off, whose parts add up to the whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from gateway.domain import sla
from gateway.domain.model import Account, Event, Turn
from gateway.domain.policy import Policy
from gateway.errors import NotFound
from gateway.store import load, load_people


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetView:
    """How a target of a case stands. `due_at` is None while it is not the vendor's turn, and once it is met."""

    target_seconds: int
    due_at: datetime | None
    met_at: datetime | None
    breached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaView:
    """What is promised for a case, and how it stands."""

    first_response: TargetView | None
    solution: TargetView | None
    processing_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentView:
    """A span in which nothing changed, and how much of it counts."""

    start: datetime
    end: datetime
    turn: Turn
    counts: bool
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """One clock with the segments that make its figures; without a target it only counts."""

    name: str
    target_seconds: int | None
    calendar: str
    used_seconds: int
    due_at: datetime | None
    met_at: datetime | None
    breached: bool
    round: int
    segments: tuple[SegmentView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaExplanation:
    """The clocks of a case as of an instant."""

    case: int
    at: datetime
    clocks: tuple[ClockView, ...]


def clocks(history: Iterable[Event], policy: Policy, calendar: str | None, now: datetime) -> tuple[ClockView, ...]:
    """The clocks of a history as people read them; `calendar` is the account's own."""
    return tuple(_clock(clock) for clock in sla.clocks(history, policy, calendar, now))


def promises(shown: Sequence[ClockView]) -> SlaView | None:
    """What is promised for a case with these clocks; None where nothing is."""
    targets = {
        clock.name: TargetView(
            target_seconds=clock.target_seconds, due_at=clock.due_at, met_at=clock.met_at, breached=clock.breached
        )
        for clock in shown
        if clock.target_seconds is not None
    }
    if not targets:
        return None
    return SlaView(
        first_response=targets.get(sla.FIRST_RESPONSE),
        solution=targets.get(sla.SOLUTION),
        processing_seconds=processing_seconds(shown),
    )


def processing_seconds(shown: Sequence[ClockView]) -> int:
    """How long the vendor worked on a case with these clocks."""
    return sum(clock.used_seconds for clock in shown if clock.name == sla.PROCESSING)


def account_of(tx: sa.Connection, number: int) -> Account:
    """Whose case it is; NotFound if there is none."""
    found = load.cases(tx, (number,)).get(number)
    if found is None:
        raise NotFound(f"there is no case {number}")
    return load_people.account(tx, found.account)


def explain(
    tx: sa.Connection, number: int, policy: Policy, *, now: datetime, at: datetime | None = None
) -> SlaExplanation:
    """The clocks of a case now, or as they were or will be `at` a time; NotFound before it was opened."""
    account = account_of(tx, number)
    history = load.events(tx, number)[number]
    if at is not None:
        opened = history[0].at
        history = until(history, at)
        if not history:
            raise NotFound(f"case {number} was opened {opened:%Y-%m-%d %H:%M:%S} UTC; nothing is counted before that")
    moment = now if at is None else at
    return SlaExplanation(case=number, at=moment, clocks=clocks(history, policy, account.calendar, moment))


def until(history: Sequence[Event], at: datetime) -> list[Event]:
    """What had happened by then: also what a clock that was set back before then seems to have put later."""
    places = [place for place, event in enumerate(history) if event.at <= at]
    return list(history[: places[-1] + 1]) if places else []


def _clock(of: sla.Clock) -> ClockView:
    return ClockView(
        name=of.name,
        target_seconds=int(of.target_seconds) if of.target_seconds is not None else None,
        calendar=of.calendar,
        used_seconds=int(of.used_seconds),
        due_at=of.due_at,
        met_at=of.met_at,
        breached=of.breached,
        round=of.round,
        segments=tuple(_segments(of.segments)),
    )


def _segments(of: Iterable[sla.Segment]) -> Iterable[SegmentView]:
    exact, told = 0.0, 0
    for segment in of:
        exact = round(exact + segment.seconds, 6)  # as fine as time is counted
        whole = int(exact) - told
        told += whole
        yield SegmentView(start=segment.start, end=segment.end, turn=segment.turn, counts=segment.counts, seconds=whole)
