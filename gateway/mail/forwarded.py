"""The mail that an agent forwards: who wrote it, its subject, and its text (SPEC section 7, `/for`).

`services.agent_facts` calls it. Read is what `parse` took for old text: below the header lines that mail programs write
above a mail that they forward, in any of the languages that `rules/mail.toml` has words for, and of an attached mail,
which `parse` shows in the same form. Linear in the text.
"""

import re

from gateway.domain.agent_mail import Forwarded
from gateway.domain.mail_rules import TextRules
from gateway.mail.lines import Role, Words, label_of, words_of

MOST_HEADER_LINES = 40
"""Lines of a header block, with a long list of recipients."""
MOST_LINES = 20_000
MOST_SENDERS = 5

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'*]+@[^\s<>()\[\],;:\"'*]+")
_QUOTED = re.compile(r" ?> ?")


def forwarded(quoted_text: str, rules: TextRules) -> Forwarded | None:
    """The first mail in the old text that shows its sender and its subject; None where none does."""
    words = words_of(rules)
    lines = quoted_text.split("\n")[:MOST_LINES]
    for position, line in enumerate(lines):
        if _role(line, words) is not None and (found := _read(lines, position, words)) is not None:
            return found
    return None


def _read(lines: list[str], first: int, words: Words) -> Forwarded | None:
    """The mail whose header lines begin here."""
    fields, end = _fields(lines, first, words)
    if Role.SENDER not in fields or Role.SUBJECT not in fields:
        return None
    # A whole mail was marked as quoted; what its writer had quoted keeps the marks of that.
    is_marked = _QUOTED.match(lines[first]) is not None
    below = [_QUOTED.sub("", line, count=1) if is_marked else line for line in lines[end:]]
    senders = tuple(address.lower().rstrip(".") for address in _ADDRESS.findall(fields[Role.SENDER]))
    return Forwarded(
        senders=tuple(dict.fromkeys(sender.removeprefix("mailto:") for sender in senders))[:MOST_SENDERS],
        subject=" ".join(fields[Role.SUBJECT].split()),
        text="\n".join(below).strip("\n "),
    )


def _fields(lines: list[str], first: int, words: Words) -> tuple[dict[Role, str], int]:
    """The header lines by what they tell, and where the text begins: below the first gap that no field follows."""
    fields: dict[Role, str] = {}
    last: Role | None = None
    position = first
    for position in range(first, min(len(lines), first + MOST_HEADER_LINES)):
        line = _bare(lines[position])
        role = _role(line, words)
        if role is not None:
            fields.setdefault(role, line.replace("\uff1a", ":").partition(":")[2].strip(" *\t"))
            last = role
        elif not line:
            below = lines[position + 1] if position + 1 < len(lines) else ""
            if _role(below, words) is None or {Role.SENDER, Role.SUBJECT} <= fields.keys():
                return fields, position + 1
        elif last is None:
            break
        elif {Role.SENDER, Role.SUBJECT} <= fields.keys() and (last is Role.SUBJECT or not _is_list(line)):
            return fields, position  # no gap above the text
    return fields, min(position + 1, len(lines))


def _is_list(line: str) -> bool:
    """True for the rest of a long list of recipients."""
    return "@" in line or line.endswith((",", ";", ">"))


def _role(line: str, words: Words) -> Role | None:
    return words.labels.get(label_of(_bare(line)))


def _bare(line: str) -> str:
    return _QUOTED.sub("", line, count=1).strip() if _QUOTED.match(line) else line.strip()
