"""The sweep: kill before and after every commit of a scenario, start again, and nothing differs."""

import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.domain.actions import ChangeType, Fire
from gateway.domain.model import Agent, AgentId, AgentKind, CaseNumber, Contact, ContactId
from gateway.services import views
from gateway.store import people
from gateway.store import tables as t
from gateway.store.db import Database
from tests.answers import ANN, with_people
from tests.servers import Cluster
from tests.sink import Sink
from tests.world import World, a_mail, settings

ROOT = Path(__file__).parents[2]


def prepare(folder: Path, url: str, port: int) -> None:
    """A gateway on a populated database, whose mail leaves to the sink."""
    folder.mkdir(exist_ok=True)
    (folder / "secret").write_text("a secret that only the tests know")
    (folder / "config.toml").write_text(
        f"""
        [mail]
        service_address = "service@vendor.example"
        [outbound]
        host = "127.0.0.1"
        port = {port}
        security = "none"
        [trust]
        require = "unverified"
        [database]
        url = "{url}"
        [rules]
        auto_close_days = 2
        """
    )


def populate(url: str, folder: Path) -> str:
    """The people of the tests, in a database that is copied for each run."""
    World(url, folder).ports.db.close()
    return url


def waiting(url: str, folder: Path) -> str:
    """As `populate`, with a case deferred for a day, one that is resolved, and an incident; all mail has left."""
    world = World(url, folder, settings(rules={"auto_close_days": 2}))
    for number in (1, 2, 3):
        world.mail(a_mail(message_id=f"<{number}@customer.example>"))
    until = world.now + timedelta(days=1)
    world.act(Fire(case=CaseNumber(1001), actor=world.alice, trigger="defer", until=until))
    world.act(Fire(case=CaseNumber(1002), actor=world.alice, trigger="resolve"))
    world.act(ChangeType(case=CaseNumber(1003), actor=world.alice, type="incident", priority="P1"))
    with world.ports.db.begin() as tx:
        tx.execute(sa.update(t.outbox).values(state="sent"))
    world.ports.db.close()
    return url


def before_anyone_registers(url: str, folder: Path) -> str:
    """As `populate`; ann is a user manager, and her company has a PIN."""
    world = World(url, folder)
    with_people(world, ANN)
    world.ports.db.close()
    return url


SAM = Agent(id=AgentId(0), name="Sam", address="sam@vendor.example", kind=AgentKind.SUPPORT_MANAGER)


def many_contacts(url: str, folder: Path) -> str:
    """As `populate`, with an agent who may announce, and more people than a page of an announcement has."""
    world = World(url, folder)
    with world.ports.db.begin() as tx:
        people.add_agent(tx, SAM)
        for number in range(65):
            address = f"c{number}@customer.example"
            people.add_contact(tx, Contact(id=ContactId(0), account="EX-1", name="C", addresses=(address,)))
    world.ports.db.close()
    return url


def to_be_escalated(url: str, folder: Path) -> str:
    """As `populate`, with a case that waits for its customer's word, and a support manager; all mail has left."""
    world = World(url, folder)
    world.mail(a_mail(message_id="<question@customer.example>"))
    with world.ports.db.begin() as tx:
        people.add_agent(tx, SAM)
        tx.execute(sa.update(t.outbox).values(state="sent"))
    world.ports.db.close()
    return url


def worked(expected: dict[str, Any], mails: int) -> None:
    """Every kind of decision was met."""
    decisions = {str(decision) for _, decision in expected["intake"]}
    assert {"new_case", "reply", "unregistered", "automatic", "quarantined", "bounce"} == decisions
    assert mails >= 6


def caught_up(expected: dict[str, Any], mails: int) -> None:
    """Everything that was due has happened, once: back to the customer and the agent, a reminder, a closing, levels."""
    kinds = ["auto_close", "auto_close_reminder", "first_response", "first_response", "first_response", "wake"]
    assert [(kind, "fired") for kind in kinds] == sorted((str(row[1]), str(row[4])) for row in expected["timers"])
    assert 7 == mails


def registered(expected: dict[str, Any], mails: int) -> None:
    """Each step has written its mail, and the person is a contact."""
    assert {"registration", "approval"} == {str(decision) for _, decision in expected["intake"]}
    assert 5 == mails
    assert ["approved"] == [row[1].value for row in expected["registrations"]]
    assert ("new@customer.example", True) in [row[:2] for row in expected["contacts"]]


