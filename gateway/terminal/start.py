"""The first and the last of the day: make a gateway, run it, see how it stands (SPEC section 15)."""

import json as toml_string
import re
import secrets
import shlex
import sys
import time
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.errors import BadConfig, CasegateError, Refused
from gateway.terminal import show
from gateway.terminal.context import Desk
from gateway.terminal.room import JsonOption, Room

if TYPE_CHECKING:
    from gateway.services.post_room import Standing

POLL_SECONDS = 0.1
SECRET_BYTES = 32

room = Room("")
"""These commands stand beside the groups; `app` mounts them without a name."""


@room.task("init", "init /etc/casegate", "init mygateway --yes")
def init(
    desk: Desk,  # noqa: ARG001  # every command has one
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the new gateway.")],
    yes: Annotated[bool, typer.Option("--yes", help="Take the defaults, ask nothing.")] = False,
) -> None:
    """Make a new gateway: config.toml, secret, casegate.db and blobs/ in a folder. It overwrites nothing."""
    from gateway import config

    target = folder / "config.toml"
    if target.exists():
        raise Refused(f"{target} exists already; nothing was changed. Choose another folder, or edit that file")
    unverified = True
    answers: dict[str, str] = {}
    if not yes:
        answers["name"] = typer.prompt("What is your organisation called in mails?", default="Acme Support")
        answers["service_address"] = typer.prompt("Which address do customers write to?")
        show.say("Does your mail server say who is authentic (Authentication-Results)? Without that, mail from anyone")
        show.say("who writes a contact's address into From is taken.")
        unverified = not typer.confirm("Take only authenticated mail from contacts?", default=True)
    text = config.initial_text(unverified=unverified)
    for key, value in answers.items():
        quoted = toml_string.dumps(value.strip(), ensure_ascii=False)
        text = re.sub(rf'^{key} = "[^"]*"', lambda _, line=f"{key} = {quoted}": line, text, count=1, flags=re.MULTILINE)  # type: ignore[misc]  # a default argument
    try:
        _make(folder, target, text)
    except OSError as error:
        raise BadConfig(f"{error.filename or folder}: {error.strerror}; choose a folder that you may write") from error
    _say_what_next(folder, target, unverified=unverified, asked=not yes)


def _make(folder: Path, target: Path, text: str) -> None:
    """All of it, config.toml last: a run that failed can be repeated."""
    from gateway import config
    from gateway.store import migrate
    from gateway.terminal.data import make_file

    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / ".config.toml.new"
    draft.write_text(text, encoding="utf-8")
    try:
        config.load(draft)
        secret = folder / "secret"
        if not secret.exists():
            secret.touch(mode=0o600)
            secret.write_text(secrets.token_hex(SECRET_BYTES) + "\n", encoding="ascii")
        (folder / "blobs").mkdir(mode=0o700, exist_ok=True)
        database = (folder / "casegate.db").absolute()
        make_file(database)
        migrate.upgrade(f"sqlite:///{database}")
        draft.rename(target)
    except BadConfig as problem:
        raise BadConfig(*(line.replace(str(draft), str(target)) for line in problem.problems)) from problem
    finally:
        draft.unlink(missing_ok=True)


def _say_what_next(folder: Path, target: Path, *, unverified: bool, asked: bool) -> None:
    shown = show.line(shlex.quote(str(target)))
    option = f"--config {shown}"
    show.say(f"made a gateway in {show.line(str(folder))}: config.toml, secret, casegate.db, blobs/")
    if unverified:
        show.say('trust.require = "unverified" was written: mail needs no proof of its sender. Better: set authserv_id')
    else:
        show.say("[trust] authserv_id must name your mail server, else mail from contacts is held")
    show.say("")
    show.say("What to do next:")
    if not asked:
        show.say(f"  edit {shown}: [vendor] name, [mail] service_address, [outbound]")
    show.say(f"  casegate {option} agent add NAME --address YOU@YOURS.example --team first_level --os-user LOGIN")
    show.say(f"  casegate {option} account add COMPANY --number ACME-1")
    show.say(f"  casegate {option} contact add ANN@CUSTOMER.example --account ACME-1 --name NAME")
    show.say(f"  casegate {option} serve")
    show.say("Keep a copy of secret: without it the tokens of all past mail are void.")


