"""Mail that was set aside, decided once more on an agent's word (CONTRACT, `intake release|retry|drop`; SPEC section 7)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.model import Account, Agent, Contact, ContactId
from gateway.errors import Conflict, NotFound, Refused
from gateway.mail.decision import Decision
from gateway.services import by_hand, inbound, post_room, why
from gateway.store import load_people, people
from tests.scenes.test_threads import BOB, EVE, STRICT, good
from tests.world import World, a_mail, a_world


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(database_url, tmp_path, trust=STRICT) as made:
        yield made


def alice(world: World) -> Agent:
    return world.ports.db.read(load_people.agents)[0]


def row(world: World, id_: int = 1) -> post_room.IntakeView:
    return world.ports.db.read(post_room.intake_rows, id_=id_)[0]


def released(world: World, id_: int = 1) -> Decision:
    by_hand.release(world.ports, id_, alice(world))
    (decision,) = world.handle()
    return decision


def test_released_mail_becomes_what_it_would_have_been(world: World) -> None:
    """On this agent's word, which stands in the evidence; the message shows what the evidence was."""
    assert "held" == world.mail(a_mail()).kind

    assert ("new_case", 1001) == ((decision := released(world)).kind, decision.case)
    assert "alice@vendor.example" in (row(world).evidence or "")
    assert ("done", "alice@vendor.example", True) == (row(world).state, row(world).asked_by, row(world).is_released)
    assert "unverified" == world.case().messages[0].authenticity
    assert (BOB, "case_opened") in world.told()
    sender = next(one for one in world.ports.db.read(why.of_intake, 1).alternatives if one.rung == "sender")
    assert sender.reason.startswith("released by alice@vendor.example; ")


@pytest.mark.parametrize("results", ["mx.vendor.example; dmarc=fail header.from=customer.example", None])
def test_ac_04_released_it_finds_its_case_by_a_right_token_only(world: World, results: str | None) -> None:
    """Also where the evidence failed; the agent vouches for the sender, not for a guessed number."""
    world.mail(good())
    mark = world.ports.tokens.mint(1001)
    for number, subject in enumerate((f"Re: {mark} It is slow", "Re: [CASE-1001] It is slow")):
        world.mail(good(subject=subject, authentication_results=results or "none.example", body=f"No. {number}"))

    assert [("reply", 1001), ("new_case", 1002)] == [
        (decision.kind, decision.case) for decision in (released(world, 2), released(world, 3))
    ]


def test_release_opens_no_door_to_another_account(world: World) -> None:
    """The other account's case is as far away as ever, and agents are warned."""
    world.mail(good())
    world.mail(a_mail(EVE, f"Re: {world.ports.tokens.mint(1001)} It is slow"))

    assert ("new_case", 1002) == ((decision := released(world, 2)).kind, decision.case)
    assert ["opened"] == world.history(1001)
    assert world.case(1002).warnings


def test_a_copy_that_was_held_is_a_duplicate_when_a_better_one_was_handled(world: World) -> None:
    """SPEC section 7, rung 1."""
    mail = a_mail()
    vouched = b"Authentication-Results: mx.vendor.example; dmarc=pass header.from=customer.example\r\n" + mail
    world.mail(mail)
    world.mail(vouched)

    assert ("duplicate", [1001]) == (released(world).kind, world.cases())


def test_a_stranger_needs_a_contact_first(world: World) -> None:
    """The agent is told so; then the very mail becomes a case. Nobody is answered how to register any more."""
    world.mail(good("dan@customer.example"))
    assert ("done", "unregistered") == (row(world).state, row(world).decision)
    told = world.told()

    first = released(world)
    with world.ports.db.begin() as tx:
        dan = Contact(id=ContactId(0), account="EX-1", name="Dan", addresses=("dan@customer.example",))
        people.add_contact(tx, dan)
    second = released(world)

    assert ("held", True) == (first.kind, "casegate contact add" in first.reason)
    assert ("new_case", 1001) == (second.kind, second.case)
    assert [("dan@customer.example", "case_opened")] == [one for one in world.told()[len(told) :] if "dan@" in one[0]]


@pytest.mark.parametrize(
    ("mail", "reason"),
    [
        (a_mail(f"{BOB}, {EVE}"), "no single sender"),
        (a_mail("alice@vendor.example"), "an agent"),
        (a_mail(auto_submitted="auto-replied"), "automatic"),
    ],
)
def test_what_release_cannot_give_is_said(world: World, mail: bytes, reason: str) -> None:
    """Nobody single wrote it, it claims to be an agent's, or a machine wrote it about no case."""
    world.mail(mail)

    decision = released(world)

    assert ("held", True) == (decision.kind, reason in decision.reason)
    assert [] == world.cases()


def test_a_machines_mail_is_kept_on_its_case_when_released(world: World) -> None:
    """Still never answered, still no transition."""
    world.mail(good())
    world.mail(a_mail(subject=world.ports.tokens.mint(1001), auto_submitted="auto-replied"))
    told = len(world.told())

    assert ("automatic", 1001) == ((decision := released(world, 2)).kind, decision.case)
    assert (told, "open") == (len(world.told()), world.case().summary.status)


