"""A case whose order waits for a decision maker: whose turn it is, and what stands still (SPEC sections 3 and 6)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.actions import AgentReply, ChangeType, Fire, Merge, Split
from gateway.domain.approval import ApprovalId, ApprovalKind
from gateway.domain.approval_actions import Ask, ReleaseOrder
from gateway.domain.model import Agent, AgentId, AgentKind, CaseNumber, ContactRole, Party, Turn
from gateway.services import queue, sla_view, timers, views
from gateway.services.queue import QueueFilter
from gateway.services.views import CaseFilter
from gateway.store import load, people
from tests.answers import BOB, CARL, give, last, reply, with_people
from tests.world import START, World, a_mail, a_world

FIRST = CaseNumber(1001)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Two cases of bob: 1001 is an incident P1, to be answered within the hour. Carl decides for his company."""
    with a_world(database_url, tmp_path, rules={"customer_reminder_days": 7}) as made:
        with_people(made)
        give(made, CARL, ContactRole.DECISION_MAKER)
        write(made, 2)
        made.act(ChangeType(case=FIRST, actor=made.alice, type="incident", priority="P1"))
        yield made


def write(world: World, mails: int) -> None:
    """Bob opens so many cases."""
    for _ in range(mails):
        world.mail(a_mail(BOB, message_id=f"<{len(world.cases())}@customer.example>"))


def order(world: World, number: int = FIRST) -> None:
    """Bob orders what he may not order by himself."""
    world.act(Ask(kind=ApprovalKind.ORDER, actor=world.bob, text="update to 8.2", case=CaseNumber(number)))


def fire(world: World) -> None:
    """All that is due happens."""
    while rows := timers.lease(world.ports):
        for row in rows:
            timers.fire(world.ports, row)


def stands(world: World, number: int = FIRST) -> tuple[str, str, datetime | None]:
    """Status, turn and due time of a case."""
    found = world.case(number).summary
    return found.status, found.turn, found.sla_due_at


def queued(world: World, at: datetime | None = None) -> list[int]:
    """The queue, now or at a time that is past."""
    ports, asked = world.ports, QueueFilter()
    if at is not None:
        found = ports.db.read(queue.queue_at, asked, ports.policy, ports.tokens, at)
    else:
        found = ports.db.read(queue.queue, asked, ports.policy, ports.tokens, world.now)
        assert found.length == ports.db.read(queue.length, asked, ports.policy)
    return [one.summary.number for one in found.found]


def listed(world: World, **asked: Any) -> dict[Turn, list[int]]:
    """The cases that `cases --turn` shows, for each turn."""
    found, ports = {}, world.ports
    for turn in Turn:
        chosen = CaseFilter(turn=turn, **asked)
        numbers = [one.number for one in ports.db.read(views.cases, chosen, ports.policy, ports.tokens)]
        assert len(numbers) == ports.db.read(views.count, chosen, ports.policy)
        found[turn] = sorted(numbers)
    return found


@pytest.mark.parametrize("answer", ["approve", "reject", "release", "expire"])
def test_it_is_the_customers_turn_until_the_order_is_answered(world: World, answer: str) -> None:
    """The status stays all the while, and the clocks go on where they stood."""
    assert ("open", "vendor", START + timedelta(hours=1)) == stands(world)
    assert [1001, 1002] == queued(world)
    world.later(minutes=10)
    order(world)
    assert ("open", "customer", None) == stands(world)
    assert [1002] == queued(world)

    world.later(minutes=50)
    meanwhile = world.now
    if answer == "release":
        with world.ports.db.begin() as tx:
            sam = Agent(id=AgentId(0), name="Sam", address="sam@vendor.example", kind=AgentKind.SUPPORT_MANAGER)
            manager = Party.agent(people.add_agent(tx, sam))
        (approval,) = world.case().approvals
        world.act(ReleaseOrder(approval=ApprovalId(approval.id), actor=manager, reason="Agreed by phone."))
    elif answer == "expire":
        world.later(days=14)
        fire(world)
    else:
        reply(world, last(world, CARL), f"/{answer}\n")

    assert ("open", "vendor", world.now + timedelta(minutes=50)) == stands(world)
    assert [1001, 1002] == queued(world)
    world.later(minutes=1)
    assert [1001, 1002] == queued(world, START + timedelta(minutes=5))
    assert [1002] == queued(world, meanwhile - timedelta(minutes=1))


