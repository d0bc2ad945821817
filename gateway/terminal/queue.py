"""What waits for the vendor: the queue, and the case to take up next (SPEC sections 6 and 15)."""

import shlex
import time
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.errors import BadUsage
from gateway.terminal import show
from gateway.terminal.context import Desk, acting_agent
from gateway.terminal.room import AsOption, JsonOption, Room
from gateway.terminal.work import MOST, MOST_SHOWN, whole

if TYPE_CHECKING:
    from gateway.services.views import QueueFilter, Waiting

EVERY_SECONDS = 2
"""How often `--watch` looks."""

lists = Room("")

_COLUMNS = (
    show.Column(head=""),
    show.Column(head="Case", right=True),
    show.Column(head="Waits", right=True),
    show.Column(head="Prio"),
    show.Column(head="Type", most=16, gives=True),
    show.Column(head="Subject", gives=True),
    show.Column(head="Status", most=22, from_width=110),
    show.Column(head="Account", most=10),
    show.Column(head="Assignee", most=24, gives=True),
    show.Column(head="Team", most=14, from_width=110),
)


@lists.task("queue", "queue", "queue --mine", "queue --team third_level --watch", "queue --json")
def queue(
    desk: Desk,
    team: Annotated[str | None, typer.Option(metavar="T", help="Only of this team.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only mine.")] = False,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=MOST, help="At most so many; without it 50, all with --json.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and show what changes, until Ctrl-C.")] = False,
    json: JsonOption = False,
    as_: AsOption = None,
) -> None:
    """List what waits for us.

    Escalated cases come first, then the most urgent, then the oldest. Waits says since when a case has its status.
    """
    from gateway.services.views import QueueFilter

    if watch and json:
        raise BadUsage("--watch is for people; leave --json out")
    asked = QueueFilter(
        team=team,
        assignee=acting_agent(desk, as_).party if mine else None,
        limit=limit if limit or json else MOST_SHOWN,
    )
    if json:
        _print_json(desk, asked)
    elif watch and show.is_terminal():
        _watch(desk, asked)
    else:
        found, length = _look(desk, asked)
        show.table(_COLUMNS, [_row(one, desk) for one in found], empty="nothing waits")
        for text in _below(found, length):
            show.say(text, style="dim")


def _print_json(desk: Desk, asked: "QueueFilter") -> None:
    from gateway.services import views
    from gateway.terminal import shapes

    show.print_json([shapes.waiting(one) for one in desk.read(views.queue, asked, desk.policy, desk.tokens)])


def _look(desk: Desk, asked: "QueueFilter") -> "tuple[tuple[Waiting, ...], int]":
    """The queue as far as it is asked for, and how long it is."""
    from gateway.services import views

    found = desk.read(views.queue, asked, desk.policy, desk.tokens)
    return found, desk.read(views.queue_length, asked, desk.policy) if len(found) == asked.limit else len(found)


def _row(one: "Waiting", desk: Desk) -> tuple[str | int | None, ...]:
    case = one.summary
    waits = show.age(one.waiting_since, desk.now)
    about = (case.number, waits, case.priority, case.type, case.subject, case.status_label)
    return "!" if one.escalated else "", *about, case.account, case.assignee, case.team


def _below(found: "tuple[Waiting, ...]", length: int) -> list[str]:
    texts = ["! escalated"] if any(one.escalated for one in found) else []
    more = f"{len(found):,} of {length:,}; --limit N or --json for more"
    return [*texts, more] if length > len(found) else texts


def _watch(desk: Desk, asked: "QueueFilter") -> None:
    """The queue on a screen of its own, drawn anew in place, until Ctrl-C."""
    from rich.live import Live
    from rich.text import Text

    out = show.console()

    def screen() -> Text:
        found, length = _look(desk, asked)
        lines = show.table_lines(_COLUMNS, [_row(one, desk) for one in found]) if found else ["nothing waits"]
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
    from gateway.services import views
    from gateway.terminal import conversation, shapes

    agent = acting_agent(desk, as_)
    asked = views.QueueFilter(free=True, for_teams=agent.teams, limit=1)
    found = desk.read(views.queue, asked, desk.policy, desk.tokens)
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
