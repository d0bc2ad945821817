"""What must not register, confirm or approve anybody (TESTPLAN group H), on both databases."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.domain.approval_actions import DecideRegistration, Invite, Says
from gateway.domain.model import ContactRole
from gateway.errors import Refused
from gateway.services import timers
from gateway.store import tables as t
from tests.answers import (
    ANN,
    BOB,
    CARL,
    EVE,
    NEW,
    OTHER_PIN,
    PIN,
    REGISTER,
    contact,
    give,
    is_contact,
    kinds,
    last,
    letter,
    open_approvals,
    registrations,
    reply,
    text,
    with_people,
    write,
)
from tests.world import SERVICE, World, a_mail, a_world

PROVED = {"authentication_results": "mx.vendor.example; dmarc=pass header.from=customer.example"}
FAILED = {"authentication_results": "mx.vendor.example; dmarc=fail header.from=customer.example"}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """One in which ann is the user manager of EX-1."""
    with a_world(database_url, tmp_path) as made:
        yield with_people(made, ANN)


def confirmed(world: World) -> EmailMessage:
    """Somebody has confirmed; the mail that asks ann."""
    letter(world)
    reply(world, last(world, NEW))
    return last(world, ANN, "approval")


def tick(world: World) -> int:
    """How many timers were due and spoke."""
    return sum(timers.fire(world.ports, row) for row in timers.lease(world.ports))


def states(world: World) -> list[str]:
    return [one.state.value for one in registrations(world)]


def alarms(world: World) -> list[str]:
    with world.ports.db.begin() as tx:
        return [row.name for row in tx.execute(select(t.alarm))]


def test_an_invitation_asks_for_the_pin_in_the_reply(world: World) -> None:
    """RA-01 by an agent's invitation; without the PIN nothing goes on."""
    world.act(Invite(address=NEW, account="EX-1", name="New Person", actor=world.alice))
    question = last(world, NEW)
    reply(world, question, "Yes please")
    assert ["requested"] == states(world)
    reply(world, question, f"PIN: {PIN}")
    assert ["confirmed"] == states(world)
    reply(world, last(world, ANN, "approval"), "/approve")
    assert is_contact(world, NEW)
    assert not any(PIN in text(mail) for mail in world.outbox())


@pytest.mark.parametrize("sender", ["new+x@customer.example", BOB, "mallory@evil.example"])
def test_only_the_address_that_was_asked_confirms(world: World, sender: str) -> None:
    """RA-02: whoever else answers changes nothing; a stranger hears nothing."""
    letter(world)
    before = len(world.outbox())
    reply(world, last(world, NEW), sender=sender, **PROVED)
    assert ["requested"] == states(world)
    assert (1 if sender == BOB else 0) == len(world.outbox()) - before


def test_failed_evidence_confirms_nothing(world: World) -> None:
    """RA-03."""
    letter(world)
    assert "held" == reply(world, last(world, NEW), **FAILED).kind
    assert ["requested"] == states(world)


@pytest.mark.parametrize("invited", [False, True])
def test_five_wrong_pins_end_a_registration(world: World, invited: bool) -> None:
    """RA-04: the right one no longer helps, the words are the same each time, and agents are told."""
    if invited:
        world.act(Invite(address=NEW, account="EX-1", name="New Person", actor=world.alice))
    else:
        letter(world, body="PIN: 1234-5678")
    question = last(world, NEW)
    for number in range(5 if invited else 4):
        reply(world, question, f"PIN: 9999-000{number}")
    assert ["ended"] == states(world)
    reply(world, question, f"PIN: {PIN}")
    assert (["ended"], False) == (states(world), is_contact(world, NEW))
    told = {text(mail) for mail in world.outbox()[1:] if mail["To"].addresses[0].addr_spec == NEW}
    assert 1 == len(told)
    assert "digest" in kinds(world, "alice@vendor.example")


def test_a_spread_search_ends_in_silence_and_one_alarm(world: World) -> None:
    """RA-05: then the right one is not answered either, and customers work on."""
    for number in range(100):
        letter(world, f"x{number}@domain{number % 20}.example", body=f"PIN: 5555-{number:04}")
    before = len(world.outbox())
    assert "held" == letter(world).kind
    assert (before, ["registration"]) == (len(world.outbox()), alarms(world))
    assert 50 == before
    assert "new_case" == write(world, BOB, SERVICE, "It is slow.", subject="Slow").kind
    world.later(hours=2)
    assert "registration" == letter(world, "later@customer.example").kind


def test_machines_confirm_nothing(world: World) -> None:
    """RA-06: an automatic reply from the invited address, with all of our mail in it."""
    letter(world)
    question = last(world, NEW)
    before = len(world.outbox())
    body = "I am away.\n\n" + text(question)
    reply(world, question, body, auto_submitted="auto-replied")
    reply(world, question, body, precedence="bulk")
    reply(world, question, "I am out of the office until Monday. Your mail will not be forwarded.")
    assert (["requested"], before) == (states(world), len(world.outbox()))


