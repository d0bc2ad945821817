"""What the command lines of a mail mean: names in any case, a PIN apart from the rest (SPEC section 8).

Called by the rungs. What a command needs and does is decided where it is carried out; here a line that names none stays
one, so that its writer hears of it.
"""

import re
from collections.abc import Sequence

from gateway.domain.commands import WITH_PIN, Command, CommandName
from gateway.mail.token import Tokens

MASKED = "••••"

_NAMES = {name.value: name for name in CommandName}
_OWN_PIN = re.compile(r"(?:^|\s)((?:[34679CDFGHJKMNPQRTVWXY]{4}[ -]?){2}[34679CDFGHJKMNPQRTVWXY]{4})$", re.IGNORECASE)
"""A PIN as we issue them, in its groups; any other one is a single word."""


_LINKED = re.compile(r"<(?:mailto:|https?://)[^<>\s]*>", re.IGNORECASE)
"""What Exchange writes behind an address in plain text."""


def understand(lines: Sequence[str], tokens: Tokens) -> tuple[Command, ...]:
    """The commands of these lines, as `ParsedMail.commands` has them."""
    return tuple(_command(line, tokens) for line in lines)


def _command(line: str, tokens: Tokens) -> Command:
    line = " ".join(_LINKED.sub(" ", line).split())
    word, _, rest = line.removeprefix("/").partition(" ")
    name, rest = _NAMES.get(word.rstrip(":").lower().replace("-", "_")), rest.strip()
    if name not in WITH_PIN:
        return Command(line=line, name=name, words=rest)
    found = _OWN_PIN.search(rest)
    before, _, last = (rest[: found.start(1)], "", found[1]) if found else rest.rpartition(" ")
    if not before.strip():  # too little is there for a PIN to be among it
        return Command(line=line, name=name, words=rest)
    return Command(
        line=f"/{word} {before.strip()} {MASKED}", name=name, words=before.strip(), pin_hash=tokens.pin_hash(last)
    )
