"""What a case waits for follows from where it stands and from the rules in force, and from nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from gateway import config
from gateway.domain.model import Case, CaseNumber, Party, TimerKind
from gateway.domain.policy import Policy
from gateway.domain.timer import Timer
from gateway.domain.waiting import statuses_that_wait, timers_of
from tests.world import settings

SINCE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NUMBER = CaseNumber(1001)


@cache
def shipped(rules: str) -> Policy:
    return config.load_policy(settings(rules={"set": rules}))


def policy(*, closes: int = 0, reminds: int = 0, rules: str = "tracker") -> Policy:
    """A shipped rule set, with so many days until a closing and until a reminder."""
    return replace(shipped(rules), auto_close_days=closes, customer_reminder_days=reminds)


def case(status: str, **more: object) -> Case:
    """A question that stands in a status since SINCE, its seventh event."""
    question = Case(
        number=NUMBER,
        subject="It is slow",
        type="question",
        status=status,
        account="EX-1",
        reporter=Party.contact(1),
        team="first_level",
        channel="mail",
        created_at=SINCE - timedelta(days=1),
        updated_at=SINCE,
        status_since=SINCE,
        stay=7,
        version=7,
    )
    return replace(question, **more)  # type: ignore[arg-type]  # any field, by its name


def timer(kind: TimerKind, days: float) -> Timer:
    return Timer(kind=kind, case=NUMBER, round=7, due_at=SINCE + timedelta(days=days))


@pytest.mark.parametrize("status", ["open", "waiting_for_customer", "resolved", "closed", "deferred"])
def test_without_rules_nothing_is_waited_for(status: str) -> None:
    assert () == timers_of(case(status), policy())


def test_a_deferred_case_waits_for_its_end() -> None:
    deferred = case("deferred", deferred_until=SINCE + timedelta(days=3), deferred_by=Party.agent(1))
    assert (timer(TimerKind.WAKE, 3),) == timers_of(deferred, policy(closes=14, reminds=7))


def test_a_deferred_case_reminds_nobody_whatever_the_rules_say_of_its_status() -> None:
    """A rule set of somebody's own may defer to a status in which it is the customer's turn."""
    deferred = case("waiting_for_customer", deferred_until=SINCE + timedelta(days=30))
    assert (timer(TimerKind.WAKE, 30),) == timers_of(deferred, policy(closes=14, reminds=7))


def test_the_customer_is_reminded_once_a_stay() -> None:
    asked = case("waiting_for_customer")
    assert (timer(TimerKind.CUSTOMER_REMINDER, 7),) == timers_of(asked, policy(reminds=7))
    assert () == timers_of(replace(asked, reminded_at=SINCE + timedelta(days=7)), policy(reminds=7))


@pytest.mark.parametrize("status", ["open", "waiting_for_vendor", "investigating", "reopened", "closed"])
def test_nobody_is_reminded_while_it_is_not_the_customers_turn(status: str) -> None:
    assert () == timers_of(case(status), policy(closes=14, reminds=7))


@pytest.mark.parametrize("status", ["open", "waiting_for_vendor", "waiting_for_customer"])
def test_an_open_approval_has_a_reminder_of_its_own(status: str) -> None:
    """So nobody is reminded of the case as well, although it is the customer's turn."""
    assert () == timers_of(case(status, awaits=(3,)), policy(closes=14, reminds=7))


def test_a_resolved_case_closes_whatever_is_still_to_be_approved() -> None:
    assert (timer(TimerKind.AUTO_CLOSE_REMINDER, 7),) == timers_of(case("resolved", awaits=(3,)), policy(closes=14))


def test_a_closing_begins_with_a_reminder_at_half_time() -> None:
    assert (timer(TimerKind.AUTO_CLOSE_REMINDER, 7),) == timers_of(case("resolved"), policy(closes=14))


@pytest.mark.parametrize(
    ("reminded", "closes"),
    [(7, 14), (7.5, 14.5), (40, 47)],
    ids=["in time", "half a day late", "after weeks of darkness"],
)
def test_it_closes_after_the_reminder_with_half_the_time_to_answer(reminded: float, closes: float) -> None:
    resolved = case("resolved", reminded_at=SINCE + timedelta(days=reminded))
    assert (timer(TimerKind.AUTO_CLOSE, closes),) == timers_of(resolved, policy(closes=14))


def test_an_odd_number_of_days_is_halved_to_the_hour() -> None:
    resolved = case("resolved")
    assert (timer(TimerKind.AUTO_CLOSE_REMINDER, 0.5),) == timers_of(resolved, policy(closes=1))
    resolved = replace(resolved, reminded_at=SINCE + timedelta(days=0.5))
    assert (timer(TimerKind.AUTO_CLOSE, 1),) == timers_of(resolved, policy(closes=1))


@pytest.mark.parametrize("kind", ["incident", "hosting_incident"])
def test_incidents_are_closed_by_their_customer_only(kind: str) -> None:
    assert () == timers_of(case("resolved", type=kind), policy(closes=14))


def test_the_second_rule_set_closes_nothing_by_itself() -> None:
    assert () == timers_of(case("resolved"), policy(closes=14, rules="production_support"))


def test_a_merged_case_waits_for_nothing() -> None:
    merged = case("waiting_for_customer", merged_into=CaseNumber(1002), deferred_until=SINCE + timedelta(days=1))
    assert () == timers_of(merged, policy(closes=14, reminds=7))


@pytest.mark.parametrize(
    ("rules", "closes", "reminds", "expected"),
    [
        ("tracker", 0, 0, {"deferred"}),
        ("tracker", 14, 0, {"deferred", "resolved"}),
        ("tracker", 14, 7, {"deferred", "resolved", "waiting_for_customer"}),
        ("production_support", 14, 7, {"deferred", "waiting_on_client"}),
    ],
)
def test_statuses_that_wait(rules: str, closes: int, reminds: int, expected: set[str]) -> None:
    """What a start looks through: closed cases, the great many, are never among it."""
    assert expected == statuses_that_wait(policy(closes=closes, reminds=reminds, rules=rules))
