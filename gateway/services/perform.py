"""The one write path: whatever changes a case, a person or an approval goes through here.

Mail, CLI and timers hand Actions and a Cause; each action is decided on the facts as the one before left
them, and events, rows and outgoing mail are written in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from gateway.domain import agent_answer, approving, registering, workflow
from gateway.domain import people as people_rules
from gateway.domain.actions import (
    Action,
    Cause,
    Change,
    DeliveryFailed,
    OpenCase,
    Outcome,
    PlainAction,
    PostAction,
    Stamp,
)
from gateway.domain.agent_mail import AgentMail, TellAgent
from gateway.domain.approval_actions import ApprovalAction, RaiseAlarm, RegistrationAction
from gateway.domain.budget import share_of
from gateway.domain.commands import CarryOut
from gateway.domain.gathering import SetAside, TellGathered, TemplateFails
from gateway.domain.merging import as_left, merge
from gateway.domain.model import Case, CaseNumber, Contact, OutboxId
from gateway.domain.people_actions import AddressWorks, AnswerStranger, PeopleAction
from gateway.domain.post import OutboxRow
from gateway.domain.words import Notice
from gateway.errors import Conflict, NotFound, Refused
from gateway.mail.compose import Composed, compose
from gateway.mail.decision import NO_HUSH, Hush
from gateway.services import budget, erasing, gathering, waiting
from gateway.services.agent_commanding import AgentDesk, carry_out_for_agent
from gateway.services.command_desk import CommandDesk
from gateway.services.commanding import carry_out
from gateway.services.gather import facts_for
from gateway.services.gather_approvals import approval_facts, join_facts
from gateway.services.gather_people import people_facts
from gateway.services.ports import Ports
from gateway.store import approvals, load, load_people, people, save

TRIES = 3
"""So often a transaction that met another one is tried."""


def perform(ports: Ports, action: Action, cause: Cause) -> Outcome:
    """One action, in a transaction of its own. Raises Refused or NotFound with nothing written."""
    for left in reversed(range(TRIES)):
        try:
            with ports.db.begin() as tx:
                (outcome,) = perform_in(tx, ports, (action,), cause)
                if outcome.refused is not None:
                    raise outcome.refused
            break
        except Conflict:
            if left == 0:
                raise
    ports.nudge()
    return outcome


def perform_in(
    tx: sa.Connection, ports: Ports, actions: Sequence[Action], cause: Cause, hush: Hush = NO_HUSH
) -> tuple[Outcome, ...]:
    """All actions of one cause inside a transaction: an Outcome each, a refusal undoes nothing of the others.

    `hush` says what must not be mailed automatically for it.
    """
    work = _Work(tx, ports, cause, ports.stamp())
    outcomes = tuple(work.perform(action) for action in actions)
    merged = [as_left(notice, work.cases, ports.policy) for notice in merge(work.notices)]
    notices = budget.within(tx, ports, merged, work.stamp.at, hush)
    owe(tx, ports, notices, cause, work.stamp, hush.rounds)
    return outcomes


@dataclass(slots=True)
class _Work:
    """What one cause has done so far; its steps count through all its actions. `cases` are as they stand now."""

    tx: sa.Connection
    ports: Ports
    cause: Cause
    stamp: Stamp
    step: int = 0
    opened: Case | None = None
    cases: dict[CaseNumber, Case] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def perform(self, action: Action) -> Outcome:
        """One action, on the facts as the one before left them, and what it brings with it."""
        if isinstance(action, CarryOut):
            return self._carry_out(action)
        if isinstance(action, AgentMail):
            return self._agent_mail(action)
        try:
            done = _decide(self.tx, self.ports, action, self.stamp, self.cause, self.step)
            contact, cancelled = _write_people(self.tx, done, self.stamp)
        except (Refused, NotFound) as refusal:
            return Outcome(refused=refusal)
        for one in done.all:
            save.change(self.tx, one, at=self.stamp.at)
            if one.case is not None:
                self.cases[one.case.number] = one.case
            if one.case is not None and one.events:
                waiting.renew(self.tx, self.ports.policy, one.case, self.stamp.at)
            self.step += len(one.events)
        outcome = Outcome(
            case=done.case,
            events=len(done.events),
            mails=len(merge(list(done.notices))),
            contact=contact,
            cancelled=cancelled,
            cases=tuple(one.case for one in done.also if one.case is not None),
            erased=erasing.everywhere(self.tx, self.ports, done, self.stamp.at) if done.erases else None,
        )
        if isinstance(action, OpenCase):
            self.opened = done.case
        failed = [found.refused for following in done.then if (found := self.perform(following)).refused]
        for notice in (notice for one in done.all for notice in one.notices):
            self.notices.append(approving.with_failure(notice, failed[0].public) if failed else notice)
        return outcome

    def _carry_out(self, action: CarryOut) -> Outcome:
        """The commands of a mail, each an action of its own; a case that the mail opened is theirs."""
        contacts, _ = load_people.people(self.tx, {action.contact.party})
        desk = CommandDesk(
            tx=self.tx,
            ports=self.ports,
            contact=contacts[action.contact.party],
            account=load_people.account(self.tx, action.contact.account),
            case=action.case or (self.opened.number if self.opened else None),
            is_proved=action.is_proved,
            is_lost=action.is_lost,
            at=self.stamp.at,
            run=self.perform,
        )
        self.notices += carry_out(desk, action)
        return Outcome()

    def _agent_mail(self, action: AgentMail) -> Outcome:
        """What an agent's mail says and asks for, each an action of its own; the case that it is about."""
        desk = AgentDesk(tx=self.tx, ports=self.ports, agent=action.agent, at=self.stamp.at, run=self.perform)
        case, notices = carry_out_for_agent(desk, action)
        self.notices += notices
        return Outcome(case=case)


