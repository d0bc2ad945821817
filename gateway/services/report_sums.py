"""Rows of a report added up by account, month, day or what else they have: for its tables and charts."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from gateway.services.report import Figure, LoadRow, SlaRow

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Targets added up."""

    kept: int = 0
    breached: int = 0
    open: int = 0

    @property
    def decided(self) -> int:
        """Those that were kept or breached."""
        return self.kept + self.breached

    @property
    def percent(self) -> float | None:
        """How much of what is decided was kept, to tenths, of which only all is 100; None where nothing is."""
        if not self.decided:
            return None
        return min(round(1000 * self.kept / self.decided), 1000 if self.kept == self.decided else 999) / 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work added up."""

    opened: int = 0
    answered: int = 0
    closed: int = 0
    open: int = 0

    @property
    def all(self) -> int:
        """How much of it there is, to begin a list with the most."""
        return self.opened + self.answered + self.closed + self.open


def kept(found: Iterable[SlaRow]) -> Kept:
    """All targets of these rows."""
    return kept_by(found, lambda _: 0).get(0, Kept())


def kept_by(found: Iterable[SlaRow], key: Callable[[SlaRow], K]) -> dict[K, Kept]:
    """Targets by what `key` says of a row."""
    sums: defaultdict[K, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in found:
        numbers = sums[key(row)]
        numbers[0] += row.kept
        numbers[1] += row.breached
        numbers[2] += row.open
    return {name: Kept(kept=a, breached=b, open=c) for name, (a, b, c) in sums.items()}


def work(found: Iterable[LoadRow]) -> Work:
    """All work of these rows."""
    return work_by(found, lambda _: 0).get(0, Work())


def work_by(found: Iterable[LoadRow], key: Callable[[LoadRow], K]) -> dict[K, Work]:
    """Work by what `key` says of a row."""
    sums: defaultdict[K, Counter[Figure]] = defaultdict(Counter)
    for row in found:
        sums[key(row)][row.figure] += row.count
    return {name: Work(**{figure.value: numbers[figure] for figure in Figure}) for name, numbers in sums.items()}
