"""What was owed within the last hour, counted over indexes, on both databases."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.domain.budget import Share
from gateway.domain.model import NoticeKind, OutboxId
from gateway.domain.post import OutboxRow
from gateway.store import budget, save
from tests.store.test_plans import plans
from tests.world import World, a_world

HOUR = timedelta(hours=1)
BOB, ALICE = "bob@customer.example", "alice@vendor.example"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(database_url, tmp_path) as made:
        yield made


def owe(world: World, recipient: str, share: Share | None, *, ago: timedelta = timedelta(0)) -> None:
    """A mail about no case."""
    with world.ports.db.begin() as tx:
        number = tx.scalar(sa.text("SELECT count(*) FROM outbox"))
        mail = OutboxRow(
            id=OutboxId(0),
            recipient=recipient,
            kind=NoticeKind.CASE_OPENED,
            return_path=f"{number}@vendor.example",
            message_id=f"<{number}@vendor.example>",
            data=b"",
            created_at=world.now - ago,
            budget=share,
        )
        save.outbox(tx, [mail])


def test_counted_are_the_automatic_mails_of_an_hour_by_share(world: World) -> None:
    owe(world, BOB, Share.OUTSIDE)
    owe(world, BOB, Share.OUTSIDE, ago=timedelta(minutes=59))
    owe(world, BOB, Share.OUTSIDE, ago=HOUR)
    owe(world, BOB, None)
    owe(world, ALICE, Share.INSIDE)
    found = world.ports.db.read(budget.spent, world.now - HOUR, {BOB, ALICE}, set())
    assert {(Share.OUTSIDE, BOB): 2, (Share.INSIDE, ALICE): 1} == found.to
    assert {(Share.OUTSIDE, BOB, None): 2, (Share.INSIDE, ALICE, None): 1} == found.about
    assert {Share.OUTSIDE: 2, Share.INSIDE: 1} == found.all
    assert {} == found.on


def test_no_row_is_read_that_is_older(world: World) -> None:
    (plan,) = plans(world, budget.spent, world.now - HOUR, {BOB, ALICE}, {1001}).values()
    assert "SCAN outbox" not in plan
    assert "Seq Scan on outbox" not in plan
    assert "ix_outbox_budget" in plan
