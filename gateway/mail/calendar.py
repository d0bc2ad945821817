"""A planned time as calendar programs read it (iCalendar, RFC 5545; in mail: RFC 6047). Called by `mail.compose`."""

from datetime import timedelta

from gateway.domain.actions import Stamp
from gateway.domain.words import Appointment

LENGTH = timedelta(hours=1)
"""How long a planned time is taken to last: nobody says, and one without a length is hardly seen in a calendar."""

METHOD = "PUBLISH"
"""Shown and kept, not answered: nobody is asked to accept (RFC 5546 section 3.2.1)."""


def calendar_file(appointment: Appointment, *, organizer: str, stamp: Stamp) -> bytes:
    """The bytes of a `text/calendar` part in UTF-8. `organizer` is the service address; the uid is unique under its domain."""
    from icalendar import Calendar, Event, vCalAddress  # slow to load, and few mails have a calendar

    event = Event()
    event.add("uid", f"{appointment.uid}@{organizer.rpartition('@')[2]}")
    event.add("sequence", appointment.sequence)
    event.add("dtstamp", stamp.at)
    event.add("dtstart", appointment.at)
    event.add("duration", LENGTH)
    event.add("summary", appointment.summary)
    event.add("organizer", vCalAddress(f"mailto:{organizer}"))
    calendar = Calendar()
    calendar.add("prodid", "-//Casegate//Casegate//EN")
    calendar.add("version", "2.0")
    calendar.add("method", METHOD)
    calendar.add_component(event)
    data: bytes = calendar.to_ical()
    return data
