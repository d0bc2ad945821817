"""Reading never raises, never loses a line, and knows a mail again (TESTPLAN SI-20, MT-14; SECURITY P1)."""

import json
import random
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.domain.post import ParsedMail
from gateway.domain.rulebook import read_mail_rules
from gateway.domain.toml_lines import Page
from gateway.mail.html import html_to_text
from gateway.mail.parse import read_mail
from gateway.mail.sender import single_sender, stored_form
from gateway.mail.text import split_text
from tests.fuzz.mails import broken_mail, whole_mail

RULES = read_mail_rules(Page("mail.toml", (Path(__file__).parents[2] / "rules" / "mail.toml").read_text()))

PIECES = st.sampled_from(
    [
        *("From: ", "To: ", "Subject: ", "Message-ID: ", "Content-Type: ", "Content-Disposition: ", "Received: "),
        *("Content-Transfer-Encoding: ", "References: ", "Final-Recipient: ", "Content-ID: ", "Date: "),
        *("multipart/mixed; boundary=b", "multipart/alternative; boundary=b", "multipart/report; boundary=c"),
        *("text/plain", "text/html", "message/rfc822", "message/delivery-status", "message/partial", "image/png"),
        *("; charset=utf-16", "; charset=punycode", "; name=a", "; filename*0*=utf-8''%c3", "; filename*1*=%bc", ";"),
        *(
            "; format=flowed",
            "attachment",
            "inline",
            "base64",
            "quoted-printable",
            "x-uuencode",
            "bob@x.example",
            "<",
            ">",
        ),
        *("=?utf-8?q?=C3?=", "=?utf-8?b?w4Q?=", '"', "(", ")", "@", ",", ":", "\\", "=", "é", "\udce4", "\x00"),
        *("\r\n", "\r\n", "\r\n\r\n", "\n", "\r", "\r\n ", "\t", "--b\r\n", "--b--\r\n", "--c\r\n", "begin 644 x\n"),
    ]
)
MAILS = st.lists(PIECES, max_size=60).map(lambda pieces: "".join(pieces).encode("utf-8", "surrogateescape"))
LINES = st.sampled_from(
    [
        *("", "Hello", "> quoted", ">>", ">:", "-- ", "--", "-----Original Message-----", "_" * 32, "x@y.example"),
        *("On 2 Oct 2023 Ann <ann@x.example> wrote:", "On 2 Oct 2023 Ann", "<ann@x.example> wrote:", "wrote:", ":"),
        *("From: a", "Sent: b", "To: c", "*Subject:* d", "Sent from my phone", "Am 2.10.23 schrieb Ann", "\u3000"),
        *(
            "Original message",
            "---",
            "| so",
            "Ann> so",
            ">From x",
            "-----BEGIN PGP SIGNED MESSAGE-----",
            "Hash: SHA256",
        ),
        *("-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----", "---- x ----", "ab: 17:43", "\uff1e"),
        "This is confidential and privileged; if you have received it in error, all disclosure is prohibited, we said.",
    ]
)
TEXTS = st.lists(LINES | st.text(max_size=20), max_size=40).map("\n".join)


@settings(deadline=None)
@given(st.binary(max_size=300) | MAILS)
@example(b"")
@example(b"Content-Type: \x00/x\r\n\r\n")
def test_reading_never_raises_and_its_answer_can_be_stored(data: bytes) -> None:
    mail = read_mail(data, RULES)

    if isinstance(mail, ParsedMail):
        strings = [mail.sender_shown, mail.sender_name, mail.subject, mail.text, mail.new_text, mail.quoted_text]
        strings += [*mail.to, *mail.cc, *mail.references, *mail.defects, mail.content_type, mail.message_id or ""]
        strings += [word for pair in mail.headers for word in pair]
        strings += [word for file in mail.attachments for word in (file.name, file.content_type)]
        strings += [str(mail.report)]
        together = json.dumps(strings, ensure_ascii=False)
        assert together.encode() == together.encode("utf-8", "surrogatepass")
        assert "\0" not in "".join(strings)
        assert (mail.sender is None) == (mail.sender_defect is not None)


