"""What a mail turned out to be, and what a rung may look at to say so."""

from dataclasses import dataclass

from gateway.domain.actions import Action
from gateway.domain.facts import MailFacts
from gateway.domain.model import Authenticity, CaseNumber
from gateway.domain.policy import Policy
from gateway.domain.post import DecisionKind, Evidence, IntakeState, ParsedMail, RawMail
from gateway.mail.automatic import Marks
from gateway.mail.token import Tokens

_STATES = {
    DecisionKind.HELD: IntakeState.HELD,
    DecisionKind.QUARANTINED: IntakeState.QUARANTINED,
    DecisionKind.DROPPED: IntakeState.DROPPED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hush:
    """What must not be mailed automatically, since a machine may have written this mail without saying so.

    `rounds` counts the automatic mails of ours in a row that were answered so; `is_silent` says that nobody outside
    gets one for this mail, `is_alarm` that a person is to look.
    """

    rounds: int = 0
    is_silent: bool = False
    is_alarm: bool = False


NO_HUSH = Hush()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a mail turned out to be, why, and what it asks for. `passed` are the rungs above and why they missed.

    A rung that holds may add what else of its own it weighed.
    """

    kind: DecisionKind
    reason: str
    actions: tuple[Action, ...] = ()
    case: CaseNumber | None = None
    rung: str = ""
    passed: tuple[tuple[str, str], ...] = ()
    hush: Hush = NO_HUSH

    @property
    def state(self) -> IntakeState:
        """Where the intake row ends."""
        return _STATES.get(self.kind, IntakeState.DONE)

    @property
    def is_handled(self) -> bool:
        """True if a copy of this mail is a duplicate from now on."""
        return self.state is IntakeState.DONE and self.kind is not DecisionKind.DUPLICATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All that a rung may look at."""

    mail: ParsedMail
    raw: RawMail
    evidence: Evidence
    marks: Marks
    facts: MailFacts
    policy: Policy
    tokens: Tokens

    @property
    def enough(self) -> bool:
        """True if the evidence is as much as `trust.require` asks of contacts, or an agent released the mail."""
        if self.raw.is_released:
            return True
        if self.policy.trust.require == "unverified":
            return self.evidence.authenticity is not Authenticity.FAILED
        return self.evidence.authenticity is Authenticity.AUTHENTICATED


Answer = Decision | str
"""What a rung says: the decision, or in words why it does not hold."""
