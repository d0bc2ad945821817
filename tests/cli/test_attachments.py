"""The files of a case: listed, and saved under names that harm nobody (TESTPLAN MT-07, IJ-11)."""

import base64
import hashlib
import os
import sqlite3
from contextlib import closing
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


def with_files(*names: str, message: str = "1", content: str = "") -> bytes:
    """A mail of bob's with files; the n-th holds `n`, unless something else is said."""
    parts = [
        f"--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename*=UTF-8''{quoted(name)}\n\n{content or place}"
        for place, name in enumerate(names, 1)
    ]
    body = "\n".join(("--b", "", "See there.", *parts, "--b--"))
    kind, id_ = 'multipart/mixed; boundary="b"', f"<{message}@customer.example>"
    return a_mail(body=body, content_type=kind, mime_version="1.0", message_id=id_)


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


def inline(data: bytes, text: str = "See there.") -> bytes:
    """A mail of bob's with a picture in its text."""
    picture = (
        "Content-Type: image/png; name=logo.png\nContent-Disposition: inline\nContent-ID: <logo>\n"
        f"Content-Transfer-Encoding: base64\n\n{base64.b64encode(data).decode()}"
    )
    body = f"--b\n\n{text}\n--b\n{picture}\n--b--"
    number = hashlib.sha256(data + text.encode()).hexdigest()[:8]
    kind = 'multipart/related; boundary="b"'
    return a_mail(body=body, content_type=kind, mime_version="1.0", message_id=f"<{number}@customer.example>")


def test_a_logo_that_came_before_is_folded_and_a_screenshot_is_not(desk: Typist) -> None:
    """Nothing is lost: --full shows it, and `case attachments` lists and saves it."""
    desk.mail(inline(b"logo", "First."))
    desk.mail(inline(b"logo", "Second."))
    desk.mail(inline(b"screenshot", "Third."))

    shown = [desk.do("case", "show", number) for number in ("1001", "1002", "1003")]
    attached = "[attached: logo.png, image/png, 4 bytes]"
    assert [True, False, False] == [attached in text for text in shown]
    assert "[1 image as before; --full shows it]" in shown[1]
    assert "[attached: logo.png, image/png, 10 bytes]" in shown[2]
    assert "[attached: logo.png, image/png, 4 bytes, as before]" in desk.do("case", "show", "1002", "--full")
    (folded,) = desk.json("case", "show", "1002")["messages"]
    (whole,) = desk.json("case", "show", "1002", "--full")["messages"]
    assert ([], 1, []) == (folded["attachments"], folded["repeated"], folded["refused"])
    assert [("logo.png", "repeated")] == [(file["name"], file["state"]) for file in whole["attachments"]]
    assert ["repeated"] == [one["state"] for one in desk.json("case", "attachments", "1002")]
    assert "as before" in desk.do("case", "attachments", "1002")


def test_what_was_refused_is_shown_and_saved_only_when_asked_for(desk: Typist, tmp_path: Path) -> None:
    """What was too large has no bytes here; neither stops the others, and neither is an attachment to a script."""
    settings = desk.config.read_text()
    desk.config.write_text(f"{settings}[limits]\nattachment = 3\n")
    desk.mail(with_files("one", "two"))
    desk.mail(with_files("big", message="2", content="four"))
    with closing(sqlite3.connect(desk.config.parent / "casegate.db")) as database:
        database.execute("UPDATE attachment SET state = 'refused' WHERE name = 'one'")
        database.commit()

    shown = desk.do("case", "show", "1001")
    (message,) = desk.json("case", "show", "1001")["messages"]
    assert "[NOT TAKEN: one, text/plain, 1 byte: refused by the scanner, kept aside]" in shown
    assert "[NOT TAKEN: big, text/plain, 4 bytes: too large, its bytes are not kept]" in desk.do("case", "show", "1002")
    assert (["two"], ["one"]) == tuple([file["name"] for file in message[key]] for key in ("attachments", "refused"))
    folder = tmp_path / "logs"
    said = desk.do("case", "attachments", "1001", "--save", str(folder))
    assert [
        "1 one is not saved: refused by the scanner; --refused saves it too",
        f"2 two is in {folder}/two",
    ] == sorted(said.splitlines())
    assert ["two"] == [path.name for path in folder.iterdir()]
    desk.do("case", "attachments", "1001", "--save", str(folder), "--refused")
    assert ["one", "two", "two-2"] == sorted(path.name for path in folder.iterdir())
    (lost,) = desk.json("case", "attachments", "1002", "--save", str(folder), "--refused")
    assert ("too_large", None) == (lost["state"], lost["saved"])
    assert "too large, not kept" in desk.do("case", "attachments", "1002")


def test_an_encrypted_mail_says_so(desk: Typist) -> None:
    desk.mail(a_mail(body="MIIB", content_type="application/pkcs7-mime; smime-type=enveloped-data", mime_version="1.0"))
    assert " · ENCRYPTED · " in desk.do("case", "show", "1001")
    assert desk.json("case", "show", "1001")["messages"][0]["encrypted"] is True


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
    assert {"rf", "bashrc", "xy", "log.csv", "log-2.csv", "log-3.csv", "up.txt", "evil.exe", "gpj.exe"} <= set(names)
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
