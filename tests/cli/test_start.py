"""init, status, settle, db: a gateway is made, and says how it stands."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.typist import CONFIG, Typist, run
from tests.world import a_mail


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_init_makes_a_gateway_that_works(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "gw"
    said = run("init", str(folder), "--yes")
    assert 0 == said.code, said
    assert 'trust.require = "unverified" was written' in said.out
    assert {"config.toml", "secret", "casegate.db", "blobs"} == {path.name for path in folder.iterdir()}
    assert ("0o600", "0o600", "0o700") == tuple(mode(folder / name) for name in ("secret", "casegate.db", "blobs"))
    assert 64 == len((folder / "secret").read_text().strip())
    assert [] == Typist(folder / "config.toml").json("cases")


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    assert 0 == run("init", str(tmp_path), "--yes").code
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    said = run("init", str(tmp_path), "--yes")
    assert (1, True) == (said.code, "exists already" in said.err)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}


def test_init_asks_and_writes_the_answers(tmp_path: Path) -> None:
    said = run("init", str(tmp_path / "gw"), stdin='Fjord "& Co\nhelp@fjord.example\ny\n')
    assert 0 == said.code, said
    text = (tmp_path / "gw" / "config.toml").read_text()
    assert 'name = "Fjord \\"& Co"' in text
    assert 'service_address = "help@fjord.example"' in text
    assert 'require = "authenticated"' in text


def test_init_with_a_wrong_answer_leaves_no_gateway(tmp_path: Path) -> None:
    said = run("init", str(tmp_path / "gw"), stdin="Fjord\nno address\nn\n")
    assert 3 == said.code
    assert "config.toml:" in said.err
    assert [] == list((tmp_path / "gw").iterdir())


def test_init_where_nothing_can_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = run("init", str(tmp_path / "file" / "gw"), "--yes")
    assert (3, 1) == (said.code, said.err.count("\n"))


def test_questions_that_nobody_answers_end_it(tmp_path: Path) -> None:
    said = run("init", str(tmp_path / "gw"))
    assert 1 == said.code
    assert not (tmp_path / "gw").exists()


def test_status_says_all_that_the_contract_names(desk: Typist) -> None:
    found = desk.json("status")
    assert {"now", "settled", "intake", "outbox", "timers", "mailboxes", "alarms"} == set(found)
    assert {"pending", "held", "quarantined", "oldest_seconds"} == set(found["intake"])
    assert {"pending", "due", "in_doubt", "held", "failed", "paused"} == set(found["outbox"])
    assert {"due", "next_at"} == set(found["timers"])
    assert found["now"].endswith("Z")
    assert found["settled"] is True
    assert "settled" in desk.do("status")


def test_status_shows_an_alarm_with_its_mend(desk: Typist) -> None:
    desk.config.write_text(CONFIG.replace('[outbound]\nhost = "127.0.0.1"\nport = 9\nsecurity = "none"\n', ""))
    out = desk.do("status")
    assert "ALARM outbound" in out
    assert "mend: add [outbound]" in out


def test_settle_waits_for_what_is_due(desk: Typist) -> None:
    assert "" == desk.do("settle")
    desk.mail(a_mail())
    said = desk("settle", "--timeout", "0")
    assert (1, 1) == (said.code, said.err.count("\n"))
    assert "2 due in the outbox" in said.err


def test_upgrade_makes_the_missing_database(desk: Typist) -> None:
    file = desk.config.parent / "casegate.db"
    file.unlink()
    assert "the database is made" in desk.do("db", "upgrade")
    assert "0o600" == mode(file)
    assert "already" in desk.do("db", "upgrade")
    assert [] == desk.json("cases")


def test_verify_finds_a_case_that_is_not_its_history(desk: Typist) -> None:
    desk.mail(a_mail())
    assert "sound" in desk.do("db", "verify")
    with closing(sqlite3.connect(desk.config.parent / "casegate.db")) as connection:
        connection.execute("UPDATE cases SET subject = 'else', assignee_id = 99")
        connection.commit()
    said = desk("db", "verify")
    assert 1 == said.code
    assert "case 1001 is not what" in said.out
    assert "table cases" in said.out


@pytest.mark.parametrize("words", [("rules", "check"), ("template", "check")], ids=" ".join)
def test_what_is_shipped_is_sound(desk: Typist, words: tuple[str, ...]) -> None:
    assert "sound" in desk.do(*words)
    assert [] == desk.json(*words)


def test_rules_check_names_file_and_line(desk: Typist, tmp_path: Path) -> None:
    (tmp_path / "workflow.toml").write_text("nonsense = 1\n")
    said = desk("rules", "check", str(tmp_path))
    assert 1 == said.code
    assert "workflow.toml:1:" in said.out


def test_rules_show_says_all_that_the_contract_names(desk: Typist) -> None:
    found = desk.json("rules", "show")
    assert {"set", "statuses", "transitions", "types", "priorities", "categories", "services"} == set(found)
    assert {"name", "label", "turn"} == set(found["statuses"][0])
    assert {"event", "by", "from", "to", "types"} == set(found["transitions"][0])
    assert "Waiting for Acme" in [status["label"] for status in found["statuses"]]
    assert "Waiting for Acme" in desk.do("rules", "show")


def test_rules_without_any_gateway_are_the_shipped_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CASEGATE_CONFIG", raising=False)
    assert 0 == run("rules", "check").code
