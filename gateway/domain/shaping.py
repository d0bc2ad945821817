"""What agents change about a case beside its words and status: type, priority, people, plans; merges, splits, links.

Called by `domain.workflow.decide` only. Everything that can be chosen is data (`rules/<set>/workflow.toml`).
"""

from dataclasses import replace
from typing import assert_never

from gateway.domain.actions import (
    Assign,
    Change,
    ChangeParticipants,
    ChangePriority,
    ChangeType,
    Describe,
    Link,
    Merge,
    OpenFor,
    Plan,
    Split,
)
from gateway.domain.draft import Draft
from gateway.domain.escalating import call_incident_managers, carry_over, escalate
from gateway.domain.escalation import EscalationKind
from gateway.domain.model import Case, Direction, Message, NoticeKind, Party, PartyKind, timestamp
from gateway.domain.notices import News
from gateway.domain.phrases import Phrase
from gateway.domain.policy import CaseType, Workflow
from gateway.domain.words import Appointment
from gateway.errors import Refused


def shape(
    draft: Draft, action: OpenFor | ChangeType | ChangePriority | Plan | Describe | Assign | ChangeParticipants
) -> Change:
    """What changes one case."""
    match action:
        case OpenFor():
            return _open_for(draft, action)
        case ChangeType():
            return _change_type(draft, action)
        case ChangePriority():
            return _change_priority(draft, action)
        case Plan():
            return _plan(draft, action)
        case Describe():
            return _describe(draft, action)
        case Assign():
            return _assign(draft, action)
        case ChangeParticipants():
            return _change_participants(draft, action)
    assert_never(action)


def join_or_part(draft: Draft, action: Merge | Split | Link) -> Change:
    """What binds cases together, or takes them apart."""
    match action:
        case Merge():
            return _merge(draft)
        case Split():
            return _split(draft, action)
        case Link():
            return _link(draft, action)
    assert_never(action)


def _open_for(draft: Draft, action: OpenFor) -> Change:
    flow = draft.policy.workflow
    if not action.text.strip():
        raise Refused(Phrase("the text is empty; no case was opened"))
    kind = _known_type(flow, action.type or flow.opens)
    draft.add(
        "opened",
        to_status=flow.initial,
        subject=action.subject,
        type=kind.name,
        account=draft.facts.account.number,
        reporter=str(action.contact.party),
        team=draft.facts.account.team or draft.policy.first_team,
        channel=action.channel,
        priority=_priority(flow, kind, action.priority, None),
        category=_category(flow, kind, action.category, None),
    )
    _type_brings(draft, kind)
    author = action.contact.party
    news = News(event="opened_for", author=author, text=action.text, acting=action.actor, out_of_hours=draft.is_closed)
    draft.tell(NoticeKind.CASE_OPENED, news)
    said = Message(direction=Direction.INBOUND, author=author, subject=action.subject, text=action.text)
    if action.mail is not None:  # whose Message-ID is the agent's own, no mail of the customer's
        said = replace(said, intake=action.mail.intake, attachments=action.mail.attachments)
    return draft.done(said)


def _change_type(draft: Draft, action: ChangeType) -> Change:
    flow, case = draft.policy.workflow, draft.now
    kind = _known_type(flow, action.type)
    wanted = {
        "type": kind.name,
        "priority": _priority(flow, kind, action.priority, case.priority),
        "category": _category(flow, kind, action.category, case.category),
    }
    before = {name: getattr(case, name) for name in wanted}
    changes = tuple(name for name, value in wanted.items() if value != before[name])
    if not changes:
        return draft.done()
    draft.add("type_changed", **wanted, before=before)
    if kind.name != case.type:
        _type_brings(draft, kind)
    draft.tell(NoticeKind.CASE_CHANGED, News(event=None, author=draft.actor, changes=changes))
    return draft.done()


