"""Scenes of what agents change about cases, on both databases: type, people, merges, splits, links; and who may read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.actions import (
    Action,
    AddNote,
    AgentReply,
    Assign,
    ChangeParticipants,
    ChangePriority,
    ChangeType,
    Describe,
    Escalate,
    Fire,
    Link,
    Merge,
    OpenFor,
    Plan,
    Split,
)
from gateway.domain.escalation import EscalationKind
from gateway.domain.model import Agent, AgentId, CaseNumber, Party, PartyKind
from gateway.domain.post import DecisionKind
from gateway.errors import NotFound, Refused
from gateway.services import case_people
from gateway.store import load, people
from tests.world import START, World, a_mail, a_world

ONE, TWO, THREE = CaseNumber(1001), CaseNumber(1002), CaseNumber(1003)
ALICE, ANN, BOB, CARL, EVE, MALLORY = (
    "alice@vendor.example",
    "ann@customer.example",
    "bob@customer.example",
    "carl@customer.example",
    "eve@other.example",
    "mallory@evil.example",
)
OUTSIDE = Party(PartyKind.EXTERNAL, MALLORY)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(database_url, tmp_path) as made:
        yield made


@pytest.fixture
def two(world: World) -> World:
    """A world in which bob asked something, and ann something else."""
    world.mail(a_mail())
    world.mail(a_mail(ANN, "Slow too", "Here as well.", message_id="<two@customer.example>"))
    return world


def told_by(world: World, action: Action) -> list[tuple[str, str]]:
    """Whom an action writes to, and of what kind."""
    before = len(world.told())
    world.act(action)
    return sorted(world.told()[before:])


def people_of(world: World, number: int) -> set[str]:
    case = world.case(number)
    return {case.summary.reporter, *case.participants}


# --- Type, priority, plan, description ------------------------------------------------------------------


def test_an_incident_needs_a_priority_and_the_customer_is_told(world: World) -> None:
    world.mail(a_mail())

    with pytest.raises(Refused, match="needs a priority: P1, P2, P3, P4"):
        world.act(ChangeType(case=ONE, actor=world.alice, type="incident"))
    told = told_by(world, ChangeType(case=ONE, actor=world.alice, type="incident", priority="P1"))

    assert ("incident", "P1") == (world.case().summary.type, world.case().summary.priority)
    assert [(BOB, "case_changed")] == told


def test_a_priority_is_for_types_that_have_one(world: World) -> None:
    world.mail(a_mail())

    with pytest.raises(Refused, match="a case of type question has no priority"):
        world.act(ChangePriority(case=ONE, actor=world.alice, priority="P1"))
    world.act(ChangeType(case=ONE, actor=world.alice, type="incident", priority="P2"))
    assert 0 == world.act(ChangePriority(case=ONE, actor=world.alice, priority="P2")).events
    world.act(ChangeType(case=ONE, actor=world.alice, type="task"))

    assert None is world.case().summary.priority


def test_an_error_goes_to_the_third_level_at_once(world: World) -> None:
    world.mail(a_mail())
    world.act(Fire(case=ONE, actor=world.alice, trigger="resolve"))

    outcome = world.act(ChangeType(case=ONE, actor=world.alice, type="error"))

    assert outcome.case is not None
    assert outcome.case.escalation is not None
    assert (EscalationKind.TECHNICAL, "third_level") == (outcome.case.escalation.kind, outcome.case.escalation.team)
    assert "reopened" == outcome.case.status


def test_a_second_escalation_adds_to_the_first(world: World) -> None:
    world.mail(a_mail())

    for kind in EscalationKind:
        world.act(Escalate(case=ONE, actor=world.alice, kind=kind, reason="Please."))

    assert ["escalated", "escalation_joined"] == world.history()[1:]


def test_a_plan_is_for_later(world: World) -> None:
    world.mail(a_mail())

    with pytest.raises(Refused, match="is past"):
        world.act(Plan(case=ONE, actor=world.alice, at=START))


def test_what_is_empty_is_taken_away(world: World) -> None:
    world.mail(a_mail())
    world.act(Describe(case=ONE, actor=world.alice, product="Importer", environment="production"))

    outcome = world.act(Describe(case=ONE, actor=world.alice, product=""))

    assert outcome.case is not None
    assert (None, "production") == (outcome.case.product, outcome.case.environment)


# --- Cases opened and given away ------------------------------------------------------------------------


def test_a_case_opened_for_a_contact_is_as_if_they_had_written(world: World) -> None:
    """They get the acknowledgement, the agent no notice; answers find the case."""
    bob = world.ports.db.read(case_people.writer, BOB)
    asked = OpenFor(contact=bob, actor=world.alice, subject="By phone", text="It hangs.", channel="phone")

    assert [(BOB, "case_opened")] == told_by(world, asked)

    case = world.case()
    assert (BOB, "phone", ["It hangs."]) == (case.summary.reporter, case.channel, [m.text for m in case.messages])
    answer = a_mail(subject=f"Re: {world.outbox()[-1]['Subject']}", message_id="<r@customer.example>")
    assert (DecisionKind.REPLY, ONE) == ((found := world.mail(answer)).kind, found.case)


def test_who_gets_a_case_is_told_and_so_is_a_team(world: World) -> None:
    with world.ports.db.begin() as tx:
        mira = Agent(id=AgentId(0), name="Mira", address="mira@vendor.example", teams=("third_level",))
        party = Party.agent(people.add_agent(tx, mira))
    world.mail(a_mail())

    assert [("mira@vendor.example", "assigned")] == told_by(world, Assign(case=ONE, actor=world.alice, assignee=party))
    assert [(ALICE, "assigned")] == told_by(world, Assign(case=ONE, actor=party, team="first_level"))
    assert (None, "first_level") == (world.case().summary.assignee, world.case().summary.team)
    assert 0 == world.act(Assign(case=ONE, actor=party, team="first_level")).events


# --- Merges ---------------------------------------------------------------------------------------------


def test_a_merge_brings_the_words_and_the_people_of_the_account(two: World) -> None:
    two.mail(a_mail(CARL, two.ports.tokens.mint(1002), "Me too.", message_id="<c@customer.example>"))

    told = told_by(two, Merge(case=TWO, actor=two.alice, into=ONE))

    assert {BOB, ANN, CARL} == people_of(two, 1001)
    assert [BOB, ANN, CARL] == [message.author for message in two.case(1001).messages]
    assert [(ANN, "case_changed"), (CARL, "case_changed")] == [pair for pair in told if pair[0] != ALICE]
    assert [] == list(two.case(1002).messages)


def test_outside_people_do_not_come_along(two: World) -> None:
    """They were let in on that one case; nothing of the other is theirs."""
    two.act(ChangeParticipants(case=TWO, actor=two.alice, add=(two.eve, OUTSIDE)))

    told = told_by(two, Merge(case=TWO, actor=two.alice, into=ONE))
    answered = told_by(two, AgentReply(case=ONE, actor=two.alice, text="For customer.example only."))

    assert {BOB, ANN} == people_of(two, 1001)
    assert set() == {EVE, MALLORY} & {address for address, _ in (*told, *answered)}


def test_the_token_of_a_merged_case_leads_where_it_went(two: World) -> None:
    """Also over two merges, by token and by Message-ID; for an outsider of the old case it opens one of their own."""
    two.mail(a_mail(CARL, "A third", "And here.", message_id="<three@customer.example>"))
    two.act(ChangeParticipants(case=TWO, actor=two.alice, add=(two.eve,)))
    two.act(Merge(case=TWO, actor=two.alice, into=ONE))
    two.act(Merge(case=ONE, actor=two.alice, into=THREE))
    token = two.ports.tokens.mint(1002)

    by_token = two.mail(a_mail(ANN, f"Re: {token}", "More.", message_id="<m@customer.example>"))
    by_thread = two.mail(
        a_mail(ANN, "More", "Again.", message_id="<n@customer.example>", in_reply_to="<two@customer.example>")
    )
    outside = two.mail(a_mail(EVE, f"Re: {token}", "And I?", message_id="<e@other.example>"))

    assert [THREE, THREE] == [by_token.case, by_thread.case]
    assert DecisionKind.NEW_CASE == outside.kind
    assert "OT-1" == two.case(1004).summary.account


def test_a_merged_case_takes_nothing_more(two: World) -> None:
    two.act(Merge(case=TWO, actor=two.alice, into=ONE))
    before = two.history(1002)

    for action in (
        AgentReply(case=TWO, actor=two.alice, text="Hello?"),
        AddNote(case=TWO, actor=two.alice, text="Hm."),
        Fire(case=TWO, actor=two.alice, trigger="start"),
        Merge(case=TWO, actor=two.alice, into=ONE),
        Merge(case=ONE, actor=two.alice, into=TWO),
        Link(case=ONE, actor=two.alice, other=TWO),
    ):
        with pytest.raises(Refused, match="case 1002 was merged into 1001"):
            two.act(action)

    assert before == two.history(1002)


def test_cases_of_two_accounts_are_never_merged(two: World) -> None:
    two.mail(a_mail(EVE, message_id="<e@other.example>"))

    with pytest.raises(Refused, match="of EX-1, case 1003 of OT-1"):
        two.act(Merge(case=ONE, actor=two.alice, into=THREE))
    with pytest.raises(Refused, match="1001 is the same case"):
        two.act(Merge(case=ONE, actor=two.alice, into=ONE))
    with pytest.raises(NotFound, match="no case 4711"):
        two.act(Merge(case=ONE, actor=two.alice, into=CaseNumber(4711)))


# --- Splits and links -----------------------------------------------------------------------------------


@pytest.fixture
def mixed(world: World) -> World:
    """A case on which carl wrote about something else."""
    world.mail(a_mail())
    world.mail(
        a_mail(CARL, f"Re: {world.ports.tokens.mint(1001)} The printer", "It jams.", message_id="<p@customer.example>")
    )
    return world


def test_a_split_makes_a_case_of_messages(mixed: World) -> None:
    """Whoever wrote the first of them is its reporter; both cases know of each other."""
    theirs = mixed.case().messages[1].id

    told = told_by(mixed, Split(case=ONE, actor=mixed.alice, messages=(theirs,)))

    new = mixed.case(1002)
    assert (CARL, "The printer", ["It jams."]) == (
        new.summary.reporter,
        new.summary.subject,
        [m.text for m in new.messages],
    )
    assert ["Since Monday everything is slow."] == [message.text for message in mixed.case().messages]
    cases = mixed.ports.db.read(load.cases, (1001, 1002))
    assert [(TWO,), (ONE,)] == [cases[1001].links, cases[1002].links]
    assert (CARL, "case_changed") in told
    assert BOB not in {address for address, _ in told}


def test_an_answer_to_a_split_off_message_goes_to_the_new_case(mixed: World) -> None:
    """By its Message-ID; the old token still leads to the old case."""
    mixed.act(Split(case=ONE, actor=mixed.alice, messages=(mixed.case().messages[1].id,)))

    answer = a_mail(
        CARL, "Re: The printer", "Again.", message_id="<q@customer.example>", in_reply_to="<p@customer.example>"
    )
    old = a_mail(BOB, mixed.ports.tokens.mint(1001), "Still slow.", message_id="<s@customer.example>")

    assert [TWO, ONE] == [mixed.mail(answer).case, mixed.mail(old).case]


def test_everybody_of_the_account_who_wrote_is_on_the_new_case(mixed: World) -> None:
    mixed.mail(a_mail(ANN, mixed.ports.tokens.mint(1001), "Jams here too.", message_id="<a@customer.example>"))
    _, carls, anns = (message.id for message in mixed.case().messages)

    mixed.act(Split(case=ONE, actor=mixed.alice, messages=(anns, carls, anns)))

    assert {CARL, ANN} == people_of(mixed, 1002)


def test_a_guest_of_another_account_never_reports_a_case(mixed: World) -> None:
    """What they wrote is split off for the account's own reporter; they stay on it as the guest that they were."""
    mixed.act(ChangeParticipants(case=ONE, actor=mixed.alice, add=(mixed.eve,)))
    mixed.mail(a_mail(EVE, mixed.ports.tokens.mint(1001), "A thought.", message_id="<e@other.example>"))

    told = told_by(mixed, Split(case=ONE, actor=mixed.alice, messages=(mixed.case().messages[-1].id,)))

    assert {BOB, EVE} == people_of(mixed, 1002)
    assert BOB == mixed.case(1002).summary.reporter
    assert {BOB, EVE} <= {address for address, _ in told}


