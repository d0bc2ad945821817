"""All that was read from the database for one decision. `store.load` fills these, the core reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain.model import Account, Agent, Attachment, Case, CaseNumber, Contact, IntakeId, OutboxId, Party
from gateway.domain.post import Clue


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMail:
    """The outbox row that a report is about, and what set it off; `keyed` if its return path proves it, else our Message-ID."""

    id: OutboxId
    case: CaseNumber | None
    recipient: str
    cause: str
    keyed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFacts:
    """What one mail's decision needs to know.

    `handled_by` is the intake row that handled the same mail; `is_our_own` says that the Message-ID is
    one of ours; `cases` are the cases that clues name, in the order of the clues; `copied` the active
    contacts among To and Cc; `told` says that this address got the polite answer within a day; `names` are those
    of the agents who work on the cases. `files` are those of the mail, each with what becomes of it.
    """

    handled_by: IntakeId | None = None
    is_our_own: bool = False
    contact: Contact | None = None
    agent: Agent | None = None
    own_mail: OwnMail | None = None
    cases: tuple[tuple[Clue, Case], ...] = ()
    copied: tuple[Contact, ...] = ()
    told: bool = False
    names: tuple[str, ...] = ()
    files: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHead:
    """What a decision may ask of a message that is on the case."""

    id: int
    author: Party
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """What one action on a case needs to know.

    `case` is None for one that is about to be opened as `number`. `contacts` and `agents` hold everybody
    on the case by party; `team` are the active agents to whom news of an unassigned case goes.
    `colleagues` are the active agents of the assignee's team, `managers` the support managers; both are read for
    what tells them only. `last_from_customer` is the Message-ID to answer, `thread` all Message-IDs of the case, oldest first.
    `incident_managers` are those of the account while they count. `messages` are all of the case, for a split;
    `other` is the second case of a merge, link, split or follow-up. `is_renamed` says of a reply that its subject is
    none under which anyone has written on the case.
    """

    number: CaseNumber
    token: str
    account: Account
    case: Case | None = None
    contacts: Mapping[Party, Contact] = field(default_factory=dict)
    agents: Mapping[Party, Agent] = field(default_factory=dict)
    team: tuple[Agent, ...] = ()
    colleagues: tuple[Agent, ...] = ()
    managers: tuple[Agent, ...] = ()
    last_from_customer: str | None = None
    thread: tuple[str, ...] = ()
    incident_managers: tuple[Contact, ...] = ()
    messages: tuple[MessageHead, ...] = ()
    other: "CaseFacts | None" = None
    is_renamed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleFacts:
    """What one action about a contact needs to know.

    `contacts` are all of the account, un-registered ones too; `cases` the open ones that the contact is on, of any
    account; `actor_name` is what to call who asks.
    """

    account: Account
    contact: Contact
    contacts: tuple[Contact, ...]
    actor_name: str
    cases: tuple[CaseFacts, ...] = ()
    successor: Contact | None = None
