"""What the worked examples do not show: segments, odd rules, histories of other rule sets, what is kept and hidden."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pytest

from gateway import config
from gateway.domain.calendars import ALWAYS, Calendar, Hours
from gateway.domain.model import Event, Turn
from gateway.domain.policy import Policy
from gateway.domain.sla import Clock, LevelTime, Segment, clocks, lost_replies
from gateway.domain.targets import SlaRules, Span, Target, Unit
from tests.histories import history, moment
from tests.world import settings

MONDAY = "Mon 2026-03-02"
OFFICE = Calendar(name="business", hours=((Hours(9 * 60, 17 * 60),),) * 5 + ((),) * 2, day_seconds=8 * 60 * 60)


@cache
def shipped(rules: str = "tracker") -> Policy:
    return config.load_policy(settings(rules={"set": rules}))


def promising(*targets: Target, levels: tuple[int, ...] = (50, 75, 100)) -> Policy:
    """The shipped rules with these targets."""
    rules = SlaRules(default_calendar=OFFICE, calendars=(ALWAYS, OFFICE), targets=targets, levels=levels)
    return replace(shipped(), sla=rules)


def at(text: str) -> datetime:
    """A time on Monday, or with a day of its own."""
    return moment(text if len(text) > 5 else f"{MONDAY} {text}").astimezone(UTC)


def told(text: str, policy: Policy | None = None) -> tuple[Event, ...]:
    """A history that begins on Monday."""
    return history(f"{MONDAY} {text}", (policy or shipped()).workflow)


def clock(name: str, events: tuple[Event, ...], now: str, policy: Policy | None = None) -> Clock:
    """The one clock of that name."""
    (found,) = (one for one in clocks(events, policy or shipped(), None, at(now)) if one.name == name)
    return found


def names(events: tuple[Event, ...], now: str, policy: Policy) -> list[str]:
    return [one.name for one in clocks(events, policy, None, at(now))]


def segment(start: str, end: str, turn: Turn, minutes: int) -> Segment:
    return Segment(start=at(start), end=at(end), turn=turn, counts=minutes > 0, seconds=minutes * 60)


P1_IN_AN_HOUR = Target(priority="P1", calendar=ALWAYS, first_response=Span(1, Unit.HOUR))


def test_no_history_has_no_clocks() -> None:
    assert () == clocks((), shipped(), None, at("10:00"))


def test_segments_follow_each_other_and_join_where_nothing_changed() -> None:
    """A note and a start leave the vendor's turn as it was; waiting counts nothing."""
    events = told("08:30 question; 09:10 note; 09:20 start; 09:40 reply; 10:00 customer")
    expected = (
        segment("08:30", "09:40", Turn.VENDOR, 40),
        segment("09:40", "10:00", Turn.CUSTOMER, 0),
        segment("10:00", "10:30", Turn.VENDOR, 30),
    )
    processing = clock("processing", events, "10:30")
    assert expected == processing.segments
    assert 70 * 60 == processing.used_seconds


def test_a_new_target_begins_a_segment() -> None:
    events = told("09:00 incident P1; 09:20 priority P3; 09:30 note")
    expected = (segment("09:00", "09:20", Turn.VENDOR, 20), segment("09:20", "10:00", Turn.VENDOR, 40))
    assert expected == clock("first_response", events, "10:00").segments


def test_segments_of_a_first_response_end_with_it() -> None:
    events = told("09:00 incident P1; 09:20 reply; 09:30 customer")
    assert (segment("09:00", "09:20", Turn.VENDOR, 20),) == clock("first_response", events, "10:00").segments


def test_a_clock_set_back_is_a_segment_that_counts_nothing() -> None:
    """What lies before and after it counts as usual; it joins neither."""
    events = told("10:00 incident P1; 10:20 note; 09:00 note; 09:10 note")
    expected = (
        segment("10:00", "10:20", Turn.VENDOR, 20),
        segment("10:20", "09:00", Turn.VENDOR, 0),
        segment("09:00", "09:15", Turn.VENDOR, 15),
    )
    found = clock("first_response", events, "09:15")
    assert (expected, 35 * 60, at("09:40")) == (found.segments, found.used_seconds, found.due_at)


def test_two_set_back_clocks_in_a_row_take_nothing_away() -> None:
    found = clock("processing", told("12:00 question; 11:00 note; 10:00 note"), "10:30")
    assert [0, 0, 30 * 60] == [one.seconds for one in found.segments]
    assert 30 * 60 == found.used_seconds


def test_a_clock_set_back_while_nothing_counts_is_a_segment_too() -> None:
    found = clock("processing", told("10:00 question; 10:00 reply; 09:00 note; 09:20 note"), "09:30")
    expected = (segment("10:00", "09:00", Turn.CUSTOMER, 0), segment("09:00", "09:30", Turn.CUSTOMER, 0))
    assert expected == found.segments


