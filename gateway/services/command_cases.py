"""Commands about the case that a mail belongs to: each is an Action of the contact who wrote it (SPEC section 8)."""

from collections.abc import Callable, Mapping

from gateway.domain.actions import ChangeParticipants, ChangePriority, ChangeType, Escalate, Fire
from gateway.domain.approval import ApprovalKind
from gateway.domain.approval_actions import Ask
from gateway.domain.commands import Came, Command, CommandName
from gateway.domain.model import Case, CaseNumber, Contact, ContactRole, EscalationKind
from gateway.domain.policy import Category, Workflow
from gateway.domain.requests import to_json
from gateway.domain.words import BlockWords
from gateway.errors import NotFound, Refused
from gateway.services import people
from gateway.services.command_desk import CommandDesk, Result
from gateway.store import load, load_people

USUAL_PRIORITY = "P3"
"""What an incident gets by mail that names none (SPEC section 4)."""


def _fires(trigger: str, text: str) -> Callable[[CommandDesk, Command], Result]:
    def handle(desk: CommandDesk, _: Command) -> Result:
        desk.do(Fire(case=_number(desk), actor=desk.contact.party, trigger=trigger))
        return Result(Came.DONE, text)

    return handle


def _escalate(desk: CommandDesk, command: Command) -> Result:
    case = _case(desk)
    action = Escalate(
        case=case.number, actor=desk.contact.party, kind=EscalationKind.NON_TECHNICAL, reason=command.words
    )
    if not desk.is_proved and case.reporter != desk.contact.party:  # a colleague's case: "was this you?"
        text = f"escalate {desk.ports.tokens.mint(case.number)} {case.subject}"
        desk.do(Ask(kind=ApprovalKind.STEP_UP, actor=desk.contact.party, text=text, request=to_json(action)))
        return Result(Came.ASKED, "we have asked you in a mail of its own whether this was you; approve it there")
    desk.do(action)
    return Result(Came.DONE, "the case is escalated; our support management looks at it")


def _type(desk: CommandDesk, command: Command) -> Result:
    flow = desk.ports.policy.workflow
    name, _, priority = command.words.strip().partition(" ")
    kind = flow.type_named(name.lower().replace("-", "_"))
    if kind is None:
        raise Refused(
            f"there is no type {name or '(none named)'}; there are {', '.join(one.name for one in flow.types)}"
        )
    given = priority.strip().upper() or None
    usual = USUAL_PRIORITY if kind.has_priority and not given else None
    usual = usual if usual in {one.name for one in flow.priorities} else None
    desk.do(
        ChangeType(case=_number(desk), actor=desk.contact.party, type=kind.name, priority=given or usual, category=None)
    )
    shown = f"{kind.label}{f', {given or usual}' if given or usual else ''}"
    why = f"; {usual} since you named no priority, /priority changes it" if usual else ""
    return Result(Came.DONE, f"it is handled as {shown} from now on{why}")


def _priority(desk: CommandDesk, command: Command) -> Result:
    priority = command.words.strip().upper()
    desk.do(ChangePriority(case=_number(desk), actor=desk.contact.party, priority=priority))
    return Result(Came.DONE, f"its priority is {priority} from now on")


def _order(desk: CommandDesk, command: Command) -> Result:
    """Decision makers order; what anybody else orders waits for one of them (SPEC section 3)."""
    category = _category(desk.ports.policy.workflow, command.words)
    case = _number(desk)
    kind = desk.ports.policy.workflow.type_named(category.type)
    assert kind is not None
    desk.do(ChangeType(case=case, actor=desk.contact.party, type=kind.name, category=category.name))
    if ContactRole.DECISION_MAKER in desk.contact.roles:
        return Result(Came.DONE, f"ordered: {command.words}")
    if load.cases(desk.tx, (case,))[case].awaits:
        raise Refused("this case waits for the approval of an order already")
    desk.do(Ask(kind=ApprovalKind.ORDER, actor=desk.contact.party, text=command.words, case=case))
    makers = load_people.contacts(desk.tx, desk.account.number)
    able = [one for one in makers if one.active and ContactRole.DECISION_MAKER in one.roles]
    whom = "a decision maker of your company" if able else "us, since your company has named no decision maker"
    return Result(Came.ASKED, f"the order waits for the approval of {whom}: {command.words}")


def _category(flow: Workflow, words: str) -> Category:
    orders = {one.name: one for one in flow.categories if one.order}
    name = words.partition(" ")[0].lower()
    if name not in orders:
        raise Refused(f"say first what you order: {', '.join(orders)}")
    return orders[name]


def _add(desk: CommandDesk, command: Command) -> Result:
    contact = _colleague(desk, command)
    desk.do(ChangeParticipants(case=_number(desk), actor=desk.contact.party, add=(contact.party,)))
    return Result(Came.DONE, f"{contact.name} <{contact.address}> gets the mail of this case from now on")


def _remove(desk: CommandDesk, command: Command) -> Result:
    contact = _colleague(desk, command)
    desk.do(ChangeParticipants(case=_number(desk), actor=desk.contact.party, remove=(contact.party,)))
    return Result(Came.DONE, f"{contact.name} <{contact.address}> gets no more mail of this case")


def _status(desk: CommandDesk, _: Command) -> Result:
    case, policy = _case(desk), desk.ports.policy
    about = [policy.label(case.status), *([case.priority] if case.priority else [])]
    block = BlockWords(heading=f"{desk.ports.tokens.mint(case.number)} {case.subject}", about=(" · ".join(about),))
    return Result(Came.SHOWN, "", (block,))


def _colleague(desk: CommandDesk, command: Command) -> Contact:
    """An active contact of the own account; of anybody else it is not even said whether they exist."""
    address = people.address_form(command.words)
    found = load_people.contacts_by_address(desk.tx, (address,)).get(address)
    if found is None or not found.may_write or found.account != desk.account.number:
        raise NotFound(f"{address} is not registered for your company")
    return found


def _number(desk: CommandDesk) -> CaseNumber:
    assert desk.case is not None  # asked before: what is about a case needs one
    return desk.case


def _case(desk: CommandDesk) -> Case:
    return load.cases(desk.tx, (_number(desk),))[_number(desk)]


HANDLERS: Mapping[CommandName, Callable[[CommandDesk, Command], Result]] = {
    CommandName.CLOSE: _fires("close", "the case is closed"),
    CommandName.REOPEN: _fires("reopen", "the case is open again"),
    CommandName.ESCALATE: _escalate,
    CommandName.TYPE: _type,
    CommandName.PRIORITY: _priority,
    CommandName.ORDER: _order,
    CommandName.ADD: _add,
    CommandName.REMOVE: _remove,
    CommandName.STATUS: _status,
}
