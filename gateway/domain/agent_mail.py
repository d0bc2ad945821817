"""Agents by mail: what they may ask for, and what a mail of theirs turns into (SPEC section 7, rung 10).

`mail.agent_rungs` reads a mail into `AgentMail` or `TellAgent`; `services.agent_commanding` carries it out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.domain.model import Agent, Attachment, CaseNumber, Contact, IntakeId


class AgentCommandName(StrEnum):
    """What an agent may write as one of the first lines, after a slash."""

    NOTE = "note"
    START = "start"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"
    DEFER = "defer"
    ASSIGN = "assign"
    TYPE = "type"
    PRIORITY = "priority"
    FOR = "for"


TRIGGERS = frozenset(
    {
        AgentCommandName.START,
        AgentCommandName.RESOLVE,
        AgentCommandName.CLOSE,
        AgentCommandName.REOPEN,
        AgentCommandName.DEFER,
    }
)
"""Transitions; the text of the mail goes out with the last of them (SPEC section 15)."""

ALONE = frozenset({AgentCommandName.START, AgentCommandName.RESOLVE, AgentCommandName.CLOSE, AgentCommandName.REOPEN})
"""Nothing may stand behind these on their line: it would be unclear who is to read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCommand:
    """One command as it was understood: `words` is what stands after its name."""

    line: str
    name: AgentCommandName
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByMail:
    """The mail by which an agent says something.

    `reached` are the addresses in its own To and Cc, which need no copy from us; `attachments` what goes along.
    """

    intake: IntakeId
    message_id: str | None
    reached: frozenset[str] = frozenset()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """The mail that stands below an agent's own words: `senders` are the addresses in its From line, "" says nothing."""

    senders: tuple[str, ...]
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondence:
    """What was written on a case: `shown` is all that its customers know, `notes` what they must never see."""

    shown: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFacts:
    """What deciding an agent's mail needs to know beside `MailFacts`.

    `wanted` is the contact whom `/for` names, `forwarded` the mail below it, `writers` the contacts who wrote that;
    `is_from_agent` says that one of us did.
    `answers_internal` says that what it answers is an internal note, or one of our answers to agents;
    `answered_at` when the mail of ours that it answers was written; `ours` the texts of those that it refers to, and of
    others that this agent got on these cases. `correspondence` is that of the cases that it names. `is_told_enough` says that this agent had many such answers.
    """

    wanted: Contact | None = None
    forwarded: Forwarded | None = None
    writers: tuple[Contact, ...] = ()
    is_from_agent: bool = False
    answers_internal: bool = False
    answered_at: datetime | None = None
    ours: tuple[str, ...] = ()
    correspondence: Mapping[CaseNumber, Correspondence] = field(default_factory=dict)
    is_told_enough: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentMail:
    """What an agent says and asks for by one mail, in this order: the case opened, the commands, the text.

    `case` is None where `opens_for` has one opened with what was `forwarded`. `is_internal` makes the text a note; of
    such a mail `seen_by` are customers whom it itself went to. `answered_at` is when the mail that it answers was
    written. `quiet` says that nothing may be answered.
    """

    agent: Agent
    mail: ByMail
    commands: tuple[AgentCommand, ...]
    text: str
    is_internal: bool
    case: CaseNumber | None = None
    opens_for: Contact | None = None
    forwarded: Forwarded | None = None
    seen_by: tuple[str, ...] = ()
    answered_at: datetime | None = None
    quiet: bool = False

    @property
    def keeps_files(self) -> bool:
        """What came along is kept with what it says."""
        return bool(self.mail.attachments)


@dataclass(frozen=True, slots=True, kw_only=True)
class TellAgent:
    """An agent's mail was held: say why, and what to add. `subject` names no case, so that an answer goes to none."""

    agent: Agent
    message_id: str | None
    subject: str
    text: str
