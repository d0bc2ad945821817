"""AC-07 and SI-16 with the real daemon: a note and a reply by mail over a relay, and what leaves for the customer."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.daemon import cli_json, gateway, running
from tests.sink import Sink, Taken
from tests.world import SERVICE, a_mail

pytestmark = pytest.mark.servers

ALICE, BOB = "alice@vendor.example", "bob@customer.example"
PROVEN = "mx.vendor.example; dmarc=pass header.from=vendor.example"
SECRET = "They never pay in time, so no hurry."


def read(taken: Taken) -> EmailMessage:
    """A mail as a mail program reads it."""
    mail = message_from_bytes(taken.data, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def to(sink: Sink, address: str) -> list[EmailMessage]:
    """What left for this address, oldest first."""
    return [read(taken) for taken in sink.taken if taken.rcpt_to == (address,)]


def answer(mail: EmailMessage, words: str, number: int) -> tuple[bytes, str]:
    """An agent's answer, with the notice quoted below it as most programs do; and where it goes."""
    part = mail.get_body(("plain",))
    assert part is not None
    quoted = "\n".join(f"> {line}".rstrip() for line in str(part.get_content()).splitlines())
    address = str(mail["Reply-To"].addresses[0].addr_spec)
    head = {"in_reply_to": str(mail["Message-ID"]), "authentication_results": PROVEN, "to": address}
    body = f"{words}\n\nOn Mon, Mar 2, 2026 at 10:00 AM Acme <{SERVICE}> wrote:\n\n{quoted}"
    return a_mail(ALICE, f"Re: {mail['Subject']}", body, message_id=f"<{number}@vendor.example>", **head), address


def test_a_note_and_a_reply_by_mail(tmp_path: Path) -> None:
    """[AC-07, SI-16] The note stays, the reply leaves, and nothing of the note or the notice is in it."""
    with Sink() as sink:
        config = gateway(tmp_path / "gw", relay_port=sink.port)
        with running(config) as daemon:
            daemon.send(a_mail())
            daemon.settle()
            (notice,) = to(sink, ALICE)
            for number, words in enumerate((f"/note {SECRET}", "/start\n\nPlease restart it.", "/reslove\n\nBye.")):
                data, address = answer(notice, words, number)
                daemon.send(data, to=address, sender=ALICE)
                daemon.settle()
        rows = cli_json(config, "intake", "list")
        case = cli_json(config, "case", "show", "1001")
    assert ["new_case", "agent_reply", "agent_reply", "held"] == [
        row["decision"] for row in sorted(rows, key=lambda row: row["id"])
    ]
    assert [("inbound", BOB), ("note", ALICE), ("outbound", ALICE)] == [
        (message["direction"], message["author"]) for message in case["messages"]
    ]
    acknowledgement, reply = to(sink, BOB)
    assert reply["In-Reply-To"] == "<one@customer.example>"
    sent = b"".join(taken.data for taken in sink.taken if taken.rcpt_to == (BOB,))
    words = "".join(str(part.get_content()) for part in reply.walk() if part.get_content_maintype() == "text")
    assert "Please restart it." in words
    for secret in (SECRET, "never pay", "New case 1001", "casegate case", "/start"):
        assert (False, False) == (secret in words, secret.encode() in sent)
    assert str(acknowledgement["Subject"]) in str(reply["Subject"])
    kinds = sorted(row["kind"] for row in cli_json(config, "outbox", "list") if row["recipient"] == ALICE)
    assert ["case_opened", "command_answer", "command_answer", "command_answer"] == kinds
