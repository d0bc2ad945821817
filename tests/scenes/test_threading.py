"""All mail of a case is one conversation for each of its people, whatever program they read it in (SPEC section 13)."""

from collections.abc import Iterator
from email import message_from_string, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.domain.actions import AddNote, AgentReply, Assign, ChangeType, Escalate, Fire, Plan
from gateway.domain.escalation import EscalationKind
from gateway.domain.model import CaseNumber
from tests.answers import BOB, CARL, last, reply, write
from tests.threading import PROGRAMS
from tests.world import SERVICE, UNLIMITED, World, a_world

ONE, TWO = CaseNumber(1001), CaseNumber(1002)
ALICE = "alice@vendor.example"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Bob asks twice under one subject; on the first case all happens that mails tell of."""
    with a_world(database_url, tmp_path, budget=UNLIMITED) as made:
        write(made, BOB, SERVICE, "It is slow.", subject="Slow", cc=CARL)
        write(made, BOB, SERVICE, "Again, something else.", subject="Slow")
        play(made, ONE)
        yield made


def play(world: World, case: CaseNumber) -> None:
    alice = world.alice
    for action in (
        Assign(case=case, actor=alice, assignee=alice),
        Fire(case=case, actor=alice, trigger="start"),
        AddNote(case=case, actor=alice, text="A note."),
        AgentReply(case=case, actor=alice, text="Please restart it."),
    ):
        world.later(minutes=20)
        world.act(action)
    for sender, subject in ((BOB, "Re: {}"), (CARL, "AW: {}"), (BOB, "RE: {}"), (BOB, "Antwort: {}"), (CARL, "{}")):
        world.later(days=2)
        answered = last(world, sender)
        bare = str(answered["Subject"]).removeprefix("Re: ")
        to, thread = str(answered["Reply-To"].addresses[0].addr_spec), str(answered["Message-ID"])
        write(world, sender, to, f"I did, {subject}.", subject=subject.format(bare), in_reply_to=thread)
        world.act(AgentReply(case=case, actor=alice, text="And now?"))
    write(world, BOB, SERVICE, "Without its thread.", subject=f"Re: {world.ports.tokens.mint(case)} Slow")
    for more in (
        ChangeType(case=case, actor=alice, type="incident", priority="P2"),
        Plan(case=case, actor=alice, at=world.now.replace(year=2027)),
        Escalate(case=case, actor=alice, kind=EscalationKind.NON_TECHNICAL, reason="It burns."),
        Fire(case=case, actor=alice, trigger="resolve"),
    ):
        world.later(minutes=20)
        world.act(more)
    reply(world, last(world, BOB), "It still is slow.")
    write(world, BOB, SERVICE, "/status\n/close", subject=f"Re: {world.ports.tokens.mint(case)} Slow")


def mailbox(world: World, address: str) -> list[EmailMessage]:
    """All that we sent to somebody, in its order."""
    mails = (message_from_string(mail.as_string(), policy=policy.default) for mail in world.outbox())
    found = [mail for mail in mails if isinstance(mail, EmailMessage)]
    return [mail for mail in found if mail["To"].addresses[0].addr_spec == address]


def test_each_case_is_one_conversation(world: World) -> None:
    """For everybody and in each program; and two cases are two, also under the same subject."""
    token = world.ports.tokens.mint(ONE)
    for address, count in ((BOB, 2), (CARL, 1), (ALICE, 2)):
        mails = mailbox(world, address)
        for program in PROGRAMS:
            threads = program(mails)
            assert count == len(threads), f"{address} in {program.__name__}"
            assert all(len({token in str(mail["Subject"]) for mail in thread}) == 1 for thread in threads)
            assert 6 < max(map(len, threads))
            scattered = [
                EmailMessage(policy=mail.policy) for mail in mails
            ]  # what the programs make of no thread at all
            for number, one in enumerate(scattered):
                one["Message-ID"], one["Subject"] = f"<{number}@x.example>", f"Mail {number}"
            assert len(mails) == len(program(scattered))
