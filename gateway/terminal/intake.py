"""Mail on its way in: taken from files and pipes, listed, and explained (SPEC section 15)."""

import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain.post import Envelope, IntakeState, Transport
from gateway.errors import BadUsage, CasegateError, NotFound, Refused
from gateway.terminal import shapes, show, text_input
from gateway.terminal.context import Desk, acting_agent
from gateway.terminal.room import AsOption, JsonOption, Room, WordsOrFiles, examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.domain.mail_rules import MailRules
    from gateway.domain.model import Agent
    from gateway.domain.post import DeliveryReport, Evidence, ParsedMail, RawMail
    from gateway.mail.token import Tokens
    from gateway.services.explain import Explanation
    from gateway.services.inbound import Delivery
    from gateway.services.ports import LookUp, Ports

TEMPORARY_FAULT = 75
"""EX_TEMPFAIL of sysexits.h: the mail server that pipes into us keeps the mail and comes again."""

STDIN = Path("-")

_TAKES = (
    "intake mail.eml",
    "intake --json *.eml",
    "intake < mail.eml        (75 on every fault, so that a mail server keeps the mail)",
)
Ids = Annotated[list[int], typer.Argument(metavar="ID", min=1, max=10**12, help="The numbers of the mails.")]

room = Room(
    "Mail on its way in. `casegate intake FILE...` takes mail; the commands look at it.",
    cls=WordsOrFiles,
    epilog=examples(*_TAKES, "intake ./list            (a file that is called like a command)"),
)


@room.task(
    WordsOrFiles.default,
    *_TAKES,
    hidden=True,
)
def take(
    desk: Desk,
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE", help="Raw mails; - is stdin.")] = None,
    json: JsonOption = False,
) -> None:
    """Take raw mail from files or stdin into the intake, as a transport would."""
    if not files and sys.stdin.isatty():
        raise BadUsage("no mail: name files, or pipe one in: casegate intake < mail.eml")
    asked = files or [STDIN]
    if STDIN not in asked:
        _take(desk, asked, json=json)
        return
    try:
        _take(desk, asked, json=json)
    except BadUsage:
        raise
    except CasegateError as error:
        for problem in error.public.splitlines():
            show.complain(f"casegate: {problem}")
        raise typer.Exit(TEMPORARY_FAULT) from error
    except Exception as error:  # any other exit code and the mail server would throw the mail away
        show.complain(f"casegate: {type(error).__name__}; the mail was not taken")
        raise typer.Exit(TEMPORARY_FAULT) from error


def _take(desk: Desk, files: list[Path], *, json: bool) -> None:
    from gateway.services import inbound

    mails = [_delivery(text_input.read_bytes(file)) for file in files]
    if any(not mail.data for mail in mails):
        raise BadUsage("an empty file is no mail; nothing was taken")
    ids = inbound.accept(desk.ports, mails)
    if json:
        show.print_json([{"id": id_} for id_ in ids])
        return
    for file, id_ in zip(files, ids, strict=True):
        show.say(f"{'stdin' if file == STDIN else show.line(str(file))} accepted as {id_}")


def _delivery(data: bytes) -> "Delivery":
    from gateway.services.inbound import Delivery

    return Delivery(Envelope(transport=Transport.PIPE, transport_id=f"pipe:{uuid.uuid4()}"), data)


_COLUMNS = (
    show.Column(head="Id", right=True),
    show.Column(head="Received"),
    show.Column(head="State", most=11),
    show.Column(head="Decision", most=12),
    show.Column(head="Case", right=True),
    show.Column(head="From", most=20),
    show.Column(head="Subject", gives=True),
    show.Column(head="Reason", gives=True, from_width=110),
)


@room.task("list", "intake list", "intake list --state held --json")
def list_intake(
    desk: Desk,
    state: Annotated[IntakeState | None, typer.Option(help="Only in this state.")] = None,
    json: JsonOption = False,
) -> None:
    """List mail as it came in and what was decided about it, newest first."""
    from gateway.services import post_room

    found = desk.read(post_room.intake_rows, state=state)
    if json:
        show.print_json([shapes.intake(row) for row in found])
        return
    rows = [(r.id, show.when(r.received_at), r.state, r.decision, r.case, r.sender, r.subject, r.reason) for r in found]
    show.table(_COLUMNS, rows, empty="no mail")


@room.task("show", "intake show 9001", "intake show 9001 --json")
def show_intake(
    desk: Desk,
    id_: Annotated[int, typer.Argument(metavar="ID", min=1, max=10**12, help="The number of the mail.")],
    json: JsonOption = False,
) -> None:
    """Show what was decided about one mail, and why."""
    from gateway.services import post_room

    (row,) = desk.read(post_room.intake_rows, id_=id_)
    if json:
        show.print_json(shapes.intake(row))
        return
    show.facts(
        [
            ("Mail", f"{row.id}, by {row.transport} at {show.when(row.received_at)}"),
            ("From", row.sender),
            ("Subject", row.subject),
            ("Envelope", f"from {row.mail_from or '<>'} to {', '.join(row.rcpt_to)}" if row.rcpt_to else None),
            ("State", row.state),
            ("Decision", row.decision),
            ("Reason", row.reason),
            ("Case", str(row.case) if row.case else None),
            ("Evidence", row.evidence),
            ("Asked by", f"{row.asked_by}{', who released it' if row.is_released else ''}" if row.asked_by else None),
            ("Failures", str(row.faults) if row.faults else None),
            ("Rung", row.rung),
        ]
    )
    for rung, why in row.passed:
        show.say(f"  not {show.line(rung, 40)}: {show.line(why)}")


