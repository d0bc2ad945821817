"""What an Action about an approval changes: who is asked, whose answer counts, and what follows (SPEC sections 3 and 9).

Called by `services.perform` only; looks at facts and rules and writes nothing. One mechanism for registrations, orders,
roles, addresses and "was this you?": a question is answered by a mail from the address that was asked, by somebody who
may say so at that moment; the first answer counts, and nobody approves what they asked for themselves.
"""

from dataclasses import replace
from itertools import count
from typing import assert_never

from gateway.domain import registering
from gateway.domain.actions import Change, Stamp
from gateway.domain.approval import (
    ANSWER_WITHIN,
    CONFIRM_WITHIN,
    Approval,
    ApprovalKind,
    ApprovalState,
    RegistrationState,
)
from gateway.domain.approval_actions import (
    Answer,
    ApprovalAction,
    Ask,
    Hint,
    Lack,
    Lapse,
    ReleaseOrder,
    Says,
)
from gateway.domain.draft import Draft
from gateway.domain.facts import ApprovalFacts
from gateway.domain.kinds import MANAGERS, must_be
from gateway.domain.model import SYSTEM, Contact, ContactRole, NoticeKind, Party, TimerKind
from gateway.domain.notices import News
from gateway.domain.people_news import Reader, contact_reader, last_day, tell
from gateway.domain.phrases import Phrase
from gateway.domain.policy import Policy
from gateway.domain.requests import from_json
from gateway.domain.words import ApprovalWords, Notice
from gateway.errors import NotFound, Refused

_ROLE = {
    ApprovalKind.REGISTRATION: ContactRole.USER_MANAGER,
    ApprovalKind.ROLES: ContactRole.USER_MANAGER,
    ApprovalKind.ORDER: ContactRole.DECISION_MAKER,
}
"""Which role may answer; what has none is asked of the person whom it is about."""

_WITHIN = {ApprovalKind.ADDRESS: CONFIRM_WITHIN, ApprovalKind.STEP_UP: CONFIRM_WITHIN}


def decide(action: ApprovalAction, facts: ApprovalFacts, policy: Policy, stamp: Stamp, cause: str, step: int) -> Change:
    """What this action changes; the events of a case count on from `step`. Raises Refused or NotFound."""
    case, actor = facts.case, _actor(action, facts)
    draft = Draft(case, policy, stamp, cause, count(step), actor=actor, case=case.case) if case else None
    match action:
        case Ask():
            return _ask(action, facts, policy, stamp, draft)
        case Answer():
            return _answer(action, facts, policy, stamp, draft)
        case Hint():
            return _hint(action, facts, policy)
        case ReleaseOrder():
            return _release(action, facts, stamp, draft)
        case Lapse():
            return _lapse(action, facts, policy, stamp, draft)
    assert_never(action)


def _actor(action: ApprovalAction, facts: ApprovalFacts) -> Party:
    if isinstance(action, Ask | ReleaseOrder):
        return action.actor
    return facts.approver.party if facts.approver else SYSTEM


def may_answer(approval: Approval, contact: Contact | None) -> bool:
    """True if this contact, as they are now, may answer: the role, the account, and not what they asked for themselves.

    A further address is proved by whoever reads its mail, so there it need be nobody's.
    """
    role = _ROLE.get(approval.kind)
    if role is None:
        return contact is None or (contact.active and contact.party == approval.contact)
    if contact is None or not contact.active or contact.account != approval.account:
        return False
    return role in contact.roles and contact.party != approval.contact


def _ask(action: Ask, facts: ApprovalFacts, policy: Policy, stamp: Stamp, draft: Draft | None) -> Change:
    account = facts.account
    assert account is not None
    approval = Approval(
        id=facts.next_approval,
        kind=action.kind,
        account=account.number,
        state=ApprovalState.OPEN,
        requested_at=stamp.at,
        expires_at=stamp.at + _WITHIN.get(action.kind, ANSWER_WITHIN),
        case=draft.now.number if draft else None,
        contact=action.actor,
        request=action.request,
        text=action.text,
        asked=_whom(action, facts),
    )
    if action.kind is ApprovalKind.ROLES and not approval.asked:
        raise Refused(
            Phrase("nobody changes their own roles, and your company has no other user manager to approve it")
        )
    change = Change(approvals=(approval,), notices=_questions(approval, facts, policy, event="asked"))
    if draft is None:
        return change
    draft.add("approval_requested", approval=approval.id, kind=approval.kind.value)
    if not approval.asked:
        draft.tell(NoticeKind.APPROVAL, News(event="order_undecided", author=draft.actor, text=action.text))
    done = draft.done()
    return replace(done, approvals=change.approvals, notices=(*done.notices, *change.notices))


def _whom(action: Ask, facts: ApprovalFacts) -> tuple[str, ...]:
    """The addresses that are asked; for a further address that one and the one known."""
    own = next((one for one in facts.contacts if one.party == action.actor), None)
    if role := _ROLE.get(action.kind):
        return tuple(
            one.address for one in facts.contacts if one.active and role in one.roles and one.party != action.actor
        )
    assert own is not None
    return (own.address, action.address) if action.address else (own.address,)


