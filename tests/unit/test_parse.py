"""Bytes into a ParsedMail: limits, parts, names, charsets, headers, fingerprint (TESTPLAN F)."""

from pathlib import Path

import pytest

from gateway.domain.post import Envelope, ParsedMail, Transport, Unreadable
from gateway.domain.rulebook import read_mail_rules
from gateway.domain.toml_lines import Page
from gateway.mail import parse, parts, walk
from gateway.mail.auth import judge
from gateway.mail.charset import to_text
from gateway.mail.decode import header_text
from gateway.mail.parse import read_mail

RULES = read_mail_rules(Page("mail.toml", (Path(__file__).parents[2] / "rules" / "mail.toml").read_text()))
HEAD = "From: Bob <bob@customer.example>\r\nTo: service@vendor.example\r\nSubject: Printer\r\nMessage-ID: <1@x.example>\r\n"
FORWARDED = "From: ann@customer.example\r\nSubject: inner\r\nContent-Type: text/plain\r\n\r\n/close 1042\r\n"


def read(text: str | bytes) -> ParsedMail:
    """The mail of these bytes, which can be read."""
    mail = read_mail(text if isinstance(text, bytes) else text.encode(), RULES)
    assert isinstance(mail, ParsedMail)
    return mail


def reason(text: str | bytes) -> str:
    """Why these bytes cannot be read."""
    mail = read_mail(text if isinstance(text, bytes) else text.encode(), RULES)
    assert isinstance(mail, Unreadable)
    return mail.reason


def multipart(*bodies: str, kind: str = "mixed") -> str:
    """A mail of these parts, each with its own header."""
    inside = "".join(f"--b\r\n{body}\r\n" for body in bodies)
    return f"{HEAD}Content-Type: multipart/{kind}; boundary=b\r\n\r\n{inside}--b--\r\n"


def plain(text: str) -> str:
    return f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}"


def html(text: str) -> str:
    return f"Content-Type: text/html; charset=utf-8\r\n\r\n{text}"


def test_a_plain_mail_has_its_fields() -> None:
    mail = read(
        HEAD + "Cc: Carl <CARL@customer.example>\r\nIn-Reply-To: <2@x.example>\r\n"
        "References: <3@x.example>\r\n <2@x\r\n .example>\r\n\r\nIt works.\r\n\r\n-- \r\nBob\r\n"
    )

    assert (mail.sender, mail.sender_defect, mail.sender_name) == ("bob@customer.example", None, "Bob")
    assert (mail.to, mail.cc) == (("service@vendor.example",), ("carl@customer.example",))
    assert (mail.subject, mail.message_id, mail.content_type) == ("Printer", "<1@x.example>", "text/plain")
    assert (mail.in_reply_to, mail.references) == (("<2@x.example>",), ("<3@x.example>", "<2@x.example>"))
    assert (mail.text, mail.new_text, mail.quoted_text) == ("It works.\n\n-- \nBob", "It works.", "-- \nBob")
    assert (mail.attachments, mail.report, mail.encrypted, mail.defects) == ((), None, False, ())


def test_headers_keep_their_order_and_are_unfolded_and_not_decoded() -> None:
    mail = read(b"Received: a\r\n\tb\r\nReceived: c\r\nSubject: =?utf-8?q?Dr=C3=BCcker?=\r\nX-A: Gr\xfc\xdfe\r\n\r\n")

    assert mail.values("received") == ("a\tb", "c")
    assert mail.headers[2:] == (("subject", "=?utf-8?q?Dr=C3=BCcker?="), ("x-a", "Grüße"))
    assert mail.subject == "Drücker"


def test_an_encoded_word_ends_no_clause_of_authentication_results() -> None:
    """Our relay honestly writes the sender's MAIL FROM there; decoded, it would vouch for a customer."""
    forged = "=?utf-8?q?x=3B_dmarc=3Dpass_header=2Efrom=3Dcustomer=2Eexample?=@evil.example"
    mail = read(f"Authentication-Results: mx.vendor.example; spf=pass smtp.mailfrom={forged}\r\n{HEAD}\r\nhi")
    envelope = Envelope(transport=Transport.SMTP, transport_id="x", authserv_id="mx.vendor.example")

    assert judge(mail, envelope).authenticity == "unverified"


