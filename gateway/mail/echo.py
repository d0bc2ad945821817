"""Does this mail come from a machine that answers our automatic mail without saying so? Then it gets none any more.

Called by `ladder` when the decision is made. Promises: such a mail is decided like any other, so that no person is
ever lost; it is only not answered by a machine of ours, and so the exchange ends (SPEC section 17). Who answers an
agent's words starts anew.
"""

from dataclasses import replace
from datetime import timedelta

from gateway.domain.approval_actions import RaiseAlarm
from gateway.domain.facts import Heard
from gateway.domain.post import DecisionKind
from gateway.mail.decision import NO_HUSH, Decision, Hush, Question

QUICK = timedelta(seconds=60)
"""Machines answer within seconds; a person has to read and to write."""

MOST_ALIKE = 2
"""Rounds after which nobody outside is told any more, where the words are the same again."""

MOST_QUICK = 3
"""The same where only the haste speaks for a machine: a person may send three mails in a row."""

MOST_COMMANDS = 8
"""The same for commands: who tries them out is answered at once, and asks the next thing at once."""

MOST_WORDS = 500
"""Words that are compared."""

ALIKE = 0.8
"""Share of the words that two texts of one template have in common: names and days in it differ."""

_BY_PEOPLE = frozenset({DecisionKind.REPLY, DecisionKind.NEW_CASE, DecisionKind.COMMAND, DecisionKind.AGENT_REPLY})


def hushed(question: Question, decision: Decision) -> Decision:
    """The decision, and what is not mailed for it lest two machines talk for ever.

    The words of agents are mail by themselves: the same ones again, within seconds, are held.
    """
    hush = find_hush(question, decision)
    if not hush.rounds:
        return decision
    if decision.kind is DecisionKind.AGENT_REPLY and hush.writer:
        reason = "the same words again, at once: it may be a machine's answer to our automatic mail"
        return replace(decision, kind=DecisionKind.HELD, reason=reason, actions=(alarm(question),), case=None)
    reason = decision.reason
    if hush.all or hush.writer:
        reason += "; it may be a machine's answer to our automatic mail, so no machine of ours answers"
    actions = (*decision.actions, alarm(question)) if hush.is_alarm else decision.actions
    return replace(decision, hush=hush, actions=actions, reason=reason)


def find_hush(question: Question, decision: Decision) -> Hush:
    """What must not be mailed automatically because of this mail."""
    heard, mail = question.facts.heard, question.mail
    if heard is None or decision.kind not in _BY_PEOPLE or question.raw.is_released:
        return NO_HUSH
    is_quick = question.raw.received_at - heard.at <= QUICK
    may_wait = not mail.commands and question.facts.agent is None  # people ask, and agents say, the same thing again
    is_alike = (is_quick or may_wait) and _is_alike(mail.new_text, heard)
    if not (is_quick or is_alike):
        return NO_HUSH
    rounds = heard.rounds + 1
    most = MOST_ALIKE if is_alike else MOST_COMMANDS if mail.commands else MOST_QUICK
    is_known = is_quick and bool(question.marks.weak)
    return Hush(
        rounds=rounds,
        writer=heard.addresses if is_alike else frozenset(),
        all=rounds >= most,
        is_alarm=rounds >= most or is_known,
    )


def alarm(question: Question) -> RaiseAlarm:
    """Once for all such senders, so that a person looks."""
    return RaiseAlarm(
        name="loop",
        text=f"{question.mail.sender} answers our automatic mail like a machine that does not say so: "
        "its mail is taken, and gets no automatic answer for now",
        mend="`casegate intake list` shows its mail; if it is a person, answer with `casegate case reply`, and all is "
        "as before; if a machine, ask its owner to mark its mail with Auto-Submitted (RFC 3834)",
    )


def _is_alike(text: str, heard: Heard) -> bool:
    """Whether somebody says again what they said before, numbers aside."""
    now, before = _words(text), _words(heard.words or "")
    return bool(now) and len(now & before) >= ALIKE * len(now | before)


def _words(text: str) -> frozenset[str]:
    """The words of a text but for those with a digit: numbers, times, tokens."""
    words = text.casefold().split(maxsplit=MOST_WORDS)[:MOST_WORDS]
    return frozenset(word for word in words if not any(letter.isdigit() for letter in word))
