"""Threading and confidentiality through the real daemon, by SMTP and by IMAP of a real Dovecot (TESTPLAN, D and C).

One daemon, all rows: each mail is sent in its turn, and what became of it is read afterwards.
"""

import base64
import quopri
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.daemon import LONGEST_WAIT_SECONDS, Daemon, cli, cli_json, gateway, running
from tests.dovecot import Dovecot, dovecot
from tests.e2e.test_imap import add_mailbox, decided
from tests.scenes.test_threads import BOB, CARL, EVE, good
from tests.sink import Sink

pytestmark = pytest.mark.servers

SERVICE = "service@vendor.example"
ALICE = ("--as", "alice@vendor.example")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What rows may name: tokens, plus-addresses and Message-IDs of A1, A2 (EX-1) and B1 (OT-1)."""

    token: dict[str, str]
    address: dict[str, str]
    sent: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the TESTPLAN: a mail (its headers by keyword), and what becomes of it."""

    id: str
    becomes: str
    mail: Callable[[Known], dict[str, Any]]
    to: Callable[[Known], str] = lambda _: SERVICE


def words(text: str, kind: str) -> str:
    """The text as two encoded words, cut where it hurts: inside the token."""
    place = text.index("CASE-") + 7
    done = []
    for part in (text[:place], text[place:]):
        data = part.encode()
        shown = base64.b64encode(data) if kind == "B" else quopri.encodestring(data, header=True).replace(b"=\n", b"")
        done.append(f"=?utf-8?{kind}?{shown.decode()}?=")
    return "\r\n ".join(done)


def subject(made: Callable[[str], str], **more: Any) -> Callable[[Known], dict[str, Any]]:
    """A mail by bob whose subject is made of A1's token."""
    return lambda known: {"subject": made(known.token["A1"]), **more}


def tt_10(known: Known) -> dict[str, Any]:
    """References with 5000 ids."""
    ids = "\r\n ".join(f"<{number}@customer.example>" for number in range(5000))
    return {"subject": f"Re: {known.token['A1']} It is slow", "references": ids, "cc": CARL}


def ac_12(known: Known) -> dict[str, Any]:
    """An attached mail whose subject names B1."""
    inner = (
        f"--b\n\nSee.\n--b\nContent-Type: message/rfc822\n\nFrom: {EVE}\nSubject: {known.token['B1']}\n\nOld.\n--b--"
    )
    return {"mime_version": "1.0", "content_type": 'multipart/mixed; boundary="b"', "body": inner}