def _change_priority(draft: Draft, action: ChangePriority) -> Change:
    flow, case = draft.policy.workflow, draft.now
    kind = _known_type(flow, case.type)
    priority = _priority(flow, kind, action.priority, None)
    if priority == case.priority:
        return draft.done()
    draft.add("priority_changed", priority=priority, before=case.priority)
    draft.tell(NoticeKind.CASE_CHANGED, News(event=None, author=draft.actor, changes=("priority",)))
    return draft.done()


def _plan(draft: Draft, action: Plan) -> Change:
    if action.at <= draft.stamp.at:
        raise Refused(Phrase("{time} UTC is past; name a later time", time=f"{action.at:%Y-%m-%d %H:%M}"))
    if action.at == draft.now.planned_at:
        return draft.done()
    before = timestamp(draft.now.planned_at) if draft.now.planned_at else None
    draft.add("planned", at=timestamp(action.at), before=before)
    case = draft.now
    appointment = Appointment(uid=f"plan-{case.number}", sequence=case.version, at=action.at, summary=case.subject)
    news = News(event=None, author=draft.actor, changes=("plan",), appointment=appointment)
    draft.tell(NoticeKind.CASE_CHANGED, news)
    return draft.done()


def _describe(draft: Draft, action: Describe) -> Change:
    given = {name: getattr(action, name) for name in ("product", "product_version", "environment")}
    changed = {
        name: value.strip()
        for name, value in given.items()
        if value is not None and (value.strip() or None) != getattr(draft.now, name)
    }
    if changed:
        draft.add("described", **changed)
    return draft.done()


def _assign(draft: Draft, action: Assign) -> Change:
    case = draft.now
    if action.team is not None and (action.team != case.team or case.assignee):
        draft.add("team_changed", team=action.team, before=case.team)
    elif action.assignee is not None and action.assignee != case.assignee:
        draft.add("assigned", assignee=str(action.assignee), before=str(case.assignee) if case.assignee else None)
    if draft.events:
        draft.tell(NoticeKind.ASSIGNED, News(event=None, author=draft.actor))
    return draft.done()


def _change_participants(draft: Draft, action: ChangeParticipants) -> Change:
    for party in action.add:
        draft.join(party)
    for party in action.remove:
        if party == draft.now.reporter:
            raise Refused(Phrase("the reporter of case {number} cannot be taken off it", number=draft.now.number))
        if party not in draft.now.participants:
            who = party.id if party.kind is PartyKind.EXTERNAL else Phrase("this person")
            raise Refused(Phrase("{who} is not on the case", who=who))
        draft.add("participant_removed", party=str(party))
    return draft.done()


def _merge(draft: Draft) -> Change:
    into = draft.beside()
    _must_be_two(draft.now, into.now)
    if draft.now.account != into.now.account:
        raise Refused(
            f"case {draft.now.number} is of {draft.now.account}, case {into.now.number} of {into.now.account}; "
            "cases of two accounts are linked, never merged"
        )
    moving = draft.now
    for party in (moving.reporter, *moving.participants):
        if _may_come_along(draft, party):
            into.join(party)
    carry_over(draft, into)
    draft.add("merged", into=into.now.number)
    into.add("absorbed", case=moving.number)
    told = frozenset((moving.reporter, *moving.participants))
    news = News(event="merge", author=draft.actor, only=told, other=moving.number)
    into.tell(NoticeKind.CASE_CHANGED, news)
    return into.done(absorbs=moving.number, also=(draft.done(),))


def _may_come_along(draft: Draft, party: Party) -> bool:
    """Who is on a merged case for its account or for us; outside people were let in on that one case only."""
    return party.kind is PartyKind.AGENT or _is_own_contact(draft, party)


def _is_own_contact(draft: Draft, party: Party) -> bool:
    contact = draft.facts.contacts.get(party)
    return contact is not None and contact.active and contact.account == draft.facts.account.number


