"""Who wrote a mail: the one mailbox of the one From field, or nobody (SPEC section 3, SECURITY S1 and S3).

Called by `parse` only; nothing else may read From for an identity. Promises: an address is returned only if a
small strict grammar of RFC 5322 and mail-parser read the same single mailbox. What is lenient here is for people's
eyes (`shown`) or for lists (`addresses`), never for rights.
"""

import re
from collections.abc import Iterable, Sequence

import idna

from gateway.mail.charset import storable
from gateway.mail.decode import header_text, one_line

MAX_FROM = 4_000
"""Characters of a From field; longer ones name nobody."""
MAX_ADDRESSES = 500
"""Addresses kept of To, and of Cc."""
MAX_LIST = 60_000
"""Characters of To or Cc that are looked at."""

# RFC 5322 §3.2.3 atext, with RFC 6532 §3.2 UTF8-non-ascii. The classes do not overlap, so each match is linear.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
_DOT_ATOM = rf"{_ATOM}(?:\.{_ATOM})*"
_QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"'
# A comment may only say words: nothing in it may look like an address or like more structure.
_COMMENT = r"\([A-Za-z0-9 \t.,'\x80-\U0010ffff_=?+/&-]*\)"
_ADDRESS = re.compile(rf'(?P<local>{_DOT_ATOM}|"{_DOT_ATOM}")@(?P<domain>{_DOT_ATOM})')
# RFC 5322 §3.2.5 phrase, with the dots of §4.1 ("John Q. Public") and harmless comments; possessive, so linear.
_PHRASE = rf"(?:(?:{_ATOM}|{_QUOTED}|{_COMMENT}|\.)[ \t]*)*+"
_BARE = re.compile(rf"[ \t]*(?P<address>[^ \t()<>,;:\\\[\]]+)[ \t]*(?:{_COMMENT}[ \t]*)?")
_ANGLED = re.compile(rf"[ \t]*{_PHRASE}<[ \t]*(?P<address>[^ \t<>]+)[ \t]*>[ \t]*(?:{_COMMENT}[ \t]*)?")
# Lenient, and linear: what is not closed is one character, and what may be none of its ends is not long.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.){0,500}"|\((?:[^()\\]|\\.){0,500}\)|<[^<>]*>|[^",;:(<]+|.', re.DOTALL)
_BRACKETED = re.compile(r"<([^<>]+)(?:>|\Z)")
_ANY_COMMENT = re.compile(r"\([^()]{0,500}\)")
_LOOSE = re.compile(r"(?<!\s)\s*([@.])\s*")
_LOOKS_LIKE_ONE = re.compile(
    r"""(?:"[^"]{1,64}"|[^\s<>"'(),;:@\[\]][^\s<>"(),;:@\[\]]{0,254})@(?:\[[0-9A-Fa-f:.]{1,64}\]|[^\s<>"'(),;:@\[\]]{1,254})"""
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_UPPER = re.compile("[A-Z]+")
_FOLD = re.compile(r"\r\n|\r|\n")
_ESCAPED = re.compile(r"\\(.)")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")

HARMLESS = frozenset({"invalid-utf8", "overlong-encoded-word"})
"""What mail-parser may complain of: bytes in a display name that no charset explains, and encoded words over the 75
characters of RFC 2047, do not touch the address."""


def _lower(text: str) -> str:
    return _UPPER.sub(lambda letters: letters[0].lower(), text)


def stored_form(address: str) -> str | None:
    """An address as it is stored and compared: ASCII lower case, domain as A-label, no other folding; None if it is none.

    `"ann"@…` is `ann@…`; any other quoting, domain literals and a domain that ends in a dot are no address here.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or len(address) > 254:
        return None
    local, domain = _lower(found["local"].strip('"')), _lower(found["domain"])
    if len(local.encode("utf-8", "replace")) > 64 or not (local.isascii() or local.isprintable()):
        return None
    try:
        ascii_domain = domain if domain.isascii() else idna.encode(domain).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None
    if len(ascii_domain) > 253 or not all(_LABEL.fullmatch(label) for label in ascii_domain.split(".")):
        return None
    return f"{local}@{ascii_domain}"


def single_sender(
    fields: Sequence[str], read_otherwise: Iterable[tuple[str, str]], complaints: Iterable[str] = ()
) -> tuple[str | None, str | None]:
    """The sender's address in stored form, or None and the defect in words.

    `fields` are the values of all From fields as counted on the raw header bytes, folded as they came;
    `read_otherwise` is what mail-parser read, as (name, address), `complaints` what it did not like about From.
    """
    if not fields:
        return None, "there is no From field"
    if len(fields) > 1:
        return None, f"there are {len(fields)} From fields, not one"
    address, defect = _read_strictly(fields[0])
    if address is None:
        return None, defect
    others = [stored_form(other) for _, other in read_otherwise]
    if others != [address]:
        return None, "two parsers read the From field differently"
    if serious := sorted(set(complaints) - HARMLESS):
        return None, f"the From field is malformed ({', '.join(serious)})"
    return address, None


def _read_strictly(field: str) -> tuple[str | None, str | None]:
    value = _FOLD.sub("", field)
    if len(value) > MAX_FROM:
        return None, "the From field is too long"
    if _UNPRINTABLE.search(value):
        return None, "the From field holds control characters"
    if not value.strip():
        return None, "the From field is empty"
    found = _BARE.fullmatch(value) or _ANGLED.fullmatch(value)
    if found is None:
        return None, _why_not(value)
    address = stored_form(found["address"])
    if address is None:
        return None, "the From field holds no valid address"
    return address, None


def _why_not(value: str) -> str:
    if ";" in value or ":" in value.partition("<")[0]:
        return "the From field is a group, not one mailbox"
    if value.count("@") > 1:
        return "the From field may be read as more than one address"
    return "the From field is not exactly one mailbox"


def shown(fields: Sequence[str]) -> str:
    """From as people may see it, also where it names nobody: the addresses found leniently, else its text."""
    found = tuple(dict.fromkeys(addresses(fields[:1]))) if len(fields) == 1 else ()
    return ", ".join(found[:5]) or one_line(" | ".join(header_text(field) for field in fields[:5]), 500)


def display_name(field: str, hint: str | None = None) -> str:
    """What a From field calls its one mailbox, for people; `hint` is the charset of raw 8-bit in it."""
    name, bracket, _ = field.rpartition("<")
    if not bracket:
        name = field.partition("(")[2].rpartition(")")[0]
    words = header_text(name, hint)
    if len(words) > 1 and words[0] == words[-1] == '"':
        words = _ESCAPED.sub(r"\1", words[1:-1])
    return one_line(words, 200)


def addresses(fields: Iterable[str]) -> tuple[str, ...]:
    """The addresses of To or Cc, read leniently: lower case, as often as they stand there, at most `MAX_ADDRESSES`.

    More lenient than RFC 5322 §3.4: semicolons part addresses as some programs have it, a bracket or quote may be open,
    a name may stand beside an address without brackets, and the whole may be an encoded word.
    """
    found: list[str] = []
    for field in fields:
        for mailbox in _mailboxes(field[:MAX_LIST]):
            if "=?" in mailbox and "@" not in mailbox:
                found += filter(None, map(_address_in, _mailboxes(header_text(mailbox))))
            elif address := _address_in(mailbox):
                found.append(address)
        if len(found) >= MAX_ADDRESSES:
            break
    return tuple(stored_form(address) or one_line(storable(_lower(address)), 320) for address in found[:MAX_ADDRESSES])


def _mailboxes(field: str) -> Iterable[str]:
    """The texts between commas and semicolons that stand in no quotes; the names of groups are left out."""
    pieces: list[str] = []
    for found in _TOKEN.findall(field):
        if found in {",", ";"}:
            yield "".join(pieces)
            pieces = []
        elif found == ":" and "@" not in "".join(pieces):
            pieces = []  # the name of a group
        elif not (found.startswith("(") and found.endswith(")")):
            pieces.append(found)
    yield "".join(pieces)


def _address_in(mailbox: str) -> str | None:
    """The address of one mailbox: what stands in brackets, else the first word that looks like one."""
    bracketed = [address.rpartition(":")[2].strip() for address in _BRACKETED.findall(mailbox)]
    for place in (*reversed(bracketed), mailbox):
        # RFC 5322 §4.4: comments and blanks between the words of an address.
        if found := _LOOKS_LIKE_ONE.search(_LOOSE.sub(r"\1", _ANY_COMMENT.sub("", place))):
            return found[0]
    return None
