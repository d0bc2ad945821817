"""What deciding an action about a registration or an approval needs to know, read inside its transaction.

Called by `services.perform` only. On PostgreSQL the account is held first, as for all changes of its people, then the
registration, the approval and the case.
"""

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from gateway.domain.approval import Approval, ApprovalId, Registration, RegistrationId, RegistrationState
from gateway.domain.approval_actions import (
    Answer,
    ApprovalAction,
    Ask,
    AskToRegister,
    Confirm,
    DecideRegistration,
    Hint,
    Invite,
    Lapse,
    RegistrationAction,
    ReleaseOrder,
)
from gateway.domain.facts import ApprovalFacts, CaseFacts, JoinFacts
from gateway.domain.model import Agent, AgentKind, CaseNumber, Contact, Party
from gateway.services.ports import Ports
from gateway.store import approvals, load, load_approvals, load_people

ONCE_IN = timedelta(days=1)
"""An address gets at most one registration mail in so long, whoever asks for it (SPEC section 9, point 2)."""


def join_facts(tx: sa.Connection, ports: Ports, action: RegistrationAction) -> JoinFacts:
    """All that deciding this action about a registration needs."""
    match action:
        case AskToRegister():
            fresh = approvals.next_id(tx, "registration")  # from here on no other daemon registers anybody
            known = approvals.open_registration(tx, action.letter.address)
            number = action.letter.account or (known.account if known else None)
            facts = _join(tx, ports, known, number, action.letter.address, fresh=fresh)
            since = ports.now() - ONCE_IN
            return replace(facts, may_mail=approvals.mailed_since(tx, since, address=action.letter.address) == 0)
        case Invite():
            fresh = approvals.next_id(tx, "registration")
            known = approvals.open_registration(tx, action.address)
            facts = _join(tx, ports, known, action.account, action.address, actor=action.actor, fresh=fresh)
            since = ports.now() - ONCE_IN
            return replace(facts, may_mail=approvals.mailed_since(tx, since, address=action.address) == 0)
        case Confirm():
            found = approvals.registration(tx, action.registration)
            number = (found.account if found else None) or action.letter.account
            return _join(tx, ports, found, number, action.letter.address, asks=True)
        case DecideRegistration():
            found = approvals.registration(tx, action.registration)
            address = found.address if found else ""
            return _join(tx, ports, found, found.account if found else None, address, actor=action.actor)


def _join(  # noqa: PLR0913  # whom it is about, who asks, and which numbers it may need
    tx: sa.Connection,
    ports: Ports,
    registration: Registration | None,
    number: str | None,
    address: str,
    *,
    actor: Party | None = None,
    fresh: int = 0,
    asks: bool = False,
) -> JoinFacts:
    account, contacts = None, tuple[Contact, ...]()
    if number is not None:
        load_people.hold_account(tx, number)
        account, contacts = load_people.account(tx, number), load_people.contacts(tx, number)
    inviter = actor or (registration.invited_by if registration else None)
    return JoinFacts(
        next_registration=RegistrationId(fresh),
        next_approval=ApprovalId(approvals.next_id(tx, "approval") if asks else 0),
        account=account,
        contacts=contacts,
        registration=registration,
        approval=approvals.approval_of(tx, registration.id) if registration else None,
        known=load_people.contacts_by_address(tx, (address,)).get(address) if address else None,
        is_agent=bool(address) and load_people.agent_by_address(tx, address) is not None,
        waiting=_waiting(tx, number),
        deciders=_deciders(tx, account.manager if account else None),
        actor_name=_name(tx, inviter) or ports.policy.vendor.name,
    )


def _waiting(tx: sa.Connection, number: str | None) -> tuple[tuple[Registration, Approval], ...]:
    """Registrations of an account that nobody was asked about, for it has no user manager yet."""
    if number is None:
        return ()
    found = load_approvals.registrations(tx, states=(RegistrationState.CONFIRMED,), account=number)
    pairs = ((one, approvals.approval_of(tx, one.id)) for one in found)
    return tuple((one, question) for one, question in pairs if question and question.is_open and not question.asked)


