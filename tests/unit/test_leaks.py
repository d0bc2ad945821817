"""What finds a leak must find it however it is written; else the scene that scans all mail could not fail."""

import base64
import quopri

import pytest

from tests.leaks import found_in

MARK = "zinnober"


def mail(body: str, *headers: str, kind: str = "text/plain; charset=utf-8", encoding: str = "7bit") -> bytes:
    head = ("From: a@vendor.example", "To: b@customer.example", *headers)
    return "\r\n".join((*head, f"Content-Type: {kind}", f"Content-Transfer-Encoding: {encoding}", "", body)).encode()


@pytest.mark.parametrize(
    "data",
    [
        mail("the ZINNOBER case"),
        mail("zin\nnober"),
        mail(base64.encodebytes(b"zinnober").decode(), encoding="base64"),
        mail(quopri.encodestring(b"z=innober", quotetabs=True).decode().replace("z=3Di", "zi"), encoding="quoted-printable"),
        mail("zinn=\r\nober", encoding="quoted-printable"),
        mail("<p>zin<b>nob</b>er</p>", kind="text/html"),
        mail("&#122;innober", kind="text/html"),
        mail("<a href='mailto:x?subject=%7Ainnober'>", kind="text/html"),
        mail("x", f"Subject: =?utf-8?b?{base64.b64encode(b'zinnober').decode()}?="),
        mail("x", "Subject: =?utf-8?q?zinn?=\r\n =?utf-8?q?ober?="),
        mail("x", "X-Note: zin\r\n nober"),
        mail(
            f"--b\r\nContent-Type: message/rfc822\r\n\r\n{mail('zinnober').decode()}\r\n--b--",
            kind="multipart/mixed; boundary=b",
        ),
        mail(
            "--b\r\nContent-Disposition: attachment; filename*=utf-8''%7Ainnober.txt\r\n\r\nx\r\n--b--",
            kind="multipart/mixed; boundary=b",
        ),
    ],
)  # fmt: skip
def test_it_is_found(data: bytes) -> None:
    assert {MARK} == found_in(data, [MARK, "other"])


def test_what_is_not_there_is_not_found() -> None:
    assert set() == found_in(mail("zinn ist kein Obermaterial", "Subject: =?utf-8?q?zinn?= ob"), [MARK])
