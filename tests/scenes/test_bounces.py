"""What a delivery report does to the mail that it is about, to the address, the case and the agents (SPEC section 7, rung 4)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.actions import AgentReply
from gateway.domain.model import CaseNumber, Contact
from gateway.domain.post import Envelope, OutboxState, Transport
from gateway.mail.decision import Decision
from gateway.services import case_view, outbox, people, post_room
from gateway.services.inbound import Delivery as Incoming
from gateway.services.inbound import accept
from gateway.services.ports import Delivery, DeliveryState
from gateway.terminal import shapes
from tests.world import SERVICE, World, a_mail, a_world

FIRST = CaseNumber(1001)
ALICE, BOB, CARL = "alice@vendor.example", "bob@customer.example", "carl@customer.example"
GONE = "Final-Recipient: rfc822; {}\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(database_url, tmp_path) as made:
        yield made


@pytest.fixture
def answered(world: World) -> World:
    """A world in which bob asked, alice answered, and all mail has left."""
    world.mail(a_mail())
    world.act(AgentReply(case=FIRST, actor=world.alice, text="Please restart it."))
    send_all(world)
    return world


@pytest.fixture(params=[Transport.SMTP, Transport.IMAP])
def transport(request: pytest.FixtureRequest) -> Transport:
    """The ways that tell where a mail came to by its envelope, and by nothing but its header."""
    chosen: Transport = request.param
    return chosen


def send_all(world: World) -> None:
    while rows := outbox.lease(world.ports):
        for row in rows:
            outbox.settle(world.ports, row, Delivery(DeliveryState.SENT, "250 ok"))


def report(
    *blocks: str, about: str = "<nobody@elsewhere.example>", number: int = 1, kind: str = "delivery-status"
) -> bytes:
    """A delivery report of the customer's server with these groups of fields, on a mail of this Message-ID."""
    fields = "\r\n".join(("Reporting-MTA: dns; mx.customer.example\r\n", *blocks))
    return (
        "From: mailer-daemon@customer.example\r\nTo: somebody@elsewhere.example\r\nSubject: Undelivered\r\n"
        f"Message-ID: <report{number}@customer.example>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: multipart/report; report-type={kind}; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\n"
        f"Content-Type: message/delivery-status\r\n\r\n{fields}\r\n--b\r\n"
        f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: {about}\r\n\r\n--b--\r\n"
    ).encode()


def arrives(world: World, mail: bytes, to: str, transport: Transport = Transport.SMTP) -> Decision:
    """The report comes in at this address of ours."""
    if transport is Transport.SMTP:
        return world.mail(mail, rcpt=to, mail_from="")
    envelope = Envelope(transport=transport, transport_id=f"imap:{hash(mail)}")
    accept(world.ports, [Incoming(envelope, b"Delivered-To: " + to.encode() + b"\r\n" + mail)])
    (decision,) = world.handle()
    return decision


def row_to(world: World, recipient: str, place: int = -1) -> post_room.OutboxView:
    """One of the mails owed to somebody, the newest unless said."""
    found = world.ports.db.read(post_room.outbox_rows)
    return sorted((row for row in found if row.recipient == recipient), key=lambda row: row.id)[place]


def return_path(world: World, recipient: str, place: int = -1) -> str:
    to = [mail["X-Test-Return-Path"] for mail in world.outbox() if mail["To"].addresses[0].addr_spec == recipient]
    return str(to[place])


def contact(world: World, address: str) -> Contact:
    return world.ports.db.read(people.contact, address)


def failures(world: World) -> list[dict[str, Any]]:
    """What the history of the case says failed."""
    events = world.ports.db.read(case_view.history, FIRST)
    return [dict(entry.detail) for entry in events if entry.event == "delivery_failed"]


def test_al_08_a_report_to_the_keyed_return_path_settles_its_row(answered: World, transport: Transport) -> None:
    """AL-08: the row failed, the address is flagged, the case says so, the agents are told, no customer is."""
    before = len(answered.outbox())

    decision = arrives(answered, report(GONE.format(BOB)), return_path(answered, BOB), transport)

    row = row_to(answered, BOB)
    assert ("bounce", FIRST) == (decision.kind, decision.case)
    assert ("failed", "smtp; 550 5.1.1 no such user") == (row.state, row.last_error)
    assert [(BOB, "smtp; 550 5.1.1 no such user", True)] == [
        (one["recipient"], one["error"], one["reporter"]) for one in failures(answered)
    ]
    (flag,) = contact(answered, BOB).bounced
    assert (BOB, answered.now, "5.1.1") == (flag.address, flag.at, flag.status)
    assert [(ALICE, "digest")] == answered.told()[before:]
    assert "bob@customer.example: smtp; 550 5.1.1 no such user" in answered.outbox()[-1].as_string()
    assert [FIRST] == answered.cases()


