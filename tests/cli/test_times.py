"""Times as agents type them, in the zone of an account."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain import times
from gateway.errors import BadUsage

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def typed(text: str, zone: str = "Europe/Berlin") -> str:
    return f"{times.at(text, ZoneInfo(zone), NOW):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-12-01", "2026-11-30 23:00:00"),
        ("2026-12-01 14:30", "2026-12-01 13:30:00"),
        ("2026-06-01T14:30", "2026-06-01 12:30:00"),
        ("2026-12-01 14:30:15", "2026-12-01 13:30:15"),
        ("2026-12-01T14:30Z", "2026-12-01 14:30:00"),
        ("2026-12-01T14:30+01:00", "2026-12-01 13:30:00"),
        ("2026-12-01 14:30 -0530", "2026-12-01 20:00:00"),
        (" 14:30 ", "2026-03-02 13:30:00"),
        ("9:59", "2026-03-03 08:59:00"),
        ("10:00", "2026-03-03 09:00:00"),
    ],
)
def test_times_without_a_zone_are_the_accounts(text: str, meant: str) -> None:
    """A bare date is 00:00 there, a time alone the next such."""
    assert meant == typed(text)


def test_a_time_that_comes_twice_is_the_first() -> None:
    assert "2026-10-25 00:30:00" == typed("2026-10-25 02:30")
    assert "2026-10-25 01:30:00" == typed("2026-10-25 02:30+01:00")


def test_a_time_that_a_day_leaves_out_is_refused_and_the_next_named() -> None:
    with pytest.raises(BadUsage, match=r"2026-03-29 has no 02:30 in Europe/Berlin.*use 03:30"):
        typed("2026-03-29 02:30")


def test_a_day_without_midnight_begins_at_its_first_moment() -> None:
    """In Cairo the clocks went from 00:00 to 01:00 that night."""
    assert "2026-04-23 22:00:00" == typed("2026-04-24", "Africa/Cairo")


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2026-13-01", "2026-02-30", "2026-12-01 25:00", "25:00", "20261201", "2026-W01-1", "2026-12-01T",
     "2026-12-01 14", "2026-12-01 14:30 CET", "2026-12-01T14:30+01:75", "2026-12-01T14:30+99:00", "9999-12-31 23:59",
     "0001-01-01", "٢٠٢٦-12-01", "14:30+01:00", "2026-12-01\n"[:-1] + "x"],
)  # fmt: skip
def test_what_is_no_time_names_the_forms(text: str) -> None:
    with pytest.raises(BadUsage, match=r"is no time; write it as 2026-12-01, 2026-12-01 14:30, "):
        typed(text)


@settings(deadline=None)
@given(text=st.one_of(st.text(max_size=25), st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2})?\Z")))
def test_every_text_is_a_time_or_told_to_be_none(text: str) -> None:
    try:
        meant = times.at(text, BERLIN, NOW)
    except BadUsage:
        return
    assert UTC is meant.tzinfo
    assert meant.astimezone(BERLIN).date().isoformat() == text.strip()[:10] or ":" in text.strip()[:5]
