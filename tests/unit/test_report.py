"""Delivery status notifications (RFC 3464)."""

from gateway.domain.post import DeliveryReport
from gateway.mail.parts import parse_parts
from gateway.mail.report import read_report

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
    return read_report(parse_parts(mail.encode()))


def status_part(*blocks: str) -> str:
    """A status part with these groups of fields."""
    return "Content-Type: message/delivery-status\r\n\r\n" + ABOUT_THE_MAIL + "".join(blocks)


def test_the_first_failed_recipient_is_told_wherever_it_stands() -> None:
    expected = DeliveryReport(
        recipient="ann@customer.example",
        status="5.1.1",
        action="failed",
        diagnostic="smtp; 550 5.1.1 unknown",
        original_message_id="<1@vendor.example>",
    )

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
    told = report(status_part(), "Content-Type: text/plain\r\n\r\nMessage-ID: <1@vendor.example>")

    assert DeliveryReport(recipient=None, status=None, action=None, diagnostic=None) == told


def test_other_mails_are_no_delivery_reports() -> None:
    assert report(status_part(ANN_GONE), kind="multipart/mixed") is None
    assert (
        report("Content-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\n") is None
    )
    assert read_report(parse_parts(b"Content-Type: multipart/report; boundary=x\r\n\r\nno parts")) is None
