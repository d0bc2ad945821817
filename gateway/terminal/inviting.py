"""`contact invite`: a person is asked by mail to register, and is a contact once that is confirmed and approved.

SPEC section 9, point 1. `contact add` makes a contact at once instead; both take what is typed in the same forms.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain.model import Contact, ContactId, ContactRole
from gateway.terminal import roles, show, subscribing
from gateway.terminal.context import Desk
from gateway.terminal.customers import contacts
from gateway.terminal.room import AsOption, JsonOption

if TYPE_CHECKING:
    from gateway.services.approval_view import RegistrationView

__all__ = ["contacts", "roles", "subscribing"]
"""The group that `customers` began; `roles` and `subscribing` declare commands of it too."""


@contacts.task(
    "invite",
    'contact invite new@acme.example --account ACME-1 --name "Nora New" --phone "+49 30 1234567"',
    'contact invite boss@acme.example --account ACME-1 --name "Bea Boss" --role decision_maker --lang de',
)
def invite(  # noqa: PLR0913, PLR0917  # each is an option
    desk: Desk,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The person's mail address.")],
    account: Annotated[str, typer.Option(metavar="N", help="The number of the person's company.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="What the person is called.")],
    role: Annotated[list[ContactRole] | None, typer.Option(help="A role they are to get; several add up.")] = None,
    phone: Annotated[str | None, typer.Option(metavar="P", help="The back-up when mail fails.")] = None,
    lang: Annotated[str | None, typer.Option(metavar="L", help="Their language; else the account's.")] = None,
    json: JsonOption = False,
    as_: AsOption = None,
) -> None:
    """Ask a person by mail to register.

    They reply with the company PIN; then the user managers of the company approve, or the vendor where there are none.
    `casegate contact add` makes somebody a contact at once, without any mail.
    """
    from gateway.domain.approval_actions import Invite
    from gateway.services import approval_view, people
    from gateway.terminal.acting import actor, mails, perform

    typed = Contact(id=ContactId(0), account=account, name=name, addresses=(address,), phone=phone, lang=lang)
    wanted = people.contact_form(typed)
    people.refuse_ours(desk.tokens, wanted.address)
    agent = actor(desk, as_)
    asked = Invite(
        address=wanted.address,
        account=account,
        name=wanted.name,
        actor=agent,
        phone=wanted.phone,
        lang=wanted.lang,
        roles=frozenset(role or ()),
    )
    outcome = perform(desk, asked)
    made = desk.read(approval_view.newest_of, wanted.address)
    if json:
        show.print_json(made)
    else:
        _print(desk, made, mails(outcome))


def _print(desk: Desk, made: "RegistrationView", told: str) -> None:
    """What was made of it, and what could keep it from coming to anything."""
    from gateway.services import people

    until, account = show.when(made.expires_at), made.account or ""
    show.say(f"registration {made.id}: {made.address} has until {until} to reply with the PIN · {told}")
    for warning in made.warnings:
        show.say(f"warning: {show.line(warning)}")
    if not desk.read(people.pin_standing, account).is_set:
        show.say(f"warning: {account} has no PIN to reply with; `casegate account pin {account} --new` issues one")
