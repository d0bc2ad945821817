"""Accounts, contacts and agents as people type them: checked, in stored form, and written in one transaction.

The terminal calls it. What is refused here never reaches a header of a mail: names hold no control characters,
addresses are in the one stored form (SPEC section 3).
"""

import re
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from gateway.domain.cover import Finding, gaps
from gateway.domain.model import Account, Agent, AgentId, Contact
from gateway.domain.people import user_managers
from gateway.domain.phrases import Phrase
from gateway.domain.policy import Policy
from gateway.errors import BadUsage, NotFound, Refused
from gateway.mail.token import Tokens, bare_pin, pin_hash
from gateway.store import load_people, people
from gateway.store.db import Database

LEAST_PIN = 8
"""A PIN given by hand has at least so many characters (SPEC section 9)."""

PIN_LETTERS = "34679CDFGHJKMNPQRTVWXY"
"""What a PIN of ours is made of: nothing that looks like another one (0 O, 1 I L, 2 Z, 5 S, 8 B, U V), and no vowels,
so that it never spells a word."""

PIN_GROUPS, PIN_GROUP = 3, 4
"""Three groups of four: 22 ** 12, which is 53 bits."""

LONGEST_SIGNATURE, WIDEST_LINE = 10, 78
"""Lines of an agent's signature, and characters of one."""

LONGEST_LINE = 200

