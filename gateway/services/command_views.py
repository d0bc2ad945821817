"""Commands that show something: what their writer may see, and nothing else (SPEC section 8).

A contact sees the cases of the own account, and those on which an agent made them a participant. Of any other case it
is said in the same words as of one that never was.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from gateway.domain.commands import OF_MANAGERS, Came, Command, CommandName
from gateway.domain.model import Case, CaseNumber, ContactRole, Direction, Party
from gateway.domain.notices import local_time
from gateway.domain.words import BlockWords
from gateway.errors import NotFound, Refused
from gateway.services import views
from gateway.services.command_desk import CommandDesk, Result
from gateway.store import load
from gateway.store import tables as t

MOST_CASES = 20
"""Cases that one answer lists."""

MOST_MESSAGES = 30
"""Messages of a case that one answer shows, the newest ones."""

LONGEST_MESSAGE = 4_000
"""Characters of a message that one answer shows."""

_SORTS = {
    "status": (t.cases.c.status, t.cases.c.updated_at.desc()),
    "updated": (t.cases.c.updated_at.desc(),),
    "number": (t.cases.c.number,),
    "type": (t.cases.c.type, t.cases.c.updated_at.desc()),
    "priority": (t.cases.c.priority.is_(None), t.cases.c.priority, t.cases.c.updated_at.desc()),
}
_ABOUT = {
    CommandName.CLOSE: "close the case",
    CommandName.REOPEN: "open it again",
    CommandName.ESCALATE: "ask for more attention; a reason may follow",
    CommandName.TYPE: "say what kind of case it is, such as: type incident P2",
    CommandName.PRIORITY: "say how urgent it is, such as: priority P1",
    CommandName.ORDER: "order something, such as: order update to 8.1",
    CommandName.ADD: "have a colleague get the mail of the case, by address",
    CommandName.REMOVE: "take a colleague off it",
    CommandName.STATUS: "where the case stands",
    CommandName.CASES: "list your company's cases: open, closed or all, by updated, status, number, type or priority",
    CommandName.SHOW: "read a case, by its number",
    CommandName.ADDRESS: "use a further address of your own",
    CommandName.HELP: "this list; help priorities explains the priorities",
    CommandName.USERS: "list the people of your company",
    CommandName.INVITE: "register somebody: address, name, [roles], company PIN",
    CommandName.UNREGISTER: "end somebody's access, by address",
    CommandName.ROLES: "say which roles somebody holds: address, roles, company PIN",
}


def _help(desk: CommandDesk, command: Command) -> Result:
    vendor = desk.ports.policy.vendor
    phone = (f"In an emergency, by phone: {vendor.hotline}",) if vendor.hotline else ()
    if command.words.strip().lower() == "priorities":
        known = desk.ports.policy.workflow.priorities
        return Result(Came.SHOWN, "", tuple(BlockWords(heading=one.label, about=(one.meaning,)) for one in known))
    is_manager = ContactRole.USER_MANAGER in desk.contact.roles
    lines = tuple(f"/{name}: {about}" for name, about in _ABOUT.items() if is_manager or name not in OF_MANAGERS)
    text = (
        "Write these as the first lines of a mail, one to a line; what is about a case, in a reply to one of its mails"
    )
    return Result(Came.SHOWN, text, (BlockWords(about=(*lines, *phone)),))


def _cases(desk: CommandDesk, command: Command) -> Result:
    which, sort = _asked(command.words)
    settled = [status.name for status in desk.ports.policy.workflow.statuses if status.settled]
    query = select(t.cases).where(_may_see(desk), t.cases.c.merged_into.is_(None))
    if which == "open":
        query = query.where(t.cases.c.status.not_in(settled))
    elif which == "closed":
        query = query.where(t.cases.c.status.in_(settled))
    rows = desk.tx.execute(query.order_by(*_SORTS[sort]).limit(MOST_CASES + 1)).all()
    found = views.listed(desk.tx, rows[:MOST_CASES], desk.ports.policy, desk.ports.tokens)
    blocks = tuple(
        BlockWords(
            heading=f"{one.token} {one.subject}",
            about=(" · ".join(filter(None, (one.status_label, one.priority, _at(desk, one.updated_at)))),),
        )
        for one in found
    )
    more = f"the first {MOST_CASES}; narrow it down, or sort by another word" if len(rows) > MOST_CASES else ""
    return Result(Came.SHOWN, more or f"{len(found)} {which} cases", blocks)


def _asked(words: str) -> tuple[str, str]:
    """Which cases, and in which order: `open by updated`."""
    found = re.fullmatch(r"(open|closed|all)?\s*(?:by\s+(\w+))?", words.strip().lower())
    sort = (found[2] or "updated") if found else ""
    if found is None or sort not in _SORTS:
        raise Refused(f"write it such as: cases open by updated; there are open, closed, all, and {', '.join(_SORTS)}")
    return found[1] or "open", sort


def _may_see(desk: CommandDesk) -> sa.ColumnElement[bool]:
    joined = select(t.participant.c.case_number).where(t.participant.c.party == str(desk.contact.party))
    return (t.cases.c.account == desk.account.number) | t.cases.c.number.in_(joined)


def _show(desk: CommandDesk, command: Command) -> Result:
    """The whole correspondence, the oldest first, with the changes of status between; never a note."""
    case = _visible(desk, command.words)
    message, event = t.message.c, t.event.c
    said = select(t.message).where(
        message.case_number == case.number, message.direction != Direction.NOTE, ~message.automatic
    )
    rows = desk.tx.execute(said.order_by(message.id.desc()).limit(MOST_MESSAGES + 1)).all()
    shown = rows[:MOST_MESSAGES][::-1]
    names = views.Names(desk.tx, {Party.parse(row.author) for row in shown})
    blocks = [(row.at, _message(desk, row, names)) for row in shown]
    moved = select(t.event).where(event.case_number == case.number, event.to_status.is_not(None)).order_by(event.id)
    since = min((row.at for row in shown), default=case.created_at)
    for row in desk.tx.execute(moved.where(event.at >= since)):
        label = f"{desk.ports.policy.label(row.to_status)}, {_at(desk, row.at)}"
        blocks.append((row.at, BlockWords(about=(label,))))
    ordered = tuple(block for _, block in sorted(blocks, key=lambda pair: pair[0]))
    head = BlockWords(
        heading=f"{desk.ports.tokens.mint(case.number)} {case.subject}", about=(desk.ports.policy.label(case.status),)
    )
    more = f"the newest {MOST_MESSAGES} messages; reply to a mail of the case to ask for older ones"
    return Result(Came.SHOWN, more if len(rows) > MOST_MESSAGES else "", (head, *ordered))


def _message(desk: CommandDesk, row: sa.Row[Any], names: views.Names) -> BlockWords:
    files = desk.tx.scalars(select(t.attachment.c.name).where(t.attachment.c.message == row.id)).all()
    text = row.text if len(row.text) <= LONGEST_MESSAGE else f"{row.text[:LONGEST_MESSAGE]} …"
    attached = (f"attached: {', '.join(files)}",) if files else ()
    author = names.name(Party.parse(row.author))
    return BlockWords(heading=f"{author}, {_at(desk, row.at)}", about=attached, text=text)


def _visible(desk: CommandDesk, words: str) -> Case:
    """The case of this number, or the one it went into; NotFound for what is not theirs, as for what never was."""
    found = re.fullmatch(
        r"#?(?:\[?\w+-)?([1-9][0-9]{0,11})(?:\.[a-z2-7]+\]?)?", words.strip(), re.IGNORECASE | re.ASCII
    )
    lost = NotFound(f"there is no case {words.strip() or '(no number given)'}; cases lists yours")
    if found is None:
        raise lost
    number = CaseNumber(int(found[1]))
    if desk.tx.scalar(select(t.cases.c.number).where(t.cases.c.number == number, _may_see(desk))) is None:
        raise lost
    number = load.last_case(desk.tx, number)
    if desk.tx.scalar(select(t.cases.c.number).where(t.cases.c.number == number, _may_see(desk))) is None:
        raise lost
    return load.cases(desk.tx, (number,))[number]


def _at(desk: CommandDesk, at: datetime) -> str:
    return local_time(at, desk.account.timezone)


HANDLERS: Mapping[CommandName, Callable[[CommandDesk, Command], Result]] = {
    CommandName.HELP: _help,
    CommandName.CASES: _cases,
    CommandName.SHOW: _show,
}