def test_what_only_agents_wrote_is_no_customers_case(mixed: World) -> None:
    mixed.act(AddNote(case=ONE, actor=mixed.alice, text="secret"))

    with pytest.raises(Refused, match="none of these messages is a customer's"):
        mixed.act(Split(case=ONE, actor=mixed.alice, messages=(mixed.case().messages[-1].id,)))


def test_agents_read_whom_a_guest_works_for(mixed: World) -> None:
    mixed.act(ChangeParticipants(case=ONE, actor=mixed.alice, add=(mixed.eve,)))
    mixed.mail(a_mail(EVE, mixed.ports.tokens.mint(1001), "A thought.", message_id="<e@other.example>"))

    notice = [str(mail) for mail in mixed.outbox() if "alice@" in mail["To"]][-1]
    assert "Eve of OT-1 has written on case 1001" in notice


def test_a_second_request_adds_to_the_escalation(mixed: World) -> None:
    for reason in ("They call every hour.", "Now the board calls."):
        mixed.act(Escalate(case=ONE, actor=mixed.alice, kind=EscalationKind.NON_TECHNICAL, reason=reason))

    escalation = mixed.case().escalation
    assert escalation is not None
    assert "They call every hour.\n\nNow the board calls." == escalation.reason


def test_a_split_leaves_something_and_takes_only_what_is_there(mixed: World) -> None:
    one, two = (message.id for message in mixed.case().messages)

    with pytest.raises(Refused, match="nothing on case 1001"):
        mixed.act(Split(case=ONE, actor=mixed.alice, messages=(one, two)))
    with pytest.raises(Refused, match="message 4711 is not on case 1001"):
        mixed.act(Split(case=ONE, actor=mixed.alice, messages=(one, 4711)))

    assert [1001] == mixed.cases()


