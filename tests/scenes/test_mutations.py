"""Ten thousand mails that were damaged on their way, through the whole trip of a mail (TESTPLAN MT-14)."""

import random
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.post import DecisionKind
from tests.fuzz.mails import broken_mail
from tests.golden.golden import FOLDERS
from tests.world import World, a_mail, a_world

MAILS = 10_000
WARM = 1_000
"""Mails after which everything that is made once has been made."""
MOST_GROWTH = 40_000
"""Kilobytes that the process may grow by afterwards; a leak of 5 kB a mail would be seen."""

CORPUS = [(folder / "mail.eml").read_bytes() for folder in FOLDERS]


@pytest.fixture
def world(migrated_sqlite: Path, tmp_path: Path) -> Iterator[World]:
    file = tmp_path / "casegate.db"
    file.write_bytes(migrated_sqlite.read_bytes())
    with a_world(f"sqlite:///{file}", tmp_path) as made:
        yield made


def damaged(source: random.Random) -> bytes:
    """A mail with bits flipped, cut off, or with the fields of its header in another order."""
    if source.random() < 0.3:
        return broken_mail(source)
    data = bytearray(source.choice(CORPUS))
    match source.randrange(3):
        case 0:
            for _ in range(source.randint(1, 20)):
                data[source.randrange(len(data))] ^= 1 << source.randrange(8)
        case 1:
            del data[source.randrange(len(data)) :]
        case _:
            head, blank, body = bytes(data).partition(b"\r\n\r\n")
            fields = head.split(b"\r\n")
            source.shuffle(fields)
            data = bytearray(b"\r\n".join(fields) + blank + body)
    return bytes(data) or b"\r\n"


@pytest.mark.slow
def test_each_damaged_mail_ends_in_a_decision(world: World) -> None:
    """None is in two, none is left, the memory stays flat, and the mail behind them is a case."""
    source = random.Random(14)
    before = 0
    for number in range(MAILS):
        world.accept(damaged(source))
        if number % 32 == 31:
            assert all(isinstance(decision.kind, DecisionKind) for decision in world.handle())
        if number == WARM:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    world.handle()

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GROWTH
    assert DecisionKind.NEW_CASE == world.mail(a_mail()).kind
    rows = world.intake()
    assert MAILS + 1 == len(rows)
    assert {state for state, _ in rows} <= {"done", "held", "quarantined", "dropped"}
