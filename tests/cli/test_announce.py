"""`announce`: shown and asked before it leaves, stopped, resumed, listed; and who does not want any more."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway import config, wiring
from gateway.domain.model import Contact, ContactId
from gateway.store import people
from gateway.store import tables as t
from tests.cli.terminal import at_terminal
from tests.cli.typist import ALICE, Typist

SAM = ("--as", "sam@vendor.example")
RELEASE = ("--template", "release", "--set", "version=8.1")


@pytest.fixture
def desk(desk: Typist) -> Typist:
    """With a support manager, and Vera, who gets news of versions."""
    desk.do("agent", "add", "Sam", "--address", "sam@vendor.example", "--kind", "support_manager")
    vera = ("vera@customer.example", "--account", "EX-1", "--name", "Vera", "--role", "version_recipient")
    desk.do("contact", "add", *vera)
    return desk


def crowd(desk: Typist, number: int) -> None:
    """So many more contacts."""
    database = wiring.open_database(config.load(desk.config))
    with database.begin() as tx:
        for one in range(number):
            address = f"c{one}@customer.example"
            people.add_contact(tx, Contact(id=ContactId(0), account="EX-1", name=f"C {one}", addresses=(address,)))
    database.close()


def desk_reads(desk: Typist, query: sa.Select[Any]) -> Sequence[str]:
    """All of a column, which no command lists."""
    database = wiring.open_database(config.load(desk.config))
    found = database.read(lambda tx: tx.scalars(query).all())
    database.close()
    return found


def test_it_shows_whom_and_what_and_sends(desk: Typist) -> None:
    said = desk.do("announce", "--audience", "version_recipients", *RELEASE, "--yes", *SAM)

    assert "to 1 person of 1 account:\n  Vera <vera@customer.example>, EX-1\n" in said
    assert "--- in en ---\nSubject: Acme: version 8.1 is available\n\nHello Vera,\n" in said
    assert said.endswith("announcement 1: 1 mail queued\n")
    assert [("vera@customer.example", "announcement")] == [
        (row["recipient"], row["kind"]) for row in desk.json("outbox", "list")
    ]


def test_a_long_list_is_cut_and_progress_is_told_in_lines(desk: Typist) -> None:
    crowd(desk, 50)
    said = desk.do("announce", "--audience", "account", "EX-1", *RELEASE, "--yes", *SAM)

    assert "to 52 people of 1 account:" in said
    assert 10 == said.count("  C ") + said.count("  Vera") + said.count("  Bob")
    assert "  … and 42 more\n" in said
    assert "\n20 of 52 queued\n40 of 52 queued\nannouncement 1: 52 mails queued\n" in said


def test_it_is_listed(desk: Typist) -> None:
    assert "no announcements yet\n" == desk.do("announce", "list")
    desk.do("announce", "--audience", "account", "EX-1", *RELEASE, "--yes", *SAM)

    (one,) = desk.json("announce", "list")
    del one["created_at"]
    assert {
        "id": 1,
        "by": "sam@vendor.example",
        "audience": "account",
        "accounts": ["EX-1"],
        "template": "release",
        "set": {"version": "8.1"},
        "state": "sending",
        "total": 2,
        "queued": 2,
        "skipped": 0,
        "sent": 0,
        "failed": 0,
    } == one
    assert "release version=8.1  sending   0/2\n" in desk.do("announce", "list")


@pytest.mark.parametrize(
    ("code", "words", "told"),
    [
        (2, ["--audience", "all", *RELEASE, *SAM], "nobody is there to ask; --yes sends it, nothing was sent"),
        (1, ["--audience", "all", *RELEASE, "--yes", *ALICE], "only a support manager or an admin announces"),
        (2, ["--audience", "all", "--template", "release", "--yes", *SAM], "release needs --set version=…"),
        (2, ["--audience", "all", *RELEASE, "--set", "x=1", "--yes", *SAM], "release does not use x"),
        (2, ["--audience", "all", *RELEASE, "--set", "version", "--yes", *SAM], "write it as name=value"),
        (2, ["--audience", "all", *RELEASE, "--set", "version=9", "--yes", *SAM], "version=… is there twice"),
        (2, ["--audience", "account", *RELEASE, "--yes", *SAM], "account numbers go with --audience account"),
        (2, ["--audience", "all", "EX-1", *RELEASE, "--yes", *SAM], "account numbers go with --audience account"),
        (1, ["--audience", "account", "NO-1", *RELEASE, "--yes", *SAM], "there is no account NO-1"),
        (
            1,
            ["--audience", "all", "--template", "no", "--yes", *SAM],
            "there is no announcement no; there are: release",
        ),
        (2, ["--audience", "everybody", *RELEASE, "--yes", *SAM], "everybody"),
        (1, ["resume", "7", *SAM], "there is no announcement 7"),
    ],
)
def test_what_cannot_be_is_told_in_one_line_and_nothing_is_sent(
    desk: Typist, code: int, words: list[str], told: str
) -> None:
    said = desk("announce", *words)
    assert (code, 1, True) == (said.code, said.err.count("\n"), told in said.err), said
    assert ([], []) == (desk.json("announce", "list"), desk.json("outbox", "list"))


def test_nobody_to_tell_is_refused_with_why(desk: Typist) -> None:
    assert "vera@customer.example gets no announcements · 0 mails queued\n" == desk.do(
        "contact", "unsubscribe", "vera@customer.example", *SAM
    )
    said = desk("announce", "--audience", "version_recipients", *RELEASE, "--yes", *SAM)
    assert (1, "casegate: nobody to announce it to: 1 unsubscribed\n") == (said.code, said.err)
    assert "not to 1 who unsubscribed\n" in desk.do("announce", "--audience", "all", *RELEASE, "--yes", *SAM)


def test_who_unsubscribed_is_shown_and_comes_back(desk: Typist) -> None:
    vera = "vera@customer.example"
    desk.do("contact", "unsubscribe", vera, *ALICE)
    gaps = desk("account", "check", "EX-1", "--json").json

    assert [{"what": "unsubscribed", "role": "version_recipient", "contact": vera, "phone": None}] == [
        gap for gap in gaps if gap["what"] == "unsubscribed"
    ]
    assert "wants no announcements" in desk("account", "check", "EX-1").out
    assert "Announcements  unsubscribed 20" in desk.do("contact", "show", vera)
    assert desk.json("contact", "show", vera)["unsubscribed_at"]
    assert f"{vera} gets announcements · " in desk.do("contact", "subscribe", vera, *ALICE)
    assert f"{vera} gets announcements already\n" == desk.do("contact", "subscribe", vera, *ALICE)
    assert None is desk.json("contact", "show", vera)["unsubscribed_at"]


def test_at_a_terminal_no_means_no(desk: Typist) -> None:
    with at_terminal(desk.config, "announce", "--audience", "all", *RELEASE, *SAM) as terminal:
        terminal.read_until("Send it to 2 people? [y/N]")
        terminal.answer("n")
        assert 1 == terminal.read_to_end()
    assert [] == desk.json("announce", "list")


def test_ctrl_c_stops_it_and_resume_goes_on(desk: Typist) -> None:
    """Nobody gets it twice."""
    crowd(desk, 1_500)
    with at_terminal(desk.config, "announce", "--audience", "all", *RELEASE, *SAM) as terminal:
        terminal.read_until("[y/N]")
        terminal.answer("y")
        terminal.read_until("announcing")  # the bar
        terminal.interrupt()
        assert 1 == terminal.read_to_end()
        assert "casegate: stopped; `casegate announce resume 1` goes on" in terminal.seen
    (one,) = desk.json("announce", "list")
    assert "unfinished" == one["state"]
    assert 0 < one["queued"] < 1_502
    assert "go on with: casegate announce resume 1\n" in desk.do("announce", "list")

    assert desk.do("announce", "resume", "1", *SAM).endswith("announcement 1: 1502 mails queued\n")

    recipients = desk_reads(desk, sa.select(t.outbox.c.recipient))
    assert (1_502, 1_502) == (len(recipients), len(set(recipients)))
    assert "announcement 1: 1502 mails queued\n" == desk.do("announce", "resume", "1", *SAM)


def test_one_of_the_vendors_own_is_sent(desk: Typist, tmp_path: Path) -> None:
    folder = tmp_path / "own" / "en"
    folder.mkdir(parents=True)
    (folder / "announce_outage.txt.j2").write_text("Subject: Down\n\n{{ when }}\n")
    (folder / "announce_outage.html.j2").write_text("<p>{{ when }}</p>")
    with desk.config.open("a") as file:
        file.write(f'[templates]\ndir = "{tmp_path / "own"}"\n')

    said = desk.do("announce", "--audience", "all", "--template", "outage", "--set", "when=At 6 = soon", "--yes", *SAM)
    assert "\nAt 6 = soon\n" in said
    desk.do("template", "preview", "announce_outage")
    desk.do("template", "check")
