"""DKIM signatures: which domains signed this mail as it stands (RFC 6376), as far as that proves its sender.

Used by `dns_auth`. dkimpy does the cryptography; what is too weak to prove who wrote is refused before: `l=`, to
which anybody may append (SECURITY section 1.2), SHA-1, short keys, keys in test, fields of which a second one was
added. The bytes checked are those that were received; nothing here takes more than linear time of them.
"""

import base64
import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import dkim
from dkim.util import InvalidTagValueList, parse_tag_value

MOST_SIGNATURES = 5
"""So many signatures of the sender's domain are looked at (RFC 6376 section 6.1)."""
LONGEST_SIGNATURE = 8_000
LONGEST_KEY = 800
"""Characters of a public key: 4096 bits. Checking one takes time with the cube of its length, and a sender chooses it."""

_CHUNK = 1 << 16
_BLANKS = re.compile(rb"[ \t]++")
_MANY_BLANKS = re.compile(rb"[ \t\r\n]{100}")
_NAME = re.compile(rb"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", re.IGNORECASE)
_ONLY_ONCE = frozenset(
    {
        b"from", b"sender", b"reply-to", b"to", b"cc", b"message-id", b"in-reply-to", b"references", b"subject", b"date",
        b"mime-version", b"content-type", b"content-transfer-encoding",
    }
)  # fmt: skip
"""RFC 5322 section 3.6, RFC 2045: a second one was added, and who reads the mail may read that."""
_MUST_BE_SIGNED = frozenset({b"from", b"subject"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature that may count: the `index`-th DKIM-Signature field from the top, and where its key is."""

    index: int
    domain: str
    selector: str
    tags: dict[bytes, bytes] = field(repr=False)

    @property
    def key_name(self) -> str:
        """The name at which its key stands."""
        return f"{self.selector}._domainkey.{self.domain}"


class SignedMail:
    """A mail, ready to have its signatures checked."""

    def __init__(self, data: bytes) -> None:
        """`data` is the mail as it was received, with CRLF, or with LF throughout (a pipe)."""
        if b"\r" not in data:
            data = data.replace(b"\n", b"\r\n")
        is_clear = data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")  # else it may be read in two ways
        header, _, self._body = data.partition(b"\r\n\r\n")
        self._header = header + b"\r\n\r\n"
        self._headers: list[list[bytes]] = []
        # A line that is no field, or a folded one before the first, is nobody's signed mail.
        with suppress(dkim.DKIMException, IndexError):
            self._headers = dkim.rfc822_parse(self._header)[0] if is_clear else []

    def signatures(self, related: Iterable[str]) -> list[Signature]:
        """The signatures of domains that end in one of `related`, top-down, as far as they may count."""
        if self._has_added_fields():
            return []
        endings = tuple(f".{domain}" for domain in related)
        values = [value for name, value in self._headers if name.lower() == b"dkim-signature"]
        found = [_read(index, value) for index, value in enumerate(values)]
        counting = [one for one in found if one and f".{one.domain}".endswith(endings) and self._covers(one)]
        return counting[:MOST_SIGNATURES]

    def _has_added_fields(self) -> bool:
        counted = Counter(name.lower() for name, _ in self._headers)
        return any(counted[name] > 1 for name in _ONLY_ONCE)

    def _covers(self, signature: Signature) -> bool:
        """Whether it speaks for the fields that we act on, where they are there."""
        signed = {name.strip().lower() for name in signature.tags.get(b"h", b"").split(b":")}
        here = {name.lower() for name, _ in self._headers}
        return (_MUST_BE_SIGNED & here) <= signed

    def is_valid(self, signature: Signature, records: Iterable[bytes]) -> bool:
        """Whether the signature holds, by the key in the TXT records of its `key_name`. Takes processor time."""
        keys = [record for record in records if _is_usable(record, signature)]
        if len(keys) != 1:  # RFC 6376 §3.6.2.2: several are undefined
            return False
        if hashlib.sha256(_canonical(self._body, signature.tags.get(b"c", b""))).digest() != _bytes(signature, b"bh"):
            return False
        try:
            return bool(_Header(self._header).verify(signature.index, dnsfunc=lambda _name, timeout=0: keys[0]))  # noqa: ARG005  # dkimpy's
        except Exception:  # noqa: BLE001  # whatever it trips over in a stranger's bytes, it is no proof
            return False


class _Header(dkim.DKIM):  # type: ignore[misc]  # dkimpy ships no types
    """The header of a mail whose body was hashed before: dkimpy's way through its blanks takes quadratic time."""

    def verify_sig_process(self, sig: dict[bytes, bytes], *rest: Any) -> bool:
        return bool(super().verify_sig_process({tag: text for tag, text in sig.items() if tag != b"bh"}, *rest))


def _bytes(signature: Signature, tag: bytes) -> bytes | None:
    try:
        return base64.b64decode(b"".join(signature.tags.get(tag, b"").split()), validate=True)
    except binascii.Error:
        return None


def _canonical(body: bytes, method: bytes) -> bytes:
    """The body as it was hashed (RFC 6376 section 3.4); `method` is the `c=` of the signature."""
    is_relaxed = method.strip().endswith(b"/relaxed")
    stripped = (_relaxed(body) if is_relaxed else body).rstrip(b"\r\n")
    return stripped + b"\r\n" if stripped or not is_relaxed else b""


def _relaxed(body: bytes) -> bytes:
    """RFC 6376 section 3.4.4, in pieces, so that other threads have their turn in between."""
    pieces: list[bytes] = []
    for at in range(0, len(body), _CHUNK):
        piece = _BLANKS.sub(b" ", body[at : at + _CHUNK])
        if pieces and pieces[-1].endswith(b" "):
            piece = piece.removeprefix(b" ")
        if piece:
            pieces.append(piece)
    return b"".join((*pieces, b"\r\n")).replace(b" \r\n", b"\r\n")


def _read(index: int, value: bytes) -> Signature | None:
    """A signature that is strong enough to count; None for any other."""
    if len(value) > LONGEST_SIGNATURE or _MANY_BLANKS.search(value):
        return None
    try:
        tags = parse_tag_value(value)
    except InvalidTagValueList:
        return None
    domain, selector = tags.get(b"d", b""), tags.get(b"s", b"")
    if b"l" in tags or tags.get(b"a") != b"rsa-sha256" or not (_NAME.fullmatch(domain) and _NAME.fullmatch(selector)):
        return None
    return Signature(index=index, domain=domain.decode().lower(), selector=selector.decode(), tags=tags)


def _is_usable(record: bytes, signature: Signature) -> bool:
    """Whether this is a key for mail that may be believed (RFC 6376 section 3.6.1); its length dkimpy sees to."""
    try:
        tags = parse_tag_value(record)
    except InvalidTagValueList:
        return False
    flags, hashes, services = (_list(tags.get(name, b"")) for name in (b"t", b"h", b"s"))
    if b"y" in flags:  # in test: the domain says that it proves nothing yet
        return False
    identity = signature.tags.get(b"i", b"@").rpartition(b"@")[2].lower()
    if b"s" in flags and identity not in {b"", signature.domain.encode()}:
        return False
    return (
        tags.get(b"v", b"DKIM1") == b"DKIM1"
        and tags.get(b"k", b"rsa") == b"rsa"
        and (not hashes or b"sha256" in hashes)
        and (not services or bool(services & {b"*", b"email"}))
        and 0 < len(b"".join(tags.get(b"p", b"").split())) <= LONGEST_KEY
    )


def _list(value: bytes) -> set[bytes]:
    return {part.strip().lower() for part in value.split(b":") if part.strip()}
