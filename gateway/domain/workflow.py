"""What an Action on a case changes: `decide` looks at facts and rules and writes nothing.

Called by `services.perform` only. Which statuses and transitions exist is data (`rules/<set>/workflow.toml`).
Here is what people write and trigger; what agents change about a case beside that is in `domain.shaping`.
"""

from dataclasses import asdict, replace
from datetime import timedelta
from itertools import count
from typing import assert_never

from gateway.domain import escalating, notices, shaping
from gateway.domain.actions import (
    AddNote,
    AgentReply,
    Assign,
    CaseAction,
    Change,
    ChangeParticipants,
    ChangePriority,
    ChangeType,
    CustomerReply,
    DeliveryFailed,
    Describe,
    Elapse,
    Escalate,
    Fire,
    Incoming,
    LevelReached,
    Link,
    Merge,
    OpenCase,
    OpenFor,
    Plan,
    RecordAutomatic,
    Split,
    Stamp,
)
from gateway.domain.agent_mail import ByMail
from gateway.domain.case_actions import RecordRequest
from gateway.domain.draft import Draft
from gateway.domain.escalation_actions import LogProgress, PlanMeetings, ResolveEscalation, TakeEscalation
from gateway.domain.facts import CaseFacts
from gateway.domain.model import SYSTEM, Attachment, Direction, Message, NoticeKind, Party, TimerKind, Turn, timestamp
from gateway.domain.notices import News
from gateway.domain.people_actions import AnswerStranger
from gateway.domain.phrases import Phrase
from gateway.domain.policy import Policy
from gateway.domain.recording import record
from gateway.domain.waiting import timers_of
from gateway.domain.words import LevelWords, duration
from gateway.errors import Refused

LONGEST_REPLY = 500_000
"""Bytes of an agent's text that a mail carries whole; mails cut what is longer than a megabyte."""

LATE = timedelta(minutes=1)
"""Who is told of a level so long after it was reached is told late."""

WORDS_OF_PEOPLE = frozenset({"customer_reply", "agent_reply"})
"""Events that a message brings with it; nobody triggers one without writing."""


def decide(action: CaseAction, facts: CaseFacts, policy: Policy, stamp: Stamp, cause: str, step: int) -> Change:
    """What this action changes; its events count on from `step`. Raises Refused, naming what is possible."""
    draft = Draft(facts, policy, stamp, cause, count(step), actor=actor_of(action), case=facts.case)
    if draft.case and draft.case.merged_into is not None and not isinstance(action, Elapse):
        raise Refused(
            Phrase(
                "case {number} was merged into {other}; work on that one",
                number=draft.case.number,
                other=draft.case.merged_into,
            )
        )
    match action:
        case OpenCase() | CustomerReply() | RecordAutomatic() | DeliveryFailed():
            return _by_mail(draft, action)
        case AgentReply() | AddNote() | Fire():
            return _by_hand(draft, action)
        case Elapse():
            return _elapse(draft, action)
        case RecordRequest():
            return record(draft, action)
        case OpenFor() | ChangeType() | ChangePriority() | Plan() | Describe() | Assign() | ChangeParticipants():
            return shaping.shape(draft, action)
        case Merge() | Split() | Link():
            return shaping.join_or_part(draft, action)
        case Escalate() | TakeEscalation() | PlanMeetings() | LogProgress() | ResolveEscalation():
            return escalating.decide(draft, action)
    assert_never(action)


def actor_of(action: CaseAction) -> Party:
    """Who is behind an action."""
    match action:
        case OpenCase() | CustomerReply() | RecordAutomatic() | RecordRequest():
            return action.contact.party
        case DeliveryFailed() | Elapse():
            return SYSTEM
        case _:
            return action.actor


def answer_stranger(action: AnswerStranger, policy: Policy) -> Change:
    """The polite answer; it belongs to no case."""
    return Change(notices=notices.for_stranger(action.address, action.message_id, policy))


def _by_mail(draft: Draft, action: OpenCase | CustomerReply | RecordAutomatic | DeliveryFailed) -> Change:
    match action:
        case OpenCase():
            return _open(draft, action)
        case CustomerReply():
            return _customer_reply(draft, action)
        case RecordAutomatic():
            draft.add("automatic_received")
            return draft.done(_inbound(draft.actor, action.incoming, automatic=True))
        case DeliveryFailed():
            return _delivery_failed(draft, action)


