"""What queries bring, on both databases."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.domain.model import CaseNumber, NoticeKind, OutboxId
from gateway.domain.post import OutboxRow
from gateway.store import load, save
from tests.world import a_mail, a_world

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def mail(number: int) -> OutboxRow:
    return OutboxRow(
        id=OutboxId(0),
        case=CaseNumber(1001),
        recipient="ann@customer.example",
        kind=NoticeKind.AGENT_REPLIED,
        return_path=f"service+b.{number}@vendor.example",
        message_id=f"<{number}@vendor.example>",
        data=b"",
        created_at=NOW,
    )


@pytest.mark.parametrize("sent", [0, 1, 4, 5, 6, 7, 12])
def test_the_first_and_the_newest_five_that_somebody_got(sent: int, database_url: str, tmp_path: Path) -> None:
    """Oldest first, and none of them twice; what others got is not among them."""
    with a_world(database_url, tmp_path) as world:
        world.mail(a_mail())
        with world.ports.db.begin() as tx:
            save.outbox(tx, [mail(number) for number in range(sent)])
            found = load.sent_to(tx, 1001, "ann@customer.example")

    numbers = [0, *range(max(1, sent - 5), sent)] if sent else []
    assert tuple(f"<{number}@vendor.example>" for number in numbers) == found
