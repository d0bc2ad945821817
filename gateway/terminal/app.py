"""The contents page of the CLI: mounts the rooms, and turns what stopped a command into one line and an exit code.

`casegate` and `cli.py` enter at `main`. Promises of SPEC section 15: 0 done, 1 refused or not found, 2 wrong usage,
3 configuration, 4 a server that is needed is not there; no traceback unless CASEGATE_DEBUG asks for one.
"""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from gateway.errors import BadConfig, CasegateError
from gateway.terminal import acting, customers, data, intake, mail, rules, show, start, vendor, work
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

app = Room("Casegate, a support desk behind one mail address: mail in, cases, answers out.", epilog=EPILOG)


@app.callback(invoke_without_command=True)
def root(
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


app.command("demo", epilog="\b\nExamples:\n  casegate demo")(_demo)
app.add_typer(start.room)
app.add_typer(work.lists)
app.add_typer(acting.room, name="case")
app.add_typer(customers.accounts, name="account")
app.add_typer(customers.contacts, name="contact")
app.add_typer(vendor.agents, name="agent")
app.add_typer(intake.room, name="intake")
app.add_typer(mail.room, name="outbox")
app.add_typer(rules.room, name="rules")
app.add_typer(rules.templates, name="template")
app.add_typer(data.room, name="db")


def run(words: Sequence[str] | None = None) -> int:
    """One command line, to its exit code; whatever stopped it is told on stderr."""
    try:
        code = typer.main.get_command(app).main(words, prog_name="casegate", standalone_mode=False)
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
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 shows an escape
    code = run()
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough: `casegate cases | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
