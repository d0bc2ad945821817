"""What left, and for whom: readings of every byte of a mail, and mail about a case to people who may not have it.

`World` asks `misdirected` after each transaction of every scene (TESTPLAN section 0, I5), the two-account scan
(AC-13, `tests/two_accounts.py`) asks `found_in`.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import collapse_rfc2231_value
from functools import lru_cache
from html import unescape
from urllib.parse import unquote

from sqlalchemy import Connection, select

from gateway.domain.model import Case, CaseNumber, Contact, NoticeKind, Party, PartyKind
from gateway.store import load, load_people
from gateway.store import tables as t

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_DEEPEST = 3
"""So often what was decoded is decoded again."""


def found_in(data: bytes, secrets: Iterable[str]) -> set[str]:
    """Those of these words that can be read in a mail, however it is encoded; case, blanks and line ends are nothing."""
    pages = _pages(data)
    return {secret for secret in secrets if _plain(secret) in pages}


@lru_cache(maxsize=2_000)
def _pages(data: bytes) -> str:
    return "\n".join(map(_plain, readings(data)))


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()


def readings(data: bytes) -> set[str]:
    """A mail as it is on the wire, and all that a program could make of it."""
    seen: set[str] = set()
    _read(data.decode("latin-1"), seen)
    for part in message_from_bytes(data).walk():
        for name, value in part.items():
            _read(f"{name}: {_header(str(value))}", seen)
        for header in ("content-type", "content-disposition"):
            for _, value in part.get_params([], header=header):
                _read(collapse_rfc2231_value(value), seen)
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            for charset in {"utf-8", part.get_content_charset("utf-8"), *(["utf-16"] if b"\0" in payload else [])}:
                _read(_decoded(payload, charset), seen)
    return seen


def _decoded(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return data.decode("latin-1")


def _header(value: str) -> str:
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    return "".join(
        _decoded(text, charset or "latin-1") if isinstance(text, bytes) else text for text, charset in pieces
    )


def _read(text: str, seen: set[str], deep: int = 0) -> None:
    """A text and what unfolding, entities, percents and base64 within it come to, also one in the other."""
    if text in seen or deep > _DEEPEST:
        return
    seen.add(text)
    for step in (unescape, unquote, _header, _unfolded, _quoted_printable):
        _read(step(text), seen, deep + 1)
    for run in _BASE64.findall(text):
        if inner := _from_base64(run):
            _read(inner, seen, deep + 2)


def _unfolded(text: str) -> str:
    return re.sub(r"\r?\n[ \t]", "", text)


def _quoted_printable(text: str) -> str:
    return binascii.a2b_qp(text.encode("utf-8", "replace")).decode("utf-8", "replace") if "=" in text else text


def _from_base64(run: str) -> str | None:
    try:
        data = base64.b64decode(run.rstrip("=") + "=" * (-len(run.rstrip("=")) % 4), altchars=b"-_", validate=False)
        return data.decode("utf-8")
    except (binascii.Error, ValueError):
        return None


def misdirected(tx: Connection, after: int) -> tuple[int, list[str]]:
    """The newest outbox row, and what is wrong with those after `after`, as rights are at this moment.

    Mail about a case goes to agents, to active contacts of its account, and to who is on it; what agents say among
    themselves to agents only.
    """
    rows = tx.execute(select(t.outbox).where(t.outbox.c.id > after).order_by(t.outbox.c.id)).all()
    if not rows:
        return after, []
    known = load.cases(tx, {row.case_number for row in rows if row.case_number is not None})
    contacts = load_people.contacts_by_address(tx, {row.recipient for row in rows})
    wrong = []
    for row in rows:
        agent = load_people.agent_by_address(tx, row.recipient)
        contact = contacts.get(row.recipient)
        if row.case_number is None or (agent and agent.active):
            continue
        if not _may_have(known[row.case_number], row.recipient, contact, row.kind):
            wrong.append(f"mail {row.id} ({row.kind}) about case {row.case_number} goes to {row.recipient}")
    return rows[-1].id, wrong


def _may_have(case: Case, recipient: str, contact: Contact | None, kind: NoticeKind) -> bool:
    is_internal = kind in {NoticeKind.NOTE, NoticeKind.ASSIGNED, NoticeKind.SLA_LEVEL, NoticeKind.DIGEST}
    if is_internal:
        return False
    if contact is None:
        return Party(PartyKind.EXTERNAL, recipient) in case.participants
    return contact.active and (case.account == contact.account or contact.party in case.participants)


def of_account(tx: Connection, account: str) -> tuple[CaseNumber, ...]:
    """The numbers of an account's cases."""
    found = tx.scalars(select(t.cases.c.number).where(t.cases.c.account == account).order_by(t.cases.c.number))
    return tuple(map(CaseNumber, found))
