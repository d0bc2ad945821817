"""`make bench`: how much mail goes through, beside what the libraries under us do at the same minute.

Each figure is taken alternately with its yardstick, several times, so that a busy machine slows both. After each
block every mail is looked for: a case of its own, an acknowledgement and a notice at the sink, a history that holds.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import aiosmtplib
from rich.console import Console

from gateway.adapters.imap_look import BATCH
from tests.bench import big_database, peers
from tests.bench.figures import Figure, table
from tests.bench.gateway import cpu_seconds, pss_megabytes
from tests.bench.gateway import gateway as a_gateway
from tests.bench.load import questions, send
from tests.daemon import CASEGATE, ROOT
from tests.dovecot import Dovecot, dovecot
from tests.servers import find

STOCK = "aiosmtpd, mail thrown away"
LEAN = "lean pipeline, sends nothing"
BARE = "aiosmtpd in + aiosmtplib out"
IMPORTS = "import typer, sqlmodel, pydantic_settings"


class Bench:
    """All blocks; `sink` takes what the yardsticks send; `figures` in the order in which they were taken."""

    def __init__(self, folder: Path, sink: peers.Sink, repeats: int, say: Callable[[str], None]) -> None:
        self.figures: list[Figure] = []
        self._folder = folder
        self._sink = sink
        self._repeats = repeats
        self._say = say

    def _figure(self, what: str, unit: str, beside: str = "-") -> Figure:
        self.figures.append(Figure(what, unit, beside))
        return self.figures[-1]

    def text(self, count: int) -> None:
        """2 KB questions over ten connections that stay: in, handled, out again."""
        accepted = self._figure("accepted, 2 KB, 10 connections", "mails/s", STOCK)
        trip = self._figure("mail in, both mails at the sink", "mails/s", BARE)
        cpu = self._figure("CPU of all processes for that", "ms/mail", BARE)
        has_lean = peers.LIMITS.exists()
        handled = self._figure("decided and committed", "mails/s", LEAN if has_lean else "-")
        lean_cpu = self._figure("CPU of all processes, whole trip", "ms/mail", LEAN) if has_lean else None
        memory = self._figure("memory after that, all processes", "MB PSS", STOCK)
        with contextlib.ExitStack() as stack:
            gateway = stack.enter_context(a_gateway(self._folder / "text"))
            running = stack.enter_context(gateway.running())
            stock = stack.enter_context(peers.discard())
            lean = stack.enter_context(peers.lean(self._folder)) if has_lean else None
            gateway.trip(running, questions(count // 4))  # everything is loaded and warm
            send(stock.port, questions(count // 4))
            for _ in range(self._repeats):
                rate, in_cpu = _loaded(stock, questions(count * 2))
                sent, out_cpu = self._bare_send(count * 2)
                ours = gateway.trip(running, questions(count))
                accepted.note(ours.accepted, rate)
                trip.note(ours.at_sink, 1 / (1 / rate + 2 / sent))
                cpu.note(ours.cpu_ms, in_cpu + 2 * out_cpu)
                memory.note(pss_megabytes(running.process.pid), pss_megabytes(stock.pid))
                lean_rate, lean_ms = _loaded(lean, questions(count)) if lean else (None, None)
                handled.note(ours.handled, lean_rate)
                if lean_cpu:
                    lean_cpu.note(ours.cpu_ms, lean_ms)
        if not has_lean:
            self._say("skipped: lean pipeline (its tools folder is not beside the project)")

    def fresh_connections(self, count: int) -> None:
        """A connection for each mail, as most servers deliver."""
        accepted = self._figure("accepted, one mail a connection", "mails/s", STOCK)
        with a_gateway(self._folder / "fresh") as gateway, gateway.running() as running, peers.discard() as stock:
            for _ in range(self._repeats):
                rate = 2 * count / send(stock.port, questions(2 * count), per_connection=1)
                accepted.note(gateway.trip(running, questions(count), per_connection=1).accepted, rate)

    def attachments(self, count: int) -> None:
        """Each mail brings a file of 100 KB that nobody has seen."""
        accepted = self._figure("accepted, 100 KB attachment", "mails/s", STOCK)
        trip = self._figure("100 KB in, both mails at the sink", "mails/s")
        cpu = self._figure("CPU of all processes for that", "ms/mail")
        with a_gateway(self._folder / "files") as gateway, gateway.running() as running, peers.discard() as stock:
            for _ in range(self._repeats):
                theirs, ours = (questions(count, attachment=100_000) for _ in range(2))
                rate = count / send(stock.port, theirs)
                done = gateway.trip(running, ours, files=count)
                accepted.note(done.accepted, rate)
                trip.note(done.at_sink)
                cpu.note(done.cpu_ms)

    def one_by_one(self, count: int) -> None:
        """A mail into an idle gateway, until both mails that it causes are at the sink."""
        latency = self._figure("one mail in, both mails at the sink", "ms")
        with a_gateway(self._folder / "single") as gateway, gateway.running() as running:
            gateway.trip(running, questions(3), connections=1)
            for _ in range(count):
                latency.note(1000 / gateway.trip(running, questions(1), connections=1).at_sink)

    def delivery(self, count: int) -> None:
        """Mail that has piled up, delivered when the daemon may send."""
        delivered = self._figure("delivered, from a full outbox", "mails/s", "aiosmtplib, one connection")
        with a_gateway(self._folder / "delivery") as gateway:
            for _ in range(self._repeats):
                with gateway.running(outbound=False) as running:
                    send(running.port, questions(count))
                    gateway.wait_handled(count)
                rate, _ = self._bare_send(2 * count)
                with gateway.running():
                    times = gateway.delivered()[-2 * count :]
                delivered.note((len(times) - 1) / (times[-1] - times[0]), rate)
                gateway.check()

    def mailbox(self, count: int) -> None:
        """Mail that lies in a mailbox of a real Dovecot, over TLS; the yardstick takes the same mail from the same one."""
        if find("dovecot") is None:
            self._say("skipped: IMAP (dovecot is not installed)")
            return
        stored = self._figure("stored, out of an IMAP mailbox", "mails/s", "imapclient, fetched and forgotten")
        with a_gateway(self._folder / "imap") as gateway, dovecot() as server:
            gateway.take_from(server)
            for _ in range(self._repeats):
                uids = server.deliver(*questions(count))
                rate = count / _fetched(server, uids)
                with gateway.running():
                    stored.note(gateway.from_mailbox(count), rate)
                    gateway.delivered()
                gateway.check()
                assert all(rb"\Seen" in flags for flags in server.flags().values()), "a mail was left unread"

    def start_up(self) -> None:
        """A command that reads the database, beside the imports that it can't do without."""
        with a_gateway(self._folder / "start") as gateway:
            self._commands(gateway.config, {"casegate status": ["status"]})

    def years(self, cases: int, events: int) -> None:
        """Commands that read, on a database with years behind it."""
        config = big_database.build(self._folder / "years", cases=cases, events=events)
        middle, with_ = 1000 + cases // 2, f"of {cases:,} cases"
        commands = {
            f"casegate cases --limit 50 {with_}": ["cases", "--limit", "50"],
            f"casegate case show {with_}": ["case", "show", str(middle)],
            f"casegate queue {with_}": ["queue"],
            f"casegate search, a rare word {with_}": ["search", big_database.rare_word(cases)],
            f"casegate search, a common word {with_}": ["search", "printer"],
        }
        for name, words in list(commands.items()):
            if subprocess.run([*CASEGATE, words[0], "--help"], capture_output=True, check=False).returncode:
                self._say(f"skipped: {name} (there is no such command yet)")
                del commands[name]
        self._commands(config, commands)

    def _commands(self, config: Path, commands: Mapping[str, Sequence[str]]) -> None:
        figures = {name: self._figure(name, "ms", IMPORTS) for name in commands}
        imports = [sys.executable, "-c", IMPORTS]
        for turn in range(1 + max(5, self._repeats)):
            for name, words in commands.items():
                theirs, ours = (
                    _milliseconds(words) for words in (imports, [*CASEGATE, "--config", str(config), *words])
                )
                if turn > 0:  # at first it is compiled, and the database comes into the cache
                    figures[name].note(ours, theirs)

    def _bare_send(self, count: int) -> tuple[float, float]:
        """Mails a second, and CPU milliseconds of each, that aiosmtplib brings to the sink over one connection."""
        mails = questions(count)
        before, cpu = len(self._sink.lines()), time.process_time()
        asyncio.run(_deliver(self._sink.port, mails))
        cpu = time.process_time() - cpu
        times = [at for at, _, _ in self._sink.wait_for(before + count)[before:]]
        return (count - 1) / (times[-1] - times[0]), 1000 * cpu / count


