"""What agents change about a case beside its words and status: type, priority, plan, description, people, help.

SPEC sections 4, 10 and 15. Each is one Action through `acting.perform`, and one line about what became of the case.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain import times
from gateway.domain.actions import Assign, ChangePriority, ChangeType, Describe, Escalate, Plan
from gateway.domain.escalation import EscalationKind
from gateway.domain.model import Agent, CaseNumber
from gateway.domain.notices import local_time
from gateway.errors import BadUsage
from gateway.terminal import show
from gateway.terminal.acting import account_zones, actor, changed, known_case, mails, perform
from gateway.terminal.context import Desk, acting_agent
from gateway.terminal.room import AsOption, Room
from gateway.terminal.work import Number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.domain.actions import Outcome
    from gateway.domain.model import Case
    from gateway.domain.policy import CaseType, Category, Priority

LONGEST = 200
"""Characters of a product, version or environment."""

room = Room("")

PriorityOption = Annotated[str | None, typer.Option(metavar="P", help="Its priority, where the type has one.")]
CategoryOption = Annotated[str | None, typer.Option(metavar="C", help="Its category, where the type has some.")]


def spelled(given: str | None, known: "Iterable[CaseType | Priority | Category]") -> str | None:
    """A name as the rules spell it, however it was typed; one that they do not know stays for them to refuse."""
    if given is None:
        return None
    names = (one.name for one in known)
    return next((name for name in names if name.casefold() == given.strip().casefold()), given.strip())


@room.task(
    "type",
    "case type 4711 incident --priority P1",
    "case type 4711 service_request --category restore",
    "case type 4711 question",
)
def change_type(
    desk: Desk,
    number: Number,
    case_type: Annotated[str, typer.Argument(metavar="TYPE", help="Its new type; `casegate rules show` lists them.")],
    priority: PriorityOption = None,
    category: CategoryOption = None,
    as_: AsOption = None,
) -> None:
    """Give a case another type.

    With the priority or category that the type needs; the customer is told.
    """
    flow = desk.policy.workflow
    agent, before = actor(desk, as_), known_case(desk, number)
    asked = ChangeType(
        case=CaseNumber(number),
        actor=agent,
        type=spelled(case_type, flow.types) or "",
        priority=spelled(priority, flow.priorities),
        category=spelled(category, flow.categories),
    )
    outcome = perform(desk, asked)
    kind = _kind(desk, changed(outcome))
    if not outcome.events:
        show.say(f"{number} is {kind} already")
    else:
        show.say(_joined(f"{number} {kind}", mails(outcome), _woken(desk, before, outcome), _called(before, outcome)))


@room.task("priority", "case priority 4711 P1")
def change_priority(
    desk: Desk,
    number: Number,
    priority: Annotated[str, typer.Argument(metavar="P", help="Its new priority.")],
    as_: AsOption = None,
) -> None:
    """Give a case another priority.

    Where its type has one; the customer is told.
    """
    agent = actor(desk, as_)
    name = spelled(priority, desk.policy.workflow.priorities) or ""
    outcome = perform(desk, ChangePriority(case=CaseNumber(number), actor=agent, priority=name))
    case = changed(outcome)
    if not outcome.events:
        show.say(f"{number} is {case.priority} already")
    else:
        show.say(_joined(f"{number} {_kind(desk, case)}", mails(outcome)))


@room.task("plan", 'case plan 4711 --at "2026-12-01 14:30"', "case plan 4711 --at 2026-12-01T14:30+01:00")
def plan(
    desk: Desk,
    number: Number,
    at: Annotated[str, typer.Option(metavar="TIME", help=f"When: {times.FORMS}.", show_default=False)],
    as_: AsOption = None,
) -> None:
    """Plan when the work is done.

    The customer gets it with a calendar part.
    A time without a zone is that of the case's account, a bare date is 00:00 there, a time alone the next such.
    Where the clocks leave a time out it is refused; where they bring it twice the first is meant.
    """
    agent = actor(desk, as_)
    known_case(desk, number)
    zone = account_zones(desk, [number])[number]
    meant = times.at(at, zone, desk.ports.now())
    outcome = perform(desk, Plan(case=CaseNumber(number), actor=agent, at=meant))
    shown = local_time(meant, zone.key)
    if not outcome.events:
        show.say(f"{number} is planned for {shown} already")
    else:
        show.say(_joined(f"{number} planned for {shown}", mails(outcome)))


@room.task(
    "set",
    "case set 4711 --product Importer --version 8.1.2",
    'case set 4711 --environment ""            (empties it)',
)
def describe(
    desk: Desk,
    number: Number,
    product: Annotated[str | None, typer.Option(metavar="P", help="What it is about.")] = None,
    version: Annotated[str | None, typer.Option(metavar="V", help="Which version of it.")] = None,
    environment: Annotated[str | None, typer.Option(metavar="E", help="Where that runs: production.")] = None,
    as_: AsOption = None,
) -> None:
    """Say what a case is about; "" empties a field. Nobody is told."""
    given = {"product": product, "version": version, "environment": environment}
    if all(value is None for value in given.values()):
        raise BadUsage("name what to set: --product, --version or --environment")
    for name, value in given.items():
        if value and (len(value) > LONGEST or not value.isprintable()):
            raise BadUsage(f"the {name} must be one line of at most {LONGEST} characters, without control characters")
    agent = actor(desk, as_)
    asked = Describe(
        case=CaseNumber(number), actor=agent, product=product, product_version=version, environment=environment
    )
    outcome = perform(desk, asked)
    case = changed(outcome)
    shown = {"product": case.product, "version": case.product_version, "environment": case.environment}
    words = ", ".join(f"{name} {show.line(value)}" for name, value in shown.items() if value) or "not described"
    show.say(f"{number} {words}" if outcome.events else f"{number} is like that already: {words}")


@room.task(
    "assign",
    "case assign 4711 me",
    "case assign 4711 mira@vendor.example",
    "case assign 4711 third_level",
)
def assign(
    desk: Desk,
    number: Number,
    who: Annotated[str, typer.Argument(metavar="WHO|TEAM", help="me, an agent's address or unique name, or a team.")],
    as_: AsOption = None,
) -> None:
    """Give a case to an agent or a team.

    A team means nobody in particular. They are told.
    """
    from gateway.services import case_people

    desk.prepare()
    me = acting_agent(desk, as_)
    chosen = desk.read(case_people.assignee, who, me, desk.policy)
    if isinstance(chosen, Agent):
        asked = Assign(case=CaseNumber(number), actor=me.party, assignee=chosen.party)
        shown = chosen.address
    else:
        asked = Assign(case=CaseNumber(number), actor=me.party, team=chosen)
        shown = f"team {show.line(chosen, 60)}"
    outcome = perform(desk, asked)
    if outcome.events:
        show.say(_joined(f"{number} assigned to {shown}", mails(outcome)))
    else:
        show.say(f"{number} is with {shown} already")


@room.task(
    "escalate",
    'case escalate 4711 -m "A race in the importer; needs the developers."',
    'case escalate 4711 --kind non_technical -m "Their management asks for a call."',
)
def escalate(
    desk: Desk,
    number: Number,
    message: Annotated[str | None, typer.Option("-m", "--message", metavar="TEXT", help="Why.")] = None,
    kind: Annotated[EscalationKind, typer.Option(help="A hard fault, or everything else.")] = EscalationKind.TECHNICAL,
    as_: AsOption = None,
) -> None:
    """Ask for more than the agent can do.

    A case that is nobody's turn is opened again. Where an escalation is open the text is added to it.
    """
    from gateway.terminal import text_input

    reason = text_input.given(message, None)
    if reason is not None and not reason.strip():
        raise BadUsage("the text is empty; leave -m out to escalate without one")
    agent, before = actor(desk, as_), known_case(desk, number)
    outcome = perform(desk, Escalate(case=CaseNumber(number), actor=agent, kind=kind, reason=reason or ""))
    what = _called(before, outcome) or "added to the escalation that is open"
    show.say(_joined(f"{number} {desk.policy.label(changed(outcome).status)}", mails(outcome), what))


def _kind(desk: Desk, case: "Case") -> str:
    """Type, priority and category, as the rules label them: `Incident P1`."""
    flow = desk.policy.workflow
    kind = flow.type_named(case.type)
    return " ".join(filter(None, (kind.label if kind else case.type, case.priority, case.category)))


def _woken(desk: Desk, before: "Case", outcome: "Outcome") -> str:
    """The new status, where an escalation changed it."""
    case = changed(outcome)
    return "" if case.status == before.status else desk.policy.label(case.status)


def _called(before: "Case", outcome: "Outcome") -> str:
    """The escalation that this brought, if it did."""
    new, old = changed(outcome).escalation, before.escalation
    if new is None or (old is not None and old.round == new.round):
        return ""
    return f"{new.kind.value.replace('_', '-')} escalation" + (f" to {show.line(new.team, 60)}" if new.team else "")


def _joined(*parts: str) -> str:
    return " · ".join(filter(None, parts))
