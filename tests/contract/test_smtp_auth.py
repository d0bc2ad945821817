"""Logging in over SMTP, byte by byte, and the file of those who may; names in brackets are rows of TESTPLAN."""

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trustme
from structlog.testing import capture_logs

from gateway.adapters.smtp_users import Users, read_users, user_line
from gateway.domain.post import Envelope
from gateway.errors import BadConfig, BadUsage
from tests.cli.typist import run
from tests.contract.test_smtp_in import MAIL, House, Peer, visit

NAME, PASSWORD = "relay1", "correct horse battery"
TOO_MANY = "421 4.7.0 too many wrong passwords, good-bye"


@cache
def line() -> str:
    return user_line(NAME, PASSWORD, bytes(range(16)))


@pytest.fixture
def users(tmp_path: Path) -> Users:
    (tmp_path / "users").write_text(f"# who may\n\n{line()}\n")
    return read_users(tmp_path / "users")


def encoded(*words: str) -> str:
    return base64.b64encode("\0".join(words).encode()).decode()


GOOD, BAD = encoded("", NAME, PASSWORD), encoded("", NAME, "wrong password")


def over_tls(users: Users, talk: Callable[[House, Peer], Awaitable[Any]]) -> Any:
    """What `talk` returns, said over TLS after EHLO."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)

    async def start(house: House) -> Any:
        peer = await (await house.peer()).hello()
        await peer.says("STARTTLS")
        await peer.writer.start_tls(client, server_hostname="127.0.0.1")
        await peer.says("EHLO client.example")
        return await talk(house, peer)

    return visit(start, tls=server, users=users)


def replies(users: Users, *commands: str) -> list[str]:
    async def talk(_house: House, peer: Peer) -> list[str]:
        return [(await peer.says(command))[:3] for command in commands]

    said: list[str] = over_tls(users, talk)
    return said


def test_a_login_is_offered_over_tls_only(users: Users) -> None:
    """[SP-05]"""

    async def plainly(house: House) -> tuple[bool, str]:
        peer = await house.peer()
        await peer.reply()
        return "AUTH" in await peer.says("EHLO client.example"), await peer.says(f"AUTH PLAIN {GOOD}")

    async def safely(_house: House, peer: Peer) -> bool:
        return "AUTH PLAIN LOGIN" in await peer.says("EHLO client.example")

    assert (False, "538 5.7.11 log in over TLS only") == visit(plainly, users=users)
    assert over_tls(users, safely)


@pytest.mark.parametrize(
    "commands",
    [
        [f"AUTH PLAIN {GOOD}"],
        [f"auth plain {encoded(NAME, NAME, PASSWORD)}"],
        ["AUTH PLAIN", GOOD],
        ["AUTH LOGIN", encoded(NAME), encoded(PASSWORD)],
        [f"AUTH LOGIN {encoded(NAME)}", encoded(PASSWORD)],
    ],
    ids=lambda commands: f"{commands[0][:10]}, {len(commands)} lines",
)
def test_who_logged_in_is_named_in_the_envelope(users: Users, commands: list[str]) -> None:
    """[SI-16]"""

    async def talk(house: House, peer: Peer) -> tuple[list[str], Envelope]:
        said = [(await peer.says(command))[:3] for command in commands]
        await peer.delivers(MAIL)
        return said, house.intake.mails[0][0]

    said, envelope = over_tls(users, talk)
    assert ["334"] * (len(commands) - 1) + ["235"] == said
    assert envelope.login == NAME


def test_without_a_login_nobody_is_named(users: Users) -> None:
    async def talk(house: House, peer: Peer) -> Envelope:
        await peer.says(f"AUTH PLAIN {BAD}")
        await peer.delivers(MAIL)
        return house.intake.mails[0][0]

    assert over_tls(users, talk).login is None


def test_a_few_wrong_passwords_end_the_connection(users: Users) -> None:
    """[SP-05]"""

    async def talk(_house: House, peer: Peer) -> list[str]:
        for _ in range(10):
            peer.send(f"AUTH PLAIN {BAD}\r\n".encode())
        return await peer.rest()

    assert ["535 5.7.8 this name and password do not belong together"] * 3 + [TOO_MANY] == over_tls(users, talk)


def test_nothing_of_a_login_is_logged(users: Users) -> None:
    """[SP-05]"""
    with capture_logs() as logged:
        replies(users, f"AUTH PLAIN {BAD}", f"AUTH PLAIN {GOOD}")
    assert [{"event": "login.refused", "log_level": "warning", "peer": "127.0.0.1"}] == logged


@pytest.mark.parametrize(
    "wrong",
    [
        encoded("", NAME, ""),
        encoded("", "nobody", PASSWORD),
        encoded("", NAME.upper(), PASSWORD),
        encoded("", "", ""),
    ],
)
def test_only_name_and_password_together_open(users: Users, wrong: str) -> None:
    assert ["535"] == replies(users, f"AUTH PLAIN {wrong}")


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        (["AUTH", "AUTH CRAM-MD5", f"AUTH {GOOD}"], ["504", "504", "504"]),
        (["AUTH PLAIN", "*", f"AUTH PLAIN {GOOD}"], ["334", "501", "235"]),
        (["AUTH LOGIN", "*", "NOOP"], ["334", "501", "250"]),
        (["AUTH PLAIN !!!", "AUTH PLAIN =", "AUTH PLAIN /w=="], ["501", "501", "501"]),
        ([f"AUTH PLAIN {encoded(NAME)}", f"AUTH PLAIN {encoded('other', NAME, PASSWORD)}"], ["501", "501"]),
        ([f"AUTH PLAIN {GOOD}", f"AUTH PLAIN {GOOD}"], ["235", "503"]),
        (["MAIL FROM:<>", f"AUTH PLAIN {GOOD}"], ["250", "503"]),
        (["HELO x.example", f"AUTH PLAIN {GOOD}"], ["250", "503"]),
    ],
)
def test_how_a_login_is_written(users: Users, commands: list[str], expected: list[str]) -> None:
    assert expected == replies(users, *commands)


def test_an_answer_that_does_not_end_ends_the_connection(users: Users) -> None:
    async def talk(_house: House, peer: Peer) -> list[str]:
        await peer.says("AUTH PLAIN")
        peer.send(b"x" * 100_000)
        try:
            return [reply[:3] for reply in await peer.rest()]
        except (ConnectionError, ssl.SSLError):
            return ["421"]

    assert "421" == over_tls(users, talk)[0]


def test_a_peer_that_leaves_while_it_logs_in_is_no_fault_of_ours(users: Users) -> None:
    async def talk(_house: House, peer: Peer) -> list[object]:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
        peer.send(f"AUTH PLAIN {GOOD}\r\n".encode())
        peer.resets()
        return told

    assert [] == over_tls(users, talk)


# The file


@pytest.mark.parametrize(
    "wrong",
    [
        "relay2",
        "relay2:plain password",
        "relay 2:" + line().partition(":")[2],
        line().replace("ln=15", "ln=30").replace(NAME, "relay2"),
        line().replace("r=8", "r=0").replace(NAME, "relay2"),
        line()[:-4].replace(NAME, "relay2"),
        line().replace("$AAEC", "$!!!!").replace(NAME, "relay2"),
        line(),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, wrong: str) -> None:
    """The last one is a name for the second time. Nothing of a line is shown: it may be a password."""
    file = tmp_path / "users"
    file.write_text(f"{line()}\n\n{wrong}\n")
    with pytest.raises(BadConfig) as caught:
        read_users(file)
    expected = f"{file}:3: no line of `casegate smtp-user NAME`, or a name for the second time"
    assert caught.value.public == expected


def test_a_file_that_is_not_there_is_bad_config(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="No such file or directory; `casegate smtp-user NAME` writes its lines"):
        read_users(tmp_path / "users")


@pytest.mark.parametrize(("name", "password"), [("a b", PASSWORD), ("", PASSWORD), ("a:b", PASSWORD), (NAME, "short")])
def test_a_line_is_made_of_a_plain_name_and_a_long_password(name: str, password: str) -> None:
    with pytest.raises(BadUsage):
        user_line(name, password, bytes(16))


def test_a_command_writes_the_line(tmp_path: Path) -> None:
    said = run("smtp-user", NAME, stdin=f"{PASSWORD}\n")
    (tmp_path / "users").write_text(said.out)
    found = read_users(tmp_path / "users")
    assert [True, False] == [found.may_enter(NAME, password) for password in (PASSWORD, f"{PASSWORD}\n")]
    assert 2 == run("smtp-user", NAME, stdin="short\n").code
