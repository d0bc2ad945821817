"""SPF, DKIM and DMARC asked of a real name server on loopback; names in brackets are rows of TESTPLAN."""

import asyncio
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from dkim.canonicalization import Relaxed, Simple
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import config
from gateway.adapters import dns_dkim
from gateway.adapters.dns_ask import Dns
from gateway.adapters.dns_auth import DnsAuth
from gateway.adapters.dns_dkim import Signature
from gateway.domain.mail_rules import MailRules
from gateway.domain.model import Authenticity, IntakeId
from gateway.domain.policy import TrustRules
from gateway.domain.post import Envelope, Evidence, ParsedMail, RawMail, Transport
from gateway.mail.parse import read_mail
from tests import world
from tests.dns_server import BROKEN, SILENT, Zone, name_server
from tests.signing import a_key, a_short_key, signed
from tests.world import START, a_mail

AUTHENTICATED, UNVERIFIED, FAILED = Authenticity.AUTHENTICATED, Authenticity.UNVERIFIED, Authenticity.FAILED
PEER = "192.0.2.7"
KEY_AT = "s1._domainkey.customer.example"
DMARC_AT = "_dmarc.customer.example"
REJECT = {"TXT": ["v=DMARC1; p=reject"]}
SENT_HERE = {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]}
SENT_ELSEWHERE = {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]}


@cache
def rules() -> MailRules:
    return config.load_policy(world.settings()).mail


class Asking:
    """A name server and who asks it."""

    def __init__(self, address: str, zone: Zone) -> None:
        self.address, self.zone = address, zone

    def ask(self, data: bytes, *, seconds: float = 60, **changes: Any) -> Evidence | None:
        """What the DNS says of a mail that a stranger's server hands over."""
        envelope = Envelope(
            **{
                "transport": Transport.SMTP,
                "transport_id": "smtp:1",
                "mail_from": "bob@customer.example",
                "peer": PEER,
                **changes,
            }
        )
        raw = RawMail(id=IntakeId(1), envelope=envelope, received_at=START, data=data)
        mail = read_mail(data, rules())
        assert isinstance(mail, ParsedMail)
        dns = Dns([self.address], answer_seconds=min(seconds, 0.3) if seconds < 60 else 30)
        asker = DnsAuth(dns, TrustRules(relays=("127.0.0.1",)), check_seconds=seconds)
        return asyncio.run(asker.check(raw, mail))

    def verdict(self, data: bytes, **changes: Any) -> Authenticity:
        found = self.ask(data, **changes)
        assert found is not None
        return found.authenticity


@pytest.fixture
def dns() -> Iterator[Asking]:
    with name_server({KEY_AT: {"TXT": [a_key().record()]}}) as (address, zone):
        yield Asking(address, zone)


# DKIM


@pytest.mark.parametrize(
    "canonical", [(b"relaxed", b"relaxed"), (b"simple", b"simple"), (b"relaxed", b"simple")], ids=repr
)
def test_a_signature_of_the_domain_in_from_is_proof(dns: Asking, canonical: tuple[bytes, bytes]) -> None:
    mail = signed(a_mail(body="Hi  there \n\n  again\n\n\n"), canonical=canonical)
    assert dns.ask(mail) == Evidence(
        authenticity=AUTHENTICATED, reason="dkim=pass header.d=customer.example, checked here"
    )


def test_one_question_is_enough_for_a_signed_mail(dns: Asking) -> None:
    dns.ask(signed(a_mail()))
    assert {f"TXT {KEY_AT}": 1} == dns.zone.asked


@pytest.mark.parametrize(
    "change",
    [
        (b"slow.", b"slow!"),
        (b"Subject: It", b"Subject: Is"),
        (b"From: bob@", b"From: carl@"),
        (b"Subject: It is slow\r\n", b"Subject: It is slow\r\nSubject: Pay at once\r\n"),
        (b"Subject: It is slow\r\n", b"Subject: Pay at once\r\nSubject: It is slow\r\n"),
        (b"To: ", b"To: x@y.example\r\nTo: "),
        (b"Message-ID: ", b"Content-Type: text/plain\r\nContent-Type: text/html\r\nMessage-ID: "),
        (b"every", b"every\r\nlone\rend"),
    ],
    ids=lambda change: repr(change[1]),
)
def test_a_signed_mail_that_was_changed_is_not_proven(dns: Asking, change: tuple[bytes, bytes]) -> None:
    """[SI-19] An added second Subject as much as any other change."""
    mail = signed(a_mail())
    assert change[0] in mail
    assert UNVERIFIED == dns.verdict(mail.replace(*change, 1))


