"""What the ladder needs to know about an agent's mail. `services.inbound` reads it with all its other facts."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from gateway.domain.agent_mail import AgentCommandName, AgentFacts
from gateway.domain.facts import MailFacts
from gateway.domain.model import Contact, NoticeKind
from gateway.domain.post import ParsedMail
from gateway.errors import BadUsage
from gateway.mail.agent_commands import understand
from gateway.mail.forwarded import forwarded
from gateway.mail.internal_words import plain_text
from gateway.services.people import address_form
from gateway.services.ports import Ports
from gateway.store import load_agent_mail as store
from gateway.store.load_people import agent_by_address, contacts_by_address

MOST_ANSWERS = 20
"""Answers that an agent gets within the hour to mail that was held: a machine in their name must not go on for ever."""

_INTERNAL = frozenset({NoticeKind.NOTE, NoticeKind.COMMAND_ANSWER})


def agent_facts(
    tx: sa.Connection, ports: Ports, mail: ParsedMail, facts: MailFacts, now: datetime
) -> AgentFacts | None:
    """The facts of an agent's mail; None for mail of anybody else."""
    if facts.agent is None or not facts.agent.active:
        return None
    answers = mail.in_reply_to or mail.references[-1:]  # the rest of its thread may hold notes, and was shown to all
    answered = store.our_mails(tx, answers)
    referred = store.our_mails(tx, (*answers, *reversed(mail.references)))
    numbers = dict.fromkeys(case.number for _, case in facts.cases)
    told = [data for number in numbers for data in store.told(tx, number, facts.agent.address)]
    passed_on = None if _names(mail) is None else forwarded(mail.quoted_text, ports.policy.mail.text)
    senders = passed_on.senders if passed_on else ()
    return AgentFacts(
        wanted=_wanted(tx, mail),
        forwarded=passed_on,
        writers=tuple(contacts_by_address(tx, senders).values()),
        is_from_agent=any(agent_by_address(tx, sender) for sender in senders),
        answers_internal=any(one.kind in _INTERNAL for one in answered)
        or any(store.names_note(tx, number, answers) for number in numbers),
        answered_at=max((one.created_at for one in answered), default=None),
        ours=tuple(plain_text(data) for data in dict.fromkeys((*(one.data for one in referred), *told))),
        correspondence={number: store.correspondence(tx, number) for number in numbers},
        is_told_enough=store.answers_since(tx, facts.agent.address, now - timedelta(hours=1)) >= MOST_ANSWERS,
    )


def _names(mail: ParsedMail) -> str | None:
    """What stands behind `/for`."""
    found, _ = understand(mail.commands)
    return next((command.words for command in found if command.name is AgentCommandName.FOR), None)


def _wanted(tx: sa.Connection, mail: ParsedMail) -> Contact | None:
    """The contact whom `/for` names, active or not."""
    named = (_names(mail) or "").strip("<>").removeprefix("mailto:")
    try:
        address = address_form(named)
    except BadUsage:
        return None
    return contacts_by_address(tx, (address,)).get(address)