@pytest.mark.parametrize("text", ["", "\r\n", "\r\n\r\n", "just text", "Subject: x\r\n"])
def test_a_mail_without_from_is_read_and_has_no_sender(text: str) -> None:
    """MT-12."""
    mail = read(text)

    assert (mail.sender, mail.sender_defect) == (None, "there is no From field")


def test_from_is_counted_on_the_raw_header_also_below_what_no_header_line_is() -> None:
    """SI-03, and a line without a colon, at which the standard library stops reading headers."""
    second = "From: mallory@evil.example\r\n"

    assert read(f"{HEAD}{second}\r\nhi").sender is None
    assert read(f"{second}{HEAD}\r\nhi").sender is None
    assert read(f"{HEAD}no header\r\n{second}\r\nhi").sender is None
    assert read(f"{HEAD}FROM : mallory@evil.example\r\n\r\nhi").sender is None
    assert read(f"{HEAD}\r\n{second}").sender == "bob@customer.example"


def test_the_from_line_of_an_mbox_is_no_header() -> None:
    assert read(f"From bob@x.example Mon Jan  1 00:00:00 2024\r\n{HEAD}\r\nhi") == read(f"{HEAD}\r\nhi")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("X: y\r\n" * (parse.MAX_HEADER_FIELDS + 1), "the header has more than 2000 fields"),
        (f"X: {'y' * parse.MAX_HEADER}\r\n\r\nhi", "the header is larger than 256 kB"),
        ("\r\n" * (parse.MAX_LINES + 1), "the mail has more than 1000000 lines"),
        (multipart(*[plain("x")] * parts.MAX_PARTS), "there are more than 1000 parts"),
        (f"{HEAD}" + "Content-Type: message/rfc822\r\n\r\n" * 60, "parts are nested deeper than 50"),
        (f"{HEAD}Content-Type: text/plain{'; a=1' * 201}\r\n\r\nhi", "a Content-Type field is too large"),
        (multipart(f"Content-Disposition: {'x' * 8001}\r\n\r\nhi"), "a Content-Disposition field is too large"),
        (multipart(f"X: {'y' * parts.MAX_PART_HEADERS}\r\n\r\nhi"), "the header of one part is larger than 256 kB"),
    ],
)
def test_a_mail_beyond_a_limit_is_unreadable_and_says_which(text: str, words: str) -> None:
    """MT-01, MT-02, MT-09, MT-15."""
    assert reason(text) == words


def test_thousands_of_nested_parts_never_raise() -> None:
    """MT-01: RecursionError does not escape."""
    nested = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(5000))

    assert reason(HEAD + nested) == "parts are nested deeper than 50"


def test_of_alternatives_the_plain_text_is_taken_unless_it_is_empty() -> None:
    assert read(multipart(plain("plain"), html("<p>html"), kind="alternative")).text == "plain"
    assert read(multipart(html("<p>html"), plain("plain"), kind="alternative")).text == "plain"
    assert read(multipart(plain(" \r\n"), html("<p>html"), kind="alternative")).text == "html"


def test_texts_beside_each_other_are_joined_around_what_is_no_text() -> None:
    image = "Content-Type: image/png\r\nContent-ID: <i>\r\n\r\nx"
    mail = read(multipart(plain("one"), image, html("<p>two</p>")))

    assert mail.text == "one\ntwo"
    assert [(file.name, file.data, file.inline) for file in mail.attachments] == [("part-2.png", b"x", True)]


def test_an_attached_mail_is_a_file_and_its_text_is_never_the_senders() -> None:
    """A command inside a forwarded mail must not be obeyed (HOUSE section 11)."""
    mail = read(multipart(plain("see below"), f"Content-Type: message/rfc822\r\n\r\n{FORWARDED}"))

    assert mail.text == "see below"
    assert [(file.name, file.content_type) for file in mail.attachments] == [("part-2.eml", "message/rfc822")]
    assert mail.attachments[0].data.decode() == FORWARDED


def test_an_attached_mail_keeps_its_header_bytes_and_may_be_encoded() -> None:
    odd = "Subject: =?utf-8?q?a?=  " + "x" * 200 + "\r\nX-B: \xe4\r\n\r\nbody"
    as_it_is = read(multipart(f"Content-Type: message/rfc822\r\n\r\n{odd}"))
    encoded = read(
        multipart("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogYQoKYg==")
    )

    assert as_it_is.attachments[0].data == odd.encode()
    assert encoded.attachments[0].data == b"Subject: a\n\nb"