def test_a_second_from_leaves_nobody_to_ask_about(dns: Asking) -> None:
    """[SI-19]"""
    assert dns.ask(b"From: mallory@evil.example\r\n" + signed(a_mail())) is None
    assert {} == dns.zone.asked


def test_text_may_not_be_appended_to_a_signed_mail(dns: Asking) -> None:
    """[SI-19] A signature of the first bytes only proves nothing, with or without more behind them."""
    mail = signed(a_mail(), length=True)
    assert b"l=" in mail
    assert [UNVERIFIED] * 2 == [dns.verdict(mail + b"x" * 48 + b"\r\n"), dns.verdict(mail)]


def test_a_subject_has_to_be_signed(dns: Asking) -> None:
    assert UNVERIFIED == dns.verdict(signed(a_mail(), fields=("from", "to")))


@pytest.mark.parametrize(
    "record",
    [
        a_key().record("t=y; "),
        a_key().record("t=s:y; "),
        a_key().record("s=tlsrpt; "),
        a_key().record("h=sha1; "),
        "v=DKIM1; k=rsa; p=",
        "v=DKIM1; k=rsa",
        "v=DKIM2; p=" + a_key().public,
        "v=DKIM1; k=ed25519; p=" + a_key().public,
        "v=DKIM1; p=" + "A" * 9_000,
        "v=DKIM1; p=!!!",
        "hello",
        "",
    ],
    ids=lambda record: record[:30],
)
def test_a_key_that_is_none_proves_nothing(dns: Asking, record: str) -> None:
    dns.zone.records[KEY_AT] = {"TXT": [record]}
    assert UNVERIFIED == dns.verdict(signed(a_mail()))


def test_two_keys_at_one_name_are_none(dns: Asking) -> None:
    dns.zone.records[KEY_AT] = {"TXT": [a_key().record(), a_key().record("n=again; ")]}
    assert UNVERIFIED == dns.verdict(signed(a_mail()))


