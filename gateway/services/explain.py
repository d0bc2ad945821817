"""What would happen to a mail, and why: the same trip as `inbound.handle` with nothing put, done or saved."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.domain.mail_rules import MailRules
from gateway.domain.model import IntakeId
from gateway.domain.post import (
    DecisionKind,
    DeliveryReport,
    Envelope,
    Evidence,
    ParsedMail,
    RawMail,
    Transport,
    Unreadable,
)
from gateway.mail import ladder
from gateway.mail.auth import judge
from gateway.mail.automatic import find_marks
from gateway.mail.decision import Decision
from gateway.mail.parse import read_mail
from gateway.mail.token import Tokens, subject_tokens
from gateway.services.inbound import mail_facts
from gateway.services.ports import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All that Casegate understands of a mail; `decision` and `reason` are None where no database was asked."""

    decision: str | None
    reason: str | None
    passed: tuple[tuple[str, str], ...]
    mail: ParsedMail | None
    token: tuple[int, bool | None] | None
    is_automatic: bool
    report: DeliveryReport | None
    ms: float


LookUp = Callable[[RawMail, ParsedMail], Evidence | None]


def explain(
    data: bytes,
    rules: MailRules,
    *,
    ports: Ports | None,
    tokens: Tokens,
    look_up: LookUp | None = None,
) -> Explanation:
    """Read one mail, and with `ports` decide it too, as if it came through the pipe now; changes nothing.

    `look_up` waits for what `ports.look_up` finds.
    """
    started = time.perf_counter()
    mail = read_mail(data, rules)
    if isinstance(mail, Unreadable):
        decision = ladder.quarantine(mail.reason)
        return _explanation(decision, None, None, is_automatic=False, started=started)
    envelope = Envelope(transport=Transport.PIPE, transport_id="explain")
    found = _decide(data, mail, envelope, ports, look_up) if ports else None
    token = next(iter(subject_tokens(mail.subject, tokens)), None)
    named = (int(token.number), token.valid if tokens.secret else None) if token and token.number else None
    marks = find_marks(mail, envelope, rules.automatic)
    return _explanation(found, mail, named, is_automatic=marks.is_automatic, started=started)


def _decide(data: bytes, mail: ParsedMail, envelope: Envelope, ports: Ports, look_up: LookUp | None) -> Decision:
    raw = RawMail(id=IntakeId(0), envelope=envelope, received_at=ports.now(), data=data)
    evidence = judge(mail, envelope, look_up(raw, mail) if look_up else None)
    facts = ports.db.read(mail_facts, ports, raw, mail)
    return ladder.climb(mail, raw, evidence, facts, ports.policy, ports.tokens)


def _explanation(
    decision: Decision | None,
    mail: ParsedMail | None,
    token: tuple[int, bool | None] | None,
    *,
    is_automatic: bool,
    started: float,
) -> Explanation:
    return Explanation(
        decision=decision.kind if decision else None,
        reason=decision.reason if decision else None,
        passed=decision.passed if decision else (),
        mail=mail,
        token=token,
        is_automatic=is_automatic or bool(decision and decision.kind is DecisionKind.AUTOMATIC),
        report=mail.report if mail and mail.report and mail.report.is_bounce else None,
        ms=round((time.perf_counter() - started) * 1000, 2),
    )
