"""Who vouches for a sender; names in brackets are rows of TESTPLAN group B."""

from typing import Any

import pytest

from gateway.domain.model import Authenticity
from gateway.domain.policy import TrustRules
from gateway.domain.post import Envelope, Evidence, ParsedMail, Transport
from gateway.mail.auth import is_direct, judge, needs_look_up
from gateway.mail.authres import AuthenticationResults, Result, read_field

OUR_ID = "mx.vendor.example"
AUTHENTICATED, UNVERIFIED, FAILED = Authenticity.AUTHENTICATED, Authenticity.UNVERIFIED, Authenticity.FAILED


def a_mail(*fields: str, sender: str | None = "bob@customer.example") -> ParsedMail:
    return ParsedMail(
        fingerprint="f",
        sender=sender,
        sender_defect=None if sender else "there are 2 From fields, not one",
        sender_shown=sender or "",
        headers=(("received", "x"), *(("authentication-results", field) for field in fields), ("subject", "hi")),
    )


def an_envelope(*, login: str | None = None, authserv_id: str | None = OUR_ID) -> Envelope:
    return Envelope(transport=Transport.SMTP, transport_id="smtp:1", login=login, authserv_id=authserv_id)


def verdict(*fields: str, sender: str | None = "bob@customer.example") -> Authenticity:
    return judge(a_mail(*fields, sender=sender), an_envelope()).authenticity


# One field of ours


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ("dmarc=pass header.from=customer.example", AUTHENTICATED),
        ("dmarc=pass (p=reject dis=none) header.from=Customer.EXAMPLE", AUTHENTICATED),
        ("dmarc=pass header.from=bob@customer.example", AUTHENTICATED),
        ('DMARC = Pass ( why (not) ) header . from = "customer.example"', AUTHENTICATED),
        ("dmarc/1=pass reason=fine header.from=customer.example", AUTHENTICATED),
        ("spf=fail smtp.mailfrom=evil.example; dmarc=pass header.from=customer.example", AUTHENTICATED),
        ("dmarc=pass header.from=customer.example;", AUTHENTICATED),
        ("dmarc=fail header.from=customer.example", FAILED),
        ('dmarc=fail (p=reject) reason="policy; reject" header.from=customer.example', FAILED),
        ("dkim=pass header.d=customer.example; dmarc=fail header.from=customer.example", FAILED),
        ("dmarc=pass", UNVERIFIED),
        ("dmarc=pass header.from=evil.example", UNVERIFIED),
        ("dmarc=pass header.from=mail.customer.example", UNVERIFIED),
        ("dmarc=pass header.from=customer.example.evil.example", UNVERIFIED),
        ("dmarc=pass header.from=customer.example header.from=evil.example", UNVERIFIED),
        ("dmarc=pass smtp.mailfrom=customer.example", UNVERIFIED),
        ("dmarc=bestguesspass header.from=customer.example", UNVERIFIED),
        ("dmarc=none header.from=customer.example", UNVERIFIED),
        ("dmarc=fail header.from=evil.example", UNVERIFIED),
        ("dmarc=temperror header.from=customer.example", UNVERIFIED),
        ("x-dmarc=pass header.from=customer.example", UNVERIFIED),
        ("none", UNVERIFIED),
    ],
)
def test_dmarc_decides_if_it_speaks_of_the_domain_in_from(results: str, expected: Authenticity) -> None:
    """[SI-01]"""
    assert verdict(f"{OUR_ID}; {results}") == expected


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ("dkim=pass header.d=customer.example", AUTHENTICATED),
        ("dkim=pass header.i=@customer.example", AUTHENTICATED),
        ("dkim=pass header.i=bob@customer.example header.s=s1 header.b=AArzbi/1", AUTHENTICATED),
        ("dkim=fail header.d=customer.example; dkim=pass header.d=customer.example", AUTHENTICATED),
        ("dkim=pass header.d=customer.example; dmarc=none header.from=customer.example", AUTHENTICATED),
        ("dkim=pass header.d=evil.example", UNVERIFIED),
        ("dkim=pass header.d=evil.example header.i=@customer.example", UNVERIFIED),
        ("dkim=pass header.d=customer.example header.d=evil.example", UNVERIFIED),
        ("dkim=pass header.d=example", UNVERIFIED),
        ("dkim=pass header.d=mail.customer.example", UNVERIFIED),
        ("dkim=pass header.d=omer.example", UNVERIFIED),
        ("dkim=pass", UNVERIFIED),
        ("dkim=fail header.d=customer.example", UNVERIFIED),
        ("dkim=neutral header.d=customer.example", UNVERIFIED),
        ("dkim-atps=pass header.d=customer.example", UNVERIFIED),
        ("dkim=pass header.d=customer.example; dmarc=fail", UNVERIFIED),
        ("dkim=pass header.d=customer.example; dmarc=fail header.from=evil.example", UNVERIFIED),
        ("spf=pass smtp.mailfrom=customer.example", UNVERIFIED),
        ("auth=pass smtp.auth=bob@customer.example", UNVERIFIED),
    ],
)
def test_a_dkim_signature_of_the_domain_counts_where_dmarc_is_silent(results: str, expected: Authenticity) -> None:
    assert verdict(f"{OUR_ID}; {results}") == expected


