"""What views show of mail that asks something: never what answers it (SPEC section 9)."""

import base64

import pytest

from gateway.mail.masking import shown_mail, without_tokens

TOKEN = "abcdefghijklmnopqrstuvwx27"
ADDRESS = f"service+a.{TOKEN}@vendor.example"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (ADDRESS, "service+a.…@vendor.example"),
        (ADDRESS.upper(), "SERVICE+A.…@VENDOR.EXAMPLE"),
        (f"<{ADDRESS}>, {ADDRESS}", "<service+a.…@vendor.example>, service+a.…@vendor.example"),
        (f"mailto:{ADDRESS}?subject=OK", "mailto:service+a.…@vendor.example?subject=OK"),
        (f"mailto:service%2Ba.{TOKEN}%40vendor.example", "mailto:service%2Ba.…%40vendor.example"),
        (f"service+a.{TOKEN[:9]}=\r\n{TOKEN[9:]}@vendor.example", "service+a.…@vendor.example"),
        (f"service+=\na.{TOKEN}=\n@vendor.example", "service+=\na.…=\n@vendor.example"),
        (
            f"<mailto:service+u.12.{TOKEN[:16]}@vendor.example?subject=x>",
            "<mailto:service+u.12.…@vendor.example?subject=x>",
        ),
        (f"service+u=\r\n.1=\r\n2.{TOKEN[:16]}@vendor.example", "service+u=\r\n.1=\r\n2.…@vendor.example"),
        (f"[CASE.u.12.{TOKEN[:16]}]", "[CASE.u.12.…]"),
        (f"Re: [CASE.{TOKEN}] OK", "Re: [CASE.…] OK"),
        (f"[Ab-9.{TOKEN.upper()}]", "[Ab-9.…]"),
    ],
)
def test_a_one_time_address_is_masked(text: str, shown: str) -> None:
    assert shown == without_tokens(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "service+1042.k7q2mh3x@vendor.example",
        f"service+b.{TOKEN}@vendor.example",
        "[CASE-1042.k7q2mh3x] It is slow",
        "ann+a.b@customer.example",
        f"a.{TOKEN}",
        "[see a.b]",
    ],
)
def test_nothing_else_is(text: str) -> None:
    assert text == without_tokens(text)


def test_a_mail_is_shown_whole_but_for_its_token_whatever_its_encoding() -> None:
    def part(text: str) -> str:
        return base64.encodebytes(text.replace("\n", "\r\n").encode()).decode().replace("\n", "\r\n")

    before = f"返信してください:\n{ADDRESS}\nмы ждём\n"
    mail = "\r\n".join(
        [
            f'Reply-To: "Acme" <{ADDRESS}>',
            'Content-Type: multipart/mixed; boundary="x"',
            "",
            *("--x", 'Content-Type: text/plain; charset="utf-8"', "Content-Transfer-Encoding: base64", ""),
            f"{part(before)}--x",
            *('Content-Type: text/html; charset="utf-8"', "Content-Transfer-Encoding: quoted-printable", ""),
            f'<a href=3D"mailto:{ADDRESS[:20]}=\r\n{ADDRESS[20:]}">Gr=C3=BC=C3=9Fe</a>',
            *("--x", "Content-Type: application/zip", "Content-Transfer-Encoding: base64", ""),
            f"{part('a file')}--x--",
            "",
        ]
    )

    shown = shown_mail(mail.encode())

    assert '"Acme" <service+a.…@vendor.example>' in shown
    assert 'mailto:service+a.…@vendor.example">Gr=C3=BC' in shown
    assert TOKEN not in shown.replace("=\r\n", "")
    after = base64.encodebytes(before.replace("\n", "\r\n").replace(TOKEN, "…").encode()).decode()
    assert after in shown
    assert part("a file") in shown
    assert base64.b64encode(ADDRESS.encode())[:20].decode() not in shown
