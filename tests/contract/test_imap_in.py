"""What a watcher of a mailbox does with servers that break off, keep silent or say what they should not (TESTPLAN J)."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from gateway.adapters.imap_box import Box, Mailbox, tls_context
from gateway.adapters.imap_in import Watcher, watchers
from gateway.errors import BadConfig, Unreachable
from gateway.services import post_room
from gateway.store import tables as t
from tests.scripted_imap import CAPABILITY, ScriptedImap
from tests.world import World, a_mail, settings

NAME = "support@127.0.0.1/INBOX"
MAILS = {uid: a_mail(message_id=f"<{uid}@customer.example>", body=f"Mail {uid} …") for uid in (3, 5, 9)}


@pytest.fixture
def world(migrated_sqlite: Path, tmp_path: Path) -> Iterator[World]:
    file = tmp_path / "casegate.db"
    shutil.copyfile(migrated_sqlite, file)
    made = World(f"sqlite:///{file}", tmp_path)
    yield made
    made.ports.db.close()


def watcher(world: World, server: ScriptedImap, password: str = "secret", **keys: Any) -> Watcher:
    mailbox = Mailbox(
        name=NAME,
        host="127.0.0.1",
        port=server.port,
        username="support",
        password=lambda: password,
        **{"security": "none", "start": "all", **keys},
    )
    return Watcher(mailbox, world.ports, lambda job: job())


def stored(world: World) -> list[str]:
    """The transport ids of what was accepted, in its order."""
    with world.ports.db.engine.connect() as tx:
        return list(tx.scalars(sa.select(t.intake.c.transport_id).order_by(t.intake.c.id)))


def ids(*uids: int, uidvalidity: int = 7) -> list[str]:
    return [f"imap:{NAME}:{uidvalidity}:{uid}" for uid in uids]


def alarm(world: World) -> str:
    """What the alarm of the mailbox says, "" without one."""
    standing = world.ports.db.read(post_room.standing, world.now, outbound=True, mailboxes=[NAME])
    found = {alarm.name: alarm.text for alarm in standing.alarms}
    assert set(found) <= {f"mailbox {NAME}"}
    return found.get(f"mailbox {NAME}", "")


def bodies(server: ScriptedImap) -> int:
    """How many commands asked for the bodies of mails."""
    return sum("BODY.PEEK[]" in said for said in server.said)


def test_mail_is_stored_as_it_is_and_only_peeked_at(world: World) -> None:
    """Oldest first, byte for byte, with the authserv-id of this mailbox and no envelope."""
    with ScriptedImap(MAILS) as server:
        watcher(world, server, authserv_id="mx.vendor.example").once()

        assert [{"\\Seen"}] * 3 == list(server.flags.values())
    assert ids(3, 5, 9) == stored(world)
    with world.ports.db.engine.connect() as tx:
        assert list(MAILS.values()) == list(tx.scalars(sa.select(t.raw_mail.c.data)))
        row = tx.execute(sa.select(t.intake)).first()
    assert row is not None
    assert (None, [], "mx.vendor.example", "imap") == (row.mail_from, row.rcpt_to, row.authserv_id, row.transport)
    assert not any("BODY[" in said or "RFC822)" in said for said in server.said)


@pytest.mark.parametrize("done", [None, "Done"])
def test_a_connection_that_breaks_anywhere_loses_nothing(world: World, done: str | None) -> None:
    """At each command in turn, before and after the server did what it was asked: one row a mail, and all put away."""
    with ScriptedImap(MAILS, capability=CAPABILITY) as server:
        watcher(world, server, done_mailbox=done).once()
        commands = len(server.said)
    assert ids(3, 5, 9) == stored(world)

    for uidvalidity, (number, after) in enumerate(((n, after) for n in range(commands) for after in (0, 1)), start=8):
        with ScriptedImap(MAILS) as server:
            server.uidvalidity = uidvalidity

            def breaks(command: str, server: ScriptedImap = server, number: int = number, after: int = after) -> Any:
                if len(server.said) == number + 1:
                    return [*(server._usual(command)[:-1] if after else []), "CLOSE"]
                return None

            server.script = breaks
            taker = watcher(world, server, done_mailbox=done)
            taker.once()
            assert alarm(world) != ""
            taker.once()

            assert "" == alarm(world)
            put_away = server.moved if done else server.flags
            assert [3, 5, 9] == sorted(put_away)
        assert sorted(ids(3, 5, 9, uidvalidity=uidvalidity)) == sorted(stored(world)[-3:])
        assert len(stored(world)) == len(set(stored(world)))


def test_nothing_is_fetched_twice(world: World) -> None:
    """Neither by the next look, nor while the server refuses to move what was stored (IM-09)."""
    with ScriptedImap(MAILS) as server:
        server.script = lambda command: ["TAG NO [OVERQUOTA] no room"] if "MOVE" in command else None
        for _ in range(3):
            watcher(world, server, done_mailbox="Done").once()
        assert (1, True) == (bodies(server), "no room" in alarm(world))

        server.script = lambda _: None
        watcher(world, server, done_mailbox="Done").once()
        watcher(world, server, done_mailbox="Done").once()

        assert (1, "", [3, 5, 9]) == (bodies(server), alarm(world), sorted(server.moved))
    assert ids(3, 5, 9) == stored(world)


def test_mail_that_vanishes_between_search_and_fetch_is_skipped(world: World) -> None:
    """IM-02: another client was faster; no alarm, and the others are taken."""
    with ScriptedImap(MAILS) as server:

        def vanishes(command: str) -> None:
            if "RFC822.SIZE" in command:
                server.mails.pop(3, None)
            if "BODY.PEEK" in command:
                server.mails.pop(5, None)

        server.script = vanishes
        watcher(world, server).once()

    assert (ids(9), "") == (stored(world), alarm(world))


def test_a_mailbox_whose_only_mail_vanishes_is_no_alarm(world: World) -> None:
    """IM-02: only what is listed again and not given again is odd."""
    with ScriptedImap({3: MAILS[3]}) as server:
        server.script = lambda command: ["TAG OK done"] if "RFC822.SIZE" in command else None
        watcher(world, server).once()

    assert ([], "") == (stored(world), alarm(world))


@pytest.mark.parametrize("answer", ["* 2 FETCH (UID 5 BODY[] NIL)", "* 7 EXISTS", "* 2 FETCH (UID 5 FLAGS (\\Seen))"])
def test_mail_that_is_listed_and_not_given_is_told_and_taken_when_it_is(world: World, answer: str) -> None:
    """IM-02: a body that is NIL or not there; what the server says unasked does no harm."""
    with ScriptedImap(MAILS) as server:

        def withholds(command: str) -> list[str] | None:
            if "BODY.PEEK" not in command:
                return None
            usual = [line for line in server._usual(command) if "UID 5 " not in line]
            return ["* 1 FETCH (FLAGS (\\Flagged))", answer, "* 4 EXPUNGE", *usual]

        server.script = withholds
        watcher(world, server).once()
        assert (ids(3, 9), True) == (stored(world), "UID 5" in alarm(world))

        server.script = lambda _: None
        watcher(world, server).once()

    assert (ids(3, 9, 5), "") == (stored(world), alarm(world))


def test_a_mail_that_is_too_large_is_not_fetched(world: World) -> None:
    """IM-13: and what came behind it is; nothing of it is downloaded, at no look."""
    with ScriptedImap({**MAILS, 4: b"Subject: x\r\n\r\n" + b"x" * 2000}) as server:
        for _ in range(2):
            watcher(world, server, max_size=1000).once()

        assert ("UID 4" in alarm(world), {3, 5, 9}) == (True, set(server.flags))
        assert not any("BODY.PEEK" in said and "4" in said for said in server.said)
        del server.mails[4]
        watcher(world, server, max_size=1000).once()

    assert (ids(3, 5, 9), "") == (stored(world), alarm(world))


def test_servers_that_offer_no_starttls_learn_no_password(world: World) -> None:
    """IM-14: somebody in between may have removed it, or says that we are logged in already."""
    for greeting in ("* OK hello", "* PREAUTH welcome"):
        with ScriptedImap(MAILS) as server:
            server.greeting = greeting
            watcher(world, server, security="starttls", tls=tls_context("starttls", None)).once()

            assert not any(said.startswith(("LOGIN", "AUTHENTICATE", "SELECT")) for said in server.said)
        assert alarm(world) != ""
    assert [] == stored(world)


def test_a_password_of_two_lines_is_not_sent(world: World) -> None:
    """CVE-2025-15366: the second line would be a command."""
    with ScriptedImap(MAILS) as server:
        watcher(world, server, password="a\r\nx DELETE INBOX").once()

        assert [] == server.said
    assert "more than one line" in alarm(world)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("TAG NO [AUTHENTICATIONFAILED] no", "the login was refused"),
        ("TAG NO [UNAVAILABLE] later", "broke off"),
        ("CLOSE", "broke off"),
        ("what?", "broke off"),
    ],
)
def test_only_a_refused_login_is_the_passwords_fault(world: World, answer: str, text: str) -> None:
    """A server that is restarted in that moment is tried again soon."""
    with ScriptedImap(MAILS) as server:
        server.script = lambda command: [answer] if command.startswith("LOGIN") else None
        watcher(world, server).once()

    assert text in alarm(world)


@pytest.mark.parametrize("greeting", ["* BYE too busy", "220 mail.example ESMTP", "\x00" * 50])
def test_what_is_no_imap_server_is_told(world: World, greeting: str) -> None:
    """And nothing is sent to it."""
    with ScriptedImap(MAILS) as server:
        server.greeting = greeting
        watcher(world, server).once()

        assert not any(said.startswith("LOGIN") for said in server.said)
    assert alarm(world) != ""


def test_a_mailbox_for_reading_only_or_without_lasting_numbers_is_told(world: World) -> None:
    """Nothing is taken that could not be put away, or not be known again."""
    for answer in (
        ["* 1 EXISTS", "* OK [UIDVALIDITY 7] v", "TAG OK [READ-ONLY] done"],
        ["* 1 EXISTS", "* OK [UIDNEXT 2] next", "TAG OK [READ-WRITE] done"],
        ["TAG NO [NONEXISTENT] no such mailbox"],
    ):
        with ScriptedImap(MAILS) as server:
            server.script = lambda command, answer=answer: answer if command.startswith("SELECT") else None  # type: ignore[misc]
            watcher(world, server).once()
        assert alarm(world) != ""
    assert [] == stored(world)


@pytest.mark.parametrize("silent_at", ["LOGIN", "SELECT", "UID SEARCH", "UID FETCH", "IDLE", "DONE"])
def test_a_watcher_ends_at_once_whatever_it_waits_for(world: World, silent_at: str) -> None:
    """A server that keeps silent keeps nobody from stopping."""
    with ScriptedImap(MAILS) as server:

        def silent(command: str) -> list[str] | None:
            if command.startswith(silent_at):
                return ["+ idling", "HANG"] if silent_at == "IDLE" else ["HANG"]
            return ["+ idling", "* 4 EXISTS"] if command == "IDLE" else None

        server.script = silent
        taker = watcher(world, server)
        taker.start()
        server.wait_for(silent_at)
        taker.stop()
        taker._thread.join(60)  # far below the time limits of the connection

        assert not taker._thread.is_alive()


@pytest.mark.parametrize(
    ("words", "is_lost"),
    [
        (["* OK still here", "* 4 EXISTS"], False),
        (["* 4 EXPUNGE"], False),
        (["CLOSE"], True),
        (["* BYE I am going", "CLOSE"], True),
        (["what?"], True),
    ],
)
def test_idle_ends_by_news_or_by_the_end_of_the_connection(words: list[str], is_lost: bool) -> None:
    """Long before its time; imapclient itself would turn in circles when the server has gone."""
    with ScriptedImap(MAILS) as server:
        server.script = lambda command: ["+ idling", *words] if command == "IDLE" else None
        box = Box(
            Mailbox(name=NAME, host="127.0.0.1", port=server.port, security="none", username="x", password=lambda: "x")
        )
        ended: list[bool] = []

        def wait() -> None:
            try:
                box.wait(3600)
            except Unreachable:
                ended.append(True)
            else:
                ended.append(False)

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        thread.join(60)
        box.close()

    assert [is_lost] == ended


def test_the_servers_word_ends_the_wait(world: World) -> None:
    """IDLE: what comes while we wait is taken, "still here" is not news, and a lost connection is made anew."""
    with ScriptedImap(MAILS) as server:
        words = iter([["+ idling", "* OK still here", "* 4 EXISTS"], ["+ idling", "CLOSE"]])

        def tells(command: str) -> list[str] | None:
            if command == "IDLE":
                server.mails[10 + len(server.mails)] = a_mail(message_id=f"<{len(server.mails)}@customer.example>")
                return next(words, None)
            return None

        server.script = tells
        taker = watcher(world, server)
        taker.start()
        server.wait_for("IDLE", 3)
        taker.stop()
        taker._thread.join(60)

        assert 2 == sum(said.startswith("LOGIN") for said in server.said)
    assert ids(3, 5, 9, 13, 14) == stored(world)


def test_a_mailbox_is_configured_once_and_moved_elsewhere(world: World, tmp_path: Path) -> None:
    """Else two would share a ledger, or mail would go round for ever; and no name has two lines (IM-17)."""
    (tmp_path / "password").write_text("secret")
    section = {"host": "imap.vendor.example", "username": "support", "password_file": tmp_path / "password"}
    for wrong in ({"done_mailbox": "inbox"}, {"mailbox": "A", "done_mailbox": "A"}, {"mailbox": "A\r\nx LOGOUT"}):
        with pytest.raises(ValidationError):
            settings(imap=[{**section, **wrong}])

    with pytest.raises(BadConfig, match="twice"):
        watchers(settings(imap=[section, section]), world.ports, lambda job: job())
    assert [] == watchers(settings(), world.ports, lambda job: job())


def test_an_unusable_file_is_told_before_anything_starts(world: World, tmp_path: Path) -> None:
    """Exit 3 and the name of the file, not an alarm at night."""
    section = {"host": "imap.vendor.example", "username": "support", "password_file": tmp_path / "password"}
    with pytest.raises(BadConfig, match="password"):
        watchers(settings(imap=[section]), world.ports, lambda job: job())

    (tmp_path / "password").write_text("secret")
    section["ca_file"] = tmp_path / "password"
    with pytest.raises(BadConfig, match="ca_file"):
        watchers(settings(imap=[section]), world.ports, lambda job: job())
