"""Why a mail became what it became: rung, evidence, and what did not hold (SPEC section 17, CONTRACT "why")."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.terminal import shapes, show
from gateway.terminal.context import Desk
from gateway.terminal.room import JsonOption, Room

if TYPE_CHECKING:
    from gateway.services.why import Why

room = Room("Why a mail became what it became: which rung, which evidence, and what did not hold.")

_COLUMNS = (
    show.Column(head="Message"),
    show.Column(head="Mail", right=True),
    show.Column(head="Received"),
    show.Column(head="From", most=28),
    show.Column(head="Decision", most=12),
    show.Column(head="Reason", gives=True),
)
_INDENT = "  "


@room.task("intake", "why intake 17", "why intake 17 --json")
def why_intake(
    desk: Desk,
    id_: Annotated[int, typer.Argument(metavar="ID", min=1, max=10**12, help="The number of the mail.")],
    json: JsonOption = False,
) -> None:
    """Explain the decision about one mail."""
    from gateway.services import why

    found = desk.read(why.of_intake, id_)
    if json:
        show.print_json(shapes.why(found))
        return
    _print(found)


@room.task("case", "why case 1001", "why case 1001 --json")
def why_case(
    desk: Desk,
    number: Annotated[int, typer.Argument(metavar="N", min=1, max=10**12, help="The number of the case.")],
    json: JsonOption = False,
) -> None:
    """Explain why a case was opened, and why each mail came to it."""
    from gateway.services import why

    found = desk.read(why.of_case, number)
    if json:
        show.print_json({**shapes.why(found.opening), "messages": [shapes.why(one) for one in found.messages]})
        return
    _print(found.opening)
    if not found.messages:
        return
    show.say("")
    show.say(f"Mail on case {number}; `casegate why intake` explains each", style="bold")
    rows = [
        (f"#{one.message}", one.intake, show.when(one.received_at), one.sender, one.decision, one.reason)
        for one in found.messages
    ]
    show.table(_COLUMNS, rows, empty="none")


def _print(why: "Why") -> None:
    """One decision for people; texts of mail are made safe by `show`."""
    show.facts(
        [
            ("Mail", f"{why.intake}, received {show.when(why.received_at)}" if why.intake else None),
            ("From", why.sender),
            ("Subject", why.subject),
            ("Decision", why.decision),
            ("Case", str(why.case) if why.case else None),
            ("Rung", why.rung),
            ("Reason", why.reason),
            ("Evidence", why.evidence),
        ]
    )
    if not why.alternatives:
        return
    show.say("")
    show.say("What did not hold", style="bold")
    wide = max(show.cells_of(show.line(other.rung, 40)) for other in why.alternatives)
    indent = " " * (len(_INDENT) + wide + 2)
    for other in why.alternatives:
        reason = show.line(other.reason, 2_000)
        room_left = max(show.width() - len(indent), show.LEAST_WIDTH)
        first, *rest = show.wrap(reason, room_left) if show.is_terminal() else [reason]
        show.say(f"{_INDENT}{show.line(other.rung, 40):<{wide}}  {first}")
        for row in rest:
            show.say(f"{indent}{row}")