def test_a_key_is_no_longer_than_what_can_be_checked_quickly() -> None:
    signature = Signature(index=0, domain="customer.example", selector="s1", tags={})
    keys = [b"v=DKIM1; p=" + b"A B" * (length // 2) for length in (800, 802)]
    assert [True, False] == [dns_dkim._is_usable(key, signature) for key in keys]


def test_a_mail_that_may_be_read_in_two_ways_is_not_proven(dns: Asking) -> None:
    """A lone CR is a line end to some; through a pipe such a mail comes in."""
    mail = signed(a_mail(body="one\rtwo"))
    assert UNVERIFIED == dns.verdict(mail, transport=Transport.PIPE, mail_from=None, peer=None)


def test_a_strict_key_speaks_for_its_own_domain_only(dns: Asking) -> None:
    dns.zone.records[KEY_AT] = {"TXT": [a_key().record("t=s; ")]}
    assert AUTHENTICATED == dns.verdict(signed(a_mail()))
    below = signed(a_mail()).replace(b"i=@customer", b"i=@x.customer", 1)
    assert UNVERIFIED == dns.verdict(below)


@pytest.mark.parametrize(("bits", "expected"), [(768, UNVERIFIED), (1024, AUTHENTICATED), (4096, AUTHENTICATED)])
def test_a_short_key_is_no_proof(dns: Asking, bits: int, expected: Authenticity) -> None:
    key = a_short_key(bits) if bits < 1024 else a_key(bits)
    dns.zone.records[KEY_AT] = {"TXT": [key.record()]}
    assert expected == dns.verdict(signed(a_mail(), key=key))


def test_sha1_is_no_proof(dns: Asking) -> None:
    assert UNVERIFIED == dns.verdict(signed(a_mail(), algorithm=b"rsa-sha1"))


def test_a_signature_ends_when_it_says_so(dns: Asking) -> None:
    now = int(time.time())
    in_time, too_late = (signed(a_mail(), more=((b"x", str(now + days * 86_400).encode()),)) for days in (1, -1))
    assert [AUTHENTICATED, UNVERIFIED] == [
        dns.verdict(in_time),
        dns.verdict(too_late.replace(f"t={now}".encode(), b"t=1")),
    ]


def test_a_signature_of_another_domain_is_not_even_looked_at(dns: Asking) -> None:
    """[SI-14]"""
    mail = signed(a_mail(), "evil.example")
    assert UNVERIFIED == dns.verdict(mail)
    assert not any("evil" in question for question in dns.zone.asked)


def test_the_signature_that_holds_counts_among_others_that_do_not(dns: Asking) -> None:
    mail = signed(signed(a_mail()), selector="gone")
    assert AUTHENTICATED == dns.verdict(mail)


def test_a_mail_through_a_pipe_with_other_line_ends_is_the_same_mail(dns: Asking) -> None:
    mail = signed(a_mail()).replace(b"\r\n", b"\n")
    assert AUTHENTICATED == dns.verdict(mail, transport=Transport.PIPE, mail_from=None, peer=None)


def test_a_key_may_stand_elsewhere_and_be_long(dns: Asking) -> None:
    """Through CNAMEs, and over TCP where it does not fit into a packet."""
    dns.zone.records[KEY_AT] = {"CNAME": "a.keys.example"}
    dns.zone.records["a.keys.example"] = {"CNAME": "b.keys.example"}
    dns.zone.records["b.keys.example"] = {"TXT": [a_key().record(f"n={'x' * 3_000}; ")]}
    assert AUTHENTICATED == dns.verdict(signed(a_mail()))
    assert 1 == dns.zone.over_tcp[KEY_AT]


def test_an_answer_without_end_is_no_answer(dns: Asking) -> None:
    dns.zone.records[KEY_AT] = {"TXT": [a_key().record(), "x" * 40_000]}
    assert UNVERIFIED == dns.verdict(signed(a_mail()))


def test_long_runs_of_blanks_are_read_in_one_pass(dns: Asking) -> None:
    """A quadratic reader would not come back within the hang limit of the suite."""
    blanks = " \t" * 1_000_000
    mail = signed(a_mail(body="a b"))
    assert AUTHENTICATED == dns.verdict(mail.replace(b"a b", f"a{blanks}b{blanks}".encode()))
    field = mail.replace(b" b=", b" b=" + b" " * 200_000, 1)
    assert field != mail
    assert UNVERIFIED == dns.verdict(field)


@settings(deadline=None, max_examples=300)
@given(
    pieces=st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"   ", b" \r\n", b"\r\n\r\n", b"x" * 9]), max_size=40)
)
def test_our_way_through_a_body_is_the_one_of_the_standard(pieces: list[bytes]) -> None:
    body = b"".join((*pieces, b"\r\n"))
    assert Relaxed.canonicalize_body(body) == dns_dkim._canonical(body, b"simple/relaxed")
    assert Simple.canonicalize_body(body) == dns_dkim._canonical(body, b"relaxed")


# DMARC


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=DMARC1; p=reject", FAILED),
        ("v=DMARC1;p=quarantine;rua=mailto:x@y.example", FAILED),
        ("v=DMARC1; p=reject; t=y", FAILED),
        ("v=DMARC1; p=quarantine; t=y", UNVERIFIED),
        ("v=DMARC1; p=none", UNVERIFIED),
        ("v=DMARC1", UNVERIFIED),
        ("v=DMARC1; p=nonsense", UNVERIFIED),
        ("p=reject; v=DMARC1", UNVERIFIED),
        ("v=spf1 -all", UNVERIFIED),
    ],
)
def test_a_forged_mail_fails_where_its_domain_asks_for_that(dns: Asking, record: str, expected: Authenticity) -> None:
    """[SI-01]"""
    dns.zone.records |= {DMARC_AT: {"TXT": [record]}, "evil.example": SENT_HERE}
    assert expected == dns.verdict(a_mail(), mail_from="mallory@evil.example")


def test_the_reason_says_what_was_found(dns: Asking) -> None:
    dns.zone.records |= {DMARC_AT: REJECT, "customer.example": SENT_ELSEWHERE}
    found = dns.ask(a_mail())
    assert found == Evidence(
        authenticity=FAILED, reason="dmarc=fail header.from=customer.example (spf=fail), checked here"
    )


