"""Nothing that a sender wrote reaches a terminal raw (TESTPLAN IJ-01 to IJ-03), and tables stay in bounds."""

import json
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from email.header import Header
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.terminal import show
from tests.cli.terminal import at_terminal
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
    desk.do("case", "escalate", "1001", "-m", EVIL, *ALICE)
    desk.do("case", "set", "1001", "--product", "[red]:smile:[/red]", *ALICE)
    desk.do("case", "reply", "1001", "-m", EVIL, "--attach", str(tmp_path / "x\u202egnp.exe"), *ALICE)
    (tmp_path / "evil.eml").write_bytes(evil_mail(9))
    for words in (
        "cases", "queue", "queue --watch", "next --as alice", "case show 1001", "case show 1001 --full", "case history 1001", "intake list", "intake show 1",
        "intake explain evil.eml", "outbox list", "outbox show 1", "outbox show 5", "status",
    ):  # fmt: skip
        said = desk(*words.split())
        assert 0 == said.code, said
        assert is_safe(said.out + said.err), words
    out = desk.do("case", "show", "1001")
    assert "[bold red]x[/bold red]:smile:[link=http://evil]y[/link]" in out
    assert r"\u202egnp.exe" in out
    assert "[red]:smile:[/red]\n" in out
    assert 3 == len(desk.do("cases").splitlines())
    assert "\u202e" in desk.json("case", "show", "1001")["subject"]


COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("words", ["case show 1001 --full", "queue", "case history 1001", "next --as alice"])
def test_a_terminal_gets_our_own_colours_and_nothing_else(desk: Typist, words: str) -> None:
    """Neither an escape nor markup of a sender; no line is longer than the terminal."""
    desk.mail(evil_mail(1))
    desk.do("case", "note", "1001", "-m", f"{EVIL} {'long ' * 60}", *ALICE)
    with at_terminal(desk.config, *words.split(), columns=72) as terminal:
        assert 0 == terminal.read_to_end()
    plain = COLOUR.sub("", terminal.seen.replace("\r\n", "\n"))
    assert is_safe(plain)
    rows = [row for row in plain.split("\n") if not row.startswith("  casegate ")]  # commands are copied whole
    assert max(show.cells_of(row) for row in rows) <= 72
    assert not re.search(r"\x1b\[(?:[0-9;]*;)?(?:33|37|9[0-7])[;m]", terminal.seen)  # unreadable on a light ground
    if words != "case history 1001":
        assert "\x1b[1m" in terminal.seen


def test_a_pipe_gets_no_colour(desk: Typist) -> None:
    desk.mail(a_mail())
    assert "\x1b" not in desk.do("case", "show", "1001") + desk.do("queue") + desk.do("case", "history", "1001")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], include_characters=" "), max_size=200))
@settings(deadline=None)
def test_wrapping_keeps_the_width_and_every_letter(text: str) -> None:
    rows = show.wrap(text, 20)
    assert all(show.cells_of(row) <= 20 for row in rows)
    assert text.replace(" ", "") == "".join(rows).replace(" ", "")


def test_lines_break_between_words_and_in_none_that_fits() -> None:
    assert ["one two", "three"] == show.wrap("one two three", 9)
    assert ["    indented", "text"] == show.wrap("    indented text", 12)
    assert ["abcdefgh", "ij"] == show.wrap("abcdefghij", 8)
    assert ["x 日本", "語"] == show.wrap("x 日本語", 6)
    assert [""] == show.wrap("", 8)
    assert ["one two"] == show.wrap("one two", 7)
    assert ["one two", "three"] == show.wrap("one two three", 7)


def test_a_huge_line_is_wrapped_in_reasonable_time() -> None:
    assert 50_000 == len(show.wrap("x" * 5_000_000, 100))


def test_what_is_cut_shows_it() -> None:
    assert "abc" == show.cut("abc", 3)
    assert "ab…" == show.cut("abcd", 3)
    assert "日…" == show.cut("日本語", 4)


def test_ages_and_sizes_are_short() -> None:
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    ages = [show.age(now - timedelta(minutes=minutes), now) for minutes in (-5, 0, 59, 60, 47 * 60, 48 * 60, 90_000)]
    assert ["0 min", "0 min", "59 min", "1 h", "47 h", "2 d", "62 d"] == ages
    sizes = [show.size(octets) for octets in (0, 1, 999, 1000, 9_949, 12_345, 999_499, 999_500, 25_000_000)]
    assert ["0 bytes", "1 byte", "999 bytes", "1.0 kB", "9.9 kB", "12 kB", "999 kB", "1.0 MB", "25 MB"] == sizes


def test_joined_pictures_stand_side_by_side_and_soft_hyphens_vanish_from_texts() -> None:
    assert "👨👩👧" == show.line("👨\u200d👩\u200d👧")
    assert r"a\u200db" == show.line("a\u200db")
    assert "Donaudampf" == show.body("Donau\u00addampf")
    assert r"Donau\xaddampf" == show.line("Donau\u00addampf")


@pytest.mark.parametrize("columns", ["40", "80", "132"])
def test_a_row_is_as_wide_as_the_terminal_at_most(desk: Typist, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    desk.mail(a_mail(subject="x" * 500))
    for words in ("cases", "queue", "intake list", "outbox list"):
        lines = desk.do(*words.split()).splitlines()
        assert all(len(line) <= int(columns) for line in lines), words
        assert 2 + (words == "outbox list") == len(lines)
