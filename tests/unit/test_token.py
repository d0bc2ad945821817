"""Tokens survive mail programs, and only ours are right."""

from dataclasses import replace

import pytest

from gateway.domain.model import ContactId
from gateway.domain.policy import PostRules
from gateway.domain.post import ClueKind, Envelope, ParsedMail, Transport
from gateway.mail.token import (
    Tokens,
    find_clues,
    keyed_return_path,
    one_time_tokens,
    subject_tokens,
    unsubscribers,
)

POST = PostRules(service_address="service@vendor.example", registration_address="service+register@vendor.example")
PLAIN = PostRules(service_address="s@v.example", registration_address="r@v.example", plus_addressing=False)
TOKENS = Tokens(POST, b"a secret that only the tests know")
TOKEN = TOKENS.mint(1042)


def a_parsed_mail(**more: object) -> ParsedMail:
    return ParsedMail(fingerprint="f", sender=None, sender_defect=None, sender_shown="", **more)  # type: ignore[arg-type]


def an_envelope(*rcpt_to: str) -> Envelope:
    return Envelope(transport=Transport.SMTP, transport_id="x", rcpt_to=rcpt_to)


@pytest.mark.parametrize(
    "subject",
    [
        TOKEN,
        f"AW: Re: [EXT] Fwd: {TOKEN} slow",
        f"RE[2]: {TOKEN.upper()}",
        f"回复: {TOKEN.lower()}",
        TOKEN.replace("-", " - ").replace(".", " . "),
        f"slow{TOKEN}slow",
        f"slow {TOKEN}",
        TOKEN.strip("[]"),
    ],
)
def test_a_token_survives_what_mail_programs_do(subject: str) -> None:
    """Prefixes, case, blanks, missing brackets."""
    assert [(1042, True)] == [(clue.number, clue.valid) for clue in subject_tokens(subject, TOKENS)]


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "LOWERCASE-1042",
        "[TICKET-1042.k7q2mh3x]",
        "[CASE-0.k7q2mh3x]",
        TOKEN.replace("CASE", "\u0421\u0410SE"),  # Cyrillic look-alikes
    ],
)
def test_what_is_no_token_is_none(subject: str) -> None:
    """Only ASCII makes a token."""
    assert () == subject_tokens(subject, TOKENS)


def test_an_altered_check_part_is_wrong() -> None:
    """It still names the case, and proves nothing."""
    altered = TOKEN[:-2] + ("a" if TOKEN[-2] != "a" else "b") + "]"

    assert [(1042, False)] == [(clue.number, clue.valid) for clue in subject_tokens(altered, TOKENS)]
    assert [(1042, False)] == [
        (clue.number, clue.valid) for clue in subject_tokens(TOKEN, Tokens(POST, b"another secret"))
    ]


@pytest.mark.parametrize("subject", ["CASE-1042", "Re: [case - 1042] slow", "[CASE-1042.short]", "[CASE-1042.]"])
def test_a_missing_check_part_is_wrong(subject: str) -> None:
    """TT-04: it names the case for those who are authenticated, and counts as no token for all others."""
    assert [(1042, False)] == [(clue.number, clue.valid) for clue in subject_tokens(subject, TOKENS)]


def test_thousands_of_tokens_are_bounded() -> None:
    """TT-09."""
    assert 20 == len(subject_tokens(TOKEN * 5000, TOKENS))


def test_clues_come_in_the_order_in_which_they_are_asked() -> None:
    """Plus-address, subject, Message-IDs with In-Reply-To first and the newest reference next; last its own."""
    mail = a_parsed_mail(
        subject=TOKENS.mint(7), message_id="<d@x>", in_reply_to=("<b@x>",), references=("<a@x>", "<b@x>", "<c@x>")
    )

    clues = find_clues(mail, an_envelope(TOKENS.plus_address(1042).upper()), TOKENS)

    assert [ClueKind.PLUS_ADDRESS, ClueKind.SUBJECT, ClueKind.REFERENCES, ClueKind.ORIGINAL] == [
        clue.kind for clue in clues
    ]
    assert [1042, 7, None, None] == [clue.number for clue in clues]
    assert ("<b@x>", "<c@x>", "<a@x>") == clues[2].message_ids
    assert ("<d@x>", "<b@x>", "<c@x>", "<a@x>") == clues[3].message_ids


