"""What deciding an action about a contact needs to know, read inside its transaction. Called by `services.perform` only.

On PostgreSQL the account is held first, then the contact, then the cases by number: two changes of people of one
account come one after the other, and a mail of the contact is handled before their leaving or after it.
"""

import sqlalchemy as sa

from gateway.domain.facts import CaseFacts, PeopleFacts
from gateway.domain.model import Contact, Party
from gateway.domain.people_actions import PeopleAction, RemoveContact, ReturnContact
from gateway.errors import NotFound
from gateway.services.ports import Ports
from gateway.store import load, load_people


def people_facts(tx: sa.Connection, ports: Ports, action: PeopleAction) -> PeopleFacts:
    """All that deciding this action needs; NotFound for a contact that is not there."""
    party = action.contact.party if isinstance(action, ReturnContact) else action.contact
    known = _contact(tx, party)
    load_people.hold_account(tx, known.account)
    load_people.hold_contact_alone(tx, known.id)
    contact = _contact(tx, party)
    successor, cases = None, tuple[CaseFacts, ...]()
    if isinstance(action, RemoveContact):
        successor = _contact(tx, action.successor) if action.successor else None
        cases = _open_cases(tx, ports, contact)
    _, agents = load_people.people(tx, {action.actor})
    agent = agents.get(action.actor)
    return PeopleFacts(
        account=load_people.account(tx, contact.account),
        contact=contact,
        contacts=load_people.contacts(tx, contact.account),
        actor_name=agent.name if agent else ports.policy.vendor.name,
        cases=cases,
        successor=successor,
    )


def _contact(tx: sa.Connection, party: Party) -> Contact:
    known, _ = load_people.people(tx, {party})
    if party not in known:
        raise NotFound("there is no such contact; `casegate contact list` shows them")
    return known[party]


def _open_cases(tx: sa.Connection, ports: Ports, contact: Contact) -> tuple[CaseFacts, ...]:
    """The open cases that a contact is on, locked: those that neither rest nor were merged."""
    settled = [status.name for status in ports.policy.workflow.statuses if status.settled]
    numbers = load_people.open_cases_of(tx, contact, settled)
    found = load.cases(tx, numbers, lock=True) if numbers else {}
    owners = {number: load_people.account(tx, number) for number in {case.account for case in found.values()}}
    return tuple(
        CaseFacts(number=case.number, token=ports.tokens.mint(case.number), account=owners[case.account], case=case)
        for case in found.values()
        if case.status not in settled and case.merged_into is None
    )
