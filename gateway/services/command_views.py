"""Commands that show something: what their writer may see, and nothing else (SPEC section 8).

A contact sees the cases of the own account, and those on which an agent made them a participant. Of any other case it
is said in the same words as of one that never was. What does not fit into one answer is asked for by the number that
the answer names.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.commands import Came, Command, CommandName
from gateway.domain.model import Case, CaseNumber, Direction, FileState, Party
from gateway.domain.notices import local_day, local_time
from gateway.domain.phrases import Phrase
from gateway.domain.words import BlockWords
from gateway.errors import NotFound, Refused
from gateway.services import finding, views
from gateway.services.command_desk import CommandDesk, Result
from gateway.store import load
from gateway.store import tables as t
from gateway.store.sight import may_see

MOST_CASES = 20
"""Cases that one answer lists."""

MOST_MESSAGES = 30
"""Messages of a case that one answer shows."""

LONGEST_MESSAGE = 4_000
"""Characters of a message that one answer shows."""

LONGEST_SHOWN = 40_000
"""Characters of all messages that one answer shows, but for a single one."""

MOST_NAMES = 20
"""File names that are listed below a message."""

_COUNTED = {
    "open": (Phrase("{count} open case"), Phrase("{count} open cases")),
    "closed": (Phrase("{count} closed case"), Phrase("{count} closed cases")),
    "all": (Phrase("{count} case"), Phrase("{count} cases")),
}
"""One case of a kind, and any other number of them."""

_SORTS = ("status", "updated", "number", "type", "priority")
_ASKED = re.compile(r"(open|closed|all)?\s*(?:by\s+([a-z]+))?\s*([1-9][0-9]{0,8})?")
_CASE = re.compile(
    r"[#\[]?(?:[\w-]+-)?([1-9][0-9]{0,8})(?:\.[a-z2-7]+)?[].]?(?:\s+([1-9][0-9]{0,8}))?", re.IGNORECASE | re.ASCII
)


def _status(desk: CommandDesk, _: Command) -> Result:
    assert desk.case is not None  # asked before: what is about a case needs one
    return Result(Came.SHOWN, "", (_block(desk, load.cases(desk.tx, (desk.case,))[desk.case]),))


def _cases(desk: CommandDesk, command: Command) -> Result:
    """So many of the cases in this order, from the one that is asked for on."""
    found = _ASKED.fullmatch(" ".join(command.words.lower().split()))
    which, sort = (found[1] or "open", found[2] or "updated") if found else ("", "")
    if found is None or sort not in _SORTS:
        raise Refused(
            Phrase("write it such as: cases open by updated; there are open, closed, all, and {sorts}", sorts=_SORTS)
        )
    first = int(found[3] or 1)
    settled = [status.name for status in desk.ports.policy.workflow.statuses if status.settled]
    query = select(t.cases.c.number).where(may_see(desk.contact), t.cases.c.merged_into.is_(None))
    if which != "all":
        stands = t.cases.c.status
        query = query.where(stands.not_in(settled) if which == "open" else stands.in_(settled))
    count = desk.tx.scalar(select(sa.func.count()).select_from(query.subquery())) or 0
    numbers = desk.tx.scalars(query.order_by(*_order(desk, sort)).offset(first - 1).limit(MOST_CASES)).all()
    cases = load.cases(desk.tx, numbers)
    last = first + len(numbers) - 1
    text = _COUNTED[which][count != 1].given(count=count)
    if first > max(count, 1):
        raise Refused(Phrase("there are only {cases}", cases=text))
    if len(numbers) < count:
        text = Phrase("{first} to {last} of {cases}", first=first, last=last, cases=text)
    more = f"/cases {which} by {sort} {last + 1}" if last < count else ""
    return Result(Came.SHOWN, text, tuple(_listed(desk, cases[number]) for number in numbers), more)


def _order(desk: CommandDesk, sort: str) -> tuple[sa.ColumnElement[Any], ...]:
    """What the rules list, in the rules' order; within it the newest change first."""
    c, flow = t.cases.c, desk.ports.policy.workflow
    newest = (c.updated_at.desc(), c.number.desc())
    match sort:
        case "number":
            return (c.number,)
        case "updated":
            return newest
        case "status":
            return (_rank(c.status, (one.name for one in flow.statuses)), *newest)
        case "type":
            return (_rank(c.type, (one.name for one in flow.types)), *newest)
    return (_rank(c.priority, (one.name for one in flow.priorities)), *newest)


