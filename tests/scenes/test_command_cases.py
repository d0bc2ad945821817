"""Commands about cases, on both databases (SPEC section 8; TESTPLAN group C)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.domain.actions import AgentReply, ChangeParticipants
from gateway.domain.model import CaseNumber, ContactRole
from gateway.store import tables as t
from tests.answers import (
    ANN,
    BOB,
    CARL,
    EVE,
    give,
    kinds,
    last,
    links_of,
    open_approvals,
    reply,
    text,
    with_people,
    write,
)
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
    answer = text(last(world, BOB))
    assert "P3 since you named no priority" in answer
    assert "there is no priority P9; there are: P1, P2, P3, P4" in answer
    assert "no such command" in answer
    assert "is Open; possible:" in answer


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


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/type wish", "there is no type wish; there are question, incident,"),
        ("/type", "say which type: question, incident,"),
        ("/type question P1", "a case of type question has no priority"),
        ("/priority P1", "a case of type question has no priority"),
        ("/priority", "say which priority: P1, P2, P3, P4"),
        ("/add", "is no mail address"),
        ("/approve", "nothing waits for your answer here"),
        ("/users", "only the user managers of your company can do this"),
        (f"/roles {BOB} user_manager 4711-0815", "only the user managers of your company can do this"),
        ("/remove ann@customer.example", "is not on the case"),
        ("/remove bob@customer.example", "the reporter of case 1001 cannot be taken off it"),
    ],
)
def test_what_cannot_be_done_is_named(world: World, line: str, told: str) -> None:
    """AC-11: refused with the reason; nothing changes."""
    before = world.history()
    on_case(world, line)
    assert told in " ".join(text(last(world, BOB)).split())
    assert before == world.history()
    assert () == open_approvals(world)


@pytest.mark.parametrize("line", ["/order", "/order cake"])
def test_an_order_of_nothing_that_there_is_changes_nothing(world: World, line: str) -> None:
    """It is kept as what was written, and refused."""
    on_case(world, line)
    assert "say first what you order: update, restore, book" in text(last(world, BOB))
    assert ("question", ()) == (world.case().summary.type, open_approvals(world))


def test_a_priority_that_is_known_stays(world: World) -> None:
    """Only what has none yet gets the usual one."""
    on_case(world, "/type incident p1\n/type hosting-incident")
    assert ("hosting_incident", "P1") == (world.case().summary.type, world.case().summary.priority)
    on_case(world, "/priority p2")
    assert "P2" == world.case().summary.priority


@pytest.mark.parametrize("sender", [BOB, ANN])
def test_what_is_ordered_is_on_the_case(world: World, sender: str) -> None:
    """Whoever delivers it reads all of the line; it is a message, and no answer that moves the case."""
    status = world.case().summary.status
    on_case(world, "/order update to 8.1 on staging", sender=sender)
    assert "/order update to 8.1 on staging" == world.case().messages[-1].text
    assert status == world.case().summary.status
    told = [text(mail) for mail in world.outbox() if mail["To"] == "alice@vendor.example"]
    assert "to 8.1 on staging" in told[-1]


def test_what_may_be_no_command_is_a_message_too(world: World) -> None:
    """A line that begins with a slash is said to be no command, and is read by people all the same."""
    on_case(world, "/home is full")
    assert "no such command" in text(last(world, BOB))
    assert "/home is full" == world.case().messages[-1].text


def test_people_write_commands_in_their_own_way(world: World) -> None:
    """With a colon, brackets, a name before the address."""
    on_case(world, "/Type: Hosting Incident (high)\n/add Carl <carl@customer.example>\n/escalate: nobody answers")
    assert ("hosting_incident", "P2") == (world.case().summary.type, world.case().summary.priority)
    assert CARL in world.case().participants
    assert "escalated" in world.history()


def test_one_order_at_a_time(world: World) -> None:
    """A second one is refused, and changes nothing of the first."""
    on_case(world, "/order update to 8.1")
    on_case(world, "/order restore the backup")
    assert "waits for the approval of an order already" in text(last(world, BOB))
    assert ("update", 1) == (world.case().summary.category, len(open_approvals(world)))


def test_an_incident_does_not_become_an_order(world: World) -> None:
    """It would lose its clock."""
    on_case(world, "/type incident P2")
    on_case(world, "/order update to 8.1")
    assert "this case is filed as Incident; order in a mail of its own" in text(last(world, BOB))
    assert ("incident", "P2", ()) == (
        world.case().summary.type,
        world.case().summary.priority,
        open_approvals(world),
    )


def test_an_escalation_to_a_team_takes_the_link_from_nobody(world: World) -> None:
    """A customer hears nothing of it, and can still ask for more attention; then it is asked for."""
    on_case(world, "/type error")
    assert ["/close\r\n", "/escalate\r\n"] == [link["body"] for link in links_of(last(world, BOB))]
    on_case(world, "/escalate We cannot wait.")
    assert "escalation_joined" in world.history()
    assert "is escalated" in text(last(world, BOB))


def test_an_order_where_nobody_decides_waits_for_us(world: World) -> None:
    """The team hears of it."""
    give(world, ANN)
    on_case(world, "/order book premium support")
    assert "the approval of us, since your company has named no decision maker" in " ".join(
        text(last(world, BOB)).split()
    )
    assert "approval" in kinds(world, "alice@vendor.example") or "customer_wrote" in kinds(
        world, "alice@vendor.example"
    )


def test_an_escalation_without_a_case_opens_one(world: World) -> None:
    """The subject is the mail's, the text its line."""
    decision = write(world, CARL, SERVICE, "/escalate Nobody answers the phone.", subject="Phone")
    assert "new_case" == decision.kind
    case = world.case(1003)
    assert ("Phone", "/escalate Nobody answers the phone.") == (case.summary.subject, case.messages[0].text)
    assert case.escalation is not None
    assert ("non_technical", "Nobody answers the phone.") == (case.escalation.kind, case.escalation.reason)


