"""How much automatic mail was owed within the last hour: one look-up for all mails of a cause.

`services.budget` asks. Each part is an index range; those of an address and a case are short, for what is over budget
is not written.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import bindparam, func, select

from gateway.domain.budget import Share
from gateway.store import tables as t

_COUNTED = t.outbox.c.budget.is_not(None)
_SINCE = t.outbox.c.created_at > bindparam("since")
_NOBODY: sa.ColumnElement[str | None] = sa.cast(sa.null(), sa.String)
_NOTHING: sa.ColumnElement[int | None] = sa.cast(sa.null(), sa.Integer)
_SPENT = sa.union_all(
    select(t.outbox.c.recipient, t.outbox.c.case_number, t.outbox.c.budget, func.count().label("mails"))
    .where(t.outbox.c.recipient.in_(bindparam("recipients", expanding=True)), _SINCE, _COUNTED)
    .group_by(t.outbox.c.recipient, t.outbox.c.case_number, t.outbox.c.budget),
    select(_NOBODY, t.outbox.c.case_number, t.outbox.c.budget, func.count())
    .where(t.outbox.c.case_number.in_(bindparam("cases", expanding=True)), _SINCE, _COUNTED)
    .group_by(t.outbox.c.case_number, t.outbox.c.budget),
    select(_NOBODY, _NOTHING, t.outbox.c.budget, func.count())
    .where(t.outbox.c.budget.in_(list(Share)), _SINCE)
    .group_by(t.outbox.c.budget),
)


@dataclass(slots=True)
class Spent:
    """Mails of the last hour, by share; counts on with each that is added."""

    to: dict[tuple[Share, str], int] = field(default_factory=dict)
    about: dict[tuple[Share, str, int | None], int] = field(default_factory=dict)
    on: dict[tuple[Share, int], int] = field(default_factory=dict)
    all: dict[Share, int] = field(default_factory=dict)

    def add(self, share: Share, recipient: str, case: int | None, mails: int = 1) -> None:
        """So many mails more to somebody."""
        self.to[share, recipient] = self.to.get((share, recipient), 0) + mails
        self.about[share, recipient, case] = self.about.get((share, recipient, case), 0) + mails

    def add_to_sums(self, share: Share, case: int | None) -> None:
        """One mail more on a case, and at all."""
        if case is not None:
            self.on[share, case] = self.on.get((share, case), 0) + 1
        self.all[share] = self.all.get(share, 0) + 1


def spent(tx: sa.Connection, since: datetime, recipients: Collection[str], cases: Collection[int]) -> Spent:
    """What these people, these cases and all together got since then."""
    found = Spent()
    given = {"since": since, "recipients": sorted(recipients), "cases": sorted(cases)}
    for row in tx.execute(_SPENT, given):
        share = Share(row.budget)
        if row.recipient is not None:
            found.add(share, row.recipient, row.case_number, row.mails)
        elif row.case_number is not None:
            found.on[share, row.case_number] = row.mails
        else:
            found.all[share] = row.mails
    return found
