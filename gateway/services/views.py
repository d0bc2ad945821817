"""Read models of many cases: what lists of the terminal show and their JSON says (CONTRACT, "JSON"). Nothing here writes.

Every shape is a frozen dataclass whose fields are the JSON's, so table and JSON never differ. One whole case is in
`case_view`, what is the vendor's turn in `queue`. A list with a limit reads no more rows than it shows, whatever the
number of cases; where a turn is asked for, it may pass over others that are not settled.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.fold import fold
from gateway.domain.model import Agent, Case, Contact, Party, Turn
from gateway.domain.policy import Policy
from gateway.mail.token import Tokens
from gateway.store import load, load_people
from gateway.store import tables as t

Condition = sa.ColumnElement[bool]

PEOPLE_AT_ONCE = 5_000
"""So many persons are looked up in one query; a database takes only so many values."""


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
    sla_due_at: datetime | None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Cases in some of these statuses, `merged` and with an open approval (`awaits`) or not; None: either."""

    statuses: Sequence[str] | None = None
    merged: bool | None = None
    awaits: bool | None = None

    def marks(self, seen: Callable[[sa.Column[Any]], sa.ColumnElement[Any]] = lambda column: column) -> list[Condition]:
        """What their rows have beside the status; `seen` may hide a column from the indexes."""
        c = t.cases.c
        asked = ((seen(c.merged_into), self.merged), (seen(c.awaits), self.awaits))
        return [one.is_not(None) if has else one.is_(None) for one, has in asked if has is not None]


class Names:
    """Addresses and names of the people that a view shows, read once."""

    def __init__(self, tx: sa.Connection, parties: set[Party]) -> None:
        self._contacts: dict[Party, Contact] = {}
        self._agents: dict[Party, Agent] = {}
        left = iter(parties)
        while some := list(islice(left, PEOPLE_AT_ONCE)):
            contacts, agents = load_people.people(tx, some)
            self._contacts.update(contacts)
            self._agents.update(agents)

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

    def phone(self, party: Party) -> str | None:
        """Where a contact is called."""
        contact = self._contacts.get(party)
        return contact.phone if contact else None


def cases(tx: sa.Connection, asked: CaseFilter, policy: Policy, tokens: Tokens) -> tuple[Summary, ...]:
    """The cases that a filter selects, newest change first unless sorted otherwise."""
    return listed(tx, _rows(tx, asked, policy), policy, tokens)


def count(tx: sa.Connection, asked: CaseFilter, policy: Policy) -> int:
    """How many cases a filter selects, its limit aside."""
    query = _where(select(sa.func.count()).select_from(t.cases), asked)
    parts = _parts(tx, asked, policy)
    if asked.account:
        return tx.scalar(query.where(_in_any(parts))) or 0
    return sum(tx.scalar(within(query, part)) or 0 for part in parts)


def within(query: sa.Select[Any], part: Part) -> sa.Select[Any]:
    """Only these cases, found in an index."""
    found = query.where(*part.marks())
    return found if part.statuses is None else found.where(t.cases.c.status.in_(part.statuses))


def _where(query: sa.Select[Any], asked: CaseFilter) -> sa.Select[Any]:
    """What is asked beside the status."""
    c = t.cases.c
    if asked.account:
        query = query.where(c.account == asked.account)
    if asked.assignee:
        query = query.where(c.assignee_id == int(asked.assignee.id))
    if asked.type:
        query = query.where(c.type == asked.type)
    return query


def _parts(tx: sa.Connection, asked: CaseFilter, policy: Policy) -> list[Part]:
    """Where the cases stand that are asked for; no case is in two of them."""
    if asked.turn is None:
        return [Part(statuses=sorted(set(asked.statuses)) or None)]
    parts = []
    for part in with_turn(tx, asked.turn, policy):
        statuses = [name for name in part.statuses or () if not asked.statuses or name in asked.statuses]
        if statuses:
            parts.append(replace(part, statuses=statuses))
    return parts


def with_turn(tx: sa.Connection, turn: Turn, policy: Policy) -> tuple[Part, ...]:
    """Where cases stand that have this turn, as `Policy.turn_of` says it; no case is in two of them.

    In statuses that cases have, those included that an earlier rule set left behind.
    """
    used: dict[Turn, list[str]] = {one: [] for one in Turn}
    for status in _in_use(tx, t.cases.c.status):
        used[policy.turn(status)].append(status)
    ours, theirs = used[Turn.VENDOR], used[Turn.CUSTOMER]
    match turn:
        case Turn.VENDOR:
            return (Part(statuses=ours, merged=False, awaits=False),)
        case Turn.CUSTOMER:
            return Part(statuses=theirs, merged=False), Part(statuses=ours, merged=False, awaits=True)
        case Turn.NOBODY:
            return Part(statuses=used[turn]), Part(statuses=[*ours, *theirs], merged=True)


