"""A Case is what its events make of it: `evolve` is the only way in which one changes.

Called by `domain.workflow` for each event it writes, and by `casegate db verify` for whole histories. Total over
every history that `domain.workflow` writes: `fold(events)` equals the stored row.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from gateway.domain.escalation import EscalationKind, EscalationState, Gap, Meetings
from gateway.domain.model import Case, CaseNumber, Escalation, Event, LogEntry, Party


def evolve(case: Case | None, event: Event) -> Case:
    """The case after one more event; `case` is None for its first, `opened`."""
    if case is None:
        return _opened(event)
    changed: dict[str, Any] = {"updated_at": event.at, "version": case.version + 1}
    if event.to_status:
        changed |= _moved(case, event)
    if effect := _EFFECTS.get(event.event):
        changed |= effect(case, event)
    if case.escalation and (effect_there := _ON_ESCALATION.get(event.event)):
        changed["escalation"] = effect_there(case, case.escalation, event)
    return replace(case, **changed)  # once: histories are long, and each copy costs


def fold(events: Iterable[Event]) -> Case | None:
    """The case that a whole history makes; None for an empty one."""
    case = None
    for event in events:
        case = evolve(case, event)
    return case


def _opened(event: Event) -> Case:
    detail = event.detail
    follows = detail.get("follow_up_of")
    return Case(
        number=event.case,
        subject=detail["subject"],
        type=detail["type"],
        status=event.to_status or "",
        account=detail["account"],
        reporter=Party.parse(detail["reporter"]),
        team=detail["team"],
        channel=detail["channel"],
        priority=detail.get("priority"),
        category=detail.get("category"),
        product=detail.get("product"),
        product_version=detail.get("product_version"),
        environment=detail.get("environment"),
        follow_up_of=CaseNumber(follows) if follows is not None else None,
        created_at=event.at,
        updated_at=event.at,
        status_since=event.at,
        stay=1,
        version=1,
    )


def _moved(case: Case, event: Event) -> dict[str, Any]:
    """In another status: a new stay, with whatever time it ends at."""
    until = event.detail.get("until")
    return {
        "status": event.to_status,
        "status_since": event.at,
        "stay": case.version + 1,
        "reminded_at": None,
        "deferred_until": datetime.fromisoformat(until) if until else None,
        "deferred_by": event.actor if until else None,
    }


def _escalation(case: Case, event: Event) -> Escalation:
    return Escalation(
        round=case.escalation.round + 1 if case.escalation else 1,
        kind=EscalationKind(event.detail["kind"]),
        state=EscalationState.REQUESTED,
        reason=event.detail["reason"],
        team=event.detail.get("team"),
        requested_by=event.actor,
        requested_at=event.at,
        told=event.detail.get("team") is None,
    )


def _added(escalation: Escalation, reason: str) -> Escalation:
    """A second request adds its message to the first (SPEC section 10)."""
    if not reason.strip():
        return replace(escalation, told=True)
    return replace(escalation, told=True, reason=f"{escalation.reason}\n\n{reason}".strip())


def _taken(escalation: Escalation, event: Event) -> Escalation:
    manager = Party.parse(event.detail["party"])
    return replace(escalation, state=EscalationState.TAKEN, manager=manager, taken_at=event.at, told=True)


def _moved_on(case: Case, escalation: Escalation) -> Escalation:
    """Who leaves has the meetings cancelled under a higher SEQUENCE, which is that of all later mail about them.

    So that it is new to who comes back (RFC 5546 section 2.1.4).
    """
    if not escalation.is_open or escalation.meetings is None:
        return escalation
    return replace(escalation, meetings=replace(escalation.meetings, sequence=case.version + 1))


def _planned(case: Case, escalation: Escalation, event: Event) -> Escalation:
    """Other meetings move those that are in people's calendars; after an end they are new there."""
    detail, version, before = event.detail, case.version + 1, escalation.meetings
    meetings = Meetings(
        gap=Gap.parse(detail["every"]),
        first=datetime.fromisoformat(detail["at"]),
        zone=detail["zone"],
        channel=detail["place"],
        began=before.began if before else version,
        sequence=version,
        next_at=datetime.fromisoformat(detail["next"]),
        round=version,
    )
    return replace(escalation, meetings=meetings)


