"""`casegate search`: what it finds, how it says it, and that nothing a sender wrote gets through."""

import pytest

from tests.cli.test_show import EVIL, is_safe
from tests.cli.test_work import SUMMARY
from tests.cli.typist import ALICE, Typist
from tests.world import a_mail


@pytest.fixture
def cases(desk: Typist) -> Typist:
    desk.mail(a_mail(subject="Drucker druckt nicht", body="Guten Tag,\n\nes ist ein Papierstau.\n" + "Danke. " * 99))
    desk.mail(a_mail(subject="VPN", body="Die Drucker sind fort.", message_id="<two@customer.example>"))
    return desk


def test_a_table_with_excerpts(cases: Typist) -> None:
    """Subjects first; below a case the line of a message that has the word, if one has it."""
    head, first, second, below = cases.do("search", "drucker").splitlines()

    assert ["Case", "Subject", "Status", "Account", "Updated"] == head.split()
    assert "1001  Drucker druckt nicht  Open    EX-1" == first[:40]
    assert "1002  VPN " == second[:10]
    assert "      Die Drucker sind fort." == below


def test_words_are_all_wanted_however_they_are_given(cases: Typist) -> None:
    for words in (["drucker", "papierstau"], ["drucker papierstau"], ["1001"], ["[CASE-1001]"], ['"ein papierstau"']):
        assert [1001] == [case["number"] for case in cases.json("search", *words)]
    assert [1001, 1002] == [case["number"] for case in cases.json("search", "druck*")]
    assert [1001] == [case["number"] for case in cases.json("search", "drucker", "--limit", "1")]


def test_json_is_the_summary_of_the_contract(cases: Typist) -> None:
    (case,) = cases.json("search", "vpn")

    assert SUMMARY == list(case)
    assert case in cases.json("cases")
    assert [] == cases.json("search", "nothing")


@pytest.mark.parametrize("words", ["nothing", "pri%", "'); DROP TABLE cases;--", "drucker NOT papierstau", "1003"])
def test_nothing_found(cases: Typist, words: str) -> None:
    assert "no cases\n" == cases.do("search", words)
    assert 3 == len(cases.do("cases").splitlines())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("%", "there is nothing to search for: give words of letters or digits"),
        ("", "there is nothing to search for: give words of letters or digits"),
        ("ab*", "ab* is too short: give at least 3 characters before the *"),
        ("x" * 201, "search for at most 200 characters"),
    ],
)
def test_a_query_that_asks_nothing_is_wrong_usage(cases: Typist, words: str, told: str) -> None:
    said = cases("search", words)

    assert (2, "", f"casegate: {told}\n") == (said.code, said.out, said.err)


def test_what_a_sender_wrote_is_harmless(desk: Typist) -> None:
    """Before, in and after the match."""
    desk.mail(a_mail(subject="x", body=f"{EVIL} needle {EVIL}", content_type="text/plain; charset=utf-8"))
    desk.do("case", "note", "1001", "-m", f"{EVIL}haystack{EVIL}", *ALICE)

    for word in ("needle", "haystack"):
        out = desk.do("search", word)
        assert is_safe(out)
        assert 3 == len(out.splitlines())
        assert word in out


@pytest.mark.parametrize("columns", ["40", "80", "132"])
def test_lines_end_where_the_terminal_does(cases: Typist, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    """The match stays in sight."""
    monkeypatch.setenv("COLUMNS", columns)

    out = cases.do("search", "papierstau")
    assert all(len(line) <= int(columns) for line in out.splitlines())
    assert "Papierstau" in out
