"""Who is believed: TESTPLAN group B over a relay, from a direct peer, out of mailboxes and through `intake`.

All rows go through two daemons at once, one that asks for evidence and one that does not (U), and are looked at
afterwards; a third one asks the DNS. A relay is 127.0.0.1, a stranger's mail server 127.0.0.2.
"""

import json
import random
import re
import smtplib
import sqlite3
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import idna
import pytest
import trustme

from gateway.adapters.smtp_users import user_line
from gateway.terminal import show
from tests.daemon import CASEGATE, LONGEST_WAIT_SECONDS, Daemon, cli, cli_json, gateway, running
from tests.dns_server import name_server
from tests.dovecot import PASSWORD, Dovecot, dovecot
from tests.signing import a_key, signed
from tests.sink import Sink
from tests.world import SERVICE

pytestmark = pytest.mark.servers

RELAY, STRANGER = "127.0.0.1", "127.0.0.2"
BOB, MALLORY, ALICE = "bob@customer.example", "mallory@evil.example", "alice@vendor.example"
OUR_ID = "mx.vendor.example"
RELAY_PASSWORD = "correct horse battery"

HELD, NEW, PROVEN, UNKNOWN, DROPPED = "held", "new, unverified", "new, authenticated", "unregistered", "dropped"
"""What becomes of a mail; HELD is 550 for a direct peer, PROVEN and NEW are cases of EX-1."""
AGENT = "an agent, authenticated"
"""Past all questions about the sender; what an agent's mail does then is not this group's."""


def ar(*results: str, by: str = OUR_ID) -> str:
    return f"Authentication-Results: {by}; {'; '.join(results)}"


def passes(domain: str) -> str:
    return ar(f"dmarc=pass header.from={domain}")


def fails(domain: str) -> str:
    return ar(f"dmarc=fail (p=reject) header.from={domain}")


CUSTOMER, EVIL, VENDOR = "customer.example", "evil.example", "vendor.example"
CYRILLIC = "\u044cob@customer.example"


class Fate(NamedTuple):
    """What becomes of a mail where its Authentication-Results is believed, and where it is not; each with U."""

    believed: tuple[str, str]
    alone: tuple[str, str]


@dataclass(frozen=True)
class Row:
    """A mail, and what becomes of it."""

    name: str
    fields: tuple[str, ...]
    fate: Fate
    body: str = "Since Monday everything is slow."
    token: bool = False


NOBODY = Fate((HELD, HELD), (HELD, HELD))
ANYBODY = Fate((UNKNOWN, UNKNOWN), (UNKNOWN, UNKNOWN))
LIKE_BOB = Fate((PROVEN, PROVEN), (HELD, NEW))
UNPROVEN = Fate((HELD, NEW), (HELD, NEW))


