"""Builds the Policy from rule files, and says what is wrong with them (SPEC section 5).

Called at start by `config.load_policy`, and by `casegate rules check`. It reads texts, not files. Every
problem is one line, `rules/tracker/workflow.toml:17: …`, and one run shows all of them; only whether the
statuses can be reached and left is judged when the names in them are right.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.domain.model import NoticeKind, Turn
from gateway.domain.policy import (
    AutomaticRules,
    CaseType,
    HeaderMark,
    MailRules,
    NoticeRule,
    Policy,
    PostRules,
    Status,
    TextRules,
    Transition,
    TrustRules,
    Vendor,
    Workflow,
)
from gateway.domain.toml_lines import Page, Table
from gateway.errors import BadConfig

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
RECIPIENTS = ("reporter", "participants", "vendor", "sender")
AUTO_SUBMITTED = ("auto-replied", "auto-generated")
CLOCKS = ("priority", "P1", "P2", "P3", "P4")


@dataclass(frozen=True, slots=True)
class Document:
    """One rule file: its name as problems show it, and its text."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rule files in force, a set's own or the shared ones."""

    workflow: Document
    notices: Document
    mail: Document


@dataclass(frozen=True, slots=True)
class _Row:
    """A transition and the table it was read from."""

    transition: Transition
    table: Table


def build(
    rules: Rules,
    *,
    vendor: Vendor,
    post: PostRules,
    trust: TrustRules | None = None,
    attachment_limit: int = 25_000_000,
) -> Policy:
    """Read the rules into one Policy. Raises BadConfig with every problem of every file."""
    pages = [Page(document.path, document.text) for document in (rules.workflow, rules.notices, rules.mail)]
    workflow, notices, mail = read_workflow(pages[0]), read_notices(pages[1]), read_mail_rules(pages[2])
    if problems := [problem for page in pages for problem in page.problems]:
        raise BadConfig(*problems)
    return Policy(
        workflow=workflow,
        mail=mail,
        notices=notices,
        vendor=vendor,
        post=post,
        trust=trust or TrustRules(),
        attachment_limit=attachment_limit,
    )


def check(rules: Rules) -> tuple[str, ...]:
    """Every problem of the rules, in the order of files and lines; none if they are good."""
    try:
        build(rules, vendor=Vendor(name="-"), post=PostRules(service_address="-", registration_address="-"))
    except BadConfig as error:
        return error.problems
    return ()


def read_workflow(page: Page) -> Workflow:
    """Read `workflow.toml`: statuses, types, transitions; complains to the page."""
    top = Table.top(page)
    top.only("set", "initial", "opens", "status", "type", "transition")
    set_name = top.text("set")
    status_tables, type_tables = top.tables("status"), top.tables("type")
    statuses = tuple(_status(table) for table in status_tables)
    types = tuple(_type(table) for table in type_tables)
    names = _unique(status_tables)
    rows = [_row(table, names, _unique(type_tables)) for table in top.tables("transition")]
    initial = top.text("initial", names)
    workflow = Workflow(
        set=set_name,
        initial=initial,
        opens=top.text("opens", [case_type.name for case_type in types]),
        statuses=statuses,
        types=types,
        transitions=tuple(row.transition for row in rows),
    )
    names_are_right = not page.problems
    _find_contradictions(rows, workflow)
    if names_are_right:
        _find_dead_ends(workflow, status_tables)
    return workflow


def _status(table: Table) -> Status:
    table.only("name", "label", "turn")
    turn = table.text("turn", list(Turn))
    return Status(name=table.text("name"), label=_label(table), turn=Turn(turn or Turn.NOBODY))


def _type(table: Table) -> CaseType:
    table.only("name", "label", "sla")
    return CaseType(name=table.text("name"), label=_label(table), sla=table.text_or_none("sla", CLOCKS))


def _label(table: Table) -> str:
    label = table.text("label")
    if set("{}") & set(label.replace("{vendor}", "")):
        table.complain("label", "only {vendor} may stand in braces")
    return label


def _unique(tables: Iterable[Table]) -> list[str]:
    """The names of these tables; complains about one that comes again."""
    lines: dict[str, int | None] = {}
    for table in tables:
        name = table.text("name")
        if name and name in lines:
            table.complain("name", f'"{name}" stands already in line {lines[name]}')
        lines.setdefault(name, table.line("name"))
    return [name for name in lines if name]


def _row(table: Table, statuses: Sequence[str], types: Sequence[str]) -> _Row:
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
    return _Row(Transition(event=event, by=frozenset(actors), sources=sources, target=target, types=case_types), table)


