"""account pin|services|check and contact role|remove: what they say, refuse and leave behind (TESTPLAN RA-19)."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.mail.token import pin_hash
from gateway.services.people import PIN_LETTERS
from tests.cli.typist import ALICE, Typist
from tests.world import a_mail

BOB = "bob@customer.example"
CARL = "carl@customer.example"
SECRET = b"a secret that only the tests know"


def add(desk: Typist, name: str, *more: str, account: str = "EX-1", host: str = "customer.example") -> None:
    desk.do("contact", "add", f"{name.lower()}@{host}", "--account", account, "--name", name, *more)


def stored(desk: Typist) -> bytes:
    """All that the gateway has on disk, but its configuration."""
    return b"".join(file.read_bytes() for file in sorted(desk.config.parent.rglob("*")) if file.is_file())


def hashes(desk: Typist) -> dict[str, str | None]:
    with closing(sqlite3.connect(desk.config.parent / "casegate.db")) as connection:
        return dict(connection.execute("SELECT number, pin_hash FROM account").fetchall())


# --- PIN ------------------------------------------------------------------------------------------------


def test_a_pin_is_shown_once_and_kept_as_a_hash_only(desk: Typist) -> None:
    """53 bits, in groups, of letters that no other looks like; nothing on disk or shown later holds it (RA-19)."""
    assert "EX-1 has no PIN; `casegate account pin EX-1 --new` issues one\n" == desk.do("account", "pin", "EX-1")

    pin = desk.do("account", "pin", "EX-1", "--new", *ALICE).strip()

    assert re.fullmatch(rf"[{PIN_LETTERS}]{{4}}(-[{PIN_LETTERS}]{{4}}){{2}}", pin)
    assert len(set(PIN_LETTERS)) ** 12 > 2**50
    assert not set(PIN_LETTERS) & set("01258OILZSBUAE")
    assert pin_hash(SECRET, pin.lower().replace("-", " ")) == hashes(desk)["EX-1"]
    shown = "".join(desk.do(*words) for words in (["account", "show", "EX-1"], ["account", "list", "--json"]))
    for form in (pin, pin.lower(), pin.replace("-", ""), pin.replace("-", "").lower()):
        assert form.encode() not in stored(desk)
        assert form not in shown + desk.do("account", "pin", "EX-1") + desk.do("account", "pin", "EX-1", "--json")
    assert re.fullmatch(
        r"EX-1 has a PIN since \d{4}-.*, set by alice@vendor\.example\n", desk.do("account", "pin", "EX-1")
    )


def test_a_new_pin_ends_the_old_one(desk: Typist) -> None:
    first = desk.json("account", "pin", "EX-1", "--new")
    second = desk.json("account", "pin", "EX-1", "--new", *ALICE)
    assert ("EX-1", "EX-1", True) == (first["account"], second["account"], first["pin"] != second["pin"])
    assert pin_hash(SECRET, second["pin"]) == hashes(desk)["EX-1"]


def test_the_standing_as_json(desk: Typist) -> None:
    assert {"account": "EX-1", "is_set": False, "since": None, "by": None} == desk.json("account", "pin", "EX-1")
    desk.do("account", "pin", "EX-1", "--new")
    standing = desk.json("account", "pin", "EX-1")
    assert (True, None) == (standing["is_set"], standing["by"])  # nobody acts here by name
    assert standing["since"].endswith("Z")


def test_a_pin_of_another_account_is_refused_without_saying_whose(desk: Typist) -> None:
    desk.do("account", "add", "One", "--number", "ONE-1", "--pin", "1234-abcd")
    said = desk("account", "add", "Two", "--number", "TWO-1", "--pin", "1234 ABCD")
    assert (1, 1) == (said.code, said.err.count("\n"))
    assert "another account has this PIN" in said.err
    assert "ONE-1" not in said.err
    assert "TWO-1" not in hashes(desk)
    assert desk.json("account", "pin", "ONE-1")["is_set"]


# --- Services -------------------------------------------------------------------------------------------


def test_services_are_shown_and_changed(desk: Typist) -> None:
    words = ("account", "services", "EX-1")
    assert "EX-1 has booked nothing\n" == desk.do(*words)
    said = desk.do(*words, "--add", "premium_support", "--add", "Incident_Management", *ALICE)
    assert "EX-1 has booked premium_support, incident_management\n" == said
    assert "EX-1 has booked premium_support, incident_management already\n" == desk.do(
        *words, "--add", "premium_support"
    )
    assert ["incident_management"] == desk.json(*words, "--remove", "premium_support")
    assert ["incident_management"] == desk.json(*words)
    assert ["incident_management"] == desk.json("account", "show", "EX-1")["service"]


def test_a_service_that_the_rules_do_not_know_is_refused(desk: Typist) -> None:
    """Naming those that they know; where they know none, any is one, and what the rules lost can be taken away."""
    for words in (
        ("account", "services", "EX-1", "--add", "gold"),
        ("account", "services", "EX-1", "--remove", "gold"),
        ("account", "add", "X", "--number", "X-1", "--service", "gold"),
    ):
        said = desk(*words)
        assert (1, "there is no service gold; there are: incident_management, premium_support") == (
            said.code,
            said.err.removeprefix("casegate: ").strip(),
        )
    with closing(sqlite3.connect(desk.config.parent / "casegate.db")) as connection, connection:
        connection.execute("""UPDATE account SET services = '["gold", "premium_support"]'""")
    assert ["premium_support"] == desk.json("account", "services", "EX-1", "--remove", "gold")


# --- Check ----------------------------------------------------------------------------------------------


def test_an_account_whose_people_cover_each_other_is_sound(desk: Typist) -> None:
    roles = [
        word
        for role in ("user_manager", "decision_maker", "incident_manager", "version_recipient")
        for word in ("--role", role)
    ]
    add(desk, "Ann", *roles)
    add(desk, "Carl", *roles)
    desk.do("account", "services", "EX-1", "--add", "premium_support")
    assert [] == desk.json("account", "check", "EX-1")
    assert "each role has two people" in desk.do("account", "check", "EX-1")


def test_what_is_wrong_is_named_with_whom_to_ring_up(desk: Typist) -> None:
    add(desk, "Ann", "--role", "user_manager", "--role", "incident_manager", "--phone", "+49 30 1")
    with closing(sqlite3.connect(desk.config.parent / "casegate.db")) as connection, connection:
        connection.execute(f"UPDATE address SET bounced_at = '2026-01-01 00:00:00' WHERE address = '{BOB}'")

    said = desk("account", "check", "EX-1", "--json")

    ann = {"contact": "ann@customer.example", "phone": "+49 30 1"}
    nobody = {"contact": None, "phone": None}
    assert 1 == said.code
    assert [
        {"what": "few_holders", "role": "user_manager", **ann},
        {"what": "few_holders", "role": "decision_maker", **nobody},
        {"what": "few_holders", "role": "incident_manager", **ann},
        {"what": "few_holders", "role": "version_recipient", **nobody},
        {"what": "role_without_service", "role": "incident_manager", **ann},
        {"what": "mail_bounces", "role": None, "contact": BOB, "phone": None},
    ] == said.json
    plain = desk("account", "check", "EX-1")
    assert (1, "casegate: 6 gaps found\n") == (plain.code, plain.err)
    assert "mail bounces; ring them up" in plain.out
    assert "+49 30 1" in plain.out


# --- Roles and un-registering ---------------------------------------------------------------------------


def test_roles_are_shown_and_changed(desk: Typist) -> None:
    add(desk, "Ann", "--role", "user_manager")
    assert f"{BOB} holds no role\n" == desk.do("contact", "role", BOB)
    said = desk.do("contact", "role", BOB, "--add", "decision_maker", "--add", "user_manager", *ALICE)
    assert f"{BOB} holds decision_maker, user_manager · 2 mails queued\n" == said
    assert f"{BOB} holds decision_maker, user_manager already\n" == desk.do(
        "contact", "role", BOB, "--add", "decision_maker", *ALICE
    )
    assert ["user_manager"] == desk.json("contact", "role", BOB, "--remove", "decision_maker", *ALICE)["role"]
    kinds = {(row["recipient"], row["kind"], row["case"]) for row in desk.json("outbox", "list")}
    assert {("ann@customer.example", "registration", None), (BOB, "registration", None)} == kinds


def test_taking_the_last_user_manager_away_warns(desk: Typist) -> None:
    add(desk, "Ann", "--role", "user_manager")
    said = desk.do("contact", "role", "ann@customer.example", "--remove", "user_manager", *ALICE)
    assert "ann@customer.example holds no role · 1 mail queued" in said
    assert "warning: EX-1 has no user manager now" in said


def test_removing_says_what_it_did(desk: Typist) -> None:
    add(desk, "Ann", "--role", "user_manager")
    desk.mail(a_mail())

    said = desk.do("contact", "remove", BOB, *ALICE)

    assert f"{BOB} un-registered · 1 mail queued · 1 waiting mail cancelled · without them from now on: 1001\n" == said
    assert f"{BOB} is un-registered already\n" == desk.do("contact", "remove", BOB, *ALICE)
    assert not desk.json("contact", "show", BOB)["active"]
    assert "un-registered" in desk.do("contact", "list")
    assert ["ann@customer.example"] == desk.json("case", "show", "1001")["participants"]
    history = desk.do("case", "history", "1001")
    assert "reporter_left" in history.replace(" ", "_")
    assert f"{BOB} is un-registered" in history
    assert f"Alice: un-registered the reporter, {BOB}" in desk.do("case", "show", "1001")


def test_removing_whom_nobody_replaces_warns(desk: Typist) -> None:
    desk.mail(a_mail())
    said = desk.do("contact", "remove", BOB, *ALICE)
    assert "warning: nobody of EX-1 is on 1001 now; `casegate case participants N --add` changes that\n" in said
    assert "warning: EX-1 has no user manager now" in said


def test_a_successor_becomes_the_reporter(desk: Typist) -> None:
    add(desk, "Carl")
    desk.mail(a_mail())
    desk.do("contact", "remove", BOB, "--successor", CARL, *ALICE)
    assert CARL == desk.json("case", "show", "1001")["reporter"]
    assert f"reporter {BOB} → {CARL}" in desk.do("case", "history", "1001")
    event = desk.json("case", "history", "1001")[-1]
    assert ("reporter_changed", {"reporter": CARL, "before": BOB}) == (event["event"], event["detail"])


def test_contact_add_makes_a_former_contact_active_again(desk: Typist) -> None:
    """Of the same account only, and in an agent's name."""
    add(desk, "Ann", "--role", "user_manager")
    desk.do("account", "add", "Other", "--number", "OT-1")
    desk.do("contact", "remove", BOB, *ALICE)
    words = ("contact", "add", BOB, "--name", "Robert", "--role", "decision_maker")

    nobody, elsewhere = desk(*words, "--account", "EX-1"), desk(*words, "--account", "OT-1", *ALICE)
    said = desk.do(*words, "--account", "EX-1", *ALICE)

    assert (2, 1) == (nobody.code, elsewhere.code)
    assert "is an un-registered contact of account EX-1" in elsewhere.err
    assert f"{BOB} was a contact of EX-1 and is active again · 1 mail queued\n" == said
    shown = desk.json("contact", "show", BOB)
    assert ("Robert", ["decision_maker"], True) == (shown["name"], shown["role"], shown["active"])


