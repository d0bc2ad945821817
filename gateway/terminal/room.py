"""How a command is declared: its name, its examples, `--config`, and a Desk to work at.

The modules of the CLI each make a Room of commands; `app` mounts them. Typer is asked through its public names only.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gateway.terminal.context import Desk

ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", show_default=False, help="The configuration file.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
AsOption = Annotated[
    str | None,
    typer.Option("--as", metavar="AGENT", show_default=False, help="Who acts: an agent's address or unique name."),
]


def examples(*lines: str) -> str:
    """The end of a help page: command lines without `casegate`, each on its own line."""
    return "\b\n" + "\n".join(("Examples:", *(f"  casegate {text}" for text in lines)))


class WordsOrFiles(TyperGroup):
    """A group whose default command takes files: a first word that names no command is the first file."""

    default = "take"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command in front of files and of no words at all; `--config` may stand before a command."""
        place = 0
        while place < len(args) and (args[place] == "--config" or args[place].startswith("--config=")):
            place += 2 if args[place] == "--config" else 1
        front, rest = args[:place], args[place:]
        if rest and rest[0] in self.commands:
            args = [rest[0], *front, *rest[1:]]
        elif not {"-h", "--help"} & set(rest) and (rest or not ctx.resilient_parsing):  # a shell completes commands
            args = [self.default, *args]
        return super().parse_args(ctx, args)


class Room(typer.Typer):
    """A group of commands; help is plain text, so that it reads the same in a pipe."""

    def __init__(self, help_text: str, **more: Any) -> None:
        super().__init__(
            help=help_text,
            rich_markup_mode=None,
            pretty_exceptions_enable=False,
            context_settings={"help_option_names": ["-h", "--help"]},
            **more,
        )

    @property
    def is_beside_groups(self) -> bool:
        """True for commands that stand beside the groups: a Room without a help text."""
        return not self.info.help

    def task(self, name: str, *lines: str, **more: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Declare a command. Its function takes the Desk first; `lines` are its examples."""
        epilog = examples(*lines)

        def declare(work: Callable[..., None]) -> Callable[..., None]:
            self.command(name, epilog=epilog, **more)(_entry(work))
            return work

        return declare


def _entry(work: Callable[..., None]) -> Callable[..., None]:
    """The function that Typer sees: `--config` beside the command's own options, and a Desk opened and closed."""
    own = inspect.signature(work, eval_str=True)
    _desk, *options = own.parameters.values()

    @wraps(work)
    def entry(ctx: typer.Context, config: Path | None, **given: Any) -> None:
        desk = Desk(config or ctx.obj)
        try:
            work(desk, **given)
        finally:
            desk.close()

    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter("ctx", keyword, annotation=typer.Context),
        *(option.replace(kind=keyword) for option in options),
        inspect.Parameter("config", keyword, annotation=ConfigOption, default=None),
    ]
    entry.__signature__ = own.replace(parameters=added)  # type: ignore[attr-defined]  # inspect.signature heeds it
    entry.__annotations__ = {item.name: item.annotation for item in added}
    return entry
