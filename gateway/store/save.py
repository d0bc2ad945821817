"""Domain values become rows. Nothing else writes cases or outbox; mail that came in is `store.intake`'s.

Every function takes the connection of a `db.begin()` transaction and leaves the commit to it.
Statements that each mail runs stand ready at the top: building one costs more than running it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from gateway.domain.actions import Change
from gateway.domain.escalation import Meetings
from gateway.domain.fold import CHANGES_ESCALATION
from gateway.domain.model import (
    Case,
    CaseNumber,
    Escalation,
    Event,
    LogEntry,
    Message,
    NoticeKind,
    OutboxId,
    timestamp,
)
from gateway.domain.post import OutboxRow, OutboxState
from gateway.errors import Conflict
from gateway.store import tables as t
from gateway.store.upsert import INSERT

_OPEN = (OutboxState.PENDING, OutboxState.IN_DOUBT)
"""Mail that is still owed."""

_NEXT_CASE_LOCKED = select(t.counter.c.value).where(t.counter.c.name == "case").with_for_update()
_NEXT_CASE = (
    sa.update(t.counter)
    .where(t.counter.c.name == "case")
    .values(value=t.counter.c.value + 1)
    .returning(t.counter.c.value)
)
_NEW_CASE = sa.insert(t.cases)
_CHANGED_CASE = sa.update(t.cases).where(
    t.cases.c.number == bindparam("case"), t.cases.c.version == bindparam("before")
)
_DUE_CASE = sa.update(t.cases).where(t.cases.c.number == bindparam("case")).values(sla_due_at=bindparam("due"))
_OLD_PARTICIPANTS = sa.delete(t.participant).where(t.participant.c.case_number == bindparam("case"))
_NEW_PARTICIPANT = sa.insert(t.participant)
_NEW_EVENT = sa.insert(t.event)
_NEW_MESSAGE = sa.insert(t.message).returning(t.message.c.id)
_NEW_ATTACHMENT = sa.insert(t.attachment)
_HEARD_THREAD = {dialect: insert(t.thread).on_conflict_do_nothing() for dialect, insert in INSERT.items()}
_NEW_THREAD = {
    dialect: insert(t.thread).on_conflict_do_update(
        index_elements=["message_id", "case_number"], set_={"heard": False}, where=t.thread.c.heard
    )
    for dialect, insert in INSERT.items()
}
_NEW_OUTBOX = sa.insert(t.outbox)
_SETTLED_OUTBOX = sa.update(t.outbox).where(t.outbox.c.id == bindparam("outbox"), t.outbox.c.state.in_(_OPEN))


def opens_next(tx: sa.Connection) -> None:
    """Wait until no other transaction is opening a case; from here on this one does."""
    tx.execute(_NEXT_CASE_LOCKED)


def next_case_number(tx: sa.Connection) -> CaseNumber:
    """The number of the case that this transaction opens; without gaps."""
    return CaseNumber(tx.execute(_NEXT_CASE).scalar_one())


def change(tx: sa.Connection, done: Change, *, at: datetime) -> None:
    """Write what one decided action changed: case, events, message, thread. Outbox rows are `outbox()`'s."""
    if done.case is not None and done.events:
        _case(tx, done.case, done.events)
        tx.execute(
            _NEW_EVENT,
            [
                {
                    "case_number": entry.case,
                    "at": entry.at,
                    "actor": str(entry.actor),
                    "cause": entry.cause,
                    "step": entry.step,
                    "event": entry.event,
                    "from_status": entry.from_status,
                    "to_status": entry.to_status,
                    "detail": dict(entry.detail),
                }
                for entry in done.events
            ],
        )
    if done.case is not None and done.message is not None:
        _message(tx, done.case.number, done.message, at)
    if done.case is not None and (done.takes or done.absorbs is not None):
        _move_messages(tx, done.case.number, done.takes, done.absorbs)


def _move_messages(tx: sa.Connection, number: CaseNumber, ids: Sequence[int], absorbed: CaseNumber | None) -> None:
    """Messages of other cases become this one's; answers to those that are named by id follow them."""
    chosen = t.message.c.id.in_(ids) if absorbed is None else t.message.c.case_number == absorbed
    if absorbed is None:
        named = select(t.message.c.message_id).where(chosen, t.message.c.message_id.is_not(None))
        known = tx.scalars(named).all()
        account = select(t.cases.c.account).where(t.cases.c.number == number).scalar_subquery()
        ours = select(t.cases.c.number).where(t.cases.c.account == account)  # also those merged into the old case
        tx.execute(sa.delete(t.thread).where(t.thread.c.message_id.in_(known), t.thread.c.case_number.in_(ours)))
        _thread(tx, [(number, message_id) for message_id in known])
    tx.execute(sa.update(t.message).where(chosen).values(case_number=number))


