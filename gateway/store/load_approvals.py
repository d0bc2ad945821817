"""Registrations and approvals as they stand: read for lists and views, and for decisions about others; nothing is locked.

Apart from `approvals`, which writes: commands that only read need no way to insert (`upsert`).
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.approval import (
    Approval,
    ApprovalId,
    ApprovalState,
    Registration,
    RegistrationId,
    RegistrationState,
)
from gateway.domain.model import CaseNumber, ContactRole, Party
from gateway.domain.phrases import Phrase
from gateway.store import tables as t


def registrations(
    tx: sa.Connection, *, states: Sequence[RegistrationState] | None = None, account: str | None = None
) -> tuple[Registration, ...]:
    """Registrations, the oldest first: those in these states, of this account, or all."""
    query = select(t.registration).order_by(t.registration.c.id)
    if states is not None:
        query = query.where(t.registration.c.state.in_(states))
    if account is not None:
        query = query.where(t.registration.c.account == account)
    return tuple(map(registration_from, tx.execute(query)))


def registration_from(row: sa.Row[Any]) -> Registration:
    """A row as a domain value."""
    return Registration(
        id=RegistrationId(row.id),
        address=row.address,
        state=row.state,
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        account=row.account,
        is_proved=row.is_proved,
        name=row.name,
        phone=row.phone,
        lang=row.lang,
        roles=frozenset(map(ContactRole, row.roles)),
        invited_by=Party.parse(row.invited_by) if row.invited_by else None,
        is_granted=row.is_granted,
        wrong_pins=row.wrong_pins,
        hints=row.hints,
        bounced=row.bounced,
    )


def approvals(
    tx: sa.Connection,
    *,
    states: Sequence[ApprovalState] | None = None,
    account: str | None = None,
    case: CaseNumber | None = None,
) -> tuple[Approval, ...]:
    """Approvals, the oldest first: those in these states, of this account, on this case, or all."""
    c = t.approval.c
    query = select(t.approval).order_by(c.id)
    if states is not None:
        query = query.where(c.state.in_(states))
    if account is not None:
        query = query.where(c.account == account)
    if case is not None:
        query = query.where(c.case_number == case)
    return tuple(map(approval_from, tx.execute(query)))


def approval_from(row: sa.Row[Any]) -> Approval:
    """A row as a domain value."""
    return Approval(
        id=ApprovalId(row.id),
        kind=row.kind,
        account=row.account,
        state=row.state,
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        case=CaseNumber(row.case_number) if row.case_number is not None else None,
        registration=RegistrationId(row.registration_id) if row.registration_id is not None else None,
        contact=Party.parse(row.contact) if row.contact else None,
        request=row.request,
        text=Phrase.from_json(row.phrase) if row.phrase else row.text,
        asked=tuple(row.asked),
        agreed=tuple(row.agreed),
        answered_by=Party.parse(row.answered_by) if row.answered_by else None,
        answered_at=row.answered_at,
        reason=row.reason,
    )
