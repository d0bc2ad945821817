"""What an Action about a registration changes: from the first letter to the welcome (SPEC section 9).

Called by `services.perform` only, and by `domain.approving` when a question about a registration is answered; looks at
facts and rules and writes nothing. What strangers are told is the same whatever was right or wrong.
"""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from gateway.domain.actions import Change, Stamp
from gateway.domain.approval import (
    ANSWER_WITHIN,
    CONFIRM_WITHIN,
    MOST_WRONG_PINS,
    Approval,
    ApprovalKind,
    ApprovalState,
    Letter,
    Registration,
    RegistrationState,
)
from gateway.domain.approval_actions import AskToRegister, Confirm, DecideRegistration, Invite, RegistrationAction, Says
from gateway.domain.facts import JoinFacts
from gateway.domain.lookalike import shown_plainly
from gateway.domain.model import Account, Contact, ContactId, ContactRole, NoticeKind, Party
from gateway.domain.people import named_roles, user_managers
from gateway.domain.people_news import FALLBACK_LANGUAGE, Reader, agent_reader, contact_reader, last_day, tell
from gateway.domain.phrases import Phrase
from gateway.domain.policy import Policy
from gateway.domain.words import ApprovalWords, Notice, RegistrationWords
from gateway.errors import NotFound, Refused

MOST_HINTS = MOST_WRONG_PINS + 1
"""So many mails say that something is missing: one for each wrong PIN, one for none at all; then there is silence."""


def decide(action: RegistrationAction, facts: JoinFacts, policy: Policy, stamp: Stamp) -> Change:
    """What this action changes. Raises Refused or NotFound, naming the mend, where an agent asks what cannot be."""
    match action:
        case AskToRegister():
            return _letter(action, facts, policy, stamp.at)
        case Invite():
            return _invite(action, facts, policy, stamp.at)
        case Confirm():
            return _confirm(action, facts, policy, stamp.at)
        case DecideRegistration():
            return _vendor(action, facts, policy, stamp.at)
    assert_never(action)


def _letter(action: AskToRegister, facts: JoinFacts, policy: Policy, now: datetime) -> Change:
    """A first letter, or one more of somebody whose registration is open."""
    letter, known = action.letter, facts.registration
    before = known or Registration(
        id=facts.next_registration,
        address=letter.address,
        state=RegistrationState.REQUESTED,
        requested_at=now,
        expires_at=now + CONFIRM_WITHIN,
    )
    after = _completed(before, letter)
    if after.state is RegistrationState.CONFIRMED:
        notices = _to_registrant(after, "confirmed", facts, policy, letter.message_id) if facts.may_mail else ()
        return Change(notices=notices)
    if facts.may_mail and after.is_open:
        after = replace(after, expires_at=now + CONFIRM_WITHIN)
        notices = _to_registrant(after, "asked", facts, policy, letter.message_id)
    else:
        notices = ()
    return Change(registrations=(after,), notices=(*notices, *_told_of_end(before, after, facts, policy)))


def _completed(before: Registration, letter: Letter) -> Registration:
    """The registration with what the letter says; a PIN that was right once stays so, five wrong ones end it."""
    after = replace(
        before,
        name=letter.name or before.name,
        phone=letter.phone or before.phone,
        lang=letter.lang or before.lang,
    )
    if before.is_proved or not letter.has_pin or before.state is not RegistrationState.REQUESTED:
        return after
    if letter.account is not None and before.account in {None, letter.account}:
        return replace(after, account=letter.account, is_proved=True)
    wrong = before.wrong_pins + 1
    ended = wrong >= MOST_WRONG_PINS
    return replace(after, wrong_pins=wrong, state=RegistrationState.ENDED if ended else before.state)


def _told_of_end(before: Registration, after: Registration, facts: JoinFacts, policy: Policy) -> tuple[Notice, ...]:
    """Agents hear of a registration that wrong PINs have ended."""
    if before.state is after.state or after.state is not RegistrationState.ENDED:
        return ()
    words = _words(after, "ended", facts, policy)
    return tell(NoticeKind.DIGEST, "deciders", _deciders(facts), words, policy)


