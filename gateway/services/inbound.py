"""The trip of a mail: accepted, decided, done. The contents page of the product.

Transports call `accept`; the daemon's loop leases what waits, has it parsed, and calls `handle`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import sqlalchemy as sa

from gateway.domain.actions import Cause
from gateway.domain.facts import MailFacts
from gateway.domain.model import Attachment, CaseNumber, FileState, IntakeId
from gateway.domain.post import DecisionKind, Envelope, Evidence, IntakeState, ParsedMail, RawMail, Unreadable
from gateway.errors import Conflict, NotFound
from gateway.mail import ladder
from gateway.mail.auth import judge
from gateway.mail.decision import Decision
from gateway.mail.ladder import climb
from gateway.mail.token import find_clues, keyed_return_path
from gateway.services.agent_facts import agent_facts
from gateway.services.gathering import unless_asked
from gateway.services.letters import answer_facts, letter_facts, without_pin
from gateway.services.mail_files import files_in
from gateway.services.perform import perform_in
from gateway.services.ports import Ports
from gateway.store import db, intake, load_mail, save
from gateway.store import tables as t

BATCH = 32
"""So many fresh mails are taken at once."""

LEASE_SECONDS = 120
"""A worker that died gives its mails back after this."""

POSTPONED = timedelta(seconds=10)
"""How long a mail waits when it was not at fault."""

MOST_FAULTS = 3
"""The third failure of a mail quarantines it (SPEC section 17)."""

MOST_LEASES = 10
"""A mail that was in work so often when the daemon died is what kills it."""

IN_ROW = 1_000_000
"""Larger mails are a blob, written before the row that names it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One mail as a transport hands it over."""

    envelope: Envelope
    data: bytes


def accept(ports: Ports, deliveries: Sequence[Delivery]) -> list[IntakeId]:
    """Store mails durably, all in one commit; only after it may a transport say "accepted".

    The same transport id again gives the row that is there. Raises Temporary or Unreachable with nothing stored.
    """
    now = ports.now()
    hashes = [ports.blobs.put(mail.data) if len(mail.data) > IN_ROW else None for mail in deliveries]
    with ports.db.begin() as tx:
        ids = [
            intake.accepted(tx, mail.envelope, mail.data, received_at=now, sha256=sha256)
            for mail, sha256 in zip(deliveries, hashes, strict=True)
        ]
    ports.nudge()
    return ids


def lease(ports: Ports) -> list[RawMail]:
    """Take mail that waits: up to BATCH fresh ones, or alone one that was taken before and not finished."""
    now = ports.now()
    due = sa.select(t.intake.c.id).where(t.intake.c.state == IntakeState.PENDING, db.is_free(t.intake, now))
    due = due.order_by(t.intake.c.id)
    again, fresh = due.where(t.intake.c.attempts > 0).limit(1), due.where(t.intake.c.attempts == 0).limit(BATCH)
    if ports.db.read(lambda tx: tx.scalar(due.limit(1))) is None:  # most looks find nothing, and need not write
        return []
    with ports.db.begin() as tx:
        ids = db.lease(tx, t.intake, again, now=now, seconds=LEASE_SECONDS)
        ids = ids or db.lease(tx, t.intake, fresh, now=now, seconds=LEASE_SECONDS)
        mails = load_mail.raw_mails(tx, ids) if ids else []
    taken = []
    for raw, sha256 in mails:
        if raw.attempts > MOST_LEASES:
            quarantine(ports, raw, f"the daemon died {MOST_LEASES} times while this mail was in work")
        elif read := _with_bytes(ports, raw, sha256):
            taken.append(read)
    return taken


def take_back(ports: Ports) -> None:
    """At the start: where no other daemon works, what an earlier one held when it died is free again."""
    if not ports.db.announce():
        return
    with ports.db.begin() as tx:
        for work in (t.intake, t.outbox, t.timer):
            tx.execute(sa.update(work).where(work.c.lease_until.is_not(None)).values(lease_until=None))


def handle(
    ports: Ports,
    raw: RawMail,
    mail: ParsedMail,
    checked: Evidence | None = None,
    harmful: frozenset[str] | None = None,
) -> Decision:
    """Decide one parsed mail and do what it asks for, in one transaction. Raises Conflict: try again.

    `checked` is what `ports.look_up` found, `harmful` the hashes of the files that the scanner refused, None where it
    was not asked (`screening.to_scan`).
    """
    evidence = judge(mail, raw.envelope, checked)  # who vouches for the sender
    kept = _keep_files(ports, raw, mail, evidence, harmful) if mail.attachments else ()  # before any row names them
    with ports.db.begin() as tx:
        decision = _decide(tx, ports, raw, mail, evidence, kept)  # the facts, and the first rung that holds
        if mail.attachments and not kept and _keeps_files(decision):
            raise Conflict("what this mail is has changed meanwhile")
        told = unless_asked(tx, ports, raw, decision, mail, evidence)  # agents hear of mail that was set aside
        actions = (*decision.actions, *told)
        outcomes = perform_in(tx, ports, actions, Cause.mail(raw.id), decision.hush)  # the one write path
        case = decision.case or next((done.case.number for done in outcomes if done.case), None)
        shown = mail if case is not None else without_pin(ports, mail)
        intake.decided(tx, raw.id, _decided(raw, decision, shown, evidence, case))  # with all the above, or not at all
    ports.nudge()
    return replace(decision, case=case)


def _decide(
    tx: sa.Connection, ports: Ports, raw: RawMail, mail: ParsedMail, evidence: Evidence, files: tuple[Attachment, ...]
) -> Decision:
    """The decision that counts, on facts of the transaction that carries it out."""
    facts = mail_facts(tx, ports, raw, mail, files=files)  # contact, agent, cases, our own mail
    decision = climb(mail, raw, evidence, facts, ports.policy, ports.tokens)
    if decision.kind is not DecisionKind.NEW_CASE or ports.db.is_sqlite:
        return decision
    # Another daemon may open the case of this very thread at this moment: who opens next sees what it opened.
    save.opens_next(tx)
    known = replace(facts, cases=load_mail.cases_of_clues(tx, find_clues(mail, raw.envelope, ports.tokens)))
    return decision if known.cases == facts.cases else climb(mail, raw, evidence, known, ports.policy, ports.tokens)


def mail_facts(
    tx: sa.Connection,
    ports: Ports,
    raw: RawMail,
    mail: ParsedMail,
    *,
    files: tuple[Attachment, ...] | None = None,
    harmful: frozenset[str] = frozenset(),
) -> MailFacts:
    """Everything that the ladder needs to know about a mail; `files` are given where they were looked at before."""
    clues = find_clues(mail, raw.envelope, ports.tokens)  # what in it may name a case
    return_path = keyed_return_path(mail, raw.envelope, ports.tokens)
    facts = load_mail.facts_for_mail(tx, mail, clues, return_path, ports.now())
    if ports.policy.post.cc_policy == "domains" and facts.contact:
        facts = replace(facts, outsiders=load_mail.outsiders(tx, mail, facts.contact))
    if files is None:
        files = files_in(tx, mail, facts.contact, limit=ports.policy.attachment_limit, harmful=harmful)
    answer = answer_facts(tx, ports, mail, raw.envelope)
    letter = letter_facts(tx, ports, mail, raw.envelope, answer)
    by_agent = agent_facts(tx, ports, mail, facts, ports.now())
    return replace(facts, files=files, answer=answer, letter=letter, by_agent=by_agent)


def files_for_case(
    ports: Ports, raw: RawMail, mail: ParsedMail, evidence: Evidence, harmful: frozenset[str] = frozenset()
) -> tuple[Attachment, ...]:
    """The files of a mail and what becomes of each, as things stand; () where no case will keep them."""
    facts = ports.db.read(mail_facts, ports, raw, mail, harmful=harmful)
    decision = climb(mail, raw, evidence, facts, ports.policy, ports.tokens)
    return facts.files if _keeps_files(decision) else ()


def _keep_files(
    ports: Ports, raw: RawMail, mail: ParsedMail, evidence: Evidence, harmful: frozenset[str] | None
) -> tuple[Attachment, ...]:
    """Put the files of a mail that a case will keep, outside the transaction; a stranger's are never stored.

    The decision that counts is made inside, on facts read again.
    """
    found = files_for_case(ports, raw, mail, evidence, harmful or frozenset())
    if found and ports.scanner is not None and harmful is None:
        raise Conflict("the files of this mail are not scanned yet")
    for part, file in zip(mail.attachments, found, strict=False):  # none is found where none is kept
        if file.state is not FileState.TOO_LARGE:
            ports.blobs.put(part.data)
    return found


def _keeps_files(decision: Decision) -> bool:
    """True if what was decided puts the mail on a case."""
    return any(
        getattr(action, "incoming", None) is not None or getattr(action, "keeps_files", False)
        for action in decision.actions
    )


def quarantine(ports: Ports, raw: RawMail, reason: str) -> Decision:
    """Set a mail aside that cannot be read, or that failed too often; agents see it, the queue goes on."""
    decision = ladder.quarantine(reason)
    with ports.db.begin() as tx:
        perform_in(tx, ports, unless_asked(tx, ports, raw, decision, None, None), Cause.mail(raw.id))
        intake.decided(tx, raw.id, _decided(raw, decision, None, None, None))
    ports.nudge()
    return decision


def unreadable(ports: Ports, raw: RawMail, mail: Unreadable) -> Decision:
    """What the parser itself calls unreadable is quarantined at once."""
    return quarantine(ports, raw, mail.reason)


def postpone(ports: Ports, raw: RawMail, gap: timedelta = POSTPONED) -> None:
    """Something of ours is not there, such as the disk or the parse child: nothing is counted, it is tried again."""
    with ports.db.begin() as tx:
        intake.postponed(tx, raw.id, ports.now() + gap)


def failed(ports: Ports, raw: RawMail, reason: str) -> Decision | None:
    """Count a failure of this mail; the third one quarantines it. `reason` is a trace id or what the child did."""
    if raw.faults + 1 >= MOST_FAULTS:
        return quarantine(ports, raw, f"failed {MOST_FAULTS} times, last: {reason}")
    with ports.db.begin() as tx:
        intake.failed(tx, raw.id)
    ports.nudge()
    return None


def _with_bytes(ports: Ports, raw: RawMail, sha256: str | None) -> RawMail | None:
    """The mail with the bytes of its blob; a mail whose blob cannot be read is counted as failed."""
    if sha256 is None:
        return raw
    try:
        return replace(raw, data=ports.blobs.get(sha256))
    except NotFound as missing:
        failed(ports, raw, missing.public)
        return None


def _decided(
    raw: RawMail, decision: Decision, mail: ParsedMail | None, evidence: Evidence | None, case: CaseNumber | None
) -> intake.Decided:
    proof = f"{evidence.authenticity}: {evidence.reason}" if evidence else None
    asked = f"{'released' if raw.is_released else 'asked for again'} by {raw.asked_by}" if raw.asked_by else None
    return intake.Decided(
        state=decision.state,
        decision=decision.kind,
        reason=decision.reason,
        rung=decision.rung,
        passed=decision.passed,
        evidence="; ".join(filter(None, (proof, asked))) or None,
        case=case,
        sender=mail.sender_shown if mail else None,
        subject=mail.subject if mail else None,
        fingerprint=mail.fingerprint if mail and decision.is_handled else None,
    )
