"""A real Postfix between the customers and the real daemon: mail in by SMTP and LMTP, mail out, and bounces."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.daemon import Daemon, cli, cli_json, gateway, running
from tests.postfix import Postfix, postfix
from tests.servers import free_port
from tests.sink import Sink, Taken
from tests.world import SERVICE, a_mail

pytestmark = pytest.mark.servers

BOB = "bob@customer.example"
NOBODY = "nobody@vendor.example"
"""Postfix thinks that we know this address."""


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Where Postfix brings everything that is not for us: the mail servers of customers and agents."""
    with Sink() as made:
        yield made


class Office:
    """A gateway that is not running yet, and the Postfix in front of it."""

    def __init__(self, config: Path, mta: Postfix) -> None:
        self.config = config
        self.mta = mta

    def show(self, *words: str) -> Any:
        return cli_json(self.config, *words)

    def at_rest(self, daemon: Daemon) -> None:
        """Return when neither Postfix nor we have anything left that the other one will get."""
        while True:
            self.mta.wait_until_empty()
            seen = self.mta.log()
            daemon.settle()
            if seen == self.mta.log():  # it was silent while we settled
                return


@contextmanager
def office(folder: Path, sink: Sink, door: str, routes: Mapping[str, str] | None = None) -> Iterator[Office]:
    """Postfix hands mail for the service address to the `smtp` or `lmtp` listener, and takes all of ours.

    All but what `routes` say of others' addresses goes to the sink.
    """
    ports = {"smtp": free_port(), "lmtp": free_port()}
    mta_port = free_port()
    config = gateway(folder / "gw", relay_port=mta_port)
    text = config.read_text().replace("[smtp]\nport = 0", f"[smtp]\nport = {ports['smtp']}")
    config.write_text(f"{text}[lmtp]\nenabled = {str(door == 'lmtp').lower()}\nport = {ports['lmtp']}\n")
    to_us = f"smtp:[127.0.0.1]:{ports['smtp']}" if door == "smtp" else f"lmtp:inet:[127.0.0.1]:{ports['lmtp']}"
    ways = {SERVICE: to_us, NOBODY: to_us, "*": f"smtp:[127.0.0.1]:{sink.port}", **(routes or {})}
    with postfix(ways, mta_port) as mta:
        yield Office(config, mta)


def mail_to(address: str, sink: Sink) -> list[Taken]:
    """What arrived for somebody."""
    return [mail for mail in sink.taken if mail.rcpt_to == (address,)]


@pytest.mark.parametrize("door", ["smtp", "lmtp"])
def test_a_question_and_its_answer_travel_through_postfix(tmp_path: Path, sink: Sink, door: str) -> None:
    """In by either protocol, decided, acknowledged; the answer to the acknowledgement finds its case."""
    with office(tmp_path, sink, door) as desk, running(desk.config) as daemon:
        desk.mta.send(a_mail(), to=SERVICE, sender=BOB)
        sink.wait_for(2)
        (acknowledged,) = mail_to(BOB, sink)
        reply_to = re.search(rb"^Reply-To: .*<(.*)>\r$", acknowledged.data, re.MULTILINE)
        assert reply_to
        reply = a_mail(subject="Grüße", body="Still slow.", message_id="<2@customer.example>")
        desk.mta.send(reply, to=reply_to[1].decode(), sender=BOB)
        sink.wait_for(3)
        desk.at_rest(daemon)
        case = desk.show("case", "show", "1001")
        outbox = desk.show("outbox", "list")
        intake = desk.show("intake", "list")

    assert re.fullmatch(r"service\+b\.[a-z2-7]{26}@vendor\.example", acknowledged.mail_from)
    assert ["Since Monday everything is slow.", "Still slow."] == [said["text"].strip() for said in case["messages"]]
    assert [(door, "reply"), (door, "new_case")] == [(row["transport"], row["decision"]) for row in intake]
    assert ["sent"] * 3 == [row["state"] for row in outbox]


