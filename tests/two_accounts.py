"""The whole product played by two companies at the same time, each with a mark in every field that it fills (AC-13).

`play` writes, commands, registers, orders, escalates, intrudes and waits, in turns; `leaks` then reads every byte that
left. A mark is one word, so that no wrapping and no encoding takes it apart.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from itertools import product
from typing import Any

import sqlalchemy as sa

from gateway.domain.actions import (
    AddNote,
    AgentReply,
    Assign,
    ChangeParticipants,
    ChangePriority,
    ChangeType,
    Describe,
    Escalate,
    Fire,
    Link,
    Merge,
    Plan,
    Split,
)
from gateway.domain.announcement import Announcement, AnnouncementId, Audience
from gateway.domain.escalation import EscalationKind, Gap, GapUnit, Meetings
from gateway.domain.escalation_actions import LogProgress, PlanMeetings, ResolveEscalation, TakeEscalation
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
from gateway.domain.people_actions import EraseContact, RemoveContact
from gateway.errors import Refused
from gateway.mail.decision import Decision
from gateway.services import announcing, outbox, timers
from gateway.services.ports import Delivery, DeliveryState
from gateway.store import load_people, people
from gateway.store import tables as t
from tests import agents
from tests.answers import ANN, BOB, CARL, EVE, OTHER_PIN, PIN, REGISTER, contact, give, reply, with_people
from tests.leaks import found_in, of_account
from tests.world import SERVICE, UNLIMITED, World

SETTINGS: dict[str, Any] = {
    "rules": {"auto_close_days": 14, "customer_reminder_days": 7},
    "budget": UNLIMITED,
    "mail": {"service_address": SERVICE, "cc_policy": "domains"},
}
ALICE = "alice@vendor.example"
INSIDE = "vendormark"
"""Stands in every note, and nowhere else: in no mail to any customer."""

NONE = CaseNumber(0)

_OF_REGISTRATIONS = 4


@dataclass(slots=True, kw_only=True)
class Side:
    """A company: its people by address, and its mark. `case` is its first case, `number` counts its mails."""

    account: str
    mark: str
    domain: str
    reporter: str
    colleague: str
    manager: str
    pin: str
    phone: str
    word: str
    case: CaseNumber
    number: int = 0
    said: list[bytes] = field(default_factory=list)

    def address(self, name: str) -> str:
        """An address with the mark in it."""
        return f"{self.mark}.{name}@{self.domain}"

    @property
    def expert(self) -> str:
        """Somebody from outside who reads along."""
        return f"{self.mark}.expert@outside.example"


def sides() -> tuple[Side, Side]:
    """The two companies of TESTPLAN section 0."""
    ex = Side(
        account="EX-1", case=NONE, mark="exmark", domain="customer.example", reporter=BOB, colleague=CARL, manager=ANN, pin=PIN,
        phone="+49 30 771144", word="frobnicator",
    )  # fmt: skip
    ot = Side(
        account="OT-1", case=NONE, mark="otmark", domain="other.example", reporter=EVE, colleague="zoe@other.example",
        manager="uma@other.example", pin=OTHER_PIN, phone="+49 40 882255", word="xylophone",
    )  # fmt: skip
    return ex, ot


@dataclass(slots=True)
class Stage:
    """A world in which both act; `left` are the bytes of every mail, as they were queued."""

    world: World
    both: tuple[Side, Side]
    left: dict[int, tuple[str, bytes]] = field(default_factory=dict)

    def pairs(self) -> tuple[tuple[Side, Side], tuple[Side, Side]]:
        """Each company, and the other one."""
        one, two = self.both
        return (one, two), (two, one)

    def says(
        self, side: Side, sender: str, body: str, *, to: str = SERVICE, proved: bool = True, **head: str
    ) -> Decision:
        """One of them writes: a mail with a marked subject, a marked file and marked text in several encodings."""
        side.number += 1
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"], mail["Message-ID"] = sender, to, f"<{side.number}@{side.domain}>"
        mail["Subject"] = head.pop("subject", f"Größe {side.mark}subject{side.number}")
        if proved:
            domain = sender.partition("@")[2]
            mail["Authentication-Results"] = f"mx.vendor.example; dmarc=pass header.from={domain}"
        for name, value in head.items():
            mail[name.replace("_", "-").title()] = value
        mail.set_content(f"{body}\n", cte=("quoted-printable", "base64")[side.number % 2])
        if not body.startswith("/"):
            file = f"Bytes {side.mark}bytes".encode()
            mail.add_attachment(file, "text", "x-log", filename=f"übersicht {side.mark}file{side.number}.log")
        return self.takes(side, mail.as_bytes(), to)

    def takes(self, side: Side, data: bytes, to: str, **more: Any) -> Decision:
        """A mail of theirs comes in."""
        self.world.later(minutes=1)
        side.said.append(data)
        return self.world.mail(data, rcpt=to, **more)

    def answers(self, side: Side, address: str, body: str, kind: str | None = "approval", **more: Any) -> None:
        """One of them answers our newest mail of this kind; that there is one is part of the scene."""
        before = self.world._mails + 1
        reply(self.world, self.last(address, kind), body, **more)
        side.said.append(f"{before} {body}".encode())

    def token(self, side: Side) -> str:
        return self.world.ports.tokens.mint(side.case)

    def last(self, address: str, kind: str | None = None, case: CaseNumber | None = None) -> EmailMessage:
        """The newest mail to an address, of this kind; that there is one is part of the scene."""
        query = sa.select(t.outbox.c.data).where(t.outbox.c.recipient == address).order_by(t.outbox.c.id.desc())
        if kind is not None:
            query = query.where(t.outbox.c.kind == kind)
        if case is not None:
            query = query.where(t.outbox.c.case_number == case)
        with self.world.ports.db.begin() as tx:
            mail = message_from_bytes(tx.scalars(query.limit(1)).one(), policy=default)
        assert isinstance(mail, EmailMessage)
        return mail

    def collect(self) -> None:
        """What was queued since, before an erasure takes it."""
        with self.world.ports.db.begin() as tx:
            for row in tx.execute(sa.select(t.outbox.c.id, t.outbox.c.recipient, t.outbox.c.data)):
                self.left.setdefault(row.id, (row.recipient, row.data))

    def kinds(self) -> set[tuple[str, str]]:
        """What was owed to whom: (kind, recipient)."""
        with self.world.ports.db.begin() as tx:
            rows = tx.execute(sa.select(t.outbox.c.kind, t.outbox.c.recipient)).all()
        return {(row.kind.value, row.recipient) for row in rows}

    def send_all(self) -> None:
        """All that waits leaves."""
        self.collect()
        while rows := outbox.lease(self.world.ports):
            for row in rows:
                outbox.settle(self.world.ports, row, Delivery(DeliveryState.SENT, "250 ok"))

    def tick(self, **gap: float) -> None:
        """Time goes by, and what is due happens."""
        self.world.later(**gap)
        while rows := timers.lease(self.world.ports):
            for row in rows:
                timers.fire(self.world.ports, row)


def set_up(world: World, langs: tuple[str, str]) -> Stage:
    """Both companies with marked names, phones and people, and the agents."""
    both = sides()
    with_people(world)
    with world.ports.db.begin() as tx:
        for name, kind in (("Mira", AgentKind.AGENT), ("Sam", AgentKind.SUPPORT_MANAGER), ("Root", AgentKind.ADMIN)):
            address = f"{name.lower()}@vendor.example"
            people.add_agent(tx, Agent(id=AgentId(0), name=name, address=address, kind=kind, teams=("first_level",)))
        for side, lang in zip(both, langs, strict=True):
            for address in (side.colleague, side.manager, side.address("gone"), side.address("left")):
                with suppress(Refused):
                    name = f"New {side.mark}name"
                    people.add_contact(
                        tx, Contact(id=ContactId(0), account=side.account, name=name, addresses=(address,))
                    )
            values = {"name": f"{side.mark}company Ltd", "lang": lang, "services": ["incident_management"]}
            tx.execute(t.account.update().where(t.account.c.number == side.account).values(**values))
            named = {"name": sa.literal(f"{side.mark}person ") + t.contact.c.name, "phone": side.phone}
            tx.execute(t.contact.update().where(t.contact.c.account == side.account).values(**named))
    for side in both:
        give(world, side.manager, ContactRole.USER_MANAGER, ContactRole.INCIDENT_MANAGER)
        give(world, side.colleague, ContactRole.DECISION_MAKER)
    return Stage(world, both)


def play(world: World, langs: tuple[str, str]) -> Stage:
    """Everything that two companies can do, side by side."""
    stage = set_up(world, langs)
    for act in (
        _write,
        _agents_work,
        _command,
        _intrude,
        _register,
        _ask,
        _change,
        _escalate,
        _agents_change,
        _announce,
        _wait,
        _leave,
    ):
        for side, other in stage.pairs():
            act(stage, side, other)
        stage.send_all()
    return stage


def _write(stage: Stage, side: Side, other: Side) -> None:
    """A case with everything that its first mail can say; answers, quoted text, copies, thanks."""
    told = f"Product: {side.mark}product\nVersion: {side.mark}version\nEnvironment: {side.mark}place\n\nThe {side.word} stops."
    done = stage.says(side, side.reporter, told)
    assert done.case
    side.case = done.case
    subject = f"Re: {stage.token(side)} {side.mark}subject"
    cc = f"{side.manager}, {side.address('cc')}, {other.reporter}, mallory@evil.example"
    stage.says(
        side, side.colleague, f"Here too, {side.mark}text.\n\n> quoted {side.mark}quoted", subject=subject, cc=cc
    )
    for number in range(3):
        stage.says(side, side.reporter, f"Another one, {side.mark}more{number}. The {side.word} again.")


def _agents_work(stage: Stage, side: Side, _: Side) -> None:
    """Notes and replies, by command and by mail, and all that moves a case."""
    world, case = stage.world, side.case
    world.act(AddNote(case=case, actor=world.alice, text=f"{INSIDE} {side.mark}note"))
    world.act(AgentReply(case=case, actor=world.alice, text=f"We look, {side.mark}answer."))
    for trigger in ("start", "resolve", "reopen", "defer", "reopen"):
        world.act(
            Fire(
                case=case,
                actor=world.alice,
                trigger=trigger,
                text=f"{side.mark}words" if trigger == "resolve" else None,
            )
        )
    notice = stage.last(ALICE, "case_opened", case)
    agents.answer(world, notice, f"By mail, {side.mark}bymail.\n\n{agents.gmail(notice)}")
    agents.answer(world, notice, f"/note {INSIDE} {side.mark}bynote")
    forwarded = f"---------- Forwarded message ---------\nFrom: {side.reporter}\nSubject: {side.mark}forwarded\nTo: a@b.example\n\nIt {side.mark}rang."
    agents.write(world, f"/for {side.reporter}\n\n{forwarded}", subject=f"Fwd: {side.mark}forwarded")
    world.act(ChangeParticipants(case=case, actor=world.alice, add=(Party(PartyKind.EXTERNAL, side.expert),)))
    data = f"Bytes {side.mark}sentbytes".encode()
    name, hashed = f"für {side.mark}sentfile.log", world.ports.blobs.put(data)
    file = Attachment(name=name, size=len(data), sha256=hashed, content_type="application/octet-stream")
    world.act(AgentReply(case=case, actor=world.alice, text=f"For all, {side.mark}all.", attachments=(file,)))


def _command(stage: Stage, side: Side, other: Side) -> None:
    """Every command, also about what is the other's."""
    subject = f"Re: {stage.token(side)} {side.mark}subject"
    views = (
        "/cases all",
        "/cases all by number",
        "/status",
        f"/show {side.case}",
        f"/search {side.word}",
        "/help",
        "/users",
    )
    theirs = (f"/show {other.case}", f"/search {other.word}", f"/search {other.case}", f"/show {stage.token(other)}")
    changes = (
        "/type incident P1",
        "/priority P2",
        f"/add {side.manager}",
        f"/add {other.reporter}",
        f"/escalate {side.mark}reason",
    )
    for line in (*views, *theirs, *changes, "/close", "/reopen", "/frobnicate", f"/close {side.mark}argument"):
        stage.says(side, side.reporter, line, subject=subject)
        stage.says(side, side.manager, line, subject="Please")
    stage.says(side, side.reporter, "\n".join((*theirs, *views)), subject=f"Please {side.mark}all")


