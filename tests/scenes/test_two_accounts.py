"""Two companies use all of the product at the same time, and no byte that leaves shows one what is the other's.

TESTPLAN AC-13, on both databases and in both languages. Each company has words of its own in every field: names,
addresses, subjects, texts, quotations, file names and bytes, product lines, orders, reasons, registrants; and each tries
to reach what is the other's, by token, address, Message-ID, command and search.
"""

import base64
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.domain.actions import (
    Action,
    AddNote,
    AgentReply,
    Assign,
    ChangeParticipants,
    ChangeType,
    Escalate,
    Fire,
    Link,
    Merge,
    OpenFor,
    Plan,
    Split,
)
from gateway.domain.escalation import EscalationKind, Gap, GapUnit, Meetings
from gateway.domain.escalation_actions import LogProgress, PlanMeetings, ResolveEscalation, TakeEscalation
from gateway.domain.model import (
    Account,
    Agent,
    AgentId,
    AgentKind,
    CaseNumber,
    Contact,
    ContactId,
    ContactRole,
    NoticeKind,
    Party,
    PartyKind,
)
from gateway.domain.people_actions import EraseContact, RemoveContact
from gateway.errors import Refused
from gateway.services import timers
from gateway.store import load_people, people
from gateway.store import tables as t
from tests import agents
from tests.answers import letter, reply
from tests.leaks import found_in
from tests.world import SERVICE, UNLIMITED, World, a_mail, a_world

ROOT = "root@vendor.example"
INTERNAL = "confidential"
"""Stands in every note: no customer ever reads it."""


@dataclass
class Side:
    """One company. `mark` is in every field of its own; `secret` is in its texts too, and is what the other looks for."""

    number: str
    mark: str
    secret: str
    pin: str
    cases: list[CaseNumber] = field(default_factory=list)

    def at(self, who: str) -> str:
        return f"{who}@{self.mark}.example"

    @property
    def hidden(self) -> str:
        """The address of somebody, without the mark: who names it writes nothing that could be taken for a leak."""
        return f"hidden@{self.number.lower()}.example"

    def contact(self, world: World, who: str) -> Contact:
        return world.ports.db.read(load_people.contacts_by_address, (self.at(who),))[self.at(who)]


SIDES = (Side("AA-1", "quarz", "drachenfels", "4711-0815"), Side("BB-1", "zinnober", "loreley", "9999-1234"))


def settle(world: World, side: Side, lang: str) -> None:
    """A company with its people; boss is its user manager, maker decides and manages incidents."""
    roles = {
        "boss": {ContactRole.USER_MANAGER},
        "maker": {ContactRole.DECISION_MAKER, ContactRole.INCIDENT_MANAGER},
        "user": set[ContactRole](),
        "mate": set[ContactRole](),
    }
    account = Account(
        number=side.number,
        name=f"{side.mark.title()} Ltd",
        domains=(f"{side.mark}.example",),
        services=("incident_management",),
        lang=lang,
    )
    with world.ports.db.begin() as tx:
        people.add_account(tx, account, pin_hash=None)
        people.set_pin(tx, side.number, pin_hash=world.ports.tokens.pin_hash(side.pin), at=world.now, by=None)
        for name, held in roles.items():
            contact = Contact(
                id=ContactId(0),
                account=side.number,
                name=f"{name.title()} {side.mark.title()}",
                addresses=(side.at(name), side.hidden) if name == "user" else (side.at(name),),
                roles=frozenset(held),
                phone=f"+49 30 {side.mark}",
            )
            people.add_contact(tx, contact)


