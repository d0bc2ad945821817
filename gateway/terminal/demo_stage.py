"""The demo's surroundings: a folder, the daemon at work in it, the CLI, and a mailbox for every mail that leaves.

`demo` opens a Stage, the story plays on it. Promises: nothing here stands in for the product (the daemon is the
`serve` of everybody, a command is a process of its own, mail goes in and out over SMTP), every wait ends within
STEP_SECONDS, ports are free ones, and when the Stage is left the daemon has ended.
"""

import asyncio
import json
import os
import re
import shlex
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiosmtplib
from aiosmtpd.smtp import SMTP, Envelope, Session

import gateway
from gateway import wiring
from gateway.errors import CasegateError
from gateway.services import post_room
from gateway.terminal.context import Desk

VENDOR = "Harbour Support"
SERVICE = "service@harbour.example"

STEP_SECONDS = 60.0
"""How long one step of the demo may take on a slow machine before something must be wrong."""

POLL_SECONDS = 0.05

STOP_SECONDS = 20.0
"""How long the daemon has for its orderly end; it promises 15."""

CONFIG = f"""\
# What `casegate demo` runs on; config.example.toml in the checkout explains every key.

[vendor]
name = "{VENDOR}"

[mail]
service_address = "{SERVICE}"

[smtp]
port = 0                              # any free port

[outbound]                            # the mailbox of the demo
port = %d
security = "none"

[trust]
require = "unverified"                # nobody here can vouch for a sender; a real gateway asks for more

[metrics]
enabled = false
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One mail that left, as its recipient has it."""

    recipient: str
    message: EmailMessage
    file: Path


@dataclass(slots=True, kw_only=True)
class Mailbox:
    """An SMTP server on a free port of this machine that keeps each mail as a file of `folder`."""

    folder: Path
    delivered: list[Delivered] = field(default_factory=list)
    _server: asyncio.Server | None = None

    async def open(self) -> int:
        """Listen; the port is returned."""
        self.folder.mkdir()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="mailbox.demo", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0
        )
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def close(self) -> None:
        """Take no more mail."""
        if self._server:
            self._server.close()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        """Keep one mail (aiosmtpd calls this)."""
        assert isinstance(envelope.content, bytes)
        data = envelope.content
        recipient = ", ".join(envelope.rcpt_tos)
        named = re.sub(r"[^A-Za-z0-9.@+_-]", "_", recipient)[:80]
        file = self.folder / f"{len(self.delivered) + 1:02}-{named}.eml"
        file.write_bytes(data)
        message = message_from_bytes(data, policy=policy.default)
        self.delivered.append(Delivered(recipient=recipient, message=message, file=file))
        return "250 2.0.0 kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A line of the daemon's log: a mail was decided, or one that left was tried."""

    event: str
    id: int | None
    decision: str | None
    ms: float


