"""Who is told what (SPEC section 13): from what happened and `rules/notices.toml` to Notices, one a recipient."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.domain.commands import CommandName
from gateway.domain.facts import CaseFacts, is_theirs
from gateway.domain.model import (
    Agent,
    Attachment,
    Case,
    CaseNumber,
    Contact,
    FileState,
    NoticeKind,
    Party,
    PartyKind,
)
from gateway.domain.naming import named_in
from gateway.domain.phrases import Phrase
from gateway.domain.policy import NoticeRule, Policy
from gateway.domain.words import (
    ActionWords,
    Appointment,
    CaseWords,
    EscalationWords,
    LevelWords,
    Notice,
    StrangerWords,
    file_size,
)

LAST_LINES = 6
"""So many lines at the end of a text may be a signature."""

_ZONES = {"CET": Phrase("CET"), "CEST": Phrase("CEST")}
"""Zones that have other names in other languages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What happened, as far as mails say it.

    `event` is what happened beside a message (None: the message tells enough); `reached` the addresses that have the
    writer's own mail; `quiet` says that its writer must get no automatic mail; `to_author` tells the author too.
    `acting` is who did it in the author's name, `only` the readers beyond whom nobody is told; `changes`, `other`,
    `when`, `appointment`, `level` and `escalation` are those of Words and Notice, and so are `renamed` and `foreign`, for
    agents. `inside` is the text of mail to agents where that to customers says less, `out_of_hours` says that the
    account's calendar is closed now.
    """

    event: str | None
    author: Party
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    reached: frozenset[str] = frozenset()
    quiet: bool = False
    to_author: bool = False
    answers: str | None = None
    acting: Party | None = None
    only: frozenset[Party] | None = None
    changes: tuple[str, ...] = ()
    other: CaseNumber | None = None
    when: datetime | None = None
    appointment: Appointment | None = None
    level: LevelWords | None = None
    escalation: EscalationWords | None = None
    inside: str = ""
    renamed: str | None = None
    foreign: tuple[CaseNumber, ...] = ()
    encrypted: bool = False
    out_of_hours: bool = False


@dataclass(frozen=True, slots=True)
class _Reader:
    """Someone who gets a mail."""

    party: Party
    address: str
    name: str
    lang: str
    is_vendor: bool = False
    reads_only: bool = False

    @property
    def shown(self) -> str:
        if self.is_vendor:
            return self.name  # agents are reached through the service address
        return f"{self.name} <{self.address}>" if self.name else self.address


def for_case(kind: NoticeKind, news: News, case: Case, facts: CaseFacts, policy: Policy) -> list[Notice]:
    """The notices that the rules name for this news on this case."""
    found: list[Notice] = []
    for rule in policy.notices:
        if rule.kind != kind or (rule.events is not None and news.event not in rule.events):
            continue
        if news.level is not None and news.level.percent < rule.from_level:
            continue
        readers = _readers(rule, news, case, facts)
        found += [_notice(rule, reader, readers, news, case, facts, policy) for reader in readers]
    return found


def for_stranger(address: str, message_id: str | None, policy: Policy) -> tuple[Notice, ...]:
    """The one polite answer to an unregistered sender; it repeats nothing of their mail."""
    return tuple(
        Notice(
            kind=NoticeKind.UNREGISTERED,
            template=rule.template,
            recipient=address,
            lang="en",
            words=StrangerWords(registration_address=policy.post.registration_address),
            automatic=rule.automatic,
            answers=message_id,
        )
        for rule in policy.notices
        if rule.kind == NoticeKind.UNREGISTERED
    )


def _readers(rule: NoticeRule, news: News, case: Case, facts: CaseFacts) -> tuple[_Reader, ...]:
    match rule.to:
        case "reporter":
            parties: tuple[Party, ...] = (case.reporter,)
        case "author":
            parties = () if news.quiet else (news.author,)
        case "participants":
            parties = (case.reporter, *case.participants)
        case _:
            return _agents(_vendors_people(rule.to, news, case, facts))
    readers = [reader for party in dict.fromkeys(parties) if (reader := _reader(party, facts))]
    if news.only is not None:
        readers = [reader for reader in readers if reader.party in news.only]
    readers = _one_each(readers, rule)
    if rule.to == "author":
        return tuple(readers)
    told_already = {reader.address for reader in readers if reader.address in news.reached}
    if rule.to == "participants" and not news.to_author:
        told_already |= {reader.address for reader in readers if reader.party == news.author}
    if news.quiet:
        told_already |= {reader.address for reader in readers if reader.party == news.author}
    return tuple(reader for reader in readers if reader.address not in told_already)


def _one_each(readers: list[_Reader], rule: NoticeRule) -> list[_Reader]:
    """One mail an address, to a person rather than to who reads along; those are never reminded to answer."""
    persons = [reader for reader in readers if not reader.reads_only]
    others = [reader for reader in readers if reader.reads_only and rule.kind != NoticeKind.REMINDER]
    return list({reader.address: reader for reader in reversed([*persons, *others])}.values())[::-1]


def _vendors_people(to: str, news: News, case: Case, facts: CaseFacts) -> list[Agent]:
    """The agents that a rule names; who did it knows already."""
    match to:
        case "team":
            return list(facts.colleagues)
        case "managers":
            return [agent for agent in facts.managers if agent.party != news.author]
        case "called":
            return [agent for agent in _called(case, facts) if agent.party != news.author]
        case "involved":
            return _involved(news, case, facts)
        case "named":
            return [agent for agent in named_in(news.text, facts.staff) if agent.party != news.author]
    assignee = facts.agents.get(case.assignee) if case.assignee else None
    told = (assignee,) if assignee and assignee.active else () if to == "assignee" else facts.team
    return [agent for agent in told if news.to_author or agent.party not in {news.author, news.acting}]


def _called(case: Case, facts: CaseFacts) -> tuple[Agent, ...]:
    """Whom an escalation is addressed to: its team, else support management; nobody there means everybody."""
    team = case.escalation.team if case.escalation else None
    if team is None:
        return facts.managers
    return tuple(agent for agent in facts.staff if team in agent.teams) or facts.staff


def _involved(news: News, case: Case, facts: CaseFacts) -> list[Agent]:
    """The vendor's people in an escalation: its manager, who ended it, the assignee; who did it only if it goes to their calendar."""
    author = news.author if news.appointment else None
    asked = (case.escalation.manager, case.escalation.resolved_by) if case.escalation else ()
    parties = dict.fromkeys(party for party in (*asked, case.assignee, author) if party)
    known = (facts.agents.get(party) for party in parties)
    return [agent for agent in known if agent and agent.active and (news.appointment or agent.party != news.author)]


