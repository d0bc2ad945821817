"""The one write path: whatever changes a case, a person or an approval goes through here.

Mail, CLI and timers hand Actions and a Cause; each action is decided on the facts as the one before left
them, and events, rows and outgoing mail are written in one transaction.
"""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from gateway.domain import people as people_rules
from gateway.domain import workflow
from gateway.domain.actions import Action, AddressWorks, AnswerStranger, Cause, Change, DeliveryFailed, Outcome, Stamp
from gateway.domain.model import OutboxId
from gateway.domain.notices import merge
from gateway.domain.people_actions import PeopleAction
from gateway.domain.post import OutboxRow
from gateway.domain.words import Notice
from gateway.errors import Conflict, NotFound, Refused
from gateway.mail.compose import compose
from gateway.services import waiting
from gateway.services.gather import facts_for
from gateway.services.gather_people import people_facts
from gateway.services.ports import Ports
from gateway.store import load, people, save

TRIES = 3
"""So often a transaction that met another one is tried."""


def perform(ports: Ports, action: Action, cause: Cause) -> Outcome:
    """One action, in a transaction of its own. Raises Refused or NotFound with nothing written."""
    for left in reversed(range(TRIES)):
        try:
            with ports.db.begin() as tx:
                (outcome,) = perform_in(tx, ports, (action,), cause)
                if outcome.refused is not None:
                    raise outcome.refused
            break
        except Conflict:
            if left == 0:
                raise
    ports.nudge()
    return outcome


def perform_in(tx: sa.Connection, ports: Ports, actions: Sequence[Action], cause: Cause) -> tuple[Outcome, ...]:
    """All actions of one cause inside a transaction: an Outcome each, a refusal undoes nothing of the others."""
    stamp = ports.stamp()
    step, outcomes = 0, list[Outcome]()
    notices = list[Notice]()
    for action in actions:
        try:
            done = _decide(tx, ports, action, stamp, cause, step)
        except (Refused, NotFound) as refusal:
            outcomes.append(Outcome(refused=refusal))
            continue
        for one in done.all:
            save.change(tx, one, at=stamp.at)
            if one.case is not None and one.events:
                waiting.renew(tx, ports.policy, one.case, stamp.at)
            step += len(one.events)
            notices += one.notices
        outcomes.append(
            Outcome(
                case=done.case,
                events=len(done.events),
                mails=len(merge(list(done.notices))),
                contact=done.contact,
                cancelled=_write_contact(tx, done),
                cases=tuple(one.case for one in done.also if one.case is not None),
            )
        )
    save.outbox(tx, [_owed(tx, ports, notice, cause, stamp) for notice in merge(notices)])
    return tuple(outcomes)


def _write_contact(tx: sa.Connection, done: Change) -> int:
    """A contact as the change left them; how many mails to them that leaves unsent."""
    if done.contact is None:
        return 0
    people.changed(tx, done.contact)
    return save.outbox_cancelled(tx, done.contact.addresses, done.cancels) if done.cancels else 0


def _decide(tx: sa.Connection, ports: Ports, action: Action, stamp: Stamp, cause: Cause, step: int) -> Change:
    if isinstance(action, AnswerStranger):
        return workflow.answer_stranger(action, ports.policy)
    if isinstance(action, AddressWorks):
        people.address_works(tx, action.address)
        return Change()
    if isinstance(action, DeliveryFailed):
        first = save.outbox_failed(tx, action.outbox, action.error)
        if first and action.flags:
            people.address_bounced(tx, action.recipient, at=stamp.at, status=action.status)
        if action.case is None or not first:  # a second report about the same mail tells nothing new
            return Change()
    if isinstance(action, PeopleAction):
        people_known = people_facts(tx, ports, action)
        return people_rules.decide(action, people_known, ports.policy, stamp, str(cause), step)
    facts = facts_for(tx, ports, action)
    return workflow.decide(action, facts, ports.policy, stamp, str(cause), step)


def _owed(tx: sa.Connection, ports: Ports, notice: Notice, cause: Cause, stamp: Stamp) -> OutboxRow:
    """One notice in its final bytes, as the outbox keeps it."""
    if notice.case is not None:
        earlier = load.sent_to(tx, notice.case, notice.recipient)
        notice = replace(notice, thread=(*notice.thread, *earlier))
    mail = compose(
        notice,
        tokens=ports.tokens,
        policy=ports.policy,
        templates=ports.templates,
        stamp=stamp,
        key=f"{cause}/{notice.recipient}",
        fetch=ports.blobs.get,
    )
    if mail.remark is not None:
        text = f"the template {notice.template} failed, the shipped one was used: {mail.remark}"
        save.alarm_raised(tx, "template", at=stamp.at, text=text, mend="casegate template check, then restart")
    return OutboxRow(
        id=OutboxId(0),
        case=notice.case,
        recipient=mail.recipient,
        kind=notice.kind,
        return_path=mail.return_path,
        message_id=mail.message_id,
        data=mail.data,
        created_at=stamp.at,
        cause=str(cause),
    )