def test_text_with_a_name_or_a_disposition_is_a_file_unless_it_is_the_only_text() -> None:
    named = 'Content-Type: text/plain; name="body.txt"\r\n\r\nnamed'
    attached = "Content-Disposition: attachment\r\n\r\nattached"

    assert [file.name for file in read(multipart(plain("x"), named, attached)).attachments] == [
        "body.txt",
        "part-3.txt",
    ]
    assert (read(multipart(named)).text, read(multipart(named)).attachments) == ("named", ())
    assert (read(multipart(attached)).text, len(read(multipart(attached)).attachments)) == ("", 1)


def test_text_inside_an_attached_container_is_not_the_senders() -> None:
    inner = (
        "Content-Type: multipart/mixed; boundary=c\r\nContent-Disposition: attachment\r\n\r\n"
        "--c\r\n\r\n/close\r\n--c--\r\n"
    )

    assert read(multipart(inner, plain("hello"))).text == "hello"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('filename="../../outside.txt"', "outside.txt"),
        (r'filename="..\\..\\outside.txt"', "outside.txt"),
        ('filename="C:\\\\x.txt"', "x.txt"),
        ('filename=".."', "part-1.bin"),
        ('filename=""', "part-1.bin"),
        ('filename="a\tb\x07c.txt"', "a b c.txt"),
        (f'filename="{"x" * 400}.txt"', "x" * 196 + ".txt"),
        ("filename*=utf-8''Dr%C3%BCcker.txt", "Drücker.txt"),
        ("filename*0*=utf-8''Dr%C3;\r\n filename*1*=%BCcker;\r\n filename*2=.txt", "Drücker.txt"),
        ("filename*0=..; filename*1=/..; filename*2=/x", "x"),
        ('filename="=?utf-8?q?Dr=C3=BCcker=2Etxt?="', "Drücker.txt"),
        ('filename="Drücker.txt"', "Drücker.txt"),
        ("filename=plain.txt; filename*=utf-8''Dr%C3%BCcker.txt", "Drücker.txt"),
        ("filename*=utf-8''=%3Futf-8%3FQ%3FDr=C3=BCcker.txt%3F=", "Drücker.txt"),
        ('filename="half.txt', "half.txt"),
        ("filename=with some blanks.txt", "with some blanks.txt"),
    ],
)
def test_names_are_decoded_and_cleaned(disposition: str, name: str) -> None:
    """MT-07."""
    mail = read(multipart(f"Content-Type: application/x-y\r\nContent-Disposition: attachment; {disposition}\r\n\r\nx"))

    assert [file.name for file in mail.attachments] == [name]


def test_long_names_fit_a_file_system() -> None:
    assert (
        len(read(multipart(f'Content-Type: image/png; name="{"漢" * 300}.png"\r\n\r\nx')).attachments[0].name.encode())
        <= 250
    )


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        (b"\x80uro", "iso-8859-1", "€uro"),
        ("Grüße".encode("latin-1"), "utf-8", "Grüße"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode("latin-1"), None, "Grüße"),
        ("Grüße ".encode() + b"\xfc", "utf-8", "Grüße ü"),
        ("日本語".encode("iso2022_jp"), "ISO-2022-JP", "日本語"),
        ("日本語".encode("cp932"), "Shift_JIS", "日本語"),
        ("汉字".encode("gb18030"), "gb2312", "汉字"),
        ("Grüße".encode("utf-16"), "utf-16", "Grüße"),
        (b"hi \xe4", "undefined", "hi ä"),
        (b"aGk=", "base64", "aGk="),
        (b"6869", "hex", "6869"),
        (b"n+AOQ-", "utf-7", "nä"),
        (b"hi", "x" * 5000, "hi"),
        (b"a\x00b", None, "a\ufffdb"),
        (b"\x8e\xff\xff", "euc-jp", r"\x8e\xff\xff"),
        ("Grüße, Größe".encode(), "iso-8859-2", "Grüße, Größe"),
        ("汉字测试文本".encode(), "gb2312", "汉字测试文本"),
        ("联通".encode("gbk"), "gb2312", "联通"),
        ("Grüße\n".encode("utf-16-le"), "utf-16", "Grüße\n"),
        ("日本語".encode("utf-16-be"), "utf-16", "日本語"),
        ("Grüße\n".encode("utf-16-be"), None, "Grüße\n"),
        ("Grüße".encode(), "utf-16", "Grüße"),
        (b"\x1b$BF|K\\8l\x1b(B", None, "日本語"),
        (b"\x1b$B-!\x1b(B a \x1b(I1\x1b(B", "iso-2022-jp", "① a ｱ"),
        ("Γειά".encode("cp1253") + b"\xd2", "windows-1253", r"Γειά\xd2"),
        (b"\x81 \x93x\x94", "iso-8859-1", "\x81 “x”"),
        ("日本語".encode("cp932"), "windows-31j", "日本語"),
    ],
)
def test_text_is_decoded_and_no_byte_is_dropped(data: bytes, charset: str | None, text: str) -> None:
    """MT-04."""
    assert to_text(data, charset) == text


