"""A contact is erased (SPEC section 3): nothing stored names them any more, and cases go on; on both databases."""

from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.actions import (
    AddNote,
    AgentReply,
    Cause,
    ChangeParticipants,
    Describe,
    Escalate,
    Fire,
    Merge,
    Outcome,
    Split,
)
from gateway.domain.escalation import EscalationKind
from gateway.domain.escalation_actions import LogProgress
from gateway.domain.model import (
    Agent,
    AgentId,
    AgentKind,
    Attachment,
    CaseNumber,
    Contact,
    ContactId,
    ContactRole,
    Party,
    PartyKind,
)
from gateway.domain.people_actions import ChangeRoles, EraseContact, RemoveContact, ReturnContact
from gateway.errors import NotFound, Refused
from gateway.services import by_hand, erasing, finding, outbox, post_room, why
from gateway.services import people as people_service
from gateway.services.perform import perform
from gateway.services.ports import Delivery, DeliveryState
from gateway.store import erase, load_people, people
from gateway.store import tables as t
from tests.world import World, a_mail, a_world

ONE, TWO, THREE = CaseNumber(1001), CaseNumber(1002), CaseNumber(1003)
ANN, BOB, CARL = "ann@customer.example", "bob@customer.example", "carl@customer.example"
DORA, SECOND, NAME, PHONE = "dora.d@customer.example", "dd@home.example", "Dora Dörrie", "+49 30 1234567"
MANAGER = frozenset({ContactRole.USER_MANAGER})


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """One in which ann is the user manager of dora's account, and root an admin."""
    with a_world(database_url, tmp_path) as made:
        with made.ports.db.begin() as tx:
            people.changed(tx, replace(_read(made, ANN), roles=MANAGER))
            people.add_contact(
                tx,
                Contact(id=ContactId(0), account="EX-1", name=NAME, addresses=(DORA, SECOND), phone=PHONE, lang="de"),
            )
            root = Agent(id=AgentId(0), name="Root", address="root@vendor.example", kind=AgentKind.ADMIN)
            people.add_agent(tx, root)
        yield made
        assert made.ports.db.read(erase.unfinished) == []


def _read(world: World, address: str) -> Contact:
    return world.ports.db.read(load_people.contacts_by_address, (address,))[address]


def root(world: World) -> Party:
    found = world.ports.db.read(load_people.agent_by_address, "root@vendor.example")
    assert found
    return found.party


def erased(world: World, address: str = DORA, successor: Party | None = None) -> Outcome:
    who = _read(world, address).party
    return world.act(EraseContact(contact=who, actor=root(world), successor=successor))


def told(world: World) -> list[tuple[str, str]]:
    """(recipient, kind) of every mail owed so far, oldest first; of some nothing is left to read."""
    return [(row.recipient, row.kind) for row in reversed(world.ports.db.read(post_room.outbox_rows))]


def left(world: World, *more: str) -> list[str]:
    """Every column of every table, and every file, in which something of dora stands still."""
    wanted = [one.lower() for one in (NAME, "Dörrie, Dora", DORA, SECOND, PHONE, "1234567", *more)]
    found = []
    with world.ports.db.engine.connect() as tx:
        names = sa.inspect(tx).get_table_names()
        for table in names:
            for row in tx.execute(sa.text(f'SELECT * FROM "{table}"')).mappings():  # names of ours
                found += [
                    f"{table}.{column}: {one}"
                    for column, value in row.items()
                    for one in wanted
                    if one in _plain(value)
                ]
    for file in (world.ports.blobs.folder).rglob("*"):  # type: ignore[attr-defined]  # FileBlobs, in a World
        if file.is_file():
            found += [f"{file.name}: {one}" for one in wanted if one in _plain(file.read_bytes())]
    return found


