"""contact erase: what it asks, says, refuses and leaves behind."""

import sqlite3
from contextlib import closing

import pytest

from tests.cli.terminal import at_terminal
from tests.cli.typist import ALICE, Typist
from tests.world import a_mail

BOB, NAME, PHONE = "bob.b@customer.example", "Bob Builder", "+49 30 1234567"
ROOT = ("--as", "root@vendor.example")


@pytest.fixture
def staffed(desk: Typist) -> Typist:
    """With an admin, a user manager, and somebody to erase."""
    desk.do("agent", "add", "Root", "--address", "root@vendor.example", "--kind", "admin")
    desk.do("contact", "add", "ann@customer.example", "--account", "EX-1", "--name", "Ann", "--role", "user_manager")
    desk.do("contact", "add", BOB, "--account", "EX-1", "--name", NAME, "--phone", PHONE)
    return desk


def erased_as(desk: Typist) -> str:
    (found,) = [one for one in desk.json("contact", "list") if one["erased"]]
    address: str = found["address"]
    return address


def test_it_says_what_it_did_and_views_show_the_pseudonym(staffed: Typist) -> None:
    number = staffed.mail(a_mail(BOB, f"From {NAME}", f"Ring me up: {PHONE}."))
    staffed.do("case", "reply", "1001", "-m", f"Dear {NAME}, ok.", *ALICE)

    said = staffed.do("contact", "erase", BOB, "--yes", *ROOT)

    address = erased_as(staffed)
    pseudonym = f"Erased person {address.partition('@')[0].removeprefix('erased-')}"
    assert f"erased; {pseudonym} <{address}> stands in their place\n" in said
    assert "noted on 1 case · " in said
    assert " · 1 raw mail deleted · 2 mails to them emptied · 2 waiting mails cancelled · 1 mail queued\n" in said
    views = [
        ["contact", "show", address],
        ["contact", "list"],
        ["case", "show", "1001", "--full"],
        ["case", "history", "1001"],
        ["cases"],
        ["intake", "show", str(number)],
        ["why", "intake", str(number)],
        ["why", "case", "1001"],
        ["outbox", "list"],
        *(["outbox", "show", str(row["id"])] for row in staffed.json("outbox", "list")),
        ["report", "load"],
        ["queue"],
    ]
    shown = {" ".join(words): staffed.do(*words) for words in views}
    assert [] == [words for words, text in shown.items() for one in (BOB, NAME, "1234567") if one in text]
    for words in ("case show 1001 --full", "contact list", f"contact show {address}", "why intake 1"):
        assert pseudonym in shown[words]
    assert "Standing" in shown[f"contact show {address}"]
    assert "erased" in shown[f"contact show {address}"]
    assert f"erased somebody, {address} now" in " ".join(shown["case show 1001 --full"].split())
    assert "its text was erased" in shown["outbox show 1"]
    assert "every case is what its history makes of it" in staffed.do("db", "verify")


def test_a_second_time_is_a_plain_sentence(staffed: Typist) -> None:
    staffed.do("contact", "erase", BOB, "--yes", *ROOT)
    address = erased_as(staffed)
    assert "is erased already\n" in staffed.do("contact", "erase", address, *ROOT)
    gone = staffed("contact", "erase", BOB, "--yes", *ROOT)
    assert (1, f"casegate: there is no contact {BOB}; `casegate contact list` shows them\n") == (gone.code, gone.err)
    back = staffed("contact", "add", address, "--account", "EX-1", "--name", NAME, *ROOT)
    assert (1, True) == (back.code, "was erased" in back.err)


def test_it_asks_before(staffed: Typist) -> None:
    """A person at a terminal; a script must say --yes."""
    nobody = staffed("contact", "erase", BOB, *ROOT)
    assert (2, True) == (nobody.code, "--yes" in nobody.err)
    for answer, code in (("n", 1), ("y", 0)):
        with at_terminal(staffed.config, "contact", "erase", BOB, *ROOT, columns=120) as screen:
            screen.read_until("[y/N]")
            assert f"Erase {NAME} <{BOB}> of EX-1 for good?" in screen.seen
            assert staffed.json("contact", "show", BOB)["active"]
            screen.answer(answer)
            assert code == screen.read_to_end()
    assert erased_as(staffed)


@pytest.mark.parametrize(
    ("code", "words", "mend"),
    [
        (1, [BOB, "--yes", *ALICE], "--as one of: root@vendor.example"),
        (2, [BOB, "--yes"], "--as"),
        (1, ["x@customer.example", "--yes", *ROOT], "casegate contact list"),
        (1, [BOB, "--yes", "--successor", BOB, *ROOT], "own successor"),
        (1, [BOB, "--yes", "--successor", "x@customer.example", *ROOT], "casegate contact list"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(staffed: Typist, code: int, words: list[str], mend: str) -> None:
    said = staffed("contact", "erase", *words)
    assert (code, 1) == (said.code, said.err.count("\n")), said
    assert mend in said.err
    assert staffed.json("contact", "show", BOB)["active"]


def test_where_nobody_is_an_admin_it_says_how_to_get_one(desk: Typist) -> None:
    said = desk("contact", "erase", "bob@customer.example", "--yes", *ALICE)
    assert (1, True) == (said.code, "casegate agent add NAME --address A --kind admin" in said.err)


def test_verify_tells_of_what_was_put_back(staffed: Typist) -> None:
    staffed.do("contact", "erase", BOB, "--yes", *ROOT)
    with closing(sqlite3.connect(staffed.config.parent / "casegate.db")) as connection, connection:
        connection.execute("UPDATE contact SET name = 'Bob' WHERE erased_at IS NOT NULL")
    said = staffed("db", "verify")
    assert (1, True) == (said.code, "is erased, but has more than a pseudonym" in said.out)


def test_no_byte_of_the_files_has_them(staffed: Typist) -> None:
    """Once no command holds the database open, in a file in which nothing was deleted before."""
    staffed.mail(a_mail(BOB, f"From {NAME}", f"Ring me up: {PHONE}. " + "word " * 3_000))
    staffed.do("contact", "erase", BOB, "--yes", *ROOT)
    folder = staffed.config.parent
    (folder / "mail.eml").unlink()
    kept = {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert [] == [name for name, data in kept.items() if BOB.encode() in data or NAME.encode() in data]
