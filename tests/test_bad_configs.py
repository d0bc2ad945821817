"""Wrong configurations and rules: each folder says what is wrong with it, with file and line, in `expected.txt`."""

import os
from pathlib import Path

import pytest

from gateway.config import check_rules, load, load_policy, read_secret
from gateway.errors import BadConfig

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("bad_configs/*/expected.txt"))


def problems_at_start(path: Path) -> tuple[str, ...]:
    """What would keep `serve` from starting."""
    try:
        settings = load(path)
        load_policy(settings)
        read_secret(settings)
    except BadConfig as error:
        return error.problems
    return ()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CASEGATE_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_problem_is_told_with_its_place(folder: Path) -> None:
    """The lines are those of expected.txt, all of them, in the order of the file."""
    expected = (folder / "expected.txt").read_text(encoding="utf-8").splitlines()
    actual = [line.replace(f"{folder}/", "") for line in problems_at_start(folder / "config.toml")]
    assert expected == actual


@pytest.mark.parametrize(
    "folder", [folder for folder in FOLDERS if (folder / "rules").is_dir()], ids=lambda folder: folder.name
)
def test_a_folder_of_rules_is_checked_by_its_name(folder: Path) -> None:
    """`casegate rules check FOLDER` finds the same, without a configuration."""
    expected = (folder / "expected.txt").read_text(encoding="utf-8").splitlines()
    assert expected == [line.replace(f"{folder}/", "") for line in check_rules(folder / "rules", None)]


def test_there_are_wrong_configurations() -> None:
    """The folders were found."""
    assert len(FOLDERS) >= 20
