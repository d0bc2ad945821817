"""Carries out an agent's mail: its commands in their order, and its words as a reply or a note (SPEC section 8).

Called by `services.perform` inside its transaction. Each step is the Action that the CLI performs; a refusal undoes
nothing of the others. Words beside a transition go out with it, as `case resolve -m` has it; where that is refused they
stay. Who gets no answer: an agent whose mail held words only, and all went well.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from gateway.domain import agent_answer, times
from gateway.domain.actions import (
    Action,
    AddNote,
    AgentReply,
    Assign,
    ChangePriority,
    ChangeType,
    Fire,
    OpenFor,
    Outcome,
)
from gateway.domain.agent_mail import TRIGGERS, AgentCommand, AgentCommandName, AgentMail
from gateway.domain.commands import Came
from gateway.domain.model import Agent, Case, CaseNumber
from gateway.domain.notices import local_time
from gateway.domain.phrases import Phrase
from gateway.domain.policy import CaseType, Category, Priority
from gateway.domain.words import Notice, ResultWords
from gateway.errors import BadUsage, NotFound, Refused
from gateway.mail.decode import one_line
from gateway.mail.subject import bare_subject
from gateway.services import answers, case_people
from gateway.services.ports import Ports
from gateway.store import load, load_people

LONGEST_SUBJECT = 200

YOUR_REPLY = Phrase("your reply")
"""What the words of a mail are called, beside its commands."""


@dataclass(slots=True, kw_only=True)
class AgentDesk:
    """One mail of an agent while it is carried out: its case, and what came of each step. `at` is now."""

    tx: sa.Connection
    ports: Ports
    agent: Agent
    at: datetime
    run: Callable[[Action], Outcome]
    number: CaseNumber | None = None
    results: list[ResultWords] = field(default_factory=list)

    @property
    def case(self) -> Case:
        """The case as the steps so far left it."""
        assert self.number is not None
        return load.cases(self.tx, (self.number,))[self.number]

    def do(self, action: Action) -> Outcome:
        """Perform an action; raises Refused or NotFound."""
        outcome = self.run(action)
        if outcome.refused is not None:
            raise outcome.refused
        return outcome

    def step(self, line: str, handle: Callable[[], str]) -> bool:
        """One step and what came of it, in a sentence; False if it was refused. One that says nothing needs no answer."""
        try:
            text, came = handle(), Came.DONE
        except (Refused, NotFound, BadUsage) as refusal:
            text, came = refusal.public, Came.REFUSED
        if text:
            self.results.append(ResultWords(line=line, came=came, text=text))
        return came is Came.DONE


def carry_out_for_agent(desk: AgentDesk, mail: AgentMail) -> tuple[Case | None, tuple[Notice, ...]]:
    """Do what a mail says and asks for; its case, and the answer to it."""
    desk.number = mail.case
    if mail.opens_for is not None and not desk.step(f"/for {mail.opens_for.address}", lambda: _opened(desk, mail)):
        return None, _answer(desk, mail)
    if mail.is_internal:
        _note(desk, mail)
    carrier = None
    if mail.text.strip() and not mail.is_internal:
        carrier = next((one for one in reversed(mail.commands) if one.name in TRIGGERS), None)
    for command in mail.commands:
        if command.name not in {AgentCommandName.NOTE, AgentCommandName.FOR}:
            _one(desk, mail, command, says=command is carrier)
    if mail.text.strip() and not mail.is_internal:
        if carrier is None:
            desk.step(YOUR_REPLY, lambda: _replied(desk, mail))
        _tell_newer(desk, mail)
    return desk.case, _answer(desk, mail)


def _opened(desk: AgentDesk, mail: AgentMail) -> str:
    """A case in the contact's name, with the mail that was handed on as its first message."""
    assert mail.opens_for is not None
    assert mail.forwarded is not None
    subject = one_line(bare_subject(mail.forwarded.subject, desk.ports.tokens), LONGEST_SUBJECT)
    asked = OpenFor(
        contact=mail.opens_for,
        actor=desk.agent.party,
        subject=subject.strip() or "(no subject)",
        text=mail.forwarded.text,
        channel="mail",
        mail=mail.mail,
    )
    case = desk.do(asked).case
    assert case is not None
    desk.number = case.number
    refused = [file.name for file in mail.mail.attachments if file.is_refused]
    others = [sender for sender in mail.forwarded.senders if sender not in mail.opens_for.addresses]
    contact = mail.opens_for
    done = Phrase(
        "case {number} is open for {name} of {company}", number=case.number, name=contact.name, company=contact.account
    )
    if others:
        done = Phrase("{done}; the mail below is from {names}", done=done, names=tuple(others))
    return Phrase("{done}; not taken: {names}", done=done, names=tuple(refused)) if refused else done


def _note(desk: AgentDesk, mail: AgentMail) -> None:
    """The words as a note; those behind /note come first. Of a mail with commands alone there is none."""
    named = [command for command in mail.commands if command.name is AgentCommandName.NOTE]
    text = "\n".join((*(command.words for command in named), mail.text)).strip()
    if not text and not named:
        return
    by = mail.mail if mail.opens_for is None else None  # whose files are the customer's

    def add() -> str:
        desk.do(AddNote(case=desk.case.number, actor=desk.agent.party, text=text, mail=by))
        if mail.seen_by:
            return Phrase(
                "kept as an internal note. BUT your mail itself also went to {names}", names=tuple(mail.seen_by)
            )
        return Phrase("kept as an internal note") if named else ""

    desk.step(named[0].line if named else Phrase("your note"), add)


