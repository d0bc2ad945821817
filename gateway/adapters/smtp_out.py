"""The Courier over SMTP: carries one mail to one recipient through the relay of `[outbound]`.

`services.outbox` owns one for each mail it sends at a time. It promises: one recipient a call, bounded in time,
never a raised error for what a server does, never plain text where TLS was asked for, and no byte of an address
on the wire that could be read as a command. The kept connection is used again; once it has died of idleness, a
new one is made without anybody noticing.
"""

import asyncio
import contextlib
import ipaddress
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from aiosmtplib import SMTP
from aiosmtplib.errors import (
    SMTPConnectResponseError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
)
from aiosmtplib.response import SMTPResponse

from gateway.domain.post import OutboxRow
from gateway.services.ports import Delivery, DeliveryState

_LOCAL = r"[^\s@<>()\[\],:;\"\\-][^\s@<>()\[\],:;\"\\]{0,63}"
_DOMAIN = r"[^\W_](?:[\w.-]*[^\W_])?"
_ADDRESS = re.compile(rf"{_LOCAL}@{_DOMAIN}")
_LONGEST_ADDRESS = 254
_LONGEST_TEXT = 500
_OURS = frozenset({530, 534, 535, 538})
"""RFC 4954 §6: a login, or a stronger one, or encryption is asked for; no mail of ours is at fault."""
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """The server that takes our mail.

    `talk_seconds` bounds all that comes before the data, `reply_seconds` each single reply in it, and
    `data_seconds` the data and the reply to its final dot: a short one there makes duplicates (RFC 5321 §4.5.3.2.6).
    A connection idle for `idle_seconds` is asked whether it still lives. `hostname` is what EHLO says.
    """

    host: str
    port: int
    security: Literal["tls", "starttls", "none"] = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    hostname: str | None = None
    reply_seconds: float = 60
    talk_seconds: float = 120
    data_seconds: float = 300
    idle_seconds: float = 30

    @property
    def is_loopback(self) -> bool:
        """True if this relay is on our own machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


class SmtpCourier:
    """A Courier with one connection, used again for the next mail."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._client: SMTP | None = None
        self._tls: ssl.SSLContext | None = None
        self._used_at = 0.0
        self._envelope_open = False
        self._turn = asyncio.Lock()

    async def send(self, row: OutboxRow) -> Delivery:
        """Try once; calls made at the same time wait for each other."""
        for role, address in (("recipient", row.recipient), ("sender", row.return_path)):
            if not (is_sendable(address) or (role == "sender" and not address)):
                return _delivery(DeliveryState.PERMANENT, f"not sent: {address!r} is no {role} address")
        if self._relay.security == "none" and not self._relay.is_loopback:
            return _delivery(DeliveryState.OURS, 'outbound.security = "none" is for relays on this machine only')
        async with self._turn:
            try:
                async with asyncio.timeout(self._relay.talk_seconds):
                    refused = await self._offer(row)
                return refused or await self._hand_over(row.data)
            except asyncio.CancelledError:
                self._drop()  # a reply may still come, and would be taken for the next mail's
                raise
            except (SMTPException, OSError, ValueError) as problem:
                self._drop()
                return _failure(problem)

    async def close(self) -> None:
        """Say good-bye to the server, if it is still there."""
        async with self._turn:
            if self._client is not None and self._client.is_connected:
                with contextlib.suppress(SMTPException, OSError):
                    await self._client.quit(timeout=min(5, self._relay.reply_seconds))
            self._drop()

    async def _offer(self, row: OutboxRow) -> Delivery | None:
        """Bring the mail up to the server's 354; a Delivery if the server refused it before."""
        if self._client is not None and self._client.is_connected:
            with contextlib.suppress(SMTPException, OSError):  # a kept connection may be dead; a new one has the say
                return await self._say_envelope(self._client, row)
            self._drop()
        return await self._say_envelope(await self._connect(), row)

    async def _connect(self) -> SMTP:
        relay = self._relay
        if relay.security != "none" and self._tls is None:
            try:
                self._tls = ssl.create_default_context(cafile=relay.ca_file)
            except OSError as problem:
                raise ValueError(f"outbound.ca_file cannot be used: {problem}") from problem
        self._client = client = SMTP(
            hostname=relay.host,
            port=relay.port,
            username=relay.username,
            password=relay.password,
            local_hostname=relay.hostname,
            timeout=relay.reply_seconds,
            use_tls=relay.security == "tls",
            start_tls=relay.security == "starttls",
            tls_context=self._tls,
        )
        await client.connect()
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
        self._envelope_open = False
        self._used_at = asyncio.get_running_loop().time()
        return client

    async def _say_envelope(self, client: SMTP, row: OutboxRow) -> Delivery | None:
        idle = asyncio.get_running_loop().time() - self._used_at
        if (self._envelope_open or idle >= self._relay.idle_seconds) and (await _ask(client, b"RSET")).code != 250:
            raise SMTPServerDisconnected("the server would not reset the session")
        options = []
        if client.supports_extension("size"):
            options.append(b"SIZE=%d" % len(row.data))
        if not row.data.isascii() and client.supports_extension("8bitmime"):
            options.append(b"BODY=8BITMIME")
        if not (row.recipient + row.return_path).isascii():
            if not client.supports_extension("smtputf8"):
                text = f"not sent: the relay takes no address with letters beyond ASCII ({row.recipient})"
                return _delivery(DeliveryState.PERMANENT, text)
            options.append(b"SMTPUTF8")
        self._envelope_open = True
        for command, expected in (
            ((b"MAIL", b"FROM:<%s>" % row.return_path.encode(), *options), 2),
            ((b"RCPT", b"TO:<%s>" % row.recipient.encode()), 2),
            ((b"DATA",), 3),
        ):
            reply = await _ask(client, *command)
            if reply.code // 100 != expected:
                return _refusal(reply)
        return None

    async def _hand_over(self, data: bytes) -> Delivery:
        """Write the mail with its final dot, in one go, and hear what becomes of it.

        Not `SMTP.data()`, which does not say whether it was lost before or after the dot. As the dot
        leaves with the last bytes, any loss from here on is a doubt.
        """
        protocol = self._client.protocol if self._client is not None else None
        if protocol is None:
            raise SMTPServerDisconnected("connection lost")
        protocol.write(_dotted(data))
        try:
            reply = await protocol.read_response(timeout=self._relay.data_seconds)
        except (SMTPException, OSError) as problem:
            self._drop()
            return _delivery(DeliveryState.IN_DOUBT, f"no reply after the mail was handed over: {problem}")
        self._used_at = asyncio.get_running_loop().time()
        self._envelope_open = False
        match reply.code // 100:
            case 2:
                return _delivery(DeliveryState.SENT, _shown(reply))
            case 4 | 5:
                return _refusal(reply)
        self._drop()
        return _delivery(DeliveryState.IN_DOUBT, f"no SMTP reply after the mail was handed over: {_shown(reply)}")

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None


