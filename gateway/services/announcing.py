"""Announcements: looked at, begun, and put into the outbox page by page (SPEC section 11).

The terminal calls it. Promises: nothing is owed before the template is known to say what it should in each language that is
needed; a person's row and the mail to them are written in one transaction, so whatever is stopped or killed goes on
where it was, and nobody gets one twice; memory holds a page of people at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from gateway.domain.actions import Cause
from gateway.domain.announcement import Announcement, AnnouncementId, Audience, Reach, Standing
from gateway.domain.kinds import MANAGERS, must_be
from gateway.domain.model import Account, Agent, Contact, NoticeKind
from gateway.domain.words import AnnouncementWords, Notice, VariableWords
from gateway.errors import BadUsage, Conflict, NotFound, Refused
from gateway.mail.answer_links import with_links
from gateway.mail.sandbox import Rendered
from gateway.services.perform import TRIES, owe
from gateway.services.ports import Ports
from gateway.store import announcements as store
from gateway.store import load_people

PAGE = 20
"""So many recipients get their mail in one transaction: other writers come in between."""

MOST_SHOWN = 10
"""So many recipients are named before anybody is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What an announcement would do: whom it reaches, the first of them by name, and a mail in each language."""

    reach: Reach
    first: tuple[Contact, ...]
    mails: tuple[tuple[str, Rendered], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An announcement and how far it is; `by` is the address of the agent."""

    announcement: Announcement
    by: str
    standing: Standing


def must_be_manager(ports: Ports, agent: Agent) -> None:
    """Refused for who may not announce (SPEC section 3)."""
    must_be(MANAGERS, "announces", agent, ports.db.read(load_people.agents))


def look(ports: Ports, wanted: Announcement) -> Look:
    """What it would do, if it were begun now; nothing is written.

    Refused if it reaches nobody. NotFound without the template or an account, BadUsage for a variable that is missing
    or that the template does not read, BadConfig for a template that fails.
    """
    _check_variables(ports, wanted)
    if (wanted.audience is Audience.ACCOUNT) != bool(wanted.accounts):
        raise BadUsage("account numbers go with --audience account, and that with at least one")
    with_accounts = wanted.audience, wanted.accounts
    for number in wanted.accounts:
        ports.db.read(load_people.account, number)
    reach = ports.db.read(store.reach, *with_accounts)
    if not reach.recipients:
        raise Refused(f"nobody to announce it to{_left_out(reach)}")
    return Look(
        reach=reach,
        first=ports.db.read(store.first, *with_accounts, MOST_SHOWN),
        mails=_mails(ports, wanted, ports.db.read(store.languages, *with_accounts)),
    )


def begin(ports: Ports, wanted: Announcement, agent: Agent) -> AnnouncementId:
    """Keep it, and whom it reaches at this moment; nothing is owed yet. `wanted.id` is ignored. Refused."""
    must_be_manager(ports, agent)
    with ports.db.begin() as tx:
        return store.add(tx, wanted)


def owe_page(ports: Ports, id_: AnnouncementId) -> int:
    """Owe the next page of its mails; how many recipients still wait after it. NotFound, BadConfig, Conflict.

    Who was un-registered or unsubscribed meanwhile, or whose address was found not to work, is passed over.
    """
    for left in reversed(range(TRIES)):
        try:
            waiting = _owe_page(ports, id_)
            break
        except Conflict:
            if left == 0:
                raise
    ports.nudge()
    return waiting


def _owe_page(ports: Ports, id_: AnnouncementId) -> int:
    with ports.db.begin() as tx:
        announced = store.announcement(tx, id_)
        page = store.page(tx, id_, PAGE)
        accounts = {number: load_people.account(tx, number) for number in {contact.account for contact in page}}
        reached = [contact for contact in page if _is_reached(contact)]
        notices = [_notice(announced, contact, accounts[contact.account], ports) for contact in reached]
        mails = owe(tx, ports, notices, Cause(f"announcement:{id_}"), ports.stamp())
        for contact, mail in zip(reached, mails, strict=True):
            store.queued(tx, id_, contact, mail.message_id)
        for contact in page:
            if contact not in reached:
                store.skipped(tx, id_, contact)
        return store.waiting(tx, id_)


