"""Daily work that acts: answer, note, and move cases (SPEC section 15). All of it goes through `services.perform`.

Each command says in one line a case what became of it. With several numbers each case is a transaction of its own:
one that is refused is told and does not stop the others; the exit code is 1 then.
"""

import mimetypes
import os
import sys
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain.actions import Action, AddNote, AgentReply, Cause, Fire
from gateway.domain.model import Attachment, CaseNumber, Direction, Party
from gateway.errors import BadUsage, NotFound, Refused
from gateway.terminal import show, text_input, work
from gateway.terminal.context import Desk, acting_agent
from gateway.terminal.room import AsOption
from gateway.terminal.work import MOST, whole

if TYPE_CHECKING:
    from gateway.domain.actions import Outcome
    from gateway.domain.model import Case

room = work.room
"""The group that `work` began."""

Numbers = Annotated[list[int], typer.Argument(metavar="N", min=1, max=MOST, help="The numbers of the cases.")]
MessageOption = Annotated[str | None, typer.Option("-m", "--message", metavar="TEXT", help="The text.")]
FileOption = Annotated[Path | None, typer.Option("--file", metavar="F", help="A file with the text; - is stdin.")]


@room.task(
    "reply",
    'case reply 4711 -m "Fixed in 8.1.2."',
    "case reply 4711 --attach patch.zip        (opens $EDITOR)",
    "case reply 4711 4712 --file answer.txt --as mira@vendor.example",
)
def reply(
    desk: Desk,
    numbers: Numbers,
    message: MessageOption = None,
    file: FileOption = None,
    attach: Annotated[list[Path] | None, typer.Option(metavar="F", help="A file to send along.")] = None,
    as_: AsOption = None,
) -> None:
    """Answer the customer; an unassigned case becomes yours. Without -m or --file your $EDITOR opens."""
    actor = _actor(desk, as_)
    with _text(desk, numbers, message, file) as text:
        files = tuple(_attachment(desk, path) for path in attach or ())

        def action(number: CaseNumber) -> Action:
            return AgentReply(case=number, actor=actor, text=text, attachments=files)

        _act(desk, numbers, action)


@room.task("note", 'case note 4711 -m "They called twice."', "case note 4711 --file - < notes.txt")
def note(
    desk: Desk, numbers: Numbers, message: MessageOption = None, file: FileOption = None, as_: AsOption = None
) -> None:
    """Write an internal note; it never leaves the vendor. Without -m or --file your $EDITOR opens."""
    actor = _actor(desk, as_)
    with _text(desk, numbers, message, file) as text:
        _act(desk, numbers, lambda number: AddNote(case=number, actor=actor, text=text))


@room.task("resolve", "case resolve 4711", 'case resolve 4711 -m "The disk was full; it is not any more."')
def resolve(desk: Desk, numbers: Numbers, message: MessageOption = None, as_: AsOption = None) -> None:
    """Mark cases as resolved; -m goes out as your reply with it."""
    if message is not None and not message.strip():
        raise BadUsage("the text is empty; leave -m out to resolve without a reply")
    _fire(desk, numbers, "resolve", as_, text_input.given(message, None))


def _fires(name: str, trigger: str, sentence: str) -> None:
    def work(desk: Desk, numbers: Numbers, as_: AsOption = None) -> None:
        _fire(desk, numbers, trigger, as_)

    work.__doc__ = sentence
    room.task(name, f"case {name} 4711", f"case {name} 4711 4712 --as mira@vendor.example")(work)


_fires("start", "start", "Begin to work on cases; an unassigned one becomes yours.")
_fires("close", "close", "Close cases.")
_fires("reopen", "reopen", "Open cases again.")
_fires("defer", "defer", "Put cases off.")
_fires("wait", "wait_for_client", "Wait for the customer, where the rule set has such an event.")


def _fire(desk: Desk, numbers: list[int], trigger: str, as_: str | None, text: str | None = None) -> None:
    actor = _actor(desk, as_)
    _act(desk, numbers, lambda number: Fire(case=number, actor=actor, trigger=trigger, text=text))


def _actor(desk: Desk, as_: str | None) -> Party:
    desk.prepare()
    return acting_agent(desk, as_).party


def _act(desk: Desk, numbers: list[int], action: Callable[[CaseNumber], Action]) -> None:
    """Do it on each case, and say what became of it."""
    from gateway.services.perform import perform
    from gateway.store import load

    wanted = list(dict.fromkeys(numbers))
    before = desk.read(load.cases, wanted)
    refused = 0
    for number in wanted:
        asked = action(CaseNumber(number))
        try:
            outcome = perform(desk.ports, asked, Cause.cli(uuid.uuid4().hex))
        except (Refused, NotFound) as refusal:
            if len(wanted) == 1:
                raise
            refused += 1
            show.complain(refusal.public)
        else:
            stays = isinstance(asked, AgentReply) and _stays(desk, before.get(number))
            show.say(_told(desk, number, outcome, stays=stays))
    if refused:
        raise Refused(f"refused for {refused} of {len(wanted)} cases")


def _stays(desk: Desk, case: "Case | None") -> bool:
    """True if an answer moves no status, as on a closed case (SPEC section 5.3)."""
    return case is not None and desk.policy.workflow.find("agent_reply", case.status, "vendor", case.type) is None


def _told(desk: Desk, number: int, outcome: "Outcome", *, stays: bool) -> str:
    assert outcome.case is not None
    label = desk.policy.label(outcome.case.status)
    remark = f" · the status stays {label}" if stays else ""
    return f"{number} {label} · {show.count(outcome.mails, 'mail')} queued{remark}"


def _text(desk: Desk, numbers: list[int], message: str | None, file: Path | None) -> AbstractContextManager[str]:
    """The agent's words, from the options or the editor."""
    text = text_input.given(message, file)
    if text is not None:
        if not text.strip():
            raise Refused("the text is empty; nothing was done")
        return nullcontext(text)
    if not (sys.stdin.isatty() or os.environ.get("VISUAL") or os.environ.get("EDITOR")):
        raise BadUsage("there is no text; give it with -m or --file, or set EDITOR")
    view = whole(desk, numbers[0])
    theirs = [item for item in view.messages if item.direction == Direction.INBOUND and not item.automatic]
    newest = theirs[-1] if theirs else None
    author = f"; {newest.author_name} wrote:" if newest else ""
    return text_input.edited(f"{view.summary.token} {view.summary.subject}{author}", newest.text if newest else "")


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