def test_nothing_lasts_no_time() -> None:
    """Several events at one instant leave no empty segments."""
    found = clock("processing", told("09:00 question; 09:00 reply; 09:00 customer"), "09:30")
    assert (segment("09:00", "09:30", Turn.VENDOR, 30),) == found.segments


def test_an_accounts_calendar_that_the_rules_do_not_know_counts_as_none() -> None:
    events = told("09:00 incident P3")
    expected, found = (clocks(events, shipped(), name, at("10:00")) for name in (None, "gone"))
    assert expected == found


def test_a_type_that_the_rules_do_not_know_has_processing_time_only() -> None:
    events = told("09:00 mystery P1")
    assert ["processing"] == names(events, "10:00", shipped())
    assert 60 * 60 == clock("processing", events, "10:00").used_seconds


def test_a_type_by_priority_without_one_has_no_target() -> None:
    assert ["processing"] == names(told("09:00 incident"), "10:00", shipped())


def test_a_priority_without_target_hides_the_clock_and_keeps_what_was_used() -> None:
    """It neither counts meanwhile nor begins anew."""
    policy = promising(P1_IN_AN_HOUR)
    hidden = told("09:00 incident P1; 09:20 priority P2")
    assert ["processing"] == names(hidden, "10:00", policy)
    back = clock("first_response", told("09:00 incident P1; 09:20 priority P2; 10:00 priority P1"), "10:10", policy)
    assert (30 * 60, at("10:40"), 1) == (back.used_seconds, back.due_at, back.round)


def test_what_was_answered_without_a_target_needs_no_answer_later() -> None:
    policy = promising(P1_IN_AN_HOUR)
    assert ["processing"] == names(told("09:00 incident P2; 09:20 reply; 10:00 priority P1"), "12:00", policy)


def test_levels_are_told_with_their_round_and_those_that_are_passed_stay() -> None:
    """Who was down at 50 % still speaks of it, also when the answer has left meanwhile; what was not reached is gone."""
    running = clock("first_response", told("09:00 incident P1"), "09:10")
    expected = [
        LevelTime(clock="first_response", level=level, round=1, due_at=at(time))
        for level, time in [(50, "09:30"), (75, "09:45"), (100, "10:00")]
    ]
    assert expected == list(running.levels)
    answered = clock("first_response", told("09:00 incident P1; 09:50 reply"), "12:00")
    assert expected[:2] == list(answered.levels)


def test_an_answer_at_the_last_instant_is_no_level_of_a_hundred() -> None:
    found = clock("first_response", told("09:00 incident P1; 10:00 reply"), "12:00")
    assert ([50, 75], False) == ([one.level for one in found.levels], found.breached)


def test_a_level_that_a_larger_target_takes_back_is_to_come_again() -> None:
    """Of 1 h, 45 minutes were 75 %; of the 8 h that hold since, they are less than a half."""
    found = clock("first_response", told("09:00 incident P1; 09:45 priority P3"), "10:00")
    assert [at("13:00"), at("15:00"), at("17:00")] == [one.due_at for one in found.levels]


def test_no_levels_are_no_news() -> None:
    found = clock("first_response", told("09:00 incident P1"), "12:00", promising(P1_IN_AN_HOUR, levels=()))
    assert ((), True) == (found.levels, found.breached)


def test_a_solution_is_met_when_the_case_was_first_settled() -> None:
    """Closed later, it is as solved as before; only reopening begins it again."""
    policy = promising(Target(priority="P4", calendar=OFFICE, solution=Span(4, Unit.HOUR)))
    assert ["solution", "processing"] == names(told("09:00 task"), "10:00", policy)
    closed = told("09:00 task; 10:00 resolve; 12:00 close")
    assert at("10:00") == clock("solution", closed, "13:00", policy).met_at
    again = told("09:00 task; 10:00 resolve; 12:00 reopen; 15:30 resolve")
    found = clock("solution", again, "16:00", policy)
    assert (at("15:30"), True, 1) == (found.met_at, found.breached, found.round)


def test_a_round_knows_nothing_of_the_one_before_it() -> None:
    """Neither its segments, nor what was used as another target came, nor that it was solved."""
    events = told("09:00 incident P1; 09:10 priority P2; 09:20 type question; 12:00 type incident P2")
    found = clock("first_response", events, "17:00")
    assert (segment("12:00", "17:00", Turn.VENDOR, 300),) == found.segments
    assert [(50, at("14:00")), (75, at("15:00")), (100, at("16:00"))] == [
        (one.level, one.due_at) for one in found.levels
    ]
    policy = promising(Target(priority="P4", calendar=OFFICE, solution=Span(4, Unit.HOUR)))
    settled = told("09:00 task; 10:00 resolve; 11:00 type question; 12:00 type task")
    solved = clock("solution", settled, "13:00", policy)
    assert (at("12:00"), 0, 2) == (solved.met_at, solved.used_seconds, solved.round)


