"""The SMTP and LMTP door on real sockets, byte by byte; names in brackets are rows of TESTPLAN group A."""

import asyncio
import contextlib
import socket
import ssl
import struct
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trustme

from gateway.adapters.smtp_hall import LARGE, LARGE_AT_ONCE
from gateway.adapters.smtp_in import Door, DoorSettings, open_door
from gateway.adapters.smtp_rate import MOST_SENDERS, Rate
from gateway.domain.post import Envelope, Transport
from gateway.errors import BadConfig, Refused, Temporary

HANG_SECONDS = 60
OURS = {"postmaster", "postmaster@vendor.example", "service@vendor.example", "service+4711.k7q2mh3x@vendor.example"}
MAIL = b"From: bob@customer.example\r\nSubject: a\r\n\r\nhi\r\n"


class Intake:
    """An `accept` that keeps mails in memory."""

    def __init__(self) -> None:
        self.mails: list[tuple[Envelope, bytes]] = []
        self.fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.reached = asyncio.Event()

    async def accept(self, envelope: Envelope, data: bytes) -> int:
        self.reached.set()
        await self.gate.wait()
        if self.fault:
            raise self.fault
        self.mails.append((envelope, data))
        return 9000 + len(self.mails)

    @property
    def data(self) -> list[bytes]:
        return [data for _, data in self.mails]


class Peer:
    """The other machine: what it sends is sent as it is."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def reply(self) -> str:
        """One reply, its lines joined by a bar; "" when the door has closed the connection."""
        lines = []
        while line := (await self.reader.readline()).decode():
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                break
        return "|".join(lines)

    async def says(self, command: str | bytes) -> str:
        self.send((command if isinstance(command, bytes) else command.encode()) + b"\r\n")
        return await self.reply()

    async def hello(self, name: str = "EHLO") -> "Peer":
        await self.reply()
        await self.says(f"{name} client.example")
        return self

    async def starts_data(self, *recipients: str, sender: str = "bob@customer.example") -> "Peer":
        assert (await self.says(f"MAIL FROM:<{sender}>"))[:3] == "250"
        for recipient in recipients or ("service@vendor.example",):
            assert (await self.says(f"RCPT TO:<{recipient}>"))[:3] == "250"
        assert (await self.says("DATA"))[:3] == "354"
        return self

    def resets(self) -> None:
        """Leave as a crashed machine does: RST instead of FIN."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def delivers(self, data: bytes) -> str:
        await self.starts_data()
        return await self.says(data + b".")

    async def rest(self) -> list[str]:
        """All replies until the door closes."""
        replies = []
        while reply := await self.reply():
            replies.append(reply)
        return replies


class House:
    """A door with its intake, and peers that come."""

    def __init__(self, door: Door, intake: Intake) -> None:
        self.door, self.intake = door, intake
        self.peers: list[Peer] = []

    async def peer(self) -> Peer:
        host, _, port = self.door.address.rpartition(":")
        peer = Peer(*await asyncio.open_connection(host, int(port)))
        self.peers.append(peer)
        return peer


@contextlib.asynccontextmanager
async def a_house(**changes: Any) -> AsyncIterator[House]:
    settings = DoorSettings(**{"host": "127.0.0.1", "port": 0, "hostname": "mx.vendor.example", **changes})
    intake = Intake()
    house = House(await open_door(settings, intake.accept, lambda address: address.lower() in OURS), intake)
    try:
        yield house
    finally:
        for peer in house.peers:
            peer.writer.close()
        await house.door.close()
        for peer in house.peers:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await peer.writer.wait_closed()


def visit(talk: Callable[[House], Awaitable[Any]], **changes: Any) -> Any:
    """What `talk` returns, said in a house of its own."""

    async def run() -> Any:
        async with asyncio.timeout(HANG_SECONDS), a_house(**changes) as house:
            return await talk(house)

    return asyncio.run(run())


def converse(*commands: str | bytes, hello: str = "EHLO", **changes: Any) -> list[str]:
    """The replies to commands after the greeting, codes and enhanced codes only where they are compared so."""

    async def talk(house: House) -> list[str]:
        peer = await (await house.peer()).hello(hello)
        return [await peer.says(command) for command in commands]

    replies: list[str] = visit(talk, **changes)
    return replies


def codes(*commands: str | bytes, **changes: Any) -> list[str]:
    return [reply[:3] for reply in converse(*commands, **changes)]


