"""A person leaves all that is stored, in the transaction of the Action that erases them; and their blobs, after it.

`services.perform` calls `everywhere`, the terminal `sweep`. What replaces them is in `domain.erasing`, where they stand
in `store.erase`. Only what is stored at that moment is gone through: what names them later is new.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from gateway.domain.actions import Change
from gateway.domain.erasing import Erased, Mask
from gateway.errors import NotFound
from gateway.mail.rewriting import is_from, names, rewritten
from gateway.services.ports import Ports
from gateway.store import erase, search


@dataclass(slots=True)
class _Steps:
    """How far it is; nobody knows how long one takes."""

    ports: Ports
    total: int
    done: int = field(default=0)

    def one(self) -> None:
        self.done += 1
        self.ports.tell(self.done, self.total)


def everywhere(tx: sa.Connection, ports: Ports, change: Change, at: datetime) -> Erased:
    """Put the pseudonym wherever `change.erases` stands; the change's own rows are written already."""
    contact = change.erases
    assert contact is not None
    mask = Mask.of(contact)
    cases = [one.case for one in change.also if one.case is not None]
    found = erase.Found(contact=contact, outside=[one.number for one in cases if one.account != contact.account])
    steps = _Steps(ports, total=len(erase.TABLES) + 6)
    erase.forget_well(tx)
    erase.hold_cases(tx, found)
    fetch = kept(ports)
    theirs = erase.mail_of(tx, contact, mask, lambda data: is_from(data, mask.addresses), fetch)
    steps.one()
    emptied, cancelled = erase.mail_to(tx, contact, f"cancelled: {mask.name} was erased")
    files = erase.files_of(tx, contact)
    texts = 0
    for changed in erase.texts(tx, found, mask):
        texts += changed
        steps.one()
    texts += erase.mail_to_others(tx, found, lambda data: rewritten(data, mask.everything))
    steps.one()

    def does_name(data: bytes, is_on_case: bool) -> bool:
        if is_on_case:
            return names(data, mask.everything)
        plain = data.decode("latin-1")  # any number of strangers' mails: an address stands there as it is
        return mask.addresses(plain) != plain

    others = erase.mail_that_names(tx, found, mask, does_name, fetch)
    steps.one()
    erase.person(tx, contact, at)
    search.forget(tx)
    steps.one()
    return Erased(
        cases=len(cases), texts=texts, raw_mails=theirs + others, emptied=emptied, cancelled=cancelled, files=files
    )


def kept(ports: Ports) -> Callable[[str], bytes]:
    """The bytes of a blob by its hash; none where it is gone, which must not keep anybody from being erased."""

    def fetch(sha256: str) -> bytes:
        try:
            return ports.blobs.get(sha256)
        except NotFound:
            return b""

    return fetch


def sweep(ports: Ports) -> int:
    """Delete the blobs of erased mail that nothing else names; how many that were.

    They are noted in the transaction that erased their rows, so none is forgotten if the process dies before this:
    the next erasure deletes it, and `db verify` tells of it until then. Raises Temporary where a file cannot be deleted.
    """
    gone = 0
    for sha256 in ports.db.read(erase.unwanted_blobs):
        with ports.db.begin() as tx:  # so that no mail of the same bytes comes in between, on SQLite
            if not erase.is_named_blob(tx, sha256):
                ports.blobs.delete(sha256)
                gone += 1
            erase.blob_is_gone(tx, sha256)
    return gone