def test_spf_of_the_domain_is_proof_where_the_domain_says_so(dns: Asking) -> None:
    dns.zone.records |= {DMARC_AT: REJECT, "customer.example": SENT_HERE}
    assert dns.ask(a_mail()) == Evidence(
        authenticity=AUTHENTICATED,
        reason="dmarc=pass header.from=customer.example by spf=customer.example, checked here",
    )


def test_spf_alone_is_no_identity(dns: Asking) -> None:
    """[SI-14] Without a DMARC record nobody says that MAIL FROM speaks for From."""
    dns.zone.records["customer.example"] = SENT_HERE
    assert UNVERIFIED == dns.verdict(a_mail())
    assert "TXT customer.example" not in dns.zone.asked


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=DMARC1; p=reject", AUTHENTICATED),
        ("v=DMARC1; p=reject; aspf=r", AUTHENTICATED),
        ("v=DMARC1; p=reject; aspf=s", FAILED),
    ],
)
def test_a_subdomain_is_aligned_unless_the_domain_is_strict(dns: Asking, record: str, expected: Authenticity) -> None:
    dns.zone.records |= {DMARC_AT: {"TXT": [record]}, "mail.customer.example": SENT_HERE}
    assert expected == dns.verdict(a_mail(), mail_from="bounce@mail.customer.example")


@pytest.mark.parametrize(("mode", "expected"), [("r", AUTHENTICATED), ("s", FAILED)])
def test_a_signature_of_a_subdomain_is_aligned_unless_the_domain_is_strict(
    dns: Asking, mode: str, expected: Authenticity
) -> None:
    dns.zone.records |= {
        DMARC_AT: {"TXT": [f"v=DMARC1; p=reject; adkim={mode}"]},
        "s1._domainkey.mail.customer.example": {"TXT": [a_key().record()]},
    }
    assert expected == dns.verdict(signed(a_mail(), "mail.customer.example"))


def test_a_signature_of_the_domain_above_speaks_for_those_below(dns: Asking) -> None:
    assert AUTHENTICATED == dns.verdict(signed(a_mail("bob@x.customer.example")))


def test_the_policy_of_the_organisation_holds_below_it(dns: Asking) -> None:
    dns.zone.records[DMARC_AT] = {"TXT": ["v=DMARC1; p=none; sp=reject"]}
    assert FAILED == dns.verdict(a_mail("bob@a.b.customer.example"))
    assert UNVERIFIED == dns.verdict(a_mail("bob@customer.example"))


def test_two_customers_of_one_registry_do_not_speak_for_each_other(dns: Asking) -> None:
    """`psd=y` marks the registry, and the organisation is one label below it."""
    dns.zone.records |= {
        "_dmarc.registry.example": {"TXT": ["v=DMARC1; p=reject; psd=y"]},
        "evil.registry.example": SENT_HERE,
    }
    assert FAILED == dns.verdict(a_mail("bob@good.registry.example"), mail_from="x@evil.registry.example")
    assert AUTHENTICATED == dns.verdict(a_mail("bob@www.evil.registry.example"), mail_from="x@evil.registry.example")


def test_a_part_of_an_organisation_may_stand_on_its_own(dns: Asking) -> None:
    dns.zone.records |= {
        DMARC_AT: REJECT,
        "_dmarc.shop.customer.example": {"TXT": ["v=DMARC1; p=reject; psd=n"]},
        "customer.example": SENT_HERE,
    }
    assert FAILED == dns.verdict(a_mail("bob@shop.customer.example"), mail_from="x@customer.example")


def test_a_long_name_is_cut_to_seven_labels(dns: Asking) -> None:
    dns.zone.records["_dmarc.c.d.e.f.g.customer.example"] = REJECT
    assert FAILED == dns.verdict(a_mail("bob@x.y.z.a.b.c.d.e.f.g.customer.example"))
    asked = [question for question in dns.zone.asked if "_dmarc" in question]
    assert 8 == len(asked)


