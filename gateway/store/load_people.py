"""Accounts, contacts and agents as domain values. Deciding a mail asks here, and so do the commands that list them.

Statements that each mail runs stand ready at the top: building one costs more than running it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from gateway.domain.model import Account, Agent, AgentId, Bounced, Contact, ContactId, ContactRole, Party, PartyKind
from gateway.errors import Conflict, NotFound
from gateway.store import tables as t

_ACCOUNTS = (
    select(t.account, t.address.c.address.label("manager"))
    .outerjoin(t.address, (t.address.c.agent_id == t.account.c.manager_id) & (t.address.c.position == 0))
    .order_by(t.account.c.number)
)
_ACCOUNT = _ACCOUNTS.where(t.account.c.number == bindparam("number"))

_CONTACTS = (
    select(t.contact, t.address.c.address, t.address.c.bounced_at, t.address.c.bounced_status)
    .join(t.address, t.address.c.contact_id == t.contact.c.id)
    .order_by(t.contact.c.id, t.address.c.position, t.address.c.address)
)
_CONTACTS_BY_ID = _CONTACTS.where(t.contact.c.id.in_(bindparam("ids")))
_CONTACTS_BY_ADDRESS = _CONTACTS.where(
    t.contact.c.id.in_(select(t.address.c.contact_id).where(t.address.c.address.in_(bindparam("addresses"))))
)

_MAY_WRITE = (
    select(t.contact.c.active & t.contact.c.access)
    .where(t.contact.c.id == bindparam("contact"))
    .with_for_update(read=True)
)

_AGENTS = (
    select(
        t.agent, t.address.c.address
    )  # each has one; "outer" has SQLite begin with the few agents, not all addresses
    .outerjoin(t.address, (t.address.c.agent_id == t.agent.c.id) & (t.address.c.position == 0))
    .order_by(t.agent.c.id)
)
_AGENTS_BY_ID = _AGENTS.where(t.agent.c.id.in_(bindparam("ids")))
_AGENT_BY_ADDRESS = _AGENTS.where(t.address.c.address == bindparam("address"))
_ACTIVE_AGENTS = _AGENTS.where(t.agent.c.active)


def accounts(tx: sa.Connection) -> tuple[Account, ...]:
    """All accounts, by number."""
    return _accounts(tx, _ACCOUNTS)


def account(tx: sa.Connection, number: str) -> Account:
    """One account; NotFound if there is none."""
    found = _accounts(tx, _ACCOUNT, number=number)
    if not found:
        raise NotFound(f"there is no account {number}; `casegate account list` shows them")
    return found[0]


def _accounts(tx: sa.Connection, query: sa.Select[Any], **values: object) -> tuple[Account, ...]:
    return tuple(
        Account(
            number=row.number,
            name=row.name,
            domains=tuple(row.domains),
            services=tuple(row.services),
            lang=row.lang,
            timezone=row.timezone,
            manager=row.manager,
            team=row.team,
            calendar=row.calendar,
            valid_until=row.valid_until,
        )
        for row in tx.execute(query, values)
    )


def contacts(tx: sa.Connection, account: str | None = None) -> tuple[Contact, ...]:
    """The contacts of an account, or of all, by id."""
    query = _CONTACTS if account is None else _CONTACTS.where(t.contact.c.account == account)
    return _contacts(tx, query)


def contacts_by_address(tx: sa.Connection, addresses: Iterable[str]) -> dict[str, Contact]:
    """The contacts that own these addresses (stored form), active or not."""
    wanted = set(addresses)
    if not wanted:
        return {}
    found = _contacts(tx, _CONTACTS_BY_ADDRESS, addresses=sorted(wanted))
    return {address: contact for contact in found for address in contact.addresses if address in wanted}


def _contacts(tx: sa.Connection, query: sa.Select[Any], **values: object) -> tuple[Contact, ...]:
    """Contacts with all their addresses; a row is one address."""
    found: dict[int, Contact] = {}
    for row in tx.execute(query, values):
        known = found.get(row.id)
        bounced = known.bounced if known else ()
        if row.bounced_at is not None:
            bounced = (*bounced, Bounced(address=row.address, at=row.bounced_at, status=row.bounced_status))
        found[row.id] = Contact(
            id=ContactId(row.id),
            account=row.account,
            name=row.name,
            addresses=(*known.addresses, row.address) if known else (row.address,),
            roles=frozenset(ContactRole(role) for role in row.roles),
            phone=row.phone,
            lang=row.lang,
            access=row.access,
            active=row.active,
            bounced=bounced,
            is_erased=row.erased_at is not None,
            unsubscribed_at=row.unsubscribed_at,
        )
    return tuple(found.values())


def agents(tx: sa.Connection) -> tuple[Agent, ...]:
    """All agents, by id."""
    return _agents(tx, _AGENTS)


def agent_by_address(tx: sa.Connection, address: str) -> Agent | None:
    """The agent who gets mail at this address (stored form), active or not."""
    return next(iter(_agents(tx, _AGENT_BY_ADDRESS, address=address)), None)


def pin_of(tx: sa.Connection, number: str) -> tuple[datetime | None, str | None] | None:
    """Since when an account has a PIN, and which agent set it; None where it has none, or there is no account."""
    set_by = select(t.address.c.address).where(
        t.address.c.agent_id == t.account.c.pin_set_by, t.address.c.position == 0
    )
    query = select(t.account.c.pin_set_at, set_by.scalar_subquery()).where(
        t.account.c.number == number, t.account.c.pin_hash.is_not(None)
    )
    row = tx.execute(query).first()
    return (row[0], row[1]) if row else None


def account_of_pin(tx: sa.Connection, pin_hash: str) -> str | None:
    """The account whose PIN this is; None if it is nobody's."""
    return tx.scalar(select(t.account.c.number).where(t.account.c.pin_hash == pin_hash))


