"""Accounts, contacts and agents: rows that people type, through SQLModel Sessions (HOUSE section 5)."""

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, select

from gateway.domain.model import Account, Agent, AgentId, Contact, ContactId
from gateway.errors import NotFound, Refused
from gateway.store import tables as t
from gateway.store.case_rows import AccountRow, AddressRow, AgentRow, ContactRow


def add_account(
    tx: sa.Connection, account: Account, *, pin_hash: str | None, pin_set_at: datetime | None = None
) -> None:
    """A new customer company; Refused if the number or the PIN is taken, NotFound if its manager is no agent."""
    with Session(tx) as session:
        if session.get(AccountRow, account.number) is not None:
            raise Refused(f"account {account.number} exists already; `casegate account show {account.number}`")
        if pin_hash is not None and session.exec(select(AccountRow).where(AccountRow.pin_hash == pin_hash)).first():
            raise Refused(
                "another account has this PIN; choose another one, or leave it to `casegate account pin --new`"
            )
        manager = _agent_id(session, account.manager) if account.manager else None
        session.add(
            AccountRow(
                number=account.number,
                name=account.name,
                domains=list(account.domains),
                services=list(account.services),
                lang=account.lang,
                timezone=account.timezone,
                manager_id=manager,
                team=account.team,
                calendar=account.calendar,
                valid_until=account.valid_until,
                pin_hash=pin_hash,
                pin_set_at=pin_set_at,
            )
        )
        session.flush()


def add_contact(tx: sa.Connection, contact: Contact) -> int:
    """A new contact; `contact.id` is ignored, the new one returned. Refused if an address is taken."""
    with Session(tx) as session:
        if session.get(AccountRow, contact.account) is None:
            raise NotFound(f"there is no account {contact.account}; `casegate account list` shows them")
        row = ContactRow(
            account=contact.account,
            name=contact.name,
            phone=contact.phone,
            lang=contact.lang,
            roles=sorted(contact.roles),
            access=contact.access,
        )
        session.add(row)
        session.flush()
        assert row.id is not None
        for position, address in enumerate(contact.addresses):
            _claim(session, AddressRow(address=address, contact_id=row.id, position=position))
        return row.id


def add_agent(tx: sa.Connection, agent: Agent) -> int:
    """A new agent; `agent.id` is ignored, the new one returned. Refused if the address is taken."""
    with Session(tx) as session:
        teams = list(agent.teams)
        row = AgentRow(name=agent.name, kind=agent.kind, teams=teams, os_user=agent.os_user, lang=agent.lang)
        row.signature = agent.signature
        session.add(row)
        session.flush()
        assert row.id is not None
        _claim(session, AddressRow(address=agent.address, agent_id=row.id))
        return row.id


def set_signature(tx: sa.Connection, id_: AgentId, signature: str | None) -> None:
    """An agent signs like this; None: by name and vendor."""
    tx.execute(sa.update(t.agent).where(t.agent.c.id == id_).values(signature=signature))


def set_pin(tx: sa.Connection, number: str, *, pin_hash: str, at: datetime, by: AgentId | None) -> None:
    """The account's PIN is this one, and the one before is no PIN any more."""
    row = sa.update(t.account).where(t.account.c.number == number)
    tx.execute(row.values(pin_hash=pin_hash, pin_set_at=at, pin_set_by=by))


def set_services(tx: sa.Connection, number: str, services: tuple[str, ...]) -> None:
    """The account has booked these."""
    tx.execute(sa.update(t.account).where(t.account.c.number == number).values(services=list(services)))


def written(tx: sa.Connection, contact: Contact) -> Contact:
    """A contact as they are from now on, with the id of one who is new. Refused if a further address is taken."""
    if contact.id == 0:
        return replace(contact, id=ContactId(add_contact(tx, contact)))
    changed(tx, contact)
    known = set(tx.scalars(sa.select(t.address.c.address).where(t.address.c.contact_id == contact.id)))
    with Session(tx) as session:
        for position, address in enumerate(contact.addresses):
            if address not in known:
                _claim(session, AddressRow(address=address, contact_id=contact.id, position=position))
    return contact


def changed(tx: sa.Connection, contact: Contact) -> None:
    """A contact is like this from now on; their addresses stay."""
    row = sa.update(t.contact).where(t.contact.c.id == contact.id)
    values = {name: getattr(contact, name) for name in ("name", "phone", "lang", "access", "active", "unsubscribed_at")}
    tx.execute(row.values(**values, roles=sorted(contact.roles)))


def address_bounced(tx: sa.Connection, address: str, *, at: datetime, status: str | None) -> None:
    """Note that mail does not reach an address; nothing if nobody of ours has it."""
    row = sa.update(t.address).where(t.address.c.address == address)
    tx.execute(row.values(bounced_at=at, bounced_status=status))


def address_works(tx: sa.Connection, address: str) -> None:
    """It does again."""
    row = sa.update(t.address).where(t.address.c.address == address)
    tx.execute(row.values(bounced_at=None, bounced_status=None))


def _claim(session: Session, row: AddressRow) -> None:
    """An address is a contact's or an agent's, never both, and never twice (SPEC section 3)."""
    known = session.get(AddressRow, row.address)
    if known is not None:
        raise Refused(f"{row.address} is {'an agent' if known.agent_id is not None else 'a contact'} already")
    session.add(row)
    session.flush()


def _agent_id(session: Session, address: str) -> int:
    row = session.exec(select(AddressRow).where(AddressRow.address == address)).first()
    if row is None or row.agent_id is None:
        raise NotFound(f"{address} is no agent; `casegate agent list` shows them")
    return row.agent_id
