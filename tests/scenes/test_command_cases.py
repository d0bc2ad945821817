"""Commands about cases, and what they show, on both databases (SPEC section 8; TESTPLAN group C)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.actions import AddNote, AgentReply
from gateway.domain.model import CaseNumber, ContactRole
from tests.answers import ANN, BOB, CARL, EVE, give, kinds, last, open_approvals, reply, text, with_people, write
from tests.world import SERVICE, World, a_world

PROVED = {"authentication_results": "mx.vendor.example; dmarc=pass header.from=customer.example"}
ONE = CaseNumber(1001)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Bob's case, and eve's; ann is a decision maker."""
    with a_world(database_url, tmp_path) as made:
        with_people(made)
        give(made, ANN, ContactRole.DECISION_MAKER)
        write(made, BOB, SERVICE, "Since Monday everything is slow.", subject="It is slow")
        write(made, EVE, SERVICE, "MARKER of the other company.", subject="Theirs MARKER")
        yield made


def on_case(world: World, body: str, *, sender: str = BOB) -> None:
    """A reply to the case, with commands in it."""
    token = world.ports.tokens.mint(ONE)
    write(world, sender, SERVICE, body, subject=f"Re: {token} It is slow", **PROVED)


def test_a_reply_of_commands_only_is_no_reply(world: World) -> None:
    """It closes the case, and says nothing."""
    on_case(world, "/close")
    assert "closed" == world.case().summary.status
    assert 1 == len(world.case().messages)
    assert "command_answer" == kinds(world, BOB)[-1]


def test_text_beside_close_brings_no_transition_of_its_own(world: World) -> None:
    """SPEC section 5.3."""
    on_case(world, "/close\n\nThank you, that was it.")
    assert ("closed", 2) == (world.case().summary.status, len(world.case().messages))
    assert "message_received" in world.history()
    assert "customer_reply" not in world.history()


def test_what_is_refused_undoes_nothing(world: World) -> None:
    """One mail says what was done, what was not, and why."""
    on_case(world, "/reopen\n/type incident\n/frobnicate\n/priority P9")
    assert ("incident", "P3") == (world.case().summary.type, world.case().summary.priority)
    told = text(last(world, BOB, "case_changed") if "case_changed" in kinds(world, BOB) else last(world, BOB))
    answer = text(last(world, BOB))
    assert "P3" in answer + told
    assert "no such command" in answer


@pytest.mark.parametrize("who", ["mallory@evil.example", EVE, "nobody@customer.example"])
def test_only_colleagues_are_added(world: World, who: str) -> None:
    """AC-05: refused in the same words, and no mail goes there."""
    before = kinds(world, who)
    on_case(world, f"/add {who}")
    assert f"{who} is not registered for your company" in text(last(world, BOB))
    assert before == kinds(world, who)
    on_case(world, f"/add {CARL}")
    assert (CARL,) == tuple(world.case().participants)
    on_case(world, f"/remove {CARL}")
    assert () == tuple(world.case().participants)


def test_an_order_waits_for_a_decision_maker(world: World) -> None:
    """The turn is the customer's until ann has approved it."""
    on_case(world, "/order update to 8.1")
    assert ("service_request", "update", "customer") == (
        world.case().summary.type,
        world.case().summary.category,
        world.case().summary.turn,
    )
    assert ["order"] == [one.kind for one in open_approvals(world)]
    reply(world, last(world, ANN, "approval"), "/approve", **PROVED)
    assert ["approved"] == [one.state for one in open_approvals(world)]
    assert "vendor" == world.case().summary.turn
    assert "approval_answered" in world.history()


def test_a_decision_maker_orders_at_once(world: World) -> None:
    """In a mail of its own, too: it opens a case."""
    assert "new_case" == write(world, ANN, SERVICE, "/order restore Monday's backup", subject="Backup", **PROVED).kind
    assert ("restore", "vendor") == (world.case(1003).summary.category, world.case(1003).summary.turn)
    assert () == open_approvals(world)


def test_nothing_of_another_account_is_shown(world: World) -> None:
    """AC-06: neither listed nor read; what is theirs is said to be as what never was."""
    for number, command in enumerate(("/cases all", "/show 1002", "/show 4711", "/help", "/status")):
        write(world, BOB, SERVICE, command, subject=f"Command {number}")
    answers = [text(mail) for mail in world.outbox() if mail["To"] == BOB]
    assert not any("MARKER" in answer for answer in answers)
    lost = [answer for answer in answers if "there is no case" in answer]
    assert 2 == len(lost)
    assert lost[0].replace("1002", "4711") == lost[1]


def test_a_case_is_shown_without_its_notes(world: World) -> None:
    """AC-07: the whole correspondence, and nothing that is ours alone."""
    world.act(AddNote(case=ONE, actor=world.alice, text="SECRET note"))
    world.act(AgentReply(case=ONE, actor=world.alice, text="Restart it."))
    write(world, CARL, SERVICE, "/show 1001", subject="Read")
    answer = text(last(world, CARL))
    assert "SECRET" not in answer
    assert answer.index("everything is slow") < answer.index("Restart it.")
    write(world, CARL, SERVICE, "/cases open by number", subject="List")
    assert "It is slow" in text(last(world, CARL))


def test_commands_with_anothers_token_are_not_found(world: World) -> None:
    """The mail becomes a case of its sender's; the case that it names stays as it is."""
    token = world.ports.tokens.mint(ONE)
    assert "new_case" == write(world, EVE, SERVICE, "/close\n\nPlease close it.", subject=f"Re: {token}").kind
    assert ("open", "open") == (world.case().summary.status, world.case(1003).summary.status)
    assert "there is no such case" in text(last(world, EVE))


def test_a_machine_commands_nothing(world: World) -> None:
    """Nor does what is quoted."""
    token = world.ports.tokens.mint(ONE)
    write(world, BOB, SERVICE, "/close", subject=f"Re: {token}", auto_submitted="auto-replied")
    write(world, BOB, SERVICE, "Not yet.\n\n> /close", subject=f"Re: {token} ")
    assert world.case().summary.status != "closed"


def test_a_colleagues_case_is_escalated_when_asked_back(world: World) -> None:
    """Nothing proves who wrote it: carl is asked, and his answer does it."""
    token = world.ports.tokens.mint(ONE)
    write(world, CARL, SERVICE, "/escalate It costs us a day.", subject=f"Re: {token} It is slow")
    assert world.case().escalation is None
    reply(world, last(world, CARL, "approval"), "/approve")
    assert world.case().escalation is not None
