"""What commands show: the cases of the own account and what was written there, never more, on both databases.

SPEC section 8; TESTPLAN AC-06, AC-07, AC-13 and IJ-10 as far as commands go.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from gateway.domain.actions import AddNote, AgentReply, ChangeParticipants, Fire, Merge
from gateway.domain.model import CaseNumber, ContactRole
from gateway.domain.policy import Vendor
from gateway.services.command_views import LONGEST_MESSAGE, LONGEST_SHOWN, MOST_CASES, MOST_MESSAGES
from gateway.services.commanding import MOST_SHOWN
from gateway.store import tables as t
from tests.answers import ANN, BOB, CARL, EVE, give, last, links_of, text, with_people, write
from tests.world import SERVICE, UNLIMITED, World, a_world

ONE, THEIRS = CaseNumber(1001), CaseNumber(1002)
MARKER = "OTMARKER"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Bob's case, and eve's, which has a mark wherever people write."""
    with a_world(database_url, tmp_path, budget=UNLIMITED) as made:
        with_people(made)
        write(made, BOB, SERVICE, "Since Monday everything is slow.", subject="It is slow")
        write(made, EVE, SERVICE, f"The importer stops. {MARKER} Version 9.", subject=f"Importer {MARKER}")
        yield made


def ask(world: World, *lines: str, sender: str = BOB) -> str:
    """What the answer to these commands says, on one line each blank run."""
    world.later(minutes=1)
    assert "command" == write(world, sender, SERVICE, "\n".join(lines), subject="Please").kind
    return text(last(world, sender, "command_answer"))


def listed(answer: str) -> list[int]:
    """The numbers of the cases that it lists, in their order."""
    return [int(number) for number in re.findall(r"^ +- \[CASE-(\d+)\.", answer, re.MULTILINE)]


def flat(answer: str) -> str:
    return " ".join(answer.split())


def open_cases(world: World, count: int) -> None:
    """More cases of bob's, each later than the one before."""
    for number in range(count):
        world.later(minutes=1)
        write(world, BOB, SERVICE, f"Text {number}", subject=f"Case {number}")


def test_nothing_of_another_account_is_shown(world: World) -> None:
    """AC-06: neither listed, read nor found; of what is theirs it is said what is said of what never was."""
    commands = ("/cases all", f"/show {THEIRS}", "/search importer", f"/search {MARKER}", "/help", f"/search {THEIRS}")
    answers = [ask(world, command) for command in (*commands, f"/show {world.ports.tokens.mint(THEIRS)}")]
    assert not any(MARKER in re.sub(r"\* /.*", "", answer) for answer in answers)
    assert [1001] == listed(answers[0])
    assert "0 cases found" in answers[2]
    assert "0 cases found" in answers[5]
    assert ask(world, "/show 1002").replace("1002", "4711") == ask(world, "/show 4711")
    assert "there is no case 4711; cases lists yours" in ask(world, "/show 4711")


def test_no_mail_of_one_account_has_a_mark_of_the_other(world: World) -> None:
    """AC-13: every byte that bob's colleagues get, and the other way round."""
    theirs, ours = f"/show {THEIRS}", f"/show {ONE}"
    for sender, command in ((BOB, theirs), (EVE, ours), (EVE, "/search slow"), (BOB, "/search stops"), (EVE, "/cases")):
        ask(world, command, sender=sender)
    for number, sender in ((THEIRS, BOB), (ONE, EVE)):
        mark = world.ports.tokens.mint(number)
        write(world, sender, SERVICE, "/status\n/close\n/escalate now\n/show\n\nHello", subject=f"Re: {mark}")
    for mail in world.outbox():
        content = mail.as_string() + "".join(str(part.get_content()) for part in mail.walk() if not part.is_multipart())
        if "customer.example" in mail["To"]:
            assert MARKER not in content
            assert "stops" not in content.replace("/search stops", "")
        if "other.example" in mail["To"]:
            assert "everything" not in content
            assert "It is slow" not in content


def test_words_are_found_in_subjects_and_correspondence(world: World) -> None:
    """With a line around them; whoever wrote them."""
    world.act(AgentReply(case=ONE, actor=world.alice, text="Please restart the frobnicator twice."))
    assert [1001] == listed(ask(world, "/search slow"))
    answer = ask(world, "/search frobnicators", sender=CARL)
    assert [1001] == listed(answer)
    assert "restart the frobnicator twice" in flat(answer)
    assert [1001] == listed(ask(world, "/search 1001"))
    assert "there is nothing to search for" in ask(world, "/search")


def test_notes_are_not_searched(world: World) -> None:
    """AC-07: neither their words nor the case's by them."""
    world.act(AddNote(case=ONE, actor=world.alice, text="They SECRETLY owe us money."))
    for words in ("secretly", "owe money", "slow secretly"):
        answer = ask(world, f"/search {words}")
        assert [] == listed(answer)
        assert "SECRETLY" not in answer


