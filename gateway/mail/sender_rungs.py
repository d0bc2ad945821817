"""Who writes: whether the sender is acceptable, known, a customer or an agent (SPEC section 7, rungs 6 and 9)."""

from gateway.domain.model import Authenticity, CaseNumber, Party, PartyKind
from gateway.domain.people_actions import AnswerStranger
from gateway.domain.post import DecisionKind
from gateway.mail.decision import Answer, Decision, Question
from gateway.mail.token import split_address


def sender(question: Question) -> Answer:
    """The sender is nobody, somebody else, or less vouched for than is asked."""
    mail, evidence, facts = question.mail, question.evidence, question.facts
    if mail.sender is None:
        return Decision(kind=DecisionKind.HELD, reason=f"no single sender: {mail.sender_defect}")
    if question.raw.is_released and not facts.agent:  # nobody's word but a server's makes anyone an agent
        return f"released by {question.raw.asked_by}; {mail.sender} is {evidence.authenticity}: {evidence.reason}"
    if evidence.authenticity is Authenticity.FAILED:
        return Decision(kind=DecisionKind.HELD, reason=f"the sender's evidence failed: {evidence.reason}")
    if evidence.authenticity is not Authenticity.AUTHENTICATED:
        own_domain = split_address(question.policy.post.service_address)[2]
        if facts.agent or split_address(mail.sender)[2] == own_domain:
            return Decision(kind=DecisionKind.HELD, reason=f"an agent or our own domain, {evidence.reason}")
    # Who is no longer registered is a stranger here too: the same answer, and the same silence (SI-17).
    if facts.contact and facts.contact.may_write and not question.enough:
        return Decision(kind=DecisionKind.HELD, reason=f"less evidence than trust.require asks: {evidence.reason}")
    return f"{mail.sender} is {evidence.authenticity}: {evidence.reason}"


def unregistered(question: Question) -> Answer:
    """From a stranger, or someone who is no longer registered: both get the same words."""
    facts, mail = question.facts, question.mail
    if facts.agent or (facts.contact and facts.contact.may_write):
        return "a registered sender"
    assert mail.sender is not None  # rung 6 held otherwise
    if question.raw.is_released:
        who = "a contact who may not write" if facts.contact else "an unregistered sender"
        return Decision(kind=DecisionKind.HELD, reason=f"{who}; `casegate contact add` first, then release it again")
    if case := _reads_along(question, mail.sender):
        return Decision(
            kind=DecisionKind.HELD, reason=f"an outside address that reads case {case} and cannot write on it"
        )
    if question.policy.post.unregistered != "notify":
        return Decision(kind=DecisionKind.HELD, reason="an unregistered sender")
    silent = None
    if question.marks.silences:
        silent = f"it may be automatic ({', '.join(question.marks.weak)})"
    elif not question.enough:
        silent = f"nobody vouches for the sender ({question.evidence.reason})"
    elif facts.told:
        silent = "answered within a day"
    elif not mail.sender.isascii():
        silent = "its address needs SMTPUTF8"
    if silent:
        return Decision(kind=DecisionKind.UNREGISTERED, reason=f"an unregistered sender; not answered: {silent}")
    answer = AnswerStranger(address=mail.sender, message_id=mail.message_id)
    reason = "an unregistered sender; answered how to register"
    return Decision(kind=DecisionKind.UNREGISTERED, reason=reason, actions=(answer,))


def _reads_along(question: Question, address: str) -> CaseNumber | None:
    """The case of a clue that this address reads along on: its answer is for agents to see, not for a form letter."""
    reader = Party(PartyKind.EXTERNAL, address)
    named = (case for clue, case in question.facts.cases if clue.valid and reader in case.participants)
    return next((case.number for case in named), None)
