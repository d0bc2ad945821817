"""The people of a case as agents name them: by address, name or team. The terminal calls it; nothing is written.

Addresses are compared in stored form (SPEC section 3). Who is not active is told apart from who is not known.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from gateway.domain.model import Agent, Case, Contact, Party, PartyKind
from gateway.domain.phrases import Phrase
from gateway.domain.policy import Policy
from gateway.errors import BadUsage, NotFound, Refused
from gateway.services.people import address_form
from gateway.store import load, load_people

SHIPPED_TEAMS = ("first_level", "third_level")
"""Teams that the rules and documents speak of (SPEC section 2), whether or not anybody is in them yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Who gets a case's mail beside its reporter. `kind` is contact, agent or external; `account` a contact's."""

    address: str
    name: str | None
    kind: str
    account: str | None
    active: bool


def of_case(tx: sa.Connection, number: int) -> tuple[Participant, ...]:
    """The participants of a case, in the order in which they joined; NotFound if there is no such case."""
    case = load.cases(tx, (number,)).get(number)
    if case is None:
        raise NotFound(Phrase("there is no case {number}", number=number))
    contacts, agents = load_people.people(tx, case.participants)
    return tuple(_participant(party, contacts.get(party) or agents.get(party)) for party in case.participants)


def _participant(party: Party, person: Contact | Agent | None) -> Participant:
    return Participant(
        address=person.address if person else party.id,
        name=person.name if person else None,
        kind=party.kind.value,
        account=person.account if isinstance(person, Contact) else None,
        active=person.active if person else True,
    )


def strangers(tx: sa.Connection, case: Case) -> tuple[Participant, ...]:
    """Who on a case is neither ours nor its account's: they read all that is written to customers on it."""
    return tuple(one for one in of_case(tx, case.number) if one.kind != PartyKind.AGENT and one.account != case.account)


def writer(tx: sa.Connection, address: str) -> Contact:
    """The contact in whose name a case can be opened, by any address; NotFound or Refused says why there is none."""
    wanted = address_form(address)
    found = load_people.contacts_by_address(tx, (wanted,)).get(wanted)
    if found is None:
        raise NotFound(f"there is no contact {wanted}; `casegate contact add` makes one")
    if not found.active:
        raise Refused(f"{wanted} is un-registered; a case is opened for an active contact")
    if not found.access:
        raise Refused(f"{wanted} has no access to cases; name another contact of account {found.account}")
    return found


def joining(tx: sa.Connection, address: str, account: str, *, external: bool) -> Party:
    """Who is to become a participant of a case of `account`. NotFound, Refused, BadUsage.

    An address that nobody has needs `external`. Asked for a contact of another account that is Refused: as a guest they
    would write as well, and who may only read is no contact.
    """
    wanted = address_form(address)
    if contact := load_people.contacts_by_address(tx, (wanted,)).get(wanted):
        if not contact.may_write:
            raise Refused(f"{wanted} {'has no access to cases' if contact.active else 'is un-registered'}")
        if external and contact.account != account:
            raise Refused(
                f"{wanted} is a contact of account {contact.account}, who would also write on the case; "
                "without --external they join as a guest"
            )
        return contact.party
    if agent := load_people.agent_by_address(tx, wanted):
        if not agent.active:
            raise Refused(f"{wanted} is no active agent")
        return agent.party
    if not external:
        raise NotFound(f"{wanted} is no contact and no agent; --external adds an address that reads and cannot write")
    return Party(PartyKind.EXTERNAL, wanted)


def leaving(tx: sa.Connection, case: Case, address: str) -> Party:
    """Who of a case has this address, its reporter too; NotFound if nobody has."""
    wanted = address_form(address)
    everybody = (case.reporter, *case.participants)
    contacts, agents = load_people.people(tx, everybody)
    for party in everybody:
        contact, agent = contacts.get(party), agents.get(party)
        known = contact.addresses if contact else (agent.address,) if agent else (party.id,)
        if wanted in known:
            return party
    raise NotFound(f"{wanted} is no participant of case {case.number}; `casegate case participants` lists them")


def assignee(tx: sa.Connection, named: str, me: Agent, policy: Policy) -> Agent | str:
    """The agent or the team that a case can go to: `me`, an address, a unique name, a team.

    NotFound or BadUsage, naming the candidates.
    """
    asked = named.strip().casefold()
    if asked == "me":
        return me
    agents = [agent for agent in load_people.agents(tx) if agent.active]
    teams = _teams(tx, agents, policy)
    if by_address := [agent for agent in agents if agent.address == asked]:
        return by_address[0]
    people = [agent for agent in agents if agent.name.casefold() == asked]
    team = next((team for team in teams if team.casefold() == asked), None)
    if len(people) + (team is not None) > 1:
        choices = ", ".join([*(agent.address for agent in people), *([f"team {team}"] if team else [])])
        raise BadUsage(
            Phrase(
                "{name} is more than one: {choices}; use an address, or a name that is no other's",
                name=named,
                choices=choices,
            )
        )
    if people:
        return people[0]
    if team is not None:
        return team
    known = ", ".join([*(agent.address for agent in agents), *teams])
    raise NotFound(Phrase("there is no agent and no team {name}; there are: {names}", name=named, names=known))


def _teams(tx: sa.Connection, agents: list[Agent], policy: Policy) -> tuple[str, ...]:
    """All teams that anybody is in, or that cases go to."""
    named = {
        *SHIPPED_TEAMS,
        policy.first_team,
        *(team for agent in agents for team in agent.teams),
        *(account.team for account in load_people.accounts(tx) if account.team),
        *(kind.escalates_to for kind in policy.workflow.types if kind.escalates_to),
    }
    return tuple(sorted(named))
