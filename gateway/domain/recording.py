"""What a user manager changed by mail, recorded as a service request that is opened and resolved by it (SPEC section 3)."""

from gateway.domain.actions import Change
from gateway.domain.case_actions import RecordRequest
from gateway.domain.draft import Draft
from gateway.domain.model import Direction, Message
from gateway.domain.policy import CaseType, Workflow

RESOLVE = ("resolve",), ("start", "resolve")
"""The ways to a resolved case, the shorter one first."""


def record(draft: Draft, action: RecordRequest) -> Change:
    """One case more, resolved already; nobody is told, for the answer to the command says it."""
    flow = draft.policy.workflow
    kind = _kind_of(flow, action.category)
    draft.add(
        "opened",
        to_status=flow.initial,
        subject=action.subject,
        type=kind.name if kind else flow.opens,
        account=draft.facts.account.number,
        reporter=str(action.contact.party),
        team=draft.facts.account.team or draft.policy.first_team,
        channel="mail",
        category=action.category if kind else None,
    )
    for trigger in _way(draft):
        row = flow.find(trigger, draft.now.status, "vendor", draft.now.type)
        assert row is not None
        draft.move(row)
    message = Message(
        direction=Direction.INBOUND, author=action.contact.party, subject=action.subject, text=action.text
    )
    return draft.done(message)


def _kind_of(flow: Workflow, category: str) -> CaseType | None:
    """The type of case that has this category; a rule set of one's own may have none."""
    named = next((one for one in flow.categories if one.name == category), None)
    return flow.type_named(named.type) if named else None


def _way(draft: Draft) -> tuple[str, ...]:
    """The triggers that resolve a new case, by the rules in force; none where they have no way."""
    flow = draft.policy.workflow
    for way in RESOLVE:
        status = draft.now.status
        for trigger in way:
            row = flow.find(trigger, status, "vendor", draft.now.type)
            if row is None:
                break
            status = row.target
        else:
            return way
    return ()