@settings(deadline=None)
@given(MAILS)
def test_the_same_bytes_give_the_same_answer(data: bytes) -> None:
    assert read_mail(data, RULES) == read_mail(data, RULES)


@settings(deadline=None)
@given(st.integers(min_value=0))
def test_no_text_of_a_mail_is_lost(seed: int) -> None:
    """Whatever the parts, charsets and encodings: each word is in the text, the quoted text or a file."""
    made = whole_mail(random.Random(seed))
    mail = read_mail(made.data, RULES)

    assert isinstance(mail, ParsedMail)
    shown = f"{mail.text} {mail.quoted_text} " + " ".join(file.data.decode("latin-1") for file in mail.attachments)
    assert [word for word in made.words if word not in shown] == []


@settings(deadline=None)
@given(st.integers(min_value=0))
def test_a_broken_mail_is_read_without_a_fault_of_ours(seed: int) -> None:
    mail = read_mail(broken_mail(random.Random(seed)), RULES)

    assert isinstance(mail, ParsedMail) or not mail.reason.startswith("the mail could not be parsed")


@settings(deadline=None)
@given(TEXTS)
@example("> quoted\n\u3000")
def test_no_line_is_lost_between_new_and_quoted_text(text: str) -> None:
    new, quoted = split_text(text, RULES.text)

    def words(part: str) -> list[str]:
        return sorted(line for line in part.split("\n") if line.strip())

    assert words(text) == words(f"{new}\n{quoted}")
    assert bool(new.strip()) == bool(text.strip())


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["bob", "@", "x.example", "<", ">", "(", ")", '"', ",", ":", ";", ".", "[", "\\", " "]),
        max_size=12,
    )
)
def test_a_sender_is_an_address_that_stands_in_the_field(pieces: list[str]) -> None:
    """SI-20: whatever mail-parser might say, only an address in the field itself can be the sender."""
    field = "".join(pieces)
    address, defect = single_sender([field], [("", "bob@x.example")])

    assert (address is None) != (defect is None)
    if address is not None:
        assert address in field.replace('"', "")
        assert address == stored_form(address)
        assert field.count("@") == 1 or '"' in field


@settings(deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=40),
    st.sampled_from(["\r\n", "\n", "\r"]),
    st.lists(st.sampled_from(["Received: by x", "Return-Path: <a@b.example>", "X-Spam-Flag: NO", "ARC-Seal: i=1"])),
)
def test_the_fingerprint_is_blind_to_trace_and_line_ends_and_awake_to_words(
    words: str, line_end: str, trace: list[str]
) -> None:
    def fingerprint(subject: str, *above: str, end: str = "\r\n") -> str:
        mail = read_mail(end.join([*above, "From: bob@x.example", f"Subject: {subject}", "", words]).encode(), RULES)
        assert isinstance(mail, ParsedMail)
        return mail.fingerprint

    assert fingerprint("a") == fingerprint("a", *trace, end=line_end)
    assert fingerprint("a") != fingerprint("b", *trace, end=line_end)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<div>",
                "<blockquote>",
                "</blockquote>",
                "<pre>",
                "<a href=https://x>",
                "</a>",
                "<br>",
                "<hr>",
                "<li>",
                "<td style='display:none'>",
                "<table>",
                "<div id=Signature>",
                "<hr id=zwchr>",
                "<div class=protonmail_quote>",
                "<div style='border-top:solid #e1e1e1 1.0pt;padding:3.0pt 0cm'>a:b:",
                "a",
                " ",
                "\n",
                "<!--",
                "&nbsp;",
                "<",
            ]
        )
        | st.text(max_size=5)
    )
)
def test_any_html_becomes_text(pieces: list[str]) -> None:
    page = "".join(pieces)

    assert isinstance(html_to_text(page), str)
    assert isinstance(html_to_text(page, RULES.text), str)
