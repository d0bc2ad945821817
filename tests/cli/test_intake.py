"""Mail on its way in and out: taken durably or not at all, listed, shown, explained."""

import fcntl
import json
import os
import pty
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from gateway.mail.token import Tokens
from tests.cli.typist import ALICE, Typist, run
from tests.daemon import CASEGATE, cli
from tests.world import a_mail, settings

INTAKE = {"id", "transport", "received_at", "state", "decision", "reason", "case", "from", "subject"}
OUTBOX = ["id", "case", "recipient", "kind", "state", "attempts", "next_attempt_at", "message_id", "last_error"]
EXPLAIN = [
    "file",
    "decision",
    "reason",
    "from",
    "to",
    "cc",
    "subject",
    "message_id",
    "token",
    "automatic",
    "bounce",
    "new_text",
    "quoted_text",
    "attachments",
    "commands",
    "defects",
    "ms",
]


@pytest.fixture
def eml(tmp_path: Path) -> str:
    (tmp_path / "mail.eml").write_bytes(a_mail())
    return str(tmp_path / "mail.eml")


def test_files_are_taken_in_their_order(desk: Typist, eml: str) -> None:
    assert [{"id": 1}, {"id": 2}] == desk.json("intake", eml, eml)
    assert f"{eml} accepted as 3\n" == desk.do("intake", eml)
    assert [3, 2, 1] == [row["id"] for row in desk.json("intake", "list")]


def test_options_may_stand_before_the_files(desk: Typist, eml: str) -> None:
    assert [{"id": 1}] == json.loads(desk.do("intake", "--json", eml))


