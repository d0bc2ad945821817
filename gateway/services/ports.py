"""What a service may use of the world: one frozen value, built in `wiring`, or by a test.

No registry, no globals: to see what a service can touch, read this page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from gateway.domain.actions import Stamp
from gateway.domain.policy import Policy
from gateway.domain.post import Evidence, OutboxRow, ParsedMail, RawMail
from gateway.mail.templates import Templates
from gateway.mail.token import Tokens
from gateway.store.db import Database


class DeliveryState(StrEnum):
    """What one attempt to deliver came to."""

    SENT = "sent"
    TEMPORARY = "temporary"
    """The server said 4xx for this mail: later, with a growing gap."""
    PERMANENT = "permanent"
    """The server said 5xx for this mail: never."""
    IN_DOUBT = "in_doubt"
    """The connection was lost after the final dot: later, never at once."""
    UNREACHABLE = "unreachable"
    """Nobody answered: the mail is not at fault, all of the queue waits."""
    OURS = "ours"
    """Login, TLS or configuration: the queue pauses and an alarm says so."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outcome of one attempt, and the server's words for people."""

    state: DeliveryState
    text: str


class Courier(Protocol):
    """Carries one mail to one recipient; never raises for what a server does."""

    async def send(self, row: OutboxRow) -> Delivery:
        """Try once, bounded in time; a connection may be kept for the next call."""
        ...

    async def close(self) -> None:
        """Say good-bye to the server."""
        ...


class Blobs(Protocol):
    """Bytes under their own SHA-256, durable when `put` returns."""

    def put(self, data: bytes) -> str:
        """Store and return the hexadecimal hash; storing the same bytes twice is one blob. Raises Temporary."""
        ...

    def get(self, sha256: str) -> bytes:
        """The bytes; NotFound if they are not there."""
        ...

    def delete(self, sha256: str) -> None:
        """They are not there any more, after a power cut too; nothing if they were not. Raises Temporary."""
        ...


class LookUp(Protocol):
    """Asks the DNS who vouches for a sender; bounded in time, and raises nothing."""

    async def check(self, raw: RawMail, mail: ParsedMail) -> Evidence | None:
        """What SPF, DKIM and DMARC say; None where they need not be asked."""
        ...


class Scanner(Protocol):
    """Says of a file whether it may be kept."""

    async def is_clean(self, data: bytes) -> bool:
        """True if it may, False if it is refused; bounded in time. Raises Temporary where it cannot say."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything outside that a service uses. `now()` is aware UTC; `nudge()` wakes the loops, a hint only."""

    db: Database
    policy: Policy
    tokens: Tokens
    templates: Templates
    blobs: Blobs
    now: Callable[[], datetime]
    stamp: Callable[[], Stamp]
    scanner: Scanner | None = None
    nudge: Callable[[], None] = lambda: None
    tell: Callable[[int, int], None] = lambda _done, _total: None
    """Hears how much of long work is done, and of how much."""
    outbound: bool = True
    """False where no `[outbound]` is configured: mail waits."""
    look_up: LookUp | None = None
    """None where no `[dns]` is enabled. Services are given what it found: asking takes seconds, a transaction must not."""
