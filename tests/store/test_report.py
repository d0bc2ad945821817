"""Reports read in portions, on both databases: every case once, with all of its history, however many there are."""

from pathlib import Path

import sqlalchemy as sa

from gateway.services import report
from gateway.store import report as rows
from gateway.store import tables as t
from gateway.store.report import CaseSpan
from tests.world import START, World, a_mail, a_world

MANY = 2 * rows.PORTION + 1


def multiply(world: World) -> None:
    """The one case there is becomes many, each with its history."""
    with world.ports.db.begin() as tx:
        case = dict(tx.execute(sa.select(t.cases)).one()._mapping)
        events = [dict(row._mapping) for row in tx.execute(sa.select(t.event).order_by(t.event.c.id))]
        numbers = range(case["number"] + 1, case["number"] + MANY)
        tx.execute(sa.insert(t.cases), [{**case, "number": number} for number in numbers])
        copies = [
            {**event, "case_number": number, "cause": f"{event['cause']}-{number}"}
            for number in numbers
            for event in events
        ]
        for copy in copies:
            del copy["id"]
        tx.execute(sa.insert(t.event), copies)


def test_histories_come_in_portions_each_whole_and_once(database_url: str, tmp_path: Path) -> None:
    with a_world(database_url, tmp_path) as world:
        world.mail(a_mail())
        expected = world.history()
        multiply(world)
        asked = CaseSpan(types=("question",))

        found = world.ports.db.read(lambda tx: [*rows.histories(tx, asked)])

        assert MANY == world.ports.db.read(rows.how_many, asked)
        assert [*range(1001, 1001 + MANY)] == [case.number for case, _ in found]
        assert {tuple(expected)} == {tuple(entry.event for entry in history) for _, history in found}
        assert all(entry.case == case.number for case, history in found for entry in history)
        assert [] == world.ports.db.read(lambda tx: [*rows.histories(tx, CaseSpan(types=("incident",)))])
        opened = report.LoadQuestion(now=START, since=START.date(), until=START.date())
        assert [MANY, MANY] == [row.count for row in world.ports.db.read(report.load, opened, world.ports.policy)]
