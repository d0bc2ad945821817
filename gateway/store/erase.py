"""One person leaves all tables: where they stand, what is written instead, and what `db verify` asks afterwards.

`services.erasing` calls it in the transaction of the Action, with a Mask that knows the person; nothing here knows a
name. Texts are searched in every table there is, so that a table which is added later loses addresses as well.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam, select
from sqlmodel import AutoString, SQLModel

from gateway.domain.erasing import Mask, pseudonym, pseudonym_address
from gateway.domain.model import Contact, ContactId, IntakeId, NoticeKind, Party, PartyKind
from gateway.domain.post import IntakeState, OutboxState
from gateway.store import tables as t
from gateway.store.upsert import INSERT

Bytes = Callable[[str], bytes]

_WITHOUT_TEXTS = frozenset(
    {
        *("account", "agent", "contact", "address"),  # people have their own rows; `person` sees to this one's
        *("participant", "thread", "raw_mail", "handled", "timer", "to_tell"),  # below, or ids and hashes only
        *("mailbox", "counter", "in_force", "unwanted_blob", "announcement_recipient"),
    }
)
_FREE = frozenset(
    {
        *("subject", "text", "quoted", "name", "phone", "reason", "evidence", "passed", "detail", "request", "error"),
        *("last_error", "log", "place", "product", "product_version", "environment", "mend", "sender", "mail_from"),
        *("phrase", "variables"),
    }
)
"""Columns in which people and machines write what they like; in all others a name is not looked for."""

TABLES = tuple(table for table in SQLModel.metadata.sorted_tables if table.name not in _WITHOUT_TEXTS)
"""Where texts are."""

_SET_ASIDE = (IntakeState.HELD, IntakeState.QUARANTINED)


@dataclass(slots=True, kw_only=True)
class Found:
    """Where a person is looked for: the cases of their account, those they were on, and where an address turned up.

    `announced` are the announcements that name them, in words that went to others.
    """

    contact: Contact
    outside: Sequence[int]
    turned_up: set[int] = field(default_factory=set)
    announced: set[int] = field(default_factory=set)

    def has(self, number: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """True of a column that names one of these cases."""
        own = select(t.cases.c.number).where(t.cases.c.account == self.contact.account)
        return number.in_(own) | number.in_([*self.outside, *sorted(self.turned_up)])


def cases_of(tx: sa.Connection, contact: Contact) -> Sequence[int]:
    """The numbers of all cases on which a contact reports, takes part, wrote, acted or is named in the history."""
    party = str(contact.party)
    everybody = (party, *(str(Party(PartyKind.EXTERNAL, address)) for address in contact.addresses))
    parts = (
        select(t.cases.c.number).where(t.cases.c.reporter_id == contact.id),
        select(t.participant.c.case_number).where(t.participant.c.party.in_(everybody)),
        select(t.message.c.case_number).where(t.message.c.author == party),
        select(t.event.c.case_number).where(_involves(party)),
    )
    return sorted(set(tx.scalars(sa.union(*parts))))


def _involves(party: str) -> sa.ColumnElement[bool]:
    """True of events that somebody caused or that name them."""
    return (t.event.c.actor == party) | sa.cast(t.event.c.detail, sa.Text).contains(f'"{party}"', autoescape=True)


def undecided(tx: sa.Connection, fetch: Bytes) -> Iterator[tuple[IntakeId, bytes]]:
    """The mail that waits to be decided; of which nobody knows yet whose it is."""
    yield from _raw(tx, t.intake.c.state == IntakeState.PENDING, fetch)


def _raw(tx: sa.Connection, which: sa.ColumnElement[bool], fetch: Bytes) -> Iterator[tuple[IntakeId, bytes]]:
    query = select(t.raw_mail).join(t.intake, t.intake.c.id == t.raw_mail.c.intake_id).where(which)
    for row in tx.execute(query.execution_options(yield_per=50)):
        yield IntakeId(row.intake_id), row.data if row.sha256 is None else fetch(row.sha256)


def hold_cases(tx: sa.Connection, found: Found) -> None:
    """From here to the commit nobody writes a case of theirs as it was before."""
    tx.execute(select(t.cases.c.number).where(found.has(t.cases.c.number)).order_by(t.cases.c.number).with_for_update())


def forget_well(tx: sa.Connection) -> None:
    """What is deleted from here on is overwritten in the file, on SQLite."""
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql("PRAGMA secure_delete = ON")


def person(tx: sa.Connection, contact: Contact, at: datetime) -> None:
    """The contact's own rows: their addresses are anybody's again, and the pseudonym's stands in their place."""
    tx.execute(sa.delete(t.address).where(t.address.c.contact_id == contact.id))
    row = {"address": pseudonym_address(contact.id), "contact_id": contact.id, "position": 0}
    tx.execute(sa.insert(t.address).values(row))
    tx.execute(sa.update(t.contact).where(t.contact.c.id == contact.id).values(erased_at=at))


