"""A Casegate under load: the real daemon, what it cost, and whether every mail became what it should."""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import daemon
from tests.bench.load import CUSTOMER, send
from tests.bench.peers import Sink, sink, wait_until
from tests.dovecot import PASSWORD, Dovecot

AGENT = "alice@vendor.example"
_TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, of what it started, and of what has ended among them."""
    fields = (Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in family(pid))
    return sum(sum(map(int, field[11:15])) for field in fields) / _TICKS


def pss_megabytes(pid: int) -> float:
    """Memory of a process and all that it started; what they share counts once."""
    lines = (line for one in family(pid) for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


@dataclass(frozen=True, slots=True)
class Trip:
    """What came of a burst of questions; rates are mails that came in, a second."""

    accepted: float
    handled: float
    at_sink: float
    cpu_ms: float


class Gateway:
    """One gateway folder, and how much went through it so far."""

    def __init__(self, folder: Path, sink: Sink) -> None:
        """`folder` is made here."""
        self.config = daemon.gateway(folder, relay_port=sink.port)
        with self.config.open("a") as config:
            config.write("[budget]\nper_address_hour = 0\nper_case_hour = 0\noverall_hour = 0\n")
        self.mails = 0
        self.files = 0
        self._sink = sink
        self._database = folder / "casegate.db"

    @contextmanager
    def running(self, *, outbound: bool = True) -> Iterator[daemon.Daemon]:
        """The daemon, or one that may not send."""
        config = self.config.read_text()
        if not outbound:
            head, _, rest = config.partition("[outbound]")
            self.config.write_text(head + rest[rest.index("[") :])
        try:
            with daemon.running(self.config) as running:
                yield running
                assert running.stop() == 0, "the daemon did not end well"
        finally:
            self.config.write_text(config)

    def trip(
        self,
        running: daemon.Daemon,
        mails: Sequence[bytes],
        *,
        per_connection: int | None = None,
        connections: int = 10,
        files: int = 0,
    ) -> Trip:
        """Send questions, wait until their acknowledgements and notices are at the sink, and see that all is right."""
        cpu, started = cpu_seconds(running.process.pid), time.perf_counter()
        accepted = send(running.port, mails, connections=connections, per_connection=per_connection)
        self.wait_handled(len(mails))
        handled = time.perf_counter() - started
        times = self.delivered()
        wait_until(lambda: self._count("outbox WHERE state <> 'sent'") == 0)
        cpu = cpu_seconds(running.process.pid) - cpu
        self.files += files
        self.check()
        count = len(mails)
        return Trip(count / accepted, count / handled, count / (times[-1] - started), 1000 * cpu / count)

    def wait_handled(self, more: int) -> None:
        """Return when these mails, all of them accepted, are decided."""
        self.mails += more
        wait_until(lambda: self._count("intake WHERE state = 'pending'") == 0)

    def take_from(self, server: Dovecot) -> None:
        """All mail in the INBOX of a Dovecot's user, too."""
        (self.config.parent / "imap-password").write_text(PASSWORD)
        with self.config.open("a") as config:
            config.write(
                f'[[imap]]\nhost = "127.0.0.1"\nport = {server.imaps}\nca_file = "{server.ca}"\n'
                f'username = "{server.user}"\npassword_file = "imap-password"\n'
            )

    def from_mailbox(self, more: int) -> float:
        """Mails a second, stored out of a mailbox by a daemon that is up: from the first commit to the last one."""
        wait_until(lambda: self._count("intake") == self.mails + more)
        self.wait_handled(more)
        newest = f"intake WHERE id > {self.mails - more}"
        query = f"SELECT (julianday(max(received_at)) - julianday(min(received_at))) * 86400 FROM {newest}"
        first = f"{newest} AND received_at = (SELECT min(received_at) FROM {newest})"
        return (more - self._count(first)) / self._value(query)

    def delivered(self) -> list[float]:
        """When each mail came to the sink, as soon as all are there."""
        return [at for at, _, _ in self._sink.wait_for(2 * self.mails)]

    def check(self) -> None:
        """Raise AssertionError unless each mail opened a case of its own, and two people were told of each."""
        found = {
            "new cases": self._count("intake WHERE decision = 'new_case' AND case_number IS NOT NULL"),
            "cases": self._count("cases"),
            "files": self._count("attachment"),
            "at the sink": self._sink.recipients(),
        }
        told = {CUSTOMER: self.mails, AGENT: self.mails}
        wanted = {"new cases": self.mails, "cases": self.mails, "files": self.files, "at the sink": told}
        assert wanted == found, f"wanted {wanted}, found {found}"

    def _count(self, rows: str) -> int:
        return int(self._value(f"SELECT count(*) FROM {rows}"))

    def _value(self, query: str) -> float:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as connection:
            found: float = connection.execute(query).fetchone()[0]
            return found


@contextmanager
def gateway(folder: Path) -> Iterator[Gateway]:
    """A gateway of its own with a sink of its own; raises unless `casegate db verify` agrees at the end."""
    with sink(folder.with_suffix(".sink")) as where:
        made = Gateway(folder, where)
        yield made
        daemon.cli(made.config, "db", "verify")
