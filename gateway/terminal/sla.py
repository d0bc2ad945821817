"""Why a case's time is what it is (SPEC section 6): the group `sla`, mounted by `app`. It only reads."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain import times
from gateway.domain.words import duration
from gateway.terminal import clock_words, show
from gateway.terminal.context import Desk
from gateway.terminal.room import JsonOption, Room
from gateway.terminal.work import Number

if TYPE_CHECKING:
    from gateway.services.sla_view import ClockView, SlaExplanation

room = Room("See how the time of a case is counted.")

_COLUMNS = (
    show.Column(head="From"),
    show.Column(head="To"),
    show.Column(head="Turn"),
    show.Column(head="Counts"),
    show.Column(head="Time", right=True),
)


@room.task("explain", "sla explain 4711", "sla explain 4711 --at '2026-12-01 14:30'", "sla explain 4711 --json")
def explain(
    desk: Desk,
    number: Number,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help=f"As of that time, in the account's zone: {times.FORMS}.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the clocks of a case: what each has counted, why, and when it is due.

    Only the vendor's turn counts, in the hours of a calendar. A time to come shows what will be if nothing happens.
    """
    from gateway.services import sla_view
    from gateway.terminal import shapes

    now, moment = desk.now, None
    if at is not None:
        zone = times.zone_named(desk.read(sla_view.account_of, number).timezone)
        moment = times.at(at, zone, now)
    found = desk.read(sla_view.explain, number, desk.policy, now=now, at=moment)
    if json:
        show.print_json(shapes.sla_explanation(found))
    else:
        _print(found)


def _print(found: "SlaExplanation") -> None:
    show.say(f"case {found.case} as of {show.when(found.at)}")
    for clock in found.clocks:
        show.say("")
        for row in show.wrap(_head(clock), show.width()):
            show.say(row, style="bold red" if clock_words.is_late(clock) else "bold")
        rows = [
            (
                show.when(part.start),
                show.when(part.end),
                part.turn,
                "yes" if part.counts else "no",
                duration(part.seconds) if part.counts else "",
            )
            for part in clock.segments
        ]
        show.table(_COLUMNS, rows, empty="nothing is counted yet")


def _head(clock: "ClockView") -> str:
    """Name and figures; what is promised, and on which hours."""
    text = f"{clock_words.name(clock)}: {clock_words.stand(clock)}"
    if clock.target_seconds is None:
        return text
    again = f" · round {clock.round}" if clock.round > 1 else ""
    used, target = duration(clock.used_seconds), duration(clock.target_seconds)
    return f"{text} · {used} of {target} used on calendar {show.line(clock.calendar, 60)}{again}"
