"""What agents change about contacts that are there: roles, whether they are registered or erased (SPEC sections 3 and 9).

Each is one Action through `acting.perform`, and the account's user managers are told of it.
"""

import sys
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain.model import ContactRole
from gateway.domain.people_actions import ChangeRoles, EraseContact, RemoveContact
from gateway.errors import BadUsage
from gateway.terminal import shapes, show
from gateway.terminal.context import Desk, acting_agent
from gateway.terminal.customers import contacts
from gateway.terminal.progress import progress
from gateway.terminal.room import AsOption, JsonOption

if TYPE_CHECKING:
    from gateway.domain.actions import Outcome
    from gateway.domain.erasing import Erased
    from gateway.domain.model import Contact

AddressArgument = Annotated[str, typer.Argument(metavar="ADDRESS", help="An address of the person.")]
RolesOption = list[ContactRole] | None


@contacts.task(
    "role",
    "contact role ann@acme.example",
    "contact role ann@acme.example --add user_manager --remove decision_maker",
    "contact role ann@acme.example --json",
)
def role(
    desk: Desk,
    address: AddressArgument,
    add: Annotated[RolesOption, typer.Option(help="A role they get; several add up.")] = None,
    remove: Annotated[RolesOption, typer.Option(help="A role they lose.")] = None,
    json: JsonOption = False,
    as_: AsOption = None,
) -> None:
    """Show the roles of a person, or change them.

    The user managers of the account are told who changed what.
    """
    from gateway.services import people
    from gateway.terminal.acting import actor, mails, perform

    if both := set(add or ()) & set(remove or ()):
        raise BadUsage(f"{', '.join(sorted(both))}: either --add or --remove")
    if not add and not remove:
        contact = desk.read(people.contact, address)
        said = f"{contact.address} {_held(contact)}"
    else:
        agent, before = actor(desk, as_), desk.read(people.contact, address)
        asked = ChangeRoles(contact=before.party, actor=agent, add=frozenset(add or ()), remove=frozenset(remove or ()))
        outcome = perform(desk, asked)
        contact = outcome.contact or before
        said = f"{contact.address} {_held(contact)}"
        said += f" · {mails(outcome)}" if outcome.contact else " already"
    if json:
        show.print_json(shapes.contact(contact))
        return
    show.say(said)
    if remove:
        _warn_unmanaged(desk, contact)


def _held(contact: "Contact") -> str:
    return f"holds {', '.join(sorted(contact.roles)) or 'no role'}"


@contacts.task(
    "remove",
    "contact remove bob@acme.example",
    "contact remove bob@acme.example --successor carl@acme.example",
)
def remove(
    desk: Desk,
    address: AddressArgument,
    successor: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Who of the same account takes over the open cases.")
    ] = None,
    as_: AsOption = None,
) -> None:
    """Un-register a person.

    Their access ends at once, and mail to them that still waits is not sent. Open cases go on with who else of the account is on them, else with its user managers. The history keeps the name;
    `casegate contact add` makes the person active again. The user managers of the account are told.
    """
    from gateway.services import people
    from gateway.terminal.acting import actor, mails, perform

    agent, before = actor(desk, as_), desk.read(people.contact, address)
    heir = desk.read(people.contact, successor) if successor else None
    asked = RemoveContact(contact=before.party, actor=agent, successor=heir.party if heir else None)
    outcome = perform(desk, asked)
    if outcome.contact is None:
        show.say(f"{before.address} is un-registered already")
        return
    parts = [f"{before.address} un-registered", mails(outcome)]
    parts += [f"{show.count(outcome.cancelled, 'waiting mail')} cancelled"] if outcome.cancelled else []
    numbers = ", ".join(str(case.number) for case in outcome.cases)
    parts += [f"without them from now on: {numbers}"] if numbers else []
    show.say(" · ".join(parts))
    _warn_alone(desk, outcome, before.account)
    _warn_unmanaged(desk, before)


@contacts.task(
    "erase",
    "contact erase bob@acme.example",
    "contact erase bob@acme.example --yes --as root@vendor.example",
    "contact erase bob@acme.example --successor carl@acme.example",
)
def erase(
    desk: Desk,
    address: AddressArgument,
    successor: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Who of the same account takes over the open cases.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; nothing undoes it.")] = False,
    as_: AsOption = None,
) -> None:
    """Erase a person for good: a pseudonym stands wherever their name, addresses and phone stood.

    They are un-registered first, if they are not. The raw mail that they sent is deleted; what they wrote on cases
    stays, and so do the files. For agents of kind admin only; Casegate believes who is named with --as, since whoever
    can read its secret file could write anything. The user managers of the account are told.
    """
    from gateway.domain.actions import Cause
    from gateway.domain.erasing import must_be_admin
    from gateway.services import erasing, people
    from gateway.services.perform import perform

    desk.prepare()
    agent = acting_agent(desk, as_)
    must_be_admin(agent, desk.read(people.agents))
    before = desk.read(people.contact, address)
    heir = desk.read(people.contact, successor) if successor else None
    if not before.is_erased:
        _ask(before, yes=yes)
    asked = EraseContact(contact=before.party, actor=agent.party, successor=heir.party if heir else None)
    with progress("erasing") as tell:
        outcome = perform(replace(desk.ports, tell=tell), asked, Cause.cli(uuid.uuid4().hex))
    erasing.sweep(desk.ports)
    if outcome.contact is None or outcome.erased is None:
        show.say(f"{before.name} is erased already")
        return
    show.say(f"erased; {outcome.contact.name} <{outcome.contact.address}> stands in their place")
    show.say(_counts(outcome, outcome.erased))
    _warn_alone(desk, outcome, before.account)
    _warn_unmanaged(desk, before)


def _ask(contact: "Contact", *, yes: bool) -> None:
    """Have it confirmed by who sits there; a script says --yes."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadUsage("nobody can be asked here; --yes erases without")
    who = f"{show.line(contact.name, 60)} <{contact.address}> of {contact.account}"
    typer.confirm(f"Erase {who} for good? Nothing brings them back.", abort=True, err=True)


def _counts(outcome: "Outcome", erased: "Erased") -> str:
    parts = [
        f"noted on {show.count(erased.cases, 'case')}",
        f"{show.count(erased.texts, 'text')} changed",
        f"{show.count(erased.raw_mails, 'raw mail')} deleted",
        f"{show.count(erased.emptied, 'mail')} to them emptied",
    ]
    parts += [f"{show.count(erased.cancelled, 'waiting mail')} cancelled"] if erased.cancelled else []
    parts += [f"{show.count(erased.files, 'file')} that they sent kept"] if erased.files else []
    return " · ".join((*parts, f"{show.count(outcome.mails, 'mail')} queued"))


def _warn_alone(desk: Desk, outcome: "Outcome", account: str) -> None:
    """Say which cases have nobody of their account left who would get their mail."""
    from gateway.services import people

    active = {one.party for one in desk.read(people.contacts, account) if one.active}
    alone = [
        str(case.number)
        for case in outcome.cases
        if case.account == account and not active & {case.reporter, *case.participants}
    ]
    if alone:
        show.say(
            f"warning: nobody of {account} is on {', '.join(alone)} now; `casegate case participants N --add` changes that"
        )


def _warn_unmanaged(desk: Desk, contact: "Contact") -> None:
    """Say so where an account has nobody any more who approves registrations."""
    from gateway.services import people

    if not desk.read(people.is_managed, contact.account):
        show.say(
            f"warning: {contact.account} has no user manager now; `casegate contact role ADDRESS --add user_manager`"
        )
