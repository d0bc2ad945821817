"""Agents hear of mail that was set aside and of mail that failed: at once, or with the digest (SPEC section 13)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from gateway.domain import gathering
from gateway.domain.actions import AgentReply
from gateway.domain.calendars import Calendar
from gateway.domain.model import Agent, AgentId, CaseNumber, Contact, ContactId
from gateway.services import by_hand, inbound, outbox, post_room, timers
from gateway.services.ports import Delivery, DeliveryState
from gateway.store import load_people, people
from gateway.store import tables as t
from tests.scenes.test_timers import tick
from tests.world import START, World, a_mail, a_world

ALICE, BOB, CARL = "alice@vendor.example", "bob@customer.example", "carl@customer.example"
STRANGER = "someone@else.example"
STRICT = {"require": "authenticated", "authserv_id": "mx.vendor.example", "relays": ("127.0.0.1",)}
PROVED = "mx.vendor.example; dmarc=pass header.from=customer.example"
FORGED = "mx.vendor.example; dmarc=fail header.from=customer.example"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Mail needs evidence, and a stranger's is held; zoe is an agent of another team."""
    with a_world(database_url, tmp_path, trust=STRICT, mail={**MAIL, "unregistered": "hold"}) as made:
        zoe = Agent(id=AgentId(0), name="Zoe", address="zoe@vendor.example", teams=("third_level",))
        with made.ports.db.begin() as tx:
            people.add_agent(tx, zoe)
        yield made


MAIL = {"service_address": "service@vendor.example"}


def claims(world: World, sender: str = BOB, *, number: int = 1, body: str = "Pay here.", subject: str = "Pay") -> None:
    """A mail behind a relay that found it forged."""
    world.mail(a_mail(sender, subject, body, message_id=f"<{number}@x.example>", authentication_results=FORGED))


def digests(world: World) -> list[str]:
    """The texts of all digests."""
    return [text(mail) for mail in world.outbox() if mail["X-Test-Kind"] == "digest"]


def text(mail: object) -> str:
    body = mail.get_body(("plain",))  # type: ignore[attr-defined]  # an EmailMessage
    found: str = body.get_content()
    return found.replace("\r\n", "\n")


def fail_all(world: World, *, only: str = BOB) -> None:
    """All mail to an address is refused for good; what is owed to others leaves."""
    while rows := outbox.lease(world.ports):
        for row in rows:
            state = DeliveryState.PERMANENT if row.recipient == only else DeliveryState.SENT
            said = "550 5.1.1 no such user" if row.recipient == only else "250 ok"
            outbox.settle(world.ports, row, Delivery(state, said))


def to_next_digest(world: World) -> None:
    world.now = gathering.next_digest(world.now, world.ports.policy)


def test_a_contacts_mail_that_was_held_is_told_the_team_at_once(world: World) -> None:
    """With who, about what, why, and the commands; it says that nobody proved the sender. The contact hears nothing."""
    claims(world)

    assert [(ALICE, "alarm")] == world.told()
    (alarm,) = world.outbox()
    assert "auto-generated" == alarm["Auto-Submitted"]
    said = text(alarm)
    for part in (BOB, "Bob", "EX-1", "Pay", "evidence failed", "casegate intake show 1", "casegate intake release 1"):
        assert part in said
    assert "IT IS NOT PROVED" in said


def test_proved_mail_that_was_held_is_not_called_doubtful(world: World) -> None:
    """A machine's mail of a contact that is on no case."""
    world.mail(a_mail(auto_submitted="auto-generated", authentication_results=PROVED))

    assert [(ALICE, "alarm")] == world.told()
    assert "It is proved" in text(world.outbox()[0])


def test_the_team_of_the_account_is_told(world: World) -> None:
    with world.ports.db.begin() as tx:
        tx.execute(sa.update(t.account).where(t.account.c.number == "EX-1").values(team="third_level"))
    claims(world)

    assert [("zoe@vendor.example", "alarm")] == world.told()


