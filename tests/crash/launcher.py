"""Runs a small scenario, one process a step, and kills a step before or after its n-th commit, counted over all.

Started by `test_sweep.py` as a program of its own: it forks, so it must have no threads. The hook hangs on
the dialect's commit; the product has no crash code. Reads `FOLDER [COMMIT before|after]` a line, and answers
each with the number of commits and of kills as a line of JSON.
"""

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from gateway import config, wiring
from gateway.adapters.blobs import FileBlobs
from gateway.adapters.smtp_out import Relay, SmtpCourier
from gateway.app import Bell, Gateway
from gateway.domain.actions import AgentReply, Cause, Fire, Stamp
from gateway.domain.model import CaseNumber, Party
from gateway.domain.policy import MailRules
from gateway.domain.post import Envelope, ParsedMail, Transport, Unreadable
from gateway.mail.parse import read_mail
from gateway.services import inbound
from gateway.services.perform import perform
from gateway.services.ports import Ports
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

    def ports(self, restarts: int) -> Ports:
        """Ports with a frozen stamp; a restart finds the leases of the dead run out."""
        now = START + timedelta(hours=restarts)
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

    def step(self, work: Callable[[Ports], None], *, done: Callable[[Ports], bool] | None = None) -> None:
        """Run until it was not killed; a person who typed a command looks first whether it took effect."""
        while True:
            child = os.fork()
            if child == 0:
                self._child(work, done)
            _, status = os.waitpid(child, 0)
            code = os.waitstatus_to_exitcode(status)
            if code == 0:
                return
            if code != KILLED:
                raise SystemExit(f"a step ended with {code}")
            self.kills += 1

    def _child(self, work: Callable[[Ports], None], done: Callable[[Ports], bool] | None) -> None:
        code = 1
        try:
            ports = self.ports(self.kills)
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
        for table in ("intake", "outbox", "event", "message"):
            tx.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 0) + 1, false) FROM {table}"
            )


def accept(ports: Ports) -> None:
    """All mails in one commit, as a relay that sends again what was not answered with 250."""
    number = os.getpid()
    inbound.accept(
        ports,
        [
            inbound.Delivery(
                Envelope(
                    transport=Transport.SMTP, transport_id=f"smtp:{number}:{at}", mail_from="a@b", rcpt_to=(SERVICE,)
                ),
                data,
            )
            for at, data in enumerate(mails(ports.tokens.mint(CASE)))
        ],
    )


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


def run(folder: str, *rest: str) -> dict[str, int]:
    """The whole scenario once, killed where asked."""
    scenario = Scenario(Path(folder), Kill(int(rest[0]), rest[1] == "after") if rest else None)
    alice = Party.agent(1)
    scenario.step(accept)
    scenario.step(lambda ports: serve_once(ports, scenario))
    scenario.step(
        lambda ports: _do(perform(ports, AgentReply(case=CASE, actor=alice, text="Restart it."), Cause.cli("1"))),
        done=lambda ports: "agent_reply" in events(ports),
    )
    scenario.step(lambda ports: serve_once(ports, scenario))
    scenario.step(
        lambda ports: _do(perform(ports, Fire(case=CASE, actor=alice, trigger="resolve"), Cause.cli("2"))),
        done=lambda ports: "resolve" in events(ports),
    )
    scenario.step(lambda ports: serve_once(ports, scenario))
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
