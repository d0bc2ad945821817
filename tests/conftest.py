"""Fixtures for every folder: a migrated database of either kind, and the PostgreSQL cluster behind it."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import servers
from tests.browser import Browser, chromium


@pytest.fixture(scope="session")
def pg() -> Iterator[servers.Cluster]:
    """A PostgreSQL of our own; the test wants the mark `servers`."""
    with servers.postgresql() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def migrated_postgresql(pg: servers.Cluster) -> str:
    """The URL of a migrated database to copy with `pg.create(template=…)`: 23 ms instead of all migrations."""
    from gateway.store import migrate

    url = pg.create()
    migrate.upgrade(url)
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    from gateway.store import migrate

    file = tmp_path_factory.mktemp("migrated") / "casegate.db"
    migrate.upgrade(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what is still in the log would not be copied
    return file


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh migrated database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        file = tmp_path / "casegate.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), file)
        yield f"sqlite:///{file}"
        return
    cluster: servers.Cluster = request.getfixturevalue("pg")
    url = cluster.create(template=request.getfixturevalue("migrated_postgresql"))
    yield url
    cluster.drop(url)


@pytest.fixture(scope="session")
def running_browser() -> Iterator[Browser]:
    """One browser for the whole run."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def browser(running_browser: Browser) -> Browser:
    """A browser that has fetched nothing; the test wants the mark `servers`."""
    running_browser.fetched.clear()
    return running_browser
