"""Which case a mail belongs to, by which clue, and what agents learn of it (SPEC section 7, "Threading"; TESTPLAN D)."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.domain.actions import AgentReply, ChangeParticipants, Fire, Merge, Stamp
from gateway.domain.model import CaseNumber
from gateway.domain.post import Transport
from gateway.errors import Conflict, Refused
from gateway.mail.decision import Decision
from gateway.services import case_view, inbound, why
from tests.world import SERVICE, World, a_mail, a_world

A1, A2 = CaseNumber(1001), CaseNumber(1002)
BOB, CARL, EVE = "bob@customer.example", "carl@customer.example", "eve@other.example"
STRICT = {"require": "authenticated", "authserv_id": "mx.vendor.example"}
IMAP: dict[str, Any] = {"transport": Transport.IMAP, "rcpt_to": (), "mail_from": None, "peer": None}

_ids = iter(range(1, 10**6))


def good(who: str = BOB, subject: str = "It is slow", body: str = "Since Monday.", **more: Any) -> bytes:
    """good(x) of the TESTPLAN: the relay vouches for it; every mail has an id of its own unless it names one."""
    domain = who.partition("@")[2]
    results = f"mx.vendor.example; dmarc=pass header.from={domain}"
    given = {"message_id": f"<{next(_ids)}@{domain}>", "authentication_results": results, **more}
    return a_mail(who, subject, body, **given)


@pytest.fixture
def way(database_url: str) -> dict[str, Any]:
    """By which way mail comes in: each row of this page by both, and on both databases."""
    return {} if database_url.startswith("postgresql") else IMAP


@pytest.fixture
def world(database_url: str, tmp_path: Path, way: dict[str, Any]) -> Iterator[World]:
    """Bob's cases 1001 and 1002; what a test sends comes in by each way."""
    with a_world(database_url, tmp_path, trust=STRICT) as made:
        plain = made.accept

        def accept(data: bytes, *, rcpt: str = SERVICE, **more: Any) -> None:
            plain(data.replace(f"To: {SERVICE}".encode(), f"To: {rcpt}".encode()), rcpt=rcpt, **{**more, **way})

        made.accept = accept  # type: ignore[method-assign]  # the world of this test, not our own code
        made.mail(good(message_id="<a1@customer.example>"))
        made.mail(good(subject="The printer", message_id="<a2@customer.example>"))
        yield made


def token(world: World, number: int = 1001) -> str:
    return world.ports.tokens.mint(number)


def sent(world: World, to: str, number: int = 1001) -> EmailMessage:
    """The newest mail to someone about a case."""
    return [mail for mail in world.outbox() if to in mail["To"] and token(world, number) in mail["Subject"]][-1]


def text(mail: EmailMessage) -> str:
    return "".join(str(mail.get_body((kind,)).get_content()) for kind in ("plain", "html"))  # type: ignore[union-attr]


def to_agents(world: World) -> EmailMessage:
    return [mail for mail in world.outbox() if "alice@vendor.example" in mail["To"]][-1]


def came_to(decision: Decision) -> tuple[str, int | None]:
    return decision.kind.value, decision.case


@pytest.mark.parametrize(
    "subject",
    [
        "AW: Re: [EXT] Fwd: {} It is slow",
        "RE[2]: {lower} It is slow",
        "***SPAM*** 回复: {} It is slow",
        "Ynt: Odp: [External] {upper}It is slow",
        "Re:_{}_It_is_slow",
        "Re: ({bare}) It is slow",
    ],
)
def test_tt_01_a_mangled_token_still_leads_home(world: World, subject: str) -> None:
    """And no one takes the mangled subject for another one."""
    mark = token(world)
    changed = subject.format(mark, lower=mark.lower(), upper=mark.upper(), bare=mark.strip("[]"))

    assert ("reply", 1001) == came_to(world.mail(good(subject=changed)))
    assert "another one" not in text(to_agents(world))