# --- Texts ----------------------------------------------------------------------------------------------


def texts(tx: sa.Connection, found: Found, mask: Mask) -> Iterator[int]:
    """Write the pseudonym wherever the person stands in a text; how many rows of each table that changed."""
    for table in TABLES:
        yield _texts_of(tx, table, found, mask)
    own = select(t.cases.c.number).where(t.cases.c.account == found.contact.account)
    found.turned_up.difference_update(tx.scalars(own))  # these are found by their account
    yield _participants(tx, mask)
    yield _message_ids(tx, found.contact)


def _texts_of(tx: sa.Connection, table: sa.Table, found: Found, mask: Mask) -> int:
    columns = [column for column in table.columns if _is_text(column)]
    key = list(table.primary_key.columns)
    has_address = [_contains(column, address) for column in columns for address in found.contact.addresses]
    query = select(*key, *columns, *([table.c.case_number] if "case_number" in table.c else []))
    may_have_name = _like(columns, mask.hints)
    query = query.where(sa.or_(*has_address, *(scope & may_have_name for scope in _in_scope(table, found))))
    changed = []
    for row in tx.execute(query.execution_options(yield_per=200)):
        after = {one.name: _masked(one.name, getattr(row, one.name), mask) for one in columns}
        if any(after[one.name] != getattr(row, one.name) for one in columns):
            changed.append((row, after))
    if changed:
        which = (one == bindparam(f"key_{one.name}") for one in key)
        update = sa.update(table).where(*which).values({one.name: bindparam(f"new_{one.name}") for one in columns})
        tx.execute(update, [_given(row, key, after) for row, after in changed])
    if table is t.announcement:
        found.announced.update(row.id for row, _ in changed)
    if "case_number" in table.c:
        found.turned_up.update(row.case_number for row, _ in changed if row.case_number is not None)
    return len(changed)


def _given(row: sa.Row[Any], key: Iterable[sa.Column[Any]], after: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{f"key_{one.name}": getattr(row, one.name) for one in key},
        **{f"new_{name}": value for name, value in after.items()},
    }


def _is_text(column: sa.Column[Any]) -> bool:
    if column.primary_key or column.foreign_keys or isinstance(column.type, sa.Enum):
        return False
    return isinstance(column.type, AutoString | sa.String | sa.JSON)


def _contains(column: sa.Column[Any], address: str) -> sa.ColumnElement[bool]:
    return sa.cast(column, sa.Text).icontains(address, autoescape=True)


def _like(columns: list[sa.Column[Any]], hints: Sequence[str]) -> sa.ColumnElement[bool]:
    """Spares reading most rows that have neither the name nor the phone."""
    if not hints:
        return sa.true()
    lower = [sa.func.lower(sa.cast(column, sa.Text)) for column in columns if column.name in _FREE]
    return sa.or_(sa.false(), *(text.like(hint) for text in lower for hint in hints))


def _in_scope(table: sa.Table, found: Found) -> list[sa.ColumnElement[bool]]:
    """Rows in which the name and the phone are this person's: on their cases, and where no case is meant at all."""
    if table is t.cases:
        return [found.has(t.cases.c.number)]
    if table is t.attachment:
        return [t.attachment.c.message.in_(select(t.message.c.id).where(found.has(t.message.c.case_number)))]
    if table in {t.alarm, t.snippet, t.announcement}:
        return [sa.true()]
    return [found.has(table.c.case_number)] if "case_number" in table.c else []


def _masked(name: str, value: Any, mask: Mask) -> Any:
    if isinstance(value, str):
        return mask.everything(value) if name in _FREE else mask.addresses(value)
    return mask.inside(value) if value is not None else None


def _participants(tx: sa.Connection, mask: Mask) -> int:
    """An address that stood on a case by itself, which may be one that is merged."""
    rows = tx.execute(select(t.participant).where(t.participant.c.party.contains(f"{PartyKind.EXTERNAL}:")))
    changed = [(row, mask.addresses(row.party)) for row in rows]
    for row, after in changed:
        if after != row.party:
            which = (t.participant.c.case_number == row.case_number) & (t.participant.c.party == row.party)
            tx.execute(sa.update(t.participant).where(which).values(party=after))
    return sum(after != row.party for row, after in changed)


