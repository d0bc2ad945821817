"""Announcements: who gets them, what they carry, and that nobody gets one twice (SPEC section 11), on both databases."""

import gc
import re
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote

import pytest

from gateway.domain.actions import AgentReply
from gateway.domain.announcement import Announcement, AnnouncementId, AnnouncementState, Audience, Standing
from gateway.domain.cover import Gap
from gateway.domain.model import (
    Agent,
    AgentId,
    AgentKind,
    CaseNumber,
    Contact,
    ContactId,
    ContactRole,
    NoticeKind,
    Party,
)
from gateway.domain.people_actions import EraseContact, RemoveContact, Subscribe
from gateway.domain.post import DecisionKind, Transport
from gateway.errors import BadUsage, NotFound, Refused
from gateway.mail.decision import Decision
from gateway.services import announcing, outbox
from gateway.services import people as service
from gateway.services.ports import Delivery, DeliveryState
from gateway.store import load_people, people
from tests.answers import ANN, BOB, CARL, EVE, contact, give, last, reply, text, write
from tests.world import SERVICE, World, a_mail, a_world

READS = "reads@customer.example"
EVERYBODY = {ANN, BOB, CARL, EVE, READS}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """One in which ann and eve are version recipients."""
    with a_world(database_url, tmp_path) as made:
        give(made, ANN, ContactRole.VERSION_RECIPIENT)
        give(made, EVE, ContactRole.VERSION_RECIPIENT, ContactRole.USER_MANAGER)
        yield made


def manager(world: World) -> Agent:
    """An agent who may announce."""
    sam = Agent(id=AgentId(0), name="Sam", address="sam@vendor.example", kind=AgentKind.SUPPORT_MANAGER)
    with world.ports.db.begin() as tx:
        known = load_people.agent_by_address(tx, sam.address)
        return known or replace(sam, id=AgentId(people.add_agent(tx, sam)))


def release(
    world: World,
    audience: Audience = Audience.VERSION_RECIPIENTS,
    *accounts: str,
    template: str = "release",
    version: str | None = "8.1",
    **variables: str,
) -> Announcement:
    """Version 8.1, to whom the arguments say."""
    return Announcement(
        id=AnnouncementId(0),
        by=manager(world).id,
        created_at=world.now,
        audience=audience,
        accounts=accounts,
        template=template,
        variables=(*([("version", version)] if version else []), *variables.items()),
    )


def begun(world: World, wanted: Announcement) -> AnnouncementId:
    """It is looked at and begun."""
    announcing.look(world.ports, wanted)
    return announcing.begin(world.ports, wanted, manager(world))


def sent(world: World, wanted: Announcement) -> AnnouncementId:
    """It is announced, all of it."""
    id_ = begun(world, wanted)
    while announcing.owe_page(world.ports, id_):
        pass
    return id_


def told(world: World) -> list[str]:
    """Who is owed an announcement, sorted."""
    return sorted(address for address, kind in world.told() if kind == "announcement")


def standing(world: World, id_: AnnouncementId) -> Standing:
    return world.ports.db.read(announcing.standing, id_)


def crowd(world: World, number: int) -> list[str]:
    """So many more contacts of OT-1."""
    addresses = [f"c{one}@other.example" for one in range(number)]
    with world.ports.db.begin() as tx:
        for address in addresses:
            people.add_contact(tx, Contact(id=ContactId(0), account="OT-1", name=address, addresses=(address,)))
    return addresses


def lines(mail: EmailMessage) -> str:
    """The plain text of a mail, with line ends as they are typed here."""
    return text(mail).replace("\r\n", "\n")


def headers(mail: EmailMessage, *names: str) -> Sequence[str | None]:
    return [str(mail[name]) if mail[name] is not None else None for name in names]


