"""`contact subscribe|unsubscribe`: whether a person gets announcements (SPEC section 11), as they do themselves by mail."""

from gateway.domain.people_actions import Subscribe
from gateway.terminal import show
from gateway.terminal.context import Desk
from gateway.terminal.customers import contacts
from gateway.terminal.roles import AddressArgument
from gateway.terminal.room import AsOption


@contacts.task("subscribe", "contact subscribe ann@acme.example")
def subscribe(desk: Desk, address: AddressArgument, as_: AsOption = None) -> None:
    """Send announcements to a person again who had unsubscribed.

    The user managers of the account are told who changed it.
    """
    _change(desk, address, as_, wanted=True)


@contacts.task("unsubscribe", "contact unsubscribe ann@acme.example")
def unsubscribe(desk: Desk, address: AddressArgument, as_: AsOption = None) -> None:
    """Send a person no more announcements; their roles stay.

    They can do it themselves, by the address at the foot of each announcement. The user managers of the account are
    told who changed it.
    """
    _change(desk, address, as_, wanted=False)


def _change(desk: Desk, address: str, as_: str | None, *, wanted: bool) -> None:
    from gateway.services import people
    from gateway.terminal.acting import actor, mails, perform

    agent, before = actor(desk, as_), desk.read(people.contact, address)
    outcome = perform(desk, Subscribe(contact=before.party, actor=agent, wanted=wanted))
    said = f"{before.address} {'gets announcements' if wanted else 'gets no announcements'}"
    show.say(f"{said} · {mails(outcome)}" if outcome.contact else f"{said} already")