def rows() -> Iterator[Row]:
    bob, mallory = f"From: {BOB}", f"From: {MALLORY}"
    yield Row("SI-01 AR-", (fails(CUSTOMER), bob), Fate((HELD, HELD), (HELD, NEW)))
    yield Row("SI-01 AR0", (bob,), UNPROVEN)
    yield Row("SI-01 AR+", (passes(CUSTOMER), bob), LIKE_BOB)
    yield Row("SI-02", (passes(EVIL), f"From: {BOB} <{MALLORY}>"), NOBODY)
    for first, second in ((bob, mallory), (mallory, bob)):
        for domain in (CUSTOMER, EVIL):
            yield Row(f"SI-03 {first} {domain}", (passes(domain), first, second), NOBODY)
    yield Row("SI-04 bob first", (passes(CUSTOMER), f"From: {BOB}, {MALLORY}"), NOBODY)
    yield Row("SI-04 mallory first", (passes(EVIL), f"From: {MALLORY}, {BOB}"), NOBODY)
    yield Row("SI-04 with Sender", (passes(CUSTOMER), f"From: {BOB}, {MALLORY}", f"Sender: {BOB}"), NOBODY)
    for value in (f"Team: {BOB};", "undisclosed:;", "<>", ""):
        yield Row(f"SI-05 {value!r}", (passes(CUSTOMER), f"From: {value}"), NOBODY)
    yield Row("SI-05 no From", (passes(CUSTOMER),), NOBODY)
    for mark in '()<"[@':
        yield Row(f"SI-06 {mark}", (passes(CUSTOMER), f"From: {BOB}{mark}<{MALLORY}>"), NOBODY)
    yield Row("SI-06 two domains", (passes(EVIL), f"From: {BOB}@evil.example"), NOBODY)
    yield Row("SI-07 to bob", (passes(EVIL), mallory, f"Reply-To: {BOB}"), ANYBODY)
    yield Row("SI-07 to mallory", (passes(CUSTOMER), bob, f"Reply-To: {MALLORY}"), LIKE_BOB)
    for name in ("Sender", "Resent-From", "Return-Path", "X-Original-From", "Errors-To"):
        yield Row(f"SI-08 {name}", (passes(EVIL), mallory, f"{name}: {BOB}"), ANYBODY)
    yield Row("SI-09 quoted", (passes(EVIL), f'From: "Bob <{BOB}>" <{MALLORY}>'), ANYBODY)
    word = "=?utf-8?q?Bob_=3Cbob=40customer.example=3E?="
    yield Row("SI-09 encoded", (passes(EVIL), f"From: {word} <{MALLORY}>"), ANYBODY)
    yield Row("SI-10 capitals", (passes(CUSTOMER), "From: BOB@Customer.Example"), LIKE_BOB)
    for other in ("bob+x@customer.example", "b.ob@customer.example"):
        yield Row(f"SI-10 {other}", (passes(CUSTOMER), f"From: {other}"), ANYBODY)
    yield Row("SI-10 dot", (passes(CUSTOMER), "From: bob@customer.example."), NOBODY)
    yield Row("SI-11", (passes(CUSTOMER), f"From: {CYRILLIC}"), ANYBODY)
    yield Row("SI-13 ours on top", (fails(CUSTOMER), passes(CUSTOMER), bob), Fate((HELD, HELD), (HELD, NEW)))
    yield Row("SI-13 reversed", (passes(CUSTOMER), fails(CUSTOMER), bob), UNPROVEN)
    yield Row("SI-13 no id", (ar(f"dmarc=pass header.from={CUSTOMER}", by=""), bob), UNPROVEN)
    other_id = ar(f"dmarc=pass header.from={CUSTOMER}", by=f"{OUR_ID}.evil.example")
    yield Row("SI-13 other id", (other_id, bob), UNPROVEN)
    own = (f"spf=pass smtp.mailfrom={EVIL}", f"dkim=pass header.d={EVIL}", "dmarc=none")
    yield Row("SI-14", (ar(*own), bob), UNPROVEN)
    for field_ in ("", fails(VENDOR)):
        for body in ("/note\n\nhi", "/close", "hi"):
            fields = (*filter(None, [field_]), f"From: {ALICE}")
            yield Row(f"SI-15 alice {field_[-20:]} {body!r}", fields, NOBODY, body=body, token=True)
        fields = (*filter(None, [field_]), f"From: {SERVICE}")
        yield Row(f"SI-15 service {field_[-20:]}", fields, Fate((DROPPED, DROPPED), (DROPPED, DROPPED)), token=True)
    yield Row("SI-16", (passes(VENDOR), f"From: {ALICE}"), Fate((AGENT, AGENT), (HELD, HELD)), token=True)
    for who in ("old", "new"):
        yield Row(f"SI-17 {who}", (passes(CUSTOMER), f"From: {who}@customer.example"), ANYBODY, token=True)
    steering = ("X-Casegate-Account: OT-1", "X-Casegate-Case: 1002", "X-Priority: 1")
    yield Row("SI-18", (passes(CUSTOMER), bob, *steering), LIKE_BOB)


ROWS = tuple(rows())


def mail(row: Row, way: str, token: str = "") -> bytes:
    """A row as bytes, with a mark by which it is found again."""
    key = f"{ROWS.index(row)}-{way}"
    lines = [
        *row.fields,
        f"To: {SERVICE}",
        f"Subject: {key} {token}",
        f"Message-ID: <{key}@x.example>",
        f"X-Row: {key}",
    ]
    return "\r\n".join([*lines, "", *row.body.split("\n"), ""]).encode()


