"""What becomes of an escalation: asked for, taken, with meetings planned and a log kept, until it is over (SPEC section 10).

`domain.workflow` decides by it, `domain.shaping` where a type or a merge brings one. Promises: a case has at most one
that is open; what nobody took reminds people at each step once; what is internal is in no mail to a customer.
"""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from gateway.domain import attending
from gateway.domain.actions import Change, Elapse, Escalate
from gateway.domain.draft import Draft
from gateway.domain.escalation import EscalationKind, EscalationState, Meetings
from gateway.domain.escalation_actions import (
    EscalationAction,
    LogProgress,
    PlanMeetings,
    ResolveEscalation,
    TakeEscalation,
)
from gateway.domain.kinds import MANAGERS, must_be
from gateway.domain.model import SYSTEM, Agent, Escalation, NoticeKind, Party, PartyKind, TimerKind, timestamp
from gateway.domain.notices import News
from gateway.errors import Refused

LONGEST_ENTRY = 100_000
"""Bytes of an entry of the log."""


def decide(draft: Draft, action: EscalationAction | Escalate) -> Change:
    """What an action about an escalation changes."""
    match action:
        case Escalate():
            escalate(draft, action.kind, action.reason)
        case TakeEscalation():
            _take(draft)
        case PlanMeetings():
            _plan(draft, action.meetings)
        case LogProgress():
            _log(draft, action)
        case ResolveEscalation():
            _resolve(draft, action)
        case _:
            assert_never(action)
    return draft.done()


def escalate(draft: Draft, kind: EscalationKind, reason: str, team: str | None = None) -> None:
    """Ask for more than the case's agent can do, or add to what was asked (SPEC section 10).

    A fault for a `team` is no matter for the customer yet: nobody there is told, nor called in.
    """
    known = draft.now.escalation
    is_new = not (known and known.is_open)
    if is_new:
        draft.add("escalated", kind=kind.value, reason=reason, team=team)
    else:
        draft.add("escalation_joined", kind=kind.value, reason=reason)
    draft.wake()
    if team is None:
        call_incident_managers(draft)
    by_customer = draft.actor.kind is PartyKind.CONTACT
    news = News(
        event="escalated" if is_new else "joined",
        author=draft.actor,
        text=reason if by_customer else "",  # what agents write among themselves stays with them
        inside=reason,
        to_author=by_customer,
        only=None if team is None else frozenset(),
    )
    _tell(draft, news)


def call_incident_managers(draft: Draft) -> None:
    """Those of the account become participants, while they count."""
    for contact in draft.facts.incident_managers:
        draft.join(contact.party)


def carry_over(draft: Draft, into: Draft) -> None:
    """The open escalation of a case that is merged goes on with the other one; its meetings leave the calendars."""
    old, there = draft.now.escalation, into.now.escalation
    if old is None or not old.is_open:
        return
    _cancel(draft)
    if there and there.is_open:
        into.add("escalation_joined", kind=old.kind.value, reason=old.reason)
        return
    into.add("escalated", kind=old.kind.value, reason=old.reason, team=old.team)
    if old.manager is not None:
        into.add("escalation_taken", party=str(old.manager))
    else:
        _tell(into, News(event="escalated", author=draft.actor, inside=old.reason, only=frozenset()))


def elapse(draft: Draft, action: Elapse) -> Change:
    """Nobody took it in time, or people meet soon. Of meetings that passed in the dark nobody is told."""
    now, known = draft.stamp.at, _known(draft)
    if action.kind is TimerKind.ESCALATION_UNTAKEN:
        passed = [step for step in draft.policy.escalations.untaken if known.requested_at + step <= now]
        draft.add("escalation_untaken", step=max(len(passed), known.reminders + 1))
        _tell(draft, News(event="untaken", author=SYSTEM, inside=known.reason))
    elif action.kind is TimerKind.LESSONS:
        _remind_of_lessons(draft, known)
    elif known.meetings and (meeting := known.meetings.next_at):
        if meeting <= now:
            later = known.meetings.next_after(now)
            draft.add("meetings_missed", meeting=timestamp(meeting), next=timestamp(later))
        else:
            later = known.meetings.next_after(meeting)
            draft.add("meeting_reminded", meeting=timestamp(meeting), next=timestamp(later))
            found = attending.one_meeting(draft.now, draft.facts, known.meetings)
            _tell(draft, News(event="meeting", author=SYSTEM, when=meeting, appointment=found))
    return draft.done()


def is_out_of_hours(draft: Draft) -> bool:
    """True for the most urgent priority while the account's calendar is closed (SPEC section 10)."""
    return draft.policy.workflow.is_most_urgent(draft.now.priority) and draft.is_closed


def _take(draft: Draft) -> None:
    actor, known = _manager(draft, "takes escalations"), _open(draft)
    if known.manager != actor.party:
        draft.add("escalation_taken", party=str(actor.party))
        _tell(draft, News(event="taken", author=draft.actor))


