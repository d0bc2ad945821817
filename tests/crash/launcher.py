"""Runs a small scene, one process a step, and kills a step before or after its n-th commit, counted over all.

Started by `test_sweep.py` as a program of its own: it forks, so it must have no threads. The hook hangs on
the dialect's commit; the product has no crash code. Reads `FOLDER SCENE [COMMIT before|after]` a line, and
answers each with the number of commits and of kills as a line of JSON.
"""

import asyncio
import hashlib
import itertools
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import icalendar  # noqa: F401  # slow to load: once, before the fork, as all imports
import sqlalchemy as sa

from gateway import config, wiring
from gateway.adapters.blobs import FileBlobs
from gateway.adapters.smtp_out import Relay, SmtpCourier
from gateway.app import Gateway
from gateway.domain.actions import Action, AgentReply, Cause, Fire, Stamp
from gateway.domain.announcement import Announcement, AnnouncementId, Audience
from gateway.domain.escalation import Gap, series
from gateway.domain.escalation_actions import LogProgress, PlanMeetings, ResolveEscalation, TakeEscalation
from gateway.domain.mail_rules import MailRules
from gateway.domain.model import AgentId, CaseNumber, Party
from gateway.domain.post import Envelope, ParsedMail, Transport, Unreadable
from gateway.loops import Bell
from gateway.mail.parse import read_mail
from gateway.services import announcing, inbound, timers
from gateway.services.perform import perform
from gateway.services.ports import Ports
from gateway.store import load_people
from gateway.store import tables as t
from tests.world import SERVICE, START, a_mail, shipped_templates

KILLED = 137
CASE = CaseNumber(1001)


@dataclass(frozen=True, slots=True)
class Kill:
    """Die at this commit, before or after it."""

    commit: int
    after: bool


def mails(token: str) -> list[bytes]:
    """A question, a colleague's reply, a stranger, a vacation responder, the question again, and torture."""
    ids = (f"<{number}@customer.example>" for number in range(1, 9))
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" for _ in range(3000))
    return [
        a_mail(message_id=next(ids)),
        a_mail("carl@customer.example", f"Re: {token}", "Here too.", message_id=next(ids)),
        a_mail("mallory@evil.example", "Buy", message_id=next(ids)),
        a_mail(subject=f"Away: {token}", message_id=next(ids), auto_submitted="auto-replied"),
        a_mail(message_id="<1@customer.example>"),
        nested,
    ]


def bounce(ports: Ports) -> tuple[str, bytes]:
    """The report that Bob's acknowledgement could not be delivered, and the return path that it comes to."""
    wanted = (t.outbox.c.case_number == CASE, t.outbox.c.recipient == "bob@customer.example")
    with ports.db.engine.connect() as tx:
        return_path = tx.scalars(sa.select(t.outbox.c.return_path).where(*wanted).order_by(t.outbox.c.id)).first()
    assert return_path is not None
    return return_path, a_mail(
        "mailer-daemon@customer.example",
        "Undelivered",
        "--b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.customer.example\n\n"
        "Final-Recipient: rfc822; bob@customer.example\nAction: failed\nStatus: 5.1.1\n\n--b--",
        message_id="<bounce@customer.example>",
        mime_version="1.0",
        content_type="multipart/report; report-type=delivery-status; boundary=b",
    )


class InProcess:
    """Parses without a child: `tests/contract/test_parsing.py` and `tests/e2e` kill the real one."""

    slow_seconds = 2.0

    def __init__(self, rules: MailRules) -> None:
        self.rules = rules

    async def warm(self) -> None:
        return

    async def parse(self, data: bytes) -> ParsedMail | Unreadable:
        return read_mail(data, self.rules)

    async def close(self) -> None:
        return


class Counter:
    """Counts the commits of all steps in a file, and kills at the chosen one."""

    def __init__(self, file: Path, kill: Kill | None) -> None:
        self.file, self.kill = file, kill
        file.write_text("0")

    def hook(self, engine: sa.Engine) -> None:
        real = engine.dialect.do_commit

        def commit(connection: object) -> None:
            number = int(self.file.read_text()) + 1
            self.file.write_text(str(number))
            due = self.kill is not None and self.kill.commit == number
            if due and self.kill is not None and not self.kill.after:
                os._exit(KILLED)
            real(connection)  # type: ignore[arg-type]  # whatever connection the driver has
            if due:
                os._exit(KILLED)

        engine.dialect.do_commit = commit  # type: ignore[method-assign,assignment]  # the one hook, in the test's own launcher


