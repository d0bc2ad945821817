"""What agents do with mail that the ladder set aside: let it be decided once more, or drop it.

Called by `casegate intake release|retry|drop`. Nothing is decided here: a row that waits again goes the way of all mail,
through the daemon, its parse child and `inbound.handle`, so that limits, dedup and confidentiality hold as ever. The
agent's word is kept on the row and in what is decided.
"""

from gateway.domain.model import Agent, IntakeId
from gateway.domain.post import DecisionKind, IntakeState
from gateway.errors import NotFound, Refused
from gateway.services.ports import Ports
from gateway.store import intake


def release(ports: Ports, id_: int, agent: Agent) -> None:
    """A held mail is decided again as if its sender were acceptable. Raises Refused or NotFound, nothing written.

    A stranger's mail that was only answered may be released too, once the stranger is a contact.
    """
    _again(ports, IntakeId(id_), agent, is_released=True)


def retry(ports: Ports, id_: int, agent: Agent) -> None:
    """A held or quarantined mail is read and decided anew, by today's rules. Raises Refused or NotFound."""
    _again(ports, IntakeId(id_), agent, is_released=False)


def drop(ports: Ports, id_: int, agent: Agent) -> None:
    """A mail that is set aside, or still waits, ends as dropped. Raises Refused or NotFound."""
    with ports.db.begin() as tx:
        row = _known(intake.standing(tx, IntakeId(id_)), id_)
        if row.state in {IntakeState.DONE, IntakeState.DROPPED}:
            raise _decided_already(row, id_)
        was = f"{row.decision}: {row.reason}" if row.decision else "not decided"
        reason = f"dropped by {agent.address}; it was {was}"
        intake.dropped(tx, IntakeId(id_), asked_by=agent.address, reason=reason)


def _again(ports: Ports, id_: IntakeId, agent: Agent, *, is_released: bool) -> None:
    with ports.db.begin() as tx:
        row = _known(intake.standing(tx, id_), id_)
        if row.state is IntakeState.PENDING:
            raise Refused(f"mail {id_} is not decided yet; there is nothing to ask once more")
        if row.state is IntakeState.QUARANTINED and is_released:
            raise Refused(f"mail {id_} could not be read; `casegate intake retry {id_}` has it read again")
        if row.state not in {IntakeState.HELD, IntakeState.QUARANTINED} and row.decision != DecisionKind.UNREGISTERED:
            raise _decided_already(row, id_)
        if not row.has_bytes:
            raise Refused(f"mail {id_} cannot be read again: {row.reason or 'its bytes are gone'}")
        intake.again(tx, id_, asked_by=agent.address, is_released=is_released)
    ports.nudge()


def _known(row: intake.Standing | None, id_: int) -> intake.Standing:
    if row is None:
        raise NotFound(f"there is no mail {id_}; `casegate intake list` shows them")
    return row


def _decided_already(row: intake.Standing, id_: int) -> Refused:
    case = f", case {row.case}" if row.case is not None else ""
    return Refused(f"mail {id_} is decided: {row.decision}{case}")
