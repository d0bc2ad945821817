"""What waits for the vendor: the queue, and the case to take up next (SPEC sections 6 and 15)."""

import shlex
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain import times
from gateway.errors import BadUsage
from gateway.terminal import show
from gateway.terminal.context import Desk, acting_agent
from gateway.terminal.room import AsOption, JsonOption, Room
from gateway.terminal.work import MOST, MOST_SHOWN, whole

if TYPE_CHECKING:
    from gateway.services.queue import Queue, QueueFilter, Waiting

EVERY_SECONDS = 2
"""How often `--watch` looks."""

lists = Room("")

_COLUMNS = (
    show.Column(head=""),
    show.Column(head="Case", right=True),
    show.Column(head="Waits", right=True),
    show.Column(head="Due", right=True),
    show.Column(head="Prio"),
    show.Column(head="Type", most=16, gives=True),
    show.Column(head="Subject", gives=True),
    show.Column(head="Status", most=22, from_width=110),
    show.Column(head="Account", most=10),
    show.Column(head="Assignee", most=24, gives=True),
    show.Column(head="Team", most=14, from_width=110),
)


@lists.task(
    "queue",
    "queue",
    "queue --mine",
    "queue --team third_level --watch",
    "queue --at '2026-12-01 14:30'",
    "queue --json",
)
def queue(  # noqa: PLR0913, PLR0917  # an option each
    desk: Desk,
    team: Annotated[str | None, typer.Option(metavar="T", help="Only of this team.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only mine.")] = False,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=MOST, help="At most so many; without it 50, all with --json.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help=f"As of that time, in UTC where it names no zone: {times.FORMS}.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and show what changes, until Ctrl-C.")] = False,
    json: JsonOption = False,
    as_: AsOption = None,
) -> None:
    """List what waits for us.

    Escalated cases come first, then what is overdue, then what is due next, then the oldest. Waits says since when a
    case has its status, Due how much time is left until the first promise on it is broken. A time that is past shows
    the queue of then; one to come what will be overdue if nothing happens.
    """
    from gateway.services.queue import QueueFilter

    if watch and (json or at is not None):
        raise BadUsage("--watch is for people who wait; leave --json and --at out")
    moment = times.at(at, UTC, desk.now) if at is not None else None
    asked = QueueFilter(
        team=team,
        assignee=acting_agent(desk, as_).party if mine else None,
        limit=limit if limit or json else MOST_SHOWN,
    )
    if json:
        _print_json(desk, asked, moment)
    elif watch and show.is_terminal():
        _watch(desk, asked)
    else:
        shown, now = _look(desk, asked, moment), moment or desk.now
        show.table(_COLUMNS, [_row(one, now) for one in shown.found], empty="nothing waits")
        for text in _below(shown):
            show.say(text, style="dim")


def _print_json(desk: Desk, asked: "QueueFilter", at: datetime | None) -> None:
    from gateway.terminal import shapes

    show.print_json([shapes.waiting(one) for one in _look(desk, asked, at).found])


def _look(desk: Desk, asked: "QueueFilter", at: datetime | None = None) -> "Queue":
    """The queue as far as it is asked for, now or as of a time."""
    from gateway.services import queue as view

    now = desk.now
    look = view.queue_at if at is not None and at < now else view.queue
    return desk.read(look, asked, desk.policy, desk.tokens, at or now)


def _row(one: "Waiting", now: datetime) -> tuple[str | int | None, ...]:
    case = one.summary
    times_of = (show.age(one.waiting_since, now), _due(one, now))
    about = (case.number, *times_of, case.priority, case.type, case.subject, case.status_label)
    return "!" if one.escalated else "", *about, case.account, case.assignee, case.team


def _due(one: "Waiting", now: datetime) -> str:
    """How long until then, and how long since: `in 3 h`, `late 20 min`."""
    due_at = one.summary.sla_due_at
    if due_at is None:
        return ""
    return f"late {show.age(due_at, now)}" if one.breached else f"in {show.age(now, due_at)}"


def _below(shown: "Queue") -> list[str]:
    texts = ["! escalated"] if any(one.escalated for one in shown.found) else []
    more = f"{len(shown.found):,} of {shown.length:,}; --limit N or --json for more"
    return [*texts, more] if shown.length > len(shown.found) else texts


def _watch(desk: Desk, asked: "QueueFilter") -> None:
    """The queue on a screen of its own, drawn anew in place, until Ctrl-C."""
    from rich.live import Live
    from rich.text import Text

    out = show.console()

    def screen() -> Text:
        shown_now = _look(desk, asked)
        found, length = shown_now.found, shown_now.length
        lines = show.table_lines(_COLUMNS, [_row(one, desk.now) for one in found]) if found else ["nothing waits"]
        most = max(out.height - 2, 2)
        shown = min(len(lines), most) - bool(found)
        title = f"{length:,} waiting" if shown == length else f"{shown:,} of {length:,} waiting"
        title += f" · {desk.now.astimezone():%H:%M:%S} · Ctrl-C ends"
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{show.cut(title, show.width())}\n\n", style="dim")
        text.append(lines[0], style="bold" if found else "")
        return text.append("".join(f"\n{line}" for line in lines[1:most]))

    try:
        with Live(screen(), console=out, screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(EVERY_SECONDS)
                live.update(screen(), refresh=True)
    except KeyboardInterrupt:
        return


@lists.task("next", "next", "next --as mira@vendor.example", "next --json")
def next_case(desk: Desk, json: JsonOption = False, as_: AsOption = None) -> None:
    """Show the most urgent case of my teams that nobody works on, and how to go on.

    It changes nothing: the case becomes yours when you start or answer it.
    """
    from gateway.services.queue import QueueFilter
    from gateway.terminal import conversation, shapes

    agent = acting_agent(desk, as_)
    found = _look(desk, QueueFilter(free=True, for_teams=agent.teams, limit=1)).found
    view = whole(desk, found[0].summary.number) if found else None
    if json:
        show.print_json(shapes.case(view) if view else None)
    elif view is None:
        show.say("nothing waits for you")
    else:
        conversation.print_case(view, desk.policy.label, full=False, now=desk.now)
        _print_ways(desk, view.summary.number, view.possible, as_)


def _print_ways(desk: Desk, number: int, possible: tuple[str, ...], as_: str | None) -> None:
    """The commands to go on with, ready to be copied."""
    given = f" --config {shlex.quote(str(desk.config))}" if desk.config else ""
    acting = f" --as {shlex.quote(as_)}" if as_ else ""
    ways = [
        (f"case reply {number}{given}{acting}", "answer in your editor; it becomes yours"),
        *([(f"case start {number}{given}{acting}", "it becomes yours")] if "start" in possible else []),
        (f"case note {number}{given}{acting}", "internal, for colleagues"),
        (f"next{given}{acting}", "once it is taken, the next one"),
    ]
    widest = max(len(command) for command, _ in ways)
    show.say("")
    show.say("Go on with")
    for command, what in ways:
        line = f"  casegate {command:<{widest}}   {what}"
        show.say(line if show.cells_of(line) <= show.width() else f"  casegate {command}")
