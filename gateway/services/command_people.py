"""Commands about people: registering and un-registering them, roles, addresses, and whom there is (SPEC sections 3 and 8).

Who may ask is said in `services.commanding`. What changes people in a way that somebody in their name must not, is
asked back where nothing proves who wrote it ("was this you?").
"""

from collections.abc import Callable, Mapping

from gateway.domain.approval import ApprovalKind
from gateway.domain.approval_actions import Ask, Invite
from gateway.domain.case_actions import RecordRequest
from gateway.domain.commands import Came, Command, CommandName
from gateway.domain.model import Contact, ContactRole
from gateway.domain.people import named_roles
from gateway.domain.people_actions import ChangeRoles, RemoveContact
from gateway.domain.requests import Request, to_json
from gateway.domain.words import BlockWords
from gateway.errors import NotFound, Refused
from gateway.services import people
from gateway.services.command_desk import CommandDesk, Result, address_in
from gateway.store import approvals, load_people

_NO_ROLES = frozenset({"none", "-", "keine"})


def _users(desk: CommandDesk, _: Command) -> Result:
    """Everybody of the account, and what is missing among them."""
    contacts = tuple(one for one in load_people.contacts(desk.tx, desk.account.number) if one.active)
    findings = people.findings(desk.tx, desk.account.number, desk.ports.policy)
    gaps = [f"{found.role} is held by {found.contact or 'nobody'} alone" for found in findings if found.role]
    text = f"{len(contacts)} people are registered for {desk.account.name}"
    return Result(Came.SHOWN, text, (*map(_person, contacts), *([BlockWords(about=tuple(gaps))] if gaps else [])))


def _person(contact: Contact) -> BlockWords:
    bounced = {one.address for one in contact.bounced}
    about = [
        ", ".join(named_roles(contact.roles)) or "no roles",
        *([contact.phone] if contact.phone else []),
        *([] if contact.access else ["without access to cases"]),
        *(f"mail to {address} does not arrive" for address in contact.addresses if address in bounced),
        *(f"also {address}" for address in contact.addresses[1:]),
    ]
    return BlockWords(heading=f"{contact.name} <{contact.address}>", about=tuple(about))


def _unregister(desk: CommandDesk, command: Command) -> Result:
    contact = _colleague(desk, command.words)
    action = RemoveContact(contact=contact.party, actor=desk.contact.party)
    if not desk.is_proved:
        return _was_this_you(desk, action, f"un-register {contact.name} <{contact.address}>")
    desk.do(action)
    return Result(Came.DONE, f"{contact.name} <{contact.address}> is not registered any more")


def _roles(desk: CommandDesk, command: Command) -> Result:
    address, _, names = command.words.partition(" ")
    contact, wanted = _colleague(desk, address), _read_roles(names)
    _check_pin(desk, command)
    shown = ", ".join(named_roles(wanted)) or "no roles"
    action = ChangeRoles(
        contact=contact.party, actor=desk.contact.party, add=wanted - contact.roles, remove=contact.roles - wanted
    )
    text = f"{contact.name} <{contact.address}>: {shown}"
    if wanted == contact.roles:
        return Result(Came.DONE, f"it was so already: {text}")
    if not desk.is_proved:
        return _was_this_you(desk, action, f"change roles, {text}")
    if contact.party == desk.contact.party:
        ask = Ask(kind=ApprovalKind.ROLES, actor=desk.contact.party, text=text, request=to_json(action))
        desk.do(ask)
        return Result(Came.ASKED, f"another user manager of your company must approve it: {text}")
    desk.do(action)
    number = _record(desk, "change_contact_roles", f"Roles of {contact.name}: {shown}", command)
    return Result(Came.DONE, f"{text} (recorded as case {number})")


def _invite(desk: CommandDesk, command: Command) -> Result:
    address, _, rest = command.words.partition(" ")
    name, roles = _name_and_roles(rest)
    _check_pin(desk, command)
    wanted = people.contact_form(
        Contact(id=desk.contact.id, account=desk.account.number, name=name, addresses=(address,), roles=roles)
    )
    people.refuse_ours(desk.ports.tokens, wanted.address)
    limit, since = desk.ports.policy.registrations.account_hour, desk.at - approvals.HOUR
    if 0 < limit <= approvals.mailed_since(desk.tx, since, account=desk.account.number):
        raise Refused(f"{limit} people were invited within an hour; try again later")
    invite = Invite(
        address=wanted.address, account=desk.account.number, name=wanted.name, actor=desk.contact.party, roles=roles
    )
    desk.do(invite)
    number = _record(desk, "add_contact", f"Invite {wanted.name} <{wanted.address}>", command)
    text = f"{wanted.name} <{wanted.address}> gets our mail and is registered when they answer it"
    return Result(Came.DONE, f"{text} (recorded as case {number})")