@dataclass
class Outcome:
    """What became of one mail."""

    state: str = ""
    decision: str = ""
    rung: str = ""
    evidence: str = ""
    sender: str = ""
    case: int | None = None
    reply: str = ""

    def __str__(self) -> str:
        if self.reply.startswith("550 5.7.1"):
            return HELD
        authenticity = self.evidence.partition(":")[0]
        if self.rung == "agent":
            return f"an agent, {authenticity}"
        if self.decision == "new_case":
            return f"new, {authenticity}"
        return "unregistered" if self.decision == "unregistered" else self.state


@dataclass
class Post:
    """A gateway, what came in, and what became of it."""

    config: Path
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def of(self, row: Row, way: str) -> Outcome:
        return self.outcomes[f"{ROWS.index(row)}-{way}"]

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.config.parent / "casegate.db")) as connection:
            return connection.execute(statement).fetchall()

    def read(self) -> None:
        """All that was decided."""
        columns = "state, decision, rung, evidence, sender, case_number, data"
        for *values, data in self.query(f"SELECT {columns} FROM intake JOIN raw_mail ON id = intake_id"):
            if found := re.search(rb"X-Row: (\S+)", data):
                *texts, case = values
                state, decision, rung, evidence, sender = (str(value or "") for value in texts)
                self.outcomes[found[1].decode()] = Outcome(
                    state=state, decision=decision, rung=rung, evidence=evidence, sender=sender, case=case
                )


def sent(daemon: Daemon, data: bytes, *, source: str, sender: str = MALLORY, to: str = SERVICE) -> str:
    """The answer to a mail that another machine hands over."""
    with smtplib.SMTP(daemon.host, daemon.port, timeout=LONGEST_WAIT_SECONDS, source_address=(source, 0)) as client:
        client.ehlo_or_helo_if_needed()
        client.mail(sender)
        client.rcpt(to)
        code, text = client.data(data)
    return f"{code} {text.decode()}"


def made(folder: Path, sink: Sink, require: str, *more: str) -> Path:
    """A gateway of the plan's people that believes one relay; its configuration."""
    config = gateway(folder, relay_port=sink.port)
    cli(config, "contact", "add", "old@customer.example", "--account", "EX-1", "--name", "Old")
    with closing(sqlite3.connect(folder / "casegate.db")) as connection, connection:
        connection.execute("UPDATE contact SET active = 0 WHERE name = 'Old'")
    trust = f'require = "{require}"\nrelays = ["{RELAY}"]'
    config.write_text(config.read_text().replace('require = "unverified"', trust) + "\n".join(more))
    cli(config, "case", "open", "--for", BOB, "--subject", "A1", "--as", "Alice", "-m", "the first case")
    return config


def mailbox(server: Dovecot, user: str, authserv_id: str | None) -> str:
    lines = [
        *("[[imap]]", 'host = "127.0.0.1"', f"port = {server.imaps}", f'username = "{user}"'),
        *('password_file = "imap-password"', f'ca_file = "{server.ca}"'),
        *([f'authserv_id = "{authserv_id}"'] if authserv_id else []),
    ]
    return "\n".join([*lines, ""])


WAYS = ("relay", "direct", "mailbox", "plain mailbox", "pipe")
BELIEVED = frozenset({"relay", "mailbox"})


