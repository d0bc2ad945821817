"""The database with years behind it is one that the product could have made, whatever columns the tables have."""

from pathlib import Path

from tests.bench.big_database import build, rare_word
from tests.daemon import cli, cli_json


def test_copied_cases_are_what_their_history_makes_of_them(tmp_path: Path) -> None:
    """Numbers go on without gaps, the newest is the last changed, and each round of copies is found by its word."""
    config = build(tmp_path / "gw", cases=40, events=200)

    assert 0 == cli(config, "db", "verify").returncode
    assert list(range(1040, 1000, -1)) == [case["number"] for case in cli_json(config, "cases", "--limit", "50")]
    assert {1021, 1022} == {case["number"] for case in cli_json(config, "search", rare_word(40))}
    messages = [message["text"] for message in cli_json(config, "case", "show", "1040")["messages"]]
    assert messages
    assert all("unit19x" in text for text in messages)
