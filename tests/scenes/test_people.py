"""What agents change about contacts that are there (SPEC sections 3 and 9, point 6), on both databases."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.domain.actions import Action, AgentReply, Cause, ChangeParticipants, Fire, Incoming, OpenCase, OpenFor
from gateway.domain.model import Authenticity, CaseNumber, Contact, ContactRole, IntakeId, Party
from gateway.domain.people_actions import ChangeRoles, RemoveContact, ReturnContact
from gateway.errors import Conflict, Refused
from gateway.services import inbound, post_room
from gateway.services.perform import perform
from gateway.store import load_people, people
from gateway.store import tables as t
from tests.world import World, a_mail, a_world

ONE, TWO = CaseNumber(1001), CaseNumber(1002)
ALICE, ANN, BOB, CARL, EVE, READS = (
    "alice@vendor.example",
    "ann@customer.example",
    "bob@customer.example",
    "carl@customer.example",
    "eve@other.example",
    "reads@customer.example",
)
MANAGER = frozenset({ContactRole.USER_MANAGER})


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """One in which ann is the user manager of bob's account."""
    with a_world(database_url, tmp_path) as made:
        with made.ports.db.begin() as tx:
            people.changed(tx, replace(_read(made, ANN), roles=MANAGER))
        yield made


def _html(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def _read(world: World, address: str) -> Contact:
    return world.ports.db.read(load_people.contacts_by_address, (address,))[address]


def roles(world: World, who: Party, *, add: set[str] = set(), remove: set[str] = set()) -> ChangeRoles:  # noqa: B006
    return ChangeRoles(
        contact=who,
        actor=world.alice,
        add=frozenset(map(ContactRole, add)),
        remove=frozenset(map(ContactRole, remove)),
    )


def gone(world: World, who: Party, successor: Party | None = None) -> RemoveContact:
    return RemoveContact(contact=who, actor=world.alice, successor=successor)


def told_by(world: World, action: Action) -> list[tuple[str, str]]:
    """Whom an action writes to, and of what kind."""
    before = len(world.told())
    world.act(action)
    return sorted(world.told()[before:])


def people_of(world: World, number: int = 1001) -> list[str]:
    case = world.case(number)
    return [case.summary.reporter, *case.participants]


def waiting(world: World) -> list[tuple[str, str]]:
    """(recipient, state) of every outgoing mail, oldest first."""
    return [(row.recipient, row.state) for row in reversed(world.ports.db.read(post_room.outbox_rows))]


# --- Roles ----------------------------------------------------------------------------------------------


def test_user_managers_are_told_who_changed_which_role(world: World) -> None:
    told = told_by(world, roles(world, world.bob, add={"decision_maker", "incident_manager"}))

    assert {"decision_maker", "incident_manager"} == _read(world, BOB).roles
    assert [(ANN, "registration")] == told
    mail = world.outbox()[-1]
    assert ("auto-generated", "The roles of Bob were changed") == (mail["Auto-Submitted"], mail["Subject"])
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part
        text = " ".join(part.get_content().replace("<strong>", "").replace("</strong>", "").split())
        for word in ("Alice of Acme", "Bob", BOB, "New: decision maker, incident manager", "EX-1 Ltd"):
            assert word in text


def test_nothing_new_is_told_to_nobody(world: World) -> None:
    outcome = world.act(roles(world, world.ann, add={"user_manager"}, remove={"decision_maker"}))
    assert (None, 0, []) == (outcome.contact, outcome.mails, world.told())


def test_who_is_a_user_manager_no_more_hears_of_it(world: World) -> None:
    """The last one too; and so does who becomes one."""
    assert [(ANN, "registration"), (BOB, "registration")] == told_by(
        world, roles(world, world.bob, add={"user_manager"})
    )
    assert [(ANN, "registration"), (BOB, "registration")] == told_by(
        world, roles(world, world.ann, remove={"user_manager"})
    )
    assert [(BOB, "registration")] == told_by(world, roles(world, world.bob, remove={"user_manager"}))
    assert [] == told_by(world, roles(world, world.bob, add={"decision_maker"}))


def test_other_accounts_hear_of_nothing(world: World) -> None:
    with world.ports.db.begin() as tx:
        people.changed(tx, replace(_read(world, EVE), roles=MANAGER))
    assert [(ANN, "registration")] == told_by(world, roles(world, world.bob, add={"decision_maker"}))


def test_an_unregistered_contact_has_no_roles_to_change(world: World) -> None:
    world.act(roles(world, world.bob, add={"decision_maker"}))
    world.act(gone(world, world.bob))
    assert frozenset() == _read(world, BOB).roles
    with pytest.raises(Refused, match="is un-registered"):
        world.act(roles(world, world.bob, add={"user_manager"}))


# --- Un-registered --------------------------------------------------------------------------------------


def test_access_ends_at_once(world: World) -> None:
    """Their mail is a stranger's, with the right token as without; what was theirs stays with the account."""
    world.mail(a_mail())
    token = world.ports.tokens.mint(1001)

    assert [(ANN, "registration")] == told_by(world, gone(world, world.bob))

    late = world.mail(a_mail(subject=f"Re: {token} It is slow", message_id="<late@customer.example>"))
    assert ("unregistered", [1001]) == (late.kind, world.cases())
    assert (BOB, "unregistered") == world.told()[-1]
    mail = world.outbox()[2]
    assert "Alice of Acme has un-registered" in " ".join(str(mail.get_body(("plain",))).split())


def test_mail_that_waits_is_cancelled_with_the_reason_and_others_mail_is_not(world: World) -> None:
    world.mail(a_mail(cc=CARL))
    world.act(AgentReply(case=ONE, actor=world.alice, text="Which version?"))

    outcome = world.act(gone(world, world.bob))

    assert 2 == outcome.cancelled
    rows = world.ports.db.read(post_room.outbox_rows)
    assert {"cancelled"} == {row.state for row in rows if row.recipient == BOB}
    assert {f"cancelled: {BOB} was un-registered by Alice"} == {r.last_error for r in rows if r.recipient == BOB}
    assert {"pending"} == {row.state for row in rows if row.recipient != BOB}


def test_what_left_already_stays_sent(world: World) -> None:
    world.mail(a_mail())
    with world.ports.db.begin() as tx:
        tx.execute(t.outbox.update().where(t.outbox.c.recipient == BOB).values(state="sent"))
    assert 0 == world.act(gone(world, world.bob)).cancelled
    assert (BOB, "sent") == waiting(world)[0]


def test_open_cases_go_on_with_who_else_is_on_them(world: World) -> None:
    """Nobody joins who was not on them; the history keeps the name."""
    world.mail(a_mail(cc=CARL))

    outcome = world.act(gone(world, world.bob))

    assert [ONE] == [case.number for case in outcome.cases]
    assert [BOB, CARL] == people_of(world)
    assert ["opened", "participant_added", "reporter_left"] == world.history()
    assert "Bob" == world.case().reporter_name
    assert [(CARL, "agent_replied")] == told_by(world, AgentReply(case=ONE, actor=world.alice, text="Better now?"))


def test_open_cases_of_nobody_else_go_on_with_the_user_managers(world: World) -> None:
    """Who are told which; a case that is resolved stays as it is, and so does a case of others."""
    world.mail(a_mail())
    world.mail(a_mail(subject="Resolved", message_id="<two@customer.example>", body="Something else."))
    world.act(Fire(case=TWO, actor=world.alice, trigger="resolve"))
    world.mail(a_mail(CARL, "Carl's", message_id="<three@customer.example>", body="Carl has a question."))
    before = world.history(1002), world.history(1003)

    world.act(gone(world, world.bob))

    assert ([BOB, ANN], [BOB], [CARL]) == (people_of(world), people_of(world, 1002), people_of(world, 1003))
    assert before == (world.history(1002), world.history(1003))
    text = str(world.outbox()[-1].get_body(("plain",)))
    assert f"{world.ports.tokens.mint(1001)} It is slow" in text
    assert "CASE-1002" not in text
    assert [(ANN, "agent_replied")] == told_by(world, AgentReply(case=ONE, actor=world.alice, text="Better now?"))


def test_agents_and_guests_on_a_case_are_not_its_account(world: World) -> None:
    """Nor is a user manager who sees no cases put on one; a case can be left alone, and the history says so."""
    world.mail(a_mail())
    world.act(ChangeParticipants(case=ONE, actor=world.alice, add=(world.alice, world.eve)))
    with world.ports.db.begin() as tx:
        people.changed(tx, replace(_read(world, READS), roles=MANAGER))
        people.changed(tx, replace(_read(world, ANN), roles=frozenset()))

    assert [(READS, "registration")] == told_by(world, gone(world, world.bob))
    assert [BOB, ALICE, EVE] == people_of(world)

    world.act(roles(world, world.ann, add={"user_manager"}))
    world.act(roles(world, world.carl, add={"user_manager"}))
    world.mail(a_mail(CARL, message_id="<carl@customer.example>"))
    world.act(gone(world, world.carl))
    assert [CARL, ANN] == people_of(world, 1002)


def test_a_participant_leaves_open_cases_also_of_other_accounts(world: World) -> None:
    world.mail(a_mail(EVE))
    world.act(ChangeParticipants(case=ONE, actor=world.alice, add=(world.bob,)))
    world.mail(a_mail(ANN, cc=BOB, message_id="<two@customer.example>", body="Something else."))

    world.act(gone(world, world.bob, successor=world.carl))

    assert ([EVE], [ANN, CARL]) == (people_of(world), people_of(world, 1002))
    assert "participant_removed" == world.history()[-1]


def test_a_successor_takes_the_open_cases(world: World) -> None:
    """As their reporter, and is told which; on all else nothing changes."""
    world.mail(a_mail(cc=CARL))
    world.mail(a_mail(subject="Resolved", message_id="<two@customer.example>", body="Something else."))
    world.act(Fire(case=TWO, actor=world.alice, trigger="resolve"))

    told = told_by(world, gone(world, world.bob, successor=world.carl))

    assert [(ANN, "registration"), (CARL, "registration")] == told
    assert ([CARL], [BOB]) == (people_of(world), people_of(world, 1002))
    assert ["participant_removed", "reporter_changed"] == world.history()[-2:]
    ann, carl = world.outbox()[-2:]
    assert f"{world.ports.tokens.mint(1001)} It is slow" in _html(carl)
    assert "CASE-1001" not in str(ann.get_body(("plain",)))
    assert [(CARL, "agent_replied")] == told_by(world, AgentReply(case=ONE, actor=world.alice, text="Better now?"))


@pytest.mark.parametrize(
    ("who", "reason"),
    [("eve", "is of account OT-1"), ("bob", "their own successor"), ("reads", "no access"), ("carl", "un-registered")],
)
def test_a_successor_is_somebody_who_can_work_on_them(world: World, who: str, reason: str) -> None:
    world.mail(a_mail())
    world.act(gone(world, world.carl))
    before, successor = waiting(world), _read(world, f"{who}@{'other' if who == 'eve' else 'customer'}.example")

    with pytest.raises(Refused, match=reason):
        world.act(gone(world, world.bob, successor=successor.party))

    assert (True, before, ["opened"]) == (_read(world, BOB).active, waiting(world), world.history())


def test_the_last_user_manager_can_be_unregistered_by_an_agent(world: World) -> None:
    """Nobody is left to tell; their case waits for an agent to put somebody on it."""
    world.mail(a_mail(ANN))
    assert [] == told_by(world, gone(world, world.ann))
    assert [ANN] == people_of(world)


def test_a_second_time_nothing_happens(world: World) -> None:
    world.mail(a_mail())
    world.act(gone(world, world.bob))
    before = world.told(), world.history()
    assert None is world.act(gone(world, world.bob)).contact
    assert before == (world.told(), world.history())


# --- Back again -----------------------------------------------------------------------------------------


def test_who_comes_back_has_what_is_said_now(world: World) -> None:
    """The roles of before are not theirs by themselves; the phone is. The user managers are told."""
    with world.ports.db.begin() as tx:
        people.changed(tx, replace(_read(world, BOB), roles=MANAGER, phone="+49 30 1", lang="de"))
    world.act(gone(world, world.bob))

    wanted = replace(_read(world, BOB), name="Robert", roles=frozenset(), phone=None, lang="fr", active=True)
    told = told_by(world, ReturnContact(contact=wanted, actor=world.alice))

    assert [(ANN, "registration")] == told
    assert replace(wanted, phone="+49 30 1") == _read(world, BOB)
    assert "new_case" == world.mail(a_mail()).kind
    with pytest.raises(Refused, match="a contact already"):
        world.act(ReturnContact(contact=wanted, actor=world.alice))


# --- At the same moment ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mail", "call"])
def test_what_was_decided_before_is_decided_again(world: World, kind: str) -> None:
    """A mail or a call whose contact was un-registered between reading and acting opens nothing."""
    bob = _read(world, BOB)
    world.accept(a_mail())
    (raw,) = inbound.lease(world.ports)
    world.act(gone(world, world.bob))

    action: Action = OpenFor(contact=bob, actor=world.alice, subject="It is slow", text="So he says.", channel="phone")
    if kind == "mail":
        incoming = _incoming(raw.id)
        action = OpenCase(contact=bob, incoming=incoming)
    with pytest.raises(Conflict, match="was un-registered at this moment"):
        perform(world.ports, action, Cause.cli("late"))

    assert [] == world.cases()
    assert "unregistered" == world.decide(raw).kind


def _incoming(intake: IntakeId) -> Incoming:
    return Incoming(
        intake=intake,
        subject="It is slow",
        text="It is.",
        quoted="",
        message_id=None,
        authenticity=Authenticity.UNVERIFIED,
    )


@pytest.mark.parametrize("turn", range(5))
def test_a_mail_at_the_moment_of_leaving_is_handled_before_or_after(world: World, turn: int) -> None:
    """Before: its case goes on with the user manager. After: it is a stranger's. Never a case with nobody on it."""
    world.accept(a_mail())
    (raw,) = inbound.lease(world.ports)
    start, failures = threading.Barrier(2), list[BaseException]()

    def tried(job: Callable[[], object]) -> None:
        try:
            start.wait(30)
            for left in reversed(range(5)):
                try:
                    job()
                    break
                except Conflict:
                    if not left:
                        raise
        except BaseException as error:  # noqa: BLE001  # shown below
            failures.append(error)

    jobs = (lambda: world.decide(raw), lambda: world.act(gone(world, world.bob)))
    threads = [threading.Thread(target=tried, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [] == failures
    ((_, decision),) = world.intake()
    assert decision in {"new_case", "unregistered"}
    assert [[BOB, ANN]] * len(world.cases()) == [people_of(world, number) for number in world.cases()]
    assert "pending" not in {state for recipient, state in waiting(world) if recipient == BOB and world.cases()}


def test_two_who_leave_at_once_leave_no_case_alone(world: World) -> None:
    """Each is whom the other's cases would go to: one is first, and the other's then go to who is left."""
    for who in (world.bob, world.carl):
        world.act(roles(world, who, add={"user_manager"}))
    world.act(gone(world, world.ann))
    world.mail(a_mail(BOB))
    world.mail(a_mail(CARL, message_id="<two@customer.example>", body="Something else."))
    start, failures = threading.Barrier(2), list[BaseException]()

    def leave(who: Party) -> None:
        try:
            start.wait(30)
            perform(world.ports, gone(world, who), Cause.cli(str(who)))
        except BaseException as error:  # noqa: BLE001  # shown below
            failures.append(error)

    threads = [threading.Thread(target=leave, args=(who,)) for who in (world.bob, world.carl)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [] == failures
    # The first one's case went to the second, and was then left by them.
    assert 1 == sum("participant_removed" in world.history(number) for number in (1001, 1002))


def test_a_pin_is_of_one_account_only_at_the_same_moment_too(world: World) -> None:
    """The database says so, whoever writes."""
    with pytest.raises(Conflict), world.ports.db.begin() as tx:
        for number in ("EX-1", "OT-1"):
            people.set_pin(tx, number, pin_hash="the same", at=world.now, by=None)
    with world.ports.db.begin() as tx:
        assert {None} == set(tx.scalars(select(t.account.c.pin_hash)))
