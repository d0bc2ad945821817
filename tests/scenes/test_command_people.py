"""What user managers do by mail: invite, un-register, roles, addresses, and "was this you?" (SPEC sections 3, 8 and 9)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.model import ContactRole
from gateway.domain.people_actions import RemoveContact
from tests.answers import (
    ANN,
    BOB,
    CARL,
    EVE,
    NEW,
    PIN,
    contact,
    give,
    is_contact,
    kinds,
    last,
    open_approvals,
    reply,
    text,
    with_people,
    write,
)
from tests.world import SERVICE, World, a_world

PROVED = {"authentication_results": "mx.vendor.example; dmarc=pass header.from=customer.example"}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """One in which ann is the user manager of EX-1."""
    with a_world(database_url, tmp_path) as made:
        yield with_people(made, ANN)


def test_a_manager_invites_somebody_who_is_registered_by_replying(world: World) -> None:
    """The request was the approval; it is recorded as a service request without the PIN."""
    assert "command" == write(world, ANN, SERVICE, f"/invite {NEW} New Person [decision_maker] {PIN}").kind
    assert "registration" == reply(world, last(world, NEW)).kind
    assert is_contact(world, NEW)
    assert contact(world, NEW).roles == {ContactRole.DECISION_MAKER}
    assert ["registration", "welcome"] == kinds(world, NEW)
    assert ("service_request", "add_contact", "resolved") == (
        world.case().summary.type,
        world.case().summary.category,
        world.case().summary.status,
    )
    assert PIN not in world.case().messages[0].text


def test_a_wrong_pin_changes_nothing(world: World) -> None:
    """And the answer says so without the PIN."""
    write(world, ANN, SERVICE, f"/roles {BOB} decision_maker 4711-9999", **PROVED)
    assert frozenset() == contact(world, BOB).roles
    assert "wrong" in text(last(world, ANN))
    assert "9999" not in text(last(world, ANN))


def test_roles_are_changed_with_the_pin(world: World) -> None:
    """They are what the line says from now on."""
    write(world, ANN, SERVICE, f"/roles {BOB} decision maker, incident_manager {PIN}", **PROVED)
    assert {ContactRole.DECISION_MAKER, ContactRole.INCIDENT_MANAGER} == contact(world, BOB).roles


def test_nobody_changes_their_own_roles_alone(world: World) -> None:
    """RA-14: another user manager approves it; without one it is refused."""
    line = f"/roles {ANN} user_manager,decision_maker {PIN}"
    write(world, ANN, SERVICE, line, **PROVED)
    assert "no other user manager" in text(last(world, ANN))
    give(world, CARL, ContactRole.USER_MANAGER)
    write(world, ANN, SERVICE, line, subject="again", **PROVED)
    assert ["roles"] == [one.kind for one in open_approvals(world)]
    assert "approval" == reply(world, last(world, CARL), "/approve").kind
    assert {ContactRole.USER_MANAGER, ContactRole.DECISION_MAKER} == contact(world, ANN).roles


def test_an_unproved_mail_that_unregisters_is_asked_back(world: World) -> None:
    """RA-24: only ann's own answer acts; access ends at once."""
    write(world, ANN, SERVICE, f"/unregister {BOB}")
    assert is_contact(world, BOB)
    question = next(mail for mail in reversed(world.outbox()) if mail["X-Test-Kind"] == "approval")
    reply(world, question, "/approve", sender=BOB)
    assert is_contact(world, BOB)
    reply(world, question, "/approve", auto_submitted="auto-replied")
    assert is_contact(world, BOB)
    reply(world, question, "/approve")
    assert not is_contact(world, BOB)


def test_what_is_not_possible_any_more_is_said(world: World) -> None:
    """Ann went between the question and its answer: nothing is changed, and carl is told so instead of "done"."""
    give(world, CARL, ContactRole.USER_MANAGER)
    write(world, ANN, SERVICE, f"/roles {ANN} user_manager,decision_maker {PIN}", **PROVED)
    question = last(world, CARL, "approval")
    world.act(RemoveContact(contact=contact(world, ANN).party, actor=world.alice))
    reply(world, question, "/approve")
    answer = last(world, CARL, "approval")
    assert "Not possible any more" in answer["Subject"]
    assert "could not be done any more, so nothing was changed" in text(answer)


def test_the_last_user_manager_stays(world: World) -> None:
    """They cannot un-register themselves."""
    write(world, ANN, SERVICE, f"/unregister {ANN}", **PROVED)
    assert is_contact(world, ANN)


def test_others_may_not(world: World) -> None:
    """AC-11: commands of another role are refused and named; people of other accounts do not exist."""
    write(world, BOB, SERVICE, f"/unregister {CARL}", **PROVED)
    assert is_contact(world, CARL)
    assert "user managers" in text(last(world, BOB))
    write(world, ANN, SERVICE, f"/unregister {EVE}", **PROVED)
    assert is_contact(world, EVE)


def test_a_further_address_needs_both(world: World) -> None:
    """RA-25: proof from the one known and from the further one."""
    home = "bob@home.example"
    write(world, BOB, SERVICE, f"/address {home}", **PROVED)
    to_home, to_bob = last(world, home), last(world, BOB, "approval")
    reply(world, to_home, "/approve")
    assert (BOB,) == contact(world, BOB).addresses
    reply(world, to_bob, "/approve")
    assert (BOB, home) == contact(world, BOB).addresses
    assert "new_case" == write(world, home, SERVICE, "It is slow.", subject="From home").kind


def test_a_managers_list_names_everybody(world: World) -> None:
    """`/users`, with roles and what is missing."""
    write(world, ANN, SERVICE, "/users")
    assert "Carl <carl@customer.example>" in text(last(world, ANN))
    assert "eve" not in text(last(world, ANN)).lower()
