"""Mails that are made to break a reader, through the real listener and from a mailbox (TESTPLAN, group F)."""

import hashlib
import smtplib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway import config as configuration
from gateway import wiring
from gateway.services import case_view, post_room
from gateway.services.case_view import MessageView
from gateway.services.post_room import IntakeView
from gateway.store import tables as t
from tests.daemon import LONGEST_WAIT_SECONDS, ROOT, Daemon, cli, cli_json, gateway, running
from tests.e2e.torture import ROWS, Row
from tests.scripted_imap import ScriptedImap
from tests.sink import Sink
from tests.world import a_mail

TRIALS = [(row, way) for row in ROWS for way in ("smtp", "imap") if way in row.ways]
HANGING = (sys.executable, str(Path(__file__).with_name("hanging_parser.py")))


@dataclass(slots=True)
class Found:
    """What became of every mail, by the hash of its bytes."""

    config: Path
    intake: dict[str, IntakeView]
    messages: dict[int, MessageView]
    outside: list[str]

    def of(self, data: bytes) -> IntakeView:
        return self.intake[hashlib.sha256(data).hexdigest()]


def canary(name: str) -> bytes:
    """An ordinary mail that must get through."""
    return a_mail(subject=name, message_id=f"<canary.{name.replace(' ', '.')}@x.example>")


def send_all(daemon: Daemon) -> None:
    """Each row over SMTP, and an ordinary mail behind it; the listener answers in between."""
    for row, way in TRIALS:
        if way != "smtp":
            continue
        daemon.send(row.mail("smtp"))
        with smtplib.SMTP(daemon.host, daemon.port, timeout=LONGEST_WAIT_SECONDS) as client:
            assert client.noop()[0] == 250
            client.sendmail("x@relay.example", ["service@vendor.example"], canary(row.id))


def read_back(config: Path) -> Found:
    """Everything that is stored, by the services that show it."""
    settings = configuration.load(config)
    ports = wiring.build_ports(settings)
    with ports.db.begin() as tx:
        raw = tx.execute(select(t.raw_mail.c.intake_id, t.raw_mail.c.data, t.raw_mail.c.sha256)).all()
        hashes = {row.intake_id: row.sha256 or hashlib.sha256(row.data).hexdigest() for row in raw}
        rows = {hashes[row.id]: row for row in post_room.intake_rows(tx)}
    cases = {row.case for row in rows.values() if row.case}
    views = [ports.db.read(case_view.case, case, ports.policy, ports.tokens, ports.now()) for case in cases]
    messages = {message.intake: message for view in views for message in view.messages if message.intake}
    ports.db.close()
    outside = [str(path) for path in config.parent.parent.rglob("*outside*")]
    return Found(config, rows, messages, outside)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """One daemon for all rows, over SMTP and from a mailbox at the same time."""
    mails = [data for row, way in TRIALS if way == "imap" for data in (row.mail("imap"), canary(f"{row.id} imap"))]
    with Sink() as sink, ScriptedImap(dict(enumerate(mails, 1))) as server:
        config = gateway(tmp_path_factory.mktemp("mime") / "gw", relay_port=sink.port)
        (config.parent / "password").write_text("secret\n")
        mailbox = f'host = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\nusername = "support"\nstart = "all"'
        config.write_text(f'{config.read_text()}\n[[imap]]\n{mailbox}\npassword_file = "password"\n')
        with running(config) as daemon:
            send_all(daemon)
            server.wait_for("STORE", 1)
            while len(server.flags) < len(mails):
                server.wait_for("STORE", len([said for said in server.said if "STORE" in said]) + 1)
            daemon.settle()
            assert 0 == daemon.stop()
    return read_back(config)


@pytest.mark.parametrize(("row", "way"), TRIALS, ids=lambda value: value.id if isinstance(value, Row) else value)
def test_each_mail_of_the_plan_becomes_what_it_must(found: Found, row: Row, way: str) -> None:
    """MT-01 to MT-13, MT-15: stored byte for byte, decided, and what can be read of it is read."""
    intake = found.of(row.mail(way))

    assert intake.decision in row.becomes, intake.reason
    if intake.id in found.messages:
        message = found.messages[intake.id]
        assert row.words in message.text.replace("\r", "")
        if row.files is not None:
            assert list(row.files) == [file.name for file in message.attachments]