class Scenario:
    """The steps, each run in a child until it was not killed."""

    def __init__(self, folder: Path, kill: Kill | None) -> None:
        self.settings = config.load(folder / "config.toml")
        self.policy = config.load_policy(self.settings)
        self.blobs = folder / "blobs"
        shipped_templates()  # compiled before the fork
        self.counter = Counter(folder / "commits", kill)
        self.kills = 0

    def ports(self, later: timedelta) -> Ports:
        """Ports with a frozen stamp, on a clock that says so much more; leases of the dead run out in an hour."""
        now = START + later
        nonce = hashlib.sha256(b"sweep").digest()[:16]
        ports = Ports(
            db=wiring.open_database(self.settings),
            policy=self.policy,
            tokens=wiring.open_tokens(self.settings),
            templates=shipped_templates(),
            blobs=FileBlobs(self.blobs),
            now=lambda: now,
            stamp=lambda: Stamp(START, nonce),
        )
        self.counter.hook(ports.db.engine)
        return ports

    def step(
        self, work: Callable[[Ports], None], *, done: Callable[[Ports], bool] | None = None, days: float = 0
    ) -> None:
        """Run until it was not killed, so many days after the start.

        A person who typed a command looks first whether it took effect.
        """
        while True:
            child = os.fork()
            if child == 0:
                self._child(work, done, timedelta(days=days, hours=self.kills))
            _, status = os.waitpid(child, 0)
            code = os.waitstatus_to_exitcode(status)
            if code == 0:
                return
            if code != KILLED:
                raise SystemExit(f"a step ended with {code}")
            self.kills += 1

    def _child(self, work: Callable[[Ports], None], done: Callable[[Ports], bool] | None, later: timedelta) -> None:
        code = 1
        try:
            ports = self.ports(later)
            if self.kills and not ports.db.is_sqlite:
                close_gaps(ports)
            if not (self.kills and done and done(ports)):
                work(ports)
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)


def close_gaps(ports: Ports) -> None:
    """PostgreSQL does not give numbers back that a killed transaction took: here they must be the same again."""
    with ports.db.engine.begin() as tx:
        for table in ("intake", "outbox", "event", "message", "timer", "asked", "contact", "announcement"):
            tx.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 0) + 1, false) FROM {table}"
            )


def accept(ports: Ports, mails: Iterable[bytes], *, sender: str = "a@b", to: str = SERVICE) -> None:
    """All mails in one commit, as a relay that sends again what was not answered with 250."""
    ids = (f"smtp:{os.getpid()}:{at}" for at in itertools.count())
    envelopes = (Envelope(transport=Transport.SMTP, transport_id=id_, mail_from=sender, rcpt_to=(to,)) for id_ in ids)
    inbound.accept(ports, [inbound.Delivery(envelope, data) for envelope, data in zip(envelopes, mails)])  # noqa: B905  # ids have no end


def accept_bounce(ports: Ports) -> None:
    """The report comes from nobody, to the address that the mail came from."""
    leave_room(ports)
    return_path, report = bounce(ports)
    accept(ports, [report], sender="", to=return_path)


def leave_room(ports: Ports, number: int = 100) -> None:
    """What was sent twice took numbers of its own: here the next mail must have the same one again, beyond them all."""
    unhooked = sa.create_engine(ports.db.engine.url)
    with unhooked.begin() as tx:
        tx.exec_driver_sql(
            f"UPDATE sqlite_sequence SET seq = max(seq, {number}) WHERE name = 'intake'"
            if ports.db.is_sqlite
            else f"SELECT setval(pg_get_serial_sequence('intake', 'id'), greatest({number}, max(id))) FROM intake"
        )
    unhooked.dispose()


def serve_once(ports: Ports, scenario: Scenario) -> None:
    """What `serve --once` does, on these ports."""
    outbound = scenario.settings.outbound
    assert outbound is not None
    relay = Relay(host=outbound.host, port=outbound.port, security="none", username=None, password=None)

    async def run() -> None:
        gateway = Gateway(scenario.settings, ports, [SmtpCourier(relay)], Bell(), InProcess(ports.policy.mail))
        await gateway.once()

    asyncio.run(run())


def events(ports: Ports) -> list[str]:
    """The history of the case."""
    with ports.db.engine.connect() as tx:
        return list(tx.scalars(sa.select(t.event.c.event).where(t.event.c.case_number == CASE)))


def work(scenario: Scenario) -> None:
    """Mail comes in, an agent answers, an answer bounces, the case is resolved, and mail leaves."""
    alice = Party.agent(1)
    scenario.step(lambda ports: accept(ports, mails(ports.tokens.mint(CASE))))
    scenario.step(lambda ports: serve_once(ports, scenario))
    scenario.step(
        lambda ports: _do(perform(ports, AgentReply(case=CASE, actor=alice, text="Restart it."), Cause.cli("1"))),
        done=lambda ports: "agent_reply" in events(ports),
    )
    scenario.step(accept_bounce)
    scenario.step(lambda ports: serve_once(ports, scenario))
    scenario.step(
        lambda ports: _do(perform(ports, Fire(case=CASE, actor=alice, trigger="resolve"), Cause.cli("2"))),
        done=lambda ports: "resolve" in events(ports),
    )
    scenario.step(lambda ports: serve_once(ports, scenario))


