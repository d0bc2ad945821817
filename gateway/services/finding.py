"""Finding cases by what was written: the answer to `casegate search`, and to `/search` by mail. Nothing here writes.

The case whose number was asked for comes first, then those whose subject has every word, then those of which a message
has; each newest change first. A common word is not counted out: only as many of the newest are looked at as are wanted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain import query
from gateway.domain.model import Contact
from gateway.domain.policy import Policy
from gateway.mail.token import Tokens
from gateway.services import views
from gateway.services.views import Summary
from gateway.store import search as index
from gateway.store import tables as t
from gateway.store.sight import may_see

MOST_READ = 20_000
"""Characters of a message in which an excerpt is looked for."""

AROUND = 200
"""Characters that an excerpt has before and after the match at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What is asked: `words` as people type them (see `domain.query`); a `contact` searches what they may see."""

    words: str
    limit: int = 50
    with_notes: bool = True
    contact: Contact | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """One line of a message around the first word that was found."""

    before: str
    match: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A case that was found; no excerpt where its number or subject says why."""

    summary: Summary
    excerpt: Excerpt | None


def search(tx: sa.Connection, asked: SearchQuery, policy: Policy, tokens: Tokens) -> tuple[Finding, ...]:
    """The cases that have all that is asked, best first; BadUsage for a query that asks nothing."""
    terms = query.parse(asked.words)
    named = _number(asked.words, tokens.post.token_prefix)
    titled, written = _hits(tx, asked, terms)
    numbers = {*titled, *written} | ({named} if named is not None else set())
    found = select(t.cases).where(t.cases.c.number.in_(numbers))
    cases = list(tx.execute(found if asked.contact is None else found.where(may_see(asked.contact))))
    cases.sort(key=lambda case: (case.updated_at, case.number), reverse=True)
    cases.sort(key=lambda case: (case.number != named, case.number not in titled))
    chosen = cases[: asked.limit]
    excerpts = _excerpts(tx, {case.number: written[case.number] for case in chosen if case.number in written}, terms)
    return tuple(
        Finding(summary=summary, excerpt=excerpts.get(summary.number))
        for summary in views.listed(tx, chosen, policy, tokens)
    )


def _hits(tx: sa.Connection, asked: SearchQuery, terms: Sequence[query.Term]) -> tuple[set[int], dict[int, int]]:
    """The cases whose subject matches, and those with a message that does, which is named."""
    if asked.contact is not None:
        titled = index.subjects_seen_by(tx, asked.contact, terms, most=asked.limit)
        hits = index.texts_seen_by(tx, asked.contact, terms, most=asked.limit)
    else:
        titled = index.by_subject(tx, terms, most=asked.limit)
        hits = index.by_text(tx, terms, with_notes=asked.with_notes, most=asked.limit)
    return set(titled), {hit.case: hit.message for hit in hits}


def _number(words: str, prefix: str) -> int | None:
    """The case that the whole query names: `4711`, `CASE-4711`, or the token out of a subject."""
    mark = rf"\[?(?:{re.escape(prefix)}-)?([1-9][0-9]{{0,8}})(?:\.[a-z2-7]+)?\]?"
    found = re.fullmatch(mark, words.strip(), re.IGNORECASE | re.ASCII)
    return int(found[1]) if found else None


def _excerpts(tx: sa.Connection, of: Mapping[int, int], terms: Sequence[query.Term]) -> dict[int, Excerpt]:
    """An excerpt by case number, from these messages; none where only the subject matches."""
    start = sa.func.substr(t.message.c.text, 1, MOST_READ)
    texts = select(t.message.c.id, start.label("text")).where(t.message.c.id.in_(of.values()))
    found = {row.id: _excerpt(row.text, terms) for row in tx.execute(texts)}
    return {number: excerpt for number, message in of.items() if (excerpt := found.get(message)) is not None}


def _excerpt(text: str, terms: Sequence[query.Term]) -> Excerpt | None:
    flat = " ".join(text.split())
    place = query.first_match(flat, terms)
    if place is None:
        return None
    begin, end = place
    return Excerpt(before=flat[max(0, begin - AROUND) : begin], match=flat[begin:end], after=flat[end : end + AROUND])
