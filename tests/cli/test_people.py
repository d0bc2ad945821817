"""account, contact, agent: what is typed is checked, stored in one form, and shown by the names of its options."""

import sqlite3
from contextlib import closing

import pytest

from gateway.mail.token import pin_hash
from tests.cli.typist import Typist


def test_an_account_shows_what_was_added(desk: Typist) -> None:
    words = """
        account add ACME --number ACME-1 --pin 1234-abcd --domain Acme.EXAMPLE --domain acme.example
        --service premium_support --lang de --timezone Europe/Berlin --manager Alice --team third_level
        --valid-until 2027-12-31 --calendar business
    """
    desk.do(*words.split())
    wanted = {
        "number": "ACME-1",
        "name": "ACME",
        "domain": ["acme.example"],
        "service": ["premium_support"],
        "lang": "de",
        "timezone": "Europe/Berlin",
        "manager": "alice@vendor.example",
        "team": "third_level",
        "valid_until": "2027-12-31",
        "calendar": "business",
    }
    assert wanted == desk.json("account", "show", "ACME-1")
    assert ["ACME-1", "EX-1"] == [account["number"] for account in desk.json("account", "list")]
    assert "Europe/Berlin" in desk.do("account", "show", "ACME-1")
    assert "acme.example" in desk.do("account", "list")


def test_a_pin_is_kept_as_a_keyed_hash_only(desk: Typist) -> None:
    desk.do("account", "add", "ACME", "--number", "ACME-1", "--pin", "1234-ABcd")
    with closing(sqlite3.connect(desk.config.parent / "casegate.db")) as connection:
        (stored,) = connection.execute("SELECT pin_hash FROM account WHERE number = 'ACME-1'").fetchone()
    assert pin_hash(b"a secret that only the tests know", "1234 abCD") == stored
    assert pin_hash(b"another secret", "1234abcd") != stored
    assert "1234" not in desk.do("account", "show", "ACME-1", "--json")


def test_a_contact_shows_what_was_added(desk: Typist) -> None:
    words = "contact add Ann@Customer.Example --account EX-1 --name Ann --role user_manager --role decision_maker"
    desk.do(*words.split(), "--phone", "+49 30 1", "--lang", "de", "--no-access")
    wanted = {
        "address": "ann@customer.example",
        "account": "EX-1",
        "name": "Ann",
        "role": ["decision_maker", "user_manager"],
        "phone": "+49 30 1",
        "lang": "de",
        "no_access": True,
        "active": True,
        "erased": False,
        "addresses": ["ann@customer.example"],
        "bounced": [],
        "unsubscribed_at": None,
    }
    assert wanted == desk.json("contact", "show", "ANN@customer.example")
    assert 2 == len(desk.json("contact", "list"))
    assert 2 == len(desk.json("contact", "list", "--account", "EX-1"))
    assert 1 == desk("contact", "list", "--account", "XX").code
    assert "no access" in desk.do("contact", "list")
    assert "decision_maker" in desk.do("contact", "show", "ann@customer.example")


def test_an_agent_shows_what_was_added(desk: Typist) -> None:
    words = "agent add Sam --address Sam@vendor.example --kind support_manager --team a --team b --os-user sam"
    desk.do(*words.split())
    wanted = {
        "name": "Sam",
        "address": "sam@vendor.example",
        "kind": "support_manager",
        "team": ["a", "b"],
        "os_user": "sam",
        "signature": None,
        "lang": "en",
        "active": True,
    }
    assert wanted == desk.json("agent", "show", "sam")
    assert wanted == desk.json("agent", "list")[1]
    assert "support_manager" in desk.do("agent", "list")
    assert "support_manager" in desk.do("agent", "show", "sam@vendor.example")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, ["account", "add", "X", "--number", "EX-1"]),
        (1, ["account", "add", "X", "--number", "X-1", "--pin", "123-4567"]),
        (1, ["account", "add", "X", "--number", "X-1", "--manager", "nobody"]),
        (2, ["account", "add", "X", "--number", "X 1"]),
        (2, ["account", "add", "X\r\nBcc: mallory@evil.example", "--number", "X-1"]),
        (2, ["account", "add", "", "--number", "X-1"]),
        (2, ["account", "add", "X", "--number", "X-1", "--domain", "no domain"]),
        (2, ["account", "add", "X", "--number", "X-1", "--timezone", "Mars/Olympus"]),
        (2, ["account", "add", "X", "--number", "X-1", "--timezone", "../../etc/passwd"]),
        (2, ["account", "add", "X", "--number", "X-1", "--lang", "deutsch!"]),
        (2, ["account", "add", "X", "--number", "X-1", "--valid-until", "soon"]),
        (1, ["contact", "add", "x@customer.example", "--account", "NONE", "--name", "X"]),
        (1, ["contact", "add", "bob@customer.example", "--account", "EX-1", "--name", "X"]),
        (1, ["contact", "add", "alice@vendor.example", "--account", "EX-1", "--name", "X"]),
        (2, ["contact", "add", "no address", "--account", "EX-1", "--name", "X"]),
        (2, ["contact", "add", "x@customer.example", "--account", "EX-1", "--name", "X\u202e"]),
        (2, ["contact", "add", "x@customer.example", "--account", "EX-1", "--name", "X", "--role", "king"]),
        (2, ["contact", "add", "x@customer.example", "--account", "EX-1", "--name", "X", "--phone", "\x1b[2J"]),
        (1, ["agent", "add", "X", "--address", "bob@customer.example"]),
        (2, ["agent", "add", "X", "--address", "x"]),
        (2, ["agent", "add", "X", "--address", "x@vendor.example", "--kind", "king"]),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_not_stored(desk: Typist, code: int, words: list[str]) -> None:
    lists = [("account", "list"), ("contact", "list"), ("agent", "list")]
    before = [desk.json(*listed) for listed in lists]
    said = desk(*words)
    assert (code, 1) == (said.code, said.err.count("\n")), said
    assert before == [desk.json(*listed) for listed in lists]


def test_an_international_domain_is_stored_as_its_a_label(desk: Typist) -> None:
    desk.do("contact", "add", "eva@bücher.example", "--account", "EX-1", "--name", "Eva")
    assert "eva@xn--bcher-kva.example" == desk.json("contact", "show", "eva@bücher.example")["address"]


@pytest.mark.parametrize("who", [("contact", "--account", "EX-1", "--name", "X"), ("agent", "X")])
def test_our_own_address_is_nobodys(desk: Typist, who: tuple[str, ...]) -> None:
    """Casegate would write to itself."""
    words = (who[0], "add", *(() if who[0] == "agent" else ("service+x@vendor.example",)), *who[1:])
    address = ("--address", "service@vendor.example") if who[0] == "agent" else ()
    said = desk(*words, *address)
    assert (1, 1) == (said.code, said.err.count("\n"))
    assert "this gateway itself" in said.err
