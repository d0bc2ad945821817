"""The queue in its order, and the agent's day: `next`, read, answer, next."""

from pathlib import Path

import pytest

from gateway import config, wiring
from gateway.domain.actions import Cause
from gateway.domain.approval import ApprovalKind
from gateway.domain.approval_actions import Ask
from gateway.domain.model import CaseNumber
from gateway.services.perform import perform
from gateway.store import load
from tests.cli.terminal import at_terminal
from tests.cli.typist import ALICE, Typist
from tests.world import a_mail

MIRA = ("--as", "mira@vendor.example")


@pytest.fixture
def busy(desk: Typist) -> Typist:
    """Four questions, 1001 to 1004, and a second agent in another team."""
    desk.do("agent", "add", "Mira", "--address", "mira@vendor.example", "--team", "third_level")
    for n in range(1, 5):
        desk.mail(a_mail(subject=f"No. {n}", message_id=f"<{n}@customer.example>"))
    return desk


def numbers(desk: Typist, *words: str) -> list[int]:
    return [found["number"] for found in desk.json("queue", *words)]


def test_escalated_then_due_first_then_oldest(busy: Typist) -> None:
    busy.do("case", "type", "1002", "task", *ALICE)  # counts as P4, two business days
    busy.do("case", "type", "1003", "incident", "--priority", "P3", *ALICE)
    assert [1003, 1002, 1001, 1004] == numbers(busy)
    busy.do("case", "escalate", "1004", "-m", "Now.", *ALICE)
    assert [1004, 1003, 1002, 1001] == numbers(busy)
    assert [True, False, False, False] == [one["escalated"] for one in busy.json("queue")]
    head, first, *_, last = busy.do("queue").splitlines()
    columns = ["Case", "Waits", "Due", "Prio", "Type", "Subject", "Status", "Account", "Assignee", "Team"]
    assert columns == head.split()
    assert ["!", "1004", "0", "min", "question"] == first.split()[:5]
    assert "! escalated" == last


def test_only_what_is_our_turn_is_in_the_queue(busy: Typist) -> None:
    busy.do("case", "reply", "1001", "-m", "Try it.", *ALICE)
    busy.do("case", "resolve", "1002", *ALICE)
    busy.do("case", "merge", "1003", "--into", "1004", *ALICE)
    assert [1004] == numbers(busy)
    assert set(busy.json("cases")[0]) <= set(busy.json("queue")[0])


def order(desk: Typist, number: int) -> None:
    """The reporter of a case orders what somebody else must approve."""
    ports = wiring.build_ports(config.load(desk.config))
    case = CaseNumber(number)
    who = ports.db.read(load.cases, (case,))[case].reporter
    perform(
        ports, Ask(kind=ApprovalKind.ORDER, actor=who, text="update to 8.2", case=case), Cause.cli(f"order:{number}")
    )
    ports.db.close()


def test_an_order_that_waits_is_the_customers_turn(busy: Typist) -> None:
    """Wherever a turn is shown or asked for; the history says what it waits for."""
    order(busy, 1002)
    assert [1001, 1003, 1004] == numbers(busy)
    assert [1002] == [found["number"] for found in busy.json("cases", "--turn", "customer")]
    assert ("open", "customer") == ((shown := busy.json("case", "show", "1002"))["status"], shown["turn"])
    assert "Open · customer's turn" in busy.do("case", "show", "1002")
    assert "order 1 waits for the approval of a decision maker" in busy.do("case", "history", "1002")
    (clock,) = busy.json("sla", "explain", "1002", "--at", "2099-01-01T00:00:00Z")["clocks"]
    assert ("customer", False) == (clock["segments"][-1]["turn"], clock["segments"][-1]["counts"])
    busy.do("case", "start", "1002", *ALICE)
    assert [1001, 1003, 1004] == numbers(busy)


