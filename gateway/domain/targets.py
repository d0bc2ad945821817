"""What is promised to customers, as `rules/sla.toml` says it: targets by priority, calendars, levels (SPEC section 6).

Part of the Policy. Read by `domain.sla_file`; `domain.sla` computes with it.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from gateway.domain.calendars import ALWAYS, Calendar


class Unit(StrEnum):
    """In what a span is said; a day is a business day of the calendar that counts."""

    MINUTE = "m"
    HOUR = "h"
    DAY = "d"


@dataclass(frozen=True, slots=True)
class Span:
    """So much business time, such as `30m`, `4h` or `2d`; how long a day is depends on the calendar."""

    amount: int
    unit: Unit

    def on(self, calendar: Calendar) -> timedelta:
        """How much business time of this calendar it is."""
        seconds = {Unit.MINUTE: 60, Unit.HOUR: 60 * 60, Unit.DAY: calendar.day_seconds}
        return timedelta(seconds=self.amount * seconds[self.unit])


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is promised for one priority, on which calendar. None: nothing is promised."""

    priority: str
    calendar: Calendar
    first_response: Span | None = None
    solution: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaRules:
    """All of `rules/sla.toml`. `levels` are percents of a target at which people are told, in rising order."""

    default_calendar: Calendar = ALWAYS
    calendars: tuple[Calendar, ...] = ()
    targets: tuple[Target, ...] = ()
    levels: tuple[int, ...] = ()

    def calendar_named(self, name: str | None) -> Calendar | None:
        """The calendar of this name; None for none, and for one that the rules do not know (any more)."""
        return next((calendar for calendar in self.calendars if calendar.name == name), None)

    def target_of(self, priority: str | None) -> Target | None:
        """What is promised for a priority; None where nothing is."""
        return next((target for target in self.targets if target.priority == priority), None)