def announced(expected: dict[str, Any], mails: int) -> None:
    """Each contact has got one mail."""
    assert mails == 0
    assert 70 == len({row[1] for row in expected["outbox"]}) == len(expected["outbox"]) == len(expected["announced"])
    assert {"queued"} == {str(row[2]) for row in expected["announced"]}


def escalated(expected: dict[str, Any], mails: int) -> None:
    """Each timer has fired once, and the escalation went from its request to its end."""
    fired = [("escalation_untaken", "fired"), ("lessons", "fired"), ("meeting", "fired")]
    assert fired == sorted((str(row[1]), str(row[4])) for row in expected["timers"])
    names = [row[3] for row in expected["events"]]
    assert 1 == names.count("escalation_untaken") == names.count("meeting_reminded") == names.count("lessons_reminded")
    assert ["resolved"] == [str(row[3]) for row in expected["escalations"]]
    assert 15 == sum(str(row[2]) in {"escalation", "command_answer"} for row in expected["outbox"])
    assert 0 == mails


@dataclass(frozen=True, slots=True)
class Scene:
    """What the launcher runs, the database that it begins with, what must have come of it, in so many commits."""

    name: str
    begin: Callable[[str, Path], str]
    check: Callable[[dict[str, Any], int], None]
    commits: int = 15


SIDES = ("before", "after")

WORK = Scene("work", populate, worked)
CATCH_UP = Scene("catch_up", waiting, caught_up)
ESCALATE = Scene("escalate", to_be_escalated, escalated)
ANNOUNCE = Scene("announce", many_contacts, announced, commits=5)
REGISTER = Scene("register", before_anyone_registers, registered)


def scenes(quick: tuple[Scene, ...], slow: tuple[Scene, ...]) -> pytest.MarkDecorator:
    """What each database sweeps in every run of the tests, on one side of each commit; in `make slow` all, on both."""
    every = [
        pytest.param(scene, len(SIDES), marks=pytest.mark.slow, id=f"{scene.name}-both") for scene in (*quick, *slow)
    ]
    return pytest.mark.parametrize(("scene", "sides"), [*(pytest.param(one, 1, id=one.name) for one in quick), *every])


