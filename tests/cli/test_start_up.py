"""Commands that only read start fast: they load neither adapters nor what parses, renders or migrates."""

import subprocess
import sys
from collections.abc import Sequence

import pytest

from tests.cli.typist import Typist
from tests.daemon import ROOT
from tests.world import a_mail

HEAVY = [
    "mailparser", "jinja2", "alembic", "aiosmtpd", "aiosmtplib", "structlog", "selectolax", "imapclient",
    "gateway.app", "gateway.adapters",
]  # fmt: skip

PROGRAM = """
import sys
from gateway.terminal.app import run
config, *lines = sys.argv[1:]
codes = {run(["--config", config, *line.split()]) for line in lines}
print(*codes, *sorted(sys.modules), file=sys.stderr)
"""

READING = [
    "cases", "case show 1001", "case history 1001", "status", "intake list", "intake show 1", "outbox list",
    "why case 1001", "why intake 1", "outbox show 1", "account list", "account show EX-1", "contact list", "contact show bob@customer.example",
    "agent list", "rules show", "case participants 1001", "case attachments 1001", "snippet list", "search slow",
    "registration list", "approval list", "queue", "next --as alice", "sla explain 1001", "report sla", "report load",
]  # fmt: skip


def loaded(config: str, lines: Sequence[str]) -> list[str]:
    """The exit code of these commands, and every module that they loaded."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, config, *lines], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return done.stderr.split()


@pytest.mark.parametrize(("more", "unwanted"), [("", HEAVY), (" --json", [*HEAVY, "rich"])], ids=["people", "json"])
def test_reading_loads_nothing_heavy(desk: Typist, more: str, unwanted: list[str]) -> None:
    desk.mail(a_mail())
    code, *modules = loaded(str(desk.config), [line + more for line in READING])
    assert "0" == code
    assert [] == [name for name in unwanted if name in modules]


@pytest.mark.parametrize("line", ["cases", "queue", "case show 1001"])
def test_what_is_read_all_day_loads_nothing_of_other_commands(desk: Typist, line: str) -> None:
    """Each of these would cost a tenth of such a command."""
    desk.mail(a_mail())
    code, *modules = loaded(str(desk.config), [line])
    assert "0" == code
    unwanted = {"gateway.terminal.acting", "gateway.domain.actions", "sqlalchemy.dialects.postgresql", "rich.console"}
    assert set() == unwanted & set(modules)


def test_help_loads_no_database() -> None:
    code, *modules = loaded("none", ["--help", "case --help", "cases --help"])
    assert "0" == code
    assert [] == [name for name in (*HEAVY, "sqlalchemy", "pydantic_settings", "rich") if name in modules]
