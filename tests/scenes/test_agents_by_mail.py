"""Agents by mail (SPEC section 7, rung 10; TESTPLAN AC-07, SI-15, SI-16), on both databases."""

from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.domain.actions import AddNote, AgentReply, Fire
from gateway.domain.model import CaseNumber
from gateway.store import tables as t
from tests.agents import (
    ALICE,
    MIRA,
    answer,
    answers,
    apple,
    gmail,
    outlook,
    outlook_german,
    to_customers,
    unmarked,
    with_agents,
    write,
)
from tests.answers import BOB, CARL, kinds, last, text
from tests.world import SERVICE, World, a_mail, a_world

SECRET = "They never pay their invoices in time, so no hurry here."
QUESTION = "Since Monday everything is slow."


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """One with two agents and a case of bob's."""
    with a_world(database_url, tmp_path) as made:
        yield with_agents(made)


STYLES = (gmail, apple, outlook, outlook_german)


@pytest.mark.parametrize("style", STYLES)
def test_an_answer_to_a_notice_goes_to_the_customer_without_what_it_quotes(
    world: World, style: Callable[[EmailMessage], str]
) -> None:
    """SI-16: the new words are the agent's reply; nobody tells the agent so."""
    notice = last(world, ALICE, "case_opened")
    decision = answer(world, notice, f"Please restart it.\n\nAlice\n\n{style(notice)}")
    assert ("agent_reply", 1001) == (decision.kind, decision.case)
    assert "Please restart it.\n\nAlice" == world.case().messages[-1].text.strip()
    assert ("outbound", ALICE) == (world.case().messages[-1].direction, world.case().messages[-1].author)
    assert "waiting_for_customer" == world.case().summary.status
    assert (ALICE, []) == (world.case().summary.assignee, answers(world))
    reply = last(world, BOB, "agent_replied")
    assert (None, "Please restart it.") == (reply["Auto-Submitted"], text(reply).splitlines()[0])
    assert "New case" not in to_customers(world)
    assert "casegate case" not in to_customers(world)


@pytest.mark.parametrize("style", STYLES)
def test_what_answers_a_note_stays_internal(world: World, style: Callable[[EmailMessage], str]) -> None:
    """AC-07: by its Reply-To tag, also with other commands; then a reply carries nothing of it."""
    world.act(AddNote(case=CaseNumber(1001), actor=world.alice, text=SECRET))
    notice = last(world, MIRA, "note")
    body = f"/start\n\nThen let us wait a week for them.\n\n{style(notice)}"
    assert "agent_reply" == answer(world, notice, body, sender=MIRA).kind
    assert ["inbound", "note", "note"] == [one.direction for one in world.case().messages]
    assert "Then let us wait a week for them." == world.case().messages[-1].text.strip()
    before = last(world, ALICE, "case_opened")
    answer(world, before, f"It is mended.\n\n{style(before)}")
    assert "It is mended." in to_customers(world)
    for secret in (SECRET, "wait a week", "Internal note"):
        assert secret not in to_customers(world)


def test_what_answers_a_note_stays_internal_without_its_address(world: World) -> None:
    """From an address book, or where there are no plus-addresses: In-Reply-To tells."""
    world.act(AddNote(case=CaseNumber(1001), actor=world.alice, text=SECRET))
    notice = last(world, MIRA, "note")
    own = "<own@vendor.example>"
    decision = answer(world, notice, "I agree, let us wait.", sender=MIRA, to=SERVICE, message_id=own)
    assert "agent_reply" == decision.kind
    assert "note" == world.case().messages[-1].direction
    # and what answers that note directly, which only we saw
    assert "agent_reply" == write(world, "Me too, as ever.", subject=f"Re: {notice['Subject']}", in_reply_to=own).kind
    assert ["inbound", "note", "note", "note"] == [one.direction for one in world.case().messages]
    assert [] == kinds(world, BOB)[1:]


