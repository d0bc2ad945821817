"""Daily work: the list, a case as a conversation, and every action."""

import sqlite3
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.cli.typist import ALICE, Typist
from tests.world import a_mail

QUOTING = "Still slow.\n\nOn Mon, 2 Mar 2026 at 10:00, Acme <service@vendor.example> wrote:\n> the old text\n"

SUMMARY = [
    "number",
    "token",
    "subject",
    "type",
    "category",
    "priority",
    "status",
    "status_label",
    "turn",
    "account",
    "reporter",
    "assignee",
    "team",
    "created_at",
    "updated_at",
    "sla_due_at",
]
WHOLE = [
    "address",
    "possible",
    "approvals",
    "channel",
    "product",
    "version",
    "environment",
    "planned_at",
    "covered",
    "processing_seconds",
    "participants",
    "upload_url",
    "merged_into",
    "follow_up_of",
    "links",
    "sla",
    "escalation",
    "messages",
]
MESSAGE = [
    "id",
    "intake",
    "direction",
    "automatic",
    "author",
    "authenticity",
    "at",
    "subject",
    "text",
    "quoted",
    "attachments",
]


@pytest.fixture
def case(desk: Typist) -> Typist:
    desk.mail(a_mail(body=QUOTING))
    return desk


def test_files_of_a_customer_are_listed(desk: Typist) -> None:
    desk.mail(
        a_mail(
            body='--b\n\nSee there.\n--b\nContent-Type: text/csv\nContent-Disposition: attachment; filename="log.csv"\n\na,b\n--b--',
            content_type='multipart/mixed; boundary="b"',
            mime_version="1.0",
        )
    )
    (file,) = desk.json("case", "show", "1001")["messages"][0]["attachments"]
    assert {"name", "size", "sha256", "content_type", "state"} == set(file)
    assert "[attached: log.csv, text/csv, 3 bytes]" in desk.do("case", "show", "1001")


def editor(path: Path, code: str) -> str:
    """A command line for EDITOR that runs this code with `file` being the path of the text."""
    script = path / "editor.py"
    script.write_text(f"import pathlib, sys\nfile = pathlib.Path(sys.argv[1])\n{code}\n")
    return f"{sys.executable} {script}"


def test_a_case_in_json_has_all_fields_of_the_contract(case: Typist) -> None:
    found = case.json("case", "show", "1001")
    assert [] == [name for name in (*SUMMARY, *WHOLE) if name not in found]
    assert [] == [name for name in MESSAGE if name not in found["messages"][0]]
    assert ["bob@customer.example", "inbound", "unverified"] == [
        found["messages"][0][name] for name in ("author", "direction", "authenticity")
    ]
    assert set(SUMMARY) <= set(case.json("cases")[0])
    assert found["created_at"].endswith("Z")


def test_events_in_json_have_all_fields_of_the_contract(case: Typist) -> None:
    entry = case.json("case", "history", "1001")[0]
    assert {"at", "actor", "cause", "event", "from_status", "to_status", "detail"} == set(entry)
    assert "opened" in case.do("case", "history", "1001")


def test_the_list_is_filtered(case: Typist) -> None:
    def numbers(*words: str) -> list[int]:
        return [found["number"] for found in case.json("cases", *words)]

    case.mail(a_mail(subject="Second", message_id="<2@customer.example>"))
    case.do("case", "start", "1002", *ALICE)
    assert [1002, 1001] == numbers()
    assert [1001, 1002] == numbers("--sort", "number")
    assert [1002] == numbers("--limit", "1")
    assert [1002] == numbers("--status", "investigating")
    assert [1002, 1001] == numbers("--status", "investigating", "--status", "open")
    assert [1002, 1001] == numbers("--turn", "vendor")
    assert [] == numbers("--turn", "customer")
    assert [1002] == numbers("--assignee", "me", *ALICE)
    assert [1002] == numbers("--assignee", "alice")
    assert [] == numbers("--account", "XX")
    assert [1002, 1001] == numbers("--type", "question")


def test_the_list_for_people_has_a_row_a_case(case: Typist) -> None:
    head, row = case.do("cases").splitlines()
    columns = ["Case", "Subject", "Status", "Turn", "Type", "Prio", "Account", "Assignee", "Updated"]
    assert columns == head.split()
    assert row.startswith("1001  It is slow  Open")