def test_lmtp_answers_for_each_of_two_recipients(tmp_path: Path, sink: Sink) -> None:
    """One transaction to the service address and to a case: two replies, one mail, nothing left in the queue."""
    with office(tmp_path, sink, "lmtp") as desk, running(desk.config) as daemon:
        desk.mta.send(a_mail(), to=SERVICE, sender=BOB)
        sink.wait_for(2)
        token = desk.show("case", "show", "1001")["token"]
        to_case = f"service+{token.strip('[]').removeprefix('CASE-')}@vendor.example"
        reply = a_mail(body="To both.", message_id="<2@customer.example>")
        desk.mta.send(reply, to=[SERVICE, to_case], sender=BOB)
        sink.wait_for(3)
        desk.at_rest(daemon)
        case = desk.show("case", "show", "1001")
        log = desk.mta.log()

    assert ["Since Monday everything is slow.", "To both."] == [said["text"].strip() for said in case["messages"]]
    answered = re.findall(r"postfix/lmtp.*to=<(.*?)>.*status=sent \(250 2\.0\.0 accepted as 2\)", log)
    assert sorted([SERVICE, to_case]) == sorted(answered)


def test_a_recipient_whom_we_refuse_is_refused_alone(tmp_path: Path, sink: Sink) -> None:
    """Over LMTP: our address gets its mail, the sender a bounce by Postfix for the other, and nothing waits."""
    with office(tmp_path, sink, "lmtp") as desk, running(desk.config) as daemon:
        desk.mta.send(a_mail(), to=[SERVICE, NOBODY], sender=BOB)
        sink.wait_for(3)
        desk.at_rest(daemon)
        intake = desk.show("intake", "list")

    assert [("new_case", [SERVICE])] == [(row["decision"], row["rcpt_to"]) for row in intake]
    (bounce,) = (mail for mail in mail_to(BOB, sink) if mail.mail_from == "")
    assert b"550 5.1.1 nobody here has this address" in bounce.data


def test_a_bounce_by_postfix_settles_its_row(tmp_path: Path, sink: Sink) -> None:
    """It comes to the keyed return path; the row, the case and the contact say why, and the agent is told, nobody else."""
    sink.refuse[BOB] = "550 5.1.1 no such person here"
    with office(tmp_path, sink, "smtp") as desk, running(desk.config) as daemon:
        desk.mta.send(a_mail(), to=SERVICE, sender=BOB)
        daemon.wait_for("intake.decided", decision="bounce", case=1001)
        desk.at_rest(daemon)
        outbox = {row["recipient"]: row for row in desk.show("outbox", "list")}
        failures = [entry for entry in desk.show("case", "history", "1001") if entry["event"] == "delivery_failed"]
        intake = desk.show("intake", "list")
        contact = desk.show("contact", "show", BOB)
        assert 0 == cli(desk.config, "db", "verify").returncode

    assert {BOB: "failed", "alice@vendor.example": "sent"} == {name: row["state"] for name, row in outbox.items()}
    assert [(BOB, "5.1.1")] == [(flag["address"], flag["status"]) for flag in contact["bounced"]]
    assert "no such person here" in outbox[BOB]["last_error"]
    assert 1 == len(failures)
    assert ["bounce", "new_case"] == [row["decision"] for row in intake]
    assert ["alice@vendor.example"] * 2 == [mail.rcpt_to[0] for mail in sink.taken]


def test_postfix_keeps_mail_while_we_are_down(tmp_path: Path, sink: Sink) -> None:
    """And brings it, once, when we are back."""
    with office(tmp_path, sink, "smtp") as desk:
        desk.mta.send(a_mail(), to=SERVICE, sender=BOB)
        desk.mta.wait_until(lambda: ["deferred"] == [mail["queue_name"] for mail in desk.mta.queue()])
        with running(desk.config) as daemon:
            sink.wait_for(2)
            desk.at_rest(daemon)
            intake = desk.show("intake", "list")

    assert ["new_case"] == [row["decision"] for row in intake]
    assert 1 == len(mail_to(BOB, sink))
