"""Delivery reports in mail servers' own words, in many languages, and what only looks like one (`bounces.toml`)."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.mail_rules import MailRules
from gateway.domain.post import DeliveryReport, ParsedMail
from gateway.domain.rulebook import read_mail_rules
from gateway.domain.toml_lines import Page
from gateway.mail.parse import read_mail
from gateway.resources import data_dir

BOB = "bob@customer.example"
SAMPLES = tomllib.loads(Path(__file__).with_name("bounces.toml").read_text("utf-8"))
RETURNED = f"""Return-Path: <service@vendor.example>
Received: from mx.vendor.example (mx.vendor.example [192.0.2.1])
\tby relay.example with ESMTP id 4711 for <{BOB}>; Mon, 2 Mar 2026 09:00:00 +0000
From: Acme Support <service@vendor.example>
To: Bob <{BOB}>
Subject: [CASE-1001.k7q2mh3x] It is slow
Message-ID: <1@vendor.example>

Hello Bob, write to service@vendor.example or ann@vendor.example.
"""


@cache
def rules() -> MailRules:
    """The shipped ones."""
    return read_mail_rules(Page("mail.toml", (data_dir("rules") / "mail.toml").read_text("utf-8")))


def read(data: bytes) -> DeliveryReport | None:
    """What the mail reports."""
    mail = read_mail(data, rules())
    assert isinstance(mail, ParsedMail)
    return mail.report


def mail_of(sample: dict[str, Any]) -> bytes:
    """A sample as a mail."""
    head = [f"From: {sample['from']}", "To: <service+b.key@vendor.example>", f"Subject: {sample['subject']}"]
    kind = [] if any(line.startswith("Content-Type") for line in sample.get("headers", ())) else ["text/plain"]
    head += [*sample.get("headers", ()), *(f"Content-Type: {name}; charset=utf-8" for name in kind)]
    text = sample["text"].replace("{returned}", RETURNED)
    return "\r\n".join((*head, "", *text.split("\n"))).encode()


def name_of(sample: dict[str, Any]) -> str:
    return str(sample["name"])


@pytest.mark.parametrize("sample", SAMPLES["report"], ids=name_of)
def test_a_report_says_who_failed_and_how(sample: dict[str, Any]) -> None:
    told = read(mail_of(sample))

    assert told is not None
    expected = (sample.get("recipient", BOB), sample.get("status"), sample.get("action", "failed"))
    assert expected == (told.recipient, told.status, told.action)
    if "{returned}" in sample["text"]:
        assert "<1@vendor.example>" == told.original_message_id


@pytest.mark.parametrize("sample", SAMPLES["other"], ids=name_of)
def test_what_people_and_other_machines_write_is_no_report(sample: dict[str, Any]) -> None:
    assert read(mail_of(sample)) is None


@pytest.mark.parametrize("prefix", ["Fwd: ", "WG: ", "Re: ", "转发\uff1a", ""])
@pytest.mark.parametrize("sample", SAMPLES["report"], ids=name_of)
def test_who_forwards_a_report_with_own_words_is_a_person(sample: dict[str, Any], prefix: str) -> None:
    """Under whatever subject; also an administrator, where the subject says that it is forwarded."""
    words = "Dear support,\n\nthis came back, what is wrong?\n\n"
    kept = [line for line in sample.get("headers", ()) if line.startswith("Content-T")]
    forwarded = {
        **sample,
        "from": f"Bob <{BOB}>",
        "subject": prefix + sample["subject"],
        "headers": kept,
        "text": words + sample["text"],
    }

    assert read(mail_of(forwarded)) is None
    assert not prefix or read(mail_of({**forwarded, "from": "admin@customer.example"})) is None


def test_a_diagnosis_is_what_the_server_said() -> None:
    (sample,) = (sample for sample in SAMPLES["report"] if sample["name"] == "qmail")
    told = read(mail_of(sample))

    assert told is not None
    said = "Remote host said: 550 5.1.1 <bob@customer.example>: Recipient address rejected: User unknown"
    assert said == told.diagnostic


def test_where_no_address_stands_plainly_a_library_is_asked() -> None:
    """It knows a format in which the address stands between commas; the first address of the text is another one."""
    text = f"The desk desk@relay.example says that mail could not be delivered since the person, {BOB}, has left."
    told = read(f"From: MAILER-DAEMON@mx.example\r\nSubject: Undeliverable\r\n\r\n{text}\r\n".encode())

    assert told is not None
    assert BOB == told.recipient


def test_what_the_library_trips_over_is_still_a_report() -> None:
    """It takes a sender for granted."""
    told = read(b"Subject: Undeliverable\r\n\r\nIt failed, and the desk desk@relay.example knows more.\r\n")

    assert told is not None
    assert ("desk@relay.example", "failed") == (told.recipient, told.action)
