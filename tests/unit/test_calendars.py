"""Business time at its edges: clocks that change inside the hours, days that never were, calendars that never open."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.calendars import ALWAYS, END_OF_DAY, Calendar, Hours

HOUR = timedelta(hours=1)
OFFICE = Calendar(name="office", hours=((Hours(9 * 60, 17 * 60),),) * 5 + ((),) * 2)
FRIDAY, MONDAY = datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)


def daily(zone: str, *hours: tuple[float, float]) -> Calendar:
    """Open every day at these hours."""
    spans = tuple(Hours(int(opening * 60), int(closing * 60)) for opening, closing in hours)
    return Calendar(name="daily", zone=zone, hours=(spans,) * 7)


def on(calendar: Calendar, day: date) -> timedelta:
    """All business time of a local day."""
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(calendar.zone))
    return calendar.between(start.astimezone(UTC), (start + timedelta(days=1)).astimezone(UTC))


SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


@pytest.mark.parametrize(
    ("opening", "closing", "day", "hours"),
    [
        pytest.param(2.5, 5, SPRING, 2, id="opens at the jump to 3"),
        pytest.param(0, 2.5, SPRING, 2, id="closes at the jump from 2"),
        pytest.param(2, 3, SPRING, 0, id="does not open in the skipped hour"),
        pytest.param(2.25, 2.75, SPRING, 0, id="nor within it"),
        pytest.param(0, 24, SPRING, 23, id="a short day"),
        pytest.param(0, 24, AUTUMN, 25, id="a long day"),
        pytest.param(0, 2.5, AUTUMN, 2.5, id="closes when it is half past 2 for the first time"),
        pytest.param(2.5, 5, AUTUMN, 3.5, id="opens when it is half past 2 for the first time"),
        pytest.param(9, 17, AUTUMN, 8, id="office hours are as long as ever"),
    ],
)
def test_hours_on_days_when_clocks_change_in_berlin(opening: float, closing: float, day: date, hours: float) -> None:
    assert hours * HOUR == on(daily("Europe/Berlin", (opening, closing)), day)


def test_hours_that_meet_at_a_time_that_comes_twice_count_it_once() -> None:
    assert 25 * HOUR == on(daily("Europe/Berlin", (0, 2.5), (2.5, 24)), AUTUMN)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        pytest.param("America/Havana", date(2026, 3, 8), 23, id="midnight does not exist"),
        pytest.param("America/Havana", date(2026, 11, 1), 25, id="midnight comes twice"),
        pytest.param("Australia/Lord_Howe", date(2026, 10, 4), 23.5, id="half an hour of summer time"),
        pytest.param("Pacific/Apia", date(2011, 12, 29), 24, id="before a day that never was"),
        pytest.param("Pacific/Apia", date(2011, 12, 31), 24, id="after it"),
        pytest.param("Asia/Kathmandu", date(2026, 3, 9), 24, id="a quarter of an hour off"),
    ],
)
def test_days_of_unusual_length(zone: str, day: date, hours: float) -> None:
    assert hours * HOUR == on(daily(zone, (0, 24)), day)


def test_a_day_that_never_was_has_no_hours() -> None:
    """Samoa went from 29 to 31 December 2011."""
    office = daily("Pacific/Apia", (9, 17))
    start = datetime(2011, 12, 29, tzinfo=ZoneInfo(office.zone)).astimezone(UTC)
    assert 16 * HOUR == office.between(start, start + timedelta(days=2))


def test_a_span_ends_at_the_end_of_the_hours_and_not_at_the_next_beginning() -> None:
    """The first instant by which it has passed."""
    assert FRIDAY + 17 * HOUR == OFFICE.after(FRIDAY + 16 * HOUR, HOUR)
    assert MONDAY + 9 * HOUR + timedelta(microseconds=1) == OFFICE.after(
        FRIDAY + 16 * HOUR, HOUR + timedelta(microseconds=1)
    )


def test_no_time_has_passed_at_once_and_where_the_end_is_earlier() -> None:
    noon = MONDAY + 12 * HOUR
    assert noon == OFFICE.after(noon, timedelta())
    assert FRIDAY == OFFICE.after(FRIDAY, -HOUR)
    for calendar in (OFFICE, ALWAYS):
        assert timedelta() == calendar.between(noon, noon - HOUR) == calendar.between(noon, noon)


def test_an_instant_may_be_given_in_any_zone() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    start = (MONDAY + 8 * HOUR).astimezone(tokyo)
    assert 3 * HOUR == OFFICE.between(start, (MONDAY + 12 * HOUR).astimezone(tokyo))
    assert (MONDAY + 10 * HOUR, UTC) == ((found := OFFICE.after(start, HOUR)), found and found.tzinfo)


@pytest.mark.parametrize("years", [1, 20])
def test_many_weeks_are_so_many_times_one(years: int) -> None:
    weeks = 52 * years + 3
    end = MONDAY + timedelta(weeks=weeks)
    assert weeks * 40 * HOUR == OFFICE.between(MONDAY, end)
    assert end + 10 * HOUR == OFFICE.after(MONDAY, (weeks * 40 + 1) * HOUR)


def test_a_closed_day_gives_nothing() -> None:
    closed = Calendar(name="closed", hours=OFFICE.hours, closed=frozenset({MONDAY.date()}))
    assert MONDAY + (24 + 10) * HOUR == closed.after(FRIDAY + 16 * HOUR, 2 * HOUR)


@pytest.mark.parametrize(
    "calendar",
    [
        Calendar(name="no hours"),
        Calendar(name="no time in its hours", zone="Europe/Berlin", hours=((Hours(60, 60),),) * 7),
        Calendar(name="only when nobody works", hours=((),) * 6 + ((Hours(0, 1),),)),
        ALWAYS,
    ],
    ids=lambda calendar: calendar.name,
)
def test_what_takes_longer_than_a_hundred_years_is_never_reached(calendar: Calendar) -> None:
    assert calendar.after(MONDAY, timedelta(days=365 * 101)) is None


def test_a_calendar_reaches_to_the_end_of_time_without_complaint() -> None:
    late = datetime(9989, 12, 31, 12, tzinfo=UTC)
    assert OFFICE.after(late, timedelta(days=1)) is None
    assert ALWAYS.after(late, timedelta(days=400)) is None


def test_a_day_ends_after_24_hours() -> None:
    assert timedelta(days=1) == timedelta(minutes=END_OF_DAY)
