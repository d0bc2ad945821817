"""Announcements in the database: whom an audience has, who is still to get one, and how far each is.

`services.announcing` calls it. No query here brings more people than a page: lists of them stay in the database.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.announcement import Announcement, AnnouncementId, Audience, Reach, RecipientState, Standing
from gateway.domain.model import AgentId, Contact, ContactRole, Party
from gateway.domain.post import OutboxState
from gateway.errors import NotFound
from gateway.store import load_people
from gateway.store import tables as t

_r = t.announcement_recipient.c
_OVER = (OutboxState.FAILED, OutboxState.CANCELLED)
_REACHED = t.contact.c.unsubscribed_at.is_(None) & t.address.c.bounced_at.is_(None)
"""Who is active, wants announcements, and has an address to which mail is known to go or nothing else is known."""


def _meant(audience: Audience, accounts: Sequence[str]) -> sa.Select[Any]:
    """The contacts of an audience with their first addresses, whether it reaches them or not."""
    query = select(t.contact.c.id).join_from(
        t.contact, t.address, (t.address.c.contact_id == t.contact.c.id) & (t.address.c.position == 0)
    )
    query = query.where(t.contact.c.active)
    if audience is Audience.VERSION_RECIPIENTS:
        held = sa.cast(t.contact.c.roles, sa.Text)
        return query.where(held.contains(f'"{ContactRole.VERSION_RECIPIENT}"', autoescape=True))
    return query.where(t.contact.c.account.in_(accounts)) if audience is Audience.ACCOUNT else query


def reach(tx: sa.Connection, audience: Audience, accounts: Sequence[str]) -> Reach:
    """How many an audience has, and how many of them are left out."""
    unsubscribed = t.contact.c.unsubscribed_at.is_not(None)
    query = _meant(audience, accounts).with_only_columns(
        sa.func.count(sa.case((_REACHED, 1))),
        sa.func.count(sa.distinct(sa.case((_REACHED, t.contact.c.account)))),
        sa.func.count(sa.case((unsubscribed, 1))),
        sa.func.count(sa.case((~unsubscribed & t.address.c.bounced_at.is_not(None), 1))),
    )
    recipients, of_accounts, without, bouncing = tx.execute(query).one()
    return Reach(recipients=recipients, accounts=of_accounts, unsubscribed=without, bouncing=bouncing)


def first(tx: sa.Connection, audience: Audience, accounts: Sequence[str], limit: int) -> tuple[Contact, ...]:
    """The first of those whom an audience reaches, by account."""
    query = _meant(audience, accounts).where(_REACHED).order_by(t.contact.c.account, t.contact.c.id).limit(limit)
    ids = tx.scalars(query).all()
    found, _ = load_people.people(tx, map(Party.contact, ids))
    return tuple(found[Party.contact(id_)] for id_ in ids)


def contact(tx: sa.Connection, id_: int) -> Contact:
    """The contact of this number, who is there."""
    party = Party.contact(id_)
    return load_people.people(tx, (party,))[0][party]


def languages(tx: sa.Connection, audience: Audience, accounts: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    """The languages of those whom it reaches: each with how many have it, and the first of them; the commonest first."""
    lang = sa.func.coalesce(t.contact.c.lang, t.account.c.lang)
    query = (
        _meant(audience, accounts)
        .join(t.account, t.account.c.number == t.contact.c.account)
        .where(_REACHED)
        .with_only_columns(lang, sa.func.count(), sa.func.min(t.contact.c.id))
        .group_by(lang)
    )
    found = [(str(row[0]), int(row[1]), int(row[2])) for row in tx.execute(query)]
    return tuple(sorted(found, key=lambda one: (-one[1], one[0])))


def add(tx: sa.Connection, new: Announcement) -> AnnouncementId:
    """Keep an announcement, and whom it reaches at this moment; `new.id` is ignored, the new one returned."""
    row = {
        "by_id": new.by,
        "created_at": new.created_at,
        "audience": new.audience,
        "accounts": list(new.accounts),
        "template": new.template,
        "variables": [list(pair) for pair in new.variables],
    }
    id_ = tx.scalar(sa.insert(t.announcement).returning(t.announcement.c.id), row)
    assert id_ is not None
    state = sa.literal(RecipientState.WAITING, _r.state.type)
    reached = _meant(new.audience, new.accounts).where(_REACHED)
    reached = reached.with_only_columns(sa.literal(id_), t.contact.c.id, state)
    tx.execute(sa.insert(t.announcement_recipient).from_select(["announcement_id", "contact_id", "state"], reached))
    return AnnouncementId(id_)


def page(tx: sa.Connection, id_: AnnouncementId, limit: int) -> tuple[Contact, ...]:
    """The next of those who wait, held to the commit: nobody else takes them, and nobody changes them meanwhile."""
    waits = (_r.announcement_id == id_) & (_r.state == RecipientState.WAITING)
    query = select(_r.contact_id).where(waits).order_by(_r.contact_id).limit(limit)
    ids = tx.scalars(query.with_for_update(skip_locked=True)).all()
    if ids:
        tx.execute(
            select(t.contact.c.id).where(t.contact.c.id.in_(ids)).order_by(t.contact.c.id).with_for_update(read=True)
        )
    found, _ = load_people.people(tx, map(Party.contact, ids))
    return tuple(found[Party.contact(contact)] for contact in ids)


def queued(tx: sa.Connection, id_: AnnouncementId, contact: Contact, message_id: str) -> None:
    """This mail to them is in the outbox."""
    _settle(tx, id_, contact, state=RecipientState.QUEUED, message_id=message_id)


def skipped(tx: sa.Connection, id_: AnnouncementId, contact: Contact) -> None:
    """They get none."""
    _settle(tx, id_, contact, state=RecipientState.SKIPPED)


def _settle(tx: sa.Connection, id_: AnnouncementId, contact: Contact, **values: Any) -> None:
    which = (_r.announcement_id == id_) & (_r.contact_id == contact.id)
    tx.execute(sa.update(t.announcement_recipient).where(which).values(**values))


def announcement(tx: sa.Connection, id_: int) -> Announcement:
    """One announcement; NotFound if there is none of this number."""
    row = tx.execute(select(t.announcement).where(t.announcement.c.id == id_)).first()
    if row is None:
        raise NotFound(f"there is no announcement {id_}; `casegate announce list` shows them")
    return _announcement(row)


def announcements(tx: sa.Connection) -> tuple[Announcement, ...]:
    """All announcements, the newest first."""
    rows = tx.execute(select(t.announcement).order_by(t.announcement.c.id.desc()))
    return tuple(_announcement(row) for row in rows)


def _announcement(row: sa.Row[Any]) -> Announcement:
    return Announcement(
        id=AnnouncementId(row.id),
        by=AgentId(row.by_id),
        created_at=row.created_at,
        audience=row.audience,
        accounts=tuple(row.accounts),
        template=row.template,
        variables=tuple((name, text) for name, text in row.variables),
    )


def standing(tx: sa.Connection, id_: AnnouncementId) -> Standing:
    """How far an announcement is."""
    state = t.outbox.c.state
    query = (
        select(
            sa.func.count(),
            sa.func.count(sa.case((_r.state == RecipientState.QUEUED, 1))),
            sa.func.count(sa.case((_r.state == RecipientState.SKIPPED, 1))),
            sa.func.count(sa.case((state == OutboxState.SENT, 1))),
            sa.func.count(sa.case((state.in_(_OVER), 1))),
        )
        .select_from(t.announcement_recipient)
        .outerjoin(t.outbox, t.outbox.c.message_id == _r.message_id)
        .where(_r.announcement_id == id_)
    )
    total, in_outbox, without, sent, failed = tx.execute(query).one()
    return Standing(total=total, queued=in_outbox, skipped=without, sent=sent, failed=failed)


def waiting(tx: sa.Connection, id_: AnnouncementId) -> int:
    """How many are still to be queued: an index alone says so."""
    waits = (_r.announcement_id == id_) & (_r.state == RecipientState.WAITING)
    return tx.scalar(select(sa.func.count()).select_from(t.announcement_recipient).where(waits)) or 0