class Stage:
    """Everything that the story needs, for the length of an `async with` block."""

    def __init__(self, folder: Path, columns: int) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.mailbox = Mailbox(folder=folder / "mailbox")
        self.port = 0
        self.desk = Desk(self.config)
        """Opens what the daemon writes, to read it; only after `init`."""
        self._daemon: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._log: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        self._last_words = ""
        home = Path(gateway.__file__).parent.parent
        self._environment = os.environ | {"PYTHONPATH": str(home), "NO_COLOR": "1", "COLUMNS": str(columns)}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Have the daemon end, and close the mailbox behind it."""
        if self._daemon and self._daemon.returncode is None:
            self._daemon.terminate()
            ended = asyncio.create_task(self._daemon.wait())
            await asyncio.wait([ended], timeout=STOP_SECONDS)
            if not ended.done():
                self._daemon.kill()
                await ended
        if self._reader:
            await asyncio.wait([self._reader], timeout=STOP_SECONDS)
        self.desk.close()
        self.mailbox.close()

    async def init(self) -> None:
        """Make an empty gateway whose mail goes to our mailbox."""
        await self.casegate("init", str(self.folder), "--yes")
        port = await self.mailbox.open()
        self.config.write_text(CONFIG % port, encoding="utf-8")

    async def serve(self) -> None:
        """Start the daemon; returns when its door is open."""
        self._daemon = await self._start("serve", stdout=DEVNULL)
        self._reader = asyncio.create_task(self._read(self._daemon))
        ready = await self._line("ready")
        self.port = int(str(ready["smtp"]).rpartition(":")[2])

    async def casegate(self, *arguments: str) -> str:
        """Run one command to its end; what it printed. CasegateError if it fails, or the daemon ends meanwhile."""
        process = await self._start(*arguments, stdout=PIPE)
        talk = asyncio.create_task(process.communicate())
        try:
            await asyncio.wait(
                [talk, *([self._reader] if self._reader else [])],
                timeout=STEP_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            if not talk.done():
                process.kill()
            out, err = await talk
        if self._reader and self._reader.done():
            raise self._daemon_ended()
        if process.returncode:
            why = " ".join(err.decode(errors="replace").split()) or f"nothing said in {STEP_SECONDS:.0f} s"
            raise CasegateError(f"`casegate {shlex.join(arguments)}` ended with {process.returncode}: {why}")
        return out.decode(errors="replace").rstrip()

    async def send(self, mail: EmailMessage, sender: str, recipient: str) -> str:
        """Hand a mail to the daemon over SMTP; the last line of its answer."""
        try:
            _, answer = await aiosmtplib.send(
                mail,
                sender=sender,
                recipients=[recipient],
                hostname="127.0.0.1",
                port=self.port,
                local_hostname="demo",
                start_tls=False,
                timeout=STEP_SECONDS,
            )
        except aiosmtplib.SMTPException as error:
            raise CasegateError(f"the daemon did not take a mail: {error}") from error
        return answer

    async def decided(self) -> Happening:
        """Wait for the next decision of the daemon."""
        return _happening(await self._line("intake.decided"))

    async def happening(self) -> Happening:
        """Wait, for as long as it takes, until the daemon has done something."""
        return _happening(await self._next())

    async def settle(self) -> None:
        """Wait until everything is handled and delivered, as `casegate settle` does."""
        try:
            async with asyncio.timeout(STEP_SECONDS):
                while not self.desk.read(post_room.standing, wiring.now(), outbound=True).settled:
                    if self._reader and self._reader.done():
                        raise self._daemon_ended()
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise CasegateError(f"the daemon was not done within {STEP_SECONDS:.0f} s") from None

    async def _start(self, *arguments: str, stdout: int) -> Process:
        # In the folder: there `casegate` finds ./config.toml by itself, and no module of the caller's folder.
        program = (sys.executable, "-m", "gateway.terminal.app")
        return await asyncio.create_subprocess_exec(
            *program, *arguments, cwd=self.folder, env=self._environment, stdin=DEVNULL, stdout=stdout, stderr=PIPE
        )

    async def _read(self, daemon: Process) -> None:
        assert daemon.stderr is not None
        try:
            async for line in daemon.stderr:
                try:
                    entry = json.loads(line)
                except ValueError:
                    self._last_words = line.decode(errors="replace").strip()
                    continue
                self._last_words = f"{entry.get('event')} {entry.get('error', '')}".strip()
                self._log.put_nowait(entry)
        finally:
            self._log.put_nowait(None)

    async def _next(self) -> Mapping[str, Any]:
        entry = await self._log.get()
        if entry is None:
            raise self._daemon_ended()
        return entry

    def _daemon_ended(self) -> CasegateError:
        return CasegateError(f"the daemon has ended; its last words: {self._last_words or 'none'}")

    async def _line(self, event: str) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(STEP_SECONDS):
                while (entry := await self._next()).get("event") != event:
                    pass
        except TimeoutError:
            raise CasegateError(f"no `{event}` from the daemon within {STEP_SECONDS:.0f} s") from None
        return entry


def _happening(entry: Mapping[str, Any]) -> Happening:
    return Happening(
        event=entry["event"],
        id=entry.get("id"),
        decision=entry.get("decision"),
        ms=entry.get("ms") or 0.0,
    )
