"""Read models of the mail side: intake, outbox, and how the whole gateway stands (`casegate status`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.model import TimerKind
from gateway.domain.post import IntakeState, OutboxState, TimerState
from gateway.errors import NotFound
from gateway.mail.masking import without_tokens
from gateway.store import tables as t

OPEN = (OutboxState.PENDING, OutboxState.IN_DOUBT)
"""Mail that may still leave."""

ALARM_AFTER = 5
"""A timer that was tried so often and has not fired is an alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeView:
    """An intake row as listed.

    `passed` are the rungs above the one that held, `asked_by` the agent who had it decided once more, `is_released` as
    if its sender were acceptable. One-time addresses in `rcpt_to` and `subject` are masked.
    """

    id: int
    transport: str
    received_at: datetime
    state: str
    decision: str | None
    reason: str | None
    case: int | None
    sender: str | None
    subject: str | None
    rung: str | None
    evidence: str | None
    attempts: int
    faults: int
    mail_from: str | None
    rcpt_to: Sequence[str]
    passed: Sequence[Sequence[str]]
    asked_by: str | None
    is_released: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxView:
    """An outbox row as listed."""

    id: int
    case: int | None
    recipient: str
    kind: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
    message_id: str
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something a person must mend, and how."""

    name: str
    since: datetime
    text: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeFigures:
    """What waits on the way in; `oldest_seconds` is the age of the oldest pending mail."""

    pending: int
    held: int
    quarantined: int
    oldest_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxFigures:
    """What waits on the way out; `paused` while no mail can leave."""

    pending: int
    due: int
    in_doubt: int
    held: int
    failed: int
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFigures:
    """What comes due: how many timers are, and when the next one will be."""

    due: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxView:
    """A mailbox that we take from; `last_success_at` is None until it was read once."""

    name: str
    last_success_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`casegate status`: settled when nothing is pending and nothing is due, neither mail nor timer."""

    now: datetime
    settled: bool
    intake: IntakeFigures
    outbox: OutboxFigures
    timers: TimerFigures
    mailboxes: tuple[MailboxView, ...]
    alarms: tuple[Alarm, ...]


