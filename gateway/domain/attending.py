"""The meetings of an escalation as people's calendars have them, and what mail says of it (SPEC section 10).

For `domain.escalating` and `domain.draft`. Promises: the same meetings keep their UID; what is sent later about them has
no lower SEQUENCE (RFC 5546 section 2.1.4).
"""

from dataclasses import replace
from datetime import datetime

from gateway.domain import notices
from gateway.domain.escalation import GapUnit, Meetings
from gateway.domain.facts import CaseFacts
from gateway.domain.model import Case, Escalation
from gateway.domain.words import Appointment, EscalationWords

_FREQUENCIES = {GapUnit.DAY: "DAILY", GapUnit.WEEK: "WEEKLY"}


def series(case: Case, facts: CaseFacts, meetings: Meetings) -> Appointment:
    """The series as calendars keep it. No calendar program that matters repeats by the hour: that is one that moves."""
    frequency = _FREQUENCIES.get(meetings.gap.unit)
    return Appointment(
        uid=f"escalation-{case.number}-{meetings.began}",
        sequence=meetings.sequence,
        at=meetings.first,
        summary=_summary(case, facts),
        method="REQUEST",
        zone=meetings.zone,
        rule=f"FREQ={frequency};INTERVAL={meetings.gap.amount}" if frequency else "",
        place=meetings.channel,
    )


def one_meeting(case: Case, facts: CaseFacts, meetings: Meetings) -> Appointment:
    """One of the series, which changes nothing about it; or, without one, the meeting moved to its next time."""
    assert meetings.next_at is not None
    found = replace(series(case, facts, meetings), at=meetings.next_at)
    if found.rule:
        return replace(found, rule="", is_one_of=True)
    return replace(found, sequence=case.version)


def lessons(case: Case, facts: CaseFacts, at: datetime) -> Appointment:
    """The meeting at which people learn from the case's newest escalation."""
    asked = case.escalation
    assert asked is not None
    return Appointment(
        uid=f"lessons-{case.number}-{asked.round}",
        sequence=case.version,
        at=at,
        summary=_summary(case, facts),
        method="REQUEST",
        zone=facts.account.timezone,
        place=asked.meetings.channel if asked.meetings else "",
    )


def words_of(known: Escalation, facts: CaseFacts, event: str, now: datetime) -> EscalationWords:
    """What mail says of an escalation of which this became."""
    zone = facts.account.timezone
    meetings = known.meetings if known.is_open else None
    following = meetings.next_after(now) if meetings else None
    return EscalationWords(
        event=event,
        kind=known.kind.value,
        requester=notices.name_of(known.requested_by, facts),
        since=notices.local_time(known.requested_at, zone),
        team=known.team,
        manager=notices.name_of(known.manager, facts) if known.manager else None,
        amount=meetings.gap.amount if meetings else 0,
        unit=meetings.gap.unit.value if meetings else "",
        meeting=notices.local_time(following, zone) if following else None,
        channel=meetings.channel if meetings else "",
        lessons=notices.local_time(known.lessons_at, zone) if known.lessons_at else None,
    )


def _summary(case: Case, facts: CaseFacts) -> str:
    """With the token in front, so that what a calendar program answers finds its case."""
    return f"{facts.token} {case.subject}"
