"""Accounts, contacts and agents: rows that people type, through SQLModel Sessions (HOUSE section 5)."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, select

from gateway.domain.model import Account, Agent, Contact
from gateway.errors import NotFound, Refused
from gateway.store import tables as t
from gateway.store.case_rows import AccountRow, AddressRow, AgentRow, ContactRow


def add_account(tx: sa.Connection, account: Account, *, pin_hash: str | None) -> None:
    """A new customer company; Refused if the number is taken, NotFound if its manager is no agent."""
    with Session(tx) as session:
        if session.get(AccountRow, account.number) is not None:
            raise Refused(f"account {account.number} exists already; `casegate account show {account.number}`")
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
        row = AgentRow(name=agent.name, kind=agent.kind, teams=list(agent.teams), os_user=agent.os_user)
        session.add(row)
        session.flush()
        assert row.id is not None
        _claim(session, AddressRow(address=agent.address, agent_id=row.id))
        return row.id


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
