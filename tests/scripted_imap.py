"""An IMAP server with a few mails that a test can have say anything, or fall silent, at any command."""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

CAPABILITY = "IMAP4rev1 IDLE MOVE UIDPLUS"

Script = Callable[[str], list[str] | None]
"""Gets a command without its tag; gives the lines to say instead of the usual ones, None for the usual ones.

In a line `TAG` stands for the tag, `CLOSE` ends the connection, `HANG` says nothing more until the client goes.
"""


class ScriptedImap:
    """Listens on 127.0.0.1 for the length of a `with` block; any login is good."""

    def __init__(self, mails: dict[int, bytes] | None = None, *, capability: str = CAPABILITY) -> None:
        self.mails = dict(mails or {})
        self.flags: dict[int, set[str]] = {}
        self.moved: dict[int, bytes] = {}
        self.uidvalidity = 7
        self.greeting = "* OK hello"
        self.capability = capability
        self.script: Script = lambda _: None
        self.said: list[str] = []
        """All commands of clients."""
        self.heard = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def wait_for(self, verb: str, count: int = 1) -> None:
        """Return when clients have said this so often."""
        with self.heard:
            came = self.heard.wait_for(lambda: sum(verb in said for said in self.said) >= count, 60)
        assert came, self.said

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rwb") as file:

            def say(*lines: str) -> None:
                for line in lines:
                    file.write(line.encode("latin-1") + b"\r\n")
                file.flush()

            say(self.greeting)
            while line := file.readline().decode("latin-1").rstrip("\r\n"):
                tag, _, command = line.partition(" ")
                with self.heard:
                    self.said.append(command or tag)
                    self.heard.notify_all()
                scripted = self.script(command or tag)
                for answer in self._usual(command or tag) if scripted is None else scripted:
                    if answer == "CLOSE":
                        connection.shutdown(socket.SHUT_RDWR)
                        return
                    if answer == "HANG":
                        file.read()
                        return
                    if answer == "+ idling":
                        idle_tag = tag
                    say(answer.replace("TAG", idle_tag if command == "" else tag))

    def _usual(self, command: str) -> list[str]:
        verb = command.upper().removeprefix("UID ").partition(" ")[0]
        match verb:
            case "CAPABILITY":
                return [f"* CAPABILITY {self.capability}", "TAG OK done"]
            case "SELECT":
                uidnext = max([0, *self.mails, *self.moved]) + 1
                counts = [f"* {len(self.mails)} EXISTS", "* 0 RECENT", "* FLAGS (\\Seen \\Deleted)"]
                numbers = [f"* OK [UIDVALIDITY {self.uidvalidity}] valid", f"* OK [UIDNEXT {uidnext}] next"]
                return [*counts, *numbers, "TAG OK [READ-WRITE] done"]
            case "SEARCH":
                return [f"* SEARCH {' '.join(map(str, self._found(command)))}".rstrip(), "TAG OK done"]
            case "FETCH":
                return [*self._fetched(command), "TAG OK done"]
            case "STORE":
                flag = command.partition("(")[2].rstrip(")")
                self.flags |= {uid: {flag} for uid in self._uids(command)}
                return ["TAG OK done"]
            case "MOVE":
                self.moved |= {uid: self.mails.pop(uid) for uid in self._uids(command)}
                return ["TAG OK done"]
            case "IDLE":
                return ["+ idling"]
            case "LOGIN" | "NOOP" | "DONE" | "LOGOUT" | "CREATE" | "SUBSCRIBE":
                return ["TAG OK done"]
            case _:
                return ["TAG BAD what?"]

    def _found(self, command: str) -> list[int]:
        low, high = re.search(r"UID (\d+):(\d+|\*)", command).groups()  # type: ignore[union-attr]  # all of ours have it
        seen = {uid for uid, flags in self.flags.items() if "\\Seen" in flags}
        known = set(self.mails) - (seen if "UNSEEN" in command else set())
        last = max(self.mails, default=0) if high == "*" else int(high)
        return sorted(uid for uid in known if min(int(low), last) <= uid <= max(int(low), last))

    def _uids(self, command: str) -> list[int]:
        listed = command.upper().removeprefix("UID ").split(" ")[1]
        return [int(uid) for uid in listed.split(",") if int(uid) in self.mails]

    def _fetched(self, command: str) -> list[str]:
        lines = []
        for uid in self._uids(command):
            data = self.mails[uid].decode("latin-1")
            item = f"RFC822.SIZE {len(data)}" if "RFC822.SIZE" in command else f"BODY[] {{{len(data)}}}\r\n{data}"
            lines.append(f"* {sorted(self.mails).index(uid) + 1} FETCH (UID {uid} {item})")
        return lines
