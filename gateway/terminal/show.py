"""How the terminal prints: tables and lines for people, JSON for scripts; nothing a sender wrote gets through raw.

Every command prints through this page. `line` and `body` make text safe: what could move the cursor, colour, hide or
reorder what people read becomes a visible escape. Rich never sees markup: it gets Text, or plain strings with markup off.
"""

import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from gateway.domain.words import file_size
from gateway.errors import Refused

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Json = Any
"""What `json.dumps` takes, once `_plain` went over it."""

MOST_MARKS = 4
"""So many combining marks on one letter; no language needs more."""

MOST_IN_LINE = 400
"""Characters of untrusted text in one cell or line."""

MOST_INDENTED = 1_000
"""Objects of a list that are printed for people to read, too."""

GAP = 2
LEAST_WIDTH = 8
"""A column that gives way stays this wide."""

PIPE_WIDTH = 160
"""Columns where no terminal says how many there are."""


_JOINED_EMOJI = re.compile(
    r"(?<=[\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])\u200d(?=[\u2600-\u27bf\U0001f000-\U0001faff])"
)
"""What makes one picture of several emoji (a family); shown side by side they say the same, in a known width."""


def line(text: str | None, limit: int = MOST_IN_LINE) -> str:
    """The text as one safe line of bounded length; "" for None."""
    if not text:
        return ""
    safe = _escape(" ".join(text[: 4 * limit].split()) if not text.isprintable() else text[: 4 * limit], keep="")
    return safe if len(safe) <= limit else f"{safe[: limit - 1]}…"


def body(text: str) -> str:
    """The text, safe, with its lines and tabs. Soft hyphens, where a line may be broken, are left out."""
    rows = text.replace("\r\n", "\n").replace("\u00ad", "").split("\n")
    return "\n".join(_escape(row, keep="\t") for row in rows)


def _escape(text: str, keep: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    if "\u200d" in text:
        text = _JOINED_EMOJI.sub("", text)
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


def age(since: datetime, now: datetime) -> str:
    """How long something lasts, for people: `12 min`, `5 h`, `3 d`."""
    minutes = max(0, int((now - since).total_seconds()) // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"


def size(octets: int) -> str:
    """A size for people, as mails say it too: `812 bytes`, `2.1 kB`, `14 MB`."""
    return file_size(octets)


def count(number: int, thing: str) -> str:
    """`1 mail`, `2 mails`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def print_json(value: Json, *, compact: bool = False) -> None:
    """Print JSON: times RFC 3339 in UTC with `Z`, dataclasses as objects, everything beyond ASCII escaped.

    A long list has one object a line: indenting a hundred thousand of them takes ten times as long.
    """
    plain = _plain(value)
    if isinstance(plain, list) and len(plain) > MOST_INDENTED:
        text = "[\n" + ",\n".join(json.dumps(item) for item in plain) + "\n]"
    else:
        text = json.dumps(plain, indent=None if compact else 2)
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


def is_terminal() -> bool:
    """True where a person reads along."""
    return sys.stdout.isatty()


def console() -> "Console":
    """Where tables and colours go: plain when piped, never markup, never emoji codes."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False, width=None if is_terminal() else width())


def say(text: str, style: str = "") -> None:
    """One line for people on stdout; `text` is ours or safe already."""
    if style and is_terminal():
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


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str | int | None]],
    *,
    empty: str,
    below: "Sequence[Text | None]" = (),
) -> None:
    """One line a row, cut where the terminal ends; `empty` says so when there is nothing to show.

    `below` gives each row a second line, or None; its text is safe already.
    """
    if not rows:
        say(empty)
        return
    head, *lines = table_lines(columns, rows)
    say(head, style="bold")
    out = console() if any(below) and is_terminal() else None
    for text, under in zip_longest(lines, below):
        say(text)
        if under and out:
            under.truncate(out.width, overflow="ellipsis")
            out.print(under, no_wrap=True)
        elif under:
            say(cut(under.plain, width()).rstrip())


