"""At the door: which mail of a direct peer is taken, by the From field and the envelope alone (SPEC section 7)."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.domain.post import Envelope, Evidence, ParsedMail, RawMail, Transport
from gateway.errors import Refused, Temporary
from gateway.porter import LONGEST_HEADER, Porter
from gateway.services.doorstep import doorstep
from gateway.store.db import Database
from tests.world import SERVICE, World, a_mail, a_world

STRANGER = "192.0.2.7"
BOB, MALLORY, ALICE = "bob@customer.example", "mallory@evil.example", "alice@vendor.example"
SENDER, UNREGISTERED = "sender", "unregistered"

Opened = Callable[..., World]


class Dns:
    """Somebody who could be asked; nobody asks at the door."""

    async def check(self, raw: RawMail, mail: ParsedMail) -> Evidence | None:
        raise AssertionError("the door does not wait for the DNS")


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Iterator[Opened]:
    """A world that asks for so much evidence, and treats strangers so."""
    with ExitStack() as stack:

        def make(require: str = "authenticated", unregistered: str = "notify", *, dns: bool = False) -> World:
            mail = {"service_address": SERVICE, "unregistered": unregistered}
            made = stack.enter_context(a_world(database_url, tmp_path, mail=mail, trust={"require": require}))
            if dns:
                made.ports = replace(made.ports, look_up=Dns())
            return made

        yield make


def envelope(**changes: Any) -> Envelope:
    given = {"transport": Transport.SMTP, "transport_id": "smtp:1", "mail_from": "x@y.example", "peer": STRANGER}
    return Envelope(**{**given, "rcpt_to": (SERVICE,), **changes})


def refused(world: World, sender: str, **changes: Any) -> str | None:
    """The rung that speaks against a mail from this sender; None lets it in."""
    header = a_mail(sender).partition(b"\r\n\r\n")[0]
    found = doorstep(world.ports, envelope(**changes), header)
    return found.rung if found else None


@pytest.mark.parametrize(
    ("require", "unregistered", "dns", "expected"),
    [
        ("authenticated", "notify", False, {BOB: SENDER, ALICE: SENDER, SERVICE: SENDER, MALLORY: None}),
        ("authenticated", "hold", False, {BOB: SENDER, MALLORY: None}),
        ("authenticated", "reject", False, {BOB: SENDER, MALLORY: UNREGISTERED}),
        ("unverified", "notify", False, {BOB: None, ALICE: SENDER, SERVICE: SENDER, MALLORY: None}),
        ("unverified", "reject", False, {BOB: None, ALICE: SENDER, MALLORY: UNREGISTERED}),
        ("authenticated", "notify", True, {BOB: None, ALICE: None, SERVICE: None, MALLORY: None}),
        ("authenticated", "reject", True, {BOB: None, ALICE: None, MALLORY: UNREGISTERED}),
    ],
)
def test_who_is_refused(
    opened: Opened, require: str, unregistered: str, dns: bool, expected: dict[str, str | None]
) -> None:
    """For missing evidence only where there is no DNS that could still bring it."""
    world = opened(require, unregistered, dns=dns)
    assert expected == {sender: refused(world, sender) for sender in expected}


@pytest.mark.parametrize("dns", [False, True])
@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Subject: nobody wrote this",
        b"From:",
        b"From: bob@customer.example\r\nFrom: mallory@evil.example",
        b"From: a@b.example\r\nfrom : bob@customer.example",
        b"From: bob@customer.example, mallory@evil.example",
        b"From: Team: bob@customer.example;",
        b"From: bob@customer.example <mallory@evil.example>",
        b"From: " + b"x" * 5_000 + b" <bob@customer.example>",
        b"From: bob@customer.example\r\n" * 1_000,
    ],
    ids=lambda header: repr(header[:50]),
)
def test_a_mail_that_names_no_single_sender_is_refused(opened: Opened, header: bytes, dns: bool) -> None:
    """[SI-02 to SI-06] No DNS can mend that."""
    found = doorstep(opened("unverified", dns=dns).ports, envelope(), header)
    assert found is not None
    assert "this mail does not say clearly who sent it: one From, one address" == found.text


def test_a_field_that_is_folded_is_read_as_one(opened: Opened) -> None:
    world = opened("unverified", "reject")
    header = b"Subject: x\r\nFROM:\r\n\tBob\r\n <bob@customer.example>\r\nTo: y\r\n x"
    assert doorstep(world.ports, envelope(), header) is None


def test_no_words_tell_who_is_a_customer(opened: Opened) -> None:
    """They are the same for a contact without proof and for a stranger, and one line of ASCII."""
    world = opened("authenticated", "reject")
    found = [doorstep(world.ports, envelope(), b"From: " + sender.encode()) for sender in (BOB, MALLORY)]
    (words,) = {refusal.text for refusal in found if refusal}
    assert words.isascii()
    assert words.isprintable()
    assert "service+register@vendor.example" in words


@pytest.mark.parametrize(
    "changes",
    [
        {"mail_from": ""},
        {"rcpt_to": ("postmaster",)},
        {"rcpt_to": ("Postmaster@vendor.example",)},
        {"rcpt_to": ("service+register@vendor.example",)},
        {"rcpt_to": ("SERVICE+Register@vendor.example",)},
        {"rcpt_to": (f"service+b.{'a' * 26}@vendor.example",)},
        {"rcpt_to": (SERVICE, f"service+once.{'a' * 26}@vendor.example")},
    ],
    ids=str,
)
def test_who_may_have_to_answer_is_let_in(opened: Opened, changes: dict[str, Any]) -> None:
    """A null sender, an address made for one answer, postmaster, and who wants to register."""
    assert refused(opened("authenticated", "reject"), MALLORY, **changes) is None


def test_the_address_of_a_case_is_no_way_round(opened: Opened) -> None:
    world = opened("authenticated", "reject")
    assert UNREGISTERED == refused(world, MALLORY, rcpt_to=(world.ports.tokens.plus_address(1001),))


def test_nothing_is_written(opened: Opened) -> None:
    world = opened("authenticated", "reject")
    refused(world, MALLORY)
    assert [] == world.intake()


# The porter


def admitted(world: World, data: bytes, **changes: Any) -> None:
    async def run() -> None:
        porter = Porter(world.ports)
        try:
            await porter.admit(envelope(**changes), data)
        finally:
            porter.close()

    asyncio.run(run())


def test_the_porter_refuses_with_words_for_the_peer_and_a_line_for_us(opened: Opened) -> None:
    with capture_logs() as logged, pytest.raises(Refused, match="nothing proves who sent it"):
        admitted(opened(), a_mail())
    assert [{"event": "door.refused", "rung": SENDER, "peer": STRANGER, "log_level": "info"}] == logged


@pytest.mark.parametrize(
    "changes",
    [
        {"peer": "127.0.0.1"},
        {"login": "relay"},
        {"transport": Transport.LMTP},
    ],
    ids=str,
)
def test_the_porter_looks_at_direct_peers_only(opened: Opened, changes: dict[str, Any]) -> None:
    """Behind a relay `reject` acts as hold: refusing there would bounce to an address that nobody proved."""
    admitted(opened("authenticated", "reject"), a_mail(MALLORY), **changes)


def test_a_header_beyond_all_limits_is_left_to_the_parse_child(opened: Opened) -> None:
    admitted(opened(), b"X-Long: " + b"x" * LONGEST_HEADER + b"\r\n\r\nhi\r\n")


def test_what_looks_like_a_field_in_the_text_is_none(opened: Opened) -> None:
    admitted(opened("unverified"), a_mail(body="From: mallory@evil.example"))


def test_a_database_in_trouble_is_later(opened: Opened) -> None:
    """A mail is never refused for good because of us."""
    world = opened()
    here = world.ports
    there = here.db.url.set(database="/nowhere/casegate.db") if here.db.is_sqlite else here.db.url.set(port=1)
    gone = Database(there.render_as_string(hide_password=False))
    world.ports = replace(here, db=gone)
    with pytest.raises(Temporary):
        admitted(world, a_mail())
    gone.close()
    world.ports = here
