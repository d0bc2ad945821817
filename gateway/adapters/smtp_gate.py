"""One SMTP or LMTP session: what is said on one connection (RFC 5321, RFC 2033).

Opened by `smtp_in` for each connection. Promises: a mail is answered 250 only after it is committed, and a peer
that leaves does not stop that; nothing but CRLF ends a line or a mail, so no two servers can disagree where a
mail ends; everything a peer may take (time, memory, errors, recipients) has a limit.

aiosmtpd gives the stream, the timers and STARTTLS. The conversation is ours: its own one answers faults of ours
with permanent errors, takes bare LF as a line end, reads DATA line by line and has no limits.
"""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from aiosmtpd.smtp import SMTP, TLSSetupException

from gateway.adapters.smtp_hall import LARGE, TRY_LATER, Hall, report
from gateway.adapters.smtp_path import clean_address, read_path
from gateway.domain.post import Envelope, Transport

MOST_RECIPIENTS = 100
"""RFC 5321 section 4.5.3.1.8 wants at least so many; the rest of them is told 452 and comes again."""
LONGEST_COMMAND = 2_048
"""Bytes; RFC 5321 section 4.5.3.1.4 says 512, SIZE and SMTPUTF8 add to it."""
ERRORS_BEFORE_HELLO = 3
"""Commands that nobody understands; a web browser says no more than that."""
ERRORS = 10
REFUSALS = 100
"""Refused commands and recipients between two mails: beyond it somebody is trying addresses."""

_DOT = b".\r\n"
_CRLF_DOT = b"\r\n.\r\n"
_HALF_AN_END = (b"\r", b"\r\n", b"\r\n.", b"\r\n.\r")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_UNCLEAR = ("500", "501", "502")
_WELL_KNOWN = frozenset({b"AUTH", b"BDAT", b"BURL", b"ETRN", b"EXPN", b"TURN", b"EHLO", b"HELO", b"LHLO"})
_UNKNOWN_PARAMETER = "555 5.5.4 this parameter is not known here"
_NOT_CLEAR = "501 5.5.4 this is not how the command is written"