def test_a_flood_under_one_contacts_name_is_one_alarm_an_hour_and_a_digest(world: World) -> None:
    for number in range(5):
        claims(world, number=number)
    assert [(ALICE, "alarm")] == world.told()

    claims(world, CARL, number=6)
    assert [(ALICE, "alarm")] * 2 == world.told()
    world.later(hours=1)
    claims(world, number=7)
    assert [(ALICE, "alarm")] * 3 == world.told()

    to_next_digest(world)
    tick(world)
    (digest,) = digests(world)
    assert [False, True, True, True, True, False, False] == [
        f"  {id_}  held, from bob" in digest for id_ in range(1, 8)
    ]


def test_a_flood_under_many_contacts_names_is_few_alarms_and_a_digest(world: World) -> None:
    people_of = [f"p{number}@customer.example" for number in range(gathering.MOST_ALARMED + 3)]
    with world.ports.db.begin() as tx:
        for address in people_of:
            people.add_contact(tx, Contact(id=ContactId(0), account="EX-1", name=address, addresses=(address,)))
    for number, address in enumerate(people_of):
        claims(world, address, number=number)
    assert [(ALICE, "alarm")] * gathering.MOST_ALARMED == world.told()

    to_next_digest(world)
    tick(world)
    assert 3 == digests(world)[0].count("held, from p1")
    world.later(hours=1)
    claims(world, people_of[0], number=99)
    assert (ALICE, "alarm") == world.told()[-1]


def test_a_strangers_mail_waits_for_the_digest(world: World) -> None:
    """It comes at eight, once, to the first level; a day without anything has none."""
    claims(world, STRANGER)
    world.mail(a_mail("x@y.example, z@y.example", message_id="<2@y.example>"))
    assert [] == world.told()

    world.now = datetime(2026, 3, 3, 7, 59, tzinfo=UTC)
    assert [] == tick(world)
    world.later(minutes=1)
    tick(world)
    assert [(ALICE, "digest")] == world.told()
    (digest,) = digests(world)
    assert "held, from someone@else.example" in digest
    assert "no single sender" in digest

    for _ in range(3):
        to_next_digest(world)
        assert [] == tick(world)
    assert 1 == len(world.told())


