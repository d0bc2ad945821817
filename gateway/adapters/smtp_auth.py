"""A session in which the peer may log in (RFC 4954): for relays that vouch for what they hand over.

Opened by `smtp_in` where `users_file` is configured. Promises: a password is asked for over TLS only, is in no log
and no reply, and can be tried a few times a connection.
"""

import asyncio
import base64
import binascii
from dataclasses import replace

import structlog

from gateway.adapters.smtp_gate import LONGEST_COMMAND, Gate
from gateway.adapters.smtp_hall import Hall
from gateway.adapters.smtp_users import Users
from gateway.domain.post import Envelope

MOST_TRIES = 3
"""Wrong passwords in one connection."""

_ASKS_NAME, _ASKS_PASSWORD = "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"  # what LOGIN says for "Username:"
_GARBLED = "501 5.5.2 this is no base64"
_CANCELLED = "501 5.7.0 as you wish"

log = structlog.get_logger()


class AuthGate(Gate):
    """The session of one peer, who may log in."""

    def __init__(self, hall: Hall, users: Users) -> None:
        self._users = users
        self._wrong = 0
        super().__init__(hall)
        self._verbs[b"AUTH"] = self._auth

    def _start_over(self) -> None:
        self._login: str | None = None
        super()._start_over()

    def _offers(self) -> list[str]:
        return [*super()._offers(), "AUTH PLAIN LOGIN"] if self._tls_protocol else super()._offers()

    def _envelope(self) -> Envelope:
        return replace(super()._envelope(), login=self._login)

    async def _auth(self, argument: str) -> None:
        method, _, initial = argument.partition(" ")
        if self._tls_protocol is None:
            await self._say("538 5.7.11 log in over TLS only")
        elif not self._is_extended or self._login or self._mail_from is not None:
            await self._say("503 5.5.1 log in once, after EHLO and before MAIL")
        elif method.upper() not in {"PLAIN", "LOGIN"}:
            await self._say("504 5.5.4 PLAIN or LOGIN")
        else:
            told = await (self._plain(initial) if method.upper() == "PLAIN" else self._ask_both(initial))
            await (self._say(told) if isinstance(told, str) else self._enter(*told))

    async def _plain(self, initial: str) -> tuple[str, str] | str:
        """Name and password of PLAIN (RFC 4616), or what speaks against them."""
        found = await self._secret("334 ", initial)
        if found is None:
            return _CANCELLED
        actor, *rest = found.split("\0")
        if len(rest) != 2 or actor not in {"", rest[0]}:
            return _GARBLED
        return rest[0], rest[1]

    async def _ask_both(self, initial: str) -> tuple[str, str] | str:
        """Name and password of LOGIN, which older programs speak."""
        name = await self._secret(_ASKS_NAME, initial)
        password = await self._secret(_ASKS_PASSWORD, "") if name is not None else None
        return _CANCELLED if name is None or password is None else (name, password)

    async def _secret(self, question: str, initial: str) -> str | None:
        """One answer, which may have come with the command; None if the peer thinks better of it. "" is garbled."""
        answer = initial
        if not initial:
            await self._say(question)
            self._reset_timeout()
            try:
                line = await self._reader.readuntil(b"\r\n")
            except asyncio.LimitOverrunError:
                self._farewell("421 4.7.0 this line does not end, good-bye")
                return None
            answer = line[:LONGEST_COMMAND].decode("ascii", "replace").strip()
        if answer == "*":
            return None
        try:
            return base64.b64decode("" if answer == "=" else answer, validate=True).decode()
        except (binascii.Error, UnicodeError):
            return ""

    async def _enter(self, name: str, password: str) -> None:
        self._pause_timer()
        async with self.hall.logins:  # each takes memory and processor time, and who asks is a stranger
            may_enter = await asyncio.to_thread(self._users.may_enter, name, password)
        if may_enter:
            self._login = name
            await self._say("235 2.7.0 welcome")
            return
        self._wrong += 1
        log.warning("login.refused", peer=self.peer)
        await self._say("535 5.7.8 this name and password do not belong together")
        if self._wrong >= MOST_TRIES:
            self._farewell("421 4.7.0 too many wrong passwords, good-bye")