@pytest.mark.parametrize(
    ("audience", "accounts", "expected"),
    [
        (Audience.VERSION_RECIPIENTS, (), {ANN, EVE}),
        (Audience.ALL, (), EVERYBODY),
        (Audience.ACCOUNT, ("OT-1",), {EVE}),
        (Audience.ACCOUNT, ("EX-1", "OT-1"), EVERYBODY),
    ],
)
def test_an_audience_gets_it(world: World, audience: Audience, accounts: tuple[str, ...], expected: set[str]) -> None:
    """Also who holds a role without access to cases."""
    id_ = sent(world, release(world, audience, *accounts))

    assert sorted(expected) == told(world)
    number = len(expected)
    assert Standing(total=number, queued=number, skipped=0, sent=0, failed=0) == standing(world, id_)
    assert AnnouncementState.SENDING is standing(world, id_).state
    with world.ports.db.begin() as tx:
        tx.exec_driver_sql("UPDATE outbox SET state = 'sent'")
    assert AnnouncementState.SENT is standing(world, id_).state


def test_it_is_marked_as_a_list_and_names_no_case(world: World) -> None:
    sent(world, release(world))

    mail = last(world, ANN, "announcement")
    id_ = contact(world, ANN).id
    address = world.ports.tokens.unsubscribe_address(id_)
    assert address.startswith(f"service+u.{id_}.")
    assert [
        "auto-generated",
        '"Acme" <announcements.service.vendor.example>',
        f"<mailto:{address}?subject=unsubscribe>",
        f"Acme <{SERVICE}>",
        None,
        None,
        None,
        None,
    ] == headers(
        mail,
        *("Auto-Submitted", "List-Id", "List-Unsubscribe", "Reply-To"),
        *("Precedence", "List-Unsubscribe-Post", "In-Reply-To", "References"),
    )
    assert "Acme: version 8.1 is available" == mail["Subject"]
    assert (
        f'You get this as a recipient of version information of EX-1 Ltd.\nTo get no more announcements, send a mail with the subject\n"unsubscribe" to {address}\n'
        in lines(mail)
    )


# --- Unsubscribing ---------------------------------------------------------------------------------------


def unsubscribe(world: World, address: str, **more: str) -> Decision:
    """The person presses the button of their mail program."""
    mail = last(world, address, "announcement")
    found = re.fullmatch(r"<mailto:([^?]+)\?subject=([^&]+)>", str(mail["List-Unsubscribe"]))
    assert found is not None
    to, subject = unquote(found[1]), unquote(found[2])
    return write(world, more.pop("sender", address), to, more.pop("body", ""), subject=subject, **more)


def checked(world: World, number: str = "EX-1") -> list[tuple[str, str | None, str | None]]:
    found = world.ports.db.read(service.findings, number, world.ports.policy)
    return [(one.what, one.role, one.contact) for one in found if one.what is Gap.UNSUBSCRIBED]


def test_who_unsubscribes_keeps_the_role_and_gets_no_more(world: World) -> None:
    sent(world, release(world))

    decision = unsubscribe(world, ANN)

    assert (DecisionKind.COMMAND, "unsubscribe") == (decision.kind, decision.rung)
    ann = contact(world, ANN)
    assert (world.now, frozenset({ContactRole.VERSION_RECIPIENT})) == (ann.unsubscribed_at, ann.roles)
    assert [("unsubscribed", "version_recipient", ANN)] == checked(world)
    assert "from now on you get no more announcements" in text(last(world, ANN, "registration"))
    again = announcing.look(world.ports, release(world))
    assert (1, 1, [EVE]) == (again.reach.recipients, again.reach.unsubscribed, [one.address for one in again.first])
    assert [] == list(world.cases())


def test_what_waits_for_who_unsubscribes_is_cancelled(world: World) -> None:
    """Announcements alone."""
    world.mail(a_mail(ANN))
    for _ in range(2):
        sent(world, release(world))

    unsubscribe(world, ANN)

    with world.ports.db.begin() as tx:
        rows = tx.exec_driver_sql(
            "SELECT kind, state FROM outbox WHERE recipient = 'ann@customer.example' ORDER BY id"
        ).all()
    assert [
        ("case_opened", "pending"),
        ("announcement", "cancelled"),
        ("announcement", "cancelled"),
        ("registration", "pending"),
    ] == [tuple(row) for row in rows]


