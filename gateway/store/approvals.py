"""Registrations and approvals as rows: held for a decision, written with it, and the mails that asked somebody.

Each open one has its timers beside it, made anew whenever it changes, so that none waits for ever.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func, select

from gateway.domain.approval import (
    OPEN_REGISTRATIONS,
    REMIND_AFTER,
    Approval,
    ApprovalId,
    ApprovalKind,
    Asked,
    Registration,
    RegistrationId,
    RegistrationState,
)
from gateway.domain.model import OutboxId, TimerKind
from gateway.domain.phrases import Phrase
from gateway.store import tables as t
from gateway.store import timers
from gateway.store.load_approvals import approval_from, registration_from
from gateway.store.upsert import INSERT

HOUR = timedelta(hours=1)
"""Over so long wrong PINs and registration mails are counted."""

_REMINDED = frozenset({ApprovalKind.REGISTRATION, ApprovalKind.ORDER, ApprovalKind.ROLES})
"""Kinds that are asked of somebody else, who is reminded once."""


def next_id(tx: sa.Connection, name: str) -> int:
    """The next number of a registration or an approval; taken in the transaction that makes it."""
    c = t.counter.c
    query = sa.update(t.counter).where(c.name == name).values(value=c.value + 1).returning(c.value)
    return int(tx.execute(query).scalar_one())


def registration(tx: sa.Connection, id_: RegistrationId) -> Registration | None:
    """One registration, locked to the end of the transaction; None if there is none."""
    row = tx.execute(select(t.registration).where(t.registration.c.id == id_).with_for_update()).first()
    return registration_from(row) if row else None


def open_registration(tx: sa.Connection, address: str) -> Registration | None:
    """The registration of this address that is still open, locked; None if there is none."""
    c = t.registration.c
    query = select(t.registration).where(c.address == address, c.state.in_(OPEN_REGISTRATIONS))
    row = tx.execute(query.order_by(c.id.desc()).limit(1).with_for_update()).first()
    return registration_from(row) if row else None


def save_registration(tx: sa.Connection, one: Registration, at: datetime) -> None:
    """A registration as it is from now on, new or changed, and what it waits for; a wrong PIN more is noted too."""
    before = tx.scalar(select(t.registration.c.wrong_pins).where(t.registration.c.id == one.id))
    if one.wrong_pins > (before or 0):
        wrong_pin(tx, one.address, at)
    values = {
        "address": one.address,
        "state": one.state,
        "requested_at": one.requested_at,
        "expires_at": one.expires_at,
        "account": one.account,
        "is_proved": one.is_proved,
        "name": one.name,
        "phone": one.phone,
        "lang": one.lang,
        "roles": sorted(one.roles),
        "invited_by": str(one.invited_by) if one.invited_by else None,
        "is_granted": one.is_granted,
        "wrong_pins": one.wrong_pins,
        "hints": one.hints,
        "bounced": one.bounced,
    }
    row = INSERT[tx.dialect.name](t.registration).values(id=one.id, **values)
    tx.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))
    waits = one.state is RegistrationState.REQUESTED
    timers.lapses(tx, {TimerKind.REGISTRATION_EXPIRY: one.expires_at} if waits else {}, registration=one.id)


def approval(tx: sa.Connection, id_: ApprovalId) -> Approval | None:
    """One approval, locked to the end of the transaction, so that two answers come one after the other."""
    row = tx.execute(select(t.approval).where(t.approval.c.id == id_).with_for_update()).first()
    return approval_from(row) if row else None


def approval_of(tx: sa.Connection, id_: RegistrationId) -> Approval | None:
    """The newest approval of a registration, locked."""
    c = t.approval.c
    query = select(t.approval).where(c.registration_id == id_).order_by(c.id.desc()).limit(1).with_for_update()
    row = tx.execute(query).first()
    return approval_from(row) if row else None


def save_approval(tx: sa.Connection, one: Approval) -> None:
    """An approval as it is from now on, new or changed, and what it waits for."""
    values = {
        "kind": one.kind,
        "account": one.account,
        "state": one.state,
        "requested_at": one.requested_at,
        "expires_at": one.expires_at,
        "case_number": one.case,
        "registration_id": one.registration,
        "contact": str(one.contact) if one.contact else None,
        "request": dict(one.request),
        "text": str(one.text),
        "phrase": one.text.as_json() if isinstance(one.text, Phrase) else None,
        "asked": list(one.asked),
        "agreed": list(one.agreed),
        "answered_by": str(one.answered_by) if one.answered_by else None,
        "answered_at": one.answered_at,
        "reason": one.reason,
    }
    row = INSERT[tx.dialect.name](t.approval).values(id=one.id, **values)
    tx.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))
    waits: dict[TimerKind, datetime] = {}
    if one.is_open:
        waits[TimerKind.APPROVAL_EXPIRY] = one.expires_at
        if one.kind in _REMINDED:
            waits[TimerKind.APPROVAL_REMINDER] = one.requested_at + REMIND_AFTER
    timers.lapses(tx, waits, approval=one.id)


def token_hash(token: str) -> str:
    """How a one-time token is kept; it has 130 random bits, so a plain hash cannot be searched."""
    return hashlib.sha256(token.encode()).hexdigest()


def save_asked(
    tx: sa.Connection,
    *,
    token: str,
    message_id: str,
    address: str,
    at: datetime,
    registration: int | None,
    approval: int | None,
) -> None:
    """A mail asks this address, and can be answered with this token."""
    tx.execute(
        sa.insert(t.asked).values(
            token_hash=token_hash(token),
            message_id=message_id,
            address=address,
            sent_at=at,
            registration_id=registration,
            approval_id=approval,
        )
    )


def asked_by(tx: sa.Connection, tokens: Sequence[str]) -> Asked | None:
    """The mail that the first known one of these tokens was made for."""
    for token in tokens:
        row = tx.execute(select(t.asked).where(t.asked.c.token_hash == token_hash(token))).first()
        if row is not None:
            return _asked(row)
    return None


def bounced(tx: sa.Connection, id_: RegistrationId, error: str) -> None:
    """The registration mail did not arrive."""
    tx.execute(sa.update(t.registration).where(t.registration.c.id == id_).values(bounced=error))


def _asked(row: sa.Row[Any]) -> Asked:
    return Asked(
        id=row.id,
        address=row.address,
        sent_at=row.sent_at,
        registration=RegistrationId(row.registration_id) if row.registration_id is not None else None,
        approval=ApprovalId(row.approval_id) if row.approval_id is not None else None,
        hints=row.hints,
    )


def asked(tx: sa.Connection, id_: int) -> Asked | None:
    """One mail that asks somebody."""
    row = tx.execute(select(t.asked).where(t.asked.c.id == id_)).first()
    return _asked(row) if row else None


def account_of(tx: sa.Connection, id_: ApprovalId) -> str | None:
    """Whose people an approval is about; None if there is none."""
    return tx.scalar(select(t.approval.c.account).where(t.approval.c.id == id_))


def hinted(tx: sa.Connection, asked: int) -> None:
    """Who answered this mail was told why it did not count."""
    tx.execute(sa.update(t.asked).where(t.asked.c.id == asked).values(hints=t.asked.c.hints + 1))


def hints_of(tx: sa.Connection, asked: int) -> int:
    """How often an answer to this mail was told why it did not count."""
    return tx.scalar(select(t.asked.c.hints).where(t.asked.c.id == asked)) or 0


def registration_of_mail(tx: sa.Connection, id_: OutboxId) -> RegistrationId | None:
    """The registration that this mail of ours asked about."""
    query = select(t.asked.c.registration_id).join(t.outbox, t.outbox.c.message_id == t.asked.c.message_id)
    found = tx.scalar(query.where(t.outbox.c.id == id_))
    return RegistrationId(found) if found is not None else None


def wrong_pin(tx: sa.Connection, address: str, at: datetime) -> None:
    """A PIN that was none."""
    tx.execute(sa.insert(t.wrong_pin).values(address=address, at=at))


def wrong_pins_since(tx: sa.Connection, since: datetime) -> int:
    """How many PINs were none."""
    return tx.scalar(select(func.count()).select_from(t.wrong_pin).where(t.wrong_pin.c.at > since)) or 0


def mailed_since(tx: sa.Connection, since: datetime, *, address: str | None = None, account: str | None = None) -> int:
    """How many registration mails left: to this address, for this account, or at all."""
    c = t.asked.c
    query = select(func.count()).select_from(t.asked).where(c.sent_at > since, c.registration_id.is_not(None))
    if address is not None:
        query = query.where(c.address == address)
    if account is not None:
        query = query.join(t.registration, t.registration.c.id == c.registration_id)
        query = query.where(t.registration.c.account == account)
    return tx.scalar(query) or 0
