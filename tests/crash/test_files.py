"""Killed between a blob and the row that names it: an orphan blob, never a row without its blob (TESTPLAN CD-21)."""

import os
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from gateway.domain.post import ParsedMail
from gateway.mail.parse import read_mail
from gateway.services import inbound
from gateway.services.ports import Ports
from gateway.store import tables as t
from gateway.store.db import Database
from tests.crash.launcher import KILLED
from tests.world import World, a_mail, a_world

MAIL = a_mail(
    body="--b\n\nSee.\n--b\nContent-Type: text/csv\nContent-Disposition: attachment; filename=log.csv\n\na log\n--b--",
    mime_version="1.0",
    content_type="multipart/mixed; boundary=b",
)


def take_and_decide(ports: Ports) -> None:
    (raw,) = inbound.lease(ports)
    parsed = read_mail(raw.data, ports.policy.mail)
    assert isinstance(parsed, ParsedMail)
    inbound.handle(ports, raw, parsed)


def kept(folder: Path) -> list[Path]:
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


def die_with_the_blob_written(world: World, url: str, folder: Path) -> None:
    """At the first commit after it, before it takes effect; in a child with connections of its own."""
    world.ports.db.close()
    child = os.fork()
    if child == 0:
        try:
            ports = replace(world.ports, db=Database(url))
            real = ports.db.engine.dialect.do_commit
            hook = {"do_commit": lambda connection: os._exit(KILLED) if kept(folder) else real(connection)}
            vars(ports.db.engine.dialect).update(hook)
            take_and_decide(ports)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert KILLED == os.waitstatus_to_exitcode(status)


def test_a_kill_between_blob_and_row_leaves_an_orphan_blob(database_url: str, tmp_path: Path) -> None:
    """And the next try names the same blob."""
    with a_world(database_url, tmp_path) as world:
        world.accept(MAIL)
        die_with_the_blob_written(world, database_url, tmp_path)

        (orphan,) = kept(tmp_path)
        assert "a log" == orphan.read_text().strip()
        with world.ports.db.begin() as tx:
            assert 0 == tx.scalar(sa.select(sa.func.count()).select_from(t.attachment))
        world.later(minutes=10)  # the lease of the dead runs out
        take_and_decide(world.ports)
        (file,) = world.case().messages[0].attachments
        assert orphan.name == file.sha256
        assert [orphan] == kept(tmp_path)