def hold_account(tx: sa.Connection, number: str) -> None:
    """From here to the commit nobody else changes people of this account; its cases go on."""
    query = select(t.account.c.number).where(t.account.c.number == number)
    tx.execute(query.with_for_update(key_share=True))


def hold_contact_alone(tx: sa.Connection, id_: ContactId) -> None:
    """From here to the commit nobody else changes this contact, and none of their mail is handled."""
    tx.execute(select(t.contact.c.id).where(t.contact.c.id == id_).with_for_update(key_share=True))


def open_cases_of(tx: sa.Connection, contact: Contact, settled: Sequence[str]) -> Sequence[int]:
    """The numbers of the cases that a contact reported or takes part in, and that neither rest nor were merged."""
    joined = select(t.participant.c.case_number).where(t.participant.c.party == str(contact.party))
    is_on = (t.cases.c.reporter_id == contact.id) | t.cases.c.number.in_(joined)
    query = select(t.cases.c.number).where(is_on, t.cases.c.status.not_in(settled), t.cases.c.merged_into.is_(None))
    return tx.scalars(query.order_by(t.cases.c.number)).all()


def hold_contact(tx: sa.Connection, contact: Contact) -> None:
    """From here to the commit a contact may write; Conflict if they were un-registered since they were read."""
    if not tx.scalar(_MAY_WRITE, {"contact": contact.id}):
        raise Conflict(f"{contact.address} was un-registered at this moment")


def team(tx: sa.Connection, name: str) -> tuple[Agent, ...]:
    """The active agents of a team; a team without anyone is all active agents (SPEC section 4)."""
    active = _agents(tx, _ACTIVE_AGENTS)
    return tuple(agent for agent in active if name in agent.teams) or active


def _agents(tx: sa.Connection, query: sa.Select[Any], **values: object) -> tuple[Agent, ...]:
    return tuple(
        Agent(
            id=AgentId(row.id),
            name=row.name,
            address=row.address,
            kind=row.kind,
            teams=tuple(row.teams),
            os_user=row.os_user,
            signature=row.signature,
            lang=row.lang,
            active=row.active,
        )
        for row in tx.execute(query, values)
    )


def people(tx: sa.Connection, parties: Iterable[Party]) -> tuple[dict[Party, Contact], dict[Party, Agent]]:
    """The contacts and agents among these parties."""
    wanted = set(parties)
    contact_ids = [int(party.id) for party in wanted if party.kind is PartyKind.CONTACT]
    agent_ids = [int(party.id) for party in wanted if party.kind is PartyKind.AGENT]
    found = _contacts(tx, _CONTACTS_BY_ID, ids=contact_ids) if contact_ids else ()
    working = _agents(tx, _AGENTS_BY_ID, ids=agent_ids) if agent_ids else ()
    return {contact.party: contact for contact in found}, {agent.party: agent for agent in working}
