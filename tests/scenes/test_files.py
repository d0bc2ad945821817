"""Files that come with mail: too large, seen before, refused by the scanner, encrypted; on both databases."""

import asyncio
import base64
import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.adapters.scanner import CommandScanner
from gateway.app import Gateway
from gateway.domain.actions import AgentReply, Fire
from gateway.domain.model import CaseNumber, Contact, ContactId
from gateway.domain.post import ParsedMail, RawMail
from gateway.errors import Conflict, NotFound
from gateway.loops import Bell
from gateway.mail.parse import read_mail
from gateway.scanning import Scanning, Unscanned
from gateway.services import inbound, post_room
from gateway.store import people
from gateway.store import tables as t
from gateway.store.db import Database
from gateway.writer import Writer
from tests.crash.launcher import InProcess
from tests.world import World, a_mail, a_world, settings

FIRST = CaseNumber(1001)
ALICE, BOB, CARL = "alice@vendor.example", "bob@customer.example", "carl@customer.example"
LIMIT = 2_000
BIG = b"b" * (LIMIT + 1)
LOGO = b"\x89PNG logo"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(database_url, tmp_path, limits={"attachment": LIMIT}) as made:
        yield made


def part(data: bytes, name: str = "dump.bin", kind: str = "application/octet-stream", *, cid: str = "") -> str:
    place = f"inline\nContent-ID: <{cid}>" if cid else f"attachment; filename={name}"
    encoded = base64.encodebytes(data).decode()
    return f"Content-Type: {kind}\nContent-Transfer-Encoding: base64\nContent-Disposition: {place}\n\n{encoded}"


def logo(data: bytes = LOGO) -> str:
    return part(data, kind="image/png", cid="logo")


def with_files(*parts: str, text: str = "See there.", **more: str) -> bytes:
    body = "\n--b\n".join((f"--b\n\n{text}", *parts))
    return a_mail(body=f"{body}\n--b--", mime_version="1.0", content_type="multipart/mixed; boundary=b", **more)


def files(world: World, number: int = 1001) -> list[list[tuple[str, str]]]:
    """(name, state) of the files of each message of a case."""
    return [[(file.name, file.state) for file in message.attachments] for message in world.case(number).messages]


def mails_to(world: World, address: str) -> list[tuple[str, str]]:
    """(kind, text) of what somebody is owed."""
    found = []
    for mail in world.outbox():
        plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
        assert plain is not None
        assert html is not None
        if address in mail["To"]:
            found.append((mail["X-Test-Kind"], f"{plain.get_content()}\n{html.get_content()}"))
    return found


def told_twice(text: str, *words: str) -> bool:
    """In the plain text and in the HTML."""
    return all(text.count(word) >= 2 for word in words)


def test_a_file_over_the_limit_is_refused_and_the_mail_is_not(world: World) -> None:
    """The acknowledgement explains it, the case and the agents' notice say it; its bytes are not kept."""
    world.mail(with_files(part(BIG), part(b"small", "log.txt")))

    message = world.case().messages[0]
    assert [[("dump.bin", "too_large"), ("log.txt", "kept")]] == files(world)
    assert "See there." == message.text.strip()
    with pytest.raises(NotFound):
        world.ports.blobs.get(message.attachments[0].sha256)
    assert b"small" == world.ports.blobs.get(message.attachments[1].sha256)
    ((kind, ack),) = mails_to(world, BOB)
    assert ("case_opened", True) == (kind, told_twice(ack, "dump.bin (2.0 kB)", "up to 2.0 kB", "in parts"))
    assert "log.txt" not in ack
    ((kind, notice),) = mails_to(world, ALICE)
    assert ("case_opened", True) == (kind, told_twice(notice, "dump.bin (2.0 kB): too large", "log.txt (5 bytes)"))


def test_a_reply_with_such_a_file_is_answered_to_its_writer_alone(world: World) -> None:
    """No other notice would reach the writer; a colleague on the case reads the reply only."""
    world.mail(a_mail(cc=CARL))
    token = world.ports.tokens.mint(1001)
    world.mail(with_files(part(BIG), subject=token, message_id="<2@customer.example>"))

    kind, answer = mails_to(world, BOB)[-1]
    assert ("attachment_refused", True) == (kind, told_twice(answer, "dump.bin (2.0 kB)", "case 1001"))
    (refusal,) = [mail for mail in world.outbox() if mail["X-Test-Kind"] == "attachment_refused"]
    assert ("auto-replied", "<2@customer.example>") == (refusal["Auto-Submitted"], refusal["In-Reply-To"])
    kind, copy = mails_to(world, CARL)[-1]
    assert ("customer_wrote", False) == (kind, "dump.bin" in copy)