def test_encoded_words_share_letters_and_lose_the_blanks_between_them() -> None:
    assert header_text("Re: =?utf-8?b?w4Q=?= =?utf-8?q?_x?= y =?x?q?=FC?=") == "Re: Ä x y ü"
    assert header_text("=?utf-8?q?=C3?=\r\n =?utf-8?q?=84?=") == "Ä"
    assert header_text("=?utf-8?b?!!!?= =?broken") == "=?broken"
    assert header_text("=?iso-2022-jp?b?GyRCRnxLXDhsGyhC?=") == "日本語"


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("=?utf-8?B?R3LDvM?= =?utf-8?B?OfZQ==?=", "Grüße"),
        ("=?utf-8?B?R3LDvA?= =?utf-8?B?w59l?=", "Grüße"),
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe", "Grüße"),
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?", "Grüße"),
        ("=?utf-8 ?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=??Q?abc?=", "abc"),
        ("=?utf-8?Q?Was?_Wie??=", "Was? Wie?"),
        ("=?utf-8*de?Q?=C3=BC?=", "ü"),
    ],
)
def test_encoded_words_are_read_however_they_are_broken(field: str, text: str) -> None:
    assert header_text(field) == text


def test_a_subject_is_one_line() -> None:
    """IJ-03."""
    assert read("Subject: =?utf-8?q?a=0D=0AX-B:_c?=\r\n\r\n").subject == "a X-B: c"


def test_html_may_name_its_own_charset() -> None:
    body = b"Content-Type: text/html\r\n\r\n<meta charset=iso-8859-2><p>\xb1"

    assert read(HEAD.encode() + body).text == "ą"


def test_a_multipart_whose_boundary_never_appears_is_text() -> None:
    """MT-03."""
    mail = read(f"{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\nhello")

    assert mail.text == "hello"
    assert "start boundary not found" in mail.defects


@pytest.mark.parametrize(
    ("header", "encrypted"),
    [
        ("Content-Type: multipart/encrypted; protocol=application/pgp-encrypted; boundary=b", True),
        ("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", True),
        ("Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", False),
        ("Content-Type: text/plain", False),
        ("Content-Type: application/octet-stream; name=smime.p7m", True),
        ("Content-Type: application/octet-stream; name=other.bin", False),
    ],
)
def test_encrypted_mail_is_marked(header: str, encrypted: bool) -> None:
    assert read(f"{HEAD}{header}\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n").encrypted is encrypted


def test_line_ends_that_are_none_are_defects() -> None:
    assert read("Subject: x\r\n\r\na\nb\r\n").defects == ("a lone LF was read as a line end",)
    assert read("Subject: x\r\n\r\na\rb\r\n").defects == ("a lone CR was read as a line end",)
    assert read("Subject: x\n\na\n").defects == ()


def test_a_name_that_mail_parser_cannot_decode_names_nobody_and_the_mail_is_read() -> None:
    """mail-parser does not get over base64 that is none in a display name."""
    mail = read("From: =?utf-8?b?a?= <bob@customer.example>\r\n\r\nhi")

    assert (mail.sender, mail.new_text) == (None, "hi")
    assert mail.sender_defect == "two parsers read the From field differently"


