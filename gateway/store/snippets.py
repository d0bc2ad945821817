"""Texts that agents use again, by name. Called by `services.snippets` only."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import select

from gateway.store import tables as t


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A text with a name; `updated_at` is when it got its present words."""

    name: str
    text: str
    updated_at: datetime


def put(tx: sa.Connection, snippet: Snippet) -> bool:
    """Store it, in place of one that has this name; True if there was one."""
    values = {"text": snippet.text, "updated_at": snippet.updated_at}
    changed = tx.execute(sa.update(t.snippet).where(t.snippet.c.name == snippet.name).values(values)).rowcount
    if not changed:
        tx.execute(sa.insert(t.snippet).values(name=snippet.name, **values))
    return bool(changed)


def remove(tx: sa.Connection, name: str) -> bool:
    """Take it away; False if there is none of this name."""
    return tx.execute(sa.delete(t.snippet).where(t.snippet.c.name == name)).rowcount == 1


def found(tx: sa.Connection) -> tuple[Snippet, ...]:
    """All of them, by name."""
    rows = tx.execute(select(t.snippet).order_by(t.snippet.c.name))
    return tuple(Snippet(name=row.name, text=row.text, updated_at=row.updated_at) for row in rows)
