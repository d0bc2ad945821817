"""Every (status, event, actor, type) of both rule sets, permitted and refused, through the real services.

The rule files are read with tomllib here, not with our own rule book; and the tables of SPEC section 5 stand here as
they are written there, so that neither a wrong rule file nor a wrong engine gets by.
"""

import re
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from gateway.domain.actions import AgentReply, Fire, OpenFor
from gateway.domain.model import SYSTEM, CaseNumber, Party
from gateway.domain.post import DecisionKind
from gateway.errors import Refused
from gateway.resources import data_dir
from gateway.services import case_view
from gateway.store import load_people
from gateway.store import tables as t
from tests.world import UNLIMITED, World, a_mail, a_world

ACTORS = ("customer", "vendor", "system")
EVENTS = (
    "customer_reply", "agent_reply", "start", "wait_for_client", "resolve", "defer", "close", "reopen", "auto_close",
)  # fmt: skip
MESSAGES = (("customer_reply", "customer"), ("agent_reply", "vendor"))
"""What is never refused: people's words are kept, whatever the rules say of the status."""

INCIDENTS = {"incident", "hosting_incident"}
TYPES = {
    "tracker": ("question", "incident", "hosting_incident", "error", "task", "service_request"),
    "production_support": ("question", "incident", "hosting_incident", "query", "error", "task", "service_request"),
}
STATUSES = {
    "tracker": (
        "open", "waiting_for_vendor", "investigating", "waiting_for_customer", "resolved", "closed", "reopened",
        "deferred",
    ),
    "production_support": (
        "open", "in_progress", "waiting_on_client", "waiting_on_vendor", "resolved", "closed", "reopened", "deferred",
    ),
}  # fmt: skip

SPEC_TRACKER = """
| `customer_reply` | customer | open, waiting_for_vendor, investigating, waiting_for_customer, reopened | waiting_for_vendor |
| `customer_reply` | customer | resolved, deferred, closed | reopened |
| `start` | vendor | open, waiting_for_vendor, waiting_for_customer, reopened | investigating |
| `agent_reply` | vendor | open, waiting_for_vendor, investigating, waiting_for_customer, reopened | waiting_for_customer |
| `resolve` | vendor | open, waiting_for_vendor, investigating, waiting_for_customer, reopened | resolved |
| `close` | customer | every status but closed | closed |
| `close` | vendor | resolved, not for incidents | closed |
| `reopen` | both | resolved, closed, deferred | reopened |
| `defer` | vendor | open, waiting_for_vendor, investigating, reopened | deferred |
| `auto_close` | system | resolved, not for incidents, after 14 days and one reminder (off unless configured) | closed |
"""

SPEC_PRODUCTION = """
| `open` · Open (vendor) | start (vendor) → in_progress |
| `in_progress` · In Progress (vendor) | wait_for_client (vendor) → waiting_on_client · resolve (vendor) → resolved |
| `waiting_on_client` · Waiting on Client (customer) | customer_reply (customer) → waiting_on_vendor · close (customer) → closed |
| `waiting_on_vendor` · Waiting on {vendor} (vendor) | start (vendor) → in_progress · wait_for_client (vendor) → waiting_on_client · resolve (vendor) → resolved · defer (vendor) → deferred |
| `resolved` · Resolved (nobody) | close (customer) → closed · reopen (both) → reopened |
| `closed` · Closed (nobody) | reopen (both) → reopened |
| `reopened` · Re-opened (vendor) | start (vendor) → in_progress |
| `deferred` · Deferred (nobody) | reopen (both) → reopened |
"""
SPEC_PRODUCTION_MAIL = {
    ("customer_reply", "customer", "reopened"): ("resolved", "closed", "deferred"),
    ("agent_reply", "vendor", "waiting_on_client"): ("in_progress", "waiting_on_vendor"),
}

Moment = tuple[str, str, str, str]
"""Status, event, actor, type."""


def both(by: str) -> tuple[str, ...]:
    return ("customer", "vendor") if by == "both" else (by,)


