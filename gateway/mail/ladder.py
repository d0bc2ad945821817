"""What a mail is: SPEC section 7 as a table of rungs; the first that holds decides.

`climb` computes, it writes nothing. Each rung is one function that returns the Decision, or in words why it
does not hold; both are kept, so that every decision can be explained afterwards.
"""

from collections.abc import Callable
from dataclasses import replace

from gateway.domain.facts import MailFacts
from gateway.domain.people_actions import AddressWorks
from gateway.domain.policy import Policy
from gateway.domain.post import DecisionKind, Evidence, ParsedMail, RawMail
from gateway.mail import agent_rungs, answer_rungs, case_rungs, echo, machine_rungs, sender_rungs
from gateway.mail.automatic import find_marks
from gateway.mail.decision import Answer, Decision, Question
from gateway.mail.token import Tokens

RUNGS: tuple[tuple[str, Callable[[Question], Answer]], ...] = (
    ("known", machine_rungs.known),
    ("own or looping", machine_rungs.own_or_looping),
    ("delivery status", machine_rungs.delivery_status),
    ("automatic", machine_rungs.automatic),
    ("unsubscribe", answer_rungs.unsubscribe),
    ("sender", sender_rungs.sender),
    ("answer", answer_rungs.answer),
    ("registration", answer_rungs.registration),
    ("unregistered", sender_rungs.unregistered),
    ("agent", agent_rungs.agent),
    ("reply", case_rungs.reply),
    ("commands", case_rungs.only_commands),
    ("new case", case_rungs.new_case),
)


_BY_PEOPLE = {
    DecisionKind.REPLY,
    DecisionKind.NEW_CASE,
    DecisionKind.COMMAND,
    DecisionKind.APPROVAL,
    DecisionKind.REGISTRATION,
}


def quarantine(reason: str) -> Decision:
    """Rung 2 for what could not be read at all: agents see it, the queue goes on."""
    return Decision(kind=DecisionKind.QUARANTINED, reason=reason, rung="unreadable")


def climb(
    mail: ParsedMail, raw: RawMail, evidence: Evidence, facts: MailFacts, policy: Policy, tokens: Tokens
) -> Decision:
    """The decision about one mail that could be read."""
    marks = find_marks(mail, raw.envelope, policy.mail.automatic)
    question = Question(mail=mail, raw=raw, evidence=evidence, marks=marks, facts=facts, policy=policy, tokens=tokens)
    passed: list[tuple[str, str]] = []
    for name, rung in RUNGS:
        answer = rung(question)
        if isinstance(answer, Decision):
            actions = (*answer.actions, *_reachable(question, answer))
            found = replace(answer, rung=name, passed=(*passed, *answer.passed), actions=actions)
            return echo.hushed(question, found)
        passed.append((name, answer))
    raise AssertionError("the last rung always holds")


def _reachable(question: Question, decision: Decision) -> tuple[AddressWorks, ...]:
    """A person's own mail from an address that had bounced says that it is there again."""
    bounced = question.facts.contact.bounced if question.facts.contact else ()
    if decision.kind not in _BY_PEOPLE or all(one.address != question.mail.sender for one in bounced):
        return ()
    return (AddressWorks(address=question.mail.sender),) if question.mail.sender else ()
