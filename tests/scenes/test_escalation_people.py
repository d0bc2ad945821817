"""Who joins or leaves a case while its people are going to meet has that in their calendar, or no longer, on both databases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.domain.actions import AgentReply, Assign, ChangeParticipants, Fire, Merge
from gateway.domain.escalation_actions import ResolveEscalation, TakeEscalation
from gateway.domain.model import AgentKind, Party, PartyKind, TimerKind
from gateway.domain.people_actions import EraseContact, RemoveContact
from gateway.store import people
from tests.answers import EVE, contact, text, write
from tests.scenes.test_escalation import (
    ALICE,
    ANN,
    BOB,
    CARL,
    MAX,
    MIA,
    ONE,
    TWO,
    Managed,
    count,
    event_of,
    has_calendar,
    tick,
)
from tests.world import SERVICE, World, a_mail, a_world

GUEST = "expert@elsewhere.example"
OUTSIDE = Party(PartyKind.EXTERNAL, GUEST)


@pytest.fixture
def managed(database_url: str, tmp_path: Path) -> Iterator[Managed]:
    """Max has taken Bob's case, and planned to meet each day at nine; Carl is on it as well."""
    with a_world(database_url, tmp_path) as world:
        world.mail(a_mail())
        made = Managed(world)
        change(made, add=(carl(world),))
        made.escalate()
        world.act(TakeEscalation(case=ONE, actor=made.max))
        made.plan()
        yield made


def carl(world: World) -> Party:
    return contact(world, CARL).party


def change(managed: Managed, *, add: tuple[Party, ...] = (), remove: tuple[Party, ...] = ()) -> None:
    managed.world.act(ChangeParticipants(case=ONE, actor=managed.world.alice, add=add, remove=remove))


def entries(world: World, before: int) -> dict[str, tuple[str, str, int]]:
    """By address: what came into calendars since, as (method, UID, SEQUENCE)."""
    return {mail["To"].addresses[0].addr_spec: entry(mail) for mail in world.outbox()[before:] if has_calendar(mail)}


def entry(mail: EmailMessage) -> tuple[str, str, int]:
    method, event = event_of(mail)
    return method, str(event["uid"]), int(event["sequence"])


def newest(world: World, address: str) -> EmailMessage:
    """What stands in somebody's calendar by the last mail about it."""
    return [one for one in world.outbox() if one["To"].addresses[0].addr_spec == address and has_calendar(one)][-1]


def test_who_is_taken_off_has_the_series_cancelled_and_nobody_else(managed: Managed) -> None:
    world = managed.world
    _, uid, sequence = entry(newest(world, CARL))
    before = count(world)
    change(managed, remove=(carl(world),))
    assert {CARL} == set(entries(world, before))
    assert 1 == count(world) - before
    (mail,) = world.outbox()[before:]
    method, event = event_of(mail)
    assert ("CANCEL", uid, "CANCELLED", f"mailto:{CARL}") == (
        method,
        str(event["uid"]),
        event["status"],
        event["attendee"],
    )
    assert int(event["sequence"]) > sequence
    assert "recurrence-id" not in event
    assert "the talks about this case go on without you" in text(mail)
    assert BOB not in text(mail)
    before = count(world)
    world.now = datetime(2026, 3, 3, 8, 30, tzinfo=UTC)
    assert [TimerKind.MEETING] == tick(world)
    assert {BOB, MAX} == set(entries(world, before))


def test_who_joins_has_the_series_at_once(managed: Managed) -> None:
    world = managed.world
    _, uid, sequence = entry(newest(world, BOB))
    before = count(world)
    change(managed, add=(contact(world, ANN).party, OUTSIDE))
    assert {ANN: ("REQUEST", uid, sequence), GUEST: ("REQUEST", uid, sequence)} == entries(world, before)
    assert 2 == count(world) - before
    _, event = event_of(newest(world, ANN))
    assert "DAILY" == event["rrule"]["freq"][0]
    assert f"mailto:{ANN}" == event["attendee"]
    assert "The next time is 2026-03-03 09:00 UTC" in text(newest(world, ANN))


