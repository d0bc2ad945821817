"""Reads `sla.toml` into SlaRules: calendars, targets by priority, levels (SPEC section 6).

Called by `domain.rulebook` only. Whatever is wrong is complained about to the page, and reading goes on. Public
holidays are plain dates as soon as they are read; who knows them is handed in, as a HolidayBook.
"""

import re
from collections.abc import Collection, Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

from gateway.domain.calendars import END_OF_DAY, Calendar, Hours
from gateway.domain.targets import SlaRules, Span, Target, Unit
from gateway.domain.toml_lines import Page, Table, unique_names

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_HOURS = re.compile(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)", re.ASCII)
_SPAN = re.compile(r"([1-9]\d{0,3})([mhd])", re.ASCII)
_OF_HOURS = ("zone", "days", "hours", "day_hours", "country", "region", "closed")
"""What a calendar that is always open does not say."""

_NOWHERE = Calendar(name="")
"""Stands for a calendar that is complained about."""


class HolidayBook(Protocol):
    """Who knows public holidays, for the years that matter."""

    def countries(self) -> Collection[str]:
        """The codes of all countries that it knows, such as DE."""

    def regions(self, country: str) -> Collection[str]:
        """The codes of the regions of a country, such as BE for Berlin; none where it has none of its own."""

    def dates(self, country: str, region: str | None) -> frozenset[date]:
        """The public holidays of a country it knows, or of one of its regions."""


def read_sla(page: Page, priorities: Collection[str], book: HolidayBook) -> SlaRules:
    """Read `sla.toml`; complains to the page. Without any priorities targets are of no use, and any are fine."""
    top = Table.top(page)
    top.only("default_calendar", "levels", "calendar", "target")
    tables = top.tables("calendar")
    unique_names(tables)
    named = {calendar.name: calendar for calendar in (_calendar(table, book) for table in tables)}
    targets = top.tables("target") if top.has("target") else ()
    unique_names(targets, "priority")
    return SlaRules(
        default_calendar=named.get(top.text("default_calendar", named), _NOWHERE),
        calendars=tuple(named.values()),
        targets=tuple(_target(table, named, priorities) for table in targets),
        levels=_levels(top),
    )


def _levels(top: Table) -> tuple[int, ...]:
    """Percents of a target; an empty list speaks of none."""
    levels = top.value("levels")
    if not isinstance(levels, list):
        top.complain("levels", "missing" if levels is None else "must be a list of percents, such as [50, 75, 100]")
        return ()
    for place, level in enumerate(levels):
        where = (*top.where, "levels", place)
        if type(level) is not int or not 1 <= level <= 100:
            top.page.complain(where, f"{_shown(level)} is no percent from 1 to 100")
        elif level in levels[:place]:
            top.page.complain(where, f"{level} is named twice")
    return tuple(sorted({level for level in levels if type(level) is int}))


def _calendar(table: Table, book: HolidayBook) -> Calendar:
    table.only("name", "always", *_OF_HOURS)
    name = table.text("name")
    if table.flag("always"):
        for key in _OF_HOURS:
            if table.has(key):
                table.complain(key, "says nothing of a calendar that is always open; always = true stands here")
        return Calendar(name=name, always=True)
    days, hours = table.texts("days", WEEKDAYS, empty="without a day it never opens"), _hours(table)
    return Calendar(
        name=name,
        zone=_zone(table),
        hours=tuple(hours if day in days else () for day in WEEKDAYS),
        closed=_closed(table) | _public_holidays(table, book),
        day_seconds=_day_seconds(table, hours),
    )


def _zone(table: Table) -> str:
    zone = table.text("zone")
    try:
        return ZoneInfo(zone).key if zone else ""
    except (KeyError, ValueError, OSError):  # unknown; not a name at all; the name of a folder of zones
        table.complain("zone", f'there is no time zone "{zone}"; {_alike(zone)}')
        return ""


def _alike(zone: str) -> str:
    import difflib

    near = difflib.get_close_matches(zone, sorted(available_timezones()), n=1)
    return f"did you mean {near[0]}?" if near else "it has a name such as Europe/Berlin"


