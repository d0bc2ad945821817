"""Makes and migrates the database (`casegate db upgrade`), and says whether it is the one this version needs."""

from pathlib import Path

import sqlalchemy as sa

from gateway.errors import BadConfig
from gateway.store.db import Database

HEAD = "0001"
"""The revision that this version reads and writes; a test compares it with the newest migration."""


def upgrade(url: str) -> str | None:
    """Bring the database to HEAD, making it where there is none; returns the revision it had before.

    Raises Unreachable where there is no server, BadConfig for a database of a newer version.
    """
    from alembic import command
    from alembic.config import Config

    database = Database(url)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    try:
        with database.begin() as tx:
            before = revision(tx)
            if before is not None and before > HEAD:
                raise BadConfig(f"the database is of a newer version ({before}); install that version of Casegate")
            config.attributes["connection"] = tx
            command.upgrade(config, "head")
            return before
    finally:
        database.close()


def revision(tx: sa.Connection) -> str | None:
    """The revision of this database; None for an empty one."""
    if not sa.inspect(tx).has_table("alembic_version"):
        return None
    found: str | None = tx.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def require_head(database: Database) -> None:
    """Raise BadConfig, naming the mend, unless the database is of this version."""
    found = database.read(revision)
    if found is None:
        raise BadConfig("the database is empty; make its tables with `casegate db upgrade`")
    if found != HEAD:
        raise BadConfig(f"the database is of revision {found}, this version needs {HEAD}; run `casegate db upgrade`")