def check_again(ports: Ports, id_: AnnouncementId, agent: Agent) -> Announcement:
    """One that is to go on: its template may be another one by now. Refused, NotFound, BadUsage."""
    must_be_manager(ports, agent)
    announced = ports.db.read(store.announcement, id_)
    _check_variables(ports, announced)
    return announced


def standing(tx: sa.Connection, id_: AnnouncementId) -> Standing:
    """How far one is."""
    return store.standing(tx, id_)


def listed(tx: sa.Connection) -> tuple[Listed, ...]:
    """All announcements, the newest first."""
    addresses = {agent.id: agent.address for agent in load_people.agents(tx)}
    return tuple(
        Listed(announcement=one, by=addresses[one.by], standing=store.standing(tx, one.id))
        for one in store.announcements(tx)
    )


def _check_variables(ports: Ports, wanted: Announcement) -> None:
    """The template is there, and is given all that it reads, and nothing else."""
    if wanted.template not in (known := ports.templates.announcements()):
        raise NotFound(f"there is no announcement {wanted.template}; there are: {', '.join(known)}")
    given, reads = {name for name, _ in wanted.variables}, ports.templates.variables(wanted.template_name)
    if missing := sorted(reads.needed - given):
        raise BadUsage(f"{wanted.template} needs {_named(missing)}; nothing was sent")
    if unused := sorted(given - reads.all):
        all_read = f"it reads {', '.join(sorted(reads.all))}" if reads.all else "it reads none"
        raise BadUsage(f"{wanted.template} does not use {', '.join(unused)}; {all_read}; nothing was sent")


def _named(names: Sequence[str]) -> str:
    return " ".join(f"--set {name}=…" for name in names)


def _left_out(reach: Reach) -> str:
    parts = [f"{reach.unsubscribed} unsubscribed"] if reach.unsubscribed else []
    parts += [f"mail to {reach.bouncing} bounces"] if reach.bouncing else []
    return f": {', '.join(parts)}" if parts else ""


def _mails(
    ports: Ports, wanted: Announcement, languages: Sequence[tuple[str, int, int]]
) -> tuple[tuple[str, Rendered], ...]:
    """A mail in each language in which one will be written, to the first who gets it so."""
    found: dict[str, Rendered] = {}
    for lang, _, first in languages:
        language = ports.templates.language(wanted.template_name, lang)
        if language not in found:
            contact, account = ports.db.read(_person, first)
            notice = _notice(wanted, contact, account, ports)
            words = with_links(notice, None, ports.tokens)
            found[language] = ports.templates.render(notice.template, notice.lang, words, ports.policy.vendor)
    return tuple(found.items())


def _person(tx: sa.Connection, id_: int) -> tuple[Contact, Account]:
    contact = store.contact(tx, id_)
    return contact, load_people.account(tx, contact.account)


def _is_reached(contact: Contact) -> bool:
    is_bouncing = any(bounced.address == contact.address for bounced in contact.bounced)
    return contact.active and contact.unsubscribed_at is None and not is_bouncing


def _notice(announced: Announcement, contact: Contact, account: Account, ports: Ports) -> Notice:
    """The mail to one recipient; a reply to it is a question like any other."""
    return Notice(
        kind=NoticeKind.ANNOUNCEMENT,
        template=announced.template_name,
        recipient=contact.address,
        lang=contact.lang or account.lang,
        words=AnnouncementWords(
            recipient=contact.name,
            account=account.number,
            account_name=account.name,
            service_address=ports.policy.post.service_address,
            audience=announced.audience,
            variables=tuple(VariableWords(variable=name, text=text) for name, text in announced.variables),
        ),
        automatic="auto-generated",
        subscriber=contact.id,
    )
