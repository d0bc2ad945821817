"""Registrations and approvals: how a person becomes a contact, and questions answered by mail by someone with authority.

SPEC section 9. Nouns only; what is asked of them is in `domain.approval_actions`, what that changes in
`domain.registering` and `domain.approving`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NewType

from gateway.domain.model import CaseNumber, ContactRole, Party

RegistrationId = NewType("RegistrationId", int)
ApprovalId = NewType("ApprovalId", int)

CONFIRM_WITHIN = timedelta(days=7)
"""So long a registration mail can be answered (SPEC section 9, point 3)."""

ANSWER_WITHIN = timedelta(days=14)
"""So long an approval can be given (SPEC sections 3 and 9)."""

REMIND_AFTER = timedelta(days=7)
"""Then those who were asked are reminded, once."""

MOST_WRONG_PINS = 5
"""So many wrong PINs end a registration."""


class RegistrationState(StrEnum):
    """How far a registration is."""

    REQUESTED = "requested"
    """The registration mail is out; the person has not confirmed yet."""
    CONFIRMED = "confirmed"
    """The person has; the user managers, or the vendor, have not answered yet."""
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ENDED = "ended"
    """By five wrong PINs, or because the address belongs to somebody already."""


OPEN_REGISTRATIONS = frozenset({RegistrationState.REQUESTED, RegistrationState.CONFIRMED})


class ApprovalKind(StrEnum):
    """What is asked."""

    REGISTRATION = "registration"
    ORDER = "order"
    ROLES = "roles"
    ADDRESS = "address"
    STEP_UP = "step_up"


class ApprovalState(StrEnum):
    """What was answered."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RELEASED = "released"
    """An agent let an order go on, with a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A person who wants to be a contact. `address` is in stored form; `account` is known once a PIN said so.

    `is_proved` says that the company PIN was given; an agent's invitation knows the account before. `invited_by` is
    who asked for it in the person's place; `is_granted` says that this was a user manager, so that no approval is
    needed. `hints` counts the mails that said that something was missing; `bounced` is why the registration mail did
    not arrive.
    """

    id: RegistrationId
    address: str
    state: RegistrationState
    requested_at: datetime
    expires_at: datetime
    account: str | None = None
    is_proved: bool = False
    name: str = ""
    phone: str | None = None
    lang: str | None = None
    roles: frozenset[ContactRole] = frozenset()
    invited_by: Party | None = None
    is_granted: bool = False
    wrong_pins: int = 0
    hints: int = 0
    bounced: str | None = None

    @property
    def is_open(self) -> bool:
        """True until it came to an end."""
        return self.state in OPEN_REGISTRATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One mail that asks somebody, and can be answered: `address` is where it went.

    Who that is, and what they may do, is read when they answer. `hints` counts the answers that did not count and were
    told so.
    """

    id: int
    address: str
    sent_at: datetime
    registration: RegistrationId | None = None
    approval: ApprovalId | None = None
    hints: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A question to people with authority; the first answer counts.

    `contact` is who asked for it, or whom it is about; `request` what is done when it is approved, as JSON values
    (`domain.requests`); `text` says in one line what was asked for, without any PIN. `asked` are the addresses that
    were asked; none: the vendor decides.
    """

    id: ApprovalId
    kind: ApprovalKind
    account: str
    state: ApprovalState
    requested_at: datetime
    expires_at: datetime
    case: CaseNumber | None = None
    registration: RegistrationId | None = None
    contact: Party | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    asked: tuple[str, ...] = ()
    agreed: tuple[str, ...] = ()
    """Addresses that have agreed so far, where more than one must."""
    answered_by: Party | None = None
    answered_at: datetime | None = None
    reason: str | None = None

    @property
    def is_open(self) -> bool:
        """True until it is answered or expired."""
        return self.state is ApprovalState.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What somebody who registers says, as far as a decision needs it: no PIN, but whose it is.

    `account` is the one that has the PIN they gave, None if none has or they gave none; `has_pin` says whether they did.
    """

    address: str
    name: str = ""
    phone: str | None = None
    lang: str | None = None
    account: str | None = None
    has_pin: bool = False
    message_id: str | None = None
