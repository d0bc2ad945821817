"""No list reads a whole table: how each of their queries is answered, on both databases.

The statements are those that the read models really run; the database is asked how it answers each of them.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.domain.actions import AgentReply, Fire
from gateway.domain.model import CaseNumber, Party, Turn
from gateway.services import case_view, finding, queue, views
from gateway.services.queue import QueueFilter
from gateway.services.views import CaseFilter
from gateway.store import load_people
from gateway.store import tables as t
from gateway.store.sight import may_see
from tests.world import World, a_mail, a_world

BIG = "cases|event|message|participant|attachment|escalation|contact|address"
ME = Party.agent(1)

FILTERS = [
    CaseFilter(),
    *(CaseFilter(sort=sort) for sort in ("created", "number", "status", "type", "priority")),
    *(CaseFilter(turn=turn) for turn in Turn),
    CaseFilter(turn=Turn.VENDOR, sort="priority"),
    CaseFilter(statuses=("open", "closed")),
    CaseFilter(account="EX-1"),
    *(CaseFilter(account="EX-1", turn=turn) for turn in Turn),
    CaseFilter(type="incident"),
    CaseFilter(assignee=ME),
    CaseFilter(assignee=ME, turn=Turn.VENDOR),
]
QUEUES = [
    QueueFilter(limit=50),
    QueueFilter(limit=50, team="first_level"),
    QueueFilter(limit=50, assignee=ME),
    QueueFilter(limit=1, free=True, for_teams=("first_level",)),
]


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(database_url, tmp_path) as found:
        for number in range(4):
            found.mail(a_mail(subject=f"No. {number}", message_id=f"<{number}@customer.example>"))
        found.act(AgentReply(case=CaseNumber(1001), actor=ME, text="Try it."))
        found.act(Fire(case=CaseNumber(1002), actor=ME, trigger="resolve"))
        yield found


def plans(world: World, query: Callable[..., Any], *given: Any) -> dict[str, str]:
    """How the database answers each statement of a read model."""
    asked: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        asked.append((statement, values))

    engine = world.ports.db.engine
    sa.event.listen(engine, "before_cursor_execute", keep)
    world.ports.db.read(query, *given)
    sa.event.remove(engine, "before_cursor_execute", keep)
    selects = [(text, values) for text, values in asked if text.lstrip().startswith(("SELECT", "WITH"))]
    assert selects
    with world.ports.db.begin() as tx:
        if not world.ports.db.is_sqlite:
            for way in ("seqscan", "sort", "bitmapscan"):  # four rows are faster read as they lie, and sorted
                tx.exec_driver_sql(f"SET enable_{way} = off")
        explain = "EXPLAIN QUERY PLAN " if world.ports.db.is_sqlite else "EXPLAIN "
        return {
            text: "\n".join(str(row[-1]) for row in tx.exec_driver_sql(explain + text, values))
            for text, values in selects
        }


def whole_reads(found: dict[str, str]) -> dict[str, str]:
    """The statements that read a table from end to end, in the words of either database.

    SQLite calls it a scan, too, when it reads by the primary key until there are as many rows as wanted.
    """
    scan = re.compile(rf"^\s*SCAN (?:{BIG})$|Seq Scan on (?:{BIG})\b", re.MULTILINE)
    ends = {text for text, plan in found.items() if "LIMIT" in text and is_ordered_by_index(plan)}
    return {text: plan for text, plan in found.items() if scan.search(plan) and text not in ends}


def is_ordered_by_index(plan: str) -> bool:
    """True if no more rows are read than wanted, to be sorted: those of one time may be, among themselves."""
    return not re.search(r"TEMP B-TREE FOR ORDER BY|^\s*(?:->  )?Sort  \(", plan, re.MULTILINE)


def test_a_list_reads_no_more_than_it_shows(world: World) -> None:
    """With its limit each query ends in the order of an index; how many there are an index alone says."""
    ports = world.ports
    for asked in FILTERS:
        found = plans(world, views.cases, replace(asked, limit=50), ports.policy, ports.tokens)
        counted = plans(world, views.count, asked, ports.policy)
        assert {} == whole_reads(found | counted), asked
        limited = {text: plan for text, plan in found.items() if "LIMIT" in text}
        assert limited, asked
        assert {} == {text: plan for text, plan in limited.items() if not is_ordered_by_index(plan)}, asked


def test_the_queue_is_ordered_by_an_index_alone(world: World) -> None:
    ports = world.ports
    for asked in QUEUES:
        found = plans(world, queue.queue, asked, ports.policy, ports.tokens, world.now)
        counted = plans(world, queue.length, asked, ports.policy)
        assert {} == whole_reads(found | counted), asked
        if ports.db.is_sqlite:
            (plan,) = (plan for text, plan in found.items() if "LIMIT" in text)
            assert "SEARCH cases USING COVERING INDEX ix_cases_queue (merged_into=? AND status=? AND awaits=?)" in plan


def test_a_case_its_history_and_a_search_are_looked_up(world: World) -> None:
    ports = world.ports
    found = {
        **plans(world, case_view.case, 1001, ports.policy, ports.tokens, world.now),
        **plans(world, case_view.history, 1001),
        **plans(world, finding.search, finding.SearchQuery(words="slow"), ports.policy, ports.tokens),
    }
    assert {} == whole_reads(found)


def test_what_a_contact_may_see_is_looked_up(world: World) -> None:
    """Their account's cases and those they are on; nobody's commands read what all others wrote."""
    ports = world.ports
    contact = world.ports.db.read(load_people.contacts_by_address, ("bob@customer.example",))["bob@customer.example"]
    asked = finding.SearchQuery(words="slow", contact=contact)

    def listed(tx: sa.Connection) -> None:
        tx.execute(sa.select(t.cases.c.number).where(may_see(contact)).order_by(t.cases.c.number)).all()

    found = plans(world, finding.search, asked, ports.policy, ports.tokens) | plans(world, listed)
    assert {} == whole_reads(found)


def test_a_whole_read_would_be_seen(world: World) -> None:
    """The test above can fail."""

    def scan(tx: sa.Connection) -> None:
        tx.execute(sa.text("SELECT subject FROM cases ORDER BY subject LIMIT 1")).all()

    assert whole_reads(plans(world, scan))
