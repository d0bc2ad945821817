"""What the bench sends: questions of a customer, and a client that costs little beside the server it loads."""

import asyncio
import base64
import itertools
import random
import time
from collections import deque
from collections.abc import Iterator, Sequence

CUSTOMER = "bob@customer.example"
SERVICE = "service@vendor.example"

WORDS = [
    "printer",
    "network",
    "account",
    "password",
    "invoice",
    "delivery",
    "server",
    "backup",
    "since",
    "yesterday",
    "update",
    "screen",
]
_numbers = itertools.count(1)


def questions(count: int, *, attachment: int = 0) -> list[bytes]:
    """Mails of about 2 KB, each a new question; with a file of so many random bytes, another one each."""
    return [_question(next(_numbers), attachment) for _ in range(count)]


def _question(number: int, attachment: int) -> bytes:
    rnd = random.Random(number)
    text = [" ".join(rnd.choices(WORDS, k=9)) for _ in range(26)]
    head = [
        "Received: from mx.customer.example (mx.customer.example [127.0.0.1]) by mx.vendor.example",
        f"From: Bob <{CUSTOMER}>",
        f"To: Support <{SERVICE}>",
        f"Subject: Question {number}: {' '.join(rnd.choices(WORDS, k=4))}",
        "Date: Mon, 02 Mar 2026 08:59:00 +0000",
        f"Message-ID: <{number}@customer.example>",
        "MIME-Version: 1.0",
    ]
    plain = ['Content-Type: text/plain; charset="utf-8"', "Content-Transfer-Encoding: 7bit", "", *text]
    if not attachment:
        return "\r\n".join([*head, *plain, ""]).encode()
    file = [
        f'Content-Type: application/pdf; name="{number}.pdf"',
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment; filename="{number}.pdf"',
        "",
        *base64.encodebytes(rnd.randbytes(attachment)).decode().splitlines(),
    ]
    mixed = [*head, 'Content-Type: multipart/mixed; boundary="=_b"', ""]
    return "\r\n".join([*mixed, "--=_b", *plain, "--=_b", *file, "--=_b--", ""]).encode()


def send(port: int, mails: Sequence[bytes], *, connections: int = 10, per_connection: int | None = None) -> float:
    """Send all over so many connections at once, a new one after `per_connection` mails; seconds to the last 250."""
    size = per_connection or -(-len(mails) // connections)
    chunks = deque(mails[start : start + size] for start in range(0, len(mails), size))
    return asyncio.run(_send(port, chunks, connections))


async def _send(port: int, chunks: deque[Sequence[bytes]], connections: int) -> float:
    started = time.perf_counter()
    ends = [started]

    async def work() -> None:
        while chunks:
            mails = chunks.popleft()
            _, client = await asyncio.get_running_loop().create_connection(lambda: _Client(mails), "127.0.0.1", port)  # noqa: B023  # called at once
            ends.append(await client.ended)

    await asyncio.gather(*(work() for _ in range(connections)))
    return max(ends) - started


class _Client(asyncio.Protocol):
    """One connection; `ended` is when the last mail was answered 250."""

    def __init__(self, mails: Sequence[bytes]) -> None:
        self.ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._mails = mails
        self._received = b""
        self._last = 0.0
        self._script = self._talk()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._write = transport.write
        next(self._script)

    def data_received(self, data: bytes) -> None:
        *lines, self._received = (self._received + data).split(b"\r\n")
        for line in lines:
            if line[3:4] != b"-":
                self._go_on(line)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(error or ConnectionError("the server hung up"))

    def _go_on(self, line: bytes) -> None:
        if line[:1] not in (b"2", b"3"):
            self.ended.set_exception(ConnectionError(f"the server said {line!r}"))
        elif next(self._script, "done") == "done" and not self.ended.done():
            self.ended.set_result(self._last)

    def _talk(self) -> Iterator[None]:
        """One step a reply."""
        yield
        self._write(b"EHLO mx.customer.example\r\n")
        yield
        for mail in self._mails:
            self._write(b"MAIL FROM:<%s>\r\n" % CUSTOMER.encode())
            yield
            self._write(b"RCPT TO:<%s>\r\n" % SERVICE.encode())
            yield
            self._write(b"DATA\r\n")
            yield
            self._write(mail + b".\r\n")  # no line of ours begins with a dot
            yield
            self._last = time.perf_counter()
        self._write(b"QUIT\r\n")
        yield
