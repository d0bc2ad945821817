"""How many mails one address may send in an hour (`[smtp] per_sender_hour`), counted in memory.

Used by `smtp_hall`. What is over the limit is told to come later, and is not lost: its server keeps it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

HOUR_SECONDS = 3600
MOST_SENDERS = 100_000
"""With more of them in one hour all are forgotten: forged addresses must neither fill the memory nor stop others."""


@dataclass(slots=True, kw_only=True)
class Rate:
    """Counts by MAIL FROM; the null sender is nobody's address, and has no limit. `limit` 0 is none either."""

    limit: int
    now: Callable[[], float]
    _hour: int = 0
    _counts: Counter[str] = field(default_factory=Counter)

    def is_over(self, address: str | None) -> bool:
        """Count one more mail from this address, and say whether it is too many."""
        if not self.limit or not address:
            return False
        hour = int(self.now() // HOUR_SECONDS)
        if hour != self._hour or len(self._counts) >= MOST_SENDERS:
            self._hour = hour
            self._counts.clear()
        self._counts[address.lower()] += 1
        return self._counts[address.lower()] > self.limit