def _rank(column: sa.ColumnElement[Any], names: Iterable[str]) -> sa.ColumnElement[int]:
    ranks = {name: place for place, name in enumerate(names)}
    return sa.case(ranks, value=column, else_=len(ranks)) if ranks else sa.literal(0)


def _block(desk: CommandDesk, case: Case, *about: str) -> BlockWords:
    """One case in a list: its mark and subject, where it stands, and since when."""
    flow = desk.ports.policy.workflow
    kind = flow.type_named(case.type)
    priority = next((one.label for one in flow.priorities if one.name == case.priority), case.priority)
    stands = (
        kind.label if kind else case.type,
        *([priority] if priority else []),
        desk.ports.policy.label(case.status),
        local_day(case.updated_at, desk.account.timezone),
    )
    return BlockWords(
        heading=f"{desk.ports.tokens.mint(case.number)} {case.subject}", about=(_side_by_side(stands), *about)
    )


def _side_by_side(parts: Sequence[str]) -> Phrase:
    """Short facts on one line."""
    line = Phrase("{what}", what=parts[0])
    for part in parts[1:]:
        line = Phrase("{what} · {more}", what=line, more=part)
    return line


def _listed(desk: CommandDesk, case: Case, *about: str) -> BlockWords:
    """One case in a list, with the command that shows all of it."""
    return replace(_block(desk, case, *about), command=f"/show {case.number}")


def _search(desk: CommandDesk, command: Command) -> Result:
    """Cases whose subject or correspondence has all words, with a line around the first one found."""
    asked = finding.SearchQuery(words=command.words, limit=MOST_CASES + 1, contact=desk.contact)
    found = finding.search(desk.tx, asked, desk.ports.policy, desk.ports.tokens)
    blocks: dict[CaseNumber, BlockWords] = {}
    for one in found[:MOST_CASES]:
        if case := _visible(desk, one.summary.number):  # a merged one leads to the case that it went into
            cut = one.excerpt
            line = [f"… {cut.before}{cut.match}{cut.after} …"] if cut else []
            blocks.setdefault(case.number, _listed(desk, case, *line))
    if len(found) > MOST_CASES:
        text = Phrase("the first {count} cases; a further word finds fewer", count=MOST_CASES)
    else:
        text = (Phrase("{count} case found") if len(blocks) == 1 else Phrase("{count} cases found")).given(
            count=len(blocks)
        )
    if knowledge_base := desk.ports.policy.vendor.knowledge_base:
        text = Phrase("{found}; more may be here: {address}", found=text, address=knowledge_base)
    return Result(Came.SHOWN, text, tuple(blocks.values()))


def _show(desk: CommandDesk, command: Command) -> Result:
    """What was written on a case, oldest first, and how its status changed between; never what is the vendor's own."""
    asked = _CASE.fullmatch(command.words.strip() or str(desk.case or ""))
    case = _visible(desk, int(asked[1])) if asked else None
    if asked is None or case is None:
        named = command.words.strip() or Phrase("(no number given)")
        raise NotFound(Phrase("there is no case {number}; cases lists yours", number=named))
    message = t.message.c
    said = (message.case_number == case.number) & (message.direction != Direction.NOTE) & ~message.automatic
    count = desk.tx.scalar(select(sa.func.count()).select_from(t.message).where(said)) or 0
    last = min(int(asked[2] or count), count)
    query = select(t.message).where(said).order_by(message.id.desc())
    rows = desk.tx.execute(query.offset(max(count - last - 1, 0)).limit(MOST_MESSAGES + 1)).all()
    after = rows[0] if last < count else None  # the one below which this answer ends
    shown = _fitting(rows[1:] if after is not None else rows)
    first = last - len(shown) + 1
    text: str = ""
    if len(shown) < count:
        text = Phrase("messages {first} to {last} of {count}", first=first, last=last, count=count)
    more = f"/show {case.number} {first - 1}" if first > 1 else ""
    blocks = (_block(desk, case), *_correspondence(desk, case, shown, after, whole=first == 1))
    return Result(Came.SHOWN, text, blocks, more)


