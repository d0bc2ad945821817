"""SLA clocks, computed from a case's history: whose turn it was, for how long, when a target is reached (SPEC section 6).

Nothing is stored but events: the same history, rules and instant give the same figures, whatever happened to the
daemon or its clock meanwhile. `docs/sla.md` tells how it is counted, with worked examples. Computing only: whoever
shows a case, or owes notices about its levels, calls `clocks`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from gateway.domain.calendars import ALWAYS, Calendar
from gateway.domain.fold import evolve
from gateway.domain.model import Case, Event, Turn
from gateway.domain.policy import Policy
from gateway.domain.targets import Target

FIRST_RESPONSE, SOLUTION, PROCESSING = "first_response", "solution", "processing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A span in which nothing changed. `seconds` are those that count; after a clock set back, `end` is before `start`."""

    start: datetime
    end: datetime
    turn: Turn
    counts: bool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelTime:
    """When so many percent of a target are reached; once in a round of its clock. It may be past."""

    clock: str
    level: int
    round: int
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One clock as of an instant; without a target it only counts.

    `due_at` is when the target is or was reached if it stays the vendor's turn; None while it is not, or once met.
    `round` counts its starts, `began_at` is the last of them. `levels` holds those that are reached, whether it still
    runs or not, and while it runs those to come.
    """

    name: str
    target_seconds: float | None
    calendar: str
    used_seconds: float
    due_at: datetime | None
    met_at: datetime | None
    breached: bool
    began_at: datetime
    round: int
    segments: tuple[Segment, ...]
    levels: tuple[LevelTime, ...]


def clocks(events: Iterable[Event], policy: Policy, calendar_name: str | None, now: datetime) -> tuple[Clock, ...]:
    """All clocks of a case: first response and solution where they have a target, processing always.

    `calendar_name` is the account's own calendar. All events count, also those that a clock since set back put after
    `now`; for the figures of an earlier time, hand in the events until then. No events, no clocks.
    """
    history = tuple(events)
    if not history:
        return ()
    own = policy.sla.calendar_named(calendar_name)
    opened_at = history[0].at
    start = partial(_Tally, at=opened_at, since=opened_at, began_at=opened_at)
    promises = [start(name) for name in (FIRST_RESPONSE, SOLUTION)]
    processing = start(PROCESSING, calendar=own or policy.sla.default_calendar)
    for moment in _moments(history, policy):
        for tally in (*promises, processing):
            tally.run(moment.at)
            tally.see(moment, own)
    tallies = (*(tally for tally in promises if tally.relevant and tally.target is not None), processing)
    for tally in tallies:
        if now > tally.at:
            tally.run(now)
    return tuple(tally.clock(policy.sla.levels) for tally in tallies)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """How a case stands after an event, as clocks see it.

    `unanswered_turn` is the turn as if replies that never arrived had not been sent; `answers` is true of an event
    that answers the customer.
    """

    at: datetime
    turn: Turn
    unanswered_turn: Turn
    settled: bool
    relevant: bool
    target: Target | None
    answers: bool


def _moments(history: Sequence[Event], policy: Policy) -> Iterator[_Moment]:
    lost = lost_replies(history)
    case: Case | None = None
    unanswered = ""
    for event in history:
        case = evolve(case, event)
        if event.to_status and not (event.event == "agent_reply" and event.cause in lost):
            unanswered = event.to_status
        kind = policy.workflow.type_named(case.type)
        priority = (case.priority if kind.has_priority else kind.sla) if kind else None
        yield _Moment(
            at=event.at,
            turn=policy.turn_of(case),
            unanswered_turn=policy.turn_of(case if unanswered == case.status else replace(case, status=unanswered)),
            settled=policy.workflow.status(case.status).settled,
            relevant=kind is not None and kind.sla is not None,
            target=policy.sla.target_of(priority) if priority else None,
            answers=event.event == "message_sent" and event.cause not in lost,
        )


def lost_replies(history: Iterable[Event]) -> frozenset[str]:
    """The causes of all replies whose mail to the reporter failed for good."""
    failures = [event.detail for event in history if event.event == "delivery_failed"]
    return frozenset(detail["cause"] for detail in failures if detail.get("reporter") and detail.get("cause"))


@dataclass(slots=True)
class _Tally:
    """A clock while its case's history is read.

    `segments` from `first` on are those under the present target; when that came, at `since`, `base` was used.
    """

    name: str
    at: datetime
    since: datetime
    began_at: datetime
    calendar: Calendar = ALWAYS
    target: timedelta | None = None
    relevant: bool = False
    turn: Turn = Turn.NOBODY
    counts: bool = False
    used: timedelta = timedelta()
    base: timedelta = timedelta()
    met_at: datetime | None = None
    round: int = 0
    first: int = 0
    segments: list[Segment] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """True for a first response that is given: once met it stays met, with its figures."""
        return self.name == FIRST_RESPONSE and self.met_at is not None

    def run(self, to: datetime) -> None:
        """Let the time pass until an instant; none does where the clock was set back to it."""
        if not self.relevant or self.is_over or to == self.at:
            return
        counts = self.counts and to > self.at
        span = self.calendar.between(self.at, to) if counts else timedelta()
        last = self.segments[-1] if len(self.segments) > self.first else None
        if last and (last.turn, last.counts) == (self.turn, counts) and last.start < last.end < to:
            seconds = (timedelta(seconds=last.seconds) + span).total_seconds()
            self.segments[-1] = replace(last, end=to, seconds=seconds)
        else:
            seconds = span.total_seconds()
            self.segments.append(Segment(start=self.at, end=to, turn=self.turn, counts=counts, seconds=seconds))
        self.used += span
        self.at = to

    def see(self, moment: _Moment, own: Calendar | None) -> None:
        """Stand as the case does after an event."""
        self.at = moment.at
        if self.name == PROCESSING:
            self.relevant, self.round, self.turn = True, 1, moment.turn
            self.counts = moment.turn is Turn.VENDOR
            return
        begins = moment.relevant and not self.relevant
        self.relevant = moment.relevant
        if self.is_over or not moment.relevant:
            return
        if begins:
            self._begin()
        self._aim(moment.target, own)
        if self.name == FIRST_RESPONSE:
            self.turn = moment.unanswered_turn
            self.met_at = moment.at if moment.answers else None
        else:
            self.turn = moment.turn
            self.met_at = (self.met_at or moment.at) if moment.settled else None
        self.counts = self.turn is Turn.VENDOR and self.target is not None and self.met_at is None

    def _begin(self) -> None:
        """The case comes under the SLA, or comes back: from nothing, in a round of its own."""
        self.round += 1
        self.began_at = self.at
        self.used = timedelta()
        self.met_at = self.target = None
        self.first = 0
        self.segments = []

    def _aim(self, promised: Target | None, own: Calendar | None) -> None:
        """Take the target and calendar that hold from now on; time used stays used."""
        span = promised and (promised.first_response if self.name == FIRST_RESPONSE else promised.solution)
        calendar = self.calendar
        if promised:  # what is promised around the clock is not watered down to an account's office hours
            calendar = promised.calendar if promised.calendar.always else own or promised.calendar
        target = span.on(calendar) if span else None
        if (target, calendar) == (self.target, self.calendar):
            return
        self.target, self.calendar = target, calendar
        self.base, self.since, self.first = self.used, self.at, len(self.segments)

    def clock(self, levels: Sequence[int]) -> Clock:
        """What has been counted."""
        target = self.target
        reached = [(level, self._reached_at(target * level / 100)) for level in levels] if target else []
        return Clock(
            name=self.name,
            target_seconds=target.total_seconds() if target else None,
            calendar=self.calendar.name,
            used_seconds=self.used.total_seconds(),
            due_at=self._reached_at(target) if target and self.counts else None,
            met_at=self.met_at,
            breached=target is not None and self._has_passed(target),
            began_at=self.began_at,
            round=self.round,
            segments=tuple(self.segments),
            levels=tuple(
                LevelTime(clock=self.name, level=level, round=self.round, due_at=at) for level, at in reached if at
            ),
        )

    def _has_passed(self, share: timedelta) -> bool:
        """An answer at the very instant is in time; without one it is over at that instant."""
        return self.used > share or (self.used == share and self.met_at is None)

    def _reached_at(self, share: timedelta) -> datetime | None:
        """When so much of the present target was used, or will be if nothing happens; None for not at all."""
        if not self._has_passed(share):
            return self.calendar.after(self.at, share - self.used) if self.counts else None
        used = self.base
        for segment in self.segments[self.first :] if used < share else ():
            seconds = timedelta(seconds=segment.seconds)
            if used + seconds >= share:
                return self.calendar.after(segment.start, share - used)
            used += seconds
        return self.since
