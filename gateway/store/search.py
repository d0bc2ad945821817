"""Full-text search: what the database keeps for it, and the two questions that `services.finding` asks.

Each is asked of all cases, or of those that a contact may see. The index holds the subject of each case, and for each message its case's subject with its new text; triggers keep it
right whoever writes, also when a message moves to another case or a subject changes. On SQLite it is FTS5 over views of
the tables, on PostgreSQL tsvectors with a GIN index. Neither stems: `domain.query` brings the endings, so that both
find the same. A note is indexed apart, subject included, so that `with_notes=False` finds nothing by one.

Everything here is named `search_…`; Alembic leaves those alone (`is_compared`). A migration that makes `cases` or
`message` anew on SQLite (batch mode) drops all of it first and calls `create` afterwards: triggers go with their table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.model import Contact, Direction
from gateway.domain.query import Term
from gateway.store import tables as t
from gateway.store.sight import may_see

MOST_INDEXED = 65_536
"""Characters of a text that are indexed: some 20 pages. PostgreSQL refuses vectors beyond 1 MB, and so the mail."""

HITS_PER_CASE = 20
"""So many messages are looked at for each case wanted; a case may have many that match."""

WINDOW = 10_000
"""PostgreSQL looks among so many of the newest first: a common word is found there without reading all that have it."""

MOST_HITS = 50_000
"""So many are looked at where those newest are not enough; of a word that more have, but none lately, it may be any."""

_SQLITE = (
    f"""CREATE VIEW search_cases_text AS
        SELECT number AS id, substr(subject, 1, {MOST_INDEXED}) AS subject FROM cases""",  # noqa: S608  # a number of ours
    f"""CREATE VIEW search_message_text AS
        SELECT message.id, message.case_number,
            CASE direction WHEN 'note' THEN '' ELSE cases.subject END AS subject,
            CASE direction WHEN 'note' THEN '' ELSE substr(text, 1, {MOST_INDEXED}) END AS text,
            CASE direction WHEN 'note' THEN cases.subject || char(10) || substr(text, 1, {MOST_INDEXED}) ELSE '' END
                AS note
        FROM message JOIN cases ON cases.number = message.case_number""",  # noqa: S608  # a number of ours
    """CREATE VIRTUAL TABLE search_cases USING fts5(subject, content='search_cases_text', content_rowid='id',
        columnsize=0, tokenize='unicode61 remove_diacritics 2')""",
    """CREATE VIRTUAL TABLE search_message USING fts5(subject, text, note, content='search_message_text',
        content_rowid='id', columnsize=0, tokenize='unicode61 remove_diacritics 2')""",
    "INSERT INTO search_cases (search_cases) VALUES ('rebuild')",
    "INSERT INTO search_message (search_message) VALUES ('rebuild')",
)
_FORGET = "INSERT INTO {0} ({0}, rowid, {1}) SELECT 'delete', id, {1} FROM {0}_text WHERE {2};"
_LEARN = "INSERT INTO {0} (rowid, {1}) SELECT id, {1} FROM {0}_text WHERE {2};"
_OF_CASE = ("search_cases", "subject")
_OF_MESSAGE = ("search_message", "subject, text, note")
_IS_OTHER = "WHEN old.subject <> new.subject"
_SQLITE_TRIGGERS = (
    # FTS5 forgets a row by the very text that it was given: so before the change, while the views still say that.
    ("AFTER INSERT ON cases", "", _LEARN.format(*_OF_CASE, "id = new.number")),
    (
        "BEFORE UPDATE OF subject ON cases",
        _IS_OTHER,
        _FORGET.format(*_OF_CASE, "id = old.number") + _FORGET.format(*_OF_MESSAGE, "case_number = old.number"),
    ),
    (
        "AFTER UPDATE OF subject ON cases",
        _IS_OTHER,
        _LEARN.format(*_OF_CASE, "id = new.number") + _LEARN.format(*_OF_MESSAGE, "case_number = new.number"),
    ),
    ("BEFORE DELETE ON cases", "", _FORGET.format(*_OF_CASE, "id = old.number")),
    ("AFTER INSERT ON message", "", _LEARN.format(*_OF_MESSAGE, "id = new.id")),
    ("BEFORE UPDATE OF case_number, direction, text ON message", "", _FORGET.format(*_OF_MESSAGE, "id = old.id")),
    ("AFTER UPDATE OF case_number, direction, text ON message", "", _LEARN.format(*_OF_MESSAGE, "id = new.id")),
    ("BEFORE DELETE ON message", "", _FORGET.format(*_OF_MESSAGE, "id = old.id")),
)

_POSTGRESQL = (
    # As FTS5's unicode61: Latin letters without their diacritics, one sigma, all others as they are.
    r"""CREATE FUNCTION search_folded(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT CASE WHEN octet_length(given) = char_length(given) THEN given ELSE normalize(regexp_replace(
            normalize(translate(given, chr(962), chr(963)), NFD), '([A-Za-z])[\u0300-\u036f]+', '\1', 'g'), NFC) END $$""",
    # Without punctuation the parser sees words only; it would take addresses, paths and signs for one word each.
    rf"""CREATE FUNCTION search_words(given text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT to_tsvector('simple'::regconfig, regexp_replace(search_folded(left(given, {MOST_INDEXED})),
            '[\u0001-/:-@[-`{{-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u2000-\u206f]+',
            ' ', 'g')) $$""",
    """CREATE VIEW search_cases_text AS SELECT number AS id, search_words(subject) AS words FROM cases""",
    """CREATE VIEW search_message_text AS
        SELECT message.id, message.case_number,
            CASE direction WHEN 'note' THEN setweight(search_words(cases.subject || ' ' || text), 'C')
            ELSE setweight(search_words(cases.subject), 'A') || setweight(search_words(text), 'B') END AS words
        FROM message JOIN cases ON cases.number = message.case_number""",
    """CREATE TABLE search_cases (id integer PRIMARY KEY REFERENCES cases ON DELETE CASCADE, words tsvector NOT NULL)""",
    """CREATE TABLE search_message
        (id integer PRIMARY KEY REFERENCES message ON DELETE CASCADE, words tsvector NOT NULL)""",
    "INSERT INTO search_cases SELECT id, words FROM search_cases_text",
    "INSERT INTO search_message SELECT id, words FROM search_message_text",
    "CREATE INDEX search_cases_words ON search_cases USING gin (words)",
    "CREATE INDEX search_message_words ON search_message USING gin (words)",
    """CREATE FUNCTION search_cases_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO search_cases SELECT id, words FROM search_cases_text WHERE id = new.number
            ON CONFLICT (id) DO UPDATE SET words = excluded.words;
        IF TG_OP = 'UPDATE' THEN
            UPDATE search_message SET words = current.words FROM search_message_text AS current
                WHERE current.case_number = new.number AND search_message.id = current.id;
        END IF;
        RETURN NULL; END $$""",
    """CREATE FUNCTION search_message_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO search_message SELECT id, words FROM search_message_text WHERE id = new.id
            ON CONFLICT (id) DO UPDATE SET words = excluded.words;
        RETURN NULL; END $$""",
    """CREATE TRIGGER search_1 AFTER INSERT ON cases
        FOR EACH ROW EXECUTE FUNCTION search_cases_changed()""",
    """CREATE TRIGGER search_2 AFTER UPDATE OF subject ON cases
        FOR EACH ROW WHEN (old.subject <> new.subject) EXECUTE FUNCTION search_cases_changed()""",
    """CREATE TRIGGER search_3 AFTER INSERT OR UPDATE OF case_number, direction, text ON message
        FOR EACH ROW EXECUTE FUNCTION search_message_changed()""",
)


def create(tx: sa.Connection) -> None:
    """Make the index and its triggers, and fill it with what `cases` and `message` hold already."""
    statements: tuple[str, ...] = _POSTGRESQL
    if tx.dialect.name == "sqlite":
        triggers = (
            f"CREATE TRIGGER search_{number} {when} {only} BEGIN {what} END"
            for number, (when, only, what) in enumerate(_SQLITE_TRIGGERS, 1)
        )
        statements = (*_SQLITE, *triggers)
    for statement in statements:
        tx.exec_driver_sql(statement)


def forget(tx: sa.Connection) -> None:
    """What the index was told to forget is gone from its own tables as well: FTS5 only notes it, until it merges."""
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql("INSERT INTO search_cases (search_cases) VALUES ('optimize')")
        tx.exec_driver_sql("INSERT INTO search_message (search_message) VALUES ('optimize')")


def is_compared(name: str | None, _kind: str, _parents: Any) -> bool:
    """False for what Alembic finds in the database but not among the tables because it is made here."""
    return name is None or not name.startswith("search_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A case whose correspondence has all terms in one message, and the newest such message."""

    case: int
    message: int


def by_subject(tx: sa.Connection, terms: Sequence[Term], *, most: int) -> list[int]:
    """The newest cases whose subject has all terms."""
    return [row[0] for row in _rows(tx, _BY_SUBJECT, terms, with_notes=True, hits=most, cases=most)]


def by_text(tx: sa.Connection, terms: Sequence[Term], *, with_notes: bool, most: int) -> list[Hit]:
    """Cases by the newest message that has all terms, in its text or the case's subject; newest message first."""
    rows = _rows(tx, _BY_TEXT, terms, with_notes=with_notes, hits=most * HITS_PER_CASE, cases=most)
    newest: dict[int, int] = {}
    for row in rows:
        newest.setdefault(row[0], row[1])
    return [Hit(case=number, message=message) for number, message in newest.items()][:most]


def subjects_seen_by(tx: sa.Connection, contact: Contact, terms: Sequence[Term], *, most: int) -> list[int]:
    """The newest cases that this contact may see whose subject has all terms."""
    key, has_all = _index(tx, "search_cases", terms, with_notes=True)
    query = select(t.cases.c.number).where(key == t.cases.c.number, has_all, may_see(contact))
    return list(tx.scalars(query.order_by(t.cases.c.number.desc()).limit(most)))


def texts_seen_by(tx: sa.Connection, contact: Contact, terms: Sequence[Term], *, most: int) -> list[Hit]:
    """The cases that this contact may see, by their newest message that has all terms; no note, nothing of a machine."""
    key, has_all = _index(tx, "search_message", terms, with_notes=False)
    message = t.message.c
    shown = (message.direction != Direction.NOTE) & ~message.automatic
    newest = sa.func.max(message.id).label("message")
    query = (
        select(message.case_number, newest)
        .join(t.cases, t.cases.c.number == message.case_number)
        .where(key == message.id, has_all, shown, may_see(contact))
        .group_by(message.case_number)
        .order_by(newest.desc())
        .limit(most)
    )
    return [Hit(case=row.case_number, message=row.message) for row in tx.execute(query)]


def _index(
    tx: sa.Connection, name: str, terms: Sequence[Term], *, with_notes: bool
) -> tuple[sa.ColumnElement[int], sa.TextClause]:
    """The key of one of the two indexes, which is that of what it knows, and the condition that a row has all terms."""
    key = sa.column("rowid" if tx.dialect.name == "sqlite" else "id", sa.Integer())
    sa.table(name, key)  # whose column it is from now on
    if tx.dialect.name == "sqlite":
        return key, sa.text(f"{name} MATCH :asked").bindparams(asked=_fts5(terms, with_notes=with_notes))
    condition = sa.text(f"{name}.words @@ to_tsquery('simple', search_folded(:asked))")
    return key, condition.bindparams(asked=_tsquery(terms, with_notes=with_notes))


_BY_SUBJECT: Mapping[str, Sequence[str]] = {
    "sqlite": ("SELECT rowid FROM search_cases WHERE search_cases MATCH :asked ORDER BY rowid DESC LIMIT :hits",),
    "postgresql": (
        """
        WITH found AS MATERIALIZED (
            SELECT id FROM search_cases WHERE words @@ to_tsquery('simple', search_folded(:asked))
            AND id > (SELECT coalesce(max(id), 0) FROM search_cases) - :window)
        SELECT id FROM found ORDER BY id DESC LIMIT :hits""",
        """
        WITH found AS MATERIALIZED (
            SELECT id FROM search_cases WHERE words @@ to_tsquery('simple', search_folded(:asked)))
        SELECT id FROM (SELECT id FROM found LIMIT :most_hits) AS capped ORDER BY id DESC LIMIT :hits""",
    ),
}
_BY_TEXT: Mapping[str, Sequence[str]] = {
    "sqlite": (
        """
        SELECT message.case_number, message.id
        FROM search_message CROSS JOIN message ON message.id = search_message.rowid
        WHERE search_message MATCH :asked ORDER BY search_message.rowid DESC LIMIT :hits""",
    ),
    "postgresql": (
        """
        WITH found AS MATERIALIZED (
            SELECT id FROM search_message WHERE words @@ to_tsquery('simple', search_folded(:asked))
            AND id > (SELECT coalesce(max(id), 0) FROM search_message) - :window),
        newest AS MATERIALIZED (SELECT id FROM found ORDER BY id DESC LIMIT :hits)
        SELECT message.case_number, message.id FROM newest JOIN message USING (id) ORDER BY message.id DESC""",
        """
        WITH found AS MATERIALIZED (
            SELECT id FROM search_message WHERE words @@ to_tsquery('simple', search_folded(:asked))),
        newest AS MATERIALIZED (
            SELECT id FROM (SELECT id FROM found LIMIT :most_hits) AS capped ORDER BY id DESC LIMIT :hits)
        SELECT message.case_number, message.id FROM newest JOIN message USING (id) ORDER BY message.id DESC""",
    ),
}
"""What to ask, one after the other, until there are enough cases.

FTS5 reads what has a word from the newest on, and stops. PostgreSQL's index knows no order: so first among the newest,
where a common word has enough already; materialized, or the planner may read all rows backwards for the order's sake.
"""


def _rows(
    tx: sa.Connection,
    queries: Mapping[str, Sequence[str]],
    terms: Sequence[Term],
    *,
    with_notes: bool,
    hits: int,
    cases: int,
) -> list[tuple[int, ...]]:
    ask = _fts5 if tx.dialect.name == "sqlite" else _tsquery
    given = {
        "asked": ask(terms, with_notes=with_notes),
        "hits": hits,
        "window": WINDOW,
        "most_hits": MOST_HITS,
    }
    rows: list[tuple[int, ...]] = []
    for query in queries[tx.dialect.name]:
        used = {name: value for name, value in given.items() if f":{name}" in query}
        rows = [tuple(row) for row in tx.execute(sa.text(query), used)]
        if len({row[0] for row in rows}) >= cases:
            break
    return rows


def _fts5(terms: Sequence[Term], *, with_notes: bool) -> str:
    """The terms in FTS5's language; each word stands in quotes, where only a quote would mean anything."""
    asked = " AND ".join(
        "(" + " OR ".join(f'"{" ".join(run)}"{" *" * term.is_prefix}' for run in term.runs) + ")" for term in terms
    )
    return asked if with_notes else f"{{subject text}} : ({asked})"


def _tsquery(terms: Sequence[Term], *, with_notes: bool) -> str:
    """The terms in to_tsquery's language; its weights say which part of a message, and are slower to look at."""
    part = "" if with_notes else "AB"

    def one(run: Sequence[str], *, is_prefix: bool) -> str:
        marks = [part] * (len(run) - 1) + ["*" * is_prefix + part]
        return " <-> ".join(f"'{word}'{':' * bool(mark)}{mark}" for word, mark in zip(run, marks, strict=True))

    return " & ".join("(" + " | ".join(one(run, is_prefix=term.is_prefix) for run in term.runs) + ")" for term in terms)
