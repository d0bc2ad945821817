"""Which files an account sent before. Called by `services.inbound` with each mail that brings pictures."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from gateway.domain.model import Contact, FileState
from gateway.store import tables as t

_SEEN = (
    select(t.attachment.c.sha256)
    .distinct()
    .join(t.message, t.message.c.id == t.attachment.c.message)
    .join(t.cases, t.cases.c.number == t.message.c.case_number)
    .where(
        t.attachment.c.sha256.in_(bindparam("hashes", expanding=True)),
        t.attachment.c.state.in_([FileState.KEPT, FileState.REPEATED]),
        sa.or_(t.cases.c.account == bindparam("account"), t.message.c.author == bindparam("author")),
    )
)


def seen(tx: sa.Connection, contact: Contact, hashes: Iterable[str]) -> frozenset[str]:
    """Those of these files that came before: on any case of the contact's account, or from the contact elsewhere."""
    named = {"hashes": sorted(set(hashes)), "account": contact.account, "author": str(contact.party)}
    return frozenset(tx.scalars(_SEEN, named))
