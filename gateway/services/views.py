"""Read models: what the CLI shows and its JSON says (CONTRACT, "JSON"). Nothing here writes.

Every shape is a frozen dataclass whose fields are the JSON's, so table and JSON never differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.fold import fold
from gateway.domain.model import Agent, Case, Contact, Party, Turn
from gateway.domain.policy import Policy
from gateway.errors import NotFound
from gateway.mail.token import Tokens
from gateway.store import load, load_people
from gateway.store import tables as t


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One line of a case list."""

    number: int
    token: str
    subject: str
    type: str
    category: str | None
    priority: str | None
    status: str
    status_label: str
    turn: str
    account: str
    reporter: str
    assignee: str | None
    team: str
    created_at: datetime
    updated_at: datetime
    sla_due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """An attachment as listed."""

    name: str
    size: int
    sha256: str
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """One piece of correspondence."""

    id: int
    intake: int | None
    direction: str
    automatic: bool
    author: str
    author_name: str
    authenticity: str | None
    at: datetime
    subject: str
    text: str
    quoted: str
    attachments: tuple[FileView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A whole case: its summary, what is possible now, its correspondence."""

    summary: Summary
    address: str
    possible: tuple[str, ...]
    channel: str
    participants: tuple[str, ...]
    messages: tuple[MessageView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One entry of a history."""

    at: datetime
    actor: str
    cause: str
    event: str
    from_status: str | None
    to_status: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """What `casegate cases` may be asked for; None and () mean everything."""

    account: str | None = None
    statuses: Sequence[str] = ()
    turn: Turn | None = None
    assignee: Party | None = None
    type: str | None = None
    sort: str = "updated"
    limit: int | None = None


SORTS: Mapping[str, sa.ColumnElement[Any]] = {
    "updated": t.cases.c.updated_at.desc(),
    "created": t.cases.c.created_at.desc(),
    "number": t.cases.c.number,
    "status": t.cases.c.status,
    "type": t.cases.c.type,
    "priority": t.cases.c.priority,
}


_PARTIES = frozenset({"reporter", "assignee", "party"})
"""What in an event's detail names a person; all else is text, whatever it looks like."""


class Names:
    """Addresses and names of the people that a view shows, read once."""

    def __init__(self, tx: sa.Connection, parties: set[Party]) -> None:
        self._contacts, self._agents = load_people.people(tx, parties)

    def _person(self, party: Party) -> Contact | Agent | None:
        return self._contacts.get(party) or self._agents.get(party)

    def address(self, party: Party) -> str:
        """People are addresses (CONTRACT); Casegate itself is `system`."""
        if person := self._person(party):
            return person.address
        return party.id or str(party.kind)

    def name(self, party: Party) -> str:
        """What people call them."""
        person = self._person(party)
        return person.name if person else self.address(party)


def cases(tx: sa.Connection, asked: CaseFilter, policy: Policy, tokens: Tokens) -> tuple[Summary, ...]:
    """The cases that a filter selects, newest change first unless sorted otherwise."""
    query = select(t.cases)
    if asked.account:
        query = query.where(t.cases.c.account == asked.account)
    statuses = set(asked.statuses) or {status.name for status in policy.workflow.statuses}
    if asked.turn:
        statuses &= {status.name for status in policy.workflow.statuses if status.turn is asked.turn}
    if asked.turn or asked.statuses:
        query = query.where(t.cases.c.status.in_(sorted(statuses)))
    if asked.assignee:
        query = query.where(t.cases.c.assignee_id == int(asked.assignee.id))
    if asked.type:
        query = query.where(t.cases.c.type == asked.type)
    rows = tx.execute(query.order_by(SORTS[asked.sort], t.cases.c.number).limit(asked.limit)).all()
    found = [load.case_from(row) for row in rows]
    names = Names(tx, {case.reporter for case in found} | {case.assignee for case in found if case.assignee})
    return tuple(_summary(case, names, policy, tokens) for case in found)


def _summary(case: Case, names: Names, policy: Policy, tokens: Tokens) -> Summary:
    return Summary(
        number=case.number,
        token=tokens.mint(case.number),
        subject=case.subject,
        type=case.type,
        category=case.category,
        priority=case.priority,
        status=case.status,
        status_label=policy.label(case.status),
        turn=policy.turn(case.status) if case.merged_into is None else Turn.NOBODY,
        account=case.account,
        reporter=names.address(case.reporter),
        assignee=names.address(case.assignee) if case.assignee else None,
        team=case.team,
        created_at=case.created_at,
        updated_at=case.updated_at,
    )


def case(tx: sa.Connection, number: int, policy: Policy, tokens: Tokens) -> CaseView:
    """One whole case; NotFound if there is none."""
    found = load.cases(tx, (number,)).get(number)
    if found is None:
        raise NotFound(f"there is no case {number}")
    rows = tx.execute(select(t.message).where(t.message.c.case_number == number).order_by(t.message.c.id)).all()
    files: dict[int, list[FileView]] = {}
    listed = select(t.attachment).where(t.attachment.c.message.in_([row.id for row in rows]))
    for row in tx.execute(listed.order_by(t.attachment.c.id)):
        view = FileView(name=row.name, size=row.size, sha256=row.sha256, content_type=row.content_type)
        files.setdefault(row.message, []).append(view)
    authors = {Party.parse(row.author) for row in rows}
    assignee = {found.assignee} if found.assignee else set()
    names = Names(tx, authors | {found.reporter, *found.participants} | assignee)
    return CaseView(
        summary=_summary(found, names, policy, tokens),
        address=tokens.plus_address(number),
        possible=policy.workflow.possible(found.status, "vendor", found.type),
        channel=found.channel,
        participants=tuple(names.address(party) for party in found.participants),
        messages=tuple(_message(row, names, files.get(row.id, [])) for row in rows),
    )


def _message(row: sa.Row[Any], names: Names, files: Sequence[FileView]) -> MessageView:
    author = Party.parse(row.author)
    return MessageView(
        id=row.id,
        intake=row.intake_id,
        direction=row.direction,
        automatic=row.automatic,
        author=names.address(author),
        author_name=names.name(author),
        authenticity=row.authenticity,
        at=row.at,
        subject=row.subject,
        text=row.text,
        quoted=row.quoted,
        attachments=tuple(files),
    )


def history(tx: sa.Connection, number: int) -> tuple[EventView, ...]:
    """A case's history, oldest entry first; NotFound if there is no such case."""
    entries = load.events(tx, number).get(number)
    if entries is None:
        raise NotFound(f"there is no case {number}")
    named = {Party.parse(entry.detail[key]) for entry in entries for key in _PARTIES & entry.detail.keys()}
    names = Names(tx, named | {entry.actor for entry in entries})
    return tuple(
        EventView(
            at=entry.at,
            actor=names.address(entry.actor),
            cause=entry.cause,
            event=entry.event,
            from_status=entry.from_status,
            to_status=entry.to_status,
            detail={
                key: names.address(Party.parse(value)) if key in _PARTIES else value
                for key, value in entry.detail.items()
            },
        )
        for entry in entries
    )


def broken_cases(tx: sa.Connection) -> list[str]:
    """What `db verify` finds: every case must equal the fold of its events, and every event belong to a case."""
    found = []
    histories = load.events(tx)
    stored = load.cases(tx, tx.scalars(select(t.cases.c.number)).all())
    for number, row in stored.items():
        entries = histories.get(number, [])
        if (folded := fold(entries)) != row:
            fields = [name for name in Case.__slots__ if getattr(folded, name, None) != getattr(row, name)]
            found.append(f"case {number} is not what its {len(entries)} events make of it: {', '.join(fields)}")
    return found
