"""Headers whose lines are odd: the rest is read, and nothing is believed for it."""

import pytest

from gateway.mail.header import mended, read_fields

HEAD = b"From: bob@customer.example\r\n"


def mend(data: bytes) -> bytes:
    """The mail as `parse` has it mended."""
    head = data.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    return mended(data, read_fields(head))


@pytest.mark.parametrize(
    ("odd", "sound"),
    [
        (b"no header\r\nSubject: x\r\n", b"X-Unreadable: no header\r\nSubject: x\r\n"),
        (b"Subject : x\r\nTo: a@x.example\r\n", b"Subject: x\r\nTo: a@x.example\r\n"),
        (
            b"Subject: =?utf-8?q?a?=\r\n=?utf-8?q?b?=\r\nTo: a\r\n",
            b"Subject: =?utf-8?q?a?=\r\n =?utf-8?q?b?=\r\nTo: a\r\n",
        ),
        ("Тема: x\r\nSubject: y\r\n".encode(), "X-Unreadable: Тема: x\r\nSubject: y\r\n".encode()),
        (b"Content-Type: a/b;\r\nname=x\r\n", b"Content-Type: a/b;\r\n name=x\r\n"),
    ],
)
def test_odd_lines_become_fields(odd: bytes, sound: bytes) -> None:
    assert mend(HEAD + odd + b"\r\nhi") == HEAD + sound + b"\r\nhi"


@pytest.mark.parametrize("field", [b"Authentication-Results", b"From", b"ARC-Seal", b"Received-SPF", b"Return-Path"])
def test_what_is_believed_is_not_read_below_an_odd_line(field: bytes) -> None:
    """A relay that takes an odd line for the end of the header has not looked at what stands below it."""
    below = mend(HEAD + b"no header\r\nSubject: x\r\n" + field + b": dmarc=pass\r\n\r\nhi")
    spaced = mend(HEAD + b"Subject : x\r\n" + field + b" : dmarc=pass\r\n\r\nhi")

    assert b"\r\nX-Unreadable-" + field + b": dmarc=pass\r\n" in below
    assert b"\r\nX-Unreadable-" + field + b": dmarc=pass\r\n" in spaced


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Subject: x\r\n\r\nhi",
        HEAD + b"Hello Bob,\r\nplease look at this\r\nSubject: x\r\n\r\nthe end",
        HEAD + b"Hello, it burns.\r\n\r\nTo: nobody",
        HEAD + b"Question : does it burn?\r\n\r\nBob",
        b"just words",
        b"",
    ],
)
def test_a_text_is_no_header(data: bytes) -> None:
    """Where the blank line between them is missing, words stay words."""
    assert mend(data) == data
