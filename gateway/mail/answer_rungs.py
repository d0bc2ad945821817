"""Answers to our questions, letters of those who want to register (SPEC section 7, rungs 7 and 8), and unsubscribing.

Who answers is proved by where the question went: a one-time address that only its reader can know. So nothing here
opens a case, and what does not count changes nothing.
"""

from gateway.domain.actions import Action
from gateway.domain.approval_actions import Answer, AskToRegister, Confirm, Hint, Lack, RaiseAlarm, Says
from gateway.domain.facts import AnswerFacts
from gateway.domain.model import Authenticity
from gateway.domain.people_actions import Subscribe
from gateway.domain.post import DecisionKind
from gateway.mail.decision import Answer as RungAnswer
from gateway.mail.decision import Decision, Question
from gateway.mail.token import our_recipients, unsubscribers

MOST_REASON = 2_000
"""Characters of a reason that are kept."""

_SAYS = {"/approve": Says.APPROVE, "/reject": Says.REJECT}


def unsubscribe(question: Question) -> RungAnswer:
    """To an unsubscribe address, from the person whose it is: no more announcements.

    Before the sender is judged: only who reads that person's mail knows the address, and all that it can do is this.
    """
    mail, contact = question.mail, question.facts.contact
    named = unsubscribers(mail, question.raw.envelope, question.tokens)
    if not named:
        return "not to an unsubscribe address"
    if mail.sender is None or question.evidence.authenticity is Authenticity.FAILED:
        return "to an unsubscribe address, but who wrote it is not clear"
    if contact is None or contact.id not in named:
        reason = (
            f"to the unsubscribe address of somebody else than {mail.sender}; `casegate contact unsubscribe` does it"
        )
        return Decision(kind=DecisionKind.HELD, reason=reason)
    if not contact.active:
        return f"to an unsubscribe address, but {mail.sender} is un-registered"
    action = Subscribe(
        contact=contact.party,
        actor=contact.party,
        wanted=False,
        answers=mail.message_id,
        is_quiet=question.marks.silences,
    )
    return Decision(kind=DecisionKind.COMMAND, reason=f"{mail.sender} wants no announcements", actions=(action,))


def answer(question: Question) -> RungAnswer:
    """To a one-time address: from the one that was asked, by a person, it answers what was asked."""
    found = question.facts.answer
    if found is None:
        return "not to a one-time address"
    if found.asked is None:
        return "to a one-time address that is none of ours"
    is_registration = found.asked.registration is not None
    kind = DecisionKind.REGISTRATION if is_registration else DecisionKind.APPROVAL
    if question.marks.silences:
        return Decision(kind=DecisionKind.HELD, reason=f"an answer that may be automatic: {_marks(question)}")
    if question.mail.sender != found.asked.address:
        return Decision(
            kind=kind,
            reason=f"answers what {found.asked.address} was asked, so it counts from nobody else",
            actions=_hint_of(question, found, Lack.OTHER_ADDRESS),
        )
    if is_registration:
        return _confirmation(question, found)
    if question.facts.contact and not question.enough:
        return Decision(
            kind=DecisionKind.HELD, reason=f"less evidence than trust.require asks: {question.evidence.reason}"
        )
    return _approval(question, found)


def _marks(question: Question) -> str:
    return ", ".join((*question.marks.strong, *question.marks.weak))


def _confirmation(question: Question, found: AnswerFacts) -> Decision:
    """Any reply of the person will do, also an empty one."""
    assert found.asked is not None
    assert found.asked.registration is not None
    facts = question.facts.letter
    assert facts is not None
    if facts.over:
        return _over(facts.over)
    number = found.asked.registration
    action = Confirm(registration=number, letter=facts.letter)
    reason = f"a reply to the mail of registration {number}"
    return Decision(kind=DecisionKind.REGISTRATION, reason=reason, actions=(action,))


def _approval(question: Question, found: AnswerFacts) -> Decision:
    """Typed, as the first line of new words: anything less is no answer."""
    assert found.asked is not None
    assert found.asked.approval is not None
    lines = question.mail.commands
    words = [(_SAYS.get(line.split()[0].rstrip(":").lower()), line) for line in lines]
    said = {says for says, _ in words if says}
    if len(said) != 1:
        lack = Lack.BOTH if said else Lack.NO_ANSWER
        return Decision(
            kind=DecisionKind.APPROVAL,
            reason=f"approval {found.asked.approval} was answered with {'both' if said else 'no'} /approve and /reject",
            actions=_hint_of(question, found, lack),
        )
    (says,) = said
    rest = next(line.partition(" ")[2].strip() for one, line in words if one)
    action = Answer(
        approval=found.asked.approval,
        asked=found.asked.id,
        address=found.asked.address,
        says=says,
        reason=rest or question.mail.words.strip()[:MOST_REASON] or None,
        message_id=question.mail.message_id,
    )
    return Decision(kind=DecisionKind.APPROVAL, reason=f"approval {found.asked.approval}: {says}", actions=(action,))


def _hint_of(question: Question, found: AnswerFacts, lack: Lack) -> tuple[Action, ...]:
    """One hint for each question, and none to strangers: who they are is not proved."""
    assert found.asked is not None
    sender, contact = question.mail.sender, question.facts.contact
    is_known = contact is not None and contact.active and question.enough
    if sender is None or found.asked.hints or not (is_known or sender == found.asked.address):
        return ()
    return (Hint(address=sender, lack=lack, asked=found.asked.id, message_id=question.mail.message_id),)


def registration(question: Question) -> RungAnswer:
    """To the registration address: whoever writes gets the same answer."""
    mail, facts = question.mail, question.facts
    if question.policy.post.registration_address not in our_recipients(mail, question.raw.envelope, question.tokens):
        return "not to the registration address"
    if facts.agent:
        return "an agent does not register"
    assert mail.sender is not None  # rung 6 held otherwise
    if question.marks.silences:
        return Decision(kind=DecisionKind.HELD, reason=f"to the registration address, but {_marks(question)}")
    if not mail.sender.isascii():
        return Decision(kind=DecisionKind.HELD, reason="to the registration address; its sender needs SMTPUTF8")
    assert facts.letter is not None
    if facts.letter.over:
        return _over(facts.letter.over)
    action = AskToRegister(letter=facts.letter.letter)
    return Decision(kind=DecisionKind.REGISTRATION, reason=f"{mail.sender} registers", actions=(action,))


def _over(why: str) -> Decision:
    alarm = RaiseAlarm(
        name="registration",
        text=f"registrations are not answered any more: {why}",
        mend="`casegate intake list --state held` shows who writes; what is genuine: `casegate intake release ID` an hour "
        "later. Somebody may be searching for PINs: `casegate account pin N --new` where one may be known",
    )
    return Decision(kind=DecisionKind.HELD, reason=f"registrations are over their budget: {why}", actions=(alarm,))
