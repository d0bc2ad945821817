"""Nothing crosses accounts (SPEC sections 3, 7 and 8; TESTPLAN group C by id), on both databases.

The scan of everything that leaves, AC-13, is `test_two_accounts`; through the real daemon, by SMTP and IMAP,
`tests/e2e/test_threads.py` and `test_confidentiality.py` there.
"""

import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, event

from gateway.domain.actions import AddNote, AgentReply, ChangeParticipants, Fire
from gateway.domain.model import Agent, AgentId, CaseNumber, ContactRole, Party, PartyKind
from gateway.domain.people_actions import RemoveContact
from gateway.errors import NotFound, Refused
from gateway.mail.decision import Decision
from gateway.services import case_people, outbox
from gateway.services.ports import Delivery, DeliveryState
from gateway.store import people
from gateway.store import tables as t
from tests.answers import (
    ANN,
    BOB,
    CARL,
    EVE,
    PIN,
    contact,
    give,
    is_contact,
    kinds,
    last,
    open_approvals,
    reply,
    text,
    with_people,
    write,
)
from tests.leaks import found_in
from tests.world import SERVICE, UNLIMITED, World, a_world

A1, A2, A3, B1 = map(CaseNumber, (1001, 1002, 1003, 1004))
ALICE, MIRA = "alice@vendor.example", "mira@vendor.example"
MALLORY, EXPERT = "mallory@evil.example", "expert@outside.example"
STRICT = {"trust": {"require": "authenticated", "authserv_id": "mx.vendor.example"}, "budget": UNLIMITED}
THEIRS = ("Printer SECRETB", "cartridge SECRETB")
GONE = "its recipient may not have it any more"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """TESTPLAN section 0: A1, A2 open and A3 closed, of bob's; B1 of eve's; evidence is asked for."""
    with a_world(database_url, tmp_path, **STRICT) as made:
        with_cases(made)
        yield made


def with_cases(world: World) -> World:
    """The cases; ann and eve are user managers."""
    with_people(world, ANN, EVE)
    for subject in ("It is slow", "The disk", "The screen"):
        good(world, BOB, "Since Monday.", subject=subject)
    good(world, EVE, "The cartridge SECRETB is empty.", subject="Printer SECRETB")
    good(world, BOB, "/close", subject=f"Re: {token(world, A3)}")
    return world


def token(world: World, case: CaseNumber) -> str:
    return world.ports.tokens.mint(case)


def plus(world: World, case: CaseNumber) -> str:
    return world.ports.tokens.plus_address(case)


def good(
    world: World, sender: str, body: str = "Hello.", *, result: str = "pass", to: str = SERVICE, **more: str
) -> Decision:
    """A mail for whose sender the relay vouches, or not."""
    proof = f"mx.vendor.example; dmarc={result} header.from={sender.partition('@')[2]}"
    world.later(minutes=1)
    return write(world, sender, to, body, authentication_results=proof, **more)


def in_short(world: World, decision: Decision) -> str:
    """What became of a mail, as the TESTPLAN says it."""
    if decision.kind in {"reply", "new_case"} and decision.case:
        name = {A1: "A1", A2: "A2", A3: "A3", B1: "B1"}.get(decision.case) or world.case(decision.case).summary.account
        return f"{'REPLY' if decision.kind == 'reply' else 'NEW'}({name})"
    return decision.kind.upper()


def stands(world: World, case: CaseNumber) -> tuple[object, ...]:
    """All of a case that mail could change."""
    shown = world.case(case)
    return (shown.summary, shown.participants, [one.id for one in shown.messages], world.history(case))


def leave(world: World) -> list[str]:
    """Whom mail reaches that leaves now."""
    gone = []
    while rows := outbox.lease(world.ports):
        for row in rows:
            outbox.settle(world.ports, row, Delivery(DeliveryState.SENT, "250 ok"))
        gone += [row.recipient for row in rows]
    return gone