def test_a_mail_that_could_not_be_read_is_told_by_whom_its_from_names(world: World) -> None:
    parts = "".join(f"--b\r\nContent-Type: text/plain\r\n\r\n{n}\r\n" for n in range(2_000))
    for number, sender in enumerate((BOB, STRANGER), start=1):
        head = (
            f"From: {sender}\r\nMessage-ID: <{number}@x.example>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        )
        world.accept(f"{head}{parts}--b--\r\n".encode())
        (raw,) = inbound.lease(world.ports)
        world.decide(raw)

    assert [("quarantined", "quarantined")] * 2 == world.intake()
    assert [(ALICE, "alarm")] == world.told()
    assert "casegate intake retry 1" in text(world.outbox()[0])
    to_next_digest(world)
    tick(world)
    assert "  2  quarantined, from nobody that could be read" in digests(world)[0]


def test_a_mail_that_fails_three_times_is_told(world: World) -> None:
    world.accept(a_mail())
    for _ in range(3):
        (raw,) = inbound.lease(world.ports)
        inbound.failed(world.ports, raw, "trace 1")

    assert [(ALICE, "alarm")] == world.told()


def test_what_was_decided_meanwhile_is_not_told(world: World) -> None:
    claims(world, STRANGER)
    agent = world.ports.db.read(load_people.agents)[0]
    by_hand.drop(world.ports, 1, agent)
    to_next_digest(world)
    tick(world)

    assert [] == world.told()


def test_who_asks_for_a_mail_once_more_is_not_told_of_it_again(world: World) -> None:
    claims(world)
    agent = world.ports.db.read(load_people.agents)[0]
    by_hand.retry(world.ports, 1, agent)
    world.later(hours=2)
    world.handle()

    assert ["held"] == [state for state, _ in world.intake()]
    assert [(ALICE, "alarm")] == world.told()


def test_no_pin_is_told(world: World) -> None:
    """Whoever registers at the wrong address may write it into the subject."""
    claims(world, subject="PIN: 4711-0815", body="PIN: 4711-0815\nName: Bob")
    claims(world, STRANGER, number=2, subject="PIN: 4711-0815", body="PIN: 4711-0815\nName: Bob")
    to_next_digest(world)
    tick(world)

    assert ["alarm", "digest"] == [kind for _, kind in world.told()]
    assert not [mail for mail in world.outbox() if "4711" in mail.as_string()]


def test_a_failed_address_is_told_once_with_its_phone_and_last_error(world: World) -> None:
    """Two mails to bob fail; the case's agent hears of each at once, the desk of the address once a day."""
    world.mail(a_mail(authentication_results=PROVED))
    with world.ports.db.begin() as tx:
        tx.execute(sa.update(t.contact).where(t.contact.c.name == "Bob").values(phone="+49 30 5550100"))
    world.act(AgentReply(case=CaseNumber(1001), actor=world.alice, text="Please restart it."))
    fail_all(world)
    to_next_digest(world)
    tick(world)

    *_, digest = digests(world)
    assert "bob@customer.example (2 mails)\n    Bob of EX-1, phone +49 30 5550100\n" in digest
    assert 1 == digest.count("550 5.1.1 no such user")


def test_mail_to_an_agent_that_fails_is_told_nobody(world: World) -> None:
    """Else the digest of each day would be about the digest of the day before."""
    claims(world, STRANGER)
    to_next_digest(world)
    tick(world)
    fail_all(world, only=ALICE)

    assert ["failed"] == [row.state for row in world.ports.db.read(post_room.outbox_rows)]
    to_next_digest(world)
    assert [] == tick(world)


def test_what_is_too_long_to_read_is_counted(world: World) -> None:
    for number in range(gathering.MOST_LISTED + 2):
        claims(world, f"{number}@else.example", number=number)
    to_next_digest(world)
    tick(world)

    (digest,) = digests(world)
    assert gathering.MOST_LISTED == digest.count("held, from")
    assert "and 2 more: casegate intake list --state held" in digest


def test_two_daemons_tell_it_once(world: World) -> None:
    """The second had leased the timer as well, after the lease of the first ran out."""
    claims(world, STRANGER)
    to_next_digest(world)
    (first,) = timers.lease(world.ports)
    world.later(seconds=timers.LEASE_SECONDS + 1)
    (second,) = timers.lease(world.ports)

    assert [True, False] == [timers.fire(world.ports, row) for row in (second, first)]
    assert [(ALICE, "digest")] == world.told()


def test_a_digest_that_is_not_written_is_told_later(world: World) -> None:
    """What a daemon that dies before its commit took stays to be told."""
    claims(world, STRANGER)
    to_next_digest(world)
    (row,) = timers.lease(world.ports)
    with pytest.raises(RuntimeError), world.ports.db.begin() as tx:
        gathering_taken = tx.execute(sa.delete(t.to_tell)).rowcount
        assert 1 == gathering_taken
        raise RuntimeError
    timers.fire(world.ports, row)

    assert [(ALICE, "digest")] == world.told()


def test_the_digest_comes_at_the_time_of_the_desk(world: World) -> None:
    """`digest_at` on the wall clock of the default calendar, also over a change of the clocks."""
    policy = world.ports.policy
    berlin = Calendar(name="desk", zone="Europe/Berlin")
    policy = replace(policy, sla=replace(policy.sla, default_calendar=berlin), digest_at=time(7, 30))
    assert datetime(2026, 3, 3, 6, 30, tzinfo=UTC) == gathering.next_digest(START, policy)
    before = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    due = gathering.next_digest(before, policy)
    assert (7, 30) == (due.astimezone(ZoneInfo("Europe/Berlin")).hour, due.astimezone(ZoneInfo("Europe/Berlin")).minute)
    assert datetime(2026, 3, 29, 5, 30, tzinfo=UTC) == due


def test_until_the_digest_nothing_is_due_and_then_it_is(world: World) -> None:
    """What `casegate settle` and `status` go by."""
    claims(world, STRANGER)
    assert (0, 1) == _timers(world)
    to_next_digest(world)
    assert (1, 0) == _timers(world)
    tick(world)
    assert (0, 0) == _timers(world)


def _timers(world: World) -> tuple[int, int]:
    figures = world.ports.db.read(post_room.standing, world.now, outbound=True).timers
    return figures.due, int(figures.next_at is not None)
