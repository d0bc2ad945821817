"""What a watcher of a mailbox takes from a real Dovecot; `e2e/test_imap.py` has the daemon around it."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.adapters.imap_box import Mailbox, tls_context
from gateway.adapters.imap_in import Watcher
from gateway.services import post_room
from tests.dovecot import PASSWORD, Dovecot, dovecot
from tests.world import World, a_mail

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def shared() -> Iterator[Dovecot]:
    with dovecot() as made:
        yield made


@pytest.fixture
def server(shared: Dovecot, tmp_path: Path) -> Dovecot:
    """One server for all, and a user of its own for each test."""
    shared.user = f"{tmp_path.name}@vendor.example"
    return shared


@pytest.fixture
def world(migrated_sqlite: Path, tmp_path: Path) -> Iterator[World]:
    file = tmp_path / "casegate.db"
    shutil.copyfile(migrated_sqlite, file)
    made = World(f"sqlite:///{file}", tmp_path)
    yield made
    made.ports.db.close()


def look(world: World, server: Dovecot, *, ca_file: Path | None = None, **keys: Any) -> list[str]:
    """Take what the mailbox has, and handle it; the decisions."""
    security = keys.setdefault("security", "tls")
    mailbox = Mailbox(
        name="the mailbox",
        host="127.0.0.1",
        port=server.imaps if security == "tls" else server.imap,
        username=server.user,
        password=lambda: PASSWORD,
        tls=tls_context(security, ca_file or server.ca),
        **keys,
    )
    Watcher(mailbox, world.ports, lambda job: job()).once()
    made = []
    while decisions := world.handle():
        made += [decision.kind.value for decision in decisions]
    return made


def alarm(world: World) -> str:
    """What the alarm of the mailbox says, "" without one."""
    standing = world.ports.db.read(post_room.standing, world.now, outbound=True)
    return next((alarm.text for alarm in standing.alarms if alarm.name == "mailbox the mailbox"), "")


def texts(world: World) -> list[str]:
    """What the customers wrote, by case."""
    return [world.case(number).messages[0].text.strip() for number in sorted(world.cases())]


def numbered(*numbers: int) -> list[bytes]:
    return [a_mail(message_id=f"<{number}@customer.example>", body=f"Number {number}.") for number in numbers]


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
def test_mail_comes_by_each_security(world: World, server: Dovecot, security: str) -> None:
    """With a password that is not ASCII, and done_mailbox made."""
    server.deliver(*numbered(1))

    assert ["new_case"] == look(world, server, security=security, done_mailbox="Casegate/Done")
    assert ({}, 1) == (server.flags(), len(server.flags("Casegate/Done")))


@pytest.mark.parametrize(("start", "taken"), [("unseen", 1), ("all", 2), ("new", 0)])
def test_what_of_a_full_mailbox_is_taken(world: World, server: Dovecot, start: str, taken: int) -> None:
    """Only on the first day; then the ledger decides, and no flag."""
    server.deliver(*numbered(1), seen=True)
    server.deliver(*numbered(2))
    assert ["new_case"] * taken == look(world, server, start=start)
    server.deliver(*numbered(3), seen=True)
    with server.login() as client:  # somebody looks at old mail, and marks it as unread
        client.select_folder("INBOX")
        client.remove_flags(client.search("ALL"), [rb"\Seen"])

    assert ["new_case"] == look(world, server, start=start)
    assert [*["Number 1.", "Number 2."][2 - taken :], "Number 3."] == texts(world)


def test_new_uids_do_not_bring_up_what_was_there_before_us(world: World, server: Dovecot) -> None:
    """Of old mail that was never ours only the date tells, once all UIDs have changed."""
    old = numbered(0)[0]
    with server.login() as client:
        client.create_folder("Support")
    server.deliver(old, folder="Support")
    assert [] == look(world, server, mailbox="Support", start="new")
    server.deliver(*numbered(1), folder="Support")
    assert ["new_case"] == look(world, server, mailbox="Support", start="new")
    with server.login() as client:
        client.delete_folder("Support")
        client.create_folder("Support")
        client.append("Support", old, msg_time=datetime(2020, 1, 1, tzinfo=UTC))
    server.deliver(*numbered(1, 2), folder="Support")

    assert ["duplicate", "new_case"] == look(world, server, mailbox="Support", start="new")
    assert ["Number 1.", "Number 2."] == texts(world)


def test_new_uids_leave_no_unseen_mail_behind(world: World, server: Dovecot) -> None:
    """What was restored with its old date, and was never taken, is taken: it is unseen."""
    with server.login() as client:
        client.create_folder("Support")
    assert [] == look(world, server, mailbox="Support")
    with server.login() as client:
        client.delete_folder("Support")
        client.create_folder("Support")
        for mail, flags in zip(numbered(1, 2), ([], [rb"\Seen"]), strict=True):
            client.append("Support", mail, flags=flags, msg_time=datetime(2020, 1, 1, tzinfo=UTC))

    assert ["new_case"] == look(world, server, mailbox="Support")
    assert ["Number 1."] == texts(world)


def test_a_strangers_certificate_is_refused_before_any_login(world: World, server: Dovecot, tmp_path: Path) -> None:
    """IM-14: nobody learns the password."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    for security in ("tls", "starttls"):
        assert [] == look(world, server, security=security, ca_file=other)
        assert "certificate" in alarm(world)
    assert server.user not in server.log()