def _intrude(stage: Stage, side: Side, other: Side) -> None:
    """The other's tokens, addresses and Message-IDs in all combinations, and with commands; reports and machines, too."""
    world = stage.world
    sent = str(stage.last(other.reporter, "agent_replied")["Message-ID"])
    seen = f"<1@{other.domain}>"
    for marked, tagged, refers in product((False, True), repeat=3):
        to = world.ports.tokens.plus_address(other.case) if tagged else SERVICE
        head: dict[str, Any] = {"in_reply_to": sent, "references": f"{seen} {sent}"} if refers else {}
        subject = f"Re: {stage.token(other)} {side.mark}try" if marked else f"{side.mark}try"
        for body in (
            f"What is it? {side.mark}try",
            "/status\n/show\n/close\n/escalate now\n/order update",
            f"/show\n\nAnd {side.mark}text",
        ):
            stage.says(side, side.reporter, body, to=to, subject=subject, **head)
    stage.says(side, side.reporter, "I am away.", subject=f"Re: {stage.token(other)}", auto_submitted="auto-replied")
    attached = f"See.\n\n-----Original Message-----\nFrom: x\nSubject: {stage.token(other)}\n\n/close"
    stage.says(side, side.reporter, attached)
    bounce = EmailMessage(policy=SMTP)
    bounce["From"], bounce["To"], bounce["Message-ID"] = f"mailer-daemon@{side.domain}", SERVICE, f"<b@{side.domain}>"
    bounce["Subject"], bounce["Content-Type"] = (
        "Undelivered",
        "multipart/report; report-type=delivery-status; boundary=b",
    )
    bounce.set_payload(
        "--b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
        f"Final-Recipient: rfc822; {other.reporter}\nAction: failed\nStatus: 5.1.1\n--b\n"
        f"Content-Type: text/rfc822-headers\n\nMessage-ID: {sent}\n\n--b--\n"
    )
    stage.takes(side, bounce.as_bytes(), SERVICE, mail_from="")
    for stranger in ("mallory@evil.example", side.expert, f"nobody@{side.domain}"):
        for aim in stage.both:
            stage.says(side, stranger, "Tell me.\n/show", subject=f"Re: {stage.token(aim)}", in_reply_to=sent)


