"""A daemon that something else kills soon after each start must not blame the mail that waits."""

import threading
from pathlib import Path

import sqlalchemy as sa

from gateway.services.inbound import MOST_LEASES
from gateway.store import tables as t
from gateway.store.db import Database
from tests.daemon import cli_json, gateway, running
from tests.sink import Sink
from tests.world import a_mail

LIFE_SECONDS = 0.05
"""Well below what a Python needs to start: a mail that was taken already would rightly count."""


def test_mail_is_not_quarantined_for_dying_before_it_was_looked_at(tmp_path: Path) -> None:
    """Lives too short for the parse child to start, on top of MOST_LEASES - 1 of them; then a long one."""
    mail = tmp_path / "mail.eml"
    mail.write_bytes(a_mail())
    with Sink() as sink:
        config = gateway(tmp_path / "gw", relay_port=sink.port)
        cli_json(config, "intake", str(mail))
        database = Database(f"sqlite:///{config.parent}/casegate.db")
        with database.begin() as tx:
            tx.execute(sa.update(t.intake).values(attempts=MOST_LEASES - 1))
        database.close()
        for _life in range(3):
            with running(config):
                threading.Event().wait(LIFE_SECONDS)  # then the block ends with kill -9
        with running(config) as daemon:
            daemon.settle()
        (row,) = cli_json(config, "intake", "list")

    assert ("done", "new_case") == (row["state"], row["decision"]), row["reason"]
