"""Which signals make a mail automatic, and which only silence us (SPEC section 7, "Automatic or not")."""

import pytest

from gateway.config import load_policy
from gateway.domain.post import Envelope, ParsedMail, Transport
from gateway.mail.automatic import Marks, find_marks
from gateway.mail.parse import read_mail
from tests.world import a_mail, settings

RULES = load_policy(settings()).mail
PERSON, SILENT, MACHINE = "person", "silent", "machine"


def marks(data: bytes, *, mail_from: str | None = "x@relay.example") -> Marks:
    mail = read_mail(data, RULES)
    assert isinstance(mail, ParsedMail)
    envelope = Envelope(transport=Transport.SMTP, transport_id="1", mail_from=mail_from)
    return find_marks(mail, envelope, RULES.automatic)


def kind(found: Marks) -> str:
    return MACHINE if found.is_automatic else SILENT if found.silences else PERSON


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, PERSON),
        ({"auto_submitted": "no"}, PERSON),
        ({"auto_submitted": "notes"}, MACHINE),
        ({"x_auto_response_suppress": "All"}, SILENT),
        ({"precedence": "bulk"}, SILENT),
        ({"precedence": "auto_reply"}, MACHINE),
        ({"precedence": "list", "list_id": "<a.example>", "x_loop": "yes", "feedback_id": "1"}, SILENT),
        ({"precedence": "bulk", "x_autoreply": "yes"}, MACHINE),
        ({"x_autoreply": "no"}, PERSON),
        ({"x_autoreply": "yes", "x_auto_response_suppress": "All"}, SILENT),
        ({"sender": "no-reply@customer.example"}, SILENT),
        ({"sender": "no-reply@customer.example", "list_unsubscribe": "<https://a.example>"}, MACHINE),
        ({"sender": "owner@customer.example"}, PERSON),
        ({"sender": "norbert.reply@customer.example"}, PERSON),
        ({"sender": "bouncer@customer.example"}, PERSON),
        ({"subject": "Out of office"}, SILENT),
        ({"subject": "Out of office", "body": "I am out of the office until Monday."}, MACHINE),
        ({"subject": "Out of office", "body": "It does not work. Please help."}, SILENT),
        ({"subject": "Out of office", "precedence": "list"}, MACHINE),
        ({"subject": "Out of office: It is slow", "in_reply_to": "<a@vendor.example>"}, MACHINE),
        ({"subject": "Re: Out of office", "in_reply_to": "<a@vendor.example>"}, PERSON),
        ({"body": "I am out of the office until Monday."}, SILENT),
        ({"body": "I am out of the office until Monday.", "list_id": "<a.example>"}, MACHINE),
        ({"body": "I am out of office, please close the case.", "list_id": "<a.example>"}, SILENT),
        ({"subject": "Report Domain: a.example Submitter: b.example Report-ID: 1"}, MACHINE),
        ({"subject": "Fwd: Report Domain: a.example Submitter: b.example Report-ID: 1"}, PERSON),
        ({"content_type": "text/calendar; method=REPLY"}, MACHINE),
        ({"content_type": "text/calendar; method=REQUEST"}, PERSON),
        ({"return_path": "<>"}, MACHINE),
        ({"resent_from": "<a@customer.example>", "x_forwarded_to": "a@vendor.example"}, PERSON),
    ],
)
def test_signals(headers: dict[str, str], expected: str) -> None:
    """One of the strong, or two weak ones of different kinds; several of one kind are one."""
    assert expected == kind(marks(a_mail(**headers)))


def test_a_null_sender_is_a_machine_and_no_envelope_is_none() -> None:
    assert (MACHINE, PERSON) == (kind(marks(a_mail(), mail_from="")), kind(marks(a_mail(), mail_from=None)))


def test_the_signals_are_told() -> None:
    """By name, so that `explain` and `why` can show them."""
    found = marks(a_mail(subject="Out of office", precedence="bulk"))
    assert ("precedence and 'out of office' in the subject",) == found.strong
    assert ("precedence", "'out of office' in the subject") == found.weak


def test_every_instance_of_a_header_counts() -> None:
    """RT's test: the second Precedence is the one that says it."""
    twice = a_mail(precedence="first-class").replace(b"Precedence:", b"Precedence: bulk\r\nPrecedence:", 1)
    assert SILENT == kind(marks(twice))
