"""The one thread that writes: accepts first, all that wait in one commit, then everything else in its order.

So SMTP clients never wait for a handled mail, and one flush of the disk serves many of them (HOUSE section 12).
The loop hands over work and awaits a future; nothing here knows what the work is.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from gateway.domain.model import IntakeId
from gateway.domain.post import Envelope
from gateway.errors import CasegateError, Temporary
from gateway.services import inbound
from gateway.services.ports import Ports

T = TypeVar("T")

GROUP = 256
"""So many accepts share a commit at most."""

MOST_WAITING = 2_000
"""More mail than this waiting for the disk is answered "later"."""

CHECKPOINT_EVERY = 500
"""The write-ahead log goes into the database file after so many transactions, and when nothing is to do."""


class Writer:
    """Owns all writing of the daemon from `start()` to `stop()`."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._accepts: deque[tuple[inbound.Delivery, Future[IntakeId]]] = deque()
        self._jobs: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._written = 0
        self._thread = threading.Thread(target=self._work, name="writer")

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Do all that was handed over, then end; returns when the thread has ended."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    async def accept(self, envelope: Envelope, data: bytes) -> IntakeId:
        """Store one mail; returns after the commit. Raises Temporary when too much waits, or the disk says no."""
        future: Future[IntakeId] = Future()
        with self._wake:
            if len(self._accepts) >= MOST_WAITING or self._stopping:
                raise Temporary("too much mail at once; try again later")
            self._accepts.append((inbound.Delivery(envelope, data), future))
            self._wake.notify()
        return await asyncio.wrap_future(future)

    async def run(self, job: Callable[[], T]) -> T:
        """Do one piece of writing, and give what it returns or raises."""
        return await asyncio.wrap_future(self._hand_over(job))

    def do(self, job: Callable[[], T]) -> T:
        """What `run` does, for a thread of its own. Raises Temporary when the daemon ends."""
        return self._hand_over(job).result()

    def _hand_over(self, job: Callable[[], T]) -> "Future[T]":
        future: Future[T] = Future()
        with self._wake:
            if self._stopping:
                raise Temporary("Casegate is stopping")
            self._jobs.append((job, future))
            self._wake.notify()
        return future

    def _work(self) -> None:
        while True:
            with self._wake:
                if not (self._accepts or self._jobs or self._stopping):
                    self._checkpoint()
                while not (self._accepts or self._jobs or self._stopping):
                    self._wake.wait()
                group = [self._accepts.popleft() for _ in range(min(GROUP, len(self._accepts)))]
                job = self._jobs.popleft() if not group and self._jobs else None
            if group:
                self._accept(group)
            elif job:
                self._run(*job)
            else:
                return
            self._written += 1
            if self._written >= CHECKPOINT_EVERY:
                self._checkpoint()

    def _accept(self, group: list[tuple[inbound.Delivery, Future[IntakeId]]]) -> None:
        group = [pair for pair in group if pair[1].set_running_or_notify_cancel()]
        try:
            ids = inbound.accept(self._ports, [delivery for delivery, _ in group])
        except Exception as error:  # noqa: BLE001  # a loop top: each waiting peer gets the error as its answer
            for _, future in group:
                future.set_exception(error)
            return
        for (_, future), id_ in zip(group, ids, strict=True):
            future.set_result(id_)

    @staticmethod
    def _run(job: Callable[[], Any], future: Future[Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(job())
        except Exception as error:  # noqa: BLE001  # a loop top: whoever asked gets the error
            future.set_exception(error)

    def _checkpoint(self) -> None:
        if self._written:
            self._written = 0
            with suppress(CasegateError):  # a full disk: the log grows no further, and the next commit says so
                self._ports.db.checkpoint()
