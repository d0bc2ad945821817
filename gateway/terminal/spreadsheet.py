"""Rows for spreadsheets: CSV as RFC 4180 has it, in which no cell is taken for a formula.

Spreadsheets run a cell that begins with `=` and its like, whoever wrote it. Such text gets an apostrophe in front,
which they show as text; numbers stay numbers.
"""

import csv
import sys
from collections.abc import Iterable, Sequence

from gateway.terminal import show

MOST_IN_CELL = 2_000
"""Characters of a cell."""

FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""What a formula begins with, also in the wide letters that some spreadsheets read alike. Tabs and line ends are gone."""

Cell = str | int | None


def print_rows(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Print a head and rows, in UTF-8 whatever the terminal speaks."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    out = csv.writer(sys.stdout)
    out.writerow(head)
    out.writerows([safe(value) for value in row] for row in rows)


def safe(value: Cell) -> Cell:
    """The value as one cell that is not run; None is empty."""
    if not isinstance(value, str):
        return value
    text = show.line(value, MOST_IN_CELL)
    return f"'{text}" if text.lstrip()[:1] in FORMULA else text
