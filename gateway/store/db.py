"""The database: one way to read, one way to write, on SQLite and PostgreSQL alike.

`begin()` is the only way to write. On SQLite it opens with BEGIN IMMEDIATE: the driver's own deferred
transactions lose read-modify-write updates without an error (HOUSE section 11).
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from gateway.errors import BadConfig, Conflict, Temporary, Unreachable

P = ParamSpec("P")
T = TypeVar("T")

BUSY_MS = 10_000
"""How long a writer waits for another one's transaction."""

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # with NORMAL a committed transaction can vanish on power loss
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_MS}",
    "PRAGMA mmap_size=0",  # a mapped file turns an I/O error into a signal
    "PRAGMA wal_autocheckpoint=0",  # only the daemon's writer checkpoints, between transactions
)
_WRITES = "casegate_writes"
_DAEMONS = 0x63617365
"""The advisory lock that every daemon on a PostgreSQL database shares: "case" in ASCII."""


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _on_begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class Database:
    """An engine with the promises of HOUSE section 6; made once a process, safe between threads."""

    def __init__(self, url: str) -> None:
        """`url` is SQLAlchemy's; a SQLite file must exist already."""
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._presence: sa.Connection | None = None
        if self.is_sqlite:
            self.engine = sa.create_engine(self.url, connect_args={"timeout": BUSY_MS / 1000})
            sa.event.listen(self.engine, "connect", _on_connect)
            sa.event.listen(self.engine, "begin", _on_begin)
        else:
            self.engine = sa.create_engine(self.url, pool_pre_ping=True, connect_args={"connect_timeout": 10})

    @property
    def file(self) -> Path | None:
        """The SQLite file, None on PostgreSQL."""
        return Path(self.url.database or "") if self.is_sqlite else None

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A write transaction: all of it, or nothing.

        Raises Conflict (try again), Unreachable (no database there) or Temporary (disk full, locked).
        """
        with _translated(), self.engine.connect().execution_options(**{_WRITES: True}) as tx, tx.begin():
            yield tx

    def read(self, query: Callable[Concatenate[sa.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `query(connection, …)` returns, all of it from one snapshot."""
        with _translated(), self.engine.connect() as tx:
            if not self.is_sqlite:
                tx = tx.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901  # the same connection
            with tx.begin():
                return query(tx, *args, **kwargs)

    def announce(self) -> bool:
        """Say, until `close()`, that a daemon works on this database; True if no other one does.

        On SQLite `wiring.only_daemon` sees to that. On PostgreSQL each daemon holds a shared advisory lock, which
        the server takes back when the daemon dies; who gets it exclusively for a moment is alone.
        """
        if self.is_sqlite:
            return True
        with _translated():
            self._presence = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            alone = self._presence.scalar(sa.select(sa.func.pg_try_advisory_lock(_DAEMONS)))
            self._presence.execute(sa.select(sa.func.pg_advisory_lock_shared(_DAEMONS)))
            if alone:
                self._presence.execute(sa.select(sa.func.pg_advisory_unlock(_DAEMONS)))
            return bool(alone)

    def checkpoint(self) -> None:
        """Move the write-ahead log into the database file; nothing on PostgreSQL. Temporary if the disk is full."""
        if not self.is_sqlite:
            return
        with _translated(), self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            try:
                driver.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error as error:
                raise Temporary("the log of the database cannot be moved into it; is the disk full?") from error

    def close(self) -> None:
        """Give all connections back."""
        if self._presence is not None:
            self._presence.close()
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the driver's errors into ours: again, later, or not there."""
    try:
        yield
    except exc.IntegrityError as error:
        raise Conflict("somebody else did the same at the same time") from error
    except exc.OperationalError as error:
        code = getattr(error.orig, "sqlstate", None) or ""
        if code.startswith("40"):  # PostgreSQL: serialization failure, deadlock
            raise Conflict("the database asked to try again") from error
        if "no such " in str(error.orig):  # SQLite: a table or a column
            raise BadConfig("the database was made by another version; run `casegate db upgrade`") from error
        if "unable to open" in str(error.orig) or (code == "" and "sqlite" not in type(error.orig).__module__):
            raise Unreachable(
                "the database cannot be reached; check [database] url and that the server runs"
            ) from error
        raise Temporary("the database is busy or its disk is full; try again in a moment") from error
    except (exc.InterfaceError, exc.InternalError) as error:
        raise Unreachable("the connection to the database was lost") from error
    except exc.DatabaseError as error:
        if type(error) is not exc.DatabaseError:  # a mistake of ours in a statement
            raise
        raise Unreachable("the database file is damaged; stop the daemon and restore it from a backup") from error


def lease(
    tx: sa.Connection, work: sa.Table, due: sa.Select[tuple[int]], *, now: datetime, seconds: float
) -> Sequence[int]:
    """Take the rows that `due` selects (their ids) until `now + seconds`; nobody else gets them before.

    Works for every work table with `id` and `lease_until`; on PostgreSQL rows that others hold are skipped.
    """
    chosen = due.with_for_update(skip_locked=True)
    taken = tx.execute(
        sa.update(work)
        .where(work.c.id.in_(chosen.scalar_subquery()))
        .values(lease_until=now + timedelta(seconds=seconds), attempts=work.c.attempts + 1)
        .returning(work.c.id)
    )
    return sorted(taken.scalars())


def is_free(work: sa.Table, now: datetime) -> sa.ColumnElement[bool]:
    """True for rows that nobody holds a lease on."""
    return sa.or_(work.c.lease_until.is_(None), work.c.lease_until <= now)
