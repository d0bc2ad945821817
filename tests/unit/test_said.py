"""Types and priorities as people write them."""

import pytest

from gateway.config import load_policy
from gateway.domain.said import priority_said, type_said
from tests.world import settings

FLOW = load_policy(settings()).workflow


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("incident P1", ("incident", "P1")),
        ("Incident (P1)", ("incident", "P1")),
        ("INCIDENT, p2.", ("incident", "P2")),
        ("hosting-incident high", ("hosting_incident", "P2")),
        ("Hosting Incident", ("hosting_incident", "")),
        ("service_request", ("service_request", "")),
        ("bug", ("error", "")),
        ("incident P9", ("incident", "P9")),
        ("incident P1 P2", ("incident", "P1 P2")),
        ("party", (None, "")),
        ("", (None, "")),
        ("()", (None, "")),
    ],
)
def test_types(line: str, expected: tuple[str | None, str]) -> None:
    """By name, label or another name; what is no priority is handed on to be refused."""
    kind, priority = type_said(FLOW, line)
    assert expected == (kind.name if kind else None, priority)


@pytest.mark.parametrize(
    ("line", "expected"),
    [("p1", "P1"), ("P1!", "P1"), ("High", "P2"), ("P4 (low)", "P4"), ("P1 low", "P1 LOW"), ("now", "NOW"), ("", "")],
)
def test_priorities(line: str, expected: str) -> None:
    """By name or a word of the label, never by two that disagree."""
    assert expected == priority_said(FLOW, line)