def _find_contradictions(rows: Sequence[_Row], workflow: Workflow) -> None:
    """Two rows for one event, status, actor and type: which of them counts would depend on their order."""
    all_types = frozenset(case_type.name for case_type in workflow.types)
    for place, row in enumerate(rows):
        for earlier in rows[:place]:
            one, other = row.transition, earlier.transition
            if not one.event or one.event != other.event or not one.target or not other.target:
                continue
            sources = [source for source in one.sources if source in other.sources]
            types = (one.types or all_types) & (other.types or all_types)
            if sources and types and one.by & other.by:
                who, line = " and ".join(sorted(one.by & other.by)), earlier.table.line("event")
                says = "says again what" if one.target == other.target else f'goes to "{one.target}" and contradicts'
                also = " says" if one.target == other.target else f', which goes to "{other.target}"'
                what = f'"{one.event}" by {who} from {", ".join(sources)}'
                row.table.complain("event", f"{what} {says} line {line}{also}")


def _find_dead_ends(workflow: Workflow, tables: Sequence[Table]) -> None:
    """Statuses that no case can come to, or none can leave."""
    steps = {(source, row.target) for row in workflow.transitions for source in row.sources if source != row.target}
    reached, waiting = {workflow.initial}, [workflow.initial]
    while waiting:
        here = waiting.pop()
        further = {target for source, target in steps if source == here} - reached
        reached |= further
        waiting += further
    for status, table in zip(workflow.statuses, tables, strict=True):
        if status.name not in reached:
            table.complain("name", f'no transition leads from "{workflow.initial}" to "{status.name}"')
        if not any(source == status.name for source, _ in steps):
            table.complain("name", f'no transition leads out of "{status.name}"')


def read_notices(page: Page) -> tuple[NoticeRule, ...]:
    """Read `notices.toml`: what is told to whom, by which template; complains to the page."""
    top = Table.top(page)
    top.only("notice")
    rules: list[tuple[int | None, NoticeRule]] = []
    for table in top.tables("notice"):
        rule = _notice(table)
        for line, earlier in rules:
            common = (rule.events or EVENTS.keys()) & (earlier.events or EVENTS.keys())
            if rule.kind and (rule.kind, rule.to) == (earlier.kind, earlier.to) and common:
                table.complain("kind", f"{rule.to} would get two mails: line {line} tells of {rule.kind} already")
        rules.append((table.line("kind"), rule))
    return tuple(rule for _, rule in rules)


def _notice(table: Table) -> NoticeRule:
    table.only("kind", "to", "template", "automatic", "events", "internal")
    rule = NoticeRule(
        kind=table.text("kind", list(NoticeKind)),
        to=table.text("to", RECIPIENTS),
        template=table.text("template"),
        automatic=table.text_or_none("automatic", AUTO_SUBMITTED),
        events=frozenset(table.texts("events", EVENTS)) if table.has("events") else None,
        internal=table.flag("internal"),
    )
    if rule.internal and rule.to not in {"vendor", ""}:
        table.complain("to", f'internal mail never leaves the vendor, and "{rule.to}" may be a customer')
    if rule.kind == NoticeKind.NOTE and not rule.internal:
        table.complain("kind", "a note never leaves the vendor: internal = true is missing")
    return rule


def read_mail_rules(page: Page) -> MailRules:
    """Read `mail.toml`: marks of automatic mail, words around quoted text; complains to the page."""
    top = Table.top(page)
    top.only("automatic", "text")
    automatic, text = top.table("automatic"), top.table("text")
    automatic.only("strong", "weak", "senders", "absence")
    text.only("wrote", "labels", "dividers", "taglines")
    return MailRules(
        automatic=AutomaticRules(
            strong=tuple(_mark(table) for table in automatic.tables("strong")),
            weak=tuple(_mark(table) for table in automatic.tables("weak")),
            senders=automatic.texts("senders"),
            absence=automatic.texts("absence"),
        ),
        text=TextRules(
            wrote=text.texts("wrote"),
            labels=text.texts("labels"),
            dividers=text.texts("dividers"),
            taglines=text.texts("taglines"),
        ),
    )


def _mark(table: Table) -> HeaderMark:
    table.only("header", "pattern")
    mark = HeaderMark(header=table.text("header").lower(), pattern=table.text("pattern"))
    try:
        re.compile(mark.pattern)
    except re.error as error:
        table.complain("pattern", f"not a regular expression: {error}")
    return mark
