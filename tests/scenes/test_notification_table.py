"""SPEC section 13 as a table: what happens, and exactly who is told of it by mail of which kind. Nobody else is.

Bob reports the case, carl takes part; ann is a colleague of theirs and not on it, eve is of another company. Alice has the
case; zoe is in its team, tom in another one, and mo manages support. Escalations have scenes of their own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain.actions import (
    Action,
    AddNote,
    AgentReply,
    Assign,
    ChangeParticipants,
    ChangePriority,
    ChangeType,
    Fire,
    Merge,
    OpenFor,
    Plan,
    Split,
)
from gateway.domain.model import Agent, AgentId, AgentKind, CaseNumber, ContactRole, Party
from gateway.domain.people_actions import ChangeRoles
from gateway.services import outbox
from gateway.services.ports import Delivery, DeliveryState
from gateway.store import load_people, people
from gateway.terminal.shapes import case as shown_case
from tests.answers import contact, give, letter, with_people
from tests.scenes.test_gathering import FORGED, PROVED, STRICT, to_next_digest
from tests.scenes.test_timers import tick
from tests.world import World, a_mail, a_world

CASE, OTHER = CaseNumber(1001), CaseNumber(1002)
BOB, CARL, ANN, EVE = "bob@customer.example", "carl@customer.example", "ann@customer.example", "eve@other.example"
ALICE, ZOE, TOM, MO = (f"{name}@vendor.example" for name in ("alice", "zoe", "tom", "mo"))
OURS = {"alice": ALICE, "zoe": ZOE, "tom": TOM, "mo": MO}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """The case is alice's, and waits for an answer of ours; all mail so far has left."""
    with a_world(
        database_url, tmp_path, trust=STRICT, rules={"auto_close_days": 14, "customer_reminder_days": 3}
    ) as made:
        with made.ports.db.begin() as tx:
            for name, team, kind in (
                ("Zoe", "first_level", AgentKind.AGENT),
                ("Tom", "third_level", AgentKind.AGENT),
                ("Mo", "managers", AgentKind.SUPPORT_MANAGER),
            ):
                address = OURS[name.lower()]
                people.add_agent(tx, Agent(id=AgentId(0), name=name, address=address, teams=(team,), kind=kind))
        made.mail(a_mail(authentication_results=PROVED))
        made.act(Assign(case=CASE, actor=agent(made, "alice"), assignee=agent(made, "alice")))
        made.act(ChangeParticipants(case=CASE, actor=made.alice, add=(made.carl,)))
        yield made


def agent(world: World, name: str) -> Party:
    found = world.ports.db.read(load_people.agent_by_address, OURS[name])
    assert found is not None
    return found.party


def writes(world: World, sender: str = BOB, body: str = "Any news?", *, case: int = 1001, **more: str) -> None:
    """A contact answers."""
    world._mails += 1
    subject = f"Re: {world.ports.tokens.mint(case)} It is slow"
    results = {"authentication_results": PROVED.replace("customer.example", sender.partition("@")[2])}
    world.mail(a_mail(sender, subject, body, message_id=f"<{world._mails}@x.example>", **{**results, **more}))


def opens(world: World, sender: str = BOB) -> None:
    """A contact writes of something new."""
    world._mails += 1
    results = PROVED.replace("customer.example", sender.partition("@")[2])
    world.mail(a_mail(sender, "Another", message_id=f"<{world._mails}@x.example>", authentication_results=results))


def does(action: Callable[[World], Action]) -> Callable[[World], None]:
    return lambda world: (world.act(action(world)), None)[1]


def fires(trigger: str, by: str = "zoe") -> Callable[[World], None]:
    """An agent who is not the assignee."""
    return does(lambda world: Fire(case=CASE, actor=agent(world, by), trigger=trigger))


def refuses(world: World) -> None:
    """The customer's server refuses our mail to bob, and takes what goes to others."""
    while rows := outbox.lease(world.ports):
        for row in rows:
            bad = row.recipient == BOB and row.kind == "agent_replied"
            state = DeliveryState.PERMANENT if bad else DeliveryState.SENT
            outbox.settle(world.ports, row, Delivery(state, "550 5.1.1 no such user" if bad else "250 ok"))


def after(*before: Callable[[World], None], then: Callable[[World], None]) -> Callable[[World], None]:
    """What is told of `then` alone."""

    def all_of_it(world: World) -> None:
        for one in before:
            one(world)
        world.since = len(world.told())  # type: ignore[attr-defined]  # read by the test alone
        then(world)

    return all_of_it


def clock(**gap: float) -> Callable[[World], None]:
    """Time goes by, and a daemon looks at its clock."""

    def goes_by(world: World) -> None:
        world.later(**gap)
        tick(world)

    return goes_by


def held(sender: str = BOB, results: str = FORGED) -> Callable[[World], None]:
    return lambda world: (world.mail(a_mail(sender, message_id="<h@x.example>", authentication_results=results)), None)[
        1
    ]


