"""Queries: rows become domain values. Everything a decision needs is read here, in a few indexed look-ups.

Statements that each mail runs stand ready at the top: building one costs more than running it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from gateway.domain.facts import CaseFacts, MailFacts, MessageHead, OwnMail
from gateway.domain.model import (
    Case,
    CaseNumber,
    Contact,
    Escalation,
    Event,
    IntakeId,
    NoticeKind,
    OutboxId,
    Party,
)
from gateway.domain.post import Clue, ClueKind, Envelope, OutboxRow, ParsedMail, RawMail
from gateway.errors import NotFound
from gateway.store import tables as t
from gateway.store.load_people import account, agent_by_address, contacts_by_address, people, team

ANSWER_ONCE_IN = timedelta(days=1)
"""A stranger gets the polite answer at most this often (SPEC section 7, rung 9)."""

THREAD_LENGTH = 40
"""So many Message-IDs of a case are offered to compose, which trims further."""

COPIED_MOST = 50
"""So many addresses of To and Cc are looked up."""

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
    .where(t.message.c.case_number == bindparam("number"), t.message.c.message_id.is_not(None))
    .order_by(t.message.c.id)
)
_MERGED_INTO = select(t.cases.c.merged_into).where(t.cases.c.number == bindparam("number"))
_HANDLED_BY = select(t.handled.c.intake_id).where(t.handled.c.fingerprint == bindparam("fingerprint"))
_TOLD = (
    select(t.outbox.c.id)
    .where(
        t.outbox.c.recipient == bindparam("address"),
        t.outbox.c.kind == NoticeKind.UNREGISTERED,
        t.outbox.c.created_at > bindparam("since"),
    )
    .limit(1)
)
_OWN_MAIL = select(t.outbox.c.id, t.outbox.c.case_number, t.outbox.c.recipient, t.outbox.c.cause)
_OWN_MAIL_BY_RETURN_PATH = _OWN_MAIL.where(t.outbox.c.return_path == bindparam("return_path"))
_OWN_MAIL_BY_MESSAGE_ID = _OWN_MAIL.where(t.outbox.c.message_id == bindparam("message_id"))
_THREADS = select(t.thread).where(t.thread.c.message_id.in_(bindparam("message_ids")))
_RAW_MAILS = (
    select(t.intake, t.raw_mail.c.data, t.raw_mail.c.sha256)
    .join(t.raw_mail, t.raw_mail.c.intake_id == t.intake.c.id)
    .where(t.intake.c.id.in_(bindparam("ids")))
    .order_by(t.intake.c.id)
)
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
        )
        for row in tx.execute(_ESCALATIONS, {"numbers": numbers})
        if (row.case_number, row.round) in newest
    }


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
        raise NotFound(f"there is no case {number}")
    named = [party for party in (case.assignee, case.deferred_by) if party]
    parties = {case.reporter, *case.participants, *named, *actors}
    known_contacts, known_agents = people(tx, parties)
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


def facts_for_mail(
    tx: sa.Connection, mail: ParsedMail, clues: Sequence[Clue], return_path: str | None, now: datetime
) -> MailFacts:
    """Everything the ladder needs to know about one mail; `return_path` is the keyed one of ours that it came to."""
    sender = mail.sender
    named = (*((sender,) if sender else ()), *mail.to[:COPIED_MOST], *mail.cc[:COPIED_MOST])
    known = contacts_by_address(tx, named)
    contact = known.get(sender) if sender else None
    agent = agent_by_address(tx, sender) if sender and not contact else None
    named_cases = cases_of_clues(tx, clues)
    copied = {known[a].id: known[a] for a in (*mail.to, *mail.cc) if a in known and known[a].may_write}
    return MailFacts(
        handled_by=_handled_by(tx, mail.fingerprint),
        is_our_own=_is_our_own(tx, mail.message_id),
        contact=contact,
        agent=agent,
        own_mail=_own_mail(tx, mail, return_path),
        cases=named_cases,
        copied=tuple(copied.values()),
        told=sender is not None and contact is None and _told(tx, sender, now - ANSWER_ONCE_IN),
        names=_names_of_agents(tx, named_cases),
    )


def _names_of_agents(tx: sa.Connection, named: Sequence[tuple[Clue, Case]]) -> tuple[str, ...]:
    """The names of those who work on these cases; most mails name none."""
    assignees = {case.assignee for _, case in named if case.assignee}
    return tuple(agent.name for agent in people(tx, assignees)[1].values()) if assignees else ()


def _handled_by(tx: sa.Connection, fingerprint: str) -> IntakeId | None:
    found = tx.scalar(_HANDLED_BY, {"fingerprint": fingerprint})
    return IntakeId(found) if found is not None else None


def _is_our_own(tx: sa.Connection, message_id: str | None) -> bool:
    return message_id is not None and tx.scalar(_OWN_MAIL_BY_MESSAGE_ID, {"message_id": message_id}) is not None


def _told(tx: sa.Connection, address: str, since: datetime) -> bool:
    return tx.scalar(_TOLD, {"address": address, "since": since}) is not None


def _own_mail(tx: sa.Connection, mail: ParsedMail, return_path: str | None) -> OwnMail | None:
    row = None
    if return_path is not None:
        row = tx.execute(_OWN_MAIL_BY_RETURN_PATH, {"return_path": return_path}).first()
    keyed = row is not None
    if row is None and mail.report is not None and mail.report.original_message_id:
        row = tx.execute(_OWN_MAIL_BY_MESSAGE_ID, {"message_id": mail.report.original_message_id}).first()
    if row is None:
        return None
    case = CaseNumber(row.case_number) if row.case_number is not None else None
    return OwnMail(id=OutboxId(row.id), case=case, recipient=row.recipient, cause=row.cause, keyed=keyed)


def cases_of_clues(tx: sa.Connection, clues: Sequence[Clue]) -> tuple[tuple[Clue, Case], ...]:
    """The cases that clues name, in the order of the clues."""
    ids = {message_id for clue in clues for message_id in clue.message_ids[:THREAD_LENGTH]}
    threads = tx.execute(_THREADS, {"message_ids": sorted(ids)}).all() if ids else []
    pairs: list[tuple[Clue, int]] = []
    for clue in clues:
        if clue.number is not None:
            pairs.append((clue, clue.number))
        pairs += [(clue, number) for number in _cases_of_ids(clue, threads)]
    known = cases(tx, {number for _, number in pairs}) if pairs else {}
    return tuple((clue, case) for clue, number in pairs if number in known for case in _line(tx, known[number]))


def _cases_of_ids(clue: Clue, threads: Sequence[sa.Row[Any]]) -> list[int]:
    """References lead by ids that we sent or saw; beside them count the mail's own, and what we only heard of."""
    own = clue.message_ids[0] if clue.kind is ClueKind.ORIGINAL else None
    place = {message_id: index for index, message_id in enumerate(clue.message_ids[:THREAD_LENGTH])}
    rows = [row for row in threads if row.message_id in place]
    if clue.kind is ClueKind.ORIGINAL:
        rows = [row for row in rows if row.heard or row.message_id == own]
    else:
        rows = [row for row in rows if not row.heard]
    return [row.case_number for row in sorted(rows, key=lambda row: (place[row.message_id], row.case_number))]


def _line(tx: sa.Connection, case: Case) -> Iterator[Case]:
    """A case, or the one it was merged into, and after it its follow-ups."""
    following: CaseNumber | None = case.number
    while following is not None:
        number = last_case(tx, following)
        current = case if number == case.number else cases(tx, (number,))[number]
        yield current
        following = current.followed_by


def raw_mails(tx: sa.Connection, ids: Sequence[int]) -> list[tuple[RawMail, str | None]]:
    """Intake rows with their bytes, by id; a large mail has empty bytes and the hash of its blob instead."""
    return [
        (
            RawMail(
                id=IntakeId(row.id),
                envelope=Envelope(
                    transport=row.transport,
                    transport_id=row.transport_id,
                    mail_from=row.mail_from,
                    rcpt_to=tuple(row.rcpt_to),
                    peer=row.peer,
                    login=row.login,
                    authserv_id=row.authserv_id,
                ),
                received_at=row.received_at,
                data=row.data or b"",
                attempts=row.attempts,
                faults=row.faults,
                asked_by=row.asked_by,
                is_released=row.is_released,
            ),
            row.sha256,
        )
        for row in tx.execute(_RAW_MAILS, {"ids": ids})
    ]


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
