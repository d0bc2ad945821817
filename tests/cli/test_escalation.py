"""escalation …: what support management lists, takes, plans, logs and ends (SPEC sections 10 and 15)."""

import re

import pytest

from tests.cli.typist import ALICE, Typist
from tests.world import a_mail

MAX = ("--as", "max@vendor.example")
ESCALATION = {"state", "kind", "manager", "reason", "every", "at", "channel", "next_meeting_at", "log", "case"}
EVIL = "\x1b[31mred\x07 [bold]x[/bold]"


@pytest.fixture
def case(desk: Typist) -> Typist:
    """Bob's case 1001 is escalated; Max is a support manager."""
    desk.do("agent", "add", "Max", "--address", "max@vendor.example", "--kind", "support_manager")
    desk.mail(a_mail())
    desk.do("case", "escalate", "1001", "-m", "It costs them a day.", "--kind", "non_technical", *ALICE)
    return desk


def did(case: Typist, *words: str) -> str:
    """A command about the escalation of case 1001, by max."""
    command, *rest = words
    return case.do("escalation", command, "1001", *rest, *MAX).strip()


def test_the_whole_life_in_one_line_each(case: Typist) -> None:
    assert "1001 escalation taken · 1 mail queued" == did(case, "take")
    assert "1001 its escalation is yours already" == did(case, "take")
    planned = did(case, "plan", "--every", "1d", "--at", "09:00", "--channel", "video call")
    assert re.fullmatch(
        r"1001 meetings every 1d at 09:00, video call, next \d{4}-\d\d-\d\d 09:00 UTC · 2 mails queued", planned
    )
    assert re.fullmatch(r"1001 meetings every 2d at 10:30, video call, next .* · 2 mails queued",
                        did(case, "plan", "--every", "2d", "--at", "10:30"))  # fmt: skip
    assert did(case, "plan", "--channel", "video call").endswith(" already")
    assert "1001 no more meetings · 2 mails queued" == did(case, "plan", "--stop")
    assert "1001 had no meetings" == did(case, "plan", "--stop")
    assert "1001 logged · 1 mail queued" == did(case, "log", "-m", "The patch is on staging.")
    assert "1001 logged for us only · 0 mails queued" == did(case, "log", "--internal", "-m", "They are upset.")
    ended = did(case, "resolve", "-m", "It is in production.", "--meeting", "2099-12-01 14:30")
    assert "1001 escalation resolved · lessons learned 2099-12-01 14:30 UTC · 2 mails queued" == ended
    case.do("db", "verify")


def test_the_list_is_the_object_of_the_case_and_its_number(case: Typist) -> None:
    did(case, "take")
    did(case, "plan", "--every", "1w", "--at", "9:00", "--channel", "https://meet.example/1")
    did(case, "log", "-m", "One.")
    (found,) = case.json("escalation", "list")
    assert set() == ESCALATION - set(found)
    assert ("taken", "non_technical", "max@vendor.example", "1w", "09:00", 1001) == tuple(
        found[name] for name in ("state", "kind", "manager", "every", "at", "case")
    )
    assert found["next_meeting_at"].endswith("T09:00:00.000Z")
    assert [("One.", "max@vendor.example", False)] == [
        (one["text"], one["author"], one["internal"]) for one in found["log"]
    ]
    shown = case.json("case", "show", "1001")["escalation"]
    assert shown == {name: value for name, value in found.items() if name in shown}
    did(case, "resolve")
    assert [] == case.json("escalation", "list")
    assert ["resolved"] == [one["state"] for one in case.json("escalation", "list", "--all")]


def test_the_list_says_what_nobody_took_and_what_was_said_last(case: Typist) -> None:
    head, row, below, how = case.do("escalation", "list").splitlines()
    assert ["Case", "Since", "State", "Taken", "by"] == head.split()[:5]
    assert row.startswith("!  1001")
    assert "requested" in row
    assert "nobody for" in row
    assert "It costs them a day." == below.strip()
    assert how.endswith("casegate escalation take 1001")
    did(case, "take")
    did(case, "log", "--internal", "-m", EVIL)
    _, row, below = case.do("escalation", "list").splitlines()
    assert " Max " in row
    assert "Max (internal): " in below
    assert "\x1b" not in below
    assert "\x07" not in below


def test_nothing_is_said_as_such(desk: Typist) -> None:
    assert "no escalations\n" == desk.do("escalation", "list")
    assert [] == desk.json("escalation", "list")


def test_the_case_shows_its_escalation_and_all_of_its_log(case: Typist) -> None:
    did(case, "take")
    did(case, "plan", "--every", "4h", "--at", "09:00", "--channel", "video call")
    did(case, "log", "-m", "The patch is on staging.")
    did(case, "log", "--internal", "-m", "They are upset.")
    out = case.do("case", "show", "1001")
    assert re.search(r"Escalation +taken · non_technical · .* · with max@vendor\.example", out)
    assert "every 4h at " in out
    assert re.search(r"Log +2 entries, the last ", out)
    assert "Max: log of the escalation: The patch is on staging." in out
    assert "INTERNAL LOG of the escalation: They are upset." in out
    history = case.do("case", "history", "1001")
    for name in ("escalated", "escalation_taken", "meetings_planned", "escalation_logged"):
        assert name in history


def test_what_was_learned_is_kept_and_shown(case: Typist) -> None:
    did(case, "resolve")
    did(case, "log", "-m", "Test restores each month.")
    (entry,) = case.json("case", "show", "1001")["escalation"]["log"]
    assert ("Test restores each month.", True) == (entry["text"], entry["lessons"])


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("take", "1001", *ALICE), 1, "only a support manager or an admin takes escalations"),
        (("plan", "1001", "--stop", *ALICE), 1, "only a support manager or an admin plans"),
        (("resolve", "1001", *ALICE), 1, "only a support manager or an admin resolves"),
        (("take", "4711", *MAX), 1, "there is no case 4711"),
        (("plan", "1001", "--every", "1d", *MAX), 2, "name --every, --at and --channel"),
        (
            ("plan", "1001", "--every", "often", "--at", "9:00", "--channel", "c", *MAX),
            2,
            "write it as 4h, 1d, 2d or 1w",
        ),
        (("plan", "1001", "--every", "1d", "--at", "late", "--channel", "c", *MAX), 2, "'late' is no time"),
        (("plan", "1001", "--every", "1d", "--at", "9:00", "--channel", " ", *MAX), 2, "the channel must be one line"),
        (("plan", "1001", "--stop", "--every", "1d", *MAX), 2, "--stop ends the meetings"),
        (("log", "1001", *MAX), 2, "name the text with -m or --file"),
        (("log", "1001", "-m", " ", *MAX), 1, "the text is empty"),
        (("resolve", "1001", "--meeting", "2020-01-01", *MAX), 1, "is past"),
    ],
)
def test_what_is_wrong_is_one_line(case: Typist, words: tuple[str, ...], code: int, told: str) -> None:
    said = case("escalation", *words)
    assert (code, "", 1) == (said.code, said.out, said.err.count("\n")), said
    assert told in said.err


def test_a_case_that_was_never_escalated_says_how_to_ask(case: Typist) -> None:
    case.mail(a_mail(subject="Second", message_id="<2@customer.example>"))
    said = case("escalation", "take", "1002", *MAX)
    assert (1, True) == (said.code, "`casegate case escalate 1002` asks for one" in said.err)