def _deliver(config: Path, server: Dovecot, users: Mapping[str, str]) -> Post:
    """All rows in all ways through one gateway."""
    post = Post(config)
    token = str(cli_json(config, "case", "show", "1001")["token"])
    for way, user in users.items():
        server.user = user
        server.deliver(*(mail(row, way.replace(" ", "-"), token if row.token else "") for row in ROWS))
    files = []
    for row in ROWS:
        files.append(config.parent / f"{ROWS.index(row)}.eml")
        files[-1].write_bytes(mail(row, "pipe", token if row.token else ""))
    cli(config, "intake", *map(str, files))
    with running(config) as daemon:
        for row in ROWS:
            for way, source in (("relay", RELAY), ("direct", STRANGER)):
                reply = sent(daemon, mail(row, way, token if row.token else ""), source=source)
                if not reply.startswith("250"):
                    post.outcomes[f"{ROWS.index(row)}-{way}"] = Outcome(reply=reply)
        wanted = len(ROWS) * len(WAYS)
        end = time.monotonic() + LONGEST_WAIT_SECONDS
        while len(post.outcomes) < wanted:
            assert time.monotonic() < end, wanted - len(post.outcomes)
            daemon.settle()
            post.read()
        # TESTPLAN section 0: I2, the canary.
        canary = f"{passes(CUSTOMER)}\r\nFrom: {BOB}\r\nSubject: canary\r\nX-Row: canary\r\n\r\nhi\r\n".encode()
        assert sent(daemon, canary, source=RELAY).startswith("250")
        daemon.settle()
        assert 0 == daemon.stop()
        (config.parent / "log").write_text("\n".join(map(str, daemon.lines)))
    post.read()
    return post


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Post, Post]]:
    """Everything has happened: with evidence asked for, and without (U)."""
    folder = tmp_path_factory.mktemp("identity")
    with ExitStack() as stack:
        server, sink = stack.enter_context(dovecot()), stack.enter_context(Sink())
        found = []
        for require in ("authenticated", "unverified"):
            users = {"mailbox": f"{require}@vendor.example", "plain mailbox": f"{require}-plain@vendor.example"}
            boxes = [mailbox(server, users["mailbox"], OUR_ID), mailbox(server, users["plain mailbox"], None)]
            config = made(folder / require, sink, require, *boxes)
            (config.parent / "imap-password").write_text(f"{PASSWORD}\n")
            found.append(_deliver(config, server, users))
        yield found[0], found[1]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_who_is_believed(posts: tuple[Post, Post], row: Row) -> None:
    """[SI-01 to SI-18] Each row in each way, with evidence asked for and under U."""
    for post, believed, alone in zip(posts, row.fate.believed, row.fate.alone, strict=True):
        found = {way: str(post.of(row, way.replace(" ", "-"))) for way in WAYS}
        expected = {way: believed if way in BELIEVED else alone for way in WAYS}
        if row.name.startswith("SI-15 service"):  # a direct peer hears it: nothing proves that this is us
            expected["direct"] = HELD
        assert expected == found


def test_what_a_sender_writes_about_himself_proves_nothing(posts: tuple[Post, Post]) -> None:
    """[SI-12] Straight to the listener, or in a mailbox whose server vouches for nobody."""
    row = next(row for row in ROWS if row.name == "SI-01 AR+")
    strict, lax = posts
    assert [HELD, HELD] == [str(strict.of(row, way)) for way in ("direct", "plain-mailbox")]
    assert [NEW, NEW] == [str(lax.of(row, way)) for way in ("direct", "plain-mailbox")]


def test_nobody_is_answered_but_who_proved_who_they_are(posts: tuple[Post, Post]) -> None:
    """[SI-07, SI-08] And strangers hear how to register, at the address that was proven, if they must prove it."""
    strict, lax = posts
    agents = {ALICE}
    told = set(strict.query("SELECT recipient, kind FROM outbox"))
    strangers = {
        MALLORY,
        "bob+x@customer.example",
        "b.ob@customer.example",
        "old@customer.example",
        "new@customer.example",
    }
    outside = {(to, kind) for to, kind in told if to not in agents}
    answered = {(BOB, "case_opened"), (BOB, "agent_replied")}  # the agent of SI-16 proved who wrote
    assert {*answered, *((to, "unregistered") for to in strangers)} == outside
    assert {to for (to,) in lax.query("SELECT recipient FROM outbox")} <= {BOB, *strangers, *agents}


def test_one_stranger_is_answered_once_a_day(posts: tuple[Post, Post]) -> None:
    assert [(1,)] == posts[0].query(f"SELECT count(*) FROM outbox WHERE recipient = '{MALLORY}'")


def test_the_case_of_another_is_untouched(posts: tuple[Post, Post]) -> None:
    """[SI-15, SI-17] Agents that are none, and persons who are no longer registered, knew its token."""
    for post in posts:
        case = cli_json(post.config, "case", "show", "1001")
        theirs = [message for message in case["messages"] if message["direction"] == "inbound"]
        ours = {(message["author"], message["authenticity"]) for message in case["messages"] if message not in theirs}
        assert (1, set()) == (len(theirs), ours - {(ALICE, None)})