def test_the_queue_of_a_team_and_mine(busy: Typist) -> None:
    busy.do("case", "assign", "1002", "third_level", *ALICE)
    busy.do("case", "start", "1003", *ALICE)
    assert [1002] == numbers(busy, "--team", "third_level")
    assert [1001, 1003, 1004] == numbers(busy, "--team", "first_level")
    assert [1003] == numbers(busy, "--mine", *ALICE)
    assert [1001, 1002] == numbers(busy, "--limit", "2")
    assert "nothing waits\n" == busy.do("queue", "--team", "nobodys")


def test_a_status_that_the_rules_no_longer_know_still_waits_for_us(busy: Typist, tmp_path: Path) -> None:
    """As `Workflow.status` has it: it counts as the initial one."""
    rules = tmp_path / "gw" / "rules"
    busy.do("case", "start", "1002", *ALICE)
    text = (Path(__file__).parents[2] / "rules/tracker/workflow.toml").read_text()
    rules.mkdir()
    (rules / "workflow.toml").write_text(text.replace('"investigating"', '"in_work"'))
    with busy.config.open("a") as config:
        config.write('[rules]\nset = "rules"\n')
    assert [1001, 1002, 1003, 1004] == numbers(busy)


def test_a_day_of_answers_from_next_to_next(busy: Typist) -> None:
    busy.do("case", "type", "1003", "incident", "--priority", "P2", *ALICE)
    busy.do("case", "assign", "1001", "mira", *ALICE)
    answered = []
    for _ in range(3):
        out = busy.do("next", *ALICE)
        number = str(busy.json("next", *ALICE)["number"])
        assert f"\n  casegate case reply {number} --config {busy.config} --as alice@vendor.example" in out
        assert f"[CASE-{number}." in out.splitlines()[0]
        busy.do("case", "reply", number, "-m", "Try it.", *ALICE)
        answered.append(number)
    assert ["1003", "1002", "1004"] == answered
    assert "nothing waits for you\n" == busy.do("next", *ALICE)
    assert busy.json("next", *ALICE) is None


def test_next_changes_nothing_and_is_of_my_teams(busy: Typist) -> None:
    before = busy.json("cases")
    assert "nothing waits for you\n" == busy.do("next", *MIRA)
    busy.do("next", *ALICE)
    assert before == busy.json("cases")
    busy.do("case", "assign", "1002", "third_level", *ALICE)
    assert 1002 == busy.json("next", *MIRA)["number"]
    busy.do("agent", "add", "Otto", "--address", "otto@vendor.example")
    assert 1001 == busy.json("next", "--as", "otto")["number"]


def test_what_a_team_without_anyone_has_is_everybodys(busy: Typist) -> None:
    busy.do("account", "add", "Other", "--number", "OT-1", "--domain", "other.example", "--team", "second_level")
    busy.do("contact", "add", "eve@other.example", "--account", "OT-1", "--name", "Eve")
    busy.mail(a_mail("eve@other.example", message_id="<5@other.example>"))
    assert 1005 == busy.json("next", *MIRA)["number"]


def test_watching_in_a_pipe_prints_once(busy: Typist) -> None:
    assert busy.do("queue") == busy.do("queue", "--watch")
    assert 2 == busy("queue", "--watch", "--json").code


def test_watching_at_a_terminal_draws_anew_in_place_and_ends_well(busy: Typist) -> None:
    """On a screen of its own, so that nothing scrolls; Ctrl-C is how one leaves, so it is no failure."""
    with at_terminal(busy.config, "queue", "--watch") as terminal:
        terminal.read_until("No. 4")
        assert "\x1b[?1049h" in terminal.seen
        busy.mail(a_mail(subject="No. 5", message_id="<5@customer.example>"))
        terminal.read_until("No. 5")
        terminal.interrupt()
        assert 0 == terminal.read_to_end()
        assert "\x1b[?1049l" in terminal.seen
        assert "Traceback" not in terminal.seen
