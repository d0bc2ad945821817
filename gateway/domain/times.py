"""Times as agents type them: without a zone they are the account's, a bare date is 00:00 there (SPEC section 15).

The commands that plan or put off call `at`, in the terminal and by mail. Where the clocks of a zone jump it does not guess: a time that a day
leaves out is refused, of one that comes twice the first is meant. Both can be named with an offset.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.domain.phrases import Phrase
from gateway.errors import BadUsage

FORMS = Phrase("2026-12-01, 2026-12-01 14:30, 2026-12-01T14:30+01:00 or 14:30")

END = 9999
"""The last year of the calendar: a time in it may lie beyond its end in another zone."""

_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2})?) ?(?P<offset>Z|[+-]\d{2}:?\d{2})?)?"
    r"|(?P<alone>\d{1,2}:\d{2})",
    re.ASCII | re.IGNORECASE,
)


def at(text: str, zone: tzinfo, now: datetime) -> datetime:
    """The time that an agent means, in UTC. A time alone is the next such; BadUsage names the forms."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise _no_time(text)
    try:
        meant = _next(found["alone"], zone, now) if found["alone"] else _moment(found, zone)
    except (ValueError, OverflowError) as error:  # the 30th of February, 25:00
        raise _no_time(text) from error
    if meant.year >= END:
        raise _no_time(text)
    return meant


def zone_named(name: str) -> ZoneInfo:
    """An account's zone; as mails do, UTC where the machine lost it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _moment(found: re.Match[str], zone: tzinfo) -> datetime:
    day = date.fromisoformat(found["day"])
    if not found["time"]:
        return _first_of(day, zone)
    local = datetime.combine(day, time.fromisoformat(found["time"]))
    if found["offset"]:
        return local.replace(tzinfo=_offset(found["offset"])).astimezone(UTC)
    return _local(local, zone)


def _no_time(text: str) -> BadUsage:
    return BadUsage(Phrase("{text} is no time; write it as {forms}", text=repr(text), forms=FORMS))


def _offset(text: str) -> timezone:
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if minutes > 59:
        raise ValueError(text)
    gap = timedelta(hours=hours, minutes=minutes)
    return timezone(-gap if text[0] == "-" else gap)


def _next(text: str, zone: tzinfo, now: datetime) -> datetime:
    hours, _, minutes = text.partition(":")
    today = now.astimezone(zone).date()
    wanted = datetime.combine(today, time(int(hours), int(minutes)))
    found = _local(wanted, zone)
    return found if found > now else _local(wanted + timedelta(days=1), zone)


def _first_of(day: date, zone: tzinfo) -> datetime:
    """Where a day begins: at 00:00, or where the clocks leave that out, at its first moment."""
    begin = datetime.combine(day, time())
    return begin.replace(tzinfo=zone, fold=0).astimezone(UTC)  # fold 0 in a gap counts from before it: its very end


def _local(local: datetime, zone: tzinfo) -> datetime:
    """In UTC; of a time that comes twice the first (PEP 495: fold 0)."""
    found = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if (shown := found.astimezone(zone).replace(tzinfo=None)) != local:
        raise BadUsage(
            Phrase(
                "{day} has no {time} in {zone}: the clocks go forward then; use {later}, or an offset such as {offset}",
                day=f"{local:%Y-%m-%d}",
                time=f"{local:%H:%M}",
                zone=str(zone),
                later=f"{shown:%H:%M}",
                offset=f"{local:%Y-%m-%dT%H:%M}+01:00",
            )
        )
    return found