def states(world: World, recipient: str) -> list[tuple[str, str | None]]:
    """State and error of the mail to an address that is still or no more to leave."""
    query = sa.select(t.outbox.c.state, t.outbox.c.last_error).where(t.outbox.c.recipient == recipient)
    with world.ports.db.begin() as tx:
        return [(row.state.value, row.last_error) for row in tx.execute(query.order_by(t.outbox.c.id))]


# --- Tokens of others -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["token", "address", "both"])
def test_ac_01_a_token_of_another_account_is_no_key(world: World, way: str) -> None:
    """AC-01: a new case of eve's own; agents are warned; the answer holds nothing of A1."""
    before = stands(world, A1)
    subject = f"Re: {token(world, A1)} Hello" if way != "address" else "Hello"
    decision = good(world, EVE, subject=subject, to=SERVICE if way == "token" else plus(world, A1))
    assert "NEW(OT-1)" == in_short(world, decision)
    assert before == stands(world, A1)
    assert "foreign_token" in world.history(1005)
    assert "1001" in text(last(world, ALICE, "case_opened"))
    assert set() == found_in(last(world, EVE).as_bytes(), (token(world, A1), "1001", "slow", BOB, "Bob", "EX-1"))


def test_ac_02_references_to_others_mail_are_no_key(world: World) -> None:
    """AC-02: and what is answered repeats none of them but what eve wrote herself."""
    sent = str(last(world, BOB, "case_opened")["Message-ID"])
    before = [stands(world, number) for number in (A1, A2, A3)]
    assert "NEW(OT-1)" == in_short(world, good(world, EVE, in_reply_to=sent, references=sent))
    assert before == [stands(world, number) for number in (A1, A2, A3)]


# --- Who joins --------------------------------------------------------------------------------------------------------


def test_ac_03_only_contacts_of_the_account_join_by_cc(world: World) -> None:
    """AC-03: the next reply of an agent goes to bob and carl only."""
    cc = f"{MALLORY}, {EVE}, {CARL}"
    assert "REPLY(A1)" == in_short(world, good(world, BOB, subject=f"Re: {token(world, A1)}", cc=cc))
    assert (CARL,) == tuple(world.case(A1).participants)
    before = len(world.outbox())
    world.act(AgentReply(case=A1, actor=world.alice, text="Restart it."))
    assert {BOB, CARL} == {mail["To"] for mail in world.outbox()[before:]}


def test_ac_04_unproved_mail_changes_nobody(world: World) -> None:
    """AC-04: held, A1 is as it was, and only agents hear of it."""
    before, told = stands(world, A1), world.told()
    cc = f"{MALLORY}, {CARL}, new@customer.example"
    assert "HELD" == in_short(world, good(world, BOB, result="fail", subject=f"Re: {token(world, A1)}", cc=cc))
    assert (before, [*told, ("alice@vendor.example", "alarm")]) == (stands(world, A1), world.told())


@pytest.mark.parametrize("who", [MALLORY, EVE])
def test_ac_05_strangers_are_not_added(world: World, who: str) -> None:
    """AC-05: refused with the reason, in the same words whoever it is, and no mail goes there."""
    before = kinds(world, who)
    good(world, BOB, f"/add {who}", subject=f"Re: {token(world, A1)}")
    assert f"{who} is not registered for your company" in text(last(world, BOB))
    assert (before, ()) == (kinds(world, who), tuple(world.case(A1).participants))


def test_a_guest_brings_nobody_of_the_own_company(world: World) -> None:
    """Eve may write on A1; who of OT-1 reads it is not hers to say, by Cc as little as by /add."""
    zoe = "zoe@other.example"
    with world.ports.db.begin() as tx:
        tx.execute(t.contact.insert().values(id=90, account="OT-1", name="Zoe", roles=[], access=True, active=True))
        tx.execute(t.address.insert().values(address=zoe, contact_id=90, position=0))
    world.act(ChangeParticipants(case=A1, actor=world.alice, add=(world.eve,)))
    good(world, EVE, subject=f"Re: {token(world, A1)}", cc=f"{zoe}, {CARL}")
    assert {EVE, CARL} == set(world.case(A1).participants)


