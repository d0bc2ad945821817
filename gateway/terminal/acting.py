"""Daily work that acts: answer, note, and move cases (SPEC section 15). All of it goes through `services.perform`.

Each command says in one line a case what became of it. With several numbers each case is a transaction of its own:
one that is refused is told and does not stop the others; the exit code is 1 then. What is changed about a case beside
its words and status is in `shaping` and `joining`, which act through the functions below.
"""

import mimetypes
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain import times
from gateway.domain.actions import Action, AddNote, AgentReply, Cause, Fire
from gateway.domain.model import Attachment, CaseNumber, Party
from gateway.domain.notices import local_time
from gateway.errors import BadUsage, NotFound, Refused
from gateway.terminal import drafting, show, text_input, work
from gateway.terminal.context import Desk, acting_agent
from gateway.terminal.room import AsOption
from gateway.terminal.text_input import FileOption, MessageOption
from gateway.terminal.work import MOST

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from gateway.domain.actions import Outcome
    from gateway.domain.model import Case

room = work.room
"""The group that `work` began."""

Numbers = Annotated[list[int], typer.Argument(metavar="N", min=1, max=MOST, help="The numbers of the cases.")]
EditOption = Annotated[bool, typer.Option("--edit", help="Open $EDITOR with the text before it is sent.")]


@room.task(
    "reply",
    'case reply 4711 -m "Fixed in 8.1.2."',
    "case reply 4711 --attach patch.zip        (opens $EDITOR)",
    "case reply 4711 4712 --file answer.txt --as mira@vendor.example",
    "case reply 4711 --snippet logs            (sends the snippet)",
    'case reply 4711 -m "Dear Ann," --snippet logs --edit',
)
def reply(  # noqa: PLR0913, PLR0917  # each is an option
    desk: Desk,
    numbers: Numbers,
    message: MessageOption = None,
    file: FileOption = None,
    snippet: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A text kept for this; below -m.")] = None,
    edit: EditOption = False,
    attach: Annotated[list[Path] | None, typer.Option(metavar="F", help="A file to send along.")] = None,
    as_: AsOption = None,
) -> None:
    """Answer the customer; an unassigned case becomes yours.

    Without -m, --file or --snippet your $EDITOR opens. Several snippets are sent in their order, below -m or --file.
    What the customer wrote while the editor was open is shown before anything is sent.
    """
    sender = actor(desk, as_)
    asked = drafting.Asked(
        command="reply", numbers=numbers, message=message, file=file, snippets=snippet or (), edit=edit
    )
    with drafting.answer(desk, asked) as words:
        files = tuple(_attachment(desk, path) for path in attach or ())

        def action(number: CaseNumber) -> Action:
            return AgentReply(case=number, actor=sender, text=words.text, attachments=files)

        act(desk, numbers, action, _sent(desk, words, numbers))


@room.task("note", 'case note 4711 -m "They called twice."', "case note 4711 --file - < notes.txt")
def note(
    desk: Desk, numbers: Numbers, message: MessageOption = None, file: FileOption = None, as_: AsOption = None
) -> None:
    """Write an internal note; it never leaves the vendor. Without -m or --file your $EDITOR opens."""
    author = actor(desk, as_)
    with text_input.taken(message, file, lambda: drafting.note_sheet(desk, numbers[0])) as text:
        act(desk, numbers, lambda number: AddNote(case=number, actor=author, text=text))


@room.task(
    "resolve",
    "case resolve 4711",
    'case resolve 4711 -m "The disk was full; it is not any more."',
    "case resolve 4711 --edit                  (opens $EDITOR)",
)
def resolve(
    desk: Desk,
    numbers: Numbers,
    message: MessageOption = None,
    file: FileOption = None,
    edit: EditOption = False,
    as_: AsOption = None,
) -> None:
    """Mark cases as resolved.

    A text of -m, --file or --edit goes out as your reply, with this one change of status.
    """
    if message is not None and not message.strip():
        raise BadUsage("the text is empty; leave -m out to resolve without a reply")
    sender = actor(desk, as_)
    if message is None and file is None and not edit:
        act(desk, numbers, lambda number: Fire(case=number, actor=sender, trigger="resolve"))
        return
    asked = drafting.Asked(command="resolve", numbers=numbers, message=message, file=file, edit=edit)
    with drafting.answer(desk, asked) as words:

        def action(number: CaseNumber) -> Action:
            return Fire(case=number, actor=sender, trigger="resolve", text=words.text)

        act(desk, numbers, action, _sent(desk, words, numbers))


@room.task(
    "defer",
    "case defer 4711",
    "case defer 4711 4712 --until 2026-12-01",
    'case defer 4711 --until "2026-12-01 14:30"',
)
def defer(
    desk: Desk,
    numbers: Numbers,
    until: Annotated[str | None, typer.Option(metavar="TIME", help=f"When it comes back: {times.FORMS}.")] = None,
    as_: AsOption = None,
) -> None:
    """Put cases off.

    With --until each comes back by itself, as if you reopened it.
    A time without a zone is that of the case's account, a bare date is 00:00 there, a time alone the next such.
    """
    agent = actor(desk, as_)
    zones = account_zones(desk, numbers)
    ends = {number: times.at(until, zone, desk.ports.now()) for number, zone in zones.items()} if until else {}

    def told(number: CaseNumber, outcome: "Outcome") -> str:
        case = changed(outcome)
        back = f" until {local_time(case.deferred_until, zones[number].key)}" if case.deferred_until else ""
        return f"{number} {desk.policy.label(case.status)}{back} · {mails(outcome)}"

    act(
        desk,
        numbers,
        lambda number: Fire(case=number, actor=agent, trigger="defer", until=ends.get(number)),
        told,
    )