def _fitting(rows: Sequence[sa.Row[Any]]) -> list[sa.Row[Any]]:
    """As many of these messages, the newest first, as fit into one answer; oldest first."""
    shown: list[sa.Row[Any]] = []
    size = 0
    for row in rows[:MOST_MESSAGES]:
        size += min(len(row.text), LONGEST_MESSAGE)
        if shown and size > LONGEST_SHOWN:
            break
        shown.append(row)
    return shown[::-1]


def _correspondence(
    desk: CommandDesk, case: Case, shown: Sequence[sa.Row[Any]], after: sa.Row[Any] | None, *, whole: bool
) -> Iterable[BlockWords]:
    """Messages and changes of status in the order in which they came; those up to the message `after`."""
    names = views.Names(desk.tx, {Party.parse(row.author) for row in shown})
    files = _files(desk, [row.id for row in shown])
    blocks = [(row.at, _message(desk, row, names, files.get(row.id, ()))) for row in shown]
    event = t.event.c
    moved = (event.case_number == case.number) & event.from_status.is_not(None) & event.to_status.is_not(None)
    changes = select(event.at, event.to_status).where(moved).order_by(event.id)
    if not whole and shown:
        changes = changes.where(event.at >= shown[0].at)
    if after is not None:
        changes = changes.where(event.at < after.at)
    for row in desk.tx.execute(changes):
        at = local_time(row.at, desk.account.timezone)
        line = Phrase("{what}, {time}", what=desk.ports.policy.label(row.to_status), time=at)
        blocks.append((row.at, BlockWords(about=(line,))))
    return (block for _, block in sorted(blocks, key=lambda pair: pair[0]))


def _files(desk: CommandDesk, messages: Sequence[int]) -> dict[int, list[str]]:
    """The names of the files that a message has, by its id."""
    file = t.attachment.c
    kept = select(file.message, file.name).where(file.message.in_(messages), file.state == FileState.KEPT)
    names: dict[int, list[str]] = {}
    for row in desk.tx.execute(kept.order_by(file.id)):
        names.setdefault(row.message, []).append(row.name)
    return names


def _message(desk: CommandDesk, row: sa.Row[Any], names: views.Names, files: Sequence[str]) -> BlockWords:
    text = row.text if len(row.text) <= LONGEST_MESSAGE else f"{row.text[:LONGEST_MESSAGE]} …"
    more = [Phrase("and {count} more", count=len(files) - MOST_NAMES)] if len(files) > MOST_NAMES else []
    attached = (Phrase("attached: {names}", names=(*files[:MOST_NAMES], *more)),) if files else ()
    at = local_time(row.at, desk.account.timezone)
    heading = Phrase("{what}, {time}", what=names.name(Party.parse(row.author)), time=at)
    return BlockWords(heading=heading, about=attached, text=text)


def _visible(desk: CommandDesk, number: int) -> Case | None:
    """The case of this number, or the one it went into; None for what is not theirs, as for what never was."""
    for wanted in (CaseNumber(number), load.last_case(desk.tx, CaseNumber(number))):
        if desk.tx.scalar(select(t.cases.c.number).where(t.cases.c.number == wanted, may_see(desk.contact))) is None:
            return None
    return load.cases(desk.tx, (wanted,))[wanted]


HANDLERS: Mapping[CommandName, Callable[[CommandDesk, Command], Result]] = {
    CommandName.STATUS: _status,
    CommandName.CASES: _cases,
    CommandName.SHOW: _show,
    CommandName.SEARCH: _search,
}
