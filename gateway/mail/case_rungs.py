"""The last rungs: a registered customer's mail finds its case, or opens one (SPEC section 7, rungs 11 to 13)."""

import hashlib
from dataclasses import dataclass, replace

from gateway.domain.actions import CustomerReply, Incoming, OpenCase
from gateway.domain.model import Attachment, Authenticity, Case, Contact
from gateway.domain.post import Clue, DecisionKind
from gateway.domain.waiting import is_past_reopening
from gateway.mail.decision import Answer, Decision, Question
from gateway.mail.thanks import is_only_thanks
from gateway.mail.token import bare_subject, subject_tokens


def reply(question: Question) -> Answer:
    """Something in it names a case that this contact may write on."""
    contact = question.facts.contact
    assert contact is not None  # rung 9 answered otherwise
    found = case_for(question, contact)
    if found.case is None:
        return found.why
    words = incoming(question, only_thanks=found.only_thanks)
    action = CustomerReply(case=found.case.number, contact=contact, incoming=words)
    return Decision(kind=DecisionKind.REPLY, reason=found.why, case=found.case.number, actions=(action,))


def new_case(question: Question) -> Answer:
    """What is left is a question of a registered customer."""
    contact = question.facts.contact
    assert contact is not None  # rung 9 answered otherwise
    subject = question.mail.subject
    if subject_tokens(subject, question.tokens):  # another case's mark would follow this one about
        subject = bare_subject(subject, question.policy.post.token_prefix)
    words = replace(incoming(question), subject=subject or "(no subject)")
    old = case_for(question, contact).closed
    reason = f"a follow-up of case {old.number}, closed too long ago" if old else f"a new question of {contact.account}"
    action = OpenCase(contact=contact, incoming=words, follows=old.number if old else None)
    return Decision(kind=DecisionKind.NEW_CASE, reason=reason, actions=(action,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the clues of a mail lead to: a case or none, and why; `closed` is one that is closed too long to reopen."""

    case: Case | None = None
    why: str
    only_thanks: bool = False
    closed: Case | None = None


def case_for(question: Question, contact: Contact) -> Found:
    """The case of the first clue that this contact may use, and that may still be written on."""
    missed: list[str] = []
    closed: Case | None = None
    for clue, case in question.facts.cases:
        if not (clue.valid or question.evidence.authenticity is Authenticity.AUTHENTICATED):
            missed.append(f"{clue.kind} {case.number} has a wrong check part")
        elif case.account != contact.account and contact.party not in case.participants:
            missed.append(f"{clue.kind} {case.number} is not a case of this sender")
        elif question.policy.workflow.status(case.status).settled and _only_thanks(question):
            return Found(case=case, why=f"{_named(clue, case)}; only thanks", only_thanks=True)
        elif is_past_reopening(case, question.policy, question.raw.received_at):
            missed.append(f"{clue.kind} {case.number} is closed too long to be reopened")
            if case.account == contact.account:  # a guest's late answer is a new matter of the guest's own account
                closed = closed or case
        else:
            return Found(case=case, why=_named(clue, case))
    return Found(why="; ".join(missed) or "nothing in it names a case", closed=closed)


def _only_thanks(question: Question) -> bool:
    """True if the writer asks for nothing; an attachment says more than thanks."""
    assert question.facts.contact is not None
    names = (question.facts.contact.name, *question.facts.names)
    mail = question.mail
    return not mail.attachments and is_only_thanks(mail.new_text, question.policy.thanks, names)


def _named(clue: Clue, case: Case) -> str:
    return f"{clue.kind} {case.number}{'' if clue.valid else ', check part wrong but the sender is authenticated'}"


def incoming(question: Question, *, only_thanks: bool = False) -> Incoming:
    """The mail as an action takes it."""
    mail, contact = question.mail, question.facts.contact
    assert contact is not None
    joining = tuple(
        other
        for other in question.facts.copied
        if other.account == contact.account and other != contact and not question.tokens.is_ours(other.address)
    )
    return Incoming(
        intake=question.raw.id,
        subject=mail.subject,
        text=mail.new_text,
        quoted=mail.quoted_text,
        message_id=mail.message_id,
        authenticity=question.evidence.authenticity,
        attachments=tuple(
            Attachment(
                name=part.name,
                size=len(part.data),
                sha256=hashlib.sha256(part.data).hexdigest(),
                content_type=part.content_type,
            )
            for part in mail.attachments
        ),
        reached=frozenset((*mail.to, *mail.cc)),
        joining=joining,
        quiet=question.marks.silences,
        only_thanks=only_thanks,
    )
