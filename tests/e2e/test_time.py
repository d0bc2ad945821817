"""Time passes for the real daemon: it runs under Debian's `faketime`, whose clock stands in a file (HOUSE section 9)."""

import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests import servers
from tests.daemon import cli, cli_json, gateway, running
from tests.sink import Sink
from tests.world import a_mail

ALICE, SAM, BOB = "alice@vendor.example", "sam@vendor.example", "bob@customer.example"
DAY = timedelta(days=1)

pytestmark = pytest.mark.servers


class Clock:
    """The wall clock of the daemon and of the commands beside it: so far ahead of the real one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(timedelta(0))

    def set(self, ahead: timedelta) -> None:
        """Move it, also for processes that run; they see the old file or the new one, never half of one."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{ahead.total_seconds():+.0f}\n")
        draft.rename(self._file)


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for all processes that this test starts; what measures waiting runs on as ever."""
    servers.needs("faketime")
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    made = Clock(tmp_path / "clock")
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(tmp_path / "clock"))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    monkeypatch.setenv("NO_FAKE_STAT", "1")
    return made


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


@pytest.fixture
def config(tmp_path: Path, sink: Sink) -> Path:
    """A gateway that closes what is resolved for 14 days."""
    config = gateway(tmp_path / "gw", relay_port=sink.port)
    config.write_text(config.read_text() + "[rules]\nauto_close_days = 14\n")
    return config


def told(sink: Sink) -> list[str]:
    """Who got mail, in the order in which it left."""
    return [mail.rcpt_to[0] for mail in sink.taken]


def defer(config: Path, days: int) -> None:
    """Alice puts the case off until so many days from now."""
    now = datetime.fromisoformat(cli_json(config, "status")["now"])
    cli(config, "case", "defer", "1001", "--until", (now + days * DAY).isoformat(timespec="minutes"), "--as", ALICE)


def events(config: Path) -> list[tuple[str, str]]:
    """(event, actor) of the case's history, without what comes with mail."""
    history = cli_json(config, "case", "history", "1001")
    return [(entry["event"], entry["actor"]) for entry in history if entry["to_status"]]


def test_a_deferred_case_comes_back_when_its_day_has_come(config: Path, sink: Sink, clock: Clock) -> None:
    """In a daemon that runs all the while, and mail leaves; once, whatever the clock does afterwards."""
    with running(config) as daemon:
        daemon.send(a_mail())
        daemon.settle()
        defer(config, days=1)
        daemon.settle()
        before = len(sink.taken)
        assert cli_json(config, "status")["timers"]["next_at"] is not None

        clock.set(2 * DAY)
        fired = daemon.wait_for("timer.fired")
        daemon.settle()
        assert (1001, "wake", "fired") == (fired["case"], fired["kind"], fired["outcome"])
        assert {"due": 0, "next_at": None} == cli_json(config, "status")["timers"]
        assert ("reopen", ALICE) == events(config)[-1]
        assert [ALICE, BOB] == sorted(told(sink)[before:])

        clock.set(timedelta(0))
        daemon.send(a_mail(subject="Second", message_id="<2@customer.example>"))
        clock.set(3 * DAY)
        daemon.settle()
        assert 0 == daemon.stop()
    assert 1 == [name for name, _ in events(config)].count("reopen")
    assert [1001, 1002] == sorted(case["number"] for case in cli_json(config, "cases"))


def test_a_clock_that_is_set_back_fires_nothing_and_stops_no_mail(config: Path, sink: Sink, clock: Clock) -> None:
    """By two hours, with a timer waiting; the timer comes in its time."""
    with running(config) as daemon:
        daemon.send(a_mail())
        daemon.settle()
        defer(config, days=1)
        clock.set(-DAY / 12)
        daemon.send(a_mail(subject="Second", message_id="<2@customer.example>"))
        daemon.wait_for("intake.decided", case=1002)
        daemon.settle()
        assert "deferred" == cli_json(config, "case", "show", "1001")["status"]
        assert ["done", "done"] == [row["state"] for row in cli_json(config, "intake", "list")]

        clock.set(DAY + DAY / 12)
        daemon.wait_for("timer.fired", outcome="fired")
        daemon.settle()
        assert 0 == daemon.stop()
    assert ("reopen", ALICE) == events(config)[-1]
    assert {"sent"} == {row["state"] for row in cli_json(config, "outbox", "list")}


