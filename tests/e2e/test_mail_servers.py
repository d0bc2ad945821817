"""Our mail the whole way: real daemon, real Postfix, a customer's real Dovecot; read there by IMAP, and answered."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.daemon import cli, running
from tests.dovecot import Dovecot, dovecot
from tests.e2e.test_postfix import BOB, office
from tests.sink import Sink
from tests.world import SERVICE

pytestmark = pytest.mark.servers

SUBJECT = "Drücker klemmt: Straße 9, Öl läuft über den größten Teil der Anlage und tropft auf die Prüfstände"
TEXT = "Der Drücker klemmt seit Montag.\n" + "Ölstände prüfen wir täglich. " * 80  # one line of 2,400 characters


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Where the agent's mail goes."""
    with Sink() as made:
        yield made


@pytest.fixture
def mailbox() -> Iterator[Dovecot]:
    """Where Bob reads his mail."""
    with dovecot() as server:
        server.user = BOB
        yield server


def question() -> EmailMessage:
    """As a mail program in German writes it."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = f"Böb <{BOB}>", SERVICE, SUBJECT
    mail["Message-ID"], mail["Date"] = "<1@customer.example>", "Mon, 02 Mar 2026 08:59:00 +0000"
    mail.set_content(TEXT, cte="quoted-printable")
    return mail


def answer_to(mail: EmailMessage, text: str) -> EmailMessage:
    """What "Reply" makes of a mail: to its Reply-To, under its subject, with its Message-ID."""
    answer = EmailMessage(policy=policy.SMTP)
    answer["From"], answer["To"] = BOB, mail["Reply-To"]
    answer["Subject"] = f"Re: {str(mail['Subject']).removeprefix('Re: ')}"
    answer["Message-ID"], answer["Date"] = "<2@customer.example>", "Mon, 02 Mar 2026 10:30:00 +0000"
    answer["In-Reply-To"] = answer["References"] = mail["Message-ID"]
    quoted = "".join(f"> {line}\n" for line in plain(mail).splitlines())
    answer.set_content(f"{text}\n\nOn Mon, 2 Mar 2026 at 10:00, Acme wrote:\n{quoted}", cte="quoted-printable")
    return answer


def plain(mail: EmailMessage) -> str:
    """The text that a mail program shows where it shows no HTML."""
    part = mail.get_body(("plain",))
    assert part is not None
    text: str = part.get_content()
    return text


def read(mailbox: Dovecot) -> list[bytes]:
    """All mails in the mailbox, oldest first, over TLS with a certificate that is checked."""
    with mailbox.login() as client:
        client.select_folder("INBOX", readonly=True)
        uids = client.search("ALL")
        found = client.fetch(uids, ["BODY.PEEK[]"]) if uids else {}
    return [found[uid][b"BODY[]"] for uid in sorted(found)]


def opened(data: bytes) -> EmailMessage:
    mail = message_from_bytes(data, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def is_plain_on_the_wire(data: bytes) -> bool:
    """Nothing in it that a mail server may change or refuse (RFC 5322 §2.1.1, SPEC section 13)."""
    return data.isascii() and max(map(len, data.split(b"\r\n"))) <= 998 and opened(data).defects == []


def test_a_customer_reads_our_mail_in_dovecot_and_answers_it(tmp_path: Path, sink: Sink, mailbox: Dovecot) -> None:
    """Acknowledgement, answer and an agent's reply through aiosmtplib, Postfix, LMTP and IMAP; one thread in the end."""
    routes = {BOB: f"lmtp:inet:[127.0.0.1]:{mailbox.lmtp}"}
    with office(tmp_path, sink, "smtp", routes) as desk, running(desk.config) as daemon:
        desk.mta.send(question().as_bytes(), to=SERVICE, sender=BOB)
        desk.mta.wait_until(lambda: len(mailbox.flags()) == 1)
        (acknowledgement,) = read(mailbox)
        token, address = (desk.show("case", "show", "1001")[key] for key in ("token", "address"))

        desk.mta.send(answer_to(opened(acknowledgement), "Öl ist nachgefüllt.").as_bytes(), to=address, sender=BOB)
        decided = daemon.wait_for("intake.decided", decision="reply", case=1001)
        cli(desk.config, "case", "reply", "1001", "--as", "alice@vendor.example", "-m", "Schön, danke. Läuft's?")
        desk.mta.wait_until(lambda: len(mailbox.flags()) == 2)
        desk.at_rest(daemon)
        case = desk.show("case", "show", "1001")
        reason = desk.show("intake", "show", str(decided["id"]))["reason"]
        agents_reply = read(mailbox)[1]

    assert_acknowledges(acknowledgement, token, address)
    assert "plus-address 1001" in reason
    said = [(message["direction"], message["text"].strip()) for message in case["messages"]]
    assert [
        ("inbound", TEXT.strip()),
        ("inbound", "Öl ist nachgefüllt."),
        ("outbound", "Schön, danke. Läuft's?"),
    ] == said
    assert is_plain_on_the_wire(agents_reply)
    mail = opened(agents_reply)
    assert ("<2@customer.example>", None) == (mail["In-Reply-To"], mail["Auto-Submitted"])
    assert ["<1@customer.example>", opened(acknowledgement)["Message-ID"]] == mail["References"].split()[:2]
    assert f"Re: {token} {SUBJECT}" == mail["Subject"]
    assert "Schön, danke. Läuft's?" in plain(mail)


def assert_acknowledges(data: bytes, token: str, address: str) -> None:
    """SPEC section 13, after two mail servers have had their hands on it."""
    mail = opened(data)
    assert f"Re: {token} {SUBJECT}" == mail["Subject"]
    assert [address] == [box.addr_spec for box in mail["Reply-To"].addresses]
    assert [SERVICE] == [box.addr_spec for box in mail["From"].addresses]
    assert "auto-replied" == mail["Auto-Submitted"]
    assert "<1@customer.example>" == mail["In-Reply-To"]
    assert mail["Return-Path"].startswith("<service+b.")
    assert "multipart/alternative" == mail.get_content_type()
    parts = [(part.get_content_type(), part.get_content_charset()) for part in mail.iter_parts()]
    assert [("text/plain", "utf-8"), ("text/html", "utf-8")] == parts
    assert SUBJECT in " ".join(plain(mail).split())
    assert is_plain_on_the_wire(data)
