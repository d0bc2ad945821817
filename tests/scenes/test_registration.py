"""From the first letter to the welcome (SPEC section 9; TESTPLAN group H), on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.model import Contact, ContactId, ContactRole
from gateway.store import people
from tests.answers import (
    ANN,
    NEW,
    PIN,
    contact,
    give,
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


def test_a_contact_who_was_added_meanwhile_stays_as_they_are(world: World) -> None:
    """An approval that comes later does not take their roles away."""
    letter(world)
    reply(world, last(world, NEW))
    with world.ports.db.begin() as tx:
        added = Contact(
            id=ContactId(0),
            account="EX-1",
            name="New",
            addresses=(NEW,),
            roles=frozenset({ContactRole.DECISION_MAKER}),
        )
        people.add_contact(tx, added)
    reply(world, last(world, ANN, "approval"), "/approve")
    assert contact(world, NEW).roles == {ContactRole.DECISION_MAKER}
    assert ["ended"] == [one.state for one in registrations(world)]


def test_a_manager_without_access_to_cases_approves(world: World) -> None:
    """Who only receives may hold the role all the same."""
    give(world, ANN)
    give(world, "reads@customer.example", ContactRole.USER_MANAGER)
    letter(world)
    reply(world, last(world, NEW))
    assert "approval" == reply(world, last(world, "reads@customer.example"), "/approve").kind
    assert is_contact(world, NEW)
