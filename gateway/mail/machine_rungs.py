"""The first rungs: what no person sent us, or what we had already (SPEC section 7, rungs 1 to 5)."""

from gateway.domain.actions import DeliveryFailed, RecordAutomatic
from gateway.domain.post import DecisionKind
from gateway.mail.case_rungs import case_for, incoming
from gateway.mail.decision import Answer, Decision, Question

MOST_RECEIVED = 100
"""More Received lines than this are a loop (RFC 5321 section 6.3)."""


def known(question: Question) -> Answer:
    """The same mail again: handled once, never twice."""
    if question.facts.handled_by is not None:
        return Decision(kind=DecisionKind.DUPLICATE, reason=f"the same mail was handled as {question.facts.handled_by}")
    return "no mail with this Message-ID and content was handled before"


def own_or_looping(question: Question) -> Answer:
    """Our own mail came back, or a mail goes round."""
    mail = question.mail
    if question.facts.is_our_own:
        return Decision(kind=DecisionKind.DROPPED, reason="our own mail came back: its Message-ID is one of ours")
    if mail.sender and question.tokens.is_ours(mail.sender):
        return Decision(kind=DecisionKind.DROPPED, reason=f"our own address {mail.sender} as sender")
    if (hops := len(mail.values("received"))) > MOST_RECEIVED:
        return Decision(kind=DecisionKind.DROPPED, reason=f"a loop: {hops} Received lines")
    return "not ours, and no loop"


def delivery_status(question: Question) -> Answer:
    """A report about a mail; it counts where it proves to be about one of ours."""
    report, own = question.mail.report, question.facts.own_mail
    if report is None:
        return "not a delivery report"
    if own is None:
        return Decision(kind=DecisionKind.HELD, reason="a delivery report that proves to be about none of our mail")
    told = report.about(own.recipient)
    proof = "its return path" if own.keyed else "our Message-ID inside"
    reason = f"{told.action or 'report'} for {own.recipient}, proved by {proof}"
    if told.action != "failed":
        return Decision(kind=DecisionKind.BOUNCE, reason=reason, case=own.case)
    is_forwarded = told.recipient not in {None, own.recipient}
    elsewhere = f"at {told.recipient}:" if is_forwarded else None
    said = told.diagnostic if told.diagnostic and (told.status or "") in told.diagnostic else None
    error = " ".join(filter(None, (elsewhere, *((said,) if said else (told.status, told.diagnostic)))))
    failed = DeliveryFailed(
        outbox=own.id,
        owed_by=own.cause,
        case=own.case,
        recipient=own.recipient,
        error=error or "delivery failed",
        status=told.status,
        # Whoever got the mail knows its Message-ID; a refusal for now says nothing about the address.
        flags=own.keyed and not (told.status or "").startswith("4"),
    )
    return Decision(kind=DecisionKind.BOUNCE, reason=reason, case=own.case, actions=(failed,))


def automatic(question: Question) -> Answer:
    """Written by a machine: recorded on the case of its sender, else held; never answered."""
    if not question.marks.is_automatic:
        return f"no machine's mark{'; weak: ' + ', '.join(question.marks.weak) if question.marks.weak else ''}"
    why = f"automatic: {', '.join(question.marks.strong)}"
    contact = question.facts.contact
    found = case_for(question, contact) if contact and contact.may_write and question.enough else None
    case = (found.case or found.closed) if found else None
    if contact is None or case is None:
        return Decision(kind=DecisionKind.HELD, reason=f"{why}; not on a case of its sender")
    action = RecordAutomatic(case=case.number, contact=contact, incoming=incoming(question))
    return Decision(kind=DecisionKind.AUTOMATIC, reason=why, case=case.number, actions=(action,))
