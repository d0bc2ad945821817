"""What deciding an action needs to know, read inside its transaction. Called by `services.perform` only."""

from dataclasses import replace

import sqlalchemy as sa

from gateway.domain import workflow
from gateway.domain.actions import (
    AddNote,
    Assign,
    CaseAction,
    ChangeParticipants,
    ChangeType,
    CustomerReply,
    DeliveryFailed,
    Elapse,
    Escalate,
    Link,
    Merge,
    OpenCase,
    OpenFor,
    RecordAutomatic,
    Split,
)
from gateway.domain.case_actions import RecordRequest
from gateway.domain.cover import incident_managers
from gateway.domain.escalation_actions import EscalationAction
from gateway.domain.facts import CaseFacts, is_theirs
from gateway.domain.model import AgentKind, CaseNumber, PartyKind
from gateway.errors import Conflict, NotFound
from gateway.mail.subject import bare_subject, is_other_subject
from gateway.services.ports import Ports
from gateway.store import load, load_people, save


def facts_for(tx: sa.Connection, ports: Ports, action: CaseAction) -> CaseFacts:
    """All that deciding this action needs, the cases that it may change locked in the order of their numbers.

    Raises NotFound for a case on which the contact who acts has no right at this moment, and Conflict where that
    changed since their mail was read: it is then decided anew.
    """
    facts = _facts_for(tx, ports, action)
    actor = workflow.actor_of(action)
    if facts.case is None or actor.kind is not PartyKind.CONTACT:
        return facts
    contact = facts.contacts.get(actor)
    if contact is not None and contact.may_write and is_theirs(facts.case, contact):
        return facts
    if isinstance(action, CustomerReply | RecordAutomatic):
        raise Conflict(f"case {action.case} was closed to its writer at this moment")
    raise NotFound(f"there is no case {facts.number}")


def _facts_for(tx: sa.Connection, ports: Ports, action: CaseAction) -> CaseFacts:
    if isinstance(action, OpenCase | OpenFor | CustomerReply | RecordRequest):
        load_people.hold_contact(tx, action.contact)
    if isinstance(action, OpenCase | OpenFor | RecordRequest):
        return _opening(tx, ports, action)
    if isinstance(action, DeliveryFailed):
        assert action.case is not None
        return _of(tx, ports, load.last_case(tx, action.case), action)
    if isinstance(action, Merge | Link):
        other = action.into if isinstance(action, Merge) else action.other
        both = {number: _of(tx, ports, number, action) for number in sorted({action.case, other})}
        one, two = both[action.case], both[other]
        if isinstance(action, Merge):  # of which an escalation may be part
            one, two = _with_staff(tx, one), _with_staff(tx, two)
        everybody = {**one.contacts, **two.contacts}  # whom a merge brings along must be known there, to be told
        return replace(one, other=replace(two, contacts=everybody, agents={**one.agents, **two.agents}))
    facts = _of(tx, ports, action.case, action)
    if isinstance(action, CustomerReply):
        return replace(facts, is_renamed=_is_renamed(tx, ports, facts, action.incoming.subject))
    if isinstance(action, Elapse) and action.level is not None:
        return _with_colleagues(tx, facts)
    if isinstance(action, ChangeType | Escalate):
        return _with_managers(tx, ports, _with_staff(tx, facts))
    if isinstance(action, AddNote | Elapse | EscalationAction):
        return _with_staff(tx, facts)
    return _with_parts(tx, ports, facts) if isinstance(action, Split) else facts


def _of(tx: sa.Connection, ports: Ports, number: CaseNumber, action: CaseAction) -> CaseFacts:
    """The facts of one case; whoever the action names is known in them."""
    actors, team = [workflow.actor_of(action)], None
    if isinstance(action, Assign):
        actors += [action.assignee] if action.assignee else []
        team = action.team
    elif isinstance(action, ChangeParticipants):
        actors += action.add
    elif isinstance(action, CustomerReply):
        actors += action.incoming.joining
    elif isinstance(action, DeliveryFailed) and (agent := load_people.agent_by_address(tx, action.recipient)):
        actors.append(agent.party)
    return load.case_facts(tx, number, ports.tokens.mint(number), actors=actors, team_named=team)


def _opening(tx: sa.Connection, ports: Ports, action: OpenCase | OpenFor | RecordRequest) -> CaseFacts:
    number = save.next_case_number(tx)
    facts = load.opening_facts(tx, number, ports.tokens.mint(number), action.contact, ports.policy.first_team)
    if isinstance(action, OpenFor):
        _, agents = load_people.people(tx, {action.actor})
        return _with_managers(tx, ports, _with_staff(tx, replace(facts, agents=agents)))
    if isinstance(action, RecordRequest):
        return facts
    return facts if action.follows is None else replace(facts, other=_of(tx, ports, action.follows, action))


def _with_managers(tx: sa.Connection, ports: Ports, facts: CaseFacts) -> CaseFacts:
    managers = incident_managers(facts.account, load_people.contacts(tx, facts.account.number), ports.policy)
    known = {contact.party: contact for contact in managers}
    return replace(facts, incident_managers=managers, contacts={**known, **facts.contacts})


def _is_renamed(tx: sa.Connection, ports: Ports, facts: CaseFacts, subject: str) -> bool:
    """Whether a reply has a subject under which nobody has written on the case so far."""
    assert facts.case is not None
    if not is_other_subject(subject, facts.case.subject, ports.tokens):
        return False
    return all(is_other_subject(subject, head.subject, ports.tokens) for head in load.message_heads(tx, facts.number))


def _with_colleagues(tx: sa.Connection, facts: CaseFacts) -> CaseFacts:
    """For an SLA level: the assignee's team, which is the case's where the assignee is in it or nobody has the case."""
    assert facts.case is not None
    assignee = facts.agents.get(facts.case.assignee) if facts.case.assignee else None
    active = [agent for agent in load_people.agents(tx) if agent.active]
    teams = set(assignee.teams) if assignee and assignee.active else set()
    if not teams or facts.case.team in teams:
        colleagues = facts.team
    else:
        colleagues = tuple(agent for agent in active if teams & set(agent.teams))
    own = (assignee,) if assignee and assignee.active and assignee not in colleagues else ()
    managers = tuple(agent for agent in active if agent.kind is AgentKind.SUPPORT_MANAGER)
    return replace(facts, colleagues=(*own, *colleagues), managers=managers)


def _with_staff(tx: sa.Connection, facts: CaseFacts) -> CaseFacts:
    """For an escalation: everybody who may be called, and what it is about. Without a support manager all are called."""
    staff = tuple(agent for agent in load_people.agents(tx) if agent.active)
    managers = tuple(agent for agent in staff if agent.kind is AgentKind.SUPPORT_MANAGER) or staff
    return replace(facts, staff=staff, managers=managers, last_words=load.last_words(tx, facts.number))


def _with_parts(tx: sa.Connection, ports: Ports, facts: CaseFacts) -> CaseFacts:
    """For a split: the messages of the case, with bare subjects, and a number for the new case."""
    heads = [
        replace(head, subject=bare_subject(head.subject, ports.tokens)) for head in load.message_heads(tx, facts.number)
    ]
    contacts, _ = load_people.people(tx, {head.author for head in heads})
    own = {party: contact for party, contact in contacts.items() if contact.account == facts.account.number}
    number = save.next_case_number(tx)
    new = CaseFacts(
        number=number,
        token=ports.tokens.mint(number),
        account=facts.account,
        contacts={**facts.contacts, **own},
        agents=facts.agents,
        team=facts.team,
    )
    return replace(facts, messages=tuple(heads), other=new)
