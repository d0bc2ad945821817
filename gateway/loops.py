"""Two loops of the daemon: what is owed leaves, what is due happens; and the bell that wakes who waits.

`app.Gateway` runs them beside its own loop over the intake. Tables are the truth, a wake-up is a hint; all writing
goes through the one writer thread.
"""

import asyncio
import time
import traceback
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from gateway.domain.post import OutboxRow
from gateway.errors import CasegateError, Conflict, Temporary
from gateway.services import outbox, timers
from gateway.services.ports import Courier, Delivery, DeliveryState, Ports
from gateway.store.timers import LeasedTimer
from gateway.writer import Writer

IDLE_SECONDS = 1.0
"""How often the tables are looked at without a wake-up, and so the wall clock."""

log = structlog.get_logger()


class Bell:
    """A wake-up that can be rung from any thread; who looked at a table before the ring does not sleep through it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()
        self.count = 0

    def ring(self) -> None:
        """Wake everybody who waits."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        self.count += 1
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, seen: int) -> None:
        """Return at the next ring, at once if it rang since `seen`, or after IDLE_SECONDS."""
        if self.count == seen:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), IDLE_SECONDS)


class Outgoing:
    """What is owed leaves, over a few connections at once."""

    def __init__(self, ports: Ports, writer: Writer, couriers: Sequence[Courier]) -> None:
        """Without couriers mail waits."""
        self._ports = ports
        self._writer = writer
        self.couriers = couriers
        self._free: asyncio.Queue[Courier] = asyncio.Queue()
        for courier in couriers:
            self._free.put_nowait(courier)
        self._alarmed = True  # what an earlier daemon saw is not known; the first mail that leaves clears it
        self._misses = 0
        self._away: Delivery | None = None

    async def loop(self, bell: Bell, stopping: asyncio.Event) -> None:
        """Send what is due, until `stopping`."""
        while not stopping.is_set():
            seen = bell.count
            try:
                busy = await self.round()
            except CasegateError as error:
                log.warning("outbox.waiting", error=error.public)
                busy = False
            if not busy:
                await bell.wait(seen)

    async def round(self) -> bool:
        """Try a batch of what is due; False if nothing is."""
        if not self.couriers:
            return False
        self._away = None  # the first mail of each round finds out
        rows = await self._writer.run(partial(outbox.lease, self._ports))
        await run_all(self._deliver(row) for row in rows)
        return bool(rows)

    async def _deliver(self, row: OutboxRow) -> None:
        """One mail to its outcome. A courier is free again only when that is noted: so few mails can be sent twice."""
        courier = await self._free.get()
        started = time.perf_counter()
        try:
            delivery = self._away or await courier.send(row)
            await self._writer.run(partial(outbox.settle, self._ports, row, delivery, misses=self._misses))
            if delivery.state is DeliveryState.SENT and self._alarmed:
                await self._writer.run(partial(outbox.relay_is_back, self._ports))
        except CasegateError as error:  # the lease runs out: sent again, with the same Message-ID
            log.warning("outbox.unsettled", id=row.id, error=error.public)
            return
        finally:
            self._free.put_nowait(courier)
        if delivery.state in {DeliveryState.UNREACHABLE, DeliveryState.OURS}:
            if self._away is None:
                self._away, self._alarmed, self._misses = delivery, True, self._misses + 1
        else:
            self._alarmed, self._misses = False, 0
        ms = milliseconds(started)
        log.info("outbox.attempted", id=row.id, case=row.case, kind=row.kind, outcome=delivery.state, ms=ms)

    async def close(self) -> None:
        """Say good-bye to the relay."""
        for courier in self.couriers:
            await courier.close()


class Clock:
    """What is due happens."""

    def __init__(self, ports: Ports, writer: Writer) -> None:
        self._ports = ports
        self._writer = writer

    async def refresh(self) -> None:
        """At the start: have cases wait for what the rules in force want; other writing goes on in between."""
        if await self._writer.run(partial(timers.is_fresh, self._ports)):
            return
        changed = 0
        for numbers in await self._writer.run(partial(timers.to_refresh, self._ports)):
            changed += await self._writer.run(partial(timers.refresh, self._ports, numbers))
        await self._writer.run(partial(timers.refreshed, self._ports))
        if changed:
            log.info("timers.refreshed", text=f"{changed} cases wait for something else by the rules in force")

    async def loop(self, stopping: asyncio.Event) -> None:
        """Fire what is due, until `stopping`. Nobody rings for the time, so the clock is read each second."""
        while not stopping.is_set():
            try:
                busy = await self.round(stopping)
            except CasegateError as error:  # the database is away: the next look will tell
                log.warning("timer.waiting", error=error.public)
                busy = False
            if not busy:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), IDLE_SECONDS)

    async def round(self, stopping: asyncio.Event) -> bool:
        """Fire a batch of what is due; False if nothing is."""
        rows = await self._writer.run(partial(timers.lease, self._ports))
        for row in rows:
            if stopping.is_set():  # the next start takes the rest back
                break
            await self._fire(row)
        return bool(rows)

    async def _fire(self, row: LeasedTimer) -> None:
        """One timer; whatever goes wrong is counted on it alone."""
        started = time.perf_counter()
        try:
            done = await self._writer.run(partial(timers.fire, self._ports, row))
        except (Temporary, Conflict) as error:  # its lease runs out, and it is taken again
            log.warning("timer.postponed", id=row.id, **row.about, error=error.public)
            return
        except Exception as error:  # noqa: BLE001  # a loop top: the timer waits, and the next one proceeds
            name, place = type(error).__name__, where(error)
            ids = {"id": row.id, **row.about, "kind": row.kind, "attempts": row.attempts}
            log.error("timer.failed", **ids, error=name, where=place)  # noqa: TRY400  # a traceback may quote a case
            with suppress(CasegateError):  # no database: its lease runs out
                await self._writer.run(partial(timers.failed, self._ports, row))
            return
        outcome = "fired" if done else "out_of_date"
        ms = milliseconds(started)
        log.info("timer.fired", id=row.id, **row.about, kind=row.kind, outcome=outcome, ms=ms)


def milliseconds(since: float) -> float:
    """How long ago that was, by `time.perf_counter()`."""
    return round((time.perf_counter() - since) * 1000, 1)


def where(error: BaseException) -> str:
    """File and line of an error: never its text, which may quote a mail."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


async def run_all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all of it at once; the first error is raised when everything has ended."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