def test_the_clocks_explain_for_whom_they_stood_still(world: World) -> None:
    world.later(minutes=10)
    order(world)
    world.later(minutes=30)
    while_open = world.ports.db.read(sla_view.explain, FIRST, world.ports.policy, now=world.now).clocks
    reply(world, last(world, CARL), "/approve\n")
    world.later(minutes=5)
    after = world.ports.db.read(sla_view.explain, FIRST, world.ports.policy, now=world.now).clocks
    spans = [(Turn.VENDOR, True, 600), (Turn.CUSTOMER, False, 0), (Turn.VENDOR, True, 300)]
    for found, expected in ((while_open, spans[:2]), (after, spans)):
        assert ["first_response", "processing"] == [clock.name for clock in found]
        for clock in found:
            assert expected == [(part.turn, part.counts, part.seconds) for part in clock.segments]
    assert [None, None] == [clock.due_at for clock in while_open]
    assert START + timedelta(minutes=90) == after[0].due_at


def test_nobody_is_told_of_a_level_while_the_order_waits(world: World) -> None:
    world.later(minutes=10)
    order(world)
    world.later(days=1)
    fire(world)
    assert "sla_level" not in world.history()
    reply(world, last(world, CARL), "/approve\n")
    world.later(minutes=20)
    fire(world)
    assert 1 == world.history().count("sla_level")


def test_the_customer_is_not_reminded_of_the_case_as_well(world: World) -> None:
    """Carl is of the approval; of the case bob is, once nothing is to be approved any more."""
    second = CaseNumber(1002)
    world.act(AgentReply(case=second, actor=world.alice, text="Which version?"))
    order(world, second)
    world.later(days=8)
    fire(world)
    assert "reminded" not in world.history(second)
    assert 2 == world.told().count((CARL, "approval"))
    reply(world, last(world, CARL), "/reject\n")
    fire(world)
    assert 1 == world.history(second).count("reminded")


def test_each_list_has_just_the_cases_that_show_its_turn(world: World) -> None:
    """However the list is asked for: in SQL it is the turn that `Policy.turn_of` says."""
    write(world, 7)
    for number in (1001, 1003, 1004, 1005, 1006):
        order(world, number)
    world.act(AgentReply(case=CaseNumber(1003), actor=world.alice, text="Try it."))
    world.act(Fire(case=CaseNumber(1004), actor=world.alice, trigger="resolve"))
    for number in (1005, 1007):
        world.act(Merge(case=CaseNumber(number), actor=world.alice, into=CaseNumber(1002)))
    world.act(AgentReply(case=CaseNumber(1008), actor=world.alice, text="Try it."))

    shown: dict[Turn, list[int]] = {turn: [] for turn in Turn}
    for number in world.cases():
        shown[Turn(world.case(number).summary.turn)].append(number)
    assert [[1002, 1009], [1001, 1003, 1006, 1008], [1004, 1005, 1007]] == [
        shown[turn] for turn in (Turn.VENDOR, Turn.CUSTOMER, Turn.NOBODY)
    ]
    for sort in ("updated", "created", "number", "status", "type", "priority"):
        assert shown == listed(world, sort=sort)
        assert shown == listed(world, sort=sort, account="EX-1")
    some = {turn: [number for number in numbers if number != 1004] for turn, numbers in shown.items()}
    assert some == listed(world, statuses=("open", "waiting_for_customer"))
    assert [1003, 1008] == listed(world, assignee=world.alice)[Turn.CUSTOMER]
    assert shown[Turn.VENDOR] == sorted(queued(world))


def test_a_merged_case_is_nobodys_turn_whatever_becomes_of_its_order(world: World) -> None:
    """Nor is the one that it went into the customer's; it was asked nothing."""
    order(world)
    world.act(Merge(case=FIRST, actor=world.alice, into=CaseNumber(1002)))
    assert (("open", "nobody", None), "vendor") == (stands(world), stands(world, 1002)[1])
    world.later(days=15)
    fire(world)
    assert (("open", "nobody", None), "vendor") == (stands(world), stands(world, 1002)[1])
    assert [1002] == queued(world)


def test_what_is_split_off_waits_for_nothing(world: World) -> None:
    world.mail(a_mail(BOB, subject="Re: [CASE 1001]", in_reply_to="<0@customer.example>"))
    order(world)
    with world.ports.db.begin() as tx:
        newest = load.message_heads(tx, FIRST)[-1].id
    world.act(Split(case=FIRST, actor=world.alice, messages=(newest,)))
    assert (["customer", "vendor"], [1001, 1002, 1003]) == (
        [stands(world, number)[1] for number in (FIRST, 1003)],
        list(world.cases()),
    )
