"""The contents page of the CLI: mounts the rooms, and turns what stopped a command into one line and an exit code.

`casegate` and `cli.py` enter at `main`. Promises of SPEC section 15: 0 done, 1 refused or not found, 2 wrong usage,
3 configuration, 4 a server that is needed is not there; no traceback unless CASEGATE_DEBUG asks for one.
"""

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from gateway.errors import BadConfig, CasegateError
from gateway.terminal import show
from gateway.terminal.room import ConfigOption, Room

EPILOG = """\b
Examples:
  casegate demo                              see it work
  casegate init mygateway                    make a gateway
  casegate cases --turn vendor               what waits for us
  casegate case reply 4711 -m "Fixed."       answer a customer
\b
Configuration: --config, $CASEGATE_CONFIG, ./config.toml, /etc/casegate/config.toml;
$CASEGATE_SECTION__KEY over it. $CASEGATE_AGENT says who acts.
Exit codes: 0 done, 1 refused or not found, 2 wrong usage, 3 configuration,
4 a server that is needed is not there. CASEGATE_DEBUG=1 shows tracebacks."""

GARBAGE = 50_000
"""So many new objects before Python looks for circles among them: a short command that looks 200 times, as it would, spends a tenth of its time on that."""

ROOMS = {
    "start:room": "init serve status settle",
    "queue:lists": "queue next",
    "work:lists": "cases",
    "finding:lists": "search",
    "casework:room": "case",
    "bookings:accounts": "account",
    "inviting:contacts": "contact",
    "registrations:registrations": "registration",
    "approvals:approvals": "approval",
    "vendor:agents": "agent",
    "escalation:escalations": "escalation",
    "announcing:room": "announce",
    "intake:room": "intake",
    "mail:room": "outbox",
    "why:room": "why",
    "sla:room": "sla",
    "snippets:room": "snippet",
    "report:room": "report",
    "rules:room": "rules",
    "templates:room": "template",
    "data:room": "db",
}
"""Where commands are declared (module and name in it), and the words that lead there, in the order of the help page.

A Room without a help text of its own holds commands that stand beside the groups; any other is the group of its word.
"""

READING = {"case show": "work:room", "case history": "work:room"}
"""Commands of a group that another Room declares as well, without all that acting needs."""


def contents(words: Sequence[str] = ()) -> Room:
    """The CLI as far as this command line needs it: one Room where its first words name one, else all of them.

    Importing and declaring all of them takes a third of a second, several times what a short command does.
    """
    app = Room("Casegate, a support desk behind one mail address: mail in, cases, answers out.", epilog=EPILOG)
    app.callback(invoke_without_command=True)(_root)
    app.command("demo", epilog="\b\nExamples:\n  casegate demo")(_demo)
    place = _place(words)
    for name in (place,) if place else ROOMS:
        module, _, room = name.partition(":")
        found = getattr(importlib.import_module(f"gateway.terminal.{module}"), room)
        app.add_typer(found, name=None if found.is_beside_groups else ROOMS.get(name, "case"))
    return app


def _place(words: Sequence[str]) -> str | None:
    """The Room that the first words name; None where they name none, or where it takes all to say so."""
    left = list(words)
    while left and (left[0] == "--config" or left[0].startswith("--config=")):
        left = left[1 if "=" in left[0] else 2 :]
    first = left[0] if left else ""
    return READING.get(" ".join(left[:2])) or next(
        (name for name, leads in ROOMS.items() if first in leads.split()), None
    )


def _root(
    ctx: typer.Context,
    config: ConfigOption = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Keep what stands in front of the command."""
    ctx.obj = config
    if version:
        typer.echo(f"casegate {_installed_version()}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _installed_version() -> str:
    from importlib import metadata

    try:
        return metadata.version("casegate")
    except metadata.PackageNotFoundError:
        return "(a checkout that is not installed)"


def _demo() -> None:
    """Show Casegate at work on this machine: mail in, cases, answers out. Needs nothing, leaves nothing behind."""
    from gateway.terminal.demo import demo

    demo()


def run(words: Sequence[str] | None = None) -> int:
    """One command line, to its exit code; whatever stopped it is told on stderr."""
    words = sys.argv[1:] if words is None else words
    try:
        code = typer.main.get_command(contents(words)).main(words, prog_name="casegate", standalone_mode=False)
    except CasegateError as error:
        for problem in error.problems if isinstance(error, BadConfig) else (error.public,):
            show.complain(f"casegate: {problem}")
        return error.exit_code
    except typer.TyperException as error:  # the words of a wrong command line
        at = getattr(getattr(error, "ctx", None), "command_path", "casegate")
        what = error.format_message().replace("Value error, ", "").rstrip(".")
        show.complain(f"{at}: {what}; see `{at} --help`")
        return 2
    except typer.Abort:
        show.complain("casegate: stopped; nothing was done")
        return 1
    except Exception as error:  # a loop top: one line instead of a traceback
        if os.environ.get("CASEGATE_DEBUG"):
            raise
        show.complain(f"casegate: unexpected {type(error).__name__}: {error}; CASEGATE_DEBUG=1 shows where")
        return 1
    return code if isinstance(code, int) else 0


def main() -> None:
    """The installed script, and `cli.py`."""
    gc.set_threshold(GARBAGE)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 shows an escape
    code = run()
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough: `casegate cases | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    gc.freeze()  # the end of the process gives all back; nothing is looked through once more
    sys.exit(code)


if __name__ == "__main__":
    main()
