"""Where an agent's words come from: `-m`, a file, stdin, or the editor; what was typed is never lost.

Called by the commands that send or note something. A text from the editor stays in its file, whose name is told,
until the command has done its work.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import BadConfig, BadUsage, CasegateError, Refused
from gateway.terminal import show

MARKER = "---- 8< ---- Casegate leaves out this line and everything below it ----"


def given(message: str | None, file: Path | None) -> str | None:
    """The text of `-m` or `--file`, `-` being stdin for both; None where neither is given. BadUsage for both, or a file that cannot be read."""
    if message is not None and file is not None:
        raise BadUsage("-m and --file both name a text; use one of them")
    if message == "-":
        return _sound(read_bytes(Path("-")).decode("utf-8", "replace"))
    if message is not None:
        return _sound(message.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    return _sound(read_bytes(file).decode("utf-8", "replace")) if file is not None else None


def read_bytes(file: Path) -> bytes:
    """The bytes of a file, or of stdin for `-`. BadUsage where that is not possible."""
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadUsage(f"{file}: {error.strerror}") from error


@contextmanager
def edited(subject: str, quoted: str) -> Iterator[str]:
    """The text that the agent types in an editor, shown `quoted` below a line; kept if what follows fails."""
    handle, name = tempfile.mkstemp(prefix="casegate-", suffix=".txt")
    path = Path(name)
    below = "\n".join(f"> {row}".rstrip() for row in show.body(quoted).splitlines())
    with os.fdopen(handle, "w", encoding="utf-8") as draft:
        draft.write(f"\n\n{MARKER}\n{show.line(subject)}\n{below}\n")
    try:
        _run_editor(path)
        yield _typed(path)
    except CasegateError as error:
        if path.exists():
            raise _keeping(error, path) from error
        raise
    except BaseException:
        show.complain(f"your text is kept in {path}")
        raise
    path.unlink(missing_ok=True)


def _typed(path: Path) -> str:
    text = _sound(path.read_text(encoding="utf-8", errors="replace").partition(MARKER)[0])
    if not text.strip():
        path.unlink()
        raise Refused("the text is empty; nothing was done")
    return text


def _keeping(error: CasegateError, path: Path) -> CasegateError:
    kept = f"your text is kept in {path}"
    if isinstance(error, BadConfig):
        return BadConfig(*error.problems, kept)
    return type(error)(f"{error.public}; {kept}")


def _run_editor(path: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        done = subprocess.run([*shlex.split(editor), str(path)], check=False)
    except (OSError, ValueError) as error:
        path.unlink()  # nobody has typed anything yet
        raise BadUsage(f"the editor {editor} does not start; set EDITOR, or give the text with -m or --file") from error
    if done.returncode != 0:
        raise Refused(f"the editor ended with {done.returncode}; nothing was done")


def _sound(text: str) -> str:
    """The same text without what no text holds: NUL, and Windows line ends."""
    return text.replace("\r\n", "\n").replace("\0", "").strip("\n")
