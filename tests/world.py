"""A whole Casegate in one process, without a daemon: real rules, templates and database, a clock moved by hand."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from gateway import config
from gateway.adapters.blobs import FileBlobs
from gateway.config import Settings
from gateway.domain.actions import Action, Cause, Outcome, Stamp
from gateway.domain.model import Account, Agent, AgentId, Contact, ContactId, Party
from gateway.domain.post import Envelope, ParsedMail, RawMail, Transport
from gateway.mail.decision import Decision
from gateway.mail.parse import read_mail
from gateway.mail.templates import Templates
from gateway.mail.token import Tokens
from gateway.resources import data_dir
from gateway.services import case_view, inbound, views, waiting
from gateway.services.perform import perform
from gateway.services.ports import Ports
from gateway.store import load, people
from gateway.store import tables as t
from gateway.store.db import Database
from tests.leaks import misdirected

SERVICE = "service@vendor.example"
SECRET = b"a secret that only the tests know"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RELAY = "127.0.0.1"
UNLIMITED = {"per_address_hour": 0, "per_case_hour": 0, "overall_hour": 0}
"""`[budget]` for tests in which more happens within an hour than ever does."""


def settings(**sections: Any) -> Settings:
    """Settings as the tests want them: mail from contacts needs no evidence, unless a test says so."""
    given: dict[str, Any] = {
        "vendor": {"name": "Acme"},
        "mail": {"service_address": SERVICE},
        "trust": {"require": "unverified", "authserv_id": "mx.vendor.example"},
    }
    return Settings(**{**given, **sections})


@cache
def shipped_templates() -> Templates:
    """Compiled once for all tests."""
    return Templates.load(data_dir("templates"))


class World:
    """Ports on one database, the people of TESTPLAN section 0, and short words for what tests do."""

    def __init__(self, url: str, folder: Path, chosen: Settings | None = None) -> None:
        self.now = START
        self._stamps = 0
        self._mails = self._seen = 0
        self.misdirected: list[str] = []
        chosen = chosen or settings()
        self.ports = Ports(
            db=Database(url),
            policy=config.load_policy(chosen),
            tokens=Tokens(config.post_rules(chosen), SECRET),
            templates=shipped_templates(),
            blobs=FileBlobs(folder / "blobs"),
            now=lambda: self.now,
            stamp=self._stamp,
            nudge=self._look,
        )
        self.alice = self.ann = self.bob = self.carl = self.eve = Party.parse("system:")
        self._populate()

    def _stamp(self) -> Stamp:
        self._stamps += 1
        return Stamp(self.now, hashlib.sha256(str(self._stamps).encode()).digest()[:16])

    def _populate(self) -> None:
        def contact(address: str, account: str, **more: Any) -> Contact:
            name = address.partition("@")[0].title()
            return Contact(id=ContactId(0), account=account, name=name, addresses=(address,), **more)

        def agent(name: str, address: str) -> Agent:
            return Agent(id=AgentId(0), name=name, address=address, teams=("first_level",))

        with self.ports.db.begin() as tx:
            self.alice = Party.agent(people.add_agent(tx, agent("Alice", "alice@vendor.example")))
            for number, domain in (("EX-1", "customer.example"), ("OT-1", "other.example")):
                people.add_account(tx, Account(number=number, name=f"{number} Ltd", domains=(domain,)), pin_hash=None)
            self.ann = Party.contact(people.add_contact(tx, contact("ann@customer.example", "EX-1")))
            self.bob = Party.contact(people.add_contact(tx, contact("bob@customer.example", "EX-1")))
            self.carl = Party.contact(people.add_contact(tx, contact("carl@customer.example", "EX-1")))
            self.eve = Party.contact(people.add_contact(tx, contact("eve@other.example", "OT-1")))
            people.add_contact(tx, contact("reads@customer.example", "EX-1", access=False))

    def _look(self) -> None:
        """After each transaction: whether all that it owes goes to people who may have it (TESTPLAN, I5)."""
        self._seen, wrong = self.ports.db.read(misdirected, self._seen)
        self.misdirected += wrong

    def later(self, **gap: float) -> None:
        """Move the clock."""
        self.now += timedelta(**gap)

    def accept(self, data: bytes, *, rcpt: str = SERVICE, mail_from: str = "x@relay.example", **more: Any) -> None:
        """A mail comes in through the relay."""
        self._mails += 1
        envelope = Envelope(
            transport=Transport.SMTP,
            transport_id=f"smtp:{self._mails}",
            mail_from=mail_from,
            rcpt_to=(rcpt,),
            peer=RELAY,
            authserv_id="mx.vendor.example",
        )
        inbound.accept(self.ports, [inbound.Delivery(replace(envelope, **more), data)])

    def handle(self) -> list[Decision]:
        """Everything that waits, decided."""
        return [self.decide(raw) for raw in inbound.lease(self.ports)]

    def decide(self, raw: RawMail) -> Decision:
        """One leased mail, parsed and decided."""
        parsed = read_mail(raw.data, self.ports.policy.mail)
        if not isinstance(parsed, ParsedMail):
            return inbound.unreadable(self.ports, raw, parsed)
        return inbound.handle(self.ports, raw, parsed)

    def mail(self, data: bytes, **more: Any) -> Decision:
        """A mail comes in and is decided."""
        self.accept(data, **more)
        (decision,) = self.handle()
        return decision

    def act(self, action: Action) -> Outcome:
        """An agent does something."""
        self._mails += 1
        return perform(self.ports, action, Cause.cli(str(self._mails)))

    def case(self, number: int = 1001) -> case_view.CaseView:
        """A case as the CLI shows it."""
        return self.ports.db.read(case_view.case, number, self.ports.policy, self.ports.tokens, self.now)

    def history(self, number: int = 1001) -> list[str]:
        """The names of a case's events."""
        return [entry.event for entry in self.ports.db.read(case_view.history, number)]

    def cases(self) -> Sequence[int]:
        """All case numbers."""
        found = self.ports.db.read(views.cases, views.CaseFilter(sort="number"), self.ports.policy, self.ports.tokens)
        return [case.number for case in found]

    def outbox(self) -> list[EmailMessage]:
        """Every mail owed so far, read as a mail program would; `.recipient`, `.kind` as X-headers of the test."""
        with self.ports.db.begin() as tx:
            rows = tx.execute(select(t.outbox).order_by(t.outbox.c.id)).all()
        mails = []
        for row in rows:
            mail = message_from_bytes(row.data, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            mail["X-Test-Kind"] = row.kind.value
            mail["X-Test-Return-Path"] = row.return_path or "<>"
            mails.append(mail)
        return mails

    def told(self) -> list[tuple[str, str]]:
        """(recipient, kind) of every mail owed so far."""
        return [(mail["To"].addresses[0].addr_spec, mail["X-Test-Kind"]) for mail in self.outbox()]

    def intake(self) -> list[tuple[str, str]]:
        """(state, decision) of every intake row."""
        with self.ports.db.begin() as tx:
            rows = tx.execute(select(t.intake.c.state, t.intake.c.decision).order_by(t.intake.c.id)).all()
        return [(row.state.value, row.decision.value if row.decision else "") for row in rows]


@contextmanager
def a_world(url: str, folder: Path, **sections: Any) -> Iterator[World]:
    """A World that gives its connections back; it must leave a database that verifies.

    Every case must wait for just what its history and the rules say, and no mail be owed to who may not have it.
    """
    world = World(url, folder, settings(**sections) if sections else None)
    try:
        yield world
        world._look()
        assert world.misdirected == []
        assert world.ports.db.read(views.broken_cases) == []
        assert world.ports.db.read(_wrong_waits, world) == []
    finally:
        world.ports.db.close()


def _wrong_waits(tx: Connection, world: World) -> list[int]:
    cases = load.cases(tx, tx.scalars(select(t.cases.c.number)).all()).values()
    return [case.number for case in cases if not waiting.is_right(tx, world.ports.policy, case, world.now)]


def a_mail(
    sender: str = "bob@customer.example",
    subject: str = "It is slow",
    body: str = "Since Monday everything is slow.",
    *,
    message_id: str | None = "<one@customer.example>",
    to: str = SERVICE,
    **headers: str,
) -> bytes:
    """A plain mail as bytes; further headers by keyword, `in_reply_to="<…>"`."""
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}", "Date: Mon, 02 Mar 2026 08:59:00 +0000"]
    if message_id:
        lines.append(f"Message-ID: {message_id}")
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join((*lines, "", *body.split("\n"), "")).encode()
