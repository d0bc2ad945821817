"""A case for people, as the conversation that it is: who said what, when, and what happened between.

`case show`, `next` print here, `case history` takes its words. Untrusted text is made safe here, through `show`.
Nothing is said by colour alone: notes carry the words INTERNAL NOTE and a bar, whatever the terminal.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from gateway.domain.model import Authenticity, Direction, FileState, Turn
from gateway.terminal import clock_words, happenings, show

if TYPE_CHECKING:
    from gateway.services.case_view import CaseView, EventView, FileView, MessageView

Label = Callable[[str], str]
"""From a status to what people call it."""

WIDEST = 100
"""Text is easier to read when its lines are no longer, however wide the terminal is."""

MOST_LINES = 300
MOST_CHARACTERS = 20_000
"""So much of one message is shown unless all is asked for."""

_WAYS = {Direction.INBOUND: "wrote", Direction.OUTBOUND: "answered", Direction.NOTE: "· INTERNAL NOTE"}
_FILES = {
    FileState.KEPT: ("attached", ""),
    FileState.REPEATED: ("attached", ", as before"),
    FileState.TOO_LARGE: ("NOT TAKEN", ": too large, its bytes are not kept"),
    FileState.REFUSED: ("NOT TAKEN", ": refused by the scanner, kept aside"),
}
_COMMANDS = {"agent_reply": "reply", "wait_for_client": "wait"}
"""Events that are typed otherwise."""

_ALONE = {"message_received", "message_sent", "note_added", "automatic_received", "opened"}
"""Events that say no more than the message that stands there."""


def print_case(view: "CaseView", label: Label, *, full: bool, now: datetime) -> None:
    """The head of the case and its whole correspondence, oldest first; quoted text only with `full`."""
    _print_head(view, now)
    day, is_apart = None, False
    for at, item in _timeline(view, label):
        local = at.astimezone()
        if day != local.date():
            day, is_apart = local.date(), False
            title = f"── {local:%A}, {local.day} {local:%B %Y} "
            show.say("")
            show.say(title + "─" * (_width() - show.cells_of(title)), style="dim")
        is_message = not isinstance(item, str)
        if is_message or not is_apart:
            show.say("")
        is_apart = not is_message  # what happened stands together
        if isinstance(item, str):
            _print_hanging(f"{local:%H:%M}  ", item, style="dim")
        else:
            _print_message(f"{local:%H:%M}  ", item, full=full)


def _width() -> int:
    return min(show.width(), WIDEST)


def _print_head(view: "CaseView", now: datetime) -> None:
    case = view.summary
    for row in show.wrap(f"{case.token} {show.line(case.subject)}", _width()):
        show.say(row, style="bold")
    reporter = _person(view.reporter_name, case.reporter)
    assignee = _person(view.assignee_name or "", case.assignee) if case.assignee else "nobody"
    kind = [case.type, case.priority, case.category]
    pairs = [
        ("WARNING", "; ".join(view.warnings)),
        ("Status", _status(view, now)),
        ("SLA", _sla(view)),
        ("Worked", _worked(view)),
        ("Type", " · ".join(show.line(name) for name in kind if name)),
        ("Account", f"{case.account} {show.line(view.account_name)}{'' if view.covered else ' · NOT COVERED'}"),
        ("Reporter", " · ".join(filter(None, (reporter, show.line(view.reporter_phone, 60))))),
        ("With", ", ".join(show.line(address, 100) for address in view.participants)),
        ("Assignee", f"{assignee} · team {show.line(case.team, 60)}"),
        ("Product", " ".join(show.line(text) for text in (view.product, view.version) if text)),
        ("Environment", show.line(view.environment)),
        ("Planned", show.when(view.planned_at)),
        ("Deferred", f"until {show.when(view.deferred_until)}" if view.deferred_until else ""),
        ("Escalation", _escalation(view)),
        ("Meetings", _meetings(view)),
        ("Log", _log(view)),
        ("Order", _order(view)),
        ("Cases", _other_cases(view)),
        ("Opened", f"{show.when(case.created_at)} by {view.channel}"),
        ("Possible", ", ".join(_COMMANDS.get(event, event) for event in view.possible) or "nothing"),
        ("Address", view.address),
    ]
    indent = max(len(name) for name, value in pairs if value) + 2
    for name, value in pairs:
        if value:
            is_urgent = name == "WARNING" or (
                name == "SLA" and any(clock_words.is_late(clock) for clock in view.clocks)
            )
            _print_hanging(f"{name:<{indent}}", value, style="bold red" if is_urgent else "")


def _status(view: "CaseView", now: datetime) -> str:
    case = view.summary
    since = f"{show.when(view.status_since)}, {show.age(view.status_since, now)}"
    whose = "nobody's turn" if case.turn == Turn.NOBODY else f"{case.turn}'s turn"
    return f"{show.line(case.status_label)} · {whose} · since {since}"


def _sla(view: "CaseView") -> str:
    promised = [clock for clock in view.clocks if clock.target_seconds is not None]
    return " · ".join(f"{clock_words.name(clock)} {clock_words.stand(clock)}" for clock in promised)


def _worked(view: "CaseView") -> str:
    return " · ".join(clock_words.stand(clock) for clock in view.clocks if clock.target_seconds is None)


def _escalation(view: "CaseView") -> str:
    if not (asked := view.escalation):
        return ""
    team = f" · team {show.line(asked.team, 60)}" if asked.team else ""
    what = f"{asked.state} · {asked.kind}{team} · {show.when(asked.requested_at)}"
    manager = f"with {show.line(asked.manager, 100)}" if asked.manager else ""
    lessons = f"lessons learned {show.when(asked.lessons_at)}" if asked.lessons_at else ""
    return " · ".join(filter(None, (what, manager, lessons, show.line(asked.reason, 200))))


def _meetings(view: "CaseView") -> str:
    asked = view.escalation
    if asked is None or asked.next_meeting_at is None:
        return ""
    place = show.line(asked.channel, 100)
    return f"every {asked.every} at {asked.at} {asked.timezone}, {place} · next {show.when(asked.next_meeting_at)}"


def _log(view: "CaseView") -> str:
    """The newest entry of the escalation's log, and how many there are; all of them stand in the conversation."""
    if not (log := view.escalation.log if view.escalation else ()):
        return ""
    return f"{len(log)} {'entry' if len(log) == 1 else 'entries'}, the last {show.when(log[-1].at)}"


