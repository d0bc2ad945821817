"""Texts that agents use again: `snippet add|list|remove` (SPEC section 15). `case reply --snippet` sends them."""

from typing import Annotated

import typer

from gateway.terminal import show, text_input
from gateway.terminal.context import Desk, acting_agent
from gateway.terminal.room import AsOption, JsonOption, Room
from gateway.terminal.text_input import FileOption, MessageOption

room = Room("Texts that agents use again.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="One word by which agents call it.")]

_COLUMNS = (
    show.Column(head="Name"),
    show.Column(head="Text", gives=True),
    show.Column(head="Changed"),
)


@room.task(
    "add",
    'snippet add logs -m "Please send us the log files of the day."',
    "snippet add restart --file restart.txt",
)
def add(
    desk: Desk, name: NameArgument, message: MessageOption = None, file: FileOption = None, as_: AsOption = None
) -> None:
    """Keep a text under a name, or give a name another text. Without -m or --file your $EDITOR opens.

    The text is sent as it is: nothing in it is filled in.
    """
    from gateway.services import snippets

    desk.prepare()
    if as_:
        acting_agent(desk, as_)
    with text_input.taken(message, file, lambda: text_input.Sheet(below=f"The text of snippet {name}")) as text:
        stored, replaced = snippets.add(desk.db, name, text, at=desk.ports.now())
    show.say(f"snippet {stored} {'changed' if replaced else 'added'}; casegate case reply N --snippet {stored}")


@room.task("list", "snippet list", "snippet list --json")
def list_snippets(desk: Desk, json: JsonOption = False) -> None:
    """List all texts."""
    from gateway.services import snippets

    found = desk.read(snippets.every)
    if json:
        show.print_json(found)
        return
    rows = [(one.name, one.text, show.when(one.updated_at)) for one in found]
    show.table(_COLUMNS, rows, empty="no snippets yet; `casegate snippet add` makes one")


@room.task("remove", "snippet remove logs")
def remove(desk: Desk, name: NameArgument, as_: AsOption = None) -> None:
    """Take a text away; what was sent with it stays."""
    from gateway.services import snippets

    if as_:
        acting_agent(desk, as_)
    snippets.remove(desk.db, name)
    show.say(f"snippet {name} removed")
