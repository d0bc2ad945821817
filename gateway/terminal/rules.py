"""The rule set in force: shown, checked and drawn (SPEC section 15)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gateway.errors import BadUsage
from gateway.terminal import show
from gateway.terminal.context import Desk
from gateway.terminal.room import JsonOption, Room

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.domain.policy import Policy, Status, Workflow

Form = Literal["mermaid", "svg", "png"]

room = Room("The rules in force: statuses, transitions, types, priorities, services.")


@room.task("show", "rules show", "rules show --json")
def show_rules(desk: Desk, json: JsonOption = False) -> None:
    """Show the rules in force: statuses, which event leads from where to where, types, priorities, services."""
    policy = desk.policy
    if json:
        show.print_json(_as_json(policy))
    else:
        _show_statuses(policy)
        _show_types(policy.workflow)
        _show_kinds(policy.workflow)


def _as_json(policy: "Policy") -> show.Json:
    flow = policy.workflow
    return {
        "set": flow.set,
        "statuses": [
            {"name": status.name, "label": policy.label(status.name), "turn": status.turn} for status in flow.statuses
        ],
        "transitions": [
            {
                "event": row.event,
                "by": sorted(row.by),
                "from": list(row.sources),
                "to": row.target,
                "types": sorted(row.types) if row.types else None,
            }
            for row in flow.transitions
        ],
        "types": flow.types,
        "priorities": flow.priorities,
        "categories": flow.categories,
        "services": flow.services,
    }


def _show_statuses(policy: "Policy") -> None:
    from gateway.terminal.rule_graph import only_for

    flow = policy.workflow
    show.say(f"rule set {show.line(flow.set)}", style="bold")
    _table(
        ("Status", "Label", "Turn", "Remarks"),
        [(item.name, policy.label(item.name), item.turn, _remarks(item, flow)) for item in flow.statuses],
    )
    for row in flow.transitions:
        only = only_for(row, flow)
        show.say(f"{row.event} by {', '.join(sorted(row.by))} → {row.target}{f' ({only})' if only else ''}")
        show.say(f"  from {', '.join(row.sources)}")
    show.say("")
    if policy.auto_close_days and not any(row.event == "auto_close" for row in flow.transitions):
        show.say(f"auto_close_days = {policy.auto_close_days} does nothing: this set has no auto_close")
        show.say("")


def _remarks(status: "Status", flow: "Workflow") -> str:
    remarks = ["new cases"] if status.name == flow.initial else []
    remarks += ["thanks do not wake it"] if status.settled else []
    remarks += [f"customers reopen it for {status.reopen_days} days"] if status.reopen_days else []
    return ", ".join(remarks)


def _show_types(flow: "Workflow") -> None:
    names = ", ".join(priority.name for priority in flow.priorities)
    rows = []
    for kind in flow.types:
        sla = "by priority" if kind.has_priority else f"as {kind.sla}" if kind.sla else "none"
        priorities = names if kind.has_priority else "none"
        needs = " or ".join(kind.needs) or "nothing"
        remarks = ["what mail opens"] if kind.name == flow.opens else []
        remarks += ["incident managers join"] if kind.incident else []
        remarks += [f"escalates to {kind.escalates_to}"] if kind.escalates_to else []
        rows.append((kind.name, kind.label, sla, priorities, needs, ", ".join(remarks)))
    _table(("Type", "Label", "SLA", "Priorities", "Needs", "Remarks"), rows)


def _show_kinds(flow: "Workflow") -> None:
    _table(
        ("Priority", "Label", "When", "Remarks"),
        [
            (item.name, item.label, item.meaning, "by mail" if item.name == flow.by_mail else "")
            for item in flow.priorities
        ],
    )
    rights = {(True, False): "decision makers order it", (False, True): "with PIN"}
    _table(
        ("Category", "Label", "Type", "Remarks"),
        [(item.name, item.label, item.type, rights.get((item.order, item.pin), "")) for item in flow.categories],
    )
    _table(
        ("Service", "Label", "Remarks"),
        [
            (item.name, item.label, "incident managers count" if item.incident_managers else "")
            for item in flow.services
        ],
    )


def _table(heads: tuple[str, ...], rows: "Sequence[Sequence[str]]") -> None:
    if rows:
        show.table(
            [show.Column(head=head, gives=head in {"Label", "When", "Remarks"}) for head in heads], rows, empty=""
        )
        show.say("")


@room.task("check", "rules check", "rules check ./my-rules", "rules check ./my-rules/workflow.toml --json")
def check_rules(
    desk: Desk,
    path: Annotated[Path | None, typer.Argument(metavar="PATH", help="A rule set; else the one in force.")] = None,
    json: JsonOption = False,
) -> None:
    """Check a rule set; every problem is one line with file and line number. Exit 1 when there is one."""
    from gateway import config

    settings = desk.settings if path is None and desk.is_configured else None
    show.report(config.check_rules(path, settings), "the rules are sound", json=json)


@room.task("graph", "rules graph", "rules graph production_support", "rules graph ./my-rules -o rules.svg")
def graph(
    desk: Desk,
    chosen: Annotated[Path | None, typer.Argument(metavar="SET", help="A rule set; else the one in force.")] = None,
    form: Annotated[Form | None, typer.Option("--format", help="What to draw; svg and png need Graphviz.")] = None,
    file: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there.")] = None,
) -> None:
    """Draw a rule set: Mermaid text, or a picture where Graphviz is installed."""
    from gateway import config
    from gateway.terminal import rule_graph

    if form is None:
        form = "svg" if file and file.suffix == ".svg" else "png" if file and file.suffix == ".png" else "mermaid"
    if form != "mermaid" and file is None:
        raise BadUsage(f"where to? --format {form} needs -o FILE")
    policy = config.named_policy(chosen, desk.settings if desk.is_configured else None)
    if file is None:
        show.say(rule_graph.mermaid(policy).rstrip("\n"))
        return
    rule_graph.draw(policy, form, file)
    show.say(f"written to {show.line(str(file))}")