def test_a_note_by_mail_leaves_no_trace_in_what_follows(world: World) -> None:
    """Its Message-ID is in no mail to a customer, and what answers later mail of the thread is no note."""
    own = "<a-note@vendor.example>"
    answer(world, last(world, ALICE, "case_opened"), f"/note {SECRET}", message_id=own)
    answer(world, last(world, ALICE, "command_answer"), "Still true, I think.")
    assert ["inbound", "note", "note"] == [one.direction for one in world.case().messages]
    answer(world, last(world, MIRA, "note"), "/start\nI see.", sender=MIRA)
    world.mail(a_mail(body="And now?", message_id="<two@customer.example>", in_reply_to="<one@customer.example>"))
    notice = last(world, MIRA, "customer_wrote")
    assert str(last(world, MIRA, "note")["Message-ID"]) in str(notice["References"])
    answer(world, notice, "Please restart it.", sender=MIRA)
    assert ("outbound", "Please restart it.") == (world.case().messages[-1].direction, world.case().messages[-1].text)
    assert not any(own in str(mail["References"]) for mail in world.outbox() if str(mail["To"]) == BOB)


@pytest.mark.parametrize(
    "body",
    [
        "Please restart it.\n\n{unmarked}",
        "Please restart it, my answers are below in red.\n\n{outlook}",
        "{gmail}",
        "Hello,\n> New case 1001 from Bob, EX-1 Ltd (EX-1).\nthis is right.\n> Since Monday everything is slow.\nand this.",
        f"Hello,\n> {SECRET}\nas we said.\n> {QUESTION}\nYes.",
        f"As my colleague says: {SECRET} Regards",
        "Look it up with casegate case show 1001.",
        "Please restart it. New case 1001 from Bob, EX-1 Ltd (EX-1).",
        "Please restart it.\n/note they never pay",
    ],
)
def test_words_of_ours_that_no_customer_saw_are_never_sent(world: World, body: str) -> None:
    """Where the split fails, or keeps a line for the answer below it: held, nothing done, the agent is told."""
    world.act(AddNote(case=CaseNumber(1001), actor=world.alice, text=SECRET))
    notice = last(world, ALICE, "case_opened")
    filled = body.format(unmarked=unmarked(notice), outlook=outlook(notice), gmail=gmail(notice))
    before = to_customers(world)
    decision = answer(world, notice, filled, in_reply_to="<lost@vendor.example>", references="<lost@vendor.example>")
    assert ("held", before) == (decision.kind, to_customers(world))
    assert ["inbound", "note"] == [one.direction for one in world.case().messages]
    assert 1 == len(answers(world))
    assert "Nothing was sent" in " ".join(answers(world)[0].split())
    assert SECRET not in decision.reason  # which is logged


def test_answers_between_the_lines_of_the_customer_are_sent_with_them(world: World) -> None:
    """The customer's own words may go back."""
    notice = last(world, ALICE, "case_opened")
    body = f"Hello Bob,\n\n> {QUESTION}\n\nIs it slower at noon?\n\n> Since\n\nsince when?"
    assert "agent_reply" == answer(world, notice, body).kind
    assert f"> {QUESTION}\n\nIs it slower at noon?" in to_customers(world)


def test_note_as_a_command_keeps_all_of_it_internal(world: World) -> None:
    """SI-16: a note that is never mailed out; one on the same line counts as well."""
    assert "agent_reply" == answer(world, last(world, ALICE), f"/note {SECRET}\n\nAnd they called twice.").kind
    assert ("note", f"{SECRET}\nAnd they called twice.") == (
        world.case().messages[-1].direction,
        world.case().messages[-1].text,
    )
    assert [(MIRA, "note")] == [one for one in world.told() if one[1] == "note"]
    assert SECRET not in to_customers(world)
    assert "kept as an internal note" in answers(world)[0]