# A mail goes in


def test_a_mail_is_answered_with_its_intake_id_and_kept_as_it_came() -> None:
    async def talk(house: House) -> tuple[str, tuple[Envelope, bytes]]:
        peer = await (await house.peer()).hello()
        return await peer.delivers(MAIL), house.intake.mails[0]

    reply, (envelope, data) = visit(talk)
    assert reply == "250 2.0.0 accepted as 9001"
    assert data == MAIL
    assert envelope.transport == Transport.SMTP
    assert envelope.mail_from == "bob@customer.example"
    assert envelope.rcpt_to == ("service@vendor.example",)
    assert envelope.peer == "127.0.0.1"
    assert envelope.login is None


def test_the_null_sender_is_the_empty_string() -> None:
    """[SP-07]"""

    async def talk(house: House) -> str | None:
        peer = await (await house.peer()).hello()
        await peer.starts_data(sender="")
        await peer.says(MAIL + b".")
        return house.intake.mails[0][0].mail_from

    assert visit(talk) == ""


def test_each_delivery_has_a_transport_id_of_its_own() -> None:
    async def talk(house: House) -> list[str]:
        peer = await (await house.peer()).hello()
        await peer.delivers(MAIL)
        await peer.delivers(MAIL)
        return [envelope.transport_id for envelope, _ in house.intake.mails]

    first, second = visit(talk)
    assert first != second
    assert first.startswith("smtp:")


@pytest.mark.parametrize(
    ("relays", "expected"),
    [
        (("127.0.0.1",), "mx.vendor.example"),
        (("192.0.2.1", "127.0.0.0/8"), "mx.vendor.example"),
        (("192.0.2.1", "::1"), None),
        ((), None),
    ],
)
def test_authentication_results_are_believed_from_a_relay_only(relays: tuple[str, ...], expected: str | None) -> None:
    async def talk(house: House) -> str | None:
        peer = await (await house.peer()).hello()
        await peer.delivers(MAIL)
        return house.intake.mails[0][0].authserv_id

    assert visit(talk, relays=relays, authserv_id="mx.vendor.example") == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", b""),
        (b"..\r\n", b".\r\n"),
        (b"a\r\n..\r\n...\r\n..x\r\n...x\r\nx.\r\n", b"a\r\n.\r\n..\r\n.x\r\n..x\r\nx.\r\n"),
        (b"\r\n", b"\r\n"),
        (b"\r\n\r\n", b"\r\n\r\n"),
        (b"\r\n..\r\n", b"\r\n.\r\n"),
        (b"a\r\n", b"a\r\n"),
        (b"ab\r\n\r\n", b"ab\r\n\r\n"),
        (bytes(range(128, 256)) + b"\0\r\n", bytes(range(128, 256)) + b"\0\r\n"),
        (b"x" * 998 + b"\r\n", b"x" * 998 + b"\r\n"),
        (b"x" * 5000 + b"\r\n", b"x" * 5000 + b"\r\n"),
        (b"x" * 10_000_000 + b"\r\n", b"x" * 10_000_000 + b"\r\n"),
        (b"line of a mail\r\n..\r\n" * 20_000, b"line of a mail\r\n.\r\n" * 20_000),
    ],
    ids=lambda value: f"{len(value)} bytes",
)
def test_dots_and_bytes_and_lines_of_any_length_are_kept(sent: bytes, expected: bytes) -> None:
    """[SP-12, SP-16]"""

    async def talk(house: House) -> tuple[str, list[bytes], str]:
        peer = await (await house.peer()).hello()
        return await peer.delivers(sent), house.intake.data, await peer.says("NOOP")

    assert visit(talk) == ("250 2.0.0 accepted as 9001", [expected], "250 2.0.0 still here")


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7])
def test_the_end_of_a_mail_is_found_wherever_the_network_cuts_it(size: int) -> None:
    """The bytes come a few at a time, each in its own turn of the event loop."""
    sent = b"\r\n..\r\na\r\n.\r\nNOOP\r\n"

    async def talk(house: House) -> tuple[str, str, list[bytes]]:
        peer = await (await house.peer()).hello()
        await peer.starts_data()
        peer.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(sent), size):
            peer.send(sent[at : at + size])
            for _ in range(10):
                await asyncio.sleep(0)
        return await peer.reply(), await peer.reply(), house.intake.data

    assert visit(talk) == ("250 2.0.0 accepted as 9001", "250 2.0.0 still here", [b"\r\n.\r\na\r\n"])


