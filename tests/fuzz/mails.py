"""Makes mails from a random source: whole ones whose every text is known, broken ones, and ones that aim at time.

Used by `make fuzz` and by the property tests. The same seed makes the same mail.
"""

# ruff: noqa: RUF001  # people write in their own scripts

import base64
import quopri
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

INTRODUCTIONS = (
    "On Mon, 2 Oct 2023 at 17:43, Ann <ann@customer.example> wrote:",
    "Am 02.10.2023 um 17:43 schrieb Ann:",
    "2 окт. 2023 г., в 17:43, Ann <ann@customer.example> написал(а):",
    "-----Original Message-----\nFrom: Ann\nSent: Monday\nSubject: Fire",
    "________________________________\nVon: Ann\nGesendet: Montag\nAn: Bob\nBetreff: Feuer",
    "-- ",
    "Sent from my iPhone",
    "Ann wrote:",
    "From: Berlin",
    "begin 644 x",
    ">From here",
)
CHARSETS = ("utf-8", "iso-8859-1", "windows-1251", "iso-2022-jp", "utf-16", "utf-7", "gb2312", "x-unknown", "us-ascii")
PIECES = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"--b0\r\n",
        b"--b0--\r\n",
        b"--b1--\r\n",
        b": ",
        b";",
        b'"',
        b"<",
        b">",
        b"@",
    ),
    *(
        b"Content-Type: text/html\r\n",
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
    ),
    *(b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n", b"charset=utf-16", b"=?utf-8?b?", b"?=", b"=?x?q?=FF?="),
    *(
        b"Content-Type: text/enriched\r\n",
        b"=ybegin line=128 size=1 name=x\n",
        b"=yend size=1\n",
        b"<param>",
        b" \r\nname=",
    ),
    *(b"odd line\r\nSubject: x\r\n", b"\xc4\xe3\xba\xc3", b"\x83v\x83\x8a", b"\xcf\xf0\xe8\xe2\xe5\xf2 "),
    *(b"filename*0*=utf-8''%c3", b"\xff", b"\x00", b"\x1b$B", b"=\r\n", b"=3D", b"<blockquote>", b"</div>", b"<!--"),
    *(b"begin 644 x\n", b"end\n", b"From: a@b.example\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b"+AOQ-", b"~{", b"-- \r\n"),
)
REPEATED = (
    *(" ", "\t", "\n", "\r\n", "\u00a0", "\u200e", "On ", "On On wrote:\n", ">", "> ", "> a\n", ">\n> \nx\n", "-- \n"),
    *("On 2.10.2023 17:43 Ann <a@x.example> wrote:\n", "<a@x.example>\n", "wrote:\n", "a\n-- \n", "-----\n", "a: b\n"),
    *(
        "-----Original Message-----\n",
        "From: a@b\n",
        "From: a\nSent: b\n",
        "Sent from my iPhone\n",
        ": ",
        "<a@b",
        "(((",
    ),
    *("----- x -----\nab: 17:43\n", "begin 644 x\nend\n", "=\n", "=3D", "<div>", "<blockquote>", "<p>", "<br>", "<!--"),
    *("<div class=gmail_signature>x</div>", "<div id=Signature>x", "<hr id=zwchr>", "<table><tr><td>", "<li>", "<b"),
    *("<div style='border-top:solid #ffffff 1.0pt;padding:3.0pt 0'>a:b:c", "<blockquote type=cite>a</blockquote>b"),
    *("AB> x\nwrote:\n", "-----BEGIN PGP SIGNATURE-----\n", ">From x\n", "<https://x ", "写道：", "1:11 ", "a\nb\n\n"),
    *("confidential in error prohibited " * 4 + "\n\n", "____________________________\nx@y\n", "&gt;", "=?utf-8?q?"),
)


UNDECLARED = (
    b"",
    b"Content-Type: text/enriched\r\n",
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n",
    b"Content-Type: multipart/mixed\r\n",
)
LOOSE = (
    *(b"\xc4\xe3\xba\xc3", b"\x83v\x83\x8a", b"\xcf\xf0\xe8 ", b"\xcf", b"=ybegin name=x\n="),
    *(b"<param>", b"<<", b"SGVs bG8=\n", b"--b\r\n", b"--b\r\nContent-Type: x\r\n"),
)
REPORTED = (
    *(
        "<a@b.example>: 550 5.1.1 x\n",
        "a@b.example ",
        "a@",
        "@a",
        "rcpt to:<",
        "550 ",
        "5.1.1",
        "5.",
        '"a ',
        "to a@b\n",
    ),
    *("Final-Recipient: rfc822; a@b.example\n\n", "Final-Recipient: ", "rfc822;", "\\x{61}", "<", "Action: failed\n"),
    *("Received: x\n", "--- original message ---\n", "Message-ID: <", "delivered ", "\u00e4@\u00e4.", "\n"),
    *("a@" * 499 + "\n", "<" * 999 + "\n", ",a" * 499 + "\n"),
)
"""What delivery reports are made of."""


@dataclass(slots=True)
class Made:
    """A mail, and a word from each text in it, none of which may be lost."""

    data: bytes
    words: list[str] = field(default_factory=list)


def whole_mail(source: random.Random) -> Made:
    """A mail as programs write it, of some parts, charsets and languages."""
    made = Made(b"")
    name = source.choice(["Bob", "B\u00fcb", "=?utf-8?q?B=C3=BCb?=", '"Bob, Builder"', "Боб"])
    head = f"From: {name} <bob@customer.example>\r\nTo: {name} <service@vendor.example>\r\n"
    head += f"Subject: =?utf-8?q?{source.choice(['a', 'Re:_x', '=C3=84'])}?= \u00e4\r\nMessage-ID: <{source.random()}@x.example>\r\n"
    made.data = head.encode(source.choice(["utf-8", "utf-8", "cp1251"]), "replace") + _part(source, made, 0)
    return made


def _part(source: random.Random, made: Made, depth: int) -> bytes:
    kinds = ["plain"] * 3 + [
        "html",
        "file",
        *(["mixed", "alternative", "related", "mail", "signed"] if depth < 4 else []),
    ]
    kind = source.choice(kinds)
    if kind == "plain":
        return _text(source, made, "plain")
    if kind == "html":
        return _text(source, made, "html")
    if kind == "file":
        word = _word(source, made)
        name = source.choice(["a.bin", "=?utf-8?q?=C3=84?=.bin", "../x", ""])
        fields = f'Content-Type: application/x-y\r\nContent-Disposition: attachment; filename="{name}"\r\n'
        if not name:  # within an attached mail such a file is only told as a part of it
            return f"{fields}\r\na file {word}".encode()
        return f"{fields}Content-Transfer-Encoding: base64\r\n\r\n".encode() + base64.encodebytes(
            f"a file {word}".encode()
        )
    if kind == "mail":
        return b"Content-Type: message/rfc822\r\n\r\nFrom: ann@customer.example\r\n" + _part(source, made, depth + 1)
    boundary = f"b{depth}"
    if kind == "alternative":
        # The same words in both, as programs write them: one of the two is shown.
        mark = len(made.words)
        first = _text(source, made, "plain")
        word = made.words[mark] if len(made.words) > mark else "x"
        parts = [first, f"Content-Type: text/html; charset=utf-8\r\n\r\n<p>{word} and the same again</p>\r\n".encode()]
    else:
        parts = [_part(source, made, depth + 1) for _ in range(source.randint(1, 3))]
    inside = b"".join(f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts)
    end = f"--{boundary}--\r\n".encode() if source.random() < 0.9 else b""
    return f"Content-Type: multipart/{kind}; boundary={boundary}\r\n\r\n".encode() + inside + end


def _text(source: random.Random, made: Made, kind: str) -> bytes:
    lines: list[str] = []
    for _ in range(source.randint(1, 6)):
        style = source.random()
        if style < 0.2:
            lines.append(source.choice(INTRODUCTIONS))
        elif style < 0.4:
            lines.append(f"> quoted {_word(source, made)}")
        elif style < 0.5:
            lines.append("")
        else:
            lines.append(f"some {source.choice(['words', 'Grüße', 'слова', '言葉'])} {_word(source, made)}")
    flowed = kind == "plain" and source.random() < 0.2
    text = ("<br>\r\n" if kind == "html" else "\r\n").join(lines)
    charset = source.choice(CHARSETS)
    try:
        data = text.encode(charset)
    except (LookupError, UnicodeEncodeError):
        data, charset = text.encode(), source.choice([charset, "utf-8"]) if charset != "utf-7" else "utf-8"
    if charset == "utf-16" or source.random() < 0.3:
        encoding, data = "base64", base64.encodebytes(data)
    elif source.random() < 0.3:
        encoding, data = "quoted-printable", quopri.encodestring(data)
    else:
        encoding = "8bit"
    fields = f"Content-Type: text/{kind}; charset={charset}{'; format=flowed' if flowed else ''}\r\n"
    return f"{fields}Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + data


def _word(source: random.Random, made: Made) -> str:
    word = f"zq{source.randrange(10**9):09d}"
    made.words.append(word)
    return word


def broken_mail(source: random.Random) -> bytes:
    """A whole mail with bytes changed, cut, doubled, moved and put in."""
    data = bytearray(whole_mail(source).data)
    for _ in range(source.randint(1, 8)):
        start = source.randrange(len(data) + 1)
        end = min(len(data), start + source.randint(0, 60))
        match source.randrange(5):
            case 0 if start < len(data):
                data[start] = source.randrange(256)
            case 1:
                del data[start:end]
            case 2:
                data[start:start] = source.choice(PIECES) * source.randint(1, 3)
            case 3:
                data[start:start] = data[start:end]
            case _:
                piece = data[start:end]
                del data[start:end]
                place = source.randrange(len(data) + 1)
                data[place:place] = piece
    return bytes(data)


def long_mails(size: int) -> Iterator[tuple[str, bytes]]:
    """What it is, and a mail of about `size` bytes that repeats one thing: time must not grow faster than they do."""
    for kind in ("text/plain", "text/plain; format=flowed", "text/html"):
        for piece in REPEATED:
            body = piece.encode() * (size // len(piece.encode()))
            yield (
                f"{kind} of {piece!r}",
                f"From: a@b.example\r\nContent-Type: {kind}; charset=utf-8\r\n\r\n".encode() + body,
            )
    for typed in UNDECLARED:
        for bits in LOOSE:
            yield f"{typed!r} of {bits!r}", b"From: a@b.example\r\n" + typed + b"\r\n" + bits * (size // len(bits))
    for piece in REPORTED:  # what makes a delivery report be looked at
        body = piece.encode() * (size // len(piece.encode()))
        head = b"From: MAILER-DAEMON@mx.example\r\nSubject: Undeliverable\r\nContent-Type: "
        yield f"a report of {piece!r}", head + b"text/plain\r\n\r\n" + body
        fields = b"multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n"
        yield f"a status part of {piece!r}", head + fields + b"Content-Type: message/delivery-status\r\n\r\n" + body
    for name in ("From", "To", "Subject", "References", "Content-Type", "Content-Disposition", "X-Other"):
        for piece in (
            "=?utf-8?q?",
            "=?utf-8?q?a?= ",
            "=?a?b?YQ?=",
            '"',
            '"\\\\',
            "(a\\\\",
            "a@b; ",
            " . ",
            "a:",
            "(",
            "<",
            "a@b, ",
            ";a=1",
            "?",
            "; filename*1*=x",
        ):
            value = piece * (min(size, 200_000) // len(piece))
            yield f"{name} of {piece!r}", f"{name}: {value}\r\n\r\nx".encode()