@pytest.mark.parametrize(
    "words",
    ["%", "_", "\\", "'); DROP TABLE cases;--", '" OR "', "slow OR importer", "NEAR(slow)", "* OR *", "s%", "-"],
)
def test_what_means_something_to_a_database_is_literal(world: World, words: str) -> None:
    """IJ-10: nothing returns everything."""
    answer = ask(world, f"/search {words}")
    assert [] == listed(answer)
    assert MARKER not in answer
    assert [1001] == listed(ask(world, "/cases all"))


def test_a_guest_sees_the_case_and_nothing_else_of_it(world: World) -> None:
    """Until an agent takes her off it."""
    world.act(ChangeParticipants(case=ONE, actor=world.alice, add=(world.eve,)))
    assert [1002, 1001] == sorted(listed(ask(world, "/cases all", sender=EVE)), reverse=True)
    assert "everything is slow" in ask(world, "/show 1001", sender=EVE)
    assert [1001] == listed(ask(world, "/search slow", sender=EVE))
    world.act(ChangeParticipants(case=ONE, actor=world.alice, remove=(world.eve,)))
    assert [1002] == listed(ask(world, "/cases all", sender=EVE))
    assert "there is no case 1001" in ask(world, "/show 1001", sender=EVE)
    assert [] == listed(ask(world, "/search slow", sender=EVE))


def test_a_case_is_shown_with_what_happened_between(world: World) -> None:
    """Oldest first, status changes between, never notes (AC-07)."""
    world.later(minutes=1)
    world.act(AddNote(case=ONE, actor=world.alice, text="SECRET note"))
    world.act(AgentReply(case=ONE, actor=world.alice, text="Restart it."))
    world.later(minutes=1)
    token = world.ports.tokens.mint(ONE)
    write(world, BOB, SERVICE, "It works now.", subject=f"Re: {token} It is slow")
    world.later(minutes=1)
    world.act(Fire(case=ONE, actor=world.alice, trigger="resolve"))
    answer = ask(world, "/show 1001", sender=CARL)
    assert "SECRET" not in answer
    steps = (
        "everything is slow",
        "Restart it.",
        "Waiting for Customer",
        "It works now.",
        "Waiting for Acme",
        "Resolved, ",
    )
    assert sorted(steps, key=answer.index) == list(steps)
    assert "Question · Resolved · 2026-03-02" in answer
    for other in (f"/show #{ONE}", f"/show CASE-{ONE}", f"/show {token}"):
        assert "Restart it." in ask(world, other)


def test_a_reply_shows_its_own_case(world: World) -> None:
    """Nobody needs to type a number that the subject has."""
    write(world, CARL, SERVICE, "/show\n/status", subject=f"Re: {world.ports.tokens.mint(ONE)}")
    assert "everything is slow" in text(last(world, CARL))
    assert 2 == text(last(world, CARL)).count("Question · Open · 2026-03-02")
    assert "there is no case (no number given)" in ask(world, "/show", sender=CARL)


def test_files_are_named(world: World) -> None:
    """Each below the message that it came with."""
    write(
        world, BOB, SERVICE,
        "--b\nContent-Type: text/plain\n\nLook.\n--b\nContent-Type: image/png\n"
        "Content-Disposition: attachment; filename=before.png\n\nPNG\n--b--",
        subject="Picture", content_type='multipart/mixed; boundary="b"', mime_version="1.0",
    )  # fmt: skip
    assert "attached: before.png" in ask(world, "/show 1003")


def test_what_was_merged_leads_to_where_it_went(world: World) -> None:
    """By its number, and by its subject; in lists it is not a case any more."""
    write(world, BOB, SERVICE, "And the printer too.", subject="Printer")
    world.act(Merge(case=CaseNumber(1003), actor=world.alice, into=ONE))
    answer = ask(world, "/show 1003")
    assert "[CASE-1001." in answer
    assert "printer too" in answer
    assert [1001] == listed(ask(world, "/search printer"))
    assert [1001] == listed(ask(world, "/cases all"))


def test_cases_are_listed_as_asked(world: World) -> None:
    """Open ones by their last change, unless it is said otherwise."""
    open_cases(world, 3)
    write(world, BOB, SERVICE, "/close", subject=f"Re: {world.ports.tokens.mint(CaseNumber(1004))}")
    write(world, BOB, SERVICE, "/type incident P1", subject=f"Re: {world.ports.tokens.mint(CaseNumber(1005))}")
    world.later(minutes=1)
    write(world, BOB, SERVICE, "/type incident P2", subject=f"Re: {world.ports.tokens.mint(ONE)}")
    assert [1001, 1005, 1003] == listed(ask(world, "/cases"))
    assert [1001, 1003, 1005] == listed(ask(world, "/cases open by number"))
    assert [1004] == listed(ask(world, "/cases closed"))
    assert [1005, 1001, 1004, 1003] == listed(ask(world, "/cases all by priority"))
    assert [1004, 1003, 1001, 1005] == listed(ask(world, "/cases ALL  by type"))
    assert 1004 == listed(ask(world, "/cases all by status"))[-1]
    assert "P1 critical · " in ask(world, "/cases")


