"""What agents change about cases from a terminal, and the one line that each command says."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.typist import ALICE, Typist
from tests.world import a_mail


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Path:
    """A gateway with a case of bob's, and people enough to mix up, to copy."""
    folder = tmp_path_factory.mktemp("crowded") / "gw"
    shutil.copytree(prepared, folder)
    desk = Typist(folder / "config.toml")
    desk.do("agent", "add", "Mira", "--address", "mira@vendor.example", "--team", "third_level", "--team", "mira")
    desk.do("agent", "add", "Max", "--address", "max@vendor.example")
    desk.do("agent", "add", "Max", "--address", "max2@vendor.example")
    desk.do("account", "add", "Other Ltd", "--number", "OT-1", "--timezone", "Europe/Berlin", "--team", "east")
    desk.do("contact", "add", "eve@other.example", "--account", "OT-1", "--name", "Eve")
    desk.do("contact", "add", "carl@customer.example", "--account", "EX-1", "--name", "Carl")
    desk.do("contact", "add", "reads@customer.example", "--account", "EX-1", "--name", "Rea", "--no-access")
    desk.mail(a_mail())
    return folder


@pytest.fixture
def case(desk: Typist, crowded: Path) -> Typist:
    shutil.rmtree(desk.config.parent)
    shutil.copytree(crowded, desk.config.parent)
    return desk


def shown(desk: Typist, number: int = 1001) -> Any:
    return desk.json("case", "show", str(number))


def did(desk: Typist, *words: str) -> str:
    """A command about case 1001, by alice."""
    command, *rest = words
    return desk.do("case", command, "1001", *rest, *ALICE).strip()


# --- Opening --------------------------------------------------------------------------------------------


def test_open_prints_the_number(case: Typist) -> None:
    assert "1002\n" == case.do("case", "open", "--for", "Bob@Customer.example", "-m", "It hangs.\nBadly.", *ALICE)
    found = shown(case, 1002)
    assert ("It hangs.", "question", "agent", "bob@customer.example") == tuple(
        found[name] for name in ("subject", "type", "channel", "reporter")
    )
    assert [("inbound", "bob@customer.example", "It hangs.\nBadly.", None)] == [
        (m["direction"], m["author"], m["text"], m["authenticity"]) for m in found["messages"]
    ]


def test_open_takes_all_that_a_case_is(case: Typist) -> None:
    found = case.json(
        "case", "open", "--for", "eve@other.example", "--subject", "Down", "--type", "Incident", "--priority", "p1",
        "--channel", "Phone", "-m", "All is dark.", *ALICE,
    )  # fmt: skip
    assert (1002, "Down", "incident", "P1", "phone", "OT-1", "east") == tuple(
        found[name] for name in ("number", "subject", "type", "priority", "channel", "account", "team")
    )


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("\n \n  First   line \nSecond", "First line"),
        ("word " * 40, f"{('word ' * 14).strip()}…"),
        ("x" * 300, f"{'x' * 70}…"),
        ("\x1b[2Jred\x07 \u202egnp", "[2Jred gnp"),
        ("Re: [CASE-1001.aaaaaaaa] slow", "slow"),
        ("\u200b", "(no subject)"),
    ],
)
def test_a_subject_is_the_first_line_of_the_text(case: Typist, text: str, subject: str) -> None:
    case.do("case", "open", "--for", "bob@customer.example", "-m", text, *ALICE)
    assert subject == shown(case, 1002)["subject"]


def test_a_subject_is_one_bounded_line(case: Typist) -> None:
    """No header of a mail can come of it (TESTPLAN IJ-07)."""
    given = "Slow\r\nBcc: mallory@evil.example" + "x" * 300
    case.do("case", "open", "--for", "bob@customer.example", "--subject", given, "-m", "x", *ALICE)

    assert ("Slow Bcc: mallory@evil.example" + "x" * 300)[:200] == shown(case, 1002)["subject"]
    for row in case.json("outbox", "list"):
        assert "\nBcc:" not in case.do("outbox", "show", str(row["id"]))