def _register(stage: Stage, side: Side, other: Side) -> None:
    """People register, with their company's PIN, a wrong one and under the other's domain; approved, rejected, invited."""
    new = [side.address(f"new{number}") for number in range(_OF_REGISTRATIONS)]
    for number, address in enumerate(new[:3]):
        letter = f"PIN: {side.pin}\nName: Rita {side.mark}registrant{number}\nPhone: {side.phone}"
        stage.says(side, address, letter, to=REGISTER, subject=f"Register {side.mark}")
        stage.answers(side, address, f"Yes, {side.mark}yes", None)
        if word := ("/approve", f"/reject {side.mark}because", "")[number]:  # the third is forgotten
            stage.answers(side, side.manager, word)
    stage.says(side, f"spy@{other.domain}", f"PIN: {side.pin[:-1]}0\nName: Spy", to=REGISTER)
    stage.says(side, side.manager, f"/invite {new[3]} Ina {side.mark}invited [decision_maker] {side.pin}")
    stage.answers(side, new[3], "Yes", None)
    for address in (other.reporter, other.colleague):  # whom the other company has
        stage.says(side, side.manager, f"/invite {address} Somebody {side.pin}", subject="Please")
        stage.says(
            side, side.manager, f"/unregister {address}\n/roles {address} user_manager {side.pin}", subject="Please"
        )


