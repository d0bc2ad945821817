"""Mail taken from mailboxes of a real Dovecot by the real daemon (TESTPLAN, group J)."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon import LONGEST_WAIT_SECONDS, ROOT, Daemon, cli, cli_json, gateway, running
from tests.dovecot import PASSWORD, Dovecot, dovecot
from tests.servers import Cluster
from tests.sink import Sink
from tests.world import a_mail

pytestmark = pytest.mark.servers


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


@pytest.fixture(scope="module")
def shared() -> Iterator[Dovecot]:
    with dovecot() as made:
        yield made


@pytest.fixture
def server(shared: Dovecot, tmp_path: Path) -> Dovecot:
    """One server for all, and a user of its own for each test."""
    shared.user = f"{tmp_path.name}@vendor.example"
    return shared


def name(server: Dovecot) -> str:
    return f"{server.user}@127.0.0.1/INBOX"


def with_mailbox(folder: Path, server: Dovecot, sink: Sink, *, url: str | None = None, **keys: Any) -> Path:
    """A gateway that takes from the mailbox; its configuration."""
    config = gateway(folder, relay_port=sink.port, url=url)
    add_mailbox(config, server, **keys)
    return config


def add_mailbox(config: Path, server: Dovecot, **keys: Any) -> None:
    (config.parent / "imap-password").write_text(f"{PASSWORD}\n")
    section = {
        "host": "127.0.0.1",
        "port": server.imaps,
        "username": server.user,
        "password_file": "imap-password",
        "ca_file": str(server.ca),
        **keys,
    }
    lines = [f"{key} = {value if isinstance(value, int) else repr(value)}" for key, value in section.items()]
    config.write_text("\n".join((config.read_text(), "[[imap]]", *lines, "")))


def numbered(*numbers: int) -> list[bytes]:
    return [a_mail(message_id=f"<{number}@customer.example>", body=f"Number {number}.") for number in numbers]


def until(true: Callable[[], object]) -> None:
    """Return when it is; what happens in another process has no better way to tell."""
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def decided(daemon: Daemon, count: int) -> None:
    """Return when so many mails were decided."""
    until(lambda: len([line for line in daemon.lines if line["event"] == "intake.decided"]) >= count)


def decisions(config: Path) -> list[str]:
    return [row["decision"] for row in reversed(cli_json(config, "intake", "list"))]


def alarms(config: Path) -> list[str]:
    return [alarm["name"] for alarm in cli_json(config, "status")["alarms"]]


def kill_at_the_mailbox(config: Path, method: str) -> None:
    """A `serve --once` that kills itself, kill -9, when it is about to say this to the server."""
    program = (
        "import os, sys; from gateway.adapters.imap_box import Box; "
        f"Box.{method} = lambda *_: os.kill(os.getpid(), 9); "
        "from gateway.terminal.app import main; sys.exit(main())"
    )
    words = [sys.executable, "-c", program, "--config", str(config), "serve", "--once"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, timeout=LONGEST_WAIT_SECONDS, check=False)
    assert -signal.SIGKILL == done.returncode, done.stderr


def test_a_question_becomes_a_case_and_the_answer_goes_out(tmp_path: Path, server: Dovecot, sink: Sink) -> None:
    """Found at the start, and moved to a mailbox that was not there."""
    config = with_mailbox(tmp_path / "gw", server, sink, done_mailbox='Casegate/"Erledigt", für alle')
    server.deliver(a_mail())

    with running(config) as daemon:
        sink.wait_for(2)
        until(lambda: not server.flags())
        daemon.settle()
        assert 0 == daemon.stop()

    assert {"bob@customer.example", "alice@vendor.example"} == {mail.rcpt_to[0] for mail in sink.taken}
    assert 1 == len(server.flags('Casegate/"Erledigt", für alle'))
    standing = cli_json(config, "status")
    assert ([name(server)], []) == ([box["name"] for box in standing["mailboxes"]], standing["alarms"])
    assert standing["mailboxes"][0]["last_success_at"]
    row = cli_json(config, "intake", "show", "1")
    assert ("imap", None, []) == (row["transport"], row["mail_from"], row["rcpt_to"])


def test_idle_tells_of_mail(tmp_path: Path, server: Dovecot, sink: Sink) -> None:
    """Long after the first look: only the server's word can be what woke us, its own looks are minutes apart."""
    config = with_mailbox(tmp_path / "gw", server, sink)

    with running(config) as daemon:
        daemon.wait_for("mailbox.watched")
        for number in range(1, 5):
            server.deliver(*numbered(number))
            decided(daemon, number)
        assert 0 == daemon.stop()

    assert ["new_case"] * 4 == decisions(config)
    assert [{rb"\Seen"}] * 4 == list(server.flags().values())


