"""The real daemon with a scanner of the operator's, by SMTP: refused, hanging while it is told to stop, not there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon import cli, cli_json, gateway, running
from tests.sink import Sink
from tests.world import a_mail


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


@pytest.fixture
def config(tmp_path: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gateway whose scanner is `scan` beside its configuration, and whose scratch files are told from all others."""
    made = gateway(tmp_path / "gw", relay_port=sink.port)
    made.write_text(made.read_text() + 'scan_command = "./scan"\n')  # [storage] is the last section
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    return made


def scanner(config: Path, lines: str) -> None:
    script = config.parent / "scan"
    script.write_text(f"#!/bin/sh\n{lines}\n")
    script.chmod(0o755)


def with_file(content: str, message_id: str = "<1@customer.example>") -> bytes:
    body = f"--b\n\nSee there.\n--b\nContent-Type: text/csv\nContent-Disposition: attachment; filename=log.csv\n\n{content}\n--b--"
    kind = "multipart/mixed; boundary=b"
    return a_mail(body=body, mime_version="1.0", content_type=kind, message_id=message_id)


def test_what_it_refuses_is_told_to_its_sender_and_kept_aside(config: Path, sink: Sink, tmp_path: Path) -> None:
    scanner(config, 'grep -q EVIL "$1" && exit 1; exit 0')
    with running(config) as daemon:
        daemon.send(with_file("EVIL"))
        daemon.settle()
        daemon.send(with_file("good", "<2@customer.example>"))
        daemon.settle()
        assert 0 == daemon.stop()

    first, second = (cli_json(config, "case", "show", number)["messages"][0] for number in ("1001", "1002"))
    assert ([], ["log.csv"]) == (first["attachments"], [file["name"] for file in first["refused"]])
    assert (["log.csv"], []) == ([file["name"] for file in second["attachments"]], second["refused"])
    acks = [mail.data for mail in sink.taken if mail.rcpt_to == ("bob@customer.example",)]
    assert [True, False] == sorted((b"log.csv (4 bytes)" in data for data in acks), reverse=True)
    assert [] == os.listdir(tmp_path / "scratch")  # noqa: PTH208  # names are all that is wanted


def test_told_to_stop_while_it_hangs_the_daemon_ends_and_the_next_one_goes_on(
    config: Path, sink: Sink, tmp_path: Path
) -> None:
    """Mail without files is not held up meanwhile."""
    started = tmp_path / "started"
    os.mkfifo(started)
    scanner(config, f"echo $$ > {started}; exec sleep 1000")
    with running(config) as daemon:
        daemon.send(with_file("good"))
        pid = int(started.read_text())
        daemon.send(a_mail("carl@customer.example", message_id="<2@customer.example>"))
        sink.wait_for(2)
        assert 0 == daemon.stop()
    assert not Path(f"/proc/{pid}").exists()
    assert [] == os.listdir(tmp_path / "scratch")  # noqa: PTH208

    scanner(config, "exit 0")
    with running(config) as daemon:
        daemon.settle()
        assert 0 == daemon.stop()
    assert ["done", "done"] == [row["state"] for row in cli_json(config, "intake", "list")]
    assert ["log.csv"] == [file["name"] for file in cli_json(config, "case", "attachments", "1002")]


def test_one_that_is_not_there_stops_the_daemon_and_nothing_else(config: Path) -> None:
    """Exit 3 with the line; whoever reads cases needs no scanner."""
    line = config.read_text().splitlines().index('scan_command = "./scan"') + 1
    for words in (("serve",), ("serve", "--once")):
        done = cli(config, *words, check=False)
        assert 3 == done.returncode
        assert f"config.toml:{line}: [storage] scan_command: {config.parent}/scan is no program" in done.stderr
    assert [] == cli_json(config, "cases")
