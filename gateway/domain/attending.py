"""The meetings of an escalation as people's calendars have them, and what mail says of it (SPEC section 10).

For `domain.escalating` and `domain.draft`. Promises: the same meetings keep their UID; what is sent later about them has
no lower SEQUENCE (RFC 5546 section 2.1.4).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from gateway.domain import notices
from gateway.domain.escalation import GapUnit, Meetings
from gateway.domain.facts import CaseFacts, is_theirs
from gateway.domain.model import SYSTEM, Case, Escalation, NoticeKind, Party, PartyKind
from gateway.domain.notices import News
from gateway.domain.policy import Policy
from gateway.domain.words import Appointment, CaseWords, EscalationWords, Notice

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


def comings_and_goings(
    before: Case | None, after: Case, facts: CaseFacts, policy: Policy, now: datetime
) -> tuple[Notice, ...]:
    """Mail to who came to a case, or left it, while its people are going to meet (RFC 5546 sections 3.2.2.6 and 3.2.5).

    Who came gets the entry as it is now; who left has it taken away, unless no mail about the case may go there any more.
    Of meetings that begin or end just now everybody is told by `domain.escalating`.
    """
    entry = _entry(after, facts, now)
    known = _entry(before, facts, now) if before else None
    if before is None or entry is None or known is None or entry.uid != known.uid:
        return ()
    had, has = _attendees(before), _attendees(after)
    gone = replace(entry, method="CANCEL", rule="")
    still = frozenset(party for party in had - has if _may_still_hear(party, after, facts))
    left = _news("uninvited", gone, before, facts, now, still)
    came = _news("invited", entry, after, facts, now, has - had)
    return (
        *_told(left, before, _addresses(has, facts), facts, policy),
        *_told(came, after, _addresses(had, facts), facts, policy),
    )


def _may_still_hear(party: Party, case: Case, facts: CaseFacts) -> bool:
    """Agents, and contacts whose own case it is. To others it is closed from now on (SPEC section 3)."""
    contact = facts.contacts.get(party)
    return party.kind is PartyKind.AGENT or (contact is not None and is_theirs(case, contact))


def _news(
    event: str, entry: Appointment, case: Case, facts: CaseFacts, now: datetime, parties: frozenset[Party]
) -> News:
    assert case.escalation is not None
    words = words_of(case.escalation, facts, event, now)
    return News(event=event, author=SYSTEM, appointment=entry, escalation=words, only=parties)


def _told(news: News, case: Case, others: frozenset[str], facts: CaseFacts, policy: Policy) -> tuple[Notice, ...]:
    """Mail to those whom the news is for, but not to `others`: somebody may come and go at once, under one address."""
    if not news.only:
        return ()
    wanted = _addresses(news.only, facts) - others
    found = notices.for_case(NoticeKind.ESCALATION, news, case, facts, policy)
    return tuple(_alone(notice) for notice in found if notice.recipient in wanted)


def _alone(notice: Notice) -> Notice:
    """It is for its reader alone, who may have nothing to say on the case any more."""
    assert isinstance(notice.words, CaseWords)
    return replace(notice, words=replace(notice.words, others=(), actions=()))


def _entry(case: Case, facts: CaseFacts, now: datetime) -> Appointment | None:
    """What stands in the calendars of a case's people now: the series, or the meeting at which they learn from it."""
    asked = case.escalation
    if asked is None or case.merged_into is not None:
        return None
    if asked.is_open and asked.meetings and asked.meetings.next_at:
        found = series(case, facts, asked.meetings)
        return found if found.rule else one_meeting(case, facts, asked.meetings)
    return lessons(case, facts, asked.lessons_at) if asked.lessons_at and asked.lessons_at > now else None


def _attendees(case: Case) -> frozenset[Party]:
    """Everyone in whose calendar that stands; customers who never heard of it are not among them."""
    asked = case.escalation
    assert asked is not None
    ours = (asked.manager, asked.resolved_by, case.assignee)
    theirs = (case.reporter, *case.participants) if asked.told else ()
    return frozenset(party for party in (*ours, *theirs) if party)


def _addresses(parties: Iterable[Party], facts: CaseFacts) -> frozenset[str]:
    """Every address under which mail may reach these people."""
    known = [(party, facts.contacts.get(party) or facts.agents.get(party)) for party in parties]
    named = {party.id for party, _ in known if party.kind is PartyKind.EXTERNAL}
    return frozenset(named | {person.address for _, person in known if person})


def _summary(case: Case, facts: CaseFacts) -> str:
    """With the token in front, so that what a calendar program answers finds its case."""
    return f"{facts.token} {case.subject}"
