"""Agents who write by mail: their world, and what mail programs make of an answer."""

from email.message import EmailMessage

from gateway.domain.model import Agent, AgentId
from gateway.mail.decision import Decision
from gateway.store import people
from tests.answers import text
from tests.world import SERVICE, World, a_mail

ALICE, MIRA = "alice@vendor.example", "mira@vendor.example"
PROVEN = "mx.vendor.example; dmarc=pass header.from=vendor.example"


def with_agents(world: World) -> World:
    """The world with a second agent and a case of bob's."""
    with world.ports.db.begin() as tx:
        people.add_agent(tx, Agent(id=AgentId(0), name="Mira", address=MIRA, teams=("first_level",)))
    world.mail(a_mail())
    return world


def write(
    world: World, body: str, *, sender: str = ALICE, subject: str = "Re: it", to: str = SERVICE, **headers: str
) -> Decision:
    """An agent's mail comes in over the relay, which vouches for it."""
    world.later(minutes=1)
    world._mails += 1
    headers = {"authentication_results": PROVEN, "message_id": f"<{world._mails}@vendor.example>", **headers}
    return world.mail(a_mail(sender, subject, body, to=to, **headers), rcpt=to)


def answer(world: World, mail: EmailMessage, body: str, **more: str) -> Decision:
    """An agent answers a mail of ours as a mail program does."""
    thread = f"{mail['References'] or ''} {mail['Message-ID']}".strip()
    to = str(mail["Reply-To"].addresses[0].addr_spec)
    more = {"to": to, "in_reply_to": str(mail["Message-ID"]), "references": thread, **more}
    return write(world, body, subject=more.pop("subject", f"Re: {mail['Subject']}"), **more)


def gmail(mail: EmailMessage) -> str:
    quoted = "\n".join(f"> {line}".rstrip() for line in text(mail).splitlines())
    return f"On Mon, Mar 2, 2026 at 10:00 AM Acme <{SERVICE}> wrote:\n\n{quoted}"


def apple(mail: EmailMessage) -> str:
    quoted = "\n".join(f"> {line}" for line in text(mail).splitlines())
    return f"> On 2. Mar 2026, at 10:00, Acme <{SERVICE}> wrote:\n> \n{quoted}"


def outlook(mail: EmailMessage) -> str:
    head = (
        f"From: Acme <{SERVICE}>\nSent: Monday, March 2, 2026 10:00 AM\nTo: Alice <{ALICE}>\nSubject: {mail['Subject']}"
    )
    return f"{'_' * 32}\n{head}\n\n{text(mail)}"


def outlook_german(mail: EmailMessage) -> str:
    head = (
        f"Von: Acme <{SERVICE}>\nGesendet: Montag, 2. März 2026 10:00\nAn: Alice <{ALICE}>\nBetreff: {mail['Subject']}"
    )
    return f"{head}\n\n{text(mail)}"


def unmarked(mail: EmailMessage) -> str:
    """A program that no rule of ours knows."""
    return f"Acme hat dieses hier geschrieben\n\n{text(mail)}"


def to_customers(world: World) -> str:
    """Every byte of text that went to customers."""
    mails = [mail for mail in world.outbox() if not str(mail["To"]).endswith("@vendor.example")]
    parts = [part for mail in mails for part in mail.walk() if part.get_content_maintype() == "text"]
    return "\n".join(str(part.get_content()).replace("\r\n", "\n") for part in parts)


def answers(world: World) -> list[str]:
    """The answers that alice got to her mail."""
    return [text(mail) for mail in world.outbox() if (mail["To"], mail["X-Test-Kind"]) == (ALICE, "command_answer")]
