"""Levels of SLA targets: the right people are told, each level once, at its time or late; on both databases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.domain.actions import AgentReply, Assign, ChangePriority, ChangeType, Merge
from gateway.domain.model import Agent, AgentId, AgentKind, CaseNumber, Party
from gateway.domain.targets import Span, Unit
from gateway.services import case_view, outbox, timers, waiting
from gateway.services.ports import Delivery, DeliveryState, Ports
from gateway.services.queue import QueueFilter, queue, queue_at
from gateway.store import load, load_people, people
from gateway.store import tables as t
from gateway.store.db import Database
from tests.world import START, World, a_mail, a_world

FIRST, SECOND = CaseNumber(1001), CaseNumber(1002)
ALICE, MIRA, OTTO, SAM = (f"{name}@vendor.example" for name in ("alice", "mira", "otto", "sam"))
HOUR = timedelta(hours=1)


def agent(world: World, name: str, *teams: str, kind: AgentKind = AgentKind.AGENT) -> Party:
    made = Agent(id=AgentId(0), name=name, address=f"{name.lower()}@vendor.example", teams=teams, kind=kind)
    with world.ports.db.begin() as tx:
        return Party.agent(people.add_agent(tx, made))


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Bob's incident P1, an hour for the first response: Mira and Alice are first level, Otto third, Sam manages."""
    with a_world(database_url, tmp_path) as made:
        agent(made, "Mira", "first_level")
        agent(made, "Otto", "third_level")
        agent(made, "Sam", kind=AgentKind.SUPPORT_MANAGER)
        made.mail(a_mail())
        made.act(ChangeType(case=FIRST, actor=made.alice, type="incident", priority="P1"))
        yield made


def tick(world: World) -> list[tuple[str, int, bool]]:
    """What a daemon does that looks at its clock now: (clock, level, took effect)."""
    happened = []
    while rows := timers.lease(world.ports):
        happened += [(row.kind.value, getattr(row.due, "level", 0), timers.fire(world.ports, row)) for row in rows]
    return happened


def told(world: World) -> list[str]:
    """Who got a mail about a level, in their order."""
    return [recipient for recipient, kind in world.told() if kind == "sla_level"]


def last_mail(world: World, to: str) -> str:
    """The text of the last mail to someone."""
    mails = [mail for mail in world.outbox() if mail["To"].addresses[0].addr_spec == to]
    body = mails[-1].get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def pending(world: World) -> list[tuple[int, datetime]]:
    """(level, due) of what is waited for."""
    c = t.timer.c
    of_cases = (c.state == "pending") & c.case_number.is_not(None)
    query = sa.select(c.level, c.due_at).where(of_cases).order_by(c.due_at)
    with world.ports.db.begin() as tx:
        return [(level, due) for level, due in tx.execute(query)]


def levels(world: World) -> list[tuple[int, bool]]:
    """(level, late) of the events."""
    entries = world.ports.db.read(case_view.history, 1001)
    return [(entry.detail["level"], entry.detail["late"]) for entry in entries if entry.event == "sla_level"]


def due(world: World) -> datetime | None:
    return world.ports.db.read(load.due_at, 1001)


def test_each_level_tells_the_team_and_the_last_one_the_managers(world: World) -> None:
    """At 50, 75 and 100 % of the hour; a question that nobody promised anything for has no levels."""
    assert [(50, START + HOUR / 2), (75, START + HOUR * 3 / 4), (100, START + HOUR)] == pending(world)
    assert START + HOUR == due(world)
    for minutes, level, more in ((30, 50, []), (15, 75, []), (15, 100, [SAM])):
        before = len(told(world))
        world.later(minutes=minutes, seconds=-1)
        assert [] == tick(world)
        world.later(seconds=1)
        assert [("first_response", level, True)] == tick(world)
        assert [ALICE, MIRA, *more] == sorted(told(world)[before:])
    assert [(50, False), (75, False), (100, False)] == levels(world)
    assert [] == pending(world)
    world.later(days=30)
    assert [] == tick(world)


def test_the_mail_names_level_and_due_time(world: World) -> None:
    world.later(minutes=30)
    tick(world)
    mail = last_mail(world, MIRA)
    assert "50 % of the time for the first response to case 1001\r\nis used" in mail
    assert "it is due 2026-03-02 10:00 UTC" in mail
    assert "Promised: 1 h (P1 critical)." in mail
    assert "late" not in mail
    world.later(minutes=30)
    tick(world)
    assert "OVERDUE: the time for the first response to case 1001\r\nis used up since 2026-03-02 10:00 UTC." in (
        last_mail(world, SAM)
    )