def _agents(told: Iterable[Agent]) -> tuple[_Reader, ...]:
    return tuple(_Reader(agent.party, agent.address, agent.name, agent.lang, is_vendor=True) for agent in told)


def _reader(party: Party, facts: CaseFacts) -> _Reader | None:
    """How mail reaches a party; None for those who get none any more."""
    if party.kind is PartyKind.EXTERNAL and not _is_colleague(party, facts):
        known = facts.contacts.get(party)
        return _Reader(party, party.id, "", facts.account.lang, reads_only=True) if not known or known.active else None
    if (contact := facts.contacts.get(party)) and contact.active:
        return _Reader(party, contact.address, contact.name, contact.lang or facts.account.lang)
    if (agent := facts.agents.get(party)) and agent.active:
        return _Reader(party, agent.address, agent.name, agent.lang, is_vendor=True)
    return None


def _is_colleague(party: Party, facts: CaseFacts) -> bool:
    """Whether an outside address is a contact's of the case's own account by now."""
    contact = facts.contacts.get(party)
    return contact is not None and contact.active and contact.account == facts.account.number


def _notice(
    rule: NoticeRule,
    reader: _Reader,
    readers: tuple[_Reader, ...],
    news: News,
    case: Case,
    facts: CaseFacts,
    policy: Policy,
) -> Notice:
    others = () if rule.internal else tuple(other.shown for other in readers if other.address != reader.address)
    words = replace(
        _words(news, case, facts, policy), recipient=reader.name, others=others, reads_only=reader.reads_only
    )
    if rule.internal:
        foreign = tuple(map(str, news.foreign))
        words = replace(words, renamed=news.renamed, foreign=foreign, refused=_refused(news, with_reason=True))
        words = replace(words, text=news.inside or words.text, escalation=_for_agents(news, facts))
    else:
        words = replace(words, actions=actions_for(facts.contacts.get(reader.party), case, policy))
        if rule.to == "author":
            words = replace(words, refused=_refused(news, with_reason=False))
    guest = facts.contacts.get(news.author)
    if rule.internal and guest and guest.account != case.account:  # no one takes a guest for the customer's own
        words = replace(words, author=Phrase("{name} of {company}", name=words.author, company=guest.account))
    return Notice(
        kind=NoticeKind(rule.kind),
        template=rule.template,
        recipient=reader.address,
        lang=reader.lang,
        words=words,
        automatic=rule.automatic,
        case=case.number,
        answers=news.answers or facts.last_from_customer,
        thread=facts.thread,
        internal=rule.internal,
        attachments=tuple(file for file in news.attachments if not file.is_refused) if rule.automatic is None else (),
        appointment=_appointment(rule, reader, news),
    )


def _for_agents(news: News, facts: CaseFacts) -> EscalationWords | None:
    return replace(news.escalation, text=facts.last_words) if news.escalation else None


def _appointment(rule: NoticeRule, reader: _Reader, news: News) -> Appointment | None:
    """What comes into the reader's calendar: of what is only shown to customers, and what people meet for."""
    if news.appointment is None or not reader.is_vendor:
        return news.appointment
    is_met = news.appointment.method != "PUBLISH" and rule.to in {"participants", "involved"}
    return news.appointment if is_met else None


