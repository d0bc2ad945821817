"""What mails are made of: the Words that templates may say, and the Notice that carries them to one recipient."""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.model import Attachment, CaseNumber, NoticeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseWords:
    """What a template about a case can say. Names and texts of people are data, never markup.

    `author` is who acted, `text` what they wrote, `event` what happened beside it (None: nothing), `others` who
    else gets this mail, as "Name <address>". `changes` names what is new of `type`, `priority`, `category`, `plan`;
    `other` is the case that this one came from or went into; `planned` and `when` are times as people of the
    account read them.
    """

    number: int
    token: str
    subject: str
    type_label: str
    status_label: str
    account: str
    account_name: str
    reporter: str
    assignee: str | None
    recipient: str
    author: str
    text: str = ""
    event: str | None = None
    others: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    priority_label: str | None = None
    category_label: str | None = None
    planned: str | None = None
    changes: tuple[str, ...] = ()
    other: int | None = None
    when: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangerWords:
    """What the answer to an unregistered sender can say: nothing of their mail."""

    registration_address: str


Words = CaseWords | StrangerWords


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """A planned time for a calendar (RFC 5545): the same `uid` again with a higher `sequence` moves it."""

    uid: str
    sequence: int
    at: datetime
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notification before it is rendered: what happened, to whom, by which template, with what to say.

    `answers` is the Message-ID that this mail replies to, `thread` the Message-IDs of the case, oldest
    first. `automatic` is the value of Auto-Submitted, None for a person's own words. `case` and `token`
    are None for mail about no case; `internal` mail has a Reply-To tag of its own.
    """

    kind: NoticeKind
    template: str
    recipient: str
    lang: str
    words: Words
    automatic: str | None
    case: CaseNumber | None = None
    answers: str | None = None
    thread: tuple[str, ...] = ()
    internal: bool = False
    attachments: tuple[Attachment, ...] = ()
    appointment: Appointment | None = None
