"""Queries: rows become domain values. Everything a decision needs is read here, in a few indexed look-ups.

Statements that each mail runs stand ready at the top: building one costs more than running it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from gateway.domain.escalation import Gap, Meetings
from gateway.domain.facts import CaseFacts, MessageHead
from gateway.domain.model import (
    Case,
    CaseNumber,
    Contact,
    Direction,
    Escalation,
    Event,
    LogEntry,
    OutboxId,
    Party,
    PartyKind,
)
from gateway.domain.phrases import Phrase
from gateway.domain.post import OutboxRow
from gateway.errors import NotFound
from gateway.store import tables as t
from gateway.store.load_people import account, contacts_by_address, people, team

THREAD_LENGTH = 40
"""So many Message-IDs of a case are offered to compose, which trims further."""

NEWEST_SENT = 5
"""So many of the mails that a person got on a case are named in the next one, beside the first."""

_CASES = select(t.cases).where(t.cases.c.number.in_(bindparam("numbers"))).order_by(t.cases.c.number)
_CASES_LOCKED = _CASES.with_for_update()
_PARTICIPANTS = (
    select(t.participant.c.case_number, t.participant.c.party)
    .where(t.participant.c.case_number.in_(bindparam("numbers")))
    .order_by(t.participant.c.case_number, t.participant.c.position)
)
_ESCALATIONS = select(t.escalation).where(t.escalation.c.case_number.in_(bindparam("numbers")))
_HEADS = (
    select(t.message.c.id, t.message.c.author, t.message.c.subject)
    .where(t.message.c.case_number == bindparam("number"))
    .order_by(t.message.c.id)
)
_CORRESPONDENCE = (
    select(t.message.c.message_id, t.message.c.direction, t.message.c.automatic)
    .where(
        t.message.c.case_number == bindparam("number"),
        t.message.c.message_id.is_not(None),
        t.message.c.direction != Direction.NOTE,  # of which no mail to a customer tells anything
    )
    .order_by(t.message.c.id)
)
_LAST_WORDS = (
    select(t.message.c.text)
    .where(
        t.message.c.case_number == bindparam("number"),
        t.message.c.direction == Direction.INBOUND,
        t.message.c.automatic.is_(False),
    )
    .order_by(t.message.c.id.desc())
    .limit(1)
)
_MERGED_INTO = select(t.cases.c.merged_into).where(t.cases.c.number == bindparam("number"))
_SENT_TO = select(t.outbox.c.message_id).where(
    t.outbox.c.case_number == bindparam("number"), t.outbox.c.recipient == bindparam("recipient")
)
_FIRST_SENT_TO = _SENT_TO.order_by(t.outbox.c.id).limit(1)
_NEWEST_SENT_TO = _SENT_TO.order_by(t.outbox.c.id.desc()).limit(NEWEST_SENT)
_OUTBOX_ROWS = select(t.outbox).where(t.outbox.c.id.in_(bindparam("ids"))).order_by(t.outbox.c.id)


def case_from(row: sa.Row[Any], participants: Sequence[str] = (), escalation: Escalation | None = None) -> Case:
    """A case from its row, its participants in their order, and its newest escalation."""
    return Case(
        number=CaseNumber(row.number),
        subject=row.subject,
        type=row.type,
        category=row.category,
        priority=row.priority,
        status=row.status,
        account=row.account,
        reporter=Party.contact(row.reporter_id),
        assignee=Party.agent(row.assignee_id) if row.assignee_id is not None else None,
        team=row.team,
        channel=row.channel,
        product=row.product,
        product_version=row.product_version,
        environment=row.environment,
        planned_at=row.planned_at,
        merged_into=_number(row.merged_into),
        follow_up_of=_number(row.follow_up_of),
        followed_by=_number(row.followed_by),
        links=tuple(CaseNumber(number) for number in row.links),
        escalation=escalation,
        status_since=row.status_since,
        stay=row.stay,
        reminded_at=row.reminded_at,
        deferred_until=row.deferred_until,
        deferred_by=Party.parse(row.deferred_by) if row.deferred_by else None,
        awaits=tuple(map(int, (row.awaits or "").split())),
        participants=tuple(Party.parse(party) for party in participants),
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def participants_of(tx: sa.Connection, numbers: Sequence[int]) -> dict[int, list[str]]:
    """Participants by case number, in the order in which they joined."""
    found: dict[int, list[str]] = {number: [] for number in numbers}
    for number, party in tx.execute(_PARTICIPANTS, {"numbers": numbers}):
        found[number].append(party)
    return found


def _number(value: int | None) -> CaseNumber | None:
    return CaseNumber(value) if value is not None else None


def escalations_of(tx: sa.Connection, rows: Iterable[sa.Row[Any]]) -> dict[int, Escalation]:
    """The newest escalation of each of these cases that ever had one."""
    newest = {(row.number, row.escalations) for row in rows if row.escalations}
    if not newest:
        return {}
    numbers = sorted(number for number, _ in newest)
    return {
        row.case_number: Escalation(
            round=row.round,
            kind=row.kind,
            state=row.state,
            reason=row.reason,
            team=row.team,
            requested_by=Party.parse(row.requested_by),
            requested_at=row.requested_at,
            manager=Party.parse(row.manager) if row.manager else None,
            taken_at=row.taken_at,
            reminders=row.reminders,
            told=row.told,
            meetings=_meetings(row),
            resolved_at=row.resolved_at,
            resolved_by=Party.parse(row.resolved_by) if row.resolved_by else None,
            lessons_at=row.lessons_at,
            log=tuple(_entry(entry) for entry in row.log),
        )
        for row in tx.execute(_ESCALATIONS, {"numbers": numbers})
        if (row.case_number, row.round) in newest
    }


def _meetings(row: sa.Row[Any]) -> Meetings | None:
    if row.meetings_every is None:
        return None
    return Meetings(
        gap=Gap.parse(row.meetings_every),
        first=row.meetings_first_at,
        zone=row.meetings_zone,
        channel=row.place,
        began=row.meetings_began,
        sequence=row.meetings_sequence,
        next_at=row.meeting_next_at,
        round=row.meeting_round,
    )


def _entry(entry: Mapping[str, Any]) -> LogEntry:
    at, author = datetime.fromisoformat(entry["at"]), Party.parse(entry["author"])
    return LogEntry(at=at, author=author, text=entry["text"], internal=entry["internal"])


def cases(tx: sa.Connection, numbers: Iterable[int], *, lock: bool = False) -> dict[int, Case]:
    """Cases by number; those that do not exist are left out. `lock` holds the rows until the commit."""
    rows = tx.execute(_CASES_LOCKED if lock else _CASES, {"numbers": sorted(set(numbers))}).all()
    joined = participants_of(tx, [row.number for row in rows])
    escalated = escalations_of(tx, rows)
    return {row.number: case_from(row, joined[row.number], escalated.get(row.number)) for row in rows}


def case_facts(
    tx: sa.Connection, number: CaseNumber, token: str, *, actors: Iterable[Party] = (), team_named: str | None = None
) -> CaseFacts:
    """Everything an action on this case needs, the case row locked; NotFound if there is no such case.

    `actors` are looked up beside the people of the case; `token` is the case's; `team_named` is a team to be told
    instead of the case's.
    """
    case = cases(tx, (number,), lock=True).get(number)
    if case is None:
        raise NotFound(Phrase("there is no case {number}", number=number))
    asked = case.escalation
    called = (asked.requested_by, asked.manager, asked.resolved_by) if asked else ()
    named = [party for party in (case.assignee, case.deferred_by, *called) if party]
    parties = {case.reporter, *case.participants, *named, *actors}
    known_contacts, known_agents = people(tx, parties)
    if outside := {party.id: party for party in case.participants if party.kind is PartyKind.EXTERNAL}:
        found = contacts_by_address(tx, outside)
        known_contacts |= {outside[address]: contact for address, contact in found.items()}
    thread = tx.execute(_CORRESPONDENCE, {"number": number}).all()
    inbound = [row.message_id for row in thread if row.direction == "inbound" and not row.automatic]
    return CaseFacts(
        number=number,
        token=token,
        case=case,
        account=account(tx, case.account),
        contacts=known_contacts,
        agents=known_agents,
        team=team(tx, team_named or case.team),
        last_from_customer=inbound[-1] if inbound else None,
        thread=tuple(row.message_id for row in thread)[-THREAD_LENGTH:],
    )


def message_heads(tx: sa.Connection, number: CaseNumber) -> tuple[MessageHead, ...]:
    """All messages of a case, oldest first."""
    rows = tx.execute(_HEADS, {"number": number})
    return tuple(MessageHead(id=row.id, author=Party.parse(row.author), subject=row.subject) for row in rows)


def last_words(tx: sa.Connection, number: CaseNumber) -> str:
    """What a customer wrote last on a case, "" if nothing."""
    return tx.scalar(_LAST_WORDS, {"number": number}) or ""


def last_case(tx: sa.Connection, number: CaseNumber) -> CaseNumber:
    """Where a case went: itself, or the one at the end of its merges."""
    while (into := tx.scalar(_MERGED_INTO, {"number": number})) is not None:
        number = CaseNumber(into)
    return number


def opening_facts(tx: sa.Connection, number: CaseNumber, token: str, contact: Contact, first_team: str) -> CaseFacts:
    """Everything that opening a case as `number` for this contact needs."""
    owner = account(tx, contact.account)
    return CaseFacts(
        number=number,
        token=token,
        account=owner,
        contacts={contact.party: contact},
        team=team(tx, owner.team or first_team),
    )


def sent_to(tx: sa.Connection, number: int, recipient: str) -> tuple[str, ...]:
    """The Message-IDs of what this person got on this case, the first and the newest, oldest first."""
    whom = {"number": number, "recipient": recipient}
    newest = tx.scalars(_NEWEST_SENT_TO, whom).all()
    first = tx.scalars(_FIRST_SENT_TO, whom).all() if len(newest) == NEWEST_SENT else ()
    return tuple(dict.fromkeys((*first, *reversed(newest))))


def outbox_rows(tx: sa.Connection, ids: Sequence[int]) -> tuple[OutboxRow, ...]:
    """Outbox rows with their bytes, by id."""
    return tuple(
        OutboxRow(
            id=OutboxId(row.id),
            recipient=row.recipient,
            kind=row.kind,
            return_path=row.return_path,
            message_id=row.message_id,
            data=row.data,
            created_at=row.created_at,
            cause=row.cause,
            case=CaseNumber(row.case_number) if row.case_number is not None else None,
            state=row.state,
            attempts=row.attempts,
            next_attempt_at=row.next_attempt_at,
            last_error=row.last_error,
            budget=row.budget,
            rounds=row.rounds,
        )
        for row in tx.execute(_OUTBOX_ROWS, {"ids": ids})
    )


def due_at(tx: sa.Connection, number: int) -> datetime | None:
    """When the first SLA clock of a case that runs is due, as it was noted with the case's last change."""
    return tx.scalar(select(t.cases.c.sla_due_at).where(t.cases.c.number == number))


def events(tx: sa.Connection, number: int | None = None) -> Mapping[int, list[Event]]:
    """Histories by case number, oldest entry first: of one case, or of all."""
    query = select(t.event).order_by(t.event.c.case_number, t.event.c.id)
    if number is not None:
        query = query.where(t.event.c.case_number == number)
    found: dict[int, list[Event]] = {}
    for row in tx.execute(query):
        found.setdefault(row.case_number, []).append(event_from(row))
    return found


def event_from(row: sa.Row[Any]) -> Event:
    """An entry of a history from its row."""
    return Event(
        case=CaseNumber(row.case_number),
        at=row.at,
        actor=Party.parse(row.actor),
        cause=row.cause,
        step=row.step,
        event=row.event,
        from_status=row.from_status,
        to_status=row.to_status,
        detail=row.detail,
    )
