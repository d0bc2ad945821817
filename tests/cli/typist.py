"""Somebody who types commands: in this process, with what they print kept; and a gateway to type at."""

import io
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway import config as settings_of
from gateway import wiring
from gateway.domain.post import ParsedMail
from gateway.mail.parse import read_mail
from gateway.services import inbound
from gateway.terminal import app

ALICE = ("--as", "alice@vendor.example")

CONFIG = """
[vendor]
name = "Acme"
[mail]
service_address = "service@vendor.example"
[outbound]
host = "127.0.0.1"
port = 9
security = "none"
[trust]
require = "unverified"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@contextmanager
def _stdin(typed: str) -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(typed.encode()), encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin = before


def run(*words: str, stdin: str = "") -> Said:
    """One command line."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), _stdin(stdin):
        code = app.run(words)
    return Said(code=code, out=out.getvalue(), err=err.getvalue())


class Typist:
    """At one gateway."""

    def __init__(self, config: Path) -> None:
        self.config = config

    def __call__(self, *words: str, stdin: str = "") -> Said:
        """One command line, whatever comes of it."""
        return run("--config", str(self.config), *words, stdin=stdin)

    def do(self, *words: str, stdin: str = "") -> str:
        """A command that must succeed, and what it prints."""
        said = self(*words, stdin=stdin)
        assert (0, "") == (said.code, said.err), said
        return said.out

    def json(self, *words: str) -> Any:
        """What a command says as JSON."""
        return json.loads(self.do(*words, "--json"))

    def mail(self, data: bytes) -> int:
        """A mail comes through the pipe and is decided, as the daemon does it; its number."""
        file = self.config.parent / "mail.eml"
        file.write_bytes(data)
        (row,) = self.json("intake", str(file))
        ports = wiring.build_ports(settings_of.load(self.config))
        try:
            for raw in inbound.lease(ports):
                parsed = read_mail(raw.data, ports.policy.mail)
                assert isinstance(parsed, ParsedMail)
                inbound.handle(ports, raw, parsed)
        finally:
            ports.db.close()
        number: int = row["id"]
        return number


def a_gateway(folder: Path, database: Path) -> Typist:
    """A gateway with one account, a contact and an agent."""
    folder.mkdir()
    (folder / "config.toml").write_text(CONFIG)
    (folder / "secret").write_text("a secret that only the tests know")
    shutil.copyfile(database, folder / "casegate.db")
    (folder / "blobs").mkdir()
    typist = Typist(folder / "config.toml")
    typist.do("agent", "add", "Alice", "--address", "alice@vendor.example", "--team", "first_level")
    typist.do("account", "add", "Example Ltd", "--number", "EX-1", "--domain", "customer.example")
    typist.do("contact", "add", "bob@customer.example", "--account", "EX-1", "--name", "Bob")
    return typist
