"""The operator's scanner as a command: what its exits mean, what it is given, and what is left of it."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.adapters.scanner import CommandScanner
from gateway.errors import Temporary

DATA = b"\x00 some file \r\n" * 1000


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where copies are made; none is left there, whatever came of the scan."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert [] == list(folder.iterdir())


def script(folder: Path, lines: str) -> tuple[str, ...]:
    path = folder / "scan"
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return (str(path),)


def scan(command: tuple[str, ...], data: bytes = DATA, seconds: float = 60) -> bool:
    async def once() -> bool:
        return await CommandScanner(command, seconds=seconds).is_clean(data)

    return asyncio.run(once())


@pytest.mark.parametrize(("code", "expected"), [(0, True), (1, False)])
def test_exit_0_is_clean_and_1_is_refused(tmp_path: Path, code: int, expected: bool) -> None:
    assert expected is scan(script(tmp_path, f"exit {code}"))


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("exit 2", "ended with 2"),
        ("exit 127", "ended with 127"),
        ("kill -9 $$", "killed by signal 9"),
        ("kill -TERM $$", "killed by signal 15"),
    ],
)
def test_all_else_is_a_fault_of_ours(tmp_path: Path, lines: str, why: str) -> None:
    with pytest.raises(Temporary, match=why):
        scan(script(tmp_path, lines))


def test_a_command_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Temporary, match="cannot be run"):
        scan((str(tmp_path / "nothing"),))
    (tmp_path / "plain").write_text("no program")
    with pytest.raises(Temporary, match="cannot be run"):
        scan((str(tmp_path / "plain"),))


def test_it_sees_a_private_copy_as_the_last_argument_and_nothing_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments come through as they are: there is no shell."""
    monkeypatch.setenv("CASEGATE_SECRET", "hush")
    seen = tmp_path / "seen"
    lines = f'exec > {seen}; env | cut -d= -f1; stat -c %a "$3"; sha256sum < "$3"; echo "$# $1 $2"; readlink /proc/self/fd/0'

    assert scan((*script(tmp_path, lines), "--$(id)", "a b"))

    told = seen.read_text().splitlines()
    assert "CASEGATE_SECRET" not in told
    assert {"LANG", "PATH"} >= set(told[: told.index("600")]) - {"PWD", "SHLVL", "_", "OLDPWD"}
    assert [f"{hashlib.sha256(DATA).hexdigest()}  -", "3 --$(id) a b", "/dev/null"] == told[-3:]


def test_one_that_prints_a_lot_is_not_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """And holds up nothing: a full pipe would."""
    assert scan(script(tmp_path, "head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2"))
    assert ("", "") == capfd.readouterr()


def test_one_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """And is left alone for a while, so that other mail need not wait for the limit again."""
    pids = tmp_path / "pids"
    command = script(tmp_path, f"echo $$ >> {pids}; sleep 1000 & echo $! >> {pids}; wait")

    async def twice() -> None:
        scanner = CommandScanner(command, seconds=1)
        with pytest.raises(Temporary, match="did not end within 1 s"):
            await scanner.is_clean(DATA)
        with pytest.raises(Temporary, match="left alone"):
            await scanner.is_clean(DATA)

    asyncio.run(twice())
    assert 2 == len(pids.read_text().split())
    assert [] == [pid for pid in pids.read_text().split() if is_alive(int(pid))]


def is_alive(pid: int) -> bool:
    """False for what is gone, or is dead and only not yet buried by init."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_cancelled_it_leaves_nothing(tmp_path: Path) -> None:
    """The daemon was told to stop meanwhile."""
    fifo = tmp_path / "started"
    os.mkfifo(fifo)
    command = script(tmp_path, f"echo $$ > {fifo}; exec sleep 1000")

    async def cut_off() -> int:
        scan = asyncio.create_task(CommandScanner(command).is_clean(DATA))
        pid = int(await asyncio.to_thread(fifo.read_text))
        scan.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scan
        return pid

    assert not is_alive(asyncio.run(cut_off()))
