"""A gateway whose database has years behind it: 100,000 cases with 1,000,000 events, in a minute or two.

`python -m tests.bench.big_database FOLDER [--cases N] [--events N]` makes FOLDER with config.toml, secret and
casegate.db; `casegate db verify` agrees with it. Some cases are worked by the product's own services; the others are
copies of their rows with numbers, ids, times and a word of their own, as `store.tables` has the columns today.
The bytes of old mail, in and out, are gone. Only on SQLite.
"""

import argparse
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gateway import config, wiring
from gateway.domain.actions import AgentReply, Cause, Fire
from gateway.domain.model import CaseNumber, Party
from gateway.domain.post import Envelope, OutboxState, ParsedMail, Transport
from gateway.mail.decision import Decision
from gateway.mail.parse import read_mail
from gateway.services import inbound
from gateway.services.perform import perform
from gateway.services.ports import Ports
from gateway.store import tables as t
from tests import daemon
from tests.bench.load import CUSTOMER, SERVICE, WORDS
from tests.world import a_mail

TEMPLATES = 50
"""So many cases are worked, or a twentieth of all; all others are copies of one of them."""

MARK = "unit0x"
"""A word in the text of the worked cases; each round of copies has another in its place."""

_BYTES = (t.raw_mail, t.outbox)
"""Not copied: these alone would be 5 GB."""