class Gate(SMTP):
    """The session of one peer."""

    line_length_limit = 1 << 15

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.settings = hall.settings
        super().__init__(
            None,
            hostname=self.settings.hostname,
            tls_context=self.settings.tls,
            timeout=self.settings.idle_seconds,
            loop=asyncio.get_running_loop(),
        )
        self.peer = ""
        self._is_leaving = False
        self._in_data = False
        self._unclear = 0
        self._refused = 0
        self._start_over()
        hello = {b"LHLO": self._ehlo} if self.settings.lmtp else {b"EHLO": self._ehlo, b"HELO": self._helo}
        self._verbs: dict[bytes, Callable[[str], Awaitable[None]]] = {
            **hello,
            b"MAIL": self._mail,
            b"RCPT": self._rcpt,
            b"DATA": self._data,
            b"RSET": self._rset,
            b"NOOP": self._noop,
            b"QUIT": self._quit,
            b"HELP": self._help,
            b"VRFY": self._vrfy,
            b"STARTTLS": self._starttls,
        }

    def __dir__(self) -> list[str]:
        """Nothing: aiosmtpd searches itself for handlers on each connection, which costs 0.3 ms."""
        return []

    def _start_over(self) -> None:
        self._hello: str | None = None
        self._is_extended = False
        self._forget()

    def _forget(self) -> None:
        self._mail_from: str | None = None
        self._may_be_utf8 = False
        self._rcpt_to: list[str] = []

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let a peer in, or tell it that the house is full; STARTTLS comes here a second time."""
        super().connection_made(transport)
        self._start_over()  # RFC 3207 §4.2: what was said before TLS is forgotten
        session = self._handler_coroutine
        assert session is not None
        if session in self.hall.sessions:
            return
        session.add_done_callback(self._left)
        peername = transport.get_extra_info("peername")
        if peername is None:  # gone before it was let in
            self.abort()
            return
        self.peer = str(peername[0])
        if self.hall.is_full(self.peer):
            self._farewell("421 4.7.0 too many connections, please come again later")
        else:
            self.hall.sessions[session] = self

    def eof_received(self) -> bool:
        """Read on: what the peer said before it stopped talking is still to be answered, but for TLS, which ends."""
        return bool(super(SMTP, self).eof_received()) and self._tls_protocol is None

    def _left(self, session: asyncio.Task[None]) -> None:
        self.hall.sessions.pop(session, None)
        self._pause_timer()
        if not session.cancelled() and (error := session.exception()):
            report(error)

    def _pause_timer(self) -> None:
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()

    def _timeout_cb(self) -> None:
        self._farewell("421 4.4.2 you took too long, good-bye")

    def _farewell(self, reply: str) -> None:
        if not self._writer.is_closing():
            self._writer.write(f"{reply}\r\n".encode())
            self._writer.close()
            # Closing waits until the peer has read all; not every peer does.
            self._pause_timer()
            self._timeout_handle = self.loop.call_later(self.settings.linger_seconds, self.abort)

    def dismiss(self) -> None:
        """End the session: at once, or as soon as the mail that is coming in is answered."""
        self._is_leaving = True
        if not self._in_data:
            self._farewell("421 4.3.2 this service closes, please come again later")

    def abort(self) -> None:
        """End the session now, whatever is under way."""
        self._writer.transport.abort()

    # The conversation

    async def _say(self, reply: str) -> None:
        self._unclear += reply.startswith(_UNCLEAR)
        self._refused += reply.startswith("5")
        self._writer.write(f"{reply}\r\n".encode())
        await self._writer.drain()

    async def _handle_client(self) -> None:
        if self._writer.is_closing():
            return
        try:
            await self._converse()
        except (ConnectionError, asyncio.IncompleteReadError, TLSSetupException):
            pass  # the peer left, or TLS did not come about
        finally:
            self._writer.close()

    async def _converse(self) -> None:
        await self._say(f"220 {self.hostname} {'LMTP' if self.settings.lmtp else 'ESMTP'}")
        while not self._writer.is_closing():
            self._reset_timeout()
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError:
                await self._say("500 5.5.2 this line does not end")
                self._farewell("421 4.7.0 good-bye")
                return
            try:
                await self._obey(line)
            except (ConnectionError, asyncio.IncompleteReadError, TLSSetupException):
                raise
            except Exception as error:  # noqa: BLE001 - the top of a session: a fault of ours is never the peer's
                report(error)
                await self._say(TRY_LATER)
            if self._refused > REFUSALS or self._unclear >= (ERRORS if self._hello else ERRORS_BEFORE_HELLO):
                self._farewell("421 4.7.0 too many errors, good-bye")
            elif self._is_leaving:
                self.dismiss()

    async def _obey(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            await self._say("500 5.5.2 commands end in CR LF")
            return
        command, _, rest = line[:-2].partition(b" ")
        obey = self._verbs.get(command.upper())
        if obey is None:
            is_known = command.upper() in _WELL_KNOWN
            await self._say("502 5.5.1 this is not offered" if is_known else "500 5.5.2 this is no command")
        elif len(line) > LONGEST_COMMAND:
            await self._say("500 5.5.2 this line is too long")
        elif _CONTROL.search(rest):
            await self._say("501 5.5.2 this line holds control characters")
        else:
            await obey(rest.decode("utf-8", "surrogateescape").strip(" "))

    def _offers(self) -> list[str]:
        offers = ["PIPELINING", f"SIZE {self.settings.max_size}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        return ["STARTTLS", *offers] if self.tls_context and self._tls_protocol is None else offers

    async def _ehlo(self, name: str) -> None:
        lines = [self.hostname, *self._offers()]
        await self._greet(name, "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"]))
        self._is_extended = True

    async def _helo(self, name: str) -> None:
        await self._greet(name, f"250 {self.hostname}")
        self._is_extended = False

    async def _greet(self, name: str, reply: str) -> None:
        if not name or not name.isprintable():
            await self._say(_NOT_CLEAR)
            return
        self._forget()
        self._hello = name
        await self._say(reply)

    async def _mail(self, argument: str) -> None:
        if self._hello is None:
            await self._say("503 5.5.1 say hello first")
        elif self._mail_from is not None:
            await self._say("503 5.5.1 one mail at a time")
        elif (path := read_path(argument, "FROM:")) is None:
            await self._say(_NOT_CLEAR)
        else:
            await self._sender(*path)

    async def _sender(self, text: str, parameters: list[str]) -> None:
        address = clean_address(text) if text else ""  # RFC 5321 §4.5.5: the null sender
        refusal = self._refuse_parameters(parameters) or self._refuse_address(address)
        if refusal is None:
            self._mail_from = address
        await self._say(refusal or "250 2.1.0 go on")

    def _refuse_parameters(self, parameters: list[str]) -> str | None:
        """What speaks against the parameters of MAIL; only those are known that EHLO offers."""
        self._may_be_utf8 = False
        if parameters and not self._is_extended:
            return "555 5.5.4 parameters need EHLO"
        for parameter in parameters:
            name, _, value = parameter.upper().partition("=")
            if name == "SIZE" and value.isascii() and value.isdigit() and len(value) <= 20:
                if int(value) > self.settings.max_size:
                    return "552 5.3.4 this mail is too large"
            elif name == "BODY":
                if value not in {"7BIT", "8BITMIME"}:
                    return "504 5.5.4 BODY is 7BIT or 8BITMIME here"
            elif parameter.upper() == "SMTPUTF8":
                self._may_be_utf8 = True
            else:
                return _UNKNOWN_PARAMETER
        return None

    def _refuse_address(self, address: str | None) -> str | None:
        if address is None:
            return "553 5.1.3 this is not a mail address"
        if not address.isascii() and not self._may_be_utf8:
            return "553 5.6.7 other letters than ASCII need SMTPUTF8"
        return None

    async def _rcpt(self, argument: str) -> None:
        if self._mail_from is None:
            await self._say("503 5.5.1 MAIL comes first")
        elif (path := read_path(argument, "TO:")) is None or not path[0]:
            await self._say(_NOT_CLEAR)
        elif path[1]:
            await self._say(_UNKNOWN_PARAMETER)
        else:
            await self._recipient(path[0])

    async def _recipient(self, text: str) -> None:
        # RFC 5321 §4.5.1: the only recipient that may come without a domain.
        address = text if text.lower() == "postmaster" else clean_address(text)
        refusal = self._refuse_address(address)
        if refusal or address is None:
            await self._say(refusal or _NOT_CLEAR)
        elif len(self._rcpt_to) >= MOST_RECIPIENTS:
            await self._say("452 4.5.3 too many recipients at once")
        elif self.hall.is_ours(address):
            self._rcpt_to.append(address)
            await self._say("250 2.1.5 go on")
        elif self.hall.is_ours(f"postmaster@{address.rpartition('@')[2]}"):
            await self._say("550 5.1.1 nobody here has this address")
        else:
            await self._say("550 5.7.1 this is no relay")

    async def _data(self, argument: str) -> None:
        if argument:
            await self._say(_NOT_CLEAR)
        elif not self._rcpt_to:
            await self._say("503 5.5.1 there is no recipient")
        else:
            self._in_data = True
            try:
                await self._take_mail()
            finally:
                self._in_data = False
                self._forget()

    async def _take_mail(self) -> None:
        await self._say("354 end with <CR><LF>.<CR><LF>")
        async with AsyncExitStack() as turn:
            data = await self._read_mail(turn)
            self._pause_timer()  # from here on it is our time that passes
            if data is None:
                reply = "552 5.3.4 this mail is too large"
            elif not data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r"):
                # Two servers that read a lone CR or LF differently see different mails ("SMTP smuggling").
                reply = "550 5.6.0 lines of a mail end in CR LF, nothing else"
            else:
                reply = await self.hall.commit(self._envelope(), data)
        if reply.startswith("250"):
            self._unclear = self._refused = 0
        # RFC 2033 §4.2: LMTP answers for each recipient. They share one row, and so one answer.
        await self._say("\r\n".join([reply] * (len(self._rcpt_to) if self.settings.lmtp else 1)))

    def _envelope(self) -> Envelope:
        transport = Transport.LMTP if self.settings.lmtp else Transport.SMTP
        return Envelope(
            transport=transport,
            transport_id=f"{transport}:{uuid.uuid4().hex}",
            mail_from=self._mail_from,
            rcpt_to=tuple(self._rcpt_to),
            peer=self.peer,
            authserv_id=self.hall.authserv_id(self.peer),
        )

    async def _read_mail(self, turn: AsyncExitStack) -> bytes | None:
        """All bytes up to the dot, dots unstuffed (RFC 5321 section 4.5.2); None if they were too many.

        They are kept as they came: RFC 5321 section 4.4 wants a Received field of ours, but what is stored is
        what was sent, byte for byte; when and from whom it came stands in the envelope beside it.
        """
        until = self.loop.time() + self.settings.data_seconds
        start = await self._first_bytes(until)
        chunks, size = [start], len(start)
        is_over = start == _DOT or start.endswith(_CRLF_DOT)
        while not is_over:
            self._wait_until(until)
            try:
                chunk = await self._reader.readuntil(_CRLF_DOT)
                is_over = True
            except asyncio.LimitOverrunError as more:
                chunk = await self._reader.readexactly(more.consumed)
            if size <= LARGE < size + len(chunk):
                await turn.enter_async_context(self.hall.turns)
            size += len(chunk)
            chunks.append(chunk)
            if size - len(_DOT) > self.settings.max_size:
                chunks.clear()  # read to the end all the same: the next mail comes after it
        if size - len(_DOT) > self.settings.max_size:
            return None
        return b"".join(chunks)[: -len(_DOT)].replace(b"\r\n.", b"\r\n").removeprefix(b".")

    async def _first_bytes(self, until: float) -> bytes:
        """As few bytes as tell that no end of the mail has begun in them: the search after them would miss it."""
        self._wait_until(until)
        start: bytes = await self._reader.readexactly(len(_DOT))
        while start != _DOT and not start.endswith(_CRLF_DOT) and start.endswith(_HALF_AN_END):
            start += await self._reader.readexactly(1)
        return start

    def _wait_until(self, until: float) -> None:
        self._reset_timeout(max(0.001, min(self.settings.idle_seconds, until - self.loop.time())))

    async def _rset(self, argument: str) -> None:
        self._forget()
        await self._say(_NOT_CLEAR if argument else "250 2.0.0 forgotten")

    async def _noop(self, _argument: str) -> None:
        await self._say("250 2.0.0 still here")

    async def _help(self, _argument: str) -> None:
        await self._say("214 2.0.0 see RFC 5321")

    async def _vrfy(self, argument: str) -> None:
        # RFC 5321 §3.5.3: the same words whoever is asked for.
        await self._say("252 2.1.5 send it and see" if argument else _NOT_CLEAR)

    async def _quit(self, _argument: str) -> None:
        self._farewell("221 2.0.0 good-bye")

    async def _starttls(self, argument: str) -> None:
        if argument:
            await self._say(_NOT_CLEAR)
        elif self.tls_context is None or self._tls_protocol is not None:
            await self._say("502 5.5.1 this is not offered")
        else:
            await self.smtp_STARTTLS(argument)
