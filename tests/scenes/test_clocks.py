"""The SLA clocks as a case shows them, on both databases: answers that arrive, and answers that are lost."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain.actions import AgentReply, ChangeParticipants, ChangeType
from gateway.domain.model import CaseNumber
from gateway.services import case_view, outbox, sla_view
from gateway.services.ports import Delivery, DeliveryState
from tests.world import START, World, a_mail, a_world

FIRST = CaseNumber(1001)
BOB, CARL = "bob@customer.example", "carl@customer.example"
REFUSED = Delivery(state=DeliveryState.PERMANENT, text="550 5.1.1 no such user")


@pytest.fixture
def answered(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Bob's incident P1, with carl on it; alice answered both after 20 minutes."""
    with a_world(database_url, tmp_path) as world:
        world.mail(a_mail())
        world.act(ChangeType(case=FIRST, actor=world.alice, type="incident", priority="P1"))
        world.act(ChangeParticipants(case=FIRST, actor=world.alice, add=(world.carl,)))
        world.later(minutes=20)
        world.act(AgentReply(case=FIRST, actor=world.alice, text="Please restart it."))
        yield world


def first_response(world: World) -> sla_view.TargetView:
    promised = world.case().sla
    assert promised is not None
    assert promised.first_response is not None
    return promised.first_response


def lose(world: World, recipient: str) -> None:
    """All mail that is owed leaves, but this one's answer is refused for good."""
    while rows := outbox.lease(world.ports):
        for row in rows:
            is_lost = (row.recipient, row.kind) == (recipient, "agent_replied")
            sent = Delivery(state=DeliveryState.SENT, text="250 ok")
            outbox.settle(world.ports, row, REFUSED if is_lost else sent)


def test_an_answer_meets_the_target(answered: World) -> None:
    """And nothing is due while it is the customer's turn."""
    assert START + timedelta(minutes=20) == first_response(answered).met_at
    assert answered.case().summary.sla_due_at is None


def test_an_answer_that_the_reporter_never_got_is_none(answered: World) -> None:
    """The clock runs on from the opening; the event tells which answer was lost, and whose."""
    answered.later(minutes=10)

    lose(answered, BOB)

    due = START + timedelta(hours=1)
    shown = first_response(answered)
    event = answered.ports.db.read(case_view.history, 1001)[-1]
    (sent,) = [entry for entry in answered.case().events if entry.event == "message_sent"]
    assert (None, due, due, False) == (shown.met_at, shown.due_at, answered.case().summary.sla_due_at, shown.breached)
    assert {"recipient": BOB, "error": REFUSED.text, "cause": sent.cause, "reporter": True} == event.detail
    answered.later(minutes=30)
    assert first_response(answered).breached


def test_a_copy_that_only_a_participant_lost_leaves_it_met(answered: World) -> None:
    lose(answered, CARL)

    event = answered.ports.db.read(case_view.history, 1001)[-1]
    assert ("delivery_failed", CARL, False) == (event.event, event.detail["recipient"], event.detail["reporter"])
    assert START + timedelta(minutes=20) == first_response(answered).met_at


def test_a_bounce_of_the_answer_loses_it_too(answered: World) -> None:
    """A report to its keyed return path, after it had left."""
    lose(answered, "nobody")
    (reply,) = [mail for mail in answered.outbox() if (mail["To"], mail["X-Test-Kind"]) == (BOB, "agent_replied")]
    report = (
        b"From: mailer-daemon@customer.example\r\nTo: x\r\nSubject: Undelivered\r\nMessage-ID: <b@customer.example>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; mx.customer.example\r\n\r\n"
        b"Final-Recipient: rfc822; bob@customer.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    )

    answered.mail(report, rcpt=reply["X-Test-Return-Path"], mail_from="")

    assert "delivery_failed" == answered.history()[-1]
    assert first_response(answered).met_at is None


def test_parts_of_seconds_add_up(answered: World) -> None:
    """Seconds are whole, and those of the segments are those of the clock."""
    world, subject = answered, f"Re: {answered.case().summary.token}"
    for _ in range(3):
        world.later(seconds=0.7)
        world.mail(a_mail(message_id=f"<{world.now.microsecond}@customer.example>", subject=subject))
        world.later(seconds=0.6)
        world.act(AgentReply(case=FIRST, actor=world.alice, text="Restart it again."))

    found = world.ports.db.read(sla_view.explain, 1001, world.ports.policy, now=world.now)

    processing = found.clocks[-1]
    assert 20 * 60 + 1 == processing.used_seconds  # 20 minutes, and three times 0.6 s
    assert processing.used_seconds == sum(part.seconds for part in processing.segments)


def test_what_a_clock_that_was_set_back_put_later_had_happened(answered: World) -> None:
    """As of a time after it was set back, the events before count as well."""
    answered.now = START - timedelta(minutes=5)
    answered.act(AgentReply(case=FIRST, actor=answered.alice, text="And once more."))
    read = answered.ports.db.read

    found = read(sla_view.explain, 1001, answered.ports.policy, now=answered.now, at=answered.now)

    assert "first_response" == found.clocks[0].name
    assert START + timedelta(minutes=20) == found.clocks[0].met_at