class Launcher:
    """The program that runs and kills; imports are paid once."""

    def __init__(self) -> None:
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed by close()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.launcher"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def run(self, folder: Path, scene: str, *kill: str) -> dict[str, int]:
        """A scene, killed where asked; the number of commits and kills."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(" ".join((str(folder), scene, *kill)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.log.seek(0)
            raise AssertionError(self.log.read())
        found: dict[str, int] = json.loads(answer)
        return found

    def close(self) -> None:
        """End it."""
        self.process.communicate(timeout=60)
        self.log.close()


def content(url: str) -> dict[str, Any]:
    """All that must be the same, whatever was killed: everything but leases, tries and duplicates."""
    database = Database(url)

    def rows(tx: sa.Connection, *columns: sa.Column[Any], where: Any = True) -> list[tuple[Any, ...]]:
        return sorted((tuple(row) for row in tx.execute(sa.select(*columns).where(where))), key=repr)

    try:
        with database.begin() as tx:
            assert views.broken_cases(tx) == []
            event, outbox, message = t.event.c, t.outbox.c, t.message.c
            return {
                "cases": rows(tx, *(column for column in t.cases.c if column.name not in {"created_at", "updated_at"})),
                "events": rows(
                    tx, event.case_number, event.cause, event.step, event.event, event.to_status, event.actor
                ),
                "messages": rows(tx, message.case_number, message.direction, message.author, message.text),
                "outbox": rows(tx, outbox.case_number, outbox.recipient, outbox.kind, outbox.message_id, outbox.state),
                "intake": set(
                    rows(tx, t.intake.c.state, t.intake.c.decision, where=t.intake.c.decision != "duplicate")
                ),
                "participants": rows(tx, *t.participant.c),
                "handled": rows(tx, t.handled.c.fingerprint),
                "registrations": rows(tx, *(t.registration.c[name] for name in ("id", "state", "address", "hints"))),
                "approvals": rows(tx, *(t.approval.c[name] for name in ("id", "kind", "state", "asked"))),
                "asked": rows(tx, t.asked.c.token_hash, t.asked.c.address, t.asked.c.message_id),
                "contacts": rows(
                    tx,
                    t.address.c.address,
                    t.contact.c.active,
                    t.contact.c.roles,
                    where=t.address.c.contact_id == t.contact.c.id,
                ),
                "announced": rows(tx, *t.announcement_recipient.c),
                "escalations": rows(tx, *t.escalation.c),
                "timers": rows(tx, *(t.timer.c[name] for name in ("id", "kind", "case_number", "round", "state"))),
            }
    finally:
        database.close()


def sent(sink: Sink) -> Counter[str]:
    """How often each Message-ID reached the sink; a repeat must have the same bytes."""
    found: dict[str, bytes] = {}
    for mail in sink.taken:
        header = next(line for line in mail.data.split(b"\r\n") if line.lower().startswith(b"message-id:"))
        assert found.setdefault(header.decode(), mail.data) == mail.data
    return Counter(
        next(line for line in mail.data.split(b"\r\n") if line.lower().startswith(b"message-id:")).decode()
        for mail in sink.taken
    )


def sweep(tmp_path: Path, fresh: Any, scene: Scene, *, sides: int) -> None:
    """One undisturbed run, then a run for each commit and so many of its sides, two at a time."""
    with closing(Launcher()) as one, closing(Launcher()) as other:
        with Sink() as sink:
            url = fresh("calm")
            prepare(tmp_path / "calm", url, sink.port)
            calm = one.run(tmp_path / "calm", scene.name)
            expected, expected_mails = content(url), set(sent(sink))
        assert 0 == calm["kills"]
        assert calm["commits"] >= scene.commits
        scene.check(expected, len(expected_mails))
        killing = Killing(tmp_path, fresh, scene, expected, expected_mails, sides)
        with ThreadPoolExecutor(2) as pool:
            halves = [
                pool.submit(killing.at, launcher, range(first, calm["commits"] + 1, 2))
                for first, launcher in ((1, one), (2, other))
            ]
            for half in halves:
                half.result()


@dataclass(frozen=True, slots=True)
class Killing:
    """Runs of a scene that are killed, and what each must come to."""

    tmp_path: Path
    fresh: Any
    scene: Scene
    expected: dict[str, Any]
    expected_mails: set[str]
    sides: int

    def at(self, launcher: Launcher, commits: Iterable[int]) -> None:
        """Before and after each of these commits; or on one side of each, by turns."""
        by_turns = zip(commits, itertools.cycle(SIDES), strict=False)
        for commit, side in by_turns if self.sides == 1 else itertools.product(commits, SIDES):
            name = f"{commit}{side}"
            with Sink() as sink:
                url = self.fresh(name)
                prepare(self.tmp_path / name, url, sink.port)
                done = launcher.run(self.tmp_path / name, self.scene.name, str(commit), side)
                assert 1 == done["kills"], name
                assert self.expected == content(url), name
                mails = sent(sink)
            assert self.expected_mails == set(mails), name
            repeats = [count for count in mails.values() if count > 1]
            assert repeats in ([], [2]), name  # one repeat at most: the instant between the 250 and our note of it


@scenes((WORK, REGISTER, ANNOUNCE, ESCALATE), (CATCH_UP,))
def test_sqlite_ends_the_same_whatever_was_killed(
    tmp_path: Path, migrated_sqlite: Path, scene: Scene, sides: int
) -> None:
    """CD-02, CD-03 on SQLite."""
    people = tmp_path / "people.db"
    shutil.copyfile(migrated_sqlite, people)
    scene.begin(f"sqlite:///{people}", tmp_path)

    def fresh(name: str) -> str:
        file = tmp_path / f"{name}.db"
        shutil.copyfile(people, file)
        return f"sqlite:///{file}"

    sweep(tmp_path, fresh, scene, sides=sides)


@scenes((CATCH_UP, ANNOUNCE, ESCALATE), (WORK, REGISTER))
@pytest.mark.servers
def test_postgresql_ends_the_same_whatever_was_killed(
    tmp_path: Path, pg: Cluster, migrated_postgresql: str, scene: Scene, sides: int
) -> None:
    """CD-02, CD-03 on PostgreSQL."""
    people = scene.begin(pg.create(template=migrated_postgresql), tmp_path)
    sweep(tmp_path, lambda _name: pg.create(template=people), scene, sides=sides)
