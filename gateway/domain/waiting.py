"""What a case waits for: its timers, as they follow from where it stands (SPEC sections 5.1 and 5.3)."""

from datetime import datetime, timedelta

from gateway.domain.escalation import EscalationState
from gateway.domain.model import Case, TimerKind, Turn
from gateway.domain.policy import Policy
from gateway.domain.timer import Timer


def timers_of(case: Case, policy: Policy) -> tuple[Timer, ...]:
    """All that the case waits for, each in the round of its present stay; () for a merged one."""
    if case.merged_into is not None:
        return ()
    if case.deferred_until is not None:  # and nothing else: no reminder about a deferred case leaves
        return (Timer(kind=TimerKind.WAKE, case=case.number, round=case.stay, due_at=case.deferred_until),)
    timers = []
    asked = policy.turn(case.status) is Turn.CUSTOMER and not case.awaits  # an open approval has a reminder of its own
    if asked and policy.customer_reminder_days and case.reminded_at is None:
        due = case.status_since + timedelta(days=policy.customer_reminder_days)
        timers.append(Timer(kind=TimerKind.CUSTOMER_REMINDER, case=case.number, round=case.stay, due_at=due))
    if policy.auto_close_days and policy.workflow.find("auto_close", case.status, "system", case.type):
        timers.append(_closing(case, policy.auto_close_days))
    return (*timers, *_escalated(case, policy))


def statuses_that_wait(policy: Policy) -> frozenset[str]:
    """The statuses in which cases may have timers by the rules in force; a case in any other has none."""
    flow = policy.workflow
    found = {row.target for row in flow.transitions if row.event == "defer"}
    if policy.auto_close_days:
        found |= {name for row in flow.transitions if row.event == "auto_close" for name in row.sources}
    if policy.customer_reminder_days:
        found |= {status.name for status in flow.statuses if status.turn is Turn.CUSTOMER}
    return frozenset(found)


def has_deadlines(case: Case, policy: Policy) -> bool:
    """True for a case under the SLA; one that was merged into another has no time of its own."""
    kind = policy.workflow.type_named(case.type)
    return kind is not None and kind.sla is not None and case.merged_into is None


def is_past_reopening(case: Case, policy: Policy, now: datetime) -> bool:
    """True for a case that stands too long where it stands to be reopened by its customer (SPEC section 5.3)."""
    days = policy.workflow.status(case.status).reopen_days
    return days is not None and now - case.status_since > timedelta(days=days)


def _escalated(case: Case, policy: Policy) -> tuple[Timer, ...]:
    """That somebody takes the escalation, at each step until then; the next meeting of which people are reminded, the last too."""
    asked, rules, timers = case.escalation, policy.escalations, []
    if asked and asked.state is EscalationState.REQUESTED and asked.reminders < len(rules.untaken):
        kind, due = TimerKind.ESCALATION_UNTAKEN, asked.requested_at + rules.untaken[asked.reminders]
        timers.append(Timer(kind=kind, case=case.number, round=asked.round, level=asked.reminders, due_at=due))
    if asked and asked.meetings and asked.meetings.next_at:
        due = asked.meetings.next_at - rules.before_meeting
        timers.append(Timer(kind=TimerKind.MEETING, case=case.number, round=asked.meetings.round, due_at=due))
    if asked and asked.lessons_at:  # there is one only: it has spoken once its row has
        due = asked.lessons_at - rules.before_meeting
        timers.append(Timer(kind=TimerKind.LESSONS, case=case.number, round=asked.round, due_at=due))
    return tuple(timers)


def _closing(case: Case, days: int) -> Timer:
    """First the reminder at half time; once it is sent, the closing, with as much time left to answer."""
    half = timedelta(days=days) / 2
    if case.reminded_at is None:
        due = case.status_since + half
        return Timer(kind=TimerKind.AUTO_CLOSE_REMINDER, case=case.number, round=case.stay, due_at=due)
    due = max(case.status_since + 2 * half, case.reminded_at + half)
    return Timer(kind=TimerKind.AUTO_CLOSE, case=case.number, round=case.stay, due_at=due)