def test_once_more_or_by_a_machine_does_no_harm(world: World) -> None:
    """One confirmation; a machine gets none, and one that says what it is changes nothing."""
    sent(world, release(world))
    assert DecisionKind.HELD is unsubscribe(world, EVE, auto_submitted="auto-replied").kind
    unsubscribe(world, EVE, precedence="bulk")
    for _ in range(3):
        unsubscribe(world, ANN)

    assert [ANN] == [address for address, kind in world.told() if kind == "registration"]
    assert contact(world, EVE).unsubscribed_at is not None


@pytest.mark.parametrize(
    "body",
    [
        "This message was automatically generated by Gmail.",
        "Apple Mail sent this email to unsubscribe from the message “Acme: version 8.1 is available”.",
        "This email was sent by Outlook to unsubscribe from a mailing list.\n\nunsubscribe",
    ],
)
def test_the_button_of_a_mail_program_works(world: World, body: str) -> None:
    sent(world, release(world))
    assert DecisionKind.COMMAND is unsubscribe(world, ANN, body=body).kind
    assert contact(world, ANN).unsubscribed_at is not None


def test_nobody_unsubscribes_somebody_else(world: World) -> None:
    sent(world, release(world))
    assert [DecisionKind.HELD] * 2 == [unsubscribe(world, ANN, sender=who).kind for who in (BOB, "x@evil.example")]
    mine = world.ports.tokens.unsubscribe_address(contact(world, BOB).id)
    forged = f"{mine.partition('@')[0][:-1]}{'a' if mine.partition('@')[0][-1] != 'a' else 'b'}@vendor.example"

    assert DecisionKind.NEW_CASE is write(world, BOB, forged, "Unsubscribe me").kind
    assert [] == [who for who in EVERYBODY if contact(world, who).unsubscribed_at]


def test_the_address_proves_enough_where_mail_must_be_proved(database_url: str, tmp_path: Path) -> None:
    """Only who reads that person's mail knows it; what failed its proof is held all the same."""
    with a_world(
        database_url, tmp_path, trust={"require": "authenticated", "authserv_id": "mx.vendor.example"}
    ) as strict:
        sent(strict, release(strict, Audience.ALL))
        failed = "mx.vendor.example; dmarc=fail header.from=customer.example"
        assert DecisionKind.HELD is unsubscribe(strict, BOB, authentication_results=failed).kind
        assert DecisionKind.COMMAND is unsubscribe(strict, ANN).kind


def test_it_works_without_plus_addresses(database_url: str, tmp_path: Path) -> None:
    """The mark is in the subject; an answer that quotes the whole mail is a question."""
    mail = {"service_address": SERVICE, "plus_addressing": False}
    with a_world(database_url, tmp_path, mail=mail, trust={"require": "unverified"}) as plain:
        sent(plain, release(plain, Audience.ALL))
        announced = last(plain, ANN, "announcement")
        quoted = "".join(f"> {line}\n" for line in text(announced).splitlines())
        assert f"<mailto:{SERVICE}?subject=unsubscribe%20%5BCASE.u." in str(announced["List-Unsubscribe"])

        assert DecisionKind.NEW_CASE is reply(plain, announced, f"When?\n\n{quoted}").kind
        assert DecisionKind.COMMAND is unsubscribe(plain, ANN).kind
        assert [True, False] == [contact(plain, who).unsubscribed_at is not None for who in (ANN, BOB)]


def test_from_a_mailbox_it_works_by_the_header(world: World) -> None:
    """IMAP has no envelope."""
    sent(world, release(world))
    to = world.ports.tokens.unsubscribe_address(contact(world, ANN).id)
    envelope = {"transport": Transport.IMAP, "mail_from": None, "rcpt_to": (), "authserv_id": None}

    assert DecisionKind.COMMAND is world.mail(a_mail(ANN, "unsubscribe", "", to=to), **envelope).kind


def test_an_agent_does_it_and_the_user_managers_hear(world: World) -> None:
    ann = contact(world, ANN)
    give(world, BOB, ContactRole.USER_MANAGER)
    for wanted in (False, False, True):
        world.act(Subscribe(contact=ann.party, actor=world.alice, wanted=wanted))

    subjects = ["Ann gets no more announcements", "Ann gets announcements again"]
    assert subjects == [mail["Subject"] for mail in world.outbox() if mail["To"] == BOB]
    assert contact(world, ANN).unsubscribed_at is None