def test_tt_02_of_several_tokens_the_first_that_one_may_use_counts(world: World) -> None:
    world.mail(good(EVE))
    a1, a2, b1 = (token(world, number) for number in (1001, 1002, 1003))

    assert ("reply", 1001) == came_to(world.mail(good(subject=f"{b1} {a1}")))
    assert ("reply", 1002) == came_to(world.mail(good(subject=f"{a2} {a1}")))
    assert [1, 2, 2] == [len(world.case(number).messages) for number in (1003, 1001, 1002)]


def test_tt_03_a_token_elsewhere_is_none(world: World) -> None:
    """In the body, a name, or the name of an attachment."""
    mark = token(world)
    file = f'attachment; filename="{mark}.txt"'

    assert "new_case" == world.mail(good(body=f"> {mark}\nSee above.")).kind
    assert (
        "new_case"
        == world.mail(
            good(
                f'"{mark}" <{BOB}>',
                content_disposition=file,
                authentication_results=("mx.vendor.example; dmarc=pass header.from=customer.example"),
                message_id="<named@customer.example>",
            )
        ).kind
    )


def test_tt_05_the_plus_address_comes_first_and_why_shows_the_other(world: World) -> None:
    decision = world.mail(good(subject=token(world)), rcpt=world.ports.tokens.plus_address(1002))

    assert ("reply", 1002, "plus-address 1002") == (*came_to(decision), decision.reason)
    told = world.ports.db.read(why.of_case, 1002).messages[-1]
    assert ("reply", "subject token 1001 was not asked: another clue came first") == (
        told.alternatives[-1].rung,
        told.alternatives[-1].reason,
    )


def test_tt_08_an_id_in_our_form_that_we_never_sent_is_ignored(world: World) -> None:
    """Also when another mail named it before."""
    forged = f"<{'a' * 26}@vendor.example>"

    first = world.mail(good(subject="One", in_reply_to=forged))
    again = world.mail(good(CARL, subject="Re: One", in_reply_to=forged))

    assert [("new_case", 1003), ("new_case", 1004)] == [came_to(first), came_to(again)]


def test_tt_09_thousands_of_tokens_are_bounded(world: World) -> None:
    """In a subject of 200 kB."""
    mail = good(subject=f"Re: {token(world)} " + "[CASE-77.abcdefgh]\r\n " * 5000)

    assert world.mail(mail).kind in {"reply", "quarantined"}


def test_tt_12_copies_end_on_one_case(world: World) -> None:
    """The same bytes by another way, to another of our addresses, and through a list that adds a footer and a mark."""
    mail = good(subject="Copied", message_id="<c@customer.example>")
    footer = mail.replace(b"Subject: Copied", b"Subject: [ourlist] Copied") + b"--\r\nhttps://lists.example/leave\r\n"

    assert ("new_case", 1003) == came_to(world.mail(mail))
    assert ["duplicate"] * 2 == [
        world.mail(mail, rcpt=SERVICE).kind.value,
        world.mail(b"Received: by another\r\n" + mail, rcpt=SERVICE).kind.value,
    ]
    assert ("reply", 1003) == came_to(world.mail(footer))
    assert ("same original 1003", 3) == (world.ports.db.read(why.of_intake, 6).reason, len(world.cases()))


def test_a_mail_to_two_of_our_addresses_is_a_reply_whichever_copy_comes_first(world: World) -> None:
    """Its header names the case, though this copy came to the service address."""
    mail = good(subject="without", cc=world.ports.tokens.plus_address(1001))

    assert ("reply", 1001) == came_to(world.mail(mail))
    assert "duplicate" == world.mail(mail).kind


def test_tt_13_two_mails_alike_but_for_their_text_are_two_messages(world: World) -> None:
    """Without a Message-ID, and with the same one; a machine that gives all its mail one id is not one thread."""
    kinds = [world.mail(good(body=body, message_id=None)).kind.value for body in ("One thing.", "Another thing.")]
    same = [world.mail(good(body=body, message_id="<same@customer.example>")) for body in ("First.", "Second.")]
    other = world.mail(good(subject="Backup failed", message_id="<same@customer.example>"))

    assert ["new_case"] * 2 == kinds
    assert [("new_case", 1005), ("reply", 1005)] == [came_to(decision) for decision in same]
    assert ("new_case", 1006) == came_to(other)
    assert 2 == len(world.case(1005).messages)


