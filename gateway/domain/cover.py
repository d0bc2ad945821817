"""What an account has booked and who holds its roles: is a case covered, whose roles count, where is nobody to step in.

SPEC sections 3 and 4. Agents see it; customers are served all the same.
"""

from dataclasses import dataclass
from datetime import UTC, date
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.domain.model import Account, Case, Contact, ContactRole
from gateway.domain.policy import Policy

ENOUGH = 2
"""So many people hold a role, so that it is covered in illness and holidays."""


class Gap(StrEnum):
    """What is wrong with the people of an account."""

    FEW_HOLDERS = "few_holders"
    """A role that one person holds, or nobody."""
    ROLE_WITHOUT_SERVICE = "role_without_service"
    """An incident manager whose role no booked service makes use of."""
    MAIL_BOUNCES = "mail_bounces"
    """A contact whom mail does not reach."""
    UNSUBSCRIBED = "unsubscribed"
    """A contact who wants no announcements, whatever role they hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One gap: of which role, and whom to ring up about it, as far as there is anybody."""

    what: Gap
    role: ContactRole | None = None
    contact: str | None = None
    phone: str | None = None


def gaps(account: Account, contacts: tuple[Contact, ...], policy: Policy) -> tuple[Finding, ...]:
    """All that is wrong with the people of an account (SPEC section 3); `contacts` are its own."""
    active = tuple(contact for contact in contacts if contact.active)
    found: list[Finding] = []
    for role in ContactRole:
        holders = [contact for contact in active if role in contact.roles]
        if not holders:
            found.append(Finding(what=Gap.FEW_HOLDERS, role=role))
        elif len(holders) < ENOUGH:
            found += [_finding(Gap.FEW_HOLDERS, contact, role) for contact in holders]
    unused = ContactRole.INCIDENT_MANAGER
    counting = incident_managers(account, active, policy)
    found += [
        _finding(Gap.ROLE_WITHOUT_SERVICE, contact, unused)
        for contact in active
        if unused in contact.roles and contact not in counting
    ]
    found += [
        _finding(Gap.MAIL_BOUNCES, contact)
        for contact in active
        if any(bounced.address == contact.address for bounced in contact.bounced)
    ]
    informed = ContactRole.VERSION_RECIPIENT
    found += [
        _finding(Gap.UNSUBSCRIBED, contact, informed if informed in contact.roles else None)
        for contact in active
        if contact.unsubscribed_at is not None
    ]
    return tuple(found)


def _finding(what: Gap, contact: Contact, role: ContactRole | None = None) -> Finding:
    return Finding(what=what, role=role, contact=contact.address, phone=contact.phone)


def is_covered(case: Case, account: Account, policy: Policy) -> bool:
    """True if the account has booked what the type needs, and the case was opened while it was valid."""
    kind = policy.workflow.type_named(case.type)
    if kind and kind.needs and not set(kind.needs) & set(account.services):
        return False
    return account.valid_until is None or _opened_on(case, account) <= date.fromisoformat(account.valid_until)


def incident_managers(account: Account, contacts: tuple[Contact, ...], policy: Policy) -> tuple[Contact, ...]:
    """The touch points in incidents; none while the account has booked no service that brings them (SPEC section 3)."""
    if not any(service.incident_managers and service.name in account.services for service in policy.workflow.services):
        return ()
    return tuple(contact for contact in contacts if contact.active and ContactRole.INCIDENT_MANAGER in contact.roles)


def _opened_on(case: Case, account: Account) -> date:
    try:
        return case.created_at.astimezone(ZoneInfo(account.timezone)).date()
    except (ZoneInfoNotFoundError, ValueError):
        return case.created_at.astimezone(UTC).date()