def test_a_signature_of_the_domain_above_counts() -> None:
    assert (
        verdict(f"{OUR_ID}; dkim=pass header.d=customer.example", sender="bob@lists.customer.example") == AUTHENTICATED
    )


def test_a_pass_of_the_attackers_own_domain_is_no_evidence() -> None:
    """[SI-14]"""
    field = f"{OUR_ID}; spf=pass smtp.mailfrom=evil.example; dkim=pass header.d=evil.example; dmarc=none"
    assert verdict(field) == UNVERIFIED


def test_an_international_domain_is_compared_in_stored_form() -> None:
    sender = "bob@xn--bcher-kva.example"
    assert verdict(f"{OUR_ID}; dmarc=pass header.from=bücher.example", sender=sender) == AUTHENTICATED
    assert verdict(f"{OUR_ID}; dmarc=pass header.from=xn--bcher-kva.example", sender=sender) == AUTHENTICATED


@pytest.mark.parametrize(
    "results",
    [
        "dmarc=pass header.from=customer.example; dmarc=pass header.from=evil.example",
        "dmarc=pass header.from=customer.example; dmarc=fail header.from=customer.example",
        "dmarc=fail header.from=customer.example; dmarc=pass header.from=customer.example",
        "dmarc=pass header.from=customer.example; dmarc=none",
    ],
)
def test_several_results_that_disagree_are_no_evidence(results: str) -> None:
    assert verdict(f"{OUR_ID}; {results}") == UNVERIFIED


# Which field counts


PASS = f"{OUR_ID}; dmarc=pass header.from=customer.example"
FAIL = f"{OUR_ID}; dmarc=fail header.from=customer.example"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ((FAIL, PASS), FAILED),
        ((PASS, FAIL), UNVERIFIED),
        ((f"{OUR_ID}; spf=none", PASS), UNVERIFIED),
        ((f"{OUR_ID}; dmarc=pass (", PASS), UNVERIFIED),
        (("evil.example; dmarc=fail header.from=customer.example", PASS), AUTHENTICATED),
        ((PASS, f"{OUR_ID}; spf=pass smtp.mailfrom=customer.example"), AUTHENTICATED),
        ((PASS, f"{OUR_ID}; dmarc=("), AUTHENTICATED),
        (("; dmarc=pass header.from=customer.example",), UNVERIFIED),
        (("dmarc=pass header.from=customer.example",), UNVERIFIED),
        ((f"{OUR_ID}.evil.example; dmarc=pass header.from=customer.example",), UNVERIFIED),
        ((f"{OUR_ID} evil; dmarc=pass header.from=customer.example",), UNVERIFIED),
        ((f"({OUR_ID}) evil.example; dmarc=pass header.from=customer.example",), UNVERIFIED),
        (("(hop) MX.Vendor.Example 1; dmarc=pass header.from=customer.example",), AUTHENTICATED),
        ((f'"{OUR_ID}"; dmarc=pass header.from=customer.example',), AUTHENTICATED),
        ((), UNVERIFIED),
    ],
)
def test_only_the_topmost_field_of_our_own_server_counts(fields: tuple[str, ...], expected: Authenticity) -> None:
    """[SI-13] A contradiction further down takes a pass away, and never gives one."""
    assert verdict(*fields) == expected


def test_a_letter_whose_lower_case_is_ascii_is_not_that_ascii_letter() -> None:
    envelope = an_envelope(authserv_id="mk.vendor.example")
    mail = a_mail("m\u212a.vendor.example; dmarc=pass header.from=customer.example")
    assert judge(mail, envelope).authenticity == UNVERIFIED


