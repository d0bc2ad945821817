"""Whom of the vendor's people a note names."""

import pytest

from gateway.domain.model import Agent, AgentId
from gateway.domain.naming import named_in

PEOPLE = (("Mira Agent", "mira@vendor.example"), ("Sam Smith", "ss@vendor.example"), ("Sam Jones", "sj@vendor.example"))
AGENTS = [Agent(id=AgentId(number), name=name, address=address) for number, (name, address) in enumerate(PEOPLE, 1)]
MIRA, SMITH, JONES = AGENTS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@mira can you look?", [MIRA]),
        ("Can you look, @Mira?", [MIRA]),
        ("Ask @mira.", [MIRA]),
        ("(@mira)", [MIRA]),
        ("mira@vendor.example knows", [MIRA]),
        ("<MIRA@vendor.example>, please", [MIRA]),
        ("@ss@vendor.example and @mira", [MIRA, SMITH]),
        ("@MiraAgent", [MIRA]),
        ("@samsmith", [SMITH]),
        ("@ss, @sj", [SMITH, JONES]),
        ("@sam", []),
        ("mira said so", []),
        ("bob@mira.example wrote, and eve@mira", []),
        ("mira@vendor.example.evil.example", []),
        ("@nobody", []),
        ("@", []),
        ("", []),
    ],
)
def test_who_is_named(text: str, expected: list[Agent]) -> None:
    """By address, by what stands before its @, by full name; by first name where only one has it."""
    assert expected == named_in(text, AGENTS)
