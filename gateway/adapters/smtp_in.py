"""The SMTP and LMTP listeners: the door through which other mail servers hand mail over.

Opened by `app` in its own event loop, once for each of `[smtp]` and `[lmtp]`. Promises: the port is bound when
`open_door` returns, or BadConfig says why not and how to mend it; `close` ends in bounded time and cuts off no
mail whose bytes are all here. A session is in `smtp_gate`, what sessions share in `smtp_hall`.

SMTP AUTH is in `smtp_auth`, where users are configured. aiosmtpd's log `mail.log` names addresses: the app sets it to
WARNING.
"""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.adapters.smtp_auth import AuthGate
from gateway.adapters.smtp_gate import Gate
from gateway.adapters.smtp_hall import DoorSettings, Hall
from gateway.adapters.smtp_rate import Rate
from gateway.domain.post import Envelope
from gateway.errors import BadConfig

__all__ = ["Door", "DoorSettings", "open_door"]

_MENDS = {
    errno.EADDRINUSE: "another program listens there; stop it, or choose another port under [{section}]",
    errno.EACCES: "this user may not listen there; choose a port above 1023 under [{section}]",
    errno.EADDRNOTAVAIL: "this machine does not have that address; correct host under [{section}]",
}


class Door:
    """An open listener; made by `open_door`."""

    def __init__(self, hall: Hall, server: asyncio.Server) -> None:
        self._hall = hall
        self._server = server
        self.address = _shown(*server.sockets[0].getsockname()[:2])
        """Where it listens, `host:port`, with the port that it really is."""

    async def close(self) -> None:
        """Take no more connections, let the mails under way be answered, and say 421 to everybody else."""
        self._server.close()
        for session in tuple(self._hall.sessions.values()):
            session.dismiss()
        under_way: set[asyncio.Future[Any]] = {*self._hall.sessions, *self._hall.commits}
        if under_way:
            await asyncio.wait(under_way, timeout=self._hall.settings.drain_seconds)
        for session in tuple(self._hall.sessions.values()):
            session.abort()
        await self._server.wait_closed()


async def open_door(
    settings: DoorSettings,
    accept: Callable[[Envelope, bytes], Awaitable[int]],
    is_ours: Callable[[str], bool],
) -> Door:
    """Listen for mail. BadConfig if the address cannot be had.

    `accept` returns the intake id once the mail is durable, or raises: Temporary (451), Refused (550), anything
    else is a fault of ours (451, told to the loop's exception handler). `is_ours` says whether an address, or
    `postmaster` alone, receives mail here.
    """
    loop = asyncio.get_running_loop()
    rate = Rate(limit=settings.per_sender_hour, now=loop.time)
    hall = Hall(settings=settings, accept=accept, is_ours=is_ours, rate=rate)
    users = settings.users
    try:
        server = await loop.create_server(
            lambda: AuthGate(hall, users) if users else Gate(hall), settings.host, settings.port
        )
    except OSError as error:
        raise BadConfig(_why_not(settings, error)) from error
    return Door(hall, server)


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _why_not(settings: DoorSettings, error: OSError) -> str:
    section = "lmtp" if settings.lmtp else "smtp"
    mend = _MENDS.get(error.errno or 0, "correct host and port under [{section}]").format(section=section)
    return f"cannot listen for mail on {_shown(settings.host, settings.port)}: {mend}"