def test_a_flagged_address_is_shown_until_mail_comes_from_it(answered: World) -> None:
    """By scripts as `bounced`; an automatic mail from there does not say that a person reads again."""
    arrives(answered, report(GONE.format(BOB)), return_path(answered, BOB))
    shown = shapes.contact(contact(answered, BOB))
    away = a_mail(subject="Out of office", message_id="<away@customer.example>", auto_submitted="auto-replied")

    answered.mail(away)
    still = contact(answered, BOB).bounced
    answered.mail(a_mail(message_id="<again@customer.example>"))

    assert [{"address": BOB, "at": "2026-03-02T09:00:00.000Z", "status": "5.1.1"}] == shown["bounced"]
    assert 1 == len(still)
    assert () == contact(answered, BOB).bounced
    assert [] == shapes.contact(contact(answered, BOB))["bounced"]


@pytest.mark.parametrize("to", [SERVICE, "service+b.aaaaaaaaaaaaaaaaaaaaaaaaaa@vendor.example"])
def test_al_09_a_report_without_proof_is_held(answered: World, transport: Transport, to: str) -> None:
    """AL-09: whatever it says of bob; also at a return path with a wrong key."""
    before = answered.outbox()

    decision = arrives(answered, report(GONE.format(BOB)), to, transport)

    assert "held" == decision.kind
    assert () == contact(answered, BOB).bounced
    assert "sent" == row_to(answered, BOB).state
    assert ([], len(before)) == (failures(answered), len(answered.outbox()))


def test_al_10_delayed_is_no_failure_and_what_failed_fails_once(answered: World, transport: Transport) -> None:
    """AL-10: of two mails to bob only the one that the reports are about."""
    path = return_path(answered, BOB, 0)
    later = GONE.format(BOB).replace("failed", "delayed").replace("5.1.1", "4.4.1")

    delayed = arrives(answered, report(later), path, transport)
    state = row_to(answered, BOB, 0).state
    failed = arrives(answered, report(GONE.format(BOB), number=2), path, transport)
    again = arrives(answered, report(GONE.format(BOB), number=3), path, transport)

    assert ["bounce"] * 3 == [decision.kind for decision in (delayed, failed, again)]
    assert FIRST == delayed.case
    assert ("sent", "failed", "sent") == (state, row_to(answered, BOB, 0).state, row_to(answered, BOB).state)
    assert 1 == len(failures(answered))
    assert [(ALICE, "digest")] == [told for told in answered.told() if told[1] == "digest"]


def test_our_message_id_alone_settles_the_row_and_flags_nobody(answered: World, transport: Transport) -> None:
    """Whoever got the mail knows its Message-ID."""
    told = report(GONE.format(BOB), about=row_to(answered, BOB).message_id)

    decision = arrives(answered, told, SERVICE, transport)

    assert ("bounce", "failed") == (decision.kind, row_to(answered, BOB).state)
    assert () == contact(answered, BOB).bounced
    assert 1 == len(failures(answered))


def test_a_failure_for_now_does_not_flag_the_address(answered: World) -> None:
    """A full mailbox for five days: the mail has failed, the address may work tomorrow."""
    full = GONE.format(BOB).replace("5.1.1", "4.2.2").replace("550", "452")

    arrives(answered, report(full), return_path(answered, BOB))

    assert ("failed", ()) == (row_to(answered, BOB).state, contact(answered, BOB).bounced)


def test_a_failure_where_the_mail_was_forwarded_to_is_ours(answered: World) -> None:
    """The row that we owe has failed; who it failed at in the end is kept, and is not flagged for it."""
    arrives(answered, report(GONE.format(CARL)), return_path(answered, BOB))

    row = row_to(answered, BOB)
    assert ("failed", f"at {CARL}: smtp; 550 5.1.1 no such user") == (row.state, row.last_error)
    assert ([BOB], ()) == ([one.address for one in contact(answered, BOB).bounced], contact(answered, CARL).bounced)


