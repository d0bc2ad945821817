"""The database: nothing is lost between two writers, a lease is one worker's, the migrations make the tables."""

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from gateway.domain.post import Envelope, IntakeState, Transport
from gateway.errors import BadConfig, Conflict, Refused, Temporary, Unreachable
from gateway.store import db, intake, migrate, partial, save, search  # noqa: F401  # partial belongs to the tables
from gateway.store import tables as t
from gateway.store.db import Database
from tests.servers import Cluster

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


def an_intake(database: Database, *ids: str) -> None:
    with database.begin() as tx:
        for id_ in ids:
            intake.accepted(tx, Envelope(transport=Transport.PIPE, transport_id=id_), b"x", received_at=NOW)


def test_two_writers_lose_no_update(database: Database) -> None:
    """Four threads read, add one and write; a deferred transaction would lose most of it on SQLite."""

    def add() -> None:
        for _ in range(10):
            with database.begin() as tx:
                row = sa.select(t.counter.c.value).where(t.counter.c.name == "case").with_for_update()
                value = tx.execute(row).scalar_one()
                tx.execute(sa.update(t.counter).where(t.counter.c.name == "case").values(value=value + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.begin() as tx:
        assert 1041 == save.next_case_number(tx)


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    """An error undoes what stands before it."""
    with pytest.raises(RuntimeError, match="stop"), database.begin() as tx:
        save.next_case_number(tx)
        raise RuntimeError("stop")

    with database.begin() as tx:
        assert 1001 == save.next_case_number(tx)


def test_a_lease_is_one_workers_until_it_runs_out(database: Database) -> None:
    """Two workers never hold the same row; a dead one gives it back."""
    an_intake(database, "a", "b", "c")

    def lease(at: datetime, limit: int) -> list[int]:
        due = sa.select(t.intake.c.id).where(db.is_free(t.intake, at)).order_by(t.intake.c.id).limit(limit)
        with database.begin() as tx:
            return list(db.lease(tx, t.intake, due, now=at, seconds=60))

    assert [1, 2] == lease(NOW, 2)
    assert [3] == lease(NOW, 2)
    assert [] == lease(NOW + timedelta(seconds=59), 2)
    assert [1, 2, 3] == lease(NOW + timedelta(seconds=60), 9)


def test_the_same_transport_id_is_one_row(database: Database) -> None:
    """An IMAP server that shows a message again, after a crash before the flag."""
    an_intake(database, "imap:1")
    an_intake(database, "imap:1", "imap:2")

    with database.begin() as tx:
        assert [1, 2] == list(tx.scalars(sa.select(sa.func.row_number().over(order_by=t.intake.c.id))))


def test_a_decision_is_noted_once(database: Database) -> None:
    """The second worker that held the row changes nothing."""
    an_intake(database, "a")
    done = intake.Decided(state=IntakeState.HELD, decision="held", reason="r", rung="sender")  # type: ignore[arg-type]  # the value is what is stored

    with database.begin() as tx:
        intake.decided(tx, 1, done)  # type: ignore[arg-type]  # ids are ints here
    with pytest.raises(Conflict), database.begin() as tx:
        intake.decided(tx, 1, done)  # type: ignore[arg-type]


def test_an_unknown_state_is_refused_by_the_database_too(database: Database) -> None:
    """Constraints carry the promises."""
    an_intake(database, "a")

    with pytest.raises(Conflict), database.begin() as tx:
        tx.exec_driver_sql("UPDATE intake SET state = 'bogus'")


def test_a_row_that_names_nothing_is_refused(database: Database) -> None:
    """Foreign keys are on, also on SQLite."""
    with pytest.raises(Conflict), database.begin() as tx:
        tx.execute(sa.insert(t.thread).values(message_id="<x@y>", case_number=1))


def test_a_reading_sees_one_snapshot(database: Database) -> None:
    """What another writer commits meanwhile is not half seen."""

    def twice(tx: sa.Connection) -> tuple[int, int]:
        query = sa.select(sa.func.count()).select_from(t.intake)
        before = tx.scalar(query) or 0
        an_intake(database, "meanwhile")
        return before, tx.scalar(query) or 0

    assert (0, 0) == database.read(twice)


def test_the_migrations_make_exactly_the_tables(database: Database) -> None:
    """No difference in either direction."""
    with database.begin() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "include_name": search.is_compared})
        assert [] == compare_metadata(context, SQLModel.metadata)


