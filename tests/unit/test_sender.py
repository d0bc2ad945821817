"""Who a mail is from: strict for rights, lenient for eyes (TESTPLAN B, SI-02 to SI-11)."""

import pytest
from mailparser import MailParser

from gateway.mail.parts import parse_parts
from gateway.mail.sender import MAX_ADDRESSES, addresses, shown, single_sender, stored_form

ANN, BOB, EVE = "ann@customer.example", "bob@customer.example", "mallory@evil.example"


def read(*fields: str) -> tuple[str | None, str | None]:
    """What strict reading and mail-parser make of these From fields together."""
    mail = "".join(f"From: {field}\r\n" for field in fields) + "\r\nhi"
    parser = MailParser(parse_parts(mail.encode()))
    complaints = [defect["reason"] for defect in parser.address_header_defects if defect["header"] == "from"]
    return single_sender(fields, parser.from_, complaints)


@pytest.mark.parametrize(
    ("field", "address"),
    [
        (BOB, BOB),
        (f"<{BOB}>", BOB),
        (f"Bob Builder <{BOB}>", BOB),
        (f'"Builder, Bob" <{BOB}>', BOB),
        (f"B. O. Builder <{BOB}>", BOB),
        (f"{BOB} (Bob Builder)", BOB),
        (f"Bob (IT) <{BOB}>", BOB),
        (f"Jörg <{BOB}>", BOB),
        (f"=?utf-8?q?J=C3=B6rg?= <{BOB}>", BOB),
        (f"Bob\r\n\t<{BOB}>", BOB),
        ("BOB@Customer.Example", BOB),
        ('"bob"@customer.example', BOB),
        ("bob+x@customer.example", "bob+x@customer.example"),
        ("bob@bücher.example", "bob@xn--bcher-kva.example"),
        ("\u0432ob@customer.example", "\u0432ob@customer.example"),
        (f'"Bob <{BOB}>" <{EVE}>', EVE),
        (f"=?utf-8?b?Qm9iIDxib2JAY3VzdG9tZXIuZXhhbXBsZT4=?= <{EVE}>", EVE),
    ],
)
def test_one_mailbox_is_the_sender_in_stored_form(field: str, address: str) -> None:
    assert (address, None) == read(field)


@pytest.mark.parametrize(
    "field",
    [
        f"{BOB} <{EVE}>",
        f"{BOB}, {EVE}",
        f"{EVE}, {BOB}",
        f"Team: {BOB};",
        "undisclosed:;",
        "<>",
        "",
        "Bob",
        *(f"{BOB}{special}<{EVE}>" for special in '()<">[]@,;:\\'),
        f"{BOB}@evil.example",
        "bob@customer.example.",
        "bob@.customer.example",
        "bob..x@customer.example",
        "bob @customer.example",
        "bob@[192.0.2.1]",
        '"bob builder"@customer.example',
        f"<@evil.example:{BOB}>",
        f"Bob ({EVE}) <{BOB}>",
        f"Bob <{BOB}> <{EVE}>",
        f"Bob <{BOB}> x",
        "bob\x00@customer.example",
        "bob\u202e@customer.example",
        f"{'x' * 5000} <{BOB}>",
    ],
)
def test_anything_else_is_nobody_and_says_why(field: str) -> None:
    address, defect = read(field)

    assert address is None
    assert defect


def test_no_from_and_two_from_fields_are_nobody() -> None:
    assert (None, "there is no From field") == read()
    assert (None, "there are 2 From fields, not one") == read(BOB, EVE)
    assert (None, "there are 2 From fields, not one") == read(BOB, BOB)


def test_a_second_reader_who_disagrees_outvotes_the_first() -> None:
    assert (BOB, None) == single_sender([BOB], [("", BOB)])
    assert single_sender([BOB], [("", EVE)])[0] is None
    assert single_sender([BOB], [])[0] is None
    assert single_sender([BOB], [("", BOB), ("", BOB)])[0] is None
    assert single_sender([BOB], [("", BOB)], ["invalid-display-name"])[0] is None
    assert (BOB, None) == single_sender([BOB], [("", BOB)], ["invalid-utf8"])


def test_stored_form_lowers_ascii_and_folds_nothing_else() -> None:
    assert stored_form("Bob@Customer.Example") == BOB
    assert stored_form("b.ob+x@customer.example") == "b.ob+x@customer.example"
    assert stored_form("\u212aen@x.example") == "\u212aen@x.example"  # KELVIN SIGN is not k
    assert stored_form(f"{'x' * 65}@customer.example") is None
    assert stored_form("bob@-x.example") is None
    assert stored_form("bob") is None


def test_people_see_the_address_or_else_the_text() -> None:
    assert shown([f'"Bob" <{EVE}>']) == EVE
    assert shown([BOB, EVE]) == f"{BOB} | {EVE}"
    assert shown(["=?utf-8?q?J=C3=B6rg?="]) == "Jörg"


def test_recipients_are_read_leniently_each_once_and_bounded() -> None:
    assert addresses(["Ann <ANN@customer.example>, bob@customer.example", ANN]) == (ANN, BOB, ANN)
    assert addresses([", ".join(f"a{number}@x.example" for number in range(2 * MAX_ADDRESSES))])[-1] == "a499@x.example"


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("a@x.example; b@y.example", ("a@x.example", "b@y.example")),
        ('"X, A" <a@x.example>, "Y; B" <b@y.example>', ("a@x.example", "b@y.example")),
        ("team: a@x.example, B <b@y.example>;", ("a@x.example", "b@y.example")),
        ("undisclosed-recipients:;", ()),
        ("Ann a@x.example", ("a@x.example",)),
        ('"A <a@x.example>', ("a@x.example",)),
        ("A <a@x.example", ("a@x.example",)),
        ("A <<a@x.example>>", ("a@x.example",)),
        ("<mailto:a@x.example>", ("a@x.example",)),
        ("<@relay.example:a@x.example>", ("a@x.example",)),
        ("b@y.example <a@x.example>", ("a@x.example",)),
        ("a@x.example (B <b@y.example>)", ("a@x.example",)),
        ("a(his account)@x . example (his host)", ("a@x.example",)),
        ("=?utf-8?q?Ann_=3Ca=40x=2Eexample=3E?=", ("a@x.example",)),
        ("a@x.example,, ,", ("a@x.example",)),
    ],
)
def test_recipients_are_found_however_they_are_written(field: str, found: tuple[str, ...]) -> None:
    assert addresses([field]) == found
