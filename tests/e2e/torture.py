"""The mails of TESTPLAN group F, each with what must become of it; sent by `test_mime`."""

import base64
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

UNREADABLE = frozenset({"quarantined"})
ASKED = frozenset({"new_case"})
KEPT = frozenset({"new_case", "quarantined", "held"})
WITH_LINES_OF_OTHERS = frozenset({"imap"})
"""The ways of a mail that no mail server would hand on over SMTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A mail of the plan. `head` are its fields but Message-ID; `words` stand in its text, `files` are its files."""

    id: str
    head: str | None
    body: bytes
    becomes: frozenset[str] = ASKED
    words: str = ""
    files: Sequence[str] | None = None
    ways: frozenset[str] = frozenset({"smtp", "imap"})

    def mail(self, way: str) -> bytes:
        """Its bytes, the same on both ways but for a word, since a copy would be a duplicate."""
        if self.head is None:
            return self.body.replace(b"WAY", way.encode())
        fields = (
            f"From: bob@customer.example\r\nTo: service@vendor.example\r\nMessage-ID: <{self.id}.{way}@x.example>\r\n"
        )
        return f"{fields}Subject: {self.id}\r\n{self.head}".encode("latin-1") + b"\r\n" + self.body


def _typed(kind: str, *more: str) -> str:
    return "".join(f"{field}\r\n" for field in ("MIME-Version: 1.0", f"Content-Type: {kind}", *more))


def _parts(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


def _file(disposition: str, kind: str = "application/octet-stream") -> bytes:
    fields = f"Content-Type: {kind}\r\nContent-Disposition: attachment; {disposition}\r\n"
    return f"{fields}Content-Transfer-Encoding: base64\r\n\r\n".encode() + base64.b64encode(disposition.encode())


MIXED = _typed("multipart/mixed; boundary=b")
HELLO = b"Content-Type: text/plain; charset=utf-8\r\n\r\nHello, it burns."
WORDS = "Hello, it burns."


def _bomb(size: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big.bin", bytes(size))
    return made.getvalue()


def _charset(name: str, data: bytes) -> Row:
    encoded = base64.encodebytes(data).replace(b"\n", b"\r\n")
    head = _typed(f"text/plain; charset={name}", "Content-Transfer-Encoding: base64")
    return Row(id=f"MT-04 {name[:12]}", head=head, body=encoded, words="Hello")


def _encoded(id_: str, encoding: str, body: bytes, words: str = "", files: Sequence[str] | None = None) -> Row:
    head = _typed("text/plain; charset=utf-8", f"Content-Transfer-Encoding: {encoding}")
    return Row(id=f"MT-05 {id_}", head=head, body=body, words=words, files=files)


_NESTED = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(5000)).encode()
_ZIP = base64.encodebytes(_bomb(20_000_000)).replace(b"\n", b"\r\n")
_PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4) * 2 + b"\x08\x02\0\0\0")
_NAMES = (
    *(
        'filename="../../outside.txt"',
        r'filename="..\\..\\outside.txt"',
        'filename="/abs/outside.txt"',
        'filename="C:\\\\x"',
    ),
    *('filename=".."', 'filename=""', f'filename="{"n" * 400}"', 'filename="-rf"', 'filename="dots..."'),
    *(['filename="same.txt"'] * 10),
    *('filename="SAME.txt"', "filename*0=..; filename*1=/..; filename*2=/x"),
)
_SIGNED = b"Content-Type: application/pgp-signature; name=signature.asc\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\nx"
_INVITE = b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR"
_INNER = b"From: ann@customer.example\r\nSubject: inner\r\n\r\n/close\r\n"