def build(folder: Path, *, cases: int = 100_000, events: int = 1_000_000) -> Path:
    """Make the gateway in a new folder; its configuration. Rounded up to whole rounds of copies."""
    made = daemon.gateway(folder, relay_port=25)
    settings = config.load(made)
    ports = wiring.build_ports(settings)
    templates = _templates(cases)
    try:
        for number in range(templates):
            _work(ports, random.Random(number), events // cases)
        with ports.db.begin() as tx:
            tx.execute(sa.update(t.outbox).values(state=OutboxState.SENT, attempts=1))
            _multiply(tx, templates, -(-cases // templates))
    finally:
        ports.db.close()
    return made


def rare_word(cases: int) -> str:
    """A word that only one round of copies has, among so many cases."""
    return f"unit{cases // _templates(cases) // 2}x"


def _templates(cases: int) -> int:
    return max(1, min(TEMPLATES, cases // 20))


def _work(ports: Ports, chance: random.Random, events: int) -> None:
    """One case, opened by a customer and gone on with until it has so many events; some are resolved then."""
    subject = f"{' '.join(chance.choices(WORDS, k=4))} {MARK}"
    decision = _take(ports, a_mail(CUSTOMER, subject, _text(chance), message_id=_id()), SERVICE)
    assert decision.case is not None
    case, alice = decision.case, Party.agent(1)
    last = events - 1 if case % 3 else events
    for is_reply in itertools.cycle((False, True)):
        if _events(ports, case) >= last:
            break
        if is_reply:
            mail = a_mail(CUSTOMER, f"Re: {subject}", _text(chance), message_id=_id())
            _take(ports, mail, ports.tokens.plus_address(case))
        else:
            perform(ports, AgentReply(case=case, actor=alice, text=_text(chance)), Cause.cli(_id()))
    if last < events:
        perform(ports, Fire(case=case, actor=alice, trigger="resolve"), Cause.cli(_id()))


def _take(ports: Ports, data: bytes, to: str) -> Decision:
    """A mail comes in and is decided."""
    envelope = Envelope(transport=Transport.SMTP, transport_id=_id(), mail_from=CUSTOMER, rcpt_to=(to,))
    inbound.accept(ports, [inbound.Delivery(envelope, data)])
    (raw,) = inbound.lease(ports)
    parsed = read_mail(raw.data, ports.policy.mail)
    assert isinstance(parsed, ParsedMail)
    return inbound.handle(ports, raw, parsed)


_numbers = itertools.count(1)


def _id() -> str:
    return f"<template-{next(_numbers)}@customer.example>"


def _text(chance: random.Random) -> str:
    return "\n".join(" ".join(chance.choices(WORDS, k=9)) for _ in range(5)) + f"\n{MARK}"


def _events(ports: Ports, case: CaseNumber) -> int:
    with ports.db.begin() as tx:
        counted = sa.select(sa.func.count()).where(t.event.c.case_number == case)
        return int(tx.scalar(counted) or 0)


def _multiply(tx: sa.Connection, templates: int, rounds: int) -> None:
    """Copy all rows of all cases, with those of the mail that they came from, `rounds` - 1 times."""
    spans = {"cases": templates}
    for table in (t.intake, t.event, t.message, t.timer, t.attachment, t.outbox):
        spans[table.name] = tx.scalar(sa.select(sa.func.max(table.c.id))) or 0
    series = sa.select(sa.literal(1).label("k")).cte("series", recursive=True)
    series = series.union_all(sa.select(series.c.k + 1).where(series.c.k < rounds - 1))
    for table in t.cases.metadata.sorted_tables:
        if rounds > 1 and _is_of_cases(table) and table not in _BYTES:
            values = [_copied(column, series.c.k, spans).label(column.name) for column in table.columns]
            rows = sa.select(*values).select_from(series.join(table, sa.true())).order_by(series.c.k)
            tx.execute(sa.insert(table).from_select([column.name for column in table.columns], rows))
    newest = sa.select(sa.func.max(t.cases.c.number)).scalar_subquery()
    tx.execute(sa.update(t.counter).where(t.counter.c.name == "case").values(value=newest))
    tx.exec_driver_sql("ANALYZE")


def _targets(table: sa.Table) -> Iterator[str]:
    return (key.column.table.name for key in table.foreign_keys)


def _is_of_cases(table: sa.Table) -> bool:
    """Whether its rows belong to a case or to a mail."""
    return table.name in {"cases", "intake"} or bool({"cases", "intake", "message"} & set(_targets(table)))


def _copied(column: sa.Column[Any], k: sa.ColumnElement[int], spans: dict[str, int]) -> sa.ColumnElement[Any]:
    """A column's value in the k-th copy: what it names by number is of that copy too."""
    text = sa.type_coerce(column, sa.Text)
    kind = getattr(column.type, "impl", column.type)  # SQLModel wraps some
    own = next((key.column.table.name for key in column.foreign_keys), column.table.name if column.primary_key else "")
    if own in spans and isinstance(kind, sa.Integer) and column.name != "round":
        return column + k * spans[own]
    if isinstance(kind, sa.DateTime):
        return sa.func.strftime("%Y-%m-%d %H:%M:%f000", text, sa.func.format("+%d minutes", k))
    if column.name == "cause":
        of_mail = "mail:" + sa.cast(sa.cast(sa.func.substr(text, 6), sa.Integer) + k * spans["intake"], sa.Text)
        return sa.case((text.startswith("mail:"), of_mail), else_=text + "-" + sa.cast(k, sa.Text))
    if column.name == "message_id":
        return sa.func.replace(text, "@", sa.func.format(".%d@", k))
    if column.name in {"transport_id", "fingerprint"}:
        return text + "-" + sa.cast(k, sa.Text)
    if isinstance(kind, sa.String | sa.JSON) and not isinstance(kind, sa.Enum):
        return sa.func.replace(text, MARK, sa.func.format("unit%dx", k))
    return column


def main() -> None:
    """Build it, and say where."""
    words = argparse.ArgumentParser(prog="python -m tests.bench.big_database", description=__doc__.splitlines()[0])
    words.add_argument("folder", type=Path, help="is made")
    words.add_argument("--cases", type=int, default=100_000)
    words.add_argument("--events", type=int, default=1_000_000)
    given = words.parse_args()
    print(build(given.folder, cases=given.cases, events=given.events))


if __name__ == "__main__":
    main()
