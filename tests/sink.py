"""A mail server that keeps what it is given: the other end of everything Casegate sends in tests.

Threads and blocking sockets, so that it works beside any event loop, or none.
"""

import re
import socket
import socketserver
import threading
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

LONGEST_WAIT_SECONDS = 60
"""A limit against hanging, ten times what a busy machine takes; nothing is measured with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One mail that was answered 250."""

    mail_from: str
    rcpt_to: tuple[str, ...]
    data: bytes
    """As sent, dots unstuffed, without the end marker."""
    port: int
    """The client's: the same for mails of one connection."""


class Sink:
    """Listens on a port of 127.0.0.1, any free one unless told, for the length of a `with` block.

    `refuse["ann@x.example"] = "550 5.1.1 no"` answers RCPT for that address so; `refuse["DATA"]` answers the final dot.
    """

    def __init__(self, port: int = 0) -> None:
        self.taken: list[Taken] = []
        self.refuse: dict[str, str] = {}
        self._arrived = threading.Condition()
        self._server = _Server(port)
        self._server.sink = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self.disconnect()
        self._server.server_close()  # waits for the sessions

    def wait_for(self, count: int) -> list[Taken]:
        """All mails so far, as soon as there are `count` of them."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.taken) >= count, LONGEST_WAIT_SECONDS):
                raise TimeoutError(f"{len(self.taken)} of {count} mails came")
            return list(self.taken)

    def disconnect(self) -> None:
        """Cut every open connection, as a server does that is restarted."""
        self._server.disconnect()

    def keep(self, mail: Taken) -> None:
        with self._arrived:
            self.taken.append(mail)
            self._arrived.notify_all()


class _Server(socketserver.ThreadingTCPServer):
    """Knows its open connections from before their thread runs, so that none outlives the block."""

    sink: Sink

    def __init__(self, port: int) -> None:
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Session)
        self.connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.lock:
            self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self.lock:
            self.connections.discard(request)
        super().shutdown_request(request)

    def disconnect(self) -> None:
        with self.lock:
            for connection in self.connections:
                with suppress(OSError):  # the client was first
                    connection.shutdown(socket.SHUT_RDWR)


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.mail_from: str | None = None
        self.rcpt_to: list[str] = []
        try:
            self.say("220 sink.test ESMTP")
            while line := self.rfile.readline():
                verb, _, argument = line.decode().strip().partition(" ")
                self.obey(verb.upper(), argument)
                if verb.upper() == "QUIT":
                    return
        except ConnectionError:
            return  # cut by the test, or by the client: nothing more to keep

    def say(self, *replies: str) -> None:
        self.wfile.write("".join(f"{reply}\r\n" for reply in replies).encode())

    def obey(self, verb: str, argument: str) -> None:
        match verb:
            case "EHLO":
                self.say("250-sink.test", "250-PIPELINING", "250-8BITMIME", "250-SMTPUTF8", "250 ENHANCEDSTATUSCODES")
            case "MAIL":
                self.mail_from, self.rcpt_to = _address(argument), []
                self.say("250 2.1.0 ok")
            case "RCPT":
                self.recipient(_address(argument))
            case "DATA" if self.mail_from is not None and self.rcpt_to:
                self.data(self.mail_from)
            case "DATA":
                self.say("503 5.5.1 no recipient")
            case "HELO" | "RSET" | "NOOP":
                if verb != "NOOP":
                    self.mail_from, self.rcpt_to = None, []
                self.say("250 2.0.0 ok")
            case "QUIT":
                self.say("221 2.0.0 bye")
            case _:
                self.say("502 5.5.1 not here")

    def recipient(self, address: str) -> None:
        refusal = self.server.sink.refuse.get(address)
        if refusal is None:
            self.rcpt_to.append(address)
        self.say(refusal or "250 2.1.5 ok")

    def data(self, mail_from: str) -> None:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return  # lost before the final dot: never taken
            lines.append(line.removeprefix(b"."))
        refusal = self.server.sink.refuse.get("DATA")
        if refusal is None:
            port = self.client_address[1]
            rcpt_to = tuple(self.rcpt_to)
            self.server.sink.keep(Taken(mail_from=mail_from, rcpt_to=rcpt_to, data=b"".join(lines), port=port))
        self.mail_from, self.rcpt_to = None, []
        self.say(refusal or "250 2.0.0 taken")


def _address(argument: str) -> str:
    found = re.search(r"<(.*?)>", argument)
    return found[1] if found else argument
