"""The sink of the other tests keeps what it says and refuses what it is told."""

import smtplib

import pytest

from tests.sink import Sink, Taken


def test_mails_are_kept_in_order_with_their_bytes() -> None:
    with Sink() as sink, smtplib.SMTP("127.0.0.1", sink.port) as client:
        port = client.sock.getsockname()[1]  # type: ignore[union-attr]  # connected by its constructor
        client.sendmail("a@x.test", ["b@y.test", "c@y.test"], b"Subject: 1\r\n\r\n.dot\r\n..two\r\n")
        client.sendmail("", ["b@y.test"], b"Subject: 2\r\n\r\n")
        taken = sink.wait_for(2)
    first = b"Subject: 1\r\n\r\n.dot\r\n..two\r\n"
    assert [
        Taken(mail_from="a@x.test", rcpt_to=("b@y.test", "c@y.test"), data=first, port=port),
        Taken(mail_from="", rcpt_to=("b@y.test",), data=b"Subject: 2\r\n\r\n", port=port),
    ] == taken


def test_refused_recipients_get_the_scripted_reply_and_the_others_the_mail() -> None:
    with Sink() as sink, smtplib.SMTP("127.0.0.1", sink.port) as client:
        sink.refuse["b@y.test"] = "550 5.1.1 no"
        refused = client.sendmail("a@x.test", ["b@y.test", "c@y.test"], b"x\r\n")
        assert {"b@y.test": (550, b"5.1.1 no")} == refused
        assert [("c@y.test",)] == [mail.rcpt_to for mail in sink.wait_for(1)]


def test_a_refusal_of_the_data_leaves_nothing_behind() -> None:
    with Sink() as sink, smtplib.SMTP("127.0.0.1", sink.port) as client:
        sink.refuse["DATA"] = "451 4.3.0 later"
        with pytest.raises(smtplib.SMTPDataError, match=r"4\.3\.0 later"):
            client.sendmail("a@x.test", ["c@y.test"], b"x\r\n")
        assert [] == sink.taken


def test_the_end_of_the_block_cuts_connections_that_are_still_open() -> None:
    with Sink() as sink:
        client = smtplib.SMTP("127.0.0.1", sink.port)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    client.close()
