"""Search: the same query finds the same on both databases, whatever anyone types, and no query reads whole tables."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain import query
from gateway.domain.model import Direction
from gateway.errors import BadUsage
from gateway.services import finding
from gateway.services.finding import Finding, SearchQuery
from gateway.store import search
from gateway.store import tables as t
from tests.world import START, World, a_mail

SCRIPTS = ("İstanbul", "ΑΣ", "ÀÉÎÕÜ", "Łódź", "Привет", "й", "日本語", "हिन्दी", "cafe\u0301te\u0301", "ﬁle", "x²", "ŉ")

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HOSTILE = [
    "%", "_", "\\", "'", '"', '""', "*", "-", "^", "()", "' OR 1=1 --", "; --", '" OR "', "\x00", "&|!", ":*", "<->", "?",
    " NEAR(", " {text}:", "\ud800", "\u200b", "☃", "😀", "„",
]  # fmt: skip
"""What means something to SQL, FTS5, tsquery, LIKE, a shell or a terminal, and names no case."""


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    world = World(database_url, tmp_path)
    yield world
    world.ports.db.close()  # no events tell of what tests write here, so it does not verify


def open_case(world: World, subject: str, *texts: str) -> int:
    """A case with a message for each text; its number."""
    with world.ports.db.begin() as tx:
        number = (tx.scalar(sa.select(sa.func.max(t.cases.c.number))) or 1000) + 1
    world.later(minutes=1)
    world.mail(a_mail(subject="x", body="x", message_id=f"<{number}@customer.example>"))
    with world.ports.db.begin() as tx:  # a subject and texts that no mail program or rule had a say in
        tx.execute(sa.update(t.cases).where(t.cases.c.number == number).values(subject=subject))
        tx.execute(sa.delete(t.message).where(t.message.c.case_number == number))
    for text in texts:
        write(world, number, text)
    return int(number)


def write(world: World, number: int, text: str, direction: Direction = Direction.INBOUND) -> None:
    values: dict[str, Any] = {
        "case_number": number, "direction": direction, "author": str(world.bob), "automatic": False,
        "at": START, "subject": "", "text": text, "quoted": "quotedword",
    }  # fmt: skip
    with world.ports.db.begin() as tx:
        tx.execute(sa.insert(t.message).values(values))


def found(world: World, words: str, **more: Any) -> list[int]:
    return [one.summary.number for one in findings(world, words, **more)]


def findings(world: World, words: str, **more: Any) -> tuple[Finding, ...]:
    asked = SearchQuery(words=words, **more)
    return world.ports.db.read(finding.search, asked, world.ports.policy, world.ports.tokens)


@pytest.fixture
def desk(world: World) -> Iterator[World]:
    """Three cases that most tests ask; what they hold is found however the index came to hold it."""
    open_case(world, "Drucker druckt nicht", "Guten Tag,\nMüller meldet einen Papierstau im 3. Stock.")
    open_case(world, "Printers offline", "The printer says error 0x80070005.", "See foo_bar-baz.txt, bob@acme.example")
    open_case(world, "Straße gesperrt", "Frau Mueller ärgert sich über den Fehler im Ort Ñuñoa.")
    yield world
    rebuilt(world)


def rebuilt(world: World) -> None:
    """The index holds what it would if it were made anew from the tables."""
    with world.ports.db.begin() as tx:
        if tx.dialect.name == "sqlite":
            for index in ("search_cases", "search_message"):
                tx.exec_driver_sql(f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)")
            return
        for index in ("search_cases", "search_message"):
            kept = tx.execute(sa.text(f"SELECT id, words::text FROM {index} ORDER BY id")).all()
            made = tx.execute(sa.text(f"SELECT id, words::text FROM {index}_text ORDER BY id")).all()
            assert made == kept


def test_words_beginnings_and_phrases(desk: World) -> None:
    wanted: dict[str, list[int]] = {
        "papierstau": [1001],
        "PAPIERSTAU": [1001],
        "guten stock": [1001],
        "guten error": [],
        "drucker papierstau": [1001],
        "papier": [],
        "papier*": [1001],
        "PAPIER* guten": [1001],
        '"guten tag müller"': [1001],
        '"tag guten"': [],
        "„guten Tag“": [1001],
        '"drucker"': [1001],
        '"druckern"': [],
        '"guten tag': [1001],
        "quotedword": [],
    }
    assert wanted == {words: found(desk, words) for words in wanted}


def test_german_and_english_endings(desk: World) -> None:
    """A bare word has them, a quoted one not."""
    wanted: dict[str, list[int]] = {
        "printer": [1002],
        "printers": [1002],
        "printing": [1002],
        "errors": [1002],
        "Druckern": [1001],
        "Druckers": [1001],
        "Fehlers": [1003],
        "melden": [1001],
        "prints": [1002],
        '"printers" offline': [1002],
        '"printers offline"': [1002],
        '"printer offline"': [],
    }
    assert wanted == {words: found(desk, words) for words in wanted}


def test_umlauts_and_accents(desk: World) -> None:
    """`Müller` finds mueller too, `mueller` finds Müller and Muller; `muller` finds Müller, not Mueller."""
    wanted: dict[str, list[int]] = {
        "Müller": [1003, 1001],
        "mu\u0308ller": [1003, 1001],
        "MUELLER": [1003, 1001],
        "muller": [1001],
        "muell*": [1003, 1001],
        '"tag müller"': [1001],
        '"tag muller"': [1001],
        "argert": [1003],
        "aergert": [1003],
        "strasse": [1003],
        "STRASSE": [1003],
        "Straße": [1003],
        "nunoa": [1003],
        "Ñuñoa": [1003],
    }
    assert wanted == {words: found(desk, words) for words in wanted}


def test_nothing_typed_is_an_operator(desk: World) -> None:
    wanted: dict[str, list[int]] = {
        "foo_bar-baz": [1002],
        "foo bar": [1002],
        "bar_foo": [],
        "bob@acme.example": [1002],
        "acme.*": [1002],
        "0x80070005": [1002],
        "0x8007*": [1002],
        "printer OR drucker": [],
        "printer NOT offline": [],
        "printer NEAR error": [],
        "subject:drucker": [],
        "-printer": [1002],
        "printer & error | nothing": [],
        "pri%": [],
        "print_r": [],
        "printer %": [1002],
        "'); DROP TABLE cases;--": [],
        "' OR 1=1 --": [],
    }
    assert wanted == {words: found(desk, words) for words in wanted}


@pytest.mark.parametrize("words", ["", " ", *HOSTILE[:12], "\x00", "☃ 😀", '"%"'])
def test_a_query_without_words_is_refused(words: str) -> None:
    with pytest.raises(BadUsage, match=r"nothing to search for"):
        query.parse(words.replace("OR 1=1", ""))


def test_a_query_that_is_too_short_or_long_is_refused() -> None:
    with pytest.raises(BadUsage, match=r"pr\* is too short: give at least 3 characters"):
        query.parse("printer pr*")
    with pytest.raises(BadUsage, match="at most 200 characters"):
        query.parse("x" * 201)


def test_what_means_something_elsewhere_only_parts_words(desk: World) -> None:
    """Also in what is searched: a case whose subject and text hold it is found beside it, and by nothing else."""
    held = {evil: evil.translate({0: " ", 0xD800: " "}) for evil in HOSTILE}
    numbers = {
        evil: open_case(desk, f"{some} x{n}l{some}right {some}", f"one {some}")
        for n, (evil, some) in enumerate(held.items())
    }

    asked = {evil: found(desk, f"{evil} x{n}l{evil}right{evil} one") for n, evil in enumerate(HOSTILE)}
    assert {evil: [number] for evil, number in numbers.items()} == asked
    assert [] == [evil for evil in HOSTILE if found(desk, f"nowhere {evil}")]


@given(st.text(st.characters(), max_size=40))
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_query_fails(desk: World, words: str) -> None:
    """Whatever is typed finds cases or is refused with a line."""
    try:
        found(desk, words)
    except BadUsage:
        return


def test_a_word_of_any_script_finds_itself(desk: World) -> None:
    """The query goes through the same mill as the text."""
    numbers = {text: open_case(desk, "…", f"„{text}“") for text in SCRIPTS}

    assert {text: [number] for text, number in numbers.items()} == {text: found(desk, text) for text in SCRIPTS}
    assert {text: [number] for text, number in numbers.items()} == {text: found(desk, f'"{text}"') for text in SCRIPTS}
    assert [numbers["ΑΣ"]] == found(desk, "ας")
    assert [numbers["Привет"]] == found(desk, "ПРИВЕТ")


def test_a_case_is_found_by_its_number(desk: World) -> None:
    """As it stands in lists, in subjects and in tokens; before any case that only speaks of it."""
    open_case(desk, "As in 1001", "x")
    token = desk.ports.tokens.mint(1001)

    assert [1001, 1004] == found(desk, "1001")
    assert [1001] == found(desk, " case-1001 ")
    assert [1001] == found(desk, token)
    assert [1004] == found(desk, '"1001"')
    assert [] == found(desk, "999999999")
    assert [] == found(desk, "9" * 100)


def test_notes_are_found_only_where_they_may_be_seen(desk: World) -> None:
    """Neither by their text, nor by their case's subject together with it, nor in an excerpt."""
    write(desk, 1001, "Intern: der Kunde zahlt nie", Direction.NOTE)
    write(desk, 1001, "Drucker: auch der Vertrieb weiss das", Direction.NOTE)

    for words in ("zahlt", "drucker zahlt", '"der kunde"', "zahl*"):
        assert [1001] == found(desk, words)
        assert [] == found(desk, words, with_notes=False)
    (outside,) = findings(desk, "drucker", with_notes=False)
    assert (1001, None) == (outside.summary.number, outside.excerpt)
    with desk.ports.db.begin() as tx:
        tx.execute(sa.update(t.message).where(t.message.c.text.like("Intern%")).values(direction="inbound"))
    assert [1001] == found(desk, "zahlt", with_notes=False)


