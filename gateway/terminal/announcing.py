"""`announce`: one mail to many contacts, looked at before it leaves, stopped and resumed at will (SPEC section 11)."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain.announcement import Announcement, AnnouncementId, Audience
from gateway.errors import BadUsage, Refused
from gateway.mail.masking import without_tokens
from gateway.terminal import show
from gateway.terminal.context import Desk, acting_agent
from gateway.terminal.progress import progress
from gateway.terminal.room import AsOption, JsonOption, Room, WordsOrFiles, examples

if TYPE_CHECKING:
    from gateway.mail.sandbox import Rendered
    from gateway.services.announcing import Listed, Look

PAUSE = 0.05
"""Seconds between two pages on SQLite, as long as a page takes: who waits there to write only looks now and then."""

LINES = 10
"""So many lines tell how far it is, where no terminal shows a bar."""

_BEGINS = (
    "announce --audience version_recipients --template release --set version=8.1",
    "announce --audience account ACME-1 ACME-2 --template release --set version=8.1 --yes",
)

room = Room(
    "Mail to many contacts. `casegate announce --audience version_recipients|all|account [ACCOUNT...] --template NAME "
    "[--set NAME=VALUE]... [--yes] [--as AGENT]` shows one, asks and sends it; the commands look at them and go on.",
    cls=WordsOrFiles,
    epilog=examples(*_BEGINS),
)


@room.task(WordsOrFiles.default, *_BEGINS, hidden=True)
def announce(  # each is an option
    desk: Desk,
    audience: Annotated[Audience, typer.Option(help="Who gets it: who of them is active and not unsubscribed.")],
    template: Annotated[str, typer.Option(metavar="NAME", help="What it says: templates/en/announce_NAME.txt.j2.")],
    accounts: Annotated[list[str] | None, typer.Argument(metavar="ACCOUNT", help="With --audience account.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="What the template reads by that name.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it is sent.")] = False,
    as_: AsOption = None,
) -> None:
    """Send one mail to many contacts, each in their language, without any case.

    Who gets it and how it looks is shown first. Ctrl-C stops it, `casegate announce resume ID` goes on; nobody gets it
    twice. For support managers and admins. All other mail goes first.
    """
    from gateway.services import announcing

    desk.prepare()
    agent = acting_agent(desk, as_)
    announcing.must_be_manager(desk.ports, agent)
    wanted = Announcement(
        id=AnnouncementId(0),
        by=agent.id,
        created_at=desk.ports.now(),
        audience=audience,
        accounts=tuple(dict.fromkeys(accounts or ())),
        template=template,
        variables=_variables(set_ or ()),
    )
    found = announcing.look(desk.ports, wanted)
    _show(found)
    _ask(found.reach.recipients, yes=yes)
    id_ = announcing.begin(desk.ports, wanted, agent)
    show.say(f"announcement {id_}; Ctrl-C stops it, `casegate announce resume {id_}` goes on")
    _send(desk, id_)


@room.task("resume", "announce resume 3")
def resume(
    desk: Desk,
    id_: Annotated[int, typer.Argument(metavar="ID", min=1, max=10**12, help="The number of the announcement.")],
    as_: AsOption = None,
) -> None:
    """Go on with an announcement that was stopped, to those who have not got it yet.

    For support managers and admins. Who became a contact meanwhile does not get it.
    """
    from gateway.services import announcing

    desk.prepare()
    announced = announcing.check_again(desk.ports, AnnouncementId(id_), acting_agent(desk, as_))
    _send(desk, announced.id)


@room.task("list", "announce list", "announce list --json")
def list_announcements(desk: Desk, json: JsonOption = False) -> None:
    """List all announcements, the newest first, and how far each is."""
    from gateway.services import announcing

    found = desk.read(announcing.listed)
    if json:
        show.print_json([_shape(one) for one in found])
        return
    heads = ("Id", "Begun", "By", "Audience", "Template", "State", "Sent", "Remarks")
    columns = [show.Column(head=head, right=head in {"Id", "Sent"}, gives=head in {"By", "Template"}) for head in heads]
    show.table(columns, [_row(one) for one in found], empty="no announcements yet")
    if one := next((one for one in found if one.standing.waiting), None):
        show.say(f"go on with: casegate announce resume {one.announcement.id}")


def _row(one: "Listed") -> tuple[str | int | None, ...]:
    announced, standing = one.announcement, one.standing
    whom = ", ".join(announced.accounts) or announced.audience
    what = " ".join((announced.template, *(f"{name}={text}" for name, text in announced.variables)))
    remarks = [f"{standing.failed} failed"] if standing.failed else []
    remarks += [f"{standing.skipped} passed over"] if standing.skipped else []
    sent = f"{standing.sent}/{standing.total}"
    return announced.id, show.when(announced.created_at), one.by, whom, what, standing.state, sent, ", ".join(remarks)


def _shape(one: "Listed") -> show.Json:
    own = show.members(one.announcement)
    own["set"] = dict(own.pop("variables"))
    return {**own, "by": one.by, "state": one.standing.state, **show.members(one.standing)}


def _variables(given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """What `--set` says; BadUsage for what is no name and value, or named twice."""
    found: dict[str, str] = {}
    for text in given:
        name, is_set, value = text.partition("=")
        if not is_set or not name.isidentifier():
            raise BadUsage(f"--set {text!r}: write it as name=value")
        if name in found:
            raise BadUsage(f"--set {name}=… is there twice")
        found[name] = value
    return tuple(found.items())


def _show(found: "Look") -> None:
    """Who gets it, who does not and why, and the mail in each language."""
    reach = found.reach
    show.say(f"to {_people(reach.recipients)} of {show.count(reach.accounts, 'account')}:")
    for contact in found.first:
        show.say(f"  {show.line(contact.name)} <{contact.address}>, {show.line(contact.account)}")
    if more := reach.recipients - len(found.first):
        show.say(f"  … and {more:,} more")
    if reach.unsubscribed:
        show.say(f"not to {reach.unsubscribed:,} who unsubscribed")
    if reach.bouncing:
        show.say(
            f"not to {reach.bouncing:,} to whom mail bounces; `casegate account check N` names them, with phone numbers"
        )
    for language, mail in found.mails:
        _show_mail(language, mail)
    show.say("")


def _people(number: int) -> str:
    return f"{number:,} {'person' if number == 1 else 'people'}"


def _show_mail(language: str, mail: "Rendered") -> None:
    show.say(f"\n--- in {language} ---")
    show.say(f"Subject: {show.line(mail.subject)}", style="bold")
    show.say("")
    show.say(show.body(without_tokens(mail.text)).rstrip("\n"))


def _ask(people: int, *, yes: bool) -> None:
    """Have it confirmed by who sits there; a script says --yes."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadUsage("nobody is there to ask; --yes sends it, nothing was sent")
    typer.confirm(f"Send it to {_people(people)}?", abort=True)


def _send(desk: Desk, id_: AnnouncementId) -> None:
    """Queue page after page until it is done, or somebody stops it."""
    from gateway.services import announcing

    total = desk.read(announcing.standing, id_).total
    waiting, pause = total, PAUSE if desk.db.is_sqlite else 0
    try:
        with _told(total) as tell:
            while waiting := announcing.owe_page(desk.ports, id_):
                tell(total - waiting, total)
                time.sleep(pause)
    except KeyboardInterrupt as stop:
        raise Refused(f"stopped; `casegate announce resume {id_}` goes on") from stop
    standing = desk.read(announcing.standing, id_)
    skipped = f", {standing.skipped:,} passed over" if standing.skipped else ""
    show.say(f"announcement {id_}: {show.count(standing.queued, 'mail')} queued{skipped}")


@contextmanager
def _told(total: int) -> Iterator[Callable[[int, int], None]]:
    """A bar where a person reads along; else a line now and then."""
    if sys.stderr.isatty():
        with progress("announcing") as tell:
            yield tell
        return
    told = 0

    def say(done: int, _total: int) -> None:
        nonlocal told
        if done * LINES // total > told:
            told = done * LINES // total
            show.say(f"{done:,} of {total:,} queued")

    yield say
