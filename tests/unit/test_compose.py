"""Composed mail: its header set is ours alone, it threads, it repeats byte for byte, and any program can read it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.actions import Stamp
from gateway.domain.mail_rules import AutomaticRules, MailRules, TextRules
from gateway.domain.model import Attachment, CaseNumber, ContactId, NoticeKind
from gateway.domain.policy import Policy, PostRules, Vendor, Workflow
from gateway.domain.words import ApprovalWords, CaseWords, Notice, RegistrationWords, StrangerWords
from gateway.mail.answer_links import with_answer
from gateway.mail.compose import Composed, compose
from gateway.mail.samples import samples
from gateway.mail.templates import Templates
from gateway.mail.token import Tokens, subject_tokens
from gateway.resources import data_dir

POST = PostRules(service_address="service@vendor.example", registration_address="service+register@vendor.example")
TOKENS = Tokens(POST, b"a secret that only the tests know")
TOKEN = TOKENS.mint(1042)
STAMP = Stamp(at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC), nonce=bytes(range(16)))
TEMPLATES = Templates.load(data_dir("templates"))
POLICY = Policy(
    workflow=Workflow(set="none", initial="open", opens="question", statuses=(), transitions=(), types=()),
    mail=MailRules(
        automatic=AutomaticRules(strong=(), weak=(), senders=(), absence=()),
        text=TextRules(wrote=(), labels=(), dividers=(), taglines=()),
    ),
    notices=(),
    vendor=Vendor(name="Acme Support"),
    post=POST,
)
WORDS = CaseWords(
    number=1042,
    token=TOKEN,
    subject="Staging is slow",
    type_label="Question",
    status_label="Open",
    account="ACME-1",
    account_name="Acme Europe",
    reporter="Ann Example",
    assignee=None,
    recipient="Ann Example",
    author="Mira Agent",
    signature="Mira Agent",
    text="It is mended.",
)
REPLY = Notice(
    kind=NoticeKind.AGENT_REPLIED,
    template="agent_replied",
    recipient="ann@customer.example",
    lang="en",
    words=WORDS,
    automatic=None,
    case=CaseNumber(1042),
    answers="<second@customer.example>",
    thread=("<first@customer.example>", "<ours@vendor.example>", "<second@customer.example>"),
)
ACKNOWLEDGEMENT = replace(REPLY, kind=NoticeKind.CASE_OPENED, template="case_opened", automatic="auto-replied")
NOTE = replace(REPLY, kind=NoticeKind.NOTE, template="note", automatic="auto-generated", internal=True)
STRANGER = Notice(
    kind=NoticeKind.UNREGISTERED,
    template="unregistered",
    recipient="stranger@elsewhere.example",
    lang="en",
    words=StrangerWords(registration_address="service+register@vendor.example"),
    automatic="auto-replied",
    answers="<hello@elsewhere.example>",
)
HEADERS_OF_A_REPLY = [
    "Content-Type",
    "MIME-Version",
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
]
LETTERS = {
    "emoji": "Hello 👩‍👩‍👧 and 🇩🇪, done ✅",
    "arabic": "مرحبا، تم إصلاح الخادم",
    "chinese": "你好\uff0c服务器已经修好了。",
    "german": "Grüße aus Köln, schöne größere Straße",
    "combining": "e\u0301" * 40,
}


def no_files(sha256: str) -> bytes:
    raise AssertionError(sha256)


def composed(
    notice: Notice,
    *,
    tokens: Tokens = TOKENS,
    rules: Policy = POLICY,
    stamp: Stamp = STAMP,
    key: str = "mail:1/ann@customer.example",
    fetch: Callable[[str], bytes] = no_files,
) -> Composed:
    return compose(notice, tokens, rules, TEMPLATES, stamp, key, fetch)


def read(mail: Composed) -> EmailMessage:
    """As a strict reader sees it, after checks that hold for all our mail."""
    assert mail.data.isascii()
    assert b"\0" not in mail.data
    lines = mail.data.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not [line for line in lines if b"\r" in line or b"\n" in line]
    message = message_from_bytes(mail.data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert [part.defects for part in message.walk()] == [[] for _ in message.walk()]
    return message


def with_words(**changes: str) -> Notice:
    return replace(REPLY, words=replace(WORDS, **changes))  # type: ignore[arg-type]  # only fields of text are given


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_an_agents_reply_has_just_these_headers() -> None:
    """One From, To, Subject; no mark of a machine, for a person wrote it (AL-16)."""
    message = read(composed(REPLY))
    assert HEADERS_OF_A_REPLY == message.keys()
    assert message["From"] == "Acme Support <service@vendor.example>"
    assert message["To"] == "ann@customer.example"
    assert message["Reply-To"] == f"Acme Support <{TOKENS.plus_address(1042)}>"
    assert message["Subject"] == f"Re: {TOKEN} Staging is slow"
    assert message["Date"] == "Mon, 02 Mar 2026 09:30:00 +0000"
    assert message["In-Reply-To"] == "<second@customer.example>"
    assert message["References"] == "<first@customer.example> <ours@vendor.example> <second@customer.example>"


def test_both_forms_stand_in_the_mail_text_first() -> None:
    message = read(composed(REPLY))
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert text_of(message).startswith("It is mended.\n\nMira Agent\n")
    assert ">It is mended.</div>" in text_of(message, "html")


def test_what_the_outbox_is_told_fits_the_mail() -> None:
    mail = composed(REPLY)
    assert re.fullmatch(r"<[a-z2-7]{26}@vendor\.example>", mail.message_id)
    assert mail.message_id == read(mail)["Message-ID"]
    assert re.fullmatch(r"service\+b\.[a-z2-7]{26}@vendor\.example", mail.return_path)
    assert (mail.recipient, mail.kind, mail.case) == ("ann@customer.example", NoticeKind.AGENT_REPLIED, 1042)
    assert mail.remark is None


@pytest.mark.parametrize("notice", [ACKNOWLEDGEMENT, NOTE, STRANGER], ids=lambda notice: notice.kind)
def test_mail_of_a_machine_says_so(notice: Notice) -> None:
    """RFC 3834, and the header that Exchange heeds (AL-16)."""
    message = read(composed(notice))
    assert message["Auto-Submitted"] == notice.automatic
    assert message["X-Auto-Response-Suppress"] == "All"
    assert "Precedence" not in message


def test_the_answer_to_a_stranger_names_no_case_and_bounces_to_nobody() -> None:
    mail = composed(STRANGER)
    message = read(mail)
    assert mail.return_path == ""
    assert mail.case is None
    assert message["Subject"] == "Your mail to Acme Support"
    assert message["Reply-To"] == "Acme Support <service@vendor.example>"
    assert message["In-Reply-To"] == message["References"] == "<hello@elsewhere.example>"


def test_the_answer_to_an_internal_note_has_an_address_of_its_own() -> None:
    assert read(composed(NOTE))["Reply-To"].addresses[0].addr_spec == TOKENS.plus_address(1042, note=True)
    news = replace(NOTE, kind=NoticeKind.CUSTOMER_WROTE, template="customer_wrote_vendor")
    assert read(composed(news))["Reply-To"].addresses[0].addr_spec == TOKENS.plus_address(1042)


def test_without_plus_addresses_all_goes_through_the_service_address() -> None:
    """The token in subject and body is then what names the case."""
    tokens = replace(TOKENS, post=replace(POST, plus_addressing=False))
    mail = composed(REPLY, tokens=tokens)
    message = read(mail)
    assert message["Reply-To"].addresses[0].addr_spec == mail.return_path == "service@vendor.example"
    assert TOKEN in message["Subject"]
    assert TOKEN in text_of(message)


@pytest.mark.parametrize("plus_addressing", [True, False])
def test_what_goes_to_many_says_how_to_leave_in_one_line(plus_addressing: bool) -> None:
    """A header that has no blank is not folded before its first letter: not every program reads on."""
    post = replace(POST, plus_addressing=plus_addressing)
    words = next(samples("announce_release"))
    release = replace(ACKNOWLEDGEMENT, kind=NoticeKind.ANNOUNCEMENT, template="announce_release", words=words)
    mail = composed(
        replace(release, case=None, answers=None, thread=(), automatic="auto-generated", subscriber=ContactId(12)),
        tokens=replace(TOKENS, post=post),
    )
    message = read(mail)

    assert re.search(rb"\r\nList-Unsubscribe: <mailto:service[^ >]+>\r\n", mail.data)
    assert "Re: " not in message["Subject"]
    assert "service@vendor.example" == message["Reply-To"].addresses[0].addr_spec
    assert ("auto-generated", "All", None) == tuple(
        message[name] for name in ("Auto-Submitted", "X-Auto-Response-Suppress", "Precedence")
    )
    assert "[CASE" not in message["Subject"]


# --- The same bytes again --------------------------------------------------------------------------------


def test_the_same_stamp_and_key_give_the_same_bytes() -> None:
    file = Attachment(name="a.png", size=3, sha256="abc", content_type="image/png")
    notice = replace(REPLY, attachments=(file,))
    assert composed(notice, fetch=str.encode) == composed(notice, fetch=str.encode)


def test_another_key_or_stamp_is_another_mail() -> None:
    later = replace(STAMP, nonce=bytes(16))
    mails = [composed(REPLY), composed(REPLY, key="mail:1/bob@customer.example"), composed(REPLY, stamp=later)]
    assert len({mail.message_id for mail in mails}) == 3
    assert len({mail.return_path for mail in mails}) == 3
    assert len({read(mail).get_boundary() for mail in mails}) == 3


# --- Subjects --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("Staging is slow", "Staging is slow"),
        ("Re: Staging is slow", "Staging is slow"),
        ("AW: RE[2]: Fwd: Antw : SV: Staging is slow", "Staging is slow"),
        ("回复\uff1a转发: Staging is slow", "Staging is slow"),
        ("Release: staging", "Release: staging"),
        ("Version: Re: staging", "Version: Re: staging"),
        ("[CASE-7.aaaaaaaa] Staging", "Staging"),
        ("Re: [CASE-7.aaaaaaaa] AW: case - 8 . bbbbbbbb Staging", "Staging"),
        ("CASE-[CASE-7.aaaaaaaa]1.bbbbbbbb Staging", "Staging"),
        ("case-1.overviewing", "case-1.overviewing"),
        ("", ""),
        ("Re: ", ""),
        ("two\r\nlines\tand \x1b[2J", "two lines and [2J"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_the_subject_is_the_cases_own_behind_one_token(subject: str, shown: str) -> None:
    """So that all mail of a case has one subject, and the first token in it is the right one."""
    message = read(composed(with_words(subject=subject)))
    assert message["Subject"] == f"Re: {TOKEN} {shown}".rstrip()
    assert [clue.number for clue in subject_tokens(message["Subject"], TOKENS) if clue.valid] == [1042]


def test_what_answers_nothing_is_no_re() -> None:
    assert read(composed(replace(REPLY, answers=None, thread=())))["Subject"] == f"{TOKEN} Staging is slow"


@pytest.mark.parametrize("text", LETTERS.values(), ids=LETTERS.keys())
def test_all_letters_arrive(text: str) -> None:
    """In subject, names, text and file name; the token stays readable to the eye."""
    file = Attachment(name=f"{text[:20]}.png", size=3, sha256="abc", content_type="image/png")
    notice = replace(with_words(subject=text, text=text, signature=text), attachments=(file,))
    mail = composed(notice, rules=replace(POLICY, vendor=Vendor(name=text)), fetch=str.encode)
    message = read(mail)
    assert message["Subject"] == f"Re: {TOKEN} {text}"
    assert f"Subject: Re: {TOKEN} ".encode() in mail.data
    sender = str(make_header(decode_header(message_from_bytes(mail.data)["From"])))
    assert sender.replace('"', "") == f"{text} <service@vendor.example>"
    assert text_of(message).startswith(f"{text}\n\n{text}\n")
    assert f">{text}</div>" in text_of(message, "html")
    assert [part.get_filename() for part in message.iter_attachments()] == [f"{text[:20]}.png"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("It is mended.", "quoted-printable"), (LETTERS["german"], "quoted-printable"), ("你好" * 500, "base64")],
)
def test_text_stays_readable_where_it_can(text: str, encoding: str) -> None:
    part = read(composed(with_words(text=text))).get_body(("plain",))
    assert part is not None
    assert part["Content-Transfer-Encoding"] == encoding


# --- Injection -------------------------------------------------------------------------------------------

BREAKS = ["\r\n", "\n", "\r", "\r\n ", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\0", "\r\n\r\n"]


@pytest.mark.parametrize("line_break", BREAKS, ids=ascii)
def test_no_name_opens_a_header(line_break: str) -> None:
    """IJ-07: the header set is exactly as expected, and so is the recipient."""
    evil = f"Ann{line_break}Bcc: mallory@evil.example"
    file = Attachment(name=evil, size=3, sha256="abc", content_type=f"text/x{line_break}Bcc: mallory@evil.example")
    words = replace(WORDS, subject=evil, author=evil, recipient=evil, account_name=evil, others=(evil,))
    notice = replace(REPLY, words=words, answers=f"<a{line_break}b@c>", thread=(f"<a@b>{line_break}Bcc: x@y",))
    message = read(
        composed(
            replace(notice, attachments=(file,)), rules=replace(POLICY, vendor=Vendor(name=evil)), fetch=str.encode
        )
    )
    assert HEADERS_OF_A_REPLY[:-2] == message.keys()
    assert message["To"].addresses[0].addr_spec == "ann@customer.example"
    assert message["Subject"] == f"Re: {TOKEN} Ann Bcc: mallory@evil.example"
    for part in list(message.walk())[1:]:
        assert {key.lower() for key in part.keys()} <= {  # noqa: SIM118 - iterating a message gives no keys
            "content-type",
            "content-transfer-encoding",
            "content-disposition",
        }


def test_an_encoded_word_in_a_subject_stays_what_was_typed() -> None:
    typed = "=?utf-8?q?Bcc=3A_x?= and =?us-ascii?q?=0D=0ABcc:_x?="
    assert read(composed(with_words(subject=typed)))["Subject"] == f"Re: {TOKEN} {typed}"


@pytest.mark.parametrize("name", ['Acme "the best" \\ Support', "Acme, Inc. <evil@evil.example>", "a" * 500, ""])
def test_any_vendor_name_is_one_mailbox(name: str) -> None:
    message = read(composed(REPLY, rules=replace(POLICY, vendor=Vendor(name=name))))
    assert [address.addr_spec for address in message["From"].addresses] == ["service@vendor.example"]
    assert message["From"].addresses[0].display_name == name[:200]


@pytest.mark.parametrize(
    "recipient",
    [
        "ann@customer.example\r\nBcc: mallory@evil.example",
        "ann@customer.example, mallory@evil.example",
        "ann@customer.example\n",
        "Ann <ann@customer.example>",
        "ann@customer.example ",
        "jörg@customer.example",
        "ann",
        "@",
        "",
        f"{'a' * 400}@customer.example",
    ],
)
def test_a_recipient_that_is_no_plain_address_is_refused(recipient: str) -> None:
    with pytest.raises(ValueError, match="no address that a header can hold"):
        composed(replace(REPLY, recipient=recipient))


@pytest.mark.parametrize(
    "recipient", ['"a b"@customer.example', "a.b+c@[192.0.2.1]", "o'neil/x=y@sub.customer.example"]
)
def test_unusual_addresses_are_written_as_they_are(recipient: str) -> None:
    assert f"\r\nTo: {recipient}\r\n".encode() in composed(replace(REPLY, recipient=recipient)).data


@settings(deadline=None, max_examples=60)
@given(subject=st.text(max_size=300), text=st.text(max_size=2000), name=st.text(max_size=120))
def test_whatever_people_write_the_mail_is_sound(subject: str, text: str, name: str) -> None:
    """Headers are the expected ones, lines are short, and the text arrives."""
    file = Attachment(name=name, size=3, sha256="abc", content_type=name)
    notice = replace(with_words(subject=subject, text=text, author=name, signature=name), attachments=(file,))
    message = read(composed(notice, rules=replace(POLICY, vendor=Vendor(name=name)), fetch=str.encode))
    assert HEADERS_OF_A_REPLY == message.keys()
    assert subject_tokens(message["Subject"], TOKENS)[0].number == 1042
    assert len(list(message.iter_attachments())) == 1


# --- Threading -------------------------------------------------------------------------------------------


def references(thread: Sequence[str], answers: str | None = None) -> list[str]:
    return str(read(composed(replace(REPLY, thread=tuple(thread), answers=answers)))["References"]).split()


def test_references_of_a_long_case_are_trimmed() -> None:
    """TT-10: the first, the newest of ours, and the newest of all; whole ids, in their order."""
    ids = [f"<{number}.{'x' * 150}@customer.example>" for number in range(5000)]
    ours = composed(REPLY).message_id
    trimmed = references([*ids[:4000], ours, *ids[4000:]], answers=ids[-1])
    assert [ids[0], ours, *ids[-18:]] == trimmed


def test_ours_is_not_named_twice() -> None:
    ids = [f"<{number}@customer.example>" for number in range(50)]
    ours = composed(REPLY).message_id
    assert [ids[0], *ids[-17:], ours] == references([*ids, ours])


def test_what_we_answer_is_the_last_reference() -> None:
    assert references(["<a@x>", "<b@x>", "<c@x>", "<a@x>"], answers="<b@x>") == ["<a@x>", "<c@x>", "<b@x>"]


@pytest.mark.parametrize("odd", ["a@x", "<a b@x>", "<a@x> <b@x>", "<ax>", "<a@x", "<é@x>", f"<{'a' * 900}@x>", ""])
def test_ids_that_are_no_message_ids_are_left_out(odd: str) -> None:
    message = read(composed(replace(REPLY, thread=(odd, "<good@x>"), answers=odd)))
    assert message["References"] == "<good@x>"
    assert "In-Reply-To" not in message


def test_no_ids_no_headers() -> None:
    message = read(composed(replace(REPLY, thread=(), answers=None)))
    assert "References" not in message
    assert "In-Reply-To" not in message


# --- Files -----------------------------------------------------------------------------------------------


def test_files_stand_beside_the_text() -> None:
    files = (
        Attachment(name="before.png", size=300, sha256="abc", content_type="image/png"),
        Attachment(name="mail.eml", size=3, sha256="def", content_type="message/rfc822"),
    )
    content = {"abc": bytes(range(256)), "def": b"Subject: x\n\nx"}
    message = read(composed(replace(REPLY, attachments=files), fetch=content.__getitem__))
    assert message.get_content_type() == "multipart/mixed"
    assert text_of(message).startswith("It is mended.")
    assert [
        (part.get_filename(), part.get_content_type(), part.get_content()) for part in message.iter_attachments()
    ] == [
        ("before.png", "image/png", bytes(range(256))),
        ("mail.eml", "application/octet-stream", b"Subject: x\n\nx"),  # base64 is not allowed in message/rfc822
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("C:\\boot.ini", "C:_boot.ini"),
        ("invoice\u202egpj.exe", "invoice_gpj.exe"),
        ('say "hi".txt', 'say "hi".txt'),
        ("a\r\nb.txt", "a b.txt"),
        ("", "file"),
        (f"{'ö' * 300}.pdf", f"{'ö' * 98}.pdf"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_file_name_is_text_only(name: str, shown: str) -> None:
    file = Attachment(name=name, size=3, sha256="abc", content_type="application/pdf")
    message = read(composed(replace(REPLY, attachments=(file,)), fetch=str.encode))
    assert [part.get_filename() for part in message.iter_attachments()] == [shown]


# --- Sizes and faults ------------------------------------------------------------------------------------


def test_ten_megabytes_of_text_make_a_mail_of_bounded_size() -> None:
    """The note says that there is more."""
    mail = composed(with_words(text="lörem ipsum\n" * 900_000))
    assert len(mail.data) < 4_000_000
    assert "[The text is too long for one mail and ends here." in text_of(read(mail))


def test_one_endless_line_is_folded_on_the_wire_only() -> None:
    line = "a" * 100_000
    assert text_of(read(composed(with_words(text=line)))).startswith(f"{line}\n")


@pytest.mark.parametrize("lang", ["en", "de"])
def test_a_question_is_answered_by_its_reply_or_by_its_buttons(lang: str) -> None:
    """In the reader's language; the one-time address is in the links, and the reply goes there by itself."""
    words = ApprovalWords(kind="order", event="asked", recipient="Ann", account_name="Müller", request="update to 8.1")
    ask = replace(REPLY, kind=NoticeKind.APPROVAL, template="approval", lang=lang, words=words, case=None, approval=1)
    mail = composed(ask)
    found = read(mail)
    assert mail.answer_token is not None
    answer = TOKENS.answer_address(mail.answer_token)
    assert answer == parseaddr(str(found["Reply-To"]))[1]
    assert {"en": "Müller orders: update to 8.1", "de": "Auftrag von Müller: update to 8.1"}[lang] == found["Subject"]
    html = found.get_body(("html",)).get_content()  # type: ignore[union-attr]  # there is one
    links = [urlsplit(unescape(link)) for link in re.findall(r'href="(mailto:[^"]+)"', html)]
    assert [answer, answer] == [unquote(link.path) for link in links]
    assert ["/approve\r\n", "/reject\r\n"] == [parse_qs(link.query)["body"][0] for link in links]


