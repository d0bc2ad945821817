"""Commands about the case that a mail belongs to: each is an Action of the contact who wrote it (SPEC section 8).

A guest, whom an agent made a participant of another account's case, works on it as anybody there does, but neither
orders for that account nor brings people in.
"""

from collections.abc import Callable, Mapping

from gateway.domain.actions import ChangeParticipants, ChangePriority, ChangeType, Escalate, Fire
from gateway.domain.approval import ApprovalKind
from gateway.domain.approval_actions import Ask
from gateway.domain.commands import Came, Command, CommandName
from gateway.domain.escalation import EscalationKind
from gateway.domain.model import Case, Contact, ContactRole
from gateway.domain.phrases import Phrase
from gateway.domain.policy import Category, Workflow
from gateway.domain.requests import to_json
from gateway.domain.said import priority_said, type_said
from gateway.errors import NotFound, Refused
from gateway.services.command_desk import ASKED_BACK, CommandDesk, Result, address_in, shown
from gateway.store import load, load_people


def _close(desk: CommandDesk, _: Command) -> Result:
    desk.do(Fire(case=_case(desk).number, actor=desk.contact.party, trigger="close"))
    return Result(Came.DONE, Phrase("the case is closed"))


def _reopen(desk: CommandDesk, _: Command) -> Result:
    case = _case(desk)
    if case.follow_up_of is not None and case.created_at == desk.at:  # this very mail opened it instead
        text = Phrase(
            "case {number} was closed too long ago to be opened again; this new case follows it",
            number=case.follow_up_of,
        )
        return Result(Came.DONE, text)
    desk.do(Fire(case=case.number, actor=desk.contact.party, trigger="reopen"))
    return Result(Came.DONE, Phrase("the case is open again"))


def _escalate(desk: CommandDesk, command: Command) -> Result:
    case = _case(desk)
    action = Escalate(
        case=case.number, actor=desk.contact.party, kind=EscalationKind.NON_TECHNICAL, reason=command.words
    )
    if not desk.is_proved and case.reporter != desk.contact.party:  # a colleague's case: "was this you?"
        text = Phrase("escalate {token} {subject}", token=desk.ports.tokens.mint(case.number), subject=case.subject)
        desk.do(Ask(kind=ApprovalKind.STEP_UP, actor=desk.contact.party, text=text, request=to_json(action)))
        return Result(Came.ASKED, ASKED_BACK)
    desk.do(action)
    return Result(Came.DONE, Phrase("the case is escalated; our support management looks at it"))


def _type(desk: CommandDesk, command: Command) -> Result:
    """The customer's assessment, at once; what needs a priority and got none has the usual one, and that is said."""
    flow, case = desk.ports.policy.workflow, _case(desk)
    kind, given = type_said(flow, command.words)
    if kind is None:
        name, names = command.words.partition(" ")[0], tuple(one.name for one in flow.types)
        raise Refused(
            Phrase("there is no type {name}; there are {names}", name=name, names=names)
            if name
            else Phrase("say which type: {names}", names=names)
        )
    usual = flow.by_mail if kind.has_priority and not given and not case.priority else ""
    desk.do(ChangeType(case=case.number, actor=desk.contact.party, type=kind.name, priority=given or usual or None))
    priority = _case(desk).priority
    text = Phrase("it is handled as {kind} from now on", kind=(kind.label, priority) if priority else kind.label)
    if usual:
        text = Phrase(
            "{done}; {priority} since you named no priority, and the command priority changes it",
            done=text,
            priority=usual,
        )
    return Result(Came.DONE, _with_clock(desk, text))


def _with_clock(desk: CommandDesk, text: Phrase) -> Phrase:
    """What is most urgent needs somebody who can be reached (SPEC section 4)."""
    if not desk.ports.policy.workflow.is_most_urgent(_case(desk).priority):
        return text
    return Phrase("{done}; please answer who of you can be reached at any hour, with a phone number", done=text)


def _priority(desk: CommandDesk, command: Command) -> Result:
    priority = priority_said(desk.ports.policy.workflow, command.words)
    if not priority:
        names = tuple(one.name for one in desk.ports.policy.workflow.priorities)
        raise Refused(Phrase("say which priority: {names}", names=names))
    desk.do(ChangePriority(case=_case(desk).number, actor=desk.contact.party, priority=priority))
    text = Phrase("its priority is {priority} from now on", priority=priority)
    return Result(Came.DONE, _with_clock(desk, text))


