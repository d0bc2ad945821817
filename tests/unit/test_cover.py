"""Whether a case is covered by what its account has booked (SPEC section 4), whose incident managers count, what gaps are."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.cover import Gap, gaps, incident_managers, is_covered
from gateway.domain.model import Account, Bounced, Case, CaseNumber, Contact, ContactId, ContactRole, Party
from gateway.domain.policy import Policy
from tests.unit.test_rulebook import policy

SERVICES = ("incident_management", "premium_support")
ANN = Contact(
    id=ContactId(1),
    account="EX-1",
    name="Ann",
    addresses=("ann@customer.example",),
    roles=frozenset({ContactRole.INCIDENT_MANAGER}),
)


def an_account(*services: str, valid_until: str | None = None, timezone: str = "UTC") -> Account:
    return Account(number="EX-1", name="Example", services=services, valid_until=valid_until, timezone=timezone)


def a_case(kind: str = "question", at: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)) -> Case:
    return Case(
        number=CaseNumber(1001),
        subject="It hangs",
        type=kind,
        status="open",
        account="EX-1",
        reporter=Party.contact(1),
        team="first_level",
        channel="mail",
        created_at=at,
        updated_at=at,
        status_since=at,
        stay=1,
        version=1,
    )


def needing(*services: str) -> Policy:
    """The shipped rules, but an incident needs one of these services."""
    shipped = policy()
    types = tuple(replace(kind, needs=services) if kind.name == "incident" else kind for kind in shipped.workflow.types)
    return replace(shipped, workflow=replace(shipped.workflow, types=types))


@pytest.mark.parametrize("kind", [item.name for item in policy("production_support").workflow.types])
def test_no_shipped_type_needs_a_service(kind: str) -> None:
    assert is_covered(a_case(kind), an_account(), policy("production_support"))


def test_a_type_that_needs_a_service_is_covered_by_any_one_of_them() -> None:
    rules = needing(*SERVICES)
    assert not is_covered(a_case("incident"), an_account(), rules)
    assert not is_covered(a_case("incident"), an_account("storage"), rules)
    assert is_covered(a_case("incident"), an_account("premium_support"), rules)
    assert is_covered(a_case("question"), an_account(), rules)


@given(needs=st.sets(st.sampled_from("abcd")), booked=st.sets(st.sampled_from("abcde")))
@settings(deadline=None)
def test_covered_means_that_needs_and_bookings_meet(needs: set[str], booked: set[str]) -> None:
    """And booking more never takes cover away."""
    rules = needing(*sorted(needs))
    covered = is_covered(a_case("incident"), an_account(*booked), rules)
    assert (not needs or bool(needs & booked)) == covered
    assert is_covered(a_case("incident"), an_account(*booked, *needs), rules)


def test_a_type_that_the_rules_do_not_know_needs_nothing() -> None:
    assert is_covered(a_case("left by another set"), an_account(), policy())


@pytest.mark.parametrize(
    ("valid_until", "timezone", "opened", "covered"),
    [
        ("2026-03-02", "UTC", datetime(2026, 3, 2, 23, 59, tzinfo=UTC), True),
        ("2026-03-02", "UTC", datetime(2026, 3, 3, 0, 0, tzinfo=UTC), False),
        ("2026-03-02", "Europe/Berlin", datetime(2026, 3, 2, 23, 0, tzinfo=UTC), False),
        ("2026-03-02", "America/New_York", datetime(2026, 3, 3, 4, 59, tzinfo=UTC), True),
        ("2026-03-02", "No/Such_Zone", datetime(2026, 3, 2, 23, 59, tzinfo=UTC), True),
        (None, "UTC", datetime(2099, 1, 1, tzinfo=UTC), True),
    ],
)
def test_the_last_valid_day_is_the_accounts(
    valid_until: str | None, timezone: str, opened: datetime, covered: bool
) -> None:
    """The whole of that day counts, where the account is; what was opened in time stays covered."""
    account = an_account(valid_until=valid_until, timezone=timezone)
    assert covered == is_covered(a_case(at=opened), account, policy())


@pytest.mark.parametrize("service", SERVICES)
def test_incident_managers_count_while_a_service_brings_them(service: str) -> None:
    """SPEC section 3."""
    assert (ANN,) == incident_managers(an_account(service), (ANN,), policy())
    assert () == incident_managers(an_account("storage"), (ANN,), policy())
    assert () == incident_managers(an_account(), (ANN,), policy())


def test_only_active_contacts_with_the_role_are_incident_managers() -> None:
    gone = replace(ANN, id=ContactId(2), active=False)
    other = replace(ANN, id=ContactId(3), roles=frozenset({ContactRole.USER_MANAGER}))
    assert (ANN,) == incident_managers(an_account("premium_support"), (gone, ANN, other), policy())


def holding(id_: int, *roles: ContactRole, active: bool = True) -> Contact:
    return replace(
        ANN, id=ContactId(id_), addresses=(f"c{id_}@customer.example",), roles=frozenset(roles), active=active
    )


def test_each_role_wants_two_people_who_are_there() -> None:
    """SPEC section 3: cover for illness and holidays; who is un-registered covers nobody."""
    people = (holding(1, *ContactRole), holding(2, *ContactRole, active=False), holding(3, ContactRole.USER_MANAGER))
    found = gaps(an_account("premium_support"), people, policy())
    assert [ContactRole.DECISION_MAKER, ContactRole.INCIDENT_MANAGER, ContactRole.VERSION_RECIPIENT] == [
        one.role for one in found
    ]
    assert {(Gap.FEW_HOLDERS, "c1@customer.example")} == {(one.what, one.contact) for one in found}


@pytest.mark.parametrize("booked", [(), ("storage",), ("premium_support",)])
def test_an_incident_manager_wants_a_service_that_makes_use_of_the_role(booked: tuple[str, ...]) -> None:
    people = (
        holding(1, *ContactRole),
        holding(2, *ContactRole),
        holding(3, ContactRole.INCIDENT_MANAGER, active=False),
    )
    unused = [one.contact for one in gaps(an_account(*booked), people, policy()) if one.role]
    assert ([] if "premium_support" in booked else ["c1@customer.example", "c2@customer.example"]) == unused


def test_mail_bounces_where_it_goes() -> None:
    """At the address that mail goes to; of another one of theirs nobody need ring up."""
    at = datetime(2026, 3, 2, tzinfo=UTC)
    there, other = (
        replace(
            holding(id_, *ContactRole),
            addresses=(f"c{id_}@customer.example", "other@customer.example"),
            bounced=(Bounced(address=address, at=at, status="5.1.1"),),
        )
        for id_, address in ((1, "c1@customer.example"), (2, "other@customer.example"))
    )
    found = gaps(an_account("premium_support"), (there, other), policy())
    assert [(Gap.MAIL_BOUNCES, "c1@customer.example")] == [(one.what, one.contact) for one in found]


def test_who_wants_no_announcements_is_named_with_the_role_they_keep() -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    one, other = holding(1, *ContactRole), replace(holding(2, *ContactRole), unsubscribed_at=at)
    third = replace(holding(3), unsubscribed_at=at)
    found = gaps(an_account("premium_support"), (one, other, third, replace(third, active=False)), policy())
    assert [
        (Gap.UNSUBSCRIBED, ContactRole.VERSION_RECIPIENT, "c2@customer.example"),
        (Gap.UNSUBSCRIBED, None, "c3@customer.example"),
    ] == [(gap.what, gap.role, gap.contact) for gap in found]