def test_odd_parts_do_not_keep_a_mail_from_being_read() -> None:
    odd_name = multipart("Content-Disposition: attachment; filename*=undefined''a%20b\r\n\r\nx")
    unclosed = multipart("Content-Type: multipart/mixed; boundary=never\r\n\r\nx")
    torn = b"Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n\xe4"

    assert read(f"To: =?utf-8?b?a?= <bob@vendor.example>\r\n{HEAD}\r\nhi").to[0] == "bob@vendor.example"
    assert read(odd_name).attachments[0].name == "a b"
    assert read(unclosed).text == "x"
    assert read(HEAD.encode() + torn).attachments[0].data.endswith(b"\xe4")


def test_references_keep_the_first_and_the_newest() -> None:
    """TT-10."""
    ids = [f"<{number}@x.example>" for number in range(5000)]
    kept = read(f"References: {' '.join(ids)}\r\n\r\n").references

    assert len(kept) == parse.MAX_REFERENCES
    assert (kept[0], kept[-1]) == (ids[0], ids[-1])


def test_text_beyond_the_limit_is_cut_and_says_so() -> None:
    mail = read(f"{HEAD}\r\n" + ("x" * 99 + "\r\n") * 20_000)

    assert len(mail.text) == walk.MAX_TEXT
    assert mail.defects == ("the text was cut at 1000000 characters",)


def test_the_fingerprint_is_blind_to_the_way_and_awake_to_the_mail() -> None:
    mail = HEAD + "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\nhi\r\n"
    same = [
        mail.replace("\r\n", "\n"),
        mail.replace("\r\n", "\r"),
        mail + "\r\n",
        "Received: from a by b\r\n\tfor c\r\nReturn-Path: <>\r\nX-Spam-Score: 1\r\nARC-Seal: x\r\n" + mail,
        mail.replace("Subject: Printer", "Subject:\r\n Printer"),
    ]
    others = [
        mail.replace("Printer", "Drucker"),
        mail.replace("bob@", "ann@"),
        mail.replace("2024", "2025"),
        mail.replace("hi", "ho"),
        mail.replace("<1@", "<2@"),
        mail.replace("hi", "h\r\ni"),
    ]

    assert {read(other).fingerprint for other in same} == {read(mail).fingerprint}
    assert len({read(other).fingerprint for other in [mail, *others]}) == len(others) + 1


def test_the_html_beside_a_plain_text_may_tell_what_is_old_in_it() -> None:
    """In a language that no rule knows the plain text alone does not."""
    old = "Zhk Ann, 2 ktr 2023\n" + "The printer is on fire, and nobody has come to look at it. " * 5
    page = f"<p>It works <b>now</b>.</p><p>Bob</p><div id=divRplyFwdMsg>{old}</div>"
    mail = read(multipart(plain(f"It works now.\r\n\r\nBob\r\n\r\n{old}"), html(page), kind="alternative"))
    other = read(multipart(plain(f"It works.\r\n\r\nBob\r\n\r\n{old}"), html(page), kind="alternative"))

    assert mail.new_text == "It works now.\n\nBob"
    assert mail.quoted_text.startswith("Zhk Ann")
    assert other.quoted_text == ""


def test_a_plain_text_that_only_says_that_there_is_another_part_gives_way_to_it() -> None:
    stub = plain("Your program cannot show this mail.")
    long = "The printer has been burning since this morning. " * 20

    assert read(multipart(stub, html(f"<p>{long}"), kind="alternative")).text == long.strip()
    assert read(multipart(plain("It burns."), html("<p>It burns."), kind="alternative")).text == "It burns."


def test_the_words_of_an_attached_mail_are_quoted_and_its_named_files_are_told() -> None:
    file = "Content-Type: text/x-log\r\nContent-Disposition: attachment; filename=a.log\r\n\r\nlog\r\n"
    inner = f"From: ann@customer.example\r\nSubject: =?utf-8?q?Dr=C3=BCcker?=\r\n{multipart(plain('Fire!'), file).split(HEAD)[1]}"
    inner = inner.replace("boundary=b", "boundary=c").replace("--b", "--c")
    mail = read(multipart(plain("see below"), f"Content-Type: message/rfc822\r\n\r\n{inner}"))

    assert mail.new_text == "see below"
    assert mail.quoted_text == "From: ann@customer.example\nSubject: Drücker\n\nFire!"
    assert [file.name for file in mail.attachments] == ["part-2.eml", "a.log"]


