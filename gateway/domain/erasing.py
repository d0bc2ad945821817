"""Who stands for a person that was erased, and how a text loses that person (SPEC section 3).

`domain.people` decides an erasure; `services.erasing` goes through all that is stored with the Mask. Nothing here knows
where a text lies.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.domain.kinds import ADMINS, must_be
from gateway.domain.model import Agent, Contact, ContactId

HOST = "erased.invalid"
"""Where mail can never go (RFC 2606 §2)."""

ERASED_PHONE = "[erased phone]"

FEWEST_DIGITS = 6
"""A phone number with fewer is not looked for in texts: it would be any number."""

STRUCTURE = frozenset(
    {
        *("type", "category", "priority", "status", "channel", "account", "team", "kind", "clock", "level"),
        *("authenticity", "reporter", "assignee", "party", "at", "until"),
    }
)
"""Details of events that say how a case stands: no name is looked for in them, whatever they read like."""

_GAP = r"(?:[^\S\n]+|[^\S\n]*\n[>\t ]*)"
"""Between two words of a name: blanks, or the end of a line, which may be quoted."""

_BETWEEN_DIGITS = r"[ \t\u00a0()./-]{0,3}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure changed: how many of what, as the terminal says it."""

    cases: int
    texts: int
    raw_mails: int
    emptied: int
    cancelled: int
    files: int


def pseudonym(id_: ContactId) -> str:
    """What an erased person is called."""
    return f"Erased person {id_}"


def pseudonym_address(id_: ContactId) -> str:
    """What stands for an erased person's addresses; no mail can go there."""
    return f"erased-{id_}@{HOST}"


def must_be_admin(actor: Agent | None, agents: Iterable[Agent]) -> None:
    """Refused for anybody but an admin, naming who is one, or how to get one."""
    must_be(ADMINS, "erases people", actor, agents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """Puts the pseudonym in the place of one person's addresses, full name and phone.

    Upper and lower case are one, but for a name of one word, which may be a word of the language as well. A text with the
    name or the phone is `LIKE` one of `hints`, in lower case; there is none for a name that has no two Latin letters.
    """

    name: str
    address: str
    hints: tuple[str, ...]
    _addresses: re.Pattern[str]
    _names: re.Pattern[str] | None
    _phone: re.Pattern[str] | None

    @classmethod
    def of(cls, contact: Contact) -> "Mask":
        """The mask of a contact as they still are."""
        return cls(
            name=pseudonym(contact.id),
            address=pseudonym_address(contact.id),
            hints=_hints(contact),
            _addresses=_addresses(contact.addresses),
            _names=_names(contact.name),
            _phone=_phone(contact.phone or ""),
        )

    def addresses(self, text: str) -> str:
        """The text without the addresses: for texts of which nobody knows whether the name is this person's."""
        return self._addresses.sub(self.address, text)

    def everything(self, text: str) -> str:
        """The text without addresses, name and phone."""
        text = self.addresses(text)
        if self._names:
            text = self._names.sub(self.name, text)
        return self._phone.sub(ERASED_PHONE, text) if self._phone else text

    def inside(self, value: Any, key: str = "") -> Any:
        """A JSON value without the person; what says how a case stands loses addresses only."""
        if isinstance(value, str):
            return self.addresses(value) if key in STRUCTURE else self.everything(value)
        if isinstance(value, dict):
            return {name: self.inside(one, name) for name, one in value.items()}
        return [self.inside(one, key) for one in value] if isinstance(value, list) else value


def _hints(contact: Contact) -> tuple[str, ...]:
    letters = max(re.findall("[a-z0-9]{2,}", contact.name.lower()), key=len, default="")
    digits = re.sub(r"\D", "", contact.phone or "")
    if not letters:
        return ()
    return tuple(f"%{one}%" for one in (letters, "%".join(digits)) if one)


def _addresses(addresses: Sequence[str]) -> re.Pattern[str]:
    """Each address as a whole: `ann@a.example` is neither in `joann@a.example` nor in `ann@a.example.org`."""
    any_of = "|".join(re.escape(address) for address in addresses)
    return re.compile(rf"(?<![\w.+%-])(?:{any_of})(?![\w-]|\.\w)", re.IGNORECASE)


def _names(name: str) -> re.Pattern[str] | None:
    """The full name, in either order, also as HTML writes it."""
    words = name.split()
    if not words:
        return None
    orders = [_GAP.join(map(_word, words))]
    if len(words) > 1:
        orders.append(f"{_word(words[-1].rstrip(','))},{_GAP}?{_GAP.join(map(_word, words[:-1]))}")
    before = "" if _stands_without_blanks(words[0][0]) else r"(?<!\w)"
    after = "" if _stands_without_blanks(words[-1][-1]) else r"(?!\w)"
    return re.compile(f"{before}(?:{'|'.join(orders)}){after}", re.IGNORECASE if len(words) > 1 else 0)


def _word(word: str) -> str:
    forms = dict.fromkeys((word, html.escape(word), html.escape(word, quote=False).replace("'", "&#39;")))
    return f"(?:{'|'.join(map(re.escape, forms))})"


def _stands_without_blanks(letter: str) -> bool:
    """True in scripts that put no blanks between words."""
    return unicodedata.east_asian_width(letter) in {"W", "F"}


def _phone(phone: str) -> re.Pattern[str] | None:
    """A number, however its digits are grouped."""
    digits = re.sub(r"\D", "", phone)
    if len(digits) < FEWEST_DIGITS:
        return None
    literal = re.escape(phone.strip())
    return re.compile(rf"(?<![\d+])(?:{literal}|\+?{_BETWEEN_DIGITS.join(digits)})(?!\d)", re.IGNORECASE)
