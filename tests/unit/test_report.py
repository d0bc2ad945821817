"""Delivery status notifications (RFC 3464, RFC 6533), also badly made ones."""

import pytest

from gateway.domain.post import DeliveryReport
from tests.unit.test_bounce import read

ABOUT_THE_MAIL = "Reporting-MTA: dns; mx.customer.example\r\n\r\n"
BOB_LATER = "Final-Recipient: rfc822; bob@customer.example\r\nAction: delayed\r\nStatus: 4.4.1\r\n\r\n"
ANN_GONE = (
    "Original-Recipient: rfc822; ann@alias.example\r\nFinal-Recipient: RFC822;\r\n <Ann@Customer.Example>\r\n"
    "Action: Failed (really)\r\nStatus: 5.1.1 (no such user)\r\nDiagnostic-Code: smtp; 550 5.1.1\r\n unknown\r\n\r\n"
)
RETURNED = (
    "Content-Type: message/rfc822\r\n\r\nFrom: service@vendor.example\r\nMessage-ID: <1@vendor.example>\r\n\r\nhi"
)
HEADERS = "Content-Type: text/rfc822-headers\r\n\r\nFrom: service@vendor.example\r\nMessage-ID: <1@vendor.example>\r\n"


def report(status: str, returned: str = RETURNED, kind: str = "multipart/report") -> DeliveryReport | None:
    """What is read from a report with this status part and this returned mail."""
    mail = (
        f"From: mailer-daemon@customer.example\r\nContent-Type: {kind}; report-type=delivery-status; boundary=b\r\n\r\n"
        f"--b\r\n\r\nIt failed.\r\n--b\r\n{status}\r\n--b\r\n{returned}\r\n--b--\r\n"
    )
    return read(mail.encode())


def status_part(*blocks: str) -> str:
    """A status part with these groups of fields."""
    return "Content-Type: message/delivery-status\r\n\r\n" + ABOUT_THE_MAIL + "".join(blocks)


def test_the_first_failed_recipient_is_told_wherever_it_stands() -> None:
    """What is said of the others is kept."""
    bob = DeliveryReport(recipient="bob@customer.example", status="4.4.1", action="delayed", diagnostic=None)
    expected = DeliveryReport(
        recipient="ann@customer.example",
        status="5.1.1",
        action="failed",
        diagnostic="smtp; 550 5.1.1 unknown",
        original_message_id="<1@vendor.example>",
        others=(bob,),
    )

    assert bob == expected.about("bob@customer.example")
    assert expected == expected.about("nobody@customer.example")
    assert expected == report(status_part(BOB_LATER, ANN_GONE))
    assert expected == report(status_part(ANN_GONE, BOB_LATER), HEADERS)


def test_without_a_failed_recipient_the_first_is_told() -> None:
    told = report(status_part(BOB_LATER, BOB_LATER.replace("bob", "carl")))

    assert told is not None
    assert ("bob@customer.example", "delayed", "4.4.1") == (told.recipient, told.action, told.status)


def test_a_status_part_in_base64_is_read_too() -> None:
    encoded = (
        "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "UmVwb3J0aW5nLU1UQTogZG5zOyBtCgpGaW5hbC1SZWNpcGllbnQ6IHJmYzgyMjsgYm9iQGN1c3RvbWVyLmV4YW1wbGUKQWN0aW9uOiBmYWlsZWQK"
    )
    told = report(encoded)

    assert told is not None
    assert ("bob@customer.example", "failed", None) == (told.recipient, told.action, told.status)