def is_sendable(address: str) -> bool:
    """True for an address that is safe and sensible in MAIL and RCPT; no quoted local parts, no address literals."""
    return len(address) <= _LONGEST_ADDRESS and address.isprintable() and _ADDRESS.fullmatch(address) is not None


async def _ask(client: SMTP, *words: bytes) -> SMTPResponse:
    """One command and its reply; a server that takes its leave, or speaks something else, counts as gone."""
    reply = await client.execute_command(*words)
    if reply.code == 421 or not 200 <= reply.code < 600:
        raise SMTPServerDisconnected(_shown(reply))
    return reply


def _dotted(data: bytes) -> bytes:
    """The mail as DATA carries it (RFC 5321 §4.5.2): CRLF only, leading dots doubled, the final dot after it."""
    data = _LINE_END.sub(b"\r\n", data)
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    data = data.replace(b"\n.", b"\n..")
    return (b"." if data.startswith(b".") else b"") + data + b".\r\n"


def _refusal(reply: SMTPResponse) -> Delivery:
    """What a reply means that is not the one hoped for."""
    if reply.code in _OURS:
        return _delivery(DeliveryState.OURS, _shown(reply))
    state = DeliveryState.TEMPORARY if reply.code // 100 == 4 else DeliveryState.PERMANENT
    return _delivery(state, _shown(reply))


def _failure(problem: Exception) -> Delivery:
    """What an error before the data means: something of ours to mend, or a server that is not there."""
    tls = next((at for at in (problem, problem.__cause__) if isinstance(at, ssl.SSLError)), None)
    if tls is not None and not isinstance(tls, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return _delivery(DeliveryState.OURS, f"TLS: {tls}")
    if isinstance(problem, SMTPResponseException):  # to the greeting, EHLO, STARTTLS or AUTH
        refused = 500 <= problem.code < 600 and not isinstance(problem, SMTPConnectResponseError)
        text = _shown(SMTPResponse(problem.code, problem.message))
        return _delivery(DeliveryState.OURS if refused else DeliveryState.UNREACHABLE, text)
    # aiosmtplib says with its bare base class that the server offers no STARTTLS, or no AUTH that we know.
    if type(problem) is SMTPException or (isinstance(problem, ValueError) and not isinstance(problem, OSError)):
        return _delivery(DeliveryState.OURS, str(problem))
    return _delivery(DeliveryState.UNREACHABLE, str(problem) or "no reply in time")


def _shown(reply: SMTPResponse) -> str:
    return f"{reply.code} {reply.message}" if reply.code > 0 else f"no SMTP reply: {reply.message}"


def _delivery(state: DeliveryState, text: str) -> Delivery:
    """An outcome whose text may be stored and shown, whatever bytes the server sent."""
    return Delivery(state, "".join(letter if letter.isprintable() else " " for letter in text)[:_LONGEST_TEXT])
