"""What a subject says beneath what mail programs and gateways put around it."""

import pytest

from gateway.domain.policy import PostRules
from gateway.mail.subject import bare_subject, is_other_subject
from gateway.mail.token import Tokens

POST = PostRules(service_address="service@vendor.example", registration_address="service+register@vendor.example")
TOKENS = Tokens(POST, b"a secret that only the tests know")
TOKEN = TOKENS.mint(1042)
LONG = "The staging server is slow since the upgrade of last Monday, and the reports of March are empty"


@pytest.mark.parametrize(
    "subject",
    [
        f"Re: {TOKEN} It is slow",
        f"AW: Re: {TOKEN} It is slow",
        f"RE[2]: {TOKEN.lower()} It is slow",
        f"回复\uff1a{TOKEN} It is slow",
        f"Ynt: Odp: {TOKEN} It is slow",
        f"Re : {TOKEN} It is slow",
        f"({TOKEN.strip('[]')}) It is slow",
        f"\u3010{TOKEN.strip('[]')}\u3011It is slow",
        f"[CASE-1042.{TOKENS.check(1042)[:4]} {TOKENS.check(1042)[4:]}] It is slow",
        f"Re: {TOKEN}_It is slow",
        f"{TOKEN}{TOKEN} It is slow {TOKEN}",
    ],
)
def test_a_bare_subject_has_neither_prefix_nor_token(subject: str) -> None:
    assert "It is slow" == bare_subject(subject, TOKENS)


@pytest.mark.parametrize("subject", ["It is slow", "Error: it is slow", "[staging] it is slow", "CASE-1042. Internal"])
def test_what_is_neither_stays(subject: str) -> None:
    """A word before a colon may be what it is about."""
    assert subject == bare_subject(subject, TOKENS)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (f"Re: {TOKEN} It is slow", "It is slow"),
        (f"[EXT] AW: {TOKEN} It is slow", "It is slow"),
        (f"***SPAM*** {{Spam?}} Re: [External] {TOKEN} it  is SLOW", "It is slow"),
        (f"Odgovor: {TOKEN} It is slow", "It is slow"),
        (f"Re:_{TOKEN}_It_is_slow", "It is slow"),
        ("It is slow", "Re: [EXT] It is slow!"),
        (f"Re: {TOKEN}", "It is slow"),
        ("Re:", "It is slow"),
        (f"Re: {TOKEN} {LONG[:60]}", LONG),
        (f"Re: {TOKEN} It is s…", "It is slow"),
        (LONG, f"{LONG[:70]}…"),
        ("Re: [staging] Bug: login", "[staging] Bug: login"),
        (f"Re: {TOKEN} (no subject)", "(no subject)"),
    ],
)
def test_the_same_subject_whatever_programs_did_to_it(said: str, meant: str) -> None:
    assert not is_other_subject(said, meant, TOKENS)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (f"Re: {TOKEN} And now the printer", "It is slow"),
        (f"Re: {TOKEN} It is slow, and now the printer burns", "It is slow"),
        (f"{TOKEN} The printer (was: It is slow)", "It is slow"),
        ("Re: Error: no network", "Error: disk full"),
        ("Re: It", "It is slow"),
        ("Re: Der Drucker brennt", "打印机着火了"),
    ],
)
def test_another_subject(said: str, meant: str) -> None:
    assert is_other_subject(said, meant, TOKENS)
