"""A command at a pseudo-terminal, as a person has it."""

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.daemon import CASEGATE


class AtTerminal:
    """A command that runs at a terminal, and all that it has shown."""

    def __init__(self, screen: int, process: subprocess.Popen[bytes]) -> None:
        self.seen = ""
        self._screen = screen
        self._process = process

    def read_until(self, text: str) -> None:
        """Wait until this is shown; a test that waits in vain fails here."""
        end, start = time.monotonic() + 60, len(self.seen)
        while text not in self.seen[start:]:
            assert time.monotonic() < end, self.seen
            if select.select([self._screen], [], [], 1)[0]:
                self.seen += os.read(self._screen, 65536).decode(errors="replace")

    def answer(self, text: str) -> None:
        """Type a line."""
        os.write(self._screen, f"{text}\n".encode())

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def read_to_end(self) -> int:
        """All that is left to show, and the exit code."""
        end = time.monotonic() + 60
        while True:
            assert time.monotonic() < end, self.seen
            if not select.select([self._screen], [], [], 1)[0]:
                continue
            try:
                data = os.read(self._screen, 65536)
            except OSError:  # Linux says EIO when nobody is left on the other side
                break
            if not data:
                break
            self.seen += data.decode(errors="replace")
        return self._process.wait(60)


@contextmanager
def at_terminal(config: Path, *words: str, columns: int = 80) -> Iterator[AtTerminal]:
    """`casegate words` at a terminal of so many columns."""
    outside, inside = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "24"}
    env.pop("NO_COLOR", None)
    command = [*CASEGATE, "--config", str(config), *words]
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # else it is ignored below a job in the background
    try:
        process = subprocess.Popen(command, stdin=inside, stdout=inside, stderr=inside, env=env, start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, before)
    os.close(inside)
    try:
        yield AtTerminal(outside, process)
    finally:
        process.kill()
        process.wait()
        os.close(outside)