def _deciders(tx: sa.Connection, manager: str | None) -> tuple[Agent, ...]:
    """Who of the vendor is told where it decides: the account's manager, else the support managers, else everybody."""
    active = tuple(agent for agent in load_people.agents(tx) if agent.active)
    own = tuple(agent for agent in active if agent.address == manager)
    return own or tuple(agent for agent in active if agent.kind is AgentKind.SUPPORT_MANAGER) or active


def _name(tx: sa.Connection, party: Party | None) -> str | None:
    if party is None:
        return None
    contacts, agents = load_people.people(tx, {party})
    person = contacts.get(party) or agents.get(party)
    return person.name if person else None


def approval_facts(tx: sa.Connection, ports: Ports, action: ApprovalAction) -> ApprovalFacts:
    """All that deciding this action about an approval needs."""
    match action:
        case Ask():
            return _asking(tx, ports, action)
        case Answer():
            return _answering(tx, ports, action.approval, address=action.address, asked=action.asked)
        case Hint():
            asked = approvals.asked(tx, action.asked) if action.asked is not None else None
            return _answering(tx, ports, asked.approval if asked else None, address=action.address, asked=action.asked)
        case ReleaseOrder():
            known = _answering(tx, ports, action.approval, actor=action.actor)
            return replace(known, agents={agent.party: agent for agent in load_people.agents(tx)})
        case Lapse():
            if action.registration is not None:
                found = approvals.registration(tx, action.registration)
                number = found.account if found else None
                joining = _join(tx, ports, found, number, found.address if found else "")
                return ApprovalFacts(next_approval=joining.next_approval, registering=joining)
            return _answering(tx, ports, action.approval)


def _asking(tx: sa.Connection, ports: Ports, action: Ask) -> ApprovalFacts:
    contacts, _ = load_people.people(tx, {action.actor})
    number = contacts[action.actor].account
    load_people.hold_account(tx, number)
    return ApprovalFacts(
        next_approval=ApprovalId(approvals.next_id(tx, "approval")),
        account=load_people.account(tx, number),
        contacts=load_people.contacts(tx, number),
        case=_case(tx, ports, action.case, action.actor) if action.case is not None else None,
    )


def _answering(
    tx: sa.Connection,
    ports: Ports,
    id_: ApprovalId | None,
    *,
    address: str | None = None,
    asked: int | None = None,
    actor: Party | None = None,
) -> ApprovalFacts:
    """The approval as it is when nobody else can answer it any more."""
    number = approvals.account_of(tx, id_) if id_ is not None else None
    if number is not None:
        load_people.hold_account(tx, number)
    approval = approvals.approval(tx, id_) if id_ is not None else None
    contacts = load_people.contacts(tx, number) if number else ()
    approver = load_people.contacts_by_address(tx, (address,)).get(address) if address else None
    parties = {party for party in (actor, approval.answered_by if approval else None) if party}
    _, agents = load_people.people(tx, parties)
    joining = None
    if approval and approval.registration is not None:
        found = approvals.registration(tx, approval.registration)
        joining = _join(tx, ports, found, number, found.address if found else "")
    case = approval.case if approval else None
    return ApprovalFacts(
        next_approval=ApprovalId(0),
        account=load_people.account(tx, number) if number else None,
        contacts=contacts,
        agents=agents,
        approval=approval,
        approver=approver,
        registering=joining,
        case=_case(tx, ports, case, actor or (approver.party if approver else None)) if case is not None else None,
        hints=approvals.hints_of(tx, asked) if asked is not None else 0,
    )


def _case(tx: sa.Connection, ports: Ports, number: CaseNumber, actor: Party | None) -> CaseFacts:
    return load.case_facts(tx, number, ports.tokens.mint(number), actors=[actor] if actor else [])
