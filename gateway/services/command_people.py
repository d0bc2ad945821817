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
from gateway.domain.people_actions import ChangeRoles, RemoveContact
from gateway.domain.phrases import Phrase
from gateway.domain.requests import Request, to_json
from gateway.domain.words import BlockWords
from gateway.errors import NotFound, Refused
from gateway.services import people
from gateway.services.command_desk import ASKED_BACK, CommandDesk, Result, address_in, shown
from gateway.store import approvals, load_people

ROLES = {
    ContactRole.USER_MANAGER: Phrase("user manager"),
    ContactRole.DECISION_MAKER: Phrase("decision maker"),
    ContactRole.INCIDENT_MANAGER: Phrase("incident manager"),
    ContactRole.VERSION_RECIPIENT: Phrase("version recipient"),
}
"""Roles as people read them."""

_NO_ROLES = frozenset({"none", "-", "keine"})


def _users(desk: CommandDesk, _: Command) -> Result:
    """Everybody of the account, and what is missing among them."""
    contacts = tuple(one for one in load_people.contacts(desk.tx, desk.account.number) if one.active)
    findings = people.findings(desk.tx, desk.account.number, desk.ports.policy)
    gaps = [
        Phrase("the role {role} is held by {who} alone", role=ROLES[found.role], who=found.contact)
        if found.contact
        else Phrase("nobody holds the role {role}", role=ROLES[found.role])
        for found in findings
        if found.role
    ]
    text = Phrase("{count} people are registered for {company}", count=len(contacts), company=desk.account.name)
    return Result(Came.SHOWN, text, (*map(_person, contacts), *([BlockWords(about=tuple(gaps))] if gaps else [])))


def _person(contact: Contact) -> BlockWords:
    bounced = {one.address for one in contact.bounced}
    about = [
        _shown_roles(contact.roles),
        *([contact.phone] if contact.phone else []),
        *([] if contact.access else [Phrase("without access to cases")]),
        *(
            Phrase("mail to {address} does not arrive", address=address)
            for address in contact.addresses
            if address in bounced
        ),
        *(Phrase("also {address}", address=address) for address in contact.addresses[1:]),
    ]
    return BlockWords(heading=shown(contact), about=tuple(about))


def _unregister(desk: CommandDesk, command: Command) -> Result:
    contact = _colleague(desk, command.words)
    action = RemoveContact(contact=contact.party, actor=desk.contact.party)
    if not desk.is_proved:
        return _was_this_you(desk, action, Phrase("un-register {person}", person=shown(contact)))
    desk.do(action)
    return Result(Came.DONE, Phrase("{person} is not registered any more", person=shown(contact)))


def _roles(desk: CommandDesk, command: Command) -> Result:
    address, _, names = command.words.partition(" ")
    contact, wanted = _colleague(desk, address), _read_roles(names)
    _check_pin(desk, command)
    action = ChangeRoles(
        contact=contact.party, actor=desk.contact.party, add=wanted - contact.roles, remove=contact.roles - wanted
    )
    text = Phrase("{person}: {roles}", person=shown(contact), roles=_shown_roles(wanted))
    if wanted == contact.roles:
        return Result(Came.DONE, Phrase("it was so already: {what}", what=text))
    if not desk.is_proved:
        return _was_this_you(desk, action, Phrase("change roles, {what}", what=text))
    if contact.party == desk.contact.party:
        ask = Ask(kind=ApprovalKind.ROLES, actor=desk.contact.party, text=text, request=to_json(action))
        desk.do(ask)
        return Result(Came.ASKED, Phrase("another user manager of your company must approve it: {what}", what=text))
    desk.do(action)
    number = _record(
        desk,
        "change_contact_roles",
        Phrase("Roles of {name}: {roles}", name=contact.name, roles=_shown_roles(wanted)),
        command,
    )
    return Result(Came.DONE, Phrase("{what} (recorded as case {number})", what=text, number=number))


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
        raise Refused(Phrase("{count} people were invited within an hour; try again later", count=limit))
    invite = Invite(
        address=wanted.address, account=desk.account.number, name=wanted.name, actor=desk.contact.party, roles=roles
    )
    desk.do(invite)
    number = _record(desk, "add_contact", Phrase("Invite {person}", person=shown(wanted)), command)
    text = Phrase("{person} gets our mail and is registered when they answer it", person=shown(wanted))
    return Result(Came.DONE, Phrase("{what} (recorded as case {number})", what=text, number=number))