def test_a_message_that_moves_is_found_where_it_is(desk: World) -> None:
    """As merge and split do it: many rows in one statement."""
    with desk.ports.db.begin() as tx:
        tx.execute(sa.update(t.message).where(t.message.c.case_number == 1002).values(case_number=1001))

    assert [1001] == found(desk, "error")
    assert [1001] == found(desk, "druckt error")
    assert [] == found(desk, "offline error")
    assert [1002] == found(desk, "offline")


def test_a_changed_subject_counts_at_once(desk: World) -> None:
    """For the case and beside every message of it."""
    with desk.ports.db.begin() as tx:
        tx.execute(sa.update(t.cases).where(t.cases.c.number == 1002).values(subject="Toner leer"))

    assert [] == found(desk, "offline")
    assert [1002] == found(desk, "toner")
    assert [1002] == found(desk, "toner error")
    assert [1002] == found(desk, "toner foo")


def test_what_is_deleted_or_rewritten_is_not_found(desk: World) -> None:
    """As erasing a person will do."""
    with desk.ports.db.begin() as tx:
        tx.execute(sa.delete(t.message).where(t.message.c.text.like("The printer%")))
        tx.execute(sa.update(t.message).where(t.message.c.text.like("Frau%")).values(text="(erased)"))

    assert [] == found(desk, "error")
    assert [] == found(desk, "mueller fehler")
    assert [1003] == found(desk, "erased")


