"""Daily work that reads: the list of cases, one case, its history (SPEC section 15). Acting is in `acting`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gateway.domain.model import Turn
from gateway.errors import BadUsage
from gateway.terminal import show
from gateway.terminal.context import Desk, acting_agent, find_agent
from gateway.terminal.room import AsOption, JsonOption, Room

if TYPE_CHECKING:
    from gateway.domain.model import Party
    from gateway.services.case_view import CaseView
    from gateway.services.views import Summary

MOST = 10**12
"""No case number is larger; a database could not store it."""

MOST_SHOWN = 50
"""So many lines of a list unless more are asked for; a terminal shows no more at once."""

Number = Annotated[int, typer.Argument(metavar="N", min=1, max=MOST, help="The number of the case.")]
Sort = Literal["updated", "created", "number", "status", "type", "priority"]

room = Room("Read a case and act on it.")
lists = Room("")
"""`cases` stands beside the groups; `app` mounts it without a name."""

_COLUMNS = (
    show.Column(head="Case", right=True),
    show.Column(head="Subject", gives=True),
    show.Column(head="Status", most=22),
    show.Column(head="Turn", from_width=100),
    show.Column(head="Type", most=16, from_width=120),
    show.Column(head="Prio", from_width=100),
    show.Column(head="Account", most=10),
    show.Column(head="Assignee", most=24, gives=True),
    show.Column(head="Updated"),
)


@lists.task("cases", "cases", "cases --turn vendor --assignee me", "cases --account ACME-1 --sort number --json")
def cases(  # noqa: PLR0913, PLR0917  # each is an option
    desk: Desk,
    account: Annotated[str | None, typer.Option(metavar="A", help="Only of this account.")] = None,
    status: Annotated[list[str] | None, typer.Option(metavar="S", help="Only in this status; several add up.")] = None,
    turn: Annotated[Turn | None, typer.Option(help="Only where it is their turn.")] = None,
    assignee: Annotated[str | None, typer.Option(metavar="WHO", help="An agent, or me.")] = None,
    case_type: Annotated[str | None, typer.Option("--type", metavar="T", help="Only of this type.")] = None,
    sort: Annotated[Sort, typer.Option(help="By what; updated is newest first.")] = "updated",
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=MOST, help="At most so many; without it 50, all with --json.")
    ] = None,
    json: JsonOption = False,
    as_: AsOption = None,
) -> None:
    """List cases, newest change first."""
    from gateway.services import views
    from gateway.terminal import shapes

    flow = desk.policy.workflow
    _must_be_known(status or [], "status", list(flow.by_name))
    _must_be_known([case_type] if case_type else [], "type", [item.name for item in flow.types])
    asked = views.CaseFilter(
        account=account,
        statuses=tuple(status or ()),
        turn=turn,
        assignee=_assignee(desk, assignee, as_),
        type=case_type,
        sort=sort,
        limit=limit if limit or json else MOST_SHOWN,
    )
    found = desk.read(views.cases, asked, desk.policy, desk.tokens)
    if json:
        show.print_json([shapes.summary(view) for view in found])
        return
    show.table(_COLUMNS, [_row(view) for view in found], empty="no cases")
    if len(found) == asked.limit:
        show.tell_rest(len(found), desk.read(views.count, asked, desk.policy))


def _assignee(desk: Desk, named: str | None, as_: str | None) -> "Party | None":
    if not named:
        return None
    return (acting_agent(desk, as_) if named == "me" else find_agent(desk, named)).party


def _row(case: "Summary") -> tuple[str | int | None, ...]:
    updated = show.when(case.updated_at)
    kind = (case.type, case.priority)
    return case.number, case.subject, case.status_label, case.turn, *kind, case.account, case.assignee, updated


def _must_be_known(names: list[str], what: str, known: list[str]) -> None:
    for name in names:
        if name not in known:
            raise BadUsage(f"there is no {what} {name}; there are: {', '.join(known)}")


def whole(desk: Desk, number: int) -> "CaseView":
    """A case as people see it; NotFound if there is none."""
    from gateway.services import case_view

    return desk.read(case_view.case, number, desk.policy, desk.tokens, desk.now)


@room.task("show", "case show 4711", "case show 4711 --full", "case show 4711 --json")
def show_case(
    desk: Desk,
    number: Number,
    full: Annotated[
        bool,
        typer.Option("--full", help="With quoted text, signatures and files seen before, and long texts to their end."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show a case and its correspondence, oldest first."""
    from gateway.terminal import conversation, shapes

    view = whole(desk, number)
    if json:
        show.print_json(shapes.case(view, full=full))
    else:
        conversation.print_case(view, desk.policy.label, full=full, now=desk.now)


@room.task("history", "case history 4711", "case history 4711 --json")
def history(desk: Desk, number: Number, json: JsonOption = False) -> None:
    """Show every event of a case, oldest first."""
    from gateway.services import case_view
    from gateway.terminal import conversation, shapes

    entries = desk.read(case_view.history, number)
    if json:
        show.print_json([shapes.event(entry) for entry in entries])
    else:
        conversation.print_history(entries, desk.policy.label)
