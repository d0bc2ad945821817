"""What can be configured beyond settings: the rule set in force, and the templates of our mail (SPEC section 15)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.errors import BadConfig, NotFound, Refused
from gateway.terminal import show
from gateway.terminal.context import Desk
from gateway.terminal.room import JsonOption, Room

if TYPE_CHECKING:
    from gateway.mail.templates import Templates

room = Room("The rules in force: statuses, transitions, notices.")
templates = Room("The texts of our mail.")


@room.task("show", "rules show", "rules show --json")
def show_rules(desk: Desk, json: JsonOption = False) -> None:
    """Show the statuses, and which event leads from where to where."""
    policy = desk.policy
    flow = policy.workflow
    if json:
        show.print_json(
            {
                "set": flow.set,
                "statuses": [
                    {"name": status.name, "label": policy.label(status.name), "turn": status.turn}
                    for status in flow.statuses
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
            }
        )
        return
    show.say(f"rule set {flow.set}", style="bold")
    columns = [show.Column(head=head) for head in ("Status", "Label", "Turn")]
    show.table(columns, [(item.name, policy.label(item.name), item.turn) for item in flow.statuses], empty="")
    show.say("")
    for row in flow.transitions:
        only = f" (only {', '.join(sorted(row.types))})" if row.types else ""
        show.say(f"{row.event} by {', '.join(sorted(row.by))} → {row.target}{only}")
        show.say(f"  from {', '.join(row.sources)}")


@room.task("check", "rules check", "rules check ./my-rules", "rules check ./my-rules/workflow.toml --json")
def check_rules(
    desk: Desk,
    path: Annotated[Path | None, typer.Argument(metavar="PATH", help="A rule set; else the one in force.")] = None,
    json: JsonOption = False,
) -> None:
    """Check a rule set; every problem is one line with file and line number. Exit 1 when there is one."""
    from gateway import config

    settings = desk.settings if path is None and desk.is_configured else None
    _report(config.check_rules(path, settings), "the rules are sound", json=json)


def _report(problems: tuple[str, ...], fine: str, *, json: bool) -> None:
    if json:
        show.print_json(list(problems))
    else:
        for problem in problems:
            show.say(show.line(problem, 1_000))
    if problems:
        raise Refused(f"{show.count(len(problems), 'problem')} found")
    if not json:
        show.say(fine)


@templates.task("list", "template list", "template list --json")
def list_templates(desk: Desk, json: JsonOption = False) -> None:
    """List the templates of our mail."""
    names = _templates(desk).names()
    if json:
        show.print_json([{"name": name} for name in names])
        return
    for name in names:
        show.say(name)


@templates.task("check", "template check")
def check_templates(desk: Desk, json: JsonOption = False) -> None:
    """Write every template with sample data; every problem is one line. Exit 1 when there is one."""
    try:
        problems = _templates(desk).check()
    except BadConfig as error:
        problems = error.problems
    _report(problems, "the templates are sound", json=json)


@templates.task("preview", "template preview case_opened", "template preview agent_replied --lang de --html page.html")
def preview(
    desk: Desk,
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of `casegate template list`.")],
    lang: Annotated[str, typer.Option(metavar="L", help="The language.")] = "en",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the HTML form there.")] = None,
) -> None:
    """Show a mail with sample data."""
    from gateway import config

    shelf = _templates(desk)
    if name not in shelf.names():
        raise NotFound(f"there is no template {name}; there are: {', '.join(shelf.names())}")
    vendor = config.vendor(desk.settings) if desk.is_configured else None
    mail = shelf.preview(name, lang, vendor)
    if html is not None:
        try:
            html.write_text(mail.html, encoding="utf-8")
        except OSError as error:
            raise Refused(f"{html}: {error.strerror}; nothing was written") from error
        show.say(f"written to {show.line(str(html))}")
        return
    show.say(f"Subject: {show.line(mail.subject)}", style="bold")
    show.say("")
    show.say(show.body(mail.text).rstrip("\n"))


def _templates(desk: Desk) -> "Templates":
    """Those in force; without any configuration, the shipped ones."""
    from gateway.mail.templates import Templates
    from gateway.resources import data_dir

    override = desk.settings.templates.dir if desk.is_configured else None
    return Templates.load(data_dir("templates"), override)