def test_what_is_undone_is_not_found(desk: World) -> None:
    """The index is part of the transaction."""
    with pytest.raises(RuntimeError), desk.ports.db.begin() as tx:
        tx.execute(sa.update(t.cases).where(t.cases.c.number == 1002).values(subject="Toner leer"))
        raise RuntimeError

    assert [1002] == found(desk, "offline")
    assert [] == found(desk, "toner")


def test_subjects_come_first_then_the_newest(world: World) -> None:
    for subject, text in (("VPN", "x"), ("a", "vpn"), ("b", "vpn"), ("vpn again", "x"), ("c", "nothing")):
        open_case(world, subject, text)

    assert [1004, 1001, 1003, 1002] == found(world, "vpn")
    assert [1004, 1001] == found(world, "vpn", limit=2)


def test_an_excerpt_shows_the_word(desk: World) -> None:
    (one,) = findings(desk, "mullers stock")
    assert one.excerpt == finding.Excerpt(
        before="Guten Tag, ", match="Müller", after=" meldet einen Papierstau im 3. Stock."
    )
    (one,) = findings(desk, '"im 3. stock" papier*')
    assert one.excerpt is not None
    assert "Papierstau" == one.excerpt.match
    (one,) = findings(desk, "offline")
    assert one.excerpt is None


