"""The events of a case in words, for the conversation and the history. What people typed is made safe here."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.terminal import show

if TYPE_CHECKING:
    from gateway.services.case_view import EventView

Label = Callable[[str], str]

LONGEST = 200
"""Characters of a reason or a value."""

LONGEST_ENTRY = 4_000
"""Characters of an entry of a log, which is there to be read."""

CASEGATE = "Casegate"
"""Who acts where nobody does."""


def actor(entry: "EventView") -> str:
    """Who did it, as people call them."""
    return CASEGATE if entry.actor == "system" else show.line(entry.actor_name, 60)


def cause(entry: "EventView") -> str:
    """What set it off: `mail 17` is of use to whoever looks for it, the random id of a command is not."""
    kind, _, number = entry.cause.partition(":")
    return show.line(f"{kind} {number}" if number.isdecimal() else kind, 40)


def sentence(entry: "EventView", label: Label) -> str:
    """What it did, to follow who did it: `took the case`, `Open → Closed`; "" for a status that stays."""
    says = _SAYS.get(entry.event)
    if not says and not entry.to_status:
        return _plain(entry)
    return " · ".join(filter(None, (says(entry) if says else "", _moved(entry, label))))


def change(entry: "EventView", label: Label) -> str:
    """What it changed, before → after; "" where the name of the event says all."""
    says = _CHANGES.get(entry.event, _SAYS.get(entry.event))
    return " · ".join(filter(None, (says(entry) if says else _details(entry), _moved(entry, label))))


def _moved(entry: "EventView", label: Label) -> str:
    if not entry.to_status or entry.to_status == entry.from_status:
        return ""
    if not entry.from_status:
        return show.line(label(entry.to_status), 60)
    until = entry.detail.get("until")
    back = f" until {_time(until)}" if until else ""
    return f"{show.line(label(entry.from_status), 60)} → {show.line(label(entry.to_status), 60)}{back}"


def _plain(entry: "EventView") -> str:
    """An event that has no sentence: its name and what it says."""
    return " ".join(filter(None, (entry.event.replace("_", " "), _details(entry))))


def _details(entry: "EventView") -> str:
    pairs = [(name, value) for name, value in entry.detail.items() if value not in (None, "", [])]
    return show.line(", ".join(f"{name} {value}" for name, value in pairs), LONGEST)


def _text(entry: "EventView", name: str) -> str:
    value = entry.detail.get(name)
    return "none" if value in (None, "") else show.line(str(value), LONGEST)


def _time(value: Any) -> str:
    try:
        return show.when(datetime.fromisoformat(str(value)))
    except ValueError:
        return show.line(str(value), 40)


def _assigned(entry: "EventView") -> str:
    to = entry.detail.get("assignee")
    return "took the case" if to == entry.actor else f"gave it to {_text(entry, 'assignee')}"


def _type(entry: "EventView") -> str:
    """Only what is new of type, priority and category."""
    before: Any = entry.detail.get("before") or {}
    parts = [
        f"{name} {show.line(str(before.get(name) or 'none'), 60)} → {_text(entry, name)}"
        for name in ("type", "priority", "category")
        if entry.detail.get(name) != before.get(name)
    ]
    return ", ".join(parts)


def _described(entry: "EventView") -> str:
    return ", ".join(f"{name.replace('product_', '')} {_text(entry, name)}" for name in entry.detail)


def _reason(entry: "EventView") -> str:
    to = f" for {_text(entry, 'team')}" if entry.detail.get("team") else ""
    why = f": {_text(entry, 'reason')}" if entry.detail.get("reason") else ""
    return f"{_text(entry, 'kind')}{to}{why}"


def _taken(entry: "EventView") -> str:
    """Who is its manager from now on; a merge hands it over in the name of who merged."""
    who = entry.detail.get("party")
    return "took the escalation" if who == entry.actor else f"handed the escalation to {_text(entry, 'party')}"


def _logged(entry: "EventView") -> str:
    where = "INTERNAL LOG of the escalation" if entry.detail.get("internal") else "log of the escalation"
    return f"{where}: {show.line(str(entry.detail.get('text')), LONGEST_ENTRY)}"


def _lessons(entry: "EventView") -> str:
    said = f": {_text(entry, 'text')}" if entry.detail.get("text") else ""
    return f"lessons learned {_time(entry.detail.get('lessons_at'))}{said}"


def _meetings(entry: "EventView") -> str:
    """The first time is shown as any other, the rest as it was agreed on."""
    first = _time(entry.detail.get("at"))
    return f"every {_text(entry, 'every')} from {first} on, {_text(entry, 'place')}"


def _split(entry: "EventView") -> str:
    moved = entry.detail.get("messages") or []
    return f"{show.count(len(moved), 'message')} to case {_text(entry, 'into')}"


def _level(entry: "EventView") -> str:
    late = f", told late: it was so since {_time(entry.detail.get('at'))}" if entry.detail.get("late") else ""
    return f"{_text(entry, 'level')} % of the time for the {_text(entry, 'clock').replace('_', ' ')}{late}"


def _asked(entry: "EventView") -> str:
    return f"{_text(entry, 'kind')} {_text(entry, 'approval')}"


def _answered(entry: "EventView") -> str:
    """What became of an approval; who answered stands in front."""
    why = f": {_text(entry, 'reason')}" if entry.detail.get("reason") else ""
    return f"approval {_text(entry, 'approval')} {_text(entry, 'answer')}{why}"


def _renamed(entry: "EventView") -> str:
    """Only of a reply whose subject is not the case's; agents may split it off."""
    return f"under another subject, {_text(entry, 'subject')}" if entry.detail.get("subject") else ""


