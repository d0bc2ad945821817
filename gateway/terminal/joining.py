"""What binds cases together, takes them apart, and who reads them: merge, split, link, participants (SPEC section 15)."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain.actions import ChangeParticipants, Link, Merge, Split
from gateway.domain.model import CaseNumber, PartyKind
from gateway.errors import BadUsage
from gateway.terminal import show
from gateway.terminal.acting import actor, changed, known_case, mails, perform
from gateway.terminal.context import Desk
from gateway.terminal.room import AsOption, JsonOption, Room
from gateway.terminal.work import MOST, Number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.services.case_people import Participant

room = Room("")

_COLUMNS = (
    show.Column(head="Name", gives=True),
    show.Column(head="Address", gives=True),
    show.Column(head="Kind"),
    show.Column(head="Account"),
)


@room.task("merge", "case merge 4712 --into 4711")
def merge(
    desk: Desk,
    number: Number,
    into: Annotated[int, typer.Option(metavar="M", min=1, max=MOST, help="The case that goes on.", show_default=False)],
    as_: AsOption = None,
) -> None:
    """Let a case go on as part of another one.

    Both are of the same account; answers to either come there. Its reporter and participants come along; people
    outside the account do not.
    """
    from gateway.services import case_people

    agent = actor(desk, as_)
    outcome = perform(desk, Merge(case=CaseNumber(number), actor=agent, into=CaseNumber(into)))
    case = changed(outcome)
    parts = [f"{number} merged into {into}, {desk.policy.label(case.status)}", mails(outcome)]
    if others := desk.read(case_people.strangers, case):
        parts.append(f"from outside {case.account} on {into}: {_addresses(others)}")
    show.say(" · ".join(parts))


@room.task("split", "case split 4711 23", "case split 4711 23 24")
def split(
    desk: Desk,
    number: Number,
    messages: Annotated[
        list[int], typer.Argument(metavar="MESSAGE", min=1, max=MOST, help="Their ids, #23 in `case show`.")
    ],
    as_: AsOption = None,
) -> None:
    """Make a case of messages of another one.

    The number is printed, and both are linked. Answers to these messages go there from then on; who wrote the
    first of them is its reporter.
    """
    agent = actor(desk, as_)
    outcome = perform(desk, Split(case=CaseNumber(number), actor=agent, messages=tuple(messages)))
    show.say(str(changed(outcome).number))


@room.task("link", "case link 4711 4712")
def link(
    desk: Desk,
    number: Number,
    other: Annotated[int, typer.Argument(metavar="M", min=1, max=MOST, help="The other case.")],
    as_: AsOption = None,
) -> None:
    """Note that two cases belong together.

    Only agents see it, on both; the cases may be of two accounts.
    """
    agent = actor(desk, as_)
    outcome = perform(desk, Link(case=CaseNumber(number), actor=agent, other=CaseNumber(other)))
    show.say(f"{number} linked with {other}" if outcome.events else f"{number} is linked with {other} already")


@room.task(
    "participants",
    "case participants 4711",
    "case participants 4711 --add carl@acme.example --remove ann@acme.example",
    "case participants 4711 --add expert@elsewhere.example --external",
    "case participants 4711 --json",
)
def participants(
    desk: Desk,
    number: Number,
    add: Annotated[list[str] | None, typer.Option(metavar="A", help="An address that joins; several add up.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="A", help="An address that leaves.")] = None,
    external: Annotated[bool, typer.Option("--external", help="Add who is nobody's contact, to read only.")] = False,
    json: JsonOption = False,
    as_: AsOption = None,
) -> None:
    """Show who else gets a case's mail, or change that.

    A contact of another account can be added: they then read and write on this case as its own people do. An
    address that is nobody's is added with --external: it gets the case's mail, and what it writes is held.
    """
    from gateway.services import case_people

    if external and not add:
        raise BadUsage("--external goes with --add")
    if add or remove:
        said = _change(desk, number, add or [], remove or [], external=external, as_=as_)
        if not json:
            show.say(said)
            return
    found = desk.read(case_people.of_case, number)
    if json:
        show.print_json(found)
        return
    rows = [(one.name, one.address, one.kind if one.active else f"{one.kind}, gone", one.account) for one in found]
    show.table(_COLUMNS, rows, empty=f"nobody but the reporter is on case {number}")


def _change(desk: Desk, number: int, add: list[str], remove: list[str], *, external: bool, as_: str | None) -> str:
    """Let people join and leave, and say in one line what that means."""
    from gateway.services import case_people, people

    agent = actor(desk, as_)
    for address in add:
        people.refuse_ours(desk.tokens, address)
    case, before = known_case(desk, number), desk.read(case_people.of_case, number)
    coming = dict.fromkeys(desk.read(case_people.joining, address, case.account, external=external) for address in add)
    going = dict.fromkeys(desk.read(case_people.leaving, case, address) for address in remove)
    asked = ChangeParticipants(case=CaseNumber(number), actor=agent, add=tuple(coming), remove=tuple(going))
    if not perform(desk, asked).events:
        return f"{number} has them on it already"
    after = desk.read(case_people.of_case, number)
    joined = [one for one in after if one not in before]
    parted = [one for one in before if one not in after]
    parts = [f"added {_addresses(joined)}"] if joined else []
    parts += [f"removed {_addresses(parted)}"] if parted else []
    parts += [_warning(one) for one in joined if one.kind != PartyKind.AGENT and one.account != case.account]
    return f"{number} {' · '.join(parts)}"


def _addresses(people: "Sequence[Participant]") -> str:
    return ", ".join(show.line(one.address, 100) for one in people)


def _warning(outsider: "Participant") -> str:
    """What it means that somebody of another company is on a case."""
    address = show.line(outsider.address, 100)
    if outsider.account is None:
        return f"{address} is an outside address: it gets this case's mail and cannot write"
    return f"{address} is of another company, account {outsider.account}: they read and write on this case now"
