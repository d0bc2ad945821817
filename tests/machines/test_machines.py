"""Machines' mails, and people's that look like them, through the whole ladder: who is heard, who is answered.

`automatic`: recorded on the case or held, nothing changes, no customer is told. `silent`: heard, and not answered
automatically. `person`: heard and answered. The mails are written for these tests, as real programs write theirs.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.domain.actions import AgentReply
from gateway.domain.model import CaseNumber
from gateway.domain.post import DecisionKind
from gateway.services.explain import explain
from gateway.store import tables as t
from tests.world import UNLIMITED, World, a_mail, a_world

FOLDER = Path(__file__).parent
BOB = "bob@customer.example"
AGENTS = "@vendor.example"
HEARD = {DecisionKind.REPLY, DecisionKind.NEW_CASE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One mail; `mail_from` is its envelope sender."""

    name: str
    says: str
    raw: str
    why: str = ""
    mail_from: str = "bounce-1@relay.example"


@cache
def samples() -> tuple[Sample, ...]:
    return tuple(
        Sample(**row)
        for file in ("responders", "systems", "people")
        for row in tomllib.loads((FOLDER / f"{file}.toml").read_text(encoding="utf-8"))["mail"]
    )


@pytest.fixture(scope="module")
def world(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all mails, each of which gets a case of its own."""
    folder = tmp_path_factory.mktemp("machines")
    (folder / "casegate.db").write_bytes(migrated_sqlite.read_bytes())
    with a_world(f"sqlite:///{folder}/casegate.db", folder, budget=UNLIMITED) as made:
        yield made


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A case that waits for bob, and the mail that asked him; `last` is the newest outbox row."""

    number: CaseNumber
    asked: bytes
    last: int

    def fill(self, raw: str) -> bytes:
        """The mail of a sample as bob would send it on this case."""
        asked = message_from_bytes(self.asked)
        for name, header in (("subject", "Subject"), ("message_id", "Message-ID"), ("address", "Reply-To")):
            raw = raw.replace(f"{{{name}}}", asked[header])
        return raw.replace("\n", "\r\n").encode()


def a_case(world: World) -> Answered:
    """Bob asked, alice answered with a question."""
    number = world.mail(a_mail(message_id=f"<first-{len(owed(world))}@customer.example>")).case
    assert number is not None
    world.act(AgentReply(case=number, actor=world.alice, text="Please restart it."))
    with world.ports.db.begin() as tx:
        row = tx.execute(select(t.outbox.c.id, t.outbox.c.data).order_by(t.outbox.c.id.desc())).first()
    assert row is not None
    return Answered(number=number, asked=row.data, last=row.id)


def owed(world: World, after: int = 0) -> list[tuple[str, str]]:
    """(recipient, kind) of the mail owed since."""
    columns = select(t.outbox.c.recipient, t.outbox.c.kind).where(t.outbox.c.id > after).order_by(t.outbox.c.id)
    with world.ports.db.begin() as tx:
        return [(row.recipient, row.kind.value) for row in tx.execute(columns)]


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_machines_are_recognised_and_people_are_heard(world: World, sample: Sample) -> None:
    """The decision, the status, what customers are told, and what `explain` says."""
    case = a_case(world)
    before = world.case(case.number)
    data = case.fill(sample.raw)

    means = explain(data, world.ports.policy.mail, ports=world.ports, tokens=world.ports.tokens)
    decision = world.mail(data, mail_from=sample.mail_from)

    outside = [one for one in owed(world, case.last) if not one[0].endswith(AGENTS)]
    after = world.case(case.number)
    if sample.says == "automatic":
        assert decision.kind in {DecisionKind.AUTOMATIC, DecisionKind.HELD}, decision.reason
        assert (before.summary.status, before.summary.assignee) == (after.summary.status, after.summary.assignee)
        assert [] == outside
        assert means.is_automatic or sample.mail_from == ""
        return
    assert decision.kind in HEARD, decision.reason
    assert not means.is_automatic
    if decision.kind is DecisionKind.REPLY:
        assert "waiting_for_vendor" == after.summary.status
        assert [] == outside
    else:
        acknowledged = [(BOB, "case_opened")] if sample.says == "person" else []
        assert acknowledged == outside, decision.passed


def test_there_are_as_many_people_as_machines() -> None:
    """Sixty of each at least, and no name twice."""
    said = [sample.says for sample in samples()]
    assert said.count("automatic") >= 60
    assert said.count("person") + said.count("silent") >= 60
    assert len(said) == len({sample.name for sample in samples()})
