"""Every rule and limit in force, as one frozen value; read once at start (`domain.rulebook` builds and checks it).

Code knows whose turn it is, never what a status is called: names of statuses, events and types are data.
"""

from dataclasses import dataclass, field, replace
from datetime import time
from functools import cached_property

from gateway.domain.budget import BudgetRules
from gateway.domain.escalation_rules import EscalationRules
from gateway.domain.letter_rules import LetterRules
from gateway.domain.mail_rules import MailRules, ThanksRules
from gateway.domain.model import Case, Turn
from gateway.domain.phrases import Phrase
from gateway.domain.targets import SlaRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a case can stand. `label` may hold `{vendor}`.

    `settled`: what is only thanks does not wake the case from here. `reopen_days`: a customer who writes later
    than this after it came here opens a follow-up case; None: never (SPEC section 5.3).
    """

    name: str
    label: str
    turn: Turn
    settled: bool = False
    reopen_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A permitted change of status. `by` holds `customer`, `vendor`, `system`; `types` None means every case type."""

    event: str
    by: frozenset[str]
    sources: tuple[str, ...]
    target: str
    types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseType:
    """What kind of case this is; `sla` is None, `priority`, or the priority that always counts.

    `needs` are services of which the account must have booked one, or the case is not covered;
    `also` are other names of it (SPEC section 4); `escalates_to` is the team that gets a technical escalation as soon as a case has this type; `incident` brings in
    the account's incident managers.
    """

    name: str
    label: str
    also: tuple[str, ...] = ()
    sla: str | None = None
    needs: tuple[str, ...] = ()
    escalates_to: str | None = None
    incident: bool = False

    @property
    def has_priority(self) -> bool:
        """True if cases of this type have a priority of their own."""
        return self.sla == "priority"


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """How urgent a case is; `meaning` says to customers when it is this one (SPEC section 4)."""

    name: str
    label: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """What kind of case of one type this is. `order` needs a decision maker, `pin` the company PIN (SPEC section 3)."""

    name: str
    label: str
    type: str
    order: bool = False
    pin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What an account can book. `incident_managers`: while it is booked, that role counts (SPEC section 3)."""

    name: str
    label: str
    incident_managers: bool = False


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One rule set. `initial` is the status of a new case, `opens` the type of what mail opens.

    `by_mail` is the priority of what needs one and was given none by mail; the most urgent priority comes first.
    """

    set: str
    initial: str
    opens: str
    statuses: tuple[Status, ...]
    transitions: tuple[Transition, ...]
    types: tuple[CaseType, ...]
    priorities: tuple[Priority, ...] = ()
    by_mail: str = ""
    categories: tuple[Category, ...] = ()
    services: tuple[Service, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Status]:
        """Statuses by their name."""
        return {status.name: status for status in self.statuses}

    @property
    def labels(self) -> frozenset[str]:
        """All that these rules call things, as a language's phrases have them on their left."""
        kinds = (self.statuses, self.types, self.priorities, self.categories)
        return frozenset(
            {*(str(one.label) for kind in kinds for one in kind), *(str(one.meaning) for one in self.priorities)}
        )

    def is_most_urgent(self, priority: str | None) -> bool:
        """Whether this is the priority that is worked on around the clock, by both sides (SPEC section 4)."""
        return bool(self.priorities) and priority == self.priorities[0].name

    def status(self, name: str) -> Status:
        """The status of this name. One that the set does not know, left by another set, counts as the initial one."""
        return self.by_name.get(name) or replace(self.by_name[self.initial], name=name, label=name)

    def type_named(self, name: str) -> CaseType | None:
        """The type that is called so; None for one that the rules do not know (any more)."""
        return next((kind for kind in self.types if name == kind.name or name in kind.also), None)

    def categories_of(self, case_type: str) -> tuple[str, ...]:
        """The names of the categories that cases of this type can have."""
        return tuple(category.name for category in self.categories if category.type == case_type)

    def find(self, event: str, source: str, by: str, case_type: str) -> Transition | None:
        """The one transition that lets `by` trigger `event` on a case of this type in this status."""
        source = source if source in self.by_name else self.initial
        for row in self.transitions:
            if (
                row.event == event
                and source in row.sources
                and by in row.by
                and (not row.types or case_type in row.types)
            ):
                return row
        return None

    def possible(self, source: str, by: str, case_type: str) -> tuple[str, ...]:
        """The events that `by` may trigger from here, in the order of the rule file."""
        names = [row.event for row in self.transitions if self.find(row.event, source, by, case_type) is row]
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRule:
    """One row of `rules/notices.toml`: when `kind` happened (on `event`, if named), `to` gets `template`.

    `to` is one of `rulebook.RECIPIENTS`; `automatic` the value of
    Auto-Submitted, None for a person's own words; `from_level` the first percentage of an SLA target that is told;
    `internal` marks what must never go to a customer.
    """

    kind: str
    to: str
    template: str
    automatic: str | None
    events: frozenset[str] | None = None
    from_level: int = 0
    internal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """`[vendor]`: what mails say of the organisation."""

    name: str
    hotline: str | None = None
    knowledge_base: str | None = None
    feedback_address: str | None = None
    footer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostRules:
    """`[mail]`: our addresses in stored form, and how strangers and copies are treated."""

    service_address: str
    registration_address: str
    unregistered: str = "notify"
    cc_policy: str = "contacts"
    plus_addressing: bool = True
    token_prefix: str = "CASE"  # noqa: S105  # stands in every subject


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRules:
    """`[trust]`: whose evidence is believed, and how much of it mail from a contact needs."""

    authserv_id: str | None = None
    relays: tuple[str, ...] = ()
    require: str = "authenticated"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationLimits:
    """`[limits]`: how many registration mails leave in an hour, and how many wrong PINs are looked at."""

    account_hour: int = 50
    hour: int = 200
    wrong_pins_hour: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All rules and limits in force."""

    workflow: Workflow
    mail: MailRules
    notices: tuple[NoticeRule, ...]
    vendor: Vendor
    post: PostRules
    trust: TrustRules = field(default_factory=TrustRules)
    thanks: ThanksRules = field(default_factory=ThanksRules)
    letters: LetterRules = field(default_factory=LetterRules)
    sla: SlaRules = field(default_factory=SlaRules)
    escalations: EscalationRules = field(default_factory=EscalationRules)
    attachment_limit: int = 25_000_000
    first_team: str = "first_level"
    auto_close_days: int = 0
    customer_reminder_days: int = 0
    digest_at: time = time(8)
    registrations: RegistrationLimits = field(default_factory=RegistrationLimits)
    budget: BudgetRules = field(default_factory=BudgetRules)

    def label(self, status: str) -> str:
        """The label of a status, with the vendor's name in it."""
        return Phrase(self.workflow.status(status).label, vendor=self.vendor.name)

    def turn(self, status: str) -> Turn:
        """Whose turn it is in a status, whatever else there is about a case; of a case `turn_of` says it."""
        return self.workflow.status(status).turn

    def turn_of(self, case: Case) -> Turn:
        """Whose turn it is: nobody's of a merged case; the customer's, not ours, while an approval is open (SPEC section 3)."""
        if case.merged_into is not None:
            return Turn.NOBODY
        turn = self.turn(case.status)
        return Turn.CUSTOMER if turn is Turn.VENDOR and case.awaits else turn