def _fires(name: str, trigger: str, sentence: str) -> None:
    def work(desk: Desk, numbers: Numbers, as_: AsOption = None) -> None:
        agent = actor(desk, as_)
        act(desk, numbers, lambda number: Fire(case=number, actor=agent, trigger=trigger))

    work.__doc__ = sentence
    room.task(name, f"case {name} 4711", f"case {name} 4711 4712 --as mira@vendor.example")(work)


_fires("start", "start", "Begin to work on cases; an unassigned one becomes yours.")
_fires("close", "close", "Close cases.")
_fires("reopen", "reopen", "Open cases again.")
_fires("wait", "wait_for_client", "Wait for the customer, where the rule set has such an event.")


def actor(desk: Desk, as_: str | None) -> Party:
    """Who acts, with everything open that acting needs."""
    desk.prepare()
    return acting_agent(desk, as_).party


Told = Callable[[CaseNumber, "Outcome"], str]
"""One line about what became of a case."""


def act(desk: Desk, numbers: list[int], action: Callable[[CaseNumber], Action], told: Told | None = None) -> None:
    """Do it on each case, and say what became of it."""
    wanted = [CaseNumber(number) for number in dict.fromkeys(numbers)]
    refused = 0
    for number in wanted:
        try:
            outcome = perform(desk, action(number))
        except (Refused, NotFound) as refusal:
            if len(wanted) == 1:
                raise
            refused += 1
            show.complain(refusal.public)
        else:
            show.say(told(number, outcome) if told else status_line(desk, number, outcome))
    if refused:
        raise Refused(f"refused for {refused} of {len(wanted)} cases")


def perform(desk: Desk, action: Action) -> "Outcome":
    """One action, caused by this command."""
    from gateway.services.perform import perform as through

    return through(desk.ports, action, Cause.cli(uuid.uuid4().hex))


def changed(outcome: "Outcome") -> "Case":
    """The case as the action left it."""
    assert outcome.case is not None
    return outcome.case


def mails(outcome: "Outcome") -> str:
    """`2 mails queued`."""
    return f"{show.count(outcome.mails, 'mail')} queued"


def status_line(desk: Desk, number: int, outcome: "Outcome") -> str:
    """Where the case stands now, and how much mail that made."""
    return f"{number} {desk.policy.label(changed(outcome).status)} · {mails(outcome)}"


def known_case(desk: Desk, number: int) -> "Case":
    """A case as it is; NotFound if there is none."""
    from gateway.store import load

    case = desk.read(load.cases, (number,)).get(number)
    if case is None:
        raise NotFound(f"there is no case {number}")
    return case


def account_zones(desk: Desk, numbers: list[int]) -> "dict[int, ZoneInfo]":
    """The time zone of each case's account; cases that are not there are left out."""
    from gateway.store import load, load_people

    return {
        number: times.zone_named(desk.read(load_people.account, case.account).timezone)
        for number, case in desk.read(load.cases, numbers).items()
    }


def _sent(desk: Desk, words: drafting.Answer, numbers: list[int]) -> Told:
    """What to say of an answer that left: also that it moved no status, and that a newer mail was there."""
    from gateway.store import load

    before = desk.read(load.cases, numbers)

    def told(number: CaseNumber, outcome: "Outcome") -> str:
        case, earlier = changed(outcome), before.get(number)
        stays = earlier is not None and earlier.status == case.status and _moves_nothing(desk, earlier)
        remarks = [
            f"the status stays {desk.policy.label(case.status)}" if stays else "",
            drafting.newer(desk, number, words.known[number]),
        ]
        return " · ".join(filter(None, (status_line(desk, number, outcome), *remarks)))

    return told


def _moves_nothing(desk: Desk, case: "Case") -> bool:
    """True if an answer moves no status, as on a closed case (SPEC section 5.3)."""
    return desk.policy.workflow.find("agent_reply", case.status, "vendor", case.type) is None


def _attachment(desk: Desk, path: Path) -> Attachment:
    """A file of the agent's, stored before any row names it."""
    data = text_input.read_bytes(path)
    most = desk.policy.attachment_limit
    if len(data) > most:
        raise Refused(f"{path} has {len(data)} bytes, more than [limits] attachment allows ({most}); nothing was sent")
    kind, encoding = mimetypes.guess_type(path.name)
    return Attachment(
        name=os.fsencode(path.name).decode("utf-8", "replace"),
        size=len(data),
        sha256=desk.ports.blobs.put(data),
        content_type=kind if kind and not encoding else "application/octet-stream",
    )
