"""Whatever happens to a case, in any zone: business time adds up, and its clocks keep what they promise."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway import config
from gateway.domain.calendars import ALWAYS, Calendar, Hours
from gateway.domain.fold import evolve
from gateway.domain.model import Case, Event, Turn
from gateway.domain.policy import Policy
from gateway.domain.sla import Clock, clocks
from gateway.domain.targets import SlaRules, Span, Target, Unit
from tests import world
from tests.histories import ANSWERS, MOVES, Writer

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "America/Havana",  # clocks change at midnight
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Apia",  # went without 30 December 2011
    "Africa/Casablanca",  # changes around Ramadan
)
FIRST, LAST = datetime(2011, 12, 1), datetime(2029, 1, 1)  # noqa: DTZ001  # Hypothesis wants them so
MICROSECOND = timedelta(microseconds=1)

instants = st.datetimes(FIRST, LAST, timezones=st.just(UTC))
spans = st.timedeltas(timedelta(), timedelta(days=400))
days = st.dates(FIRST.date(), LAST.date())


@st.composite
def opening_hours(draw: st.DrawFn, minutes: st.SearchStrategy[int]) -> tuple[Hours, ...]:
    """Hours of one day, in order and apart, or touching."""
    edges = sorted(draw(st.sets(minutes, max_size=6)))
    return tuple(Hours(*pair) for pair in zip(edges[::2], edges[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn, minutes: st.SearchStrategy[int] | None = None) -> Calendar:
    """Any calendar: round the clock or never open, with holidays close to each other."""
    if minutes is None and draw(st.integers(0, 5)) == 0:
        return replace(ALWAYS, day_seconds=draw(st.integers(1, 86_400)))
    hours = opening_hours(minutes if minutes is not None else st.integers(0, 24 * 60))
    first = draw(days)
    offsets = draw(st.sets(st.integers(0, 20)))
    return Calendar(
        name=draw(st.sampled_from(["one", "two"])),
        zone=draw(st.sampled_from(ZONES)),
        hours=tuple(draw(st.lists(hours, min_size=7, max_size=7))),
        closed=frozenset(first + timedelta(days=offset) for offset in offsets),
        day_seconds=draw(st.integers(1, 86_400)),
    )


@settings(deadline=None)
@given(calendar=calendars(), instant=instants, lengths=st.lists(spans, min_size=1, max_size=6))
def test_business_time_adds_up_over_any_split(calendar: Calendar, instant: datetime, lengths: list[timedelta]) -> None:
    """To the microsecond, and is never more than the time that passed."""
    edges = [instant]
    for length in lengths:
        edges.append(edges[-1] + length)
    parts = [calendar.between(start, end) for start, end in pairwise(edges)]
    assert calendar.between(edges[0], edges[-1]) == sum(parts, timedelta())
    assert all(timedelta() <= part <= length for part, length in zip(parts, lengths, strict=True))


@settings(deadline=None)
@given(calendar=calendars(), instant=instants, span=st.timedeltas(MICROSECOND, timedelta(days=100)))
def test_what_is_due_is_reached_then_and_not_before(calendar: Calendar, instant: datetime, span: timedelta) -> None:
    due = calendar.after(instant, span)
    assume(due is not None)
    assert due is not None
    assert span == calendar.between(instant, due)
    assert span > calendar.between(instant, due - MICROSECOND)


AWAY_FROM_CHANGES = st.sampled_from([0, *range(4 * 60, 23 * 60, 15), 24 * 60])
"""Edges of hours that no zone of ours skips or repeats, or that are edges of the day."""


@settings(deadline=None, max_examples=40)
@given(calendar=calendars(AWAY_FROM_CHANGES), day=days)
def test_business_time_is_what_a_watchman_would_count(calendar: Calendar, day: date) -> None:
    """Who looks at the clock on the wall every quarter of an hour, for some days, counts the same."""
    quarter, zone = timedelta(minutes=15), ZoneInfo(calendar.zone)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    looks = [(start + place * quarter).astimezone(zone) for place in range(4 * 24 * 5)]
    is_open = [
        wall.date() not in calendar.closed
        and any(span.opening <= wall.hour * 60 + wall.minute < span.closing for span in calendar.hours[wall.weekday()])
        for wall in looks
    ]
    assert sum(is_open) * quarter == calendar.between(start, start + len(looks) * quarter)


@cache
def shipped(name: str) -> Policy:
    return config.load_policy(world.settings(rules={"set": name}))


targets = st.one_of(
    st.none(),
    st.builds(Span, st.integers(1, 30), st.sampled_from(Unit)),
)


@dataclass(frozen=True, slots=True)
class Story:
    """Any SLA rules beside a shipped rule set, and a history by them."""

    rule_set: str
    sla: SlaRules
    events: tuple[Event, ...]

    @property
    def policy(self) -> Policy:
        return replace(shipped(self.rule_set), sla=self.sla)


@st.composite
def sla_rules(draw: st.DrawFn) -> SlaRules:
    """Any targets on any calendars."""
    own = (ALWAYS, replace(draw(calendars()), name="own"), replace(draw(calendars()), name="other"))
    promised = [
        Target(
            priority=f"P{number}",
            calendar=draw(st.sampled_from(own)),
            first_response=draw(targets),
            solution=draw(targets),
        )
        for number in range(1, draw(st.integers(1, 4)) + 1)
    ]
    return SlaRules(
        default_calendar=own[1],
        calendars=own,
        targets=tuple(promised),
        levels=tuple(sorted(draw(st.sets(st.integers(1, 100), max_size=3)))),
    )


TYPES = ("question", "incident P1", "incident P2", "incident P3", "task", "error")
HAPPENINGS = (
    *MOVES, "note", "automatic", "reply", "resolve with text", "customer", "merge", "bounce", "bounce to a participant",
    "order", "order", *ANSWERS, *(f"type {name}" for name in TYPES), *(f"priority P{number}" for number in range(1, 5)),
)  # fmt: skip


@st.composite
def stories(draw: st.DrawFn, /, *, backwards: bool = True, bounces: bool = True) -> Story:
    """Any history that the rules allow; now and then the clock is set back."""
    rule_set = draw(st.sampled_from(["tracker", "production_support"]))
    writer, at = Writer(shipped(rule_set).workflow), draw(instants)
    writer.happen(at, draw(st.sampled_from(TYPES)))
    earliest = timedelta(days=-2) if backwards else timedelta()
    for what in draw(st.lists(st.sampled_from(HAPPENINGS), max_size=12)):
        at += draw(st.one_of(st.just(timedelta()), st.timedeltas(earliest, timedelta(days=5))))
        answered = any(event.event == "message_sent" for event in writer.events)
        is_possible = (
            writer.can(what) if what in MOVES
            else writer.can("resolve") if what == "resolve with text"
            else bool(writer.waiting) if what in ANSWERS
            else bounces and answered if what.startswith("bounce")
            else True
        )  # fmt: skip
        if is_possible:
            writer.happen(at, what)
        if what == "merge":
            break
    return Story(rule_set, draw(sla_rules()), tuple(writer.events))


accounts = st.sampled_from([None, "24x7", "own", "gone"])


def calendar_of(clock: Clock, policy: Policy) -> Calendar:
    found = policy.sla.calendar_named(clock.calendar)
    assert found
    return found


@settings(deadline=None)
@given(story=stories(), account=accounts, later=spans)
def test_segments_are_whole_and_add_up(story: Story, account: str | None, later: timedelta) -> None:
    """Each begins where the one before ends; none counts what is not the vendor's turn, or less than nothing."""
    policy, events = story.policy, story.events
    for clock in clocks(events, policy, account, events[-1].at + later):
        for one, following in pairwise(clock.segments):
            assert one.end == following.start
        for one in clock.segments:
            assert one.start != one.end
            assert 0 <= one.seconds <= max((one.end - one.start).total_seconds(), 0)
            assert one.counts or one.seconds == 0
            assert not one.counts or one.turn is Turn.VENDOR
        exact = sum((timedelta(seconds=one.seconds) for one in clock.segments), timedelta())
        assert exact.total_seconds() == clock.used_seconds


