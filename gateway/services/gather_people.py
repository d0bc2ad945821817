"""What deciding an action about a contact needs to know, read inside its transaction. Called by `services.perform` only.

On PostgreSQL the account is held first, then the contact, then the cases by number: two changes of people of one
account come one after the other, and a mail of the contact is handled before their leaving or after it.
"""

from dataclasses import replace

import sqlalchemy as sa

from gateway.domain.erasing import Mask
from gateway.domain.facts import CaseFacts, PeopleFacts
from gateway.domain.model import Case, Contact, Party
from gateway.domain.people_actions import AddAddress, EraseContact, PeopleAction, RemoveContact, ReturnContact
from gateway.domain.phrases import Phrase
from gateway.errors import NotFound
from gateway.mail.rewriting import is_from
from gateway.services import erasing
from gateway.services.ports import Ports
from gateway.store import erase, load, load_people


def people_facts(tx: sa.Connection, ports: Ports, action: PeopleAction) -> PeopleFacts:
    """All that deciding this action needs; NotFound for a contact that is not there."""
    party = action.contact.party if isinstance(action, ReturnContact) else action.contact
    known = _contact(tx, party)
    load_people.hold_account(tx, known.account)
    load_people.hold_contact_alone(tx, known.id)
    contact = _contact(tx, party)
    agents = load_people.agents(tx)
    agent = next((one for one in agents if not isinstance(action, AddAddress) and one.party == action.actor), None)
    contacts = load_people.contacts(tx, contact.account)
    manager = next((one for one in contacts if not isinstance(action, AddAddress) and one.party == action.actor), None)
    person = agent or manager
    facts = PeopleFacts(
        account=load_people.account(tx, contact.account),
        contact=contact,
        contacts=contacts,
        actor_name=person.name if person else ports.policy.vendor.name,
        by_vendor=manager is None,
        actor=agent,
        agents=agents,
    )
    if not isinstance(action, RemoveContact | EraseContact):
        return facts
    facts = replace(facts, successor=_contact(tx, action.successor) if action.successor else None)
    return _to_erase(tx, ports, facts) if isinstance(action, EraseContact) else _to_remove(tx, ports, facts)


def _contact(tx: sa.Connection, party: Party) -> Contact:
    known, _ = load_people.people(tx, {party})
    if party not in known:
        raise NotFound(Phrase("there is no such contact; `casegate contact list` shows them"))
    return known[party]


def _to_remove(tx: sa.Connection, ports: Ports, facts: PeopleFacts) -> PeopleFacts:
    """With the open cases that the contact is on, locked: those that neither rest nor were merged."""
    settled = _settled(ports)
    numbers = load_people.open_cases_of(tx, facts.contact, settled)
    found = load.cases(tx, numbers, lock=True) if numbers else {}
    still_open = [case for case in found.values() if _is_open_for(case, facts.contact, settled)]
    return replace(facts, cases=_case_facts(tx, ports, still_open))


def _to_erase(tx: sa.Connection, ports: Ports, facts: PeopleFacts) -> PeopleFacts:
    """With all cases on which the contact ever did anything, locked, and the mail of theirs that nobody decided yet."""
    contact, settled = facts.contact, _settled(ports)
    if contact.is_erased:
        return facts
    numbers = erase.cases_of(tx, contact)
    found = load.cases(tx, numbers, lock=True).values() if numbers else ()
    are_open = {case.number for case in found if _is_open_for(case, contact, settled)}
    mask = Mask.of(contact)
    waiting = [id_ for id_, data in erase.undecided(tx, erasing.kept(ports)) if is_from(data, mask.addresses)]
    return replace(
        facts,
        cases=_case_facts(tx, ports, [case for case in found if case.number in are_open]),
        past=_case_facts(tx, ports, [case for case in found if case.number not in are_open]),
        undecided=tuple(waiting),
    )


def _settled(ports: Ports) -> tuple[str, ...]:
    return tuple(status.name for status in ports.policy.workflow.statuses if status.settled)


def _is_open_for(case: Case, contact: Contact, settled: tuple[str, ...]) -> bool:
    is_on = contact.party in {case.reporter, *case.participants}
    return is_on and case.status not in settled and case.merged_into is None


def _case_facts(tx: sa.Connection, ports: Ports, cases: list[Case]) -> tuple[CaseFacts, ...]:
    owners = {number: load_people.account(tx, number) for number in {case.account for case in cases}}
    return tuple(
        CaseFacts(number=case.number, token=ports.tokens.mint(case.number), account=owners[case.account], case=case)
        for case in cases
    )
