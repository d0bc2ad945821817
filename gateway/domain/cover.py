"""Whether a case is covered by what its account has booked (SPEC section 4); agents see it, customers are served all the same."""

from datetime import UTC, date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.domain.model import Account, Case, Contact, ContactRole
from gateway.domain.policy import Policy


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
