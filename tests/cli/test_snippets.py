"""Texts that agents use again: kept, listed, sent as they are."""

import sys
from pathlib import Path

import pytest

from tests.cli.typist import ALICE, Typist
from tests.world import a_mail

LOGS = "Please send us the logs.\n\n{{ 7*7 }} {% include 'x' %} stays as it is."


@pytest.fixture
def case(desk: Typist) -> Typist:
    """A gateway with a case and two snippets."""
    desk.mail(a_mail())
    desk.do("snippet", "add", "logs", "-m", LOGS)
    desk.do("snippet", "add", "bye", "-m", "Kind regards")
    return desk


def sent(desk: Typist) -> str:
    text: str = desk.json("case", "show", "1001")["messages"][-1]["text"]
    return text


def test_snippets_are_kept_by_name(case: Typist) -> None:
    assert [("bye", "Kind regards"), ("logs", LOGS)] == [(s["name"], s["text"]) for s in case.json("snippet", "list")]
    assert "Please send us the logs." in case.do("snippet", "list")
    assert "snippet bye changed; " in case.do("snippet", "add", "bye", "--file", "-", stdin="Bye!\n")
    case.do("snippet", "remove", "logs", *ALICE)
    assert [("bye", "Bye!")] == [(s["name"], s["text"]) for s in case.json("snippet", "list")]
    case.do("snippet", "remove", "bye")
    assert "no snippets yet; `casegate snippet add` makes one\n" == case.do("snippet", "list")


def test_a_snippet_is_sent_as_it_is(case: Typist) -> None:
    """It is no template."""
    case.do("case", "reply", "1001", "--snippet", "logs", *ALICE)

    assert LOGS == sent(case)
    assert "{{ 7*7 }} {% include 'x' %}" in case.do("outbox", "show", "3")


def test_a_text_of_ones_own_comes_first_and_snippets_add_up(case: Typist) -> None:
    case.do("case", "reply", "1001", "-m", "Dear Bob,", "--snippet", "logs", "--snippet", "bye", *ALICE)

    assert f"Dear Bob,\n\n{LOGS}\n\nKind regards" == sent(case)


def test_the_editor_opens_with_them(case: Typist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "editor.py"
    script.write_text(
        "import pathlib, sys\nf = pathlib.Path(sys.argv[1])\nf.write_text('Dear Bob,\\n' + f.read_text())"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")

    case.do("case", "reply", "1001", "--snippet", "bye", "--edit", *ALICE)

    assert "Dear Bob,\nKind regards" == sent(case)


@pytest.mark.parametrize(
    ("code", "words", "told"),
    [
        (
            1,
            ["case", "reply", "1001", "--snippet", "nothing", *ALICE],
            "there is no snippet nothing; there are: bye, logs",
        ),
        (1, ["snippet", "remove", "nothing"], "there are: bye, logs"),
        (1, ["snippet", "add", "empty", "-m", " \n"], "the text is empty"),
        (2, ["snippet", "add", "two words", "-m", "x"], "one word"),
        (2, ["snippet", "add", "-rf\r\nBcc:x", "-m", "x"], "casegate"),
        (2, ["snippet", "add", "x"], "EDITOR"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(case: Typist, code: int, words: list[str], told: str) -> None:
    said = case(*words)
    assert (code, 1, True) == (said.code, said.err.count("\n"), told in said.err), said
    assert 2 == len(case.json("snippet", "list"))