def test_who_comes_back_has_it_again(managed: Managed) -> None:
    """The invitation is no older than the cancellation, so that calendar programs believe it; so is what follows."""
    world = managed.world
    change(managed, remove=(carl(world),))
    _, uid, cancelled = entry(newest(world, CARL))
    before = count(world)
    change(managed, add=(carl(world),))
    assert {CARL: ("REQUEST", uid, cancelled)} == entries(world, before)
    world.now = datetime(2026, 3, 3, 8, 30, tzinfo=UTC)
    tick(world)
    assert ("REQUEST", uid, cancelled) == entry(newest(world, CARL))


def test_meetings_by_the_hour_come_and_go_as_the_one_that_is_next(managed: Managed) -> None:
    world = managed.world
    managed.plan("4h")
    world.now = world.now.replace(hour=12, minute=30)
    tick(world)
    _, uid, told = entry(newest(world, CARL))
    change(managed, add=(OUTSIDE,), remove=(carl(world),))
    method, event = event_of(newest(world, GUEST))
    assert ("REQUEST", uid, 17) == (method, str(event["uid"]), event["dtstart"].dt.hour)
    assert ("CANCEL", uid) == entry(newest(world, CARL))[:2]
    assert entry(newest(world, CARL))[2] > told


@pytest.mark.parametrize("how", ["assigned", "answered"])
def test_the_assignee_has_the_series_and_who_hands_on_loses_it(managed: Managed, how: str) -> None:
    """And is told of the assignment by a mail of its own."""
    world = managed.world
    tom = managed.add("Tom", "tom@vendor.example", AgentKind.AGENT)
    before = count(world)
    if how == "assigned":
        world.act(Assign(case=ONE, actor=world.alice, assignee=tom))
        mails = [mail for mail in world.outbox()[before:] if mail["To"].addresses[0].addr_spec == "tom@vendor.example"]
        assert [False, True] == sorted(has_calendar(mail) for mail in mails)
    else:
        world.act(AgentReply(case=ONE, actor=tom, text="I look at it."))
    assert {"tom@vendor.example": "REQUEST"} == {one: found[0] for one, found in entries(world, before).items()}
    before = count(world)
    world.act(Assign(case=ONE, actor=tom, assignee=world.alice))
    assert {"tom@vendor.example": "CANCEL", ALICE: "REQUEST"} == {
        one: found[0] for one, found in entries(world, before).items()
    }
    before = count(world)
    world.act(Assign(case=ONE, actor=tom, team="first_level"))
    assert {ALICE: "CANCEL"} == {one: found[0] for one, found in entries(world, before).items()}


def test_another_escalation_manager_takes_the_series_over(managed: Managed) -> None:
    world = managed.world
    before = count(world)
    world.act(TakeEscalation(case=ONE, actor=managed.mia))
    assert {MAX: "CANCEL", MIA: "REQUEST"} == {one: found[0] for one, found in entries(world, before).items()}


def test_a_colleague_who_writes_or_is_copied_in_has_the_series(managed: Managed) -> None:
    world = managed.world
    change(managed, remove=(carl(world),))
    before = count(world)
    subject = f"Re: {world.ports.tokens.mint(1001)} x"
    write(world, ANN, SERVICE, "Here too.", subject=subject, cc=CARL)
    assert {ANN, CARL} == set(world.case().participants)
    assert {ANN: "REQUEST", CARL: "REQUEST"} == {one: found[0] for one, found in entries(world, before).items()}


def test_what_a_colleague_reads_on_leaving_is_no_more_than_that(managed: Managed) -> None:
    """By hand, whole: no name of others, nothing of what was said."""
    world = managed.world
    change(managed, remove=(carl(world),))
    token = world.ports.tokens.mint(1001)
    assert [
        "Hello Carl,",
        "",
        "the talks about this case go on without you, since you are not on it any more.",
        "This mail takes them out of your calendar; you need not do anything.",
        "",
        "-- ",
        f"{token} It is slow",
        "Question · Open",
        "",
        "Just reply to this mail to add something.",
    ] == text(newest(world, CARL)).replace("\r\n", "\n").splitlines()[:10]
    assert b"Bob" not in newest(world, CARL).as_bytes()


