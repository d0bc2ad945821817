"""Reads `rules/<set>/workflow.toml` into a Workflow: statuses, transitions, and what cases and accounts can be.

Called by `domain.rulebook` only. Whatever is wrong is complained about to the page, and reading goes on; whether
the statuses can be reached and left (`domain.soundness`) is judged when the names in them are right.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gateway.domain.model import Turn
from gateway.domain.phrases import Phrase
from gateway.domain.policy import CaseType, Category, Priority, Service, Status, Transition, Workflow
from gateway.domain.soundness import Row, find_contradictions, find_dead_ends
from gateway.domain.toml_lines import Page, Table, unique_names

T = TypeVar("T")

EVENTS: dict[str, frozenset[str]] = {
    "customer_reply": frozenset({"customer"}),
    "agent_reply": frozenset({"vendor"}),
    "start": frozenset({"vendor"}),
    "wait_for_client": frozenset({"vendor"}),
    "resolve": frozenset({"vendor"}),
    "defer": frozenset({"vendor"}),
    "close": frozenset({"customer", "vendor"}),
    "reopen": frozenset({"customer", "vendor"}),
    "auto_close": frozenset({"system"}),
}
"""What mail, commands and timers can trigger, and who has a way to do so."""

ACTORS = ("customer", "vendor", "system")
OWN_PRIORITY = "priority"
"""The `sla` of a type whose cases have a priority of their own."""

_NAME = re.compile(r"\w[\w-]*")


@dataclass(frozen=True, slots=True)
class _Shelf:
    """All `[[kind]]` tables of the page, and the names that may be referred to."""

    kind: str
    tables: tuple[Table, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, top: Table, kind: str, *, needed: bool) -> "_Shelf":
        """What is on the page; complains about a name that is no word or comes again."""
        tables = top.tables(kind) if needed or top.has(kind) else ()
        for table in tables:
            _must_be_word(table)
        return cls(kind, tables, unique_names(tables))

    def read(self, one: Callable[[Table], T]) -> tuple[T, ...]:
        """Each of them as a value."""
        return tuple(one(table) for table in self.tables)

    def must_know(self, table: Table, key: str) -> bool:
        """False, with a complaint that names the mend, where a key refers to something and there is nothing of it."""
        if not self.tables:
            table.complain(key, f"there is no [[{self.kind}]]; copy them from rules/tracker/workflow.toml")
        return bool(self.tables)


def read_workflow(page: Page) -> Workflow:
    """Read `workflow.toml`; complains to the page. Priorities, categories and services may be absent."""
    top = Table.top(page)
    top.only(
        "set", "initial", "opens", "by_mail", "status", "type", "priority", "category", "service", "transition"
    )  # fmt: skip
    set_name = top.text("set")
    statuses, types = _Shelf.of(top, "status", needed=True), _Shelf.of(top, "type", needed=True)
    priorities, services = _Shelf.of(top, "priority", needed=False), _Shelf.of(top, "service", needed=False)
    categories = _Shelf.of(top, "category", needed=False)
    rows = [_row(table, statuses.names, types.names) for table in top.tables("transition")]
    workflow = Workflow(
        set=set_name,
        initial=top.text("initial", statuses.names),
        opens=top.text("opens", types.names),
        statuses=statuses.read(_status),
        transitions=tuple(row.transition for row in rows),
        types=types.read(lambda table: _type(table, priorities, services)),
        priorities=priorities.read(_priority),
        by_mail=_by_mail(top, types, priorities),
        categories=categories.read(lambda table: _category(table, types.names)),
        services=services.read(_service),
    )
    _check_opens(top, workflow)
    names_are_right = not page.problems
    find_contradictions(rows, workflow)
    if names_are_right:
        find_dead_ends(workflow, statuses.tables)
    return workflow


def _must_be_word(table: Table) -> None:
    name = table.text("name")
    if name and not _NAME.fullmatch(name):
        table.complain("name", f'"{name}" must be one word of letters, digits, _ and -; people read the label')


def _label(table: Table, *, allowed: str = "") -> Phrase:
    label = table.text("label")
    if set("{}") & set(label.replace(allowed, "") if allowed else label):
        table.complain("label", f"only {allowed} may stand in braces" if allowed else "no braces here")
    return Phrase(label)


def _status(table: Table) -> Status:
    table.only("name", "label", "turn", "settled", "reopen_days")
    turn = table.text("turn", list(Turn))
    status = Status(
        name=table.text("name"),
        label=_label(table, allowed="{vendor}"),
        turn=Turn(turn or Turn.NOBODY),
        settled=table.flag("settled"),
        reopen_days=table.number_or_none("reopen_days"),
    )
    if status.turn is not Turn.NOBODY:
        for key in ("settled", "reopen_days"):
            if table.has(key):
                table.complain(key, f"is for statuses that are nobody's turn, and this is the {status.turn}'s")
    return status


def _type(table: Table, priorities: _Shelf, services: _Shelf) -> CaseType:
    table.only("name", "label", "also", "sla", "needs", "escalates_to", "incident")
    sla, needs = None, tuple[str, ...]()
    if table.has("sla") and priorities.must_know(table, "sla"):
        sla = table.text_or_none("sla", (OWN_PRIORITY, *priorities.names))
    if table.has("needs") and services.must_know(table, "needs"):
        needs = table.texts("needs", services.names)
    return CaseType(
        name=table.text("name"),
        label=_label(table),
        also=table.texts("also") if table.has("also") else (),
        sla=sla,
        needs=needs,
        escalates_to=table.text_or_none("escalates_to"),
        incident=table.flag("incident"),
    )


def _priority(table: Table) -> Priority:
    table.only("name", "label", "meaning")
    priority = Priority(name=table.text("name"), label=_label(table), meaning=Phrase(table.text("meaning")))
    if priority.name == OWN_PRIORITY:
        table.complain("name", f'a type with sla = "{OWN_PRIORITY}" goes by the case; call this one otherwise')
    return priority


def _by_mail(top: Table, types: _Shelf, priorities: _Shelf) -> str:
    """The priority that mail gives; needed as soon as a type has priorities."""
    if top.has("by_mail"):
        return top.text("by_mail", priorities.names) if priorities.must_know(top, "by_mail") else ""
    for table in types.tables:
        if priorities.tables and table.text_or_none("sla") == OWN_PRIORITY:
            table.complain("sla", 'by_mail is missing at the top; mail that names no priority gets it: by_mail = "…"')
    return ""


def _category(table: Table, types: Sequence[str]) -> Category:
    table.only("name", "label", "type", "order", "pin")
    category = Category(
        name=table.text("name"),
        label=_label(table),
        type=table.text("type", types),
        order=table.flag("order"),
        pin=table.flag("pin"),
    )
    if category.order and category.pin:
        table.complain("pin", "contradicts order: an order is for decision makers, the PIN for user managers")
    return category


def _service(table: Table) -> Service:
    table.only("name", "label", "incident_managers")
    return Service(name=table.text("name"), label=_label(table), incident_managers=table.flag("incident_managers"))


def _check_opens(top: Table, workflow: Workflow) -> None:
    """Mail opens cases before anyone has judged them: no priority, nobody called to an incident or fault."""
    kind = workflow.type_named(workflow.opens)
    if kind and (kind.has_priority or kind.incident or kind.escalates_to):
        why = "has a priority" if kind.has_priority else "is an incident" if kind.incident else "escalates"
        top.complain("opens", f'mail cannot open "{kind.name}": it {why}, and nobody has judged the mail yet')


def _row(table: Table, statuses: Sequence[str], types: Sequence[str]) -> Row:
    table.only("event", "by", "from", "to", "types", "not_types")
    event, actors = table.text("event", EVENTS), table.texts("by", ACTORS, empty="nobody may trigger this")
    if event and actors and not EVENTS[event] & set(actors):
        able = " and ".join(sorted(EVENTS[event]))
        table.complain("by", f'nobody named here can trigger "{event}"; {able} can')
    case_types = None
    if table.has("types") and table.has("not_types"):
        table.complain("not_types", "only one of types and not_types can be said")
    elif table.has("types"):
        case_types = frozenset(table.texts("types", types))
    elif table.has("not_types"):
        case_types = frozenset(types) - set(table.texts("not_types", types))
        if types and not case_types:
            table.complain("not_types", "leaves no type: this could never happen")
    target = table.text("to", statuses)
    sources = table.texts("from", statuses)
    return Row(Transition(event=event, by=frozenset(actors), sources=sources, target=target, types=case_types), table)
