"""Read model of one whole case: its summary, people, correspondence and history (CONTRACT, "case"). Nothing here writes.

The terminal shows it, `--json` prints it; fields that JSON does not name are there for the conversation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.cover import is_covered
from gateway.domain.model import Case, Event, Party
from gateway.domain.policy import Policy
from gateway.errors import NotFound
from gateway.mail.token import Tokens
from gateway.services import approval_view, sla_view
from gateway.services.approval_view import ApprovalView
from gateway.services.escalations import EscalationView, escalation_view, people_of
from gateway.services.views import Names, Summary, summary
from gateway.store import load, load_people
from gateway.store import tables as t


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """An attachment as listed; `state` is a FileState."""

    name: str
    size: int
    sha256: str
    content_type: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """One piece of correspondence. `attachments` are all files that came with it, also those that were refused."""

    id: int
    intake: int | None
    direction: str
    automatic: bool
    author: str
    author_name: str
    authenticity: str | None
    at: datetime
    subject: str
    text: str
    quoted: str
    encrypted: bool
    attachments: tuple[FileView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One entry of a history. People in `actor` and `detail` are addresses; `actor_name` is what they are called."""

    at: datetime
    actor: str
    actor_name: str
    cause: str
    event: str
    from_status: str | None
    to_status: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A whole case.

    `possible` are the events that are open to an agent now, `events` its history, `warnings` what agents should know of
    its mail. `clocks` make `sla` and `processing_seconds`.
    """

    summary: Summary
    address: str
    possible: tuple[str, ...]
    channel: str
    product: str | None
    version: str | None
    environment: str | None
    planned_at: datetime | None
    covered: bool
    processing_seconds: int
    participants: tuple[str, ...]
    merged_into: int | None
    follow_up_of: int | None
    followed_by: int | None
    links: tuple[int, ...]
    warnings: tuple[str, ...]
    sla: sla_view.SlaView | None
    escalation: EscalationView | None
    approvals: tuple[ApprovalView, ...]
    messages: tuple[MessageView, ...]
    account_name: str
    reporter_name: str
    reporter_phone: str | None
    assignee_name: str | None
    status_since: datetime
    deferred_until: datetime | None
    events: tuple[EventView, ...]
    clocks: tuple[sla_view.ClockView, ...]


def case(tx: sa.Connection, number: int, policy: Policy, tokens: Tokens, now: datetime) -> CaseView:
    """One whole case, its clocks as of `now`; NotFound if there is none."""
    found = load.cases(tx, (number,)).get(number)
    if found is None:
        raise NotFound(f"there is no case {number}")
    rows, entries = _messages(tx, number), load.events(tx, number).get(number, [])
    names = Names(tx, _people(found, rows, entries))
    account = load_people.account(tx, found.account)
    clocks = sla_view.clocks(entries, policy, account.calendar, now)
    due_at = min((clock.due_at for clock in clocks if clock.due_at), default=None)
    return CaseView(
        summary=summary(found, names, policy, tokens, due_at),
        address=tokens.plus_address(number),
        possible=() if found.merged_into else policy.workflow.possible(found.status, "vendor", found.type),
        channel=found.channel,
        product=found.product,
        version=found.product_version,
        environment=found.environment,
        planned_at=found.planned_at,
        covered=is_covered(found, account, policy),
        processing_seconds=sla_view.processing_seconds(clocks),
        participants=tuple(names.address(party) for party in found.participants),
        merged_into=found.merged_into,
        follow_up_of=found.follow_up_of,
        followed_by=found.followed_by,
        links=found.links,
        warnings=_warnings(entries),
        sla=sla_view.promises(clocks),
        escalation=escalation_view(found.escalation, names, now) if found.escalation else None,
        approvals=approval_view.approvals(tx, case=number),
        messages=_message_views(tx, rows, names),
        account_name=account.name,
        reporter_name=names.name(found.reporter),
        reporter_phone=names.phone(found.reporter),
        assignee_name=names.name(found.assignee) if found.assignee else None,
        status_since=found.status_since,
        deferred_until=found.deferred_until,
        events=_event_views(entries, names),
        clocks=clocks,
    )


def _messages(tx: sa.Connection, number: int) -> Sequence[sa.Row[Any]]:
    """The correspondence, oldest first; what a merge brought along stands where it was written."""
    rows = tx.execute(select(t.message).where(t.message.c.case_number == number).order_by(t.message.c.id)).all()
    return sorted(rows, key=lambda row: row.at)


def _people(found: Case, rows: Sequence[sa.Row[Any]], entries: Sequence[Event]) -> set[Party]:
    people = {Party.parse(row.author) for row in rows} | {found.reporter, *found.participants}
    if found.assignee:
        people.add(found.assignee)
    return people | people_of(found.escalation) | _named(entries)


def _message_views(tx: sa.Connection, rows: Sequence[sa.Row[Any]], names: Names) -> tuple[MessageView, ...]:
    files: dict[int, list[FileView]] = {}
    listed = select(t.attachment).where(t.attachment.c.message.in_([row.id for row in rows]))
    for row in tx.execute(listed.order_by(t.attachment.c.id)):
        view = FileView(name=row.name, size=row.size, sha256=row.sha256, content_type=row.content_type, state=row.state)
        files.setdefault(row.message, []).append(view)
    return tuple(_message(row, names, files.get(row.id, [])) for row in rows)


def _message(row: sa.Row[Any], names: Names, files: Sequence[FileView]) -> MessageView:
    author = Party.parse(row.author)
    return MessageView(
        id=row.id,
        intake=row.intake_id,
        direction=row.direction,
        automatic=row.automatic,
        author=names.address(author),
        author_name=names.name(author),
        authenticity=row.authenticity,
        at=row.at,
        subject=row.subject,
        text=row.text,
        quoted=row.quoted,
        encrypted=row.encrypted,
        attachments=tuple(files),
    )


def _warnings(entries: Sequence[Event]) -> tuple[str, ...]:
    """Marks of other accounts' cases in mail on this one, each once."""
    named = [number for entry in entries if entry.event == "foreign_token" for number in entry.detail["cases"]]
    return tuple(
        f"mail on this case carries the mark of case {number}, which belongs to another account"
        for number in dict.fromkeys(named)
    )


