"""The story that `casegate demo` tells: two customers, one agent, and the mails of one morning.

`demo` has it played on a Stage. Everybody and everything in it is invented; the addresses are reserved names.
"""

import shlex
import shutil
import sys
from email.message import EmailMessage
from pathlib import Path

from rich.console import Console

from gateway.errors import CasegateError
from gateway.services import post_room, views
from gateway.terminal.demo_stage import SERVICE, VENDOR, Stage
from gateway.terminal.demo_teller import Letter, Teller

ANN, CARL, GUS, MIRA = "ann@acme.example", "carl@acme.example", "gus@globex.example", "mira@harbour.example"

CAST = (
    ("account", "add", "Acme Works", "--number", "ACME-1"),
    ("account", "add", "Globex", "--number", "GLOBEX-1"),
    ("contact", "add", ANN, "--account", "ACME-1", "--name", "Ann Archer"),
    ("contact", "add", CARL, "--account", "ACME-1", "--name", "Carl Cooper"),
    ("contact", "add", GUS, "--account", "GLOBEX-1", "--name", "Gus Green"),
    ("agent", "add", "Mira", "--address", MIRA, "--team", "first_level"),
)
"""The commands that make everybody known."""

CASE = 1001
AS_MIRA = ("--as", "mira")


async def tell(stage: Stage, console: Console) -> Teller:
    """Play it from an empty folder to a resolved case."""
    teller = Teller(stage, console)
    teller.chapter(
        "Casegate, a demo",
        f"{VENDOR} has one address for its customers, {SERVICE}. What you see is the real daemon on a fresh SQLite "
        "database, fed over SMTP; every mail that leaves is delivered over SMTP to a mailbox of the demo.",
        "Nobody here vouches for senders (no DKIM, no DMARC), so the demo trusts the From line. A real one should not.",
    )
    teller.command(f"casegate init {stage.folder} --yes")
    await stage.init()
    for arguments in CAST:
        await teller.run(*arguments)
    teller.command("casegate serve")
    await stage.serve()
    teller.say(f"  ready, SMTP on 127.0.0.1:{stage.port}", "dim")
    question = await _the_question(teller)
    await _the_answer(teller)
    await _the_colleague(stage, teller)
    await _what_must_not_matter(stage, teller, question)
    await _strangers(stage, teller)
    teller.chapter("9. Mira resolves the case", "Her text goes to everybody on it, Ann and Carl, and to nobody else.")
    await teller.act("resolve", CASE, *AS_MIRA, "-m", "The index is back.")
    await _the_end(stage, teller)
    return teller


async def _the_question(teller: Teller) -> Letter:
    teller.chapter("1. Ann has a question", "She is a contact of ACME-1: her mailbox is her login.")
    letter = Letter(
        name="Ann Archer",
        address=ANN,
        subject="The nightly export is slow",
        text="Hello,\n\nsince Monday the nightly export takes an hour. It used to be five minutes.\n\nAnn",
    )
    await teller.mail(letter)
    return letter


async def _the_answer(teller: Teller) -> None:
    teller.chapter("2. Mira takes the case", "Agents work from a terminal.")
    await teller.act("start", CASE, *AS_MIRA)
    teller.chapter("3. Mira asks back", "Now it is the customer's turn, and the status says so.")
    await teller.act("reply", CASE, *AS_MIRA, "-m", "Did you upgrade on Monday?")


async def _the_colleague(stage: Stage, teller: Teller) -> None:
    teller.chapter(
        "4. A colleague of Ann's replies",
        "Ann forwarded the mail to Carl. His reply finds the case, and as he is of the same account he joins it.",
    )
    asked = _last_mail(stage, ANN)
    carl = Letter(
        name="Carl Cooper",
        address=CARL,
        subject=f"AW: {asked['Subject']}",
        text="Yes, to 8.1. An index seems to be missing since then.",
        answers=asked,
    )
    copy = await teller.mail(carl)
    teller.chapter("5. The same mail once more", "A server that was not sure has delivered Carl's mail twice.")
    await teller.mail(carl, copy)


async def _what_must_not_matter(stage: Stage, teller: Teller, question: Letter) -> None:
    teller.chapter(
        "6. Ann is away",
        "Her mail program answers by itself. That is kept on the case, changes nothing, and nobody answers it.",
    )
    away = Letter(
        name=question.name,
        address=question.address,
        subject=f"Out of office: {question.subject}",
        text="I am away until Thursday.",
        answers=_last_mail(stage, ANN),
        is_automatic=True,
    )
    await teller.mail(away)


async def _strangers(stage: Stage, teller: Teller) -> None:
    teller.chapter(
        "7. A stranger writes",
        "Paul is nobody's contact: he is told once how to register, and no case is opened.",
    )
    paul = Letter(
        name="Paul Passer-by",
        address="paul@elsewhere.example",
        subject="An offer for your company",
        text="Dear Sirs,\n\nwe sell paper clips.",
    )
    await teller.mail(paul)
    teller.chapter(
        "8. And somebody with Ann's token",
        "Gus, of another company, got hold of it. It opens nothing: he gets a case of his own and learns nothing of hers.",
    )
    gus = Letter(
        name="Gus Green",
        address=GUS,
        subject=str(_last_mail(stage, ANN)["Subject"]),
        text="We have that too. What did you tell them?",
    )
    await teller.mail(gus)


async def _the_end(stage: Stage, teller: Teller) -> None:
    teller.chapter("That was it")
    await teller.run("cases")
    taken = len(stage.desk.read(post_room.intake_rows))
    opened = len(stage.desk.read(views.cases, views.CaseFilter(), stage.desk.policy, stage.desk.tokens))
    delivered = len(stage.mailbox.delivered)
    teller.say(f"{taken} mails came in, {opened} cases were opened, {delivered} mails were delivered.", "bold")


def how_to_go_on(stage: Stage, teller: Teller) -> None:
    """Say how to send a mail of one's own and how to look at what became of it."""
    teller.chapter("How to send a mail of your own", "As Ann, or as anybody else; with swaks, or with Python alone:")
    teller.command(
        f"swaks --server 127.0.0.1:{stage.port} --from {ANN} --to {SERVICE} --header 'Subject: Mine' --body Hello"
    )
    mail = f"'{ANN}', '{SERVICE}', 'From: {ANN}\\nSubject: Mine\\n\\nHello'"
    teller.command(
        f"python3 -c \"import smtplib; smtplib.SMTP('127.0.0.1', {stage.port}, 'localhost').sendmail({mail})\""
    )
    teller.chapter("How to look at cases", "In another terminal:")
    teller.command(f"export CASEGATE_CONFIG={shlex.quote(str(stage.config))}")
    if program := _program_off_path():
        teller.command(f"alias casegate={shlex.quote(program)}")
    for line in (
        "casegate cases",
        f"casegate case show {CASE}",
        "casegate outbox list",
        f'casegate case reply {CASE + 1} --as mira -m "We told them nothing of you."',
        f"ls {shlex.quote(str(stage.mailbox.folder))}",
    ):
        teller.command(line)


def _program_off_path() -> str | None:
    """How to call the Casegate that runs here, unless a shell finds it by its name."""
    program = Path(sys.argv[0]).resolve()
    if program.suffix == ".py":
        return shlex.join([sys.executable, str(program)])
    found = shutil.which("casegate")
    return None if found and Path(found).samefile(program) else shlex.quote(str(program))


def _last_mail(stage: Stage, recipient: str) -> EmailMessage:
    for mail in reversed(stage.mailbox.delivered):
        if mail.recipient == recipient:
            return mail.message
    raise CasegateError(f"no mail for {recipient} was delivered")
