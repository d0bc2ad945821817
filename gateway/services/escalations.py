"""Read model of escalations: one as `case show` prints it, and all of them for support management. Nothing here writes."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.escalation import EscalationState
from gateway.domain.model import Escalation, Party
from gateway.domain.policy import Policy
from gateway.services.views import Names
from gateway.store import load
from gateway.store import tables as t


@dataclass(frozen=True, slots=True, kw_only=True)
class LogView:
    """An entry of the log; `lessons` says that it was written after the end."""

    at: datetime
    author: str
    author_name: str
    text: str
    internal: bool
    lessons: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationView:
    """The newest call for more than a case's agent. `at` is the local time of the meetings in `timezone`."""

    state: str
    kind: str
    manager: str | None
    manager_name: str | None
    reason: str
    every: str | None
    at: str | None
    channel: str | None
    next_meeting_at: datetime | None
    log: tuple[LogView, ...]
    requested_by: str
    requested_at: datetime
    team: str | None
    taken_at: datetime | None
    resolved_at: datetime | None
    lessons_at: datetime | None
    timezone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalated:
    """An escalation in the list of all, with what one must know of its case."""

    case: int
    subject: str
    account: str
    priority: str | None
    status_label: str
    escalation: EscalationView


def escalations(tx: sa.Connection, policy: Policy, now: datetime, *, resolved: bool = False) -> tuple[Escalated, ...]:
    """Those that are open, the oldest first; with `resolved` also the newest one of each case that has none open."""
    chosen = select(t.escalation.c.case_number)
    if not resolved:
        chosen = chosen.where(t.escalation.c.state != EscalationState.RESOLVED)
    found = [(case, one) for case in load.cases(tx, tx.scalars(chosen).all()).values() if (one := case.escalation)]
    found.sort(key=lambda pair: (not pair[1].is_open, pair[1].requested_at, pair[0].number))
    names = Names(tx, set[Party]().union(*(people_of(one) for _, one in found)))
    return tuple(
        Escalated(
            case=case.number,
            subject=case.subject,
            account=case.account,
            priority=case.priority,
            status_label=policy.label(case.status),
            escalation=escalation_view(one, names, now),
        )
        for case, one in found
    )


def people_of(one: Escalation | None) -> set[Party]:
    """Everyone whom an escalation names."""
    if one is None:
        return set()
    return {one.requested_by, *([one.manager] if one.manager else []), *(entry.author for entry in one.log)}


def escalation_view(of: Escalation, names: Names, now: datetime) -> EscalationView:
    """One escalation, its next meeting as of `now`; `names` knows `people_of` it."""
    meetings = of.meetings
    is_planned = meetings is not None and meetings.next_at is not None
    return EscalationView(
        state=of.state,
        kind=of.kind,
        manager=names.address(of.manager) if of.manager else None,
        manager_name=names.name(of.manager) if of.manager else None,
        reason=of.reason,
        every=str(meetings.gap) if meetings else None,
        at=meetings.at if meetings else None,
        channel=meetings.channel if meetings else None,
        next_meeting_at=meetings.next_after(now) if meetings and is_planned else None,
        log=tuple(
            LogView(
                at=entry.at,
                author=names.address(entry.author),
                author_name=names.name(entry.author),
                text=entry.text,
                internal=entry.internal,
                lessons=of.resolved_at is not None and entry.at > of.resolved_at,
            )
            for entry in of.log
        ),
        requested_by=names.address(of.requested_by),
        requested_at=of.requested_at,
        team=of.team,
        taken_at=of.taken_at,
        resolved_at=of.resolved_at,
        lessons_at=of.lessons_at,
        timezone=meetings.zone if meetings else None,
    )