def test_the_team_of_the_assignee_is_told(world: World) -> None:
    """Otto took the case of the first level; it is his team that must know."""
    otto = next(one.party for one in world.ports.db.read(load_people.agents) if one.address == OTTO)
    world.act(Assign(case=FIRST, actor=world.alice, assignee=otto))
    before = len(told(world))
    world.later(minutes=30)
    tick(world)
    assert [OTTO] == told(world)[before:]


def test_who_was_down_tells_late_once_and_says_so(world: World) -> None:
    """Three days of darkness: every level once, in its order, each marked late."""
    world.later(days=3)
    assert [("first_response", level, True) for level in (50, 75, 100)] == tick(world)
    assert [(50, True), (75, True), (100, True)] == levels(world)
    assert 1 == told(world).count(SAM)
    assert "You are told late: this was reached 2026-03-02 10:00 UTC" in last_mail(world, SAM)
    assert [] == tick(world)


def test_a_level_reached_in_darkness_is_told_although_the_answer_came_meanwhile(world: World) -> None:
    """Half the time was over, the daemon was down, Alice answered from the terminal: it is told late, and as done."""
    world.later(minutes=40)
    world.act(AgentReply(case=FIRST, actor=world.alice, text="Restart it."))
    world.later(minutes=40)
    assert [("first_response", 50, True)] == tick(world)
    assert "It is done meanwhile." in last_mail(world, MIRA)
    assert [] == pending(world)


def test_an_answer_in_time_ends_the_waiting(world: World) -> None:
    world.later(minutes=10)
    world.act(AgentReply(case=FIRST, actor=world.alice, text="Restart it."))
    assert ([], None) == (pending(world), due(world))


def test_a_lost_answer_lets_the_levels_come(world: World) -> None:
    """The clock runs on as if it had not been sent; a level that spoke does not speak again."""
    world.later(minutes=31)
    tick(world)
    world.act(AgentReply(case=FIRST, actor=world.alice, text="Restart it."))
    while rows := outbox.lease(world.ports):
        for row in rows:
            is_lost = (row.recipient, row.kind) == ("bob@customer.example", "agent_replied")
            state = DeliveryState.PERMANENT if is_lost else DeliveryState.SENT
            outbox.settle(world.ports, row, Delivery(state=state, text="550 5.1.1 no such user"))
    assert [(75, START + HOUR * 3 / 4), (100, START + HOUR)] == pending(world)
    assert START + HOUR == due(world)


def test_a_level_that_a_change_has_passed_is_told_at_once_and_not_as_late(world: World) -> None:
    """An hour of P3's eight hours is less than half; of P1's hour it is all."""
    world.act(ChangePriority(case=FIRST, actor=world.alice, priority="P3"))
    assert [(50, START + 4 * HOUR), (75, START + 6 * HOUR), (100, START + 8 * HOUR)] == pending(world)
    world.later(hours=2)
    assert [] == tick(world)
    world.act(ChangePriority(case=FIRST, actor=world.alice, priority="P1"))
    assert [("first_response", level, True) for level in (50, 75, 100)] == tick(world)
    assert [(50, False), (75, False), (100, False)] == levels(world)


def test_a_case_that_leaves_the_sla_waits_for_nothing_and_comes_back_in_a_new_round(world: World) -> None:
    world.later(minutes=31)
    tick(world)
    world.act(ChangeType(case=FIRST, actor=world.alice, type="question"))
    assert ([], None) == (pending(world), due(world))
    world.act(ChangeType(case=FIRST, actor=world.alice, type="incident", priority="P1"))
    again = START + timedelta(minutes=31)
    assert [(50, again + HOUR / 2), (75, again + HOUR * 3 / 4), (100, again + HOUR)] == pending(world)


def test_a_merged_case_is_not_told_of(world: World) -> None:
    world.mail(a_mail(subject="Second", message_id="<2@customer.example>"))
    world.act(Merge(case=FIRST, actor=world.alice, into=SECOND))
    assert ([], None) == (pending(world), due(world))


def with_targets(world: World, **first_response: str) -> None:
    """A restart with other targets."""
    sla = world.ports.policy.sla
    targets = tuple(
        replace(
            one, first_response=Span(int(first_response[one.priority][:-1]), Unit(first_response[one.priority][-1]))
        )
        if one.priority in first_response
        else one
        for one in sla.targets
    )
    world.ports = replace(world.ports, policy=replace(world.ports.policy, sla=replace(sla, targets=targets)))