def _write_people(tx: sa.Connection, done: Change, stamp: Stamp) -> tuple[Contact | None, int]:
    """The contact as the change left them, and how many mails to them that leaves unsent; what is asked of people."""
    for one in done.all:
        for registration in one.registrations:
            approvals.save_registration(tx, registration, stamp.at)
        for approval in one.approvals:
            approvals.save_approval(tx, approval)
    if done.hinted is not None:
        approvals.hinted(tx, done.hinted)
    if done.contact is None:
        return None, 0
    contact = people.written(tx, done.contact)
    if not done.cancels:
        return contact, 0
    return contact, save.outbox_cancelled(tx, contact.addresses, done.cancels, only_bulk=contact.active)


def _decide(tx: sa.Connection, ports: Ports, action: PlainAction, stamp: Stamp, cause: Cause, step: int) -> Change:
    if isinstance(action, PostAction):
        return _about_mail(tx, ports, action, stamp)
    if isinstance(action, DeliveryFailed) and not _is_news(tx, ports, action, stamp):
        return Change()
    if isinstance(action, PeopleAction):
        people_known = people_facts(tx, ports, action)
        return people_rules.decide(action, people_known, ports.policy, stamp, str(cause), step)
    if isinstance(action, RegistrationAction):
        return registering.decide(action, join_facts(tx, ports, action), ports.policy, stamp)
    if isinstance(action, ApprovalAction):
        asked = approval_facts(tx, ports, action)
        return approving.decide(action, asked, ports.policy, stamp, str(cause), step)
    facts = facts_for(tx, ports, action)
    return workflow.decide(action, facts, ports.policy, stamp, str(cause), step)


def _about_mail(tx: sa.Connection, ports: Ports, action: PostAction, stamp: Stamp) -> Change:
    """What belongs to no case and to nobody's registration."""
    match action:
        case AnswerStranger():
            return workflow.answer_stranger(action, ports.policy)
        case TellAgent():
            return Change(notices=agent_answer.held(action, ports.policy))
        case AddressWorks():
            people.address_works(tx, action.address)
        case RaiseAlarm():
            until = stamp.at + budget.HOUR
            save.alarm_raised(tx, action.name, at=stamp.at, text=action.text, mend=action.mend, until=until)
        case SetAside():
            return gathering.set_aside(tx, ports, action, stamp.at)
        case TellGathered():
            return gathering.told(tx, ports)
        case TemplateFails():
            return gathering.template_fails(tx, ports, action, stamp.at)
    return Change()


def _is_news(tx: sa.Connection, ports: Ports, action: DeliveryFailed, stamp: Stamp) -> bool:
    """Note what bounced; True if a case is to be told. A second report about the same mail tells nothing new."""
    if not save.outbox_failed(tx, action.outbox, action.error):
        return False
    gathering.failed(tx, ports, action, stamp.at)
    if action.flags:
        people.address_bounced(tx, action.recipient, at=stamp.at, status=action.status)
    if (registration := approvals.registration_of_mail(tx, action.outbox)) is not None:
        approvals.bounced(tx, registration, action.error)
    return action.case is not None


def owe(
    tx: sa.Connection, ports: Ports, notices: Sequence[Notice], cause: Cause, stamp: Stamp, rounds: int = 0
) -> tuple[Composed, ...]:
    """Notices in their final bytes go to the outbox; one that asks something can be answered from now on."""
    mails = [(notice, _composed(tx, ports, notice, cause, stamp)) for notice in notices]
    save.outbox(
        tx,
        [
            OutboxRow(
                id=OutboxId(0),
                case=notice.case,
                recipient=mail.recipient,
                kind=notice.kind,
                return_path=mail.return_path,
                message_id=mail.message_id,
                data=mail.data,
                created_at=stamp.at,
                cause=str(cause),
                budget=share_of(notice),
                rounds=rounds,
            )
            for notice, mail in mails
        ],
    )
    for notice, mail in mails:
        if mail.answer_token is not None:
            approvals.save_asked(
                tx,
                token=mail.answer_token,
                message_id=mail.message_id,
                address=mail.recipient,
                at=stamp.at,
                registration=notice.registration,
                approval=notice.approval,
            )
    for notice, mail in mails:
        if mail.remark is not None:
            text = f"the template {notice.template} failed, the shipped one was used: {mail.remark}"
            perform_in(tx, ports, (TemplateFails(text=text),), cause)  # told once, so that this comes to an end
    return tuple(mail for _, mail in mails)


def _composed(tx: sa.Connection, ports: Ports, notice: Notice, cause: Cause, stamp: Stamp) -> Composed:
    if notice.case is not None:
        earlier = load.sent_to(tx, notice.case, notice.recipient)
        notice = replace(notice, thread=(*notice.thread, *earlier))
    return compose(
        notice,
        tokens=ports.tokens,
        policy=ports.policy,
        templates=ports.templates,
        stamp=stamp,
        key="/".join(filter(None, (str(cause), notice.recipient, notice.lane))),
        fetch=ports.blobs.get,
    )