@pytest.mark.parametrize(("row", "way"), TRIALS, ids=lambda value: value.id if isinstance(value, Row) else value)
def test_the_mail_behind_it_is_a_case(found: Found, row: Row, way: str) -> None:
    """I1, I2."""
    assert "new_case" == found.of(canary(row.id if way == "smtp" else f"{row.id} imap")).decision


def test_the_ledger_is_whole(found: Found) -> None:
    """I3, I4: nothing that was accepted is missing, nothing came twice, nothing waits."""
    assert 2 * len(TRIALS) == len(found.intake)
    assert not [row for row in found.intake.values() if row.state == "pending"]
    assert 0 == cli(found.config, "db", "verify").returncode


def test_no_name_leads_out_of_the_folder(found: Found, tmp_path: Path) -> None:
    """MT-07, I8: every file can be saved under a name of its own."""
    (row,) = (row for row in ROWS if row.id == "MT-07")
    intake = found.of(row.mail("smtp"))
    files = found.messages[intake.id].attachments

    cli(found.config, "case", "attachments", str(intake.case), "--save", str(tmp_path / "saved"))

    assert [] == found.outside
    saved = [path for path in (tmp_path / "saved").rglob("*") if path.is_file()]
    assert (row.body.count(b"Content-Disposition"), len(files)) == (len(files), len(saved))
    assert all(len(path.name.encode()) <= 255 for path in saved)


def test_what_is_packed_stays_packed(found: Found) -> None:
    """MT-08: on the disk it takes what the mail took."""
    (row,) = (row for row in ROWS if row.id == "MT-08")
    files = found.messages[found.of(row.mail("smtp")).id].attachments

    assert sum(file.size for file in files) < len(row.body)


def test_encrypted_mail_is_said_to_be_encrypted(found: Found) -> None:
    """MT-11, SPEC section 7."""
    said = {
        row.id: found.messages[found.of(row.mail("imap")).id].encrypted for row in ROWS if row.id.startswith("MT-11")
    }

    assert {"MT-11 pgp", "MT-11 smime"} == {name for name, encrypted in said.items() if encrypted}


def test_reading_opens_no_file_and_no_connection() -> None:
    """MT-10: every mail of the plan, traced by the interpreter itself."""
    program = (
        "import sys; from gateway.mail.parse import read_mail; from tests.e2e.torture import ROWS, WORDS;"
        "from gateway.config import load_policy, Settings;"
        "rules = load_policy(Settings.model_validate({'mail': {'service_address': 's@v.example'}})).mail;"
        "mails = [row.mail('smtp') for row in ROWS];"
        "[read_mail(mail, rules) for mail in mails];"  # what is imported late is there now
        "seen = []; sys.addaudithook(lambda event, args: seen.append(event));"
        "[read_mail(mail, rules) for mail in mails];"
        "print(sorted({e for e in seen if e.split('.')[0] in ('open', 'socket', 'subprocess', 'os', 'urllib', 'shutil')}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST_WAIT_SECONDS,
        check=False,
    )

    assert ("[]\n", "") == (done.stdout, done.stderr)


def test_a_mail_that_the_reader_cannot_bear_is_put_aside_after_three_tries(tmp_path: Path) -> None:
    """MT-16: for its time or its memory; the next mail does not wait for it."""
    with Sink() as sink:
        config = gateway(tmp_path / "gw", relay_port=sink.port)
        with running(config, HANGING) as daemon:
            for mark in ("Hang", "Bloat"):
                daemon.send(a_mail(subject=mark, message_id=f"<{mark}@x.example>", **{f"X_{mark}": "yes"}))
                daemon.send(canary(mark))
            daemon.settle()
            assert 0 == daemon.stop()

    rows = cli_json(config, "intake", "list")
    assert ["failed 3 times, last: crashed", "failed 3 times, last: timeout"] == sorted(
        row["reason"] for row in rows if row["decision"] == "quarantined"
    )
    assert {"Hang", "Bloat"} == {row["subject"] for row in rows if row["decision"] == "new_case"}
