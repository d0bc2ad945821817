"""Where an erased person is looked for: in every table there is; and what the search index keeps (`store.erase`)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select
from sqlmodel import AutoString, SQLModel

from gateway.domain.approval import RegistrationState
from gateway.domain.erasing import Mask
from gateway.domain.model import Account, Contact, ContactId
from gateway.store import erase, load_people, people
from gateway.store import tables as t
from gateway.store.db import Database

NAME, ADDRESS, PHONE = "Dora Doe", "dora@customer.example", "+49 30 1234567"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SEEN_TO = {"account", "agent", "contact", "address", "participant", "thread", "raw_mail", "handled", "timer"}
NO_TEXT = {"mailbox", "counter", "in_force", "unwanted_blob", "to_tell", "announcement_recipient"}


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    with made.begin() as tx:
        people.add_account(tx, Account(number="EX-1", name="Example"), pin_hash=None)
        contact = Contact(id=ContactId(0), account="EX-1", name=NAME, addresses=(ADDRESS,), phone=PHONE)
        people.add_contact(tx, contact)
    yield made
    made.close()


def dora(tx: sa.Connection) -> Contact:
    return load_people.contacts_by_address(tx, (ADDRESS,))[ADDRESS]


def swept(db: Database) -> int:
    with db.begin() as tx:
        contact = dora(tx)
        return sum(erase.texts(tx, erase.Found(contact=contact, outside=[]), Mask.of(contact)))


def test_every_table_is_searched_but_those_that_are_seen_to() -> None:
    """A new one is searched by itself; whoever leaves one out must say so here."""
    everything = {table.name for table in SQLModel.metadata.sorted_tables}
    assert everything - SEEN_TO - NO_TEXT == {table.name for table in erase.TABLES}


def test_a_row_with_an_address_loses_name_and_phone_too(db: Database) -> None:
    """As in a registration, which is about no case; another one of the same name keeps it."""
    row = {
        "state": RegistrationState.APPROVED,
        "requested_at": NOW,
        "expires_at": NOW,
        "roles": [],
        **_defaults(t.registration),
    }
    with db.begin() as tx:
        tx.execute(t.registration.insert().values({**row, "id": 1, "address": ADDRESS, "name": NAME, "phone": PHONE}))
        other = {**row, "id": 2, "address": "x@y.example", "name": NAME, "phone": PHONE}
        tx.execute(t.registration.insert().values(other))
        tx.execute(t.alarm.insert().values(name="a", since=NOW, text=f"mail to {ADDRESS}", mend=f"ask {NAME}"))

    assert 2 == swept(db)

    columns = (t.registration.c.address, t.registration.c.name, t.registration.c.phone)
    rows = db.read(lambda tx: tx.execute(select(*columns).order_by(t.registration.c.id)).all())
    assert [
        ("erased-1@erased.invalid", "Erased person 1", "[erased phone]"),
        ("x@y.example", NAME, PHONE),
    ] == [tuple(one) for one in rows]
    alarm = db.read(lambda tx: tx.execute(select(t.alarm.c.text, t.alarm.c.mend)).one())
    assert ("mail to erased-1@erased.invalid", "ask Erased person 1") == tuple(alarm)


def _defaults(table: sa.Table) -> dict[str, Any]:
    """A value for whatever must not be empty and is not of interest."""
    plain = {
        column.name: False if isinstance(column.type, sa.Boolean) else 0
        for column in table.columns
        if not column.nullable and not column.primary_key and isinstance(column.type, sa.Boolean | sa.Integer)
    }
    texts = {
        column.name: ""
        for column in table.columns
        if not column.nullable and isinstance(column.type, AutoString) and column.name not in plain
    }
    return {**texts, **plain}


def test_a_percent_or_an_underscore_in_an_address_is_itself(db: Database) -> None:
    with db.begin() as tx:
        tx.execute(t.address.update().values(address="d_a%x@customer.example"))
        tx.execute(t.alarm.insert().values(name="a", since=NOW, text="dora1x@customer.example", mend=""))
        tx.execute(t.alarm.insert().values(name="b", since=NOW, text="to d_a%x@customer.example", mend=""))
        contact = load_people.contacts(tx)[0]
        found = erase.Found(contact=contact, outside=[])
        assert 1 == sum(erase.texts(tx, found, Mask.of(contact)))
    texts = db.read(lambda tx: tx.scalars(select(t.alarm.c.text).order_by(t.alarm.c.name)).all())
    assert ["dora1x@customer.example", "to erased-1@erased.invalid"] == texts


def test_of_who_is_not_erased_nothing_is_asked(db: Database) -> None:
    assert [] == db.read(erase.unfinished)


def test_a_blob_is_noted_once(db: Database) -> None:
    """However many rows had the same bytes."""
    with db.begin() as tx:
        for _ in range(2):
            erase.is_unwanted(tx, ["a" * 64, "b" * 64])
    assert ["a" * 64, "b" * 64] == db.read(erase.unwanted_blobs)