def test_a_link_stands_on_both_and_tells_nobody(two: World) -> None:
    two.mail(a_mail(EVE, message_id="<e@other.example>"))

    assert [] == told_by(two, Link(case=ONE, actor=two.alice, other=THREE))
    assert 0 == two.act(Link(case=THREE, actor=two.alice, other=ONE)).events

    cases = two.ports.db.read(load.cases, (1001, 1003))
    assert [(THREE,), (ONE,)] == [cases[1001].links, cases[1003].links]


# --- Participants ---------------------------------------------------------------------------------------


def test_a_guest_of_another_account_reads_and_writes_on_that_case_only(two: World) -> None:
    two.act(ChangeParticipants(case=ONE, actor=two.alice, add=(two.eve,)))

    assert (EVE, "agent_replied") in told_by(two, AgentReply(case=ONE, actor=two.alice, text="To you both."))
    mint = two.ports.tokens.mint
    here = two.mail(a_mail(EVE, mint(1001), "I know this.", message_id="<e@other.example>"))
    there = two.mail(a_mail(EVE, mint(1002), "And this?", message_id="<f@other.example>"))

    assert (DecisionKind.REPLY, ONE) == (here.kind, here.case)
    assert DecisionKind.NEW_CASE == there.kind


def test_who_is_taken_off_reads_and_writes_no_more(two: World) -> None:
    two.act(ChangeParticipants(case=ONE, actor=two.alice, add=(two.eve,)))
    two.act(ChangeParticipants(case=ONE, actor=two.alice, remove=(two.eve,)))

    assert [(BOB, "agent_replied")] == told_by(two, AgentReply(case=ONE, actor=two.alice, text="To bob."))
    late = two.mail(a_mail(EVE, two.ports.tokens.mint(1001), "Hello?", message_id="<e@other.example>"))
    assert DecisionKind.NEW_CASE == late.kind


def test_an_outside_address_reads_and_cannot_write(two: World) -> None:
    """Its mail with the case's token is held for agents to see, and no note reaches it."""
    two.act(ChangeParticipants(case=ONE, actor=two.alice, add=(OUTSIDE,)))

    assert (MALLORY, "agent_replied") in told_by(two, AgentReply(case=ONE, actor=two.alice, text="For all."))
    assert [] == told_by(two, AddNote(case=ONE, actor=two.alice, text="For us."))
    written = two.mail(a_mail(MALLORY, two.ports.tokens.mint(1001), "Let me in.", message_id="<m@evil.example>"))

    assert DecisionKind.HELD == written.kind
    assert "Let me in." not in [message.text for message in two.case(1001).messages]


def test_the_reporter_stays(two: World) -> None:
    with pytest.raises(Refused, match="the reporter of case 1001"):
        two.act(ChangeParticipants(case=ONE, actor=two.alice, remove=(two.bob,)))
