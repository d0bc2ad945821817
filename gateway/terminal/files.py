"""The files of a case: `case attachments`, which lists them and writes them into a folder (TESTPLAN IJ-11).

A sender's name for a file is text. What is written gets a name of ours that is made from it; nothing that exists is
overwritten, no link is followed, nothing is unpacked or run, and only its owner can read it.
"""

import itertools
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain.model import FileState
from gateway.errors import BadUsage, CasegateError, Refused
from gateway.terminal import show
from gateway.terminal.context import Desk
from gateway.terminal.room import JsonOption, Room
from gateway.terminal.work import Number

if TYPE_CHECKING:
    from gateway.services.case_files import CaseFile

LONGEST_NAME = 120
"""Bytes of a name that we write; file systems take 255."""

LONGEST_SUFFIX = 16
MOST_TRIES = 10_000
_HARMLESS = "._+@-"

room = Room("")

_COLUMNS = (
    show.Column(head="No", right=True),
    show.Column(head="Name", gives=True),
    show.Column(head="Bytes", right=True),
    show.Column(head="Type", gives=True),
    show.Column(head="From", gives=True),
    show.Column(head="When"),
)
_STATE = show.Column(head="State")
"""Shown where not all is well."""
_STATES = {
    FileState.KEPT: "",
    FileState.REPEATED: "as before",
    FileState.TOO_LARGE: "too large, not kept",
    FileState.REFUSED: "refused by the scanner",
}


@room.task(
    "attachments",
    "case attachments 4711",
    "case attachments 4711 --save logs",
    "case attachments 4711 --save logs --refused",
    "case attachments 4711 --json",
)
def attachments(
    desk: Desk,
    number: Number,
    save: Annotated[Path | None, typer.Option(metavar="DIR", help="Write them all into this folder.")] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Also those that the scanner refused.")] = False,
    json: JsonOption = False,
) -> None:
    """List the files of a case, or save them.

    The folder is made if need be. Each file gets a safe name of its own there; nothing is overwritten, and only you
    can read them. A file that the scanner refused is saved only with --refused; of one that is too large only its name
    was kept.
    """
    from gateway.services import case_files

    found = desk.read(case_files.files, number)
    wanted = tuple(one for one in found if _is_wanted(one, refused=refused))
    saved = _save_all(desk, wanted, save) if save is not None else {}
    if json:
        show.print_json([{**show.members(one), "saved": saved.get(one.number)} for one in found])
    elif save is None or not found:
        columns = _COLUMNS if all(one.state is FileState.KEPT for one in found) else (*_COLUMNS, _STATE)
        show.table(columns, [_row(one)[: len(columns)] for one in found], empty=f"case {number} has no files")
    else:
        for one in found:
            if one.number in saved:
                show.say(f"{one.number} {show.line(one.name, 100)} is in {show.line(saved[one.number])}")
            elif one not in wanted:
                show.say(f"{one.number} {show.line(one.name, 100)} is not saved: {_why_not(one.state)}")
    if save is not None and len(saved) < len(wanted):
        missing = len(wanted) - len(saved)
        raise Refused(f"{missing} of {show.count(len(wanted), 'file')} could not be saved in {save}")


def _is_wanted(one: "CaseFile", *, refused: bool) -> bool:
    return one.state is not FileState.TOO_LARGE and (refused or one.state is not FileState.REFUSED)


def _why_not(state: FileState) -> str:
    return f"{_STATES[state]}{'; --refused saves it too' if state is FileState.REFUSED else ''}"


def _row(one: "CaseFile") -> tuple[str | int, ...]:
    when, state = show.when(one.at), _STATES[one.state]
    return one.number, one.name, one.size, one.content_type, one.author, when, state


def _save_all(desk: Desk, found: "tuple[CaseFile, ...]", folder: Path) -> dict[int, str]:
    """Where each file went, by its number; one that cannot be written is told and does not stop the others."""
    saved = {}
    with _opened(folder) as place:
        for one in found:
            try:
                name = _save(place, safe_name(one.name), desk.ports.blobs.get(one.sha256))
            except (CasegateError, OSError) as error:
                why = error.public if isinstance(error, CasegateError) else error.strerror
                show.complain(f"{one.number} {show.line(one.name, 100)}: {why}")
            else:
                saved[one.number] = str(folder / name)
    return saved


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """The folder itself: whoever moves it meanwhile cannot lead us elsewhere."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise BadUsage(f"{folder}: {error.strerror}") from error
    try:
        yield place
    finally:
        os.close(place)


def _save(place: int, name: str, data: bytes) -> str:
    """Write a new file, under this name or the first like it that is free, and return the name."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    for taken in _names(name):
        try:
            handle = os.open(taken, flags, 0o600, dir_fd=place)
        except FileExistsError:  # also a link, wherever it leads
            continue
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
        except OSError:
            os.unlink(taken, dir_fd=place)  # half a file is none
            raise
        return taken
    raise Refused("there are too many files of this name")


def _names(name: str) -> Iterator[str]:
    stem, suffix = Path(name).stem, Path(name).suffix
    yield name
    for count in itertools.islice(itertools.count(2), MOST_TRIES):
        yield f"{stem}-{count}{suffix}"


def safe_name(name: str) -> str:
    """A name for a file that no shell, program or folder takes for anything else; "file" where nothing is left."""
    last = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    kept = "".join(letter if letter.isalnum() or letter in _HARMLESS else "_" for letter in last)
    bare = Path(kept.lstrip("._-+@").rstrip("._"))
    stem = _cut(bare.stem, LONGEST_NAME - LONGEST_SUFFIX) or "file"
    return f"{stem}{_cut(bare.suffix, LONGEST_SUFFIX)}"


def _cut(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, of whole letters."""
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")