def spec_of(set_name: str) -> dict[Moment, str]:
    """Where SPEC sections 5.1 and 5.2 let something lead."""
    found: dict[Moment, str] = {}
    if set_name == "tracker":
        for line in SPEC_TRACKER.strip().splitlines():
            event, by, sources, target = (cell.strip(" `") for cell in line.strip("|").split("|"))
            sources, limited, _ = sources.partition(", not for incidents")
            some = set(STATUSES[set_name]) - {"closed"} if sources.startswith("every") else set(sources.split(", "))
            types = set(TYPES[set_name]) - (INCIDENTS if limited else set())
            found |= {(*key[:1], event, *key[1:]): target for key in product(some, both(by), types)}
        return found
    for line in SPEC_PRODUCTION.strip().splitlines():
        source, ways = (cell.strip() for cell in line.strip("|").split("|"))
        for event, by, target in re.findall(r"(\w+) \((\w+)\) → (\w+)", ways):
            moments = product([source.split("`")[1]], [event], both(by), TYPES[set_name])
            found |= dict.fromkeys(moments, target)
    for (event, by, target), statuses in SPEC_PRODUCTION_MAIL.items():
        found |= dict.fromkeys(product(statuses, [event], [by], TYPES[set_name]), target)
    return found


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A `workflow.toml` as any reader of TOML sees it."""

    data: dict[str, Any]

    @classmethod
    def of(cls, set_name: str) -> "RuleFile":
        return cls(tomllib.loads((data_dir("rules") / set_name / "workflow.toml").read_text(encoding="utf-8")))

    def names(self, kind: str) -> list[str]:
        return [row["name"] for row in self.data[kind]]

    def open_to(self, status: str, actor: str, case_type: str) -> dict[str, str]:
        """The events that the actor may trigger, in the order of the file, and where each leads."""
        return {
            row["event"]: row["to"]
            for row in self.data["transition"]
            if status in row["from"]
            and actor in row["by"]
            and case_type in row.get("types", [case_type])
            and case_type not in row.get("not_types", [])
        }

    def product(self) -> Iterator[tuple[Moment, str | None]]:
        """Everything that could be tried, and where it leads; None: nowhere."""
        for moment in product(self.names("status"), EVENTS, ACTORS, self.names("type")):
            status, event, actor, case_type = moment
            yield moment, self.open_to(status, actor, case_type).get(event)

    def way(self, source: str, target: str, case_type: str) -> list[tuple[str, str]]:
        """The fewest (event, actor) that bring a case of this type from one status to another."""
        seen, waiting = {source}, [(source, list[tuple[str, str]]())]
        while waiting:
            here, steps = waiting.pop(0)
            if here == target:
                return steps
            for actor in ACTORS:
                for event, further in self.open_to(here, actor, case_type).items():
                    if further not in seen:
                        seen.add(further)
                        waiting.append((further, [*steps, (event, actor)]))
        raise AssertionError(f"no way from {source} to {target} for {case_type}")


@dataclass(frozen=True, slots=True)
class Standing:
    """A case, and how much was written and is owed so far."""

    status: str
    version: int
    messages: int
    owed: int


class Stage:
    """One case of one type in a real World, brought wherever it is wanted."""

    def __init__(self, world: World, file: RuleFile, case_type: str) -> None:
        self.world, self.file, self.type = world, file, case_type
        self._mails = 0
        kind = next(row for row in file.data["type"] if row["name"] == case_type)
        with world.ports.db.begin() as tx:
            contacts, _ = load_people.people(tx, {world.bob})
        self._opening = OpenFor(
            contact=contacts[world.bob],
            actor=world.alice,
            subject="All of it",
            text="It hangs.",
            channel="phone",
            type=case_type,
            priority=file.names("priority")[0] if kind.get("sla") == "priority" else None,
        )
        self._open()

    def _open(self) -> None:
        opened = self.world.act(self._opening).case
        assert opened is not None
        self.number = opened.number

    def standing(self) -> Standing:
        return self.world.ports.db.read(self._standing)

    def _standing(self, tx: Connection) -> Standing:
        case = select(t.cases.c.status, t.cases.c.version).where(t.cases.c.number == self.number)
        status, version = tx.execute(case).one()
        messages, owed = (tx.scalar(select(func.count()).select_from(what)) for what in (t.message, t.outbox))
        return Standing(status, version, messages or 0, owed or 0)

    def moves_since(self, version: int) -> Sequence[tuple[str, str | None, str]]:
        """The changes of status after that many events: event, from, to."""
        events = self.world.ports.db.read(case_view.history, self.number)[version:]
        return [(entry.event, entry.from_status, entry.to_status) for entry in events if entry.to_status]

    def trigger(self, event: str, actor: str) -> None:
        """What a mail, a command or a timer would ask for."""
        if (event, actor) == ("customer_reply", "customer"):
            self._mails += 1
            mail = a_mail(body=f"Still so, {self._mails}.", message_id=f"<{self._mails}@customer.example>")
            decision = self.world.mail(mail, rcpt=self.world.ports.tokens.plus_address(self.number))
            assert (DecisionKind.REPLY, self.number) == (decision.kind, decision.case)
        elif (event, actor) == ("agent_reply", "vendor"):
            self.world.act(AgentReply(case=CaseNumber(self.number), actor=self.world.alice, text="We look into it."))
        else:
            self.world.act(Fire(case=CaseNumber(self.number), actor=self.party(actor), trigger=event))

    def party(self, actor: str) -> Party:
        return {"customer": self.world.bob, "vendor": self.world.alice, "system": SYSTEM}[actor]

    def bring_to(self, status: str) -> Standing:
        """A case in this status, by whatever the file permits; where no way leads back to the first, a new one."""
        now = self.standing()
        if now.status == status:
            return now
        if status == self.file.data["initial"]:
            self._open()
        else:
            for event, actor in self.file.way(now.status, status, self.type):
                self.trigger(event, actor)
        return self.standing()

    def try_it(self, moment: Moment, target: str | None) -> None:
        """Hold what happens against what the file says."""
        status, event, actor, case_type = moment
        before = self.bring_to(status)
        assert before.status == status
        if target is None and (event, actor) not in MESSAGES:
            possible = ", ".join(self.file.open_to(status, actor, case_type)) or "nothing"
            label = self.world.ports.policy.label(status)
            with pytest.raises(Refused) as refused:
                self.trigger(event, actor)
            assert f"case {self.number} is {label}; possible: {possible}" == refused.value.public, moment
            assert before == self.standing(), moment
            return
        self.trigger(event, actor)
        after = self.standing()
        assert (target or status) == after.status, moment
        assert ([(event, status, target)] if target else []) == self.moves_since(before.version), moment
        if (
            event,
            actor,
        ) in MESSAGES or actor != "customer":  # the only contact on the case needs no mail of the own deed
            assert before.owed < after.owed, moment
        assert before.messages + ((event, actor) in MESSAGES) == after.messages, moment


@pytest.mark.parametrize("set_name", ["tracker", "production_support"])
def test_the_rule_file_says_what_the_spec_says(set_name: str) -> None:
    """SPEC sections 4, 5.1 and 5.2: these statuses and types, and for each moment this status and no other."""
    file = RuleFile.of(set_name)
    spec = spec_of(set_name)

    assert STATUSES[set_name] == tuple(file.names("status"))
    assert set(TYPES[set_name]) == set(file.names("type"))
    assert {moment: spec.get(moment) for moment, _ in file.product()} == dict(file.product())
    assert spec.keys() <= dict(file.product()).keys()


@pytest.mark.parametrize("set_name", ["tracker", "production_support"])
def test_no_two_rows_are_for_the_same_moment(set_name: str) -> None:
    """So that the order of the file means nothing."""
    moments = [
        (row["event"], actor, source, case_type)
        for row in RuleFile.of(set_name).data["transition"]
        for actor, source in product(row["by"], row["from"])
        for case_type in row.get("types", set(TYPES[set_name]) - set(row.get("not_types", [])))
    ]
    assert len(set(moments)) == len(moments)


def play(url: str, folder: Path, set_name: str, case_type: str) -> None:
    """The whole product of one type; what changes nothing comes first, so that a case is moved as seldom as can be."""
    file = RuleFile.of(set_name)
    with a_world(url, folder, rules={"set": set_name}, budget=UNLIMITED) as world:
        stage = Stage(world, file, case_type)
        tried = [(moment, target) for moment, target in file.product() if moment[3] == case_type]
        for moment, target in sorted(
            tried, key=lambda each: (STATUSES[set_name].index(each[0][0]), each[1] is not None)
        ):
            stage.try_it(moment, target)
        assert len(tried) == len(STATUSES[set_name]) * len(EVENTS) * len(ACTORS)


EVERY_TYPE = [(set_name, case_type) for set_name, types in TYPES.items() for case_type in types]


@pytest.mark.parametrize(("set_name", "case_type"), EVERY_TYPE)
def test_what_the_rule_file_says_happens(migrated_sqlite: Path, tmp_path: Path, set_name: str, case_type: str) -> None:
    """Permitted: this status, one event that says so, and people are told. Else refused, or kept as a message."""
    shutil.copyfile(migrated_sqlite, tmp_path / "casegate.db")

    play(f"sqlite:///{tmp_path / 'casegate.db'}", tmp_path, set_name, case_type)


@pytest.mark.servers
@pytest.mark.parametrize(("set_name", "case_type"), [("tracker", "incident"), ("production_support", "query")])
def test_it_happens_on_postgresql_too(
    request: pytest.FixtureRequest, tmp_path: Path, set_name: str, case_type: str
) -> None:
    """A sample: what is decided does not depend on the database."""
    cluster = request.getfixturevalue("pg")
    url = cluster.create(template=request.getfixturevalue("migrated_postgresql"))

    play(url, tmp_path, set_name, case_type)

    cluster.drop(url)