def _hours(table: Table) -> tuple[Hours, ...]:
    """The opening hours of a day. The page hears of those that are no hours, run backwards, or overlap."""
    read = [_opening(table, place, text) for place, text in enumerate(table.texts("hours", empty="it never opens"))]
    hours = tuple(sorted((one for one in read if one), key=lambda one: one.opening))
    for one, following in pairwise(hours):
        if following.opening < one.closing:
            table.complain("hours", f"{_clock(following.opening)} lies in hours that end at {_clock(one.closing)}")
    return hours


def _opening(table: Table, place: int, text: str) -> Hours | None:
    where = (*table.where, "hours", place)
    found = _HOURS.fullmatch(text.strip())
    numbers = [int(number) for number in found.groups()] if found else [99] * 4
    hours = Hours(numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3])
    if max(numbers[1], numbers[3]) > 59 or max(hours.opening, hours.closing) > END_OF_DAY:
        table.page.complain(where, f'"{text}" are no hours such as "09:00-17:00"; a day ends at 24:00')
        return None
    if hours.closing <= hours.opening:
        table.page.complain(
            where, f'"{text}" ends before it begins; hours past midnight are two: 22:00-24:00, 00:00-06:00'
        )
        return None
    return hours


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _day_seconds(table: Table, hours: Sequence[Hours]) -> int:
    """One business day; where the file says nothing, as long as a day is open."""
    stated = table.value("day_hours")
    if stated is None:
        return sum(one.closing - one.opening for one in hours) * 60
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not 0 < stated <= 24:
        table.complain("day_hours", "must be a number of hours up to 24, such as 8 or 7.5")
        return 0
    return round(stated * 60 * 60)


def _closed(table: Table) -> frozenset[date]:
    """Own closing days: dates as TOML has them, without quotes."""
    days = table.value("closed")
    if days is None:
        return frozenset()
    if not isinstance(days, list):
        table.complain("closed", "must be a list of dates without quotes, such as [2026-12-24]")
        return frozenset()
    for place, day in enumerate(days):
        where = (*table.where, "closed", place)
        if not _is_date(day):
            table.page.complain(where, f"{_shown(day)} is no date without quotes, such as 2026-12-24")
        elif day in days[:place]:
            table.page.complain(where, f"{day} is named twice")
    return frozenset(day for day in days if _is_date(day))


def _is_date(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _public_holidays(table: Table, book: HolidayBook) -> frozenset[date]:
    if not table.has("country"):
        if table.has("region"):
            table.complain("region", "is a region of which country? country is missing")
        return frozenset()
    country = table.text("country")
    if country and country not in book.countries():
        table.complain("country", f'no holidays are known of a country "{country}"; countries have codes such as DE')
        return frozenset()
    if not country:
        return frozenset()
    region = None
    if table.has("region"):
        region = table.text("region", book.regions(country))
        if not region:
            return frozenset()
    return book.dates(country, region)


def _target(table: Table, calendars: dict[str, Calendar], priorities: Collection[str]) -> Target:
    table.only("priority", "calendar", "first_response", "solution")
    priority = table.text("priority")
    if priority and priorities and priority not in priorities:
        own = "a set with priorities of its own has its own sla.toml, beside its workflow.toml"
        table.complain("priority", f'the rule set has no priority "{priority}", only {", ".join(priorities)}; {own}')
    target = Target(
        priority=priority,
        calendar=calendars.get(table.text("calendar", calendars), _NOWHERE),
        first_response=_span(table, "first_response"),
        solution=_span(table, "solution"),
    )
    if not (table.has("first_response") or table.has("solution")):
        table.complain("first_response", "this promises nothing; a priority without a target is not named at all")
    return target


def _span(table: Table, key: str) -> Span | None:
    text = table.text_or_none(key)
    found = _SPAN.fullmatch(text) if text else None
    if text and not found:
        table.complain(key, f'"{text}" is no span such as "30m", "4h" or "2d" (business days), at most 9999')
    return Span(int(found[1]), Unit(found[2])) if found else None


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
