"""Case histories from short texts, such as `Mon 2026-03-02 09:00 incident P3; 11:00 reply; 12:00 bounce`.

A time without a day is on the day before it. The words are those of the worked examples in `docs/sla.md`; statuses
move as the rule set says.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.domain.model import SYSTEM, CaseNumber, Event, Party
from gateway.domain.policy import Workflow

AGENT, CUSTOMER = Party.agent(1), Party.contact(1)
NUMBER = CaseNumber(1001)

_WHEN = re.compile(r"(?:(\w{3}) (\d{4}-\d\d-\d\d) )?(\d\d:\d\d)")
MOVES = {
    "start": ("start", "vendor"),
    "resolve": ("resolve", "vendor"),
    "defer": ("defer", "vendor"),
    "reopen": ("reopen", "vendor"),
    "close": ("close", "vendor"),
    "close by customer": ("close", "customer"),
}
"""What is said of a move, the event that the rules know it by, and who makes it."""

_UNMOVED = {"note": "note_added", "automatic": "automatic_received"}
ANSWERS = {"approve": "approved", "reject": "rejected", "release": "released", "expire": "expired"}
"""What becomes of the oldest order that waits for its approval."""


class Writer:
    """Writes the events of one case, in the way of `domain.workflow`."""

    def __init__(self, flow: Workflow) -> None:
        self.events: list[Event] = []
        self._flow = flow
        self._status = flow.initial
        self._type = flow.opens
        self._causes = 0
        self._orders = 0
        self.waiting: list[int] = []

    def happen(self, at: datetime, what: str) -> None:
        """One thing more, in the words of the module's docstring."""
        self._causes += 1
        word, *more = what.split()
        if not self.events:
            self._open(at, word, *more)
        elif what in MOVES:
            self._move(at, *MOVES[what])
        elif what in _UNMOVED:
            self._add(at, _UNMOVED[what])
        elif word in {"type", "priority"}:
            self._shape(at, word, *more)
        elif what in {"reply", "resolve with text"}:
            self._add(at, "message_sent")
            self._move(at, "agent_reply" if what == "reply" else "resolve", "vendor")
        elif what == "customer":
            self._add(at, "message_received", actor=CUSTOMER)
            self._move(at, "customer_reply", "customer")
        elif what == "merge":
            self._add(at, "merged", into=NUMBER + 1)
        elif what == "order" or what in ANSWERS:
            self._order(at, what)
        elif what in {"bounce", "bounce to a participant"}:
            lost = [event.cause for event in self.events if event.event == "message_sent"][-1]
            self._add(at, "delivery_failed", actor=SYSTEM, cause=lost, reporter=what == "bounce")
        else:
            raise ValueError(what)

    def can(self, what: str) -> bool:
        """Whether the rule set lets this move happen now."""
        event, by = MOVES[what]
        return self._flow.find(event, self._status, by, self._type) is not None

    def _open(self, at: datetime, case_type: str, priority: str | None = None) -> None:
        self._type = case_type
        self._add(
            at,
            "opened",
            self._status,
            actor=CUSTOMER,
            subject="It is slow",
            type=case_type,
            account="EX-1",
            reporter=str(CUSTOMER),
            team="first_level",
            channel="mail",
            priority=priority,
        )

    def _shape(self, at: datetime, word: str, value: str, priority: str | None = None) -> None:
        if word == "priority":
            self._add(at, "priority_changed", priority=value, before=None)
        else:
            self._type = value
            self._add(at, "type_changed", type=value, priority=priority, category=None, before={})

    def _move(self, at: datetime, event: str, by: str) -> None:
        if row := self._flow.find(event, self._status, by, self._type):
            self._status = row.target
            self._add(at, row.event, row.target, actor=CUSTOMER if by == "customer" else AGENT)
        else:
            assert event in {"agent_reply", "customer_reply"}, f"no {event} from {self._status}"

    def _order(self, at: datetime, what: str) -> None:
        if what == "order":
            self._orders += 1
            self.waiting.append(self._orders)
            self._add(at, "approval_requested", actor=CUSTOMER, approval=self._orders, kind="order")
        else:
            detail = {"approval": self.waiting.pop(0), "answer": ANSWERS[what], "by": None, "reason": None}
            self._add(at, "approval_answered", actor=CUSTOMER, **detail)

    def _add(
        self, at: datetime, name: str, to_status: str | None = None, /, *, actor: Party = AGENT, **detail: Any
    ) -> None:
        cause = f"cli:{self._causes}"
        entry = Event(NUMBER, at.astimezone(UTC), actor, cause, len(self.events), name, None, to_status, detail)
        self.events.append(entry)


def history(text: str, flow: Workflow, zone: str = "UTC") -> tuple[Event, ...]:
    """The events of a text; its times are local to a zone."""
    writer, day = Writer(flow), None
    for entry in text.split(";"):
        found = _WHEN.match(entry.strip())
        assert found, entry
        at = moment(found[0], zone, day)
        day = at.date()
        writer.happen(at, entry.strip()[found.end() :].strip())
    return tuple(writer.events)


def moment(text: str, zone: str = "UTC", day: date | None = None) -> datetime:
    """A time as the histories have it, in its zone; the weekday must be right."""
    found = _WHEN.fullmatch(text.strip())
    assert found, text
    if found[2]:
        day = date.fromisoformat(found[2])
        assert found[1] == f"{day:%a}", text
    assert day, text
    at = datetime.combine(day, time.fromisoformat(found[3]), tzinfo=ZoneInfo(zone))
    assert at.astimezone(UTC) - at.replace(fold=1).astimezone(UTC) == timedelta(), f"{text} comes twice or never"
    return at
