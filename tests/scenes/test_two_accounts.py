"""AC-13: two companies play the whole product at once, and nothing of one is in any byte that left for the other."""

from pathlib import Path

import pytest

from tests.leaks import found_in
from tests.two_accounts import SETTINGS, leaks, play
from tests.world import a_world


@pytest.mark.parametrize("langs", [("en", "de"), ("de", "en")], ids="-".join)
def test_ac_13_no_byte_of_one_account_leaves_for_the_other(
    database_url: str, tmp_path: Path, langs: tuple[str, str]
) -> None:
    """And of each, its own people have: the scene is one in which there was something to leak."""
    with a_world(database_url, tmp_path, **SETTINGS) as world:
        stage = play(world, langs)
        assert [] == leaks(stage)
        _has_spoken(stage)


def _has_spoken(stage) -> None:  # type: ignore[no-untyped-def]
    fields = (
        "subject1", "text", "answer", "bymail", "words", "all", "company", "person", "file1", "reason", "registrant0",
        "because", "order0", "no", "urgent", "linked", "still", "yes", "invited", "rang", "late", "described",
    )  # fmt: skip
    for side in stage.both:
        own = [data for to, data in stage.left.values()]
        missing = [one for one in fields if not any(found_in(data, [f"{side.mark}{one}"]) for data in own)]
        assert [] == missing
        kinds = {kind for _, kind in stage.world.told()}
    assert {"reminder", "sla_level", "approval", "welcome", "rejected", "case_changed", "command_answer"} <= kinds
