"""What an Action on a case changes: `decide` looks at facts and rules and writes nothing.

Called by `services.perform` only. Which statuses and transitions exist is data (`rules/<set>/workflow.toml`).
"""

from dataclasses import dataclass, field, replace
from typing import assert_never

from gateway.domain import notices
from gateway.domain.actions import (
    AddNote,
    AgentReply,
    AnswerStranger,
    Change,
    CustomerReply,
    DeliveryFailed,
    Fire,
    Incoming,
    Notice,
    OpenCase,
    RecordAutomatic,
    Stamp,
    evolve,
)
from gateway.domain.facts import CaseFacts
from gateway.domain.model import SYSTEM, Case, CaseNumber, Direction, Event, Message, NoticeKind, Party, Turn
from gateway.domain.notices import News
from gateway.domain.policy import Policy, Transition
from gateway.errors import Refused

CaseAction = OpenCase | CustomerReply | RecordAutomatic | DeliveryFailed | AgentReply | AddNote | Fire


@dataclass(slots=True)
class _Draft:
    """A Change while it is being written: the case grows with each event."""

    facts: CaseFacts
    policy: Policy
    stamp: Stamp
    cause: str
    step: int
    actor: Party
    case: Case | None = None
    events: list[Event] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    @property
    def now(self) -> Case:
        """The case as the events so far left it."""
        assert self.case is not None
        return self.case

    def add(self, name: str, *, to_status: str | None = None, **detail: object) -> None:
        """One more event."""
        source = self.case.status if self.case and to_status else None
        step = self.step + len(self.events)
        entry = Event(self.facts.number, self.stamp.at, self.actor, self.cause, step, name, source, to_status, detail)
        self.events.append(entry)
        self.case = evolve(self.case, entry)

    def join(self, party: Party) -> None:
        """Make someone a participant who is not on the case yet."""
        if party != self.now.reporter and party not in self.now.participants:
            self.add("participant_added", party=str(party))

    def take(self, agent: Party) -> None:
        """An unassigned case goes to the agent who starts or answers it (SPEC section 15)."""
        if self.now.assignee is None:
            self.add("assigned", assignee=str(agent))

    def move(self, row: Transition) -> None:
        """Make a transition."""
        self.add(row.event, to_status=row.target)

    def tell(self, kind: NoticeKind, news: News) -> None:
        """Owe the mails that the rules name for what happened."""
        self.notices += notices.for_case(kind, news, self.now, self.facts, self.policy)

    def done(self, message: Message | None = None) -> Change:
        """The finished Change."""
        return Change(case=self.case, events=tuple(self.events), message=message, notices=tuple(self.notices))


def decide(action: CaseAction, facts: CaseFacts, policy: Policy, stamp: Stamp, cause: str, step: int) -> Change:
    """What this action changes; its events count on from `step`. Raises Refused, naming what is possible."""
    draft = _Draft(facts, policy, stamp, cause, step, actor=actor_of(action), case=facts.case)
    match action:
        case OpenCase():
            return _open(draft, action)
        case CustomerReply():
            return _customer_reply(draft, action)
        case RecordAutomatic():
            draft.add("automatic_received")
            return draft.done(_inbound(draft.actor, action.incoming, automatic=True))
        case DeliveryFailed():
            draft.add("delivery_failed", recipient=action.recipient, error=action.error)
            return draft.done()
        case AgentReply():
            return _agent_reply(draft, action)
        case AddNote():
            return _note(draft, action)
        case Fire():
            return _fire(draft, action)
    assert_never(action)


def actor_of(action: CaseAction) -> Party:
    """Who is behind an action."""
    match action:
        case OpenCase() | CustomerReply() | RecordAutomatic():
            return action.contact.party
        case DeliveryFailed():
            return SYSTEM
        case AgentReply() | AddNote() | Fire():
            return action.actor


def answer_stranger(action: AnswerStranger, policy: Policy) -> Change:
    """The polite answer; it belongs to no case."""
    return Change(notices=notices.for_stranger(action.address, action.message_id, policy))


def case_of(action: CaseAction | AnswerStranger) -> CaseNumber | None:
    """The case that an action names; None for a new one, or none."""
    return None if isinstance(action, OpenCase | AnswerStranger) else action.case