@pytest.mark.parametrize(
    ("code", "words", "told"),
    [
        (1, ["--for", "nobody@customer.example", "-m", "x"], "there is no contact nobody@customer.example"),
        (1, ["--for", "alice@vendor.example", "-m", "x"], "there is no contact alice@vendor.example"),
        (1, ["--for", "reads@customer.example", "-m", "x"], "has no access to cases"),
        (2, ["--for", "bob", "-m", "x"], "no mail address"),
        (1, ["--for", "bob@customer.example", "-m", " "], "the text is empty"),
        (2, ["--for", "bob@customer.example"], "EDITOR"),
        (2, ["--for", "bob@customer.example", "-m", "x", "--channel", "by phone"], "one short word"),
        (1, ["--for", "bob@customer.example", "-m", "x", "--type", "party"], "there are: question, incident"),
        (1, ["--for", "bob@customer.example", "-m", "x", "--type", "incident"], "needs a priority"),
        (1, ["--for", "bob@customer.example", "-m", "x", "--priority", "P1"], "has no priority"),
        (1, ["--for", "bob@customer.example", "-m", "x", "--category", "update"], "has no category"),
        (2, ["-m", "x"], "--for"),
    ],
)
def test_what_cannot_be_opened_is_one_line(case: Typist, code: int, words: list[str], told: str) -> None:
    said = case("case", "open", *words, *ALICE)
    assert (code, "", 1, True) == (said.code, said.out, said.err.count("\n"), told in said.err), said
    assert [1001] == [found["number"] for found in case.json("cases")]


# --- Type, priority, plan, description ------------------------------------------------------------------


def test_type_and_priority_say_what_became_of_it(case: Typist) -> None:
    assert "1001 Incident P1 · 1 mail queued" == did(case, "type", "incident", "--priority", "P1")
    assert "1001 is Incident P1 already" == did(case, "type", "INCIDENT")
    assert "1001 is P1 already" == did(case, "priority", "p1")
    assert "1001 Incident P3 · 1 mail queued" == did(case, "priority", "P3")
    assert "1001 Service Request update · 1 mail queued" == did(case, "type", "service_request", "--category", "update")
    assert "1001 Error · 2 mails queued · technical escalation to third_level" == did(case, "type", "error")
    assert ("error", None, None) == tuple(shown(case)[name] for name in ("type", "priority", "category"))


def test_an_error_found_on_a_resolved_case_says_that_it_lives_again(case: Typist) -> None:
    did(case, "resolve")
    assert "1001 Error · 2 mails queued · Re-opened · technical escalation to third_level" == did(case, "type", "error")


def test_a_plan_is_in_the_zone_of_the_account(case: Typist) -> None:
    case.do("case", "open", "--for", "eve@other.example", "-m", "Upgrade us.", *ALICE)

    said = case.do("case", "plan", "1002", "--at", "2030-12-01 14:30", *ALICE)

    assert said.startswith("1002 planned for 2030-12-01 14:30 CET · ")
    again = case.do("case", "plan", "1002", "--at", "2030-12-01T13:30Z", *ALICE)
    assert "1002 is planned for 2030-12-01 14:30 CET already\n" == again
    assert "is past" in case("case", "plan", "1002", "--at", "2020-01-01", *ALICE).err
    gap = case("case", "plan", "1002", "--at", "2030-03-31 02:30", *ALICE)
    assert (2, True) == (gap.code, "has no 02:30 in Europe/Berlin" in gap.err)


def test_each_deferred_case_comes_back_in_its_own_zone(case: Typist) -> None:
    case.do("case", "open", "--for", "eve@other.example", "-m", "Later, please.", *ALICE)

    said = case("case", "defer", "1001", "4711", "1002", "--until", "2030-12-01", *ALICE)

    assert 1 == said.code
    assert [
        "1001 Deferred until 2030-12-01 00:00 UTC · 1 mail queued",
        "1002 Deferred until 2030-12-01 00:00 CET · 1 mail queued",
    ] == said.out.splitlines()
    assert "there is no case 4711\ncasegate: refused for 1 of 3 cases\n" == said.err
    assert 2 == case("case", "defer", "1001", "--until", "soon", *ALICE).code


