"""What is due at a time, once, for a case: the value that `domain.waiting` makes and the timers' table keeps."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gateway.domain.model import CaseNumber, TimerKind


class TimerKey(NamedTuple):
    """Which of the timers of a case one is; with this key it speaks once."""

    kind: TimerKind
    round: int
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Something due at a time, once: `round` is new for each reason to wait, so none speaks twice.

    `level` is the percentage of an SLA target that is reached then; 0 for whatever has no levels.
    """

    kind: TimerKind
    case: CaseNumber
    round: int
    due_at: datetime
    level: int = 0

    @property
    def key(self) -> TimerKey:
        """What makes it this timer and no other one of its case."""
        return TimerKey(self.kind, self.round, self.level)
