"""When people meet: by the wall clock of the account, also when the clocks change; and how a gap is typed."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.calendars import ALWAYS, Calendar, Hours
from gateway.domain.escalation import Gap, GapUnit, Meetings, series
from gateway.domain.escalation_rules import EscalationRules, read_escalation_rules
from gateway.domain.toml_lines import Page
from gateway.errors import BadUsage

BERLIN = ZoneInfo("Europe/Berlin")
GOOD = 'untaken = ["30m", "2h"]\nbefore_meeting = "15m"\nlessons_days = 3\nlessons_at = "10:30"\n'


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BERLIN).astimezone(UTC)  # type: ignore[arg-type, misc]  # year, month, day, …


def planned(every: str, at: str, now: datetime, zone: str = "Europe/Berlin") -> Meetings:
    return series(Gap.parse(every), at, zone, "call", now)


def following(meetings: Meetings, after: datetime, number: int) -> list[str]:
    """So many meetings in a row, as people see them."""
    found = []
    for _ in range(number):
        after = meetings.next_after(after)
        found.append(f"{after.astimezone(BERLIN):%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("text", "gap"), [("1d", Gap(1, GapUnit.DAY)), ("4H", Gap(4, GapUnit.HOUR)), (" 2 w ", Gap(2, GapUnit.WEEK))]
)
def test_a_gap_is_typed_as_a_number_and_a_letter(text: str, gap: Gap) -> None:
    assert gap == Gap.parse(text)
    assert gap == Gap.parse(str(gap))


@pytest.mark.parametrize("text", ["", "0d", "1", "d", "1.5d", "30m", "-1d", "daily", "1d 2h", "1000d", "\u0661d"])
def test_anything_else_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(BadUsage, match="write it as 4h, 1d, 2d or 1w"):
        Gap.parse(text)


def test_nine_stays_nine_when_the_clocks_change() -> None:
    """Forward on 29 March 2026, back on 25 October."""
    spring = planned("1d", "09:00", local(2026, 3, 27, 12))
    assert ["03-28 09:00", "03-29 09:00", "03-30 09:00"] == following(spring, local(2026, 3, 27, 12), 3)
    autumn = planned("2d", "09:00", local(2026, 10, 22, 12))
    assert ["10-23 09:00", "10-25 09:00", "10-27 09:00"] == following(autumn, local(2026, 10, 22, 12), 3)
    assert timedelta(hours=23) == local(2026, 3, 29, 9) - local(2026, 3, 28, 9)


def test_by_the_hour_it_stays_by_the_clock_on_the_wall() -> None:
    meetings = planned("4h", "09:00", local(2026, 3, 28, 18))
    assert ["03-28 21:00", "03-29 01:00", "03-29 05:00", "03-29 09:00"] == following(
        meetings, local(2026, 3, 28, 18), 4
    )


def test_a_time_that_a_day_leaves_out_is_after_the_jump_and_one_that_comes_twice_is_its_first() -> None:
    """RFC 5545 section 3.3.5, as calendar programs have it."""
    skipped = planned("1d", "02:30", local(2026, 3, 27, 12))
    assert ["03-28 02:30", "03-29 03:30", "03-30 02:30"] == following(skipped, local(2026, 3, 27, 12), 3)
    twice = planned("1d", "02:30", local(2026, 10, 24, 12))
    first = twice.next_after(local(2026, 10, 24, 12))
    assert datetime(2026, 10, 25, 0, 30, tzinfo=UTC) == first
    assert datetime(2026, 10, 26, 1, 30, tzinfo=UTC) == twice.next_after(first)


def test_every_week_is_the_same_day_of_the_week() -> None:
    meetings = planned("1w", "2026-03-25 14:00", local(2026, 3, 20, 12))
    assert ["03-25 14:00", "04-01 14:00", "04-08 14:00"] == following(meetings, local(2026, 3, 20, 12), 3)


def test_a_time_that_is_past_or_none_is_refused() -> None:
    now = local(2026, 3, 20, 12)
    with pytest.raises(BadUsage, match="is past"):
        planned("1d", "2026-03-20 11:00", now)
    with pytest.raises(BadUsage, match="is no time"):
        planned("1d", "nine", now)


@settings(deadline=None, max_examples=200)
@given(
    amount=st.integers(1, 60),
    unit=st.sampled_from(GapUnit),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    first=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # bounds are naive
    after=st.timedeltas(timedelta(days=-3), timedelta(days=900)),
)
def test_the_next_meeting_is_later_and_the_first_such(
    amount: int, unit: GapUnit, zone: str, first: datetime, after: timedelta
) -> None:
    """No meeting lies between a time and the next one after it; stepping through finds all of them in order."""
    meetings = Meetings(gap=Gap(amount, unit), first=first, zone=zone, channel="call")
    instant = first + after
    found = meetings.next_after(instant)
    assert found > instant
    assert found == meetings.next_after(found - timedelta(microseconds=1))
    step = meetings.gap.step + timedelta(hours=2)
    assert found - max(instant, first) <= step or found == meetings.next_after(first - timedelta(days=9))


# --- Rules ----------------------------------------------------------------------------------------------


def read(text: str) -> tuple[EscalationRules, list[str]]:
    page = Page("escalation.toml", text)
    return read_escalation_rules(page), list(page.problems)


def test_the_rules_are_read() -> None:
    rules, problems = read(GOOD)
    assert [] == problems
    assert (
        EscalationRules(
            untaken=(timedelta(minutes=30), timedelta(hours=2)),
            before_meeting=timedelta(minutes=15),
            lessons_days=3,
            lessons_at=time(10, 30),
        )
        == rules
    )


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ('"30m"', '"soon"', '"soon" is no span of time such as "30m", "4h" or "2d"'),
        ('"30m", "2h"', '"2h", "30m"', "must rise from one to the next"),
        ('"15m"', '"0m"', '"0m" is no span'),
        ("= 3", "= 0", "no number of days from 1 to 365"),
        ('"10:30"', '"25:00"', '"25:00" is no time of a day such as "10:00"'),
        ('"10:30"', '"10"', '"10" is no time of a day'),
        ("untaken", "untakn", "untakn"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(right: str, wrong: str, complaint: str) -> None:
    _, problems = read(GOOD.replace(right, wrong, 1))
    assert any(complaint in problem for problem in problems), problems
    assert all(problem.startswith("escalation.toml:") for problem in problems)


def test_nobody_is_reminded_where_the_list_is_empty() -> None:
    rules, problems = read(GOOD.replace('["30m", "2h"]', "[]"))
    assert ((), []) == (rules.untaken, problems)


def test_lessons_are_learned_on_a_business_day() -> None:
    """Friday, three business days on: not Monday 6 April, which is closed, so Thursday."""
    rules, _ = read(GOOD)
    week = tuple((Hours(540, 1020),) if day < 5 else () for day in range(7))
    calendar = Calendar(name="b", hours=week, closed=frozenset({datetime(2026, 4, 6, tzinfo=UTC).date()}))
    friday = local(2026, 4, 3, 12)
    assert local(2026, 4, 9, 10, 30) == rules.lessons(friday, "Europe/Berlin", calendar)
    assert local(2026, 4, 6, 10, 30) == rules.lessons(friday, "Europe/Berlin", ALWAYS)
    never = Calendar(name="never")
    assert rules.lessons(friday, "Europe/Berlin", never) > friday