def test_set_describes_and_empties(case: Typist) -> None:
    assert "1001 product Importer, version 8.1" == did(case, "set", "--product", " Importer ", "--version", "8.1")
    assert "1001 is like that already: product Importer, version 8.1" == did(case, "set", "--version", "8.1")
    assert "1001 version 8.1" == did(case, "set", "--product", "")
    assert "1001 not described" == did(case, "set", "--version", "")
    assert 2 == case("case", "set", "1001", *ALICE).code
    assert 2 == case("case", "set", "1001", "--product", "a\nb", *ALICE).code


# --- People ---------------------------------------------------------------------------------------------


def test_a_case_is_given_to_an_agent_or_a_team(case: Typist) -> None:
    assert "1001 assigned to mira@vendor.example · 1 mail queued" == did(case, "assign", "mira@vendor.example")
    assert "1001 assigned to alice@vendor.example · 0 mails queued" == did(case, "assign", "me")
    assert "1001 is with alice@vendor.example already" == did(case, "assign", "alice")
    assert "1001 assigned to team third_level · 1 mail queued" == did(case, "assign", "third_level")
    assert "1001 is with team third_level already" == did(case, "assign", "Third_Level")
    assert did(case, "assign", "east").startswith("1001 assigned to team east · ")
    assert (None, "east") == tuple(shown(case)[name] for name in ("assignee", "team"))


@pytest.mark.parametrize(
    ("code", "who", "told"),
    [
        (1, "nobody", "alice@vendor.example, mira@vendor.example"),
        (1, "nobody", "third_level"),
        (1, "bob@customer.example", "there is no agent and no team"),
        (2, "max", "max@vendor.example, max2@vendor.example"),
        (2, "Mira", "mira@vendor.example, team mira"),
    ],
)
def test_who_is_not_clear_is_asked_for(case: Typist, code: int, who: str, told: str) -> None:
    said = case("case", "assign", "1001", who, *ALICE)
    assert (code, 1, True) == (said.code, said.err.count("\n"), told in said.err), said


def test_participants_come_and_go(case: Typist) -> None:
    assert "nobody but the reporter is on case 1001\n" == case.do("case", "participants", "1001")
    assert "1001 added carl@customer.example" == did(case, "participants", "--add", "CARL@customer.example")
    assert "1001 has them on it already" == did(case, "participants", "--add", "carl@customer.example")
    assert "1001 added alice@vendor.example · removed carl@customer.example" == did(
        case, "participants", "--add", "alice@vendor.example", "--remove", "carl@customer.example"
    )
    assert [{"address": "alice@vendor.example", "name": "Alice", "kind": "agent", "account": None, "active": True}] == (
        case.json("case", "participants", "1001")
    )
    assert "1001 removed alice@vendor.example" == did(case, "participants", "--remove", "alice@vendor.example")


def test_what_a_guest_means_is_said_plainly(case: Typist) -> None:
    assert (
        "1001 added eve@other.example · eve@other.example is of another company, account OT-1: "
        "they read and write on this case now"
    ) == did(case, "participants", "--add", "eve@other.example")
    assert (
        "1001 added x@y.example · x@y.example is an outside address: it gets this case's mail and cannot write"
    ) == did(case, "participants", "--add", "X@y.example", "--external")
    assert [("eve@other.example", "contact", "OT-1"), ("x@y.example", "external", None)] == [
        (one["address"], one["kind"], one["account"]) for one in case.json("case", "participants", "1001")
    ]
    head, *rows = case.do("case", "participants", "1001").splitlines()
    assert (["Name", "Address", "Kind", "Account"], 2) == (head.split(), len(rows))


