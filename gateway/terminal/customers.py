"""Customers: accounts and their contacts (SPEC section 15). What is added by hand works at once, and no mail leaves."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from gateway.domain.model import Account, Contact, ContactId, ContactRole
from gateway.errors import BadUsage, Refused
from gateway.terminal import shapes, show
from gateway.terminal.context import Desk, find_agent
from gateway.terminal.room import AsOption, JsonOption, Room

accounts = Room("Customer companies.")
contacts = Room("Persons of customer companies.")


@accounts.task(
    "add",
    'account add "Acme Europe" --number ACME-1 --domain acme.example --lang de --timezone Europe/Berlin',
    "account add Initech --number INI-1 --service premium_support --valid-until 2027-12-31",
)
def add_account(  # noqa: PLR0913, PLR0917  # each is an option
    desk: Desk,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the company is called.")],
    number: Annotated[str, typer.Option(metavar="N", help="Its account number.")],
    pin: Annotated[str | None, typer.Option(metavar="PIN", help="Its company PIN, kept as a keyed hash only.")] = None,
    domain: Annotated[list[str] | None, typer.Option(metavar="D", help="A mail domain; several add up.")] = None,
    service: Annotated[list[str] | None, typer.Option(metavar="S", help="A booked service; several add up.")] = None,
    lang: Annotated[str, typer.Option(metavar="L", help="The language of mail to it.")] = "en",
    timezone: Annotated[str, typer.Option(metavar="Z", help="Its time zone.")] = "UTC",
    manager: Annotated[str | None, typer.Option(metavar="AGENT", help="Its account manager.")] = None,
    team: Annotated[str | None, typer.Option(metavar="T", help="The team that gets its new cases.")] = None,
    valid_until: Annotated[str | None, typer.Option(metavar="DATE", help="The last day of its contract.")] = None,
    calendar: Annotated[str | None, typer.Option(metavar="C", help="A business calendar of its own.")] = None,
) -> None:
    """Add a customer company."""
    from gateway import config
    from gateway.services import people

    _must_know(desk, calendar)
    booked = known_services(desk, service or [])
    account = Account(
        number=number,
        name=name,
        domains=tuple(domain or ()),
        services=booked,
        lang=lang,
        timezone=timezone,
        manager=find_agent(desk, manager).address if manager else None,
        team=team,
        calendar=calendar,
        valid_until=valid_until,
    )
    stored = people.add_account(desk.db, config.read_secret(desk.settings), account, pin=pin, now=desk.now)
    show.say(f"account {stored.number} added; next: casegate contact add ADDRESS --account {stored.number} --name NAME")


def _must_know(desk: Desk, calendar: str | None) -> None:
    """A calendar that the rules do not have would silently count nothing of its own."""
    known = [one.name for one in desk.policy.sla.calendars]
    if calendar is not None and calendar not in known:
        raise BadUsage(f"{calendar!r} is no calendar of rules/sla.toml; there are {', '.join(known)}")


def known_services(desk: Desk, given: Sequence[str], *, also: Sequence[str] = ()) -> tuple[str, ...]:
    """Services as the rules spell them, or as they stand in `also`; Refused, naming all, for another one.

    Where the rules list none, whatever is named is one.
    """
    names = [service.name for service in desk.policy.workflow.services]
    spelled = {name.casefold(): name for name in (*names, *also)}
    if names and (unknown := [name for name in given if name.strip().casefold() not in spelled]):
        raise Refused(f"there is no service {unknown[0]}; there are: {', '.join(names)}")
    return tuple(dict.fromkeys(spelled.get(name.strip().casefold(), name.strip()) for name in given))


@accounts.task("list", "account list", "account list --json")
def list_accounts(desk: Desk, json: JsonOption = False) -> None:
    """List all customer companies."""
    from gateway.services import people

    found = desk.read(people.accounts)
    if json:
        show.print_json([shapes.account(account) for account in found])
        return
    columns = [
        show.Column(head=head, gives=head != "Number")
        for head in ("Number", "Name", "Domains", "Services", "Valid until")
    ]
    rows = [(a.number, a.name, ", ".join(a.domains), ", ".join(a.services), a.valid_until) for a in found]
    show.table(columns, rows, empty="no accounts yet; `casegate account add` makes one")


@accounts.task("show", "account show ACME-1", "account show ACME-1 --json")
def show_account(
    desk: Desk,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The account number.")],
    json: JsonOption = False,
) -> None:
    """Show a customer company and its contacts."""
    from gateway.services import people

    account = desk.read(people.account, number)
    if json:
        show.print_json(shapes.account(account))
        return
    show.facts(
        [
            ("Number", account.number),
            ("Name", account.name),
            ("Domains", ", ".join(account.domains)),
            ("Services", ", ".join(account.services)),
            ("Language", account.lang),
            ("Time zone", account.timezone),
            ("Manager", account.manager),
            ("Team", account.team),
            ("Calendar", account.calendar),
            ("Valid until", account.valid_until),
        ]
    )
    show.say("")
    _print_contacts(desk.read(people.contacts, number))


@contacts.task(
    "add",
    'contact add ann@acme.example --account ACME-1 --name "Ann Example" --role user_manager --phone "+49 30 1234567"',
    'contact add boss@acme.example --account ACME-1 --name "Bea Boss" --role decision_maker --no-access',
)
def add_contact(  # noqa: PLR0913, PLR0917  # each is an option
    desk: Desk,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The person's mail address.")],
    account: Annotated[str, typer.Option(metavar="N", help="The number of the person's company.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="What the person is called.")],
    role: Annotated[list[ContactRole] | None, typer.Option(help="A role; several add up.")] = None,
    phone: Annotated[str | None, typer.Option(metavar="P", help="The back-up when mail fails.")] = None,
    lang: Annotated[str | None, typer.Option(metavar="L", help="Their language; else the account's.")] = None,
    no_access: Annotated[bool, typer.Option("--no-access", help="Holds roles, sees no cases.")] = False,
    as_: AsOption = None,
) -> None:
    """Add a person of a customer company, active at once; no mail is sent.

    A person of that company who was un-registered is made active again, with the roles that are named here; that is
    told to its user managers.
    """
    from gateway.services import people

    contact = Contact(
        id=ContactId(0),
        account=account,
        name=name,
        addresses=(address,),
        roles=frozenset(role or ()),
        phone=phone,
        lang=lang,
        access=not no_access,
    )
    people.refuse_ours(desk.tokens, address)
    if former := desk.read(people.returning, contact):
        _return(desk, contact, former, as_)
        return
    stored = people.add_contact(desk.db, contact)
    show.say(f"contact {stored.address} added to account {stored.account}")


def _return(desk: Desk, typed: Contact, former: Contact, as_: str | None) -> None:
    """Make somebody active again who was un-registered."""
    from gateway.domain.people_actions import ReturnContact
    from gateway.services import people
    from gateway.terminal.acting import actor, mails, perform

    agent = actor(desk, as_)
    wanted = replace(people.contact_form(typed), id=former.id)
    outcome = perform(desk, ReturnContact(contact=wanted, actor=agent))
    show.say(f"{former.address} was a contact of {former.account} and is active again · {mails(outcome)}")


@contacts.task("list", "contact list", "contact list --account ACME-1 --json")
def list_contacts(
    desk: Desk,
    account: Annotated[str | None, typer.Option(metavar="N", help="Only of this account.")] = None,
    json: JsonOption = False,
) -> None:
    """List the persons of all customer companies, or of one."""
    from gateway.services import people

    found = desk.read(people.contacts, account)
    if json:
        show.print_json([shapes.contact(contact) for contact in found])
    else:
        _print_contacts(found)


@contacts.task("show", "contact show ann@acme.example", "contact show ann@acme.example --json")
def show_contact(
    desk: Desk,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An address of the person.")],
    json: JsonOption = False,
) -> None:
    """Show a person of a customer company."""
    from gateway.services import people

    contact = desk.read(people.contact, address)
    if json:
        show.print_json(shapes.contact(contact))
        return
    show.facts(
        [
            ("Name", contact.name),
            ("Addresses", ", ".join(contact.addresses)),
            ("Account", contact.account),
            ("Roles", ", ".join(sorted(contact.roles))),
            ("Phone", contact.phone),
            ("Language", contact.lang),
            ("Standing", _standing(contact)),
            (
                "Announcements",
                f"unsubscribed {show.when(contact.unsubscribed_at)}" if contact.unsubscribed_at else None,
            ),
            *(("Bounces", f"{b.address} since {show.when(b.at)} {b.status or ''}".rstrip()) for b in contact.bounced),
        ]
    )


def _print_contacts(found: tuple[Contact, ...]) -> None:
    columns = [
        show.Column(head=head, gives=head != "Address") for head in ("Address", "Name", "Account", "Roles", "Standing")
    ]
    rows = [(c.address, c.name, c.account, ", ".join(sorted(c.roles)), _standing(c)) for c in found]
    show.table(columns, rows, empty="no contacts yet; `casegate contact add` makes one")


def _standing(contact: Contact) -> str:
    if not contact.active:
        return "erased" if contact.is_erased else "un-registered"
    standing = "active" if contact.access else "no access"
    return f"{standing}, mail bounces" if any(b.address == contact.address for b in contact.bounced) else standing
