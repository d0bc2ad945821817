"""The database: made, migrated and checked (SPEC section 15)."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import BadConfig, Refused
from gateway.terminal import show
from gateway.terminal.context import Desk
from gateway.terminal.room import Room

if TYPE_CHECKING:
    import sqlalchemy as sa

room = Room("Make, migrate and check the database.")


def make_file(file: Path) -> None:
    """An empty SQLite file that only its owner reads, unless there is one. BadConfig where it cannot be made."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise BadConfig(f"{file}: {error.strerror}; check [database] url") from error


@room.task("upgrade", "db upgrade", "db upgrade --config /etc/casegate/config.toml")
def upgrade(desk: Desk) -> None:
    """Make the configured database, or bring it to this version.

    An admin's work; who acts is not asked, since whoever reads the configuration and its secrets is trusted.
    """
    from gateway.store import migrate
    from gateway.store.db import Database

    url = desk.settings.database_url
    if (file := Database(url).file) is not None:
        make_file(file)
    before = migrate.upgrade(url)
    if before is None:
        show.say(f"the database is made, at revision {migrate.HEAD}")
    elif before == migrate.HEAD:
        show.say(f"the database is at revision {before} already")
    else:
        show.say(f"the database went from revision {before} to {migrate.HEAD}")


@room.task("verify", "db verify")
def verify(desk: Desk) -> None:
    """Check that every case is what its history makes of it, and that the database is sound. Exit 1 if not."""
    from gateway.services import views, waiting
    from gateway.store import erase

    problems = [*desk.read(_unsound), *desk.read(views.broken_cases)]
    problems += desk.read(waiting.broken_waits, desk.policy, desk.now)
    problems += desk.read(erase.unfinished)
    for problem in problems:
        show.say(show.line(problem, 1_000))
    if problems:
        raise Refused(f"{show.count(len(problems), 'problem')} found; restore a backup, or ask for help with this list")
    show.say("the database is sound, and every case is what its history makes of it")


def _unsound(tx: "sa.Connection") -> list[str]:
    """What SQLite itself finds; a PostgreSQL server checks its own."""
    if tx.dialect.name != "sqlite":
        return []
    told = [str(row[0]) for row in tx.exec_driver_sql("PRAGMA integrity_check")]
    loose = tx.exec_driver_sql("PRAGMA foreign_key_check").all()
    found = [f"integrity: {text}" for text in told if text != "ok"]
    return found + [f"table {row[0]}, row {row[1]}: names a row of {row[2]} that is not there" for row in loose]
