"""Mails signed with DKIM as other servers sign them, with keys that are made here."""

import base64
import random
from functools import cache
from typing import Any

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class Key:
    """An RSA key: `pem` to sign with, `record` for the DNS."""

    def __init__(self, pem: bytes, public: bytes) -> None:
        self.pem, self.public = pem, base64.b64encode(public).decode()

    def record(self, more: str = "") -> str:
        return f"v=DKIM1; k=rsa; {more}p={self.public}"


@cache
def a_key(bits: int = 2048) -> Key:
    """A key, made once for all tests."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=bits)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key()
    return Key(pem, public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))


@cache
def a_short_key(bits: int = 768) -> Key:
    """A key that is too short for any library to make it."""
    exponent, chance = 65_537, random.Random(7)
    primes: list[int] = []
    while len(primes) < 2:
        number = chance.getrandbits(bits // 2) | (3 << (bits // 2 - 2)) | 1
        if number % exponent != 1 and pow(2, number - 1, number) == 1 and pow(3, number - 1, number) == 1:
            primes.append(number)
    p, q = primes
    d = pow(exponent, -1, (p - 1) * (q - 1))
    numbers = (0, p * q, exponent, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
    der = _der(*numbers)
    pem = b"-----BEGIN RSA PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END RSA PRIVATE KEY-----\n"
    return Key(pem, _der(p * q, exponent))


def _der(*numbers: int) -> bytes:
    """A sequence of integers (PKCS #1)."""
    written = b"".join(
        b"\x02" + _length(len(data)) + data
        for data in (number.to_bytes(number.bit_length() // 8 + 1, "big") for number in numbers)
    )
    return b"\x30" + _length(len(written)) + written


def _length(size: int) -> bytes:
    return bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")


class _Signer(dkim.DKIM):  # type: ignore[misc]  # dkimpy ships no types
    """Signs with tags that dkimpy does not write by itself."""

    more: tuple[tuple[bytes, bytes], ...] = ()

    def gen_header(self, fields: list[tuple[bytes, bytes]], *rest: Any, **named: Any) -> bytes:
        return super().gen_header([*fields[:3], *self.more, *fields[3:]], *rest, **named)  # type: ignore[no-any-return]


def signed(
    data: bytes,
    domain: str = "customer.example",
    *,
    key: Key | None = None,
    selector: str = "s1",
    algorithm: bytes = b"rsa-sha256",
    fields: tuple[str, ...] = ("from", "to", "subject", "date", "message-id"),
    length: bool = False,
    canonical: tuple[bytes, bytes] = (b"relaxed", b"relaxed"),
    more: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """The mail with a signature on top."""
    signer = _Signer(data)
    signer.more = more
    line: bytes = signer.sign(
        selector.encode(),
        domain.encode(),
        (key or a_key()).pem,
        signature_algorithm=algorithm,
        include_headers=[field.encode() for field in fields],
        canonicalize=canonical,
        length=length,
    )
    return line + data