def test_steering_headers_steer_nothing(posts: tuple[Post, Post]) -> None:
    """[SI-18]"""
    row = next(row for row in ROWS if row.name == "SI-18")
    case = cli_json(posts[0].config, "case", "show", str(posts[0].of(row, "relay").case))
    assert ("EX-1", None, "question") == (case["account"], case["priority"], case["type"])


def test_lists_show_whose_address_it_is(posts: tuple[Post, Post]) -> None:
    """[SI-09, SI-11] Not the name that a stranger gave it; and letters that look alike are seen to differ."""
    strict = posts[0]
    shown = {row.name: strict.of(row, "relay").sender for row in ROWS}
    assert [MALLORY, MALLORY] == [shown["SI-09 quoted"], shown["SI-09 encoded"]]
    assert CYRILLIC == shown["SI-11"]
    assert "bob@" not in show.line(CYRILLIC)


def test_a_refusal_is_a_line_in_the_log_and_no_row(posts: tuple[Post, Post]) -> None:
    """[TESTPLAN section 0] HELD from a direct peer; the log has no address of a mail in it."""
    strict = posts[0]
    refused = [outcome.reply for key, outcome in strict.outcomes.items() if key.endswith("-direct") and outcome.reply]
    log = (strict.config.parent / "log").read_text()
    assert len(refused) == log.count("door.refused") > 20
    assert not re.search(r"bob@|mallory@|alice@", log)
    assert 2 == len(set(refused))


def test_all_that_was_accepted_is_there_and_every_case_is_its_history(posts: tuple[Post, Post]) -> None:
    """[TESTPLAN section 0, I2 and I3]"""
    for post in posts:
        assert PROVEN == str(post.outcomes["canary"])
        cli(post.config, "db", "verify")


# Senders that nobody wrote


PIECES = (
    *("bob@customer.example", "mallory@evil.example", "bob", "@", "customer.example", ".", '"bob"', '"a, b"', "Bob B."),
    *("<", ">", "(", ")", "[", "]", ":", ";", "\\", ",", '"', " ", "\t", "\r\n ", "\r\n\t", "\0", "\x1b", "\x7f"),
    *("(a (nested) comment)", "=?utf-8?q?=3Cbob=40customer.example=3E?=", "\xe9", "\u044c", "undisclosed:;", "x"),
)
"""All specials of RFC 5322, nesting, folding, control characters."""
_ATOM = r"[^\s@<>,;:\\\"()\[\].]+(?:\.[^\s@<>,;:\\\"()\[\].]+)*"


def the_only_mailbox(value: str) -> str | None:
    """What a grammar without any leniency reads, written down a second time: the address, and words beside it."""
    flat = re.sub(rf'"({_ATOM})"@', r"\1@", value.replace("\r\n", ""))
    flat = re.sub(r'"(?:[^"\\]|\\.)*"', " ", flat)
    for _ in range(5):
        flat = re.sub(r"\([^()]*\)", " ", flat)
    address = rf"({_ATOM}@{_ATOM})"
    found = re.fullmatch(rf"[^@<>,;:\\\"()\[\]]*<\s*{address}\s*>\s*", flat) or re.fullmatch(rf"\s*{address}\s*", flat)
    if found is None:
        return None
    local, _, domain = found[1].lower().rpartition("@")
    return f"{local}@{domain if domain.isascii() else idna.encode(domain).decode()}"


