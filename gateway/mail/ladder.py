"""What a mail is: SPEC section 7 as a table of rungs; the first that holds decides.

`climb` computes, it writes nothing. Each rung is one function that returns the Decision, or in words why it
does not hold; both are kept, so that every decision can be explained afterwards.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.domain.actions import (
    Action,
    AnswerStranger,
    CustomerReply,
    DeliveryFailed,
    Incoming,
    OpenCase,
    RecordAutomatic,
)
from gateway.domain.facts import MailFacts
from gateway.domain.model import Attachment, Authenticity, Case, CaseNumber, Contact
from gateway.domain.policy import Policy
from gateway.domain.post import Clue, DecisionKind, Evidence, IntakeState, ParsedMail, RawMail
from gateway.domain.waiting import is_past_reopening
from gateway.mail.automatic import Marks, find_marks
from gateway.mail.thanks import is_only_thanks
from gateway.mail.token import Tokens, bare_subject, our_recipients, split_address, subject_tokens

MOST_RECEIVED = 100
"""More Received lines than this are a loop (RFC 5321 section 6.3)."""

_STATES = {
    DecisionKind.HELD: IntakeState.HELD,
    DecisionKind.QUARANTINED: IntakeState.QUARANTINED,
    DecisionKind.DROPPED: IntakeState.DROPPED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a mail turned out to be, why, and what it asks for. `passed` are the rungs above and why they missed."""

    kind: DecisionKind
    reason: str
    actions: tuple[Action, ...] = ()
    case: CaseNumber | None = None
    rung: str = ""
    passed: tuple[tuple[str, str], ...] = ()

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
        """True if the evidence is as much as `trust.require` asks of contacts."""
        if self.policy.trust.require == "unverified":
            return self.evidence.authenticity is not Authenticity.FAILED
        return self.evidence.authenticity is Authenticity.AUTHENTICATED


Answer = Decision | str


def quarantine(reason: str) -> Decision:
    """Rung 2 for what could not be read at all: agents see it, the queue goes on."""
    return Decision(kind=DecisionKind.QUARANTINED, reason=reason, rung="unreadable")


def climb(
    mail: ParsedMail, raw: RawMail, evidence: Evidence, facts: MailFacts, policy: Policy, tokens: Tokens
) -> Decision:
    """The decision about one mail that could be read."""
    marks = find_marks(mail, raw.envelope, policy.mail.automatic)
    question = Question(mail=mail, raw=raw, evidence=evidence, marks=marks, facts=facts, policy=policy, tokens=tokens)
    passed: list[tuple[str, str]] = []
    for name, rung in RUNGS:
        answer = rung(question)
        if isinstance(answer, Decision):
            return replace(answer, rung=name, passed=tuple(passed))
        passed.append((name, answer))
    raise AssertionError("the last rung always holds")


def _known(question: Question) -> Answer:
    if question.facts.handled_by is not None:
        return Decision(kind=DecisionKind.DUPLICATE, reason=f"the same mail was handled as {question.facts.handled_by}")
    return "no mail with this Message-ID and content was handled before"


def _own_or_looping(question: Question) -> Answer:
    mail = question.mail
    if question.facts.is_our_own:
        return Decision(kind=DecisionKind.DROPPED, reason="our own mail came back: its Message-ID is one of ours")
    if mail.sender and question.tokens.is_ours(mail.sender):
        return Decision(kind=DecisionKind.DROPPED, reason=f"our own address {mail.sender} as sender")
    if (hops := len(mail.values("received"))) > MOST_RECEIVED:
        return Decision(kind=DecisionKind.DROPPED, reason=f"a loop: {hops} Received lines")
    return "not ours, and no loop"


def _delivery_status(question: Question) -> Answer:
    report, own = question.mail.report, question.facts.own_mail
    if report is None:
        return "not a delivery report"
    if own is None:
        return Decision(kind=DecisionKind.HELD, reason="a delivery report that proves to be about none of our mail")
    proof = "its return path" if own.keyed else "our Message-ID inside"
    reason = f"{report.action or 'report'} for {own.recipient}, proved by {proof}"
    if report.action != "failed":
        return Decision(kind=DecisionKind.BOUNCE, reason=reason, case=own.case)
    error = " ".join(filter(None, (report.status, report.diagnostic))) or "delivery failed"
    failed = DeliveryFailed(outbox=own.id, owed_by=own.cause, case=own.case, recipient=own.recipient, error=error)
    return Decision(kind=DecisionKind.BOUNCE, reason=reason, case=own.case, actions=(failed,))


def _automatic(question: Question) -> Answer:
    if not question.marks.is_automatic:
        return f"no machine's mark{'; weak: ' + ', '.join(question.marks.weak) if question.marks.weak else ''}"
    why = f"automatic: {', '.join(question.marks.strong)}"
    contact = question.facts.contact
    found = _case_for(question, contact) if contact and contact.may_write and question.enough else None
    case = (found.case or found.closed) if found else None
    if contact is None or case is None:
        return Decision(kind=DecisionKind.HELD, reason=f"{why}; not on a case of its sender")
    action = RecordAutomatic(case=case.number, contact=contact, incoming=_incoming(question))
    return Decision(kind=DecisionKind.AUTOMATIC, reason=why, case=case.number, actions=(action,))