def _invite(action: Invite, facts: JoinFacts, policy: Policy, now: datetime) -> Change:
    _must_be_free(action.address, facts)
    if not facts.may_mail:
        raise Refused(
            Phrase("{address} got a registration mail within a day; they need only answer it", address=action.address)
        )
    is_granted = action.actor.kind != "agent"
    open_one = facts.registration
    after = Registration(
        id=open_one.id if open_one else facts.next_registration,
        address=action.address,
        state=RegistrationState.REQUESTED,
        requested_at=now,
        expires_at=now + CONFIRM_WITHIN,
        account=action.account,
        is_proved=is_granted,
        name=action.name,
        phone=action.phone,
        lang=action.lang or (facts.account.lang if facts.account else None),
        roles=action.roles,
        invited_by=action.actor,
        is_granted=is_granted,
        wrong_pins=open_one.wrong_pins if open_one else 0,
    )
    return Change(registrations=(after,), notices=_to_registrant(after, "asked", facts, policy))


def _must_be_free(address: str, facts: JoinFacts) -> None:
    account = facts.account
    if facts.is_agent:
        raise Refused(Phrase("{address} is an agent's address; a contact needs another one", address=address))
    if facts.known and account and facts.known.account != account.number:
        raise Refused(
            Phrase("{address} is not free; the same person under two companies needs two addresses", address=address)
        )
    if facts.known and facts.known.active:
        raise Refused(Phrase("{address} is registered already", address=address))
    if facts.registration and facts.registration.state is RegistrationState.CONFIRMED:
        raise Refused(
            Phrase("{address} has confirmed already; the registration waits for its approval", address=address)
        )


def _confirm(action: Confirm, facts: JoinFacts, policy: Policy, now: datetime) -> Change:
    before, letter = facts.registration, action.letter
    if before is None:
        raise NotFound("there is no such registration")
    if before.state is not RegistrationState.REQUESTED or before.expires_at <= now:
        return _too_late(before, facts, policy, letter)
    after = _completed(before, letter)
    if not after.is_proved:
        hint = letter.has_pin or not before.hints
        told = _to_registrant(after, "incomplete", facts, policy, letter.message_id) if hint else ()
        after = replace(after, hints=after.hints + bool(told))
        return Change(registrations=(after,), notices=(*told, *_told_of_end(before, after, facts, policy)))
    if facts.is_agent or (facts.known and (facts.known.active or facts.known.account != after.account)):
        after = replace(after, state=RegistrationState.ENDED)
        event = "known" if facts.known and facts.known.account == after.account else "taken"
        return Change(registrations=(after,), notices=_to_registrant(after, event, facts, policy, letter.message_id))
    if after.is_granted and _is_manager(after.invited_by, facts):
        return welcome(after, facts, policy, letter.message_id)
    return _ask(after, facts, policy, letter, now)


def _occupied(before: Registration, facts: JoinFacts, policy: Policy, message_id: str | None) -> Change:
    """The address belongs to somebody already: who has it may know that, and nothing is changed."""
    after = replace(before, state=RegistrationState.ENDED)
    event = "known" if facts.known and facts.known.account == after.account else "taken"
    return Change(registrations=(after,), notices=_to_registrant(after, event, facts, policy, message_id))


def _too_late(before: Registration, facts: JoinFacts, policy: Policy, letter: Letter) -> Change:
    """A reply that changes nothing: what is told depends on how the registration ended, and is told once."""
    if before.state is RegistrationState.ENDED and before.wrong_pins:
        is_more = letter.has_pin and before.hints < MOST_HINTS  # the same words as for any wrong PIN
        event = "incomplete" if is_more else None
    else:
        is_over = before.state is RegistrationState.REQUESTED or before.state is RegistrationState.EXPIRED
        event = None if before.hints else "expired" if is_over else "answered"
    if event is None:
        return Change()
    after = replace(before, hints=before.hints + 1)
    return Change(registrations=(after,), notices=_to_registrant(after, event, facts, policy, letter.message_id))


def _is_manager(party: Party | None, facts: JoinFacts) -> bool:
    return any(manager.party == party for manager in user_managers(facts.contacts))


