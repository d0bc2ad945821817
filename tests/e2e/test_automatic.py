"""Automatic mail at the doors: the rows of TESTPLAN group E through SMTP and through IMAP, one daemon for all of them.

AL-13 is in test_loop.py; bounces that prove what they are about (AL-08 to AL-10) and budgets (AL-11, AL-15) elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from tests.daemon import cli, cli_json, gateway, running
from tests.scripted_imap import ScriptedImap
from tests.sink import Sink, Taken
from tests.world import a_mail

ALICE, BOB, EVE = "alice@vendor.example", "bob@customer.example", "eve@other.example"
QUESTION = "Please restart it."
WAITING, ANSWERED, CLOSED = "waiting_for_customer", "waiting_for_vendor", "closed"
MAILER_DAEMON = "MAILER-DAEMON@customer.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One mail of bob on a case of its own, what becomes of it, and the status of the case then."""

    id: str
    decision: str
    status: str = WAITING
    head: tuple[str, ...] = ()
    subject: str = "Re: {subject}"
    body: str = "The log says: connection refused."
    sender: str = BOB
    null_path: bool = False
    on_case: bool = True


def strong(place: int, *head: str, **more: Any) -> Row:
    return Row(id=f"AL-01.{place}", decision="automatic", head=head, **more)


def weak(place: int, *head: str) -> Row:
    return Row(id=f"AL-04.{place}", decision="reply", status=ANSWERED, head=head)


def silent(place: int, sender: str, decision: str) -> Row:
    return Row(id=f"AL-14.{place}", decision=decision, sender=sender, on_case=False)


def report(kind: str, of: str) -> tuple[str, str]:
    """Content-Type and body of a report."""
    parts = (
        "--b",
        "Content-Type: text/plain",
        "",
        "A report.",
        "--b",
        f"Content-Type: {of}",
        "",
        "Version: 1",
        "--b--",
    )
    return f'Content-Type: multipart/report; report-type={kind}; boundary="b"', "\n".join(parts)


ARF, ARF_BODY = report("feedback-report", "message/feedback-report")
MDN, MDN_BODY = report("disposition-notification", "message/disposition-notification")
DSN, DSN_BODY = report("delivery-status", "message/delivery-status")

