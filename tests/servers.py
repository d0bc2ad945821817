"""Real servers for tests: which programs are here, and a PostgreSQL cluster of our own on loopback.

`.ci/servers.sh` installs what is missing; `needs()` skips by name where it could not.
"""

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest


def find(program: str) -> str | None:
    """The path of a program, also where ordinary accounts have no PATH to it."""
    newest_first = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda home: float(home.parent.name), reverse=True
    )
    return shutil.which(program, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", *map(str, newest_first)]))


def needs(program: str) -> str:
    """The path of a program; without it the test is skipped, or fails under CI where it could have been installed."""
    path = find(program)
    if path is not None:
        return path
    if os.environ.get("CI") == "true" and installable():
        pytest.fail(f"{program} is not installed and .ci/servers.sh could have done it")
    pytest.skip(f"{program} is not installed")


def installable() -> bool:
    """Whether `.ci/servers.sh` can install programs here: root on Debian."""
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, for servers that can't be told 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Cluster:
    """A running PostgreSQL whose databases come and go."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._numbers = itertools.count(1)

    def url(self, database: str) -> str:
        """What Casegate's `[database] url` would say."""
        return f"postgresql+psycopg://gw@127.0.0.1:{self.port}/{database}"

    def create(self, template: str | None = None) -> str:
        """A new database, empty or a copy of what `template` (the URL of one of ours) names; returns its URL."""
        name = f"test_{next(self._numbers)}"
        copied = "template0" if template is None else _database(template)
        self._execute(f"CREATE DATABASE {name} TEMPLATE {copied}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        self._execute(f"DROP DATABASE IF EXISTS {_database(url)} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement.encode())


def _database(url: str) -> str:
    return url.rsplit("/", 1)[1]


@contextmanager
def postgresql() -> Iterator[Cluster]:
    """A cluster that lives as long as the block; PostgreSQL refuses root, so root lends it the account postgres."""
    initdb = Path(needs("initdb"))
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # not under tmp_path: a socket's path has 107 bytes at most
    account = None
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)

    def run(program: str, *arguments: str) -> None:
        # Output goes to a file: a child of pg_ctl would keep a pipe open, and us waiting.
        with (folder / "out").open("wb") as out:
            done = subprocess.run(
                [initdb.with_name(program), "-D", folder / "data", *arguments],
                check=False,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                user=account and account.pw_uid,
                group=account and account.pw_gid,
                extra_groups=account and [],
            )
        assert done.returncode == 0, (folder / "out").read_text()

    port = free_port()
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off -c full_page_writes=off"
    try:
        run("initdb", "-U", "gw", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield Cluster(port)
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