def test_a_whole_session_in_one_segment_is_answered_also_after_the_peer_stopped_sending() -> None:
    async def talk(house: House) -> list[str]:
        peer = await house.peer()
        peer.send(
            b"EHLO client.example\r\nMAIL FROM:<bob@customer.example>\r\nRCPT TO:<service@vendor.example>\r\nDATA\r\n"
            + MAIL
            + b".\r\nMAIL FROM:<>\r\nQUIT\r\n"
        )
        peer.writer.write_eof()
        return [reply[:3] for reply in await peer.rest()]

    assert visit(talk) == ["220", "250", "250", "250", "354", "250", "250", "221"]


# Where a mail ends


SMUGGLED = (
    b"MAIL FROM:<bob@customer.example>\r\nRCPT TO:<service@vendor.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n"
)


@pytest.mark.parametrize(
    "end", [b"\n.\r\n", b"\n.\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\n.\r", b"\r.\r\n"], ids=repr
)
def test_nothing_but_crlf_dot_crlf_ends_a_mail_and_lone_line_ends_refuse_it(end: bytes) -> None:
    """[SP-01, SP-02] One reply, and the connection is in step afterwards."""

    async def talk(house: House) -> tuple[str, str, list[bytes]]:
        peer = await (await house.peer()).hello()
        return await peer.delivers(b"Subject: a\r\n\r\nhi" + end + SMUGGLED), await peer.says("NOOP"), house.intake.data

    assert visit(talk) == (
        "550 5.6.0 lines of a mail end in CR LF, nothing else",
        "250 2.0.0 still here",
        [],
    )


def test_a_nul_before_the_dot_does_not_end_a_mail() -> None:
    """[SP-02]"""
    sent = b"Subject: a\r\n\r\nhi\r\n\0.\r\n" + SMUGGLED

    async def talk(house: House) -> tuple[str, list[bytes]]:
        peer = await (await house.peer()).hello()
        return await peer.delivers(sent), house.intake.data

    assert visit(talk) == ("250 2.0.0 accepted as 9001", [sent])


@pytest.mark.parametrize("lone", [b"\n", b"\r"], ids=repr)
def test_a_lone_line_end_in_the_body_refuses_the_mail(lone: bytes) -> None:
    """[SP-03]"""

    async def talk(house: House) -> tuple[str, list[bytes]]:
        peer = await (await house.peer()).hello()
        return (await peer.delivers(MAIL + b"one" + lone + b"two\r\n"))[:9], house.intake.data

    assert visit(talk) == ("550 5.6.0", [])


def test_a_command_that_ends_in_a_bare_lf_is_refused() -> None:
    async def talk(house: House) -> tuple[str, str]:
        peer = await (await house.peer()).hello()
        peer.send(b"MAIL FROM:<bob@customer.example>\n")
        return (await peer.reply())[:3], (await peer.says("RCPT TO:<service@vendor.example>"))[:3]

    assert visit(talk) == ("500", "503")


# The order of commands, and how they are written


def test_commands_out_of_order_are_503_and_ehlo_forgets_the_mail() -> None:
    """[SP-06]"""
    mail, rcpt = "MAIL FROM:<bob@customer.example>", "RCPT TO:<service@vendor.example>"
    assert codes("DATA", rcpt, mail, mail, "DATA", rcpt, "EHLO again.example", "DATA", rcpt) == [
        *("503", "503", "250", "503", "503", "250", "250", "503", "503")
    ]
    assert codes(mail, rcpt, "RSET", rcpt, "DATA") == ["250", "250", "250", "503", "503"]