def test_tt_15_the_token_of_a_case_merged_twice_leads_to_the_last(world: World) -> None:
    world.mail(good(subject="Third"))
    world.act(Merge(case=A1, actor=world.alice, into=A2))
    world.act(Merge(case=A2, actor=world.alice, into=CaseNumber(1003)))

    decision = world.mail(good(subject=f"Re: {token(world)} It is slow"))

    assert ("reply", 1003) == came_to(decision)
    assert "another one" not in text(to_agents(world)), "the subject is that of a message which the merge brought"
    with pytest.raises(Refused):
        world.act(Merge(case=CaseNumber(1003), actor=world.alice, into=A1))


def test_tt_16_colleagues_who_answer_the_same_original_end_on_one_case(world: World) -> None:
    """An original that we never saw: both add us to a thread of their own."""
    thread = {
        "in_reply_to": "<theirs@customer.example>",
        "references": "<root@customer.example> <theirs@customer.example>",
    }

    first = world.mail(good(BOB, "Re: Login broken", **thread))
    second = world.mail(good(CARL, "AW: Login broken", **thread))

    assert [("new_case", 1003), ("reply", 1003)] == [came_to(first), came_to(second)]
    assert (CARL,) == world.case(1003).participants


def test_tt_16_the_answer_of_a_colleague_may_come_before_the_original(world: World) -> None:
    """Bob's mail is slow; carl, who has a copy, answers to all."""
    answer = world.mail(good(CARL, "Re: Login broken", in_reply_to="<slow@customer.example>"))
    original = world.mail(good(BOB, "Login broken", message_id="<slow@customer.example>", cc=CARL))
    late = world.mail(good(BOB, "Re: Login broken", in_reply_to="<slow@customer.example>"))

    assert [("new_case", 1003), ("reply", 1003), ("reply", 1003)] == [
        came_to(decision) for decision in (answer, original, late)
    ]


def test_tt_16_another_matter_on_the_same_old_mail_is_a_case_of_its_own(world: World) -> None:
    """People take any old mail to write a new one; another account never meets there."""
    world.mail(good(BOB, "Re: Login broken", in_reply_to="<theirs@customer.example>"))

    other = world.mail(good(CARL, "Invoice of March", in_reply_to="<theirs@customer.example>"))
    foreign = world.mail(good(EVE, "Re: Login broken", in_reply_to="<theirs@customer.example>"))

    assert [("new_case", 1004), ("new_case", 1005)] == [came_to(other), came_to(foreign)]


def test_ids_that_relays_gave_our_mail_are_learned_from_answers(world: World) -> None:
    """Amazon SES and its like: the answer names an id that we never sent; the older ones in References are ours."""
    world.act(AgentReply(case=A1, actor=world.alice, text="Restart it."))
    ours = sent(world, BOB)["References"].split()[0]
    rewritten = "<0102@email.amazonses.com>"

    by_token = world.mail(good(subject=f"Re: {token(world)} It is slow", in_reply_to=rewritten))
    by_older = world.mail(good(CARL, "It is slow", in_reply_to="<0103@email.amazonses.com>", references=ours))
    by_rewritten = world.mail(good(subject="Re: It is slow", in_reply_to=rewritten))

    assert [("reply", 1001)] * 3 == [came_to(decision) for decision in (by_token, by_older, by_rewritten)]


