"""Read models of registrations and approvals: what waits for whom, and what was answered (CONTRACT, "JSON"; SPEC section 9).

`casegate registration list`, `approval list` and `case show` print them. Nothing here writes or locks. People are
addresses; the PIN and one-time tokens are nowhere in the rows that this reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from gateway.domain.approval import (
    OPEN_REGISTRATIONS,
    Approval,
    ApprovalKind,
    ApprovalState,
    Registration,
    RegistrationState,
)
from gateway.domain.lookalike import shown_plainly
from gateway.domain.model import Account, CaseNumber, Party
from gateway.errors import NotFound
from gateway.services.views import Names
from gateway.store import load_approvals as rows
from gateway.store import load_people

OPEN = (ApprovalState.OPEN,)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationView:
    """A person who wants to be a contact.

    `asked` are the user managers who were asked; once the person has confirmed and nobody was, the vendor decides.
    `warnings` say what to look at before anybody approves. `bounced` is why the registration mail did not arrive.
    """

    id: int
    address: str
    account: str | None
    name: str | None
    state: str
    requested_at: datetime
    expires_at: datetime
    phone: str | None
    lang: str | None
    roles: tuple[str, ...]
    has_pin: bool
    wrong_pins: int
    bounced: str | None
    invited_by: str | None
    approval: int | None
    asked: tuple[str, ...]
    answered_by: str | None
    answered_at: datetime | None
    reason: str | None
    warnings: tuple[str, ...]

    @property
    def waits_for_vendor(self) -> bool:
        """True where no user manager was asked, so that an agent decides."""
        return self.state == RegistrationState.CONFIRMED and not self.asked


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalView:
    """A question to people with authority, and its answer. `contact` is who asked for it; `text` says for what."""

    id: int
    kind: str
    account: str
    case: int | None
    registration: int | None
    asked: tuple[str, ...]
    state: str
    requested_at: datetime
    expires_at: datetime
    text: str
    contact: str | None
    answered_by: str | None
    answered_at: datetime | None
    reason: str | None

    @property
    def is_order(self) -> bool:
        """True for what a support manager may release while it is open."""
        return self.kind == ApprovalKind.ORDER

    @property
    def is_open(self) -> bool:
        """True until it is answered or expired."""
        return self.state == ApprovalState.OPEN


def registrations(tx: sa.Connection, states: Sequence[RegistrationState] | None = None) -> tuple[RegistrationView, ...]:
    """Registrations in these states, or all, the oldest first."""
    found = rows.registrations(tx, states=states)
    only_open = states is not None and set(states) <= OPEN_REGISTRATIONS
    questions = {one.registration: one for one in rows.approvals(tx, states=OPEN if only_open else None)}
    pairs = [(one, questions.get(one.id)) for one in found]
    names = Names(tx, _people(pairs))
    accounts = {one.number: one for one in load_people.accounts(tx)}
    return tuple(_registration(one, question, accounts.get(one.account or ""), names) for one, question in pairs)


def registration(tx: sa.Connection, id_: int) -> RegistrationView:
    """One registration; NotFound if there is none."""
    for found in registrations(tx):
        if found.id == id_:
            return found
    raise NotFound(f"there is no registration {id_}; `casegate registration list` shows them")


def newest_of(tx: sa.Connection, address: str) -> RegistrationView:
    """The newest registration of an address; NotFound if there is none."""
    found = [one for one in registrations(tx) if one.address == address]
    if not found:
        raise NotFound(f"{address} has no registration; `casegate registration list --all` shows them")
    return found[-1]


def approvals(
    tx: sa.Connection, states: Sequence[ApprovalState] | None = None, *, case: int | None = None
) -> tuple[ApprovalView, ...]:
    """Approvals in these states, or all, of one case or of everything, the oldest first."""
    found = rows.approvals(tx, states=states, case=CaseNumber(case) if case is not None else None)
    names = Names(tx, {party for one in found for party in (one.contact, one.answered_by) if party})
    return tuple(_approval(one, names) for one in found)


def _people(pairs: Sequence[tuple[Registration, Approval | None]]) -> set[Party]:
    inviters = {one.invited_by for one, _ in pairs if one.invited_by}
    return inviters | {question.answered_by for _, question in pairs if question and question.answered_by}


def _registration(
    one: Registration, question: Approval | None, account: Account | None, names: Names
) -> RegistrationView:
    return RegistrationView(
        id=one.id,
        address=one.address,
        account=one.account,
        name=one.name or None,
        state=one.state,
        requested_at=one.requested_at,
        expires_at=one.expires_at,
        phone=one.phone,
        lang=one.lang,
        roles=tuple(sorted(one.roles)),
        has_pin=one.is_proved,
        wrong_pins=one.wrong_pins,
        bounced=one.bounced,
        invited_by=_address(one.invited_by, names),
        approval=question.id if question else None,
        asked=question.asked if question else (),
        answered_by=_address(question.answered_by, names) if question else None,
        answered_at=question.answered_at if question else None,
        reason=question.reason if question else None,
        warnings=_warnings(one.address, account) if account and one.is_open else (),
    )


def _approval(one: Approval, names: Names) -> ApprovalView:
    return ApprovalView(
        id=one.id,
        kind=one.kind,
        account=one.account,
        case=one.case,
        registration=one.registration,
        asked=one.asked,
        state=one.state,
        requested_at=one.requested_at,
        expires_at=one.expires_at,
        text=one.text,
        contact=_address(one.contact, names),
        answered_by=_address(one.answered_by, names),
        answered_at=one.answered_at,
        reason=one.reason,
    )


def _address(party: Party | None, names: Names) -> str | None:
    return names.address(party) if party else None


def _warnings(address: str, account: Account) -> tuple[str, ...]:
    """What user managers are told of an address as well, for an agent who decides in their place."""
    found = []
    if account.domains and address.rpartition("@")[2] not in account.domains:
        found.append(f"{address} is outside {account.number}'s mail domains ({', '.join(account.domains)})")
    if shown_plainly(address, account.domains):
        found.append(f"{address} can be mistaken for another address")
    return tuple(found)