def test_commands_are_carried_out_in_order_and_the_text_goes_along(world: World) -> None:
    """`/resolve` with text is one transition, as `resolve -m`; what was refused is told beside what was done."""
    body = "/priority P1\n/type incident p2\n/assign Mira\n/assign nobody\n/resolve\n\nThe disk was full."
    assert "agent_reply" == answer(world, last(world, ALICE), body).kind
    case = world.case()
    assert ("resolved", "incident", "P2", MIRA) == (
        case.summary.status,
        case.summary.type,
        case.summary.priority,
        case.summary.assignee,
    )
    assert ["outbound"] == [one.direction for one in case.messages[1:]]
    assert ["agent_replied"] == [kind for kind in kinds(world, BOB)[1:] if kind in {"agent_replied", "status_changed"}]
    said = " ".join(answers(world)[0].split())
    assert "/priority P1 Not done" in said
    assert "there is no agent and no team nobody" in said
    assert "/resolve Done: the case is Resolved; your reply went along" in said


def test_defer_reads_dates_as_the_cli_does(world: World) -> None:
    """And commands without words send nothing but the notice of the transition."""
    assert "agent_reply" == answer(world, last(world, ALICE), "/defer 2026-12-24").kind
    assert ("deferred", 1) == (world.case().summary.status, len(world.case().messages))
    assert "2026-12-24" in answers(world)[0]
    answer(world, last(world, ALICE, "case_opened"), "/defer tomorrow-ish")
    assert "is no time" in answers(world)[1]


@pytest.mark.parametrize("body", ["/notes do not tell them", "/resolve just say it works", "/close\n/reslove\n\nHello"])
def test_a_command_that_is_unclear_stops_everything(world: World, body: str) -> None:
    """Whoever mistypes /note must not write to a customer."""
    assert "held" == answer(world, last(world, ALICE), body).kind
    assert (["inbound"], "open") == ([one.direction for one in world.case().messages], world.case().summary.status)
    assert "nothing was done" in answers(world)[0]


def test_a_refused_transition_keeps_its_words(world: World) -> None:
    """As `resolve -m` on a closed case does."""
    world.act(Fire(case=CaseNumber(1001), actor=world.alice, trigger="resolve"))
    answer(world, last(world, ALICE, "case_opened"), "/resolve\n\nIt works.")
    assert ["inbound"] == [one.direction for one in world.case().messages]
    said = " ".join(answers(world)[0].split())
    assert "is Resolved; possible:" in said
    assert "your reply Not done: nothing was sent" in said


def test_a_reply_to_a_closed_case_is_sent_and_the_agent_hears_that_it_stays(world: World) -> None:
    """SPEC section 5.3."""
    world.act(Fire(case=CaseNumber(1001), actor=world.alice, trigger="resolve"))
    world.act(Fire(case=CaseNumber(1001), actor=world.bob, trigger="close"))
    answer(world, last(world, ALICE, "case_opened"), "One thing more: it was the disk.")
    assert "One thing more" in to_customers(world)
    assert "the status stays Closed" in answers(world)[0]


def test_an_answer_that_a_newer_mail_overtook_is_sent_and_said_to_be(world: World) -> None:
    """OF-14 by mail: sent as with -m, and the agent learns of it."""
    notice = last(world, ALICE, "case_opened")
    world.later(minutes=5)
    world.mail(
        a_mail(body="It is the disk.", message_id="<two@customer.example>", in_reply_to="<one@customer.example>")
    )
    answer(world, notice, "Please restart it.")
    assert "Please restart it." in to_customers(world)
    assert "a newer mail of Bob came" in answers(world)[0]


@pytest.mark.parametrize("subject", ["Something", "[CASE-1001] slow", "[CASE-1001.aaaaaaaa] slow"])
def test_a_mail_that_names_no_case_is_held_and_the_agent_told_once(world: World, subject: str) -> None:
    """A token needs its check part: agents are of no account. What answers the answer goes nowhere either."""
    assert "held" == write(world, "Please restart it.", subject=subject).kind
    assert ["inbound"] == [one.direction for one in world.case().messages]
    told = last(world, ALICE, "command_answer")
    assert (1, "auto-replied") == (len(answers(world)), told["Auto-Submitted"])
    assert "held" == answer(world, told, "thanks").kind
    assert ["inbound"] == [one.direction for one in world.case().messages]