# --- Answers ---------------------------------------------------------------------------------------------


def test_an_answer_opens_a_question_of_its_own(world: World) -> None:
    """Also a colleague's, and the same person's next one to the same mail."""
    sent(world, release(world, Audience.ALL))
    announced = last(world, BOB, "announcement")

    assert [DecisionKind.NEW_CASE] * 3 == [
        reply(world, announced, "When can we have it?").kind,
        reply(world, announced, "What does it cost?").kind,
        reply(world, announced, "Is it tested?", sender=CARL).kind,
    ]
    assert [1001, 1002, 1003] == list(world.cases())
    assert DecisionKind.REPLY is reply(world, last(world, BOB, "case_opened"), "And how?").kind
    assert "Re: Acme: version 8.1 is available" == world.case(1001).summary.subject


# --- Stopped, changed, refused ---------------------------------------------------------------------------


def test_pages_go_on_where_they_were_and_nobody_gets_it_twice(world: World) -> None:
    people_of_it = [*crowd(world, 45), EVE]
    id_ = begun(world, release(world, Audience.ACCOUNT, "OT-1"))
    assert [26, 6] == [announcing.owe_page(world.ports, id_) for _ in range(2)]
    assert AnnouncementState.UNFINISHED is standing(world, id_).state
    assert 40 == len(told(world))

    assert [0, 0] == [announcing.owe_page(world.ports, id_) for _ in range(2)]

    assert sorted(people_of_it) == told(world)


def test_who_leaves_meanwhile_is_passed_over(world: World) -> None:
    id_ = begun(world, release(world, Audience.ALL))
    world.act(RemoveContact(contact=world.bob, actor=world.alice))
    world.act(Subscribe(contact=world.carl, actor=world.alice, wanted=False))
    with world.ports.db.begin() as tx:
        people.address_bounced(tx, EVE, at=world.now, status="5.1.1")

    announcing.owe_page(world.ports, id_)

    assert [ANN, READS] == told(world)
    assert Standing(total=5, queued=2, skipped=3, sent=0, failed=0) == standing(world, id_)


def test_mail_that_bounces_is_not_tried(world: World) -> None:
    with world.ports.db.begin() as tx:
        people.address_bounced(tx, ANN, at=world.now, status="5.1.1")
    assert (1, 1) == ((found := announcing.look(world.ports, release(world)).reach).recipients, found.bouncing)


@pytest.mark.parametrize(
    ("error", "template", "variables", "told_so"),
    [
        (BadUsage, "release", {"verison": "8.1"}, "release needs --set version=…; nothing was sent"),
        (BadUsage, "release", {"version": "8.1", "colour": "red"}, "does not use colour; it reads notes, version"),
        (BadUsage, "release", {"version": "8.1", "lang": "de"}, "release does not use lang"),
        (NotFound, "nothing", {}, "there is no announcement nothing; there are: release"),
    ],
)
def test_what_a_template_lacks_is_said_before_anything_is_sent(
    world: World, error: type[Exception], template: str, variables: dict[str, str], told_so: str
) -> None:
    wanted = replace(release(world, template=template), variables=tuple(variables.items()))
    with pytest.raises(error, match=re.escape(told_so)):
        announcing.look(world.ports, wanted)


def test_only_managers_announce(world: World) -> None:
    alice = world.ports.db.read(load_people.agent_by_address, "alice@vendor.example")
    assert alice is not None
    with pytest.raises(Refused, match="only a support manager or an admin announces; --as one of: sam@vendor"):
        announcing.begin(world.ports, release(world), alice)
    assert () == world.ports.db.read(announcing.listed)


def test_each_reads_it_in_their_language(world: World) -> None:
    with world.ports.db.begin() as tx:
        people.changed(tx, replace(contact(world, ANN), lang="de-AT"))
        tx.exec_driver_sql("UPDATE account SET lang = 'de' WHERE number = 'OT-1'")
    wanted = release(world, Audience.ALL, notes="Neu & gut:\n<b>alles</b>")

    assert ["en", "de"] == [lang for lang, _ in announcing.look(world.ports, wanted).mails]
    sent(world, wanted)

    assert [True, True, False] == [
        "WAS NEU IST\n\nNeu & gut:\n<b>alles</b>" in lines(last(world, who)) for who in (ANN, EVE, BOB)
    ]
    html = last(world, BOB).get_body(("html",))
    assert html is not None
    assert "Neu &amp; gut:<br>&lt;b&gt;alles&lt;/b&gt;" in html.get_content()


