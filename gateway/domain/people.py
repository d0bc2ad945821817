"""What an Action about a contact changes: roles, un-registering, coming back (SPEC sections 3 and 9).

Called by `services.perform` only; looks at facts and rules and writes nothing. What it does to the contact's cases are
Changes of their own beside it, so that each case stays the fold of its events.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import assert_never

from gateway.domain.actions import Change, Stamp
from gateway.domain.draft import Draft
from gateway.domain.erasing import Mask, must_be_admin
from gateway.domain.facts import CaseFacts, PeopleFacts
from gateway.domain.model import Contact, ContactRole, NoticeKind, Party, PartyKind
from gateway.domain.people_actions import (
    AddAddress,
    ChangeRoles,
    EraseContact,
    PeopleAction,
    RemoveContact,
    ReturnContact,
    Subscribe,
)
from gateway.domain.phrases import Phrase
from gateway.domain.policy import Policy
from gateway.domain.words import AnnouncementWords, ContactWords, Notice
from gateway.errors import Refused


def decide(action: PeopleAction, facts: PeopleFacts, policy: Policy, stamp: Stamp, cause: str, step: int) -> Change:
    """What this action changes; the events of its cases count on from `step`. Raises Refused.

    A Change without a contact says that it was so already.
    """
    match action:
        case ChangeRoles():
            return _change_roles(action, facts, policy)
        case RemoveContact():
            if action.actor == facts.contact.party and user_managers(facts.contacts) == (facts.contact,):
                raise Refused(
                    Phrase("the last user manager cannot un-register themselves; give somebody else the role first")
                )
            return _remove(facts, policy, _drafts(action, facts.cases, policy, stamp, cause, count(step)))
        case EraseContact():
            steps = count(step)
            open_ = _drafts(action, facts.cases, policy, stamp, cause, steps)
            return _erase(facts, policy, open_, _drafts(action, facts.past, policy, stamp, cause, steps))
        case ReturnContact():
            return _return(action, facts, policy)
        case AddAddress():
            return _add_address(action, facts)
        case Subscribe():
            return _subscribe(action, facts, policy, stamp)
    assert_never(action)


def _drafts(
    action: RemoveContact | EraseContact,
    cases: tuple[CaseFacts, ...],
    policy: Policy,
    stamp: Stamp,
    cause: str,
    steps: Iterator[int],
) -> list[Draft]:
    return [Draft(one, policy, stamp, cause, steps, actor=action.actor, case=one.case) for one in cases]


def user_managers(contacts: tuple[Contact, ...]) -> tuple[Contact, ...]:
    """Who of an account manages its contacts, with access to cases or without."""
    return tuple(one for one in contacts if one.active and ContactRole.USER_MANAGER in one.roles)


def _change_roles(action: ChangeRoles, facts: PeopleFacts, policy: Policy) -> Change:
    before = facts.contact
    if not before.active:
        raise Refused(
            Phrase("{address} is un-registered; `casegate contact add` makes them active again", address=before.address)
        )
    after = replace(before, roles=(before.roles | action.add) - action.remove)
    if after.roles == before.roles:
        return Change()
    words = _words(facts, after, event="roles")
    words = replace(
        words, added=named_roles(after.roles - before.roles), removed=named_roles(before.roles - after.roles)
    )
    # Whoever is no user manager any more is told as well: or nobody would hear of the last one's.
    readers = dict.fromkeys((*user_managers(facts.contacts), *user_managers((after,))))
    return Change(contact=after, notices=_tell(tuple(readers), words, facts, policy))


def _add_address(action: AddAddress, facts: PeopleFacts) -> Change:
    """Mail goes on to the first address; a mail from any of them is this person's."""
    before = facts.contact
    if not before.active:
        raise Refused(Phrase("{address} is un-registered; nothing was changed", address=before.address))
    if action.address in before.addresses:
        return Change()
    return Change(contact=replace(before, addresses=(*before.addresses, action.address)))


def _subscribe(action: Subscribe, facts: PeopleFacts, policy: Policy, stamp: Stamp) -> Change:
    """Who unsubscribes by mail hears once that it is done; the role is their account's to take."""
    before = facts.contact
    if not before.active:
        raise Refused(f"{before.address} is un-registered and gets no announcements")
    if action.wanted == (before.unsubscribed_at is None):
        return Change()
    after = replace(before, unsubscribed_at=None if action.wanted else stamp.at)
    if action.actor != before.party:
        words = _words(facts, after, event="subscribed" if action.wanted else "unsubscribed")
        notices = _tell(user_managers(facts.contacts), words, facts, policy)
    else:
        notices = () if action.is_quiet else _confirm(action, facts, policy)
    cancels = None if action.wanted else f"cancelled: {before.address} unsubscribed"
    return Change(contact=after, notices=notices, cancels=cancels)


