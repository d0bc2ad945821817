"""At the door: whether a stranger's mail server may hand this mail over at all (SPEC section 7, before the ladder).

Called by `porter` for direct peers, before the 250. Promises: the rungs `sender` and `unregistered` of the ladder, and
nothing else, asked of the From field and the envelope; one indexed read, nothing written, no body looked at. Who is
let in here is still decided by the whole ladder; who is refused hears it from the own mail server, at once.
"""

import re
from dataclasses import dataclass

import sqlalchemy as sa

from gateway.domain.facts import MailFacts
from gateway.domain.model import Authenticity, IntakeId
from gateway.domain.post import Envelope, Evidence, ParsedMail, RawMail
from gateway.mail.auth import judge
from gateway.mail.automatic import Marks
from gateway.mail.decision import Decision, Question
from gateway.mail.sender_rungs import sender, unregistered
from gateway.mail.token import split_address
from gateway.services.ports import Ports
from gateway.store.load_people import agent_by_address, contacts_by_address

MOST_BYTES = 10_000
"""Bytes of From fields that are read here: more name nobody."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FROM = re.compile(rb"^from[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*+", re.IGNORECASE | re.MULTILINE)
_STILL_TO_ASK = Evidence(authenticity=Authenticity.AUTHENTICATED, reason="the DNS is still to be asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a mail is not taken: the rung for us, and a line of ASCII for the peer.

    The line is the same for those who are not registered and those who cannot be told from a forger: it tells no
    stranger who is a customer.
    """

    rung: str
    text: str


def doorstep(ports: Ports, envelope: Envelope, header: bytes) -> Refusal | None:
    """The refusal of a mail from a direct peer; None lets it in. Raises Temporary, Unreachable.

    `header` is the mail up to its first empty line.
    """
    if not envelope.mail_from or any(_is_answer(ports, address) for address in envelope.rcpt_to):
        return None
    mail = read_from(ports, header)
    if mail is None:
        return None
    evidence = judge(mail, envelope) if ports.look_up is None or mail.sender is None else _STILL_TO_ASK
    question = Question(
        mail=mail,
        raw=RawMail(id=IntakeId(0), envelope=envelope, received_at=ports.now(), data=b""),
        evidence=evidence,
        marks=Marks(),
        facts=ports.db.read(_facts, mail.sender) if mail.sender else MailFacts(),
        policy=ports.policy,
        tokens=ports.tokens,
    )
    if isinstance(sender(question), Decision):
        text = _words(ports) if mail.sender else "this mail does not say clearly who sent it: one From, one address"
        return Refusal(rung="sender", text=text)
    if ports.policy.post.unregistered == "reject" and isinstance(unregistered(question), Decision):
        return Refusal(rung="unregistered", text=_words(ports))
    return None


def _is_answer(ports: Ports, address: str) -> bool:
    """Whether who writes there need not be registered: postmaster, to register, or an address made for one answer.

    Those of cases begin with a digit; a keyed return path and a one-time address do not.
    """
    address = address.lower()
    user, detail, _ = split_address(address)
    is_named = address in {"postmaster", ports.policy.post.registration_address}
    return is_named or user == "postmaster" or (detail != "" and not detail[0].isdigit())


def read_from(ports: Ports, header: bytes) -> ParsedMail | None:
    """A mail of its From fields alone, read as the whole will be; None where reading it is for the parse child."""
    from gateway.mail.parse import read_mail  # late: most mail comes from relays, and is read in the child

    fields = _FROM.findall(header.removeprefix(_BYTE_ORDER_MARK))
    found = read_mail(b"\r\n".join((*fields, b"", b""))[:MOST_BYTES], ports.policy.mail)
    return found if isinstance(found, ParsedMail) else None


def _facts(tx: sa.Connection, address: str) -> MailFacts:
    contact = contacts_by_address(tx, (address,)).get(address)
    return MailFacts(contact=contact, agent=None if contact else agent_by_address(tx, address))


def _words(ports: Ports) -> str:
    registration = ports.policy.post.registration_address
    return (
        "we cannot take this mail: its sender is not registered here, or nothing proves who sent it; "
        f"to register, write to {registration}"
    )
