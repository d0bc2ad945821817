"""What the operator's scanner has to look at, and the alarm while it cannot. `gateway.scanning` asks, and runs it."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from gateway.domain.model import FileState, IntakeId
from gateway.domain.post import Evidence, ParsedMail, RawMail
from gateway.mail.auth import judge
from gateway.services.inbound import files_for_case
from gateway.services.ports import Ports
from gateway.store import intake, save

HOLD = timedelta(minutes=15)
"""Longer than a scanner may take for all files of a mail: nobody else takes the mail meanwhile."""

ALARM = "scanner"

_MEND = (
    "run storage.scan_command with any file: it must end with 0 or 1 within a minute. "
    "Mail with files waits and is lost in no case; other mail goes on"
)


def to_scan(ports: Ports, raw: RawMail, mail: ParsedMail, checked: Evidence | None) -> Mapping[str, bytes] | None:
    """The files of this mail that a case will keep, each content once, by hash; None where no case will keep any.

    The mail is then held for as long as scanning may take. `checked` is that of `inbound.handle`.
    """
    files = files_for_case(ports, raw, mail, judge(mail, raw.envelope, checked))
    if not files:
        return None
    with ports.db.begin() as tx:
        intake.held_until(tx, raw.id, ports.now() + HOLD)
    return {
        file.sha256: part.data
        for part, file in zip(mail.attachments, files, strict=True)
        if file.state is not FileState.TOO_LARGE
    }


def unscanned(ports: Ports, waiting: int, why: str) -> None:
    """Say that so many mails wait for the scanner, and what a person must mend."""
    mails = "1 mail waits" if waiting == 1 else f"{waiting} mails wait"
    with ports.db.begin() as tx:
        save.alarm_raised(tx, ALARM, at=ports.now(), text=f"{mails} to be scanned: {why}", mend=_MEND)


def scanned(ports: Ports, waiting: Collection[IntakeId]) -> frozenset[IntakeId]:
    """Those of the mails that waited for the scanner which nobody has decided yet; without any the alarm ends."""
    with ports.db.begin() as tx:
        pending = intake.still_pending(tx, waiting)
        if not pending:
            save.alarm_cleared(tx, ALARM)
    return pending
