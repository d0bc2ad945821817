"""The verbs about people: what can be asked about a contact. `domain.people` decides each into a Change.

Apart from `domain.actions`, which is about cases, and which knows these as Actions as well.
"""

from dataclasses import dataclass

from gateway.domain.model import Contact, ContactRole, Party


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRoles:
    """A contact gets roles and loses others; the account's user managers are told."""

    contact: Party
    actor: Party
    add: frozenset[ContactRole] = frozenset()
    remove: frozenset[ContactRole] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveContact:
    """A contact is un-registered (SPEC section 9, point 6). `successor`, of the same account, takes the open cases."""

    contact: Party
    actor: Party
    successor: Party | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnContact:
    """An un-registered contact is active again, as `contact` says; a phone or language that it leaves out stays."""

    contact: Contact
    actor: Party


@dataclass(frozen=True, slots=True, kw_only=True)
class AddAddress:
    """A contact has a further address, which both it and the one known have proved (SPEC section 3)."""

    contact: Party
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseContact:
    """A pseudonym stands for a contact from now on, everywhere; who is active is un-registered by it (SPEC section 3).

    Only an admin may ask for it, and nothing brings the person back. `successor` is as for `RemoveContact`.
    """

    contact: Party
    actor: Party
    successor: Party | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """A contact wants announcements, or with `wanted` False none any more; roles stay.

    Their own mail `answers` is confirmed once, unless `is_quiet`; what an agent changes is told to the user managers.
    """

    contact: Party
    actor: Party
    wanted: bool
    answers: str | None = None
    is_quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerStranger:
    """One polite answer to an unregistered sender (SPEC section 7, rung 9)."""

    address: str
    message_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressWorks:
    """Mail came from an address that had bounced: it is there again."""

    address: str


PeopleAction = AddAddress | ChangeRoles | EraseContact | RemoveContact | ReturnContact | Subscribe