def refresh(world: World) -> int:
    """What a daemon does at its start; how many cases waited for something else."""
    if timers.is_fresh(world.ports):
        return 0
    changed = sum(timers.refresh(world.ports, numbers) for numbers in timers.to_refresh(world.ports))
    timers.refreshed(world.ports)
    return changed


def test_other_rules_at_a_start_move_what_is_due(world: World) -> None:
    assert 0 == refresh(world)
    with_targets(world, P1="30m")
    assert 1 == refresh(world)
    assert (START + HOUR / 2, (50, START + HOUR / 4)) == (due(world), pending(world)[0])
    assert timers.is_fresh(world.ports)


def test_verify_finds_a_due_time_that_the_history_does_not_make(world: World) -> None:
    """Once a daemon has started by these rules."""
    ports = world.ports

    def found() -> list[str]:
        return ports.db.read(waiting.broken_waits, ports.policy, world.now)

    with ports.db.begin() as tx:
        tx.execute(sa.update(t.cases).values(sla_due_at=START))
    assert [] == found()
    timers.refreshed(ports)
    assert ["case 1001 has other timers or another due time than its history makes"] == found()
    assert 1 == sum(timers.refresh(ports, numbers) for numbers in timers.to_refresh(ports))
    assert [] == found()


def test_stricter_rules_do_not_speak_of_what_was_met_long_ago(world: World) -> None:
    """Answered within the hour that was promised then; that it takes more than today's ten minutes is nobody's news."""
    world.later(minutes=20)
    world.act(AgentReply(case=FIRST, actor=world.alice, text="Restart it."))
    with_targets(world, P1="10m")
    refresh(world)
    assert [] == pending(world)
    world.mail(a_mail(subject=f"Re: {world.ports.tokens.mint(1001)}", message_id="<2@customer.example>"))
    assert [] == pending(world)


def test_two_daemons_tell_of_a_level_once(world: World) -> None:
    """Both have leased nothing yet when it is due; the second finds it spoken."""
    world.later(minutes=30)
    (row,) = timers.lease(world.ports)
    second = replace(world.ports, db=Database(world.ports.db.url.render_as_string(hide_password=False)))
    assert timers.fire(second, row)
    second.db.close()
    assert not timers.fire(world.ports, row)
    assert 1 == told(world).count(MIRA)


def test_the_rows_are_what_the_history_says(world: World) -> None:
    world.later(minutes=35)
    tick(world)
    case = world.ports.db.read(load.cases, (1001,))[FIRST]
    assert world.ports.db.read(waiting.is_right, world.ports.policy, case, world.now)


# --- The queue --------------------------------------------------------------------------------------------


def order(world: World, at: datetime | None = None) -> list[tuple[int, bool]]:
    """(case, overdue) of the queue, now or as of a time."""
    ports: Ports = world.ports
    look = queue_at if at is not None and at < world.now else queue
    found = ports.db.read(look, QueueFilter(), ports.policy, ports.tokens, at or world.now)
    return [(one.summary.number, one.breached) for one in found.found]


def test_overdue_then_due_next_then_oldest_and_as_it_was(world: World) -> None:
    """1001 is due in an hour, 1003 in four; 1002 is promised nothing, and as old as 1004."""
    for number in (2, 3, 4):
        world.later(minutes=1)
        world.mail(a_mail(subject=f"No. {number}", message_id=f"<{number}@customer.example>"))
    world.act(ChangeType(case=CaseNumber(1003), actor=world.alice, type="incident", priority="P2"))
    before = world.now
    assert [(1001, False), (1003, False), (1002, False), (1004, False)] == order(world)

    world.later(hours=2)
    assert [(1001, True), (1003, False), (1002, False), (1004, False)] == order(world)
    world.act(AgentReply(case=FIRST, actor=world.alice, text="Restart it."))
    world.act(ChangeType(case=SECOND, actor=world.alice, type="incident", priority="P1"))
    assert [(1002, False), (1003, False), (1004, False)] == order(world)

    assert [(1001, False), (1003, False), (1002, False), (1004, False)] == order(world, before)
    assert [(1001, False), (1002, False)] == order(world, START + timedelta(seconds=90))
    assert [(1002, True), (1003, True), (1004, False)] == order(world, world.now + timedelta(hours=9))
    assert [] == order(world, START - HOUR)