@pytest.mark.parametrize("clues", ["token", "address", "both"])
def test_ac_01_the_mark_of_anothers_case_warns_agents_and_tells_its_sender_nothing(world: World, clues: str) -> None:
    """A new case of the sender's; no byte of the other's mark goes out to the sender."""
    marked = f"Re: {token(world)} It is slow" if clues != "address" else "It is slow"
    rcpt = world.ports.tokens.plus_address(1001) if clues != "token" else SERVICE

    decision = world.mail(good(EVE, marked), rcpt=rcpt)

    case = world.case(1003)
    assert ("new_case", 1003, "OT-1", "It is slow") == (*came_to(decision), case.summary.account, case.summary.subject)
    assert ["mail on this case carries the mark of case 1001, which belongs to another account"] == list(case.warnings)
    assert "foreign_token" in world.history(1003)
    assert "case 1001, which belongs to another account" in text(to_agents(world))
    world.act(AgentReply(case=CaseNumber(1003), actor=world.alice, text="Hello."))
    to_eve = [mail for mail in world.outbox() if EVE in mail["To"]]
    assert 2 == len(to_eve)
    for mail in to_eve:
        everything = mail.as_string() + text(mail)
        assert not [word for word in ("1001", world.ports.tokens.check(1001), "another account") if word in everything]
    assert ["opened"] == world.history(1001)


def test_ac_01_a_guess_is_no_mark(world: World) -> None:
    """A number without its check part is nobody's secret: no warning, nothing to learn."""
    decision = world.mail(good(EVE, "Re: [CASE-1001.aaaaaaaa]"))

    assert ("new_case", 1003) == came_to(decision)
    assert () == world.case(1003).warnings


def test_a_foreign_mark_beside_ones_own_warns_too(world: World) -> None:
    world.mail(good(EVE))

    world.mail(good(subject=f"{token(world, 1003)} {token(world)}"))

    assert ("1003" in world.case(1001).warnings[0], True) == (True, "case 1003, which" in text(to_agents(world)))


def test_ac_02_anothers_message_ids_lead_nowhere(world: World) -> None:
    ours = sent(world, BOB)["Message-ID"]

    assert ("new_case", 1003) == came_to(world.mail(good(EVE, in_reply_to=ours, references=ours)))
    assert "new_case" == world.mail(good(EVE, in_reply_to="<a1@customer.example>")).kind


def test_ac_03_of_those_copied_only_the_accounts_contacts_join(world: World) -> None:
    world.mail(good(subject=token(world), cc=f"mallory@evil.example, {EVE}, {CARL}"))
    told = len(world.told())

    world.act(AgentReply(case=A1, actor=world.alice, text="To whom it concerns."))

    assert (CARL,) == world.case().participants
    assert {(BOB, "agent_replied"), (CARL, "agent_replied")} == set(world.told()[told:])


def test_ac_04_who_fails_the_evidence_changes_nothing(world: World) -> None:
    failed = "mx.vendor.example; dmarc=fail header.from=customer.example"

    decision = world.mail(good(subject=token(world), cc="mallory@evil.example", authentication_results=failed))

    assert ("held", (), ["opened"]) == (decision.kind, world.case().participants, world.history())


def test_ac_10_a_guest_writes_as_long_as_the_agents_let_them(world: World) -> None:
    mark = token(world)
    world.act(ChangeParticipants(case=A1, actor=world.alice, add=(world.eve,)))
    before = world.mail(good(EVE, f"Re: {mark} It is slow"))
    world.act(ChangeParticipants(case=A1, actor=world.alice, remove=(world.eve,)))
    after = world.mail(good(EVE, f"Re: {mark} It is slow"))

    assert [("reply", 1001), ("new_case", 1003)] == [came_to(before), came_to(after)]


def test_ac_12_the_subject_of_an_attached_mail_names_nothing(world: World) -> None:
    world.mail(good(EVE))
    inner = f"From: {EVE}\r\nSubject: {token(world, 1003)}\r\nMessage-ID: <x@y.example>\r\n\r\nOld.\r\n".encode()
    head = good(mime_version="1.0", content_type='multipart/mixed; boundary="b"').partition(b"\r\n\r\n")[0]
    mail = head + b"\r\n\r\n--b\r\n\r\nSee below.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"--b--\r\n"

    assert ("new_case", 1004) == came_to(world.mail(mail))
    assert (1, "EX-1") == (len(world.case(1003).messages), world.case(1004).summary.account)