def _message_ids(tx: sa.Connection, contact: Contact) -> int:
    """Ids are kept, by which answers find their case, but for those in which an address stands."""
    number = 0
    for address in contact.addresses:
        has = t.message.c.message_id.icontains(address, autoescape=True)
        number += tx.execute(sa.update(t.message).where(has).values(message_id=None)).rowcount
        tx.execute(sa.delete(t.thread).where(t.thread.c.message_id.icontains(address, autoescape=True)))
    return number


# --- Mail -----------------------------------------------------------------------------------------------


def mail_of(tx: sa.Connection, contact: Contact, mask: Mask, is_theirs: Callable[[bytes], bool], fetch: Bytes) -> int:
    """Delete the bytes of the mails that the contact sent, and say so on their rows; how many that were.

    What was set aside and waited for somebody ends as dropped. `is_theirs` looks at mail that nobody could read.
    """
    wrote = select(t.message.c.intake_id).where(t.message.c.author == str(contact.party))
    by_sender = [t.intake.c.sender.icontains(address, autoescape=True) for address in contact.addresses]
    rows = {row.id: row for row in tx.execute(select(t.intake).where(sa.or_(t.intake.c.id.in_(wrote), *by_sender)))}
    theirs = [
        row
        for row in rows.values()
        if row.state != IntakeState.PENDING and (not row.sender or mask.addresses(row.sender) != row.sender)
    ]
    nobodys = t.intake.c.sender.is_(None) & (t.intake.c.state != IntakeState.PENDING) & t.intake.c.id.not_in(list(rows))
    unread = [id_ for id_, data in _raw(tx, nobodys, fetch) if is_theirs(data)]
    theirs += tx.execute(select(t.intake).where(t.intake.c.id.in_(unread))).all()
    for row in theirs:
        values = {
            "sender": mask.address,
            "mail_from": mask.address if row.mail_from else row.mail_from,
            "subject": mask.everything(row.subject) if row.subject else None,
            "reason": f"{mask.everything(row.reason or '')}; its bytes were erased with {mask.name}".lstrip("; "),
            "state": IntakeState.DROPPED if row.state in _SET_ASIDE else row.state,
        }
        tx.execute(sa.update(t.intake).where(t.intake.c.id == row.id).values(values))
    return _delete_raw(tx, [row.id for row in theirs])


def mail_that_names(
    tx: sa.Connection, found: Found, mask: Mask, does: Callable[[bytes, bool], bool], fetch: Bytes
) -> int:
    """Delete the bytes of decided mails of others in which the person stands; how many that were.

    `does` is told whether the mail is on one of the person's cases. Mail that still waits for somebody stays.
    """
    decided = t.intake.c.state.in_((IntakeState.DONE, IntakeState.DROPPED))
    named: list[IntakeId] = []
    for is_on_case, which in (
        (True, found.has(t.intake.c.case_number)),
        (False, t.intake.c.case_number.is_(None)),
    ):
        named += [id_ for id_, data in _raw(tx, decided & which, fetch) if does(data, is_on_case)]
    for row in tx.execute(select(t.intake.c.id, t.intake.c.reason).where(t.intake.c.id.in_(named))).all():
        reason = f"{row.reason or ''}; its bytes were deleted, since they named {mask.name}".lstrip("; ")
        tx.execute(sa.update(t.intake).where(t.intake.c.id == row.id).values(reason=reason))
    return _delete_raw(tx, named)


def _delete_raw(tx: sa.Connection, ids: Sequence[int]) -> int:
    """The bytes go; a blob is noted, to be deleted once this is committed."""
    which = t.raw_mail.c.intake_id.in_(ids)
    hashes = tx.scalars(select(t.raw_mail.c.sha256).where(which, t.raw_mail.c.sha256.is_not(None)).distinct()).all()
    is_unwanted(tx, hashes)
    return tx.execute(sa.delete(t.raw_mail).where(which)).rowcount


def mail_to(tx: sa.Connection, contact: Contact, reason: str) -> tuple[int, int]:
    """Empty what was sent to the contact, and end what still waits; how many mails that were, and of those waited."""
    owed = t.outbox.c.recipient.in_(contact.addresses)
    waits = t.outbox.c.state.in_((OutboxState.PENDING, OutboxState.IN_DOUBT, OutboxState.HELD))
    ended = {"state": OutboxState.CANCELLED, "last_error": reason, "lease_until": None}
    cancelled = tx.execute(sa.update(t.outbox).where(owed, waits).values(ended)).rowcount
    emptied = {"recipient": pseudonym_address(contact.id), "data": b""}
    return tx.execute(sa.update(t.outbox).where(owed).values(emptied)).rowcount, cancelled