def test_mail_before_hello_is_503() -> None:
    """[SP-06]"""

    async def talk(house: House) -> str:
        peer = await house.peer()
        await peer.reply()
        return (await peer.says("MAIL FROM:<bob@customer.example>"))[:3]

    assert visit(talk) == "503"


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("postmaster", "250 2.1.5"),
        ("POSTMASTER@vendor.example", "250 2.1.5"),
        ("service@VENDOR.EXAMPLE", "250 2.1.5"),
        ('"service"@vendor.example', "250 2.1.5"),
        ("service+4711.k7q2mh3x@vendor.example", "250 2.1.5"),
        ("@evil.example:service@vendor.example", "250 2.1.5"),
        ("mallory@evil.example", "550 5.7.1"),
        ("service%evil.example@vendor.example", "550 5.1.1"),
        ("nobody@vendor.example", "550 5.1.1"),
        ("service", "553 5.1.3"),
        ("service@vendor.example@evil.example", "553 5.1.3"),
        ("ser\0vice@vendor.example", "501 5.5.2"),
        ("s\xe9rvice@vendor.example", "553 5.6.7"),
        ("service\u2028@vendor.example", "553 5.1.3"),
        ("a" * 300 + "@vendor.example", "553 5.1.3"),
        ("bad service@vendor.example", "501 5.5.4"),
        ("", "501 5.5.4"),
    ],
)
def test_only_our_own_addresses_are_recipients(recipient: str, expected: str) -> None:
    """[SP-08, SP-09]"""
    assert converse("MAIL FROM:<>", f"RCPT TO:<{recipient}>")[1][:9] == expected


def test_a_quoted_or_routed_recipient_is_kept_as_the_address_that_it_means() -> None:
    """[SP-08, SP-09]"""

    async def talk(house: House) -> tuple[str, ...]:
        peer = await (await house.peer()).hello()
        await peer.starts_data('"service"@vendor.example', "@evil.example:service@vendor.example", "Postmaster")
        await peer.says(MAIL + b".")
        return house.intake.mails[0][0].rcpt_to

    assert visit(talk) == ("service@vendor.example", "service@vendor.example", "Postmaster")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (b"MAIL FROM:<bob@customer.example> SIZE=1000 BODY=8BITMIME SMTPUTF8", "250"),
        (b"mail from:<bob@customer.example> body=7bit", "250"),
        (b"MAIL FROM: <bob@customer.example>", "250"),
        (b'MAIL FROM:<"a b"@customer.example>', "250"),
        (b"MAIL FROM:<a..b.@customer.example>", "250"),
        (b"MAIL FROM:<bob@[192.0.2.1]>", "250"),
        (b"MAIL FROM:<b\xc3\xb6b@customer.example> SMTPUTF8", "250"),
        (b"MAIL FROM:<b\xc3\xb6b@customer.example>", "553"),
        (b"MAIL FROM:<b\xf6b@customer.example> SMTPUTF8", "553"),
        (b"MAIL FROM:<bob>", "553"),
        (b"MAIL FROM:<a\x07@b.example>", "501"),
        (b"MAIL FROM:<a\rb@b.example>", "501"),
        (b"MAIL FROM:<bob@customer.example", "501"),
        (b"MAIL FROM:bob@customer.example", "501"),
        (b"MAIL TO:<bob@customer.example>", "501"),
        (b"MAIL", "501"),
        (b"MAIL FROM:<> RET=HDRS ENVID=x", "555"),
        (b"MAIL FROM:<> SIZE=many", "555"),
        (b"MAIL FROM:<> SMTPUTF8=yes", "555"),
        (b"MAIL FROM:<> BODY=BINARYMIME", "504"),
        (b"MAIL FROM:<" + b"a" * 3000 + b"@x.example>", "500"),
        (b"EHLO x\x1b[2J", "501"),
        (b"EHLO", "501"),
        (b"BDAT 10 LAST", "502"),
        (b"AUTH PLAIN AGJvYgBzZWNyZXQ=", "502"),
    ],
)
def test_how_commands_are_written(command: bytes, expected: str) -> None:
    """[SP-05, SP-18, SP-20]"""
    assert codes(command) == [expected]


def test_recipients_have_no_parameters() -> None:
    """[SP-20]"""
    assert codes("MAIL FROM:<>", "RCPT TO:<service@vendor.example> NOTIFY=NEVER") == ["250", "555"]


def test_helo_knows_no_parameters() -> None:
    assert codes("MAIL FROM:<> SIZE=1", "MAIL FROM:<>", hello="HELO") == ["555", "250"]


def test_vrfy_tells_nothing_and_nobody_is_named() -> None:
    """[SP-15]"""

    async def talk(house: House) -> list[str]:
        peer = await house.peer()
        return [
            await peer.reply(),
            await peer.says("EHLO client.example"),
            await peer.says("HELP"),
            await peer.says("VRFY bob@customer.example"),
            await peer.says("VRFY nobody@x.example"),
            await peer.says("EXPN x"),
        ]

    banner, ehlo, help_, known, unknown, expand = visit(talk, max_size=35_000_000)
    assert banner == "220 mx.vendor.example ESMTP"
    assert ehlo == (
        "250-mx.vendor.example|250-PIPELINING|250-SIZE 35000000|250-8BITMIME|250-SMTPUTF8|250 ENHANCEDSTATUSCODES"
    )
    assert help_ == "214 2.0.0 see RFC 5321"
    assert known == unknown
    assert known[:3] == "252"
    assert expand[:3] == "502"


