"""`casegate announce` is killed again and again, with no chance to say good-bye, and resumed: nobody gets it twice."""

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway import config as settings_of
from gateway.domain.model import Contact, ContactId
from gateway.store import people
from gateway.store import tables as t
from gateway.store.db import Database
from tests.daemon import CASEGATE, LONGEST_WAIT_SECONDS, cli, cli_json, gateway
from tests.servers import Cluster

PEOPLE = 200
KILLS = 4
SAM = ("--as", "sam@vendor.example")


def killed(config: Path, queued: int, *words: str) -> None:
    """The command, dead as soon as so many mails are in the outbox, at whatever it does then."""
    process = subprocess.Popen([*CASEGATE, "--config", str(config), "announce", *words], stdout=subprocess.DEVNULL)
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    database = Database(url_of(config))
    try:
        while process.poll() is None and mails(database) < queued:
            assert time.monotonic() < end
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        database.close()


def url_of(config: Path) -> str:
    """That of its database, wherever the command runs."""
    return settings_of.load(config).database_url


def mails(database: Database) -> int:
    return database.read(lambda tx: tx.scalar(sa.select(sa.func.count()).select_from(t.outbox))) or 0


def is_sent_once(folder: Path, url: str | None) -> None:
    """The whole of it."""
    config = gateway(folder / "gw", relay_port=9, url=url)
    cli(config, "agent", "add", "Sam", "--address", "sam@vendor.example", "--kind", "support_manager")
    database = Database(url_of(config))
    with database.begin() as tx:
        account = tx.scalars(sa.select(t.account.c.number)).first()
        assert account is not None
        for number in range(PEOPLE):
            address = f"c{number}@customer.example"
            people.add_contact(tx, Contact(id=ContactId(0), account=account, name="C", addresses=(address,)))
    chance = random.Random(3)
    begin = ("--audience", "all", "--template", "release", "--set", "version=8.1", "--yes", *SAM)
    total = None
    for life in range(KILLS):
        killed(config, chance.randrange(1, PEOPLE), *(("resume", "1", *SAM) if life else begin))
        (one,) = cli_json(config, "announce", "list")
        assert one["queued"] == mails(database)
        total = one["total"]
    cli(config, "announce", "resume", "1", *SAM)

    (one,) = cli_json(config, "announce", "list")
    assert (total, total, "sending") == (one["total"], one["queued"], one["state"])
    recipients = database.read(lambda tx: tx.scalars(sa.select(t.outbox.c.recipient)).all())
    assert total == len(recipients) == len(set(recipients))
    database.close()


def test_on_sqlite(tmp_path: Path) -> None:
    is_sent_once(tmp_path, None)


@pytest.mark.servers
def test_on_postgresql(tmp_path: Path, pg: Cluster) -> None:
    is_sent_once(tmp_path, pg.create())
