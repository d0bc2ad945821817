"""What names a case in a mail: tokens in subjects, plus-addresses, Message-IDs (SPEC section 7, "Threading").

A token routes; it is never proof of anything: token, sender and account must agree.
"""

import base64
import hashlib
import hmac
import itertools
import re
from dataclasses import dataclass, field
from functools import cache

from gateway.domain.model import CaseNumber, ContactId
from gateway.domain.policy import PostRules
from gateway.domain.post import Clue, ClueKind, Envelope, ParsedMail

MAX_TOKENS = 20
"""More tokens than this in one subject are not looked at (TT-09)."""

_MOST_TRIES = 200
"""So many check parts of one text are computed."""

_BLANK = r"[\s_]"
_BLANKS = re.compile(r"[\s_]+")
_END_OF_SENTENCE = re.compile(r"[^\s_]\.[\s_]")
_NUMBER = r"(?P<number>[1-9][0-9]{0,11})"
_CHECK = r"(?P<check>[a-z2-7]{8})"
_OUR_ID = re.compile(r"<[a-z2-7]{26}@(?P<domain>[^>]+)>")
_BOUNCE = re.compile(r"b\.(?P<key>[a-z2-7]{26})", re.IGNORECASE)
_ANSWER = re.compile(r"a\.(?P<token>[a-z2-7]{1,40})", re.IGNORECASE)
_UNSUBSCRIBE = re.compile(r"u\.(?P<id>[1-9][0-9]{0,11})\.(?P<check>[a-z2-7]{16})", re.IGNORECASE)
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


