"""What stops a command is one line with the mend, and the exit code of SPEC section 15."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.typist import ALICE, CONFIG, Typist, run
from tests.daemon import CASEGATE
from tests.servers import free_port


@pytest.mark.parametrize(
    ("code", "words", "told"),
    [
        (1, "case show 4711", "there is no case 4711"),
        (1, "account show XX", "casegate account list"),
        (1, "contact show x@y.example", "casegate contact list"),
        (1, "agent show nobody", "alice@vendor.example"),
        (1, "intake show 9", "there is no intake row 9"),
        (1, "outbox show 9", "there is no outbox row 9"),
        (1, "case close 4711 --as alice", "there is no case 4711"),
        (1, "template preview case_open", "case_opened"),
        (2, "nothing", "casegate --help"),
        (2, "case", "casegate case --help"),
        (2, "case show", "casegate case show --help"),
        (2, "case show x", "casegate case show --help"),
        (2, "case show 99999999999999999999", "casegate case show --help"),
        (2, "case show 1 --nonsense", "--nonsense"),
        (2, "cases --turn ours", "'vendor'"),
        (2, "cases --sort size", "'updated'"),
        (2, "cases --status waiting", "waiting_for_vendor"),
        (2, "cases --type bug", "question"),
        (2, "case start 4711", "alice@vendor.example"),
        (2, "intake explain nothing.eml", "nothing.eml"),
    ],
)
def test_each_error_is_one_line_with_its_code(desk: Typist, code: int, words: str, told: str) -> None:
    said = desk(*words.split())
    assert code == said.code, said
    assert "" == said.out
    assert 1 == said.err.count("\n")
    assert said.err.startswith("casegate")
    assert told in said.err


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = run("cases", "--config", str(tmp_path / "none.toml"))
    assert 3 == said.code
    assert "none.toml: no such file; `casegate init` makes one" in said.err


def test_every_problem_of_a_configuration_is_a_line(desk: Typist) -> None:
    desk.config.write_text(CONFIG.replace("port = 9", 'port = "x"').replace("[trust]", "[trust]\ncolour = 1"))
    said = desk("status")
    assert 3 == said.code
    assert 2 == said.err.count("\n")
    assert all(f"{desk.config}:" in line for line in said.err.splitlines())


def test_a_missing_database_names_init(desk: Typist) -> None:
    (desk.config.parent / "casegate.db").unlink()
    said = desk("cases")
    assert 3 == said.code
    assert "casegate init" in said.err
    assert not (desk.config.parent / "casegate.db").exists()


def test_an_empty_database_names_upgrade(desk: Typist) -> None:
    (desk.config.parent / "casegate.db").write_bytes(b"")
    said = desk("cases")
    assert (3, True) == (said.code, "casegate db upgrade" in said.err)


def test_a_missing_secret_names_init(desk: Typist) -> None:
    (desk.config.parent / "secret").unlink()
    said = desk("cases")
    assert (3, True) == (said.code, "casegate init" in said.err)


def test_a_server_that_is_not_there_is_4(desk: Typist) -> None:
    url = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none"
    desk.config.write_text(f'{CONFIG}\n[database]\nurl = "{url}"\n')
    said = desk("cases")
    assert (4, 1) == (said.code, said.err.count("\n"))
    assert "[database] url" in said.err


def test_what_nobody_expected_is_one_line_too(desk: Typist) -> None:
    with closing(sqlite3.connect(desk.config.parent / "casegate.db")) as connection, connection:
        connection.execute("UPDATE account SET domains = '{'")
    said = desk("account", "list")
    assert (1, 1) == (said.code, said.err.count("\n"))
    assert "CASEGATE_DEBUG=1" in said.err


def test_config_may_stand_in_front_or_behind(desk: Typist) -> None:
    config = str(desk.config)
    for words in (
        ("--config", config, "intake", "list"),
        ("intake", "--config", config, "list"),
        ("intake", "list", "--config", config),
        (f"--config={config}", "intake", "list"),
    ):
        assert 0 == run(*words).code
    assert 0 == run("--config", "nowhere", "cases", "--config", config).code


def test_the_agent_comes_from_the_environment(desk: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASEGATE_AGENT", "ALICE")
    assert "[]\n" == desk.do("cases", "--assignee", "me", "--json")
    monkeypatch.setenv("CASEGATE_AGENT", "zoe")
    assert 1 == desk("cases", "--assignee", "me").code
    assert 0 == desk("cases", "--assignee", "me", *ALICE).code


def test_two_agents_of_one_name_are_told_apart_by_address(desk: Typist) -> None:
    desk.do("agent", "add", "Alice", "--address", "other@vendor.example")
    said = desk("cases", "--assignee", "alice")
    assert 2 == said.code
    assert "alice@vendor.example, other@vendor.example" in said.err


def test_a_reader_that_goes_away_is_no_error_message(desk: Typist) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        done = subprocess.run(
            [*CASEGATE, "--config", str(desk.config), "cases"], stdout=gone, stderr=subprocess.PIPE, check=False
        )
    assert b"" == done.stderr
