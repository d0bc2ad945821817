"""What an escalation is made of beside people: its kinds and states, and the meetings that both sides agreed on.

`domain.model.Escalation` holds these, `domain.escalating` decides about them (SPEC section 10). Nothing here reads a clock.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from gateway.domain import times
from gateway.errors import BadUsage

GAPS = "4h, 1d, 2d or 1w"
"""What `--every` can look like, for those who typed something else."""

DAY = timedelta(days=1)

_EVERY = re.compile(r"(?P<amount>[1-9]\d{0,2})\s?(?P<unit>[hdw])", re.ASCII | re.IGNORECASE)
_ALONE = re.compile(r"\d{1,2}:\d{2}", re.ASCII)


class EscalationKind(StrEnum):
    """Why a case needs more than its agent: a hard fault, or everything else (SPEC section 10)."""

    TECHNICAL = "technical"
    NON_TECHNICAL = "non_technical"


class EscalationState(StrEnum):
    """How far an escalation is (SPEC section 10)."""

    REQUESTED = "requested"
    TAKEN = "taken"
    RESOLVED = "resolved"


class GapUnit(StrEnum):
    """In what the time between two meetings is said."""

    HOUR = "h"
    DAY = "d"
    WEEK = "w"


_STEPS = {GapUnit.HOUR: timedelta(hours=1), GapUnit.DAY: DAY, GapUnit.WEEK: 7 * DAY}


@dataclass(frozen=True, slots=True)
class Gap:
    """How often people meet: `4h`, `1d`, `2w`."""

    amount: int
    unit: GapUnit

    @classmethod
    def parse(cls, text: str) -> "Gap":
        """What was typed for `--every`; BadUsage names the forms."""
        found = _EVERY.fullmatch(text.strip())
        if found is None:
            raise BadUsage(f"{text!r} is no time between meetings; write it as {GAPS}")
        return cls(int(found["amount"]), GapUnit(found["unit"].lower()))

    @property
    def step(self) -> timedelta:
        """The time from one meeting to the next, on the clock on the wall."""
        return self.amount * _STEPS[self.unit]

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meetings:
    """A series of meetings: the first one, the gap between two, and over which channel people meet.

    It runs on the wall clock of `zone`, so that 09:00 stays 09:00 when the clocks change. A local time that a day leaves
    out is taken with the offset before the jump, one that comes twice is its first coming: as calendar programs do
    (RFC 5545 section 3.3.5).

    The rest says how far it is: `began` and `sequence` are the versions of the case at which it came into calendars, and
    was changed there last; people are reminded next of the meeting at `next_at` (None: no more), chosen at version
    `round`.
    """

    gap: Gap
    first: datetime
    zone: str
    channel: str
    began: int = 0
    sequence: int = 0
    next_at: datetime | None = None
    round: int = 0

    @property
    def at(self) -> str:
        """The local time of the first meeting, `09:00`."""
        return f"{self._local(self.first):%H:%M}"

    def next_after(self, instant: datetime) -> datetime:
        """The first meeting that is later than this instant, in UTC."""
        first = self._local(self.first)
        number = max((self._local(instant) - first) // self.gap.step - 1, 0)
        while (meeting := self._instant(first + number * self.gap.step)) <= instant:
            number += 1
        return meeting

    def a_day_before(self) -> "Meetings":
        """The same meetings, from a day earlier on."""
        return replace(self, first=self._instant(self._local(self.first) - DAY))

    def _local(self, instant: datetime) -> datetime:
        return instant.astimezone(times.zone_named(self.zone)).replace(tzinfo=None)

    def _instant(self, local: datetime) -> datetime:
        return local.replace(tzinfo=times.zone_named(self.zone), fold=0).astimezone(UTC)


def series(gap: Gap, at: str, zone: str, channel: str, now: datetime) -> Meetings:
    """The meetings that an agent means by `--at`: from the next such time on. BadUsage for what is no time, or is past.

    Of several meetings a day, the first may come before the time that was named: every 4h at 09:00 is also at 13:00.
    """
    first = times.at(at, times.zone_named(zone), now)
    if first <= now:
        raise BadUsage(f"{at} is past; name a later time, or a time alone for the next such")
    found = Meetings(gap=gap, first=first, zone=zone, channel=channel)
    if _ALONE.fullmatch(at.strip()) and DAY % gap.step == timedelta():
        return replace(found, first=found.a_day_before().next_after(now))
    return found
