"""A planned time as calendar programs read it (iCalendar, RFC 5545; in mail: RFC 6047). Called by `mail.compose`.

What agents plan for a case is PUBLISHed: shown and kept, nobody is asked to come (RFC 5546 section 3.2.1). Meetings of
people are REQUESTed: only of those do Outlook, Gmail and Apple Calendar take a later version with the same UID and a
higher SEQUENCE as a change, and a CANCEL as the end (RFC 5546 sections 3.2.2 and 3.2.5). Each mail names its own
recipient as the only attendee, so that nobody learns of others by it, and asks for no answer (RSVP=FALSE).
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.domain.actions import Stamp
from gateway.domain.times import zone_named
from gateway.domain.words import Appointment
from gateway.mail.calendar_zone import time_zone

LENGTH = timedelta(hours=1)
"""How long a planned time is taken to last: nobody says, and one without a length is hardly seen in a calendar."""

PUBLISH, CANCEL = "PUBLISH", "CANCEL"


def calendar_file(appointment: Appointment, *, organizer: str, attendee: str, stamp: Stamp) -> bytes:
    """The bytes of a `text/calendar` part in UTF-8. `organizer` is the service address; the uid is unique under its domain."""
    from icalendar import Calendar, Event, vCalAddress, vRecur  # slow to load, and few mails have a calendar

    at = _local(appointment)
    event = Event()
    event.add("uid", f"{appointment.uid}@{organizer.rpartition('@')[2]}")
    event.add("sequence", appointment.sequence)
    event.add("dtstamp", stamp.at)
    event.add("dtstart", at)
    event.add("duration", LENGTH)
    event.add("summary", appointment.summary)
    event.add("organizer", vCalAddress(f"mailto:{organizer}"))
    if appointment.rule:
        event.add("rrule", vRecur.from_ical(appointment.rule))
    if appointment.is_one_of:
        event.add("recurrence-id", at)
    if appointment.place:
        event.add("location", appointment.place)
    if appointment.method != PUBLISH:
        event.add("status", "CANCELLED" if appointment.method == CANCEL else "CONFIRMED")
        event.add("attendee", _attendee(vCalAddress(f"mailto:{attendee}")), encode=False)
    calendar = Calendar()
    calendar.add("prodid", "-//Casegate//Casegate//EN")
    calendar.add("version", "2.0")
    calendar.add("method", appointment.method)
    if isinstance(at.tzinfo, ZoneInfo) and (zone := time_zone(at.tzinfo, at)) is not None:
        calendar.add_component(zone)  # a series must know when the clocks change
    calendar.add_component(event)
    calendar.add_missing_timezones()
    data: bytes = calendar.to_ical()
    return data


def _local(appointment: Appointment) -> datetime:
    """What is repeated is said on the wall clock of its zone, and so is one of its meetings; all else in UTC."""
    if not (appointment.rule or appointment.is_one_of):
        return appointment.at
    zone = zone_named(appointment.zone)
    return appointment.at if zone.key == "UTC" else appointment.at.astimezone(zone)


def _attendee(address: Any) -> Any:
    """Who is asked to come, and need not answer: what they answer would come to the case as mail."""
    address.params.update({"CUTYPE": "INDIVIDUAL", "ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION"})
    address.params["RSVP"] = "FALSE"
    return address