def _met(case: Case, escalation: Escalation, event: Event) -> Escalation:
    """People were told of a meeting, or it is past: the next one is waited for."""
    assert escalation.meetings is not None
    later = datetime.fromisoformat(event.detail["next"])
    meetings = replace(escalation.meetings, next_at=later, round=case.version + 1)
    return replace(escalation, meetings=meetings)


def _logged(escalation: Escalation, event: Event) -> Escalation:
    internal = event.detail.get("internal", False)
    entry = LogEntry(at=event.at, author=event.actor, text=event.detail["text"], internal=internal)
    return replace(escalation, log=(*escalation.log, entry), told=escalation.told or not internal)


def _resolved(escalation: Escalation, event: Event) -> Escalation:
    if event.detail["text"]:
        escalation = replace(_logged(escalation, event), told=escalation.told)
    meetings = replace(escalation.meetings, next_at=None) if escalation.meetings else None
    lessons_at = datetime.fromisoformat(event.detail["lessons_at"])
    ended = replace(escalation, state=EscalationState.RESOLVED, resolved_at=event.at, resolved_by=event.actor)
    return replace(ended, meetings=meetings, lessons_at=lessons_at)


def _merged(escalation: Escalation, event: Event) -> Escalation:
    """One that was open goes on with the case that this one went into."""
    if not escalation.is_open:
        return escalation
    meetings = replace(escalation.meetings, next_at=None) if escalation.meetings else None
    return replace(escalation, state=EscalationState.RESOLVED, resolved_at=event.at, meetings=meetings)


_ON_ESCALATION: Mapping[str, Callable[[Case, Escalation, Event], Escalation]] = {
    "escalation_joined": lambda _, known, event: _added(known, event.detail["reason"]),
    "escalation_taken": lambda case, known, event: _moved_on(case, _taken(known, event)),
    **dict.fromkeys(
        ("participant_removed", "reporter_changed", "assigned", "team_changed"),
        lambda case, known, _: _moved_on(case, known),
    ),
    "escalation_untaken": lambda _, known, event: replace(known, reminders=event.detail["step"]),
    "escalation_logged": lambda _, known, event: _logged(known, event),
    "escalation_resolved": lambda _, known, event: _resolved(known, event),
    "meetings_planned": _planned,
    "meeting_reminded": _met,
    "meetings_missed": _met,
    "meetings_stopped": lambda _, known, __: replace(known, meetings=None),
    "merged": lambda _, known, event: _merged(known, event),
}
"""What an event changes about the newest escalation of a case."""

_EFFECTS: Mapping[str, Callable[[Case, Event], dict[str, Any]]] = {
    "participant_added": lambda case, event: {
        "participants": (*case.participants, Party.parse(event.detail["party"])),
    },
    "participant_removed": lambda case, event: {
        "participants": tuple(party for party in case.participants if str(party) != event.detail["party"]),
    },
    "reporter_changed": lambda _, event: {"reporter": Party.parse(event.detail["reporter"])},
    "assigned": lambda _, event: {"assignee": Party.parse(event.detail["assignee"])},
    "team_changed": lambda _, event: {"assignee": None, "team": event.detail["team"]},
    "type_changed": lambda _, event: {name: event.detail[name] for name in ("type", "priority", "category")},
    "priority_changed": lambda _, event: {"priority": event.detail["priority"]},
    "planned": lambda _, event: {"planned_at": datetime.fromisoformat(event.detail["at"])},
    "described": lambda _, event: {name: value or None for name, value in event.detail.items()},
    "reminded": lambda _, event: {"reminded_at": event.at},
    "merged": lambda _, event: {"merged_into": CaseNumber(event.detail["into"])},
    "erased": lambda case, _: {"updated_at": case.updated_at},  # no news of the case: lists keep their order
    "followed_up": lambda _, event: {"followed_by": CaseNumber(event.detail["by"])},
    "linked": lambda case, event: {"links": (*case.links, CaseNumber(event.detail["other"]))},
    "escalated": lambda case, event: {"escalation": _escalation(case, event)},
    "approval_requested": lambda case, event: {"awaits": (*case.awaits, event.detail["approval"])},
    "approval_answered": lambda case, event: {
        "awaits": tuple(id_ for id_ in case.awaits if id_ != event.detail["approval"]),
    },
}
"""What an event changes beside the status; any other changes nothing else."""

CHANGES_ESCALATION = frozenset({"escalated", *_ON_ESCALATION})
"""The events after which the newest escalation of a case is another."""
