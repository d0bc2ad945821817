"""Mail as it passes through: its envelope, its bytes, what was read in them, and what is owed.

Frozen values like those of `domain.model`; times are aware and in UTC.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.domain.budget import Share
from gateway.domain.model import Authenticity, CaseNumber, IntakeId, NoticeKind, OutboxId


class Transport(StrEnum):
    """How a mail came in."""

    SMTP = "smtp"
    LMTP = "lmtp"
    IMAP = "imap"
    PIPE = "pipe"


class IntakeState(StrEnum):
    """Where an intake row stands."""

    PENDING = "pending"
    DONE = "done"
    HELD = "held"
    QUARANTINED = "quarantined"
    DROPPED = "dropped"


class TimerState(StrEnum):
    """Where a timer row stands."""

    PENDING = "pending"
    FIRED = "fired"


class OutboxState(StrEnum):
    """Where an outbox row stands."""

    PENDING = "pending"
    HELD = "held"
    IN_DOUBT = "in_doubt"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DecisionKind(StrEnum):
    """What a mail turned out to be (CONTRACT, `decision`)."""

    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    DROPPED = "dropped"
    BOUNCE = "bounce"
    AUTOMATIC = "automatic"
    HELD = "held"
    APPROVAL = "approval"
    REGISTRATION = "registration"
    UNREGISTERED = "unregistered"
    AGENT_REPLY = "agent_reply"
    REPLY = "reply"
    COMMAND = "command"
    NEW_CASE = "new_case"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What the transport told us beside the bytes.

    `transport_id` is unique to this delivery; `mail_from` is None where the transport has no
    envelope (IMAP, pipe) and "" for the null sender; `peer` is the address of the other machine;
    `login` the user of an authenticated session; `authserv_id` whose Authentication-Results may be
    believed on this way in (None: nobody's).
    """

    transport: Transport
    transport_id: str
    mail_from: str | None = None
    rcpt_to: tuple[str, ...] = ()
    peer: str | None = None
    login: str | None = None
    authserv_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMail:
    """An intake row with its bytes, exactly as received; `attempts` leases so far, `faults` of them failed.

    `asked_by` is the agent on whose word it is decided once more, `is_released` as if its sender were acceptable.
    """

    id: IntakeId
    envelope: Envelope
    received_at: datetime
    data: bytes = field(repr=False)
    attempts: int = 0
    faults: int = 0
    asked_by: str | None = None
    is_released: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedAttachment:
    """A part that is a file: its decoded bytes, and what the sender called it."""

    name: str
    content_type: str
    data: bytes
    inline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """What a mail server reports of a mail (RFC 3464): one recipient, the first that failed if any did.

    `action` is failed, delayed, delivered, relayed or expanded. `original_message_id` is that of the mail that it is
    about, with angle brackets; `others` is what the same report says of further recipients.
    """

    recipient: str | None
    status: str | None
    action: str | None
    diagnostic: str | None
    original_message_id: str | None = None
    others: tuple["DeliveryReport", ...] = ()

    @property
    def is_bounce(self) -> bool:
        """True if it tells that a mail has not arrived, or not yet."""
        return self.action not in {"delivered", "relayed", "expanded"}

    def about(self, recipient: str) -> "DeliveryReport":
        """What it says of this recipient; where it does not name them, of the one that failed."""
        return next((one for one in (self, *self.others) if one.recipient == recipient), self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMail:
    """What `mail.parse` made of the bytes; every field bounded, nothing believed yet.

    `sender` is the one mailbox of the one From field, in stored form, or None with the reason in
    `sender_defect`; `sender_shown` is From as read leniently, for people. `headers` are
    (lower-case name, value unfolded and not decoded), top-down, raw 8-bit shown not dropped.
    `message_id`, `in_reply_to`, `references` carry their angle brackets. `text` is the whole text of
    the mail; `new_text` what the sender wrote now; `quoted_text` all the rest. `commands` are the lines at the top of the new
    text that ask for something, with their slash, `words` the new text below them. `fingerprint` is the
    mail's own identity: Message-ID and content, blind to trace headers and line ends.
    """

    fingerprint: str
    sender: str | None
    sender_defect: str | None
    sender_shown: str
    sender_name: str = ""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    subject: str = ""
    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "text/plain"
    text: str = ""
    new_text: str = ""
    quoted_text: str = ""
    commands: tuple[str, ...] = ()
    words: str = ""
    attachments: tuple[ParsedAttachment, ...] = ()
    report: DeliveryReport | None = None
    encrypted: bool = False
    defects: tuple[str, ...] = ()

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a header, top-down; `name` in lower case."""
        return tuple(value for key, value in self.headers if key == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """What `mail.parse` says of a mail beyond the limits, or that no parser took."""

    reason: str


class ClueKind(StrEnum):
    """What in a mail may name a case, in the order in which clues are asked (SPEC section 7)."""

    PLUS_ADDRESS = "plus-address"
    SUBJECT = "subject token"
    REFERENCES = "references"
    BODY = "body token"
    ORIGINAL = "same original"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """Something in a mail that may name a case: a number whose check part is right or not, or Message-IDs.

    Those of `ORIGINAL` begin with the mail's own: a list may send it once more, and a colleague's answer may come first.
    """

    kind: ClueKind
    number: CaseNumber | None = None
    valid: bool = False
    message_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Who vouches for the sender, and why we think so (SPEC section 7, "Evidence about the sender")."""

    authenticity: Authenticity
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """Mail that Casegate owes one recipient. `return_path` "" is the null sender; `data` the final bytes.

    `cause` is what set it off, as events have it. `budget` is the share of automatic mail that it counts against, None
    for a person's own words; `rounds` counts the mails before it in a row that were answered as a machine does.
    """

    id: OutboxId
    recipient: str
    kind: NoticeKind
    return_path: str
    message_id: str
    data: bytes = field(repr=False)
    created_at: datetime
    cause: str = ""
    case: CaseNumber | None = None
    state: OutboxState = OutboxState.PENDING
    attempts: int = 0
    next_attempt_at: datetime | None = None
    last_error: str | None = None
    budget: Share | None = None
    rounds: int = 0
