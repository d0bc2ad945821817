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


PeopleAction = ChangeRoles | RemoveContact | ReturnContact
