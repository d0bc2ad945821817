"""What calendar programs read of a planned time: parsed by icalendar, its dates followed over a change of the clocks."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from dateutil.rrule import rrulestr  # type: ignore[import-untyped]  # comes with icalendar

from gateway.domain.actions import Stamp
from gateway.domain.words import Appointment
from gateway.mail.calendar import calendar_file

AT = datetime(2026, 3, 27, 8, 0, tzinfo=UTC)
STAMP = Stamp(datetime(2026, 3, 20, 9, 0, tzinfo=UTC), b"0" * 16)


def read(**more: Any) -> tuple[Any, Any]:
    """(calendar, event)."""
    given: dict[str, Any] = {"uid": "escalation-1001-3", "sequence": 3, "at": AT, "summary": "[CASE-1001.x] Slow; now"}
    data = calendar_file(
        Appointment(**{**given, **more}),
        organizer="service@vendor.example",
        attendee="bob@customer.example",
        stamp=STAMP,
    )
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    calendar = icalendar.Calendar.from_ical(data)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


def test_a_planned_time_is_published_and_asks_nobody() -> None:
    calendar, event = read()
    assert "PUBLISH" == calendar["method"]
    assert ("escalation-1001-3@vendor.example", 3, AT) == (event["uid"], event["sequence"], event["dtstart"].dt)
    assert "attendee" not in event


def test_a_series_knows_when_the_clocks_change() -> None:
    """Daily at 9:00 in Berlin, over 29 March 2026: the UTC time moves, the local one stays."""
    calendar, event = read(method="REQUEST", zone="Europe/Berlin", rule="FREQ=DAILY;INTERVAL=1")
    assert ["Europe/Berlin"] == [str(zone["tzid"]) for zone in calendar.walk("VTIMEZONE")]
    assert "RDATE" not in calendar.to_ical().decode()
    start = event["dtstart"].dt
    rule = rrulestr(event["rrule"].to_ical().decode(), dtstart=start)
    found = [at.astimezone(UTC).hour for at in rule.xafter(start - timedelta(1), count=4)]
    assert [8, 8, 7, 7] == found


def test_who_is_asked_to_come_is_the_recipient_alone_and_need_not_answer() -> None:
    _, event = read(method="REQUEST", place="video call")
    assert "mailto:bob@customer.example" == event["attendee"]
    assert ("FALSE", "REQ-PARTICIPANT") == (event["attendee"].params["RSVP"], event["attendee"].params["ROLE"])
    assert ("CONFIRMED", "video call", "mailto:service@vendor.example") == (
        event["status"],
        event["location"],
        event["organizer"],
    )


def test_an_end_is_a_cancel_of_all_of_it() -> None:
    calendar, event = read(method="CANCEL", sequence=9)
    assert ("CANCEL", "CANCELLED", 9) == (calendar["method"], event["status"], event["sequence"])
    assert "recurrence-id" not in event


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_one_meeting_of_a_series_names_itself_as_the_series_does(zone: str) -> None:
    _, event = read(method="REQUEST", zone=zone, is_one_of=True)
    assert (AT, AT) == (event["dtstart"].dt.astimezone(UTC), event["recurrence-id"].dt.astimezone(UTC))
    if zone != "UTC":
        assert zone == event["recurrence-id"].params["TZID"]


@pytest.mark.parametrize(
    ("zone", "rules"),
    [
        ("Europe/Berlin", [("-1SU", 3, 60, 120), ("-1SU", 10, 120, 60)]),
        ("America/New_York", [("2SU", 3, -300, -240), ("1SU", 11, -240, -300)]),
        ("Australia/Sydney", [("1SU", 4, 660, 600), ("1SU", 10, 600, 660)]),
        ("Asia/Kolkata", [("", 0, 330, 330)]),
    ],
)
def test_the_clocks_of_a_zone_are_yearly_rules(zone: str, rules: list[tuple[str, int, int, int]]) -> None:
    """By month, the minutes before and after; a zone that never changes has one offset."""
    calendar, _ = read(method="REQUEST", zone=zone, rule="FREQ=DAILY")
    (named,) = calendar.walk("VTIMEZONE")
    found = []
    for part in named.subcomponents:
        rule = part.get("rrule", {"bymonth": [0], "byday": [""]})
        offsets = (part["tzoffsetfrom"].td, part["tzoffsetto"].td)
        minutes = [int(offset / timedelta(minutes=1)) for offset in offsets]
        found.append((str(rule["byday"][0]), int(rule["bymonth"][0]), *minutes))
    assert rules == found


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata"])
def test_the_zone_that_is_written_has_the_times_of_the_zone(zone: str) -> None:
    """For two years from the first meeting on."""
    calendar, event = read(method="REQUEST", zone=zone, rule="FREQ=DAILY")
    (written,) = calendar.walk("VTIMEZONE")
    own = written.to_tz(lookup_tzid=False)
    start = event["dtstart"].dt.replace(tzinfo=None)
    for day in range(730):
        at = start + timedelta(days=day)
        assert at.replace(tzinfo=ZoneInfo(zone)).utcoffset() == at.replace(tzinfo=own).utcoffset(), at


def test_clocks_that_follow_the_moon_are_listed_change_by_change() -> None:
    """Where no yearly rule holds, the library names each change."""
    calendar, _ = read(method="REQUEST", zone="Africa/Casablanca", rule="FREQ=DAILY")
    (named,) = calendar.walk("VTIMEZONE")
    assert ("Africa/Casablanca", True) == (str(named["tzid"]), "RDATE" in named.to_ical().decode())


def test_the_same_appointment_makes_the_same_bytes() -> None:
    one = Appointment(
        uid="u", sequence=1, at=AT, summary="s", method="REQUEST", zone="Europe/Berlin", rule="FREQ=DAILY"
    )
    made = {calendar_file(one, organizer="a@b.example", attendee="c@d.example", stamp=STAMP) for _ in range(3)}
    assert 1 == len(made)