def intake_rows(
    tx: sa.Connection, *, state: IntakeState | None = None, id_: int | None = None, limit: int | None = None
) -> tuple[IntakeView, ...]:
    """Intake rows, newest first; NotFound if one is asked for that is not there."""
    query = select(t.intake).order_by(t.intake.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(t.intake.c.state == state)
    if id_ is not None:
        query = query.where(t.intake.c.id == id_)
    found = tuple(_intake_view(row) for row in tx.execute(query))
    if id_ is not None and not found:
        raise NotFound(f"there is no intake row {id_}")
    return found


def _intake_view(row: sa.Row[Any]) -> IntakeView:
    return IntakeView(
        id=row.id,
        transport=row.transport,
        received_at=row.received_at,
        state=row.state,
        decision=row.decision,
        reason=row.reason,
        case=row.case_number,
        sender=row.sender,
        subject=without_tokens(row.subject) if row.subject else row.subject,
        rung=row.rung,
        evidence=row.evidence,
        attempts=row.attempts,
        faults=row.faults,
        mail_from=row.mail_from,
        rcpt_to=tuple(map(without_tokens, row.rcpt_to)),
        passed=row.passed,
        asked_by=row.asked_by,
        is_released=row.is_released,
    )


def outbox_rows(
    tx: sa.Connection, *, state: OutboxState | None = None, id_: int | None = None, limit: int | None = None
) -> tuple[OutboxView, ...]:
    """Outbox rows, newest first; NotFound if one is asked for that is not there."""
    query = select(t.outbox).order_by(t.outbox.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(t.outbox.c.state == state)
    if id_ is not None:
        query = query.where(t.outbox.c.id == id_)
    found = tuple(
        OutboxView(
            id=row.id,
            case=row.case_number,
            recipient=row.recipient,
            kind=row.kind,
            state=row.state,
            attempts=row.attempts,
            next_attempt_at=row.next_attempt_at if row.state in OPEN else None,
            message_id=row.message_id,
            last_error=row.last_error,
        )
        for row in tx.execute(query)
    )
    if id_ is not None and not found:
        raise NotFound(f"there is no outbox row {id_}")
    return found


def outbox_mail(tx: sa.Connection, id_: int) -> bytes:
    """The bytes of an outgoing mail."""
    data = tx.scalar(select(t.outbox.c.data).where(t.outbox.c.id == id_))
    if data is None:
        raise NotFound(f"there is no outbox row {id_}")
    return bytes(data)


def standing(tx: sa.Connection, now: datetime, *, outbound: bool, mailboxes: Sequence[str] = ()) -> Standing:
    """How the gateway stands; `outbound` says whether a relay is configured at all, `mailboxes` which are."""
    alarms = [*_raised(tx, now), *([] if outbound else [_no_relay(tx, now)]), *_stuck_timers(tx, now)]
    intake, timers = _intake(tx, now), _timers(tx, now)
    outbox = _outbox(tx, now, outbound=outbound, paused=any(alarm.name == "outbound" for alarm in alarms))
    return Standing(
        now=now,
        settled=intake.pending == 0 and outbox.due == 0 and timers.due == 0,
        intake=intake,
        outbox=outbox,
        timers=timers,
        mailboxes=_mailboxes(tx, mailboxes),
        alarms=tuple(alarms),
    )


def _raised(tx: sa.Connection, now: datetime) -> list[Alarm]:
    """The alarms that somebody raised and nobody has cleared, but for those that have ended by themselves."""
    stands = t.alarm.c.until.is_(None) | (t.alarm.c.until > now)
    return [
        Alarm(name=row.name, since=row.since, text=row.text, mend=row.mend)
        for row in tx.execute(select(t.alarm).where(stands).order_by(t.alarm.c.since, t.alarm.c.name))
    ]


def _no_relay(tx: sa.Connection, now: datetime) -> Alarm:
    """The alarm that stands as long as no `[outbound]` is configured."""
    owed = select(sa.func.count(), sa.func.min(t.outbox.c.created_at)).where(t.outbox.c.state.in_(OPEN))
    waiting, since = tx.execute(owed).one()
    text = f"no [outbound] is configured: {waiting} mail{'s' if waiting != 1 else ''} cannot leave"
    return Alarm(name="outbound", since=since or now, text=text, mend="add [outbound] host and port")


def _intake(tx: sa.Connection, now: datetime) -> IntakeFigures:
    arrived = _counts(tx, t.intake)
    oldest = tx.scalar(select(sa.func.min(t.intake.c.received_at)).where(t.intake.c.state == IntakeState.PENDING))
    return IntakeFigures(
        pending=arrived.get(IntakeState.PENDING, 0),
        held=arrived.get(IntakeState.HELD, 0),
        quarantined=arrived.get(IntakeState.QUARANTINED, 0),
        oldest_seconds=max(0.0, (now - oldest).total_seconds()) if oldest else None,
    )


def _outbox(tx: sa.Connection, now: datetime, *, outbound: bool, paused: bool) -> OutboxFigures:
    leaving = _counts(tx, t.outbox)
    due = select(sa.func.count()).where(t.outbox.c.state.in_(OPEN), t.outbox.c.next_attempt_at <= now)
    return OutboxFigures(
        pending=leaving.get(OutboxState.PENDING, 0),
        due=(tx.scalar(due) or 0) if outbound else 0,
        in_doubt=leaving.get(OutboxState.IN_DOUBT, 0),
        held=leaving.get(OutboxState.HELD, 0),
        failed=leaving.get(OutboxState.FAILED, 0),
        paused=paused,
    )


def _counts(tx: sa.Connection, work: sa.Table) -> dict[str, int]:
    query = select(work.c.state, sa.func.count()).group_by(work.c.state)
    return {state: count for state, count in tx.execute(query)}  # noqa: C416  # Row objects are no pairs to mypy


def _timers(tx: sa.Connection, now: datetime) -> TimerFigures:
    at, waiting = t.timer.c.due_at, t.timer.c.state == TimerState.PENDING
    due = tx.scalar(select(sa.func.count()).where(waiting, at <= now))
    return TimerFigures(due=due or 0, next_at=tx.scalar(select(sa.func.min(at)).where(waiting, at > now)))


def _stuck_timers(tx: sa.Connection, now: datetime) -> list[Alarm]:
    """The alarm about timers that were tried often enough; it ends by itself with the last of them."""
    late = t.timer.c.due_at <= now
    query = select(t.timer).where(t.timer.c.state == TimerState.PENDING, late, t.timer.c.attempts >= ALARM_AFTER)
    stuck = tx.execute(query.order_by(t.timer.c.due_at, t.timer.c.id)).all()
    if not stuck:
        return []
    named = ", ".join(f"{row.id} ({row.kind} of {_subject(row)}, tried {row.attempts} times)" for row in stuck[:5])
    more = f" and {len(stuck) - 5} more" if len(stuck) > 5 else ""
    mend = "timer.failed in the log says where it fails; it is tried again each hour, and at a restart"
    return [Alarm(name="timer", since=stuck[0].due_at, text=f"timers that do not fire: {named}{more}", mend=mend)]


def _subject(row: sa.Row[Any]) -> str:
    """What a timer is about."""
    if row.case_number is not None:
        return f"case {row.case_number}"
    if row.kind is TimerKind.DIGEST:
        return "mail set aside"
    return f"registration {row.registration_id}" if row.registration_id else f"approval {row.approval_id}"


def _mailboxes(tx: sa.Connection, names: Sequence[str]) -> tuple[MailboxView, ...]:
    query = select(t.mailbox.c.name, t.mailbox.c.last_success_at).where(t.mailbox.c.name.in_(names))
    seen = {row.name: row.last_success_at for row in tx.execute(query)}
    return tuple(MailboxView(name=name, last_success_at=seen.get(name)) for name in names)