@pytest.mark.parametrize(
    ("code", "words", "told"),
    [
        (1, ["--add", "x@y.example"], "--external"),
        (1, ["--add", "reads@customer.example", "--external"], "has no access"),
        (1, ["--add", "service@vendor.example", "--external"], "of this gateway itself"),
        (2, ["--add", "x"], "no mail address"),
        (1, ["--remove", "carl@customer.example"], "is no participant"),
        (1, ["--remove", "bob@customer.example"], "the reporter of case 1001"),
        (2, ["--external"], "--add"),
    ],
)
def test_who_cannot_join_or_leave_is_one_line(case: Typist, code: int, words: list[str], told: str) -> None:
    said = case("case", "participants", "1001", *words, *ALICE)
    assert (code, "", 1, True) == (said.code, said.out, said.err.count("\n"), told in said.err), said
    assert [] == shown(case)["participants"]


def test_escalations_say_what_they_are(case: Typist) -> None:
    assert "1001 Open · 4 mails queued · technical escalation" == did(case, "escalate", "-m", "A race.")
    assert "1001 Open · 4 mails queued · added to the escalation that is open" == did(case, "escalate")
    case.mail(a_mail(subject="Second", message_id="<2@customer.example>"))
    said = case.do("case", "escalate", "1002", "--kind", "non_technical", *ALICE)
    assert "1002 Open · 4 mails queued · non-technical escalation\n" == said
    assert 2 == case("case", "escalate", "1001", "-m", " ", *ALICE).code


# --- Merge, split, link ---------------------------------------------------------------------------------


def test_merge_says_where_the_case_went_and_who_reads_it(case: Typist) -> None:
    case.mail(a_mail(subject="Second", message_id="<2@customer.example>"))
    did(case, "participants", "--add", "eve@other.example")

    said = case.do("case", "merge", "1002", "--into", "1001", *ALICE)

    assert "1002 merged into 1001, Open · 1 mail queued · from outside EX-1 on 1001: eve@other.example\n" == said
    refused = case("case", "reply", "1002", "-m", "x", *ALICE)
    assert "casegate: case 1002 was merged into 1001; work on that one\n" == refused.err


def test_split_prints_the_new_number(case: Typist) -> None:
    case.mail(a_mail(subject=shown(case)["token"], body="The printer jams.", message_id="<2@customer.example>"))
    one, two = (message["id"] for message in shown(case)["messages"])

    assert "1002\n" == case.do("case", "split", "1001", str(two), *ALICE)

    assert ["The printer jams."] == [message["text"].strip() for message in shown(case, 1002)["messages"]]
    said = case("case", "split", "1001", str(one), *ALICE)
    assert (1, True) == (said.code, "nothing on case 1001" in said.err)


def test_link_says_so_once(case: Typist) -> None:
    case.mail(a_mail(subject="Second", message_id="<2@customer.example>"))
    assert "1001 linked with 1002" == did(case, "link", "1002")
    assert "1002 is linked with 1001 already\n" == case.do("case", "link", "1002", "1001", *ALICE)


@pytest.mark.parametrize(
    "words",
    [
        "type 4711 task", "priority 4711 P1", "plan 4711 --at 2030-01-01", "set 4711 --product x", "assign 4711 me",
        "participants 4711", "participants 4711 --add carl@customer.example", "escalate 4711", "merge 4711 --into 1001",
        "merge 1001 --into 4711", "split 4711 1", "link 4711 1001", "link 1001 4711", "defer 4711 --until 2030-01-01",
    ],
)  # fmt: skip
def test_an_unknown_case_is_one_line(case: Typist, words: str) -> None:
    as_ = () if words == "participants 4711" else ALICE
    said = case("case", *words.split(), *as_)
    assert (1, "", "casegate: there is no case 4711\n") == (said.code, said.out, said.err)


def test_a_person_who_is_gone_is_told_apart(case: Typist) -> None:
    with closing(sqlite3.connect(case.config.parent / "casegate.db")) as connection, connection:
        connection.execute("UPDATE contact SET active = 0 WHERE name = 'Carl'")

    opened = case("case", "open", "--for", "carl@customer.example", "-m", "x", *ALICE)
    joined = case("case", "participants", "1001", "--add", "carl@customer.example", "--external", *ALICE)

    assert (1, True) == (opened.code, "carl@customer.example is un-registered" in opened.err)
    assert (1, True) == (joined.code, "carl@customer.example is un-registered" in joined.err)