@room.task("release", "intake release 17", "intake release 17 18 --as mira@vendor.example")
def release(desk: Desk, ids: Ids, as_: AsOption = None) -> None:
    """Have held mail decided again as if its sender were acceptable, on your word; your name is kept with it.

    All else holds as ever: who is no contact, or what was handled meanwhile, does not become a case by this.
    """
    from gateway.services import by_hand

    _by_hand(desk, ids, as_, by_hand.release, "released; the daemon decides it")


@room.task("retry", "intake retry 17", "intake retry 17 18")
def retry(desk: Desk, ids: Ids, as_: AsOption = None) -> None:
    """Have held or quarantined mail read and decided anew, by today's rules."""
    from gateway.services import by_hand

    _by_hand(desk, ids, as_, by_hand.retry, "waits; the daemon decides it anew")


@room.task("drop", "intake drop 17", "intake drop 17 18")
def drop(desk: Desk, ids: Ids, as_: AsOption = None) -> None:
    """Drop mail that is held, quarantined or still waits. What is decided stays."""
    from gateway.services import by_hand

    _by_hand(desk, ids, as_, by_hand.drop, "dropped")


def _by_hand(
    desk: Desk, ids: list[int], as_: str | None, act: "Callable[[Ports, int, Agent], None]", done: str
) -> None:
    """Each mail is a transaction of its own: one that is refused is told, and does not stop the others."""
    agent = acting_agent(desk, as_)
    wanted = list(dict.fromkeys(ids))
    refused = 0
    for id_ in wanted:
        try:
            act(desk.ports, id_, agent)
        except (Refused, NotFound) as refusal:
            if len(wanted) == 1:
                raise
            refused += 1
            show.complain(refusal.public)
        else:
            show.say(f"{id_} {done}")
    if refused:
        raise Refused(f"refused for {refused} of {len(wanted)} mails")


@room.task("explain", "intake explain mail.eml", "intake explain --json *.eml")
def explain(
    desk: Desk,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Raw mails; - is stdin.")],
    json: JsonOption = False,
) -> None:
    """Say what would happen to a mail and why; changes nothing, and works without a gateway too."""
    from gateway.services.explain import explain as understand

    mails = [(str(file), text_input.read_bytes(file)) for file in files]
    rules, tokens, ports = _means(desk)
    look_up = _waiting(ports.look_up) if ports and ports.look_up else None
    for name, data in mails:
        found = understand(data, rules, ports=ports, tokens=tokens, look_up=look_up)
        if json:
            show.print_json(shapes.explanation(name, found), compact=True)
        else:
            _print_explanation(name, found)


def _waiting(dns: "LookUp") -> "Callable[[RawMail, ParsedMail], Evidence | None]":
    """The same questions to the DNS, for one who waits for the answer."""
    import asyncio

    return lambda raw, mail: asyncio.run(dns.check(raw, mail))


def _means(desk: Desk) -> "tuple[MailRules, Tokens, Ports | None]":
    """All of the gateway where there is one; else the rules that parsing needs, and a word on stderr."""
    from gateway import config, wiring
    from gateway.mail.token import Tokens

    try:
        policy = config.load_policy(desk.settings)
        return policy.mail, desk.tokens, wiring.build_ports(desk.settings, policy=policy)
    except CasegateError as error:
        show.complain(f"casegate: no decision, only what parsing says: {error.public.splitlines()[0]}")
    try:
        policy = config.load_policy(desk.settings)
    except CasegateError:
        nobody = config.Settings.model_validate({"mail": {"service_address": "service@gateway.invalid"}})
        policy = config.load_policy(nobody)
    try:
        return policy.mail, desk.tokens, None
    except CasegateError:
        return policy.mail, Tokens(policy.post, None), None


def _print_explanation(file: str, found: "Explanation") -> None:
    mail = found.mail
    show.say(show.line(file), style="bold")
    token = f"{found.token[0]}, {_validity(found.token[1])}" if found.token else None
    show.facts(
        [
            ("Decision", found.decision),
            ("Reason", found.reason),
            ("From", mail.sender_shown if mail else None),
            ("To", ", ".join(mail.to) if mail else None),
            ("Cc", ", ".join(mail.cc) if mail else None),
            ("Subject", mail.subject if mail else None),
            ("Message-ID", mail.message_id if mail else None),
            ("Token", token),
            ("Automatic", "yes" if found.is_automatic else None),
            ("Bounce", _bounce(found.report) if found.report else None),
            (
                "Attachments",
                ", ".join(f"{part.name} ({len(part.data)})" for part in mail.attachments) if mail else None,
            ),
            ("Defects", "; ".join(mail.defects) if mail else None),
            *(("Command", command) for command in (mail.commands if mail else ())),
        ]
    )
    for rung, why in found.passed:
        show.say(f"  not {show.line(rung, 40)}: {show.line(why)}")
    if mail and mail.new_text.strip():
        show.say("")
        for row in show.body(mail.new_text).strip("\n").split("\n"):
            show.say(f"  {row}".rstrip())
    show.say("")


def _bounce(report: "DeliveryReport") -> str:
    said = (report.action, "for", report.recipient or "nobody", report.status, report.diagnostic)
    return " ".join(filter(None, said))


def _validity(valid: bool | None) -> str:
    return "not checked without a secret" if valid is None else "valid" if valid else "not valid"