def actions_for(contact: Contact | None, case: Case, policy: Policy) -> tuple[ActionWords, ...]:
    """What a contact can have done now by sending one command (SPEC section 8); nothing on a case that is not theirs."""
    if contact is None or not contact.may_write or not is_theirs(case, contact):
        return ()
    return _possible(case, policy)


def _possible(case: Case, policy: Policy) -> tuple[ActionWords, ...]:
    possible = policy.workflow.possible(case.status, "customer", case.type)
    names = [name for name in (CommandName.CLOSE, CommandName.REOPEN) if name in possible]
    known = case.escalation  # one that only a team knows of is not what a customer asks for
    if known is None or not known.is_open or known.team is not None:
        names.append(CommandName.ESCALATE)
    return tuple(ActionWords(command=name) for name in names)


def _refused(news: News, *, with_reason: bool) -> tuple[str, ...]:
    """The files that we did not take. What the scanner thinks is told to agents only: it would help who means harm."""
    reasons = {FileState.TOO_LARGE: Phrase("too large"), FileState.REFUSED: Phrase("refused by the scanner")}
    return tuple(
        Phrase("{what}: {why}", what=_shown(file), why=reasons[file.state]) if with_reason else _shown(file)
        for file in news.attachments
        if file.is_refused
    )


def _shown(file: Attachment) -> str:
    return Phrase("{name} ({size})", name=file.name, size=file_size(file.size))


def _words(news: News, case: Case, facts: CaseFacts, policy: Policy) -> CaseWords:
    """What mails about this news say, whoever reads them."""
    zone = facts.account.timezone
    words = CaseWords(
        number=case.number,
        token=facts.token,
        subject=case.subject,
        type_label=case.type,
        status_label=case.status,
        account=facts.account.number,
        account_name=facts.account.name,
        reporter=name_of(case.reporter, facts),
        assignee=name_of(case.assignee, facts) if case.assignee else None,
        recipient="",
        author=name_of(news.author, facts),
        text=news.text,
        event=news.event,
        attachments=tuple(_shown(file) for file in news.attachments if file.state is FileState.KEPT),
        largest_file=file_size(policy.attachment_limit),
        encrypted=news.encrypted,
        planned=local_time(case.planned_at, zone) if case.planned_at else None,
        changes=news.changes,
        other=news.other,
        when=local_time(news.when, zone) if news.when else None,
        level=news.level,
        escalation=news.escalation,
        out_of_hours=news.out_of_hours,
        around_the_clock=policy.workflow.is_most_urgent(case.priority) and news.event in {None, "opened_for"},
        signature=_signature(news, facts, policy),
    )
    return as_left(words, case, policy)


def as_left(words: CaseWords, case: Case, policy: Policy) -> CaseWords:
    """The words about a case as it is now: what its type, status and the like are called, and what can be done."""
    flow = policy.workflow
    types = {kind.name: kind.label for kind in flow.types}
    priorities = {priority.name: priority.label for priority in flow.priorities}
    categories = {category.name: category.label for category in flow.categories}
    return replace(
        words,
        type_label=types.get(case.type, case.type),
        status_label=policy.label(case.status),
        priority_label=priorities.get(case.priority, case.priority) if case.priority else None,
        category_label=categories.get(case.category, case.category) if case.category else None,
        actions=_possible(case, policy) if words.actions else (),
    )


def _signature(news: News, facts: CaseFacts, policy: Policy) -> str:
    """What stands under an agent's words: their own, else name and vendor; "" where they signed by themselves."""
    agent = facts.agents.get(news.author)
    if agent is None:
        return name_of(news.author, facts)
    signature = agent.signature or f"{agent.name}\n{policy.vendor.name}"
    last = [line.strip().casefold() for line in news.text.splitlines() if line.strip()][-LAST_LINES:]
    return "" if signature.strip().splitlines()[0].strip().casefold() in last else signature


def local_time(at: datetime, zone: str) -> Phrase:
    """A time as people of an account read it: `2026-03-16 10:00 CET`; in UTC where the zone is unknown."""
    local = _local(at, zone)
    zone_name = f"{local:%Z}"
    return Phrase(
        "{year}-{month}-{day} {time} {zone}",
        **_day(local),
        time=f"{local:%H:%M}",
        zone=_ZONES.get(zone_name, zone_name),
    )


def local_day(at: datetime, zone: str) -> Phrase:
    """A day as people of an account read it: `2026-03-16`."""
    return Phrase("{year}-{month}-{day}", **_day(_local(at, zone)))


def _day(local: datetime) -> dict[str, str]:
    return {"year": f"{local:%Y}", "month": f"{local:%m}", "day": f"{local:%d}"}


def _local(at: datetime, zone: str) -> datetime:
    try:
        return at.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        return at.astimezone(UTC)


def name_of(party: Party, facts: CaseFacts) -> str:
    """What to call someone in a mail."""
    known: Contact | None = facts.contacts.get(party)
    if known:
        return known.name
    agent = facts.agents.get(party)
    return agent.name if agent else party.id