def test_without_an_envelope_the_headers_say_who_it_was_for() -> None:
    """IMAP and pipe."""
    mail = a_parsed_mail(to=("colleague@x.example", TOKENS.plus_address(5)))

    assert [5] == [clue.number for clue in find_clues(mail, an_envelope(), TOKENS)]


def test_addresses_in_headers_count_after_those_of_the_envelope() -> None:
    """A mail to two of our addresses comes as two copies; whichever is first says the same."""
    mail = a_parsed_mail(to=("service@vendor.example",), cc=(TOKENS.plus_address(5), TOKENS.plus_address(6)))

    envelope = an_envelope(TOKENS.plus_address(6))
    assert [5, 6] == [clue.number for clue in find_clues(mail, an_envelope("service@vendor.example"), TOKENS)]
    assert [6, 5] == [clue.number for clue in find_clues(mail, envelope, TOKENS)]


def test_a_token_in_the_body_counts_only_without_plus_addresses() -> None:
    """TT-03; and there only with its check part right: people write of cases by number."""
    mail = a_parsed_mail(text=f"> {TOKEN}\n> CASE-7 and CASE-8.abcdefgh")

    assert () == find_clues(mail, an_envelope(), TOKENS)
    assert [(ClueKind.BODY, 1042)] == [
        (clue.kind, clue.number) for clue in find_clues(mail, an_envelope(), Tokens(PLAIN, TOKENS.secret))
    ]


def test_the_return_path_is_read_as_it_was_minted() -> None:
    """Whatever case a relay made of it."""
    path = TOKENS.return_path("a" * 26)

    assert path == keyed_return_path(a_parsed_mail(), an_envelope(path.upper()), TOKENS)
    assert keyed_return_path(a_parsed_mail(), an_envelope("service@vendor.example"), TOKENS) is None


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("service@vendor.example", True),
        ("SERVICE+anything@VENDOR.example", True),
        ("postmaster@vendor.example", True),
        ("Postmaster", True),
        ("nobody@vendor.example", False),
        ("service@other.example", False),
        ("service%other@vendor.example", False),
    ],
)
def test_which_addresses_are_ours(address: str, ours: bool) -> None:
    """The service and registration address, plus-addresses, and the postmaster every domain must have."""
    assert ours is TOKENS.is_ours(address)


def test_without_plus_addresses_everything_goes_to_the_service_address() -> None:
    """For providers that have none."""
    plain = Tokens(PLAIN, b"x" * 16)

    assert ["s@v.example", "s@v.example"] == [plain.plus_address(1), plain.return_path("k")]


@pytest.mark.parametrize("tokens", [TOKENS, Tokens(PLAIN, b"x" * 16)], ids=["plus", "plain"])
def test_an_unsubscribe_address_is_one_persons(tokens: Tokens) -> None:
    """However mail programs spell it; where there are no plus-addresses it is a mark, in the subject alone."""
    address, mark = tokens.unsubscribe_address(ContactId(12)), tokens.unsubscribe_mark(ContactId(12))
    subject, envelope = f"unsubscribe {mark}".upper(), an_envelope(address.upper())

    assert {12} == unsubscribers(a_parsed_mail(subject=subject), envelope, tokens)
    assert {12} == unsubscribers(a_parsed_mail(subject=subject, to=(address,)), an_envelope(), tokens)
    assert () == one_time_tokens(a_parsed_mail(subject=subject), envelope, tokens)
    assert () == find_clues(a_parsed_mail(subject=subject), envelope, tokens)
    assert len(address.partition("@")[0]) <= 64
    if mark:
        assert set() == unsubscribers(a_parsed_mail(subject="Re: 8.1", text=subject), envelope, tokens)
    for old, new in (("u.12.", "u.13."), ("u.12.", "u.012."), ("u.12.", "u.12.a")):
        wrong = address.replace(old, new), subject.lower().replace(old, new)
        assert set() == unsubscribers(a_parsed_mail(subject=wrong[1]), an_envelope(wrong[0]), tokens)
    keyless = replace(tokens, secret=None)
    forged = a_parsed_mail(subject=keyless.unsubscribe_mark(ContactId(1)))
    assert set() == unsubscribers(forged, an_envelope(keyless.unsubscribe_address(ContactId(1))), keyless)
