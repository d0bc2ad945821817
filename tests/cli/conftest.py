"""A gateway to type at, fresh for each test."""

import shutil
from pathlib import Path

import pytest

from tests.cli.typist import Typist, a_gateway


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Path:
    """A gateway to copy."""
    folder = tmp_path_factory.mktemp("prepared") / "gw"
    a_gateway(folder, migrated_sqlite)
    return folder


@pytest.fixture
def desk(tmp_path: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Typist:
    for name in ("CASEGATE_AGENT", "CASEGATE_CONFIG", "CASEGATE_DEBUG", "EDITOR", "VISUAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(prepared, tmp_path / "gw")  # the write-ahead log too
    return Typist(tmp_path / "gw" / "config.toml")
