"""Agents are told of mail that was set aside and of mail that failed: at once, or gathered (SPEC section 13).

`services.inbound` says what was set aside; `services.perform` calls the rest inside its transaction, so that what is
told and the note that it was told are written together.
"""

from datetime import datetime

import sqlalchemy as sa

from gateway.domain import gathering
from gateway.domain.actions import Change, DeliveryFailed
from gateway.domain.gathering import SetAside, TemplateFails
from gateway.domain.model import Authenticity
from gateway.domain.post import Evidence, IntakeState, ParsedMail, RawMail
from gateway.mail.decision import Decision
from gateway.services.doorstep import read_from
from gateway.services.letters import without_pin
from gateway.services.ports import Ports
from gateway.store import gathering as store
from gateway.store import load_people, save

MOST_HEADER = 100_000
"""Bytes of an unreadable mail in which its From is looked for."""

MEND_TEMPLATE = "casegate template check, then restart"


def unless_asked(
    tx: sa.Connection,
    ports: Ports,
    raw: RawMail,
    decision: Decision,
    mail: ParsedMail | None,
    evidence: Evidence | None,
) -> tuple[SetAside, ...]:
    """What agents are to be told of this decision: of a mail set aside, unless one of them just asked about it.

    `mail` and `evidence` are None where it could not be read.
    """
    if decision.state not in {IntakeState.HELD, IntakeState.QUARANTINED} or raw.asked_by:
        return ()
    sender = mail.sender if mail else _claimed(ports, raw)
    mail = without_pin(ports, mail) if mail else None
    contact = load_people.contacts_by_address(tx, (sender,)).get(sender) if sender else None
    return (
        SetAside(
            intake=raw.id,
            state=decision.state,
            reason=decision.reason,
            sender=mail.sender_shown if mail else sender or "",
            subject=mail.subject if mail else "",
            contact=contact if contact and contact.may_write else None,
            is_proved=evidence is not None and evidence.authenticity is Authenticity.AUTHENTICATED,
        ),
    )


def set_aside(tx: sa.Connection, ports: Ports, action: SetAside, at: datetime) -> Change:
    """Alarm about a contact's mail, or have it told with the next digest."""
    contact = action.contact
    if contact is None or not gathering.may_alarm(contact, store.alarmed_since(tx, at - gathering.ALARM_GAP)):
        store.gather(tx, intake=action.intake, due_at=gathering.next_digest(at, ports.policy))
        return Change()
    store.alarmed(tx, action.intake, contact.id, at)
    account = load_people.account(tx, contact.account)
    agents = load_people.team(tx, account.team or ports.policy.first_team)
    return Change(notices=gathering.alarm(action, contact, account, agents, ports.policy))


def template_fails(tx: sa.Connection, ports: Ports, action: TemplateFails, at: datetime) -> Change:
    """Raise the alarm, and tell agents once, however often it fails until it is mended."""
    if not save.alarm_raised(tx, "template", at=at, text=action.text, mend=MEND_TEMPLATE):
        return Change()
    agents = load_people.team(tx, ports.policy.first_team)
    return Change(notices=gathering.trouble(action.text, MEND_TEMPLATE, agents, ports.policy))


def failed(tx: sa.Connection, ports: Ports, action: DeliveryFailed, at: datetime) -> None:
    """Have a mail that never arrived told with the next digest.

    Not one to an agent: two of them without a mailbox would never end.
    """
    if load_people.agent_by_address(tx, action.recipient) is None:
        store.gather(tx, outbox=action.outbox, due_at=gathering.next_digest(at, ports.policy))


def told(tx: sa.Connection, ports: Ports) -> Change:
    """Tell what was gathered, once."""
    mails, outgoing = store.take(tx)
    agents = load_people.team(tx, ports.policy.first_team)
    return Change(notices=gathering.digest(store.failed(tx, outgoing), store.aside(tx, mails), agents, ports.policy))


def _claimed(ports: Ports, raw: RawMail) -> str | None:
    """The address in the From of a mail that could not be read."""
    found = read_from(ports, raw.data[:MOST_HEADER].partition(b"\r\n\r\n")[0])
    return found.sender if found else None
