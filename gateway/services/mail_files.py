"""The files of a mail as a decision needs them. `services.inbound` reads them with all its other facts."""

import sqlalchemy as sa

from gateway.domain.model import Attachment, Contact
from gateway.domain.post import ParsedMail
from gateway.mail.files import files_of, hashes_of, may_fold
from gateway.store import files as store


def files_in(
    tx: sa.Connection, mail: ParsedMail, contact: Contact | None, *, limit: int, harmful: frozenset[str]
) -> tuple[Attachment, ...]:
    """The files of a mail, each with what becomes of it; `contact` is who wrote it, as far as we know."""
    hashes = hashes_of(mail)
    pictures = [sha256 for part, sha256 in zip(mail.attachments, hashes, strict=True) if may_fold(part)]
    seen = store.seen(tx, contact, pictures) if contact and pictures else frozenset()
    return files_of(mail, hashes, limit=limit, harmful=harmful, seen=seen)
