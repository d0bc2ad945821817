"""What a case waits for, as rows: written with each change of it, and again at a start by other rules.

It follows from the case, its history and the rules (`domain.waiting`, `domain.deadlines`), and from nothing else.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime

import sqlalchemy as sa

from gateway.domain.actions import LevelReached
from gateway.domain.deadlines import deadlines
from gateway.domain.model import Case, CaseNumber, Turn
from gateway.domain.policy import Policy
from gateway.domain.timer import Timer, TimerKey
from gateway.domain.waiting import has_deadlines, statuses_that_wait, timers_of
from gateway.store import load, load_people, save, timers


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All that a case waits for, and when the first of its SLA clocks is due; `levels` belong to timers of clocks."""

    timers: tuple[Timer, ...]
    due_at: datetime | None = None
    levels: dict[TimerKey, LevelReached] = field(default_factory=dict)


def wanted(tx: sa.Connection, policy: Policy, case: Case, now: datetime) -> Wanted:
    """What this case waits for by the rules in force; those of its timers that spoke already are among it."""
    own = timers_of(case, policy)
    if not has_deadlines(case, policy):
        return Wanted(timers=own)
    history = load.events(tx, case.number)[case.number]
    calendar = load_people.account(tx, case.account).calendar
    waiting = {timer.key for timer in timers.kept(tx, (case.number,))[case.number].pending}
    found = deadlines(history, policy, calendar, now, waiting)
    return Wanted(
        timers=(*own, *(timer for timer, _ in found.levels)),
        due_at=found.due_at,
        levels={timer.key: level for timer, level in found.levels},
    )


def is_right(tx: sa.Connection, policy: Policy, case: Case, now: datetime) -> bool:
    """True if the rows of this case say what it waits for by the rules in force."""
    found = wanted(tx, policy, case, now)
    kept = timers.kept(tx, (case.number,))[case.number]
    return kept.is_right(found.timers) and load.due_at(tx, case.number) == found.due_at


def has_rules(tx: sa.Connection, policy: Policy) -> bool:
    """True if these are the rules by which what all cases wait for was made."""
    return timers.rules_in_force(tx) == rules_digest(policy)


def concerned(tx: sa.Connection, policy: Policy) -> Sequence[CaseNumber]:
    """The cases that wait for something, or may by these rules."""
    flow = policy.workflow
    ours = [status.name for status in flow.statuses if status.turn is Turn.VENDOR]
    promised = [kind.name for kind in flow.types if kind.sla is not None]
    return timers.waiting_cases(tx, statuses_that_wait(policy), with_sla=(ours, promised))


def broken_waits(tx: sa.Connection, policy: Policy, now: datetime) -> list[str]:
    """What `db verify` finds: cases that wait for something else than their histories and the rules say.

    After a change of the rules it says nothing before a daemon has started with them.
    """
    if not has_rules(tx, policy):
        return []
    found = load.cases(tx, concerned(tx, policy)).values()
    wrong = [case.number for case in found if not is_right(tx, policy, case, now)]
    return [f"case {number} has other timers or another due time than its history makes" for number in wrong]


def rules_digest(policy: Policy) -> str:
    """Two rule sets with the same digest have every case wait for the same."""
    rules = (policy.workflow, policy.sla, policy.escalations, policy.auto_close_days, policy.customer_reminder_days)
    return hashlib.sha256(repr(_plain(rules)).encode()).hexdigest()


def _plain(value: object) -> object:
    """A value of rules in an order of its own: sets have none."""
    if is_dataclass(value):
        return [_plain(getattr(value, one.name)) for one in fields(value)]
    if isinstance(value, Mapping):
        return sorted((repr(_plain(key)), repr(_plain(one))) for key, one in value.items())
    if isinstance(value, frozenset):
        return sorted(repr(_plain(one)) for one in value)
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else str(value)


def renew(tx: sa.Connection, policy: Policy, case: Case, now: datetime) -> None:
    """From now on the case waits for what follows from where it stands; its events are written already."""
    found = wanted(tx, policy, case, now)
    timers.replace(tx, case.number, found.timers)
    save.due_at(tx, case.number, found.due_at)
