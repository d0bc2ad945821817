"""A Change while it is being written: the case grows with each event. For `domain.workflow` and its rooms only."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from gateway.domain import attending, notices
from gateway.domain.actions import Change, Stamp
from gateway.domain.calendars import Calendar
from gateway.domain.facts import CaseFacts
from gateway.domain.fold import evolve
from gateway.domain.model import Case, CaseNumber, Event, Message, NoticeKind, Party, PartyKind, Turn
from gateway.domain.notices import News
from gateway.domain.phrases import Phrase
from gateway.domain.policy import Policy, Transition
from gateway.domain.words import Notice
from gateway.errors import Refused

_SIDES = {
    PartyKind.CONTACT: "customer",
    PartyKind.EXTERNAL: "customer",
    PartyKind.AGENT: "vendor",
    PartyKind.SYSTEM: "system",
}


def side(actor: Party) -> str:
    """For whom someone acts, in the words of the rule files: customer, vendor, system."""
    return _SIDES[actor.kind]


@dataclass(slots=True)
class Draft:
    """One case of a Change. `steps` counts the events of the cause, over all its cases."""

    facts: CaseFacts
    policy: Policy
    stamp: Stamp
    cause: str
    steps: Iterator[int]
    actor: Party
    case: Case | None = None
    events: list[Event] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    @property
    def now(self) -> Case:
        """The case as the events so far left it."""
        assert self.case is not None
        return self.case

    @property
    def calendar(self) -> Calendar:
        """The hours in which people of this account can expect us."""
        rules = self.policy.sla
        return rules.calendar_named(self.facts.account.calendar) or rules.default_calendar

    @property
    def is_closed(self) -> bool:
        """True outside those hours."""
        return not self.calendar.between(self.stamp.at, self.stamp.at + timedelta(seconds=1))

    def beside(self) -> "Draft":
        """A draft of the second case that this action is about."""
        other = self.facts.other
        assert other is not None
        return Draft(other, self.policy, self.stamp, self.cause, self.steps, self.actor, case=other.case)

    def add(self, name: str, *, to_status: str | None = None, **detail: Any) -> None:
        """One more event."""
        source = self.case.status if self.case and to_status else None
        step, number = next(self.steps), self.facts.number
        entry = Event(number, self.stamp.at, self.actor, self.cause, step, name, source, to_status, detail)
        self.events.append(entry)
        self.case = evolve(self.case, entry)

    def join(self, party: Party) -> None:
        """Make someone a participant who is not on the case yet."""
        if party != self.now.reporter and party not in self.now.participants:
            self.add("participant_added", party=str(party))

    def take(self, agent: Party) -> None:
        """An unassigned case goes to the agent who starts or answers it (SPEC section 15)."""
        if self.now.assignee is None:
            self.add("assigned", assignee=str(agent))

    def find(self, trigger: str, actor: Party | None = None) -> Transition | None:
        """The transition that the actor may trigger now."""
        return self.policy.workflow.find(trigger, self.now.status, side(actor or self.actor), self.now.type)

    def move(self, row: Transition, **detail: Any) -> None:
        """Make a transition."""
        self.add(row.event, to_status=row.target, **detail)

    def wake(self) -> None:
        """A case that is nobody's turn is open again, where the rules have a way."""
        if self.policy.turn_of(self.now) is Turn.NOBODY and (row := self.find("reopen")):
            self.move(row)
            self.tell(NoticeKind.STATUS_CHANGED, News(event=row.event, author=self.actor))

    def tell(self, kind: NoticeKind, news: News) -> None:
        """Owe the mails that the rules name for what happened."""
        self.notices += notices.for_case(kind, news, self.now, self.facts, self.policy)

    def refuse(self) -> Refused:
        """What to raise where nothing lets the actor do this now; it names what is possible."""
        possible = self.policy.workflow.possible(self.now.status, side(self.actor), self.now.type)
        label = self.policy.label(self.now.status)
        return Refused(
            Phrase(
                "case {number} is {label}; possible: {possible}",
                number=self.now.number,
                label=label,
                possible=tuple(possible) or Phrase("nothing"),
            )
        )

    def done(
        self,
        message: Message | None = None,
        *,
        takes: tuple[int, ...] = (),
        absorbs: CaseNumber | None = None,
        also: tuple[Change, ...] = (),
    ) -> Change:
        """The finished Change. Whoever came or left meanwhile has planned meetings come into their calendar, or out of it."""
        moved = (
            attending.comings_and_goings(self.facts.case, self.case, self.facts, self.policy, self.stamp.at)
            if self.case and self.events
            else ()
        )
        return Change(
            case=self.case,
            events=tuple(self.events),
            message=message,
            notices=(*self.notices, *moved),
            takes=takes,
            absorbs=absorbs,
            also=also,
        )