def test_of_several_recipients_ours_is_the_one_that_counts(answered: World) -> None:
    """One report on all that a server could not deliver at once."""
    later = GONE.format(BOB).replace("failed", "delayed")

    arrives(answered, report(GONE.format("x@elsewhere.example"), later), return_path(answered, BOB))

    assert "sent" == row_to(answered, BOB).state


def test_a_report_in_a_servers_own_words_counts_as_much(answered: World, transport: Transport) -> None:
    """Proof is where it comes to, not how it is written."""
    text = (
        "Hi. This is the qmail-send program at mx.customer.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
        f"<{BOB}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n"
    )
    mail = a_mail("MAILER-DAEMON@mx.customer.example", "failure notice", text, to="x@elsewhere.example")

    decision = arrives(answered, mail, return_path(answered, BOB), transport)

    assert ("bounce", "failed") == (decision.kind, row_to(answered, BOB).state)
    assert ["5.1.1"] == [one.status for one in contact(answered, BOB).bounced]


def test_of_failed_mail_to_an_agent_no_agent_is_told(answered: World) -> None:
    """Two agents without a mailbox would tell each other for ever; the case says it."""
    before = len(answered.outbox())

    arrives(answered, report(GONE.format(ALICE)), return_path(answered, ALICE))

    assert ("failed", before) == (row_to(answered, ALICE).state, len(answered.outbox()))
    assert [ALICE] == [one["recipient"] for one in failures(answered)]


def test_al_17_our_mail_refused_and_a_bounce_of_a_bounce(world: World) -> None:
    """AL-17: the row failed, nothing leaves the house for it, and the bounce of a bounce is held."""
    world.mail(a_mail())
    refused = Delivery(DeliveryState.PERMANENT, "550 5.1.1 no such user here")
    for row in outbox.lease(world.ports):
        outbox.settle(world.ports, row, refused if row.recipient == BOB else Delivery(DeliveryState.SENT, "250 ok"))
    before = len(world.outbox())

    double = report(GONE.format("mailer-daemon@customer.example"), number=2)
    decision = arrives(world, double, SERVICE)

    assert (OutboxState.FAILED, "held") == (row_to(world, BOB).state, decision.kind)
    assert {ALICE} == {to for to, kind in world.told() if kind != "case_opened" or to != BOB}
    assert before == len(world.outbox())
    assert ["5.1.1"] == [one.status for one in contact(world, BOB).bounced]


@pytest.mark.parametrize("text", ["554 5.7.1 relay access denied", "550 no", "552 5.3.4 too large"])
def test_a_refusal_that_is_not_about_the_address_flags_nobody(world: World, text: str) -> None:
    """A relay that refuses us would else flag all customers in an hour."""
    world.mail(a_mail())
    for row in outbox.lease(world.ports):
        outbox.settle(world.ports, row, Delivery(DeliveryState.PERMANENT, text))

    assert ("failed", ()) == (row_to(world, BOB).state, contact(world, BOB).bounced)


RECEIPT = "Content-Type: message/disposition-notification\r\n\r\nDisposition: automatic-action/MDN-sent; deleted\r\n"
COMPLAINT = "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n"


def customers_mail(world: World) -> list[tuple[str, str]]:
    """Who was told what, but for agents."""
    return [told for told in world.told() if not told[0].endswith("@vendor.example")]


@pytest.mark.parametrize(("kind", "part"), [("disposition-notification", RECEIPT), ("feedback-report", COMPLAINT)])
@pytest.mark.parametrize("keyed", [True, False])
def test_al_18_receipts_and_complaints_are_never_a_case_and_never_answered(
    answered: World, transport: Transport, kind: str, part: str, *, keyed: bool
) -> None:
    """AL-18: wherever they come to; and no mail of ours failed for them. Only agents may hear of them."""
    before = customers_mail(answered)
    mail = (
        f"From: {BOB}\r\nTo: x@elsewhere.example\r\nSubject: Not read: It is slow\r\nMessage-ID: <mdn@customer.example>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type={kind}; boundary=b\r\n\r\n"
        f"--b\r\n\r\nYour message was deleted without being read.\r\n--b\r\n{part}\r\n--b--\r\n"
    )

    decision = arrives(answered, mail.encode(), return_path(answered, BOB) if keyed else SERVICE, transport)

    assert decision.kind in {"automatic", "held"}
    assert ([FIRST], before, "sent") == (answered.cases(), customers_mail(answered), row_to(answered, BOB).state)