def _case(tx: sa.Connection, case: Case, events: Sequence[Event]) -> None:
    row = _row_of(case)
    before = case.version - len(events)
    if before == 0:
        tx.execute(_NEW_CASE, {"number": case.number, **row})
    elif tx.execute(_CHANGED_CASE, {"case": case.number, "before": before, **row}).rowcount != 1:
        raise Conflict(f"case {case.number} was changed by somebody else")
    names = {entry.event for entry in events}
    if names & {"participant_added", "participant_removed"}:
        _participants(tx, case)
    if case.escalation and names & CHANGES_ESCALATION:
        _escalation(tx, case.number, case.escalation)


def _row_of(case: Case) -> dict[str, Any]:
    """The row of a case but for its number."""
    return {
        "subject": case.subject,
        "type": case.type,
        "category": case.category,
        "priority": case.priority,
        "status": case.status,
        "account": case.account,
        "reporter_id": int(case.reporter.id),
        "assignee_id": int(case.assignee.id) if case.assignee else None,
        "team": case.team,
        "channel": case.channel,
        "product": case.product,
        "product_version": case.product_version,
        "environment": case.environment,
        "planned_at": case.planned_at,
        "merged_into": case.merged_into,
        "follow_up_of": case.follow_up_of,
        "followed_by": case.followed_by,
        "links": list(case.links),
        "escalations": case.escalation.round if case.escalation else 0,
        "status_since": case.status_since,
        "stay": case.stay,
        "reminded_at": case.reminded_at,
        "deferred_until": case.deferred_until,
        "deferred_by": str(case.deferred_by) if case.deferred_by else None,
        "awaits": " ".join(map(str, case.awaits)) or None,
        "created_at": case.created_at,
        "updated_at": case.updated_at,
        "version": case.version,
        "sla_due_at": None,  # `due_at` follows where there is one
    }


def due_at(tx: sa.Connection, number: CaseNumber, at: datetime | None) -> None:
    """When the first SLA clock of a case that runs is due, as its history says; a change of it has left None here."""
    if at is not None:
        tx.execute(_DUE_CASE, {"case": number, "due": at})


def _participants(tx: sa.Connection, case: Case) -> None:
    tx.execute(_OLD_PARTICIPANTS, {"case": case.number})
    rows = [
        {"case_number": case.number, "party": str(party), "position": position}
        for position, party in enumerate(case.participants)
    ]
    if rows:
        tx.execute(_NEW_PARTICIPANT, rows)


def _escalation(tx: sa.Connection, number: CaseNumber, escalation: Escalation) -> None:
    """The newest escalation of a case, new or changed."""
    key = {"case_number": number, "round": escalation.round}
    values = {
        "kind": escalation.kind,
        "state": escalation.state,
        "reason": escalation.reason,
        "team": escalation.team,
        "requested_by": str(escalation.requested_by),
        "requested_at": escalation.requested_at,
        "manager": str(escalation.manager) if escalation.manager else None,
        "taken_at": escalation.taken_at,
        "reminders": escalation.reminders,
        "told": escalation.told,
        **_meetings(escalation.meetings),
        "resolved_at": escalation.resolved_at,
        "resolved_by": str(escalation.resolved_by) if escalation.resolved_by else None,
        "lessons_at": escalation.lessons_at,
        "log": [_log_entry(entry) for entry in escalation.log],
    }
    row = INSERT[tx.dialect.name](t.escalation).values(**key, **values)
    tx.execute(row.on_conflict_do_update(index_elements=list(key), set_=values))


def _meetings(meetings: Meetings | None) -> dict[str, Any]:
    return {
        "meetings_every": str(meetings.gap) if meetings else None,
        "meetings_first_at": meetings.first if meetings else None,
        "meetings_zone": meetings.zone if meetings else None,
        "place": meetings.channel if meetings else None,
        "meetings_began": meetings.began if meetings else None,
        "meetings_sequence": meetings.sequence if meetings else None,
        "meeting_next_at": meetings.next_at if meetings else None,
        "meeting_round": meetings.round if meetings else None,
    }


def _log_entry(entry: LogEntry) -> dict[str, Any]:
    return {"at": timestamp(entry.at), "author": str(entry.author), "text": entry.text, "internal": entry.internal}


def _message(tx: sa.Connection, number: CaseNumber, message: Message, at: datetime) -> None:
    row = {
        "case_number": number,
        "direction": message.direction,
        "author": str(message.author),
        "automatic": message.automatic,
        "authenticity": message.authenticity,
        "at": at,
        "subject": message.subject,
        "text": message.text,
        "quoted": message.quoted,
        "message_id": message.message_id,
        "intake_id": message.intake,
        "encrypted": message.encrypted,
    }
    new = tx.execute(_NEW_MESSAGE, row).scalar_one()
    if message.attachments:
        tx.execute(
            _NEW_ATTACHMENT,
            [
                {
                    "message": new,
                    "name": file.name,
                    "size": file.size,
                    "sha256": file.sha256,
                    "content_type": file.content_type,
                    "state": file.state,
                }
                for file in message.attachments
            ],
        )
    if message.message_id:
        _thread(tx, [(number, message.message_id)])
    _thread(tx, [(number, message_id) for message_id in message.refers_to], heard=True)