def _ask(after: Registration, facts: JoinFacts, policy: Policy, letter: Letter, now: datetime) -> Change:
    """Confirmed: the user managers are asked, or the vendor where there is none."""
    after = replace(after, state=RegistrationState.CONFIRMED, expires_at=now + ANSWER_WITHIN)
    assert after.account is not None
    approval = Approval(
        id=facts.next_approval,
        kind=ApprovalKind.REGISTRATION,
        account=after.account,
        state=ApprovalState.OPEN,
        requested_at=now,
        expires_at=after.expires_at,
        registration=after.id,
        text=f"register {after.name} <{after.address}>",
    )
    change = ask_managers(after, approval, facts, policy)
    told = _to_registrant(after, "confirmed", facts, policy, letter.message_id)
    return replace(change, notices=(*change.notices, *told))


def ask_managers(after: Registration, approval: Approval, facts: JoinFacts, policy: Policy) -> Change:
    """Ask the user managers of the account as they are now; without any, agents are told that they decide."""
    managers = user_managers(facts.contacts)
    if not managers:
        words = _words(after, "to_decide", facts, policy)
        notices = tell(NoticeKind.REGISTRATION, "deciders", _deciders(facts), words, policy)
        return Change(registrations=(after,), approvals=(approval,), notices=notices)
    approval = replace(approval, asked=tuple(manager.address for manager in managers))
    return Change(
        registrations=(after,),
        approvals=(approval,),
        notices=questions(after, approval, managers, facts, policy, event="asked"),
    )


def questions(
    registration: Registration,
    approval: Approval,
    managers: tuple[Contact, ...],
    facts: JoinFacts,
    policy: Policy,
    *,
    event: str,
) -> tuple[Notice, ...]:
    """The mails that ask user managers about a registration; each can be answered."""
    account = facts.account
    assert account is not None
    readers = tuple(contact_reader(manager, account) for manager in managers)
    words = approval_words(registration, approval, account, event=event)
    return tell(NoticeKind.APPROVAL, "approvers", readers, words, policy, approval=approval.id)


def approval_words(registration: Registration, approval: Approval, account: Account, *, event: str) -> ApprovalWords:
    """What a mail about the approval of a registration says."""
    domain = registration.address.rpartition("@")[2]
    return ApprovalWords(
        kind=approval.kind,
        event=event,
        recipient="",
        account=account.number,
        account_name=account.name,
        request=approval.text,
        name=registration.name,
        address=registration.address,
        phone=registration.phone,
        gave_pin=not registration.is_granted,
        is_outside=bool(account.domains) and domain not in account.domains,
        shown=shown_plainly(registration.address, account.domains),
        until=last_day(approval.expires_at, account),
    )


def _vendor(action: DecideRegistration, facts: JoinFacts, policy: Policy, now: datetime) -> Change:
    registration, approval = facts.registration, facts.approval
    if registration is None:
        raise NotFound(f"there is no registration {action.registration}; `casegate registration list` shows them")
    if registration.state is RegistrationState.REQUESTED:
        raise Refused(f"{registration.address} has not confirmed yet; they must reply to the registration mail first")
    if approval is None or not approval.is_open:
        raise Refused(f"registration {registration.id} is {registration.state} already")
    if managers := user_managers(facts.contacts):
        names = ", ".join(manager.address for manager in managers)
        raise Refused(f"account {registration.account} decides itself; its user managers are asked: {names}")
    answered = replace(approval, answered_by=action.actor, answered_at=now, reason=action.reason)
    if action.says is Says.REJECT:
        return reject(registration, answered, facts, policy)
    first = replace(registration, roles=registration.roles | {ContactRole.USER_MANAGER})
    change = welcome(first, facts, policy, None)
    if change.contact is None:
        return replace(change, approvals=(replace(answered, state=ApprovalState.APPROVED),))
    joined = replace(facts, contacts=(*facts.contacts, change.contact))
    also = tuple(
        ask_managers(other, question, joined, policy) for other, question in facts.waiting if other.id != first.id
    )
    return replace(change, approvals=(replace(answered, state=ApprovalState.APPROVED),), also=also)


