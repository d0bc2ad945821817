"""Indexes over a part of a table, for whoever makes or compares tables: migrations and their tests import this.

Not in `tables`, since naming what is a dialect's own loads both dialects with all their drivers, which every command
would pay for.
"""

import sqlalchemy as sa

from gateway.store import tables as t

_IS_OPEN = sa.text("state <> 'resolved'")

OPEN_ESCALATION = sa.Index(
    "uq_escalation_open",
    t.escalation.c.case_number,
    unique=True,
    sqlite_where=_IS_OPEN,
    postgresql_where=_IS_OPEN,
)
"""A case has at most one escalation that is not resolved."""
