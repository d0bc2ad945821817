"""Daily work: the list, a case as a conversation, and every action."""

import sys
from pathlib import Path
from typing import Any

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
    assert {"name", "size", "sha256", "content_type"} == set(file)
    assert "[attached: log.csv, text/csv, " in desk.do("case", "show", "1001")


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
    assert ["Case", "Subject", "Status", "Turn", "Account", "Assignee", "Updated"] == head.split()
    assert row.startswith("1001  It is slow  Open")


def test_a_case_reads_like_a_conversation(case: Typist) -> None:
    case.do("case", "note", "1001", "-m", "They called twice.", *ALICE)
    case.do("case", "reply", "1001", "-m", "Restart it.", *ALICE)
    out = case.do("case", "show", "1001")
    places = [
        out.index(text)
        for text in (
            "It is slow",
            "Waiting for Customer",
            "Bob <bob@customer.example> wrote · unverified",
            "  Still slow.",
            "[quoted text hidden, --full shows it]",
            "Alice <alice@vendor.example> noted, internal",
            "  | They called twice.",
            "Alice <alice@vendor.example> answered",
            "  Restart it.",
        )
    ]
    assert sorted(places) == places
    assert "the old text" not in out
    assert "the old text" in case.do("case", "show", "1001", "--full")


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