def test_a_case_reads_like_a_conversation(case: Typist) -> None:
    case.do("case", "note", "1001", "-m", "They called twice.", *ALICE)
    case.do("case", "reply", "1001", "-m", "Restart it.", *ALICE)
    out = case.do("case", "show", "1001")
    places = [
        out.index(text)
        for text in (
            "It is slow",
            "Waiting for Customer · customer's turn · since ",
            "Bob <bob@customer.example> wrote · #1 · unverified",
            "  Still slow.",
            "[2 quoted lines hidden; --full shows them]",
            "Alice <alice@vendor.example> · INTERNAL NOTE · #2",
            "  | They called twice.",
            "Alice <alice@vendor.example> answered · #3",
            "  Restart it.",
            "Alice: took the case · Open → Waiting for Customer",
        )
    ]
    assert sorted(places) == places
    assert "the old text" not in out
    assert "       > the old text\n" in case.do("case", "show", "1001", "--full")


def test_the_head_says_what_matters_and_nothing_that_is_not_there(case: Typist) -> None:
    out = case.do("case", "show", "1001")
    assert "Account   EX-1 Example Ltd\n" in out
    assert "Assignee  nobody · team first_level\n" in out
    assert "Possible  start, reply, resolve, defer\n" in out
    assert [] == [name for name in ("Escalation", "Planned", "Product", "With", "Cases") if f"{name}  " in out]
    case.do("case", "set", "1001", "--product", "Portal", "--version", "8.1", "--environment", "production", *ALICE)
    case.do("case", "escalate", "1001", "-m", "They threaten to leave.", *ALICE)
    case.mail(a_mail(subject="Second", message_id="<2@customer.example>"))
    case.do("case", "link", "1001", "1002", *ALICE)
    out = case.do("case", "show", "1001")
    for row in ("Product      Portal 8.1\n", "Environment  production\n", "Cases        linked with 1002\n"):
        assert row in out
    assert "Escalation   requested · non_technical · " in out or "Escalation   requested · technical · " in out
    assert "Alice: set product Portal, version 8.1, environment production\n" in out


def test_a_merged_case_is_nobodys_turn(case: Typist) -> None:
    case.mail(a_mail(subject="Second", message_id="<2@customer.example>", body="The same."))
    case.do("case", "merge", "1002", "--into", "1001", *ALICE)
    out = case.do("case", "show", "1002")
    assert "nobody's turn" in out
    assert "merged into 1001" in out
    found = case.json("case", "show", "1002")
    assert ("nobody", [], 1001) == (found["turn"], found["possible"], found["merged_into"])
    assert [1001] == [one["number"] for one in case.json("queue")]
    out = case.do("case", "show", "1001")
    assert out.index("Still slow.") < out.index("The same.") < out.index("Alice: merged case 1002 into this one")


def test_a_new_escalation_is_whole_in_json(case: Typist) -> None:
    case.do("case", "escalate", "1001", "-m", "They threaten to leave.", "--kind", "non_technical", *ALICE)
    found = case.json("case", "show", "1001")["escalation"]
    names = {"state", "kind", "manager", "reason", "every", "at", "channel", "next_meeting_at", "log"}
    assert set() == names - set(found)
    assert ("requested", "non_technical", "They threaten to leave.", []) == (
        found["state"], found["kind"], found["reason"], found["log"],
    )  # fmt: skip


def test_mail_without_new_text_says_so(desk: Typist) -> None:
    desk.mail(a_mail(body=""))
    assert "[no new text]" in desk.do("case", "show", "1001")


def test_a_very_long_text_is_shown_to_its_end_with_full(desk: Typist) -> None:
    desk.mail(a_mail(body="\n".join(f"line {n} of the log" for n in range(1, 1001))))
    out = desk.do("case", "show", "1001")
    assert "line 300 of the log\n" in out
    assert "line 301 of" not in out
    assert "[700 more lines; --full shows all]" in out
    assert "line 1000 of the log" in desk.do("case", "show", "1001", "--full")


def test_automatic_mail_is_marked(case: Typist) -> None:
    case.do("case", "reply", "1001", "-m", "Restart it.", *ALICE)
    address = case.json("case", "show", "1001")["address"]
    absence = a_mail(to=address, message_id="<2@customer.example>", body="I am away.", auto_submitted="auto-replied")
    case.mail(absence)
    assert "Bob <bob@customer.example> wrote · #3 · automatic · unverified" in case.do("case", "show", "1001")


