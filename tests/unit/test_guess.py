"""Charsets told by the letters that bytes would make, and western text left alone."""

# ruff: noqa: RUF001  # people write in their own scripts

import pytest

from gateway.mail.guess import guessed

RUSSIAN = "Здравствуйте, у нас не работает принтер."
JAPANESE = "プリンターが動きません。よろしくお願いします。"
WESTERN = (
    "Größere Äpfel für 20 °C, 30 °C und 40 °C, ÄÖÜ «ja» „nein“ Straße",
    "Été à la forêt, où ça coûte 5 €, déjà naïve — L’ÉTÉ ÉCOLE",
    "¿Qué tal? ¡Mañana! El niño español, ÑANDÚ, ¿¡sí!?",
    "Räksmörgås på ön, hääyöaie, ÅÄÖ, rødgrød med fløde",
    "———— •••• ©©© °°°° ±±±± ££££",
    "Ação, coração, não, AÇÃO",
)


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (RUSSIAN, "koi8_r"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "cp866"),
        (RUSSIAN, "iso8859_5"),
        (RUSSIAN.upper(), "cp1251"),
        ("Καλημέρα, ο εκτυπωτής δεν λειτουργεί.", "cp1253"),
        ("שלום, המדפסת לא עובדת", "cp1255"),
        ("您好，我们的打印机坏了，请帮忙处理。", "gb18030"),
        ("您好，我們的印表機壞了，請幫忙處理。", "big5hkscs"),
        ("안녕하세요, 프린터가 작동하지 않습니다.", "cp949"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
    ],
)
def test_a_script_is_known_by_its_words(text: str, codec: str) -> None:
    assert guessed(text.encode(codec)) == codec
    assert guessed(f"Bob: {text}\r\n".encode(codec) * 400) == codec


@pytest.mark.parametrize("text", WESTERN)
@pytest.mark.parametrize("codec", ["latin_1", "cp1252", "iso8859_15", "cp850", "mac_roman"])
def test_western_text_is_left_alone(text: str, codec: str) -> None:
    assert guessed(text.encode(codec, "ignore")) is None


def test_too_little_is_no_proof() -> None:
    assert guessed("打印".encode("gb18030")) is None
    assert guessed(b"") is None
