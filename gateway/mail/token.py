"""What names a case in a mail: tokens in subjects, plus-addresses, Message-IDs (SPEC section 7, "Threading").

A token routes; it is never proof of anything: token, sender and account must agree.
"""

import base64
import hashlib
import hmac
import itertools
import re
from dataclasses import dataclass, field

from gateway.domain.model import CaseNumber
from gateway.domain.policy import PostRules
from gateway.domain.post import Clue, ClueKind, Envelope, ParsedMail

MAX_TOKENS = 20
"""More tokens than this in one subject are not looked at (TT-09)."""

_ANSWERING = re.compile(
    r"(?:re|aw|antw|antwort|sv|vs|rif|res|odp|ynt|回复|回覆|答复|答覆|返信|fwd?|wg|tr|rv|vb|pd|doorst|转发|轉寄)"
    r"(?:\s?\[\d+\]|\s?\(\d+\)|\*\d+|\^\d+)?\s?[:\uff1a]\s*",
    re.IGNORECASE,
)
_NUMBER = r"(?P<number>[1-9][0-9]{0,11})"
_CHECK = r"(?P<check>[a-z2-7]{8})"
_BOUNCE = re.compile(r"b\.(?P<key>[a-z2-7]{26})", re.IGNORECASE)
_PLUS = re.compile(rf"{_NUMBER}(?:\.{_CHECK})?(?P<note>\.n)?", re.IGNORECASE)


def digest(*parts: bytes | str, length: int = 26) -> str:
    """A lower-case base32 digest of the parts, `length` letters of 5 bits each; the parts cannot run together."""
    hashed = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        hashed.update(len(data).to_bytes(8, "big") + data)
    return base64.b32encode(hashed.digest()).decode().lower()[:length]


def split_address(address: str) -> tuple[str, str, str]:
    """Local part, detail (RFC 5233, after the first plus) and domain of an address."""
    local, _, domain = address.rpartition("@")
    user, _, detail = local.partition("+")
    return user, detail, domain


@dataclass(frozen=True, slots=True)
class Tokens:
    """Mints and checks tokens with the key of `secret_file`; without a secret every check is wrong."""

    post: PostRules
    secret: bytes | None = field(repr=False)

    def check(self, number: int) -> str:
        """The check part of a case number: 40 bits of HMAC-SHA-256, 8 letters."""
        if self.secret is None:
            return ""
        mac = hmac.new(self.secret, f"case:{number}".encode(), hashlib.sha256).digest()
        return base64.b32encode(mac[:5]).decode().lower()

    def mint(self, number: int) -> str:
        """The subject token, `[CASE-1042.k7q2mh3x]`."""
        return f"[{self.post.token_prefix}-{number}.{self.check(number)}]"

    def plus_address(self, number: int, *, note: bool = False) -> str:
        """The address whose mail lands on this case; `note` tags the answer to an internal note."""
        return self._ours(f"{number}.{self.check(number)}{'.n' if note else ''}")

    def return_path(self, key: str) -> str:
        """The keyed return path of one outbox row (VERP)."""
        return self._ours(f"b.{key}")

    def _ours(self, detail: str) -> str:
        if not self.post.plus_addressing:
            return self.post.service_address
        user, _, domain = split_address(self.post.service_address)
        return f"{user}+{detail}@{domain}"

    def is_right(self, number: int, check: str) -> bool:
        """True if this check part belongs to this number; compared in constant time."""
        return self.secret is not None and hmac.compare_digest(self.check(number), check.lower())

    def is_ours(self, address: str) -> bool:
        """True for the service and registration address, their plus-addresses and our postmaster."""
        user, _, domain = split_address(address.lower())
        for own in (self.post.service_address, self.post.registration_address):
            own_user, _, own_domain = split_address(own)
            if domain == own_domain and user in {own_user, "postmaster"}:
                return True
        return address.lower() == "postmaster"


def our_recipients(mail: ParsedMail, envelope: Envelope, tokens: Tokens) -> tuple[str, ...]:
    """Which of our addresses this mail came to: the envelope's, or where none exists (IMAP, pipe) the headers'."""
    if envelope.rcpt_to:
        return tuple(address for address in envelope.rcpt_to if tokens.is_ours(address))
    delivered = (*mail.values("delivered-to"), *mail.values("x-original-to"), *mail.to, *mail.cc)
    named = (address.strip("<> ").lower() for address in delivered)
    return tuple(dict.fromkeys(address for address in named if tokens.is_ours(address)))


def keyed_return_path(mail: ParsedMail, envelope: Envelope, tokens: Tokens) -> str | None:
    """The return path of ours, as minted, that this mail came to; a bounce there proves which row it is about."""
    for address in our_recipients(mail, envelope, tokens):
        if found := _BOUNCE.fullmatch(split_address(address)[1]):
            return tokens.return_path(found["key"].lower())
    return None


def subject_tokens(subject: str, tokens: Tokens) -> tuple[Clue, ...]:
    """The tokens in a subject, first to last; case and missing or added blanks do not matter, only ASCII makes one.

    One whose check part is missing or wrong is no valid clue: it threads for authenticated senders only.
    """
    prefix = re.escape(tokens.post.token_prefix)
    pattern = rf"(?<![a-z0-9]){prefix}\s*-\s*{_NUMBER}(?:\s*\.\s*{_CHECK}(?![a-z0-9])|(?![0-9]))"
    found = itertools.islice(re.finditer(pattern, subject, re.IGNORECASE | re.ASCII), MAX_TOKENS)
    return tuple(_clue(ClueKind.SUBJECT, token, tokens) for token in found)


def _clue(kind: ClueKind, found: re.Match[str], tokens: Tokens) -> Clue:
    number, check = int(found["number"]), found["check"]
    return Clue(kind=kind, number=CaseNumber(number), valid=check is not None and tokens.is_right(number, check))


def bare_subject(subject: str, prefix: str) -> str:
    """A subject without "Re:", "WG:" … in front, and without anything in it that reads as a token of ours."""
    mark = rf"\[?{re.escape(prefix)}\s*-\s*[1-9][0-9]*\s*\.\s*[a-z2-7]{{8}}(?![a-z0-9])\]?"
    token = re.compile(mark, re.IGNORECASE | re.ASCII)
    before, subject = "", subject[:1000]
    while subject != before:  # taking one away may bring another one together
        before, subject = subject, token.sub(" ", subject).strip()
        while found := _ANSWERING.match(subject):
            subject = subject[found.end() :]
    return subject


def find_clues(mail: ParsedMail, envelope: Envelope, tokens: Tokens) -> tuple[Clue, ...]:
    """All that may name a case, in the order in which it is asked."""
    details = (split_address(address)[1] for address in our_recipients(mail, envelope, tokens))
    clues = [_clue(ClueKind.PLUS_ADDRESS, found, tokens) for detail in details if (found := _PLUS.fullmatch(detail))]
    clues += subject_tokens(mail.subject, tokens)
    if ids := tuple(dict.fromkeys((*mail.in_reply_to, *reversed(mail.references)))):
        clues.append(Clue(kind=ClueKind.REFERENCES, valid=True, message_ids=ids))
    return tuple(clues)
