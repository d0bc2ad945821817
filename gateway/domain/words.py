"""What mails are made of: the Words that templates may say, and the Notice that carries them to one recipient."""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.desk_words import DeskWords
from gateway.domain.model import Attachment, CaseNumber, ContactId, NoticeKind
from gateway.domain.phrases import Phrase


def file_size(octets: int) -> str:
    """A size for people: `812 bytes`, `2.1 kB`, `14 MB`."""
    if octets < 1000:
        return Phrase("1 byte") if octets == 1 else Phrase("{count} bytes", count=octets)
    value, unit = (octets / 1e3, "kB") if octets < 999_500 else (octets / 1e6, "MB")
    if value >= 9.95:
        return Phrase("{count} {unit}", count=f"{value:,.0f}", unit=unit)
    whole, _, tenth = f"{value:.1f}".partition(".")
    return Phrase("{whole}.{tenth} {unit}", whole=whole, tenth=tenth, unit=unit)


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
class EscalationWords:
    """What mails about an escalation say; `event` is what became of it, one of `rulebook.STEPS`.

    `kind` is `technical` or `non_technical`, `team` whom it is addressed to (None: support management), `manager` who took
    it, `requester` who asked for it, `since` when, as people of the account read times. `is_urgent` says that it burns
    and we have no business hours. People meet every `amount` of `unit` (`h`, `d`, `w`; 0 and "": not), the next time at
    `meeting`, over `channel`; `lessons` is when they meet to learn from it. In mail to agents `text` is what the customer
    wrote last.
    """

    event: str
    kind: str
    requester: str
    since: str
    team: str | None = None
    manager: str | None = None
    is_urgent: bool = False
    amount: int = 0
    unit: str = ""
    meeting: str | None = None
    channel: str = ""
    lessons: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockWords:
    """A piece of what a command shows: a case, a message, a person. `about` are short lines below the heading.

    `command` shows all of it, and `link` is the `mailto:` with that command in it.
    """

    heading: str = ""
    about: tuple[str, ...] = ()
    text: str = ""
    command: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultWords:
    """What came of one command: `line` as it was written, `came` one of `commands.Came`, `text` in a sentence.

    `more` is the command that shows what did not fit, and `more_link` the `mailto:` with it in it.
    """

    line: str
    came: str
    text: str = ""
    blocks: tuple[BlockWords, ...] = ()
    more: str = ""
    more_link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionWords:
    """What the reader can do now by one of `commands.CommandName`; `link` is a `mailto:` with all that is needed in it."""

    command: str
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandWords:
    """What the answer to commands says; `token`, `subject`, `actions` are those of the case they were about, if any."""

    recipient: str
    results: tuple[ResultWords, ...]
    service_address: str
    token: str | None = None
    subject: str = ""
    actions: tuple[ActionWords, ...] = ()
    escalation: EscalationWords | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseWords:
    """What a template about a case can say. Names and texts of people are data, never markup.

    `author` is who acted, `text` what they wrote, `event` what happened beside it (None: nothing), `others` who
    else gets this mail, as "Name <address>". `changes` names what is new of `type`, `priority`, `category`, `plan`;
    `other` is the case that this one came from or went into; `planned` and `when` are times as people of the
    account read them. `level` is the news of an SLA clock, `escalation` that of
    an escalation, also where this mail speaks of something else before. In mail to agents, `renamed` is the subject of a
    reply that has another one than the case, `foreign` are cases of other accounts whose marks it carries.
    `attachments` and `refused` are files with their sizes: those that came, and those that we did not take, since none
    may be larger than `largest_file`. `encrypted` says that the message can only be read with a key. `results` is what
    came of the commands in the recipient's own mail, `actions` what they can do now by one. `reads_only` says that
    the recipient is an outside address, from which no answer is taken. `signature` stands under an agent's words, ""
    where they hold one. `out_of_hours` says that the account's calendar is closed, `around_the_clock` that both sides
    work on it at any hour.
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
    escalation: EscalationWords | None = None
    renamed: str | None = None
    foreign: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    largest_file: str = ""
    encrypted: bool = False
    results: tuple[ResultWords, ...] = ()
    actions: tuple[ActionWords, ...] = ()
    reads_only: bool = False
    signature: str = ""
    out_of_hours: bool = False
    around_the_clock: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangerWords:
    """What the answer to an unregistered sender can say: nothing of their mail."""

    registration_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactWords:
    """What mails to an account's user managers about one of its contacts can say.

    `event` is `roles`, `removed`, `returned`, `erased`, `subscribed` or `unsubscribed`, `author` who did it, `by_vendor` whether that is an agent; `added` and `removed` are roles, `roles` those
    held now. `cases` are open cases that come to the recipient by it, each with its mark and subject; `successor` is
    who takes over the cases of somebody removed. Of somebody erased, `name` and `address` are the pseudonym and
    `touched` the number of cases they were on.
    """

    event: str
    recipient: str
    account: str
    account_name: str
    name: str
    address: str
    author: str
    by_vendor: bool = True
    roles: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    successor: str | None = None
    touched: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationWords:
    """What mails to somebody who registers, and to agents about them, can say.

    `event` says which step this is: `asked`, `incomplete`, `confirmed`, `known`, `ended`, `expired`, `rejected`,
    `welcome`, `to_decide`. `recipient` is the reader's name, `name` that of the person who registers, "" if unknown.
    `inviter` is who invited them, `until` the last day to answer, `roles` what they hold from now on. `is_first` says
    that they are to be the first user manager of their account. `answer_address` is where a reply goes that
    counts, `answer_link` a `mailto:` with all that is needed in it; "" in mail that needs none.
    """

    event: str
    recipient: str
    name: str
    address: str
    service_address: str
    registration_address: str
    number: int = 0
    account: str = ""
    account_name: str = ""
    phone: str | None = None
    inviter: str | None = None
    until: str = ""
    reason: str | None = None
    roles: tuple[str, ...] = ()
    is_first: bool = False
    needs_pin: bool = False
    answer_address: str = ""
    answer_link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalWords:
    """What mails that ask for an approval, and those about its answer, can say.

    `kind` is what is asked (`registration`, `order`, `roles`, `address`, `step_up`), `event` which mail this is:
    `asked`, `reminder`, `hint`, `done`, `expired`. `request` is what was asked for, in one line, `requester` by whom.
    `name`, `address` and `phone` are those of a person who registers; `gave_pin` says that they gave the company PIN,
    `is_outside` that this address is of none of the account's domains, `shown` how it reads letter by letter where it
    can be mistaken for another one.
    `lack` says why an answer did not count (`approval_actions.Lack`), `state` what became of the request, `answered_by`
    by whom, `reason` with which words, `failed` why it could not be done all the same. `token` and `subject` are those of a case. `answer_address` is where an answer
    goes, the links are `mailto:` with all that is needed in them; "" in mail that asks nothing.
    """

    kind: str
    event: str
    recipient: str
    account: str = ""
    account_name: str = ""
    request: str = ""
    requester: str = ""
    name: str = ""
    address: str = ""
    phone: str | None = None
    gave_pin: bool = False
    is_outside: bool = False
    shown: str | None = None
    token: str | None = None
    subject: str = ""
    until: str = ""
    lack: str | None = None
    state: str = ""
    answered_by: str | None = None
    reason: str | None = None
    failed: str | None = None
    service_address: str = ""
    answer_address: str = ""
    approve_link: str = ""
    reject_link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableWords:
    """What `--set` gives a template by name; the `text` may have several lines."""

    variable: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementWords:
    """What announcements can say, and the answer to who unsubscribes from them.

    `variables` are there for a template under their own names. `audience` says whom it goes to. A mail to
    `unsubscribe_address`, its subject being `unsubscribe_subject`, ends them for the reader; `unsubscribe_link` is a
    `mailto:` of both.
    """

    recipient: str
    account: str
    account_name: str
    service_address: str
    audience: str = ""
    variables: tuple[VariableWords, ...] = ()
    unsubscribe_address: str = ""
    unsubscribe_subject: str = ""
    unsubscribe_link: str = ""


PeoplesWords = ContactWords | RegistrationWords | ApprovalWords | StrangerWords
Words = CaseWords | CommandWords | PeoplesWords | AnnouncementWords | DeskWords


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """A planned time for a calendar (RFC 5545): the same `uid` again with a higher `sequence` moves it.

    `method` is that of RFC 5546: PUBLISH, REQUEST or CANCEL. `rule` repeats it (an RRULE), on the wall clock of `zone`;
    `is_one_of` says that it is a single meeting of such a series. `place` is where or over what people meet.
    """

    uid: str
    sequence: int
    at: datetime
    summary: str
    method: str = "PUBLISH"
    zone: str = "UTC"
    rule: str = ""
    is_one_of: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notification before it is rendered: what happened, to whom, by which template, with what to say.

    `answers` is the Message-ID that this mail replies to, `thread` the Message-IDs of the case, oldest
    first. `automatic` is the value of Auto-Submitted, None for a person's own words. `case` and `token`
    are None for mail about no case; `internal` mail has a Reply-To tag of its own. `registration` or `approval` is what
    a reply answers, at a one-time address. `subscriber` is whom a mail to the unsubscribe address of an announcement takes
    off the list.
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
    registration: int | None = None
    approval: int | None = None
    subscriber: ContactId | None = None

    @property
    def question(self) -> str:
        """What it asks, unique among the mails to one person; "" for mail that asks nothing."""
        if self.registration is not None:
            return f"registration {self.registration}"
        return f"approval {self.approval}" if self.approval is not None else ""

    @property
    def lane(self) -> str:
        """What keeps it a mail of its own: its question, an alarm, who comes into or out of calendars (one mail, one method)."""
        if entry := self.appointment:
            is_invitation = isinstance(self.words, CaseWords) and self.words.event == "invited"
            if entry.method == "CANCEL" or is_invitation:
                return f"{entry.method} {entry.uid}"
        return "alarm" if self.kind is NoticeKind.ALARM else self.question
