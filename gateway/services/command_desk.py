"""What the handlers of commands work with: who asks, on which case, and how an action is performed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from gateway.domain.actions import Action, Outcome
from gateway.domain.commands import Came
from gateway.domain.model import Account, CaseNumber, Contact
from gateway.domain.phrases import Phrase
from gateway.domain.words import BlockWords
from gateway.services import people
from gateway.services.ports import Ports

ASKED_BACK = Phrase("we have asked you in a mail of its own whether this was you; approve it there")
"""What is answered to a command whose writer is asked first."""


def shown(contact: Contact) -> str:
    """A person with the address that tells them from others of the name."""
    return f"{contact.name} <{contact.address}>"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one command, in a sentence, and what it shows; `more` is the command that shows the rest."""

    came: Came
    text: str = ""
    blocks: tuple[BlockWords, ...] = ()
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDesk:
    """One mail's commands: its writer as they are now, and its case. `at` is the time of the transaction."""

    tx: sa.Connection
    ports: Ports
    contact: Contact
    account: Account
    case: CaseNumber | None
    is_proved: bool
    is_lost: bool
    at: datetime
    run: Callable[[Action], Outcome]

    @property
    def address(self) -> str:
        """Where answers go: the stored address, never one copied from a header."""
        return self.contact.address

    def do(self, action: Action) -> Outcome:
        """Perform an action; raises Refused or NotFound."""
        outcome = self.run(action)
        if outcome.refused is not None:
            raise outcome.refused
        return outcome


def address_in(words: str) -> str:
    """The stored form of an address as people write it, also `Carl <carl@customer.example>`; BadUsage for none."""
    _, opened, rest = words.rstrip(" .,;").rpartition("<")
    return people.address_form(rest.removesuffix(">") if opened else words)