def test_ones_own_case_is_escalated_at_once(world: World) -> None:
    """Nobody is asked back."""
    on_case(world, "/escalate It costs us a day.")
    assert world.case().escalation is not None
    assert () == open_approvals(world)


def test_reopen_after_too_long_opens_a_follow_up(world: World) -> None:
    """SPEC section 5.3: also where the mail says nothing else."""
    on_case(world, "/close")
    world.later(days=31)
    on_case(world, "/reopen")
    assert ("closed", 1001) == (world.case().summary.status, world.case(1003).follow_up_of)
    assert "case 1001 was closed too long ago to be opened again" in " ".join(text(last(world, BOB)).split())


def test_reopen_in_time_opens_it_again(world: World) -> None:
    """Commands alone, and no reply."""
    on_case(world, "/close")
    world.later(days=29)
    on_case(world, "/reopen")
    assert ("reopened", 1) == (world.case().summary.status, len(world.case().messages))


def test_a_guest_neither_orders_nor_brings_people_in(world: World) -> None:
    """AC-10: eve works on the case that an agent took her to; her company has nothing to do with it."""
    give(world, EVE, ContactRole.DECISION_MAKER)
    world.act(ChangeParticipants(case=ONE, actor=world.alice, add=(world.eve,)))
    for line in ("/order update to 8.1", f"/add {EVE}", f"/add {CARL}", f"/remove {BOB}"):
        on_case(world, line, sender=EVE)
        answer = text(last(world, EVE))
        assert "Not done" in answer
    assert ("question", (EVE,)) == (world.case().summary.type, tuple(world.case().participants))
    on_case(world, f"/priority P1\n/remove {EVE}", sender=EVE)
    assert () == tuple(world.case().participants)
    assert "new_case" == write(world, EVE, SERVICE, "And now?", subject=f"Re: {world.ports.tokens.mint(ONE)}").kind
    assert "Theirs MARKER" == world.case(1002).summary.subject


def test_people_without_access_are_not_added(world: World) -> None:
    """They only receive, and in the same words as anybody unknown."""
    on_case(world, "/add reads@customer.example")
    assert "reads@customer.example is not registered for your company" in text(last(world, BOB))


def test_a_colleague_adds_themselves(world: World) -> None:
    """Oneself too."""
    token = world.ports.tokens.mint(ONE)
    write(world, CARL, SERVICE, f"/add {CARL}", subject=f"Re: {token} It is slow")
    assert (CARL,) == tuple(world.case().participants)