@dataclass
class Play:
    """What both companies do, by turns: each method is one side's turn, `other` the company that it must not see."""

    world: World

    def mail(self, side: Side, who: str, body: str, *, to: str = SERVICE, proved: bool = True, **more: str) -> None:
        self.world.later(minutes=3)
        self.world._mails += 1
        more.setdefault("subject", f"About {side.mark}")
        more["message_id"] = f"<{self.world._mails}@{side.mark}.example>"
        if proved:
            domain = f"{side.mark}.example"
            more["authentication_results"] = f"mx.vendor.example; dmarc=pass header.from={domain}"
        self.world.mail(a_mail(side.at(who), more.pop("subject"), body, to=to, **more), rcpt=to)

    def act(self, action: Action) -> None:
        """An agent does it, if it is possible."""
        with contextlib.suppress(Refused):
            self.world.act(action)

    def mark(self, case: CaseNumber) -> str:
        return self.world.ports.tokens.mint(case)

    def opens(self, side: Side, _other: Side) -> None:
        """A case with a file, a quotation and lines about it; a second one; one by telephone."""
        known = set(self.world.cases())
        data = base64.encodebytes(f"log of {side.mark} {side.secret}".encode()).decode()
        body = "\n".join(
            (
                f"--b\nContent-Type: text/plain\n\nProduct: {side.mark} one\nVersion: {side.mark}-8\n",
                f"It is slow, {side.secret}.\n\nOn Monday somebody wrote:\n> the {side.mark} of old",
                f'--b\nContent-Type: application/x-log; name="{side.mark}.log"',
                f'Content-Disposition: attachment; filename="{side.mark}.log"',
                f"Content-Transfer-Encoding: base64\n\n{data}",
                "--b--",
            )
        )
        self.mail(
            side,
            "user",
            body,
            subject=f"Slow {side.mark} {side.secret}",
            mime_version="1.0",
            content_type="multipart/mixed; boundary=b",
            cc=side.at("mate"),
        )
        self.mail(side, "mate", f"And another thing, {side.secret}.", subject=f"Other {side.mark}")
        phone = f"They called, {side.secret}."
        user, alice = side.contact(self.world, "user"), self.world.alice
        self.act(OpenFor(contact=user, actor=alice, subject=f"Call {side.mark}", text=phone, channel="phone"))
        side.cases = [CaseNumber(number) for number in self.world.cases() if number not in known]

    def work(self, side: Side, _other: Side) -> None:
        """All that agents do on a case."""
        case, alice = side.cases[0], self.world.alice
        self.act(Assign(case=case, actor=alice, assignee=alice))
        self.act(Fire(case=case, actor=alice, trigger="start"))
        self.act(AddNote(case=case, actor=alice, text=f"Note {side.mark}: {INTERNAL}."))
        self.act(AgentReply(case=case, actor=alice, text=f"Please restart {side.mark}."))
        self.act(ChangeType(case=case, actor=alice, type="incident", priority="P1"))
        self.act(Plan(case=case, actor=alice, at=self.world.now + timedelta(days=1)))
        self.act(Escalate(case=case, actor=alice, kind=EscalationKind.NON_TECHNICAL, reason=f"Because {side.mark}"))
        guest = Party(PartyKind.EXTERNAL, f"expert@{side.mark}.expert.example")
        self.act(ChangeParticipants(case=case, actor=alice, add=(guest,)))
        for trigger in ("resolve", "close", "reopen", "defer"):
            self.act(Fire(case=side.cases[1], actor=alice, trigger=trigger))

    def command(self, side: Side, other: Side) -> None:
        """Every command, about the own case and about the other's."""
        own, foreign = side.cases[0], other.cases[0]
        for case in (own, foreign):
            lines: tuple[str, ...] = (
                "/status",
                f"/show {case}",
                "/type incident P2",
                "/priority P1",
                f"/add {side.at('boss')}",
            )
            lines += (f"/add {other.hidden}", f"/remove {other.hidden}", f"/remove {side.at('boss')}")
            lines += (f"/escalate {side.mark}", "/close", "/reopen", "/help")
            for proved in (True, False):
                self.mail(side, "user", "\n".join(lines), subject=f"Re: {self.mark(case)}", proved=proved)
        for line in ("/cases all by number", "/search drachenfels", "/search loreley", f"/show {foreign} 1", "/users"):
            self.mail(side, "user", line)
            self.mail(side, "boss", line, subject=f"Re: {self.mark(foreign)}")

    def reach(self, side: Side, other: Side) -> None:
        """By each mark of the other's, with words and with commands."""
        foreign = other.cases[0]
        tokens, user = self.world.ports.tokens, f"What is this? {side.secret}"
        theirs = [mail["Message-ID"] for mail in self.world.outbox() if other.mark in str(mail["To"])]
        self.mail(side, "user", user, subject=f"Re: {self.mark(foreign)} {side.mark}")
        self.mail(side, "user", user, to=tokens.plus_address(foreign))
        self.mail(side, "user", user, in_reply_to=theirs[0], references=" ".join(map(str, theirs[:9])))
        self.mail(side, "user", f"/close\n\n{user}", subject=f"{self.mark(side.cases[0])} {self.mark(foreign)}")
        self.mail(side, "mate", "/status", to=tokens.plus_address(foreign), cc=f"{side.at('boss')}, other@else.example")

    def order(self, side: Side, _other: Side) -> None:
        """Orders that are approved, rejected and released by nobody."""
        for answer in ("/approve", f"/reject {side.mark} is too dear", ""):
            self.mail(side, "user", f"/order update to {side.mark}", subject=f"Order {side.mark}")
            if answer:
                question = self.asked(side.at("maker"))
                reply(self.world, question, answer)

    def asked(self, address: str) -> EmailMessage:
        """The newest question to somebody."""
        asks = t.outbox.c.kind.in_((NoticeKind.APPROVAL, NoticeKind.REGISTRATION)) & (t.outbox.c.recipient == address)
        query = select(t.outbox.c.data).where(asks).order_by(t.outbox.c.id.desc()).limit(1)
        with self.world.ports.db.begin() as tx:
            mail = message_from_bytes(tx.scalars(query).one(), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        return mail

    def register(self, side: Side, other: Side) -> None:
        """Somebody joins, somebody is refused, somebody claims the other company, somebody is invited, and roles."""
        for name, answer in (("nora", "/approve"), ("rolf", f"/reject not of {side.mark}")):
            letter(self.world, side.at(name), f"PIN: {side.pin}\nName: {name.title()} {side.mark.title()}")
            reply(self.world, self.asked(side.at(name)))
            reply(self.world, self.asked(side.at("boss")), answer)
        letter(self.world, side.at("spy"), f"PIN: {other.pin}\nName: Spy {side.mark.title()}")
        letter(self.world, side.at("liar"), f"PIN: 1111-2222\nCompany: {other.number}\nName: Liar")
        for proved in (True, False):
            self.mail(side, "boss", f"/invite {side.at('ivy')} Ivy {side.mark} {side.pin}", proved=proved)
            self.mail(side, "boss", f"/roles {side.at('mate')} decision_maker {side.pin}", proved=proved)
            self.mail(side, "boss", f"/unregister {other.hidden}\n/roles {other.hidden} none {side.pin}")
        self.mail(side, "mate", f"/address mate@home.{side.mark}.example")

    def machines(self, side: Side, other: Side) -> None:
        """What is automatic, and reports about the other's mail."""
        own, foreign = self.mark(side.cases[0]), self.mark(other.cases[0])
        for mark in (own, foreign):
            self.mail(side, "user", "I am away.", subject=f"Re: {mark}", auto_submitted="auto-replied")
        theirs = next(mail for mail in self.world.outbox() if other.mark in str(mail["To"]))
        report = (
            f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; {side.mark}\n\n"
            f"Final-Recipient: rfc822; {other.at('user')}\nAction: failed\nStatus: 5.1.1\n"
            f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {theirs['Message-ID']}\n--b--"
        )
        kind = "multipart/report; report-type=delivery-status; boundary=b"
        for to in (SERVICE, str(theirs["X-Test-Return-Path"])):
            self.mail(side, "mailer-daemon", report, to=to, mime_version="1.0", content_type=kind)

    def join(self, side: Side, other: Side) -> None:
        """Merged, linked and split; across companies only what agents alone see."""
        alice = self.world.alice
        self.act(Merge(case=side.cases[2], into=other.cases[0], actor=alice))
        self.act(Link(case=side.cases[0], other=other.cases[0], actor=alice))
        messages = [message.id for message in self.world.case(side.cases[0]).messages if message.author][-2:-1]
        self.act(Split(case=side.cases[0], messages=tuple(messages), actor=alice))
        self.act(Merge(case=side.cases[2], into=side.cases[0], actor=alice))

    def by_mail(self, side: Side, other: Side) -> None:
        """An agent answers by mail, opens a case in somebody's name, and names both companies in a note."""
        own = self.mark(side.cases[0])
        agents.write(self.world, f"We mend {side.mark}.", subject=f"Re: {own}")
        agents.write(self.world, f"/note\n{INTERNAL}: {side.mark} is as bad as {other.mark}.", subject=f"Re: {own}")
        agents.write(self.world, f"/resolve\nIt is mended, {side.mark}.", subject=f"Re: {own}")
        agents.write(self.world, f"/for {side.at('user')}\n\n{side.secret} again", subject=f"{side.mark} called")

    def time(self, _side: Side, _other: Side) -> None:
        """Levels of clocks, reminders, ends of what was asked."""
        for _ in range(4):
            self.fire(days=4)

    def fire(self, **gap: float) -> None:
        """Time goes by, and what is due happens."""
        self.world.later(**gap)
        while rows := timers.lease(self.world.ports):
            for row in rows:
                timers.fire(self.world.ports, row)

    def escalate(self, side: Side, _other: Side) -> None:
        """From the request to the lessons learned, with all that is sent about it, and what is internal."""
        case, root = side.cases[0], self.world.ports.db.read(load_people.agent_by_address, ROOT)
        assert root is not None
        self.mail(side, "user", f"/escalate {side.secret} is down", subject=f"Re: {self.mark(case)}")
        self.act(TakeEscalation(case=case, actor=root.party))
        first = self.world.now + timedelta(hours=20)
        meetings = Meetings(gap=Gap(1, GapUnit.DAY), first=first, zone="Europe/Berlin", channel=f"{side.mark} call")
        self.act(PlanMeetings(case=case, actor=root.party, meetings=meetings))
        self.act(LogProgress(case=case, actor=root.party, text=f"{side.mark} is nearly mended."))
        self.act(LogProgress(case=case, actor=root.party, text=f"{INTERNAL} {side.mark}", internal=True))
        self.fire(days=1)
        self.act(ResolveEscalation(case=case, actor=root.party, text=f"Mended {side.mark}."))
        self.act(LogProgress(case=case, actor=root.party, text=f"We learned of {side.mark}."))

    def leave(self, side: Side, _other: Side) -> None:
        """Somebody is un-registered, and somebody erased."""
        root = self.world.ports.db.read(load_people.agent_by_address, ROOT)
        assert root is not None
        self.act(RemoveContact(contact=side.contact(self.world, "mate").party, actor=self.world.alice))
        self.act(EraseContact(contact=side.contact(self.world, "user").party, actor=root.party))


STEPS: tuple[Callable[[Play, Side, Side], None], ...] = (
    *(Play.opens, Play.work, Play.command, Play.reach, Play.order, Play.register, Play.machines, Play.join),
    *(Play.by_mail, Play.escalate, Play.command, Play.time, Play.reach, Play.leave, Play.command),
)


@pytest.fixture(params=["en", "de"])
def play(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Play]:
    rules = {"customer_reminder_days": 2, "auto_close_days": 3}
    with a_world(database_url, tmp_path, budget=UNLIMITED, rules=rules) as world:
        with world.ports.db.begin() as tx:
            people.add_agent(tx, Agent(id=AgentId(0), name="Root", address=ROOT, kind=AgentKind.ADMIN))
        yield Play(world)


def test_no_byte_of_one_company_reaches_the_other(play: Play, request: pytest.FixtureRequest) -> None:
    """AC-13. What a company writes about the other itself, such as the words that it looks for, is its own."""
    sides = tuple(Side(one.number, one.mark, one.secret, one.pin) for one in SIDES)
    lang = request.node.callspec.params["play"]
    for side in sides:
        settle(play.world, side, lang)
    scanned = 0
    for step in STEPS:
        for side, other in (sides, sides[::-1]):
            step(play, side, other)
        with play.world.ports.db.begin() as tx:
            rows = tx.execute(select(t.outbox).where(t.outbox.c.id > scanned).order_by(t.outbox.c.id)).all()
        assert rows, f"{step.__name__} sent nothing"
        for row in rows:
            for side, other in (sides, sides[::-1]):
                if side.mark in row.recipient:
                    assert set() == found_in(row.data, [other.mark, INTERNAL]), (
                        f"{step.__name__}: {row.kind} to {row.recipient}"
                    )
        scanned = rows[-1].id
    assert all(len(side.cases) == 3 for side in sides)
