"""Which cases a contact may see: those of the own account, and those on which an agent made them a participant.

The one condition by which commands by mail list, read and search (SPEC sections 3 and 8); `cases` is in the query.
"""

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.model import Contact
from gateway.store import tables as t


def may_see(contact: Contact) -> sa.ColumnElement[bool]:
    """True for the rows of `cases` that this contact may see."""
    own = select(_OWN.c.number).where(_OWN.c.account == contact.account)
    joined = select(t.participant.c.case_number).where(t.participant.c.party == str(contact.party))
    return t.cases.c.number.in_(sa.union(own, joined))  # an `or` of both would read all cases


_OWN = t.cases.alias("own")
