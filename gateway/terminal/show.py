"""How the terminal prints: tables and lines for people, JSON for scripts; nothing a sender wrote gets through raw.

Every command prints through this page. `line` and `body` make text safe: what could move the cursor, colour, hide or
reorder what people read becomes a visible escape. Rich never sees markup: it gets Text, or plain strings with markup off.
"""

import json
import os
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Json = Any
"""What `json.dumps` takes, once `_plain` went over it."""

MOST_MARKS = 4
"""So many combining marks on one letter; no language needs more."""

MOST_IN_LINE = 400
"""Characters of untrusted text in one cell or line."""

GAP = 2
LEAST_WIDTH = 8
"""A column that gives way stays this wide."""

PIPE_WIDTH = 160
"""Columns where no terminal says how many there are."""


def line(text: str | None, limit: int = MOST_IN_LINE) -> str:
    """The text as one safe line of bounded length; "" for None."""
    if not text:
        return ""
    safe = _escape(" ".join(text[: 4 * limit].split()) if not text.isprintable() else text[: 4 * limit], keep="")
    return safe if len(safe) <= limit else f"{safe[: limit - 1]}…"


def body(text: str) -> str:
    """The text, safe, with its lines and tabs."""
    return _escape(text.replace("\r\n", "\n"), keep="\n\t")


def _escape(text: str, keep: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    out: list[str] = []
    marks = 0
    for letter in text:
        kind = unicodedata.category(letter)
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if marks > MOST_MARKS:
            continue
        if letter in keep or kind not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}:
            out.append(letter)
        else:
            out.append(_visible(letter))
    return "".join(out)


def _visible(letter: str) -> str:
    code = ord(letter)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def when(at: datetime | None) -> str:
    """A time for people, local to this machine, to the minute."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M") if at else ""


def count(number: int, thing: str) -> str:
    """`1 mail`, `2 mails`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def print_json(value: Json, *, compact: bool = False) -> None:
    """Print JSON: times RFC 3339 in UTC with `Z`, dataclasses as objects, everything beyond ASCII escaped."""
    text = json.dumps(_plain(value), indent=None if compact else 2)
    sys.stdout.write(text.replace("\x7f", "\\u007f") + "\n")


def members(value: Any) -> dict[str, Json]:
    """The fields of a dataclass by name, ready for one object of JSON."""
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: Any) -> Json:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case StrEnum():
            return value.value
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case str() | int() | float() | None:
            return value
        case Sequence() | frozenset():
            return [_plain(item) for item in value]
        case _ if is_dataclass(value):
            return members(value)
        case _:
            return str(value)


def console() -> "Console":
    """Where tables and colours go: plain when piped, never markup, never emoji codes."""
    from rich.console import Console

    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(markup=False, highlight=False, emoji=False, width=PIPE_WIDTH if piped else None)


def say(text: str, style: str = "") -> None:
    """One line for people on stdout; `text` is ours or safe already."""
    if style and sys.stdout.isatty():
        console().print(text, style=style, soft_wrap=True)
    else:
        sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    """One line for people on stderr."""
    sys.stderr.write(f"{line(text, 2_000)}\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: its head, how wide it may get at a terminal, and how wide that must be to show it.

    `gives` says that it is cut first where the line is too long.
    """

    head: str
    most: int | None = None
    right: bool = False
    gives: bool = False
    from_width: int = 0


def table(columns: Sequence[Column], rows: Sequence[Sequence[str | int | None]], *, empty: str) -> None:
    """One line a row, cut where the terminal ends; `empty` says so when there is nothing to show."""
    if not rows:
        say(empty)
        return
    from rich.table import Table
    from rich.text import Text

    out = console()
    shown = [number for number, column in enumerate(columns) if out.width >= column.from_width]
    cells = [[Text("" if row[number] is None else line(str(row[number]))) for number in shown] for row in rows]
    grid = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    heads = [columns[number] for number in shown]
    for column, width in zip(heads, _widths(heads, cells, out), strict=True):
        justify: Literal["left", "right"] = "right" if column.right else "left"
        grid.add_column(column.head, no_wrap=True, overflow="ellipsis", width=width, justify=justify)
    for texts in cells:
        grid.add_row(*texts)
    out.print(grid)


def _widths(heads: Sequence[Column], cells: "Sequence[Sequence[Text]]", out: "Console") -> list[int]:
    """How wide each column is: what it needs, but for those that give way, the widest first."""
    wants = [max(len(head.head), *(row[place].cell_len for row in cells)) for place, head in enumerate(heads)]
    if out.is_terminal:
        wants = [min(want, head.most or want) for want, head in zip(wants, heads, strict=True)]
    givers = [place for place, head in enumerate(heads) if head.gives]
    while sum(wants) + GAP * (len(wants) - 1) > out.width and givers:
        widest = max(givers, key=lambda place: wants[place])
        if wants[widest] <= LEAST_WIDTH:
            break
        wants[widest] -= 1
    return wants


def facts(pairs: Sequence[tuple[str, str | None]]) -> None:
    """A block of `name  value` lines; pairs without a value are left out. Values are made safe here."""
    width = max((len(name) for name, value in pairs if value), default=0)
    for name, value in pairs:
        if value:
            say(f"{name:<{width}}  {line(value, 2_000)}")