def test_without_a_trusted_way_in_no_field_counts() -> None:
    """[SI-12]"""
    evidence = judge(a_mail(PASS), an_envelope(authserv_id=None))
    assert evidence.authenticity == UNVERIFIED
    assert evidence.reason == "nobody is trusted to vouch for mail that comes in this way"


def test_a_session_that_logged_in_vouches_for_its_mail() -> None:
    """[SI-16]"""
    evidence = judge(a_mail(), an_envelope(login="alice", authserv_id=None))
    assert evidence.authenticity == AUTHENTICATED
    assert evidence.reason == "SMTP AUTH as alice"


def test_a_mail_without_one_sender_is_never_authenticated() -> None:
    """[SI-02 to SI-06]"""
    evidence = judge(a_mail(PASS, sender=None), an_envelope(login="alice"))
    assert evidence.authenticity == UNVERIFIED
    assert evidence.reason == "there are 2 From fields, not one"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ((PASS,), "dmarc=pass header.from=customer.example"),
        ((FAIL,), "dmarc=fail header.from=customer.example"),
        ((f"{OUR_ID}; dkim=pass header.d=customer.example",), "dkim=pass header.d=customer.example"),
        ((PASS, FAIL), "Authentication-Results of mx.vendor.example contradict each other"),
        ((f"{OUR_ID}; (",), "Authentication-Results of mx.vendor.example cannot be read"),
        ((), "no Authentication-Results of mx.vendor.example"),
        ((f"{OUR_ID}; none",), "mx.vendor.example does not vouch for customer.example (none)"),
        (
            (f"{OUR_ID}; spf=pass smtp.mailfrom=x.example; dmarc=none",),
            "mx.vendor.example does not vouch for customer.example (spf=pass, dmarc=none)",
        ),
    ],
)
def test_the_reason_says_what_was_found(fields: tuple[str, ...], expected: str) -> None:
    assert judge(a_mail(*fields), an_envelope()).reason == expected


# In a mailbox


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ((PASS,), AUTHENTICATED),
        (("evil.example; dmarc=pass header.from=customer.example", PASS), UNVERIFIED),
        (("", PASS), UNVERIFIED),
        ((PASS, "evil.example; dmarc=fail header.from=customer.example"), AUTHENTICATED),
        ((PASS, FAIL), UNVERIFIED),
        ((FAIL, PASS), FAILED),
    ],
)
def test_in_a_mailbox_the_first_field_of_all_must_be_its_servers(
    fields: tuple[str, ...], expected: Authenticity
) -> None:
    """[SI-13] What stands below another's may have come with the mail."""
    envelope = Envelope(transport=Transport.IMAP, transport_id="imap:1", authserv_id=OUR_ID)
    assert expected == judge(a_mail(*fields), envelope).authenticity


# What was checked here


CHECKED = Evidence(authenticity=AUTHENTICATED, reason="checked here")


@pytest.mark.parametrize(
    ("fields", "authserv_id", "expected"),
    [
        ((), None, AUTHENTICATED),
        ((), OUR_ID, AUTHENTICATED),
        ((PASS,), None, AUTHENTICATED),
        ((FAIL,), OUR_ID, FAILED),
        ((f"{OUR_ID}; dmarc=(",), OUR_ID, UNVERIFIED),
        ((f"{OUR_ID}; spf=none",), OUR_ID, UNVERIFIED),
    ],
)
def test_what_was_checked_here_counts_where_our_server_is_silent(
    fields: tuple[str, ...], authserv_id: str | None, expected: Authenticity
) -> None:
    mail, envelope = a_mail(*fields), an_envelope(authserv_id=authserv_id)
    assert expected == judge(mail, envelope, CHECKED).authenticity
    assert needs_look_up(mail, envelope) == (authserv_id is None or not fields)


def test_nothing_that_is_checked_names_a_sender_where_there_is_none() -> None:
    """[SI-19]"""
    mail = a_mail(sender=None)
    assert UNVERIFIED == judge(mail, an_envelope(), CHECKED).authenticity
    assert not needs_look_up(mail, an_envelope())


