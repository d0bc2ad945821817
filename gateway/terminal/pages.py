"""Pages for a browser: one file with everything in it, which asks the network for nothing and runs nothing.

`terminal.sla_page` and `terminal.load_page` hand in figures; `templates/pages/` holds the words and the looks, and
escapes. Charts are drawn from plain figures (docs/decisions/0016). All text of people is made safe as at the terminal.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from stat import S_IMODE
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.domain.policy import Policy
from gateway.errors import Refused
from gateway.resources import data_dir
from gateway.services import report
from gateway.terminal import show
from gateway.terminal.charts import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a table: a name and what more it says of itself, figures, and how long its bar's parts are in per cent."""

    name: str
    more: str = ""
    cells: tuple[str, ...]
    bar: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with a caption."""

    caption: str
    head: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    foot: Line | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A figure that is seen first."""

    figure: str
    name: str
    colour: str = ""


def render(name: str, policy: Policy, **values: Any) -> str:
    """A template filled in; its words about days and months name the zone."""
    shelf = Environment(
        loader=FileSystemLoader(data_dir("templates") / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = shelf.get_template(f"{name}.html.jinja")
    return template.render(vendor=show.line(policy.vendor.name), zone=report.zone(policy).key, **values)


def write(file: Path, page: str) -> None:
    """Put a page in its place, whole or not at all; a new file is its owner's only, one that is there keeps its rights.

    What is no file of ours to replace, such as /dev/stdout, is written to. Refused where that is not possible.
    """
    target, data = file.resolve(), page.encode("utf-8", "backslashreplace")
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        handle, made = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                if target.exists():
                    os.fchmod(out.fileno(), S_IMODE(target.stat().st_mode))
            Path(made).replace(target)
        except OSError:
            Path(made).unlink()
            raise
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}; nothing was written") from error


def utc(at: datetime) -> str:
    """A time for a page that may be read anywhere."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def account_line(number: str | None, names: Mapping[str, str]) -> str:
    """Whom the page is about, where that is one account."""
    return " · ".join(filter(None, (show.line(number), names.get(number)))) if number else ""


def period(first: str, last: str) -> str:
    """From when to when, in words."""
    return first if first == last else f"{first} to {last}"