# Limits


def test_a_declared_size_over_the_limit_is_552_at_mail() -> None:
    """[SP-11]"""
    assert codes("MAIL FROM:<> SIZE=999999999", "MAIL FROM:<> SIZE=1000", max_size=1000) == ["552", "250"]


def test_a_mail_over_the_limit_is_552_after_the_dot_and_the_next_is_taken() -> None:
    """[SP-11] The limit itself still goes in."""

    async def talk(house: House) -> tuple[list[str], list[int]]:
        peer = await (await house.peer()).hello()
        replies = [(await peer.delivers(b"x" * (size - 2) + b"\r\n"))[:9] for size in (2_000_001, 3_000_000, 2_000_000)]
        return replies, [len(data) for data in house.intake.data]

    assert visit(talk, max_size=2_000_000) == (["552 5.3.4", "552 5.3.4", "250 2.0.0"], [2_000_000])


def test_a_mail_over_the_limit_is_not_kept_in_memory() -> None:
    """[SP-11] Both ends are in this process; each holds a few chunks."""
    chunk = b"x" * 98 + b"\r\n"

    async def talk(house: House) -> tuple[str, int]:
        peer = await (await house.peer()).hello()
        await peer.starts_data()
        tracemalloc.start()
        try:
            for _ in range(200):
                peer.send(chunk * 1000)
                await peer.writer.drain()
            return (await peer.says(b"."))[:3], tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    code, most_bytes = visit(talk, max_size=1_000_000)
    assert code == "552"
    assert most_bytes < 5_000_000


def test_more_large_mails_than_turns_are_all_taken() -> None:
    data = b"x" * (LARGE + 100_000) + b"\r\n"

    async def talk(house: House) -> tuple[list[str], bool]:
        async def deliver() -> str:
            peer = await (await house.peer()).hello()
            return (await peer.delivers(data))[:3]

        replies = await asyncio.gather(*(deliver() for _ in range(LARGE_AT_ONCE + 4)))
        return replies, set(house.intake.data) == {data}

    assert visit(talk) == (["250"] * (LARGE_AT_ONCE + 4), True)


def test_a_hundred_recipients_are_taken_and_the_rest_comes_again() -> None:
    """[SP-10]"""
    rcpt = ["RCPT TO:<service@vendor.example>"] * 150
    assert codes("MAIL FROM:<>", *rcpt)[1:] == ["250"] * 100 + ["452"] * 50


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", ["220", "500", "500", "500", "421"]),
        (b"JUNK\r\n" * 20, ["220", "500", "500", "500", "421"]),
        (b"EHLO x\r\n" + b"JUNK\r\n" * 20, ["220", "250", *["500"] * 10, "421"]),
        (b"x" * 65_536, ["220", "500", "421"]),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nXCLIENT ADDR=127.0.0.1\r\nQUIT\r\n", ["220", "500", "500", "221"]),
        (
            b"EHLO x\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<x@y.example>\r\n" * 200,
            ["220", "250", "250", *["550"] * 101, "421"],
        ),
    ],
    ids=["http", "unknown verbs", "unknown verbs after hello", "no end of line", "proxy", "address probing"],
)
def test_who_speaks_something_else_is_sent_away(sent: bytes, expected: list[str]) -> None:
    """[SP-17]"""

    async def talk(house: House) -> list[str]:
        peer = await house.peer()
        peer.send(sent)
        return [reply[:3] for reply in await peer.rest()]

    assert visit(talk) == expected


def test_errors_are_forgiven_when_a_mail_comes_in() -> None:
    async def talk(house: House) -> list[str]:
        peer = await (await house.peer()).hello()
        replies = []
        for _ in range(3):
            for _ in range(9):
                await peer.says("JUNK")
            replies.append((await peer.delivers(MAIL))[:3])
        return replies

    assert visit(talk) == ["250"] * 3