def test_the_mail_that_wins_carries_the_explanation(world: World) -> None:
    """A reply that reopens its case is answered with a status notice; one mail, not two."""
    world.mail(a_mail())
    world.act(Fire(case=FIRST, actor=world.alice, trigger="resolve"))
    before = len(mails_to(world, BOB))
    world.mail(with_files(part(BIG), subject=world.ports.tokens.mint(1001), message_id="<2@customer.example>"))

    ((kind, text),) = mails_to(world, BOB)[before:]
    assert ("status_changed", True) == (kind, told_twice(text, "dump.bin (2.0 kB)", "up to 2.0 kB"))


@pytest.mark.parametrize("mark", [{"precedence": "bulk"}, {"auto_submitted": "auto-replied"}])
def test_what_a_machine_may_have_sent_is_never_answered(world: World, mark: dict[str, str]) -> None:
    """The case has the mail all the same."""
    world.mail(a_mail())
    before = mails_to(world, BOB)
    world.mail(with_files(part(BIG), subject=world.ports.tokens.mint(1001), message_id="<2@customer.example>", **mark))
    assert before == mails_to(world, BOB)
    assert [[], [("dump.bin", "too_large")]] == files(world)


def test_nothing_is_unpacked(world: World, tmp_path: Path) -> None:
    """MT-08: an archive that would fill the disk, and a picture that would fill the memory, are their bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1_000_000))
    huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 60_000, 60_000)
    world.mail(with_files(part(packed.getvalue(), "bomb.zip", "application/zip"), part(huge, "huge.png", "image/png")))
    blobs = [path.read_bytes() for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert sorted([packed.getvalue(), huge]) == sorted(blobs)


def test_a_logo_is_shown_once_for_each_account(world: World) -> None:
    """A screenshot that is pasted into a text is shown, a logo that came before is folded away."""
    shot = part(b"\x89PNG screen", kind="image/png", cid="shot")
    world.mail(with_files(logo()))
    token = world.ports.tokens.mint(1001)
    world.mail(with_files(logo(), shot, subject=token, message_id="<2@customer.example>"))
    world.mail(with_files(logo(), sender=CARL, message_id="<3@customer.example>"))
    world.mail(with_files(logo(), sender="eve@other.example", message_id="<4@other.example>"))

    assert [["kept"], ["repeated", "kept"]] == [[state for _, state in found] for found in files(world)]
    assert ["repeated"] == [state for _, state in files(world, 1002)[0]]
    assert ["kept"] == [state for _, state in files(world, 1003)[0]]
    sha256 = world.case().messages[1].attachments[0].sha256
    assert LOGO == world.ports.blobs.get(sha256)
    _, notice = mails_to(world, ALICE)[1]
    assert "part-3.png (11 bytes)" in notice
    assert "part-2.png" not in notice


def test_a_guests_logo_is_known_on_another_accounts_case(world: World) -> None:
    world.mail(a_mail())
    with world.ports.db.begin() as tx:
        people_on = {"case_number": 1001, "party": str(world.eve), "position": 0}
        tx.execute(sa.insert(t.participant), people_on)
        tx.execute(sa.insert(t.event), joined(world))
        tx.execute(sa.update(t.cases).values(version=t.cases.c.version + 1))
    for number in (2, 3):
        subject = world.ports.tokens.mint(1001)
        world.mail(
            with_files(logo(), sender="eve@other.example", subject=subject, message_id=f"<{number}@other.example>")
        )
    assert [[], [("part-2.png", "kept")], [("part-2.png", "repeated")]] == files(world)


def joined(world: World) -> dict[str, object]:
    return {
        "case_number": 1001, "at": world.now, "actor": str(world.alice), "cause": "cli:x", "step": 0,
        "event": "participant_added", "detail": {"party": str(world.eve)},
    }  # fmt: skip


def test_thanks_under_a_known_logo_are_only_thanks(world: World) -> None:
    world.mail(with_files(logo()))
    world.act(AgentReply(case=FIRST, actor=world.alice, text="Restart it."))
    world.act(Fire(case=FIRST, actor=world.alice, trigger="resolve"))
    token = world.ports.tokens.mint(1001)
    thanks = {"text": "Thank you, works now.", "subject": token}
    world.mail(with_files(logo(), message_id="<2@customer.example>", **thanks))
    assert "resolved" == world.case().summary.status
    world.mail(with_files(part(b"log", "log.txt"), message_id="<3@customer.example>", **thanks))
    assert "reopened" == world.case().summary.status


SEALED = "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----"
PGP_MIME = (
    "--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\n"
    f"Content-Type: application/octet-stream; name=encrypted.asc\n\n{SEALED}\n--b--"
)


@pytest.mark.parametrize(
    ("content_type", "body", "kept"),
    [
        (
            "multipart/encrypted; protocol=application/pgp-encrypted; boundary=b",
            PGP_MIME,
            SEALED,
        ),
        (
            "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
            "MIIB",
            "MIIB",
        ),
    ],
)
def test_encrypted_mail_is_kept_as_it_came_and_agents_see_it(
    world: World, content_type: str, body: str, kept: str
) -> None:
    world.mail(a_mail(body=body, mime_version="1.0", content_type=content_type))

    (message,) = world.case().messages
    assert message.encrypted
    assert kept == world.ports.blobs.get(message.attachments[-1].sha256).decode().replace("\r\n", "\n").strip()
    ((_, notice),) = mails_to(world, ALICE)
    assert told_twice(notice, "encrypted", message.attachments[-1].name)
    ((_, ack),) = mails_to(world, BOB)
    assert "encrypted" not in ack


def test_signed_mail_is_read_and_its_signature_kept(world: World) -> None:
    body = (
        "--b\nContent-Type: text/plain\n\nSigned words.\n--b\n"
        "Content-Type: application/pgp-signature; name=signature.asc\n\n-----BEGIN PGP SIGNATURE-----\n\nx\n--b--"
    )
    kind = "multipart/signed; protocol=application/pgp-signature; boundary=b"
    world.mail(a_mail(body=body, mime_version="1.0", content_type=kind))
    (message,) = world.case().messages
    assert (False, "Signed words.", ["signature.asc"]) == (
        message.encrypted,
        message.text.strip(),
        [file.name for file in message.attachments],
    )


class Screened:
    """A world whose daemon has files scanned by a script, which refuses what holds EVIL."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.scans = folder / "scans"
        self.write('grep -q EVIL "$1" && exit 1; exit 0')

    def write(self, lines: str) -> None:
        path = self.folder / "scan"
        path.write_text(f"#!/bin/sh\necho x >> {self.scans}\n{lines}\n")
        path.chmod(0o755)

    def once(self) -> None:
        """Everything that waits is handled, as `serve --once` does it."""

        async def run() -> None:
            ports = replace(self.world.ports, scanner=CommandScanner((str(self.folder / "scan"),)), outbound=False)
            await Gateway(settings(), ports, [], Bell(), InProcess(ports.policy.mail)).once()

        asyncio.run(run())

    def alarms(self) -> list[str]:
        standing = self.world.ports.db.read(post_room.standing, self.world.now, outbound=False, mailboxes=[])
        return [f"{alarm.name}: {alarm.text}" for alarm in standing.alarms if alarm.name == "scanner"]