def test_a_text_of_megabytes_is_stored_and_its_beginning_found(desk: World) -> None:
    """PostgreSQL refuses a vector of a megabyte; a mail with one is taken all the same."""
    open_case(desk, "y", "first " + " ".join(f"{n:x}ü" for n in range(400_000)), "é" * 3_000_000 + " last")

    assert [1004] == found(desk, "first")
    assert [] == found(desk, f'"{399_999:x}ü"')


def test_old_and_rare_words_are_found_behind_many_newer_messages(world: World) -> None:
    """PostgreSQL looks among the newest first, and then among all."""
    open_case(world, "old", "rare common", "common")
    open_case(world, "new", *["common"] * 3)
    row = {
        "case_number": 1002, "direction": "note", "author": str(world.bob), "automatic": False, "at": START,
        "subject": "", "text": "filler", "quoted": "",
    }  # fmt: skip
    with world.ports.db.begin() as tx:
        tx.execute(sa.insert(t.message), [row] * search.WINDOW)
    write(world, 1002, "common")

    assert [1002, 1001] == found(world, "common")
    assert [1002] == found(world, "common", limit=1)
    assert [1001] == found(world, "rare")


@pytest.mark.parametrize("words", ["word", '"two words"', "prefix*", "one two"])
def test_no_query_reads_a_whole_table(world: World, words: str) -> None:
    """Neither the tables nor the index; on PostgreSQL with sequential scans priced out, as on tables that are large."""
    engine = world.ports.db.engine
    is_sqlite = engine.dialect.name == "sqlite"
    plans: list[list[str]] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "search_" in statement:
            told = connection.connection.cursor()
            told.execute(("EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN ") + statement, parameters)
            plans.append([str(row[-1]) for row in told.fetchall()])

    sa.event.listen(engine, "before_cursor_execute", explain)
    with engine.connect() as tx:
        if not is_sqlite:
            tx.exec_driver_sql("SET enable_seqscan = off")
        search.by_subject(tx, query.parse(words), most=50)
        search.by_text(tx, query.parse(words), with_notes=False, most=50)
        tx.invalidate()  # the setting would outlive the test

    if is_sqlite:  # M: by what MATCH asks; without it FTS5 reads all
        (by_subject,), (by_text, by_number) = plans
        assert re.fullmatch(r"SCAN search_cases VIRTUAL TABLE INDEX \d+:M1", by_subject)
        assert re.fullmatch(r"SCAN search_message VIRTUAL TABLE INDEX \d+:M3", by_text)
        assert "SEARCH message USING INTEGER PRIMARY KEY (rowid=?)" == by_number
        return
    assert [] == [line for plan in plans for line in plan if "Seq Scan" in line]
    newest_subjects, all_subjects, newest_texts, all_texts = ("\n".join(plan) for plan in plans)
    for plan in (newest_subjects, newest_texts):
        assert "Index Cond: (id > " in plan or "_words" in plan
    assert "Bitmap Index Scan on search_cases_words" in all_subjects
    assert "Bitmap Index Scan on search_message_words" in all_texts


@SQLITE
def test_the_database_needs_nothing_of_ours(desk: World) -> None:
    """The triggers run in any program that writes the file, a plain sqlite3 too."""
    with closing(sqlite3.connect(desk.ports.db.file or "")) as plain, plain:
        plain.execute("UPDATE cases SET subject = 'Toner' WHERE number = 1001")

    assert [1001] == found(desk, "toner")