def _in_use(tx: sa.Connection, column: sa.Column[Any]) -> list[str]:
    """The values of an indexed column, each found by one step in its index."""
    least = select(sa.func.min(column).label("value")).cte("used", recursive=True)
    after = select(sa.func.min(column)).where(column > least.c.value).scalar_subquery()
    used = least.union_all(select(after).where(least.c.value.is_not(None)))
    return list(tx.scalars(select(used.c.value).where(used.c.value.is_not(None))))


def _rows(tx: sa.Connection, asked: CaseFilter, policy: Policy) -> Sequence[sa.Row[Any]]:
    """The rows of a list in its order. Each query below is answered in the order of an index, and ends at the limit."""
    c = t.cases.c
    orders = {"number": (c.number,), "created": (c.created_at.desc(), c.number.desc())}
    order = orders.get(asked.sort, (c.updated_at.desc(), c.number.desc()))
    query = _where(select(t.cases), asked).order_by(*order).limit(asked.limit)
    parts = _parts(tx, asked, policy)
    if asked.sort in {"status", "type", "priority"}:
        return list(islice(_by_rank(tx, query.where(_in_any(parts)), c[asked.sort], policy), asked.limit))
    if asked.account or asked.sort != "updated" or not (asked.turn or asked.statuses or asked.assignee):
        return tx.execute(query.where(_in_any(parts))).all()
    by_status = [
        query.where(c.status == status, *part.marks(_hidden))
        for part in parts
        for status in (_in_use(tx, c.status) if part.statuses is None else part.statuses)
    ]
    rows = [row for one in by_status for row in tx.execute(one)]
    rows.sort(key=lambda row: (row.updated_at, row.number), reverse=True)
    return rows[: asked.limit]


def _hidden(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """What a column holds, read off the rows that another index brings in their order."""
    return sa.literal("").concat(column)


def _in_any(parts: Iterable[Part]) -> Condition:
    """In one of these parts, read off the rows that an index brings in their order."""
    status = _hidden(t.cases.c.status)
    stands = [(sa.true() if one.statuses is None else status.in_(one.statuses), one.marks(_hidden)) for one in parts]
    return sa.or_(sa.false(), *(sa.and_(has, *marks) for has, marks in stands))


def _by_rank(tx: sa.Connection, query: sa.Select[Any], column: sa.Column[Any], policy: Policy) -> Iterator[sa.Row[Any]]:
    """One value of the column after the other, as the rules order them; what they do not name comes last, and none."""
    flow = policy.workflow
    known = {
        "status": [status.name for status in flow.statuses],
        "type": [kind.name for kind in flow.types],
        "priority": [priority.name for priority in flow.priorities],
    }
    ranks = {name: rank for rank, name in enumerate(known[column.name])}
    values = sorted(_in_use(tx, column), key=lambda value: (ranks.get(value, len(ranks)), value))
    for value in (*values, None) if column.nullable else values:
        yield from tx.execute(query.where(column.is_(None) if value is None else column == value))


def listed(tx: sa.Connection, rows: Iterable[sa.Row[Any]], policy: Policy, tokens: Tokens) -> tuple[Summary, ...]:
    """Rows of cases as lists show them, in the order given."""
    return summaries(tx, [(load.case_from(row), row.sla_due_at) for row in rows], policy, tokens)


def summaries(
    tx: sa.Connection, found: Sequence[tuple[Case, datetime | None]], policy: Policy, tokens: Tokens
) -> tuple[Summary, ...]:
    """Cases as lists show them, in the order given, each with its due time."""
    names = Names(tx, {case.reporter for case, _ in found} | {case.assignee for case, _ in found if case.assignee})
    return tuple(summary(case, names, policy, tokens, due_at) for case, due_at in found)


def summary(case: Case, names: Names, policy: Policy, tokens: Tokens, due_at: datetime | None) -> Summary:
    """One case as lists show it; `names` knows its reporter and assignee, `due_at` is when its SLA is due."""
    return Summary(
        number=case.number,
        token=tokens.mint(case.number),
        subject=case.subject,
        type=case.type,
        category=case.category,
        priority=case.priority,
        status=case.status,
        status_label=policy.label(case.status),
        turn=policy.turn_of(case),
        account=case.account,
        reporter=names.address(case.reporter),
        assignee=names.address(case.assignee) if case.assignee else None,
        team=case.team,
        created_at=case.created_at,
        updated_at=case.updated_at,
        sla_due_at=due_at,
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
