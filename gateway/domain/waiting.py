"""What a case waits for: its timers, as they follow from where it stands (SPEC sections 5.1 and 5.3)."""

from datetime import timedelta

from gateway.domain.model import Case, Timer, TimerKind, Turn
from gateway.domain.policy import Policy


def timers_of(case: Case, policy: Policy) -> tuple[Timer, ...]:
    """All that the case waits for, each in the round of its present stay; () for a merged one."""
    if case.merged_into is not None:
        return ()
    timers = []
    if case.deferred_until is not None:
        timers.append(Timer(kind=TimerKind.WAKE, case=case.number, round=case.stay, due_at=case.deferred_until))
    if policy.turn(case.status) is Turn.CUSTOMER and policy.customer_reminder_days and case.reminded_at is None:
        due = case.status_since + timedelta(days=policy.customer_reminder_days)
        timers.append(Timer(kind=TimerKind.CUSTOMER_REMINDER, case=case.number, round=case.stay, due_at=due))
    if policy.auto_close_days and policy.workflow.find("auto_close", case.status, "system", case.type):
        timers.append(_closing(case, policy.auto_close_days))
    return tuple(timers)


def _closing(case: Case, days: int) -> Timer:
    """First the reminder at half time; once it is sent, the closing, with as much time left to answer."""
    half = timedelta(days=days) / 2
    if case.reminded_at is None:
        due = case.status_since + half
        return Timer(kind=TimerKind.AUTO_CLOSE_REMINDER, case=case.number, round=case.stay, due_at=due)
    due = max(case.status_since + 2 * half, case.reminded_at + half)
    return Timer(kind=TimerKind.AUTO_CLOSE, case=case.number, round=case.stay, due_at=due)