def _foreign(entry: "EventView") -> str:
    return f"the mail carries the mark of case {_cases(entry)} of another account"


def _cases(entry: "EventView") -> str:
    return ", ".join(show.line(str(number), 20) for number in entry.detail.get("cases") or [])


_SAYS: Mapping[str, Callable[["EventView"], str]] = {
    "assigned": _assigned,
    "team_changed": lambda entry: f"gave it to team {_text(entry, 'team')}",
    "type_changed": lambda entry: f"changed {_type(entry)}",
    "priority_changed": lambda entry: f"changed priority {_text(entry, 'before')} → {_text(entry, 'priority')}",
    "planned": lambda entry: f"planned for {_time(entry.detail.get('at'))}",
    "described": lambda entry: f"set {_described(entry)}",
    "participant_added": lambda entry: f"added {_text(entry, 'party')}",
    "participant_removed": lambda entry: f"took off {_text(entry, 'party')}",
    "reporter_left": lambda entry: f"un-registered the reporter, {_text(entry, 'party')}",
    "erased": lambda entry: f"erased somebody, {_text(entry, 'party')} now",
    "reporter_changed": lambda entry: f"made {_text(entry, 'reporter')} the reporter",
    "merged": lambda entry: f"merged this case into {_text(entry, 'into')}",
    "absorbed": lambda entry: f"merged case {_text(entry, 'case')} into this one",
    "split": lambda entry: f"split off {_split(entry)}",
    "linked": lambda entry: f"linked with case {_text(entry, 'other')}",
    "followed_up": lambda entry: f"went on as case {_text(entry, 'by')}",
    "escalated": lambda entry: f"escalated, {_reason(entry)}",
    "escalation_joined": lambda entry: f"escalated once more, {_reason(entry)}",
    "escalation_taken": _taken,
    "escalation_untaken": lambda _: "reminded support management: nobody has taken the escalation",
    "escalation_logged": _logged,
    "escalation_resolved": lambda entry: f"resolved the escalation, {_lessons(entry)}",
    "meetings_planned": lambda entry: f"planned meetings, {_meetings(entry)}",
    "meetings_stopped": lambda _: "ended the meetings",
    "meeting_reminded": lambda entry: f"reminded of the meeting {_time(entry.detail.get('meeting'))}",
    "lessons_reminded": lambda entry: f"reminded of the lessons-learned meeting {_time(entry.detail.get('meeting'))}",
    "meetings_missed": lambda entry: f"could not remind of the meeting {_time(entry.detail.get('meeting'))} in time",
    "reminded": lambda _: "reminded the customer",
    "approval_requested": lambda entry: f"{_asked(entry)} waits for the approval of a decision maker",
    "approval_answered": _answered,
    "sla_level": lambda entry: f"told that {_level(entry)} is used",
    "delivery_failed": lambda entry: f"could not deliver to {_text(entry, 'recipient')}: {_text(entry, 'error')}",
    "foreign_token": lambda entry: f"WARNING: {_foreign(entry)}",
    "message_received": _renamed,
    "message_sent": lambda _: "",
    "note_added": lambda _: "",
}
"""In words that follow a name."""

_CHANGES: Mapping[str, Callable[["EventView"], str]] = {
    "opened": lambda entry: f"{_text(entry, 'type')} of {_text(entry, 'reporter')}, account {_text(entry, 'account')}",
    "message_received": lambda entry: " · ".join(
        filter(None, (f"{_text(entry, 'authenticity')} sender", _renamed(entry)))
    ),
    "assigned": lambda entry: f"assignee {_text(entry, 'before')} → {_text(entry, 'assignee')}",
    "team_changed": lambda entry: f"team {_text(entry, 'before')} → {_text(entry, 'team')}, nobody assigned",
    "type_changed": _type,
    "priority_changed": lambda entry: f"priority {_text(entry, 'before')} → {_text(entry, 'priority')}",
    "planned": lambda entry: (
        f"{_time(entry.detail['before']) if entry.detail.get('before') else 'none'} → {_time(entry.detail.get('at'))}"
    ),
    "described": _described,
    "participant_added": lambda entry: f"+ {_text(entry, 'party')}",
    "participant_removed": lambda entry: f"- {_text(entry, 'party')}",
    "reporter_left": lambda entry: f"{_text(entry, 'party')} is un-registered",
    "erased": lambda entry: f"{_text(entry, 'party')} stands for who was here",
    "reporter_changed": lambda entry: f"reporter {_text(entry, 'before')} → {_text(entry, 'reporter')}",
    "merged": lambda entry: f"into case {_text(entry, 'into')}",
    "absorbed": lambda entry: f"case {_text(entry, 'case')}",
    "split": _split,
    "linked": lambda entry: f"with case {_text(entry, 'other')}",
    "followed_up": lambda entry: f"by case {_text(entry, 'by')}",
    "escalated": _reason,
    "escalation_joined": _reason,
    "escalation_taken": _taken,
    "escalation_untaken": lambda _: "support management is reminded",
    "escalation_logged": _logged,
    "escalation_resolved": _lessons,
    "meetings_planned": _meetings,
    "meetings_stopped": lambda _: "no more meetings",
    "meeting_reminded": lambda entry: f"{_time(entry.detail.get('meeting'))}, next {_time(entry.detail.get('next'))}",
    "lessons_reminded": lambda entry: _time(entry.detail.get("meeting")),
    "meetings_missed": lambda entry: f"{_time(entry.detail.get('meeting'))}, next {_time(entry.detail.get('next'))}",
    "reminded": lambda entry: _text(entry, "kind"),
    "sla_level": _level,
}
"""As before → after, where the history says it otherwise; the name of the event stands before it."""