def test_a_changed_subject_keeps_its_case_and_the_agent_is_shown_it(world: World) -> None:
    """Once: the second mail under it is nothing new. The other customers are not told."""
    world.mail(good(CARL, f"Re: {token(world)} It is slow"))
    world.mail(good(subject=f"Re: {token(world)} And now the printer burns"))

    received = [entry for entry in world.ports.db.read(case_view.history, 1001) if entry.event == "message_received"]
    assert [None, f"Re: {token(world)} And now the printer burns"] == [
        entry.detail.get("subject") for entry in received
    ]
    notice = text(to_agents(world))
    assert "And now the printer burns" in notice
    assert "casegate case split 1001 MESSAGE" in notice
    assert "split" not in text(sent(world, CARL))

    world.mail(good(subject=f"AW: {token(world)} And now the printer burns"))
    assert "case split" not in text(to_agents(world))


def test_who_got_our_mail_forwarded_and_is_no_contact_opens_nothing(world: World) -> None:
    """Rung 9, whatever the mail carries."""
    before = len(world.cases())

    decision = world.mail(
        good("dan@elsewhere.example", f"Re: {token(world)} It is slow", in_reply_to=sent(world, BOB)["Message-ID"])
    )

    assert ("unregistered", None, before, ["opened"]) == (*came_to(decision), len(world.cases()), world.history())


def test_a_late_answer_and_thanks_follow_the_case_tt_11(world: World) -> None:
    """Reopened inside the window, thanks never, a follow-up beyond it."""
    mark = f"Re: {token(world)} It is slow"
    for trigger in ("resolve", "close"):
        world.act(Fire(case=A1, actor=world.alice, trigger=trigger))
    world.mail(good(subject=mark, body="Thank you, works now."))
    assert "closed" == world.case().summary.status
    world.mail(good(subject=mark, body="It is broken again."))
    assert "reopened" == world.case().summary.status
    for trigger in ("resolve", "close"):
        world.act(Fire(case=A1, actor=world.alice, trigger=trigger))
    world.later(days=31)

    assert ("new_case", 1003) == came_to(world.mail(good(subject=mark, body="Once more broken.")))
    assert 1001 == world.case(1003).follow_up_of


@pytest.mark.servers
def test_tt_16_two_daemons_open_one_case_for_one_thread(tmp_path: Path, pg: Any, migrated_postgresql: str) -> None:
    """While one of them opens it, the other waits, and sees what it opened."""
    url = pg.create(template=migrated_postgresql)
    watch = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")

    with a_world(url, tmp_path) as world, watch.connect() as looking:
        thread = {"in_reply_to": "<theirs@customer.example>"}
        for who in (BOB, CARL):
            world.accept(good(who, "Re: Login broken", **thread))
        one, two = (partial_of(world, raw) for raw in inbound.lease(world.ports))
        second: list[Decision] = []
        other = threading.Thread(target=lambda: second.append(two(world.ports.stamp)))

        def stamp() -> Stamp:
            """Asked for when the first has decided, before it writes: now the second starts, and comes to wait."""
            other.start()
            pause = threading.Event()
            while other.is_alive() and not looking.scalar(waiting):
                pause.wait(0.01)
            return world.ports.stamp()

        first = one(stamp)
        other.join()
    watch.dispose()
    pg.drop(url)

    assert [("new_case", 1001), ("reply", 1001)] == [came_to(first), came_to(second[0])]


def partial_of(world: World, raw: Any) -> Callable[[Callable[[], Stamp]], Decision]:
    """Deciding this mail, on ports with a stamp of their own, as often as a daemon tries."""
    from gateway.domain.post import ParsedMail
    from gateway.mail.parse import read_mail

    mail = read_mail(raw.data, world.ports.policy.mail)
    assert isinstance(mail, ParsedMail)

    def decide(stamp: Callable[[], Stamp]) -> Decision:
        ports = replace(world.ports, stamp=stamp)
        for _ in range(5):
            try:
                return inbound.handle(ports, raw, mail)
            except Conflict:
                continue
        raise AssertionError("it met another one five times")

    return decide
