"""Golden mails: each is understood as its `expected.toml` says (HOUSE section 9)."""

import tomllib
from pathlib import Path

import pytest

from tests.golden.golden import FOLDERS, understood


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_mail_is_understood_as_expected(folder: Path) -> None:
    """After a change that is meant: `make golden-accept`, and read the diff."""
    expected = tomllib.loads((folder / "expected.toml").read_text(encoding="utf-8"))

    assert expected == tomllib.loads(understood(folder))
