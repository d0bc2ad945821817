"""The real daemon as a process of its own, started as an operator starts it, and the CLI beside it."""

import atexit
import json
import os
import shutil
import signal
import smtplib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CASEGATE = (sys.executable, str(ROOT / "cli.py"))
CONFIG = """
[vendor]
name = "Acme"
[mail]
service_address = "service@vendor.example"
[smtp]
port = 0
[outbound]
host = "127.0.0.1"
port = {port}
security = "none"
[trust]
require = "unverified"
authserv_id = "mx.vendor.example"
[database]
url = "{url}"
[storage]
url = "file:blobs"
"""
LONGEST_WAIT_SECONDS = 60
"""A limit against hanging; nothing is measured with it."""


def cli(config: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """One command, as an agent types it."""
    done = subprocess.run(
        [*CASEGATE, "--config", str(config), *words],
        capture_output=True,
        text=True,
        timeout=LONGEST_WAIT_SECONDS,
        check=False,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def cli_json(config: Path, *words: str) -> Any:
    """What a command says as JSON."""
    return json.loads(cli(config, *words, "--json").stdout)


class Daemon:
    """A running `casegate serve`; `lines` are its log entries so far."""

    def __init__(self, config: Path, program: Sequence[str] = CASEGATE) -> None:
        self.config = config
        self.lines: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [*program, "--config", str(config), "serve"], stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        host, _, port = self.wait_for("ready")["smtp"].rpartition(":")
        self.host, self.port = host, int(port)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.lines.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def wait_for(self, event: str, **fields: Any) -> dict[str, Any]:
        """The first log entry of this name with these fields."""

        def found() -> dict[str, Any] | None:
            wanted = {"event": event, **fields}
            return next((line for line in self.lines if wanted.items() <= line.items()), None)

        with self._news:
            self._news.wait_for(lambda: found() or not self._reader.is_alive(), LONGEST_WAIT_SECONDS)
            entry = found()
        assert entry is not None, f"no {event} {fields} among {self.lines}"
        return entry

    def send(self, data: bytes, *, to: str = "service@vendor.example", sender: str = "x@relay.example") -> None:
        """A mail over SMTP, as a relay delivers it."""
        with smtplib.SMTP(self.host, self.port, timeout=LONGEST_WAIT_SECONDS) as client:
            client.sendmail(sender, [to], data)

    def settle(self) -> None:
        """Return when nothing waits any more."""
        cli(self.config, "settle", "--timeout", str(LONGEST_WAIT_SECONDS))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(LONGEST_WAIT_SECONDS)
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code

    def children(self) -> list[int]:
        """The process ids of its children."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for task in tasks for pid in task.read_text().split()]


@contextmanager
def running(config: Path, program: Sequence[str] = CASEGATE) -> Iterator[Daemon]:
    """A daemon for the length of a block; `program` starts it as `casegate` would."""
    daemon = Daemon(config, program)
    try:
        yield daemon
    finally:
        if daemon.process.poll() is None:
            os.kill(daemon.process.pid, signal.SIGKILL)
        daemon.stop()


def gateway(folder: Path, *, relay_port: int, url: str | None = None) -> Path:
    """A gateway with two accounts and an agent, made by its own commands; the path of its configuration."""
    config = folder / "config.toml"
    if url is None:
        shutil.copytree(_stocked(), folder)
        config.write_text(CONFIG.format(port=relay_port, url="sqlite:///casegate.db"))
        return config
    cli(Path("none"), "init", str(folder), "--yes")
    config.write_text(CONFIG.format(port=relay_port, url=url))
    cli(config, "db", "upgrade")
    _stock(config)
    return config


@cache
def _stocked() -> Path:
    """The folder that gateways on SQLite are copied from; a dozen commands, once."""
    folder = Path(tempfile.mkdtemp(prefix="casegate-"))
    atexit.register(shutil.rmtree, folder)
    cli(Path("none"), "init", str(folder / "gw"), "--yes")
    config = folder / "gw" / "config.toml"
    config.write_text(CONFIG.format(port=25, url="sqlite:///casegate.db"))
    _stock(config)
    return folder / "gw"


def _stock(config: Path) -> None:
    cli(config, "agent", "add", "Alice", "--address", "alice@vendor.example", "--team", "first_level")
    for number, domain in (("EX-1", "customer.example"), ("OT-1", "other.example")):
        cli(config, "account", "add", f"{number} Ltd", "--number", number, "--domain", domain)
    for name, number, domain in (("bob", "EX-1", "customer"), ("carl", "EX-1", "customer"), ("eve", "OT-1", "other")):
        cli(config, "contact", "add", f"{name}@{domain}.example", "--account", number, "--name", name.title())