_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,31}")
_LANG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_PHONE = re.compile(r"[0-9A-Za-z+() ./#*-]{3,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PinStanding:
    """Whether an account has a PIN, since when, and which agent set it, where that is known; never the PIN."""

    account: str
    is_set: bool
    since: datetime | None = None
    by: str | None = None


def add_account(db: Database, secret: bytes, account: Account, *, pin: str | None, now: datetime) -> Account:
    """A new customer company, as stored.

    BadUsage for what cannot be, Refused for a weak PIN, or a number or PIN that is taken.
    """
    if not _NUMBER.fullmatch(account.number):
        raise BadUsage(f"{account.number!r} is no account number; use letters and digits, such as ACME-1")
    if pin is not None and len(bare_pin(pin)) < LEAST_PIN:
        raise Refused(f"a PIN has at least {LEAST_PIN} letters and digits; nothing was stored")
    stored = replace(
        account,
        name=_line(account.name, "name"),
        domains=tuple(dict.fromkeys(_domain(domain) for domain in account.domains)),
        services=tuple(dict.fromkeys(_line(service, "service") for service in account.services)),
        lang=_lang(account.lang),
        timezone=_timezone(account.timezone),
        team=_optional(account.team, "team"),
        calendar=_optional(account.calendar, "calendar"),
        valid_until=_day(account.valid_until),
    )
    hashed = pin_hash(secret, pin) if pin is not None else None
    with db.begin() as tx:
        people.add_account(tx, stored, pin_hash=hashed, pin_set_at=now if hashed else None)
    return stored


def pin_standing(tx: sa.Connection, number: str) -> PinStanding:
    """Whether an account has a PIN; NotFound without the account."""
    load_people.account(tx, number)
    found = load_people.pin_of(tx, number)
    since, by = found or (None, None)
    return PinStanding(account=number, is_set=found is not None, since=since, by=by)


def issue_pin(db: Database, secret: bytes, number: str, *, by: AgentId | None, now: datetime) -> str:
    """A new PIN for an account: it is nowhere else than in what is returned, and the old one ends at once. NotFound."""
    groups = ("".join(secrets.choice(PIN_LETTERS) for _ in range(PIN_GROUP)) for _ in range(PIN_GROUPS))
    pin = "-".join(groups)
    with db.begin() as tx:
        load_people.account(tx, number)
        people.set_pin(tx, number, pin_hash=pin_hash(secret, pin), at=now, by=by)
    return pin


def book(db: Database, number: str, *, add: tuple[str, ...], remove: tuple[str, ...]) -> Account:
    """The account with services more or less, as stored; NotFound without it."""
    with db.begin() as tx:
        load_people.hold_account(tx, number)
        account = load_people.account(tx, number)
        kept = (service for service in (*account.services, *add) if service not in remove)
        changed = replace(account, services=tuple(dict.fromkeys(kept)))
        if changed != account:
            people.set_services(tx, number, changed.services)
    return changed


def findings(tx: sa.Connection, number: str, policy: Policy) -> tuple[Finding, ...]:
    """What is wrong with the people of an account; NotFound if there is none."""
    return gaps(load_people.account(tx, number), load_people.contacts(tx, number), policy)


def refuse_ours(tokens: Tokens, address: str) -> None:
    """Refused for an address that is Casegate's own: it would write to itself."""
    if tokens.is_ours(address_form(address)):
        raise Refused(Phrase("{address} is an address of this gateway itself", address=address))


def add_contact(db: Database, contact: Contact) -> Contact:
    """A new active contact, as stored; no mail leaves. BadUsage, NotFound without the account, Refused for a known address."""
    stored = contact_form(contact)
    with db.begin() as tx:
        people.add_contact(tx, stored)
    return stored


def contact_form(contact: Contact) -> Contact:
    """A contact as typed, in stored form; BadUsage for what cannot be."""
    return replace(
        contact,
        name=_line(contact.name, Phrase("name")),
        addresses=tuple(address_form(address) for address in contact.addresses),
        phone=_phone(contact.phone),
        lang=_lang(contact.lang) if contact.lang else None,
    )


def is_managed(tx: sa.Connection, number: str) -> bool:
    """True while an account has a user manager, who approves registrations."""
    return bool(user_managers(load_people.contacts(tx, number)))


def returning(tx: sa.Connection, contact: Contact) -> Contact | None:
    """The un-registered contact of the same account who has this address, so who is added is them again; else None.

    Refused for one of another account: that one's history is not this one's.
    """
    wanted = address_form(contact.address)
    known = load_people.contacts_by_address(tx, (wanted,)).get(wanted)
    if known is None or known.active:
        return None
    if known.account != contact.account:
        raise Refused(f"{wanted} is an un-registered contact of account {known.account}; use another address")
    return known


def add_agent(db: Database, agent: Agent) -> Agent:
    """A new agent, as stored. BadUsage, Refused for a known address."""
    stored = replace(
        agent,
        name=_line(agent.name, "name"),
        address=address_form(agent.address),
        teams=tuple(dict.fromkeys(_line(team, "team") for team in agent.teams)),
        os_user=_optional(agent.os_user, "system user"),
        signature=_signature(agent.signature),
        lang=_lang(agent.lang),
    )
    with db.begin() as tx:
        people.add_agent(tx, stored)
    return stored


def sign(db: Database, agent: Agent, text: str) -> None:
    """What stands under this agent's answers; "" is name and vendor. BadUsage for one that is too long."""
    signature = _signature(text)
    with db.begin() as tx:
        people.set_signature(tx, agent.id, signature)


def _signature(text: str | None) -> str | None:
    """Without the mark that programs put above one; None for none."""
    lines = [line.rstrip() for line in (text or "").replace("\r\n", "\n").strip().split("\n")]
    lines = [line for line in lines if line != "--"]
    if len(lines) > LONGEST_SIGNATURE or any(len(line) > WIDEST_LINE for line in lines):
        raise BadUsage(f"a signature has up to {LONGEST_SIGNATURE} lines of {WIDEST_LINE} characters")
    return "\n".join(lines) or None


def agents(tx: sa.Connection) -> tuple[Agent, ...]:
    """All agents, in the order in which they came."""
    return load_people.agents(tx)


def accounts(tx: sa.Connection) -> tuple[Account, ...]:
    """All accounts, by number."""
    return load_people.accounts(tx)


def account(tx: sa.Connection, number: str) -> Account:
    """One account; NotFound if there is none."""
    return load_people.account(tx, number)


def contacts(tx: sa.Connection, account: str | None = None) -> tuple[Contact, ...]:
    """All contacts, or those of one account (NotFound if there is none), in the order in which they came."""
    if account is not None:
        load_people.account(tx, account)
    return load_people.contacts(tx, account)


def contact(tx: sa.Connection, address: str) -> Contact:
    """The contact who owns this address; NotFound if nobody does."""
    wanted = address.strip().lower() if address.isascii() else address_form(address)
    found = load_people.contacts_by_address(tx, (wanted,)).get(wanted)
    if found is None:
        raise NotFound(f"there is no contact {wanted}; `casegate contact list` shows them")
    return found


def address_form(address: str) -> str:
    """The stored form of an address; BadUsage if it is none that mail can be sent to."""
    from gateway.mail.sender import stored_form  # brings mail-parser, which readers do without

    stored = stored_form(address.strip())
    if stored is None or not stored.isascii():
        raise BadUsage(
            Phrase("{address} is no mail address; it looks like ann@customer.example", address=repr(address))
        )
    return stored


def _domain(domain: str) -> str:
    from gateway.mail.sender import stored_form

    stored = stored_form(f"x@{domain.strip().removeprefix('@')}")
    if stored is None:
        raise BadUsage(f"{domain!r} is no mail domain; it looks like customer.example")
    return stored.removeprefix("x@")


def _line(text: str, what: str) -> str:
    bare = text.strip()
    if not bare or len(bare) > LONGEST_LINE or not bare.isprintable():
        raise BadUsage(
            Phrase(
                "the {what} must be one line of at most {count} characters, without control characters",
                what=what,
                count=LONGEST_LINE,
            )
        )
    return bare


def _optional(text: str | None, what: str) -> str | None:
    return _line(text, what) if text is not None else None


def _phone(phone: str | None) -> str | None:
    if phone is not None and not _PHONE.fullmatch(phone.strip()):
        raise BadUsage(f"{phone!r} is no phone number; it looks like +49 30 1234567")
    return phone.strip() if phone is not None else None


def _lang(lang: str) -> str:
    if not _LANG.fullmatch(lang):
        raise BadUsage(f"{lang!r} is no language; use a code such as en or de")
    return lang


def _timezone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadUsage(f"{name!r} is no time zone; use a name such as Europe/Berlin") from error


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise BadUsage(f"{text!r} is no date; write it as 2027-12-31") from error
