"""What an Action about a contact changes: roles, un-registering, coming back (SPEC sections 3 and 9).

Called by `services.perform` only; looks at facts and rules and writes nothing. What it does to the contact's cases are
Changes of their own beside it, so that each case stays the fold of its events.
"""

from dataclasses import replace
from itertools import count
from typing import assert_never

from gateway.domain.actions import Change, Stamp
from gateway.domain.draft import Draft
from gateway.domain.facts import PeopleFacts
from gateway.domain.model import Contact, ContactRole, NoticeKind
from gateway.domain.people_actions import ChangeRoles, PeopleAction, RemoveContact, ReturnContact
from gateway.domain.policy import Policy
from gateway.domain.words import ContactWords, Notice
from gateway.errors import Refused


def decide(action: PeopleAction, facts: PeopleFacts, policy: Policy, stamp: Stamp, cause: str, step: int) -> Change:
    """What this action changes; the events of its cases count on from `step`. Raises Refused.

    A Change without a contact says that it was so already.
    """
    match action:
        case ChangeRoles():
            return _change_roles(action, facts, policy)
        case RemoveContact():
            steps = count(step)
            drafts = [Draft(one, policy, stamp, cause, steps, actor=action.actor, case=one.case) for one in facts.cases]
            return _remove(facts, policy, drafts)
        case ReturnContact():
            return _return(action, facts, policy)
    assert_never(action)


def user_managers(contacts: tuple[Contact, ...]) -> tuple[Contact, ...]:
    """Who of an account manages its contacts, with access to cases or without."""
    return tuple(one for one in contacts if one.active and ContactRole.USER_MANAGER in one.roles)


def _change_roles(action: ChangeRoles, facts: PeopleFacts, policy: Policy) -> Change:
    before = facts.contact
    if not before.active:
        raise Refused(f"{before.address} is un-registered; `casegate contact add` makes them active again")
    after = replace(before, roles=(before.roles | action.add) - action.remove)
    if after.roles == before.roles:
        return Change()
    words = _words(facts, after, event="roles")
    words = replace(words, added=_named(after.roles - before.roles), removed=_named(before.roles - after.roles))
    # Whoever is no user manager any more is told as well: or nobody would hear of the last one's.
    readers = dict.fromkeys((*user_managers(facts.contacts), *user_managers((after,))))
    return Change(contact=after, notices=_tell(tuple(readers), words, facts, policy))


def _return(action: ReturnContact, facts: PeopleFacts, policy: Policy) -> Change:
    before, wanted = facts.contact, action.contact
    if before.active:
        raise Refused(f"{before.address} is a contact already")
    after = replace(
        before,
        name=wanted.name,
        roles=wanted.roles,
        phone=wanted.phone or before.phone,
        lang=wanted.lang or before.lang,
        access=wanted.access,
        active=True,
    )
    words = replace(_words(facts, after, event="returned"), added=_named(after.roles))
    return Change(contact=after, notices=_tell(user_managers(facts.contacts), words, facts, policy))


def _remove(facts: PeopleFacts, policy: Policy, drafts: list[Draft]) -> Change:
    before, successor = facts.contact, facts.successor
    if not before.active:
        return Change()
    if successor:
        _must_follow(successor, before)
    after = replace(before, roles=frozenset(), active=False)
    staying = tuple(one for one in facts.contacts if one.active and one.id != before.id)
    for draft in drafts:
        _leave(draft, before, successor, staying)
    words = replace(_words(facts, after, event="removed"), successor=successor.name if successor else None)
    managers = user_managers(staying)
    taking = [successor] if successor and successor not in managers and _taken(successor, drafts) else []
    notices = [
        notice
        for reader in (*managers, *taking)
        for notice in _tell((reader,), replace(words, cases=_taken(reader, drafts)), facts, policy)
    ]
    return Change(
        contact=after,
        notices=tuple(notices),
        cancels=f"cancelled: {before.address} was un-registered by {facts.actor_name}",
        also=tuple(draft.done() for draft in drafts),
    )


def _must_follow(successor: Contact, before: Contact) -> None:
    if successor.id == before.id:
        raise Refused(f"{before.address} cannot be their own successor")
    if successor.account != before.account:
        raise Refused(f"{successor.address} is of account {successor.account}; a successor is of {before.account}")
    if not successor.may_write:
        raise Refused(f"{successor.address} {'has no access to cases' if successor.active else 'is un-registered'}")


def _leave(draft: Draft, contact: Contact, successor: Contact | None, staying: tuple[Contact, ...]) -> None:
    """Take a contact off one open case, and see to it that somebody of the account is on it still.

    A case of another account goes on without them: who else of theirs is on it is for that account and agents to say.
    """
    case = draft.now
    if contact.party in case.participants:
        draft.add("participant_removed", party=str(contact.party))
    if case.account != contact.account:
        return
    if successor and case.reporter == contact.party:
        if successor.party in case.participants:
            draft.add("participant_removed", party=str(successor.party))
        draft.add("reporter_changed", reporter=str(successor.party), before=str(contact.party))
    elif successor:
        draft.join(successor.party)
    elif case.reporter == contact.party:
        draft.add("reporter_left", party=str(contact.party))
    on_it = {draft.now.reporter, *draft.now.participants}
    if not any(one.party in on_it for one in staying):
        for manager in user_managers(staying):
            if manager.access:  # a manager without it holds the role and sees no cases
                draft.join(manager.party)


def _taken(reader: Contact, drafts: list[Draft]) -> tuple[str, ...]:
    """The open cases that come to somebody, as their mails name them."""
    party = str(reader.party)
    return tuple(
        f"{draft.facts.token} {draft.now.subject}"
        for draft in drafts
        if any(
            party in {event.detail.get("party"), event.detail.get("reporter")}
            for event in draft.events
            if event.event in {"participant_added", "reporter_changed"}
        )
    )


def _named(roles: frozenset[ContactRole]) -> tuple[str, ...]:
    """Roles as people read them, in the order of SPEC section 2."""
    return tuple(role.replace("_", " ") for role in ContactRole if role in roles)


def _words(facts: PeopleFacts, contact: Contact, *, event: str) -> ContactWords:
    return ContactWords(
        event=event,
        recipient="",
        account=facts.account.number,
        account_name=facts.account.name,
        name=contact.name,
        address=contact.address,
        author=facts.actor_name,
        roles=_named(contact.roles),
    )


def _tell(readers: tuple[Contact, ...], words: ContactWords, facts: PeopleFacts, policy: Policy) -> tuple[Notice, ...]:
    """What the rules say that user managers are told of what is changed about their account's contacts."""
    return tuple(
        Notice(
            kind=NoticeKind.REGISTRATION,
            template=rule.template,
            recipient=reader.address,
            lang=reader.lang or facts.account.lang,
            words=replace(words, recipient=reader.name),
            automatic=rule.automatic,
        )
        for rule in policy.notices
        if rule.kind == NoticeKind.REGISTRATION and rule.to == "user_managers"
        for reader in readers
    )