def test_weeks_of_darkness_are_caught_up_with(config: Path, sink: Sink, clock: Clock) -> None:
    """One `serve --once` reminds and its mail leaves; a week later another closes."""
    mail = config.parent / "mail.eml"
    mail.write_bytes(a_mail())
    cli(config, "intake", str(mail))
    cli(config, "serve", "--once")
    cli(config, "case", "resolve", "1001", "--as", ALICE)
    cli(config, "serve", "--once")
    before = len(sink.taken)

    clock.set(30 * DAY)
    assert 1 == cli_json(config, "status")["timers"]["due"]
    assert 1 == cli(config, "settle", "--timeout", "0", check=False).returncode
    cli(config, "serve", "--once")
    assert [BOB] == told(sink)[before:]
    assert cli_json(config, "status")["settled"]
    assert "resolved" == cli_json(config, "case", "show", "1001")["status"]

    clock.set(38 * DAY)
    cli(config, "serve", "--once")
    assert [BOB, BOB] == told(sink)[before:]
    assert "auto_close" == events(config)[-1][0]
    assert 0 == cli(config, "db", "verify").returncode


# --- SLA levels -------------------------------------------------------------------------------------------

HOUR = timedelta(hours=1)


def incident(config: Path) -> None:
    """Bob's case is a P1 incident now: an hour for the first response. Sam manages."""
    cli(config, "agent", "add", "Sam", "--address", SAM, "--kind", "support_manager")
    cli(config, "case", "type", "1001", "incident", "--priority", "P1", "--as", ALICE)


def levels(config: Path) -> list[tuple[int, bool]]:
    """(level, late) of the case's history."""
    history = cli_json(config, "case", "history", "1001")
    return [(entry["detail"]["level"], entry["detail"]["late"]) for entry in history if entry["event"] == "sla_level"]


def level_mails(config: Path) -> list[str]:
    """Who was told of a level, in the order in which the mails were owed."""
    rows = [row for row in cli_json(config, "outbox", "list") if row["kind"] == "sla_level"]
    assert {"sent"} == {row["state"] for row in rows}
    return [row["recipient"] for row in sorted(rows, key=lambda row: row["id"])]


def test_levels_come_in_their_time_and_once(config: Path, clock: Clock) -> None:
    """Half of the hour, then more; a clock that goes back and comes again tells nothing twice."""
    with running(config) as daemon:
        daemon.send(a_mail())
        daemon.settle()
        incident(config)
        clock.set(HOUR / 2)
        daemon.wait_for("timer.fired", outcome="fired")
        daemon.settle()
        assert [(50, False)] == levels(config)
        clock.set(-2 * HOUR)
        daemon.send(a_mail(subject="Second", message_id="<2@customer.example>"))
        daemon.wait_for("intake.decided", case=1002)
        clock.set(HOUR * 3 / 4)
        daemon.wait_for("timer.fired", outcome="fired")
        clock.set(HOUR)
        daemon.wait_for("timer.fired", outcome="fired")
        daemon.settle()
        assert 0 == daemon.stop()
    assert [50, 75, 100] == [level for level, _ in levels(config)]
    assert [ALICE, ALICE, ALICE, SAM] == level_mails(config)


def test_levels_missed_in_darkness_are_told_late_by_whoever_lives(
    tmp_path: Path, sink: Sink, clock: Clock, pg: servers.Cluster
) -> None:
    """Two daemons on one PostgreSQL start after a day; one is killed while they tell of it.

    What the dead one held is free when a daemon starts alone.
    """
    config = gateway(tmp_path / "gw", relay_port=sink.port, url=pg.create())
    with running(config) as daemon:
        daemon.send(a_mail())
        daemon.settle()
        incident(config)
        daemon.settle()
        daemon.stop()
    clock.set(DAY)
    with running(config) as one, running(config) as other:
        one.stop(signal.SIGKILL)
        other.stop()
    with running(config) as daemon:
        daemon.settle()
    assert [(50, True), (75, True), (100, True)] == levels(config)
    assert [ALICE, ALICE, ALICE, SAM] == level_mails(config)
    assert 0 == cli(config, "db", "verify").returncode
