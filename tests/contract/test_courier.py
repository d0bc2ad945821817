"""The Courier against a relay that follows a script, over real sockets (OF-02 to OF-09, OF-13)."""

import asyncio
import dataclasses
import re
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.adapters.smtp_out import Relay, SmtpCourier
from gateway.domain.model import NoticeKind, OutboxId
from gateway.domain.post import OutboxRow
from gateway.services.ports import Delivery, DeliveryState

CLOSE = "CLOSE"
"""In a script: close the connection, without a word or after the words before it."""
SILENT = "SILENT"
"""In a script: say nothing, and wait for the other end to leave."""
Script = Mapping[str, str | list[str]]

ROW = OutboxRow(
    id=OutboxId(1),
    recipient="ann@acme.example",
    kind=NoticeKind.AGENT_REPLIED,
    return_path="service+b.abc@vendor.example",
    message_id="<1@vendor.example>",
    data=b"Subject: Hello\r\n\r\n.dot\r\nbye\r\n",
    created_at=datetime(2026, 1, 5, 9, 0, tzinfo=UTC),
)


class ScriptedRelay:
    """Answers each verb as its script says: the same always, or from a list, one after the other, then well.

    `DOT` is the answer to the final dot, `BANNER` the greeting, `EXTENSIONS` what EHLO offers.
    """

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = {verb: said if isinstance(said, str) else deque(said) for verb, said in script.items()}
        self._tls = tls
        self.connections = 0
        self.lines: list[str] = []
        self.mails: list[bytes] = []
        self.fell_silent = asyncio.Event()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._session(reader, writer)
        except (OSError, EOFError):
            pass  # the other end is gone, as some tests want it
        finally:
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        going = await self._answer(reader, writer, "BANNER", "220 relay.example ready")
        while going:
            line = (await reader.readuntil()).decode().rstrip("\r\n")
            self.lines.append(line)
            match re.split(r"[ :]", line.upper())[0]:
                case "EHLO":
                    offered = self._script.get("EXTENSIONS", "")
                    assert isinstance(offered, str)
                    lines = ["relay.example", *offered.split(",")] if offered else ["relay.example"]
                    text = "".join(f"250-{word}\r\n" for word in lines[:-1]) + f"250 {lines[-1]}"
                    going = await self._answer(reader, writer, "EHLO", text)
                case "STARTTLS":
                    going = await self._answer(reader, writer, "STARTTLS", "220 go ahead")
                    if going and self._tls:
                        await writer.start_tls(self._tls)
                case "AUTH":
                    going = await self._answer(reader, writer, "AUTH", "235 welcome")
                case "DATA":
                    going = await self._answer(reader, writer, "DATA", "354 go on")
                    if going and "DATA" not in self._script:
                        self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                        going = await self._answer(reader, writer, "DOT", "250 queued as 1")
                case "QUIT":
                    await self._answer(reader, writer, "QUIT", "221 bye")
                    going = False
                case verb:
                    going = await self._answer(reader, writer, verb, "250 fine")

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, verb: str, well: str) -> bool:
        """Say the next word of the script; False when the session is over."""
        said = self._script.get(verb, well)
        if isinstance(said, deque):
            said = said.popleft() if said else well
        if said == SILENT:
            self.fell_silent.set()
            await reader.read()
        if said in {SILENT, CLOSE}:
            return False
        said, closing, _ = said.partition(CLOSE)
        writer.write(said.encode("utf-8", "surrogateescape") + b"\r\n")
        await writer.drain()
        return not closing


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What came of it, and what the relay saw."""

    outcomes: list[Delivery]
    relay: ScriptedRelay

    @property
    def states(self) -> list[DeliveryState]:
        return [outcome.state for outcome in self.outcomes]


def deliver(*rows: OutboxRow, script: Script | None = None, tls: ssl.SSLContext | None = None, **relay: Any) -> Seen:
    """Send these rows one after the other with one courier, and say good-bye."""

    async def one_by_one(courier: SmtpCourier, _: ScriptedRelay) -> list[Delivery]:
        return [await courier.send(row) for row in rows]

    return with_courier(one_by_one, script=script, tls=tls, **relay)


def with_courier(
    use: Callable[[SmtpCourier, ScriptedRelay], Awaitable[list[Delivery]]],
    *,
    script: Script | None = None,
    tls: ssl.SSLContext | None = None,
    **relay: Any,
) -> Seen:
    async def run() -> Seen:
        scripted = ScriptedRelay(script or {}, tls)
        listening = tls if relay.get("security") == "tls" else None
        server = await asyncio.start_server(scripted.talk, "127.0.0.1", 0, ssl=listening)
        async with server:
            port = server.sockets[0].getsockname()[1]
            settings = {"host": "127.0.0.1", "port": port, "security": "none", "hostname": "gate.example", **relay}
            courier = SmtpCourier(Relay(**settings))
            try:
                outcomes = await use(courier, scripted)
            finally:
                await courier.close()
            return Seen(outcomes, scripted)

    return asyncio.run(run())


def row(**changes: Any) -> OutboxRow:
    return dataclasses.replace(ROW, **changes)


def test_a_mail_is_sent_with_its_envelope_and_its_bytes() -> None:
    seen = deliver(ROW, script={"EXTENSIONS": "SIZE 1000000,8BITMIME"})
    assert [Delivery(DeliveryState.SENT, "250 queued as 1")] == seen.outcomes
    assert [
        "EHLO gate.example",
        f"MAIL FROM:<service+b.abc@vendor.example> SIZE={len(ROW.data)}",
        "RCPT TO:<ann@acme.example>",
        "DATA",
        "QUIT",
    ] == seen.relay.lines
    assert [b"Subject: Hello\r\n\r\n..dot\r\nbye\r\n.\r\n"] == seen.relay.mails


def test_the_null_sender_is_null() -> None:
    seen = deliver(row(return_path=""))
    assert [DeliveryState.SENT] == seen.states
    assert "MAIL FROM:<>" in seen.relay.lines


def test_no_bytes_of_a_mail_can_end_it_early() -> None:
    """Bare line ends are made whole, and every leading dot is doubled (RFC 5321 §4.5.2)."""
    seen = deliver(row(data=b".a\n.\nMAIL FROM:<x@y.example>\r.\r\n.\r\nlast"))
    assert [b"..a\r\n..\r\nMAIL FROM:<x@y.example>\r\n..\r\n..\r\nlast\r\n.\r\n"] == seen.relay.mails
    assert [DeliveryState.SENT] == seen.states


def test_bytes_beyond_ascii_are_announced() -> None:
    seen = deliver(row(data="Grüße\r\n".encode()), script={"EXTENSIONS": "8BITMIME"})
    assert "MAIL FROM:<service+b.abc@vendor.example> BODY=8BITMIME" in seen.relay.lines


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize(
    ("reply", "state"),
    [("451 4.3.0 later", DeliveryState.TEMPORARY), ("550 5.1.1 no such user", DeliveryState.PERMANENT)],
)
def test_what_the_server_says_of_a_mail_is_its_outcome_and_the_next_mail_goes(
    verb: str, reply: str, state: DeliveryState
) -> None:
    """On the same connection, whose open envelope is reset first."""
    script: Script = {verb: reply if verb == "DATA" else [reply]}
    seen = deliver(ROW, ROW, script=script)
    assert Delivery(state, reply) == seen.outcomes[0]
    assert 1 == seen.relay.connections
    if verb != "DATA":
        assert DeliveryState.SENT == seen.states[1]
    assert ("RSET" in seen.relay.lines) == (verb != "DOT")


def test_two_mails_take_one_connection() -> None:
    seen = deliver(ROW, row(recipient="bob@acme.example"))
    assert [DeliveryState.SENT, DeliveryState.SENT] == seen.states
    assert (1, 2) == (seen.relay.connections, len(seen.relay.mails))
    assert "RSET" not in seen.relay.lines


def test_mails_handed_over_at_once_do_not_mix() -> None:
    rows = [row(recipient=f"n{number}@acme.example", data=b"%d\r\n" % number) for number in range(5)]

    async def all_at_once(courier: SmtpCourier, _: ScriptedRelay) -> list[Delivery]:
        return await asyncio.gather(*(courier.send(each) for each in rows))

    seen = with_courier(all_at_once)
    assert {DeliveryState.SENT} == set(seen.states)
    assert [b"%d\r\n.\r\n" % number for number in range(5)] == seen.relay.mails


def test_an_idle_connection_is_asked_before_it_is_used_again() -> None:
    seen = deliver(ROW, ROW, idle_seconds=0)
    assert [DeliveryState.SENT, DeliveryState.SENT] == seen.states
    assert 1 == seen.relay.connections
    assert 2 == seen.relay.lines.count("RSET")


@pytest.mark.parametrize("farewell", ["250 queued CLOSE", CLOSE, "421 4.4.2 idle too long"])
def test_a_kept_connection_that_died_is_replaced_without_anybody_noticing(farewell: str) -> None:
    """Closed right after the 250 (OF-13), closed at the next MAIL, or sent away at it."""
    if farewell.startswith("250"):
        seen = deliver(ROW, ROW, script={"DOT": [farewell]})
    else:
        seen = deliver(ROW, ROW, script={"MAIL": ["250 fine", farewell]})
    assert [DeliveryState.SENT, DeliveryState.SENT] == seen.states
    assert (2, 2) == (seen.relay.connections, len(seen.relay.mails))


def test_it_reconnects_once_only() -> None:
    seen = deliver(ROW, ROW, script={"MAIL": ["250 fine", CLOSE, CLOSE]})
    assert [DeliveryState.SENT, DeliveryState.UNREACHABLE] == seen.states
    assert 2 == seen.relay.connections


@pytest.mark.parametrize("reply", [CLOSE, SILENT, "nonsense"])
def test_no_reply_after_the_final_dot_is_a_doubt(reply: str) -> None:
    """OF-03: the server may have the mail; a new connection carries the next one."""
    seen = deliver(ROW, ROW, script={"DOT": [reply]}, data_seconds=0.3)
    assert [DeliveryState.IN_DOUBT, DeliveryState.SENT] == seen.states
    assert 2 == seen.relay.connections


def test_a_421_to_the_final_dot_is_a_plain_no() -> None:
    assert [Delivery(DeliveryState.TEMPORARY, "421 4.3.2 closing")] == deliver(
        ROW, script={"DOT": "421 4.3.2 closing"}
    ).outcomes


@pytest.mark.parametrize(
    "script",
    [
        {"BANNER": "421 too busy"},
        {"BANNER": "554 no service here"},
        {"BANNER": "SSH-2.0-OpenSSH_9.2"},
        {"BANNER": "x" * 100_000},
        {"BANNER": CLOSE},
        {"BANNER": SILENT},
        {"EHLO": SILENT},
        {"EHLO": "421 too busy"},
        {"MAIL": CLOSE},
        {"MAIL": "421 too busy"},
        {"RCPT": "nonsense"},
        {"RCPT": SILENT},
        {"DATA": "421 too busy"},
        {"DATA": CLOSE},
    ],
    ids=lambda script: " ".join(f"{verb} {said[:12]}" for verb, said in script.items()),
)
def test_a_server_that_is_not_there_says_nothing_about_the_mail(script: Script) -> None:
    """OF-04: whatever happens before the final dot, the mail is not at fault."""
    seen = deliver(ROW, script=script, reply_seconds=0.3)
    assert [DeliveryState.UNREACHABLE] == seen.states
    assert [] == seen.relay.mails


def test_an_attempt_is_bounded_as_a_whole() -> None:
    """OF-04: here by a limit much shorter than that of one reply."""
    seen = deliver(ROW, script={"RCPT": "250-and so on"}, talk_seconds=0.3)
    assert [DeliveryState.UNREACHABLE] == seen.states


def test_a_refused_connection_is_unreachable() -> None:
    async def run() -> Delivery:
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
        courier = SmtpCourier(Relay(host="127.0.0.1", port=port, security="none", hostname="gate.example"))
        return await courier.send(ROW)

    assert DeliveryState.UNREACHABLE == asyncio.run(run()).state


@pytest.mark.parametrize(
    "address",
    [
        "x@y.example\r\nRCPT TO:<mallory@evil.example>",
        "x@y.example\n",
        "-x@y.example",
        "x@y.example>",
        "<x@y.example>",
        "x y@z.example",
        "x@y.example NOTIFY=NEVER",
        "x@-y.example",
        "x@y@z.example",
        "x\x00@y.example",
        "x\u2028@y.example",
        "x\udc80@y.example",
        "Ann <ann@acme.example>",
        "ann@acme.example,bob@acme.example",
        '"a b"@y.example',
        "@y.example",
        "x@",
        "x",
        f"{'x' * 65}@y.example",
        f"x@{'y' * 250}.example",
    ],
)
@pytest.mark.parametrize("field", ["recipient", "return_path"])
def test_an_address_that_could_say_more_is_refused_before_any_byte(field: str, address: str) -> None:
    """OF-08: not even a connection is made."""
    seen = deliver(row(**{field: address}))
    assert [DeliveryState.PERMANENT] == seen.states
    assert "not sent" in seen.outcomes[0].text
    assert seen.outcomes[0].text.isprintable()
    assert 0 == seen.relay.connections


def test_an_empty_recipient_is_refused() -> None:
    assert [DeliveryState.PERMANENT] == deliver(row(recipient="")).states


@pytest.mark.parametrize(
    "address", ["o'hara+x=y/z@acme.example", "_a.b-c@a_b.example", "x@localhost", "a@1and1.example"]
)
def test_unusual_addresses_are_sent(address: str) -> None:
    seen = deliver(row(recipient=address))
    assert [DeliveryState.SENT] == seen.states
    assert f"RCPT TO:<{address}>" in seen.relay.lines


def test_an_address_beyond_ascii_needs_smtputf8() -> None:
    """OF-09: without it the mail fails with words that say why, before its envelope."""
    refused = deliver(row(recipient="jörg@acme.example"))
    assert [DeliveryState.PERMANENT] == refused.states
    assert "jörg@acme.example" in refused.outcomes[0].text
    assert [line for line in refused.relay.lines if line.startswith("MAIL")] == []
    taken = deliver(row(recipient="jörg@acme.example"), script={"EXTENSIONS": "SMTPUTF8"})
    assert [DeliveryState.SENT] == taken.states
    assert "RCPT TO:<jörg@acme.example>" in taken.relay.lines


def test_what_a_server_says_can_be_stored_and_shown() -> None:
    seen = deliver(ROW, script={"RCPT": "550-no\x1b[31m\udcff\r\n550 " + "x" * 2000})
    assert DeliveryState.PERMANENT == seen.states[0]
    assert seen.outcomes[0].text.isprintable()
    assert 500 >= len(seen.outcomes[0].text)


# TLS and login: what is ours to mend


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


def certified(ca: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_over_tls_with_a_login(security: str, ca: trustme.CA, ca_file: Path) -> None:
    seen = deliver(
        ROW,
        ROW,
        script={"EXTENSIONS": "STARTTLS,AUTH PLAIN"},
        tls=certified(ca, "127.0.0.1"),
        security=security,
        ca_file=ca_file,
        username="gate",
        password="secret",
    )
    assert [DeliveryState.SENT, DeliveryState.SENT] == seen.states
    assert 1 == seen.relay.connections
    assert ("STARTTLS" in seen.relay.lines) == (security == "starttls")
    assert 1 == len([line for line in seen.relay.lines if line.startswith("AUTH PLAIN")])


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_with_the_wrong_name_gets_no_mail(security: str, ca: trustme.CA, ca_file: Path) -> None:
    script = {"EXTENSIONS": "STARTTLS"}
    seen = deliver(ROW, script=script, tls=certified(ca, "other.example"), security=security, ca_file=ca_file)
    assert [DeliveryState.OURS] == seen.states
    assert "certificate" in seen.outcomes[0].text
    assert [line for line in seen.relay.lines if line.startswith("MAIL")] == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_nobody_we_know_gets_no_mail(security: str, ca: trustme.CA) -> None:
    seen = deliver(ROW, script={"EXTENSIONS": "STARTTLS"}, tls=certified(ca, "127.0.0.1"), security=security)
    assert [DeliveryState.OURS] == seen.states
    assert [line for line in seen.relay.lines if line.startswith("MAIL")] == []


@pytest.mark.parametrize(
    "script", [{}, {"EXTENSIONS": "STARTTLS", "STARTTLS": "502 not here"}], ids=["none", "refused"]
)
def test_never_plain_text_where_starttls_was_asked_for(script: Script) -> None:
    """OF-06, on loopback too."""
    seen = deliver(ROW, script=script, security="starttls")
    assert [DeliveryState.OURS] == seen.states
    assert [line for line in seen.relay.lines if line.startswith("MAIL")] == []


def test_a_starttls_that_does_not_work_just_now_is_unreachable() -> None:
    seen = deliver(ROW, script={"EXTENSIONS": "STARTTLS", "STARTTLS": "454 not now"}, security="starttls")
    assert [DeliveryState.UNREACHABLE] == seen.states


def test_tls_to_a_port_without_it_is_ours() -> None:
    async def run() -> Delivery:
        relay = ScriptedRelay({})
        async with await asyncio.start_server(relay.talk, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await SmtpCourier(Relay(host="127.0.0.1", port=port, security="tls", hostname="x.example")).send(ROW)

    assert DeliveryState.OURS == asyncio.run(run()).state


@pytest.mark.parametrize("host", ["relay.example", "192.0.2.1", "0.0.0.0", "127.0.0.1.example"])
def test_plain_text_is_for_this_machine_only(host: str) -> None:
    seen = deliver(ROW, host=host)
    assert [DeliveryState.OURS] == seen.states
    assert "outbound.security" in seen.outcomes[0].text


def test_a_ca_file_that_is_not_there_is_ours(tmp_path: Path) -> None:
    seen = deliver(ROW, security="tls", ca_file=tmp_path / "nowhere.pem")
    assert [DeliveryState.OURS] == seen.states
    assert "outbound.ca_file" in seen.outcomes[0].text


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ({"EXTENSIONS": "AUTH PLAIN", "AUTH": "535 5.7.8 wrong"}, DeliveryState.OURS),
        ({"EXTENSIONS": "AUTH PLAIN", "AUTH": "454 4.7.0 try later"}, DeliveryState.UNREACHABLE),
        ({}, DeliveryState.OURS),
        ({"EXTENSIONS": "AUTH GSSAPI"}, DeliveryState.OURS),
        ({"EXTENSIONS": "AUTH PLAIN", "MAIL": "530 5.7.0 authentication required"}, DeliveryState.OURS),
    ],
)
def test_a_login_that_fails_is_ours(script: Script, state: DeliveryState) -> None:
    """OF-07: no mail is at fault for it."""
    seen = deliver(ROW, script=script, username="gate", password="secret")
    assert [state] == seen.states
    assert "secret" not in seen.outcomes[0].text


def test_a_password_is_never_shown() -> None:
    assert "secret" not in repr(Relay(host="127.0.0.1", port=25, password="secret"))


def test_a_cancelled_attempt_leaves_nothing_to_the_next_one() -> None:
    """The late reply to the first mail must not be taken for the second mail's."""

    async def run(courier: SmtpCourier, relay: ScriptedRelay) -> list[Delivery]:
        first = asyncio.create_task(courier.send(ROW))
        await relay.fell_silent.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert first.cancelled()
        return [await courier.send(ROW)]

    seen = with_courier(run, script={"RCPT": [SILENT]})
    assert [DeliveryState.SENT] == seen.states
    assert 2 == seen.relay.connections