def test_a_certificate_for_another_name_is_refused_before_any_login(world: World) -> None:
    """IM-14."""
    with dovecot(host="imap.elsewhere.example") as server:
        for security in ("tls", "starttls"):
            assert [] == look(world, server, security=security)
            assert "certificate" in alarm(world)
        assert server.user not in server.log()


def test_a_server_in_the_clear_is_no_server_for_tls(world: World, server: Dovecot) -> None:
    """A port that was mixed up is told as a matter of configuration."""
    server.imaps, imaps = server.imap, server.imaps
    try:
        assert [] == look(world, server)
    finally:
        server.imaps = imaps
    assert "no TLS" in alarm(world)


def test_a_mail_that_is_too_large_stays_and_is_told(world: World, server: Dovecot) -> None:
    """IM-13: the mail behind it is taken; when it is moved away the alarm ends."""
    server.deliver(a_mail(body="x" * 30_000), *numbered(1))
    assert ["new_case"] == look(world, server, max_size=20_000, done_mailbox="Done")
    assert [] == look(world, server, max_size=20_000, done_mailbox="Done")
    assert ([1], True) == (list(server.flags()), "UID 1" in alarm(world))

    with server.login() as client:
        client.select_folder("INBOX")
        client.move([1], "Done")
    assert [] == look(world, server, max_size=20_000, done_mailbox="Done")

    assert "" == alarm(world)


def test_a_mail_that_was_too_large_is_taken_when_it_may_be(world: World, server: Dovecot) -> None:
    """An operator who raises max_size need not do more."""
    server.deliver(a_mail(body="x" * 30_000))
    assert [] == look(world, server, max_size=20_000)

    assert ["new_case"] == look(world, server, max_size=40_000)


def test_mail_that_cannot_be_moved_is_taken_once(world: World, server: Dovecot) -> None:
    """IM-09: the done mailbox can't be made; nothing is handled again, and all is moved when it can be."""
    server.deliver(*numbered(1, 2))
    assert ["new_case"] * 2 == look(world, server, done_mailbox="a//b")
    server.deliver(*numbered(3))
    assert ["new_case"] == look(world, server, done_mailbox="a//b")
    assert (3, True) == (len(server.flags()), "put away" in alarm(world))

    assert [] == look(world, server, done_mailbox="Done")

    assert (0, 3, "") == (len(server.flags()), len(server.flags("Done")), alarm(world))


@pytest.mark.parametrize(("capability", "left"), [("IMAP4rev1 UIDPLUS", {1}), ("IMAP4rev1", {1, 2, 3})])
def test_a_server_without_move(world: World, capability: str, left: set[int]) -> None:
    """IM-08: copied, and only our own are expunged, if that can be said; mail that others deleted stays."""
    with dovecot(capability=capability) as server:
        server.deliver(*numbered(1), seen=True)
        with server.login() as client:
            client.select_folder("INBOX")
            client.add_flags([1], [rb"\Deleted"])
        server.deliver(*numbered(2, 3))
        assert ["new_case"] * 2 == look(world, server, done_mailbox="Done")

        assert [] == look(world, server, done_mailbox="Done")

        assert (left, 2) == (set(server.flags()), len(server.flags("Done")))
        assert all(rb"\Deleted" in flags for flags in server.flags().values())


def test_many_mails_are_taken_oldest_first(world: World, server: Dovecot) -> None:
    """IM-11, in small: several batches."""
    with server.login() as client:
        client.multiappend("INBOX", numbered(*range(130)))

    assert ["new_case"] * 130 == look(world, server, done_mailbox="Done")
    assert [f"Number {number}." for number in range(130)] == texts(world)
    assert ({}, 130) == (server.flags(), len(server.flags("Done")))
