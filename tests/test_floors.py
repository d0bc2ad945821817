"""The house holds: who may import whom, and how large a file and a function may be (HOUSE sections 2 and 3)."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = [
    *(file for file in sorted((ROOT / "gateway").rglob("*.py")) if file.parent.name != "versions"),  # migrations
    ROOT / "cli.py",
]


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_imports_go_down_only() -> None:
    """Every contract of [tool.importlinter] is kept; a new file without a floor breaks one."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_launcher_knows_the_terminal_only() -> None:
    """cli.py is a module, which the linter can't root."""
    imported: list[str] = []
    for node in ast.walk(ast.parse((ROOT / "cli.py").read_text())):
        match node:
            case ast.Import():
                imported += [alias.name for alias in node.names]
            case ast.ImportFrom():
                imported.append(node.module or ".")
    assert imported != []
    assert [name for name in imported if not name.startswith("gateway.terminal.")] == []


def test_identity_is_decided_in_one_place() -> None:
    """Only `mail/auth.py` reads what a server says about a sender, only `adapters/dns_*.py` a signature (SECURITY 1.1)."""
    believed = {"authentication-results", "received-spf", "dkim-signature"}
    readers = {
        (named(file), text)
        for file in MODULES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
        if (text := (node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value).lower()) in believed
    }
    assert readers == {
        ("gateway/mail/auth.py", "authentication-results"),
        ("gateway/adapters/dns_auth.py", "dkim-signature"),
        ("gateway/adapters/dns_dkim.py", "dkim-signature"),
    }


def test_no_file_is_longer_than_400_lines() -> None:
    lines = {named(file): len(file.read_text().splitlines()) for file in MODULES}
    assert {name: count for name, count in lines.items() if count > 400} == {}


def test_a_function_fits_a_screen_of_40_lines() -> None:
    too_long = [
        f"{named(file)}:{node.lineno} {node.name}"
        for file in MODULES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > 40
    ]
    assert too_long == []