def _questions(approval: Approval, facts: ApprovalFacts, policy: Policy, *, event: str) -> tuple[Notice, ...]:
    """A mail to each address that is asked; it can be answered."""
    by_address = {contact.address: contact for contact in facts.contacts}
    assert facts.account is not None
    readers = tuple(
        contact_reader(by_address[address], facts.account)
        if address in by_address
        else Reader(address=address, lang=facts.account.lang)
        for address in approval.asked
    )
    words = _words(approval, facts, policy, event=event)
    return tell(NoticeKind.APPROVAL, "approvers", readers, words, policy, approval=approval.id)


def _answer(action: Answer, facts: ApprovalFacts, policy: Policy, stamp: Stamp, draft: Draft | None) -> Change:
    approval = facts.approval
    if approval is None:
        raise NotFound(Phrase("there is no such approval"))
    if lack := _lack(action, approval, facts, stamp):
        return _hint(
            Hint(address=action.address, lack=lack, asked=action.asked, message_id=action.message_id), facts, policy
        )
    by = facts.approver.party if facts.approver else None
    answered = replace(approval, answered_by=by, answered_at=stamp.at, reason=action.reason)
    if action.says is Says.REJECT:
        return _rejected(action, answered, facts, policy, draft)
    agreed = tuple(dict.fromkeys((*approval.agreed, action.address)))
    if approval.kind is ApprovalKind.ADDRESS and set(agreed) != set(approval.asked):
        return Change(approvals=(replace(approval, agreed=agreed),))
    answered = replace(answered, agreed=agreed, state=ApprovalState.APPROVED)
    told = _told_approver(answered, action, facts, policy)
    if approval.kind is ApprovalKind.REGISTRATION:
        assert facts.registering is not None
        assert facts.registering.registration is not None
        change = registering.welcome(facts.registering.registration, facts.registering, policy, None)
        return replace(change, approvals=(answered,), notices=(*change.notices, *told))
    change = _on_case(answered, draft)
    request = from_json(answered.request)
    notices = (*change.notices, *told, *_told_requester(answered, facts, policy))
    return replace(change, approvals=(answered,), notices=notices, then=(request,) if request else ())


def with_failure(notice: Notice, why: str) -> Notice:
    """The mail about an approval whose request could not be done any more: it was given, and nothing was changed."""
    if not isinstance(notice.words, ApprovalWords):
        return notice
    return replace(notice, words=replace(notice.words, failed=why))


def _lack(action: Answer, approval: Approval, facts: ApprovalFacts, stamp: Stamp) -> Lack | None:
    """Why this answer does not count, if it does not."""
    if approval.state is ApprovalState.EXPIRED or (approval.is_open and approval.expires_at <= stamp.at):
        return Lack.EXPIRED
    if not approval.is_open or action.address in approval.agreed:
        return Lack.ANSWERED
    return None if may_answer(approval, facts.approver) else Lack.NO_ROLE


def _rejected(action: Answer, answered: Approval, facts: ApprovalFacts, policy: Policy, draft: Draft | None) -> Change:
    answered = replace(answered, state=ApprovalState.REJECTED)
    told = _told_approver(answered, action, facts, policy)
    if answered.kind is ApprovalKind.REGISTRATION:
        assert facts.registering is not None
        assert facts.registering.registration is not None
        change = registering.reject(facts.registering.registration, answered, facts.registering, policy)
        return replace(change, notices=(*change.notices, *told))
    change = _on_case(answered, draft)
    notices = (*change.notices, *told, *_told_requester(answered, facts, policy))
    return replace(change, approvals=(answered,), notices=notices)


def _on_case(answered: Approval, draft: Draft | None) -> Change:
    """An order goes on, or does not: its case notes it, and tells those who are on it, and the team."""
    if draft is None:
        return Change()
    by = str(answered.answered_by) if answered.answered_by else None
    draft.add("approval_answered", approval=answered.id, answer=answered.state.value, by=by, reason=answered.reason)
    news = News(event=f"order_{answered.state}", author=draft.actor, text=answered.reason or "", to_author=True)
    draft.tell(NoticeKind.APPROVAL, news)
    return draft.done()


def _told_approver(answered: Approval, action: Answer, facts: ApprovalFacts, policy: Policy) -> tuple[Notice, ...]:
    """Who answers learns what came of it; of an order the case tells."""
    approver = facts.approver
    if approver is None or facts.account is None or answered.kind in {ApprovalKind.ORDER, ApprovalKind.ADDRESS}:
        return ()
    words = _words(answered, facts, policy, event="done")
    reader = replace(contact_reader(approver, facts.account), address=action.address)
    return tell(NoticeKind.APPROVAL, "approver", (reader,), words, policy, answers=action.message_id)


