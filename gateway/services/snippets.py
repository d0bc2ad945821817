"""Texts that agents use again (SPEC section 15): kept as they were typed, never run as templates. The terminal calls it."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from gateway.errors import BadUsage, NotFound, Refused
from gateway.store import snippets
from gateway.store.db import Database
from gateway.store.snippets import Snippet

_NAME = re.compile(r"\w[\w.-]{0,39}")


def add(db: Database, name: str, text: str, *, at: datetime) -> tuple[str, bool]:
    """Keep a text under a name; its stored form, and True if another text had it. BadUsage, Refused if it is empty."""
    stored = unicodedata.normalize("NFC", name.strip())
    if not _NAME.fullmatch(stored):
        raise BadUsage(f"{name!r} is no name of a snippet; use one word of letters, digits, dots and dashes")
    if not text.strip():
        raise Refused("the text is empty; nothing was stored")
    with db.begin() as tx:
        replaced = snippets.put(tx, Snippet(name=stored, text=text, updated_at=at))
    return stored, replaced


def remove(db: Database, name: str) -> None:
    """Take a text away; NotFound if there is none of this name."""
    with db.begin() as tx:
        if not snippets.remove(tx, unicodedata.normalize("NFC", name.strip())):
            raise _unknown(tx, name)


def every(tx: sa.Connection) -> tuple[Snippet, ...]:
    """All texts, by name."""
    return snippets.found(tx)


def texts(tx: sa.Connection, names: Sequence[str]) -> tuple[str, ...]:
    """The texts of these names, in this order; NotFound if one is unknown."""
    known = {snippet.name: snippet.text for snippet in snippets.found(tx)} if names else {}
    wanted = [unicodedata.normalize("NFC", name.strip()) for name in names]
    if missing := [name for name in wanted if name not in known]:
        raise _unknown(tx, missing[0])
    return tuple(known[name] for name in wanted)


def _unknown(tx: sa.Connection, name: str) -> NotFound:
    names = ", ".join(snippet.name for snippet in snippets.found(tx))
    return NotFound(f"there is no snippet {name}; there are: {names or 'none yet; `casegate snippet add` makes one'}")
