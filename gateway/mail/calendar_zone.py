"""When the clocks of a zone change, as calendar programs read it (VTIMEZONE, RFC 5545 section 3.6.5). For `mail.calendar`.

As one yearly rule for each of the two changes: Outlook knows no other form, and a list of all changes since 1970, which
libraries write, makes an invitation ten times as long.
"""

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

YEARS = 4
"""For so many years the rule must hold to be one."""

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """One change of the clocks, at a time on the clock as it was before."""

    at: datetime
    before: timedelta
    after: timedelta
    name: str
    is_summer: bool

    @property
    def ways(self) -> frozenset[str]:
        """How its day can be said so that it is the same in each year: `-1SU`, `2SU`."""
        last = self.at.day + 7 > calendar.monthrange(self.at.year, self.at.month)[1]
        numbers = [str((self.at.day - 1) // 7 + 1), *(["-1"] if last else [])]
        return frozenset(f"{number}{_DAYS[self.at.weekday()]}" for number in numbers)


def time_zone(zone: ZoneInfo, at: datetime) -> Any | None:
    """The VTIMEZONE for what begins at a time; None for a zone whose clocks follow no yearly rule."""
    from icalendar import Timezone  # slow to load, and few mails have a calendar

    years = [tuple(_changes(zone, at.year + number)) for number in range(-1, YEARS)]
    found = Timezone()
    found.add("tzid", zone.key)
    if not any(years):
        found.add_component(_steady(zone, at))
        return found
    if any(len(year) != 2 for year in years):
        return None
    for number in range(2):
        days = [year[number] for year in years]
        ways = frozenset.intersection(*(day.ways for day in days))
        if not ways or len({(day.at.month, day.at.time(), day.before, day.after) for day in days}) != 1:
            return None
        found.add_component(_yearly(days, min(ways)))  # "-1SU" is before "4SU", which may be the last
    return found


def _changes(zone: ZoneInfo, year: int) -> Iterator[_Change]:
    """The changes of a year, to the second."""
    begin, hour = datetime(year, 1, 1, tzinfo=UTC), timedelta(hours=1)
    for _ in range(366 * 24):
        before, after = begin.astimezone(zone).utcoffset(), (begin + hour).astimezone(zone).utcoffset()
        begin += hour
        if before is None or after is None or before == after or begin.year != year:
            continue
        local = begin.astimezone(zone)
        wall = (begin + before).replace(tzinfo=None)
        yield _Change(at=wall, before=before, after=after, name=local.tzname() or "", is_summer=bool(local.dst()))


def _yearly(days: Sequence[_Change], way: str) -> Any:
    from icalendar import TimezoneDaylight, TimezoneStandard, vRecur

    first = days[0]
    found = TimezoneDaylight() if first.is_summer else TimezoneStandard()
    found.add("dtstart", first.at)
    found.add("rrule", vRecur.from_ical(f"FREQ=YEARLY;BYMONTH={first.at.month};BYDAY={way}"))
    found.add("tzoffsetfrom", first.before)
    found.add("tzoffsetto", first.after)
    found.add("tzname", first.name)
    return found


def _steady(zone: ZoneInfo, at: datetime) -> Any:
    from icalendar import TimezoneStandard

    local, found = at.astimezone(zone), TimezoneStandard()
    found.add("dtstart", datetime(1970, 1, 1))  # noqa: DTZ001  # a time on the clock of the zone
    found.add("tzoffsetfrom", local.utcoffset())
    found.add("tzoffsetto", local.utcoffset())
    found.add("tzname", local.tzname())
    return found
