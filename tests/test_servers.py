"""The fixtures of the other tests: databases that come fresh, and servers that are missed by name."""

import pytest
import sqlalchemy as sa

from tests import servers


def contents(url: str) -> tuple[bool, bool]:
    """Whether the database is migrated, and whether a test was here before."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    names = sa.inspect(engine).get_table_names()
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE been_here (id INTEGER)"))
    engine.dispose()
    return "alembic_version" in names, "been_here" in names


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_a_fresh_migrated_database(database_url: str, turn: int) -> None:
    assert (True, False) == contents(database_url)


@pytest.mark.servers
def test_dropped_databases_are_gone(pg: servers.Cluster) -> None:
    url = pg.create()
    pg.drop(url)
    with pytest.raises(sa.exc.OperationalError):
        contents(url)


def test_a_missing_server_skips_by_name_and_fails_where_ci_could_have_installed_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="no-such-server is not installed"):
        servers.needs("no-such-server")
    monkeypatch.setenv("CI", "true")
    expected = pytest.fail.Exception if servers.installable() else pytest.skip.Exception
    with pytest.raises(expected, match="no-such-server is not installed"):
        servers.needs("no-such-server")