def _told_requester(answered: Approval, facts: ApprovalFacts, policy: Policy) -> tuple[Notice, ...]:
    """Who asked for it learns the answer, unless it was their own."""
    asker = next((one for one in facts.contacts if one.party == answered.contact and one.active), None)
    if asker is None or facts.account is None or answered.kind in {ApprovalKind.ORDER, ApprovalKind.STEP_UP}:
        return ()
    words = _words(answered, facts, policy, event="answered")
    return tell(NoticeKind.APPROVAL, "requester", (contact_reader(asker, facts.account),), words, policy)


def _hint(action: Hint, facts: ApprovalFacts, policy: Policy) -> Change:
    """Why nothing was changed, once for each question, and once a day for an address."""
    if facts.hints:
        return Change()
    lang = facts.account.lang if facts.account else "en"
    reader = Reader(address=action.address, lang=lang)
    if facts.approver and facts.account:
        reader = replace(contact_reader(facts.approver, facts.account), address=action.address)
    if facts.approval:
        words = replace(_words(facts.approval, facts, policy, event="hint"), lack=action.lack)
    else:
        words = ApprovalWords(
            kind="", event="hint", recipient="", lack=action.lack, service_address=policy.post.service_address
        )
    told = tell(NoticeKind.APPROVAL, "approver", (reader,), words, policy, answers=action.message_id)
    return Change(notices=told, hinted=action.asked)


def _release(action: ReleaseOrder, facts: ApprovalFacts, stamp: Stamp, draft: Draft | None) -> Change:
    approval = facts.approval
    if approval is None:
        raise NotFound(f"there is no approval {action.approval}; `casegate approval list` shows them")
    must_be(MANAGERS, "releases orders", facts.agents.get(action.actor), facts.agents.values())
    if approval.kind is not ApprovalKind.ORDER:
        raise Refused(f"approval {approval.id} is about {approval.kind}; only an order can be released")
    if not approval.is_open:
        raise Refused(f"approval {approval.id} is {approval.state} already")
    if not action.reason.strip():
        raise Refused("say why the order may go on without its approval: -m REASON")
    answered = replace(
        approval,
        state=ApprovalState.RELEASED,
        answered_by=action.actor,
        answered_at=stamp.at,
        reason=action.reason.strip(),
    )
    return replace(_on_case(answered, draft), approvals=(answered,))


def _lapse(action: Lapse, facts: ApprovalFacts, policy: Policy, stamp: Stamp, draft: Draft | None) -> Change:
    """A time is over. What was answered meanwhile changes nothing."""
    joining, approval = facts.registering, facts.approval
    if action.kind is TimerKind.REGISTRATION_EXPIRY:
        registration = joining.registration if joining else None
        if registration is None or registration.state is not RegistrationState.REQUESTED:
            return Change()
        return Change(registrations=(replace(registration, state=RegistrationState.EXPIRED),))
    if approval is None or not approval.is_open:
        return Change()
    if action.kind is TimerKind.APPROVAL_REMINDER:
        return _remind(approval, facts, policy)
    expired = replace(approval, state=ApprovalState.EXPIRED, answered_at=stamp.at)
    if joining and joining.registration and not joining.registration.is_open:
        return Change(approvals=(expired,))
    if joining and joining.registration:
        return registering.expire(joining.registration, expired, joining, policy)
    change = _on_case(expired, draft)
    return replace(change, approvals=(expired,), notices=(*change.notices, *_told_requester(expired, facts, policy)))


def _remind(approval: Approval, facts: ApprovalFacts, policy: Policy) -> Change:
    """Those who may answer now are asked once more: also somebody who got the role meanwhile."""
    joining = facts.registering
    if joining and joining.registration:
        return registering.remind(joining.registration, approval, joining, policy)
    role = _ROLE[approval.kind]
    able = tuple(one for one in facts.contacts if role in one.roles and may_answer(approval, one))
    again = replace(approval, asked=tuple(one.address for one in able))
    return Change(approvals=(again,), notices=_questions(again, facts, policy, event="reminder"))


def _words(approval: Approval, facts: ApprovalFacts, policy: Policy, *, event: str) -> ApprovalWords:
    """What a mail about an approval says."""
    account = facts.account
    assert account is not None
    asker = next((one for one in facts.contacts if one.party == approval.contact), None)
    joining = facts.registering
    known = joining.registration if joining else None
    if known:
        words = registering.approval_words(known, approval, account, event=event)
    else:
        words = ApprovalWords(
            kind=approval.kind,
            event=event,
            recipient="",
            account=account.number,
            account_name=account.name,
            request=approval.text,
            requester=f"{asker.name} <{asker.address}>" if asker else "",
            until=last_day(approval.expires_at, account),
        )
    case = facts.case
    return replace(
        words,
        token=case.token if case else None,
        subject=case.case.subject if case and case.case else "",
        state=approval.state,
        answered_by=_named(approval.answered_by, facts),
        reason=approval.reason,
        service_address=policy.post.service_address,
    )


def _named(party: Party | None, facts: ApprovalFacts) -> str | None:
    if party is None:
        return None
    person = next((one for one in facts.contacts if one.party == party), None) or facts.agents.get(party)
    return person.name if person else None
