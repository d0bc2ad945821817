"""Where an agent's words come from: `-m`, a file, stdin, or the editor; what was typed is never lost.

Called by the commands that send or note something. A text from the editor stays in its file, whose name is told,
until the command has done its work.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gateway.errors import BadConfig, BadUsage, CasegateError, Refused
from gateway.terminal import show

MARKER = "---- 8< ---- Casegate leaves out this line and everything below it ----"

MessageOption = Annotated[str | None, typer.Option("-m", "--message", metavar="TEXT", help="The text.")]
FileOption = Annotated[Path | None, typer.Option("--file", metavar="F", help="A file with the text; - is stdin.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What the editor opens with: `above` is typed already, `below` stands under the marker and is left out."""

    above: str = ""
    below: str = ""


Look = Callable[[Path], str | None]
"""Asked when the editor has closed: None to go on, or what stands below the marker while the agent edits once more."""


def given(message: str | None, file: Path | None) -> str | None:
    """The text of `-m` or `--file`, `-` being stdin for both; None where neither is given. BadUsage for both, or a file that cannot be read.

    Of a file that the editor left behind only what stands above the marker counts.
    """
    if message is not None and file is not None:
        raise BadUsage("-m and --file both name a text; use one of them")
    if message == "-":
        return _sound(_decoded(read_bytes(Path("-")), "stdin"))
    if message is not None:
        return _sound(message.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    return _above(_decoded(read_bytes(file), str(file))) if file is not None else None


@contextmanager
def taken(
    message: str | None, file: Path | None, sheet: Callable[[], Sheet], look: Look = lambda _: None
) -> Iterator[str]:
    """The text of the options, else of the editor; Refused where it is empty, BadUsage where nobody can type one."""
    text = given(message, file)
    if text is None:
        must_be_typed()
        with edited(sheet(), look) as typed:
            yield typed
        return
    if not text.strip():
        raise Refused("the text is empty; nothing was done")
    yield text


def must_be_typed() -> None:
    """BadUsage where there is no editor to type at."""
    if not (sys.stdin.isatty() or os.environ.get("VISUAL") or os.environ.get("EDITOR")):
        raise BadUsage("there is no text; give it with -m or --file, or set EDITOR")


def read_bytes(file: Path) -> bytes:
    """The bytes of a file, or of stdin for `-`. BadUsage where that is not possible."""
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadUsage(f"{file}: {error.strerror}") from error


def _decoded(data: bytes, name: str) -> str:
    """Text in UTF-8; anything else would reach the customer mangled."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadUsage(f"{name} is not UTF-8; convert it, for example with iconv -f latin1 -t utf-8") from error


def quoted(text: str) -> str:
    """A text as it is quoted below the marker, made safe to read."""
    return "\n".join(f"> {row}".rstrip() for row in show.body(text).splitlines())


@contextmanager
def edited(sheet: Sheet, look: Look = lambda _: None) -> Iterator[str]:
    """The text that the agent types in an editor; kept in its file if what follows fails."""
    handle, name = tempfile.mkstemp(prefix="casegate-", suffix=".txt")
    os.close(handle)
    path = Path(name)
    try:
        _lay_out(path, sheet)
        _run_editor(path, is_first=True)
        text = _typed(path)
        while (below := look(path)) is not None:
            _lay_out(path, Sheet(above=text, below=below))
            _run_editor(path, is_first=False)
            text = _typed(path)
        yield text
    except CasegateError as error:
        if _is_kept(path):
            raise _keeping(error, path) from error
        raise
    except BaseException:
        if _is_kept(path):
            show.complain(f"your text is kept in {path}")
        raise
    path.unlink(missing_ok=True)


def _lay_out(path: Path, sheet: Sheet) -> None:
    path.write_text(f"{sheet.above}\n\n{MARKER}\n{sheet.below}\n", encoding="utf-8")


def _typed(path: Path) -> str:
    try:
        text = _above(_decoded(path.read_bytes(), "the text"))
    except OSError as error:
        raise Refused("the editor left no text; nothing was done") from error
    if not text.strip():
        path.unlink()
        raise Refused("the text is empty; nothing was done")
    return text


def _is_kept(path: Path) -> bool:
    """True if there is something to keep; a file in which nobody typed anything goes."""
    if path.exists() and not _above(path.read_text(encoding="utf-8", errors="replace")).strip():
        path.unlink()
    return path.exists()


def _keeping(error: CasegateError, path: Path) -> CasegateError:
    kept = f"your text is kept in {path}"
    if isinstance(error, BadConfig):
        return BadConfig(*error.problems, kept)
    return type(error)(f"{error.public}; {kept}")


def _run_editor(path: Path, *, is_first: bool) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        done = subprocess.run([*shlex.split(editor), str(path)], check=False)
    except (OSError, ValueError) as error:
        if is_first:
            path.unlink()  # nobody has typed anything yet
        raise BadUsage(f"the editor {editor} does not start; set EDITOR, or give the text with -m or --file") from error
    if done.returncode != 0:
        raise Refused(f"the editor ended with {done.returncode}; nothing was done")


def _above(text: str) -> str:
    """What stands above the marker."""
    return _sound(text.partition(MARKER)[0])


def _sound(text: str) -> str:
    """The same text without what no text holds: NUL, and Windows line ends."""
    return text.replace("\r\n", "\n").replace("\0", "").strip("\n")
