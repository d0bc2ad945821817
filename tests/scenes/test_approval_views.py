"""What lists say of registrations and orders, and who may release one, on both databases (SPEC sections 3 and 9)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.approval import ApprovalId, ApprovalKind, ApprovalState, RegistrationState
from gateway.domain.approval_actions import Ask, ReleaseOrder
from gateway.domain.model import Agent, AgentId, AgentKind, CaseNumber, ContactRole, Party
from gateway.errors import Refused
from gateway.services import approval_view
from gateway.store import people
from tests.answers import ANN, BOB, CARL, NEW, give, last, letter, reply, with_people
from tests.world import World, a_mail, a_world


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """One in which ann is the user manager of EX-1."""
    with a_world(database_url, tmp_path) as made:
        yield with_people(made, ANN)


def manager(world: World) -> Party:
    with world.ports.db.begin() as tx:
        sam = Agent(id=AgentId(0), name="Sam", address="sam@vendor.example", kind=AgentKind.SUPPORT_MANAGER)
        return Party.agent(people.add_agent(tx, sam))


def test_a_registration_is_seen_at_each_step(world: World) -> None:
    def seen() -> tuple[object, ...]:
        (one,) = world.ports.db.read(approval_view.registrations)
        return one.state, one.account, one.asked, one.answered_by, one.reason, one.waits_for_vendor

    letter(world)
    steps = [seen()]
    reply(world, last(world, NEW))
    steps.append(seen())
    reply(world, last(world, ANN), "/reject\nNo.")
    steps.append(seen())
    assert [
        ("requested", "EX-1", (), None, None, False),
        ("confirmed", "EX-1", (ANN,), None, None, False),
        ("rejected", "EX-1", (ANN,), ANN, "No.", False),
    ] == steps
    read = world.ports.db.read
    assert () == read(approval_view.registrations, tuple(RegistrationState)[:2])
    assert (NEW, NEW) == (read(approval_view.newest_of, NEW).address, read(approval_view.registration, 1).address)
    (approval,) = read(approval_view.approvals)
    assert ("registration", 1, "rejected", ANN) == (
        approval.kind,
        approval.registration,
        approval.state,
        approval.answered_by,
    )


def test_an_order_is_seen_on_its_case_and_released_by_a_manager_only(world: World) -> None:
    give(world, CARL, ContactRole.DECISION_MAKER)
    sam = manager(world)
    world.mail(a_mail(BOB))
    world.act(Ask(kind=ApprovalKind.ORDER, actor=world.bob, text="update to 8.2", case=CaseNumber(1001)))
    (one,) = world.case().approvals
    assert ("order", (CARL,), BOB, True, 1001) == (one.kind, one.asked, one.contact, one.is_open, one.case)
    assert (one,) == world.ports.db.read(approval_view.approvals, approval_view.OPEN)

    with pytest.raises(Refused, match="only a support manager or an admin releases orders; --as one of: sam@vendor"):
        world.act(ReleaseOrder(approval=ApprovalId(one.id), actor=world.alice, reason="so"))
    assert (one,) == world.case().approvals
    world.act(ReleaseOrder(approval=ApprovalId(one.id), actor=sam, reason=" so "))

    (one,) = world.case().approvals
    assert ("released", "sam@vendor.example", "so", False) == (one.state, one.answered_by, one.reason, one.is_open)
    assert () == world.ports.db.read(approval_view.approvals, (ApprovalState.OPEN,))
    assert () == world.ports.db.read(approval_view.approvals, case=1002)
