"""Registering by mail through the real daemon, by SMTP and by IMAP of a real Dovecot (TESTPLAN, group H)."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.daemon import Daemon, cli, cli_json, gateway, running
from tests.dovecot import Dovecot, dovecot
from tests.e2e.test_imap import add_mailbox, decided, until
from tests.sink import Sink
from tests.world import a_mail

pytestmark = pytest.mark.servers

REGISTER = "service+register@vendor.example"
ANN = "ann@customer.example"
PIN = "4711-0815"


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as made:
        yield made


class Desk:
    """A daemon at work, its mailbox, and where its mail leaves to."""

    def __init__(self, config: Path, daemon: Daemon, mailbox: Dovecot, sink: Sink, way: str) -> None:
        self.config, self.daemon, self.mailbox, self.sink, self.way = config, daemon, mailbox, sink, way
        self.taken = 0

    def send(self, data: bytes, to: str) -> None:
        """A mail comes in, and is decided."""
        if self.way == "imap":
            self.mailbox.deliver(data)
        else:
            self.daemon.send(data, to=to)
        self.taken += 1
        decided(self.daemon, self.taken)
        self.daemon.settle()

    def told(self, address: str) -> list[EmailMessage]:
        """All mail that an address got."""
        found = [mail.data for mail in self.sink.taken if address in mail.rcpt_to]
        mails = [message_from_bytes(data, policy=policy.default) for data in found]
        return [mail for mail in mails if isinstance(mail, EmailMessage)]

    def reply(self, address: str, body: str) -> None:
        """Answer the newest mail, as a mail program does."""
        mail = self.told(address)[-1]
        to = str(mail["Reply-To"].addresses[0].addr_spec)
        number = self.taken
        data = a_mail(
            address,
            f"Re: {mail['Subject']}",
            body,
            message_id=f"<{self.way}.{number}@customer.example>",
            to=to,
            in_reply_to=str(mail["Message-ID"]),
        )
        self.send(data, to)


@pytest.mark.parametrize("way", ["smtp", "imap"])
def test_somebody_registers_and_is_answered(way: str, tmp_path: Path, server: Dovecot) -> None:
    """RA-01 on the wire: from the first letter to the first case; no PIN leaves, none stands in the log."""
    server.user = f"{way}@vendor.example"
    new = "new@customer.example"
    with Sink() as sink:
        config = gateway(tmp_path / "gw", relay_port=sink.port)
        cli(config, "account", "add", "Third Ltd", "--number", "TH-1", "--domain", "customer.example", "--pin", PIN)
        cli(config, "contact", "add", ANN, "--account", "TH-1", "--name", "Ann", "--role", "user_manager")
        add_mailbox(config, server, authserv_id="mx.vendor.example")
        with running(config) as daemon:
            daemon.wait_for("mailbox.watched")
            desk = Desk(config, daemon, server, sink, way)
            body = f"Hello,\nplease register me.\nPIN: {PIN}\nName: New Person\nPhone: +49 30 1234567"
            desk.send(a_mail(new, "Register", body, message_id=f"<{way}.r@x.example>", to=REGISTER), REGISTER)
            desk.reply(new, "")
            desk.reply(ANN, "/approve")
            until(lambda: len(desk.told(new)) == 3)
            desk.send(a_mail(new, "Slow", message_id=f"<{way}.c@x.example>"), "service@vendor.example")

            assert ["registration", "registration", "approval", "new_case"] == [
                row["decision"] for row in reversed(cli_json(config, "intake", "list"))
            ]
            assert "Welcome" in desk.told(new)[2]["Subject"]
            assert [] == cli_json(config, "registration", "list")
            assert 0 == daemon.stop()
            everything = b"".join(mail.data for mail in sink.taken)
            log = "\n".join(map(str, daemon.lines))
        assert PIN not in everything.decode()
        assert not re.search(rf"{PIN}|service\+a\.", log)
        assert 0 == cli(config, "db", "verify").returncode