def digest_comes(world: World) -> None:
    to_next_digest(world)
    tick(world)


def last_message(world: World) -> int:
    found = shown_case(world.case())["messages"]
    assert isinstance(found, list)
    return int(found[-1]["id"])


def manages(world: World) -> None:
    give(world, ANN, ContactRole.USER_MANAGER)
    roles = frozenset({ContactRole.DECISION_MAKER})
    world.act(ChangeRoles(contact=world.carl, actor=agent(world, "zoe"), add=roles))


def registers(world: World) -> None:
    letter(with_people(world), authentication_results=PROVED)


def orders(world: World) -> None:
    give(world, ANN, ContactRole.DECISION_MAKER)
    writes(world, body="/order update 8.1")


def big_file(world: World) -> None:
    world.ports = replace(world.ports, policy=replace(world.ports.policy, attachment_limit=3))
    subject = f"Re: {world.ports.tokens.mint(1001)} It is slow"
    head = a_mail(subject=subject, message_id="<f@x.example>", authentication_results=PROVED).split(b"\r\n\r\n")[0]
    parts = (
        b"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nHere it is.\r\n"
        b"--b\r\nContent-Type: text/x-log\r\nContent-Disposition: attachment; filename=a.log\r\n\r\nfour\r\n--b--\r\n"
    )
    world.mail(head + parts)


REPLY = does(lambda world: AgentReply(case=CASE, actor=world.alice, text="Restart it."))
CUSTOMERS = {(BOB, "status_changed"), (CARL, "status_changed")}
CHANGED = {(BOB, "case_changed"), (CARL, "case_changed")}


@dataclass(frozen=True)
class Line:
    """One row of the table, or a part of one."""

    name: str
    happens: Callable[[World], None]
    told: set[tuple[str, str]]