def _replied(desk: AgentDesk, mail: AgentMail) -> str:
    """The words as an answer; what to say of it: nothing where all went as ever."""
    before, flow = desk.case, desk.ports.policy.workflow
    moves = flow.find("agent_reply", before.status, "vendor", before.type)
    desk.do(AgentReply(case=before.number, actor=desk.agent.party, text=mail.text, mail=mail.mail))
    label = desk.ports.policy.label(desk.case.status)
    return "" if moves else Phrase("sent; the status stays {label}", label=label)


def _tell_newer(desk: AgentDesk, mail: AgentMail) -> None:
    """Say so if the customer wrote after what the agent answers (SPEC section 14)."""
    newest = answers.newest(desk.tx, desk.case.number)
    if mail.answered_at is not None and newest is not None and newest.at > mail.answered_at:
        zone = load_people.account(desk.tx, desk.case.account).timezone
        came = Phrase(
            "a newer mail of {name} came at {time}, after the one that you answered",
            name=newest.author,
            time=local_time(newest.at, zone),
        )
        desk.results.append(ResultWords(line=YOUR_REPLY, came=Came.SHOWN, text=came))


def _one(desk: AgentDesk, mail: AgentMail, command: AgentCommand, *, says: bool) -> None:
    def handle() -> str:
        match command.name:
            case AgentCommandName.ASSIGN:
                return _assigned(desk, command)
            case AgentCommandName.TYPE:
                return _typed(desk, command)
            case AgentCommandName.PRIORITY:
                return _prioritised(desk, command)
            case _:
                return _fired(desk, mail, command, says=says)

    if not desk.step(command.line, handle) and says:
        desk.results.append(ResultWords(line=YOUR_REPLY, came=Came.REFUSED, text=Phrase("nothing was sent")))


def _fired(desk: AgentDesk, mail: AgentMail, command: AgentCommand, *, says: bool) -> str:
    zone = load_people.account(desk.tx, desk.case.account).timezone
    until = times.at(command.words, times.zone_named(zone), desk.at) if command.words else None
    action = Fire(
        case=desk.case.number,
        actor=desk.agent.party,
        trigger=command.name.value,
        text=mail.text if says else None,
        until=until,
        mail=mail.mail if says else None,
    )
    desk.do(action)
    done = Phrase("the case is {label}", label=desk.ports.policy.label(desk.case.status))
    if until:
        done = Phrase("{done} until {time}", done=done, time=local_time(until, zone))
    return Phrase("{done}; your reply went along", done=done) if says else done


def _assigned(desk: AgentDesk, command: AgentCommand) -> str:
    if not command.words:
        raise BadUsage(Phrase("name an agent or a team"))
    chosen = case_people.assignee(desk.tx, command.words, desk.agent, desk.ports.policy)
    party, team = (chosen.party, None) if isinstance(chosen, Agent) else (None, chosen)
    desk.do(Assign(case=desk.case.number, actor=desk.agent.party, assignee=party, team=team))
    if isinstance(chosen, Agent):
        return Phrase("the case is with {name}", name=chosen.name)
    return Phrase("the case is with team {name}", name=chosen)


def _typed(desk: AgentDesk, command: AgentCommand) -> str:
    flow, words = desk.ports.policy.workflow, command.words.split()
    if not words or len(words) > 2:
        raise BadUsage(Phrase("write a type, and where it needs one a priority or category: /type incident P2"))
    name = _spelled(words[0], flow.types)
    extra = words[1] if len(words) > 1 else None
    is_category = extra is not None and extra.casefold() in {one.name.casefold() for one in flow.categories}
    desk.do(
        ChangeType(
            case=desk.case.number,
            actor=desk.agent.party,
            type=name,
            priority=_spelled(extra, flow.priorities) if extra and not is_category else None,
            category=_spelled(extra, flow.categories) if extra and is_category else None,
        )
    )
    kind = (desk.case.type, desk.case.priority, desk.case.category)
    return Phrase("the case is {label}", label=" ".join(filter(None, kind)))


def _prioritised(desk: AgentDesk, command: AgentCommand) -> str:
    name = _spelled(command.words, desk.ports.policy.workflow.priorities)
    desk.do(ChangePriority(case=desk.case.number, actor=desk.agent.party, priority=name))
    return Phrase("the case has priority {priority}", priority=str(desk.case.priority))


def _spelled(given: str, known: tuple[CaseType | Priority | Category, ...]) -> str:
    """A name as the rules spell it; one that they do not know stays for them to refuse."""
    return next((one.name for one in known if one.name.casefold() == given.casefold()), given)


def _answer(desk: AgentDesk, mail: AgentMail) -> tuple[Notice, ...]:
    """One mail to the agent, if there is anything to say."""
    if mail.quiet or not desk.results:
        return ()
    case = desk.case if desk.number is not None else None
    return agent_answer.answer(
        desk.agent,
        tuple(desk.results),
        desk.ports.policy,
        subject=case.subject if case else "",
        answers=mail.mail.message_id,
        case=case.number if case else None,
        token=desk.ports.tokens.mint(case.number) if case else None,
    )
