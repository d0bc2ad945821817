"""The parse child and its pipe: mail is read in a process of its own, so that no mail can stop the next one.

`app` owns one ParsePool and hands it the bytes of each mail. The pool promises an answer for every mail: what
`mail.parse` made of it, or the fault that this one mail caused; a child that hangs or bloats is killed, and the
mails behind it go to a fresh one. The child (`python -m gateway.parsing`) has `mail` and `domain` in it and
nothing else: no database, no configuration, no inherited descriptor, an environment of one variable.

A frame is a length of four bytes and a pickle: both ends are this file, started by us, and what the child guards
against is time and memory, not code. The first frame down is the Terms, answered by `None`: ready; then lists
of mails go down, and one answer for each of them comes up.
"""

import contextlib
import os
import pickle
import resource
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import gateway
from gateway.domain.mail_rules import MailRules
from gateway.domain.post import ParsedMail, Unreadable
from gateway.errors import Temporary

if __name__ != "__main__":  # the child runs this file as its main module, and has no use for it
    import asyncio

_BATCH_BYTES = 1_000_000
"""A batch is closed by this many bytes, so that 32 large mails do not share the memory of one."""
_START_SECONDS = 30
_STOPPING = "Casegate is stopping"


class ParseFault(StrEnum):
    """What one mail did to the child; the caller counts it on that mail."""

    TIMEOUT = "timeout"
    CRASHED = "crashed"


Terms = tuple[MailRules, float, int]
"""The rules, and the seconds and megabytes that one mail may take. No class of this file goes through the pipe:
the child, whose main module it is, would have to load it a second time."""


@dataclass(frozen=True, slots=True)
class _Job:
    data: bytes
    answer: "asyncio.Future[ParsedMail | Unreadable | ParseFault]"

    def settle(self, answer: ParsedMail | Unreadable | ParseFault) -> None:
        if not self.answer.done():  # nobody may be waiting any more
            self.answer.set_result(answer)