def _order(desk: CommandDesk, command: Command) -> Result:
    """Decision makers order; what anybody else orders waits for one of them (SPEC section 3)."""
    category, case = _category(desk.ports.policy.workflow, command.words), _case(desk)
    if _is_guest(desk, case):
        raise Refused(Phrase("only people of the company whose case this is can order on it"))
    if case.awaits:
        raise Refused(Phrase("this case waits for the approval of an order already"))
    flow = desk.ports.policy.workflow
    if case.type not in {flow.opens, category.type}:  # an incident that became an order would lose its clock
        found = flow.type_named(case.type)
        filed = found.label if found else case.type
        raise Refused(Phrase("this case is filed as {kind}; order in a mail of its own", kind=filed))
    desk.do(ChangeType(case=case.number, actor=desk.contact.party, type=category.type, category=category.name))
    if ContactRole.DECISION_MAKER in desk.contact.roles:
        return Result(Came.DONE, Phrase("ordered: {words}", words=command.words))
    desk.do(Ask(kind=ApprovalKind.ORDER, actor=desk.contact.party, text=command.words, case=case.number))
    people_there = load_people.contacts(desk.tx, desk.account.number)
    able = sum(1 for one in people_there if one.active and ContactRole.DECISION_MAKER in one.roles)
    if able == 1:
        text = Phrase("the order waits for the approval of the decision maker of your company: {words}")
    elif able:
        text = Phrase("the order waits for the approval of one of the {count} decision makers of your company: {words}")
    else:
        text = Phrase("the order waits for the approval of us, since your company has named no decision maker: {words}")
    return Result(Came.ASKED, text.given(count=able, words=command.words))


def _category(flow: Workflow, words: str) -> Category:
    """What is ordered: a category that the rules call an order."""
    orders = {one.name: one for one in flow.categories if one.order}
    name = words.partition(" ")[0].lower()
    if name not in orders:
        raise Refused(
            Phrase("say first what you order: {names}", names=tuple(orders))
            if orders
            else Phrase("nothing can be ordered by mail")
        )
    return orders[name]


def _add(desk: CommandDesk, command: Command) -> Result:
    case = _case(desk)
    if _is_guest(desk, case):
        raise Refused(Phrase("only people of the company whose case this is can add somebody to it"))
    contact = _colleague(desk, command, is_joining=True)
    desk.do(ChangeParticipants(case=case.number, actor=desk.contact.party, add=(contact.party,)))
    return Result(Came.DONE, Phrase("{person} gets the mail of this case from now on", person=shown(contact)))


def _remove(desk: CommandDesk, command: Command) -> Result:
    case, contact = _case(desk), _colleague(desk, command)
    if _is_guest(desk, case) and contact.party != desk.contact.party:
        raise Refused(Phrase("only people of the company whose case this is can take somebody off it"))
    desk.do(ChangeParticipants(case=case.number, actor=desk.contact.party, remove=(contact.party,)))
    return Result(Came.DONE, Phrase("{person} gets no more mail of this case", person=shown(contact)))


def _colleague(desk: CommandDesk, command: Command, *, is_joining: bool = False) -> Contact:
    """Somebody of the own account, to join with access; of anybody else it is not even said whether they exist."""
    address = address_in(command.words)
    found = load_people.contacts_by_address(desk.tx, (address,)).get(address)
    if found is None or found.account != desk.account.number or (is_joining and not found.may_write):
        raise NotFound(Phrase("{address} is not registered for your company", address=address))
    return found


def _is_guest(desk: CommandDesk, case: Case) -> bool:
    return case.account != desk.contact.account


def _case(desk: CommandDesk) -> Case:
    """The case as the commands before left it; asked for only where there is one (`commands.ON_CASE`)."""
    assert desk.case is not None
    return load.cases(desk.tx, (desk.case,))[desk.case]


HANDLERS: Mapping[CommandName, Callable[[CommandDesk, Command], Result]] = {
    CommandName.CLOSE: _close,
    CommandName.REOPEN: _reopen,
    CommandName.ESCALATE: _escalate,
    CommandName.TYPE: _type,
    CommandName.PRIORITY: _priority,
    CommandName.ORDER: _order,
    CommandName.ADD: _add,
    CommandName.REMOVE: _remove,
}
