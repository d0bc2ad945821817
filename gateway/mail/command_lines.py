"""Which lines of a mail are commands: the first ones of its new text, up to the first that is none (SPEC section 8).

Called by `parse`; what a command means is for `commands`. Promises: linear in the text; no line is joined to another;
nothing of the new text is lost between the commands and the words below them; in doubt there are none.
"""

import re
from itertools import takewhile

from gateway.mail.lines import COLONS, INVISIBLE

MAX_COMMANDS = 20
"""Commands of one mail; what is below them is words."""
MAX_LENGTH = 500
"""Characters of a command with all that is behind it; nobody types more into one line."""

AROUND = (
    "".join(letter for letter in map(chr, range(0x3001)) if letter.isspace() or ord(letter) in INVISIBLE) + "\ufeff"
)
"""Blanks, and what nobody sees: neither hides a command."""
_BLANK = re.compile(r"\s")
# "/etc/hosts" and "/close." are none; "/approved" is one, so that its writer is told that nobody knows it.
_COMMAND = re.compile(r"/[A-Za-z][A-Za-z_-]*:?(?: .*)?")
_QUOTED = (">", "\uff1e")
# What Exchange and Gmail write into plain text behind the words of a link.
_TARGET = re.compile(r"<(?:mailto:|https?://)[^\s<>]*>")


def read_commands(new_text: str, first_lines: int | None = None) -> tuple[tuple[str, ...], str]:
    """The command lines at the top of the new text, and the words below them.

    Only that many lines are looked at (`own_lines`). Each command is as it was written, from its slash on; a blank of any
    kind in it is a plain one.
    """
    lines = new_text.split("\n")
    commands: list[str] = []
    below = 0
    for position, line in enumerate(lines[:first_lines]):
        if not (core := line.strip(AROUND)):
            continue
        command = _BLANK.sub(" ", core) if len(core) <= MAX_LENGTH else ""
        if len(commands) == MAX_COMMANDS or not _COMMAND.fullmatch(command):
            break
        commands.append(command)
        below = position + 1
    return tuple(commands), _without_blank_ends(lines[below:])


def own_lines(new_text: str, text: str, first_lines: int) -> int:
    """How many lines of the new text stand together in these first lines of the whole text, with nothing old between.

    None if they may be the end of what is old: right below a quoted line they may be the rest of it, which some program
    wrapped; below a colon, what somebody else wrote.
    """
    new = [line.strip(AROUND) for line in new_text.split("\n")]
    lines = [line.strip(AROUND) for line in text.split("\n")[:first_lines]]
    blank = next((position for position, line in enumerate(new) if line), 0)
    if not new[blank] or new[blank] not in lines:
        return 0
    place = lines.index(new[blank])
    above = next((line for line in reversed(lines[:place]) if line), "")
    if above.endswith(COLONS) or (place and lines[place - 1].startswith(_QUOTED)):
        return 0
    pairs = zip(new[blank:], lines[place:], strict=False)
    return blank + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def says_the_same(new_text: str, other: str) -> bool:
    """True if two alternatives of a mail have the same words in their first lines, however each of them wraps lines."""
    pairs = ((new_text, other), (other, new_text))
    return all(_begins_with(text, _words(" ".join(read_commands(rival)[0]))) for text, rival in pairs)


def _begins_with(text: str, words: list[str]) -> bool:
    return bool(words) and _words(text)[: len(words)] == words


def _words(text: str) -> list[str]:
    return _TARGET.sub(" ", text).translate(INVISIBLE).split()


def _without_blank_ends(lines: list[str]) -> str:
    first, end = 0, len(lines)
    while first < end and not lines[first].strip(AROUND):
        first += 1
    while end > first and not lines[end - 1].strip(AROUND):
        end -= 1
    return "\n".join(lines[first:end])