def _confirm(action: Subscribe, facts: PeopleFacts, policy: Policy) -> tuple[Notice, ...]:
    contact, account = facts.contact, facts.account
    return tuple(
        Notice(
            kind=NoticeKind.REGISTRATION,
            template=rule.template,
            recipient=contact.address,
            lang=contact.lang or account.lang,
            words=AnnouncementWords(
                recipient=contact.name,
                account=account.number,
                account_name=account.name,
                service_address=policy.post.service_address,
            ),
            automatic=rule.automatic,
            answers=action.answers,
        )
        for rule in policy.notices
        if rule.kind == NoticeKind.REGISTRATION and rule.to == "author"
    )


def _return(action: ReturnContact, facts: PeopleFacts, policy: Policy) -> Change:
    before, wanted = facts.contact, action.contact
    if before.active:
        raise Refused(f"{before.address} is a contact already")
    if before.is_erased:
        raise Refused(f"{before.name} was erased, and nothing brings them back; add a new contact with another address")
    after = replace(
        before,
        name=wanted.name,
        roles=wanted.roles,
        phone=wanted.phone or before.phone,
        lang=wanted.lang or before.lang,
        access=wanted.access,
        active=True,
    )
    words = replace(_words(facts, after, event="returned"), added=named_roles(after.roles))
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


def _erase(facts: PeopleFacts, policy: Policy, open_: list[Draft], past: list[Draft]) -> Change:
    """Un-register whoever is active still, note the erasure on all their cases, and leave the pseudonym."""
    before, mask = facts.contact, Mask.of(facts.contact)
    must_be_admin(facts.actor, facts.agents)
    if before.is_erased:
        return Change()
    if facts.undecided:
        raise _undecided(before, facts)
    if facts.successor and not before.active:
        raise Refused(f"{before.address} is un-registered already; their open cases went on then")
    _remove(facts, policy, open_)
    by_address = [Party(PartyKind.EXTERNAL, address) for address in before.addresses]
    for draft in (*open_, *past):
        _hush(draft, before, ())
        for party in by_address:
            if party in draft.now.participants:  # mail would go on to nowhere
                draft.add("participant_removed", party=str(party))
        draft.add("erased", party=str(before.party))
    after = replace(
        before,
        name=mask.name,
        addresses=(mask.address,),
        roles=frozenset(),
        phone=None,
        lang=None,
        active=False,
        bounced=(),
        unsubscribed_at=None,
        is_erased=True,
    )
    words = replace(_words(facts, after, event="erased"), touched=len(open_) + len(past))
    notices = _tell_of_erasure(words, mask, facts, policy, open_)
    also = tuple(draft.done() for draft in (*open_, *past))
    return Change(contact=after, notices=notices, also=also, erases=before)


def _tell_of_erasure(
    words: ContactWords, mask: Mask, facts: PeopleFacts, policy: Policy, drafts: list[Draft]
) -> tuple[Notice, ...]:
    """The user managers, and a successor who takes cases, hear of a pseudonym: the mail is kept here, after all."""
    staying = tuple(one for one in facts.contacts if one.id != facts.contact.id)
    taking = [facts.successor] if facts.successor and _taken(facts.successor, drafts) else []
    return tuple(
        notice
        for reader in dict.fromkeys((*user_managers(staying), *taking))
        for notice in _tell(
            (reader,), replace(words, cases=tuple(map(mask.everything, _taken(reader, drafts)))), facts, policy
        )
    )


def _undecided(contact: Contact, facts: PeopleFacts) -> Refused:
    ids = ", ".join(str(id_) for id_ in facts.undecided[:5])
    return Refused(
        f"mail of {contact.address} waits to be decided ({ids}); `casegate settle` waits for that, "
        f"`casegate intake drop {facts.undecided[0]}` does without"
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
    _hush(draft, contact, staying)
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


def _hush(draft: Draft, contact: Contact, staying: tuple[Contact, ...]) -> None:
    """Who is un-registered gets no mail any more, under any address, not even about meetings in their calendar."""
    gone, by_address = replace(contact, active=False), (Party(PartyKind.EXTERNAL, one) for one in contact.addresses)
    known = {one.party: one for one in staying} | dict.fromkeys((contact.party, *by_address), gone)
    draft.facts = replace(draft.facts, contacts={**draft.facts.contacts, **known})


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


def named_roles(roles: frozenset[ContactRole]) -> tuple[str, ...]:
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
        by_vendor=facts.by_vendor,
        roles=named_roles(contact.roles),
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
