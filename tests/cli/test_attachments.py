"""The files of a case: listed, and saved under names that harm nobody (TESTPLAN IJ-11)."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.terminal.files import LONGEST_NAME, safe_name
from tests.cli.typist import ALICE, Typist
from tests.world import a_mail

NASTY = [
    "-rf",
    ".bashrc",
    "x\ny",
    "log.csv",
    "log.csv",
    "../../up.txt",
    "C:\\evil.exe",
    "\u202egpj.exe",
    "n" * 300 + ".txt",
]


def with_files(*names: str) -> bytes:
    """A mail of bob's with files; the n-th holds `n`."""
    parts = [
        f"--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename*=UTF-8''{quoted(name)}\n\n{place}"
        for place, name in enumerate(names, 1)
    ]
    body = "\n".join(("--b", "", "See there.", *parts, "--b--"))
    return a_mail(body=body, content_type='multipart/mixed; boundary="b"', mime_version="1.0")


def quoted(name: str) -> str:
    return "".join(f"%{octet:02X}" for octet in name.encode())


@pytest.fixture
def case(desk: Typist) -> Typist:
    desk.mail(with_files(*NASTY))
    return desk


def test_files_are_listed_with_who_and_when(case: Typist, tmp_path: Path) -> None:
    (tmp_path / "patch.txt").write_bytes(b"diff")
    case.do("case", "reply", "1001", "-m", "See there.", "--attach", str(tmp_path / "patch.txt"), *ALICE)

    found = case.json("case", "attachments", "1001")

    assert [*range(1, 11)] == [one["number"] for one in found]
    assert ("log.csv", 1, "text/plain", "bob@customer.example", None) == tuple(
        found[3][name] for name in ("name", "size", "content_type", "author", "saved")
    )
    assert ("patch.txt", "alice@vendor.example") == (found[9]["name"], found[9]["author"])
    table = case.do("case", "attachments", "1001")
    assert ["No", "Name", "Bytes", "Type", "From", "When"] == table.splitlines()[0].split()
    assert 11 == len(table.splitlines())


def test_a_case_without_files_says_so(desk: Typist, tmp_path: Path) -> None:
    desk.mail(a_mail())
    assert "case 1001 has no files\n" == desk.do("case", "attachments", "1001")
    assert "case 1001 has no files\n" == desk.do("case", "attachments", "1001", "--save", str(tmp_path / "new"))
    assert [] == desk.json("case", "attachments", "1001")


def test_every_file_is_saved_under_a_safe_name_of_its_own(case: Typist, tmp_path: Path) -> None:
    """The folder is made; what was saved before stays."""
    folder = tmp_path / "logs"

    said = case.do("case", "attachments", "1001", "--save", str(folder))
    again = case.json("case", "attachments", "1001", "--save", str(folder))

    names = sorted(path.name for path in folder.iterdir())
    assert 2 * len(NASTY) == len(names)
    assert {"rf", "bashrc", "x_y", "log.csv", "log-2.csv", "log-3.csv", "up.txt", "evil.exe", "gpj.exe"} <= set(names)
    assert len(NASTY) == len(said.splitlines())
    assert {0o600} == {path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert [str(place) for place in range(1, 10)] == [Path(one["saved"]).read_text() for one in again]
    assert {path.name for path in tmp_path.iterdir()} == {"gw", "logs"}


def test_nothing_is_overwritten_and_no_link_followed(desk: Typist, tmp_path: Path) -> None:
    desk.mail(with_files("log.csv", "link", "dangling"))
    folder, victim = tmp_path / "logs", tmp_path / "victim"
    folder.mkdir()
    victim.write_text("precious")
    (folder / "log.csv").write_text("old")
    (folder / "link").symlink_to(victim)
    (folder / "dangling").symlink_to(tmp_path / "made")

    desk.do("case", "attachments", "1001", "--save", str(folder))

    assert ("precious", "old", False) == (
        victim.read_text(),
        (folder / "log.csv").read_text(),
        (tmp_path / "made").exists(),
    )
    assert ["1", "2", "3"] == [(folder / name).read_text() for name in ("log-2.csv", "link-2", "dangling-2")]


def test_a_file_that_is_lost_is_told_and_the_others_are_saved(desk: Typist, tmp_path: Path) -> None:
    desk.mail(with_files("one", "two"))
    sha256 = desk.json("case", "attachments", "1001")[0]["sha256"]
    (desk.config.parent / "blobs" / sha256[:2] / sha256).unlink()

    said = desk("case", "attachments", "1001", "--save", str(tmp_path / "logs"))

    assert (1, "2 two is in ") == (said.code, said.out[:12])
    assert [
        f"1 one: there is no stored file {sha256}",
        f"casegate: 1 of 2 files could not be saved in {tmp_path}/logs",
    ] == (said.err.splitlines())


@pytest.mark.parametrize(
    ("code", "words"),
    [(1, ["4711"]), (2, ["1001", "--save", "gw/config.toml"]), (2, ["1001", "--save", "none/none"])],
)
def test_what_cannot_be_is_one_line(case: Typist, code: int, words: list[str]) -> None:
    said = case("case", "attachments", *words)
    assert (code, "", 1) == (said.code, said.out, said.err.count("\n"))


@settings(deadline=None)
@given(name=st.text(max_size=400))
def test_a_safe_name_is_one_plain_name(name: str) -> None:
    """No folder, no option, nothing hidden, nothing that a terminal or a shell reads otherwise, and short."""
    made = safe_name(name)
    assert os.path.basename(made) == made  # noqa: PTH119  # the very rule of the system
    assert made
    assert made[0] not in ".-_+@~"
    assert made.isprintable()
    assert not set(made) & set(" /\\\0'\"$`&;|<>*?()[]{}!#~:")
    assert len(made.encode()) <= LONGEST_NAME + 4


def test_a_long_name_keeps_its_end() -> None:
    made: Any = safe_name("ü" * 300 + ".log")
    assert (True, True) == (made.endswith(".log"), made.startswith("ü"))
