"""All that was read from the database for one decision. `store.load` fills these, the core reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.domain.agent_mail import AgentFacts
from gateway.domain.approval import Approval, ApprovalId, Asked, Letter, Registration, RegistrationId
from gateway.domain.model import Account, Agent, Attachment, Case, CaseNumber, Contact, IntakeId, OutboxId, Party
from gateway.domain.post import Clue


def is_theirs(case: Case, contact: Contact) -> bool:
    """Whether a contact sees and writes on a case: one of the own account, or one that an agent let them in on."""
    return case.account == contact.account or contact.party in case.participants


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMail:
    """The outbox row that a report is about, and what set it off; `keyed` if its return path proves it, else our Message-ID."""

    id: OutboxId
    case: CaseNumber | None
    recipient: str
    cause: str
    keyed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFacts:
    """What a one-time address that a mail came to stands for: the mail that it was made for.

    `asked` is None for an address of that form that is none of ours.
    """

    asked: Asked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFacts:
    """What somebody who registers wrote of themselves. `over` says which budget is used up, None if none is."""

    letter: Letter
    over: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The last mail of ours that left for a sender within a day, where no person's words were in it.

    `rounds` counts the mails before it in a row that were answered as a machine does; `words` are subject and text of
    what the sender last wrote on the case of that mail, "" if nothing.
    """

    at: datetime
    rounds: int
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFacts:
    """What one mail's decision needs to know.

    `handled_by` is the intake row that handled the same mail; `is_our_own` says that the Message-ID is
    one of ours; `cases` are the cases that clues name, in the order of the clues; `copied` the active
    contacts among To and Cc; `told` says that this address got the polite answer within a day; `names` are those
    of the agents who work on the cases. `files` are those of the mail, each with what becomes of it. `answer` is there for a
    mail to a one-time address, `letter` for one that registers somebody, `by_agent` for an agent's; `heard` where the sender may
    answer an automatic mail of ours. `outsiders` are addresses among To and Cc that are nobody's, at a domain of the
    contact's account; read where `cc_policy` lets them read along.
    """

    handled_by: IntakeId | None = None
    is_our_own: bool = False
    contact: Contact | None = None
    agent: Agent | None = None
    own_mail: OwnMail | None = None
    cases: tuple[tuple[Clue, Case], ...] = ()
    copied: tuple[Contact, ...] = ()
    outsiders: tuple[str, ...] = ()
    told: bool = False
    names: tuple[str, ...] = ()
    files: tuple[Attachment, ...] = ()
    answer: AnswerFacts | None = None
    letter: LetterFacts | None = None
    heard: Heard | None = None
    by_agent: AgentFacts | None = None


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
    on the case by party, also contacts who were added as an outside address; `team` are the active agents to whom news of an unassigned case goes.
    `colleagues` are the active agents of the assignee's team, `managers` the support managers; both are read for
    what tells them only, and so are `staff`, all active agents, whom notes name, and `last_words`, what a customer wrote last, for
    escalations. `last_from_customer` is the Message-ID to answer, `thread` all Message-IDs of the case, oldest first.
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
    staff: tuple[Agent, ...] = ()
    last_words: str = ""
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
    account; `actor_name` is what to call who asks. For an erasure, `past` are all other cases on which they ever did
    anything, merged ones too, `undecided` mails of theirs that wait to be decided, `actor` who asks, of `agents`.
    """

    account: Account
    contact: Contact
    contacts: tuple[Contact, ...]
    actor_name: str
    by_vendor: bool = True
    cases: tuple[CaseFacts, ...] = ()
    successor: Contact | None = None
    past: tuple[CaseFacts, ...] = ()
    undecided: tuple[IntakeId, ...] = ()
    actor: Agent | None = None
    agents: tuple[Agent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinFacts:
    """What one action about a registration needs to know.

    `account` is the one that the person is to be of, None while nobody knows; `contacts` are all of it.
    `registration` is the one that this is about, else the one that is open for this address; `approval` the question
    about it. `known` is the contact who has this address, of any account, active or not; `is_agent` says that an agent
    has it. `waiting` are those of the account that wait until it has a first user manager. `deciders` are the agents
    who are told where the vendor decides; `actor_name` is what to call who asks.
    """

    next_registration: RegistrationId
    next_approval: ApprovalId
    account: Account | None = None
    contacts: tuple[Contact, ...] = ()
    registration: Registration | None = None
    approval: Approval | None = None
    known: Contact | None = None
    is_agent: bool = False
    waiting: tuple[tuple[Registration, Approval], ...] = ()
    deciders: tuple[Agent, ...] = ()
    actor_name: str = ""
    may_mail: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalFacts:
    """What one action about an approval needs to know.

    `contacts` are all of the account, `approver` the contact who has the address that answers, as they are now.
    `registering` are the facts of the registration that it is about, `case` those of the case. `hints` counts the hints
    that this address got within a day. `taken` says that the further address that is asked for is somebody's.
    """

    next_approval: ApprovalId
    account: Account | None = None
    contacts: tuple[Contact, ...] = ()
    agents: Mapping[Party, Agent] = field(default_factory=dict)
    approval: Approval | None = None
    approver: Contact | None = None
    registering: JoinFacts | None = None
    case: CaseFacts | None = None
    hints: int = 0
    is_taken: bool = False
    actor_name: str = ""
