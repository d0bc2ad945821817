"""What mails are made of: the Words that templates may say, and the Notice that carries them to one recipient."""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.model import Attachment, CaseNumber, NoticeKind


def file_size(octets: int) -> str:
    """A size for people: `812 bytes`, `2.1 kB`, `14 MB`."""
    if octets < 1000:
        return "1 byte" if octets == 1 else f"{octets} bytes"
    value, unit = (octets / 1e3, "kB") if octets < 999_500 else (octets / 1e6, "MB")
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:,.0f} {unit}"


def duration(seconds: float) -> str:
    """Time that was counted: `35 min`, `3 h 20 min`, `1,200 h`; never in days, which are as long as a calendar says."""
    hours, minutes = divmod(int(seconds) // 60, 60)
    return " ".join([*([f"{hours:,} h"] if hours else []), *([f"{minutes} min"] if minutes or not hours else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelWords:
    """What mails about a level of an SLA clock say. `clock` is `first_response` or `solution`.

    `target` is the promised time, such as "4 h"; `reached` says since when so many percent of it are used, `due` when
    all of it is or was, as people of the account read times; None where the clock stands still. `is_late` says that
    nobody could be told in time, `is_met` that the customer had the answer meanwhile.
    """

    clock: str
    percent: int
    target: str
    reached: str
    due: str | None
    is_late: bool
    is_met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseWords:
    """What a template about a case can say. Names and texts of people are data, never markup.

    `author` is who acted, `text` what they wrote, `event` what happened beside it (None: nothing), `others` who
    else gets this mail, as "Name <address>". `changes` names what is new of `type`, `priority`, `category`, `plan`;
    `other` is the case that this one came from or went into; `planned` and `when` are times as people of the
    account read them. `level` is the news of an SLA clock. In mail to agents, `renamed` is the subject of a
    reply that has another one than the case, `foreign` are cases of other accounts whose marks it carries.
    `attachments` and `refused` are files with their sizes: those that came, and those that we did not take, since none
    may be larger than `largest_file`. `encrypted` says that the message can only be read with a key.
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
    level: LevelWords | None = None
    renamed: str | None = None
    foreign: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    largest_file: str = ""
    encrypted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangerWords:
    """What the answer to an unregistered sender can say: nothing of their mail."""

    registration_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactWords:
    """What mails to an account's user managers about one of its contacts can say.

    `event` is `roles`, `removed` or `returned`, `author` who did it; `added` and `removed` are roles, `roles` those
    held now. `cases` are open cases that come to the recipient by it, each with its mark and subject; `successor` is
    who takes over the cases of somebody removed.
    """

    event: str
    recipient: str
    account: str
    account_name: str
    name: str
    address: str
    author: str
    roles: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    successor: str | None = None


Words = CaseWords | StrangerWords | ContactWords


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
