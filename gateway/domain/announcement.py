"""Announcements: mail of one wording to many contacts, about no case (SPEC section 11).

Nouns for `services.announcing`, the store and the terminal. Who gets one is said by its audience; who of them is left
out, by `Reach`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from gateway.domain.model import AgentId

AnnouncementId = NewType("AnnouncementId", int)

PREFIX = "announce_"
"""What the templates of announcements begin with: `--template release` is `announce_release`."""


class Audience(StrEnum):
    """Who is meant; of them, who is active."""

    VERSION_RECIPIENTS = "version_recipients"
    """Contacts who hold this role."""
    ALL = "all"
    """All contacts."""
    ACCOUNT = "account"
    """The contacts of certain accounts."""


class RecipientState(StrEnum):
    """How far it is with one of those to whom an announcement goes."""

    WAITING = "waiting"
    QUEUED = "queued"
    """Their mail is in the outbox."""
    SKIPPED = "skipped"
    """They were un-registered, unsubscribed, or their address was found not to work, before it was their turn."""


class AnnouncementState(StrEnum):
    """How far an announcement is."""

    UNFINISHED = "unfinished"
    """It is being queued at this moment, or was stopped; `casegate announce resume` goes on."""
    SENDING = "sending"
    """All mails are in the outbox, and some have still to leave."""
    SENT = "sent"
    """None of its mails waits any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What is announced to whom; `variables` are what the template is given, in the order in which they were set."""

    id: AnnouncementId
    by: AgentId
    created_at: datetime
    audience: Audience
    template: str
    accounts: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def template_name(self) -> str:
        """The name of its template among all."""
        return f"{PREFIX}{self.template}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How many an audience has: who gets the mail, at how many accounts, and who is left out, and why."""

    recipients: int
    accounts: int
    unsubscribed: int
    bouncing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far one announcement is: of `total`, how many are `queued`, were `skipped`, and of the queued, what came."""

    total: int
    queued: int
    skipped: int
    sent: int
    failed: int

    @property
    def waiting(self) -> int:
        """How many are still to be queued."""
        return self.total - self.queued - self.skipped

    @property
    def state(self) -> AnnouncementState:
        """How far it is, in a word."""
        if self.waiting:
            return AnnouncementState.UNFINISHED
        is_over = self.sent + self.failed == self.queued
        return AnnouncementState.SENT if is_over else AnnouncementState.SENDING