@room.task("serve", "serve", "serve --once", "serve --config /etc/casegate/config.toml")
def serve(
    desk: Desk,
    once: Annotated[bool, typer.Option("--once", help="Open no port; do what waits, and end.")] = False,
) -> None:
    """Run the daemon until it is told to stop (SIGTERM): take mail in, decide it, send what is owed."""
    import structlog

    from gateway import wiring

    wiring.configure_logging()
    try:
        _serve(desk, once=once)
    except CasegateError as error:
        if sys.stderr.isatty():
            raise
        for problem in error.public.splitlines():  # stderr is a log now: one JSON object a line
            structlog.get_logger().error("serve.failed", text=problem)
        raise typer.Exit(error.exit_code) from error


def _serve(desk: Desk, *, once: bool) -> None:
    import asyncio

    from gateway import app, config, wiring

    settings = desk.settings
    config.require_programs(settings, config.find_config(desk.config))
    with wiring.only_daemon(settings):
        asyncio.run(app.run(settings, once=once))


@room.task("status", "status", "status --json")
def status(desk: Desk, json: JsonOption = False) -> None:
    """Say how the gateway stands: what waits, and what a person must mend."""
    standing = _standing(desk)
    if json:
        show.print_json(standing)
        return
    intake, outbox = standing.intake, standing.outbox
    show.say(
        "settled: nothing is waiting" if standing.settled else "at work", style="green" if standing.settled else ""
    )
    oldest = f", the oldest for {intake.oldest_seconds:.0f} s" if intake.oldest_seconds is not None else ""
    show.say(f"intake   {intake.pending} pending{oldest}, {intake.held} held, {intake.quarantined} quarantined")
    paused = ", paused" if outbox.paused else ""
    show.say(
        f"outbox   {outbox.pending} pending ({outbox.due} due), {outbox.in_doubt} in doubt, {outbox.held} held, "
        f"{outbox.failed} failed{paused}"
    )
    later = f", the next at {show.when(standing.timers.next_at)}" if standing.timers.next_at else ""
    show.say(f"timers   {standing.timers.due} due{later}")
    for mailbox in standing.mailboxes:
        show.say(f"mailbox  {show.line(mailbox.name)}, last read {show.when(mailbox.last_success_at) or 'never'}")
    for alarm in standing.alarms:
        show.say(
            f"ALARM {show.line(alarm.name)} since {show.when(alarm.since)}: {show.line(alarm.text)}", style="bold red"
        )
        show.say(f"  mend: {show.line(alarm.mend)}", style="yellow")


def _standing(desk: Desk) -> "Standing":
    from gateway import wiring
    from gateway.services import post_room

    outbound, mailboxes = desk.settings.outbound is not None, [mailbox.name for mailbox in desk.settings.imap]
    return desk.read(post_room.standing, wiring.now(), outbound=outbound, mailboxes=mailboxes)


@room.task("settle", "settle", "settle --timeout 30")
def settle(
    desk: Desk,
    timeout: Annotated[float, typer.Option(metavar="S", min=0, help="Give up after so many seconds.")] = 60,
) -> None:
    """Wait until no mail is pending on the way in, and neither mail on the way out nor a timer is due.

    Exit 1 at the timeout.
    """
    end = time.monotonic() + timeout
    while not (standing := _standing(desk)).settled:
        if time.monotonic() >= end:
            waits = (
                f"{standing.intake.pending} pending in the intake, {standing.outbox.due} due in the outbox, "
                f"{show.count(standing.timers.due, 'timer')} due"
            )
            raise Refused(f"not settled after {timeout:g} s: {waits}; is the daemon running?")
        Event().wait(POLL_SECONDS)  # time.sleep() fails under faketime, by which time is tested


@room.task("smtp-user", "smtp-user relay1 | tee -a smtp-users", "smtp-user relay1 < password")
def smtp_user(
    desk: Desk,  # noqa: ARG001  # every command has one
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the relay logs in as.")],
) -> None:
    """Print a line for [smtp] users_file. The password is asked for, or is the first line of stdin."""
    from gateway.adapters.smtp_users import user_line

    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    show.say(user_line(name, password, secrets.token_bytes(16)))