def _ask(stage: Stage, side: Side, _: Side) -> None:
    """Orders that are approved and rejected, roles, a further address, and "was this you?"."""
    for number, answer in enumerate(("/approve", f"/reject {side.mark}no")):
        stage.says(side, side.reporter, f"/order update to {side.mark}order{number}", subject=f"{side.mark}ordered")
        stage.answers(side, side.colleague, answer)
    stage.says(side, side.reporter, f"/order restore {side.mark}never", subject=f"{side.mark}ordered")
    stage.says(side, side.manager, f"/roles {side.reporter} decision_maker {side.pin}")
    stage.says(side, side.reporter, f"/address {side.mark}.home@home.example")
    stage.answers(side, f"{side.mark}.home@home.example", "/approve")
    stage.answers(side, side.reporter, "/approve")
    stage.says(side, side.colleague, f"/escalate {side.mark}urgent", proved=False, subject=f"Re: {stage.token(side)}")
    stage.answers(side, side.colleague, "/approve")
    stage.says(side, side.manager, f"/unregister {side.address('left')}", proved=False)
    stage.answers(side, side.manager, "/approve")


def _change(stage: Stage, side: Side, _: Side) -> None:
    """What agents change about a case; planned times come as a calendar file."""
    world, case = stage.world, side.case
    for action in (
        Assign(case=case, actor=world.alice, team="third_level"),
        Describe(case=case, actor=world.alice, product=f"{side.mark}described"),
        ChangeType(case=case, actor=world.alice, type="task"),
        Plan(case=case, actor=world.alice, at=world.now.replace(year=2027)),
        ChangeType(case=case, actor=world.alice, type="incident", priority="P1"),
        ChangePriority(case=case, actor=world.alice, priority="P2"),
        Escalate(case=case, actor=world.alice, kind=EscalationKind.NON_TECHNICAL, reason=f"{side.mark}agents"),
    ):
        world.act(action)


