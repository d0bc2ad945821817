"""Nothing that a sender wrote reaches a terminal raw (TESTPLAN IJ-01 to IJ-03), and tables stay in bounds."""

import json
import unicodedata
from email.header import Header
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.terminal import show
from tests.cli.typist import ALICE, Typist
from tests.world import a_mail

EVIL = (
    "\x1b[2J\x1b]0;x\x07\x1b]52;c;cm0=\x07\x1b]8;;http://evil\x1b\\x\x7f\x9b31m\x85\x08\r"
    "\u202e\u2066\u200b\u2028\u2029\ufeff\u00ad[bold red]x[/bold red]:smile:[link=http://evil]y[/link]"
)


def is_safe(text: str) -> bool:
    return all(
        letter in "\n\t" or unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for letter in text
    )


@given(st.text(st.characters(codec=None)))
@settings(deadline=None)
def test_no_text_gets_through_raw(text: str) -> None:
    assert is_safe(show.body(text))
    one = show.line(text)
    assert is_safe(one)
    assert not {"\n", "\t"} & set(one)
    assert len(one) <= show.MOST_IN_LINE


@given(st.text(st.characters(codec=None)))
@settings(deadline=None)
def test_json_is_printable_and_loses_nothing(text: str) -> None:
    import io
    from contextlib import redirect_stdout

    with redirect_stdout(io.StringIO()) as out:
        show.print_json([text])
    assert out.getvalue().replace("\n", "").isprintable()
    assert out.getvalue().isascii()
    assert [text] == json.loads(out.getvalue())


def test_what_is_dangerous_becomes_visible() -> None:
    assert r"a\x1bb\x7f\x9b\u202e" == show.line("a\x1bb\x7f\x9b\u202e")
    assert "one two three" == show.line("one\r\n two\t three")
    assert "one\n\ttwo\\x0b" == show.body("one\r\n\ttwo\x0b")
    assert "Grüße, 你好, naïve cafe\u0301 👍" == show.line("Grüße, 你好, naïve cafe\u0301 👍")


def test_floods_are_capped() -> None:
    assert 1 + show.MOST_MARKS == len(show.body("a" + "\u0301" * 10_000))
    assert show.MOST_IN_LINE == len(show.line("x" * 5_000_000))


def evil_mail(n: int) -> bytes:
    subject = Header(EVIL.replace("\r", ""), "utf-8", maxlinelen=70).encode()
    return a_mail(
        sender=f'"{subject}" <bob@customer.example>',
        subject=subject,
        body="Body: " + EVIL,
        message_id=f"<{n}@customer.example>",
        content_type="text/plain; charset=utf-8",
    )


def test_an_evil_mail_is_harmless_in_every_view(desk: Typist, tmp_path: Path) -> None:
    for n in range(2):
        desk.mail(evil_mail(n))
    desk.do("case", "note", "1001", "-m", EVIL, *ALICE)
    (tmp_path / "x\u202egnp.exe").write_bytes(b"x")
    desk.do("case", "reply", "1001", "-m", EVIL, "--attach", str(tmp_path / "x\u202egnp.exe"), *ALICE)
    (tmp_path / "evil.eml").write_bytes(evil_mail(9))
    for words in (
        "cases", "case show 1001", "case show 1001 --full", "case history 1001", "intake list", "intake show 1",
        "intake explain evil.eml", "outbox list", "outbox show 1", "outbox show 5", "status",
    ):  # fmt: skip
        said = desk(*words.split())
        assert 0 == said.code, said
        assert is_safe(said.out + said.err), words
    out = desk.do("case", "show", "1001")
    assert "[bold red]x[/bold red]:smile:[link=http://evil]y[/link]" in out
    assert r"\u202egnp.exe" in desk.do("outbox", "show", "5")
    assert 3 == len(desk.do("cases").splitlines())
    assert "\u202e" in desk.json("case", "show", "1001")["subject"]


@pytest.mark.parametrize("columns", ["40", "80", "132"])
def test_a_row_is_as_wide_as_the_terminal_at_most(desk: Typist, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    desk.mail(a_mail(subject="x" * 500))
    for words in ("cases", "intake list", "outbox list"):
        lines = desk.do(*words.split()).splitlines()
        assert all(len(line) <= int(columns) for line in lines), words
        assert 2 + (words == "outbox list") == len(lines)