def test_a_report_without_recipients_is_a_report_about_nobody() -> None:
    told = report(status_part(), "Content-Type: text/plain\r\n\r\nnothing")

    assert DeliveryReport(recipient=None, status=None, action="failed", diagnostic=None) == told


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("Final-Recipient: {}\nAction: failed\nStatus: 5.0.0", ("5.0.0", "failed")),
        ("Final-Recipient: rfc822; {} (Bob)\nAction: failed (gave up)", (None, "failed")),
        ("Final-Recipient: rfc822; {}\nAction: error\nStatus: 5.1.1", ("5.1.1", "failed")),
        ("Final-Recipient: rfc822; {}\nStatus: 5.1.1", ("5.1.1", "failed")),
        ("Final-Recipient: rfc822; {}\nStatus: 4.2.2", ("4.2.2", "delayed")),
        ("Final-Recipient: rfc822; {}\nAction: failed\nDiagnostic-Code: smtp; 550 5.2.1 off", ("5.2.1", "failed")),
        ("Final-Recipient: rfc822; {}\nAction: failed\nStatus: 4.2.2", ("4.2.2", "failed")),
        ("Final-Recipient: x400; /CN=BOB/\nOriginal-Recipient: rfc822;{}\nAction: failed", (None, "failed")),
        ("Final-Recipient: local; bob\nX-Actual-Recipient: RFC822; {}\nAction: failed", (None, "failed")),
        ("Reporting-MTA: dns; mx\nFinal-Recipient: rfc822; {}\nAction: failed", (None, "failed")),
    ],
)
def test_fields_as_programs_write_them(fields: str, expected: tuple[str | None, str]) -> None:
    """RFC 3464 §2.3 is kept by few; what a field should say is taken from another."""
    block = fields.format("bob@customer.example").replace("\n", "\r\n")
    told = report("Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n" + block + "\r\n")

    assert told is not None
    assert ("bob@customer.example", *expected) == (told.recipient, told.status, told.action)


def test_an_address_in_utf8_is_read() -> None:
    """RFC 6533 §3 writes letters that are not ASCII as numbers."""
    block = "Final-Recipient: utf-8; b\\x{F6}b@customer.example\r\nAction: failed\r\n"
    told = report("Content-Type: message/global-delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n" + block)

    assert told is not None
    assert "b\u00f6b@customer.example" == told.recipient


@pytest.mark.parametrize("kind", ["text/plain; name=details.txt", "application/octet-stream; name=ATT1.dat"])
def test_a_status_part_under_a_wrong_name_is_found(kind: str) -> None:
    told = report(status_part(ANN_GONE).replace("message/delivery-status", kind))

    assert told is not None
    assert ("ann@customer.example", "5.1.1") == (told.recipient, told.status)


def test_a_report_whose_boundary_is_lost_is_read_as_text() -> None:
    """The fields stand in the text then."""
    told = report(status_part(ANN_GONE), kind="multipart/report; x=")

    assert told is not None
    assert ("ann@customer.example", "5.1.1", "failed") == (told.recipient, told.status, told.action)


def test_a_report_that_a_list_put_into_its_frame_is_one() -> None:
    """The list writes below it; who writes above it is a person."""
    inner = f"Content-Type: multipart/report; report-type=delivery-status; boundary=c\r\n\r\n--c\r\n{status_part(ANN_GONE)}\r\n--c--"
    frame = "From: forward@lists.example\r\nSubject: [list] Undelivered\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    words = "Content-Type: text/plain\r\n\r\nWhat is this?"

    listed = read(f"{frame}--b\r\n{inner}\r\n--b\r\n{words}\r\n--b--\r\n".encode())
    forwarded = read(f"{frame}--b\r\n{words}\r\n--b\r\n{inner}\r\n--b--\r\n".encode())

    assert listed is not None
    assert "ann@customer.example" == listed.recipient
    assert forwarded is None


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("feedback-report", "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"),
        (
            "disposition-notification",
            "Content-Type: message/disposition-notification\r\n\r\nDisposition: automatic-action/MDN-sent; deleted\r\n",
        ),
        ("tlsrpt", "Content-Type: application/tlsrpt+gzip\r\n\r\n"),
    ],
)
def test_other_reports_are_none_about_a_delivery(kind: str, part: str) -> None:
    """AL-18. Nor where the type of the report is missing."""
    frame = "From: mailer-daemon@isp.example\r\nSubject: report\r\nContent-Type: multipart/report; boundary=b"
    said = "--b\r\n\r\nYour message was deleted without being read.\r\n--b\r\n"

    assert read(f"{frame}; report-type={kind}\r\n\r\n{said}{part}\r\n--b--\r\n".encode()) is None
    assert kind == "tlsrpt" or read(f"{frame}\r\n\r\n{said}{part}\r\n--b--\r\n".encode()) is None


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_report_of_success_is_a_report_and_no_bounce(action: str) -> None:
    told = report(
        status_part(f"Final-Recipient: rfc822; bob@customer.example\r\nAction: {action}\r\nStatus: 2.0.0\r\n")
    )

    assert told is not None
    assert (action, False) == (told.action, told.is_bounce)