ROWS = (
    strong(1, "Auto-Submitted: auto-replied"),
    strong(2, "Auto-Submitted: auto-generated"),
    strong(3, "Auto-Submitted: AUTO-REPLIED; x=y"),
    strong(4, "Auto-Submitted:", " auto-replied;", ' owner-email="bob@customer.example"'),
    Row(id="AL-02", decision="reply", status=ANSWERED, head=("Auto-Submitted: no",)),
    Row(id="AL-03.1", decision="automatic", head=("Return-Path: <>",), null_path=True),
    Row(id="AL-03.2", decision="automatic", head=(MDN,), body=MDN_BODY),
    weak(1, "Precedence: bulk"),
    weak(2, "Precedence: junk"),
    weak(3, "Precedence: list"),
    weak(4, "Precedence: first-class", "Precedence: bulk"),
    weak(5, "List-Id: Users <users.customer.example>"),
    weak(6, "X-Autoreply: yes"),
    Row(id="AL-05.1", decision="automatic", head=("Precedence: bulk",), subject="Out of Office: {subject}"),
    Row(id="AL-05.2", decision="automatic", head=("List-Id: <a.example>",), subject="Abwesenheitsnotiz: {subject}"),
    Row(id="AL-05.3", decision="automatic", head=("X-Autoreply: yes",), subject="Automatic reply: {subject}"),
    Row(id="AL-06", decision="new_case", head=("X-Auto-Response-Suppress: All",), on_case=False),
    Row(id="AL-07", decision="automatic", status=CLOSED, head=("Auto-Submitted: auto-replied",)),
    silent(1, MAILER_DAEMON, "held"),
    silent(2, "postmaster@customer.example", "unregistered"),
    silent(3, "no-reply@customer.example", "unregistered"),
    silent(4, "users-request@customer.example", "unregistered"),
    silent(5, "owner-users@customer.example", "unregistered"),
    silent(6, "MAILER-DAEMON@evil.example", "held"),
    silent(7, "postmaster@evil.example", "unregistered"),
    silent(8, "no-reply@evil.example", "unregistered"),
    silent(9, "users-request@evil.example", "unregistered"),
    silent(10, "owner-users@evil.example", "unregistered"),
    Row(id="AL-17", decision="held", head=(DSN,), body=DSN_BODY, sender=MAILER_DAEMON, null_path=True, on_case=False),
    Row(id="AL-18.1", decision="automatic", head=(ARF,), body=ARF_BODY),
    Row(id="AL-18.2", decision="automatic", head=(MDN,), body=MDN_BODY, subject="Not read: {subject}"),
)
CANARY = a_mail(BOB, "Is anybody there?", message_id="<canary@customer.example>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is there when all rows were decided; `decisions` by Message-ID, `before` and `after` is mail that left."""

    decisions: dict[str, str]
    cases: dict[str, int]
    statuses: dict[int, str]
    outbox: list[dict[str, Any]]
    before: list[Taken]
    after: list[Taken]


def opened(config: Path, sink: Sink) -> dict[str, int]:
    """A case for each row that wants one, in which bob is asked something; one is closed, one is of a refused address."""
    sink.refuse[EVE] = "550 5.1.1 no such user"
    wanted = [row.id for row in ROWS if row.on_case]
    with running(config) as daemon:
        for row in wanted:
            daemon.send(a_mail(BOB, f"It is slow {row}", message_id=f"<open-{row}@customer.example>"))
        daemon.send(a_mail(EVE, "Hello", message_id="<eve@other.example>"))
        daemon.settle()
        rows = cli_json(config, "intake", "list")
        cases = {name: row["case"] for name in wanted for row in rows if row["subject"] == f"It is slow {name}"}
        cli(config, "case", "reply", *map(str, cases.values()), "-m", QUESTION, "--as", ALICE)
        cli(config, "case", "resolve", str(cases["AL-07"]), "--as", ALICE)
        cli(config, "case", "close", str(cases["AL-07"]), "--as", ALICE)
        daemon.settle()
    return cases


def letter(row: Row, asked: dict[str, Any]) -> bytes:
    """The mail of a row, in answer to what bob was asked."""
    question = asked.get(row.id)
    head = [f"From: {row.sender}", f"Message-ID: <{row.id}@customer.example>", "MIME-Version: 1.0"]
    if question is None:
        head += ["To: service@vendor.example", f"Subject: {row.subject.format(subject=row.id)}"]
    else:
        head += [f"To: {question['Reply-To']}", f"Subject: {row.subject.format(subject=question['Subject'])}"]
    return "\r\n".join((*head, *row.head, "", *row.body.split("\n"), "")).encode()


def own_mail(sink: Sink) -> list[bytes]:
    """AL-12: an acknowledgement of ours as it came, and what a careless relay leaves of it."""
    ack = next(mail.data for mail in sink.taken if b"Auto-Submitted: auto-replied" in mail.data)
    read = message_from_bytes(ack, policy=policy.default)
    return [ack, a_mail(read["From"].addresses[0].addr_spec, "Your mail", "We have it.", message_id=None)]


def through_smtp(config: Path, letters: list[tuple[bytes, bool]]) -> None:
    with running(config) as daemon:
        for data, null_path in letters:
            daemon.send(data, sender="" if null_path else "x@relay.example")
        daemon.settle()


def through_imap(config: Path, letters: list[tuple[bytes, bool]]) -> None:
    known = len(cli_json(config, "intake", "list"))
    (config.parent / "imap-password").write_text("any\n")
    with ScriptedImap({number: data for number, (data, _) in enumerate(letters, 1)}) as server:
        section = f'[[imap]]\nhost = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\nusername = "service"\n'
        config.write_text(f'{config.read_text()}\n{section}password_file = "imap-password"\nstart = "all"\n')
        with running(config) as daemon:
            daemon.wait_for("intake.decided", id=known + len(letters))
            daemon.settle()


@pytest.fixture(scope="module", params=["smtp", "imap"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """All rows, sent by one way; the canary is the last of them."""
    with Sink() as sink:
        config = gateway(tmp_path_factory.mktemp("automatic") / "gw", relay_port=sink.port)
        cases = opened(config, sink)
        before = list(sink.taken)
        read = [message_from_bytes(mail.data, policy=policy.default) for mail in before]
        asked = {
            name: mail
            for name in cases
            for mail in read
            if f"It is slow {name}" in str(mail["Subject"]) and QUESTION in mail.as_string() and BOB in str(mail["To"])
        }
        letters = [(letter(row, asked), row.null_path) for row in ROWS]
        letters += [(data, False) for data in (*own_mail(sink), CANARY)]
        (through_smtp if request.param == "smtp" else through_imap)(config, letters)
        rows = cli_json(config, "intake", "list")
        yield Run(
            decisions={row["subject"]: row["decision"] for row in rows},
            cases=cases,
            statuses={case["number"]: case["status"] for case in cli_json(config, "cases")},
            outbox=cli_json(config, "outbox", "list"),
            before=before,
            after=sink.taken[len(before) :],
        )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_each_row_becomes_what_the_plan_says(run: Run, row: Row) -> None:
    """The decision, and where its case stands afterwards (AL-01 to AL-07, AL-14, AL-17, AL-18)."""
    became = {said for name, said in run.decisions.items() if name.endswith(row.id) and name != f"It is slow {row.id}"}
    assert {row.decision} == became - {"dropped"}  # our own mail has such a subject, too
    if row.on_case:
        assert row.status == run.statuses[run.cases[row.id]]


def test_only_the_canary_is_answered(run: Run) -> None:
    """No row makes us write to anyone but agents, who are told of what is new; AL-06: also of what wanted silence."""
    outside = [mail for mail in run.after if mail.rcpt_to != (ALICE,)]
    inside = [message_from_bytes(mail.data, policy=policy.default) for mail in run.after if mail.rcpt_to == (ALICE,)]
    assert [(BOB,)] == [mail.rcpt_to for mail in outside]
    assert b"Is anybody there?" in outside[0].data
    assert any("AL-06" in str(mail["Subject"]) for mail in inside)


def test_our_own_mail_comes_back_and_is_dropped(run: Run) -> None:
    """AL-12: unchanged, known by its Message-ID; with nothing left but From, To, Subject and text, by its sender."""
    dropped = sorted(subject for subject, decision in run.decisions.items() if decision == "dropped")
    assert ["Your mail"] == dropped[1:]
    assert "It is slow" in dropped[0]


def test_a_refused_answer_is_told_to_nobody_outside(run: Run) -> None:
    """AL-17: the row of the mail that was answered 550 has failed, and no mail about it left."""
    failed = [(row["recipient"], row["kind"], row["state"]) for row in run.outbox if row["state"] != "sent"]
    assert [(EVE, "case_opened", "failed")] == failed
    assert not any(EVE in mail.rcpt_to for mail in (*run.before, *run.after))


def test_what_leaves_says_what_wrote_it(run: Run) -> None:
    """AL-16: of each kind that left: marks of a machine but on an agent's words, and the headers that there must be."""
    ids = []
    for taken in (*run.before, *run.after):
        mail = message_from_bytes(taken.data, policy=policy.default)
        by_agent = taken.rcpt_to == (BOB,) and QUESTION in mail.as_string()
        assert (mail["Auto-Submitted"] in {"auto-replied", "auto-generated"}) == (not by_agent)
        assert (mail["X-Auto-Response-Suppress"] == "All") == (not by_agent)
        assert [1, 1, 1, 1, 1] == [
            len(mail.get_all(name, [])) for name in ("From", "To", "Subject", "Date", "Message-ID")
        ]
        assert taken.mail_from == "" or taken.mail_from.startswith("service+")
        if taken.rcpt_to == (BOB,):
            assert mail["In-Reply-To"] in mail["References"]
        ids.append(mail["Message-ID"])
    assert len(ids) == len(set(ids))