# --- What is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", ["/show {}", "/search {}", "/status", "/cases all", "/search cartridge", "/show #{}"]
)
def test_ac_06_what_is_theirs_is_as_if_it_never_was(world: World, command: str) -> None:
    """AC-06: nothing of OT-1, and the same words as for a number that never existed."""
    answers = []
    for number in (B1, 4711):
        good(world, BOB, command.format(number), subject=f"Please {number}")
        mail = last(world, BOB, "command_answer")
        assert set() == found_in(mail.as_bytes(), ("SECRETB", "OT-1", EVE, token(world, B1)))
        answers.append(text(mail).replace(str(number), "N"))
    assert answers[0] == answers[1]


def test_ac_06_as_many_questions_to_the_database_either_way(world: World) -> None:
    """What is another account's and what never was take the same path: no clock could tell them apart."""
    engine = world.ports.db.engine
    for command in ("/show {}", "/search {}"):
        asked = [statements(world, engine, command.format(number)) for number in (B1, 4711)]
        assert asked[0] == asked[1]


def test_ac_01_a_foreign_token_takes_the_path_of_one_that_never_was(world: World) -> None:
    """Statement for statement, but for the one warning that agents get."""
    engine = world.ports.db.engine
    never = token(world, CaseNumber(4711))
    foreign = statements(world, engine, "Hello.", subject=f"{token(world, B1)} Hello")
    unknown = statements(world, engine, "Hello.", subject=f"{never} Hello")
    assert unknown
    # whose case it is must be read to say so; a few indexed look-ups of it, none of its correspondence
    more = [one for one in foreign if one not in unknown]
    assert not [one for one in more if "FROM message" in one and "case_number" not in one]
    assert len(foreign) - len(unknown) <= 4


def statements(world: World, engine: Engine, body: str, **more: str) -> list[str]:
    """The SQL that a mail of bob's takes, from its coming in to its being decided."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        good(world, BOB, body, **{"subject": "Please", **more})
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return seen


def test_ac_07_notes_never_leave(world: World) -> None:
    """AC-07: neither in the reply, nor in what it quotes, nor in HTML, nor in what commands show."""
    with world.ports.db.begin() as tx:
        people.add_agent(tx, Agent(id=AgentId(0), name="Mira", address=MIRA, teams=("first_level",)))
    world.act(AddNote(case=A1, actor=world.alice, text="They SECRETN owe us money."))
    world.act(AgentReply(case=A1, actor=world.alice, text="Restart it."))
    good(world, BOB, "It works.", subject=f"Re: {token(world, A1)}")
    good(world, BOB, "/show 1001\n/search SECRETN owe", subject="Please")
    note = str(last(world, MIRA, "note")["Message-ID"])
    for mail in world.outbox():
        if mail["To"] not in {ALICE, MIRA}:
            assert set() == found_in(mail.as_bytes().replace(b"/search SECRETN owe", b""), ("SECRETN", note))
    world.act(Fire(case=A1, actor=world.alice, trigger="resolve", text="Mended."))
    assert set() == found_in(last(world, BOB).as_bytes(), ("SECRETN", note))


def test_ac_08_each_mail_has_one_recipient(world: World) -> None:
    """AC-08: whoever else gets it stands in its text, and no other address in its header."""
    good(world, BOB, subject=f"Re: {token(world, A1)}", cc=f"{CARL}, {ANN}")
    world.act(ChangeParticipants(case=A1, actor=world.alice, add=(Party(PartyKind.EXTERNAL, EXPERT),)))
    before = len(world.outbox())
    world.act(AgentReply(case=A1, actor=world.alice, text="Restart it."))
    everybody = {BOB, CARL, ANN, EXPERT}
    mails = world.outbox()[before:]
    assert everybody == {str(mail["To"]) for mail in mails}
    for mail in mails:
        head = "".join(f"{name}: {value}\n" for name, value in mail.items() if name != "To").encode()
        assert set() == found_in(head, everybody)
        assert everybody - {str(mail["To"])} == found_in(text(mail).encode(), everybody)


# --- Rights end -------------------------------------------------------------------------------------------------------


def test_ac_09_nothing_waits_for_who_was_unregistered(world: World) -> None:
    """AC-09: cancelled with the reason, and nothing leaves for bob."""
    world.act(AgentReply(case=A1, actor=world.alice, text="Restart it."))
    world.act(RemoveContact(contact=world.bob, actor=world.alice))
    assert {"cancelled"} == {state for state, _ in states(world, BOB)}
    assert all(why for _, why in states(world, BOB))
    assert BOB not in leave(world)


def lose_access(world: World) -> None:
    with world.ports.db.begin() as tx:
        tx.execute(t.contact.update().where(t.contact.c.id == int(world.carl.id)).values(access=False))
    world.act(ChangeParticipants(case=A1, actor=world.alice, remove=(world.carl,)))


def end_quietly(world: World) -> None:
    """As if two transactions had met: bob's mail was queued after all his mail was cancelled."""
    with world.ports.db.begin() as tx:
        tx.execute(t.contact.update().where(t.contact.c.id == int(world.bob.id)).values(active=False))


