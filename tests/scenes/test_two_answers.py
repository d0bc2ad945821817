"""Two answers at one instant have one winner, on both databases; and answers where there are no plus-addresses."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.model import ContactRole
from gateway.domain.post import RawMail
from gateway.errors import Conflict
from gateway.mail.decision import Decision
from gateway.services import inbound
from tests.answers import (
    ANN,
    CARL,
    NEW,
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
    write,
)
from tests.world import SERVICE, World, a_mail, a_world


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """One in which ann and carl are the user managers of EX-1."""
    with a_world(database_url, tmp_path) as made:
        give(with_people(made, ANN), CARL, ContactRole.USER_MANAGER)
        yield made


def at_once(world: World, *answers: tuple[str, str]) -> list[Decision]:
    """These people answer the mail that each of them got, all at one instant, as two daemons would take it."""
    for number, (address, body) in enumerate(answers):
        mail = last(world, address, "approval")
        to = str(mail["Reply-To"].addresses[0].addr_spec)
        world.accept(a_mail(address, "Re: it", body, message_id=f"<{number}@at.once>", to=to), rcpt=to)
    decided: list[Decision] = []
    start = threading.Barrier(len(answers))

    def work(raw: RawMail) -> None:
        start.wait(60)
        for _ in range(10):
            try:
                decided.append(world.decide(raw))
            except Conflict:
                continue
            return

    threads = [threading.Thread(target=work, args=(raw,)) for raw in inbound.lease(world.ports)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return decided


@pytest.mark.parametrize("second", ["/approve", "/reject"])
def test_one_of_two_answers_counts(world: World, second: str) -> None:
    """RA-17: one state, one mail to the person, and who came later is told who answered."""
    letter(world)
    reply(world, last(world, NEW))

    assert ["approval", "approval"] == [decision.kind for decision in at_once(world, (ANN, "/approve"), (CARL, second))]

    (approval,), (registration,) = open_approvals(world), registrations(world)
    assert approval.answered_by is not None
    assert approval.state.value == registration.state.value
    outcome = "welcome" if approval.state == "approved" else "rejected"
    assert 1 == sum(kind in {"welcome", "rejected"} for kind in kinds(world, NEW))
    assert outcome == kinds(world, NEW)[-1]
    assert (approval.state == "approved") == is_contact(world, NEW)
    winner, loser = (ANN, CARL) if approval.answered_by == contact(world, ANN).party else (CARL, ANN)
    assert contact(world, winner).name in text(last(world, loser))


def test_two_first_letters_at_once_are_one_registration(world: World) -> None:
    """And one mail."""
    to = "service+register@vendor.example"
    for number in range(2):
        world.accept(a_mail(NEW, "Register", "PIN: 4711-0815", message_id=f"<{number}@at.once>", to=to), rcpt=to)
    threads = [threading.Thread(target=world.decide, args=(raw,)) for raw in inbound.lease(world.ports)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert 1 == len(registrations(world))
    assert ["registration"] == kinds(world, NEW)


def test_without_plus_addresses_the_subject_carries_the_token(database_url: str, tmp_path: Path) -> None:
    """Registration has an address of its own there; the mark in the subject, or quoted in the text, answers."""
    rules = {"service_address": SERVICE, "registration_address": "join@vendor.example", "plus_addressing": False}
    with a_world(database_url, tmp_path, mail=rules) as world:
        with_people(world, ANN)
        write(world, NEW, "join@vendor.example", "PIN: 4711-0815", subject="Register")
        question = last(world, NEW)
        assert SERVICE == question["Reply-To"].addresses[0].addr_spec
        reply(world, question, "yes")
        assert ["confirmed"] == [one.state for one in registrations(world)]
        asked = last(world, ANN, "approval")
        write(world, ANN, SERVICE, "/approve", subject="Re: something else")
        assert not is_contact(world, NEW)
        reply(world, asked, "/approve")
        assert is_contact(world, NEW)
