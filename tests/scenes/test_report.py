"""The figures of the reports, on both databases: what was kept, what was missed, and how much work there was."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.actions import AddNote, AgentReply, ChangePriority, ChangeType, Fire, Merge
from gateway.domain.calendars import ALWAYS, Calendar
from gateway.domain.model import CaseNumber
from gateway.domain.policy import Policy
from gateway.domain.targets import Span, Target, Unit
from gateway.errors import NotFound
from gateway.services import outbox, report
from gateway.services.ports import Delivery, DeliveryState
from gateway.services.report import Age, Figure, LoadQuestion, SlaQuestion, SlaRow
from tests.world import START, World, a_mail, a_world

BOB, EVE = "bob@customer.example", "eve@other.example"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(database_url, tmp_path) as made:
        yield made


def opened(world: World, sender: str = BOB) -> CaseNumber:
    """A question comes in."""
    number = 1001 + len(world.cases())
    world.mail(a_mail(sender, message_id=f"<{number}@customer.example>", body=f"No. {number}"))
    return CaseNumber(number)


def incident(world: World, priority: str = "P1", sender: str = BOB) -> CaseNumber:
    """A question comes in and is an incident at once."""
    number = opened(world, sender)
    world.act(ChangeType(case=number, actor=world.alice, type="incident", priority=priority))
    return number


def reply(world: World, number: CaseNumber) -> None:
    world.act(AgentReply(case=number, actor=world.alice, text="Restart it."))


def asked(world: World, **more: Any) -> SlaQuestion:
    return SlaQuestion(**{"now": world.now, **more})


def rows(world: World, policy: Policy | None = None, **more: Any) -> tuple[SlaRow, ...]:
    told: list[tuple[int, int]] = []
    found = world.ports.db.read(
        report.targets, asked(world, **more), policy or world.ports.policy, lambda *done: told.append(done)
    )
    assert told == [(place, len(told)) for place in range(1, len(told) + 1)]  # progress goes up to its end
    return found


def figures(world: World, policy: Policy | None = None, **more: Any) -> list[tuple[object, ...]]:
    """Account, type, priority, month; then kept, breached, open."""
    return [
        (row.account, row.type, row.priority, row.month, row.kept, row.breached, row.open)
        for row in rows(world, policy, **more)
    ]


def test_answers_in_time_are_kept_late_ones_breached_and_the_others_open(world: World) -> None:
    """Four incidents with an hour each: after 20 minutes, 60 and 61; one waits for 61 minutes and is breached too."""
    first, second, third, _waits = (incident(world) for _ in range(4))
    world.later(minutes=20)
    reply(world, first)
    assert [("EX-1", "incident", "P1", "2026-03", 1, 0, 3)] == figures(world)
    world.later(minutes=40)
    reply(world, second)
    world.later(minutes=1)
    reply(world, third)

    (row,) = rows(world)

    assert ("EX-1", "EX-1 Ltd", "incident", "P1", "2026-03") == (
        row.account, row.account_name, row.type, row.priority, row.month,
    )  # fmt: skip
    assert (2, 2, 0) == (row.kept, row.breached, row.open)
    assert (2, 2, 0, 0) == (
        row.first_response_kept, row.first_response_breached, row.solution_kept, row.solution_breached,
    )  # fmt: skip


def test_each_account_type_and_priority_has_its_row(world: World) -> None:
    """A task counts by the priority that its type goes by; a question is under no SLA."""
    task = opened(world)
    world.act(ChangeType(case=task, actor=world.alice, type="task"))
    for number in (task, incident(world, "P2"), incident(world), incident(world, sender=EVE)):
        reply(world, number)
    reply(world, opened(world))

    assert [
        ("EX-1", "incident", "P1", "2026-03", 1, 0, 0),
        ("EX-1", "incident", "P2", "2026-03", 1, 0, 0),
        ("EX-1", "task", "P4", "2026-03", 1, 0, 0),
        ("OT-1", "incident", "P1", "2026-03", 1, 0, 0),
    ] == figures(world)
    assert [("OT-1", "incident", "P1", "2026-03", 1, 0, 0)] == figures(world, account="OT-1")


def test_the_present_type_and_priority_count(world: World) -> None:
    """As `sla explain` has it: what left the SLA is in no row, a lower priority has more time."""
    left, lowered = incident(world), incident(world)
    world.later(hours=2)
    assert [("EX-1", "incident", "P1", "2026-03", 0, 2, 0)] == figures(world)

    world.act(ChangeType(case=left, actor=world.alice, type="question"))
    world.act(ChangePriority(case=lowered, actor=world.alice, priority="P4"))

    assert [("EX-1", "incident", "P4", "2026-03", 0, 0, 1)] == figures(world)


def test_the_month_is_that_in_which_the_sla_began(world: World) -> None:
    """Not that of the opening, nor that of the answer; a second round is of its own month."""
    number = opened(world)
    world.later(days=31)
    world.act(ChangeType(case=number, actor=world.alice, type="incident", priority="P1"))
    assert ["2026-04"] == [row.month for row in rows(world)]

    world.act(ChangeType(case=number, actor=world.alice, type="question"))
    world.later(days=30)
    world.act(ChangeType(case=number, actor=world.alice, type="incident", priority="P1"))
    world.later(days=30)

    assert [("EX-1", "incident", "P1", "2026-05", 0, 1, 0)] == figures(world)


def test_months_are_those_of_the_default_calendars_zone(world: World) -> None:
    """On 31 March at noon in UTC it is 1 April in Auckland."""
    world.now = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
    incident(world)
    there = Calendar(name="office", zone="Pacific/Auckland", always=True)
    policy = replace(world.ports.policy, sla=replace(world.ports.policy.sla, default_calendar=there))

    assert ["2026-03"] == [row.month for row in rows(world)]
    assert ["2026-04"] == [row.month for row in rows(world, policy)]
    assert () == rows(world, policy, until=date(2026, 3, 31))
    assert () != rows(world, policy, since=date(2026, 4, 1))


def test_a_span_of_months_has_both_ends(world: World) -> None:
    for _ in range(4):  # March, April, May, June
        incident(world)
        world.later(days=31)

    assert ["2026-04", "2026-05"] == [row.month for row in rows(world, since=date(2026, 4, 30), until=date(2026, 5, 1))]
    assert ["2026-05", "2026-06"] == [row.month for row in rows(world, since=date(2026, 5, 1))]
    assert ["2026-03"] == [row.month for row in rows(world, until=date(2026, 3, 1))]


def test_as_of_a_time_what_came_later_is_not_known(world: World) -> None:
    """Neither answers, nor types, nor cases; what is a question today was an incident then."""
    first, second = incident(world), incident(world)
    world.later(minutes=30)
    reply(world, first)
    world.act(ChangeType(case=second, actor=world.alice, type="question"))
    incident(world)

    then = START + timedelta(minutes=10)

    assert [("EX-1", "incident", "P1", "2026-03", 0, 0, 2)] == figures(world, now=then, as_of_then=True)
    assert [("EX-1", "incident", "P1", "2026-03", 1, 0, 1)] == figures(world)
    assert [] == figures(world, now=START - timedelta(seconds=1), as_of_then=True)
    assert [("EX-1", "incident", "P1", "2026-03", 1, 1, 0)] == figures(
        world, now=world.now + timedelta(days=1), as_of_then=True
    )


def test_an_answer_that_never_arrived_keeps_nothing(world: World) -> None:
    reply(world, incident(world))
    assert [("EX-1", "incident", "P1", "2026-03", 1, 0, 0)] == figures(world)
    refused = Delivery(state=DeliveryState.PERMANENT, text="550 no such user")
    while owed := outbox.lease(world.ports):
        for row in owed:
            outbox.settle(world.ports, row, refused)
    world.later(hours=2)

    assert [("EX-1", "incident", "P1", "2026-03", 0, 1, 0)] == figures(world)


def test_what_ended_without_an_answer_in_time_is_counted_nowhere(world: World) -> None:
    """Resolved without a word, or merged into another: nobody waits any more. A target missed before stays missed."""
    silent, merged, into, late = (incident(world) for _ in range(4))
    world.act(Fire(case=silent, actor=world.alice, trigger="resolve"))
    world.act(Merge(case=merged, actor=world.alice, into=into))
    reply(world, into)
    world.later(hours=2)
    world.act(Fire(case=late, actor=world.alice, trigger="resolve"))

    assert [("EX-1", "incident", "P1", "2026-03", 1, 1, 0)] == figures(world)


def test_a_solution_counts_beside_the_first_response_and_is_open_again_when_reopened(world: World) -> None:
    """Two targets of one case: the answer after 10 minutes, solved after 20 of 60; then it fails after all."""
    promised = Target(priority="P1", calendar=ALWAYS, first_response=Span(1, Unit.HOUR), solution=Span(60, Unit.MINUTE))
    policy = replace(world.ports.policy, sla=replace(world.ports.policy.sla, targets=(promised,)))
    number = incident(world)
    world.later(minutes=20)
    world.act(Fire(case=number, actor=world.alice, trigger="resolve", text="Solved."))

    (row,) = rows(world, policy)
    assert (2, 0, 0, 1, 1) == (row.kept, row.breached, row.open, row.first_response_kept, row.solution_kept)

    world.later(days=1)
    world.act(Fire(case=number, actor=world.alice, trigger="reopen"))
    world.later(minutes=30)
    assert [(1, 0, 1)] == [found[4:] for found in figures(world, policy)]
    world.later(minutes=10)
    (row,) = rows(world, policy)
    assert (1, 1, 0, 1, 1) == (row.kept, row.breached, row.open, row.first_response_kept, row.solution_breached)


def test_an_account_that_is_not_there_is_not_found(world: World) -> None:
    with pytest.raises(NotFound, match="no account NO-1"):
        rows(world, account="NO-1")
    with pytest.raises(NotFound, match="no account NO-1"):
        load(world, account="NO-1")


def load(world: World, policy: Policy | None = None, **more: Any) -> list[tuple[object, ...]]:
    """Figure, day or age, account, count."""
    question = LoadQuestion(**{"now": world.now, "since": date(2026, 3, 1), "until": date(2026, 3, 31), **more})
    found = world.ports.db.read(report.load, question, policy or world.ports.policy)
    assert all(row.account_name == f"{row.account} Ltd" and row.team == "first_level" for row in found)
    return [(row.figure, row.day or row.age, row.account, row.count) for row in found]


def test_work_is_counted_by_day(world: World) -> None:
    """Two cases on Monday; three answers and a note on Tuesday; one closed then, reopened and closed again on Friday."""
    first, second = opened(world), opened(world, EVE)
    world.later(days=1)
    for number in (first, first, second):
        reply(world, number)
    world.act(AddNote(case=first, actor=world.alice, text="They called."))
    world.act(Fire(case=first, actor=world.alice, trigger="resolve"))
    world.act(Fire(case=first, actor=world.alice, trigger="close"))  # it was at rest already
    world.later(days=3)
    world.act(Fire(case=first, actor=world.alice, trigger="reopen"))
    world.act(Fire(case=first, actor=world.alice, trigger="resolve", text="Now."))

    monday, tuesday, friday = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 6)
    assert [
        (Figure.OPENED, monday, "EX-1", 1),
        (Figure.OPENED, monday, "OT-1", 1),
        (Figure.ANSWERED, tuesday, "EX-1", 2),
        (Figure.ANSWERED, tuesday, "OT-1", 1),
        (Figure.ANSWERED, friday, "EX-1", 1),
        (Figure.CLOSED, tuesday, "EX-1", 1),
        (Figure.CLOSED, friday, "EX-1", 1),
        (Figure.OPEN, Age.WEEK, "OT-1", 1),
    ] == load(world)
    assert [
        (Figure.OPENED, monday, "OT-1", 1),
        (Figure.ANSWERED, tuesday, "OT-1", 1),
        (Figure.OPEN, Age.WEEK, "OT-1", 1),
    ] == load(world, account="OT-1")
    assert [
        (Figure.ANSWERED, friday, "EX-1", 1),
        (Figure.CLOSED, friday, "EX-1", 1),
        (Figure.OPEN, Age.WEEK, "OT-1", 1),
    ] == load(world, since=friday, until=friday)


def test_a_merged_case_is_closed_by_that(world: World) -> None:
    """Unless it was at rest before."""
    into, open_one, settled = opened(world), opened(world), opened(world)
    world.act(Fire(case=settled, actor=world.alice, trigger="resolve"))
    world.later(days=1)
    world.act(Merge(case=open_one, actor=world.alice, into=into))
    world.act(Merge(case=settled, actor=world.alice, into=into))

    assert [
        (Figure.OPENED, date(2026, 3, 2), "EX-1", 3),
        (Figure.CLOSED, date(2026, 3, 2), "EX-1", 1),
        (Figure.CLOSED, date(2026, 3, 3), "EX-1", 1),
        (Figure.OPEN, Age.DAYS, "EX-1", 1),
    ] == load(world)


def test_days_are_those_of_the_default_calendars_zone(world: World) -> None:
    """On Monday at 23:30 in UTC it is Tuesday in Auckland."""
    world.now = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    opened(world)
    there = Calendar(name="office", zone="Pacific/Auckland", always=True)
    policy = replace(world.ports.policy, sla=replace(world.ports.policy.sla, default_calendar=there))

    tuesday = date(2026, 3, 3)
    assert (Figure.OPENED, date(2026, 3, 2), "EX-1", 1) == load(world)[0]
    assert (Figure.OPENED, tuesday, "EX-1", 1) == load(world, policy, since=tuesday, until=tuesday)[0]
    assert [(Figure.OPEN, Age.DAY, "EX-1", 1)] == load(world, policy, until=date(2026, 3, 2))


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(), Age.DAY),
        (timedelta(hours=-1), Age.DAY),
        (timedelta(hours=23, minutes=59), Age.DAY),
        (timedelta(days=1), Age.DAYS),
        (timedelta(days=3), Age.WEEK),
        (timedelta(days=29), Age.MONTH),
        (timedelta(days=30), Age.QUARTER),
        (timedelta(days=90), Age.OLDER),
    ],
)
def test_ages(age: timedelta, expected: Age) -> None:
    assert expected is report.age_of(age)
