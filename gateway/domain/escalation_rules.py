"""When people are told of escalations, as `rules/escalation.toml` says it (SPEC section 10). Part of the Policy.

`domain.rulebook` has it read at start.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from gateway.domain import times
from gateway.domain.calendars import Calendar
from gateway.domain.toml_lines import Page, Table

_SPAN = re.compile(r"([1-9]\d{0,3})([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_MOST_DAYS = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationRules:
    """All of `rules/escalation.toml`.

    `untaken`: so long after an escalation was asked for, in rising order, support management is reminded that nobody has
    taken it. `before_meeting`: so long before a meeting both sides are. `lessons_days` and `lessons_at`: on which
    business day after its end, at what local time, people meet to learn from it, where nobody names a time.
    """

    untaken: tuple[timedelta, ...] = ()
    before_meeting: timedelta = timedelta()
    lessons_days: int = 1
    lessons_at: time = time()

    def lessons(self, now: datetime, zone: str, calendar: Calendar) -> datetime:
        """When people meet to learn from what ends now: on a day on which the calendar is open."""
        place = times.zone_named(zone)
        day, left = now.astimezone(place).date(), self.lessons_days
        for _ in range(_MOST_DAYS + 7 * self.lessons_days):  # a calendar may be closed on every day
            day += timedelta(days=1)
            left -= _is_open(calendar, day)
            if not left:
                break
        return datetime.combine(day, self.lessons_at, place).astimezone(UTC)


def _is_open(calendar: Calendar, day: date) -> bool:
    return calendar.always or (bool(calendar.hours[day.weekday()]) and day not in calendar.closed)


def read_escalation_rules(page: Page) -> EscalationRules:
    """Read `escalation.toml`; complains to the page."""
    top = Table.top(page)
    top.only("untaken", "before_meeting", "lessons_days", "lessons_at")
    texts = () if top.value("untaken") == [] else top.texts("untaken")
    steps = [_span(top, "untaken", text) for text in texts]
    if sorted(set(steps)) != steps:
        top.complain("untaken", "must rise from one to the next")
    return EscalationRules(
        untaken=tuple(steps),
        before_meeting=_span(top, "before_meeting", top.text("before_meeting")),
        lessons_days=_days(top),
        lessons_at=_time(top),
    )


def _span(table: Table, key: str, text: str) -> timedelta:
    if not (found := _SPAN.fullmatch(text)):
        if text:
            table.complain(key, f'"{text}" is no span of time such as "30m", "4h" or "2d"')
        return timedelta()
    return int(found[1]) * _UNITS[found[2]]


def _days(table: Table) -> int:
    days = table.value("lessons_days")
    if type(days) is not int or not 1 <= days <= _MOST_DAYS:
        table.complain("lessons_days", f"missing or no number of days from 1 to {_MOST_DAYS}")
        return 1
    return days


def _time(table: Table) -> time:
    text = table.text("lessons_at")
    try:
        return time.fromisoformat(text) if re.fullmatch(r"\d\d:\d\d", text, re.ASCII) else _no_time(table, text)
    except ValueError:
        return _no_time(table, text)


def _no_time(table: Table, text: str) -> time:
    if text:
        table.complain("lessons_at", f'"{text}" is no time of a day such as "10:00"')
    return time()
