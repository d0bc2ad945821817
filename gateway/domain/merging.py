"""One mail a person, whatever happened at once: which notice speaks for the others, and what it says of them.

`services.perform` calls it with all notices of one cause.
"""

from dataclasses import replace

from gateway.domain.model import NoticeKind
from gateway.domain.words import CaseWords, CommandWords, Notice, Words


def merge(notices: list[Notice]) -> list[Notice]:
    """One mail a person and transaction: the kind that comes first in CONTRACT's list speaks for the others.

    It also says which files were refused, and that the case was escalated, if one of the others would have said it. Each
    question is a mail of its own,
    since each has an answer of its own.
    """
    order = list(NoticeKind)
    best: dict[tuple[str, str], Notice] = {}
    refused = {notice.recipient: notice.words for notice in notices if notice.kind is NoticeKind.ATTACHMENT_REFUSED}
    results = {notice.recipient: notice.words for notice in notices if notice.kind is NoticeKind.COMMAND_ANSWER}
    escalated = {(one.recipient, one.internal): one.words for one in notices if one.kind is NoticeKind.ESCALATION}
    for notice in notices:
        key = (notice.recipient, notice.lane)
        known = best.get(key)
        if known is None or order.index(notice.kind) < order.index(known.kind):
            best[key] = notice
    told = [_with_refused(notice, refused.get(notice.recipient)) for notice in best.values()]
    told = [_with_escalation(notice, escalated.get((notice.recipient, notice.internal))) for notice in told]
    return [_with_results(notice, results.get(notice.recipient)) for notice in told]


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


def _with_results(notice: Notice, told: Words | None) -> Notice:
    """A mail that speaks for the answer to commands says what came of them."""
    if not isinstance(told, CommandWords) or not isinstance(notice.words, CaseWords) or notice.internal:
        return notice
    actions = told.actions if told.token else notice.words.actions  # what is possible after those commands
    return replace(notice, words=replace(notice.words, results=told.results, actions=actions))
