"""An agent's answer from its first word to the moment it leaves: options, snippets, the editor, and newer mail.

`acting` calls it. An answer that a newer mail of the customer has overtaken is not sent by surprise (SPEC section 14):
from the editor it is shown to the agent again, with `-m` it leaves and the agent is told.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gateway.domain.workflow import WORDS_OF_PEOPLE
from gateway.errors import Refused
from gateway.terminal import show, text_input
from gateway.terminal.context import Desk
from gateway.terminal.text_input import Sheet
from gateway.terminal.work import whole

if TYPE_CHECKING:
    from gateway.services.answers import Word
    from gateway.services.case_view import CaseView

SPELLED = {"wait_for_client": "wait"}
"""Events whose command has another name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Where the words of an answer come from; `edit` opens the editor with them."""

    command: str
    numbers: Sequence[int]
    message: str | None = None
    file: Path | None = None
    snippets: Sequence[str] = ()
    edit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The words, and up to which message of each case the agent knows what the customer said."""

    text: str
    known: dict[int, int]


@contextmanager
def answer(desk: Desk, asked: Asked) -> Iterator[Answer]:
    """The agent's answer; what is typed is kept where it cannot be sent. Refused, NotFound, BadUsage."""
    from gateway.services import answers, snippets

    texts = desk.read(snippets.texts, asked.snippets)
    known = {number: desk.read(answers.answered_up_to, number) for number in asked.numbers}
    first = text_input.given(asked.message, asked.file)
    if first is not None or texts:
        above = "\n\n".join(text for text in (first, *texts) if text)
        if not above.strip():
            raise Refused("the text is empty; nothing was done")
        if not asked.edit:
            yield Answer(text=above, known=known)
            return
    else:
        above = ""
    text_input.must_be_typed()
    views = [whole(desk, number) for number in asked.numbers[:1]]
    _refresh(known, _newest(desk, asked.numbers))
    sheet = Sheet(above=above, below=_below(desk, views[0], asked))
    with text_input.edited(sheet, _look(desk, asked, known)) as text:
        yield Answer(text=text, known=known)


def note_sheet(desk: Desk, number: int) -> Sheet:
    """What stands below the marker while an agent writes a note."""
    view = whole(desk, number)
    return Sheet(below=f"{_title(view)}\nAn internal note: it never leaves us.\n\n{_theirs(view)}")


def newer(desk: Desk, number: int, known: int) -> str:
    """What to tell of an answer that left while a newer mail was there; "" if none was."""
    from gateway.services import answers

    word = desk.read(answers.newest, number)
    return f"a newer mail came at {show.when(word.at)}" if word and word.id > known else ""


def _newest(desk: Desk, numbers: Sequence[int]) -> "dict[int, Word]":
    from gateway.services import answers

    found = {number: desk.read(answers.newest, number) for number in numbers}
    return {number: word for number, word in found.items() if word}


def _refresh(known: dict[int, int], found: "dict[int, Word]") -> None:
    known.update({number: word.id for number, word in found.items()})


def _look(desk: Desk, asked: Asked, known: dict[int, int]) -> Callable[[Path], str | None]:
    """What to do when the editor has closed: nothing, unless somebody wrote meanwhile."""

    def look(path: Path) -> str | None:
        came = {number: word for number, word in _newest(desk, asked.numbers).items() if word.id > known[number]}
        if not came:
            return None
        _refresh(known, came)
        cases = ", ".join(str(number) for number in came)
        words = "\n\n".join(_newer_words(number, word) for number, word in came.items())
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise _kept(asked, cases, path)
        show.say(words)
        match _choice():
            case "s":
                return None
            case "e":
                return f"{words}\n\n{_below(desk, whole(desk, asked.numbers[0]), asked)}"
            case _:
                raise _kept(asked, cases, path)

    return look


def _choice() -> str:
    while True:
        said = (
            typer.prompt("Send it anyway (s), edit it again (e), or keep it unsent (k)?", default="k").strip().lower()
        )
        if said in {"s", "e", "k"}:
            return str(said)


def _kept(asked: Asked, cases: str, path: Path) -> Refused:
    numbers = " ".join(str(number) for number in asked.numbers)
    send = f"`casegate case {asked.command} {numbers} --file {path}` sends it all the same"
    return Refused(f"a newer mail came on {cases}; nothing was sent; {send}")


def _newer_words(number: int, word: "Word") -> str:
    head = f"{number}: a newer mail came at {show.when(word.at)}; {show.line(word.author, 80)} wrote:"
    return f"{head}\n{text_input.quoted(word.text)}"


def _below(desk: Desk, view: "CaseView", asked: Asked) -> str:
    """The case in a few lines, what can be done, and the customer's newest words."""
    case = view.summary
    readers = ", ".join(show.line(address, 100) for address in (case.reporter, *view.participants))
    others = ", ".join(str(number) for number in asked.numbers[1:])
    return "\n".join(
        filter(
            None,
            (
                _title(view),
                f"Goes to: {readers}" + (f"; the same text on {others}" if others else ""),
                f"{_effect(desk, view, asked.command)} {_possible(view, asked.command)}",
                f"\n{_theirs(view)}",
            ),
        )
    )


def _title(view: "CaseView") -> str:
    return f"{view.summary.token} {show.line(view.summary.subject)}"


def _effect(desk: Desk, view: "CaseView", command: str) -> str:
    """What sending does to the status."""
    case = view.summary
    trigger = "agent_reply" if command == "reply" else command
    row = desk.policy.workflow.find(trigger, case.status, "vendor", case.type)
    if row is None:
        return f"The case is {case.status_label} and stays so."
    return f"The case becomes {desk.policy.label(row.target)}."


def _possible(view: "CaseView", command: str) -> str:
    """The events that an agent may fire instead."""
    names = [SPELLED.get(name, name) for name in view.possible if name not in WORDS_OF_PEOPLE and name != command]
    return f"Possible now: {', '.join(names)} (casegate case NAME {view.summary.number})." if names else ""


def _theirs(view: "CaseView") -> str:
    """Their newest words, quoted."""
    theirs = [item for item in view.messages if item.direction == "inbound" and not item.automatic]
    if not theirs:
        return ""
    return f"{show.line(theirs[-1].author_name, 80)} wrote:\n{text_input.quoted(theirs[-1].text)}"