def lose_the_agent(world: World) -> None:
    with world.ports.db.begin() as tx:
        tx.execute(t.agent.update().values(active=False))


ENDS: Mapping[str, tuple[str, Callable[[World], object]]] = {
    "guest": (EVE, lambda world: world.act(ChangeParticipants(case=A1, actor=world.alice, remove=(world.eve,)))),
    "outside": (
        EXPERT,
        lambda world: world.act(
            ChangeParticipants(case=A1, actor=world.alice, remove=(Party(PartyKind.EXTERNAL, EXPERT),))
        ),
    ),
    "access": (CARL, lose_access),
    "contact": (BOB, end_quietly),
    "agent": (ALICE, lose_the_agent),
}


@pytest.mark.parametrize("who", ENDS)
def test_ac_09_recipients_are_checked_once_more_before_mail_leaves(world: World, who: str) -> None:
    """AC-09: mail that waits for somebody whose right to it has ended is cancelled; that of the others leaves."""
    leave(world)
    readers = (world.eve, world.carl, Party(PartyKind.EXTERNAL, EXPERT))
    world.act(ChangeParticipants(case=A1, actor=world.alice, add=readers))
    good(world, BOB, "And now?", subject=f"Re: {token(world, A1)}")
    world.act(AgentReply(case=A1, actor=world.alice, text="Restart it."))
    address, end = ENDS[who]
    end(world)
    gone = leave(world)
    assert {BOB, CARL, EVE, EXPERT, ALICE} - {address} == set(gone)
    (state, why) = states(world, address)[-1]
    assert ("cancelled", True) == (state, GONE in (why or ""))


def test_ac_09_what_was_asked_for_before_is_not_sent_after(world: World) -> None:
    """An answer that belongs to no case, to who is registered no more."""
    leave(world)
    good(world, BOB, "/cases all", subject="Please")
    end_quietly(world)
    assert BOB not in leave(world)
    assert "cancelled" == states(world, BOB)[-1][0]


def test_ac_09_mail_to_people_who_may_have_it_leaves(world: World) -> None:
    """Also to somebody without access who is on the case, or asked for an approval; nothing is cancelled."""
    give(world, "reads@customer.example", ContactRole.DECISION_MAKER)
    reads = contact(world, "reads@customer.example").party
    world.act(ChangeParticipants(case=A2, actor=world.alice, add=(reads,)))
    world.act(AgentReply(case=A2, actor=world.alice, text="Restart it."))
    good(world, BOB, "/order update to 8.1", subject=f"Re: {token(world, A1)}")
    waiting = len(world.outbox())
    assert waiting == len(leave(world))


