"""The operator's scanner: a command that says of one file whether it may be kept (`storage.scan_command`).

The daemon calls it through `ports.scanner` before a case keeps a file. The command gets the path of a private copy as
its last argument, no shell, nothing of our environment but PATH, and a time limit; what it prints is not read. Exit 0
is clean, 1 is refused; whatever else it comes to is a fault of ours, told as Temporary.
"""

import asyncio
import os
import signal
import tempfile
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from pathlib import Path

from gateway.errors import Temporary

LONGEST_SECONDS = 60.0
"""So long the command may take for one file."""

REST_SECONDS = 30.0
"""A scanner that hung is left alone so long: mail that waits for it takes no time then."""

MOST_AT_ONCE = 4
"""A scanner may need a gigabyte of memory."""

_SEARCHED = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the command and its tools are found if nobody says so."""


class CommandScanner:
    """Runs the command; for one event loop."""

    def __init__(self, command: tuple[str, ...], *, seconds: float = LONGEST_SECONDS) -> None:
        """`command` are its words, without the path of the file."""
        self._command = command
        self._seconds = seconds
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)
        self._rests_until = 0.0

    async def is_clean(self, data: bytes) -> bool:
        """True if the command lets this file through, False if it refuses it. Raises Temporary where it says neither.

        Cancelled, it ends the command first. The copy is removed whatever happens, but for the death of this process.
        """
        async with self._turns:
            if asyncio.get_running_loop().time() < self._rests_until:
                raise Temporary("the scanner hung a moment ago, and is left alone for now")
            handle, file = _make()
            try:
                await asyncio.to_thread(_fill, handle, data)
                code = await self._run(file)
            finally:
                file.unlink(missing_ok=True)
        if code not in {0, 1}:
            raise Temporary(
                f"the scanner was killed by signal {-code}" if code < 0 else f"the scanner ended with {code}"
            )
        return code == 0

    async def _run(self, file: Path) -> int:
        env = {"PATH": os.environ.get("PATH", _SEARCHED), "LANG": "C.UTF-8"}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                str(file),
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=DEVNULL,
                env=env,
                start_new_session=True,
            )
        except OSError as error:
            raise Temporary(f"the scanner cannot be run ({error.strerror})") from error
        try:
            async with asyncio.timeout(self._seconds):
                return await process.wait()
        except TimeoutError as error:
            self._rests_until = asyncio.get_running_loop().time() + REST_SECONDS
            raise Temporary(f"the scanner did not end within {self._seconds:g} s") from error
        finally:
            await _end(process)


def _make() -> tuple[int, Path]:
    """An empty file that only we can read, under a name of ours."""
    try:
        handle, name = tempfile.mkstemp(prefix="casegate-scan-")  # mkstemp makes it 0600
    except OSError as error:
        raise Temporary(f"no file can be made for the scanner ({error.strerror})") from error
    return handle, Path(name)


def _fill(handle: int, data: bytes) -> None:
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
    except OSError as error:
        raise Temporary(f"the file for the scanner cannot be written ({error.strerror})") from error


async def _end(process: Process) -> None:
    """See that nothing is left of a command that did not end by itself, nor of what it started."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
