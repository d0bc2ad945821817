"""What wakes a case that is done, and what does not: answers, thanks, late answers; on both databases (SPEC section 5.3)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.actions import AgentReply, Fire
from gateway.domain.model import CaseNumber
from gateway.domain.post import DecisionKind
from tests.world import World, a_mail, a_world

FIRST, SECOND = CaseNumber(1001), CaseNumber(1002)
BOB, EVE = "bob@customer.example", "eve@other.example"
THANKS = "Thank you, works now."


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Bob asked, alice answered."""
    with a_world(database_url, tmp_path) as made:
        made.mail(a_mail())
        made.act(AgentReply(case=FIRST, actor=made.alice, text="Please restart it."))
        yield made


def answer(world: World, number: int, body: str, *, sender: str = BOB, case: int = 1001) -> DecisionKind:
    """A mail with the case's token."""
    subject = f"Re: {world.ports.tokens.mint(case)} It is slow"
    return world.mail(a_mail(sender, subject, body, message_id=f"<answer-{number}@customer.example>")).kind


def status(world: World, case: int = 1001) -> str:
    return world.case(case).summary.status


def settled(world: World, *triggers: str) -> None:
    for trigger in triggers:
        world.act(Fire(case=FIRST, actor=world.alice, trigger=trigger))


@pytest.mark.parametrize("triggers", [("resolve",), ("resolve", "close")])
def test_only_thanks_is_kept_and_wakes_nothing(world: World, triggers: tuple[str, ...]) -> None:
    settled(world, *triggers)
    before = status(world)

    assert DecisionKind.REPLY == answer(world, 1, THANKS)
    assert before == status(world)
    assert THANKS == world.case().messages[-1].text.strip()


def test_thanks_long_after_the_closing_opens_nothing(world: World) -> None:
    settled(world, "resolve", "close")
    world.later(days=100)
    assert DecisionKind.REPLY == answer(world, 1, THANKS)
    assert ("closed", [1001]) == (status(world), world.cases())


def test_more_than_thanks_reopens(world: World) -> None:
    settled(world, "resolve")
    answer(world, 1, "Thank you, but it is still slow.")
    assert "reopened" == status(world)


def test_thanks_is_an_answer_where_we_wait_for_one(world: World) -> None:
    answer(world, 1, THANKS)
    assert "waiting_for_vendor" == status(world)


def test_a_closed_case_is_reopened_up_to_the_thirtieth_day(world: World) -> None:
    settled(world, "resolve", "close")
    world.later(days=30)
    assert DecisionKind.REPLY == answer(world, 1, "It is slow again.")
    assert "reopened" == status(world)


def test_a_late_answer_opens_a_follow_up(world: World) -> None:
    """Linked both ways, under a token of its own; the old case stays closed."""
    settled(world, "resolve", "close")
    world.later(days=30, minutes=1)

    assert DecisionKind.NEW_CASE == answer(world, 1, "It is slow again.")
    assert ("closed", "open") == (status(world), status(world, 1002))
    assert "followed_up" == world.history()[-1]
    ack = world.outbox()[-2]
    assert "It is slow" in ack["Subject"]
    assert world.ports.tokens.mint(1002) in ack["Subject"]
    assert world.ports.tokens.mint(1001) not in ack["Subject"]
    assert "Case 1001" in str(ack)


def test_further_late_answers_go_to_the_follow_up(world: World) -> None:
    settled(world, "resolve", "close")
    world.later(days=31)
    answer(world, 1, "It is slow again.")

    assert DecisionKind.REPLY == answer(world, 2, "Even slower today.")
    assert [1001, 1002] == world.cases()
    assert 2 == len(world.case(1002).messages)


def test_a_case_that_an_agent_reopened_takes_answers_again(world: World) -> None:
    settled(world, "resolve", "close")
    world.later(days=31)
    answer(world, 1, "It is slow again.")
    world.act(Fire(case=FIRST, actor=world.alice, trigger="reopen"))

    answer(world, 2, "And this belongs to the old one.")
    assert ("waiting_for_vendor", 1) == (status(world), len(world.case(1002).messages))


def test_nobody_learns_of_anothers_closed_case(world: World) -> None:
    """A late answer from another account opens a case of its own that names no other."""
    settled(world, "resolve", "close")
    world.later(days=31)

    assert DecisionKind.NEW_CASE == answer(world, 1, "It is slow here too.", sender=EVE)
    opened = world.case(1002)
    assert "OT-1" == opened.summary.account
    assert "1001" not in str(world.outbox()[-2])
    assert "followed_up" not in world.history()
