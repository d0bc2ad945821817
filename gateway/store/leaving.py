"""Whether a mail that is about to leave may still be had by its recipient (SPEC section 14), in one statement.

`services.outbox` calls it in the transaction that leases. Recipients were frozen when the mail was queued; rights
may have ended since: a contact was un-registered, a guest or an outside address was taken off the case, an agent left.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import bindparam

from gateway.domain.model import NoticeKind, PartyKind
from gateway.domain.post import OutboxState
from gateway.store import tables as t

GONE = "its recipient may not have it any more: un-registered, or taken off the case, after it was queued"
"""Why a mail was cancelled when it was to leave."""

_CONTACTS = sa.join(t.address, t.contact, t.contact.c.id == t.address.c.contact_id)
_AGENTS = sa.join(t.address, t.agent, t.agent.c.id == t.address.c.agent_id)


_IS_AGENT = sa.exists().select_from(_AGENTS).where(t.address.c.address == t.outbox.c.recipient, t.agent.c.active)
_WAS_CONTACT = (
    sa.exists().select_from(_CONTACTS).where(t.address.c.address == t.outbox.c.recipient, ~t.contact.c.active)
)
_JOINED = (t.participant.c.case_number == t.cases.c.number) & (
    t.participant.c.party == sa.literal(f"{PartyKind.CONTACT}:") + sa.cast(t.contact.c.id, sa.String)
)
_IS_OF_ITS_ACCOUNT = (t.cases.c.account == t.contact.c.account) & (
    # who only receives has what concerns a role, and the cases that they are on
    t.contact.c.access | (t.outbox.c.kind == NoticeKind.APPROVAL) | (t.cases.c.reporter_id == t.contact.c.id)
)
_IS_READER = (
    sa.exists()
    .select_from(sa.outerjoin(sa.join(_CONTACTS, t.cases, sa.true()), t.participant, _JOINED))
    .where(
        t.address.c.address == t.outbox.c.recipient,
        t.cases.c.number == t.outbox.c.case_number,
        t.contact.c.active,
        t.participant.c.party.is_not(None) | _IS_OF_ITS_ACCOUNT,
    )
)
_READS_FROM_OUTSIDE = sa.and_(
    sa.exists().where(
        t.participant.c.case_number == t.outbox.c.case_number,
        t.participant.c.party == sa.literal(f"{PartyKind.EXTERNAL}:") + t.outbox.c.recipient,
    ),
    ~_WAS_CONTACT,
)

_MAY_NOT_HAVE = sa.case(
    (t.outbox.c.case_number.is_not(None), ~(_IS_AGENT | _IS_READER | _READS_FROM_OUTSIDE)),
    # about no case: what people asked for as contacts; registrations go to people who are none yet, or no longer
    else_=t.outbox.c.kind.in_((NoticeKind.COMMAND_ANSWER, NoticeKind.APPROVAL)) & _WAS_CONTACT,
)
_CANCELLED = (
    sa.update(t.outbox)
    .where(t.outbox.c.id.in_(bindparam("ids", expanding=True)), _MAY_NOT_HAVE)
    .values(state=OutboxState.CANCELLED, last_error=GONE, lease_until=None, attempts=t.outbox.c.attempts - 1)
    .returning(t.outbox.c.id)
)


def without_unentitled(tx: sa.Connection, leased: Sequence[int]) -> tuple[int, ...]:
    """Of these rows, just leased, those that may leave; the others are cancelled, and no attempt counts for them."""
    cancelled = set(tx.scalars(_CANCELLED, {"ids": list(leased)}))
    return tuple(id_ for id_ in leased if id_ not in cancelled)
