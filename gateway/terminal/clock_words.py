"""SLA clocks in words, for the head of a case and for `sla explain`. Nothing is said by colour alone."""

from typing import TYPE_CHECKING

from gateway.domain.words import duration
from gateway.terminal import show

if TYPE_CHECKING:
    from gateway.services.sla_view import ClockView


def name(clock: "ClockView") -> str:
    """`first response`."""
    return clock.name.replace("_", " ")


def is_late(clock: "ClockView") -> bool:
    """Somebody still waits, and longer than was promised."""
    return clock.breached and clock.met_at is None


def stand(clock: "ClockView") -> str:
    """How a clock stands: what is left of its target, when it was met, by how much it is late; else what it counted."""
    if clock.target_seconds is None:
        return f"{duration(clock.used_seconds)} on calendar {show.line(clock.calendar, 60)}"
    target, over = duration(clock.target_seconds), clock.used_seconds - clock.target_seconds
    if clock.met_at is not None:
        late = f", BREACHED: {target} promised" if clock.breached else ""
        return f"met after {duration(clock.used_seconds)}{late}"
    if clock.breached:
        due = f", was due {show.when(clock.due_at)}" if clock.due_at else ", stands still"
        return f"BREACHED by {duration(over)}{due}"
    left = f"{duration(-over)} left"
    return f"due {show.when(clock.due_at)}, {left}" if clock.due_at else f"stands still, {left}"
