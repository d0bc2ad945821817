"""CD-01: clients that retry, and a daemon that is killed under them again and again: nothing lost, nothing twice."""

import queue
import random
import smtplib
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.store import tables as t
from gateway.store.db import Database
from tests.daemon import LONGEST_WAIT_SECONDS, cli, cli_json, gateway, running
from tests.servers import Cluster, free_port
from tests.sink import Sink
from tests.world import SERVICE, a_mail

CLIENTS = 10
EACH_LIFE = 20
"""So many mails are given to the clients while a daemon lives: half of them at once, half when it is about to die."""
LIFE_SECONDS = (0.2, 0.8)
LAST_SECONDS = (0.0, 0.05)
"""How long before its death; so it dies with mail decided, mail on its way out, and mail not yet answered 250."""
RETRY_SECONDS = 0.05
DEAF = 0.1
"""This part of all mails is brought by a client that loses the connection before it hears the answer."""
CALM = 10
"""So many cases are opened before, and every third mail goes to one of them."""
SETTLE_SECONDS = 30


class Clients:
    """Mail servers that keep a mail until somebody has said 250 to it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._waiting: queue.Queue[tuple[str, bytes] | None] = queue.Queue()
        self._chance = random.Random(2)
        self.retries = 0
        self._left = 0
        self._news = threading.Condition()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(CLIENTS)]

    def give(self, mails: Sequence[tuple[str, bytes]]) -> None:
        """More mails to bring, with their recipients."""
        with self._news:
            self._left += len(mails)
        for mail in mails:
            self._waiting.put(mail)

    def wait(self) -> None:
        """Return when all of them are brought."""
        with self._news:
            assert self._news.wait_for(lambda: self._left == 0, LONGEST_WAIT_SECONDS), f"{self._left} were not taken"

    def _work(self) -> None:
        while (mail := self._waiting.get()) is not None:
            deaf = self._chance.random() < DEAF
            while not self._brought(*mail, deaf=deaf):
                deaf = False
                self.retries += 1
                if self._over.wait(RETRY_SECONDS):
                    return
            with self._news:
                self._left -= 1
                self._news.notify_all()

    def _brought(self, address: str, data: bytes, *, deaf: bool) -> bool:
        try:
            with smtplib.SMTP("127.0.0.1", self._port, timeout=10) as client:
                if not deaf:
                    return client.sendmail("x@relay.example", [address], data) == {}
                client.ehlo()
                client.mail("x@relay.example")
                client.rcpt(address)
                client.docmd("DATA")
                client.send(data + b".\r\n")
                client.close()
        except (smtplib.SMTPException, OSError):
            pass
        return False

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """They bring mail during the block."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for _ in self._threads:
                self._waiting.put(None)
            for thread in self._threads:
                thread.join()


def letter(number: int, tokens: Sequence[str]) -> tuple[str, bytes]:
    """Where one of the mails goes, and the mail; each has a text of its own."""
    person = ("bob@customer.example", "carl@customer.example")[number % 2]
    mail = a_mail(person, f"Question {number}", f"Text {number}.", message_id=f"<load-{number}@customer.example>")
    if number % 3:
        return SERVICE, mail
    named = tokens[number // 3 % CALM].strip("[]").removeprefix("CASE-")
    return f"service+{named}@vendor.example", mail


def under_load(folder: Path, count: int, url: str | None = None) -> None:
    """The whole run: a calm case first, then the storm, then a last daemon that settles all, then the account."""
    port = free_port()
    chance = random.Random(1)
    with Sink() as sink:
        config = gateway(folder / "gw", relay_port=sink.port, url=url)
        config.write_text(config.read_text().replace("[smtp]\nport = 0", f"[smtp]\nport = {port}"))
        with running(config) as daemon:
            for number in range(CALM):
                daemon.send(a_mail(body=f"Calm {number}.", message_id=f"<calm-{number}@customer.example>"))
            daemon.settle()
        tokens = [case["token"] for case in cli_json(config, "cases")]
        letters = [letter(number, tokens) for number in range(count)]

        clients, lives = Clients(port), 0
        with clients.at_work():
            while letters:
                with running(config):
                    for seconds in (LIFE_SECONDS, LAST_SECONDS):
                        clients.give(letters[: EACH_LIFE // 2])
                        del letters[: EACH_LIFE // 2]
                        threading.Event().wait(chance.uniform(*seconds))
                lives += 1  # the block ended with kill -9
            with running(config) as daemon:
                clients.wait()
                assert settles(config, count)
                assert 0 == daemon.stop()
        assert 0 == cli(config, "db", "verify").returncode
        expected = sorted([*(f"Calm {n}." for n in range(CALM)), *(f"Text {n}." for n in range(count))])
        nothing_lost_nothing_twice(url or f"sqlite:///{config.parent}/casegate.db", sink, expected, lives)
    assert count // EACH_LIFE == lives
    assert clients.retries >= lives  # it died in the middle of something


def settles(config: Path, count: int) -> bool:
    """Whether everything is done in the end; a busy machine does some ten mails a second."""
    tries = range(2 + count // 100)
    return any(cli(config, "settle", "--timeout", str(SETTLE_SECONDS), check=False).returncode == 0 for _ in tries)


def nothing_lost_nothing_twice(url: str, sink: Sink, expected: list[str], lives: int) -> None:
    """What the tables and the relay have, of a run in which the daemon died `lives` times."""
    database = Database(url)
    try:
        with database.begin() as tx:
            texts = tx.scalars(sa.select(t.message.c.text)).all()
            aside = tx.execute(sa.select(t.intake.c.id, t.intake.c.reason).where(t.intake.c.state != "done")).all()
            decided = Counter(tx.scalars(sa.select(t.intake.c.decision)).all())
            owed = tx.execute(sa.select(t.outbox.c.message_id, t.outbox.c.state)).all()
            cases = tx.scalar(sa.select(sa.func.count()).select_from(t.cases))
    finally:
        database.close()
    assert [] == aside  # none held, quarantined, or still waiting
    assert expected == sorted(text.strip() for text in texts)  # every mail is one message
    replies = len(range(0, len(expected) - CALM, 3))
    assert len(expected) - replies == cases
    assert {"new_case", "reply", "duplicate"} >= {str(decision) for decision in decided}, decided

    assert {"sent"} == {str(state) for _, state in owed}
    came: dict[str, list[bytes]] = defaultdict(list)
    for mail in sink.taken:
        header = next(line for line in mail.data.split(b"\r\n") if line.lower().startswith(b"message-id:"))
        came[header.decode().partition(":")[2].strip()].append(mail.data)
    assert {message_id for message_id, _ in owed} == set(came)
    assert all(1 == len(set(copies)) for copies in came.values())  # a repeat has the same bytes
    assert 2 >= max(len(copies) for copies in came.values())
    repeats = sum(len(copies) - 1 for copies in came.values())
    print(f"{len(expected)} mails, {lives} kills, {repeats} mails sent twice, {decided}")


def test_two_hundred_mails_survive_ten_kills(tmp_path: Path) -> None:
    """On SQLite."""
    under_load(tmp_path, 200)


@pytest.mark.slow
def test_two_thousand_mails_survive_a_hundred_kills(tmp_path: Path) -> None:
    """On SQLite, the whole of CD-01."""
    under_load(tmp_path, 2_000)


@pytest.mark.servers
def test_sixty_mails_survive_three_kills_on_postgresql(tmp_path: Path, pg: Cluster) -> None:
    """On PostgreSQL, where the next daemon takes back what the dead one held."""
    url = pg.create()
    try:
        under_load(tmp_path, 60, url)
    finally:
        pg.drop(url)
