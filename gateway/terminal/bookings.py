"""What an account has with us beside its contacts: company PIN, booked services; and whether its roles are covered.

SPEC sections 3, 9 and 15. The PIN is shown once, when it is issued; all else only says that there is one.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.errors import BadUsage, Refused
from gateway.terminal import show
from gateway.terminal.context import Desk, acting_agent, trusted
from gateway.terminal.customers import accounts, known_services
from gateway.terminal.room import AsOption, JsonOption

if TYPE_CHECKING:
    from gateway.domain.cover import Finding

NumberArgument = Annotated[str, typer.Argument(metavar="N", help="The account number.")]


@accounts.task("pin", "account pin ACME-1", "account pin ACME-1 --new", "account pin ACME-1 --json")
def pin(
    desk: Desk,
    number: NumberArgument,
    new: Annotated[bool, typer.Option("--new", help="Issue one; the old one ends at once.")] = False,
    json: JsonOption = False,
    as_: AsOption = None,
) -> None:
    """Say whether a company has a PIN, and since when; with --new issue one.

    A new PIN is shown this once, for the account manager to hand over; what is kept tells whether a PIN is right, and
    not what it is. An agent who issues one must be an admin, once there is one; where nobody acts by name, Casegate
    trusts whoever can read its secret file.
    """
    from gateway import config
    from gateway.services import people

    if new:
        agent = trusted(desk, as_, "issues PINs")
        by = agent.id if agent else None
        issued = people.issue_pin(desk.db, config.read_secret(desk.settings), number, by=by, now=desk.now)
        if json:
            show.print_json({"account": number, "pin": issued})
            return
        show.say(issued)
        if show.is_terminal():
            show.say(f"the PIN of {show.line(number)} from now on; it is shown only here, and an older one has ended")
        return
    standing = desk.read(people.pin_standing, number)
    if json:
        show.print_json(standing)
    elif standing.is_set:
        by_whom = f", set by {standing.by}" if standing.by else ""
        since = f" since {show.when(standing.since)}" if standing.since else ""
        show.say(f"{standing.account} has a PIN{since}{by_whom}")
    else:
        show.say(f"{standing.account} has no PIN; `casegate account pin {standing.account} --new` issues one")


@accounts.task(
    "services",
    "account services ACME-1",
    "account services ACME-1 --add premium_support --remove incident_management",
    "account services ACME-1 --json",
)
def services(
    desk: Desk,
    number: NumberArgument,
    add: Annotated[list[str] | None, typer.Option(metavar="S", help="A service it books; several add up.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="S", help="A service that ends.")] = None,
    json: JsonOption = False,
    as_: AsOption = None,
) -> None:
    """Show what a company has booked, or change that.

    Which services there are is in the rules; `casegate rules show` lists them.
    """
    from gateway.services import people

    if as_:
        acting_agent(desk, as_)
    account = before = desk.read(people.account, number)
    if add or remove:
        booked, ended = known_services(desk, add or []), known_services(desk, remove or [], also=before.services)
        if both := set(booked) & set(ended):
            raise BadUsage(f"{', '.join(sorted(both))}: either --add or --remove")
        account = people.book(desk.db, number, add=booked, remove=ended)
    if json:
        show.print_json(account.services)
        return
    so_already = bool(add or remove) and account.services == before.services
    names = ", ".join(show.line(service, 60) for service in account.services) or "nothing"
    show.say(f"{account.number} has booked {names}{' already' if so_already else ''}")


@accounts.task("check", "account check ACME-1", "account check ACME-1 --json")
def check(desk: Desk, number: NumberArgument, json: JsonOption = False) -> None:
    """Check a company's people.

    Which role has fewer than two, whose role as incident manager no booked service makes use of, whom mail does not
    reach, and who unsubscribed from announcements, with the phone number. Exit 1 when there is something.
    """
    from gateway.services import people

    found = desk.read(people.findings, number, desk.policy)
    if json:
        show.print_json(found)
    elif found:
        show.table(
            [show.Column(head=head, gives=head == "Contact") for head in ("What", "Role", "Contact", "Phone")],
            [(_words(one), one.role, one.contact, one.phone) for one in found],
            empty="",
        )
    else:
        show.say(f"{show.line(number)}: each role has two people, and mail reaches everybody")
    if found:
        raise Refused(f"{show.count(len(found), 'gap')} found")


def _words(found: "Finding") -> str:
    from gateway.domain.cover import Gap

    match found.what:
        case Gap.FEW_HOLDERS:
            return "held by one person only" if found.contact else "held by nobody"
        case Gap.ROLE_WITHOUT_SERVICE:
            return "counts in no service that is booked"
        case Gap.MAIL_BOUNCES:
            return "mail bounces; ring them up"
        case Gap.UNSUBSCRIBED:
            return "wants no announcements"
