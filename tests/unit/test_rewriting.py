"""Mail that loses a person (`mail.rewriting`): found whatever the encoding, rewritten as the same mail."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.erasing import Mask
from gateway.domain.model import Contact, ContactId
from gateway.mail.rewriting import is_from, names, rewritten

NAME, ADDRESS = "Dora Dörrie", "dora@acme.example"
MASK = Mask.of(Contact(id=ContactId(7), account="EX-1", name=NAME, addresses=(ADDRESS,))).everything


def a_mail(text: str, subject: str = "Hello", *, encoding: str = "quoted-printable", file: str = "a.txt") -> bytes:
    """With two forms of the text, and a file."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = "Acme <service@vendor.example>"
    mail["To"] = "carl@acme.example"
    mail["Subject"] = subject
    mail["Message-ID"] = "<one@vendor.example>"
    mail.set_content(text, cte=encoding)
    mail.add_alternative(f"<p>{text}</p>", subtype="html", cte=encoding)
    mail.add_attachment(NAME.encode(), maintype="text", subtype="plain", filename=file)
    return mail.as_bytes()


def read(data: bytes) -> EmailMessage:
    mail = message_from_bytes(data, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64", "8bit"])
def test_texts_and_headers_lose_them_and_all_else_stays(encoding: str) -> None:
    data = a_mail(f"Dear {NAME},\nis it you? Ünü", f"For {NAME}, ünü", encoding=encoding, file=f"{NAME}.txt")

    after = read(rewritten(data, MASK))

    assert "For Erased person 7, ünü" == after["Subject"]
    assert [*read(data).keys()] == [*after.keys()]
    assert "<one@vendor.example>" == after["Message-ID"]
    plain, html, file = [part for part in after.walk() if not part.is_multipart()]
    assert "Dear Erased person 7,\nis it you? Ünü" == plain.get_content().replace("\r\n", "\n").strip()
    assert "<p>Dear Erased person 7,\nis it you? Ünü</p>" == html.get_content().replace("\r\n", "\n").strip()
    assert "Erased person 7.txt" == file.get_filename()
    assert NAME.encode() == read(data).get_payload()[1].get_payload(decode=True)  # type: ignore[union-attr,index]  # a part
    assert b"\n" not in rewritten(data, MASK).replace(b"\r\n", b"")


def test_a_mail_that_names_nobody_is_the_same_bytes() -> None:
    data = a_mail("Dear Dora,\nis it you?", "For Dörrie")
    assert data is rewritten(data, MASK)


@pytest.mark.parametrize(
    "data",
    [
        f"To: {NAME} <x@y.example>\r\n\r\n".encode(),
        b"Cc: =?utf-8?q?Dora_D=C3=B6rrie?= <x@y.example>\r\n\r\n",
        b"Received: for <dora@acme.example>\r\n\r\n",
        b"Content-Transfer-Encoding: base64\r\n\r\nRG9yYSBEw7ZycmllIHJhbmcu\r\n",
        b"Content-Type: text/plain; charset=x-none\r\n\r\nask dora@acme.example\r\n",
        b"\xff\xfe dora@acme.example \x00",
        a_mail("Hello", file=f"{NAME}.txt"),
    ],
)
def test_a_mail_that_names_them_is_found(data: bytes) -> None:
    assert names(data, MASK)


@pytest.mark.parametrize("data", [b"", b"\x00\xff", b"To: dora@acme.example.org\r\n\r\nDora"])
def test_a_mail_that_does_not_is_not(data: bytes) -> None:
    assert not names(data, MASK)


@pytest.mark.parametrize(
    ("data", "theirs"),
    [
        (b"From: Dora <dora@acme.example>\r\nTo: x@y.example\r\n\r\n", True),
        (b"From: x@y.example\nfrom: DORA@acme.example\n\n", True),
        (b"From: =?utf-8?q?dora=40acme.example?=\r\n\r\n", True),
        (b"From: x@y.example\r\nTo: dora@acme.example\r\n\r\nFrom: dora@acme.example\r\n", False),
        (b"", False),
    ],
)
def test_whose_mail_it_is(data: bytes, theirs: bool) -> None:
    assert theirs is is_from(data, MASK)


@given(st.binary() | st.binary().map(lambda data: b"From: x\r\nContent-Type: text/plain\r\n" + data))
def test_no_bytes_make_it_fall_over(data: bytes) -> None:
    assert names(data, MASK) in {True, False}
    assert is_from(data, MASK) in {True, False}