FAILED = "mx.vendor.example; dmarc=fail header.from=customer.example"
FORGED = f"<{'a' * 26}@vendor.example>"
ROWS: Sequence[Row] = (
    Row(id="TT-01 prefixes", becomes="A1", mail=subject("AW: Re: [EXT] Fwd: WG: {} It is slow".format)),
    Row(id="TT-01 folded", becomes="A1", mail=subject(lambda token: f"Re:\r\n {token[:8]}\r\n {token[8:]}\r\n\tslow")),
    Row(id="TT-01 B", becomes="A1", mail=subject(lambda token: words(f"回复：{token} über", "B"))),  # noqa: RUF001  # as Foxmail has it
    Row(id="TT-01 Q", becomes="A1", mail=subject(lambda token: words(f"Antw: {token} über", "Q"))),
    Row(id="TT-01 lower case", becomes="A1", mail=subject(str.lower)),
    Row(id="TT-01 blanks", becomes="A1", mail=subject(lambda token: token.replace("-", " - ").replace(".", " . "))),
    Row(id="TT-02 foreign first", becomes="A1", mail=lambda k: {"subject": f"{k.token['B1']} {k.token['A1']}"}),
    Row(id="TT-02 own two", becomes="A1", mail=lambda k: {"subject": f"{k.token['A1']} {k.token['A2']}"}),
    Row(id="TT-03 body", becomes="NEW EX-1", mail=lambda k: {"subject": "b", "body": f"> {k.token['A1']}"}),
    Row(
        id="TT-03 name",
        becomes="NEW EX-1",
        mail=lambda k: {"subject": "c", "content_disposition": f'attachment; filename="{k.token["A1"]}"'},
    ),
    Row(id="TT-04 no check part", becomes="A1", mail=lambda _: {"subject": "Re: [CASE-1001]"}),
    Row(id="TT-04 by eve", becomes="NEW OT-1", mail=lambda _: {"who": EVE, "subject": "Re: [CASE-1001]"}),
    Row(id="TT-05", becomes="A2", mail=subject(str), to=lambda k: k.address["A2"]),
    Row(id="TT-08", becomes="NEW EX-1", mail=lambda _: {"subject": "d", "in_reply_to": FORGED}),
    Row(id="TT-09", becomes="A1", mail=subject(lambda token: f"{token} " + "[CASE-7.abcdefgh]\r\n " * 5000)),
    Row(id="TT-10", becomes="A1", mail=tt_10),
    Row(id="TT-16 one", becomes="NEW EX-1", mail=lambda _: {"subject": "Re: e", "in_reply_to": "<e@customer.example>"}),
    Row(
        id="TT-16 two",
        becomes="the case before",
        mail=lambda _: {"who": CARL, "subject": "AW: e", "in_reply_to": "<e@customer.example>"},
    ),
    Row(id="AC-01 token", becomes="NEW OT-1", mail=subject("Re: {} f".format, who=EVE)),
    Row(
        id="AC-01 address",
        becomes="NEW OT-1",
        mail=lambda _: {"who": EVE, "subject": "g"},
        to=lambda k: k.address["A1"],
    ),
    Row(id="AC-01 both", becomes="NEW OT-1", mail=subject("{} h".format, who=EVE), to=lambda k: k.address["A1"]),
    Row(
        id="AC-02",
        becomes="NEW OT-1",
        mail=lambda k: {"who": EVE, "subject": "i", "in_reply_to": k.sent["A1"], "references": k.sent["A1"]},
    ),
    Row(id="AC-03", becomes="A1", mail=subject(str, cc=f"mallory@evil.example, {EVE}, {CARL}")),
    Row(id="AC-04", becomes="held", mail=subject(str, cc="mallory@evil.example", authentication_results=FAILED)),
    Row(id="AC-12", becomes="NEW EX-1", mail=ac_12),
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Desk"]:
    """A daemon that takes by SMTP and IMAP, and asks contacts for evidence."""
    folder = tmp_path_factory.mktemp("threads")
    with Sink() as sink, dovecot() as mailbox:
        config = gateway(folder / "gw", relay_port=sink.port)
        config.write_text(config.read_text().replace('require = "unverified"', 'require = "authenticated"'))
        add_mailbox(config, mailbox, authserv_id="mx.vendor.example")
        with running(config) as daemon:
            daemon.wait_for("mailbox.watched")
            yield Desk(config=config, daemon=daemon, mailbox=mailbox, sink=sink)
            assert 0 == daemon.stop()
    assert 0 == cli(config, "db", "verify").returncode


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    config: Path
    daemon: Daemon
    mailbox: Dovecot
    sink: Sink

    def rows(self) -> list[dict[str, Any]]:
        """All intake rows, oldest first."""
        return list(reversed(cli_json(self.config, "intake", "list")))

    def take(self, mails: Sequence[tuple[bytes, str]], way: str) -> list[dict[str, Any]]:
        """Mails come in by one way, and are decided; their rows."""
        before = len(self.rows())
        if way == "imap":
            self.mailbox.deliver(*(data for data, _ in mails))
        for data, rcpt in mails if way == "smtp" else ():
            self.daemon.send(data, to=rcpt)
        decided(self.daemon, before + len(mails))
        self.daemon.settle()
        return self.rows()[before:]

    def case(self, number: int) -> Any:
        return cli_json(self.config, "case", "show", str(number))

    def told(self, address: str) -> list[EmailMessage]:
        """All mail that an address got."""
        found = [
            message_from_bytes(mail.data, policy=policy.default) for mail in self.sink.taken if address in mail.rcpt_to
        ]
        assert all(isinstance(mail, EmailMessage) for mail in found)
        return found


@pytest.fixture(scope="module")
def known(desk: Desk) -> Known:
    """A1, A2 and B1, opened."""
    texts = ((BOB, "It is slow"), (BOB, "The printer"), (EVE, "Theirs"))
    desk.take([(good(who, subject), SERVICE) for who, subject in texts], "smtp")
    cases = {name: desk.case(number) for name, number in (("A1", 1001), ("A2", 1002), ("B1", 1003))}
    sent = {case: row["message_id"] for row in cli_json(desk.config, "outbox", "list") if (case := row["case"])}
    return Known(
        token={name: case["token"] for name, case in cases.items()},
        address={name: case["address"] for name, case in cases.items()},
        sent={name: sent[case["number"]] for name, case in cases.items()},
    )


def text(mail: EmailMessage) -> str:
    return "".join(str(mail.get_body((kind,)).get_content()) for kind in ("plain", "html"))  # type: ignore[union-attr]


@pytest.mark.parametrize("way", ["smtp", "imap"])
def test_each_row_by_each_way(desk: Desk, known: Known, way: str) -> None:
    """Each mail lands where the TESTPLAN says."""
    mails = []
    for number, row in enumerate(ROWS):
        given = {"body": f"{row.id} by {way}.", "to": row.to(known), **row.mail(known)}
        if "in_reply_to" in given:  # each way has threads of its own
            given["in_reply_to"] = given["in_reply_to"].replace("<e@", f"<e.{way}@")
        mails.append((good(**{"message_id": f"<{way}.{number}@row.example>", **given}), row.to(known)))

    found = desk.take(mails, way)

    accounts = {case["number"]: case["account"] for case in cli_json(desk.config, "cases")}
    became: list[tuple[str, str]] = []
    newest = 0
    for row, taken in zip(ROWS, found, strict=True):
        became.append((row.id, becomes(taken, newest, accounts)))
        newest = taken["case"] if taken["decision"] == "new_case" else newest
    assert [(row.id, row.becomes) for row in ROWS] == became
    assert {way} == {row["transport"] for row in found}
    assert (CARL,) == tuple(desk.case(1001)["participants"])
    assert 1 == len(desk.case(1003)["messages"])


def becomes(row: dict[str, Any], newest: int, accounts: dict[int, str]) -> str:
    if row["decision"] == "new_case":
        return f"NEW {accounts[row['case']]}"
    if row["decision"] != "reply":
        return str(row["decision"])
    names = {1001: "A1", 1002: "A2", 1003: "B1", newest: "the case before"}
    return names.get(row["case"], str(row["case"]))


def test_nothing_of_it_reaches_the_wrong_people(desk: Desk, known: Known) -> None:
    """AC-01, AC-03, TT-10 on the wire: eve gets no mark of A1, mallory gets nothing, agents are warned."""
    cli(desk.config, "case", "reply", "1001", "-m", "To bob and carl.", *ALICE)
    desk.daemon.settle()

    secrets = {known.token["A1"], known.token["A1"].strip("[]").rpartition(".")[2], known.sent["A1"]}
    to_eve = desk.told(EVE)
    assert to_eve
    for mail in to_eve:
        everything = "\n".join((*(str(value) for value in mail.values()), text(mail)))
        assert not [secret for secret in (*secrets, "EX-1", "another account") if secret in everything]
    assert [] == desk.told("mallory@evil.example")
    warned = [
        mail
        for mail in desk.told("alice@vendor.example")
        if "case 1001, which belongs to another account" in text(mail)
    ]
    assert 6 == len(warned), "three rows of AC-01 by two ways"
    for taken in desk.sink.taken:
        assert max(map(len, taken.data.split(b"\r\n"))) <= 998
    newest = desk.told(CARL)[-1]
    assert len(newest["References"].split()) <= 20
    assert max(map(len, newest["References"].split())) <= 400


def test_tt_12_copies_by_smtp_and_imap_at_once(desk: Desk, known: Known) -> None:
    """To two of our addresses too: one message, one acknowledgement."""
    before = len(desk.rows())
    mail = good(BOB, "Copied", message_id="<copied@customer.example>")
    desk.mailbox.deliver(mail)
    for address in (SERVICE, "service+anything@vendor.example"):
        desk.daemon.send(mail, to=address)
    decided(desk.daemon, before + 3)
    desk.daemon.settle()

    assert ["duplicate", "duplicate", "new_case"] == sorted(row["decision"] for row in desk.rows()[before:])
    assert 1 == len([mail for mail in desk.told(BOB) if "Copied" in mail["Subject"]])


def test_tt_14_twenty_mails_on_one_case_over_twenty_connections(desk: Desk, known: Known) -> None:
    before, messages = len(desk.rows()), len(desk.case(1002)["messages"])
    mails = [
        good((BOB, CARL)[number % 2], f"Re: {known.token['A2']} The printer", f"No. {number}.") for number in range(20)
    ]
    senders = [threading.Thread(target=desk.daemon.send, args=(mail,)) for mail in mails]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    decided(desk.daemon, before + 20)
    desk.daemon.settle()

    assert {("reply", 1002)} == {(row["decision"], row["case"]) for row in desk.rows()[before:]}
    texts = [message["text"].strip() for message in desk.case(1002)["messages"][messages:]]
    assert sorted(f"No. {number}." for number in range(20)) == sorted(texts)


def test_sp_14_who_hangs_up_after_the_dot_and_comes_again_has_one_case(desk: Desk, known: Known) -> None:
    before = len(desk.rows())
    mail = good(BOB, "Hung up", message_id="<hung@customer.example>")
    lines = (b"EHLO x", b"MAIL FROM:<bob@customer.example>", b"RCPT TO:<service@vendor.example>", b"DATA")
    with socket.create_connection((desk.daemon.host, desk.daemon.port), LONGEST_WAIT_SECONDS) as peer:
        answers = peer.makefile("rb")
        answers.readline()
        for line in lines:
            peer.sendall(line + b"\r\n")
            while answers.readline()[3:4] == b"-":
                pass
        peer.sendall(mail + b"\r\n.\r\n")
    desk.daemon.send(mail)
    decided(desk.daemon, before + 1)
    desk.daemon.settle()

    assert ["new_case"] == [row["decision"] for row in desk.rows()[before:] if row["decision"] != "duplicate"]
    assert 1 == len([mail for mail in desk.told(BOB) if "Hung up" in mail["Subject"]])


def test_a_held_mail_is_released_and_the_daemon_decides_it(desk: Desk, known: Known) -> None:
    """AC-04's mail, on an agent's word: the command marks it, the running daemon takes it."""
    mail = good(subject=known.token["A1"], body="Held.", authentication_results=FAILED)
    (row,) = desk.take([(mail, SERVICE)], "smtp")
    assert "held" == row["decision"]

    cli(desk.config, "intake", "release", str(row["id"]), *ALICE)
    desk.daemon.settle()

    why = cli_json(desk.config, "why", "intake", str(row["id"]))
    assert ("reply", 1001) == (why["decision"], why["case"])
    assert "released by alice@vendor.example" in why["evidence"]