def test_ac_10_a_guest_has_that_case_while_it_lasts(world: World) -> None:
    """AC-10: she writes on it, sees it and no other by any command; afterwards none of it."""
    world.act(ChangeParticipants(case=A1, actor=world.alice, add=(world.eve,)))
    subject = f"Re: {token(world, A1)} It is slow"
    assert "REPLY(A1)" == in_short(world, good(world, EVE, "I know that.", subject=subject))
    good(world, EVE, "/cases all\n/show 1001\n/show 1002\n/search disk\n/search slow\n/status", subject=subject)
    shown = last(world, EVE, "command_answer")
    assert {"It is slow", "Since Monday."} == found_in(shown.as_bytes(), ("It is slow", "Since Monday.", "The screen"))
    assert "there is no case 1002" in text(shown)
    assert set() == found_in(shown.as_bytes().replace(b"/search disk", b""), (token(world, A2), "The disk", ANN, CARL))

    world.act(ChangeParticipants(case=A1, actor=world.alice, remove=(world.eve,)))
    assert "NEW(OT-1)" == in_short(world, good(world, EVE, "And now?", subject=f"Re: {token(world, A1)} Mine"))
    good(world, EVE, "/cases all\n/show 1001\n/search Monday\n/status", subject="Please")
    shown = last(world, EVE, "command_answer")
    assert set() == found_in(shown.as_bytes(), ("It is slow", "Since Monday.", token(world, A1), BOB))
    assert "there is no case 1001" in text(shown)


def test_ac_10_who_leaves_a_case_has_nothing_more_of_it(world: World) -> None:
    """Rights are those of the moment, also from one line of a mail to the next."""
    world.act(ChangeParticipants(case=A1, actor=world.alice, add=(world.eve,)))
    body = f"/remove {EVE}\n/status\n/show 1001\n/close\n/priority P1"
    assert "REPLY(A1)" == in_short(world, good(world, EVE, body, subject=f"Re: {token(world, A1)}"))
    answer = last(world, EVE, "command_answer")
    assert set() == found_in(answer.as_bytes(), ("It is slow", "Since Monday.", plus(world, A1)))
    assert "open" == world.case(A1).summary.status
    assert 3 == text(answer).count("there is no such case")


def test_ac_10_what_a_guest_asked_for_is_not_done_afterwards(world: World) -> None:
    """ "Was this you?" is answered when an agent has taken her off the case."""
    trust = replace(world.ports.policy.trust, require="unverified")
    world.ports = replace(world.ports, policy=replace(world.ports.policy, trust=trust))
    world.act(ChangeParticipants(case=A1, actor=world.alice, add=(world.eve,)))
    write(world, EVE, SERVICE, "/escalate now", subject=f"Re: {token(world, A1)}")
    assert ["step_up"] == [one.kind for one in open_approvals(world)]
    world.act(ChangeParticipants(case=A1, actor=world.alice, remove=(world.eve,)))
    reply(world, last(world, EVE, "approval"), "/approve")
    assert world.case(A1).escalation is None


def test_ac_11_commands_of_another_role_change_nothing(world: World) -> None:
    """AC-11: refused, and named."""
    body = f"/approve\n/roles {CARL} user_manager {PIN}\n/unregister {CARL}\n/users\n/start\n/note x"
    before = world.case(A1).summary.status
    good(world, BOB, body, subject=f"Re: {token(world, A1)}")
    answer = text(last(world, BOB))
    assert 3 == answer.count("only the user managers of your company can do this")
    assert answer.count("Not done") >= 1
    assert (frozenset(), True, before) == (
        contact(world, CARL).roles,
        is_contact(world, CARL),
        world.case(A1).summary.status,
    )


def test_ac_12_an_attached_mail_is_no_word_of_its_sender(world: World) -> None:
    """AC-12: B1's token in a message/rfc822 part is a file."""
    body = (
        "--b\nContent-Type: text/plain\n\nSee this.\n--b\nContent-Type: message/rfc822\n\n"
        f"From: {EVE}\nSubject: Re: {token(world, B1)}\nMessage-ID: <x@other.example>\n\n/close\n--b--"
    )
    more = {"content_type": 'multipart/mixed; boundary="b"', "mime_version": "1.0"}
    before = stands(world, B1)
    assert "NEW(EX-1)" == in_short(world, good(world, BOB, body, subject="See", **more))
    assert before == stands(world, B1)