def _plan(draft: Draft, wanted: Meetings | None) -> None:
    """Who plans what nobody took takes it."""
    actor, known = _manager(draft, "plans the meetings of escalations"), _open(draft)
    if wanted is None:
        _cancel(draft, event="meetings_stopped")
        return
    if known.meetings and _is_same(known.meetings, wanted):
        return
    if known.state is EscalationState.REQUESTED:
        draft.add("escalation_taken", party=str(actor.party))
    soonest = draft.stamp.at + draft.policy.escalations.before_meeting  # of what is sooner this very mail tells
    draft.add(
        "meetings_planned",
        every=str(wanted.gap),
        at=timestamp(wanted.first),
        zone=wanted.zone,
        place=wanted.channel,
        next=timestamp(wanted.next_after(soonest)),
    )
    meetings = _known(draft).meetings
    assert meetings is not None
    _tell(
        draft, News(event="planned", author=draft.actor, appointment=attending.series(draft.now, draft.facts, meetings))
    )


def _remind_of_lessons(draft: Draft, known: Escalation) -> None:
    """Customers who never heard of the escalation hear nothing of its lessons."""
    at = known.lessons_at
    if at is not None and draft.stamp.at < at:
        draft.add("lessons_reminded", meeting=timestamp(at))
        found = attending.lessons(draft.now, draft.facts, at)
        only = None if known.told else frozenset[Party]()
        _tell(draft, News(event="lessons", author=SYSTEM, when=at, appointment=found, only=only))


def _is_same(one: Meetings, other: Meetings) -> bool:
    """True if people meet as before, whenever the first meeting was."""
    alike = (one.gap, one.zone, one.channel) == (other.gap, other.zone, other.channel)
    return alike and one.next_after(other.first - timedelta(seconds=1)) == other.first


def _log(draft: Draft, action: LogProgress) -> None:
    known = draft.now.escalation
    if known is None:
        raise _none(draft)
    if not action.text.strip():
        raise Refused("the text is empty; nothing was written")
    _must_fit(action.text)
    draft.add("escalation_logged", text=action.text, internal=action.internal)
    if action.internal:
        _tell(draft, News(event="noted", author=draft.actor, inside=action.text))
    else:
        _tell(draft, News(event="logged" if known.is_open else "learned", author=draft.actor, text=action.text))


def _resolve(draft: Draft, action: ResolveEscalation) -> None:
    """Support managers end one; of one that is addressed to a team, its members do as well."""
    known, now = _open(draft), draft.stamp.at
    actor = draft.facts.agents.get(draft.actor)
    if not (actor and actor.active and known.team in actor.teams):
        _manager(draft, "resolves escalations")
    if action.meeting is not None and action.meeting <= now:
        raise Refused(f"{action.meeting:%Y-%m-%d %H:%M} UTC is past; name a later time for the meeting")
    _must_fit(action.text)
    at = action.meeting or draft.policy.escalations.lessons(now, draft.facts.account.timezone, draft.calendar)
    draft.add("escalation_resolved", text=action.text.strip(), lessons_at=timestamp(at))
    appointment = attending.lessons(draft.now, draft.facts, at)
    news = News(event="resolved", author=draft.actor, text=action.text.strip(), appointment=appointment)
    _tell(draft, news if known.told else replace(news, only=frozenset()))  # what customers never heard of ends so
    _cancel(draft)


def _cancel(draft: Draft, event: str | None = None) -> None:
    """Take the planned meetings, if there are any, out of people's calendars."""
    known = _known(draft)
    if known.meetings is None:
        return
    if event is not None:
        draft.add(event)
    gone = replace(
        attending.series(draft.now, draft.facts, known.meetings),
        method="CANCEL",
        sequence=draft.now.version + 1,
        rule="",
    )
    words = replace(attending.words_of(known, draft.facts, "stopped", draft.stamp.at), amount=0, unit="", meeting=None)
    draft.tell(NoticeKind.ESCALATION, News(event="stopped", author=draft.actor, appointment=gone, escalation=words))


def _manager(draft: Draft, does: str) -> Agent:
    actor = draft.facts.agents.get(draft.actor)
    must_be(MANAGERS, does, actor, draft.facts.staff)
    assert actor is not None
    return actor


def _known(draft: Draft) -> Escalation:
    known = draft.now.escalation
    assert known is not None
    return known


def _open(draft: Draft) -> Escalation:
    known = draft.now.escalation
    if known is None or not known.is_open:
        raise _none(draft)
    return known


def _none(draft: Draft) -> Refused:
    number = draft.now.number
    state = "is resolved" if draft.now.escalation else "was never asked for"
    return Refused(f"an escalation of case {number} {state}; `casegate case escalate {number}` asks for one")


def _must_fit(text: str) -> None:
    if len(text.encode("utf-8", "replace")) > LONGEST_ENTRY:
        raise Refused("the text is too long for the log; note it on the case, and name what matters here")


def _tell(draft: Draft, news: News) -> None:
    assert news.event is not None
    words = attending.words_of(_known(draft), draft.facts, news.event, draft.stamp.at)
    words = replace(words, is_urgent=is_out_of_hours(draft))
    draft.tell(NoticeKind.ESCALATION, replace(news, escalation=words))