@pytest.fixture
def screened(world: World, tmp_path: Path) -> Screened:
    return Screened(world, tmp_path)


def test_what_the_scanner_refuses_is_kept_aside_and_told(screened: Screened) -> None:
    """The sender learns no reason; agents do. Each content is scanned once, what is too large never."""
    world = screened.world
    evil, good = part(b"EVIL", "x.exe"), part(b"good", "log.txt")
    world.accept(with_files(evil, good, evil, part(BIG)))
    screened.once()

    assert [[("x.exe", "refused"), ("log.txt", "kept"), ("x.exe", "refused"), ("dump.bin", "too_large")]] == files(
        world
    )
    assert "x\nx\n" == screened.scans.read_text()
    assert b"EVIL" == world.ports.blobs.get(world.case().messages[0].attachments[0].sha256)
    ((_, ack),) = mails_to(world, BOB)
    assert told_twice(ack, "x.exe (4 bytes)")
    assert [] == [word for word in ("scan", "virus", "harm", "EVIL") if word in ack]
    ((_, notice),) = mails_to(world, ALICE)
    assert told_twice(notice, "x.exe (4 bytes): refused by the scanner")
    assert [] == screened.alarms()


def test_a_refused_picture_makes_no_later_one_fold(screened: Screened) -> None:
    world = screened.world
    world.accept(with_files(logo(b"EVIL")))
    screened.once()
    screened.write("exit 0")
    world.accept(with_files(logo(b"EVIL"), subject=world.ports.tokens.mint(1001), message_id="<2@customer.example>"))
    screened.once()
    assert [["refused"], ["kept"]] == [[state for _, state in found] for found in files(world)]


def test_while_the_scanner_fails_mail_with_files_waits_and_other_mail_goes_on(screened: Screened) -> None:
    """No fault of the mail's; an alarm says so until it is mended."""
    world = screened.world
    screened.write("exit 2")
    world.accept(with_files(part(b"good", "log.txt")))
    world.accept(a_mail(CARL, message_id="<2@customer.example>"))
    for _ in range(5):
        screened.once()
        world.later(minutes=6)

    assert [("pending", ""), ("done", "new_case")] == world.intake()
    assert ["scanner: 1 mail waits to be scanned: the scanner ended with 2"] == screened.alarms()
    with world.ports.db.begin() as tx:
        waiting = sa.select(t.intake.c.attempts, t.intake.c.faults).where(t.intake.c.state == "pending")
        assert [(0, 0)] == [tuple(row) for row in tx.execute(waiting)]

    screened.write("exit 0")
    screened.once()
    assert [("done", "new_case"), ("done", "new_case")] == world.intake()
    assert [] == screened.alarms()