def test_agents_are_warned_of_anothers_token(world: World) -> None:
    """AC-01: with commands in it, too."""
    token = world.ports.tokens.mint(ONE)
    write(world, EVE, SERVICE, "/close", subject=f"Re: {token}")
    assert "foreign_token" in world.history(1003)
    assert "1001" in text(last(world, "alice@vendor.example"))
    answer = text(last(world, EVE))
    assert "1001" not in answer
    assert "It is slow" not in answer


def test_a_case_knows_what_its_first_mail_is_about(world: World) -> None:
    """SPEC section 4; later mail changes nothing of it."""
    write(world, BOB, SERVICE, "Hello,\nProduct: Importer\nVersion: 8.1\nUmgebung: Test\n\nIt stops.", subject="New")
    case = world.case(1003)
    assert ("Importer", "8.1", "Test") == (case.product, case.version, case.environment)
    token = world.ports.tokens.mint(CaseNumber(1003))
    write(world, BOB, SERVICE, "Version: 8.2", subject=f"Re: {token} New")
    assert "8.1" == world.case(1003).version


def test_the_notices_of_a_case_carry_what_is_possible(world: World) -> None:
    """One click and "send" closes it; what does that is what a mail program makes of the link."""
    world.act(AgentReply(case=ONE, actor=world.alice, text="Does it work?"))
    mail = last(world, BOB, "agent_replied")
    links = {link["body"].strip(): link for link in links_of(mail)}
    assert {"/close", "/escalate"} == set(links)
    link = links["/close"]
    write(world, BOB, link["to"], link["body"], subject=link["subject"])
    assert ("closed", 2) == (world.case().summary.status, len(world.case().messages))
    assert {"/reopen", "/escalate"} == {one["body"].strip() for one in links_of(last(world, BOB))}
    assert [] == links_of(last(world, "alice@vendor.example"))


@pytest.mark.parametrize(
    "subject", ['A&bcc=eve@other.example"<b>', "A%0d%0aBcc: eve@other.example", "A" * 400, "Ä?b=c"]
)
def test_a_link_has_nothing_but_address_subject_and_body(world: World, subject: str) -> None:
    """IJ-13."""
    write(world, BOB, SERVICE, "It is new.", subject=subject)
    links = links_of(last(world, BOB, "case_opened"))
    token = world.ports.tokens.mint(CaseNumber(1003))
    assert 2 == len(links)
    for link in links:
        assert {"to", "subject", "body"} == set(link)
        assert world.ports.tokens.plus_address(CaseNumber(1003)) == link["to"]
        assert link["subject"].startswith(f"{token} {subject[:90]}")
        assert link["body"] in {"/close\r\n", "/escalate\r\n"}


def test_each_mail_has_one_recipient(world: World) -> None:
    """AC-08: who else reads it stands in the text, where SPEC section 7 wants it; no header has a second address."""
    on_case(world, f"/add {CARL}\n/add {ANN}")
    before = len(world.outbox())
    world.act(AgentReply(case=ONE, actor=world.alice, text="Restart it."))
    mails = world.outbox()[before:]
    assert {ANN, BOB, CARL} == {mail["To"] for mail in mails}
    for mail in mails:
        assert [] == [name for name in ("Cc", "Bcc", "Resent-To") if mail[name]]
        others = {ANN, BOB, CARL} - {mail["To"]}
        assert others == {address for address in (ANN, BOB, CARL, EVE) if f"<{address}>" in text(mail)}


def test_who_is_unregistered_gets_nothing_that_still_waits(world: World) -> None:
    """AC-09: cancelled, with the reason."""
    give(world, ANN, ContactRole.USER_MANAGER)
    world.act(AgentReply(case=ONE, actor=world.alice, text="Restart it."))
    write(world, ANN, SERVICE, f"/unregister {BOB}", subject="Bob left", **PROVED)
    with world.ports.db.begin() as tx:
        rows = tx.execute(select(t.outbox).where(t.outbox.c.recipient == BOB)).all()
    assert {("cancelled", True)} == {(row.state, bool(row.last_error)) for row in rows}