def test_what_is_not_covered_is_marked(case: Typist) -> None:
    with sqlite3.connect(case.config.parent / "casegate.db") as connection:
        connection.execute("UPDATE account SET valid_until = '2001-01-01'")
    connection.close()
    assert "Account   EX-1 Example Ltd · NOT COVERED\n" in case.do("case", "show", "1001")
    assert case.json("case", "show", "1001")["covered"] is False


def test_times_are_those_of_this_machine(case: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    found = datetime.fromisoformat(case.json("case", "show", "1001")["messages"][0]["at"])
    try:
        for zone in ("Asia/Tokyo", "America/St_Johns"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            local = found.astimezone(ZoneInfo(zone))
            out = case.do("case", "show", "1001")
            assert f"── {local:%A}, {local.day} {local:%B %Y} ──" in out
            assert f"\n{local:%H:%M}  Bob <bob@customer.example> wrote" in out
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_the_history_says_what_was_before_and_what_is_after(case: Typist) -> None:
    case.do("case", "start", "1001", *ALICE)
    case.do("case", "type", "1001", "incident", "--priority", "P2", *ALICE)
    case.do("case", "priority", "1001", "P1", *ALICE)
    rows = case.do("case", "history", "1001").splitlines()
    assert len(case.json("case", "history", "1001")) == len(rows)
    ends = [row.split(maxsplit=3)[2:] for row in rows]
    assert [
        ["opened", "Bob · question of bob@customer.example, account EX-1 · Open · mail 1"],
        ["assigned", "Alice · assignee none → alice@vendor.example · cli"],
        ["start", "Alice · Open → Acme Investigating · cli"],
        ["type_changed", "Alice · type question → incident, priority none → P2 · cli"],
        ["priority_changed", "Alice · priority P2 → P1 · cli"],
    ] == ends


def test_a_long_list_is_cut_for_people_and_whole_for_scripts(case: Typist) -> None:
    for n in range(2, 53):
        case.mail(a_mail(subject=f"No. {n}", message_id=f"<{n}@customer.example>"))
    rows = case.do("cases").splitlines()
    assert (52, "50 of 52; --limit N or --json for more") == (len(rows), rows[-1])
    assert 52 == len(case.json("cases"))
    assert 3 == len(case.do("cases", "--limit", "2").splitlines()) - 1
    assert 53 == len(case.do("cases", "--limit", "52").splitlines())
    assert "50 of 52; --limit N or --json for more" == case.do("queue").splitlines()[-1]


def test_lists_are_sorted_as_the_rules_order_things(case: Typist) -> None:
    for n in range(2, 6):
        case.mail(a_mail(subject=f"No. {n}", message_id=f"<{n}@customer.example>"))
    case.do("case", "type", "1004", "incident", "--priority", "P3", *ALICE)
    case.do("case", "type", "1002", "incident", "--priority", "P1", *ALICE)
    case.do("case", "start", "1001", *ALICE)
    case.do("case", "resolve", "1001", *ALICE)
    case.do("case", "start", "1005", *ALICE)

    def numbers(*words: str) -> list[int]:
        return [found["number"] for found in case.json("cases", *words)]

    assert [1005, 1001, 1002, 1004, 1003] == numbers()
    assert [1005, 1004, 1003, 1002, 1001] == numbers("--sort", "created")
    assert [1002, 1004, 1005, 1001, 1003] == numbers("--sort", "priority")
    assert [1002, 1004, 1003, 1005, 1001] == numbers("--sort", "status")
    assert [1005, 1001, 1003, 1002, 1004] == numbers("--sort", "type")
    assert [1002, 1004, 1005] == numbers("--sort", "priority", "--turn", "vendor", "--limit", "3")
    assert [1005, 1002] == numbers("--turn", "vendor", "--limit", "2")
    assert [1005, 1001] == numbers("--assignee", "alice")
    assert [1001] == numbers("--assignee", "alice", "--turn", "nobody")
    assert [1005, 1002] == numbers("--account", "EX-1", "--turn", "vendor", "--limit", "2")


def test_each_action_says_what_became_of_it(case: Typist) -> None:
    assert "1001 Acme Investigating · 1 mail queued\n" == case.do("case", "start", "1001", *ALICE)
    assert "1001 Waiting for Customer · 1 mail queued\n" == case.do("case", "reply", "1001", "-m", "Try it.", *ALICE)
    assert "1001 Resolved · 1 mail queued\n" == case.do("case", "resolve", "1001", "-m", "Done.", *ALICE)
    assert "1001 Closed · 1 mail queued\n" == case.do("case", "close", "1001", *ALICE)
    remark = "1001 Closed · 1 mail queued · the status stays Closed\n"
    assert remark == case.do("case", "reply", "1001", "-m", "By the way.", *ALICE)
    assert "1001 Re-opened" in case.do("case", "reopen", "1001", *ALICE)
    assert "1001 Deferred" in case.do("case", "defer", "1001", *ALICE)
    assert "alice@vendor.example" == case.json("cases")[0]["assignee"]
    refused = case("case", "wait", "1001", *ALICE)
    assert (1, "casegate: case 1001 is Deferred; possible: reopen\n") == (refused.code, refused.err)


def test_several_cases_are_acted_on_each_for_itself(case: Typist) -> None:
    case.mail(a_mail(subject="Second", message_id="<2@customer.example>"))
    said = case("case", "start", "1001", "4711", "1002", "1001", *ALICE)
    assert 1 == said.code
    assert ["1001", "1002"] == [line.split()[0] for line in said.out.splitlines()]
    assert "there is no case 4711\ncasegate: refused for 1 of 3 cases\n" == said.err


def test_a_text_comes_from_a_file_or_stdin(case: Typist, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("From a file.\n")
    case.do("case", "reply", "1001", "--file", str(tmp_path / "text"), *ALICE)
    case.do("case", "note", "1001", "--file", "-", *ALICE, stdin="From stdin.\n")
    assert ["From a file.", "From stdin."] == [m["text"] for m in case.json("case", "show", "1001")["messages"][1:]]


def test_a_file_is_sent_along(case: Typist, tmp_path: Path) -> None:
    (tmp_path / "patch.txt").write_bytes(b"diff")
    case.do("case", "reply", "1001", "-m", "See there.", "--attach", str(tmp_path / "patch.txt"), *ALICE)
    assert "[attached: patch.txt, text/plain]" in case.do("outbox", "show", "3")
    assert 2 == case("case", "reply", "1001", "-m", "x", "--attach", "nothing.txt", *ALICE).code


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, ["reply", "1001", "-m", " \n"]),
        (1, ["reply", "1001", "--file", "-"]),
        (1, ["note", "1001", "-m", ""]),
        (2, ["reply", "1001"]),
        (2, ["reply", "1001", "-m", "x", "--file", "y"]),
        (2, ["reply", "1001", "--file", "nothing.txt"]),
        (2, ["resolve", "1001", "-m", ""]),
    ],
)
def test_without_a_text_nothing_is_sent(case: Typist, code: int, words: list[str]) -> None:
    said = case("case", *words, *ALICE)
    assert (code, 1) == (said.code, said.err.count("\n"))
    assert 1 == len(case.json("case", "show", "1001")["messages"])


