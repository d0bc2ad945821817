"""Carries out the commands of a mail, one after the other, and says in one mail what came of each (SPEC section 8).

Called by `services.perform` inside its transaction. A command is an Action that is performed like any other, or a look
at what its writer may see; a refusal undoes nothing of the others.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from gateway.domain.commands import OF_MANAGERS, ON_CASE, Came, CarryOut, Command, CommandName
from gateway.domain.facts import is_theirs
from gateway.domain.model import Case, Contact, ContactRole, NoticeKind
from gateway.domain.notices import actions_for
from gateway.domain.phrases import Phrase
from gateway.domain.words import CommandWords, Notice, ResultWords
from gateway.errors import BadUsage, NotFound, Refused
from gateway.services import command_cases, command_help, command_people, command_views
from gateway.services.command_desk import CommandDesk, Result
from gateway.store import load, load_people

HANDLERS: Mapping[CommandName, Callable[[CommandDesk, Command], Result]] = {
    **command_cases.HANDLERS,
    **command_people.HANDLERS,
    **command_views.HANDLERS,
    **command_help.HANDLERS,
}
"""What carries out each command."""

MOST_SHOWN = 50_000
"""Characters of what the commands of one mail show, but for a single one."""


def carry_out(desk: CommandDesk, asked: CarryOut) -> tuple[Notice, ...]:
    """Do what a mail asks for; the answer to it."""
    results = _fitting(_one(desk, command) for command in asked.commands)
    return () if asked.quiet else _answer(desk, asked, results)


def _fitting(results: Iterable[ResultWords]) -> tuple[ResultWords, ...]:
    """The results, without what some of them show where all of it is too much for one mail."""
    fitting: list[ResultWords] = []
    size = 0
    for result in results:
        length = sum(len(block.heading) + len(block.text) + sum(map(len, block.about)) for block in result.blocks)
        if result.blocks and size and size + length > MOST_SHOWN:
            text = Phrase("this is too much for one answer; write it in a mail of its own")
            fitting.append(replace(result, came=Came.REFUSED, text=text, blocks=(), more=result.line))
            continue
        size += length
        fitting.append(result)
    return tuple(fitting)


def _one(desk: CommandDesk, command: Command) -> ResultWords:
    try:
        found = _handled(desk, command)
    except (BadUsage, Refused, NotFound) as refusal:
        found = Result(Came.REFUSED, refusal.public)
    return ResultWords(line=command.line, came=found.came, text=found.text, blocks=found.blocks, more=found.more)


def _handled(desk: CommandDesk, command: Command) -> Result:
    """Rights are those of this moment: a command before may have ended them."""
    desk = replace(desk, contact=_as_now(desk))
    if command.name is None:
        raise Refused(Phrase("there is no such command; /help lists them"))
    if command.name in OF_MANAGERS and ContactRole.USER_MANAGER not in desk.contact.roles:
        raise Refused(Phrase("only the user managers of your company can do this"))
    if not desk.contact.may_write:
        raise Refused(Phrase("you are not registered any more"))
    if command.name in ON_CASE and (desk.is_lost or (desk.case is not None and _case(desk) is None)):
        raise NotFound(Phrase("there is no such case"))
    if command.name in ON_CASE and desk.case is None:
        raise Refused(Phrase("this is about a case, and your mail belongs to none; reply to a mail of the case"))
    return HANDLERS[command.name](desk, command)


def _as_now(desk: CommandDesk) -> Contact:
    """The writer as the commands before left them."""
    return load_people.people(desk.tx, {desk.contact.party})[0][desk.contact.party]


def _case(desk: CommandDesk) -> Case | None:
    """The case of the mail, if its writer has a right to it at this moment."""
    case = load.cases(desk.tx, (desk.case,)).get(desk.case) if desk.case is not None else None
    return case if case and desk.contact.active and is_theirs(case, desk.contact) else None


def _answer(desk: CommandDesk, asked: CarryOut, results: tuple[ResultWords, ...]) -> tuple[Notice, ...]:
    """One mail to the writer: on the case, where there is one that is still theirs."""
    desk = replace(desk, contact=_as_now(desk))
    case = _case(desk)
    account = load_people.account(desk.tx, asked.contact.account)
    words = CommandWords(
        recipient=asked.contact.name,
        results=results,
        service_address=desk.ports.policy.post.service_address,
        token=desk.ports.tokens.mint(case.number) if case else None,
        subject=case.subject if case else "",
        actions=actions_for(desk.contact, case, desk.ports.policy) if case else (),
    )
    return tuple(
        Notice(
            kind=NoticeKind.COMMAND_ANSWER,
            template=rule.template,
            recipient=desk.address,
            lang=asked.contact.lang or account.lang,
            words=words,
            automatic=rule.automatic,
            case=case.number if case else None,
            answers=asked.message_id,
        )
        for rule in desk.ports.policy.notices
        if rule.kind == NoticeKind.COMMAND_ANSWER
    )