def test_a_text_that_was_lost_leaves_the_case_resolved() -> None:
    """Not answered, but nobody's turn by the agent's own word: the clock stands until the customer writes."""
    lost = told("09:00 incident P2; 10:00 resolve with text; 11:00 bounce")
    found = clock("first_response", lost, "12:00")
    assert (None, None, 60 * 60) == (found.met_at, found.due_at, found.used_seconds)
    woken = told("09:00 incident P2; 10:00 resolve with text; 11:00 bounce; 12:00 customer")
    assert at("15:00") == clock("first_response", woken, "12:30").due_at


def test_a_lost_answer_stays_our_turn_until_the_case_moves_by_itself() -> None:
    """The customer closes it: nobody's turn, whatever was lost."""
    found = clock(
        "first_response", told("09:00 incident P2; 10:00 reply; 11:00 bounce; 12:00 close by customer"), "14:00"
    )
    expected = (segment("09:00", "12:00", Turn.VENDOR, 180), segment("12:00", "14:00", Turn.NOBODY, 0))
    assert expected == found.segments


def test_a_lost_answer_runs_on_in_the_other_rule_set_too() -> None:
    policy = shipped("production_support")
    events = told("09:00 incident P2; 09:10 start; 10:00 reply; 11:00 bounce", policy)
    found = clock("first_response", events, "12:00", policy)
    assert (3 * 3600, at("13:00")) == (found.used_seconds, found.due_at)


@pytest.mark.parametrize("detail", [{}, {"recipient": "ann@acme.example", "error": "gone"}, {"cause": "cli:2"}])
def test_a_failure_that_does_not_name_the_reporters_answer_takes_nothing_back(detail: dict[str, object]) -> None:
    events = told("09:00 incident P2; 10:00 reply; 11:00 bounce")
    events = (*events[:-1], replace(events[-1], detail=detail))
    assert frozenset() == lost_replies(events)
    assert at("10:00") == clock("first_response", events, "12:00").met_at


def test_a_calendar_that_never_opens_is_never_due() -> None:
    """What its account closed on every day is no reason to fall over."""
    shut = Calendar(name="shut")
    policy = promising(Target(priority="P3", calendar=shut, first_response=Span(1, Unit.HOUR)))
    found = clock("first_response", told("09:00 incident P3"), "12:00", policy)
    assert (None, (), 0) == (found.due_at, found.levels, found.used_seconds)


@pytest.mark.parametrize(("span", "seconds"), [(Span(30, Unit.MINUTE), 1800), (Span(2, Unit.DAY), 16 * 3600)])
def test_a_day_is_as_long_as_the_calendar_says(span: Span, seconds: int) -> None:
    assert seconds == span.on(OFFICE).total_seconds()


def test_an_order_that_waits_is_a_segment_of_its_own() -> None:
    """From the first request to the last answer, whatever the customer writes meanwhile."""
    events = told("09:00 incident P1; 09:10 order; 09:15 order; 09:20 approve; 09:25 customer; 09:30 reject")
    segments = (
        segment("09:00", "09:10", Turn.VENDOR, 10),
        segment("09:10", "09:30", Turn.CUSTOMER, 0),
        segment("09:30", "09:40", Turn.VENDOR, 10),
    )
    for name in ("first_response", "processing"):
        assert segments == clock(name, events, "09:40").segments
    assert at("10:20") == clock("first_response", events, "09:40").due_at


def test_no_level_is_reached_while_an_order_waits() -> None:
    events = told("09:00 incident P1; 09:30 order")
    found = clock("first_response", events, "15:00")
    reached = LevelTime(clock="first_response", level=50, round=1, due_at=at("09:30"))
    assert (None, (reached,), False, 30 * 60) == (found.due_at, found.levels, found.breached, found.used_seconds)


def test_a_lost_answer_runs_no_clock_while_an_order_waits() -> None:
    """It is as if nothing had been sent, and as if nobody could do anything yet."""
    events = told("09:00 incident P1; 09:10 order; 09:20 reply; 09:30 bounce; 09:40 release")
    assert 20 * 60 == clock("first_response", events, "09:50").used_seconds
    assert 10 * 60 == clock("processing", events, "09:50").used_seconds


@pytest.mark.parametrize("what", ["resolve", "defer"])
def test_a_case_that_is_nobodys_turn_stays_so_while_an_order_waits(what: str) -> None:
    found = clock("processing", told(f"09:00 incident P1; 09:10 order; 09:20 {what}"), "10:00")
    assert [Turn.VENDOR, Turn.CUSTOMER, Turn.NOBODY] == [one.turn for one in found.segments]
