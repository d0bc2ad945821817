"""Mail that is owed: taken, tried, and noted (SPEC section 14). The Courier carries; this decides what next."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from gateway.domain.actions import Cause, DeliveryFailed
from gateway.domain.gathering import TemplateFails
from gateway.domain.post import OutboxRow, OutboxState
from gateway.mail.status import enhanced
from gateway.services.perform import perform_in
from gateway.services.ports import Delivery, DeliveryState, Ports
from gateway.services.post_room import OPEN
from gateway.store import db, leaving, load, save
from gateway.store import tables as t

BATCH = 32

BULK = 8
"""So many announcements are taken at once, when nothing else is due: what comes meanwhile waits for no more than these."""

LEASE_SECONDS = 600
"""Longer than the longest attempt of the Courier."""

GIVE_UP_AFTER = timedelta(days=5)
GAPS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""How long a mail waits after its first, second … refusal for now; then hourly."""

IN_DOUBT_GAP = timedelta(minutes=15)
"""A mail that may have arrived is never sent again at once."""

RELAY_GAPS = (timedelta(seconds=2), timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=60))
"""How long all mail waits while the relay is away."""

OURS_GAP = timedelta(minutes=15)
"""How long it waits after a refused login: accounts are locked for trying often. A restart tries at once."""


def lease(ports: Ports, limit: int = BATCH) -> tuple[OutboxRow, ...]:
    """Take mail that is due; within a case each recipient gets mail in its order, so only the oldest open one.

    What its recipient may not have any more is cancelled instead (SPEC section 14). Announcements come only when nothing
    else is due, and few of them.
    """
    now = ports.now()
    older = t.outbox.alias("older")
    waits = sa.exists().where(
        older.c.case_number == t.outbox.c.case_number,
        older.c.recipient == t.outbox.c.recipient,
        older.c.id < t.outbox.c.id,
        older.c.state.in_(OPEN),
    )
    due = (
        sa.select(t.outbox.c.id)
        .where(t.outbox.c.state.in_(OPEN), t.outbox.c.next_attempt_at <= now, db.is_free(t.outbox, now), ~waits)
        .order_by(t.outbox.c.next_attempt_at, t.outbox.c.id)
    )
    others, bulk = due.where(~t.outbox.c.is_bulk), due.where(t.outbox.c.is_bulk)
    return _leased(ports, others.limit(limit), now) or _leased(ports, bulk.limit(min(limit, BULK)), now)


def _leased(ports: Ports, due: sa.Select[tuple[int]], now: datetime) -> tuple[OutboxRow, ...]:
    while ports.db.read(lambda tx: tx.scalar(due.limit(1))) is not None:  # most looks find nothing, and need not write
        with ports.db.begin() as tx:
            leased = db.lease(tx, t.outbox, due, now=now, seconds=LEASE_SECONDS)
            ids = leaving.without_unentitled(tx, leased) if leased else ()
            if ids or not leased:
                return load.outbox_rows(tx, ids) if ids else ()
    return ()


def settle(ports: Ports, row: OutboxRow, delivery: Delivery, *, misses: int = 0) -> None:
    """Note what an attempt came to. `misses` counts how often in a row the relay was away or refused us as a whole."""
    now = ports.now()
    with ports.db.begin() as tx:
        match delivery.state:
            case DeliveryState.SENT:
                save.outbox_settled(tx, row.id, state=OutboxState.SENT, text=delivery.text)
            case DeliveryState.PERMANENT:
                _give_up(tx, ports, row, delivery.text, status=enhanced(delivery.text))
            case DeliveryState.TEMPORARY if now - row.created_at >= GIVE_UP_AFTER:
                _give_up(tx, ports, row, f"given up after {GIVE_UP_AFTER.days} days: {delivery.text}")
            case DeliveryState.TEMPORARY:
                gap = GAPS[min(row.attempts, len(GAPS)) - 1]
                _later(tx, row, delivery.text, OutboxState.PENDING, now + gap)
            case DeliveryState.IN_DOUBT:
                _later(tx, row, delivery.text, OutboxState.IN_DOUBT, now + IN_DOUBT_GAP)
            case DeliveryState.UNREACHABLE | DeliveryState.OURS:
                _postpone(tx, row, delivery, now, misses)


def _give_up(tx: sa.Connection, ports: Ports, row: OutboxRow, error: str, *, status: str | None = None) -> None:
    """Refused for good: the row says why, and so does the case; what is said of the address itself flags it."""
    failed = DeliveryFailed(
        outbox=row.id,
        owed_by=row.cause,
        case=row.case,
        recipient=row.recipient,
        error=error,
        status=status,
        flags=status is not None and status.startswith(("5.1.", "5.2.")),  # RFC 3463 §3.2, §3.3
    )
    perform_in(tx, ports, (failed,), Cause.outbox(row.id))


def _later(tx: sa.Connection, row: OutboxRow, text: str, state: OutboxState, at: datetime) -> None:
    save.outbox_settled(tx, row.id, state=state, text=text, next_attempt_at=at)


def _postpone(tx: sa.Connection, row: OutboxRow, delivery: Delivery, now: datetime, misses: int) -> None:
    """The mail is not at fault: no attempt is counted, all that is due waits, and an alarm says so."""
    ours = delivery.state is DeliveryState.OURS
    until = now + (OURS_GAP if ours else RELAY_GAPS[min(misses, len(RELAY_GAPS) - 1)])
    save.outbox_settled(tx, row.id, state=row.state, text=delivery.text, next_attempt_at=until, attempted=False)
    save.outbox_postponed(tx, until)
    if ours:
        mend = "check host, security, username and password_file under [outbound], then restart"
    else:
        mend = "start the relay, or check host and port under [outbound]; mail waits and is lost in no case"
    save.alarm_raised(tx, "outbound", at=now, text=f"mail cannot leave: {delivery.text}", mend=mend)


def resume(ports: Ports) -> None:
    """At the start: mail that waited for an absent relay is tried now; the operator may have mended it."""
    with ports.db.begin() as tx:
        save.outbox_untried_due(tx, ports.now())


def check_templates(ports: Ports) -> tuple[str, ...]:
    """At the start: templates that would fail raise an alarm; the shipped ones stand in for them meanwhile."""
    problems = ports.templates.faults_of_override()
    with ports.db.begin() as tx:
        if problems:
            text = f"templates that fail, the shipped ones are used: {'; '.join(problems)}"
            perform_in(tx, ports, (TemplateFails(text=text),), Cause(f"start:{ports.now().timestamp()}"))
        else:
            save.alarm_cleared(tx, "template")
    return problems


def relay_is_back(ports: Ports) -> None:
    """A mail left after an outage: the alarm ends."""
    with ports.db.begin() as tx:
        save.alarm_cleared(tx, "outbound")