def mail_to_others(tx: sa.Connection, found: Found, rewrite: Callable[[bytes], bytes]) -> int:
    """Write the pseudonym into mail to others, sent or not; how many mails that changed."""
    nobodys = (NoticeKind.UNREGISTERED, NoticeKind.ANNOUNCEMENT)  # these name nobody but, at times, in their variables
    by_kind = t.outbox.c.case_number.is_(None) & t.outbox.c.kind.not_in(nobodys)
    announced = t.announcement_recipient.c.announcement_id.in_(sorted(found.announced))
    by_announcement = t.outbox.c.message_id.in_(select(t.announcement_recipient.c.message_id).where(announced))
    query = select(t.outbox.c.id, t.outbox.c.data)
    query = query.where(found.has(t.outbox.c.case_number) | by_kind | by_announcement)
    changed = [
        (row.id, after)
        for row in tx.execute(query.execution_options(yield_per=50))
        if row.data and (after := rewrite(row.data)) != row.data
    ]
    for id_, after in changed:
        tx.execute(sa.update(t.outbox).where(t.outbox.c.id == id_).values(data=after))
    return len(changed)


def files_of(tx: sa.Connection, contact: Contact) -> int:
    """How many files the contact sent; they stay."""
    wrote = select(t.message.c.id).where(t.message.c.author == str(contact.party))
    return tx.scalar(select(sa.func.count()).where(t.attachment.c.message.in_(wrote))) or 0


# --- Blobs that go, and what is checked -----------------------------------------------------------------


def is_unwanted(tx: sa.Connection, hashes: Sequence[str | None]) -> None:
    """These blobs are to be deleted, unless something else names them."""
    if hashes:
        new = INSERT[tx.dialect.name](t.unwanted_blob).on_conflict_do_nothing()
        tx.execute(new, [{"sha256": sha256} for sha256 in hashes])


def unwanted_blobs(tx: sa.Connection) -> Sequence[str]:
    """The blobs that are to be deleted."""
    return tx.scalars(select(t.unwanted_blob.c.sha256).order_by(t.unwanted_blob.c.sha256)).all()


def is_named_blob(tx: sa.Connection, sha256: str) -> bool:
    """Whether a mail or a file has these bytes."""
    used = (select(table.c.sha256).where(table.c.sha256 == sha256) for table in (t.raw_mail, t.attachment))
    return tx.execute(sa.union_all(*used).limit(1)).first() is not None


def blob_is_gone(tx: sa.Connection, sha256: str) -> None:
    """Nothing is left to do about this blob."""
    tx.execute(sa.delete(t.unwanted_blob).where(t.unwanted_blob.c.sha256 == sha256))


def unfinished(tx: sa.Connection) -> list[str]:
    """What `db verify` finds about erased people; that a name stands nowhere any more cannot be asked: it is gone."""
    erased = tx.execute(select(t.contact).where(t.contact.c.erased_at.is_not(None)).order_by(t.contact.c.id)).all()
    found = [f"contact {row.id} is erased, but {what}" for row in erased for what in _wrong_with(tx, row)]
    if left := len(unwanted_blobs(tx)):
        files = f"{left} mail{'s' if left != 1 else ''} of erased people"
        found.append(f"{files} are still in the file store; `casegate contact erase` once more deletes them")
    return found


def _wrong_with(tx: sa.Connection, row: sa.Row[Any]) -> Iterable[str]:
    id_ = ContactId(row.id)
    if (row.name, row.phone, row.lang, row.roles, row.active) != (pseudonym(id_), None, None, [], False):
        yield "has more than a pseudonym"
    if tx.scalars(select(t.address.c.address).where(t.address.c.contact_id == id_)).all() != [pseudonym_address(id_)]:
        yield "has an address"
    party = str(Party.contact(id_))
    is_erased = (t.event.c.event == "erased") & _involves(party)
    noted = select(t.event.c.case_number).where(is_erased)
    first = select(sa.func.min(t.event.c.id)).where(is_erased).scalar_subquery()
    before = sa.or_(t.event.c.id < first, first.is_(None))
    query = select(t.event.c.case_number).where(_involves(party), before, t.event.c.case_number.not_in(noted))
    for number in tx.scalars(query.distinct().order_by(t.event.c.case_number)):
        yield f"case {number} has no event that says so"
    wrote = select(t.message.c.intake_id).where(t.message.c.author == party)
    sent = t.intake.c.id.in_(wrote) | (t.intake.c.sender == pseudonym_address(id_))
    raw = select(t.intake.c.id).join(t.raw_mail, t.raw_mail.c.intake_id == t.intake.c.id).where(sent)
    for number in tx.scalars(raw.order_by(t.intake.c.id)):
        yield f"the bytes of mail {number} are kept"
