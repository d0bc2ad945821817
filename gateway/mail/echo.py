"""Does this mail come from a machine that answers our automatic mail without saying so? Then it gets none any more.

Called by `ladder` when the decision is made. Promises: such a mail is decided like any other, so that no person is
ever lost; it is only not answered by a machine of ours, and so the exchange ends (SPEC section 17). Who answers an
agent's words starts anew.
"""

from dataclasses import replace
from datetime import timedelta

from gateway.domain.approval_actions import RaiseAlarm
from gateway.domain.post import DecisionKind
from gateway.mail.decision import NO_HUSH, Decision, Hush, Question

QUICK = timedelta(seconds=60)
"""Machines answer within seconds; a person has to read and to write."""

MOST_ALIKE = 2
"""Rounds after which nobody outside is told any more, where the words are the same again."""

MOST_QUICK = 5
"""The same where only the haste speaks for a machine: a person may send a few mails in a row."""

MOST_COMMANDS = 8
"""The same for commands: who tries them out is answered at once, and asks the next thing at once."""

MOST_WORDS = 500
"""Words that are compared."""

ALIKE = 0.8
"""Share of the words that two texts of one template have in common: names and days in it differ."""

_BY_PEOPLE = frozenset({DecisionKind.REPLY, DecisionKind.NEW_CASE, DecisionKind.COMMAND, DecisionKind.AGENT_REPLY})


def hushed(question: Question, decision: Decision) -> Decision:
    """The decision, and what is not mailed for it lest two machines talk for ever.

    The words of agents are mail by themselves: in such an exchange they are held, the same ones at once.
    """
    hush = find_hush(question, decision)
    if not hush.rounds:
        return decision
    silent = "it may be a machine's answer to our automatic mail"
    if hush.is_silent and decision.kind is DecisionKind.AGENT_REPLY:
        reason = f"an agent's mail, but {silent}"
        return replace(decision, kind=DecisionKind.HELD, reason=reason, actions=(_alarm(question),), case=None)
    reason = f"{decision.reason}; {silent}, so no machine of ours answers" if hush.is_silent else decision.reason
    actions = (*decision.actions, _alarm(question)) if hush.is_alarm else decision.actions
    return replace(decision, hush=hush, actions=actions, reason=reason)


def find_hush(question: Question, decision: Decision) -> Hush:
    """What must not be mailed automatically because of this mail; without a budget of addresses nothing is hushed."""
    heard, mail, received = question.facts.heard, question.mail, question.raw.received_at
    if heard is None or received < heard.at or question.raw.is_released or not question.policy.budget.per_address_hour:
        return NO_HUSH
    is_quick = received - heard.at <= QUICK
    is_found_out = is_quick and question.marks.is_unmarked
    if decision.kind not in _BY_PEOPLE:
        return Hush(rounds=heard.rounds + 1, is_alarm=True) if is_found_out else NO_HUSH
    may_wait = not mail.commands and question.facts.agent is None  # people ask, and agents say, the same thing again
    is_alike = (is_quick or may_wait) and _is_alike(f"{mail.subject}\n{mail.new_text}", heard.words)
    if not (is_quick or is_alike):
        return NO_HUSH
    rounds = heard.rounds + 1
    is_silent = rounds >= _most(question, is_alike=is_alike)
    return Hush(rounds=rounds, is_silent=is_silent, is_alarm=is_silent or is_found_out)


def _most(question: Question, *, is_alike: bool) -> int:
    """The round in which nobody outside is told any more."""
    if is_alike:
        return 1 if question.facts.agent else MOST_ALIKE
    return MOST_COMMANDS if question.mail.commands else MOST_QUICK


def _alarm(question: Question) -> RaiseAlarm:
    """Once for all such senders, so that a person looks."""
    return RaiseAlarm(
        name="loop",
        text=f"{question.mail.sender} answers our automatic mail like a machine that does not say so: "
        "its mail is taken, and gets no automatic answer for now",
        mend="`casegate intake list` shows its mail; if it is a person, answer with `casegate case reply`, and all is "
        "as before; if a machine, ask its owner to mark its mail with Auto-Submitted (RFC 3834)",
    )


def _is_alike(text: str, said: str) -> bool:
    """Whether somebody says again what they said before, numbers aside."""
    now, before = _words(text), _words(said)
    return bool(now) and len(now & before) >= ALIKE * len(now | before)


def _words(text: str) -> frozenset[str]:
    """The words of a text but for those with a digit: numbers, times, tokens."""
    words = text.casefold().split(maxsplit=MOST_WORDS)[:MOST_WORDS]
    return frozenset(word for word in words if not any(letter.isdigit() for letter in word))