def test_one_address_sends_so_many_mails_an_hour_and_others_go_on() -> None:
    """[RX-04]"""

    async def talk(house: House) -> list[str]:
        peer = await (await house.peer()).hello()
        replies = []
        for sender in ("bob@x.example", "BOB@X.example", "bob@x.example", "carl@x.example", "", "", ""):
            await peer.starts_data(sender=sender)
            replies.append((await peer.says(MAIL + b"."))[:9])
        return replies

    taken = "250 2.0.0"
    assert [taken, taken, "450 4.7.1", *[taken] * 4] == visit(talk, per_sender_hour=2)


def test_another_hour_is_another_count_and_memory_has_an_end() -> None:
    """[RX-04]"""
    hours = iter([*[0.0] * 3, 3_600.0, *[3_601.0] * (MOST_SENDERS + 1)])
    rate = Rate(limit=1, now=lambda: next(hours))
    assert [False, True, True, False] == [rate.is_over("bob@x.example") for _ in range(4)]
    for number in range(MOST_SENDERS):
        rate.is_over(f"{number}@x.example")
    assert not rate.is_over("bob@x.example")


@pytest.mark.parametrize("limit", [{"connections": 2}, {"connections_per_peer": 2}], ids=str)
def test_one_connection_too_many_is_421_until_another_leaves(limit: dict[str, int]) -> None:
    async def talk(house: House) -> list[str]:
        first, second, third = [await house.peer() for _ in range(3)]
        replies = [(await peer.reply())[:9] for peer in (first, second, third)]
        replies.append(await third.reply())
        await first.says("QUIT")
        await first.rest()
        return [*replies, (await (await house.peer()).reply())[:3]]

    banner = "220 mx.ve"
    assert visit(talk, **limit) == [banner, banner, "421 4.7.0", "", "220"]


def test_a_silent_peer_is_told_421_and_closed() -> None:
    async def talk(house: House) -> list[str]:
        peer = await house.peer()
        return [reply[:9] for reply in await peer.rest()]

    assert visit(talk, idle_seconds=0.1) == ["220 mx.ve", "421 4.4.2"]


def test_a_peer_that_never_reads_is_cut_off() -> None:
    async def talk(house: House) -> None:
        peer = await house.peer()
        peer.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with pytest.raises(ConnectionError):
            while True:
                peer.send(b"EHLO client.example\r\n" * 1_000)  # the longest reply: what the system buffers is soon full
                await peer.writer.drain()

    visit(talk, idle_seconds=0.1, linger_seconds=0.1)


def test_a_mail_that_takes_too_long_as_a_whole_is_told_421() -> None:
    async def talk(house: House) -> tuple[list[str], list[bytes]]:
        peer = await (await house.peer()).hello()
        await peer.starts_data()
        peer.send(MAIL)
        return [reply[:9] for reply in await peer.rest()], house.intake.data

    assert visit(talk, data_seconds=0.1) == (["421 4.4.2"], [])


# When it goes wrong


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Temporary("database at /var/lib is locked"), "451 4.3.0 not now, please try again later"),
        (ValueError("SELECT * FROM intake"), "451 4.3.0 not now, please try again later"),
        (TimeoutError(), "451 4.3.0 not now, please try again later"),
        (Refused("not known here"), "550 5.7.1 not known here"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_mail_that_cannot_be_stored_is_answered_with_fixed_words(fault: Exception, expected: str) -> None:
    """[SP-13] And the session goes on."""

    async def talk(house: House) -> tuple[str, str]:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        peer = await (await house.peer()).hello()
        house.intake.fault = fault
        reply = await peer.delivers(MAIL)
        house.intake.fault = None
        return reply, await peer.delivers(MAIL)

    assert visit(talk) == (expected, "250 2.0.0 accepted as 9001")


def test_a_fault_of_ours_is_told_to_the_event_loop() -> None:
    fault = ValueError("a bug")

    async def talk(house: House) -> list[object]:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context.get("exception")))
        house.intake.fault = fault
        await (await (await house.peer()).hello()).delivers(MAIL)
        return told

    assert visit(talk) == [fault]


def test_a_fault_in_a_command_is_451_and_the_session_goes_on() -> None:
    async def run() -> tuple[str, str]:
        def broken(address: str) -> bool:
            raise KeyError(address)

        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        settings = DoorSettings(host="127.0.0.1", port=0, hostname="mx.vendor.example")
        intake = Intake()
        house = House(await open_door(settings, intake.accept, broken), intake)
        peer = await (await house.peer()).hello()
        await peer.says("MAIL FROM:<>")
        replies = await peer.says("RCPT TO:<service@vendor.example>"), await peer.says("NOOP")
        peer.writer.close()
        await house.door.close()
        return replies

    assert asyncio.run(run()) == ("451 4.3.0 not now, please try again later", "250 2.0.0 still here")


