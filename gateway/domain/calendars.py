"""Business time: how much of it lies between two instants, and when so much of it has passed (SPEC section 6).

A calendar's hours are local; what is counted is the time that really passes while it is open, so a day on which the
clocks change counts as long as it was. Spans are timedeltas, which are exact: time adds up over any split to the
microsecond, and what is due at an instant has been reached at that instant. For `domain.sla` and the values it uses.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

END_OF_DAY = 24 * 60
"""The minute at which a day ends."""

HORIZON_YEARS = 100
"""What is not reached in so long is never reached; the calendar may be closed on every day."""

LAST_YEAR = 9990
"""Beyond it local times may leave the range of datetime."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours of a day, in minutes from local midnight."""

    opening: int
    closing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When a vendor works. `hours` are the opening hours by weekday, Monday first, in order and apart from each other.

    `closed` are public holidays and own closing days, in the calendar's own zone; `day_seconds` is one business day
    as targets count it. `always` is open at every instant, whatever the rest says.
    """

    name: str
    zone: str = "UTC"
    hours: tuple[tuple[Hours, ...], ...] = ((),) * 7
    closed: frozenset[date] = frozenset()
    day_seconds: int = 24 * 60 * 60
    always: bool = False

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The business time from `start` to `end`, both aware; none where the end is not later."""
        if end <= start:
            return timedelta()
        if self.always:
            return end - start
        zone = ZoneInfo(self.zone)
        years = range(start.astimezone(zone).year, end.astimezone(zone).year + 1)
        found = [_year(self, year) for year in years]
        return sum((year.until(end) - year.until(start) for year in found), timedelta())

    def after(self, start: datetime, span: timedelta) -> datetime | None:
        """The first instant, in UTC, by which so much business time has passed since `start`; None for never."""
        start = start.astimezone(UTC)
        if span <= timedelta():
            return start
        first = start.astimezone(ZoneInfo(self.zone)).year
        last = min(first + HORIZON_YEARS, LAST_YEAR)
        if self.always:
            return start + span if span < timedelta(days=365) * (last - first) else None
        left = span
        for number in range(first, last):
            year = _year(self, number)
            before = year.until(start)
            if year.total - before >= left:
                return year.at(before + left)
            left -= year.total - before
        return None


ALWAYS = Calendar(name="24x7", always=True)
"""Open at every instant."""


@dataclass(frozen=True, slots=True)
class _Year:
    """All opening hours of a local year as instants; `sums` is the business time before each of them, and in all."""

    openings: tuple[datetime, ...]
    closings: tuple[datetime, ...]
    sums: tuple[timedelta, ...]

    @property
    def total(self) -> timedelta:
        return self.sums[-1]

    def until(self, instant: datetime) -> timedelta:
        """The business time of the year that has passed at an instant."""
        begun = bisect_right(self.openings, instant)
        if begun == 0:
            return timedelta()
        return self.sums[begun] - max(self.closings[begun - 1] - instant, timedelta())

    def at(self, passed: timedelta) -> datetime:
        """The first instant at which so much of it has passed, which is more than nothing and at most all."""
        place = bisect_left(self.sums, passed) - 1
        return self.openings[place] + (passed - self.sums[place])


@lru_cache(maxsize=512)
def _year(calendar: Calendar, year: int) -> _Year:
    pairs = [(opening, closing) for opening, closing in _spans(calendar, year) if opening < closing]
    sums = [timedelta()]
    for opening, closing in pairs:
        sums.append(sums[-1] + (closing - opening))
    return _Year(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs), tuple(sums))


def _spans(calendar: Calendar, year: int) -> Iterator[tuple[datetime, datetime]]:
    zone = ZoneInfo(calendar.zone)
    day = date(year, 1, 1)
    while day.year == year:
        if day not in calendar.closed:
            for hours in calendar.hours[day.weekday()]:
                yield _instant(day, hours.opening, zone), _instant(day, hours.closing, zone)
        day += timedelta(days=1)


def _instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """A local time as an instant in UTC. One that comes twice is its first coming, one that is skipped is the jump."""
    wall = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minute)
    instant = wall.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    before, after = wall.replace(fold=1).astimezone(UTC), instant  # PEP 495: in a gap these two lie around the jump
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