def test_a_mail_is_tried_again_where_its_scan_ended(screened: Screened) -> None:
    """So many files, each of which takes its time, are done after some tries; each content is scanned once."""
    world = screened.world
    screened.write(f'grep -q late "$1" && [ ! -e {screened.folder}/mended ] && exit 2; exit 0')
    world.accept(with_files(part(b"early", "1.txt"), part(b"late", "2.txt")))
    (raw,) = inbound.lease(world.ports)

    async def twice() -> frozenset[str] | None:
        ports = replace(world.ports, scanner=CommandScanner((str(screened.folder / "scan"),)))
        writer = Writer(ports)
        writer.start()
        try:
            scanning = Scanning(ports, writer)
            with pytest.raises(Unscanned):
                await scanning.harmful(raw, parsed(world, raw), None)
            (screened.folder / "mended").touch()
            return await scanning.harmful(raw, parsed(world, raw), None)
        finally:
            writer.stop()

    assert frozenset() == asyncio.run(twice())
    assert 3 == len(screened.scans.read_text().splitlines())
    assert [] == screened.alarms()


def test_a_mail_that_is_dropped_meanwhile_leaves_no_alarm(screened: Screened) -> None:
    world = screened.world
    screened.write("exit 2")
    world.accept(with_files(part(b"good", "log.txt")))
    screened.once()
    with world.ports.db.begin() as tx:
        tx.execute(sa.update(t.intake).values(state="dropped", decision="dropped"))
    screened.write("exit 0")
    world.accept(with_files(part(b"other", "log.txt"), message_id="<2@customer.example>"))
    screened.once()
    assert [] == screened.alarms()


def test_a_strangers_files_are_not_scanned(screened: Screened) -> None:
    screened.world.accept(with_files(part(b"EVIL"), sender="mallory@evil.example"))
    screened.once()
    assert [("done", "unregistered")] == screened.world.intake()
    assert not screened.scans.exists()


def test_without_a_scanner_its_old_alarm_ends(screened: Screened) -> None:
    world = screened.world
    screened.write("exit 2")
    world.accept(with_files(part(b"good", "log.txt")))
    screened.once()

    async def run() -> None:
        await Gateway(settings(), world.ports, [], Bell(), InProcess(world.ports.policy.mail)).once()

    asyncio.run(run())
    assert ([], [("done", "new_case")]) == (screened.alarms(), world.intake())


class Meanwhile(Database):
    """A database to which something happens before the first transaction of others begins."""

    def __init__(self, url: str, happening: Callable[[], object]) -> None:
        super().__init__(url)
        self.happening = [happening]

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        while self.happening:
            self.happening.pop()()
        with super().begin() as tx:
            yield tx


def test_who_is_registered_while_the_mail_is_decided_loses_no_file(world: World, database_url: str) -> None:
    """No row ever names a file that is not kept: what was looked at as a stranger's is looked at again."""
    world.accept(with_files(part(b"good", "log.txt"), sender="new@customer.example"))
    (raw,) = inbound.lease(world.ports)

    def register() -> None:
        new = Contact(id=ContactId(0), account="EX-1", name="New", addresses=("new@customer.example",))
        with world.ports.db.begin() as tx:
            people.add_contact(tx, new)

    database = Meanwhile(database_url, register)
    with pytest.raises(Conflict):
        inbound.handle(replace(world.ports, db=database), raw, parsed(world, raw))
    database.close()
    assert [] == list(world.cases())
    world.decide(raw)
    assert b"good" == world.ports.blobs.get(world.case().messages[0].attachments[0].sha256)


def test_nothing_is_kept_unscanned(screened: Screened) -> None:
    """Whoever forgets to ask the scanner is sent back."""
    world = screened.world
    world.accept(with_files(part(b"good", "log.txt")))
    (raw,) = inbound.lease(world.ports)
    ports = replace(world.ports, scanner=CommandScanner((str(screened.folder / "scan"),)))
    with pytest.raises(Conflict):
        inbound.handle(ports, raw, parsed(world, raw))
    assert [] == list(world.cases())


def parsed(world: World, raw: RawMail) -> ParsedMail:
    mail = read_mail(raw.data, world.ports.policy.mail)
    assert isinstance(mail, ParsedMail)
    return mail