@pytest.mark.parametrize(
    ("event", "inviter", "needs_pin", "lines"),
    [
        ("asked", None, True, None),
        ("asked", "Mira", True, ["PIN: \r\nName: Bob\r\n"]),
        ("asked", "Ann", False, None),
        ("incomplete", None, True, ["PIN: \r\nName: Bob\r\n"]),
    ],
)
def test_the_button_of_a_registration_opens_the_lines_that_it_lacks(
    event: str, inviter: str | None, needs_pin: bool, lines: list[str] | None
) -> None:
    words = RegistrationWords(
        event=event, recipient="Bob", name="Bob", address="bob@customer.example", service_address=POST.service_address,
        registration_address=POST.registration_address, inviter=inviter, needs_pin=needs_pin,
    )  # fmt: skip
    told = with_answer(words, "k7q2mh3xk7q2mh3xk7q2mh3xk7", TOKENS)
    assert isinstance(told, RegistrationWords)
    assert lines == parse_qs(urlsplit(told.answer_link).query).get("body")


def test_a_failing_override_is_remarked_and_the_mail_goes_out(tmp_path: Path) -> None:
    """OF-10: the mail is the shipped one."""
    broken = tmp_path / "en" / "agent_replied.txt.j2"
    broken.parent.mkdir()
    broken.write_text("Subject: x\n\n{{ words.nothing }}\n")
    templates = Templates.load(data_dir("templates"), tmp_path)
    mail = compose(REPLY, TOKENS, POLICY, templates, STAMP, "mail:1/ann@customer.example", no_files)
    assert mail.remark == f"{broken}:3: words has no attribute 'nothing'"
    assert replace(mail, remark=None) == composed(REPLY)
