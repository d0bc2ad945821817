"""One mail of ours for each row of `rules/notices.toml`, and an announcement, with its envelope, its full headers and its parts.

Its texts are for people to judge, and stand elsewhere; a mail's headers are for machines, and change by decision only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from pathlib import Path

from gateway.config import load_policy
from gateway.domain.actions import Stamp
from gateway.domain.model import Attachment, CaseNumber, ContactId, NoticeKind
from gateway.domain.policy import NoticeRule
from gateway.domain.words import Appointment, CaseWords, Notice
from gateway.mail.compose import compose
from gateway.mail.samples import samples
from gateway.mail.token import Tokens
from tests.world import SECRET, settings, shipped_templates

FOLDER = Path(__file__).parent
POLICY = load_policy(settings())
TOKENS = Tokens(POLICY.post, SECRET)
STAMP = Stamp(at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC), nonce=bytes(range(16)))
ANNOUNCED = NoticeRule(
    kind=NoticeKind.ANNOUNCEMENT, to="", template="announce_release", events=None, automatic="auto-generated"
)
REGISTRANT = "registration"
"""The template of the one mail about a registration that its registrant answers."""
LOG = Attachment(name="trace.log", size=5, sha256="0", content_type="text/plain")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the rules; `name` is what its file is called."""

    name: str
    rule: NoticeRule


def rows() -> Iterator[Row]:
    """Every row; what two tell by one template is told apart by the recipient. What is announced stands in no row."""
    named: set[str] = set()
    for rule in (*POLICY.notices, ANNOUNCED):
        name = rule.template if rule.template not in named else f"{rule.template}-to-{rule.to}"
        name = name if name not in named else f"{name}-{rule.kind}"
        name = name if name not in named else f"{name}-{'-'.join(sorted(rule.events or ()))}"
        named.add(name)
        yield Row(name, rule)


def notice(rule: NoticeRule) -> Notice:
    """What this rule tells, with sample words; a person's own words bring their files."""
    words = next(iter(samples(rule.template)))
    is_case = isinstance(words, CaseWords) or rule.kind == NoticeKind.COMMAND_ANSWER
    return Notice(
        kind=NoticeKind(rule.kind),
        template=rule.template,
        recipient="alice@vendor.example" if rule.internal else "ann@customer.example",
        lang="en",
        words=words,
        automatic=rule.automatic,
        case=CaseNumber(1042) if is_case else None,
        answers="<second@customer.example>" if is_case or rule.automatic == "auto-replied" else None,
        thread=("<first@customer.example>", "<ours@vendor.example>") if is_case else (),
        internal=rule.internal,
        registration=7 if rule.template == REGISTRANT else None,
        approval=9 if rule.to == "approvers" else None,
        attachments=(LOG,) if rule.automatic is None else (),
        appointment=_appointment(rule),
        subscriber=ContactId(12) if rule is ANNOUNCED else None,
    )


def _appointment(rule: NoticeRule) -> Appointment | None:
    if "planned" not in (rule.events or ()) or rule.internal:
        return None
    at = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
    return Appointment(uid="escalation-1042-6", sequence=6, at=at, summary="Staging is slow", method="REQUEST")


def composed(rule: NoticeRule) -> str:
    """The envelope, the headers in their order, and the parts of the mail."""
    mail = compose(
        notice(rule),
        tokens=TOKENS,
        policy=POLICY,
        templates=shipped_templates(),
        stamp=STAMP,
        key="mail:1/somebody",
        fetch=lambda _: b"trace",
    )
    head, _, _ = mail.data.decode("ascii").replace("\r\n", "\n").partition("\n\n")
    envelope = f"MAIL FROM:<{mail.return_path}>\nRCPT TO:<{mail.recipient}>\n"
    return f"{envelope}\n{head}\n\n{''.join(_parts(message_from_bytes(mail.data), ''))}"


def _parts(part: Message, indent: str) -> Iterator[str]:
    """What a part is, its encoding left out: that follows from its text."""
    kind = [f"{name}={value}" for name, value in part.get_params([], unquote=True)[1:] if name != "boundary"]
    place = part.get("Content-Disposition")
    yield f"{indent}{'; '.join((part.get_content_type(), *kind, *([place] if place else [])))}\n"
    if part.is_multipart():
        for inner in part.get_payload():
            assert isinstance(inner, Message)
            yield from _parts(inner, f"{indent}  ")