def _open(draft: _Draft, action: OpenCase) -> Change:
    flow = draft.policy.workflow
    draft.add(
        "opened",
        to_status=flow.initial,
        subject=action.incoming.subject,
        type=flow.opens,
        account=draft.facts.account.number,
        reporter=str(action.contact.party),
        team=draft.facts.account.team or draft.policy.first_team,
        channel="mail",
    )
    for contact in action.incoming.joining:
        draft.join(contact.party)
    draft.tell(NoticeKind.CASE_OPENED, _news(action.incoming, draft.actor))
    return draft.done(_inbound(draft.actor, action.incoming))


def _customer_reply(draft: _Draft, action: CustomerReply) -> Change:
    before = draft.now.status
    draft.add("message_received", authenticity=action.incoming.authenticity.value)
    draft.join(action.contact.party)
    for contact in action.incoming.joining:
        draft.join(contact.party)
    row = draft.policy.workflow.find("customer_reply", before, "customer", draft.now.type)
    if row:
        draft.move(row)
    news = _news(action.incoming, draft.actor)
    draft.tell(NoticeKind.CUSTOMER_WROTE, news)
    if row and draft.policy.turn(before) is Turn.NOBODY:  # it lives again: say so to the writer too
        draft.tell(
            NoticeKind.STATUS_CHANGED, News(event="reopen", author=draft.actor, quiet=news.quiet, to_author=True)
        )
    return draft.done(_inbound(draft.actor, action.incoming))


def _agent_reply(draft: _Draft, action: AgentReply) -> Change:
    if not action.text.strip():
        raise Refused("the reply is empty; nothing was sent")
    draft.take(action.actor)
    draft.add("message_sent")
    row = draft.policy.workflow.find("agent_reply", draft.now.status, "vendor", draft.now.type)
    if row:
        draft.move(row)
    news = News(event=None, author=draft.actor, text=action.text, attachments=action.attachments)
    draft.tell(NoticeKind.AGENT_REPLIED, news)
    return draft.done(replace(_outbound(draft, action.text, Direction.OUTBOUND), attachments=action.attachments))


def _note(draft: _Draft, action: AddNote) -> Change:
    if not action.text.strip():
        raise Refused("the note is empty; nothing was written")
    draft.add("note_added")
    draft.tell(NoticeKind.NOTE, News(event=None, author=draft.actor, text=action.text))
    return draft.done(_outbound(draft, action.text, Direction.NOTE))


def _fire(draft: _Draft, action: Fire) -> Change:
    flow, case = draft.policy.workflow, draft.now
    row = flow.find(action.trigger, case.status, "vendor", case.type)
    if row is None:
        possible = ", ".join(flow.possible(case.status, "vendor", case.type)) or "nothing"
        raise Refused(f"case {case.number} is {draft.policy.label(case.status)}; possible: {possible}")
    if draft.policy.turn(row.target) is not Turn.NOBODY:
        draft.take(action.actor)
    if action.text and action.text.strip():
        draft.add("message_sent")
        draft.move(row)
        draft.tell(NoticeKind.AGENT_REPLIED, News(event=row.event, author=draft.actor, text=action.text))
        return draft.done(_outbound(draft, action.text, Direction.OUTBOUND))
    draft.move(row)
    draft.tell(NoticeKind.STATUS_CHANGED, News(event=row.event, author=draft.actor))
    return draft.done()


def _news(incoming: Incoming, author: Party) -> News:
    return News(
        event=None,
        author=author,
        text=incoming.text,
        attachments=incoming.attachments,
        reached=incoming.reached,
        quiet=incoming.quiet,
        answers=incoming.message_id,
    )


def _inbound(author: Party, incoming: Incoming, *, automatic: bool = False) -> Message:
    return Message(
        direction=Direction.INBOUND,
        author=author,
        subject=incoming.subject,
        text=incoming.text,
        quoted=incoming.quoted,
        automatic=automatic,
        authenticity=incoming.authenticity,
        message_id=incoming.message_id,
        intake=incoming.intake,
        attachments=incoming.attachments,
    )


def _outbound(draft: _Draft, text: str, direction: Direction) -> Message:
    return Message(direction=direction, author=draft.actor, subject=draft.now.subject, text=text)