def _sender(question: Question) -> Answer:
    mail, evidence, facts = question.mail, question.evidence, question.facts
    if mail.sender is None:
        return Decision(kind=DecisionKind.HELD, reason=f"no single sender: {mail.sender_defect}")
    if evidence.authenticity is Authenticity.FAILED:
        return Decision(kind=DecisionKind.HELD, reason=f"the sender's evidence failed: {evidence.reason}")
    if evidence.authenticity is not Authenticity.AUTHENTICATED:
        own_domain = split_address(question.policy.post.service_address)[2]
        if facts.agent or split_address(mail.sender)[2] == own_domain:
            return Decision(kind=DecisionKind.HELD, reason=f"an agent or our own domain, {evidence.reason}")
    if facts.contact and not question.enough:
        return Decision(kind=DecisionKind.HELD, reason=f"less evidence than trust.require asks: {evidence.reason}")
    return f"{mail.sender} is {evidence.authenticity}: {evidence.reason}"


def _registration(question: Question) -> Answer:
    registration = question.policy.post.registration_address
    if registration in our_recipients(question.mail, question.raw.envelope, question.tokens):
        return Decision(
            kind=DecisionKind.HELD,
            reason="to the registration address; add the person with `casegate contact add`",
        )
    return "not to the registration address"


def _unregistered(question: Question) -> Answer:
    facts, mail = question.facts, question.mail
    if facts.agent or (facts.contact and facts.contact.may_write):
        return "a registered sender"
    assert mail.sender is not None  # rung 6 held otherwise
    if question.policy.post.unregistered != "notify":
        return Decision(kind=DecisionKind.HELD, reason="an unregistered sender")
    silent = None
    if question.marks.silences:
        silent = f"it may be automatic ({', '.join(question.marks.weak)})"
    elif not question.enough:
        silent = f"nobody vouches for the sender ({question.evidence.reason})"
    elif facts.told:
        silent = "answered within a day"
    elif not mail.sender.isascii():
        silent = "its address needs SMTPUTF8"
    if silent:
        return Decision(kind=DecisionKind.UNREGISTERED, reason=f"an unregistered sender; not answered: {silent}")
    answer = AnswerStranger(address=mail.sender, message_id=mail.message_id)
    reason = "an unregistered sender; answered how to register"
    return Decision(kind=DecisionKind.UNREGISTERED, reason=reason, actions=(answer,))


def _agent(question: Question) -> Answer:
    if question.facts.agent:
        return Decision(kind=DecisionKind.HELD, reason="an agent's mail; agents answer with `casegate case reply`")
    return "not an agent"


def _reply(question: Question) -> Answer:
    contact = question.facts.contact
    assert contact is not None  # rung 9 answered otherwise
    found = _case_for(question, contact)
    if found.case is None:
        return found.why
    incoming = _incoming(question, only_thanks=found.only_thanks)
    action = CustomerReply(case=found.case.number, contact=contact, incoming=incoming)
    return Decision(kind=DecisionKind.REPLY, reason=found.why, case=found.case.number, actions=(action,))


def _new_case(question: Question) -> Answer:
    contact = question.facts.contact
    assert contact is not None  # rung 9 answered otherwise
    subject = question.mail.subject
    if subject_tokens(subject, question.tokens):  # another case's mark would follow this one about
        subject = bare_subject(subject, question.policy.post.token_prefix)
    incoming = replace(_incoming(question), subject=subject or "(no subject)")
    old = _case_for(question, contact).closed
    reason = f"a follow-up of case {old.number}, closed too long ago" if old else f"a new question of {contact.account}"
    action = OpenCase(contact=contact, incoming=incoming, follows=old.number if old else None)
    return Decision(kind=DecisionKind.NEW_CASE, reason=reason, actions=(action,))


RUNGS: tuple[tuple[str, Callable[[Question], Answer]], ...] = (
    ("known", _known),
    ("own or looping", _own_or_looping),
    ("delivery status", _delivery_status),
    ("automatic", _automatic),
    ("sender", _sender),
    ("registration", _registration),
    ("unregistered", _unregistered),
    ("agent", _agent),
    ("reply", _reply),
    ("new case", _new_case),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the clues of a mail lead to: a case or none, and why; `closed` is one that is closed too long to reopen."""

    case: Case | None = None
    why: str
    only_thanks: bool = False
    closed: Case | None = None


def _case_for(question: Question, contact: Contact) -> _Found:
    """The case of the first clue that this contact may use, and that may still be written on."""
    missed: list[str] = []
    closed: Case | None = None
    for clue, case in question.facts.cases:
        if not (clue.valid or question.evidence.authenticity is Authenticity.AUTHENTICATED):
            missed.append(f"{clue.kind} {case.number} has a wrong check part")
        elif case.account != contact.account and contact.party not in case.participants:
            missed.append(f"{clue.kind} {case.number} is not a case of this sender")
        elif question.policy.workflow.status(case.status).settled and _only_thanks(question):
            return _Found(case=case, why=f"{_named(clue, case)}; only thanks", only_thanks=True)
        elif is_past_reopening(case, question.policy, question.raw.received_at):
            missed.append(f"{clue.kind} {case.number} is closed too long to be reopened")
            if case.account == contact.account:  # a guest's late answer is a new matter of the guest's own account
                closed = closed or case
        else:
            return _Found(case=case, why=_named(clue, case))
    return _Found(why="; ".join(missed) or "nothing in it names a case", closed=closed)


def _only_thanks(question: Question) -> bool:
    """True if the writer asks for nothing; an attachment says more than thanks."""
    assert question.facts.contact is not None
    names = (question.facts.contact.name, *question.facts.names)
    mail = question.mail
    return not mail.attachments and is_only_thanks(mail.new_text, question.policy.thanks, names)


def _named(clue: Clue, case: Case) -> str:
    return f"{clue.kind} {case.number}{'' if clue.valid else ', check part wrong but the sender is authenticated'}"


def _incoming(question: Question, *, only_thanks: bool = False) -> Incoming:
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