@pytest.mark.parametrize("words", ["mine", "open by colour", "by", "open 0", "all by updated 2x", "open; closed"])
def test_a_list_that_there_is_not_is_explained(world: World, words: str) -> None:
    """With what there is."""
    assert "there are open, closed, all, and status, updated, number, type, priority" in flat(
        ask(world, f"/cases {words}")
    )


def test_a_long_list_says_how_to_go_on(world: World) -> None:
    """By the number of the next one, in the same order."""
    open_cases(world, MOST_CASES + 1)
    first = ask(world, "/cases open by number")
    assert [1001, *range(1003, 1002 + MOST_CASES)] == listed(first)
    assert "1 to 20 of 22 open cases" in flat(first)
    assert "The rest: -> /cases open by number 21" in first
    second = ask(world, "/cases open by number 21")
    assert [1022, 1023] == listed(second)
    assert "21 to 22 of 22 open cases" in second
    assert "there are only 22 open cases" in ask(world, "/cases open by number 23")


def test_the_rest_is_a_click_away(world: World) -> None:
    """In HTML each case of a list is a link that shows it, and the last one goes on."""
    open_cases(world, MOST_CASES + 1)
    ask(world, "/cases open by number")
    shows, more = links_of(last(world, BOB))[0], links_of(last(world, BOB))[-1]
    assert "21 to 22 of 22 open cases" in show_by(world, more)
    assert "everything is slow" in show_by(world, shows)


def show_by(world: World, link: dict[str, str]) -> str:
    """What comes of a click and "send"."""
    write(world, BOB, link["to"], link["body"], subject=link["subject"])
    return text(last(world, BOB))


def test_a_long_case_says_how_to_go_back(world: World) -> None:
    """The newest first; what was before is asked for by number."""
    for number in range(2, MOST_MESSAGES + 4):
        world.later(minutes=1)
        world.act(AgentReply(case=ONE, actor=world.alice, text=f"Message {number}."))
    newest = ask(world, "/show 1001")
    assert "messages 4 to 33 of 33" in flat(newest)
    assert "The rest: -> /show 1001 3" in newest
    assert "Message 3." not in newest
    assert "Message 4." in newest
    assert "Message 33." in newest
    oldest = ask(world, "/show 1001 3")
    assert "messages 1 to 3 of 33" in oldest
    assert "everything is slow" in oldest
    assert "Message 3." in oldest
    assert "Message 4." not in oldest
    assert "The rest" not in oldest


def test_an_answer_has_a_limit(world: World) -> None:
    """However much was written, and however often one mail asks for it."""
    for number in range(12):
        world.later(minutes=1)
        world.act(AgentReply(case=ONE, actor=world.alice, text=f"Begin {number} {'x ' * LONGEST_MESSAGE}"))
    answer = ask(world, "/show 1001")
    assert LONGEST_SHOWN / 2 < len(answer) < LONGEST_SHOWN * 1.5
    assert "Begin 11" in answer
    assert "Begin 1 " not in answer
    answer = ask(world, *["/show 1001"] * 5)
    assert len(answer) < MOST_SHOWN * 1.5
    assert 4 == answer.count("this is too much for one answer")
    assert len(last(world, BOB).as_bytes()) < 300_000


def test_help_says_what_its_reader_may_do(world: World) -> None:
    """User managers may more; types and priorities are those of the rules."""
    plain = ask(world, "/help")
    assert "/unregister" not in plain
    for name in ("/close", "/search", "/order", "hosting_incident", "P1, P2, P3, P4", "update, restore, book"):
        assert name in plain
    give(world, BOB, ContactRole.USER_MANAGER)
    assert "/unregister" in ask(world, "/help")
    assert not [line for line in plain.splitlines() if line.lstrip().startswith("/")]


def test_help_explains_the_priorities(world: World) -> None:
    """With the phone number for the worst of them, where there is one."""
    world.ports = replace(
        world.ports, policy=replace(world.ports.policy, vendor=Vendor(name="Acme", hotline="+49 30 555 0100"))
    )
    answer = ask(world, "/help priorities")
    assert "P1 critical" in answer
    assert "worked on around the clock" in flat(answer)
    assert "In an emergency, by phone: +49 30 555 0100" in answer
    assert "In an emergency, by phone: +49 30 555 0100" in ask(world, "/help")


def test_rights_are_those_of_the_moment(world: World) -> None:
    """Who lost the role between two mails is a stranger to it."""
    give(world, ANN, ContactRole.USER_MANAGER)
    assert "people are registered" in ask(world, "/users", sender=ANN)
    give(world, ANN)
    assert "only the user managers" in ask(world, "/users", sender=ANN)


def test_times_are_those_of_the_account(world: World) -> None:
    """A case of the evening is of the next day where it is the next day already."""
    with world.ports.db.begin() as tx:
        tx.execute(update(t.account).where(t.account.c.number == "EX-1").values(timezone="Pacific/Auckland"))
    world.later(hours=4)
    write(world, BOB, SERVICE, "Now.", subject="Evening")
    assert "2026-03-03" in ask(world, "/show 1003")
