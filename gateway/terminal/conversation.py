"""A case and its history for people: who said what, when, and what came of it. Untrusted text is made safe here."""

from typing import TYPE_CHECKING

from gateway.domain.model import Authenticity, Direction
from gateway.terminal import show

if TYPE_CHECKING:
    from gateway.services.views import CaseView, EventView, MessageView

_WAYS = {Direction.INBOUND: "wrote", Direction.OUTBOUND: "answered", Direction.NOTE: "noted, internal"}


def print_case(view: "CaseView", *, full: bool) -> None:
    """The whole correspondence, oldest first; quoted text only with `full`."""
    case = view.summary
    show.say(f"{case.token} {show.line(case.subject)}", style="bold")
    show.facts(
        [
            ("Status", f"{case.status_label} (turn: {case.turn})"),
            ("Type", " ".join(filter(None, (case.type, case.priority, case.category)))),
            ("Account", case.account),
            ("Reporter", case.reporter),
            ("Participants", ", ".join(view.participants)),
            ("Assignee", case.assignee or f"nobody, team {case.team}"),
            ("Opened", f"{show.when(case.created_at)} by {view.channel}"),
            ("Updated", show.when(case.updated_at)),
            ("Possible", ", ".join(view.possible) or "nothing"),
            ("Address", view.address),
        ]
    )
    for message in view.messages:
        _print_message(message, full=full)


def _print_message(message: "MessageView", *, full: bool) -> None:
    direction = Direction(message.direction)
    name = show.line(message.author_name, 80)
    who = name if name == message.author else f"{name} <{show.line(message.author, 100)}>"
    marks = [message.authenticity or "", "automatic" if message.automatic else ""]
    extra = "".join(f" · {mark}" for mark in marks if mark)
    is_note = direction is Direction.NOTE
    style = "yellow" if is_note else "red" if message.authenticity == Authenticity.FAILED else "cyan"
    show.say("")
    show.say(f"{show.when(message.at)}  {who} {_WAYS[direction]}{extra}", style=style)
    margin = "  | " if is_note else "  "
    _print_text(message.text, margin)
    if message.quoted.strip():
        if full:
            show.say(f"{margin}[quoted text]")
            _print_text(message.quoted, margin)
        else:
            show.say(f"{margin}[quoted text hidden, --full shows it]")
    for file in message.attachments:
        name, kind = show.line(file.name, 100), show.line(file.content_type, 60)
        show.say(f"{margin}[attached: {name}, {kind}, {show.count(file.size, 'byte')}]")


def _print_text(text: str, margin: str) -> None:
    for row in show.body(text).strip("\n").split("\n"):
        show.say(f"{margin}{row}".rstrip())


def print_history(entries: "tuple[EventView, ...]") -> None:
    """One line an event: when, who, what, and the change of status."""
    for entry in entries:
        moved = f"  {entry.from_status or '-'} → {entry.to_status}" if entry.to_status else ""
        detail = ", ".join(f"{key}={value}" for key, value in entry.detail.items() if value not in (None, "", []))
        who = show.line(entry.actor, 60)
        rest = f"  ({show.line(detail, 200)})" if detail else ""
        show.say(f"{show.when(entry.at)}  {who}  {entry.event}{moved}{rest}  [{show.line(entry.cause, 60)}]")