# SPF


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=spf1 include:near.example -all", AUTHENTICATED),
        ("v=spf1 redirect=near.example", AUTHENTICATED),
        ("v=spf1 a:host.example -all", AUTHENTICATED),
        ("v=spf1 mx:mx.example -all", AUTHENTICATED),
        ("v=spf1 exists:%{ir}.%{l}.list.example -all", AUTHENTICATED),
        ("v=spf1 a:no1.example a:no2.example ip4:192.0.2.7 -all", AUTHENTICATED),
        ("v=spf1 a:no1.example a:no2.example a:no3.example ip4:192.0.2.7 -all", FAILED),
        ("v=spf1 " + "include:far.example " * 11 + "ip4:192.0.2.7 -all", FAILED),
        ("v=spf1 include:loop.example ip4:192.0.2.7 -all", FAILED),
        ("v=spf1 ip4:192.0.2.7", AUTHENTICATED),
        ("v=spf1 ~ip4:192.0.2.7", FAILED),
        ("v=spf1 ?all", FAILED),
        ("v=spf1 exists:%{i" + "9" * 5_000 + "}.example -all", FAILED),
        ("v=spf1 nonsense ip4:192.0.2.7", FAILED),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_spf_is_read_as_the_standard_has_it(dns: Asking, record: str, expected: Authenticity) -> None:
    """RFC 7208 section 4.6.4: at most ten questions, of which two come to nothing."""
    dns.zone.records |= {
        DMARC_AT: REJECT,
        "customer.example": {"TXT": [record]},
        "near.example": SENT_HERE,
        "far.example": SENT_ELSEWHERE,
        "loop.example": {"TXT": ["v=spf1 include:loop.example"]},
        "host.example": {"A": [PEER]},
        "mx.example": {"MX": ["10 host.example."]},
        "7.2.0.192.bob.list.example": {"A": ["127.0.0.2"]},
    }
    assert expected == dns.verdict(a_mail())


def test_behind_a_relay_spf_is_not_asked_and_nothing_fails(dns: Asking) -> None:
    """The relay's address is not the sender's."""
    dns.zone.records |= {DMARC_AT: REJECT, "customer.example": SENT_ELSEWHERE}
    assert UNVERIFIED == dns.verdict(a_mail(), peer="127.0.0.1")
    assert "TXT customer.example" not in dns.zone.asked
    assert AUTHENTICATED == dns.verdict(signed(a_mail()), peer="127.0.0.1")


def test_the_null_sender_says_nothing(dns: Asking) -> None:
    dns.zone.records[DMARC_AT] = REJECT
    assert UNVERIFIED == dns.verdict(a_mail(), mail_from="")


# When nobody answers


@pytest.mark.parametrize("trouble", [BROKEN, SILENT])
@pytest.mark.parametrize("name", [KEY_AT, DMARC_AT, "customer.example", "_dmarc.example"])
def test_no_answer_is_no_evidence_neither_for_nor_against(dns: Asking, name: str, trouble: str) -> None:
    dns.zone.records |= {DMARC_AT: REJECT, "customer.example": SENT_ELSEWHERE, name: trouble}
    forged = signed(a_mail()).replace(b"slow.", b"fine.") if name != KEY_AT else signed(a_mail())
    assert UNVERIFIED == dns.verdict(forged, seconds=20)


def test_what_is_proven_already_needs_no_further_answer(dns: Asking) -> None:
    dns.zone.records |= {DMARC_AT: SILENT, "customer.example": SILENT}
    assert AUTHENTICATED == dns.verdict(signed(a_mail()), seconds=20)


def test_all_questions_together_end_in_time(dns: Asking) -> None:
    dns.zone.records[DMARC_AT] = SILENT
    found = dns.ask(a_mail(), seconds=0.1)
    assert found == Evidence(
        authenticity=UNVERIFIED, reason="the DNS did not answer for customer.example within 0 seconds"
    )


def test_a_name_server_that_is_not_there_is_no_evidence() -> None:
    with name_server({}) as (address, zone):
        gone = Asking(address, zone)
    assert UNVERIFIED == gone.verdict(signed(a_mail()), seconds=2)


# When nobody is asked


@pytest.mark.parametrize(
    "changes",
    [
        {"login": "relay"},
        {"authserv_id": "mx.vendor.example", "peer": "127.0.0.1"},
    ],
    ids=["a session that logged in", "our own server has spoken"],
)
def test_the_dns_is_not_asked_where_somebody_vouches(dns: Asking, changes: dict[str, Any]) -> None:
    mail = b"Authentication-Results: mx.vendor.example; spf=none\r\n" + signed(a_mail())
    assert dns.ask(mail, **changes) is None
    assert {} == dns.zone.asked