def test_any_reply_of_the_person_confirms(world: World) -> None:
    """RA-07: also one that only quotes."""
    letter(world)
    question = last(world, NEW)
    reply(world, question, "\n".join(f"> {line}" for line in text(question).splitlines()))
    assert ["confirmed"] == states(world)


def test_a_token_counts_once_and_in_time(world: World) -> None:
    """RA-08: after seven days, twice, of another registration, cut by one letter."""
    letter(world)
    question = last(world, NEW)
    address = str(question["Reply-To"].addresses[0].addr_spec)
    local, _, domain = address.partition("@")
    write(world, NEW, f"{local[:-1]}@{domain}", "yes")
    assert ["requested"] == states(world)
    letter(world, "two@customer.example")
    reply(world, question, sender="two@customer.example")
    assert ["requested", "requested"] == states(world)
    reply(world, question)
    reply(world, question, "again")
    assert 1 == len(open_approvals(world))
    world.later(days=8)
    reply(world, last(world, "two@customer.example"))
    assert ["confirmed", "requested"] == states(world)
    assert 1 == len(open_approvals(world))


def test_a_bounce_is_noted_and_confirms_nothing(world: World) -> None:
    """RA-09."""
    letter(world)
    question = last(world, NEW)
    report = (
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.customer.example\r\n\r\n"
        f"Final-Recipient: rfc822; {NEW}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    )
    data = a_mail("mailer-daemon@mx.customer.example", "Undelivered", "", message_id="<b@mx.customer.example>")
    head, _, _ = data.partition(b"\r\n\r\n")
    kind = b"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    world.mail(head + kind + report.encode(), rcpt=question["X-Test-Return-Path"], mail_from="")
    assert ["requested"] == states(world)
    assert "5.1.1" in (registrations(world)[0].bounced or "")


@pytest.mark.parametrize("sender", [BOB, EVE, "ann@home.example"])
def test_only_who_was_asked_approves(world: World, sender: str) -> None:
    """RA-10."""
    question = confirmed(world)
    reply(world, question, "/approve", sender=sender, **PROVED)
    assert not is_contact(world, NEW)


def test_forged_approval_is_held(world: World) -> None:
    """RA-10: from ann, with evidence that failed."""
    question = confirmed(world)
    assert "held" == reply(world, question, "/approve", **FAILED).kind
    assert not is_contact(world, NEW)


@pytest.mark.parametrize(
    "body",
    [
        "I will not /approve this",
        "/approved",
        "> /approve",
        "Dear all,\nI have looked at it.\n/approve",
        "Thanks\n-- \n/approve",
        "",
        "Yes, of course!",
        "/approve\n/reject",
    ],
)
def test_what_is_no_approval_gets_one_hint(world: World, body: str) -> None:
    """RA-11, RA-12: nothing changes, and the second time there is silence."""
    question = confirmed(world)
    before = len(kinds(world, ANN))
    reply(world, question, body)
    reply(world, question, f"{body} ")
    assert not is_contact(world, NEW)
    assert before + 1 == len(kinds(world, ANN))


def test_an_automatic_reply_of_a_manager_leaves_it_open(world: World) -> None:
    """RA-13, RA-21: all of our mail comes back, in every shape."""
    question = confirmed(world)
    whole = text(question)
    reply(world, question, f"/approve\n\n{whole}", auto_submitted="auto-replied")
    for body in (
        "\n".join(f"> {line}" for line in whole.splitlines()),
        f"________________________________\n{whole}",
        f"---------- Forwarded message ---------\nFrom: Acme\nSubject: it\n\n{whole}",
        whole,
    ):
        reply(world, question, body)
    assert (["open"], False) == ([one.state.value for one in open_approvals(world)], is_contact(world, NEW))


def test_a_known_address_registers_nothing(world: World) -> None:
    """RA-16: the same first answer for everybody; no account changes."""
    letter(world)
    letter(world, BOB, body=f"PIN: {PIN}\nName: New Person")
    letter(world, CARL, body=f"PIN: {OTHER_PIN}\nName: New Person")
    letter(world, "five@customer.example", body="PIN: 0000-0000\nName: New Person")
    firsts = {text(mail).replace(str(mail["Reply-To"]), "") for mail in world.outbox()}
    assert 1 == len(firsts)
    reply(world, last(world, BOB))
    reply(world, last(world, CARL))
    assert ("EX-1", "EX-1") == (contact(world, BOB).account, contact(world, CARL).account)
    assert "registered already" in text(last(world, BOB))
    assert () == open_approvals(world)


def test_one_mail_a_day_to_an_address(world: World) -> None:
    """RA-15: a hundred requests for a victim."""
    for _ in range(100):
        letter(world, "victim@x.example")
    assert 1 == len(world.outbox())
    world.later(days=1, seconds=1)
    letter(world, "victim@x.example")
    assert 2 == len(world.outbox())


def test_invitations_are_no_way_to_flood_an_address(world: World) -> None:
    """RA-15: a user manager's, or an agent's; and they forget no wrong PINs."""
    for number in range(10):
        write(world, ANN, SERVICE, f"/invite victim@x.example Number {number} {PIN}", subject=f"No {number}")
    assert 1 == len(kinds(world, "victim@x.example"))
    with pytest.raises(Refused, match="within a day"):
        world.act(Invite(address="victim@x.example", account="EX-1", name="Victim", actor=world.alice))


def test_an_account_is_not_flooded(world: World) -> None:
    """RA-15: two hundred addresses with the right PIN."""
    for number in range(200):
        letter(world, f"p{number}@customer.example")
    assert 50 == len(world.outbox())
    assert ["registration"] == alarms(world)


def test_the_first_answer_counts(world: World) -> None:
    """RA-17: approved twice, then rejected by another one, who is told who answered."""
    give(world, CARL, ContactRole.USER_MANAGER)
    to_ann = confirmed(world)
    to_carl = last(world, CARL, "approval")
    reply(world, to_ann, "/approve")
    reply(world, to_ann, "/approve ")
    reply(world, to_carl, "/reject")
    assert is_contact(world, NEW)
    assert 1 == kinds(world, NEW).count("welcome")
    assert "Ann" in text(last(world, CARL))


def test_the_pin_is_nowhere_but_in_the_raw_mail(world: World) -> None:
    """RA-19: hashes only; a PIN that is changed while one waits counts no more for others."""
    world.accept(a_mail(NEW, f"Register, PIN {PIN}", f"PIN: {PIN}", to=REGISTER, message_id="<p@x>"), rcpt=REGISTER)
    world.handle()
    reply(world, last(world, NEW))
    with world.ports.db.begin() as tx:
        for table in t.intake.metadata.sorted_tables:
            if table.name != "raw_mail":
                assert not any(PIN in str(row) for row in tx.execute(select(table))), table.name


def test_look_alikes_are_pointed_out(world: World) -> None:
    """RA-20: as A-labels, with a warning."""
    odd = "new@xn--custmer-q4a.example"
    letter(world, odd)
    reply(world, last(world, odd))
    asked = text(last(world, ANN, "approval"))
    assert odd in asked
    assert "CAREFUL" in asked


def test_who_is_not_approved_yet_is_a_stranger(world: World) -> None:
    """RA-22."""
    confirmed(world)
    assert "unregistered" == write(world, NEW, SERVICE, "It is slow.", subject="Slow").kind


def test_without_an_answer_it_expires_and_both_are_told_once(world: World) -> None:
    """RA-23: a reminder, the end, and a late answer that changes nothing."""
    question = confirmed(world)
    world.later(days=7, seconds=1)
    assert 1 == tick(world)
    assert 2 == kinds(world, ANN).count("approval")
    world.later(days=7)
    assert 1 == tick(world)
    assert 0 == tick(world)
    assert ["expired"] == states(world)
    told = (kinds(world, NEW).count("registration"), kinds(world, ANN).count("approval"))
    assert (3, 3) == told
    reply(world, question, "/approve")
    assert not is_contact(world, NEW)
    assert (3, 4) == (kinds(world, NEW).count("registration"), kinds(world, ANN).count("approval"))


def test_the_vendor_approves_the_first_user_manager(world: World) -> None:
    """Those who came meanwhile are asked of them then."""
    give(world, ANN)
    for who in (NEW, "two@customer.example"):
        letter(world, who)
        reply(world, last(world, who))
    first, second = registrations(world)
    assert kinds(world, "alice@vendor.example") == ["registration", "registration"]
    world.act(DecideRegistration(registration=first.id, actor=world.alice, says=Says.APPROVE))
    assert {ContactRole.USER_MANAGER} == contact(world, NEW).roles
    with pytest.raises(Refused, match="decides itself"):
        world.act(DecideRegistration(registration=second.id, actor=world.alice, says=Says.APPROVE))
    reply(world, last(world, NEW, "approval"), "/approve")
    assert is_contact(world, "two@customer.example")


def test_a_former_contact_comes_back(world: World) -> None:
    """With the history of before."""
    number = contact(world, BOB).id
    write(world, ANN, SERVICE, f"/unregister {BOB}", **PROVED)
    assert not is_contact(world, BOB)
    letter(world, BOB)
    reply(world, last(world, BOB))
    reply(world, last(world, ANN, "approval"), "/approve")
    assert (True, number) == (is_contact(world, BOB), contact(world, BOB).id)