def pin_hash(secret: bytes, pin: str) -> str:
    """The keyed hash of a company PIN; case, blanks and dashes do not count."""
    return hmac.new(secret, f"pin:{bare_pin(pin)}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def bare_pin(pin: str) -> str:
    """What counts of a PIN: no blanks, and no dashes, whichever of them a program has made of one."""
    return re.sub(r"[\s\u2010-\u2015\u2212-]", "", pin).casefold()


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

    def answer_address(self, token: str) -> str:
        """The one-time address whose mail answers one question."""
        return self._ours(f"a.{token}")

    def answer_mark(self, token: str) -> str:
        """What the subject carries in its place where there are no plus-addresses, else ""."""
        return "" if self.post.plus_addressing else f"[{self.post.token_prefix}.{token}]"

    def unsubscribe_address(self, contact: ContactId) -> str:
        """The address whose mail ends announcements to this contact; always the same one, so that old mail ends them too."""
        return self._ours(self._unsubscriber(contact))

    def unsubscribe_mark(self, contact: ContactId) -> str:
        """What the subject carries in its place where there are no plus-addresses, else ""."""
        return "" if self.post.plus_addressing else f"[{self.post.token_prefix}.{self._unsubscriber(contact)}]"

    def _unsubscriber(self, contact: ContactId) -> str:
        mac = hmac.new(self.secret or b"", f"unsubscribe:{contact}".encode(), hashlib.sha256).digest()
        return f"u.{contact}.{base64.b32encode(mac[:10]).decode().lower()}"

    def is_unsubscriber(self, contact: ContactId, check: str) -> bool:
        """True if this check part was made for this contact; compared in constant time."""
        own = self._unsubscriber(contact).rpartition(".")[2]
        return self.secret is not None and hmac.compare_digest(own, check.lower())

    def pin_hash(self, pin: str) -> str:
        """The keyed hash of a company PIN, to find its account by."""
        return pin_hash(self.secret or b"", pin)

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


def internal_address(mail: ParsedMail, envelope: Envelope, tokens: Tokens) -> bool:
    """True if this mail goes to the address that answers an internal note, whatever its check part."""
    addresses = (*our_recipients(mail, envelope, tokens), *filter(tokens.is_ours, (*mail.to, *mail.cc)))
    found = (_PLUS.fullmatch(split_address(address)[1]) for address in addresses)
    return any(plus is not None and plus["note"] for plus in found)


def keyed_return_path(mail: ParsedMail, envelope: Envelope, tokens: Tokens) -> str | None:
    """The return path of ours, as minted, that this mail came to; a bounce there proves which row it is about."""
    for address in our_recipients(mail, envelope, tokens):
        if found := _BOUNCE.fullmatch(split_address(address)[1]):
            return tokens.return_path(found["key"].lower())
    return None


def one_time_tokens(mail: ParsedMail, envelope: Envelope, tokens: Tokens) -> tuple[str, ...]:
    """The one-time tokens that this mail came to; where there are no plus-addresses, those in its subject and text."""
    if tokens.post.plus_addressing:
        details = (split_address(address)[1] for address in our_recipients(mail, envelope, tokens))
        return tuple(found["token"].lower() for detail in details if (found := _ANSWER.fullmatch(detail)))
    mark = re.compile(rf"\[{re.escape(tokens.post.token_prefix)}\.([a-z2-7]{{26}})\]", re.IGNORECASE)
    named = (token.lower() for text in (mail.subject, mail.text) for token in mark.findall(text)[:MAX_TOKENS])
    return tuple(dict.fromkeys(named))[:MAX_TOKENS]


def unsubscribers(mail: ParsedMail, envelope: Envelope, tokens: Tokens) -> frozenset[ContactId]:
    """Whose unsubscribe addresses this mail came to; where there are no plus-addresses, whose marks are in its subject.

    Never in its text: whoever answers an announcement may quote all of it.
    """
    if tokens.post.plus_addressing:
        named = [split_address(address)[1] for address in our_recipients(mail, envelope, tokens)]
    else:
        marks = re.findall(
            rf"\[{re.escape(tokens.post.token_prefix)}\.(u\.[0-9a-z.]{{18,30}})\]", mail.subject, re.IGNORECASE
        )
        named = marks[:MAX_TOKENS]
    found = filter(None, map(_UNSUBSCRIBE.fullmatch, named))
    known = ((ContactId(int(one["id"])), one["check"]) for one in found)
    return frozenset(contact for contact, check in known if tokens.is_unsubscriber(contact, check))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A token as it stands in a text; `is_right` says that its check part is, `is_whole` that it looks minted."""

    start: int
    end: int
    number: CaseNumber
    is_right: bool
    is_whole: bool


def marks_in(text: str, tokens: Tokens) -> tuple[Mark, ...]:
    """The tokens in a text, first to last; only ASCII makes one.

    One whose check part is right is ours, whatever a mail program did around or inside it: case, blanks, underscores
    for blanks, brackets, a fold in the middle. Any other counts only as it is minted, but for case and blanks.
    """
    loose, strict = _patterns(tokens.post.token_prefix)
    found: list[Mark] = []
    at = 0
    for _ in range(_MOST_TRIES):
        if len(found) >= MAX_TOKENS or (token := loose.search(text, at)) is None:
            break
        number, check = (_BLANKS.sub("", token[name]) for name in ("number", "check"))
        is_right = tokens.is_right(int(number), check)
        at = token.end() if is_right else token.start() + 1
        if is_right:
            mark = Mark(
                start=token.start(), end=at, number=CaseNumber(int(number)), is_right=is_right, is_whole=is_right
            )
            found.append(mark)
    right = tuple(found)
    for token in itertools.islice(strict.finditer(text), MAX_TOKENS):
        start, end = token.span()
        if not any(mark.start < end and start < mark.end for mark in right):
            named, is_whole = CaseNumber(int(token["number"])), token["check"] is not None
            is_whole = is_whole and not _END_OF_SENTENCE.search(token[0])  # "CASE-1042. Internal"
            found.append(Mark(start=start, end=end, number=named, is_right=False, is_whole=is_whole))
    return tuple(sorted(found, key=lambda mark: mark.start)[:MAX_TOKENS])


@cache
def _patterns(prefix: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Tokens of this prefix: however mangled, to be checked; and as they are minted."""
    flags = re.IGNORECASE | re.ASCII
    torn = rf"{_BLANK}?".join(map(re.escape, prefix))
    number, check = (
        rf"(?P<number>[1-9](?:{_BLANK}?[0-9]){{0,11}})",
        rf"(?P<check>[a-z2-7](?:{_BLANK}?[a-z2-7]){{7}})",
    )
    loose = rf"{torn}{_BLANK}*-{_BLANK}*{number}{_BLANK}*\.{_BLANK}*{check}"
    dot = rf"{_BLANK}*\.{_BLANK}*"
    strict = rf"(?<![a-z0-9]){re.escape(prefix)}{_BLANK}*-{_BLANK}*{_NUMBER}(?:{dot}{_CHECK}(?![a-z0-9])|(?![0-9]))"
    return re.compile(loose, flags), re.compile(strict, flags)


def subject_tokens(subject: str, tokens: Tokens) -> tuple[Clue, ...]:
    """The tokens in a subject as clues, first to last.

    One whose check part is missing or wrong is no valid clue: it threads for authenticated senders only.
    """
    return tuple(
        Clue(kind=ClueKind.SUBJECT, number=mark.number, valid=mark.is_right) for mark in marks_in(subject, tokens)
    )


def is_our_id(message_id: str, domain: str) -> bool:
    """True for a Message-ID of the form that we give to our mail."""
    found = _OUR_ID.fullmatch(message_id)
    return found is not None and found["domain"] == domain


def find_clues(mail: ParsedMail, envelope: Envelope, tokens: Tokens) -> tuple[Clue, ...]:
    """All that may name a case, in the order in which it is asked.

    A mail to two of our addresses comes as two copies, so the addresses that it shows count after those of this copy.
    Tokens in the body count only where there are no plus-addresses, and only with the right check part; they come after
    the ids, since old text may quote other cases. Last comes what colleagues may have sent us of the same thread.
    """
    addresses = (*our_recipients(mail, envelope, tokens), *filter(tokens.is_ours, (*mail.to, *mail.cc)))
    details = dict.fromkeys(split_address(address)[1].lower() for address in addresses)
    clues = [_plus_clue(found, tokens) for detail in details if (found := _PLUS.fullmatch(detail))]
    clues += subject_tokens(mail.subject, tokens)
    ids = tuple(dict.fromkeys((*mail.in_reply_to, *reversed(mail.references))))
    if ids:
        clues.append(Clue(kind=ClueKind.REFERENCES, valid=True, message_ids=ids))
    if not tokens.post.plus_addressing:
        marks = marks_in(mail.text, tokens)
        clues += [Clue(kind=ClueKind.BODY, number=mark.number, valid=True) for mark in marks if mark.is_right]
    if own := (mail.message_id,) if mail.message_id else ():
        ids = tuple(dict.fromkeys((*own, *ids)))
    if ids:
        clues.append(Clue(kind=ClueKind.ORIGINAL, valid=True, message_ids=ids))
    return tuple(clues)


def _plus_clue(found: re.Match[str], tokens: Tokens) -> Clue:
    number, check = int(found["number"]), found["check"]
    valid = check is not None and tokens.is_right(number, check)
    return Clue(kind=ClueKind.PLUS_ADDRESS, number=CaseNumber(number), valid=valid)