def _order(view: "CaseView") -> str:
    """An order that waits for its approval, and how it goes on without."""
    waiting = next((one for one in view.approvals if one.is_order and one.is_open), None)
    if waiting is None:
        return ""
    whom = ", ".join(show.line(address, 100) for address in waiting.asked) or "a decision maker; nobody is one"
    until = show.when(waiting.expires_at)
    release = f"a support manager lets it go on: casegate approval release {waiting.id} -m REASON"
    return f"waits for the approval of {whom} · until {until} · {release}"


def _other_cases(view: "CaseView") -> str:
    named = [
        f"merged into {view.merged_into}" if view.merged_into else "",
        f"follow-up of {view.follow_up_of}" if view.follow_up_of else "",
        f"went on as {view.followed_by}" if view.followed_by else "",
        f"linked with {', '.join(map(str, view.links))}" if view.links else "",
    ]
    return " · ".join(filter(None, named))


def _person(name: str, address: str) -> str:
    safe = show.line(name, 80)
    return show.line(address, 100) if not safe or name == address else f"{safe} <{show.line(address, 100)}>"


def _timeline(view: "CaseView", label: Label) -> list[tuple[datetime, "MessageView | str"]]:
    """Messages and what happened beside them, in order; a message stands before what it set off."""
    items: list[tuple[datetime, int, MessageView | str]] = [(message.at, 0, message) for message in view.messages]
    for (at, _, _), entries in groupby(view.events, key=lambda entry: (entry.at, entry.cause, entry.actor)):
        if told := _told(list(entries), label):
            items.append((at, 1, told))
    items.sort(key=lambda item: item[:2])
    return [(at, item) for at, _, item in items]


def _told(entries: Sequence["EventView"], label: Label) -> str:
    """What one cause did beside its message, in one line."""
    does = [happenings.sentence(entry, label) for entry in entries if not _is_alone(entry)]
    if entries[0].event == "opened" and entries[0].actor != entries[0].detail.get("reporter"):
        does.insert(0, "opened the case")
    return f"{happenings.actor(entries[0])}: {' · '.join(filter(None, does))}" if any(does) else ""


def _is_alone(entry: "EventView") -> bool:
    """A reply under a subject of its own says more than its text."""
    return entry.event in _ALONE and not (entry.event == "message_received" and entry.detail.get("subject"))