def _plain(value: Any) -> str:
    """A value as text; a mail with its encodings undone."""
    if not isinstance(value, bytes | memoryview):
        return str(value).encode().decode("unicode_escape").lower() if "\\u" in str(value) else str(value).lower()
    data = bytes(value)
    mail = message_from_bytes(data, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    texts = [data.decode("utf-8", "replace"), *(str(value) for value in mail.values())]
    texts += [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    return "\n".join(texts).lower()


def a_past(world: World) -> None:
    """Cases, mails, notes and failures in which dora stands in every way that there is."""
    signed = f"It is slow.\n\n-- \n{NAME}\nTel. +49 (30) 123-4567, {SECOND}"
    world.mail(a_mail(f'"{NAME}" <{DORA}>', f"{NAME} has a question", signed, cc=CARL))
    world.mail(a_mail(SECOND, f"From {SECOND}", "Another one.", message_id=f"<{SECOND}>"))
    quoted = f"On Monday, {NAME} <{DORA}> wrote:\n> It is slow."
    token = world.ports.tokens.mint(1001)
    world.mail(
        a_mail(CARL, f"Re: {token} It is slow", f"Me too.\n\n{quoted}", message_id="<two@customer.example>", cc=DORA)
    )
    world.act(AgentReply(case=ONE, actor=world.alice, text=f"Dear Dörrie, Dora: is {PHONE} yours?"))
    world.act(AddNote(case=ONE, actor=world.alice, text=f"DORA  DÖRRIE rang from 004930 - no: {PHONE}."))
    world.act(Describe(case=ONE, actor=world.alice, environment=f"the machine of {NAME}"))
    world.act(Escalate(case=ONE, actor=world.alice, kind=EscalationKind.NON_TECHNICAL, reason=f"{NAME} is upset"))
    world.act(Escalate(case=ONE, actor=world.alice, kind=EscalationKind.NON_TECHNICAL, reason=f"so says {DORA}"))
    world.act(LogProgress(case=ONE, actor=world.alice, text=f"{NAME} calls from {PHONE}.", internal=True))
    world.mail(a_mail("eve@other.example", "Whose?", f"I am not {DORA}.", message_id="<three@other.example>"))


def test_nothing_names_them_any_more(world: World) -> None:
    """Every table and file, all encodings undone; what they wrote stays, and so does every case."""
    a_past(world)
    (row, *_) = outbox.lease(world.ports)
    outbox.settle(world.ports, row, Delivery(DeliveryState.PERMANENT, f"550 5.1.1 <{row.recipient}> unknown"))
    assert len(left(world)) > 20
    before = world.cases()

    outcome = erased(world)

    assert [] == left(world)
    assert before == world.cases()
    case = world.case()
    number = _read_by_id(world).id
    assert (f"Erased person {number}", f"erased-{number}@erased.invalid") == (case.reporter_name, case.summary.reporter)
    assert f"Erased person {number} has a question" == case.summary.subject
    assert case.messages[0].text.startswith("It is slow.")
    assert f"the machine of Erased person {number}" == case.environment
    assert outcome.erased
    assert (2, 3) == (outcome.erased.cases, outcome.erased.raw_mails - 1)
    assert f"I am not erased-{number}@erased.invalid." == world.case(1003).messages[0].text.strip()


def _read_by_id(world: World) -> Contact:
    (found,) = [one for one in world.ports.db.read(load_people.contacts) if one.is_erased]
    return found


def test_every_case_they_were_on_says_so(world: World) -> None:
    """Also one that is resolved, one that was merged, one of another account, one on which they only wrote."""
    world.mail(a_mail(DORA))
    world.mail(a_mail(CARL, "Two", "Something else.", message_id="<two@customer.example>", cc=DORA))
    world.mail(a_mail("eve@other.example", "Three", "And else.", message_id="<three@other.example>"))
    world.mail(a_mail(CARL, "Four", "Nobody else.", message_id="<four@customer.example>"))
    world.act(ChangeParticipants(case=THREE, actor=world.alice, add=(_read(world, DORA).party,)))
    world.act(ChangeParticipants(case=THREE, actor=world.alice, remove=(_read(world, DORA).party,)))
    world.act(Fire(case=ONE, actor=world.alice, trigger="resolve"))
    world.act(Merge(case=TWO, actor=world.alice, into=CaseNumber(1004)))
    updated = {number: world.case(number).summary.updated_at for number in world.cases()}
    world.later(days=1)

    outcome = erased(world)

    assert {1001: 1, 1002: 1, 1003: 1, 1004: 1} == {n: world.history(n).count("erased") for n in world.cases()}
    assert [1001, 1002, 1003, 1004] == sorted(case.number for case in outcome.cases)
    closed = world.case(1001)
    assert (updated[1001], updated[1003]) == (closed.summary.updated_at, world.case(1003).summary.updated_at)
    event = closed.events[-1]
    assert ("root@vendor.example", {"party": _read_by_id(world).address}) == (event.actor, dict(event.detail))


def test_cases_that_are_taken_apart_later_are_none_that_should_have_said_so(world: World) -> None:
    world.mail(a_mail(DORA))
    world.mail(a_mail(DORA, f"Re: {world.ports.tokens.mint(1001)}", "More.", message_id="<two@customer.example>"))
    world.mail(a_mail(CARL, "Mine", "Something else.", message_id="<three@customer.example>"))
    erased(world)
    messages = [message.id for message in world.case().messages]
    world.act(Split(case=ONE, actor=world.alice, messages=(messages[-1],)))
    world.act(Merge(case=ONE, actor=world.alice, into=TWO))
    assert [] == world.ports.db.read(erase.unfinished)


def test_who_is_active_is_unregistered_by_it(world: World) -> None:
    """By the same rules: open cases go to the user managers, who are told, with the pseudonym only."""
    world.mail(a_mail(DORA, f"{NAME} again"))
    before = len(told(world))

    erased(world)

    assert [(ANN, "registration")] == told(world)[before:]
    assert (ANN,) == world.case().participants
    assert ["opened", "reporter_left", "participant_added", "erased"] == world.history()
    mail = _newest(world)
    assert "A contact was erased on request" == mail["Subject"]
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part
        text = " ".join(part.get_content().split())
        number = _read_by_id(world).id
        for words in ("Root of Acme", f"Erased person {number}", "on 1 case", f"Erased person {number} again"):
            assert words in text
    late = world.mail(a_mail(DORA, message_id="<late@customer.example>"))
    assert "unregistered" == late.kind


def _newest(world: World) -> EmailMessage:
    (row, *_) = world.ports.db.read(post_room.outbox_rows)
    mail = message_from_bytes(world.ports.db.read(post_room.outbox_mail, row.id), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_a_successor_takes_the_open_cases(world: World) -> None:
    world.mail(a_mail(DORA))
    erased(world, successor=world.carl)
    assert CARL == world.case().summary.reporter
    assert [(ANN, "registration"), (CARL, "registration")] == sorted(told(world)[-2:])


def test_who_was_unregistered_can_be_erased_and_has_no_successor_then(world: World) -> None:
    a_past(world)
    world.act(RemoveContact(contact=_read(world, DORA).party, actor=world.alice))
    with pytest.raises(Refused, match="un-registered already"):
        erased(world, successor=world.carl)
    erased(world)
    assert [] == left(world)


def test_a_second_time_nothing_happens_and_nothing_brings_them_back(world: World) -> None:
    world.mail(a_mail(DORA))
    erased(world)
    gone = _read_by_id(world)
    before = world.history(), told(world)

    assert None is erased(world, gone.address).contact

    with pytest.raises(Refused, match="was erased"):
        world.act(ReturnContact(contact=replace(gone, active=True), actor=world.alice))
    with pytest.raises(Refused, match="un-registered"):
        world.act(ChangeRoles(contact=gone.party, actor=world.alice, add=MANAGER))
    assert before == (world.history(), told(world))


def test_only_an_admin_erases(world: World) -> None:
    """Who is told whom to ask; where there is none, how to get one."""
    dora = _read(world, DORA).party
    with pytest.raises(Refused, match=r"--as one of: root@vendor\.example"):
        world.act(EraseContact(contact=dora, actor=world.alice))
    with world.ports.db.begin() as tx:
        tx.execute(t.agent.update().values(kind="agent"))
    with pytest.raises(Refused, match="--kind admin"):
        erased(world)
    assert _read(world, DORA).active


def test_the_address_is_free_for_a_new_person(world: World) -> None:
    """Whose cases are their own."""
    world.mail(a_mail(DORA))
    erased(world)
    new = Contact(id=ContactId(0), account="EX-1", name="Doris", addresses=(DORA,))
    people_service.add_contact(world.ports.db, new)
    world.mail(a_mail(DORA, "Hello", "I am new.", message_id="<new@customer.example>"))
    assert DORA == world.case(1002).summary.reporter
    assert DORA != world.case(1001).summary.reporter


def test_others_of_the_same_name_keep_theirs(world: World) -> None:
    """A part of a name or of an address is another one's; and so is the whole name on another account's case."""
    text = f"Ask Dora, Dora Dörries, jo{DORA}, {DORA}.org or dora.d@customer.examples; not {DORA}."
    world.mail(a_mail(CARL, "Who?", text))
    world.mail(a_mail("eve@other.example", "Ours", f"Ask {NAME}.", message_id="<two@other.example>"))
    erased(world)
    number = _read_by_id(world).id
    assert (
        text.replace(f"not {DORA}", f"not erased-{number}@erased.invalid") == world.case(1001).messages[0].text.strip()
    )
    assert f"Ask {NAME}." == world.case(1002).messages[0].text.strip()


def test_mail_that_waits_for_others_still_leaves(world: World) -> None:
    """As the same mail, but for the person; mail to the person does not."""
    a_past(world)
    before = {row.id: row for row in world.ports.db.read(post_room.outbox_rows)}

    erased(world)

    after = {row.id: row for row in world.ports.db.read(post_room.outbox_rows)}
    for id_, row in before.items():
        if row.recipient == DORA:
            assert ("cancelled", b"") == (after[id_].state, world.ports.db.read(post_room.outbox_mail, id_))
        else:
            assert (row.state, row.message_id) == (after[id_].state, after[id_].message_id)
    leaving = outbox.lease(world.ports)
    assert leaving
    for mail in leaving:
        assert mail.message_id.encode() in mail.data
        assert b"\r\n\r\n" in mail.data
        assert b"\n" not in mail.data.replace(b"\r\n", b"")


def test_their_raw_mail_is_gone_and_the_row_says_so(world: World) -> None:
    """What waited for somebody is dropped; nothing is read again."""
    world.mail(a_mail(DORA))
    world.mail(b"From: " + DORA.encode() + b"\r\nFrom: x@y.example\r\n\r\nTwo senders.\r\n")

    erased(world)

    rows = world.ports.db.read(post_room.intake_rows)
    assert {"done", "dropped"} >= {row.state for row in rows}
    for row in rows:
        assert f"erased with {_read_by_id(world).name}" in (row.reason or "")
        assert "erased" in world.ports.db.read(why.of_intake, row.id).reason
    assert [] == world.ports.db.read(lambda tx: tx.execute(select(t.raw_mail)).all())
    with world.ports.db.begin() as tx:
        tx.execute(t.intake.update().values(state="held"))
    (agent, *_) = world.ports.db.read(people_service.agents)
    with pytest.raises(Refused, match="cannot be read again"):
        by_hand.retry(world.ports, rows[0].id, agent)


def test_mail_of_theirs_that_nobody_decided_yet_comes_first(world: World) -> None:
    """Else it would be a stranger's, kept under their name."""
    world.accept(a_mail(f"{NAME} <{DORA}>"))
    with pytest.raises(Refused, match="casegate settle"):
        erased(world)
    world.handle()
    erased(world)
    assert [] == left(world)


def test_a_large_mail_goes_from_the_file_store_after_the_commit(world: World) -> None:
    """And only if nothing else has the same bytes; who dies in between leaves it to the next."""
    large = a_mail(DORA, body="slow\n" * 300_000)
    world.mail(large)
    sha256 = world.ports.blobs.put(large)

    erased(world)

    assert large == world.ports.blobs.get(sha256)
    (problem,) = world.ports.db.read(erase.unfinished)
    assert "1 mail of erased people are still in the file store" in problem
    assert (1, 0) == (erasing.sweep(world.ports), erasing.sweep(world.ports))
    with pytest.raises(NotFound):
        world.ports.blobs.get(sha256)


def test_a_blob_that_something_else_names_stays(world: World) -> None:
    large = a_mail(DORA, body="slow\n" * 300_000)
    world.mail(large)
    sha256 = world.ports.blobs.put(large)
    file = Attachment(name="mail.eml", size=len(large), sha256=sha256, content_type="message/rfc822")
    world.mail(a_mail(CARL, message_id="<two@customer.example>"))
    world.act(AgentReply(case=TWO, actor=world.alice, text="As you sent it.", attachments=(file,)))
    erased(world)
    assert 0 == erasing.sweep(world.ports)
    assert large == world.ports.blobs.get(sha256)


def test_an_outside_address_of_theirs_gets_no_mail_any_more(world: World) -> None:
    """One that took part before it was a contact's."""
    world.mail(a_mail(CARL))
    world.act(ChangeParticipants(case=ONE, actor=world.alice, add=(Party(PartyKind.EXTERNAL, "x@home.example"),)))
    with world.ports.db.begin() as tx:
        tx.execute(t.participant.update().values(party=f"external:{SECOND}"))
        for row in tx.execute(select(t.event).where(t.event.c.event == "participant_added")).all():
            tx.execute(t.event.update().where(t.event.c.id == row.id).values(detail={"party": f"external:{SECOND}"}))
    erased(world)
    assert () == world.case().participants
    assert [] == left(world)


def test_search_finds_them_no_more(world: World) -> None:
    a_past(world)
    erased(world)
    for words in ("Dörrie", "dora.d", "1234567"):
        asked = finding.SearchQuery(words=words)
        assert () == world.ports.db.read(finding.search, asked, world.ports.policy, world.ports.tokens)


def test_verify_finds_an_erasure_that_was_undone_by_hand(world: World) -> None:
    world.mail(a_mail(DORA))
    erased(world)
    number = _read_by_id(world).id
    with world.ports.db.begin() as tx:
        kept = tx.execute(select(t.contact).where(t.contact.c.id == number)).one()
        tx.execute(t.contact.update().where(t.contact.c.id == number).values(name=NAME))
        tx.execute(t.address.insert().values(address=DORA, contact_id=number, position=1))
        tx.execute(t.raw_mail.insert().values(intake_id=1, data=b"x"))
        gone = tx.execute(select(t.event).where(t.event.c.event == "erased")).one()
        tx.execute(t.event.update().where(t.event.c.id == gone.id).values(event="other"))
    found = world.ports.db.read(erase.unfinished)
    assert [
        f"contact {number} is erased, but {what}"
        for what in (
            "has more than a pseudonym",
            "has an address",
            "case 1001 has no event that says so",
            "the bytes of mail 1 are kept",
        )
    ] == found
    with world.ports.db.begin() as tx:
        tx.execute(t.contact.update().where(t.contact.c.id == number).values(name=kept.name))
        tx.execute(t.address.delete().where(t.address.c.address == DORA))
        tx.execute(t.raw_mail.delete())
        tx.execute(t.event.update().where(t.event.c.id == gone.id).values(event="erased"))


def test_who_dies_on_the_way_has_erased_nothing(world: World) -> None:
    """One transaction: after any of its steps the database is as it was."""
    a_past(world)
    before, steps = sorted(left(world)), list[int]()
    asked = EraseContact(contact=_read(world, DORA).party, actor=root(world))

    def tell(done: int, total: int) -> None:
        steps.append(total)
        if done == last:
            raise InterruptedError

    for last in (1, 10, len(erase.TABLES) + 6):
        with pytest.raises(InterruptedError):
            perform(replace(world.ports, tell=tell), asked, Cause.cli(f"dies after {last}"))
        assert before == sorted(left(world))
    assert {len(erase.TABLES) + 6} == set(steps)
