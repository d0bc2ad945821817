"""What the bench found, as a table: `tests.bench` notes each repeat beside that of the yardstick."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: values of all repeats, and those of the yardstick, where there is one."""

    what: str
    unit: str
    beside: str = "-"
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def note(self, ours: float, theirs: float | None = None) -> None:
        """One repeat."""
        self.ours.append(ours)
        if theirs is not None:
            self.theirs.append(theirs)

    def cells(self) -> tuple[str, ...]:
        """As shown; the ratio is the median of the repeats' own ratios."""
        ratio = statistics.median(a / b for a, b in zip(self.ours, self.theirs, strict=True)) if self.theirs else None
        shown = f"{ratio:.2f}" if ratio is not None else "-"
        return self.what, self.unit, *_spread(self.ours), shown, self.beside, *_spread(self.theirs)


def _spread(values: Sequence[float]) -> tuple[str, str]:
    if not values:
        return "-", "-"
    return _shown(statistics.median(values)), f"{_shown(min(values))}-{_shown(max(values))}"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(figures: Sequence[Figure], repeats: int) -> Table:
    """All figures, in their order."""
    made = Table(title=f"median of {repeats}, alternating with the yardstick; ratio = Casegate : yardstick")
    for name in ("what", "unit", "Casegate", "spread", "ratio", "yardstick", "median", "spread"):
        made.add_column(name, justify="left" if name in {"what", "unit", "yardstick"} else "right")
    for figure in figures:
        made.add_row(*figure.cells())
    return made
