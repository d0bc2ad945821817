"""The daemon: `serve` takes mail in, handles it, sends what is owed, does what is due, until it is told to stop.

Workers meet at tables, never at each other: a wake-up is a hint, the table is the truth. Everything that
writes goes through the one writer thread.
"""

import asyncio
import signal
import time
import uuid
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import structlog

from gateway import wiring
from gateway.adapters.imap_in import watchers
from gateway.adapters.smtp_in import Door, DoorSettings, open_door
from gateway.adapters.smtp_out import Relay, SmtpCourier
from gateway.adapters.smtp_users import read_users
from gateway.config import Settings, read_password
from gateway.domain.model import IntakeId
from gateway.domain.post import Envelope, ParsedMail, RawMail, Unreadable
from gateway.errors import BadConfig, CasegateError, Conflict, Temporary
from gateway.loops import Bell, Clock, Outgoing, milliseconds, run_all, where
from gateway.mail.decision import Decision
from gateway.parsing import ParseFault, ParsePool
from gateway.porter import Porter
from gateway.scanning import Scanning, Unscanned
from gateway.services import inbound, mailboxes, outbox
from gateway.services.ports import Courier, Ports
from gateway.writer import Writer

COURIERS = 4
"""So many connections to the relay at most."""

STOP_SECONDS = 5.0
"""How long work in hand may take when we are told to stop; what is cut off is taken up by the next start."""

CONFLICT_TRIES = 3

MOST_IN_WORK = 64
"""So many mails are in memory at once."""

log = structlog.get_logger()


class Parser(Protocol):
    """Reads the bytes of one mail, or says what they did to it."""

    slow_seconds: float

    async def warm(self) -> None:
        """Be ready."""
        ...

    async def parse(self, data: bytes) -> ParsedMail | Unreadable | ParseFault:
        """What is in this mail."""
        ...

    async def close(self) -> None:
        """End what reads."""
        ...