# --- Other mail goes first -------------------------------------------------------------------------------


def test_an_answer_leaves_before_300_announcements(world: World) -> None:
    crowd(world, 300)
    sent(world, release(world, Audience.ACCOUNT, "OT-1"))
    world.mail(a_mail())
    world.act(AgentReply(case=CaseNumber(1001), actor=world.alice, text="Try it."))

    first, then = outbox.lease(world.ports), outbox.lease(world.ports)

    assert {NoticeKind.CASE_OPENED} == {row.kind for row in first}
    assert [NoticeKind.ANNOUNCEMENT] * outbox.BULK == [row.kind for row in then]
    for row in first:
        outbox.settle(world.ports, row, Delivery(DeliveryState.SENT, "250"))
    assert NoticeKind.AGENT_REPLIED in {row.kind for row in outbox.lease(world.ports)}


@pytest.mark.parametrize("number", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_recipients(world: World, number: int) -> None:
    """What is held after the first pages is held after the last, and an answer leaves before all that waits."""
    crowd(world, number)
    id_ = begun(world, release(world, Audience.ACCOUNT, "OT-1"))
    for _ in range(5):
        announcing.owe_page(world.ports, id_)
    gc.collect()
    tracemalloc.start()
    try:
        while announcing.owe_page(world.ports, id_):
            pass
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    world.mail(a_mail())

    assert number + 1 == standing(world, id_).queued
    assert held < 2_000_000
    assert peak < 4_000_000
    assert {NoticeKind.CASE_OPENED} == {row.kind for row in outbox.lease(world.ports)}


def test_a_machine_that_answers_one_without_saying_so_raises_the_alarm(world: World) -> None:
    sent(world, release(world))
    for row in outbox.lease(world.ports):
        outbox.settle(world.ports, row, Delivery(DeliveryState.SENT, "250"))
    world.later(seconds=3)

    reply(world, last(world, ANN, "announcement"), "I am out of the office until Monday.")

    with world.ports.db.begin() as tx:
        assert ["loop"] == [row.name for row in tx.exec_driver_sql("SELECT name FROM alarm")]


def test_no_budget_is_used_up_by_them(database_url: str, tmp_path: Path) -> None:
    with a_world(
        database_url, tmp_path, budget={"per_address_hour": 1, "per_case_hour": 1, "overall_hour": 1}
    ) as tight:
        for _ in range(3):
            sent(tight, release(tight, Audience.ALL))
        tight.mail(a_mail())
        assert 15 == len(told(tight))
        assert (BOB, "case_opened") in tight.told()


# --- Erasing ---------------------------------------------------------------------------------------------


def test_an_erased_person_is_in_no_announcement(world: World) -> None:
    """Not as its recipient, and not where it named them."""
    give(world, BOB, ContactRole.VERSION_RECIPIENT)
    with world.ports.db.begin() as tx:
        root = Agent(id=AgentId(0), name="Root", address="root@vendor.example", kind=AgentKind.ADMIN)
        admin = Party.agent(people.add_agent(tx, root))
        people.changed(tx, replace(contact(world, BOB), name="Robert Builder"))
    id_ = sent(world, release(world, notes="Thanks to Robert Builder!"))
    unfinished = begun(world, release(world))

    world.act(EraseContact(contact=world.bob, actor=admin))

    while announcing.owe_page(world.ports, unfinished):
        pass
    (listed, _) = reversed(world.ports.db.read(announcing.listed))
    assert {"version": "8.1", "notes": "Thanks to Erased person 2!"} == dict(listed.announcement.variables)
    kept = b"".join(mail.as_bytes() for mail in world.outbox())
    assert [False, False] == [name in kept for name in (b"Robert", BOB.encode())]
    assert [1, 0] == [standing(world, one).skipped for one in (unfinished, id_)]