def test_a_commit_that_takes_too_long_is_451_and_goes_on() -> None:
    async def talk(house: House) -> tuple[str, list[bytes]]:
        peer = await (await house.peer()).hello()
        house.intake.gate.clear()
        reply = await peer.delivers(MAIL)
        house.intake.gate.set()
        await house.door.close()
        return reply, house.intake.data

    assert visit(talk, commit_seconds=0.1) == ("451 4.3.0 not now, please try again later", [MAIL])


@pytest.mark.parametrize("rudely", [False, True], ids=["FIN", "RST"])
def test_a_peer_that_leaves_after_the_dot_does_not_stop_the_commit(rudely: bool) -> None:
    """[SP-14]"""

    async def talk(house: House) -> list[bytes]:
        peer = await (await house.peer()).hello()
        house.intake.gate.clear()
        await peer.starts_data()
        peer.send(MAIL + b".\r\n")
        await house.intake.reached.wait()
        if rudely:
            peer.resets()
        else:
            peer.writer.close()
        other = await (await house.peer()).hello()  # by now the door has seen that the first one is gone
        await other.says("NOOP")
        house.intake.gate.set()
        await house.door.close()
        return house.intake.data

    assert visit(talk) == [MAIL]


def test_closing_waits_for_a_commit_whose_peer_is_gone() -> None:
    async def talk(house: House) -> list[bytes]:
        peer, idle = await (await house.peer()).hello(), await (await house.peer()).hello()
        house.intake.gate.clear()
        await peer.starts_data()
        peer.send(MAIL + b".\r\n")
        await house.intake.reached.wait()
        peer.resets()
        await idle.says("NOOP")
        asyncio.get_running_loop().call_later(0.1, house.intake.gate.set)  # the database answers while we close
        await house.door.close()
        return house.intake.data

    assert visit(talk) == [MAIL]


def test_a_peer_that_leaves_before_the_dot_leaves_no_mail() -> None:
    async def talk(house: House) -> list[bytes]:
        peer = await (await house.peer()).hello()
        await peer.starts_data()
        peer.send(MAIL + b".\r")
        peer.writer.write_eof()
        await peer.rest()
        return house.intake.data

    assert visit(talk) == []


# Opening and closing


def test_a_port_in_use_is_bad_config_that_names_it() -> None:
    async def run() -> str:
        async with a_house() as house:
            port = int(house.door.address.rpartition(":")[2])
            settings = DoorSettings(host="127.0.0.1", port=port, hostname="x", lmtp=True)
            with pytest.raises(BadConfig) as caught:
                await open_door(settings, house.intake.accept, lambda _: True)
            return caught.value.public.replace(str(port), "PORT")

    assert asyncio.run(run()) == (
        "cannot listen for mail on 127.0.0.1:PORT: another program listens there; stop it, "
        "or choose another port under [lmtp]"
    )


def test_an_address_that_is_not_ours_is_bad_config() -> None:
    async def run() -> None:
        settings = DoorSettings(host="192.0.2.1", port=0, hostname="x")
        with pytest.raises(BadConfig, match=r"192\.0\.2\.1:0: this machine does not have that address"):
            await open_door(settings, Intake().accept, lambda _: True)

    asyncio.run(run())


def test_closing_says_421_to_the_idle_and_lets_the_mail_under_way_be_answered() -> None:
    async def talk(house: House) -> tuple[list[str], list[str], list[bytes]]:
        idle = await (await house.peer()).hello()
        busy = await (await house.peer()).hello()
        house.intake.gate.clear()
        await busy.starts_data()
        busy.send(MAIL + b".\r\n")
        await house.intake.reached.wait()
        closing = asyncio.create_task(house.door.close())
        to_idle = await idle.rest()
        house.intake.gate.set()
        to_busy = await busy.rest()
        await closing
        return [reply[:9] for reply in to_idle], [reply[:9] for reply in to_busy], house.intake.data

    assert visit(talk) == (["421 4.3.2"], ["250 2.0.0", "421 4.3.2"], [MAIL])