# --- Who only reads ---------------------------------------------------------------------------------------------------


def test_an_outside_address_reads_and_cannot_write(world: World) -> None:
    """Its answer is held, with its reason; nobody is told anything, and nothing changes."""
    world.act(ChangeParticipants(case=A1, actor=world.alice, add=(Party(PartyKind.EXTERNAL, EXPERT),)))
    world.act(AgentReply(case=A1, actor=world.alice, text="Restart it."))
    mail, before, told = last(world, EXPERT), stands(world, A1), len(world.told())
    good_proof = {"authentication_results": "mx.vendor.example; dmarc=pass header.from=outside.example"}
    for body in ("I know better.", "/close", "/show 1001"):
        decision = reply(world, mail, body, **good_proof)
        assert ("held", True) == (decision.kind, "reads case 1001" in decision.reason)
    assert (before, told) == (stands(world, A1), len(world.told()))
    assert "unregistered" == good(world, EXPERT, "Hello", subject=token(world, A2)).kind, "of that case it is nobody"


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "Answers from your address are not taken"), ("de", "Antworten von Ihrer Adresse nehmen wir nicht an")],
)
def test_mail_to_who_only_reads_has_nothing_to_act_with(world: World, lang: str, said: str) -> None:
    """No command, no link, and no invitation to answer; whatever the mail is about."""
    with world.ports.db.begin() as tx:
        tx.execute(t.account.update().values(lang=lang))
    world.act(ChangeParticipants(case=A1, actor=world.alice, add=(Party(PartyKind.EXTERNAL, EXPERT),)))
    world.act(AgentReply(case=A1, actor=world.alice, text="Restart it."))
    for trigger in ("resolve", "reopen", "start", "defer"):
        world.act(Fire(case=A1, actor=world.alice, trigger=trigger))
    good(world, BOB, "/close", subject=f"Re: {token(world, A1)}")
    mails = [mail for mail in world.outbox() if mail["To"] == EXPERT]
    assert len(mails) > 4
    assert BOB in text(mails[0]), "who else gets it"
    for mail in mails:
        content = "".join(str(part.get_content()) for part in mail.walk() if part.get_content_maintype() == "text")
        assert 2 == " ".join(content.split()).count(said)
        assert [] == [word for word in ("mailto:", "/close", "/escalate", "reply", "antworten Sie") if word in content]


def test_a_contact_of_another_account_is_no_outside_address(world: World) -> None:
    """With --external it is refused, since they would write as well; without it they are a guest."""

    def joining(address: str, *, external: bool) -> Party:
        return world.ports.db.read(case_people.joining, address, "EX-1", external=external)

    with pytest.raises(Refused, match="without --external they join as a guest"):
        joining(EVE, external=True)
    with pytest.raises(NotFound, match="--external"):
        joining(EXPERT, external=False)
    assert (world.eve, world.carl) == (joining(EVE, external=False), joining(CARL, external=True))
    assert Party(PartyKind.EXTERNAL, EXPERT) == joining(EXPERT, external=True)


@pytest.fixture
def by_domain(database_url: str, tmp_path: Path) -> Iterator[World]:
    """One in which who is in Cc reads along, at a domain of the account."""
    mail = {"service_address": SERVICE, "cc_policy": "domains"}
    with a_world(database_url, tmp_path, **{**STRICT, "mail": mail}) as made:
        yield with_cases(made)