@pytest.mark.parametrize("address", [GUEST, EVE])
def test_no_mail_goes_to_outsiders_who_are_off_the_case(managed: Managed, address: str) -> None:
    """Somebody whom nobody knows, and a contact of another account: the case is closed to them at once."""
    world = managed.world
    party = OUTSIDE if address == GUEST else contact(world, EVE).party
    change(managed, add=(party,))
    assert "REQUEST" == entry(newest(world, address))[0]
    before = count(world)
    change(managed, remove=(party,))
    assert before == count(world)


def test_in_german_it_is_said_as_kindly(managed: Managed) -> None:
    world = managed.world
    with world.ports.db.begin() as tx:
        people.changed(tx, replace(contact(world, CARL), lang="de"))
    change(managed, remove=(carl(world),))
    assert "Die Gespräche über diesen Vorgang finden ohne Sie statt" in text(newest(world, CARL))
    change(managed, add=(carl(world),))
    said = text(newest(world, CARL)).replace("\r\n", "\n")
    assert "Über diesen Vorgang sprechen wir jeden Tag (video call),\nund Sie sind von jetzt an eingeladen." in said


def test_who_is_on_it_under_the_same_address_before_and_after_is_left_alone(managed: Managed) -> None:
    world = managed.world
    before = count(world)
    change(managed, add=(Party(PartyKind.EXTERNAL, CARL),), remove=(carl(world),))
    assert {} == entries(world, before)


@pytest.mark.parametrize("erased", [False, True])
def test_who_is_unregistered_gets_no_mail_any_more_and_who_follows_is_invited(managed: Managed, erased: bool) -> None:
    """Not even under an address that was on the case by itself."""
    world = managed.world
    change(managed, add=(Party(PartyKind.EXTERNAL, CARL),))
    bob, ann = contact(world, BOB).party, contact(world, ANN).party
    admin = managed.add("Ada", "ada@vendor.example", AgentKind.ADMIN)
    before = count(world)
    for party, successor in ((carl(world), None), (bob, ann)):
        if erased:
            world.act(EraseContact(contact=party, actor=admin, successor=successor))
        else:
            world.act(RemoveContact(contact=party, actor=admin, successor=successor))
    assert ANN == world.case().summary.reporter
    assert {ANN: "REQUEST"} == {one: found[0] for one, found in entries(world, before).items()}
    assert {ANN} >= {mail["To"].addresses[0].addr_spec for mail in world.outbox()[before:]} - {ALICE}


def test_the_people_of_a_merged_case_have_the_series_of_the_other(managed: Managed) -> None:
    world = managed.world
    world.mail(a_mail(ANN, "Slow too", "Here as well.", message_id="<two@customer.example>"))
    before = count(world)
    world.act(Merge(case=TWO, actor=world.alice, into=ONE))
    assert {ANN: "REQUEST"} == {one: found[0] for one, found in entries(world, before).items()}


def test_the_meeting_to_learn_comes_and_goes_too(managed: Managed) -> None:
    world = managed.world
    world.act(ResolveEscalation(case=ONE, actor=managed.max))
    before = count(world)
    change(managed, add=(contact(world, ANN).party,), remove=(carl(world),))
    found = entries(world, before)
    assert {ANN: "REQUEST", CARL: "CANCEL"} == {one: told[0] for one, told in found.items()}
    assert {"lessons-1001-1"} == {told[1].partition("@")[0] for told in found.values()}
    world.now = datetime(2026, 3, 9, 11, tzinfo=UTC)
    before = count(world)
    change(managed, remove=(contact(world, ANN).party,))
    assert before == count(world)


@pytest.mark.parametrize("end", ["stopped", "none"])
def test_without_meetings_nobody_hears_of_them(managed: Managed, end: str) -> None:
    world = managed.world
    if end == "stopped":
        managed.stop()
        number = ONE
    else:
        world.mail(a_mail(BOB, "Slow too", "Here as well.", message_id="<two@customer.example>"))
        number = TWO
    before = count(world)
    world.act(Fire(case=number, actor=world.alice, trigger="start"))
    world.act(ChangeParticipants(case=number, actor=world.alice, add=(OUTSIDE,)))
    world.act(ChangeParticipants(case=number, actor=world.alice, remove=(OUTSIDE,)))
    assert {} == entries(world, before)
