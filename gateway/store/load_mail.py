"""What the ladder needs to know about a mail, and the mails that wait, in a few indexed look-ups.

Statements that each mail runs stand ready at the top: building one costs more than running it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from gateway.domain.facts import Heard, MailFacts, OwnMail
from gateway.domain.model import Agent, Case, CaseNumber, Contact, IntakeId, NoticeKind, OutboxId
from gateway.domain.post import Clue, ClueKind, Envelope, ParsedMail, RawMail
from gateway.store import tables as t
from gateway.store.load import THREAD_LENGTH, cases, last_case
from gateway.store.load_people import account, agent_by_address, contacts_by_address, people

COPIED_MOST = 50
"""So many addresses of To and Cc are looked up."""

OUTSIDERS_MOST = 10
"""So many people whom nobody has registered can read along by one mail."""

ANSWER_ONCE_IN = timedelta(days=1)
"""A stranger gets the polite answer at most this often (SPEC section 7, rung 9)."""

HEARD_WITHIN = timedelta(days=1)
"""What somebody writes later than this after a mail of ours is no machine's answer to it."""

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
_HEARD = (
    select(*(t.outbox.c[name] for name in ("created_at", "case_number", "budget", "rounds", "attempts", "is_bulk")))
    .where(
        t.outbox.c.recipient.in_(bindparam("addresses", expanding=True)),
        t.outbox.c.created_at > bindparam("since"),
    )
    .order_by(t.outbox.c.created_at.desc(), t.outbox.c.id.desc())
    .limit(1)
)
_HEARD_BY_AGENT = _HEARD.where(t.outbox.c.attempts > 0)
_LAST_WORDS = (
    select(t.message.c.subject, t.message.c.text)
    .where(t.message.c.case_number == bindparam("case"), t.message.c.author == bindparam("author"))
    .order_by(t.message.c.id.desc())
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
        heard=_heard(tx, contact, agent, now),
    )


def outsiders(tx: sa.Connection, mail: ParsedMail, contact: Contact) -> tuple[str, ...]:
    """Addresses among To and Cc at just the domains of the contact's account, and nobody's: no agent's, no contact's."""
    domains = account(tx, contact.account).domains
    named = (*mail.to[:COPIED_MOST], *mail.cc[:COPIED_MOST])
    wanted = [a for a in dict.fromkeys(named) if a.isascii() and a.rpartition("@")[2] in domains]
    if not wanted:
        return ()
    known = set(tx.scalars(select(t.address.c.address).where(t.address.c.address.in_(wanted))))
    return tuple(address for address in wanted if address not in known)[:OUTSIDERS_MOST]


def _names_of_agents(tx: sa.Connection, named: Sequence[tuple[Clue, Case]]) -> tuple[str, ...]:
    """The names of those who work on these cases; most mails name none."""
    assignees = {case.assignee for _, case in named if case.assignee}
    return tuple(agent.name for agent in people(tx, assignees)[1].values()) if assignees else ()


def _heard(tx: sa.Connection, contact: Contact | None, agent: Agent | None, now: datetime) -> Heard | None:
    """The last mail that the writer got, unless a person wrote it, and not in answer to a machine."""
    writer = contact or agent
    if writer is None:
        return None
    addresses = contact.addresses if contact else (agent.address,) if agent else ()
    heard = _HEARD_BY_AGENT if agent else _HEARD  # new mail to agents may come from anywhere meanwhile
    row = tx.execute(heard, {"addresses": list(addresses), "since": now - HEARD_WITHIN}).first()
    if row is None or not row.attempts:  # nobody answers what has not left
        return None
    if row.budget is None and not row.rounds and not row.is_bulk:
        return None
    said = tx.execute(_LAST_WORDS, {"case": row.case_number, "author": str(writer.party)}).first()
    return Heard(at=row.created_at, rounds=row.rounds, words=f"{said.subject}\n{said.text}" if said else "")


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