def _escalate(stage: Stage, side: Side, _: Side) -> None:
    """From the request to the lessons learned, with all that is sent about it, and what is internal."""
    world, case = stage.world, side.case
    root = next(_agents(world))
    first = world.now + timedelta(hours=20)
    meetings = Meetings(gap=Gap(1, GapUnit.DAY), first=first, zone="Europe/Berlin", channel=f"{side.mark}channel")
    stage.says(side, side.reporter, f"/escalate {side.mark}down", subject=f"Re: {stage.token(side)}")
    world.act(TakeEscalation(case=case, actor=root))
    world.act(PlanMeetings(case=case, actor=root, meetings=meetings))
    world.act(LogProgress(case=case, actor=root, text=f"Nearly, {side.mark}progress."))
    world.act(LogProgress(case=case, actor=root, text=f"{INSIDE} {side.mark}log", internal=True))
    stage.tick(days=1)
    world.act(ResolveEscalation(case=case, actor=root, text=f"Over, {side.mark}over."))
    world.act(LogProgress(case=case, actor=root, text=f"Learned, {side.mark}learned."))


def _agents_change(stage: Stage, side: Side, other: Side) -> None:
    """Merged and split within a company; across companies linked, never merged."""
    world = stage.world
    own = [number for number in world.ports.db.read(of_account, side.account) if number != side.case]
    with suppress(Refused):
        world.act(Merge(case=own[0], actor=world.alice, into=other.case))
        raise AssertionError("cases of two accounts were merged")
    world.act(Merge(case=own[0], actor=world.alice, into=side.case))
    world.act(Link(case=side.case, actor=world.alice, other=other.case))
    message = next(one for one in world.case(side.case).messages if one.author == side.colleague)
    world.act(Split(case=side.case, actor=world.alice, messages=(message.id,)))
    world.act(AgentReply(case=side.case, actor=world.alice, text=f"Linked, {side.mark}linked."))
    stage.says(side, side.reporter, f"/show {own[0]}\n/show {side.case}\n/cases all", subject="Please")