def test_closing_ends_although_a_peer_does_not_finish_its_mail() -> None:
    async def talk(house: House) -> tuple[bytes, list[bytes]]:
        peer = await (await house.peer()).hello()
        await peer.starts_data()
        await house.door.close()
        with contextlib.suppress(ConnectionError):
            return await peer.reader.read(), house.intake.data
        return b"", house.intake.data

    assert visit(talk, drain_seconds=0.1) == (b"", [])


def test_a_closed_door_lets_nobody_in() -> None:
    async def talk(house: House) -> None:
        await house.door.close()
        with pytest.raises(ConnectionRefusedError):
            await house.peer()

    visit(talk)


# STARTTLS


def test_a_mail_over_starttls_and_what_was_said_before_is_forgotten() -> None:
    """[SP-04] Commands that came in plain text behind STARTTLS are never obeyed."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)

    async def talk(house: House) -> tuple[bool, list[str], str, bool, list[bytes]]:
        peer = await house.peer()
        await peer.reply()
        offered = "STARTTLS" in await peer.says("EHLO client.example")
        peer.send(b"STARTTLS\r\nMAIL FROM:<bob@customer.example>\r\nRCPT TO:<service@vendor.example>\r\n")
        before = (await peer.reply())[:3]
        await peer.writer.start_tls(client, server_hostname="127.0.0.1")
        replies = [before, (await peer.says("DATA"))[:3], (await peer.says("MAIL FROM:<>"))[:3]]
        offered_again = "STARTTLS" in await peer.says("EHLO client.example")
        return offered, replies, await peer.delivers(MAIL), offered_again, house.intake.data

    assert visit(talk, tls=server) == (
        True,
        ["220", "503", "503"],
        "250 2.0.0 accepted as 9001",
        False,
        [MAIL],
    )


def test_a_failed_handshake_ends_the_connection_and_frees_its_place() -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(server)

    async def talk(house: House) -> str:
        peer = await (await house.peer()).hello()
        await peer.says("STARTTLS")
        peer.send(b"this is no handshake\r\n")
        with contextlib.suppress(ConnectionError):
            await peer.reader.read()
        return (await (await house.peer()).reply())[:3]

    assert visit(talk, tls=server, connections=1) == "220"


def test_starttls_without_a_certificate_is_not_offered() -> None:
    assert codes("STARTTLS") == ["502"]


# LMTP


def test_lmtp_answers_once_for_each_recipient_and_stores_one_mail() -> None:
    """[SP-21]"""

    async def talk(house: House) -> tuple[list[str], list[str], list[Envelope]]:
        peer = await house.peer()
        banner = await peer.reply()
        commands = [
            *("HELO x", "EHLO x", "LHLO client.example", "MAIL FROM:<bob@customer.example>"),
            *("RCPT TO:<service@vendor.example>", "RCPT TO:<nobody@vendor.example>"),
            *("RCPT TO:<service+4711.k7q2mh3x@vendor.example>", "DATA"),
        ]
        replies = [banner, *[(await peer.says(command))[:3] for command in commands]]
        peer.send(MAIL + b".\r\nNOOP\r\n")
        answers = [await peer.reply() for _ in range(3)]
        return replies, answers, [envelope for envelope, _ in house.intake.mails]

    replies, answers, [envelope] = visit(talk, lmtp=True)
    assert replies == ["220 mx.vendor.example LMTP", "502", "502", "250", "250", "250", "550", "250", "354"]
    assert answers == ["250 2.0.0 accepted as 9001"] * 2 + ["250 2.0.0 still here"]
    assert envelope.transport == Transport.LMTP
    assert envelope.rcpt_to == ("service@vendor.example", "service+4711.k7q2mh3x@vendor.example")


@pytest.mark.parametrize(
    ("fault", "sent"), [(ValueError("a bug"), MAIL), (None, b"lone\n\r\n"), (None, b"x" * 2000 + b"\r\n")]
)
def test_lmtp_answers_once_for_each_recipient_also_when_it_fails(fault: Exception | None, sent: bytes) -> None:
    async def talk(house: House) -> list[str]:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        house.intake.fault = fault
        peer = await (await house.peer()).hello("LHLO")
        await peer.starts_data("service@vendor.example", "postmaster@vendor.example")
        peer.send(sent + b".\r\nNOOP\r\n")
        return [(await peer.reply())[0] for _ in range(3)]

    first, second, noop = visit(talk, lmtp=True, max_size=1000)
    assert first == second
    assert (first in "45", noop) == (True, "2")