def test_head_is_the_newest_migration() -> None:
    """What `require_head` compares with."""
    scripts = ScriptDirectory(str(Path(migrate.__file__).with_name("migrations")))

    assert migrate.HEAD == scripts.get_current_head()


def test_an_empty_database_names_the_mend(tmp_path: Path) -> None:
    """It is not used, and not made by itself."""
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")

    with pytest.raises(BadConfig, match="casegate db upgrade"):
        migrate.require_head(empty)
    empty.close()


def test_pragmas_hold_on_every_connection(tmp_path: Path) -> None:
    """CD-09: durable, and patient."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with database.begin() as tx:
        values = [
            tx.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "wal_autocheckpoint")
        ]
    database.close()

    assert ["wal", 2, 1, 10_000, 0] == values


def test_a_server_that_is_not_there_is_unreachable() -> None:
    """Exit 4, not 1."""
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")

    with pytest.raises(Unreachable), database.begin():
        pass
    database.close()


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    """CD-20: in words, and never as an empty database in its place."""
    file = tmp_path / "x.db"
    file.write_bytes(b"SQLite format 3\0" + b"no page of a database" * 500)
    database = Database(f"sqlite:///{file}")

    with pytest.raises(Unreachable, match="restore it from a backup"), database.begin():
        pass
    database.close()


def test_a_full_disk_is_temporary(tmp_path: Path) -> None:
    """Nothing is accepted, and it works again when there is room."""
    url = f"sqlite:///{tmp_path / 'small.db'}"
    migrate.upgrade(url)
    database = Database(url)
    with database.engine.connect() as keep:
        driver = keep.connection.driver_connection
        assert driver is not None
        pages = driver.execute("PRAGMA page_count").fetchone()[0]
        driver.execute(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(Temporary), database.begin() as tx:
        envelope = Envelope(transport=Transport.PIPE, transport_id="big")
        intake.accepted(tx, envelope, b"x" * 100_000, received_at=NOW)
    database.close()


def test_a_log_that_cannot_be_moved_is_temporary(tmp_path: Path) -> None:
    """CD-06: a full disk must not end the thread that writes."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    migrate.upgrade(url)
    database = Database(url)
    with database.engine.connect() as keep:
        driver = keep.connection.driver_connection
        assert driver is not None
        driver.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)  # what a full disk does, without one
    with pytest.raises(Temporary, match="disk full"):
        database.checkpoint()
    database.close()


def test_an_address_has_one_owner(database: Database) -> None:
    """A contact's or an agent's, never both, never twice."""
    from gateway.domain.model import Account, Agent, AgentId, Contact, ContactId
    from gateway.store import people

    with database.begin() as tx:
        people.add_account(tx, Account(number="A-1", name="A"), pin_hash=None)
        contact = Contact(id=ContactId(0), account="A-1", name="X", addresses=("x@a.example",))
        people.add_contact(tx, contact)
        with pytest.raises(Refused, match=r"x@a\.example is a contact already"):
            people.add_agent(tx, Agent(id=AgentId(0), name="X", address="x@a.example"))


@pytest.mark.servers
def test_a_daemon_on_postgresql_knows_whether_it_is_alone(pg: Cluster, migrated_postgresql: str) -> None:
    """The first is; the second is not; and again who comes when both are gone, also by a kill."""
    url = pg.create(template=migrated_postgresql)
    first, second, third = (Database(url) for _ in range(3))

    assert [True, False] == [first.announce(), second.announce()]
    first.close()
    assert not third.announce()
    second.close()
    third.close()
    fourth = Database(url)
    assert fourth.announce()
    fourth.close()
