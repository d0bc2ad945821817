"""Commands by mail: what they are called, what each needs, and what came of them (SPEC section 8).

Lines are read in `mail.command_lines`; `mail.commands` understands them; `services.commanding` carries them out.
"""

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.model import CaseNumber, Contact


class CommandName(StrEnum):
    """What a contact may write as one of the first lines, after a slash."""

    CLOSE = "close"
    REOPEN = "reopen"
    ESCALATE = "escalate"
    TYPE = "type"
    PRIORITY = "priority"
    ORDER = "order"
    ADD = "add"
    REMOVE = "remove"
    STATUS = "status"
    CASES = "cases"
    SHOW = "show"
    SEARCH = "search"
    ADDRESS = "address"
    APPROVE = "approve"
    REJECT = "reject"
    HELP = "help"
    USERS = "users"
    INVITE = "invite"
    UNREGISTER = "unregister"
    ROLES = "roles"


OF_MANAGERS = frozenset({CommandName.USERS, CommandName.INVITE, CommandName.UNREGISTER, CommandName.ROLES})
"""What user managers may ask for, and nobody else."""

ON_CASE = frozenset(
    {
        CommandName.CLOSE,
        CommandName.REOPEN,
        CommandName.ESCALATE,
        CommandName.TYPE,
        CommandName.PRIORITY,
        CommandName.ORDER,
        CommandName.ADD,
        CommandName.REMOVE,
        CommandName.STATUS,
    }
)
"""What is about the case that the mail belongs to."""

OPENING = frozenset({CommandName.ESCALATE, CommandName.ORDER})
"""What opens a case where the mail belongs to none, even without another word."""

SETTLING = frozenset({CommandName.CLOSE, CommandName.REOPEN})
"""Beside these the text of a mail brings no transition of its own (SPEC section 5.3)."""

WITH_PIN = frozenset({CommandName.INVITE, CommandName.ROLES})
"""What needs the company PIN, as its last word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command as it was understood: `words` is what stands after its name, `pin` apart from it.

    `line` is how answers and records show it: as it was written, the PIN masked. `name` is None for one that there is not.
    """

    line: str
    name: CommandName | None = None
    words: str = ""
    pin_hash: str | None = None


class Came(StrEnum):
    """What came of a command."""

    DONE = "done"
    ASKED = "asked"
    """Somebody must approve it first."""
    SHOWN = "shown"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryOut:
    """The commands of one mail, in their order; `case` is the one that they are about, None for the one just opened.

    `is_proved` says that the evidence shows who wrote it, so that sensitive ones need no question; `quiet` that
    nothing may be answered; `is_lost` that the mail names a case that its writer must not know of.
    """

    contact: Contact
    commands: tuple[Command, ...]
    case: CaseNumber | None = None
    is_proved: bool = False
    quiet: bool = False
    is_lost: bool = False
    message_id: str | None = None