class _Child:
    """The parent's end of one child. `spent` once it has work that was given to another one."""

    def __init__(self, process: "asyncio.subprocess.Process") -> None:
        self._process = process
        self.spent = False
        self.overdue = False

    @classmethod
    async def start(cls, command: Sequence[str]) -> "_Child":
        try:
            return cls(
                await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.DEVNULL,  # a traceback may quote the mail
                    start_new_session=True,
                    cwd="/",
                    env={"PYTHONPATH": str(Path(gateway.__file__).parent.parent)},  # the same gateway as ours
                    limit=_BATCH_BYTES,
                )
            )
        except OSError as problem:
            raise Temporary(f"the parser cannot be started ({problem.strerror})") from problem

    async def agree(self, terms: Terms) -> None:
        """Wait until it is ready for mail; Temporary if it never is: no mail is at fault for that."""
        try:
            await self.send(terms)
            async with asyncio.timeout(_START_SECONDS):
                await self.receive()
        except (OSError, EOFError) as problem:
            raise Temporary("the parser does not start; `python -m gateway.parsing` may say why") from problem

    async def send(self, value: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(_framed(value))
        await self._process.stdin.drain()

    async def receive(self) -> Any:
        assert self._process.stdout is not None
        length = int.from_bytes(await self._process.stdout.readexactly(4))
        frame = await self._process.stdout.readexactly(length)
        try:
            return pickle.loads(frame)  # noqa: S301 - see the module's docstring
        except Exception as problem:  # whatever pickle trips over: our files were replaced while we run
            raise Temporary("the parser is of another version than the daemon; restart Casegate") from problem

    def is_alive(self) -> bool:
        """False once its pipe has ended; the process may not have been reaped yet."""
        assert self._process.stdout is not None
        return not self._process.stdout.at_eof()

    def is_fit(self) -> bool:
        """True if it can take another batch."""
        return self.is_alive() and not self.spent

    def expire(self) -> None:
        """Its mail took too long."""
        self.overdue = True
        self.kill()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> None:
        """Kill it and wait for its end, so that no zombie and no open pipe stays behind."""
        if self.is_alive():  # else it is ending by itself; a signal might take its exit status from asyncio's watcher
            self.kill()
        await self._process.communicate()


class ParsePool:
    """One child, started by `warm` or when the first mail comes; a second one while a slow mail keeps the first busy."""

    def __init__(
        self,
        rules: MailRules,
        *,
        seconds: float = 30,
        slow_seconds: float = 2,
        megabytes: int = 512,
        batch: int = 32,
        command: Sequence[str] | None = None,
    ) -> None:
        self._terms: Terms = (rules, seconds, megabytes)
        self._seconds = seconds
        self.slow_seconds = slow_seconds
        self._batch = batch
        self._command = command or [sys.executable, "-P", "-m", "gateway.parsing"]
        self._jobs: deque[_Job] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._stuck: set[_Child] = set()
        self._children: set[_Child] = set()
        self._spare: _Child | None = None
        self._closed = False

    async def warm(self) -> None:
        """Have a child ready before the first mail: none is leased while it starts. Temporary if it cannot be."""
        if self._spare is None and not self._workers:
            self._spare = await self._hire()

    async def parse(self, data: bytes) -> ParsedMail | Unreadable | ParseFault:
        """Read one mail; calls made at the same time share the pipe. Temporary if no child can be started."""
        if self._closed:
            raise Temporary(_STOPPING)
        job = _Job(data, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self._staff()
        return await job.answer

    async def close(self) -> None:
        """End the children; who still waits for an answer gets Temporary."""
        self._closed = True
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._give_up(Temporary(_STOPPING))
        for child in tuple(self._children):
            await self._dismiss(child)

    def _staff(self) -> None:
        """See to it that somebody is there for the waiting jobs: one worker, or two if the other one is stuck."""
        if self._jobs and not self._closed and len(self._workers) == len(self._stuck) < 2:
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._leave)

    def _leave(self, worker: "asyncio.Task[None]") -> None:
        self._workers.discard(worker)
        self._staff()  # for a job that came while this worker was on its way out

    async def _work(self) -> None:
        """Bring waiting jobs to a child until there are none, then leave the child for the next worker."""
        child, self._spare = self._spare, None
        try:
            while batch := self._take():
                try:
                    if child is not None and not child.is_fit():
                        await self._dismiss(child)
                        child = None
                    child = child or await self._hire()
                    await self._exchange(child, batch)
                finally:
                    self._jobs.extendleft(reversed(batch))  # what was not answered
            if child is not None and child.is_fit() and self._spare is None:
                child, self._spare = None, child
        except Temporary as problem:
            self._give_up(problem)
        finally:
            if child is not None:
                await self._dismiss(child)

    async def _hire(self) -> _Child:
        child = await _Child.start(self._command)
        self._children.add(child)
        try:
            await child.agree(self._terms)
        except BaseException:  # also when we are cancelled: no child is left behind
            await self._dismiss(child)
            raise
        return child

    async def _dismiss(self, child: _Child) -> None:
        await child.stop()
        self._children.discard(child)  # not before: `close` ends it if we are cancelled here

    def _take(self) -> deque[_Job]:
        batch: deque[_Job] = deque()
        size = 0
        while self._jobs and len(batch) < self._batch and (not batch or size + len(self._jobs[0].data) < _BATCH_BYTES):
            job = self._jobs.popleft()
            if not job.answer.done():
                batch.append(job)
                size += len(job.data)
        return batch

    async def _exchange(self, child: _Child, batch: deque[_Job]) -> None:
        """Send a batch and settle its jobs; what is left in `batch` afterwards is for another child."""
        loop = asyncio.get_running_loop()
        sending: Sequence[bytes] = [job.data for job in batch]
        while batch and not child.spent:
            job = batch[0]
            expiry = loop.call_later(self._seconds, child.expire)
            slowness = loop.call_later(self.slow_seconds, self._relieve, child, batch)
            try:
                if sending:
                    await child.send(sending)
                    sending = ()
                job.settle(await child.receive())
            except (OSError, EOFError):
                child.spent = True
                job.settle(ParseFault.TIMEOUT if child.overdue else ParseFault.CRASHED)
            finally:
                expiry.cancel()
                slowness.cancel()
                self._stuck.discard(child)
            batch.popleft()

    def _relieve(self, child: _Child, batch: deque[_Job]) -> None:
        """The first mail of this batch is slow: it keeps the child to itself, the rest goes elsewhere."""
        job = batch.popleft()
        child.spent = bool(batch)  # it would go on with them, once it is through with this one
        self._jobs.extendleft(reversed(batch))
        batch.clear()
        batch.append(job)
        self._stuck.add(child)
        self._staff()

    def _give_up(self, problem: Temporary) -> None:
        for job in self._jobs:
            if not job.answer.done():
                job.answer.set_exception(problem)
        self._jobs.clear()


def serve(read: Callable[[bytes, MailRules], ParsedMail | Unreadable]) -> None:
    """The child's whole life: terms, then batches, one answer for each mail, until the pipe closes.

    What `read` raises ends the child, MemoryError above all: the parent sees that and counts this mail alone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not speak on the pipe
    terms: Terms | None = _receive(requests)
    if terms is None:
        return
    rules, seconds, megabytes = terms
    _limit_memory(megabytes)
    _send(answers, None)
    batch: list[bytes] | None
    while (batch := _receive(requests)) is not None:
        for data in batch:
            signal.setitimer(signal.ITIMER_REAL, 2 * seconds)  # ends a hung child whose parent was killed
            _send(answers, read(data, rules))
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> None:
    """The child: `python -m gateway.parsing`."""
    from gateway.mail.parse import read_mail

    serve(read_mail)


def _limit_memory(megabytes: int) -> None:
    """Allow so much above what the started program takes; and no core dump, which would hold a mail."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    wanted = pages * resource.getpagesize() + megabytes * 1_000_000
    _, allowed = resource.getrlimit(resource.RLIMIT_AS)
    if allowed == resource.RLIM_INFINITY or wanted < allowed:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, wanted))


def _framed(value: Any) -> bytes:
    packed = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return len(packed).to_bytes(4) + packed


def _send(pipe: BinaryIO, value: Any) -> None:
    pipe.write(_framed(value))
    pipe.flush()


def _receive(pipe: BinaryIO) -> Any:
    """The next frame; None at the end of the pipe."""
    header = pipe.read(4)
    if len(header) < 4:
        return None
    return pickle.loads(pipe.read(int.from_bytes(header)))  # noqa: S301 - see the module's docstring


if __name__ == "__main__":
    main()