async def _deliver(port: int, mails: Sequence[bytes]) -> None:
    async with aiosmtplib.SMTP(
        hostname="127.0.0.1", port=port, start_tls=False, local_hostname="desk.example"
    ) as relay:
        for mail in mails:
            await relay.sendmail("service@vendor.example", ["nobody@yardstick.example"], mail)


def _loaded(peer: peers.Peer, mails: Sequence[bytes]) -> tuple[float, float]:
    """Mails a second that a server answers 250, and its CPU milliseconds of each."""
    cpu = cpu_seconds(peer.pid)
    rate = len(mails) / send(peer.port, mails)
    return rate, 1000 * (cpu_seconds(peer.pid) - cpu) / len(mails)


def _fetched(server: Dovecot, uids: Sequence[int]) -> float:
    """Seconds in which imapclient fetches these mails, as many at once as Casegate does."""
    with server.login() as client:
        client.select_folder("INBOX", readonly=True)
        started = time.perf_counter()
        for start in range(0, len(uids), BATCH):
            client.fetch(uids[start : start + BATCH], ["BODY.PEEK[]"])
        return time.perf_counter() - started


def _milliseconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return 1000 * (time.perf_counter() - started)


def main() -> None:
    """All blocks, and a table."""
    words = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    words.add_argument("--repeats", type=int, default=3, help="of each figure (3)")
    words.add_argument("--mails", type=int, default=240, help="2 KB mails in a burst (240)")
    words.add_argument("--cases", type=int, default=100_000, help="of the database with years behind it (100,000)")
    given = words.parse_args()
    console = Console(width=150)
    with (
        tempfile.TemporaryDirectory(prefix="casegate-bench-") as name,
        peers.sink(Path(name) / "yardstick.sink") as sink,
    ):
        bench = Bench(Path(name), sink, given.repeats, console.print)
        started = time.perf_counter()
        bench.text(given.mails)
        bench.fresh_connections(given.mails // 2)
        bench.attachments(given.mails // 6)
        bench.one_by_one(10)
        bench.delivery(given.mails // 2)
        bench.mailbox(given.mails)
        bench.start_up()
        bench.years(given.cases, 10 * given.cases)
        console.print(table(bench.figures, given.repeats))
        console.print(f"every mail became what it should; {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