def _address(desk: CommandDesk, command: Command) -> Result:
    address = address_in(command.words)
    people.refuse_ours(desk.ports.tokens, address)
    if address in desk.contact.addresses:
        return Result(Came.DONE, f"{address} is yours already")
    ask = Ask(
        kind=ApprovalKind.ADDRESS,
        actor=desk.contact.party,
        text=f"use {address} beside {desk.contact.address}",
        request={"do": "add_address", "contact": str(desk.contact.party), "address": address},
        address=address,
    )
    desk.do(ask)
    return Result(Came.ASKED, f"both addresses got a mail; as soon as both have approved it, {address} is yours too")


def _was_this_you(desk: CommandDesk, action: Request, text: str) -> Result:
    """Nothing proves who wrote it: the registered address is asked, and its answer carries it out."""
    desk.do(Ask(kind=ApprovalKind.STEP_UP, actor=desk.contact.party, text=text, request=to_json(action)))
    return Result(Came.ASKED, "we have asked you in a mail of its own whether this was you; approve it there")


def _colleague(desk: CommandDesk, typed: str) -> Contact:
    """An active contact of the own account; of others it is not even said whether they exist."""
    address = address_in(typed)
    found = load_people.contacts_by_address(desk.tx, (address,)).get(address)
    if found is None or not found.active or found.account != desk.account.number:
        raise NotFound(f"{address} is not registered for your company; /users lists who is")
    return found


def _read_roles(text: str) -> frozenset[ContactRole]:
    """Roles as people write them: apart by commas, with blanks or underscores; `none` for none."""
    names = [name.strip().lower().replace(" ", "_").replace("-", "_") for name in text.split(",") if name.strip()]
    if not names:
        raise Refused("say which roles they hold from now on, such as user_manager,decision_maker; or none")
    if len(names) == 1 and (text.strip().lower() in _NO_ROLES):
        return frozenset()
    unknown = [name for name in names if name not in {role.value for role in ContactRole}]
    if unknown:
        raise Refused(f"there is no role {unknown[0]}; there are {', '.join(ContactRole)}")
    return frozenset(map(ContactRole, names))


def _name_and_roles(text: str) -> tuple[str, frozenset[ContactRole]]:
    """`Ann Example [user_manager,decision_maker]`: the brackets may be left out where the last word names a role."""
    name, bracket, inside = text.partition("[")
    if bracket:
        return name.strip(), _read_roles(inside.partition("]")[0])
    before, _, last = text.strip().rpartition(" ")
    if before and all(part in {role.value for role in ContactRole} for part in last.lower().split(",")):
        return before.strip(), _read_roles(last)
    return text.strip(), frozenset()


def _check_pin(desk: CommandDesk, command: Command) -> None:
    """The company PIN of the own account; wrong ones count with all others."""
    limits = desk.ports.policy.registrations
    if 0 < limits.wrong_pins_hour <= approvals.wrong_pins_since(desk.tx, desk.at - approvals.HOUR):
        raise Refused("too many wrong PINs were given within an hour; try again later")
    if command.pin_hash is None or load_people.account_of_pin(desk.tx, command.pin_hash) != desk.account.number:
        approvals.wrong_pin(desk.tx, desk.contact.address, desk.at)
        raise Refused("the company PIN is missing or wrong; it is the last word of the line")


def _record(desk: CommandDesk, category: str, subject: str, command: Command) -> int:
    outcome = desk.do(RecordRequest(contact=desk.contact, category=category, subject=subject, text=command.line))
    assert outcome.case is not None
    return outcome.case.number


def _nothing_asked(_desk: CommandDesk, _command: Command) -> Result:
    raise Refused("nothing waits for your answer here; reply to the mail that asked you")


HANDLERS: Mapping[CommandName, Callable[[CommandDesk, Command], Result]] = {
    CommandName.USERS: _users,
    CommandName.UNREGISTER: _unregister,
    CommandName.ROLES: _roles,
    CommandName.INVITE: _invite,
    CommandName.ADDRESS: _address,
    CommandName.APPROVE: _nothing_asked,
    CommandName.REJECT: _nothing_asked,
}
