"""text/enriched (RFC 1896) and its forerunner text/richtext (RFC 1341) as plain text.

Called by `walk`. Promises: never raises, linear; nothing but formatting is dropped.
"""

import re

# What is said to a program, a doubled bracket, a command, line ends.
_PIECE = re.compile(
    r"<(param|comment)>[^<]{0,500}</\1>|<<|<(/?[A-Z0-9-]{1,60})>|\n+",
    re.IGNORECASE,
)
_WRITTEN_OUT = {"nl": "\n", "np": "\n\n", "lt": "<"}
"""Commands of RFC 1341 that are letters themselves."""


def enriched_to_text(text: str, *, richtext: bool = False) -> str:
    """What a reader would see: formatting gone, single line ends as blanks (RFC 1896 §2)."""
    pieces: list[str] = []
    as_it_is = end = 0
    for found in _PIECE.finditer(text):
        pieces.append(text[end : found.start()])
        end = found.end()
        command = (found[2] or "").lower()
        if command.removeprefix("/") in {"nofill", "verbatim"}:
            as_it_is = max(0, as_it_is - 1) if command.startswith("/") else as_it_is + 1
        elif command:
            pieces.append(_WRITTEN_OUT.get(command, "") if richtext else "")
        elif not found[1]:
            pieces.append(_plain(found[0], as_it_is=bool(as_it_is), richtext=richtext))
    return "".join([*pieces, text[end:]])


def _plain(found: str, *, as_it_is: bool, richtext: bool) -> str:
    """Brackets and line ends as they are meant."""
    if found == "<<":
        return found if richtext else "<"
    if as_it_is:
        return found
    return " " if richtext else "\n" * (len(found) - 1) or " "
