"""What left, and for whom: readings of every byte of a mail, and mail about a case to people who may not have it.

`World` asks `misdirected` after each transaction of every scene (TESTPLAN section 0, I5), the two-account scan
(AC-13, `tests/two_accounts.py`) asks `found_in`.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import collapse_rfc2231_value
from html import unescape
from urllib.parse import unquote

from sqlalchemy import Connection, select

from gateway.domain.model import Case, CaseNumber, Contact, NoticeKind, Party, PartyKind
from gateway.store import load, load_people
from gateway.store import tables as t

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_DEEPEST = 2
"""So often what was decoded is decoded again."""


def found_in(data: bytes, secrets: Iterable[str]) -> set[str]:
    """Those of these words that can be read in a mail, however it is encoded; case, blanks and line ends are nothing."""
    pages = {_plain(page) for page in readings(data)}
    return {secret for secret in secrets if any(_plain(secret) in page for page in pages)}


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", text).casefold()


def readings(data: bytes) -> Iterator[str]:
    """A mail as it is on the wire, and all that a program could make of it."""
    yield from _texts(data.decode("latin-1"))
    yield from _parts(message_from_bytes(data))


def _parts(mail: Message) -> Iterator[str]:
    for part in mail.walk():
        for name, value in part.items():
            yield from _texts(f"{name}: {_header(str(value))}")
            yield from _texts(str(value))
        for header in ("content-type", "content-disposition"):
            for _, value in part.get_params([], header=header):
                yield from _texts(collapse_rfc2231_value(value))
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            for charset in ("utf-8", part.get_content_charset("latin-1"), "utf-16"):
                yield from _texts(_decoded(payload, charset))


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


def _texts(text: str, deep: int = 0) -> Iterator[str]:
    """A text and what unfolding, entities, percents and base64 within it come to, also one in the other."""
    yield text
    if deep == _DEEPEST:
        return
    steps: tuple[Callable[[str], str], ...] = (unescape, unquote, _header, _unfolded, _untagged, _quoted_printable)
    for other in {step(text) for step in steps} - {text}:
        yield from _texts(other, deep + 1)
    for run in _BASE64.findall(text) if deep < 2 else ():
        if inner := _from_base64(run):
            yield from _texts(inner, _DEEPEST - 1)


def _untagged(text: str) -> str:
    return re.sub(r"<[^<>]*>", "", text)


def _unfolded(text: str) -> str:
    return re.sub(r"\r?\n[ \t]", "", text)


def _quoted_printable(text: str) -> str:
    return binascii.a2b_qp(text.encode("utf-8", "replace")).decode("utf-8", "replace") if "=" in text else text


def _from_base64(run: str) -> str | None:
    try:
        data = base64.b64decode(run.rstrip("=") + "=" * (-len(run.rstrip("=")) % 4), altchars=b"-_", validate=False)
        return data.decode("utf-8") if data.isascii() or data else None
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