ROWS = (
    Row(id="MT-01 multiparts", head="MIME-Version: 1.0\r\n" + _NESTED.decode(), body=b"", becomes=UNREADABLE),
    Row(id="MT-01 mails", head=_typed("message/rfc822"), body=b"Content-Type: message/rfc822\r\n\r\n" * 500, becomes=UNREADABLE),
    Row(id="MT-02 empty", head=MIXED, body=_parts(*[b""] * 100_000), becomes=UNREADABLE),
    Row(id="MT-02 small", head=MIXED, body=_parts(*[_file("filename=a")] * 10_000), becomes=UNREADABLE),
    Row(id="MT-03 no end", head=MIXED, body=_parts(HELLO, _file("filename=a.bin"), end=b""), words=WORDS, files=["a.bin"]),
    Row(id="MT-03 never", head=_typed("multipart/mixed; boundary=other"), body=b"Hello, it burns.\r\n", words=WORDS, files=[]),
    Row(id="MT-03 same", head=MIXED, body=_parts(b"Content-Type: multipart/mixed; boundary=b\r\n", HELLO), words=WORDS, files=[]),
    Row(id="MT-03 two", head=_typed("multipart/mixed; boundary=b; boundary=c"), body=_parts(HELLO), words=WORDS, files=[]),
    Row(id="MT-03 around", head=MIXED, body=b"before\r\n" + _parts(HELLO) + b"after\r\n", words=WORDS, files=[]),
    *(_charset(name, b"Hello \xe4") for name in ("undefined", "base64", "hex", "x-unknown", "x" * 5000, "utf-8")),
    _charset("utf-16", "Hello".encode("utf-16-le")),
    _charset("utf-7", b"Hello +AOQ-"),
    _encoded("junk", "base64", b"SGVs!bG8s\r\nIGl0*IGJ1cm5zLg==\r\n", WORDS),
    _encoded("padding", "base64", b"SGVsbG8sIGl0IGJ1cm5zLg\r\n", WORDS),
    _encoded("equals", "base64", b"=" * 3000 + b"\r\n"),
    _encoded("quoted", "quoted-printable", b"Hello,=ZZ it=20burns.=\r\n", "Hello,=ZZ it burns."),
    _encoded("uu", "7bit", b"Hello\r\n\r\nbegin 644 a.txt\r\n%2&5L;&\\\r\n`\r\nend\r\n", "Hello", ["a.txt"]),
    Row(id="MT-06 types", head=_typed("text/plain", "Content-Type: text/html"), body=b"<b>Hello</b>\r\n", words="<b>Hello</b>"),
    Row(
        id="MT-06 encodings",
        head=_typed("text/plain", "Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: 7bit"),
        body=b"SGVsbG8=\r\n",
        words="Hello",
    ),
    Row(id="MT-06 quote", head=_typed('text/plain; charset="koi8-r'), body="Огонь\r\n".encode("koi8-r"), words="Огонь"),
    Row(id="MT-07", head=MIXED, body=_parts(HELLO, *map(_file, _NAMES)), words=WORDS),
    Row(
        id="MT-08",
        head=MIXED,
        body=_parts(
            HELLO,
            b"Content-Type: application/zip; name=bomb.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + _ZIP,
            b"Content-Type: image/png; name=huge.png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + _PNG,
        ),
        words=WORDS,
        files=["bomb.zip", "huge.png"],
    ),
    Row(id="MT-09 lines", head="X: y\r\n" * 100_000, body=b"hi\r\n", becomes=UNREADABLE),
    Row(id="MT-09 long", head=f"X: {'y ' * 500_000}\r\n", body=b"hi\r\n", becomes=UNREADABLE, ways=WITH_LINES_OF_OTHERS),
    Row(id="MT-09 endless", head=None, body=b"X: y\r\n" * 50_000, becomes=UNREADABLE, ways=WITH_LINES_OF_OTHERS),
    *(
        Row(id=f"MT-10 {n}/2", head=_typed(f"message/partial; id=a@x; number={n}; total=2"), body=_INNER, files=["part-1.bin"])
        for n in (1, 2)
    ),
    *(
        Row(
            id=f"MT-10 {access}",
            head=MIXED,
            body=_parts(HELLO, f"Content-Type: message/external-body; access-type={access}; name=passwd\r\n\r\n\r\n".encode()),
            words=WORDS,
            files=["passwd"],
        )
        for access in ('local-file; directory="/etc"', 'URL; URL="http://127.0.0.1:9/passwd"')
    ),
    Row(id="MT-11 tnef", head=MIXED, body=_parts(HELLO, _file("filename=winmail.dat", "application/ms-tnef")), files=["winmail.dat"]),
    Row(id="MT-11 calendar", head=_typed("multipart/alternative; boundary=b"), body=_parts(HELLO, _INVITE), words=WORDS, files=["part-2.ics"]),
    Row(id="MT-11 signed", head=_typed("multipart/signed; boundary=b"), body=_parts(HELLO, _SIGNED), words=WORDS, files=["signature.asc"]),
    Row(
        id="MT-11 pgp",
        head=_typed("multipart/encrypted; protocol=application/pgp-encrypted; boundary=b"),
        body=_parts(b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1", _file("filename=encrypted.asc")),
        files=["part-1.pgp", "encrypted.asc"],
    ),
    Row(
        id="MT-11 smime",
        head=_typed("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "Content-Transfer-Encoding: base64"),
        body=b"AAEC\r\n",
        files=["smime.p7m"],
    ),
    Row(id="MT-12 empty", head=None, body=b"", becomes=KEPT, ways=frozenset({"imap"})),
    Row(id="MT-12 header", head="", body=b""),
    Row(id="MT-12 lines", head=None, body=b"\r\n\r\n", becomes=KEPT, ways=frozenset({"smtp"})),
    Row(id="MT-12 body", head=None, body=b"\r\nHello, it burns. WAY\r\n", becomes=KEPT),
    Row(id="MT-12 no blank line", head=None, body=b"From: bob@customer.example\r\nHello, it burns. WAY\r\n", words=WORDS),
    Row(
        id="MT-12 mbox",
        head=None,
        body=b"From bob Mon Jan  1 00:00:00 2024\r\nFrom: bob@customer.example\r\n\r\nHello, it burns. WAY\r\n",
        words=WORDS,
    ),
    Row(
        id="MT-13",
        head=_typed("text/plain; charset=utf-8; format=flowed; delsp=yes"),
        body="火事  \r\nです。\r\n > no quotation\r\n\r\n> old \r\n> words\r\n".encode(),
        words="火事 です。\n  > no quotation",
    ),
    Row(id="MT-15 parameters", head=_typed("text/plain" + "; a=1" * 20_000), body=b"hi\r\n", becomes=UNREADABLE, ways=WITH_LINES_OF_OTHERS),
    Row(id="MT-15 semicolons", head=_typed(";" * 1_000_000), body=b"hi\r\n", becomes=UNREADABLE, ways=WITH_LINES_OF_OTHERS),
)  # fmt: skip
