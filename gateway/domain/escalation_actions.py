"""What is asked about an escalation once there is one (SPEC section 10). Apart from `domain.actions`, which knows these."""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.escalation import Meetings
from gateway.domain.model import CaseNumber, Party


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeEscalation:
    """A support manager takes it, and is its escalation manager from now on."""

    case: CaseNumber
    actor: Party


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMeetings:
    """Both sides agreed on these meetings; None: they agreed to have no more."""

    case: CaseNumber
    actor: Party
    meetings: Meetings | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProgress:
    """What became of it, or what was learned from it; an `internal` entry never leaves the vendor."""

    case: CaseNumber
    actor: Party
    text: str
    internal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveEscalation:
    """It is over; `meeting` is when people meet to learn from it, None: when the rules say."""

    case: CaseNumber
    actor: Party
    text: str = ""
    meeting: datetime | None = None


EscalationAction = TakeEscalation | PlanMeetings | LogProgress | ResolveEscalation
