"""Mailboxes that we take from by IMAP: their ledgers and alarms. `adapters/imap_in.py` asks, in the writer thread."""

from collections.abc import Sequence

from gateway.services.ports import Ports
from gateway.store import mailboxes as store
from gateway.store import save
from gateway.store.mailboxes import Ledger

ALARM = "mailbox "
"""How the names of our alarms start; the name of the mailbox follows."""


def open_ledger(ports: Ports, name: str, *, uidvalidity: int, uidnext: int, start: str) -> Ledger:
    """The ledger to go on with, as the server has selected this mailbox.

    `start` ("unseen", "all", "new") says what of a mailbox that has no ledger yet is taken. Another UIDVALIDITY than
    that of the ledger means that all UIDs are void: everything is looked at again, and copies are found by content.
    """
    with ports.db.begin() as tx:
        known = store.ledger(tx, name)
        if known is not None and known.uidvalidity == uidvalidity:
            return known
        opened = Ledger(
            name=name,
            uidvalidity=uidvalidity,
            last_uid=uidnext - 1 if start == "new" and known is None else 0,
            first_uid=1 if start == "all" else uidnext,
            is_rescan=known is not None,
            began_at=known.began_at if known else ports.now(),
        )
        store.open_ledger(tx, opened)
        return opened


def stored(ports: Ports, transport_ids: Sequence[str]) -> frozenset[str]:
    """Which of these deliveries were accepted already, so that they need not be fetched again."""
    return ports.db.read(store.stored, transport_ids)


def advance(ports: Ports, name: str, uidvalidity: int, last_uid: int) -> None:
    """Note that a look succeeded, and that all up to this UID is dealt with."""
    with ports.db.begin() as tx:
        store.advance(tx, name, uidvalidity, last_uid, ports.now())


def trouble(ports: Ports, name: str, text: str, mend: str) -> None:
    """Say what a person must mend about a mailbox."""
    with ports.db.begin() as tx:
        save.alarm_raised(tx, ALARM + name, at=ports.now(), text=text, mend=mend)


def mended(ports: Ports, name: str) -> None:
    """All is well with this mailbox."""
    with ports.db.begin() as tx:
        save.alarm_cleared(tx, ALARM + name)


def forget(ports: Ports, names: Sequence[str]) -> None:
    """At the start: clear the alarms of mailboxes that are configured no longer; `names` are those that are."""
    with ports.db.begin() as tx:
        store.forget_alarms(tx, ALARM, [ALARM + name for name in names])