@pytest.mark.parametrize(
    ("code", "words", "mend"),
    [
        (1, ["account", "pin", "NONE"], "casegate account list"),
        (1, ["account", "pin", "NONE", "--new"], "casegate account list"),
        (1, ["account", "pin", "EX-1", "--new", "--as", "nobody"], "alice@vendor.example"),
        (1, ["account", "services", "NONE"], "casegate account list"),
        (1, ["account", "services", "EX-1", "--add", "premium_support", "--as", "nobody"], "alice@vendor.example"),
        (2, ["account", "services", "EX-1", "--add", "premium_support", "--remove", "premium_support"], "either"),
        (1, ["account", "check", "NONE"], "casegate account list"),
        (1, ["contact", "role", "x@customer.example"], "casegate contact list"),
        (2, ["contact", "role", BOB, "--add", "king", *ALICE], "user_manager"),
        (2, ["contact", "role", BOB, "--add", "user_manager"], "--as"),
        (2, ["contact", "role", BOB, "--add", "user_manager", "--remove", "user_manager", *ALICE], "either"),
        (1, ["contact", "remove", "x@customer.example", *ALICE], "casegate contact list"),
        (1, ["contact", "remove", "alice@vendor.example", *ALICE], "casegate contact list"),
        (2, ["contact", "remove", BOB], "--as"),
        (1, ["contact", "remove", BOB, "--successor", "x@customer.example", *ALICE], "casegate contact list"),
        (1, ["contact", "remove", BOB, "--successor", BOB, *ALICE], "own successor"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(desk: Typist, code: int, words: list[str], mend: str) -> None:
    before = desk.json("contact", "list"), desk.json("account", "list"), hashes(desk)
    said = desk(*words)
    assert (code, 1) == (said.code, said.err.count("\n")), said
    assert mend in said.err
    assert before == (desk.json("contact", "list"), desk.json("account", "list"), hashes(desk))


def test_nothing_that_a_name_holds_gets_into_a_terminal_or_a_template(desk: Typist, tmp_path: Path) -> None:
    """A name is one line of text, whatever stands in it."""
    add(desk, "Ann", "--role", "user_manager")
    desk.do("contact", "add", CARL, "--account", "EX-1", "--name", "{{ 7 * 7 }} <b>Carl</b>")
    desk.do("contact", "role", CARL, "--add", "decision_maker", *ALICE)
    desk.do("contact", "remove", CARL, *ALICE)
    for row in desk.json("outbox", "list"):
        mail = desk.do("outbox", "show", str(row["id"]))
        assert "49 <b>" not in mail
        assert "<strong><b>" not in mail