def test_two_cases_in_one_mail_are_too_many(world: World) -> None:
    """Which customer is meant is not for us to guess."""
    world.mail(a_mail("eve@other.example", "Mine", "It burns.", message_id="<three@other.example>"))
    one, two = (world.case(number).summary.token for number in (1001, 1002))
    assert "held" == write(world, "Please restart it.", subject=f"{one} and {two}").kind
    assert "1001 and 1002" in answers(world)[0]
    assert "agent_reply" == write(world, "Please restart it.", subject=f"{one} slow").kind


@pytest.mark.parametrize(
    "headers",
    [
        {"authentication_results": "mx.vendor.example; dmarc=none header.from=vendor.example"},
        {"authentication_results": "mx.vendor.example; dmarc=fail header.from=vendor.example"},
        {"auto_submitted": "auto-replied"},
        {"precedence": "bulk"},
        {"subject": "Out of office: Re: it"},
    ],
)
@pytest.mark.parametrize("body", ["Please restart it.", "/note a note", "/close"])
def test_what_is_not_surely_the_agents_own_does_nothing_and_tells_nobody(
    world: World, headers: dict[str, str], body: str
) -> None:
    """SI-15: neither a forger nor a vacation responder reaches a customer, or is answered."""
    notice = last(world, ALICE, "case_opened")
    before = world.told()
    assert "held" == answer(world, notice, body, **headers).kind
    assert (before, ["inbound"]) == (world.told(), [one.direction for one in world.case().messages])


def test_an_agent_who_asks_for_silence_is_heard_and_not_answered(world: World) -> None:
    """X-Auto-Response-Suppress suppresses our answer, not the mail."""
    headers = {"x_auto_response_suppress": "All"}
    assert "agent_reply" == answer(world, last(world, ALICE), "/start\n\nPlease restart it.", **headers).kind
    assert ("investigating", []) == (world.case().summary.status, answers(world))


def test_an_agent_who_left_is_nobody(world: World) -> None:
    """Held without a word, whatever the token."""
    notice = last(world, ALICE, "case_opened")
    with world.ports.db.begin() as tx:
        tx.execute(sa.update(t.agent).where(t.agent.c.id == int(world.alice.id)).values(active=False))
    before = world.told()
    assert "held" == answer(world, notice, "Please restart it.").kind
    assert before == world.told()


def test_whom_the_mail_itself_reached_gets_no_second_copy(world: World) -> None:
    """As with customers' mail; and what they answer to the agent's own mail finds the case."""
    notice = last(world, ALICE, "case_opened")
    own = "<own@vendor.example>"
    answer(world, notice, "Please restart it.", cc=BOB, message_id=own)
    assert ["case_opened"] == kinds(world, BOB)
    back = a_mail(BOB, "Re: slow", "I did.", message_id="<four@customer.example>", in_reply_to=own)
    assert ("reply", 1001) == ((decision := world.mail(back)).kind, decision.case)


def test_a_note_that_went_to_the_customer_by_itself_is_said_to_have(world: World) -> None:
    """We cannot take it back; the agent must know."""
    answer(world, last(world, ALICE, "case_opened"), "/note They never pay.", cc=BOB)
    assert f"also went to {BOB}" in answers(world)[0]


def test_a_machine_in_an_agents_name_is_not_answered_for_ever(world: World) -> None:
    """A responder without any mark, which answers each of our answers."""
    for _ in range(30):
        write(world, "Your mail is welcome here.", subject="Hello")
    assert 20 == len(answers(world))


def test_carl_in_copy_is_told_by_his_own_mail_only(world: World) -> None:
    """Who is on the case and was not reached gets ours."""
    world.act(AgentReply(case=CaseNumber(1001), actor=world.alice, text="Hello"))
    world.mail(a_mail(CARL, f"Re: {world.case().summary.token}", "Me too.", message_id="<five@customer.example>"))
    answer(world, last(world, ALICE, "customer_wrote"), "Please restart it.", cc=CARL)
    assert "agent_replied" not in kinds(world, CARL)
    assert 2 == kinds(world, BOB).count("agent_replied")