@settings(deadline=None)
@given(story=stories(), account=accounts, later=spans)
def test_processing_time_is_that_of_the_vendors_turn(story: Story, account: str | None, later: timedelta) -> None:
    """Counted again from the cases that the events make, one by one."""
    policy, events = story.policy, story.events
    calendar = policy.sla.calendar_named(account) or policy.sla.default_calendar
    end = max(events[-1].at, events[-1].at + later)
    case: Case | None = None
    total = timedelta()
    for event, until in zip(events, (*(event.at for event in events[1:]), end), strict=True):
        case = evolve(case, event)
        if case.merged_into is None and not case.awaits and policy.turn(case.status) is Turn.VENDOR:
            total += calendar.between(event.at, until)
    assert total.total_seconds() == clocks(events, policy, account, end)[-1].used_seconds


@settings(deadline=None)
@given(story=stories(), account=accounts, first=spans, second=spans)
def test_time_that_passes_without_an_event_changes_only_what_is_used(
    story: Story, account: str | None, first: timedelta, second: timedelta
) -> None:
    """So what was written down after the last event, due times and levels, holds whenever it is looked at."""
    policy, events = story.policy, story.events
    one = events[-1].at + first
    other = one + second
    soon = other + MICROSECOND
    told = [clocks(events, policy, account, now) for now in (one, other, soon)]
    for before, after, then in zip(*told, strict=True):
        assert kept(before) == kept(after)
        runs = bool(then.segments) and then.segments[-1].counts and then.segments[-1].end == soon
        gone = calendar_of(after, policy).between(one, other) if runs else timedelta()
        assert timedelta(seconds=after.used_seconds) - timedelta(seconds=before.used_seconds) == gone