def answer(ports: Ports, address: str, body: str, *, room: int) -> None:
    """The newest question to this address is answered."""
    leave_room(ports, room)
    with ports.db.engine.connect() as tx:
        rows = tx.scalars(sa.select(t.outbox.c.data).where(t.outbox.c.recipient == address).order_by(t.outbox.c.id))
        found = re.findall(rb"<(service\+a\.[a-z2-7]+@vendor\.example)>", b"".join(rows))
    to = found[-1].decode()
    accept(ports, [a_mail(address, "Re: it", body, message_id=f"<{room}@customer.example>", to=to)], to=to)


def register(scenario: Scenario) -> None:
    """RA-18: somebody registers, confirms, is approved and welcome."""
    new, ann = "new@customer.example", "ann@customer.example"
    to = "service+register@vendor.example"
    letter = a_mail(new, "Register me", "PIN: 4711-0815", message_id="<1@customer.example>", to=to)
    scenario.step(lambda ports: accept(ports, [letter], to=to))
    scenario.step(lambda ports: serve_once(ports, scenario))
    scenario.step(lambda ports: answer(ports, new, "Yes", room=100))
    scenario.step(lambda ports: serve_once(ports, scenario))
    scenario.step(lambda ports: answer(ports, ann, "/approve", room=200))
    scenario.step(lambda ports: serve_once(ports, scenario))


def catch_up(scenario: Scenario) -> None:
    """After days of darkness: a case comes back, one is reminded of and closed, and the mail leaves."""
    scenario.step(lambda ports: serve_once(ports, scenario), days=3)


def announce_all(ports: Ports) -> None:
    """A person who was killed while announcing looks how far it came, and goes on."""
    known = ports.db.read(announcing.listed)
    wanted = Announcement(
        id=AnnouncementId(0),
        by=AgentId(2),
        created_at=ports.now(),
        audience=Audience.ALL,
        template="release",
        variables=(("version", "8.1"),),
    )
    id_ = known[0].announcement.id if known else _begun(ports, wanted)
    while announcing.owe_page(ports, id_):
        pass


def _begun(ports: Ports, wanted: Announcement) -> AnnouncementId:
    with ports.db.engine.connect() as tx:
        (sam,) = (agent for agent in load_people.agents(tx) if agent.id == wanted.by)
    return announcing.begin(ports, wanted, sam)


def announce(scenario: Scenario) -> None:
    """Several pages of an announcement; how its mails leave is how others do."""
    scenario.step(announce_all)


def read_and_look(ports: Ports) -> None:
    """What the daemon does at once with new mail and its clock. How mail leaves is as in `work`: here none does."""
    for raw in inbound.lease(ports):
        parsed = read_mail(raw.data, ports.policy.mail)
        assert isinstance(parsed, ParsedMail)
        inbound.handle(ports, raw, parsed)
    while rows := timers.lease(ports):
        for row in rows:
            timers.fire(ports, row)


def escalate(scenario: Scenario) -> None:
    """A customer escalates, nobody takes it for an hour; then meetings with their reminders, a log entry, and the end."""
    sam = Party.agent(2)
    meetings = series(Gap.parse("1d"), "09:00", "UTC", "video call", START)
    words = "/escalate It costs us a day."
    scenario.step(lambda ports: accept(ports, [a_mail(subject=f"Re: {ports.tokens.mint(CASE)}", body=words)]))
    scenario.step(read_and_look)
    scenario.step(read_and_look, days=0.1)
    _typed(scenario, TakeEscalation(case=CASE, actor=sam), "escalation_taken")
    _typed(scenario, PlanMeetings(case=CASE, actor=sam, meetings=meetings), "meetings_planned")
    scenario.step(read_and_look, days=1)
    _typed(scenario, LogProgress(case=CASE, actor=sam, text="The patch is on staging."), "escalation_logged")
    _typed(scenario, ResolveEscalation(case=CASE, actor=sam, text="8.1.2 is out."), "escalation_resolved")
    scenario.step(read_and_look, days=7.1)


def _typed(scenario: Scenario, action: Action, event: str) -> None:
    """A command, which was carried out if its case has such an event."""
    scenario.step(
        lambda ports: _do(perform(ports, action, Cause.cli(event))),
        done=lambda ports: event in events(ports),
    )


SCENES: Mapping[str, Callable[[Scenario], None]] = {
    "work": work,
    "catch_up": catch_up,
    "register": register,
    "announce": announce,
    "escalate": escalate,
}


def run(folder: str, scene: str, *rest: str) -> dict[str, int]:
    """A whole scene once, killed where asked."""
    scenario = Scenario(Path(folder), Kill(int(rest[0]), rest[1] == "after") if rest else None)
    SCENES[scene](scenario)
    return {"commits": int(scenario.counter.file.read_text()), "kills": scenario.kills}


def main() -> None:
    """Answer line by line until standard input ends."""
    wiring.configure_logging()
    for line in iter(sys.stdin.readline, ""):
        print(json.dumps(run(*line.split())), flush=True)


def _do(_outcome: object) -> None:
    """The outcome is in the database."""


if __name__ == "__main__":
    main()