def welcome(registration: Registration, facts: JoinFacts, policy: Policy, message_id: str | None) -> Change:
    """The person is a contact from now on: a new one, or one who comes back."""
    account, known = facts.account, facts.known
    assert account is not None
    if facts.is_agent or (known and (known.active or known.account != account.number)):
        return _occupied(registration, facts, policy, message_id)  # somebody else was quicker
    contact = Contact(
        id=known.id if known else ContactId(0),
        account=account.number,
        name=registration.name or registration.address.partition("@")[0],
        addresses=known.addresses if known else (registration.address,),
        roles=registration.roles,
        phone=registration.phone or (known.phone if known else None),
        lang=registration.lang or (known.lang if known else None),
    )
    after = replace(registration, state=RegistrationState.APPROVED)
    words = replace(_words(after, "welcome", facts, policy), roles=named_roles(contact.roles), name=contact.name)
    reader = replace(contact_reader(contact, account), address=registration.address)
    notices = tell(NoticeKind.WELCOME, "registrant", (reader,), words, policy, answers=message_id)
    return Change(registrations=(after,), contact=contact, notices=notices)


def reject(registration: Registration, answered: Approval, facts: JoinFacts, policy: Policy) -> Change:
    """The person is told so, with the reason if one was given."""
    after = replace(registration, state=RegistrationState.REJECTED)
    words = replace(_words(after, "rejected", facts, policy), reason=answered.reason)
    notices = tell(NoticeKind.REJECTED, "registrant", (registrant(after),), words, policy)
    return Change(registrations=(after,), approvals=(replace(answered, state=ApprovalState.REJECTED),), notices=notices)


def expire(registration: Registration, expired: Approval, facts: JoinFacts, policy: Policy) -> Change:
    """Nobody has answered in time: both sides are told (SPEC section 9, point 5)."""
    after = replace(registration, state=RegistrationState.EXPIRED)
    words = _words(after, "unanswered", facts, policy)
    told = tell(NoticeKind.REGISTRATION, "registrant", (registrant(after),), words, policy)
    managers = user_managers(facts.contacts)
    if facts.account and managers:
        readers = tuple(contact_reader(manager, facts.account) for manager in managers)
        about = approval_words(after, expired, facts.account, event="expired")
        told = (*told, *tell(NoticeKind.APPROVAL, "requester", readers, about, policy))
    else:
        told = (*told, *tell(NoticeKind.REGISTRATION, "deciders", _deciders(facts), words, policy))
    return Change(registrations=(after,), approvals=(expired,), notices=told)


def remind(registration: Registration, approval: Approval, facts: JoinFacts, policy: Policy) -> Change:
    """Ask once more: the user managers as they are now, else the vendor."""
    managers = user_managers(facts.contacts)
    if not managers:
        words = _words(registration, "to_decide", facts, policy)
        return Change(notices=tell(NoticeKind.REGISTRATION, "deciders", _deciders(facts), words, policy))
    asked = replace(approval, asked=tuple(manager.address for manager in managers))
    return Change(approvals=(asked,), notices=questions(registration, asked, managers, facts, policy, event="reminder"))


def _deciders(facts: JoinFacts) -> tuple[Reader, ...]:
    return tuple(map(agent_reader, facts.deciders))


def registrant(registration: Registration) -> Reader:
    """Who registers, as a reader."""
    return Reader(address=registration.address, name=registration.name, lang=registration.lang or FALLBACK_LANGUAGE)


def _to_registrant(
    registration: Registration, event: str, facts: JoinFacts, policy: Policy, message_id: str | None = None
) -> tuple[Notice, ...]:
    """A mail to the person who registers; those that ask for something can be answered."""
    can_answer = event in {"asked", "incomplete"}
    return tell(
        NoticeKind.REGISTRATION,
        "registrant",
        (registrant(registration),),
        _words(registration, event, facts, policy),
        policy,
        answers=message_id,
        registration=registration.id if can_answer else None,
    )


def _words(registration: Registration, event: str, facts: JoinFacts, policy: Policy) -> RegistrationWords:
    """What a mail about a registration says. The first one tells nobody whether the PIN was right, nor whose it is."""
    is_told = facts.account is not None and (
        registration.invited_by is not None or event not in {"asked", "incomplete"}
    )
    account = facts.account if is_told else None
    return RegistrationWords(
        event=event,
        recipient=registration.name,
        name=registration.name,
        address=registration.address,
        service_address=policy.post.service_address,
        registration_address=policy.post.registration_address,
        number=registration.id,
        account=account.number if account else "",
        account_name=account.name if account else "",
        phone=registration.phone,
        inviter=facts.actor_name if registration.invited_by else None,
        until=last_day(registration.expires_at, None),
        is_first=not user_managers(facts.contacts),
        needs_pin=not registration.is_granted,
    )