def kept(clock: Clock) -> tuple[object, ...]:
    """What timers and rows hold of a clock."""
    return clock.name, clock.round, clock.target_seconds, clock.due_at, clock.met_at, clock.levels


@settings(deadline=None)
@given(story=stories(), account=accounts, later=spans)
def test_replaying_the_history_gives_the_same_figures(story: Story, account: str | None, later: timedelta) -> None:
    """As it comes back from a database, where details are JSON."""
    policy, events = story.policy, story.events
    now = events[-1].at + later
    stored = (replace(event, detail=json.loads(json.dumps(dict(event.detail)))) for event in events)
    assert clocks(events, policy, account, now) == clocks(stored, policy, account, now)


@settings(deadline=None)
@given(story=stories(), account=accounts, later=spans)
def test_a_clock_that_is_due_is_breached_from_then_on(story: Story, account: str | None, later: timedelta) -> None:
    policy, events = story.policy, story.events
    now = events[-1].at + later
    for clock in clocks(events, policy, account, now):
        if clock.due_at is not None:
            assert clock.breached == (clock.due_at <= now)
            assert clock.met_at is None
        if clock.target_seconds is None:
            assert (None, False) == (clock.due_at, clock.breached)


@settings(deadline=None)
@given(story=stories(backwards=False, bounces=False), account=accounts)
def test_no_level_speaks_twice_and_none_is_taken_back(story: Story, account: str | None) -> None:
    """Read event by event, as it happened: while a target holds, what is reached stays reached when it was."""
    policy, events = story.policy, story.events
    reached: dict[str, dict[int, datetime]] = {}
    aims: dict[str, tuple[object, ...]] = {}
    rounds: dict[str, int] = {}
    for place, event in enumerate(events, 1):
        found = {clock.name: clock for clock in clocks(events[:place], policy, account, event.at)}
        for name, clock in found.items():
            assert rounds.get(name, 1) <= clock.round
            rounds[name] = clock.round
            assert {(name, clock.round)} >= {(level.clock, level.round) for level in clock.levels}
            levels, times = [one.level for one in clock.levels], [one.due_at for one in clock.levels]
            assert (sorted(set(levels)), sorted(times)) == (levels, times)
            aim = (clock.round, clock.target_seconds, clock.calendar)
            known = reached.get(name, {}) if aims.get(name) == aim else {}
            now = {one.level: one.due_at for one in clock.levels if one.due_at <= event.at}
            assert known.items() <= now.items() or clock.met_at is not None
            reached[name], aims[name] = now, aim
        aims = {name: aims[name] for name in found}