def test_the_mail_that_a_report_brings_back_is_not_quoted() -> None:
    report = multipart(plain("failed"), f"Content-Type: message/rfc822\r\n\r\n{FORWARDED}", kind="report")

    assert read(report).quoted_text == ""


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("base64", "SGVsbG8=\r\n", "Hello"),
        ("base64", "SGVsbG8", "Hello"),
        ("base64", "SGVsbG8gdGhlcmU", "Hello there"),
        ("base64", "SGVsbG8=\r\n____________\r\nusers@lists.example\r\n", "Hello\n____________\nusers@lists.example"),
        ("base64", "Hello there,\r\nit was never encoded.", "Hello there,\nit was never encoded."),
        ("base64", "SGV%sbG8=", "Hello"),
        ("BASE64 (mine)", "SGVsbG8=", "Hello"),
        ("quoted-printable;", "H=C3=A4llo", "Hällo"),
        ("quoted-printable", "H=C3=ZZllo=", "HÃ=ZZllo"),
        ("8-bit", "Hällo", "Hällo"),
        ("x-uuencode", "begin 644 x\r\n%2&5L;&\\\r\n`\r\nend\r\n", "Hello"),
        ("base64", "SGVsbG8=\r\nIHRoZXJl\r\n", "Hello there"),
        ("base64", "SGVsbG8gdGhlcmUh\r\n____\r\nthe list\r\n", "Hello there!\n____\nthe list"),
        ("base64", "Hello world, never encoded", "Hello world, never encoded"),
        ("quoted-printable", "Hello= \r\n there", "Hello there"),
    ],
)
def test_transfer_encodings_are_read_as_they_are_written(encoding: str, body: str, text: str) -> None:
    """MT-05."""
    head = f"{HEAD}Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"

    assert read(head + body).text == text


def test_a_file_uuencoded_in_the_text_is_an_attachment() -> None:
    block = "begin 644 ../a log.txt\r\n%2&5L;&\\\r\n`\r\nend\r\n"
    mail = read(f"{HEAD}\r\nSee the log.\r\n\r\n{block}\r\nBob\r\n")

    assert mail.text == "See the log.\n\n\nBob"
    assert [(file.name, file.data) for file in mail.attachments] == [("a log.txt", b"Hello")]
    assert read(f"{HEAD}\r\nbegin 644 now\r\nand\r\nend\r\n").attachments == ()


def test_text_without_a_charset_is_in_the_one_that_the_header_names() -> None:
    subject = "Subject: =?koi8-r?b?8NLJ18XU?=\r\n"

    assert read(subject.encode() + b"\r\n" + "Привет".encode("koi8-r")).text == "Привет"
    body = b"Content-Type: text/plain; charset=koi8-r\r\n\r\nx"
    assert read(b"Subject: " + "Привет".encode("koi8-r") + b"\r\n" + body).subject == "Привет"


def test_a_name_of_the_sender_may_be_raw_or_too_long_for_one_word() -> None:
    long = "=?utf-8?q?" + "=C3=A4" * 40 + "?="

    assert (read(f"From: {long} <bob@customer.example>\r\n\r\n").sender_name) == "ä" * 40
    assert read("From: Büb <bob@customer.example>\r\n\r\n".encode("latin-1")).sender_name == "Büb"
    assert read('From: "Bob \\"B\\" Builder" <bob@customer.example>\r\n\r\n').sender_name == 'Bob "B" Builder'


def test_a_byte_order_mark_before_the_header_is_no_part_of_it() -> None:
    assert read("\ufeff" + HEAD + "\r\nhi").sender == "bob@customer.example"


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        ("application/ms-tnef; name=winmail.dat", "winmail.dat"),
        ("text/calendar; method=REQUEST", "part-2.ics"),
        ("message/partial; id=x; number=1; total=2", "part-2.bin"),
        ("message/external-body; access-type=local-file; name=passwd", "passwd"),
        ("application/pkcs7-signature; name=smime.p7s", "smime.p7s"),
        ("text/x-amp-html", "part-2.bin"),
    ],
)
def test_what_is_no_text_is_kept_as_it_came(content_type: str, name: str) -> None:
    """MT-10, MT-11."""
    mail = read(multipart(plain("Hello"), f"Content-Type: {content_type}\r\n\r\nSubject: x\r\n\r\n/close\r\n"))

    assert mail.text == "Hello"
    assert [file.name for file in mail.attachments] == [name]


