"""One mail a person, whatever happened at once: which notice speaks for the others, and what it says of them.

`services.perform` calls it with all notices of one cause, and with the cases as that left them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gateway.domain.model import Case, CaseNumber, NoticeKind
from gateway.domain.notices import as_left as of_case
from gateway.domain.policy import Policy
from gateway.domain.words import CaseWords, CommandWords, Notice, Words

_WORDS_OF_PEOPLE = frozenset({NoticeKind.CUSTOMER_WROTE, NoticeKind.AGENT_REPLIED, NoticeKind.STATUS_CHANGED})


def merge(notices: list[Notice]) -> list[Notice]:
    """One mail a person and transaction: the kind that comes first in CONTRACT's list speaks for the others.

    It also says what the others would have: which files were refused, what became of commands, that the case was closed,
    changed or escalated. Each question is a mail of its own, since each has an answer of its own.
    """
    order = list(NoticeKind)
    best: dict[tuple[str, str], Notice] = {}
    refused = {notice.recipient: notice.words for notice in notices if notice.kind is NoticeKind.ATTACHMENT_REFUSED}
    results = {notice.recipient: notice.words for notice in notices if notice.kind is NoticeKind.COMMAND_ANSWER}
    escalated = {
        (one.recipient, one.internal): one.words
        for one in notices
        if one.kind is NoticeKind.ESCALATION and not one.lane
    }
    for notice in notices:
        key = (notice.recipient, notice.lane)
        known = best.get(key)
        if known is None or order.index(notice.kind) < order.index(known.kind):
            best[key] = notice
    told = [_with_refused(notice, refused.get(notice.recipient)) for notice in best.values()]
    told = [_with_escalation(notice, escalated.get((notice.recipient, notice.internal))) for notice in told]
    told = [_with_results(notice, results.get(notice.recipient)) for notice in told]
    return [_with_steps(notice, notices) for notice in told]


def as_left(notice: Notice, cases: Mapping[CaseNumber, Case], policy: Policy) -> Notice:
    """The notice, about its case as the last of what happened at once left it: commands stand in the same mail."""
    case = cases.get(notice.case) if notice.case is not None else None
    if case is None or not isinstance(notice.words, CaseWords):
        return notice
    return replace(notice, words=of_case(notice.words, case, policy))


def _with_refused(notice: Notice, told: Words | None) -> Notice:
    if not isinstance(told, CaseWords) or not isinstance(notice.words, CaseWords):
        return notice
    return replace(notice, words=replace(notice.words, refused=told.refused))


def _with_escalation(notice: Notice, told: Words | None) -> Notice:
    if notice.kind is NoticeKind.ESCALATION or not isinstance(told, CaseWords):
        return notice
    if not isinstance(notice.words, CaseWords | CommandWords):
        return notice
    return replace(notice, words=replace(notice.words, escalation=told.escalation))


def _with_steps(notice: Notice, others: Iterable[Notice]) -> Notice:
    """A mail of somebody's words says what they changed beside them."""
    if notice.kind not in _WORDS_OF_PEOPLE or not isinstance(notice.words, CaseWords):
        return notice
    event, changes = notice.words.event, notice.words.changes
    for one in others:
        if isinstance(one.words, CaseWords) and (one.recipient, one.case) == (notice.recipient, notice.case):
            if one.kind is NoticeKind.STATUS_CHANGED:
                event = one.words.event
            elif one.kind is NoticeKind.CASE_CHANGED:
                changes = tuple(dict.fromkeys((*changes, *one.words.changes)))
    return replace(notice, words=replace(notice.words, event=event, changes=changes))


def _with_results(notice: Notice, told: Words | None) -> Notice:
    """A mail that speaks for the answer to commands says what came of them."""
    if not isinstance(told, CommandWords) or not isinstance(notice.words, CaseWords) or notice.internal:
        return notice
    actions = told.actions if told.token else notice.words.actions  # what is possible after those commands
    return replace(notice, words=replace(notice.words, results=told.results, actions=actions))
