"""Mail that came in, as rows: accepted, decided, failed, postponed; and what agents do with a row by hand.

Called by `services.inbound` and `services.by_hand`. Every function takes the connection of a `db.begin()` transaction and leaves the commit
to it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from gateway.domain.model import CaseNumber, IntakeId
from gateway.domain.post import DecisionKind, Envelope, IntakeState
from gateway.errors import Conflict
from gateway.store import tables as t
from gateway.store.upsert import INSERT

_NEW_INTAKE = {
    dialect: insert(t.intake).on_conflict_do_nothing(index_elements=["transport_id"]).returning(t.intake.c.id)
    for dialect, insert in INSERT.items()
}
_NEW_RAW_MAIL = sa.insert(t.raw_mail)
_DECIDED_INTAKE = sa.update(t.intake).where(
    t.intake.c.id == bindparam("intake"), t.intake.c.state == IntakeState.PENDING
)
_NEW_HANDLED = sa.insert(t.handled)


def accepted(
    tx: sa.Connection, envelope: Envelope, data: bytes, *, received_at: datetime, sha256: str | None = None
) -> IntakeId:
    """Store one mail as accepted (T1); the same transport id again is the row that is there.

    A large mail is named by the hash of its blob instead of its bytes.
    """
    row = {
        "transport": envelope.transport,
        "transport_id": envelope.transport_id,
        "mail_from": envelope.mail_from,
        "rcpt_to": list(envelope.rcpt_to),
        "peer": envelope.peer,
        "login": envelope.login,
        "authserv_id": envelope.authserv_id,
        "received_at": received_at,
        "state": IntakeState.PENDING,
        "attempts": 0,
        "faults": 0,
        "passed": [],
        "is_released": False,
    }
    new = tx.scalar(_NEW_INTAKE[tx.dialect.name], row)
    if new is None:
        known = tx.scalar(select(t.intake.c.id).where(t.intake.c.transport_id == envelope.transport_id))
        return IntakeId(int(known or 0))
    place = {"data": data} if sha256 is None else {"sha256": sha256}
    tx.execute(_NEW_RAW_MAIL, {"intake_id": new, **place})
    return IntakeId(new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What an intake row keeps of a decision. `fingerprint` is given where the mail counts as handled."""

    state: IntakeState
    decision: DecisionKind
    reason: str
    rung: str
    evidence: str | None = None
    passed: tuple[tuple[str, str], ...] = ()
    case: CaseNumber | None = None
    sender: str | None = None
    subject: str | None = None
    fingerprint: str | None = None


def decided(tx: sa.Connection, id_: IntakeId, what: Decided) -> None:
    """Note what a mail turned out to be, and free its lease.

    Raises Conflict if the row was decided meanwhile, or a copy of it is handled at this moment: when it is
    tried again it finds itself a duplicate.
    """
    values = {
        "state": what.state,
        "decision": what.decision,
        "reason": what.reason,
        "rung": what.rung,
        "evidence": what.evidence,
        "passed": [list(pair) for pair in what.passed],
        "case_number": what.case,
        "sender": what.sender,
        "subject": what.subject,
        "lease_until": None,
    }
    done = tx.execute(_DECIDED_INTAKE, {"intake": id_, **values})
    if done.rowcount != 1:
        raise Conflict(f"intake {id_} was decided by somebody else")
    if what.fingerprint is not None:
        tx.execute(_NEW_HANDLED, {"fingerprint": what.fingerprint, "intake_id": id_})


def failed(tx: sa.Connection, id_: IntakeId) -> None:
    """Count a failure of this mail and give it back, to be taken again."""
    values = {"faults": t.intake.c.faults + 1, "lease_until": None}
    tx.execute(sa.update(t.intake).where(t.intake.c.id == id_).values(values))


def held_until(tx: sa.Connection, id_: IntakeId, until: datetime) -> None:
    """Nobody else takes this mail before `until`; it is in work, and that takes longer than usual."""
    statement = sa.update(t.intake).where(t.intake.c.id == id_, t.intake.c.lease_until.is_not(None))
    tx.execute(statement.values(lease_until=until))


def still_pending(tx: sa.Connection, ids: Collection[IntakeId]) -> frozenset[IntakeId]:
    """Those of these mails that nobody has decided yet."""
    rows = tx.scalars(select(t.intake.c.id).where(t.intake.c.id.in_(ids), t.intake.c.state == IntakeState.PENDING))
    return frozenset(IntakeId(id_) for id_ in rows)


def postponed(tx: sa.Connection, id_: IntakeId, until: datetime) -> None:
    """The mail is not at fault: this lease does not count, and it is taken again after `until`."""
    values = {"attempts": t.intake.c.attempts - 1, "lease_until": until}
    tx.execute(sa.update(t.intake).where(t.intake.c.id == id_, t.intake.c.lease_until.is_not(None)).values(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a row stands, as far as a decision by hand must know; its bytes may be gone for good."""

    state: IntakeState
    has_bytes: bool
    decision: DecisionKind | None
    reason: str | None
    case: CaseNumber | None


def standing(tx: sa.Connection, id_: IntakeId) -> Standing | None:
    """Where a row stands, the row locked; None if there is no such."""
    row = tx.execute(select(t.intake).where(t.intake.c.id == id_).with_for_update()).first()
    if row is None:
        return None
    case = CaseNumber(row.case_number) if row.case_number is not None else None
    kept = tx.scalar(select(t.raw_mail.c.intake_id).where(t.raw_mail.c.intake_id == id_))
    return Standing(state=row.state, has_bytes=kept is not None, decision=row.decision, reason=row.reason, case=case)


def again(tx: sa.Connection, id_: IntakeId, *, asked_by: str, is_released: bool) -> None:
    """The row waits like one that just came: nothing is decided, counted or handled about it."""
    values: dict[str, Any] = {
        "state": IntakeState.PENDING,
        **dict.fromkeys(("decision", "reason", "rung", "evidence", "case_number", "lease_until")),
        "passed": [],
        "attempts": 0,
        "faults": 0,
        "asked_by": asked_by,
        "is_released": is_released,
    }
    tx.execute(sa.update(t.intake).where(t.intake.c.id == id_).values(values))
    tx.execute(sa.delete(t.handled).where(t.handled.c.intake_id == id_))


def dropped(tx: sa.Connection, id_: IntakeId, *, asked_by: str, reason: str) -> None:
    """The row ends as dropped; a worker that has it in hand finds it decided."""
    values = {
        "state": IntakeState.DROPPED,
        "decision": DecisionKind.DROPPED,
        "reason": reason,
        "rung": "by hand",
        "lease_until": None,
        "asked_by": asked_by,
    }
    tx.execute(sa.update(t.intake).where(t.intake.c.id == id_).values(values))
