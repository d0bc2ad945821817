"""The other ends, each a process of its own: what the bench compares with, and where the mail goes.

`python -m tests.bench.peers discard` is stock aiosmtpd that throws mail away; `… sink FILE` is the cheapest mail
server there is, which notes time, recipient and Message-ID of each mail in a file. Both print their port.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMITS = Path(__file__).parents[3] / "shared" / "tools" / "bench" / "limits.py"
"""The lean pipeline, where it lies beside the project: SMTP in, parsed, three rows in one commit, then the 250."""

LONGEST_WAIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server."""

    pid: int
    port: int


@contextmanager
def discard() -> Iterator[Peer]:
    """Stock aiosmtpd that throws mail away."""
    with _running(sys.executable, "-m", "tests.bench.peers", "discard") as (pid, line):
        yield Peer(pid, int(line))


@contextmanager
def lean(folder: Path) -> Iterator[Peer]:
    """The lean pipeline."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = (sys.executable, str(LIMITS), "_serve", "--mode", "lean", "--port", str(port), "--dir", str(folder))
    with _running(*command) as (pid, _):
        yield Peer(pid, port)


class Sink:
    """Where outgoing mail ends: (seconds, recipient, Message-ID) of each mail."""

    def __init__(self, port: int, file: Path) -> None:
        self.port = port
        self._file = file

    def lines(self) -> list[tuple[float, str, str]]:
        """All that came."""
        lines = (line.split(" ") for line in self._file.read_text().splitlines())
        return [(float(at), recipient, id_) for at, recipient, id_ in lines]

    def wait_for(self, count: int) -> list[tuple[float, str, str]]:
        """All lines, as soon as there are so many."""
        wait_until(lambda: self._file.read_bytes().count(b"\n") >= count)
        return self.lines()

    def recipients(self) -> Counter[str]:
        """How many mails each got; one that came twice counts once."""
        return Counter(recipient for recipient, _ in {(recipient, id_) for _, recipient, id_ in self.lines()})


@contextmanager
def sink(file: Path) -> Iterator[Sink]:
    """A sink that notes in this file."""
    file.touch()
    with _running(sys.executable, "-m", "tests.bench.peers", "sink", str(file)) as (_, line):
        yield Sink(int(line), file)


def wait_until(holds: Any) -> None:
    """Look every few milliseconds, within reason."""
    latest = time.monotonic() + LONGEST_WAIT_SECONDS
    while not holds():
        if time.monotonic() > latest:
            raise TimeoutError("the mail did not go through")
        time.sleep(0.01)


@contextmanager
def _running(*command: str) -> Iterator[tuple[int, str]]:
    """A process for the length of a block, and its first line."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.pid, process.stdout.readline()
        finally:
            process.kill()


class _Discard:
    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        return "250 OK"


class _Sink(asyncio.Protocol):
    """Answers; and writes one line a mail."""

    file = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = bytearray()
        self._awaited = b"\r\n"
        self._recipient = b""
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(self._awaited)) >= 0:
            piece = bytes(self._received[:end])
            del self._received[: end + len(self._awaited)]
            self._transport.write(self._take(piece) if self._awaited == b"\r\n.\r\n" else self._obey(piece))

    def _obey(self, line: bytes) -> bytes:
        match line[:4].upper():
            case b"RCPT":
                self._recipient = line.partition(b"<")[2].partition(b">")[0]
            case b"DATA":
                self._awaited = b"\r\n.\r\n"
                return b"354 go on\r\n"
            case b"QUIT":
                self._transport.close()
                return b""
        return b"250 ok\r\n"

    def _take(self, mail: bytes) -> bytes:
        self._awaited = b"\r\n"
        id_ = mail.partition(b"Message-ID: ")[2].partition(b"\r\n")[0]
        os.write(self.file, b"%.6f %s %s\n" % (time.perf_counter(), self._recipient, id_))
        return b"250 taken\r\n"


async def _serve(protocol: Any) -> None:
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, backlog=200)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main(kind: str, *rest: str) -> None:
    """Be one of them, until killed."""
    if kind == "sink":
        _Sink.file = os.open(rest[0], os.O_WRONLY | os.O_APPEND)
        asyncio.run(_serve(_Sink))
    else:
        from aiosmtpd.smtp import SMTP

        asyncio.run(_serve(lambda: SMTP(_Discard(), hostname="desk.example", enable_SMTPUTF8=True)))


if __name__ == "__main__":
    main(*sys.argv[1:])