def _print_hanging(head: str, text: str, style: str = "") -> None:
    """A text whose further lines begin below its first word."""
    indent = show.cells_of(head)
    first, *rest = show.wrap(text, max(_width() - indent, show.LEAST_WIDTH))
    show.say(head + first, style=style)
    for row in rest:
        show.say(" " * indent + row, style=style)


def _print_message(time: str, message: "MessageView", *, full: bool) -> None:
    direction = Direction(message.direction)
    marks = [
        f"#{message.id}",
        "automatic" if message.automatic else "",
        "ENCRYPTED" if message.encrypted else "",
        message.authenticity if message.authenticity != Authenticity.AUTHENTICATED else "",
    ]
    head = f"{_person(message.author_name, message.author)} {_WAYS[direction]} · {' · '.join(filter(None, marks))}"
    is_note = direction is Direction.NOTE
    style = "bold magenta" if is_note else "bold red" if message.authenticity == Authenticity.FAILED else "bold"
    _print_hanging(time, head, style=style)
    margin = "     | " if is_note else " " * 7
    _print_text(message.text, margin, full=full)
    _print_quoted(message.quoted, margin, full=full)
    _print_files(message.attachments, margin, full=full)


def _print_files(files: "Sequence[FileView]", margin: str, *, full: bool) -> None:
    """A line a file; what came before is only counted, unless all is asked for."""
    folded = 0
    for file in files:
        if file.state == FileState.REPEATED and not full:
            folded += 1
            continue
        label, more = _FILES[FileState(file.state)]
        name, kind = show.line(file.name, 100), show.line(file.content_type, 60)
        _aside(f"[{label}: {name}, {kind}, {show.size(file.size)}{more}]", margin)
    if folded:
        _aside(f"[{show.count(folded, 'image')} as before; --full shows {'it' if folded == 1 else 'them'}]", margin)


def _print_text(text: str, margin: str, *, full: bool) -> None:
    if not text.strip():
        _aside("[no new text]", margin)
        return
    rows = text.strip("\r\n").split("\n")
    kept = rows if full else "\n".join(rows[:MOST_LINES])[:MOST_CHARACTERS].split("\n")
    for row in show.body("\n".join(kept)).split("\n"):
        _print_row(row, margin)
    if not full and (len(rows) > MOST_LINES or len(text) > MOST_CHARACTERS + 2):
        _aside(f"[{_much(len(text.splitlines()) - len(kept), len(text))}; --full shows all]", margin)


def _much(lines: int, characters: int) -> str:
    return f"{show.count(lines, 'more line')}" if lines > 0 else f"{characters:,} characters in all"


def _print_quoted(quoted: str, margin: str, *, full: bool) -> None:
    if not quoted.strip():
        return
    rows = quoted.strip("\r\n").split("\n")
    if not full:
        _aside(
            f"[{show.count(len(rows), 'quoted line')} hidden; --full shows {'it' if len(rows) == 1 else 'them'}]",
            margin,
        )
        return
    _aside("[quoted:]", margin)
    for row in show.body("\n".join(rows)).split("\n"):
        _print_row(row, margin)


def _print_row(row: str, margin: str) -> None:
    """A line of somebody's text: wrapped for reading at a terminal, as it is in a pipe, where programs may read it."""
    for part in show.wrap(row, max(_width() - len(margin), show.LEAST_WIDTH)) if show.is_terminal() else [row]:
        show.say(f"{margin}{part}".rstrip())


def _aside(text: str, margin: str) -> None:
    for part in show.wrap(text, max(_width() - len(margin), show.LEAST_WIDTH)):
        show.say(f"{margin}{part}", style="dim")


def print_history(entries: "tuple[EventView, ...]", label: Label) -> None:
    """One line an event: when, who, what, before and after, and what set it off."""
    names = max(len(entry.event) for entry in entries)
    for entry in entries:
        what = happenings.change(entry, label)
        head = f"{show.when(entry.at)}  {entry.event:<{names}}  "
        told = " · ".join(filter(None, (happenings.actor(entry), what, happenings.cause(entry))))
        indent = " " * len(head)
        room = max(show.width() - len(head), 24)
        first, *rest = show.wrap(told, room) if show.is_terminal() else [told]
        show.say(head + first)
        for row in rest:
            show.say(indent + row)
