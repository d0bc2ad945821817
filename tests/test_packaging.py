"""Installed as people install it, Casegate runs from any folder and finds its rules, without the checkout.

Needs the package registry, as `make setup` does; uv's cache makes it quick the second time.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).with_name("uv")
HANG_SECONDS = 600
"""A limit against hanging; nothing is measured with it."""


def run(command: Sequence[str | Path], *, cwd: Path, more: Mapping[str, str] | None = None) -> str:
    """The output of a command that must end with 0, in an environment that knows nothing of this one."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CASEGATE_", "PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**environment, **(more or {})},
        timeout=HANG_SECONDS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command} in {cwd}\n{done.stdout}{done.stderr}"
    return done.stdout


def environment(folder: Path) -> Path:
    """A fresh virtual environment; returns its bin folder."""
    run([UV, "venv", "--quiet", "--python", sys.executable, folder], cwd=folder.parent)
    return folder / "bin"


def install(bin_: Path, *what: str | Path) -> None:
    constraints = ROOT / "constraints.txt"
    run([UV, "pip", "install", "--quiet", "--python", bin_ / "python", "-c", constraints, *what], cwd=bin_)


def assert_runs(casegate: Path, elsewhere: Path) -> None:
    elsewhere.mkdir()
    assert "Usage" in run([casegate, "--help"], cwd=elsewhere)
    run([casegate, "rules", "check"], cwd=elsewhere)
    assert list(elsewhere.iterdir()) == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by way of the sdist, so that both are whole."""
    folder = tmp_path_factory.mktemp("dist")
    run([UV, "build", "--quiet", "--python", sys.executable, "--out-dir", folder, ROOT], cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_brings_its_own_rules_and_templates(wheel: Path, tmp_path: Path) -> None:
    bin_ = environment(tmp_path / "venv")
    install(bin_, wheel)
    assert_runs(bin_ / "casegate", tmp_path / "elsewhere")
    question = (
        "from gateway.resources import data_dir, example_config\n"
        "print(data_dir('rules'), data_dir('templates'), sep='\\n')\n"
        "print(example_config(), end='')"
    )
    rules, templates, *example = run([bin_ / "python", "-c", question], cwd=tmp_path).splitlines(keepends=True)
    for folder, name in ((rules, "rules"), (templates, "templates")):
        installed = Path(folder.strip())
        assert installed.is_relative_to(tmp_path)
        assert files(ROOT / name) == files(installed)
    assert (ROOT / "config.example.toml").read_text() == "".join(example)


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_uv_installs_it_as_a_tool(wheel: Path, tmp_path: Path) -> None:
    folders = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    constraints = ROOT / "constraints.txt"
    command: list[str | Path] = [
        UV,
        "tool",
        "install",
        "--quiet",
        "--python",
        sys.executable,
        "--constraints",
        constraints,
        wheel,
    ]
    run(command, cwd=tmp_path, more=folders)
    assert_runs(tmp_path / "bin" / "casegate", tmp_path / "elsewhere")


def test_an_editable_install_follows_the_checkout(tmp_path: Path) -> None:
    bin_ = environment(tmp_path / "venv")
    install(bin_, "-e", ROOT)
    assert_runs(bin_ / "casegate", tmp_path / "elsewhere")
    question = "from gateway.resources import data_dir; print(data_dir('rules'))"
    assert str(ROOT / "rules") == run([bin_ / "python", "-c", question], cwd=tmp_path).strip()


def test_a_checkout_runs_by_its_launcher(tmp_path: Path) -> None:
    assert "Usage" in run([sys.executable, ROOT / "cli.py", "--help"], cwd=tmp_path)