def _announce(stage: Stage, side: Side, _: Side) -> None:
    """To one company; somebody asks about it, and somebody wants no more of it."""
    world = stage.world
    sam = next(agent for agent in world.ports.db.read(load_people.agents) if agent.name == "Sam")
    wanted = Announcement(
        id=AnnouncementId(0),
        by=sam.id,
        created_at=world.now,
        audience=Audience.ACCOUNT,
        accounts=(side.account,),
        template="release",
        variables=(("version", "8.1"), ("notes", f"Also new: {side.mark}news.")),
    )
    announcing.look(world.ports, wanted)
    announced = announcing.begin(world.ports, wanted, sam)
    while announcing.owe_page(world.ports, announced):
        pass
    stage.answers(side, side.reporter, f"How is that? {side.mark}how", "announcement")
    link = stage.last(side.colleague, "announcement")["List-Unsubscribe"]
    to = str(link).removeprefix("<mailto:").partition("?")[0]
    stage.says(side, side.colleague, "Please", to=to, subject="unsubscribe")


def _wait(stage: Stage, side: Side, _: Side) -> None:
    """Levels, reminders, expiries and closing by itself, in the course of weeks."""
    world = stage.world
    stage.says(side, side.reporter, f"And now? {side.mark}late", subject=f"Re: {stage.token(side)}")
    for number in world.ports.db.read(of_account, side.account)[1:3]:
        with suppress(Refused):
            world.act(Fire(case=number, actor=world.alice, trigger="resolve"))
    for _day in range(9):
        stage.tick(days=2)
    world.act(AgentReply(case=side.case, actor=world.alice, text=f"Still at it, {side.mark}still."))
    stage.tick(days=8)


def _leave(stage: Stage, side: Side, other: Side) -> None:
    """Somebody is un-registered, somebody erased; both write once more, and so does who only knows a token."""
    world = stage.world
    root = next(party for party in _agents(world) if party != world.alice)
    world.act(RemoveContact(contact=contact(world, side.address("gone")).party, actor=world.alice))
    stage.says(side, side.address("gone"), "/show\n/cases all", subject=f"Re: {stage.token(side)}")
    stage.collect()
    world.act(EraseContact(contact=contact(world, side.colleague).party, actor=root))
    stage.says(side, side.reporter, f"/show {side.case}\n/cases all\n/search {other.word}", subject="Please")
    stage.says(side, side.manager, "/users", subject="Please")


def _agents(world: World) -> Iterator[Party]:
    with world.ports.db.begin() as tx:
        rows = tx.execute(sa.select(t.agent.c.id).where(t.agent.c.kind == AgentKind.ADMIN)).all()
    return (Party.agent(row.id) for row in rows)


# --- What left --------------------------------------------------------------------------------------------------------


def secrets_of(stage: Stage, side: Side, by: Side | None) -> set[str]:
    """What nobody else may learn of a company: all marked fields, phone, PIN, number, tokens, addresses, Message-IDs.

    What the other company wrote to us itself it has not learned from us.
    """
    world = stage.world
    tokens = world.ports.tokens
    cases = world.ports.db.read(of_account, side.account)
    with world.ports.db.begin() as tx:
        ids = tx.scalars(sa.select(t.outbox.c.message_id).where(t.outbox.c.case_number.in_(cases))).all()
    given = {side.domain, *ids, *(tokens.mint(one) for one in cases), *(tokens.plus_address(one) for one in cases)}
    if by is not None:
        given -= {word for data in by.said for word in found_in(data, given)}
    return {side.mark, side.account, side.pin, side.phone.rpartition(" ")[2], *given}


def leaks(stage: Stage) -> list[str]:
    """Every mail in which there is something of a company that is not its recipient's, or something internal."""
    stage.collect()
    one, two = stage.both
    forbidden = {one.account: secrets_of(stage, two, one), two.account: secrets_of(stage, one, two)}
    nobodys = secrets_of(stage, one, two) | secrets_of(stage, two, one)
    found = []
    for id_, (recipient, data) in sorted(stage.left.items()):
        if recipient.endswith("@vendor.example"):
            continue
        words = forbidden.get(audience(stage, recipient) or "", nobodys) | {INSIDE}
        if seen := found_in(data, words):
            found.append(f"mail {id_} to {recipient}: {', '.join(sorted(seen))}")
    return found


def audience(stage: Stage, address: str) -> str | None:
    """The company whose mail somebody may read; None for strangers."""
    for side in stage.both:
        people_there = {side.reporter, side.colleague, side.manager, f"reads@{side.domain}"}
        if address in people_there or address.startswith(f"{side.mark}."):
            return side.account
    return None