def _thread(tx: sa.Connection, pairs: Sequence[tuple[CaseNumber, str]], *, heard: bool = False) -> None:
    """Remember which case a Message-ID belongs to; one that was only heard of until now may be seen later."""
    rows = [{"message_id": message_id, "case_number": number, "heard": heard} for number, message_id in pairs]
    if rows:
        tx.execute((_HEARD_THREAD if heard else _NEW_THREAD)[tx.dialect.name], rows)


def outbox(tx: sa.Connection, mails: Sequence[OutboxRow]) -> None:
    """Owe mails: in the same transaction as the change that they tell about. Their `id` is ignored."""
    rows = [
        {
            "case_number": mail.case,
            "recipient": mail.recipient,
            "kind": mail.kind,
            "state": mail.state,
            "return_path": mail.return_path,
            "message_id": mail.message_id,
            "data": mail.data,
            "created_at": mail.created_at,
            "cause": mail.cause,
            "budget": mail.budget,
            "is_bulk": mail.kind is NoticeKind.ANNOUNCEMENT,
            "rounds": mail.rounds,
            "attempts": 0,
            "next_attempt_at": mail.next_attempt_at or mail.created_at,
        }
        for mail in mails
    ]
    if rows:
        tx.execute(_NEW_OUTBOX, rows)
    _thread(tx, [(mail.case, mail.message_id) for mail in mails if mail.case is not None])


def outbox_settled(
    tx: sa.Connection,
    id_: OutboxId,
    *,
    state: OutboxState,
    text: str,
    next_attempt_at: datetime | None = None,
    attempted: bool = True,
) -> None:
    """Note what an attempt came to (T5) and free the lease; a row that is settled already stays as it is."""
    values: dict[str, Any] = {"state": state, "last_error": text, "lease_until": None}
    if next_attempt_at is not None:
        values["next_attempt_at"] = next_attempt_at
    settled = _SETTLED_OUTBOX if attempted else _SETTLED_OUTBOX.values(attempts=t.outbox.c.attempts - 1)
    tx.execute(settled, {"outbox": id_, **values})


def outbox_failed(tx: sa.Connection, id_: OutboxId, text: str) -> bool:
    """Note that a mail will never arrive, also one that left and bounced; False if that is known already."""
    final = (OutboxState.FAILED, OutboxState.CANCELLED)
    statement = sa.update(t.outbox).where(t.outbox.c.id == id_, t.outbox.c.state.not_in(final))
    values = {"state": OutboxState.FAILED, "last_error": text, "lease_until": None}
    return tx.execute(statement.values(values)).rowcount == 1


def outbox_cancelled(tx: sa.Connection, recipients: Sequence[str], reason: str, *, only_bulk: bool = False) -> int:
    """Mail to these addresses that still waits, or only announcements, is never sent; how many mails that are."""
    waits = t.outbox.c.recipient.in_(recipients) & t.outbox.c.state.in_((*_OPEN, OutboxState.HELD))
    if only_bulk:
        waits &= t.outbox.c.is_bulk
    values = {"state": OutboxState.CANCELLED, "last_error": reason, "lease_until": None}
    return tx.execute(sa.update(t.outbox).where(waits).values(values)).rowcount


def outbox_postponed(tx: sa.Connection, until: datetime) -> None:
    """All mail that is due waits until then: the relay is away, no mail is at fault."""
    where = t.outbox.c.state.in_(_OPEN) & (t.outbox.c.next_attempt_at < until)
    tx.execute(sa.update(t.outbox).where(where).values(next_attempt_at=until))


def outbox_untried_due(tx: sa.Connection, now: datetime) -> None:
    """Mail that no server has seen yet is due."""
    where = (t.outbox.c.state == OutboxState.PENDING) & (t.outbox.c.attempts == 0) & (t.outbox.c.next_attempt_at > now)
    tx.execute(sa.update(t.outbox).where(where).values(next_attempt_at=now))


def alarm_raised(
    tx: sa.Connection, name: str, *, at: datetime, text: str, mend: str, until: datetime | None = None
) -> bool:
    """Say that a person must mend something; True if it was not said before.

    `since` stays that of the first time. `until`: then it ends by itself.
    """
    stands = select(t.alarm.c.name).where(t.alarm.c.name == name, t.alarm.c.until.is_(None) | (t.alarm.c.until > at))
    is_known = tx.scalar(stands) is not None
    row = INSERT[tx.dialect.name](t.alarm).values(name=name, since=at, text=text, mend=mend, until=until)
    since = sa.case((t.alarm.c.until <= at, at), else_=t.alarm.c.since)
    values = {"text": text, "mend": mend, "until": until, "since": since}
    tx.execute(row.on_conflict_do_update(index_elements=["name"], set_=values))
    return not is_known


def alarm_cleared(tx: sa.Connection, name: str) -> None:
    """It is mended."""
    tx.execute(sa.delete(t.alarm).where(t.alarm.c.name == name))
