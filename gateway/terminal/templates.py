"""The texts of our mail: which there are and where they come from, what is wrong with them, how they look (SPEC section 13)."""

import difflib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.errors import BadConfig, BadUsage, NotFound, Refused
from gateway.terminal import show
from gateway.terminal.context import Desk
from gateway.terminal.room import JsonOption, Room

if TYPE_CHECKING:
    from gateway.domain.policy import Policy
    from gateway.mail.templates import Templates

room = Room("The texts of our mail.")


@room.task("list", "template list", "template list --json")
def list_templates(desk: Desk, json: JsonOption = False) -> None:
    """List the templates of our mail: languages, which notices of the rules they serve, and where they come from."""
    shelf, policy = _templates(desk), _policy(desk)
    kinds = {name: sorted({rule.kind for rule in policy.notices if rule.template == name}) for name in shelf.names()}
    if json:
        show.print_json(
            [
                {
                    "name": name,
                    "languages": shelf.languages(name),
                    "kinds": kinds[name],
                    "overridden": bool(shelf.overridden(name)),
                    "files": shelf.overridden(name),
                }
                for name in shelf.names()
            ]
        )
        return
    show.table(
        [
            show.Column(head="Template"),
            show.Column(head="Languages"),
            show.Column(head="Notices", gives=True),
            show.Column(head="From", gives=True),
        ],
        [
            (name, ", ".join(shelf.languages(name)), ", ".join(kinds[name]) or "none", _origin(shelf, name))
            for name in shelf.names()
        ],
        empty="there is no template",
    )
    if shared := shelf.overridden():
        show.say("")
        show.say("In all of them, where they include it:")
        for file in shared:
            show.say(f"  {show.line(file)}")


def _origin(shelf: "Templates", name: str) -> str:
    return ", ".join(shelf.overridden(name)) or "shipped"


@room.task("check", "template check", "template check ./my-templates")
def check_templates(
    desk: Desk,
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="A folder of templates; else the one in force.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write every template with sample data, and name what a language lacks; every problem is one line.

    Exit 1 when there is one.
    """
    labels = _policy(desk).workflow.labels
    try:
        problems = _templates(desk, folder).check(labels)
    except BadConfig as error:
        problems = error.problems
    show.report(problems, "the templates are sound", json=json)


@room.task(
    "preview",
    "template preview case_opened",
    "template preview agent_replied --lang de",
    "template preview approval --page approval.html",
    "template preview approval --open",
)
def preview(
    desk: Desk,
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of `casegate template list`.")],
    lang: Annotated[str, typer.Option(metavar="L", help="The language.")] = "en",
    html: Annotated[bool, typer.Option("--html", help="Print the HTML form's source.")] = False,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="Write a page with both forms.")
    ] = None,
    opens: Annotated[bool, typer.Option("--open", help="Show that page in the browser.")] = False,
    json: JsonOption = False,
) -> None:
    """Show a mail with sample data: in the terminal, or as a page with both forms, light and dark, wide and narrow."""
    if html + json + bool(page or opens) > 1:
        raise BadUsage("choose one of --html, --json, and a page with --page or --open")
    shelf, policy = _templates(desk), _policy(desk)
    _must_be_known(shelf, name, lang)
    mail = shelf.preview(name, lang, policy.vendor)
    if json:
        show.print_json({"name": name, "lang": lang, "subject": mail.subject, "text": mail.text, "html": mail.html})
    elif html:
        show.say(show.body(mail.html).rstrip("\n"))
    elif page or opens:
        from gateway.terminal.template_page import as_page

        _give(as_page(name, lang, mail, policy), page, opens=opens)
    else:
        show.say(f"From: {show.line(policy.vendor.name)}", style="dim")
        show.say(f"Subject: {show.line(mail.subject)}", style="bold")
        show.say("")
        show.say(show.body(mail.text).rstrip("\n"))


def _must_be_known(shelf: "Templates", name: str, lang: str) -> None:
    names = shelf.names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        known = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
        raise NotFound(f"there is no template {name}; {known}")
    languages = shelf.languages(name)
    if lang not in languages and lang.partition("-")[0] not in languages:
        raise NotFound(f"{name} is not written in {lang}; there are: {', '.join(languages)}")


def _give(text: str, file: Path | None, *, opens: bool) -> None:
    """Write the page where it is asked for, and show it if that is."""
    from gateway.terminal import pages

    if file is None:
        file = Path(tempfile.mkdtemp(prefix="casegate-")) / "preview.html"
    pages.write(file, text)
    show.say(f"written to {show.line(str(file))}")
    if opens and typer.launch(file.resolve().as_uri()):
        raise Refused(f"no browser could be started; open {file} yourself")


def _policy(desk: Desk) -> "Policy":
    """The rules in force; without any configuration, the shipped ones."""
    from gateway import config

    return desk.policy if desk.is_configured else config.named_policy(None, None)


def _templates(desk: Desk, folder: Path | None = None) -> "Templates":
    """Those in force, or of a folder; without any configuration, the shipped ones."""
    from gateway.mail.templates import Templates
    from gateway.resources import data_dir

    override = desk.settings.templates.dir if folder is None and desk.is_configured else folder
    return Templates.load(data_dir("templates"), override)