def _by_hand(draft: Draft, action: AgentReply | AddNote | Fire) -> Change:
    match action:
        case AgentReply():
            return _agent_reply(draft, action)
        case AddNote():
            return _note(draft, action)
        case Fire():
            return _fire(draft, action)


def _delivery_failed(draft: Draft, action: DeliveryFailed) -> Change:
    """What the clocks must know is noted too: a lost answer to the reporter is no answer (SPEC section 6).

    Agents are told of mail to customers. Of mail to agents nobody is: two of them without a mailbox would never end.
    """
    reporter = draft.facts.contacts.get(draft.now.reporter)
    draft.add(
        "delivery_failed",
        recipient=action.recipient,
        error=action.error,
        cause=action.owed_by,
        reporter=reporter is not None and action.recipient in reporter.addresses,
    )
    if all(agent.address != action.recipient for agent in draft.facts.agents.values()):
        draft.tell(NoticeKind.DIGEST, News(event=None, author=SYSTEM, text=f"{action.recipient}: {action.error}"))
    return draft.done()


def _open(draft: Draft, action: OpenCase) -> Change:
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
        **{name: value for name, value in asdict(action.about).items() if value},
        **({"follow_up_of": action.follows} if action.follows is not None else {}),
    )
    _warn(draft, action.incoming)
    for party in action.incoming.joining:
        draft.join(party)
    news = replace(_news(action.incoming, draft.actor), other=action.follows, out_of_hours=draft.is_closed)
    draft.tell(NoticeKind.CASE_OPENED, news)
    _tell_refused(draft, news)
    return draft.done(_inbound(draft.actor, action.incoming), also=_followed(draft, action))


def _tell_refused(draft: Draft, news: News) -> None:
    """Who sent a file that we did not take learns it, at least in the mail that says something else as well."""
    if any(file.is_refused for file in news.attachments):
        draft.tell(NoticeKind.ATTACHMENT_REFUSED, news)


def _warn(draft: Draft, incoming: Incoming) -> None:
    """For agents alone: whoever wrote this has seen mail of another account (SPEC section 7, "Threading")."""
    if incoming.foreign:
        draft.add("foreign_token", cases=list(incoming.foreign))


def _followed(draft: Draft, action: OpenCase) -> tuple[Change, ...]:
    """The old case learns of its follow-up, so that a second late answer goes there as well."""
    if action.follows is None:
        return ()
    old = draft.beside()
    old.add("followed_up", by=draft.facts.number)
    return (old.done(),)


def _customer_reply(draft: Draft, action: CustomerReply) -> Change:
    before = draft.now.status
    renamed = {"subject": action.incoming.subject} if draft.facts.is_renamed else {}
    draft.add("message_received", authenticity=action.incoming.authenticity.value, **renamed)
    _warn(draft, action.incoming)
    draft.join(action.contact.party)
    for party in action.incoming.joining:
        draft.join(party)
    only_thanks = action.incoming.only_thanks and draft.policy.workflow.status(before).settled
    stays = only_thanks or action.incoming.keeps_status
    row = None if stays else draft.find("customer_reply")
    if row:
        draft.move(row)
    news = replace(_news(action.incoming, draft.actor), renamed=renamed.get("subject"))
    draft.tell(NoticeKind.CUSTOMER_WROTE, news)
    _tell_refused(draft, news)
    if row and draft.policy.turn(before) is Turn.NOBODY:  # it lives again: say so to the writer too
        draft.tell(
            NoticeKind.STATUS_CHANGED, News(event="reopen", author=draft.actor, quiet=news.quiet, to_author=True)
        )
    return draft.done(_inbound(draft.actor, action.incoming))


def _agent_reply(draft: Draft, action: AgentReply) -> Change:
    if not action.text.strip():
        raise Refused(Phrase("the reply is empty; nothing was sent"))
    _must_fit(action.text)
    draft.take(action.actor)
    draft.add("message_sent")
    if row := draft.find("agent_reply"):
        draft.move(row)
    return _said(draft, action.text, action.mail, attachments=action.attachments)


def _said(
    draft: Draft, text: str, mail: ByMail | None, event: str | None = None, attachments: tuple[Attachment, ...] = ()
) -> Change:
    """An agent's words on their way to the customer; whom a mail reached by itself needs no copy."""
    files = attachments or (mail.attachments if mail else ())
    reached = mail.reached if mail else frozenset()
    news = News(event=event, author=draft.actor, text=text, attachments=files, reached=reached)
    draft.tell(NoticeKind.AGENT_REPLIED, news)
    return draft.done(replace(_outbound(draft, text, Direction.OUTBOUND, mail), attachments=files))