def test_cc_policy_domains_lets_colleagues_read_along(by_domain: World) -> None:
    """At just that domain, in stored form; nobody whom we know as somebody else, and no address of ours."""
    world = by_domain
    world.act(RemoveContact(contact=world.carl, actor=world.alice))
    cc = (
        f"New <NEW@Customer.Example>, x@sub.customer.example, y@customer.example.evil.example, {CARL}, {EVE}, {ALICE}, "
        f"{MALLORY}, {ANN}, z@other.example, reads@customer.example"
    )
    good(world, BOB, subject=f"Re: {token(world, A1)}", cc=cc)
    readers = world.ports.db.read(case_people.of_case, 1001)
    assert [(ANN, "contact"), ("new@customer.example", "external")] == [(one.address, one.kind) for one in readers]
    world.act(AgentReply(case=A1, actor=world.alice, text="Restart it."))
    assert ["agent_replied"] == kinds(world, "new@customer.example")
    before = stands(world, A1)
    assert "held" == good(world, "new@customer.example", subject=f"Re: {token(world, A1)}").kind
    assert before == stands(world, A1)


def test_cc_policy_domains_asks_for_the_same_proof(by_domain: World) -> None:
    """AC-04, and nobody joins by a mail that is another account's, a guest's or a machine's."""
    world = by_domain
    new = "new@customer.example"
    assert "held" == good(world, BOB, result="fail", subject=f"Re: {token(world, A1)}", cc=new).kind
    good(world, EVE, subject=f"Re: {token(world, A1)}", cc=f"{new}, zoe@other.example")
    world.act(ChangeParticipants(case=A1, actor=world.alice, add=(world.eve,)))
    good(world, EVE, subject=f"Re: {token(world, A1)}", cc=f"{new}, zoe@other.example")
    good(world, BOB, subject=f"Re: {token(world, A1)}", cc=new, auto_submitted="auto-replied")
    assert (EVE,) == tuple(world.case(A1).participants)
    assert ("zoe@other.example",) == tuple(world.case(1005).participants), "eve's own case, and her own domain"


def test_cc_policy_contacts_is_what_is_shipped(world: World) -> None:
    """Nobody joins whom nobody has registered."""
    good(world, BOB, subject=f"Re: {token(world, A1)}", cc="new@customer.example")
    assert () == tuple(world.case(A1).participants)


def test_who_registers_is_no_reader_twice(by_domain: World) -> None:
    """Somebody who read along and is a contact now gets one mail, and is named once."""
    world, new = by_domain, "new@customer.example"
    good(world, BOB, subject=f"Re: {token(world, A1)}", cc=new)
    with world.ports.db.begin() as tx:
        tx.execute(t.contact.insert().values(id=90, account="EX-1", name="New", roles=[], access=True, active=True))
        tx.execute(t.address.insert().values(address=new, contact_id=90, position=0))
    assert "REPLY(A1)" == in_short(world, good(world, new, subject=f"Re: {token(world, A1)}"))
    before = len(world.outbox())
    world.act(AgentReply(case=A1, actor=world.alice, text="Restart it."))
    assert [BOB, new] == [mail["To"] for mail in world.outbox()[before:]]
    assert 1 == text(last(world, BOB)).count(new)
    assert "Answers from your address" not in text(last(world, new))
    leave(world)
    world.act(AgentReply(case=A1, actor=world.alice, text="Once more."))
    world.act(RemoveContact(contact=contact(world, new).party, actor=world.alice))
    world.act(AgentReply(case=A1, actor=world.alice, text="And again."))
    assert new not in leave(world), "access ends at once, for a reader too"


# --- Files ------------------------------------------------------------------------------------------------------------


def test_ac_14_blobs_are_for_nobody_else(world: World, tmp_path: Path) -> None:
    """AC-14, as far as a World has files: folders 0700, files 0600; `tests/e2e/test_confidentiality.py` has the rest."""
    body = (
        "--b\nContent-Type: text/plain\n\nLook.\n--b\nContent-Type: image/png\n"
        "Content-Disposition: attachment; filename=before.png\n\nPNG\n--b--"
    )
    good(world, BOB, body, subject="Picture", content_type='multipart/mixed; boundary="b"', mime_version="1.0")
    found = [tmp_path / "blobs", *(tmp_path / "blobs").rglob("*")]
    assert len(found) > 2
    wrong = [path for path in found if stat.S_IMODE(path.stat().st_mode) != (0o700 if path.is_dir() else 0o600)]
    assert [] == wrong