def test_a_login_does_not_outweigh_a_failure_that_our_server_saw() -> None:
    assert FAILED == judge(a_mail(FAIL), an_envelope(login="relay")).authenticity
    assert AUTHENTICATED == judge(a_mail(f"{OUR_ID}; spf=none"), an_envelope(login="relay")).authenticity


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"peer": "198.51.100.7"}, False),
        ({"peer": "::ffff:198.51.100.7"}, False),
        ({"peer": "2001:db8::7"}, False),
        ({"peer": "2001:db9::7"}, True),
        ({"login": "relay"}, False),
        ({"transport": Transport.LMTP}, False),
        ({"transport": Transport.IMAP, "peer": None}, False),
        ({"transport": Transport.PIPE, "peer": None}, False),
    ],
)
def test_a_direct_peer_is_a_stranger_who_comes_by_smtp(changes: dict[str, Any], expected: bool) -> None:
    given: dict[str, Any] = {"transport": Transport.SMTP, "transport_id": "smtp:1", "peer": "192.0.2.1", **changes}
    trust = TrustRules(relays=("198.51.100.0/24", "2001:db8::/32"))
    assert expected == is_direct(Envelope(**given), trust)


# The grammar


def test_a_field_of_a_real_server_is_read() -> None:
    field = read_field(
        "mx.google.com;\r\n       dkim=pass header.i=@gmail.com header.s=20161025 header.b=AArzbi/1;\r\n"
        "       arc=pass (i=1 spf=pass spfdomain=gmail.com);\r\n"
        "       spf=pass (google.com: domain of bob@gmail.com designates 209.85.220.41) smtp.mailfrom=bob@gmail.com;\r\n"
        "       dmarc=pass (p=NONE sp=QUARANTINE dis=NONE) header.from=gmail.com"
    )
    assert field == AuthenticationResults(
        authserv_id="mx.google.com",
        results=(
            Result(
                method="dkim",
                result="pass",
                properties=(("header.i", "@gmail.com"), ("header.s", "20161025"), ("header.b", "AArzbi/1")),
            ),
            Result(method="arc", result="pass"),
            Result(method="spf", result="pass", properties=(("smtp.mailfrom", "bob@gmail.com"),)),
            Result(method="dmarc", result="pass", properties=(("header.from", "gmail.com"),)),
        ),
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("smtp.mailfrom=", ""),
        ("smtp.mailfrom=<>", "<>"),
        ('smtp.mailfrom=""', ""),
        ('smtp.mailfrom="a b"@x.example', "a b@x.example"),
        (
            r'smtp.mailfrom="; dmarc=pass \"(header.from=customer.example"',
            '; dmarc=pass "(header.from=customer.example',
        ),
        ("smtp.mailfrom=(comment ; dmarc=pass (nested \\) ) ) x", "x"),
        ("policy.iprev=2001:db8::1", "2001:db8::1"),
    ],
)
def test_values_are_read_as_one_piece(written: str, expected: str) -> None:
    """Nothing in a quoted string or a comment is a result."""
    field = read_field(f"mx; spf=pass {written}")
    assert field is not None
    assert [result.properties[0][1] for result in field.results or ()] == [expected]


@pytest.mark.parametrize(
    "rest",
    [
        "",
        ";",
        "; ; spf=pass",
        "; spf",
        "; spf=",
        "; spf=pass smtp",
        "; spf=pass smtp.mailfrom",
        "; spf=pass action=none",
        "; spf=pass smtp.helo=x reason=late",
        "; spf=pass(",
        "; spf=pass )",
        '; spf=pass smtp.helo="x',
        '; spf=pass smtp.helo="x"y',
        "; spf=pass/1",
        "; spf/one=pass",
        "; none; spf=pass",
        "; spf=pass; none",
        " 1 2; spf=pass",
        "; spf=pass \0",
        "; spf=pass, dkim=pass",
    ],
)
def test_what_leaves_the_grammar_has_no_results_at_all(rest: str) -> None:
    assert read_field(f"mx.example{rest}") == AuthenticationResults(authserv_id="mx.example", results=None)


@pytest.mark.parametrize("value", ["", " ", ";", "(", "(x", "=", "@x; none", '"x; none'])
def test_a_field_without_an_id_is_nobodys(value: str) -> None:
    assert read_field(value) is None


def test_none_means_that_nothing_was_checked() -> None:
    assert read_field("mx.example 1 (x) ; (y) none (z)") == AuthenticationResults(authserv_id="mx.example", results=())