def test_without_done_mailbox_mail_is_flagged_only_when_it_is_stored(
    tmp_path: Path, server: Dovecot, sink: Sink
) -> None:
    """IM-06, IM-07, IM-16: killed between fetching and storing, and between storing and flagging: one message."""
    config = with_mailbox(tmp_path / "gw", server, sink)
    server.deliver(a_mail())
    kill_at_the_mailbox(config, "fetch")
    assert ([], [set()]) == (cli_json(config, "intake", "list"), list(server.flags().values()))
    kill_at_the_mailbox(config, "put_away")
    assert (1, [set()]) == (len(cli_json(config, "intake", "list")), list(server.flags().values()))

    cli(config, "serve", "--once")
    cli(config, "serve", "--once")

    assert (["new_case"], [{rb"\Seen"}]) == (decisions(config), list(server.flags().values()))


def test_killed_before_the_move_there_is_one_message_and_it_is_moved(
    tmp_path: Path, server: Dovecot, sink: Sink
) -> None:
    """IM-06, the daemon itself being killed next."""
    config = with_mailbox(tmp_path / "gw", server, sink, done_mailbox="Done")
    server.deliver(*numbered(1, 2, 3))
    kill_at_the_mailbox(config, "put_away")
    assert 3 == len(server.flags())

    with running(config) as daemon:
        until(lambda: not server.flags())
        daemon.settle()
        daemon.stop(signal.SIGKILL)
    cli(config, "serve", "--once")

    assert (["new_case"] * 3, 3) == (decisions(config), len(server.flags("Done")))


def test_new_uids_lose_nothing_and_double_nothing(tmp_path: Path, server: Dovecot, sink: Sink) -> None:
    """IM-01: the mailbox is made anew while the daemon watches, with the old mail and one more in it."""
    config = with_mailbox(tmp_path / "gw", server, sink, mailbox="Support", start="all")
    with server.login() as client:
        client.create_folder("Support")
    server.deliver(*numbered(1, 2), folder="Support")

    with running(config) as daemon:
        decided(daemon, 2)
        with server.login() as client:
            client.delete_folder("Support")
            client.create_folder("Support")
        server.deliver(*numbered(1, 2, 3), folder="Support")
        decided(daemon, 5)
        assert 0 == daemon.stop()

    assert ["new_case"] * 3 == [kind for kind in decisions(config) if kind != "duplicate"]


def test_a_wrong_password_is_an_alarm_until_it_is_mended(tmp_path: Path, server: Dovecot, sink: Sink) -> None:
    """IM-10: the password is changed in its file, the daemon goes on; few tries until then."""
    config = with_mailbox(tmp_path / "gw", server, sink)
    password = config.parent / "imap-password"
    password.write_text("wrong\n")
    server.deliver(a_mail())

    with running(config) as daemon:
        daemon.wait_for("mailbox.failed")
        until(lambda: [f"mailbox {name(server)}"] == alarms(config))
        assert "password_file" in cli_json(config, "status")["alarms"][0]["mend"]
        password.write_text(f"{PASSWORD}\n")
        decided(daemon, 1)
        daemon.wait_for("mailbox.watched")
        assert [] == alarms(config)
        assert 0 == daemon.stop()


def test_a_server_that_goes_and_comes_back(tmp_path: Path, sink: Sink) -> None:
    """Restarted in IDLE; mail of before and after is taken."""
    with dovecot() as server, running(config := with_mailbox(tmp_path / "gw", server, sink)) as daemon:
        server.deliver(*numbered(1))
        decided(daemon, 1)
        server.stop()
        daemon.wait_for("mailbox.failed")
        server.start()
        server.deliver(*numbered(2))
        decided(daemon, 2)
        assert 0 == daemon.stop()

    assert (["new_case"] * 2, []) == (decisions(config), alarms(config))


def test_two_daemons_take_each_mail_once(tmp_path: Path, server: Dovecot, sink: Sink, pg: Cluster) -> None:
    """IM-15: on one database, both moving; a server may file a mail twice that two move at the same moment."""
    config = with_mailbox(tmp_path / "gw", server, sink, url=pg.create(), done_mailbox="Done")
    config.write_text(f"{config.read_text()}\n[budget]\nper_address_hour = 0\n")

    with running(config) as one, running(config) as two:
        for start in range(0, 40, 8):
            server.deliver(*numbered(*range(start, start + 8)))
        until(lambda: not server.flags())
        one.settle()
        assert [0, 0] == [one.stop(), two.stop()]

    assert (["new_case"] * 40, []) == (decisions(config), alarms(config))
    assert 40 <= len(server.flags("Done"))