def _must_fit(text: str) -> None:
    if len(text.encode("utf-8", "replace")) > LONGEST_REPLY:
        raise Refused(Phrase("the reply is too long for one mail; send the long part as a file with --attach"))


def _note(draft: Draft, action: AddNote) -> Change:
    if not action.text.strip():
        raise Refused(Phrase("the note is empty; nothing was written"))
    draft.add("note_added")
    message = _outbound(draft, action.text, Direction.NOTE, action.mail)
    news = News(event=None, author=draft.actor, text=action.text, attachments=message.attachments)
    draft.tell(NoticeKind.NOTE, news)
    return draft.done(message)


def _fire(draft: Draft, action: Fire) -> Change:
    row = None if action.trigger in WORDS_OF_PEOPLE else draft.find(action.trigger)
    if row is None:
        raise draft.refuse()
    if action.until is not None and action.until <= draft.stamp.at:
        raise Refused(Phrase("{time} UTC is past; name a later time", time=f"{action.until:%Y-%m-%d %H:%M}"))
    says = bool(action.text and action.text.strip())
    if row.event == "start" or says:
        draft.take(action.actor)
    until = {"until": timestamp(action.until)} if action.until else {}
    if action.text and says:
        _must_fit(action.text)
        draft.add("message_sent")
        draft.move(row, **until)
        return _said(draft, action.text, action.mail, event=row.event)
    draft.move(row, **until)
    draft.tell(NoticeKind.STATUS_CHANGED, News(event=row.event, author=draft.actor))
    return draft.done()


def _elapse(draft: Draft, action: Elapse) -> Change:
    """A timer is due. One that the case does not wait for any more changes nothing."""
    if action.level is not None:
        return _level(draft, action, action.level)
    if not any(
        (timer.kind, timer.round) == (action.kind, action.round) for timer in timers_of(draft.now, draft.policy)
    ):
        return Change()
    match action.kind:
        case TimerKind.ESCALATION_UNTAKEN | TimerKind.MEETING | TimerKind.LESSONS:
            return escalating.elapse(draft, action)
        case TimerKind.WAKE:
            draft.actor = draft.now.deferred_by or SYSTEM
            if row := draft.find("reopen"):
                draft.move(row)
                draft.tell(NoticeKind.STATUS_CHANGED, News(event=row.event, author=draft.actor, to_author=True))
        case TimerKind.AUTO_CLOSE:
            if row := draft.find("auto_close"):
                draft.move(row)
                draft.tell(NoticeKind.STATUS_CHANGED, News(event=row.event, author=draft.actor))
        case TimerKind.CUSTOMER_REMINDER | TimerKind.AUTO_CLOSE_REMINDER:
            draft.add("reminded", kind=action.kind.value)
            closes = [timer for timer in timers_of(draft.now, draft.policy) if timer.kind is TimerKind.AUTO_CLOSE]
            at = closes[0].due_at if closes else None
            draft.tell(NoticeKind.REMINDER, News(event=action.kind.value, author=draft.actor, when=at))
    return draft.done()


def _level(draft: Draft, action: Elapse, level: LevelReached) -> Change:
    """So much of a promised time is used; who is told late is told so (SPEC section 6)."""
    is_late = draft.stamp.at - level.reached_at > LATE
    at = timestamp(level.reached_at)
    draft.add("sla_level", clock=action.kind.value, level=level.percent, at=at, late=is_late)
    words = LevelWords(
        clock=action.kind.value,
        percent=level.percent,
        target=duration(level.target_seconds),
        reached=notices.local_time(level.reached_at, draft.facts.account.timezone),
        due=notices.local_time(level.due_at, draft.facts.account.timezone) if level.due_at else None,
        is_late=is_late,
        is_met=level.is_met,
    )
    draft.tell(NoticeKind.SLA_LEVEL, News(event=None, author=SYSTEM, level=words))
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
        foreign=incoming.foreign,
        encrypted=incoming.encrypted,
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
        encrypted=incoming.encrypted,
        refers_to=() if automatic else incoming.refers_to,
    )


def _outbound(draft: Draft, text: str, direction: Direction, mail: ByMail | None) -> Message:
    """An agent's message; one that came by mail is known by its Message-ID, so that answers to it find the case."""
    said = Message(direction=direction, author=draft.actor, subject=draft.now.subject, text=text)
    if mail is None:
        return said
    return replace(said, message_id=mail.message_id, intake=mail.intake, attachments=mail.attachments)
