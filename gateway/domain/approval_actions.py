"""The verbs about registrations and approvals. `domain.registering` and `domain.approving` decide each into a Change.

Apart from `domain.actions`, which is about cases, and which knows these as Actions as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.domain.approval import ApprovalId, ApprovalKind, Letter, RegistrationId
from gateway.domain.model import CaseNumber, ContactRole, Party, TimerKind


class Says(StrEnum):
    """What an answer says."""

    APPROVE = "approve"
    REJECT = "reject"


class Lack(StrEnum):
    """Why an answer by mail changes nothing, as the hint explains it."""

    NO_ANSWER = "no_answer"
    """Neither /approve nor /reject stands in its first lines."""
    BOTH = "both"
    """It says both."""
    ANSWERED = "answered"
    """Somebody has answered already."""
    EXPIRED = "expired"
    OTHER_ADDRESS = "other_address"
    """It comes from another address than the one that was asked."""
    NO_ROLE = "no_role"
    """Who answers may not, or not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskToRegister:
    """A letter to the registration address (SPEC section 9, point 1)."""

    letter: Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """Someone is invited to register: by an agent, or by a user manager with the PIN, whose request is the approval."""

    address: str
    account: str
    name: str
    actor: Party
    phone: str | None = None
    lang: str | None = None
    roles: frozenset[ContactRole] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """A reply to a registration mail, from the address that it went to (SPEC section 9, point 3)."""

    registration: RegistrationId
    letter: Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideRegistration:
    """The vendor approves the first user manager of an account, or rejects (SPEC section 9, point 4)."""

    registration: RegistrationId
    actor: Party
    says: Says
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Someone who was asked answers, from the address that was asked. `asked` is the mail that they answer."""

    approval: ApprovalId
    asked: int
    address: str
    says: Says
    reason: str | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """An answer did not count: who wrote it is told once why. `asked` is the mail that it answers, if there is one."""

    address: str
    lack: Lack
    asked: int | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOrder:
    """An agent lets an order go on that waits for its approval (SPEC section 3)."""

    approval: ApprovalId
    actor: Party
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """A time is over: nobody has confirmed, or answered. One that is answered meanwhile changes nothing."""

    kind: TimerKind
    registration: RegistrationId | None = None
    approval: ApprovalId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A contact's request that needs an approval: one that is asked by `domain.approving`. `text` is what they asked for.

    `request` is what is done once it is approved (`domain.requests`), `case` the one of an order, `address` a further one that is to be proved.
    """

    kind: ApprovalKind
    actor: Party
    text: str
    request: Mapping[str, Any] = field(default_factory=dict)
    case: CaseNumber | None = None
    address: str | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAlarm:
    """A person must look: what is wrong, and what to do about it."""

    name: str
    text: str
    mend: str


RegistrationAction = AskToRegister | Invite | Confirm | DecideRegistration
ApprovalAction = Answer | Hint | ReleaseOrder | Lapse | Ask
