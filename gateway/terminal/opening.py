"""`case open`: a case in a contact's name, for what came by phone or is owed by the customer (SPEC section 4)."""

import re
import unicodedata
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain.actions import OpenFor
from gateway.errors import BadUsage
from gateway.terminal import show, text_input
from gateway.terminal.acting import actor, changed, perform
from gateway.terminal.context import Desk
from gateway.terminal.room import AsOption, JsonOption, Room
from gateway.terminal.shaping import CategoryOption, PriorityOption, spelled
from gateway.terminal.text_input import FileOption, MessageOption
from gateway.terminal.work import whole

if TYPE_CHECKING:
    from gateway.domain.model import Contact

LONGEST_SUBJECT = 200
FROM_TEXT = 70
"""So many characters of a text make a subject."""

_CHANNEL = re.compile(r"[a-z][a-z0-9_-]{0,19}")

room = Room("")


@room.task(
    "open",
    'case open --for ann@acme.example -m "The nightly import stopped."',
    'case open --for ann@acme.example --type incident --priority P1 --channel phone -m "Production is down."',
    'case open --for ann@acme.example --subject "Upgrade to 8.2" --type task --file plan.txt --json',
)
def open_case(  # noqa: PLR0913, PLR0917  # each is an option
    desk: Desk,
    contact: Annotated[str, typer.Option("--for", metavar="ADDRESS", help="Whose case it is.", show_default=False)],
    subject: Annotated[str | None, typer.Option(metavar="S", help="Its subject; else the text's first line.")] = None,
    case_type: Annotated[str | None, typer.Option("--type", metavar="T", help="Its type; else a question.")] = None,
    priority: PriorityOption = None,
    category: CategoryOption = None,
    channel: Annotated[str, typer.Option(metavar="C", help="How it came, one word: phone, chat.")] = "agent",
    message: MessageOption = None,
    file: FileOption = None,
    json: JsonOption = False,
    as_: AsOption = None,
) -> None:
    """Open a case in a contact's name.

    Its number is printed, and the contact gets the acknowledgement. The text is kept as the contact's message.
    Without -m or --file your $EDITOR opens.
    """
    from gateway.services import case_people
    from gateway.terminal import shapes

    agent = actor(desk, as_)
    person = desk.read(case_people.writer, contact)
    came_by, flow = _channel(channel), desk.policy.workflow
    with text_input.taken(message, file, lambda: _sheet(person)) as text:
        asked = OpenFor(
            contact=person,
            actor=agent,
            subject=_subject(desk, subject, text),
            text=text,
            channel=came_by,
            type=spelled(case_type, flow.types),
            priority=spelled(priority, flow.priorities),
            category=spelled(category, flow.categories),
        )
        number = changed(perform(desk, asked)).number
    if json:
        show.print_json(shapes.case(whole(desk, number)))
    else:
        show.say(str(number))


def _channel(named: str) -> str:
    word = named.strip().casefold()
    if not _CHANNEL.fullmatch(word):
        raise BadUsage(f"{named!r} is no channel; use one short word, such as phone")
    return word


def _sheet(contact: "Contact") -> text_input.Sheet:
    who = f"{show.line(contact.name, 80)} <{contact.address}>, account {contact.account}"
    return text_input.Sheet(
        below=f"A new case for {who}.\nThe first line becomes its subject, unless --subject gave one."
    )


def _subject(desk: Desk, given: str | None, text: str) -> str:
    """One line without control characters and without another case's mark, which would follow this one about."""
    from gateway.mail.subject import bare_subject
    from gateway.mail.token import marks_in

    line = _line(given or "")
    if not line:
        first = next((row for row in map(_line, text.splitlines()) if row), "")
        line = first if len(first) <= FROM_TEXT else f"{_whole_words(first)}…"
    if marks_in(line, desk.tokens):
        line = bare_subject(line, desk.tokens)
    return line[:LONGEST_SUBJECT].rstrip() or "(no subject)"


def _line(text: str) -> str:
    """The text as one line: what moves, hides or reorders what people read is gone."""
    return " ".join("".join(map(_seen, text)).split())


def _seen(letter: str) -> str:
    kind = unicodedata.category(letter)
    return " " if kind == "Cc" else "" if kind in {"Cf", "Cs", "Co"} else letter


def _whole_words(line: str) -> str:
    cut = line[:FROM_TEXT]
    return (cut.rpartition(" ")[0] or cut).rstrip(" ,;:.-")