def history(tx: sa.Connection, number: int) -> tuple[EventView, ...]:
    """A case's history, oldest entry first; NotFound if there is no such case."""
    entries = load.events(tx, number).get(number)
    if entries is None:
        raise NotFound(f"there is no case {number}")
    return _event_views(entries, Names(tx, _named(entries)))


def _party(entry: Event, key: str) -> Party | None:
    """The person that a value of an event's detail names; all else is text, whatever it looks like."""
    is_party = key in {"reporter", "assignee", "party"} or (
        (key == "before" and entry.event in {"assigned", "reporter_changed"})
        or (key == "by" and entry.event == "approval_answered")
    )
    if entry.event == "delivery_failed":  # whose `reporter` says whether it is the reporter who got nothing
        return None
    return Party.parse(entry.detail[key]) if is_party and entry.detail[key] else None


def _named(entries: Sequence[Event]) -> set[Party]:
    """Everyone who acts in a history or is named in it."""
    parties = {party for entry in entries for key in entry.detail if (party := _party(entry, key))}
    return parties | {entry.actor for entry in entries}


def _event_views(entries: Sequence[Event], names: Names) -> tuple[EventView, ...]:
    return tuple(
        EventView(
            at=entry.at,
            actor=names.address(entry.actor),
            actor_name=names.name(entry.actor),
            cause=entry.cause,
            event=entry.event,
            from_status=entry.from_status,
            to_status=entry.to_status,
            detail={
                key: names.address(party) if (party := _party(entry, key)) else value
                for key, value in entry.detail.items()
            },
        )
        for entry in entries
    )