def _split(draft: Draft, action: Split) -> Change:
    case, heads = draft.now, {head.id: head for head in draft.facts.messages}
    if missing := [number for number in action.messages if number not in heads]:
        raise Refused(f"message {missing[0]} is not on case {case.number}; `casegate case show` names them")
    if len(heads) == len(set(action.messages)):
        raise Refused(f"that would leave nothing on case {case.number}; name fewer messages")
    moved = [heads[number] for number in sorted(set(action.messages))]
    if not any(head.author.kind is PartyKind.CONTACT for head in moved):
        raise Refused("none of these messages is a customer's; name one that is, and what belongs to it")
    new = draft.beside()
    authors = tuple(dict.fromkeys(head.author for head in moved if _is_own_contact(new, head.author)))
    guests = [head.author for head in moved if head.author in case.participants and head.author not in authors]
    new.add(
        "opened",
        to_status=draft.policy.workflow.initial,
        subject=moved[0].subject or case.subject,
        type=draft.policy.workflow.opens,
        account=case.account,
        reporter=str(authors[0] if authors else case.reporter),
        team=case.team,
        channel=case.channel,
        product=case.product,
        product_version=case.product_version,
        environment=case.environment,
    )
    for author in (*authors, *guests):
        new.join(author)
    if case.assignee:
        new.add("assigned", assignee=str(case.assignee))
    new.add("linked", other=case.number)
    ids = [head.id for head in moved]
    draft.add("split", messages=ids, into=new.facts.number)
    draft.add("linked", other=new.facts.number)
    new.tell(NoticeKind.CASE_CHANGED, News(event="split", author=draft.actor, other=case.number))
    return new.done(takes=tuple(ids), also=(draft.done(),))


def _link(draft: Draft, action: Link) -> Change:
    other = draft.beside()
    _must_be_two(draft.now, other.now)
    if action.other in draft.now.links:
        return draft.done()
    draft.add("linked", other=other.now.number)
    other.add("linked", other=draft.now.number)
    return draft.done(also=(other.done(),))


def _must_be_two(one: Case, other: Case) -> None:
    if one.number == other.number:
        raise Refused(f"{one.number} is the same case")
    if other.merged_into is not None:
        raise Refused(f"case {other.number} was merged into {other.merged_into}; name that one")


def _type_brings(draft: Draft, kind: CaseType) -> None:
    """What comes with a type: a technical escalation, the account's incident managers."""
    if kind.escalates_to and not (draft.now.escalation and draft.now.escalation.is_open):
        escalate(draft, EscalationKind.TECHNICAL, f"the case became {kind.label}", team=kind.escalates_to)
    if kind.incident:
        call_incident_managers(draft)


def _known_type(flow: Workflow, name: str) -> CaseType:
    kind = flow.type_named(name)
    if kind is None:
        names = tuple(known.name for known in flow.types)
        raise Refused(Phrase("there is no type {name}; there are: {names}", name=name, names=names))
    return kind


def _priority(flow: Workflow, kind: CaseType, asked: str | None, before: str | None) -> str | None:
    """The priority of a case of this type; Refused where it can have none, must have one, or there is no such."""
    names = tuple(priority.name for priority in flow.priorities)
    if not kind.has_priority:
        if asked:
            raise Refused(Phrase("a case of type {type} has no priority", type=kind.name))
        return None
    if asked and asked not in names:
        raise Refused(Phrase("there is no priority {name}; there are: {names}", name=asked, names=names))
    if not asked and not before:
        raise Refused(Phrase("a case of type {type} needs a priority: {names}", type=kind.name, names=names))
    return asked or before


def _category(flow: Workflow, kind: CaseType, asked: str | None, before: str | None) -> str | None:
    """The category of a case of this type; Refused where there is no such."""
    names = flow.categories_of(kind.name)
    if asked and asked not in names:
        known = Phrase("there are: {names}", names=tuple(names)) if names else Phrase("it has none")
        raise Refused(
            Phrase("a case of type {type} has no category {name}; {known}", type=kind.name, name=asked, known=known)
        )
    return asked or (before if before in names else None)
