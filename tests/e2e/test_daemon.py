"""The real daemon on real sockets: mail in, a case, the answer out, and what happens when things die."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon import cli, cli_json, gateway, running
from tests.servers import Cluster, free_port
from tests.sink import Sink
from tests.world import a_mail

ALICE = ("--as", "alice@vendor.example")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


@pytest.fixture
def config(tmp_path: Path, sink: Sink) -> Path:
    return gateway(tmp_path / "gw", relay_port=sink.port)


def the_main_job(config: Path, sink: Sink) -> None:
    """A question, an answer, a reply, a resolution: each mail that is owed arrives."""
    with running(config) as daemon:
        daemon.send(a_mail())
        sink.wait_for(2)
        cli(config, "case", "reply", "1001", "-m", "Restart it.", *ALICE)
        sink.wait_for(3)
        token = cli_json(config, "case", "show", "1001")["token"]
        daemon.send(a_mail(subject=f"Re: {token}", body="Works.", message_id="<2@customer.example>"))
        cli(config, "settle", "--timeout", "60")
        cli(config, "case", "resolve", "1001", *ALICE)
        cli(config, "settle", "--timeout", "60")
        assert 0 == daemon.stop()
    assert "resolved" == cli_json(config, "case", "show", "1001")["status"]
    recipients = [mail.rcpt_to[0] for mail in sink.taken]
    assert sorted(
        [
            "bob@customer.example",  # acknowledged
            "alice@vendor.example",  # a new case
            "bob@customer.example",  # the answer
            "alice@vendor.example",  # bob wrote
            "bob@customer.example",  # resolved
        ]
    ) == sorted(recipients)
    assert 0 == cli(config, "db", "verify").returncode


def test_the_main_job_on_sqlite(config: Path, sink: Sink) -> None:
    """On the embedded database."""
    the_main_job(config, sink)


@pytest.mark.servers
def test_the_main_job_on_postgresql(tmp_path: Path, sink: Sink, pg: Cluster) -> None:
    """On a database that `db upgrade` made."""
    the_main_job(gateway(tmp_path / "gw", relay_port=sink.port, url=pg.create()), sink)


def test_killing_the_parse_child_loses_nothing(config: Path, sink: Sink) -> None:
    """It is started again, and the mails go through."""
    with running(config) as daemon:
        daemon.send(a_mail())
        sink.wait_for(2)
        children = daemon.children()
        assert children
        for child in children:
            os.kill(child, signal.SIGKILL)
        daemon.send(a_mail(subject="Second", message_id="<2@customer.example>"))
        sink.wait_for(4)

    assert ["done", "done"] == [row["state"] for row in cli_json(config, "intake", "list")]


def test_kill_nine_between_accept_and_answer_loses_nothing(config: Path, sink: Sink) -> None:
    """Accepted is accepted: the next start takes it up."""
    with running(config) as daemon:
        for number in range(20):
            daemon.send(a_mail(message_id=f"<{number}@customer.example>", body=f"Number {number}."))
        daemon.stop(signal.SIGKILL)
    with running(config) as daemon:
        daemon.settle()

    assert 20 == len(cli_json(config, "cases"))
    assert 40 == len({mail.data for mail in sink.taken})


def test_a_relay_that_is_away_stops_nothing(config: Path, tmp_path: Path) -> None:
    """Mail waits, the alarm says so, and both end when it is back."""
    port = free_port()
    away = gateway(tmp_path / "away", relay_port=port)
    with running(away) as daemon:
        daemon.send(a_mail())
        daemon.wait_for("outbox.attempted", outcome="unreachable")
        daemon.settle()
        standing = cli_json(away, "status")
        assert (["outbound"], True, 2) == (
            [alarm["name"] for alarm in standing["alarms"]],
            standing["outbox"]["paused"],
            standing["outbox"]["pending"],
        )
        assert standing["alarms"][0]["mend"]
        with Sink(port) as back:
            back.wait_for(2)
            daemon.wait_for("outbox.attempted", outcome="sent")
            daemon.settle()
            assert 0 == daemon.stop()
    assert [] == cli_json(away, "status")["alarms"]


def test_a_second_daemon_on_the_file_is_refused(config: Path) -> None:
    """`serve --once` too: exit 3, and one line that says so."""
    with running(config):
        for words in (("serve",), ("serve", "--once")):
            done = cli(config, *words, check=False)
            assert 3 == done.returncode
            assert "another daemon" in done.stderr
            assert 1 == len(done.stderr.strip().splitlines())


def test_a_port_in_use_is_told(config: Path) -> None:
    """Exit 3, naming the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config.write_text(config.read_text().replace("[smtp]\nport = 0", f"[smtp]\nport = {port}"))

        done = cli(config, "serve", check=False)

    assert (3, True, 1) == (
        done.returncode,
        f"127.0.0.1:{port}" in done.stderr,
        len(done.stderr.strip().splitlines()),
    )


def test_once_handles_and_delivers_what_is_there(config: Path, sink: Sink, tmp_path: Path) -> None:
    """And ends by itself."""
    mail = tmp_path / "mail.eml"
    mail.write_bytes(a_mail())
    assert [{"id": 1}] == cli_json(config, "intake", str(mail))

    assert 0 == cli(config, "serve", "--once").returncode

    assert 2 == len(sink.taken)
    assert cli_json(config, "status")["settled"]


def test_mail_without_a_relay_waits(tmp_path: Path) -> None:
    """No `[outbound]` at all: an alarm, and nothing is lost."""
    config = gateway(tmp_path / "gw", relay_port=1)
    text = config.read_text()
    config.write_text(text.replace(text[text.index("[outbound]") : text.index("[trust]")], ""))
    with running(config) as daemon:
        daemon.send(a_mail())
        daemon.wait_for("intake.decided")
        daemon.settle()

    standing = cli_json(config, "status")
    assert (["outbound"], 2) == ([alarm["name"] for alarm in standing["alarms"]], standing["outbox"]["pending"])


def test_sigterm_ends_with_zero(config: Path) -> None:
    """Also with a client connected."""
    with running(config) as daemon, socket.create_connection((daemon.host, daemon.port)):
        assert 0 == daemon.stop()


def test_the_log_is_json_without_content(config: Path, sink: Sink) -> None:
    """One object a line; no word of the mail."""
    with running(config) as daemon:
        daemon.send(a_mail(subject="Topsecret subject", body="Topsecret body"))
        sink.wait_for(2)
        daemon.settle()
        daemon.stop()
        text = repr(daemon.lines)

    assert "Topsecret" not in text
    assert {"ready", "intake.decided", "outbox.attempted"} <= {line["event"] for line in daemon.lines}


def test_a_template_that_fails_gives_way_to_the_shipped_one(config: Path, sink: Sink) -> None:
    """A mail is never lost to a typo, and the alarm names file and line."""
    folder = config.parent / "templates" / "en"
    folder.mkdir(parents=True)
    (folder / "case_opened.txt.j2").write_text("Subject: x\n\nHello {{ wrods.recipient }}\n")
    config.write_text(config.read_text() + '[templates]\ndir = "templates"\n')

    with running(config) as daemon:
        daemon.send(a_mail())
        mails = sink.wait_for(3)
        alarms = cli_json(config, "status")["alarms"]

    assert any(b"arrived safely" in mail.data for mail in mails)
    assert any(b"something needs mending" in mail.data for mail in mails)
    assert ["template"] == [alarm["name"] for alarm in alarms]
    assert "case_opened.txt.j2:3" in alarms[0]["text"]