class Gateway:
    """One running daemon."""

    def __init__(
        self, settings: Settings, ports: Ports, couriers: list[Courier], bell: Bell, parser: Parser | None = None
    ) -> None:
        """`parser` is the parse child unless a test says otherwise."""
        self._settings = settings
        self._ports = ports
        self._bell = bell
        self._writer = Writer(ports)
        self._porter = Porter(ports)
        self._outgoing = Outgoing(ports, self._writer, couriers)
        self._clock = Clock(ports, self._writer)
        self._scanning = Scanning(ports, self._writer)
        self._watchers = watchers(settings, ports, self._writer.do)
        self._parser = parser or ParsePool(ports.policy.mail)
        self._stopping = asyncio.Event()

    async def serve(self) -> None:
        """Open the door, say `ready`, work until `stop()`, then finish what is in hand."""
        self._writer.start()
        doors: dict[str, Door] = {}
        try:
            for name, settings in self._doors().items():
                doors[name] = await open_door(settings, self._accept, self._ports.tokens.is_ours)
            await self._take_up()
            addresses = {name: doors[name].address if name in doors else None for name in ("smtp", "lmtp")}
            log.info("ready", **addresses, metrics=None)
            for watcher in self._watchers:
                watcher.start()
            await self._work()
        finally:
            await asyncio.gather(*(door.close() for door in doors.values()))
            await self._close()

    async def _accept(self, envelope: Envelope, data: bytes) -> IntakeId:
        """Store a mail that the porter lets in. Raises Refused, Temporary."""
        await self._porter.admit(envelope, data)
        return await self._writer.accept(envelope, data)

    async def _work(self) -> None:
        """All loops, until `stop()`."""
        work = (
            self._intake_loop(),
            self._outgoing.loop(self._bell, self._stopping),
            self._clock.loop(self._stopping),
        )
        loops = [asyncio.create_task(loop) for loop in work]
        stopped = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait([*loops, stopped], return_when=asyncio.FIRST_COMPLETED)
        for ended in done - {stopped}:
            ended.result()  # a loop never ends by itself: show why
        await asyncio.wait(loops, timeout=STOP_SECONDS)
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)

    async def once(self) -> None:
        """Handle what is there, fire and deliver what is due, also what comes of it, and end. Opens no port."""
        self._writer.start()
        try:
            await self._take_up()
            await asyncio.gather(*(asyncio.to_thread(watcher.once) for watcher in self._watchers))
            while not self._stopping.is_set() and await self._round():
                pass
        finally:
            await self._close()

    async def _round(self) -> bool:
        """Some of all that waits; False if nothing does."""
        batch = await self._writer.run(partial(inbound.lease, self._ports))
        await run_all(self._handle(raw) for raw in batch)
        return any([batch, await self._clock.round(self._stopping), await self._outgoing.round()])

    def stop(self) -> None:
        """Have `serve` finish what is in hand and return."""
        self._stopping.set()
        for watcher in self._watchers:
            watcher.stop()
        self._bell.ring()

    async def _take_up(self) -> None:
        """Go on where an earlier daemon ended."""
        await self._writer.run(partial(inbound.take_back, self._ports))
        await self._writer.run(partial(outbox.resume, self._ports))
        await self._clock.refresh()
        await self._scanning.start()
        names = [mailbox.name for mailbox in self._settings.imap]
        await self._writer.run(partial(mailboxes.forget, self._ports, names))
        for problem in await self._writer.run(partial(outbox.check_templates, self._ports)):
            log.warning("template.faulty", text=problem)

    def _doors(self) -> dict[str, DoorSettings]:
        """The listeners that are switched on."""
        smtp, lmtp, trust = self._settings.smtp, self._settings.lmtp, self._settings.trust
        hostname = self._settings.mail.service_address.partition("@")[2]
        door = partial(DoorSettings, hostname=hostname, relays=trust.relays, authserv_id=trust.authserv_id)
        doors = {}
        if smtp and smtp.enabled:
            doors["smtp"] = door(
                host=smtp.host,
                port=smtp.port,
                max_size=smtp.max_size,
                connections=smtp.connections,
                connections_per_peer=smtp.connections_per_peer,
                per_sender_hour=smtp.per_sender_hour,
                tls=_tls(smtp.tls_cert, smtp.tls_key),
                users=read_users(smtp.users_file) if smtp.users_file else None,
            )
        if lmtp.enabled:
            doors["lmtp"] = door(host=lmtp.host, port=lmtp.port, lmtp=True)
        return doors

    async def _intake_loop(self) -> None:
        """Take what waits, a batch at a time; a slow mail never holds up the next batch."""
        working: set[asyncio.Task[None]] = set()
        with suppress(Temporary):  # a lease counts: none is taken while the child starts; mail that comes will tell
            await self._parser.warm()
        while not self._stopping.is_set():
            seen = self._bell.count
            try:
                batch = await self._writer.run(partial(inbound.lease, self._ports))
            except CasegateError as error:  # the database is away: the next look will tell
                log.warning("intake.waiting", error=error.public)
                batch = []
            if batch:
                tasks = {asyncio.create_task(self._handle(raw)) for raw in batch}
                working |= tasks
                await asyncio.wait(tasks, timeout=self._parser.slow_seconds)
                working = {task for task in working if not task.done()}
                if len(working) > MOST_IN_WORK:  # slow mails take turns, and not all the memory
                    await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
            else:
                await self._bell.wait(seen)
        if working:
            await asyncio.wait(working)

    async def _handle(self, raw: RawMail) -> None:
        """One mail to its decision; whatever goes wrong is counted on that mail alone."""
        started = time.perf_counter()
        try:
            decision = await self._decide(raw)
        except (Temporary, Conflict) as error:
            log.warning("intake.postponed", id=raw.id, error=error.public)
            gap = error.gap if isinstance(error, Unscanned) else inbound.POSTPONED
            with suppress(CasegateError):  # no database: its lease runs out, and it is taken again
                await self._writer.run(partial(inbound.postpone, self._ports, raw, gap))
            return
        except Exception as error:  # noqa: BLE001  # a loop top: counted on this mail, the third time quarantines it
            trace = uuid.uuid4().hex[:12]
            log.error(  # noqa: TRY400  # a traceback may quote the mail
                "intake.failed", id=raw.id, trace=trace, error=type(error).__name__, where=where(error)
            )
            decision = await self._writer.run(partial(inbound.failed, self._ports, raw, f"trace {trace}"))
        ms = milliseconds(started)
        if decision:
            log.info("intake.decided", id=raw.id, decision=decision.kind, rung=decision.rung, case=decision.case, ms=ms)

    async def _decide(self, raw: RawMail) -> Decision | None:
        parsed = await self._parser.parse(raw.data)
        if isinstance(parsed, Unreadable):
            return await self._writer.run(partial(inbound.unreadable, self._ports, raw, parsed))
        if not isinstance(parsed, ParsedMail):
            return await self._writer.run(partial(inbound.failed, self._ports, raw, str(parsed)))
        look_up = self._ports.look_up
        checked = await look_up.check(raw, parsed) if look_up else None
        harmful = None
        for left in reversed(range(CONFLICT_TRIES)):
            try:
                if harmful is None:
                    harmful = await self._scanning.harmful(raw, parsed, checked)
                return await self._writer.run(partial(inbound.handle, self._ports, raw, parsed, checked, harmful))
            except Conflict:
                if left == 0:
                    raise
        return None

    async def _close(self) -> None:
        for watcher in self._watchers:
            watcher.stop()
        await asyncio.gather(*(asyncio.to_thread(watcher.join) for watcher in self._watchers))
        await self._parser.close()
        await self._outgoing.close()
        await asyncio.to_thread(self._porter.close)
        await asyncio.to_thread(self._writer.stop)
        self._ports.db.close()


async def run(settings: Settings, *, once: bool) -> None:
    """The daemon from settings to its end. Raises BadConfig, Unreachable before any port is open."""
    bell = Bell()
    ports = wiring.build_ports(settings, nudge=bell.ring)
    gateway = Gateway(settings, ports, _couriers(settings), bell)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_told)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, gateway.stop)
    await (gateway.once() if once else gateway.serve())


def _couriers(settings: Settings) -> list[Courier]:
    outbound = settings.outbound
    if outbound is None:
        return []
    relay = Relay(
        host=outbound.host,
        port=outbound.port,
        security=outbound.security,
        username=outbound.username,
        password=read_password(outbound.password_file) if outbound.password_file else None,
        ca_file=outbound.ca_file,
        hostname=settings.mail.service_address.partition("@")[2],
    )
    return [SmtpCourier(relay) for _ in range(COURIERS)]


def _tls(cert: Path | None, key: Path | None) -> Any:
    if cert is None:
        return None
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise BadConfig(f"[smtp] tls_cert {cert}: no usable certificate and key: {error}") from error
    return context


def _told(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody awaited, in the log: its kind and place, never its text, which may quote a mail."""
    error = context.get("exception")
    place = where(error) if error else None
    log.error("loop.failed", error=type(error).__name__ if error else str(context.get("message")), where=place)