LINES = (
    Line("case opened", opens, {(BOB, "case_opened"), (ALICE, "case_opened"), (ZOE, "case_opened")}),
    Line(
        "case opened for a contact",
        does(
            lambda w: OpenFor(
                contact=contact(w, ANN), actor=agent(w, "zoe"), subject="Call", text="Hm", channel="phone"
            )
        ),
        {(ANN, "case_opened"), (ALICE, "case_opened")},
    ),
    Line("customer wrote", writes, {(CARL, "customer_wrote"), (ALICE, "customer_wrote")}),
    Line("participant wrote", lambda w: writes(w, CARL), {(BOB, "customer_wrote"), (ALICE, "customer_wrote")}),
    Line("customer wrote, also to carl", lambda w: writes(w, cc=CARL), {(ALICE, "customer_wrote")}),
    Line(
        "customer wrote on a case of nobody's",
        after(does(lambda w: Assign(case=CASE, actor=w.alice, team="first_level")), then=writes),
        {(CARL, "customer_wrote"), (ALICE, "customer_wrote"), (ZOE, "customer_wrote")},
    ),
    Line("agent replied", REPLY, {(BOB, "agent_replied"), (CARL, "agent_replied")}),
    Line(
        "another agent replied",
        does(lambda w: AgentReply(case=CASE, actor=agent(w, "zoe"), text="Restart it.")),
        {(BOB, "agent_replied"), (CARL, "agent_replied"), (ALICE, "agent_replied")},
    ),
    Line("started", fires("start"), CUSTOMERS),
    Line("resolved", fires("resolve"), CUSTOMERS),
    Line("closed", after(fires("resolve"), then=fires("close")), CUSTOMERS),
    Line("reopened", after(fires("resolve"), then=fires("reopen")), {*CUSTOMERS, (ALICE, "status_changed")}),
    Line("deferred", fires("defer"), CUSTOMERS),
    Line(
        "resolved with words",
        does(lambda w: Fire(case=CASE, actor=w.alice, trigger="resolve", text="Mended.")),
        {(BOB, "agent_replied"), (CARL, "agent_replied")},
    ),
    Line(
        "closed by the customer",
        lambda w: writes(w, body="/close"),
        {(BOB, "command_answer"), (CARL, "status_changed")},
    ),
    Line("closed by itself", after(fires("resolve"), clock(days=7), then=clock(days=8)), CUSTOMERS),
    Line(
        "will be closed by itself",
        after(fires("resolve"), then=clock(days=14, seconds=-1)),
        {(BOB, "reminder"), (CARL, "reminder")},
    ),
    Line("customer's turn for days", after(REPLY, then=clock(days=3)), {(BOB, "reminder"), (CARL, "reminder")}),
    Line(
        "type changed",
        does(lambda w: ChangeType(case=CASE, actor=agent(w, "zoe"), type="incident", priority="P2")),
        {*CHANGED, (ALICE, "case_changed")},
    ),
    Line(
        "type changed by the assignee",
        does(lambda w: ChangeType(case=CASE, actor=w.alice, type="incident", priority="P2")),
        CHANGED,
    ),
    Line(
        "priority changed",
        after(
            does(lambda w: ChangeType(case=CASE, actor=w.alice, type="incident", priority="P2")),
            then=does(lambda w: ChangePriority(case=CASE, actor=agent(w, "zoe"), priority="P3")),
        ),
        {*CHANGED, (ALICE, "case_changed")},
    ),
    Line(
        "planned time changed",
        does(lambda w: Plan(case=CASE, actor=agent(w, "zoe"), at=w.now + timedelta(days=2))),
        {*CHANGED, (ALICE, "case_changed")},
    ),
    Line(
        "merged",
        after(lambda w: opens(w, ANN), then=does(lambda w: Merge(case=OTHER, actor=agent(w, "zoe"), into=CASE))),
        {(ANN, "case_changed"), (ALICE, "case_changed")},
    ),
    Line(
        "split",
        after(
            lambda w: writes(w, CARL, "And the printer."),
            then=does(lambda w: Split(case=CASE, actor=agent(w, "zoe"), messages=(last_message(w),))),
        ),
        {(CARL, "case_changed"), (ALICE, "case_changed")},
    ),
    Line(
        "assigned to a colleague",
        does(lambda w: Assign(case=CASE, actor=w.alice, assignee=agent(w, "tom"))),
        {(TOM, "assigned")},
    ),
    Line(
        "assigned to a team",
        does(lambda w: Assign(case=CASE, actor=agent(w, "zoe"), team="third_level")),
        {(TOM, "assigned")},
    ),
    Line(
        "internal note",
        does(lambda w: AddNote(case=CASE, actor=agent(w, "zoe"), text="They are in a hurry.")),
        {(ALICE, "note")},
    ),
    Line("internal note of the assignee", does(lambda w: AddNote(case=CASE, actor=w.alice, text="Hm.")), set()),
    Line(
        "internal note that names people",
        does(
            lambda w: AddNote(case=CASE, actor=w.alice, text="@tom, ask mo@vendor.example, not bob@customer.example.")
        ),
        {(TOM, "note"), (MO, "note")},
    ),
    Line(
        "internal note that names its writer and the assignee",
        does(lambda w: AddNote(case=CASE, actor=agent(w, "zoe"), text="@alice and @zoe")),
        {(ALICE, "note")},
    ),
    Line(
        "half of a promised time",
        after(
            does(lambda w: ChangeType(case=CASE, actor=w.alice, type="incident", priority="P2")),
            then=clock(hours=2),
        ),
        {(ALICE, "sla_level"), (ZOE, "sla_level")},
    ),
    Line(
        "all of a promised time",
        after(
            does(lambda w: ChangeType(case=CASE, actor=w.alice, type="incident", priority="P2")),
            clock(hours=3, minutes=59),
            then=clock(minutes=1),
        ),
        {(ALICE, "sla_level"), (ZOE, "sla_level"), (MO, "sla_level")},
    ),
    Line(
        "roles of a contact changed",
        manages,
        {(ANN, "registration")},
    ),
    Line("somebody registers", registers, {("new@customer.example", "registration")}),
    Line(
        "order",
        orders,
        {(BOB, "command_answer"), (ANN, "approval"), (CARL, "customer_wrote"), (ALICE, "customer_wrote")},
    ),
    Line("a mail bounced", after(REPLY, then=refuses), {(ALICE, "digest")}),
    Line("what bounced is gathered", after(REPLY, refuses, then=digest_comes), {(ALICE, "digest"), (ZOE, "digest")}),
    Line("held mail of a stranger", held("someone@else.example", FORGED.replace("customer", "else")), set()),
    Line(
        "held mail of strangers is gathered",
        after(held("someone@else.example", FORGED.replace("customer", "else")), then=digest_comes),
        {(ALICE, "digest"), (ZOE, "digest")},
    ),
    Line("held mail of a contact", held(), {(ALICE, "alarm"), (ZOE, "alarm")}),
    Line("held mail of a contact of another company", held(EVE), {(ALICE, "alarm"), (ZOE, "alarm")}),
    Line(
        "attachment refused",
        big_file,
        {(BOB, "attachment_refused"), (CARL, "customer_wrote"), (ALICE, "customer_wrote")},
    ),
    Line(
        "command not understood",
        lambda w: writes(w, body="/frobnicate"),
        {(BOB, "command_answer"), (CARL, "customer_wrote"), (ALICE, "customer_wrote")},
    ),
)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_who_is_told(world: World, line: Line) -> None:
    """Exactly these, and each once."""
    world.since = len(world.told())  # type: ignore[attr-defined]  # of this test alone
    line.happens(world)
    told = world.told()[world.since :]  # type: ignore[attr-defined]
    assert sorted(line.told) == sorted(told)
