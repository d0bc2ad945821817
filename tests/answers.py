"""People who register and answer: the accounts of TESTPLAN section 0 with their PINs, and short words for their mail."""

import re
from dataclasses import replace
from email.message import EmailMessage
from html import unescape
from typing import Any
from urllib.parse import unquote

from gateway.domain.approval import Approval, Registration
from gateway.domain.model import Contact, ContactRole
from gateway.mail.decision import Decision
from gateway.store import load_approvals, load_people, people
from tests.world import World, a_mail

REGISTER = "service+register@vendor.example"
PIN, OTHER_PIN = "4711-0815", "9999-1234"
NEW = "new@customer.example"
ANN, BOB, CARL, EVE = "ann@customer.example", "bob@customer.example", "carl@customer.example", "eve@other.example"


def with_people(world: World, *managers: str) -> World:
    """The world with company PINs; `managers` are user managers of their accounts."""
    with world.ports.db.begin() as tx:
        for number, pin in (("EX-1", PIN), ("OT-1", OTHER_PIN)):
            people.set_pin(tx, number, pin_hash=world.ports.tokens.pin_hash(pin), at=world.now, by=None)
    for address in managers:
        give(world, address, ContactRole.USER_MANAGER)
    return world


def give(world: World, address: str, *roles: ContactRole) -> None:
    """A contact holds these roles and no others."""
    with world.ports.db.begin() as tx:
        people.changed(tx, replace(contact(world, address), roles=frozenset(roles)))


def contact(world: World, address: str) -> Contact:
    """The contact who has this address."""
    return world.ports.db.read(load_people.contacts_by_address, (address,))[address]


def is_contact(world: World, address: str) -> bool:
    """Whether an active contact has this address."""
    found = world.ports.db.read(load_people.contacts_by_address, (address,)).get(address)
    return found is not None and found.active


def letter(world: World, sender: str = NEW, body: str = f"PIN: {PIN}\nName: New Person", **more: Any) -> Decision:
    """A letter to the registration address."""
    return write(world, sender, REGISTER, body, subject="Register me", **more)


def write(world: World, sender: str, to: str, body: str, *, subject: str = "Re: it", **more: Any) -> Decision:
    """A mail that comes in now and is decided."""
    world._mails += 1
    data = a_mail(sender, subject, body, message_id=f"<{world._mails}@{sender.partition('@')[2]}>", to=to, **more)
    return world.mail(data, rcpt=to)


def reply(world: World, mail: EmailMessage, body: str = "", *, sender: str | None = None, **more: Any) -> Decision:
    """Answer a mail of ours as a mail program does, from the address that it went to."""
    own = str(mail["To"].addresses[0].addr_spec)
    to = str(mail["Reply-To"].addresses[0].addr_spec)
    more = {"in_reply_to": str(mail["Message-ID"]), **more}
    return write(world, sender or own, to, body, subject=f"Re: {mail['Subject']}", **more)


def last(world: World, address: str, kind: str | None = None) -> EmailMessage:
    """The newest mail that we owe this address, of this kind."""
    return next(
        mail
        for mail in reversed(world.outbox())
        if mail["To"].addresses[0].addr_spec == address and kind in {None, mail["X-Test-Kind"]}
    )


def kinds(world: World, address: str) -> list[str]:
    """The kinds of all mail that we owe this address, in their order."""
    return [kind for to, kind in world.told() if to == address]


def text(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def registrations(world: World) -> tuple[Registration, ...]:
    """All registrations."""
    return world.ports.db.read(load_approvals.registrations)


def open_approvals(world: World) -> tuple[Approval, ...]:
    """All approvals, answered or not."""
    return world.ports.db.read(load_approvals.approvals)


def links_of(mail: EmailMessage) -> list[dict[str, str]]:
    """The commands that a mail has ready, as a mail program reads them (RFC 6068)."""
    part = mail.get_body(("html",))
    assert part is not None
    found = []
    for link in re.findall(r'href="(mailto:[^"]*\?[^"]*)"', str(part.get_content())):
        to, _, rest = unescape(link).removeprefix("mailto:").partition("?")
        fields = [field.partition("=") for field in rest.split("&")]
        assert len(fields) == len({name for name, _, _ in fields})
        found.append({"to": unquote(to), **{name: unquote(value) for name, _, value in fields}})
    return found
