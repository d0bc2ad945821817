"""Group C through the real daemon by IMAP of a real Dovecot, as far as `test_threads` has not got it (AC-06, AC-10, AC-14)."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon import cli, cli_json, gateway, running
from tests.dovecot import dovecot
from tests.e2e.test_imap import add_mailbox, decided
from tests.leaks import found_in
from tests.sink import Sink
from tests.world import a_mail

pytestmark = pytest.mark.servers

BOB, CARL, EVE, EXPERT = "bob@customer.example", "carl@customer.example", "eve@other.example", "expert@outside.example"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


def good(number: int, sender: str, body: str, subject: str = "Hello", **head: str) -> bytes:
    """A mail for whose sender the relay vouches."""
    domain = sender.partition("@")[2]
    proof = f"mx.vendor.example; dmarc=pass header.from={domain}"
    more = {"message_id": f"<{number}@{domain}>", "authentication_results": proof, **head}
    return a_mail(sender, subject, body, **more)


def test_accounts_are_apart_by_imap(tmp_path: Path, sink: Sink) -> None:
    """[AC-01, AC-03, AC-06, AC-10, AC-14] Questions, a guest who comes and goes, commands, and the modes of the files."""
    config = gateway(tmp_path / "gw", relay_port=sink.port)
    config.write_text(config.read_text().replace('require = "unverified"', 'require = "authenticated"'))
    with dovecot() as mailbox:
        add_mailbox(config, mailbox, authserv_id="mx.vendor.example")
        with running(config) as daemon:
            daemon.wait_for("mailbox.watched")
            mailbox.deliver(good(1, BOB, "The SECRETA disk.", "Disk SECRETA"))
            decided(daemon, 1)
            mailbox.deliver(good(2, EVE, "The SECRETB ink.", "Ink SECRETB"))
            decided(daemon, 2)
            subject = f"Re: {cli_json(config, 'case', 'show', '1001')['token']} Mine"
            alice = ("--as", "alice@vendor.example")
            mailbox.deliver(
                good(3, BOB, "/show 1002\n/show 4711\n/search ink\n/cases all"),
                good(4, EVE, "Not mine.", subject),
                good(5, BOB, "More.", subject, cc=f"mallory@evil.example, {EVE}, {CARL}"),
            )
            decided(daemon, 5)
            cli(config, "case", "participants", "1001", "--add", EVE, *alice)
            cli(config, "case", "participants", "1001", "--add", EXPERT, "--external", *alice)
            mailbox.deliver(good(6, EVE, "I know.", subject), good(7, EXPERT, "So do I.", subject))
            decided(daemon, 7)
            cli(config, "case", "participants", "1001", "--remove", EVE, "--remove", EXPERT, *alice)
            mailbox.deliver(good(8, EVE, "And now?", subject), good(9, EVE, "/show 1001\n/cases all"))
            decided(daemon, 9)
            daemon.settle()
            assert 0 == daemon.stop()

    rows = reversed(cli_json(config, "intake", "list"))
    decisions = {row["sender"] + str(row["id"]): (row["decision"], row["case"]) for row in rows}
    became = [decisions[f"{who}{id_}"] for id_, who in enumerate((BOB, EVE, BOB, EVE, BOB, EVE, EXPERT, EVE, EVE), 1)]
    assert [("new_case", 1001), ("new_case", 1002), ("command", None), ("new_case", 1003), ("reply", 1001)] == became[
        :5
    ]
    assert [("reply", 1001), ("held", None), ("new_case", 1004), ("command", None)] == became[5:]
    assert [CARL] == cli_json(config, "case", "show", "1001")["participants"]
    told = {(mail.rcpt_to[0], word) for mail in sink.taken for word in found_in(mail.data, ("SECRETA", "SECRETB"))}
    assert {(BOB, "SECRETA"), (CARL, "SECRETA"), (EVE, "SECRETB")} <= told
    assert not {(BOB, "SECRETB"), (CARL, "SECRETB"), ("mallory@evil.example", "SECRETA")} & told
    last_to_eve = [mail for mail in sink.taken if mail.rcpt_to == (EVE,)][-1]
    assert set() == found_in(last_to_eve.data, ("SECRETA", BOB))
    ours = [
        path
        for path in config.parent.rglob("*")
        if path.name.startswith(("casegate.db", "secret")) or "blobs" in path.parts
    ]
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in ours}
    assert {} == {name: mode for name, mode in modes.items() if mode not in {"0o600", "0o700"}}
    assert modes
