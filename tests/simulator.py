"""Hostile correspondents, and a post that carries mail between them and a World: whoever answers, answers for ever."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import sqlalchemy as sa

from gateway.domain.post import OutboxState
from gateway.services import post_room
from gateway.store import tables as t
from tests.world import SERVICE, World, a_mail

ROUNDS = 1000
"""Whoever still writes then never stops."""

Letter = tuple[bytes, str]
"""A mail, and the address that it goes to."""
Responder = Callable[[EmailMessage], list[Letter]]
"""What somebody writes on a mail of ours: nothing, or more."""


def words_of(mail: EmailMessage) -> str:
    """The plain text of a mail of ours."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def address_of(mail: EmailMessage, header: str = "To") -> str:
    """The one address in a header."""
    return str(mail[header].addresses[0].addr_spec)


def nobody(_mail: EmailMessage) -> list[Letter]:
    """Who only reads."""
    return []


class Machine:
    """Answers whatever it gets, and says in no header that it is a machine.

    `{n}` in subject and text is a running number, `{subject}` the subject of our mail; `quotes` adds our text below,
    `plainly` without any mark of a quotation; `threads` names our mail, `replies` goes where our Reply-To says.
    """

    def __init__(
        self,
        text: str = "The office dog has carried your lines to the right desk.",
        subject: str = "Your lines no. {n}",
        *,
        quotes: bool = False,
        plainly: bool = False,
        threads: bool = False,
        replies: bool = False,
    ) -> None:
        self.text, self.subject = text, subject
        self.quotes, self.plainly, self.threads, self.replies = quotes, plainly, threads, replies
        self.written = 0

    def __call__(self, mail: EmailMessage) -> list[Letter]:
        self.written += 1
        sender, domain = address_of(mail), address_of(mail).partition("@")[2]
        body = self.words(mail)
        if self.quotes:
            body += "\n\nOn Monday the vendor wrote:\n" + "\n".join(f"> {line}" for line in words_of(mail).split("\n"))
        if self.plainly:
            body = f"{words_of(mail)}\n{body}"
        to = address_of(mail, "Reply-To") if self.replies else SERVICE
        named = {"in_reply_to": str(mail["Message-ID"])} if self.threads else {}
        subject = self.subject.format(n=self.written, subject=mail["Subject"])
        message_id = f"<{self.written}.{id(self)}@{domain}>"
        return [(a_mail(sender, subject, body, message_id=message_id, to=to, **named), to)]

    def words(self, _mail: EmailMessage) -> str:
        """What it says."""
        return self.text.format(n=self.written)


class Babbler(Machine):
    """Never says a word twice."""

    def words(self, _mail: EmailMessage) -> str:
        """A few words that nobody has used before."""
        return " ".join(
            "".join(chr(ord("a") + int(digit)) for digit in f"{self.written:04}{word}") for word in range(9)
        )


class Mirror(Machine):
    """Sends our own text back as its own, as a list does that takes away all headers but its own."""

    def words(self, mail: EmailMessage) -> str:
        """Our words, and a footer."""
        return f"{words_of(mail)}\n\n_____\nThe list of all customers\n"


class House:
    """Another Casegate: it takes our mail as a transport does, and what it owes us comes back."""

    def __init__(self, world: World) -> None:
        self.post = Post(world, {})

    def __call__(self, mail: EmailMessage) -> list[Letter]:
        self.post.world.mail(mail.as_bytes(policy=policy.SMTP), rcpt=address_of(mail))
        return [(sent.as_bytes(policy=policy.SMTP), address_of(sent)) for sent in self.post.leave()]


class Post:
    """Carries mail between a World and those who answer, until nobody writes any more."""

    def __init__(
        self, world: World, responders: Mapping[str, Responder], gap: timedelta = timedelta(seconds=2)
    ) -> None:
        self.world, self.responders, self.gap = world, responders, gap
        self._seen = 0
        self.letters = 0

    def leave(self) -> list[EmailMessage]:
        """What is owed now leaves; the mails."""
        with self.world.ports.db.begin() as tx:
            query = sa.select(t.outbox).where(t.outbox.c.id > self._seen).order_by(t.outbox.c.id)
            rows = tx.execute(query).all()
            ids = [row.id for row in rows]
            values = {"state": OutboxState.SENT, "attempts": 1}
            tx.execute(sa.update(t.outbox).where(t.outbox.c.id.in_(ids)).values(values))
        self._seen = max([self._seen, *ids])
        found = [message_from_bytes(row.data, policy=policy.default) for row in rows]
        return [mail for mail in found if isinstance(mail, EmailMessage)]

    def carry(self, rounds: int = ROUNDS) -> None:
        """To and fro; each answer comes `gap` after our mail."""
        for _ in range(rounds):
            mails = self.leave()
            answers = [one for mail in mails for one in self.responders.get(address_of(mail), nobody)(mail)]
            if not answers:
                return
            self.world.later(seconds=self.gap.total_seconds())
            for data, to in answers:
                self.letters += 1
                self.world.mail(data, rcpt=to)
        raise AssertionError(f"still writing after {self.letters} answers")


def alarms(world: World) -> list[str]:
    """The names of the alarms that stand."""
    standing = world.ports.db.read(post_room.standing, world.now, outbound=True)
    return [alarm.name for alarm in standing.alarms]