def test_the_only_text_is_the_body_though_it_has_a_name() -> None:
    named = read(multipart("Content-Type: text/plain; name=body.txt\r\n\r\nHello"))
    inline = read(multipart("Content-Type: text/plain; name=a.txt\r\nContent-Disposition: inline\r\n\r\nHello"))
    file = read(multipart("Content-Type: text/plain; name=a.txt\r\nContent-Disposition: attachment\r\n\r\nHello"))

    assert (named.text, len(named.attachments)) == ("Hello", 0)
    assert (inline.text, len(inline.attachments)) == ("Hello", 1)
    assert (file.text, len(file.attachments)) == ("", 1)


def test_a_signature_does_not_reach_into_the_next_part() -> None:
    mail = read(multipart(plain("one\r\n\r\n-- \r\nBob\r\n"), html("<p>two</p>")))

    assert (mail.new_text, mail.quoted_text) == ("one\n\ntwo", "-- \nBob")


def test_an_attached_mail_that_was_encoded_is_a_file_only() -> None:
    part = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogYQoKYg=="

    assert read(multipart(plain("see below"), part)).quoted_text == ""


@pytest.mark.parametrize(
    "field",
    [
        "text/plain, charset=koi8-r",
        "text/plain charset=koi8-r",
        "text/plain; charset=koi8-r (Cyrillic)",
        "text/ascii; charset=koi8-r",
    ],
)
def test_a_type_is_read_though_its_field_is_odd(field: str) -> None:
    """MT-06."""
    assert read(f"Content-Type: {field}\r\n\r\n".encode() + "Огонь".encode("koi8-r")).text == "Огонь"


def test_a_multipart_is_read_with_the_boundary_that_stands_in_it() -> None:
    """MT-03."""
    file = "Content-Type: image/png; name=a.png\r\n\r\nx"
    mail = read(multipart(plain("hello"), file).replace("; boundary=b", ""))

    assert (mail.text, [part.name for part in mail.attachments]) == ("hello", ["a.png"])
    assert "no boundary in multipart" in mail.defects


def test_all_that_was_written_is_text_whatever_it_is_called() -> None:
    attached = "Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nHello"

    assert (read(attached).text, read(attached).attachments) == ("Hello", ())
    assert [file.name for file in read("Content-Type: text/calendar\r\n\r\nBEGIN:x").attachments] == ["part-1.ics"]


def test_a_file_yencoded_in_the_text_is_an_attachment() -> None:
    packed = bytes((byte + 42) % 256 for byte in b"Hello")
    block = b"=ybegin line=128 size=5 name=a log.txt\r\n" + packed + b"\r\n=yend size=5\r\n"
    mail = read(f"{HEAD}\r\nSee the log.\r\n\r\n".encode() + block + b"\r\nBob\r\n")

    assert mail.text == "See the log.\n\n\nBob"
    assert [(file.name, file.data) for file in mail.attachments] == [("a log.txt", b"Hello")]
    assert read(f"{HEAD}\r\n=ybegin size=1 name=x\r\nno end".encode()).attachments == ()
    page = f"{HEAD}Content-Type: text/html\r\n\r\n".encode()
    assert "=yend" in read(page + block).text


def test_a_mail_beside_encrypted_text_is_encrypted_and_one_that_quotes_it_is_not() -> None:
    message = "-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n-----END PGP MESSAGE-----\r\n"

    assert read(f"{HEAD}\r\nSee below.\r\n\r\n{message}").encrypted
    assert not read(f"{HEAD}\r\nI can't read\r\n> {message}").encrypted


def test_a_text_that_names_another_part_gives_way_only_to_other_words() -> None:
    stub = plain("This mail program cannot show HTML.")

    assert read(multipart(stub, html("<p>It burns."), kind="alternative")).text == "It burns."
    same = plain("The HTML export burns.")
    assert (
        read(multipart(same, html("<p>The <b>HTML</b> export burns."), kind="alternative")).text
        == "The HTML export burns."
    )
