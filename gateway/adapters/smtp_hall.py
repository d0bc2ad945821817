"""What the sessions of one listener share: its settings, whom they may call, and who is in.

Made by `smtp_in`, used by `smtp_gate`. Promises: a mail that was handed over is stored or refused whatever
becomes of the session that brought it.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from gateway.adapters.smtp_rate import Rate
from gateway.adapters.smtp_users import Users
from gateway.domain.post import Envelope
from gateway.errors import Refused, Temporary
from gateway.mail.auth import is_relay

LARGE = 1_000_000
"""Bytes from which on a mail waits for its turn, so that many at once don't take all memory."""
LARGE_AT_ONCE = 8
LOGINS_AT_ONCE = 2
"""Passwords that are looked at at the same time."""
TOO_MANY = "450 4.7.1 too many mails from this address in one hour, please try again later"
TRY_LATER = "451 4.3.0 not now, please try again later"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """How a listener behaves. `hostname` is what it calls itself, `max_size` in bytes.

    `relays` are addresses or networks whose Authentication-Results under `authserv_id` are believed. Times:
    `idle_seconds` between two commands (RFC 5321 section 4.5.3.2.7 wants 300), `data_seconds` for a whole mail,
    `commit_seconds` for its storing, `drain_seconds` for what is under way when the door closes,
    `linger_seconds` for a peer to read its last reply.
    """

    host: str
    port: int
    hostname: str
    max_size: int = 35_000_000
    connections: int = 200
    connections_per_peer: int = 20
    per_sender_hour: int = 0
    tls: ssl.SSLContext | None = None
    users: Users | None = None
    lmtp: bool = False
    relays: tuple[str, ...] = ()
    authserv_id: str | None = None
    idle_seconds: float = 300
    data_seconds: float = 900
    commit_seconds: float = 30
    drain_seconds: float = 8
    linger_seconds: float = 10


class Session(Protocol):
    """One connection, as the hall sees it."""

    peer: str

    def dismiss(self) -> None:
        """End: at once, or as soon as the mail that is coming in is answered."""
        ...

    def abort(self) -> None:
        """End now, whatever is under way."""
        ...


@dataclass(slots=True, kw_only=True)
class Hall:
    """The sessions of one listener, and what they share; `commits` are mails handed over and not answered yet."""

    settings: DoorSettings
    accept: Callable[[Envelope, bytes], Awaitable[int]]
    is_ours: Callable[[str], bool]
    sessions: dict[asyncio.Task[None], Session] = field(default_factory=dict)
    commits: set[asyncio.Future[int]] = field(default_factory=set)
    rate: Rate
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LARGE_AT_ONCE))
    logins: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOGINS_AT_ONCE))

    def is_full(self, peer: str) -> bool:
        """Whether one more connection, or one more of this peer, is too many."""
        of_peer = sum(session.peer == peer for session in self.sessions.values())
        return len(self.sessions) >= self.settings.connections or of_peer >= self.settings.connections_per_peer

    def authserv_id(self, peer: str) -> str | None:
        """Whose Authentication-Results may be believed in mail from this peer: nobody's, but for a configured relay."""
        return self.settings.authserv_id if is_relay(peer, self.settings.relays) else None

    async def commit(self, envelope: Envelope, data: bytes) -> str:
        """Have the mail stored, and answer how that went; a session that ends meanwhile does not stop it."""
        if self.rate.is_over(envelope.mail_from):
            return TOO_MANY
        commit = asyncio.ensure_future(self.accept(envelope, data))
        self.commits.add(commit)
        commit.add_done_callback(self._committed)
        # Unlike await, wait leaves it running when this session is cancelled or time is up. What is stored
        # after a 451 comes again, and is known then as a duplicate.
        await asyncio.wait({commit}, timeout=self.settings.commit_seconds)
        if not commit.done() or commit.cancelled():
            return TRY_LATER
        match commit.exception():
            case None:
                return f"250 2.0.0 accepted as {commit.result()}"
            case Refused() as refused:
                return f"550 5.7.1 {refused.public}"
            case Temporary():
                return TRY_LATER
            case error:
                report(error)
                return TRY_LATER

    def _committed(self, commit: asyncio.Future[int]) -> None:
        self.commits.discard(commit)
        if not commit.cancelled():
            commit.exception()  # seen: the session may be gone that would hear of it


def report(error: BaseException) -> None:
    """Tell the event loop's exception handler of a fault of ours; the peer only hears that it may try again."""
    asyncio.get_running_loop().call_exception_handler({"message": "a mail session failed", "exception": error})
