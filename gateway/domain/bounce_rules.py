"""The rules by which delivery reports in a mail server's own words are read: `[bounce]` of `rules/mail.toml`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FailureReason:
    """Words of mail servers that mean one thing; `detail` is the status without its class (RFC 3463): `2.2`."""

    detail: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceRules:
    """How mail servers tell in their own words that a mail was not delivered; all in lower case.

    `senders` (local parts) and `names` write nothing else, `offices` other things too; with `openings` they introduce
    themselves. `subjects` and `failures` tell that it failed, `delays` that it is still tried unless `final` stands beside. `returned` introduces the mail itself,
    `recipient_marks` stand before an address that failed, `other_marks` before any other one.
    """

    senders: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    openings: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    delays: tuple[str, ...] = ()
    final: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    recipient_marks: tuple[str, ...] = ()
    other_marks: tuple[str, ...] = ()
    reasons: tuple[FailureReason, ...] = ()