@pytest.mark.parametrize("count", [1_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_a_generated_sender_is_the_one_mailbox_or_nobody(tmp_path: Path, count: int) -> None:
    """[SI-20] Through `intake explain`, where no evidence is asked for: whoever is a sender here would be believed."""
    chance = random.Random(20)
    values = ["".join(chance.choices(PIECES, k=chance.randint(1, 6))) for _ in range(count)]
    values[:3] = [BOB, f"Bob <{BOB}>", f'"a, b" <{MALLORY}> (x)']
    config = gateway(tmp_path / "gw", relay_port=25)
    files = []
    for number, value in enumerate(values):
        files.append(f"{number}.eml")
        (tmp_path / files[-1]).write_bytes(f"From: {value}\r\nSubject: x\r\n\r\nhi\r\n".encode())
    done = subprocess.run(
        [*CASEGATE, "--config", str(config), "intake", "explain", "--json", *files],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert count == len(found)
    wrong = [
        (value, said["from"])
        for value, said in zip(values, found, strict=True)
        if said["decision"] not in {"held", "quarantined"} and the_only_mailbox(value) != said["from"]
    ]
    assert [] == wrong
    assert ["new_case", "new_case", "unregistered"] == [said["decision"] for said in found[:3]]


# With the DNS


FORGED = f"From: {BOB}\r\nTo: {SERVICE}\r\nSubject: {{}}\r\nMessage-ID: <{{}}@x.example>\r\nX-Row: {{}}\r\n\r\nhi\r\n"


def plain(key: str, sender: str = BOB) -> bytes:
    return FORGED.format(key, key, key).replace(BOB, sender).encode()


@contextmanager
def asking(folder: Path, sink: Sink, records: dict[str, object], *more: str) -> Iterator[tuple[Daemon, Post]]:
    with name_server(records) as (address, _):
        config = made(folder, sink, "authenticated", f'[dns]\nenabled = true\nnameservers = ["{address}"]\n', *more)
        with running(config) as daemon:
            yield daemon, Post(config)


def test_with_the_dns_a_signed_mail_is_a_case_and_a_forged_one_is_held(tmp_path: Path) -> None:
    """[SI-01, SI-19] From a direct peer: taken while the DNS is still to be asked, and decided afterwards."""
    records: dict[str, object] = {
        "s1._domainkey.customer.example": {"TXT": [a_key().record()]},
        "_dmarc.customer.example": {"TXT": ["v=DMARC1; p=reject"]},
    }
    whole = signed(plain("length"), length=True)
    mails = {
        "good": signed(plain("good")),
        "forged": plain("forged"),
        "changed": signed(plain("changed")).replace(b"hi", b"ho"),
        "length": whole + b"y" * 48 + b"\r\n",
        "subject": signed(plain("subject")).replace(b"Subject:", b"Subject: pay\r\nSubject:", 1),
        "stranger": plain("stranger", MALLORY),
    }
    with Sink() as sink, asking(tmp_path / "gw", sink, records) as (daemon, post):
        replies = {key: sent(daemon, data, source=STRANGER)[:3] for key, data in mails.items()}
        two = sent(daemon, b"From: x@y.example\r\n" + signed(plain("two")), source=STRANGER)
        sent(daemon, signed(plain("relayed")), source=RELAY)
        daemon.settle()
        post.read()
        (tmp_path / "good.eml").write_bytes(signed(plain("explained")))
        (explained,) = [cli_json(post.config, "intake", "explain", str(tmp_path / "good.eml"))]

    assert dict.fromkeys(mails, "250") == replies
    assert two.startswith("550 5.7.1 this mail does not say clearly who sent it")
    found = {key: str(outcome) for key, outcome in post.outcomes.items()}
    assert found == {
        "good": PROVEN,
        "relayed": PROVEN,
        "stranger": UNKNOWN,
        **dict.fromkeys(("forged", "changed", "length", "subject"), HELD),
    }
    assert "failed: dmarc=fail header.from=customer.example" in post.outcomes["forged"].evidence
    assert "new_case" == explained["decision"]


def test_a_name_server_that_says_nothing_leaves_mail_held_and_the_rest_goes_on(tmp_path: Path) -> None:
    records: dict[str, object] = {"_dmarc.customer.example": "SERVFAIL"}
    with Sink() as sink, asking(tmp_path / "gw", sink, records) as (daemon, post):
        sent(daemon, plain("unsure"), source=STRANGER)
        sent(daemon, f"{passes(CUSTOMER)}\r\n".encode() + plain("canary"), source=RELAY)
        daemon.settle()
        post.read()
    assert {"unsure": HELD, "canary": PROVEN} == {key: str(outcome) for key, outcome in post.outcomes.items()}
    assert post.outcomes["unsure"].evidence.startswith("unverified: the DNS did not answer")


# SMTP AUTH


def test_who_logged_in_vouches_for_the_sender(tmp_path: Path) -> None:
    """[SI-16, SP-05] An agent and a contact, from an address that is no relay."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client_side)
    client_side.check_hostname = False  # smtplib has no name for an address
    with Sink() as sink:
        config = made(tmp_path / "gw", sink, "authenticated")
        certificate.cert_chain_pems[0].write_to_path(config.parent / "cert.pem")
        certificate.private_key_pem.write_to_path(config.parent / "key.pem")
        (config.parent / "users").write_text(user_line("relay1", RELAY_PASSWORD, bytes(16)) + "\n")
        keys = 'tls_cert = "cert.pem"\ntls_key = "key.pem"\nusers_file = "users"'
        config.write_text(config.read_text().replace("[smtp]", f"[smtp]\n{keys}"))
        with running(config) as daemon:
            with smtplib.SMTP(daemon.host, daemon.port, source_address=(STRANGER, 0)) as client:
                client.starttls(context=client_side)
                with pytest.raises(smtplib.SMTPAuthenticationError):
                    client.login("relay1", "wrong password")
                client.login("relay1", RELAY_PASSWORD)
                for key, sender in (("bob", BOB), ("alice", ALICE)):
                    client.sendmail("x@relay.example", [SERVICE], plain(key, sender))
            daemon.settle()
        post = Post(config)
        post.read()
        log = str(daemon.lines)
    assert {"bob": PROVEN, "alice": AGENT} == {key: str(outcome) for key, outcome in post.outcomes.items()}
    assert "authenticated: SMTP AUTH as relay1" == post.outcomes["bob"].evidence
    assert "login.refused" in log
    assert not re.search("relay1|password|" + RELAY_PASSWORD, log)


# At the door


def at_the_door(daemon: Daemon, mails: Sequence[tuple[str, bytes, str, str]]) -> dict[str, str]:
    return {key: sent(daemon, data, source=STRANGER, sender=sender, to=to)[:9] for key, data, sender, to in mails}


def test_strangers_are_refused_at_the_door_where_so_configured(tmp_path: Path) -> None:
    """[AL-15] From a direct peer; behind a relay they are held. Never the answers that a stranger may have to give."""
    with Sink() as sink:
        config = made(tmp_path / "gw", sink, "unverified")
        config.write_text(config.read_text().replace("[mail]", '[mail]\nunregistered = "reject"'))
        with running(config) as daemon:
            refused = at_the_door(
                daemon,
                [
                    (f"forged{number}", plain(f"forged{number}", f"u{number}@evil.example"), MALLORY, SERVICE)
                    for number in range(50)
                ],
            )
            let_in = at_the_door(
                daemon,
                [
                    ("bob", plain("bob"), BOB, SERVICE),
                    ("null", plain("null", MALLORY), "", SERVICE),
                    ("keyed", plain("keyed", MALLORY), MALLORY, f"service+b.{'a' * 26}@vendor.example"),
                    ("register", plain("register", MALLORY), MALLORY, "service+register@vendor.example"),
                    ("postmaster", plain("postmaster", MALLORY), MALLORY, "postmaster@vendor.example"),
                ],
            )
            words = sent(daemon, plain("old", "old@customer.example"), source=STRANGER)
            sent(daemon, plain("relayed", MALLORY), source=RELAY)
            daemon.settle()
            assert 51 == sum(line["event"] == "door.refused" for line in daemon.lines)
        post = Post(config)
        post.read()
    assert {"550 5.7.1"} == set(refused.values())
    assert {"250 2.0.0"} == set(let_in.values())
    assert "to register, write to service+register@vendor.example" in words
    assert {"bob", "null", "keyed", "register", "postmaster", "relayed"} == set(post.outcomes)
    assert HELD == str(post.outcomes["relayed"])
    asked = post.query(f"SELECT recipient, kind FROM outbox WHERE recipient NOT IN ('{BOB}', '{ALICE}')")
    assert [(MALLORY, "registration")] == asked