def table_lines(columns: Sequence[Column], rows: Sequence[Sequence[str | int | None]]) -> list[str]:
    """The head and one line a row, each as wide as the terminal at most."""
    most = width()
    shown = [number for number, column in enumerate(columns) if most >= column.from_width]
    heads = [columns[number] for number in shown]
    cells = [[line(str(row[number])) if row[number] is not None else "" for number in shown] for row in rows]
    wide = _widths(heads, cells, most)
    return [_row(texts, heads, wide, most) for texts in ([head.head for head in heads], *cells)]


def _row(texts: Sequence[str], heads: Sequence[Column], wide: Sequence[int], most: int) -> str:
    parts = []
    for text, head, columns in zip(texts, heads, wide, strict=True):
        fitting = cut(text, columns)
        blank = " " * (columns - cells_of(fitting))
        parts.append(blank + fitting if head.right else fitting + blank)
    return cut((" " * GAP).join(parts), most).rstrip()


def _widths(heads: Sequence[Column], cells: Sequence[Sequence[str]], most: int) -> list[int]:
    """How wide each column is: what it needs, but for those that give way, the widest first."""
    wants = [max(len(head.head), *(cells_of(row[place]) for row in cells)) for place, head in enumerate(heads)]
    if is_terminal():
        wants = [min(want, head.most or want) for want, head in zip(wants, heads, strict=True)]
    givers = [place for place, head in enumerate(heads) if head.gives]
    while sum(wants) + GAP * (len(wants) - 1) > most and givers:
        widest = max(givers, key=lambda place: wants[place])
        if wants[widest] <= LEAST_WIDTH:
            break
        wants[widest] -= 1
    return wants


def width() -> int:
    """Columns to print in: COLUMNS, else the terminal's; in a pipe a fixed number."""
    if (told := os.environ.get("COLUMNS", "")).isdecimal() and int(told):
        return int(told)
    return shutil.get_terminal_size().columns if is_terminal() else PIPE_WIDTH


def cells_of(text: str) -> int:
    """How many columns of a terminal a line takes: wide letters two, marks none (Unicode Annex 11)."""
    if text.isascii():
        return len(text)
    return sum(_cells(letter) for letter in text)


def _cells(letter: str) -> int:
    if unicodedata.category(letter) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1


def cut(text: str, most: int) -> str:
    """The line in so many columns at most; where it is cut stands an ellipsis."""
    if cells_of(text) <= most:
        return text
    kept, used = [], 1
    for letter in text:
        used += _cells(letter)
        if used > most:
            break
        kept.append(letter)
    return "".join(kept).rstrip() + "…"


def wrap(text: str, most: int) -> list[str]:
    """A line as lines of so many columns at most, broken between words; a longer word is broken anywhere."""
    text = text.expandtabs().rstrip()
    lines, start = [], 0
    while (end := _end_of_line(text, start, most)) < len(text):
        lines.append(text[start:end].rstrip())
        start = end
        while start < len(text) and text[start] == " ":
            start += 1
    return [*lines, text[start:]]


def _end_of_line(text: str, start: int, most: int) -> int:
    """Where the line that begins at `start` ends: before a word, or in one that alone is too long."""
    used, after_blank, begun = 0, 0, False
    for place in range(start, len(text)):
        letter = text[place]
        used += _cells(letter)
        if letter == " " and begun:
            after_blank = place + 1
        elif used > most:
            return after_blank or max(place, start + 1)
        elif _cells(letter) == 2:  # what is written without blanks may be broken anywhere
            after_blank = place + 1
        begun = begun or letter != " "
    return len(text)


def tell_rest(shown: int, found: int) -> None:
    """Below a list that was cut: how much more there is, and how to have it."""
    if found > shown:
        say(f"{shown:,} of {found:,}; --limit N or --json for more", style="dim")


def facts(pairs: Sequence[tuple[str, str | None]]) -> None:
    """A block of `name  value` lines; pairs without a value are left out. Values are made safe here."""
    width = max((len(name) for name, value in pairs if value), default=0)
    for name, value in pairs:
        if value:
            say(f"{name:<{width}}  {line(value, 2_000)}")


def report(problems: Sequence[str], fine: str, *, json: bool) -> None:
    """What a check found, one line a problem, or that all is `fine`; Refused where it found anything."""
    if json:
        print_json(list(problems))
    else:
        for problem in problems:
            say(line(problem, 1_000))
    if problems:
        raise Refused(f"{count(len(problems), 'problem')} found")
    if not json:
        say(fine)