def _address(desk: CommandDesk, command: Command) -> Result:
    address = address_in(command.words)
    people.refuse_ours(desk.ports.tokens, address)
    if address in desk.contact.addresses:
        return Result(Came.DONE, Phrase("{address} is yours already", address=address))
    ask = Ask(
        kind=ApprovalKind.ADDRESS,
        actor=desk.contact.party,
        text=Phrase("use {address} beside {known}", address=address, known=desk.contact.address),
        request={"do": "add_address", "contact": str(desk.contact.party), "address": address},
        address=address,
    )
    desk.do(ask)
    text = Phrase(
        "both addresses got a mail; as soon as both have approved it, {address} is yours too", address=address
    )
    return Result(Came.ASKED, text)


def _was_this_you(desk: CommandDesk, action: Request, text: Phrase) -> Result:
    """Nothing proves who wrote it: the registered address is asked, and its answer carries it out."""
    desk.do(Ask(kind=ApprovalKind.STEP_UP, actor=desk.contact.party, text=text, request=to_json(action)))
    return Result(Came.ASKED, ASKED_BACK)


def _colleague(desk: CommandDesk, typed: str) -> Contact:
    """An active contact of the own account; of others it is not even said whether they exist."""
    address = address_in(typed)
    found = load_people.contacts_by_address(desk.tx, (address,)).get(address)
    if found is None or not found.active or found.account != desk.account.number:
        raise NotFound(Phrase("{address} is not registered for your company; /users lists who is", address=address))
    return found


def _read_roles(text: str) -> frozenset[ContactRole]:
    """Roles as people write them: apart by commas, with blanks or underscores; `none` for none."""
    names = [name.strip().lower().replace(" ", "_").replace("-", "_") for name in text.split(",") if name.strip()]
    if not names:
        raise Refused(Phrase("say which roles they hold from now on, such as user_manager,decision_maker; or none"))
    if len(names) == 1 and (text.strip().lower() in _NO_ROLES):
        return frozenset()
    unknown = [name for name in names if name not in {role.value for role in ContactRole}]
    if unknown:
        raise Refused(Phrase("there is no role {name}; there are {names}", name=unknown[0], names=tuple(ContactRole)))
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
        raise Refused(Phrase("too many wrong PINs were given within an hour; try again later"))
    if command.pin_hash is None or load_people.account_of_pin(desk.tx, command.pin_hash) != desk.account.number:
        approvals.wrong_pin(desk.tx, desk.contact.address, desk.at)
        raise Refused(Phrase("the company PIN is missing or wrong; it is the last word of the line"))


def _shown_roles(roles: frozenset[ContactRole]) -> Phrase:
    """Roles in words, in the order of SPEC section 2."""
    held = tuple(said for role, said in ROLES.items() if role in roles)
    return Phrase("{roles}", roles=held) if held else Phrase("no roles")


def _record(desk: CommandDesk, category: str, subject: Phrase, command: Command) -> int:
    """The case that keeps what was asked; its subject is in the language of who asked."""
    lang = desk.contact.lang or desk.account.lang
    said = desk.ports.templates.say(subject, lang)
    outcome = desk.do(RecordRequest(contact=desk.contact, category=category, subject=said, text=command.line))
    assert outcome.case is not None
    return outcome.case.number


def _nothing_asked(_desk: CommandDesk, _command: Command) -> Result:
    raise Refused(Phrase("nothing waits for your answer here; reply to the mail that asked you"))


HANDLERS: Mapping[CommandName, Callable[[CommandDesk, Command], Result]] = {
    CommandName.USERS: _users,
    CommandName.UNREGISTER: _unregister,
    CommandName.ROLES: _roles,
    CommandName.INVITE: _invite,
    CommandName.ADDRESS: _address,
    CommandName.APPROVE: _nothing_asked,
    CommandName.REJECT: _nothing_asked,
}
