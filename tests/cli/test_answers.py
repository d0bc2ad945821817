"""Answers in the editor: what stands below the line, and mail that comes while an agent types (SPEC section 14)."""

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.cli.typist import ALICE, Typist
from tests.daemon import CASEGATE, ROOT
from tests.world import a_mail

NEWER = "It works again since noon."


@pytest.fixture
def case(desk: Typist) -> Typist:
    desk.mail(a_mail())
    return desk


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, desk: Typist) -> Path:
    """An editor that types a line each time, keeps what it was shown, and while it is open the first time bob writes."""
    script = tmp_path / "editor.py"
    script.write_text(
        f"""
import pathlib, sys
sys.path.insert(0, {str(ROOT)!r})
from tests.cli.typist import Typist
from tests.world import a_mail
file, seen = pathlib.Path(sys.argv[1]), pathlib.Path({str(tmp_path)!r}, "seen")
desk = Typist(pathlib.Path({str(desk.config)!r}))
if not seen.exists():
    token = desk.json("case", "show", "1001")["token"]
    desk.mail(a_mail(subject=token, body={NEWER!r}, message_id="<newer@customer.example>"))
seen.write_text(file.read_text())
file.write_text("Typed.\\n" + file.read_text())
"""
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    return tmp_path / "seen"


def ours(desk: Typist) -> list[str]:
    """What we answered."""
    messages: list[Any] = desk.json("case", "show", "1001")["messages"]
    return [message["text"] for message in messages if message["direction"] == "outbound"]


def typed(desk: Typist, *words: str, keys: str) -> tuple[int, str]:
    """A command at a terminal at which somebody presses keys: its exit code, and what stood there."""
    near, far = pty.openpty()
    os.write(near, keys.encode())
    done = subprocess.Popen([*CASEGATE, "--config", str(desk.config), *words], stdin=far, stdout=far, stderr=far)
    os.close(far)
    chunks: list[bytes] = []

    def listen() -> None:
        try:
            while data := os.read(near, 4096):
                chunks.append(data)
        except OSError:  # the other end is gone
            return

    listener = threading.Thread(target=listen)
    listener.start()
    code = done.wait(timeout=120)
    listener.join(timeout=10)
    os.close(near)
    return code, b"".join(chunks).decode()


def test_below_the_line_stands_what_can_be_done(case: Typist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gets it, what becomes of the case, the events that are open, and the newest mail."""
    script = tmp_path / "editor.py"
    script.write_text(
        f"import pathlib, sys\nfile = pathlib.Path(sys.argv[1])\n"
        f"pathlib.Path({str(tmp_path / 'seen')!r}).write_text(file.read_text())\nfile.write_text('x' + file.read_text())"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")

    case.do("case", "reply", "1001", *ALICE)
    below = (tmp_path / "seen").read_text().partition("8<")[2]
    case.do("case", "resolve", "1001", "--edit", *ALICE)
    resolving = (tmp_path / "seen").read_text()

    assert "Goes to: bob@customer.example" in below
    assert (
        "The case becomes Waiting for Customer. Possible now: start, resolve, defer (casegate case NAME 1001)." in below
    )
    assert "Bob wrote:\n> Since Monday everything is slow.\n" in below
    assert "The case becomes Resolved. Possible now: start" in resolving
    assert ["x", "x"] == ours(case)


def test_without_a_terminal_an_overtaken_answer_is_kept(case: Typist, editor: Path) -> None:
    """The line says how to send it all the same; what stood below the marker is not sent."""
    said = case("case", "reply", "1001", *ALICE)

    assert (1, "", 1) == (said.code, said.out, said.err.count("\n"))
    assert "a newer mail came on 1001; nothing was sent; `casegate case reply 1001 --file " in said.err
    kept = Path(said.err.strip().rpartition("kept in ")[2])
    assert [] == ours(case)
    case.do("case", "reply", "1001", "--file", str(kept), *ALICE)
    assert ["Typed."] == ours(case)
    kept.unlink()


def test_at_a_terminal_it_can_be_sent_anyway(case: Typist, editor: Path) -> None:
    code, shown = typed(case, "case", "reply", "1001", *ALICE, keys="s\n")

    assert (0, ["Typed."]) == (code, ours(case)), shown
    assert f"> {NEWER}" in shown
    assert "1001 Waiting for Customer · 1 mail queued\r\n" in shown


def test_at_a_terminal_it_can_be_edited_again(case: Typist, editor: Path) -> None:
    """The words typed before are there, and the newer mail below them."""
    code, shown = typed(case, "case", "reply", "1001", *ALICE, keys="what?\ne\n")

    assert (0, ["Typed.\nTyped."]) == (code, ours(case)), shown
    assert editor.read_text().startswith("Typed.")
    assert f"> {NEWER}" in editor.read_text()


@pytest.mark.parametrize("keys", ["k\n", "\n", "\x04"], ids=["keep", "enter", "end of input"])
def test_at_a_terminal_it_can_be_kept(case: Typist, editor: Path, keys: str) -> None:
    code, shown = typed(case, "case", "resolve", "1001", "--edit", *ALICE, keys=keys)

    assert (1, []) == (code, ours(case)), shown
    kept = Path(shown.rpartition("kept in ")[2].split()[0])
    assert kept.read_text().startswith("Typed.")
    kept.unlink()


def test_with_m_it_is_sent_and_the_newer_mail_is_told(case: Typist) -> None:
    """Newer than the first one that nobody has answered."""
    token = case.json("case", "show", "1001")["token"]
    assert "newer" not in case.do("case", "note", "1001", "-m", "Looking.", *ALICE)
    for number in (2, 3):
        case.mail(a_mail(subject=token, body=f"More {number}.", message_id=f"<{number}@customer.example>"))

    said = case.do("case", "reply", "1001", "-m", "Restart it.", *ALICE)
    again = case.do("case", "resolve", "1001", "-m", "Done.", *ALICE)

    assert said.startswith("1001 Waiting for Customer · 1 mail queued · a newer mail came at ")
    assert "1001 Resolved · 1 mail queued\n" == again


def test_an_editor_that_fails_before_anything_is_typed_leaves_nothing(
    case: Typist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "false")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "drafts"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "drafts").mkdir()

    said = case("case", "note", "1001", *ALICE)

    assert (1, "casegate: the editor ended with 1; nothing was done\n") == (said.code, said.err)
    assert [] == [*(tmp_path / "drafts").iterdir()]
