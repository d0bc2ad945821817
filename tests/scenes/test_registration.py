"""From the first letter to the welcome (SPEC section 9; TESTPLAN group H), on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.answers import (
    ANN,
    NEW,
    PIN,
    contact,
    is_contact,
    kinds,
    last,
    letter,
    open_approvals,
    registrations,
    reply,
    text,
    with_people,
)
from tests.world import World, a_world


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """One in which ann is the user manager of EX-1."""
    with a_world(database_url, tmp_path) as made:
        yield with_people(made, ANN)


def test_a_person_registers_by_mail_and_is_welcome(world: World) -> None:
    """RA-01 by first letter: one mail a step, none with the PIN in it."""
    assert "registration" == letter(world).kind
    assert ["registration"] == kinds(world, NEW)
    assert "registration" == reply(world, last(world, NEW)).kind
    assert (["registration", "registration"], ["approval"]) == (kinds(world, NEW), kinds(world, ANN))
    assert not is_contact(world, NEW)
    assert "approval" == reply(world, last(world, ANN), "/approve\n").kind
    assert ["registration", "registration", "welcome"] == kinds(world, NEW)
    assert ["approval", "approval"] == kinds(world, ANN)
    assert (True, "New Person", "EX-1") == (
        is_contact(world, NEW),
        contact(world, NEW).name,
        contact(world, NEW).account,
    )
    assert ["approved"] == [one.state for one in registrations(world)]
    assert ["approved"] == [one.state for one in open_approvals(world)]
    assert not any(PIN in text(mail) for mail in world.outbox())