def test_a_file_called_like_a_command_is_taken_by_its_path(desk: Typist, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(a_mail())
    assert "accepted as 1" in desk.do("intake", "./list")


def test_mail_is_taken_from_a_pipe_byte_for_byte(desk: Typist) -> None:
    mail = a_mail().replace(b"slow", b"sl\xf6w")
    done = subprocess.run(
        [*CASEGATE, "--config", str(desk.config), "intake"], input=mail, capture_output=True, check=True
    )
    assert b"stdin accepted as 1\n" == done.stdout
    with closing(sqlite3.connect(desk.config.parent / "casegate.db")) as connection:
        assert [(mail,)] == connection.execute("SELECT data FROM raw_mail").fetchall()


def test_of_several_files_all_are_taken_or_none(desk: Typist, eml: str) -> None:
    said = desk("intake", eml, "nothing.eml")
    assert 2 == said.code
    assert [] == desk.json("intake", "list")


def test_nothing_to_take_is_wrong_usage(desk: Typist) -> None:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [*CASEGATE, "--config", str(desk.config), "intake"], stdin=theirs, capture_output=True, check=False
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert (2, True) == (done.returncode, b"no mail" in done.stderr)
    assert 2 == desk("intake", "-", stdin="").code


def break_the_secret(folder: Path) -> None:
    (folder / "secret").unlink()


def break_the_config(folder: Path) -> None:
    (folder / "config.toml").write_text("nonsense")


def break_the_database(folder: Path) -> None:
    (folder / "casegate.db").unlink()


def scramble_the_database(folder: Path) -> None:
    (folder / "casegate.db").write_bytes(b"no database" * 1000)


@pytest.mark.parametrize("fault", [break_the_secret, break_the_config, break_the_database, scramble_the_database])
def test_from_a_pipe_every_fault_is_temporary(desk: Typist, fault: object) -> None:
    assert callable(fault)
    fault(desk.config.parent)
    said = desk("intake", stdin=a_mail().decode())
    assert (75, 1) == (said.code, said.err.count("\n"))


def test_from_a_file_a_fault_keeps_its_code(desk: Typist, eml: str) -> None:
    break_the_database(desk.config.parent)
    assert 3 == desk("intake", eml).code


def test_a_row_says_all_that_the_contract_names(desk: Typist) -> None:
    number = desk.mail(a_mail())
    assert set() == INTAKE - set(desk.json("intake", "list")[0])
    shown = desk.json("intake", "show", str(number))
    assert ("pipe", "done", "new_case", 1001, "bob@customer.example", "It is slow") == tuple(
        shown[name] for name in ("transport", "state", "decision", "case", "from", "subject")
    )
    assert [] == desk.json("intake", "list", "--state", "held")
    assert 1 == len(desk.json("intake", "list", "--state", "done"))
    out = desk.do("intake", "show", str(number))
    assert "a new question of EX-1" in out
    assert "  not reply: " in out
    assert "new_case" in desk.do("intake", "list")


def test_the_outbox_says_all_that_the_contract_names(desk: Typist) -> None:
    desk.mail(a_mail())
    rows = desk.json("outbox", "list")
    assert [2, 1] == [row["id"] for row in rows]
    assert [] == [name for name in OUTBOX if name not in rows[0]]
    assert [] == desk.json("outbox", "list", "--state", "sent")
    out = desk.do("outbox", "show", "1")
    assert "(case_opened) to bob@customer.example" in out
    assert "Auto-Submitted  auto-replied" in out
    assert "Hello Bob," in out
    assert "Message-ID: " in desk.json("outbox", "show", "1")["mail"]
    assert "bob@customer.example" in desk.do("outbox", "list")


def test_explain_decides_and_changes_nothing(desk: Typist, eml: str) -> None:
    found = desk.json("intake", "explain", eml)
    assert [] == [name for name in EXPLAIN if name not in found]
    assert ("new_case", "bob@customer.example", [], None) == tuple(
        found[name] for name in ("decision", "from", "commands", "token")
    )
    assert "Decision    new_case" in desk.do("intake", "explain", eml)
    assert [] == desk.json("intake", "list")


def test_explain_over_several_files_is_one_object_a_line(desk: Typist, eml: str) -> None:
    lines = desk.do("intake", "explain", "--json", eml, eml).splitlines()
    assert [eml, eml] == [json.loads(line)["file"] for line in lines]


def test_explain_works_without_any_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CASEGATE_CONFIG", raising=False)
    Path("m.eml").write_bytes(a_mail(subject="Re: [CASE-1042.aaaaaaaa] x"))
    said = run("intake", "explain", "m.eml", "--json")
    assert 0 == said.code, said
    assert (None, {"number": 1042, "valid": None}) == (said.json["decision"], said.json["token"])
    assert 1 == said.err.count("\n")


def test_explain_without_a_database_still_checks_the_token(desk: Typist, tmp_path: Path) -> None:
    break_the_database(desk.config.parent)
    from gateway.config import post_rules

    token = Tokens(post_rules(settings()), b"a secret that only the tests know").mint(1042)
    (tmp_path / "m.eml").write_bytes(a_mail(subject=f"AW: {token}"))
    said = desk("intake", "explain", str(tmp_path / "m.eml"), "--json")
    assert (0, None, {"number": 1042, "valid": True}) == (said.code, said.json["decision"], said.json["token"])


def test_explain_says_what_a_bounce_is_about(desk: Typist, tmp_path: Path) -> None:
    (tmp_path / "m.eml").write_bytes(
        b"From: mailer-daemon@customer.example\r\nTo: service@vendor.example\r\nSubject: failed\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\nMIME-Version: 1.0\r\n\r\n'
        b"--b\r\n\r\nIt failed.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; mx.customer.example\r\n\r\nFinal-Recipient: rfc822; bob@customer.example\r\n"
        b"Action: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    )
    found = desk.json("intake", "explain", str(tmp_path / "m.eml"))
    wanted = {"recipient": "bob@customer.example", "status": "5.1.1", "action": "failed"}
    assert wanted == {name: found["bounce"][name] for name in wanted}


def test_explain_shows_the_commands_of_a_mail(desk: Typist, tmp_path: Path) -> None:
    mail = str(tmp_path / "m.eml")
    Path(mail).write_bytes(a_mail(body="/type incident P2\n/close\n\nIt burns.\n\n/help"))
    assert ["/type incident P2", "/close"] == desk.json("intake", "explain", mail)["commands"]
    shown = desk.do("intake", "explain", mail)
    assert ["/type incident P2", "/close"] == [
        line.removeprefix("Command").strip() for line in shown.splitlines() if line.startswith("Command")
    ]


def test_serve_beside_another_daemon_is_refused_in_its_log(desk: Typist) -> None:
    with (desk.config.parent / "casegate.db.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = cli(desk.config, "serve", "--once", check=False)
    entry = json.loads(done.stderr)
    assert (3, "serve.failed", True) == (done.returncode, entry["event"], "another daemon" in entry["text"])


def test_serve_once_does_what_waits(desk: Typist, eml: str) -> None:
    desk.do("intake", eml)
    cli(desk.config, "serve", "--once")
    assert "done" == desk.json("intake", "list")[0]["state"]
    cli(desk.config, "case", "start", "1001", *ALICE)
