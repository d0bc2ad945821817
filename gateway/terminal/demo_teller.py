"""What the demo's audience sees: every step is done and then told, from what the product itself says about it.

The story calls `mail` for a letter that comes in and `act` for a command of an agent. What was decided and why is
the intake's own record, statuses are the case's history, the mails that left are the files in the mailbox.
"""

import shlex
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from textwrap import wrap

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from gateway.services import case_view, post_room
from gateway.terminal import show
from gateway.terminal.demo_stage import SERVICE, Happening, Stage

WIDEST = 100
"""Columns; wider prose is hard to read."""

SHOWN_LINES = 3
"""So many lines of a mail are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail that somebody writes to the service. `answers` is the mail it replies to, quoted below the text."""

    name: str
    address: str
    subject: str
    text: str
    answers: EmailMessage | None = None
    is_automatic: bool = False


def written(letter: Letter) -> EmailMessage:
    """The letter as that person's mail program makes it."""
    mail = EmailMessage()
    mail["From"] = f"{letter.name} <{letter.address}>"
    mail["To"] = str(letter.answers["Reply-To"]) if letter.answers else SERVICE
    mail["Subject"] = letter.subject
    mail["Date"] = formatdate(localtime=True)
    mail["Message-ID"] = make_msgid(domain=letter.address.partition("@")[2])
    text = f"{letter.text}\n"
    if letter.answers:
        mail["In-Reply-To"] = str(letter.answers["Message-ID"])
        quoted = "\n".join(f"> {line}".rstrip() for line in _text(letter.answers).splitlines())
        text += f"\nOn {letter.answers['Date']}, {letter.answers['From']} wrote:\n{quoted}\n"
    if letter.is_automatic:
        mail["Auto-Submitted"] = "auto-replied"
    mail.set_content(text)
    return mail


class Teller:
    """Does a step on the stage and prints what came of it."""

    def __init__(self, stage: Stage, console: Console) -> None:
        self._stage = stage
        self._console = console
        self._width = min(console.width, WIDEST)
        self._mails = 0
        self._events: dict[int, int] = {}

    def chapter(self, title: str, *paragraphs: str) -> None:
        """A heading, and what to know about what follows."""
        self._console.print()
        self._console.print(Rule(Text(title, "bold"), align="left", style="cyan"), width=self._width)
        for paragraph in paragraphs:
            self.say(paragraph)
        self._console.print()

    def say(self, text: str, style: str = "") -> None:
        """A paragraph of the demo's own."""
        self._print("", Text(text, style))

    def command(self, typed: str) -> None:
        """A command line, whole, so that it can be copied."""
        self._console.print(Text.assemble(("$ ", "green"), (typed, "bold")), soft_wrap=True)

    async def run(self, *arguments: str) -> None:
        """Type one command and show what it prints."""
        self.command(shlex.join(["casegate", *arguments]))
        for line in (await self._stage.casegate(*arguments)).splitlines():
            self._print("  ", Text(show.body(line), "dim"))

    async def act(self, trigger: str, case: int, *options: str) -> None:
        """Type one command on a case, and tell what it changed and which mail left."""
        await self.run("case", trigger, str(case), *options)
        await self._stage.settle()
        self._tell_status(case)
        self._tell_consequences()

    async def mail(self, letter: Letter, copy: EmailMessage | None = None) -> EmailMessage:
        """Send a letter, or its copy once more, and tell what came of it; the mail is returned."""
        mail = copy or written(letter)
        self._fact("mail in", ("from ", "dim"), (f"{letter.name} <{letter.address}>", "bold"))
        self._fact("", ("to ", "dim"), str(mail["To"]))
        self._excerpt(letter.subject, letter.text)
        answer = await self._stage.send(mail, letter.address, str(mail["To"]))
        self._fact("", (f"250 {show.line(answer)}", "dim"))
        await self.tell_decision(await self._stage.decided())
        return mail

    async def tell_decision(self, made: Happening) -> None:
        """What a mail turned out to be and why, what that changed, and which mail left."""
        await self._stage.settle()
        (row,) = self._stage.desk.read(post_room.intake_rows, id_=made.id)
        where = f", case {row.case}" if row.case else ", no case"
        self._fact("decided", (str(row.decision), "bold yellow"), where, (f"  {made.ms:.0f} ms", "dim"))
        self._fact("why", show.line(row.reason))
        if row.case:
            self._tell_status(row.case)
        self._tell_consequences()

    async def tell_arrival(self, made: Happening) -> None:
        """A mail that came from elsewhere, and all that came of it."""
        (row,) = self._stage.desk.read(post_room.intake_rows, id_=made.id)
        self._fact("mail in", ("from ", "dim"), (show.line(row.sender or row.mail_from), "bold"))
        self._fact("", (show.line(row.subject), "italic"))
        await self.tell_decision(made)

    def _tell_consequences(self) -> None:
        if not self.tell_mails():
            self._fact("mail out", ("none", "dim"))

    def tell_mails(self) -> bool:
        """The mails that left since the last time; False if none did."""
        mails = self._stage.mailbox.delivered[self._mails :]
        self._mails += len(mails)
        for mail in mails:
            file = f"  {mail.file.parent.name}/{mail.file.name}"
            self._fact("mail out", ("to ", "dim"), (show.line(mail.recipient), "bold"), (file, "dim"))
            self._excerpt(str(mail.message["Subject"]), _text(mail.message))
        return bool(mails)

    def _tell_status(self, case: int) -> None:
        history = self._stage.desk.read(case_view.history, case)
        label = self._stage.desk.policy.label
        new = history[self._events.get(case, 0) :]
        self._events[case] = len(history)
        changes = [event for event in new if event.to_status and event.to_status != event.from_status]
        for event in changes:
            before = label(event.from_status) if event.from_status else "new"
            self._fact("status", before, " → ", (label(str(event.to_status)), "bold green"))
        if not changes:
            status = next(event.to_status for event in reversed(history) if event.to_status)
            self._fact("status", "stays ", (label(status), "bold"))

    def _excerpt(self, subject: str, text: str) -> None:
        self._fact("", (show.line(subject), "italic"))
        said = text.partition("\n-- \n")[0]  # without the signature
        paragraphs = [show.line(paragraph) for paragraph in said.split("\n\n")]
        lines = [line for paragraph in paragraphs for line in wrap(paragraph, self._width - 14)]
        for line in lines[:SHOWN_LINES]:
            self._fact("", ("│ ", "cyan"), line)
        if len(lines) > SHOWN_LINES:
            self._fact("", ("│ …", "cyan"))

    def _fact(self, name: str, *parts: str | tuple[str, str]) -> None:
        self._print(f"{name:>8}  ", Text.assemble(*parts))

    def _print(self, margin: str, text: Text) -> None:
        """Wrapped at words, each line after its margin, and no space at a line's end."""
        for number, line in enumerate(text.wrap(self._console, self._width - len(margin))):
            line.rstrip()
            left = margin if number == 0 else " " * len(margin)
            self._console.print(Text.assemble((left, "dim"), line), soft_wrap=True)


def _text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    return str(part.get_content()).replace("\r\n", "\n") if part else ""