def test_the_editor_shows_the_newest_mail_and_takes_what_is_above_it(
    case: Typist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"pathlib.Path({str(tmp_path / 'seen')!r}).write_text(file.read_text())\nfile.write_text('Typed.' + file.read_text())"
    monkeypatch.setenv("EDITOR", editor(tmp_path, code))
    case.do("case", "reply", "1001", *ALICE)
    assert "> Still slow." in (tmp_path / "seen").read_text()
    assert "Typed." == case.json("case", "show", "1001")["messages"][1]["text"]


def kept(said: Any) -> Path:
    return Path(said.err.strip().rpartition("kept in ")[2])


@pytest.mark.parametrize(
    ("number", "code"),
    [("1001", "file.write_text('Typed.')\nsys.exit(3)"), ("4711", "file.write_text('Typed.')")],
    ids=["the editor fails", "the case is gone"],
)
def test_a_typed_text_is_kept_when_it_cannot_be_sent(
    case: Typist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str, code: str
) -> None:
    monkeypatch.setenv("EDITOR", editor(tmp_path, code))
    said = case("case", "reply", "1001", *([number] if number != "1001" else []), *ALICE)
    assert 1 == said.code
    assert "Typed." == kept(said).read_text()
    kept(said).unlink()


def test_an_editor_left_without_a_text_sends_nothing(
    case: Typist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", editor(tmp_path, ""))
    said = case("case", "reply", "1001", *ALICE)
    assert (1, "casegate: the text is empty; nothing was done\n") == (said.code, said.err)


def test_an_editor_that_does_not_start_is_told(case: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "no-such-editor")
    said = case("case", "note", "1001", *ALICE)
    assert (2, True) == (said.code, "set EDITOR" in said.err)