def test_quarantined_mail_is_read_anew_by_todays_rules(world: World) -> None:
    """As if it had just come: three more failures are needed, and what can be read now is decided."""
    world.accept(good())
    for _ in range(3):
        (raw,) = inbound.lease(world.ports)
        inbound.failed(world.ports, raw, "trace 1")
    assert "quarantined" == row(world).state
    with pytest.raises(Refused, match="retry"):
        by_hand.release(world.ports, 1, alice(world))

    by_hand.retry(world.ports, 1, alice(world))
    assert ("pending", None, 0, 0) == (row(world).state, row(world).decision, row(world).attempts, row(world).faults)
    (decision,) = world.handle()

    assert ("new_case", False, True) == (
        decision.kind,
        row(world).is_released,
        (row(world).evidence or "").endswith("asked for again by alice@vendor.example"),
    )


def test_retry_vouches_for_nobody(world: World) -> None:
    """Not even for a mail that was released before."""
    world.mail(a_mail("dan@customer.example"))
    released(world)
    with world.ports.db.begin() as tx:
        people.add_account(tx, Account(number="EX-2", name="EX-2 Ltd"), pin_hash=None)
        dan = Contact(id=ContactId(0), account="EX-2", name="Dan", addresses=("dan@customer.example",))
        people.add_contact(tx, dan)

    by_hand.retry(world.ports, 1, alice(world))
    (decision,) = world.handle()

    assert ("held", []) == (decision.kind, world.cases())


def test_dropped_mail_stays_dropped_and_says_who_and_what_it_was(world: World) -> None:
    """A copy of it that comes later is decided for itself."""
    world.mail(a_mail())
    by_hand.drop(world.ports, 1, alice(world))

    assert ("dropped", "dropped") == (row(world).state, row(world).decision)
    assert (row(world).reason or "").startswith("dropped by alice@vendor.example; it was held: less evidence")
    for act in (by_hand.drop, by_hand.release, by_hand.retry):
        with pytest.raises(Refused, match="mail 1 is decided: dropped"):
            act(world.ports, 1, alice(world))
    assert "new_case" == world.mail(good(message_id="<one@customer.example>")).kind


def test_mail_may_be_dropped_while_a_daemon_has_it_in_hand(world: World) -> None:
    """Who comes second finds it decided, and nothing of its work stays."""
    world.accept(good())
    (raw,) = inbound.lease(world.ports)
    by_hand.drop(world.ports, 1, alice(world))

    with pytest.raises(Conflict):
        world.decide(raw)

    assert ("dropped", [], []) == (row(world).state, world.cases(), world.told())


def test_what_is_decided_or_unknown_is_refused(world: World) -> None:
    world.mail(good())
    world.accept(good(body="Another one."))

    with pytest.raises(Refused, match="mail 1 is decided: new_case, case 1001"):
        by_hand.release(world.ports, 1, alice(world))
    with pytest.raises(Refused, match="mail 2 is not decided yet"):
        by_hand.retry(world.ports, 2, alice(world))
    with pytest.raises(NotFound, match="no mail 3"):
        by_hand.drop(world.ports, 3, alice(world))
    assert ["done", "pending"] == [row(world, number).state for number in (1, 2)]


def test_a_providers_lack_of_plus_addresses_costs_no_thread(database_url: str, tmp_path: Path) -> None:
    """Token in subject and body of all mail on a case, one address for all, each clue alone leads home."""
    mail = {
        "service_address": "service@vendor.example",
        "registration_address": "join@vendor.example",
        "plus_addressing": False,
    }
    with a_world(database_url, tmp_path, trust=STRICT, mail=mail) as world:
        world.mail(good())
        mark = world.ports.tokens.mint(1001)
        for out in world.outbox():
            assert "+" not in f"{out['Reply-To']} {out['X-Test-Return-Path']}"
            assert mark in out["Subject"]
            assert mark in str(out.get_body(("plain",)).get_content())  # type: ignore[union-attr]
            assert mark in str(out.get_body(("html",)).get_content())  # type: ignore[union-attr]
        ours = world.outbox()[0]["Message-ID"]

        decisions = [
            world.mail(good(subject=f"AW: {mark} It is slow")),
            world.mail(good(subject="without", body=f"Once more.\n\n> {mark} It is slow")),
            world.mail(good(subject="without", in_reply_to=ours)),
            world.mail(good(EVE, body=f"> {mark} It is slow")),
        ]
        report = (
            b"From: mailer-daemon@customer.example\r\nTo: x\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
            b"--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            b"Reporting-MTA: dns; mx.customer.example\r\n\r\nFinal-Recipient: rfc822; bob@customer.example\r\n"
            b"Action: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
            b"Message-ID: " + str(ours).encode() + b"\r\n\r\n--b--\r\n"
        )
        bounce = world.mail(report, mail_from="")

        assert [("reply", 1001)] * 3 + [("new_case", 1002)] == [(one.kind, one.case) for one in decisions]
        assert "body token 1001" == decisions[1].reason
        assert world.case(1002).warnings
        assert ("bounce", 1001) == (bounce.kind, bounce.case)
