"""What agents read of that is about no case: mail that was set aside, mail of ours that failed, trouble of our own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AsideWords:
    """A mail that was set aside: `number` names it in commands, `state` is `held` or `quarantined`.

    `sender` is whom its From names, `name` and `account` those of the contact who has this address, None for strangers.
    """

    number: int
    state: str
    sender: str
    subject: str
    reason: str
    name: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedWords:
    """An address that our mail did not reach, with the last `error`; `mails` counts them. None is not known."""

    address: str
    error: str
    mails: int
    name: str | None = None
    account: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmWords:
    """What agents read at once of a contact's mail that was set aside; `is_proved` says that it really is theirs."""

    recipient: str
    mail: AsideWords
    account_name: str
    is_proved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestWords:
    """What agents read of once a day; `more_failed` and `more_aside` count what is left out."""

    recipient: str
    failed: tuple[FailedWords, ...] = ()
    aside: tuple[AsideWords, ...] = ()
    more_failed: int = 0
    more_aside: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleWords:
    """What agents read at once of something that does not work here: what, and what to do about it."""

    recipient: str
    text: str
    mend: str


DeskWords = AlarmWords | DigestWords | TroubleWords
