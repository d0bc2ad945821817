"""What a case knows of its approvals is the fold of its events, and whose turn it is follows from that."""

from dataclasses import replace
from functools import cache

import pytest

from gateway import config
from gateway.domain.fold import fold
from gateway.domain.model import Case, CaseNumber, Turn
from gateway.domain.policy import Policy
from tests.histories import history
from tests.world import settings

ASKED = "Mon 2026-03-02 09:00 question; 10:00 order"


@cache
def policy(rules: str = "tracker") -> Policy:
    return config.load_policy(settings(rules={"set": rules}))


def folded(text: str) -> Case:
    """The case that a history makes."""
    case = fold(history(text, policy().workflow))
    assert case
    return case


@pytest.mark.parametrize(
    ("text", "open_ones"),
    [
        ("Mon 2026-03-02 09:00 question", ()),
        (ASKED, (1,)),
        (f"{ASKED}; 10:30 order", (1, 2)),
        (f"{ASKED}; 10:30 order; 11:00 approve", (2,)),
        *((f"{ASKED}; 11:00 {answer}", ()) for answer in ("approve", "reject", "release", "expire")),
    ],
)
def test_a_case_awaits_the_approvals_that_nobody_has_answered(text: str, open_ones: tuple[int, ...]) -> None:
    case = folded(text)
    assert (open_ones, "open") == (case.awaits, case.status)


def test_an_answer_to_what_another_case_asked_changes_nothing() -> None:
    """Nor one that comes a second time."""
    events = history(f"{ASKED}; 11:00 approve", policy().workflow)
    assert fold(events) == replace(folded(ASKED), awaits=(), updated_at=events[-1].at, version=3)
    again = replace(events[-1], step=3)
    assert fold((*events, again)) == replace(folded(ASKED), awaits=(), updated_at=events[-1].at, version=4)


@pytest.mark.parametrize("rules", ["tracker", "production_support"])
def test_only_the_vendors_turn_becomes_the_customers(rules: str) -> None:
    """A settled or deferred case stays nobody's while an order waits, and a merged one is nobody's anyway."""
    found = policy(rules)
    for status in found.workflow.statuses:
        free = replace(folded("Mon 2026-03-02 09:00 question"), status=status.name)
        asked = replace(free, awaits=(1,))
        assert status.turn is found.turn_of(free)
        assert found.turn_of(asked) is (Turn.CUSTOMER if status.turn is Turn.VENDOR else status.turn)
        assert Turn.NOBODY is found.turn_of(replace(asked, merged_into=CaseNumber(1002)))
