"""Charts as a page draws them: where each column, line and label stands. Computing only; `templates/pages/` draws.

Across, all is in per cent of the width, so that a chart fills a screen of any size and its letters keep theirs; down,
in pixels from the top.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise

TOP, BELOW = 10, 24
"""Pixels above the plot for half a letter, and below it for labels."""

FULL, WIDEST = 0.75, 9
"""How much of its room a column takes, and of the whole width at most."""

LETTERS, LETTERS_NARROW = 80, 36
"""So many letters and gaps stand side by side below a chart, at a desk and on a telephone."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a column: how much, and the name of its colour."""

    amount: float
    colour: str


@dataclass(frozen=True, slots=True)
class Column:
    """What one column shows, from the bottom up; `says` is shown where the mouse stays on it."""

    label: str
    parts: tuple[Part, ...]
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A part of a column as it is drawn."""

    x: float
    width: float
    y: float
    height: float
    colour: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A label at a place along an edge; `also_narrow` says that there is room for it on a narrow page."""

    place: float
    text: str
    also_narrow: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart of columns; `line` is the height of a dashed line across it."""

    title: str
    height: int
    bottom: int
    boxes: tuple[Box, ...]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    line: float | None


def columns(
    title: str, shown: Sequence[Column], *, tall: int, ticks: Sequence[float], unit: str = "", line: float | None = None
) -> Chart:
    """Columns side by side, `tall` pixels at most; the last of `ticks` is the top of the chart."""
    top, room = ticks[-1], 100 / max(len(shown), 1)
    width = min(FULL * room, WIDEST)

    def y(amount: float) -> float:
        return round(TOP + tall * (1 - amount / top), 2)

    boxes = []
    for place, column in enumerate(shown):
        heights = [sum(part.amount for part in column.parts[:some]) for some in range(len(column.parts) + 1)]
        boxes += [
            Box(
                x=round((place + 0.5) * room - width / 2, 3),
                width=round(width, 3),
                y=y(end),
                height=round(y(start) - y(end), 2),
                colour=part.colour,
                says=column.says,
            )
            for part, (start, end) in zip(column.parts, pairwise(heights), strict=True)
            if part.amount
        ]
    return Chart(
        title=title,
        height=TOP + tall + BELOW,
        bottom=TOP + tall,
        boxes=tuple(boxes),
        across=_labels([column.label for column in shown], room),
        up=tuple(Mark(place=y(tick), text=f"{tick:,g}{unit}") for tick in ticks),
        line=y(line) if line is not None else None,
    )


def _labels(texts: Sequence[str], room: float) -> tuple[Mark, ...]:
    """As many labels as have room, counted from the last, which is what people look for."""
    wide = max((len(text) for text in texts), default=0) + 2
    every = -(-len(texts) * wide // LETTERS) or 1
    every_narrow = every * -(-len(texts) * wide // (every * LETTERS_NARROW)) or 1
    return tuple(
        Mark(place=round((place + 0.5) * room, 3), text=text, also_narrow=not from_last % every_narrow)
        for place, text in enumerate(texts)
        if not (from_last := len(texts) - 1 - place) % every
    )


def round_ticks(most: int) -> tuple[float, ...]:
    """Whole numbers from 0 to `most` or a little more, at most six, at steps of 1, 2 or 5 and their tens."""
    steps = (one * 10**tens for tens in count() for one in (1, 2, 5))
    step = next(step for step in steps if step * 5 >= most)
    return tuple(range(0, step * max(-(-most // step), 1) + 1, step))
