"""Mail of agents: an answer to the customer, an internal note, or a customer's mail handed on (SPEC section 7, rung 10).

Called by `ladder`. What an agent writes goes to customers, and what an agent answers is often internal; so where
anything is doubtful the mail is held, nothing is done, and the agent is told what to add. Promises: without
`authenticated`, an active agent, and no mark of a machine, nothing is done and nobody is told; a mail that answers an
internal note, or one of our answers, never reaches a customer; nor does a line of ours that no customer has seen.
"""

from gateway.domain.agent_mail import ALONE, AgentCommand, AgentCommandName, AgentMail, ByMail, TellAgent
from gateway.domain.model import Attachment, Authenticity, Case, CaseNumber
from gateway.domain.post import ClueKind, DecisionKind, ParsedAttachment
from gateway.mail.agent_commands import stray_command, understand
from gateway.mail.decision import Answer, Decision, Question
from gateway.mail.files import SMALL_IMAGE
from gateway.mail.internal_words import find_internal, find_ours
from gateway.mail.subject import bare_subject
from gateway.mail.token import internal_address, marks_in, split_address

HOW = (
    "answer a mail about the case, or put its token into the subject; write /note in the first line to keep it "
    "internal; or write /for and a contact's address above a mail that you forward"
)
"""What to add where a mail names nothing."""

MOST_SHOWN = 200
"""Characters of what an agent's mail is held for that its writer is shown."""

_ASKS_SILENCE = "x-auto-response-suppress"
_CARRY_MAIL = frozenset(
    {
        "message/rfc822",
        "message/global",
        "message/partial",
        "application/ms-tnef",
        "application/vnd.ms-tnef",
        "application/vnd.ms-outlook",
        "application/pkcs7-mime",
        "application/x-pkcs7-mime",
    }
)
"""Files that hold a whole mail, with all that it quotes."""
_MAIL_NAMES = (".eml", ".msg", "winmail.dat")
_SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
_EXPLICIT = (ClueKind.PLUS_ADDRESS, ClueKind.SUBJECT)


class _Doubt(Exception):
    """Why this mail is not carried out, and what its writer can do.

    `shown` are the words that it is about: for the writer, and for no log.
    """

    def __init__(self, text: str, shown: str = "") -> None:
        self.text = text
        self.shown = shown[:MOST_SHOWN]
        super().__init__(text)


def agent(question: Question) -> Answer:
    """From an agent."""
    facts = question.facts
    if facts.agent is None:
        return "not an agent"
    if not facts.agent.active or facts.by_agent is None:
        return _silent("from somebody who is no active agent any more")
    if question.evidence.authenticity is not Authenticity.AUTHENTICATED:
        return _silent(f"an agent's mail, {question.evidence.reason}")
    if marks := [mark for mark in question.marks.weak if mark != _ASKS_SILENCE]:
        return _silent(f"an agent's mail that may be automatic: {', '.join(marks)}")
    try:
        commands = _commands(question)
        if any(command.name is AgentCommandName.FOR for command in commands):
            return _opens(question, commands)
        return _on_case(question, commands)
    except _Doubt as doubt:
        return _told(question, doubt)


def _silent(reason: str) -> Decision:
    return Decision(kind=DecisionKind.HELD, reason=reason)


def _told(question: Question, doubt: _Doubt) -> Decision:
    """Held; its writer hears of it once, and a machine in the writer's name not for ever."""
    facts = question.facts
    assert facts.agent is not None
    assert facts.by_agent is not None
    reason = f"an agent's mail: {doubt.text}"
    if question.marks.silences or question.raw.asked_by or facts.by_agent.is_told_enough:
        return _silent(f"{reason}; not answered")
    subject = bare_subject(question.mail.subject, question.tokens)
    while marks_in(subject, question.tokens):  # an answer to our answer must lead to no case
        subject = subject.replace("-", " ")
    text = f"{doubt.text}. It is about: {doubt.shown}" if doubt.shown else doubt.text
    tell = TellAgent(agent=facts.agent, message_id=question.mail.message_id, subject=subject, text=text)
    return Decision(kind=DecisionKind.HELD, reason=reason, actions=(tell,))


def _commands(question: Question) -> tuple[AgentCommand, ...]:
    """The commands, if all are known: whoever mistypes /note must not write to a customer."""
    found, unknown = understand(question.mail.commands)
    if unknown is not None:
        names = ", ".join(f"/{name}" for name in AgentCommandName)
        raise _Doubt(f"nothing was done: there is no such command for agents; there are {names}", unknown)
    for command in found:
        if command.name in ALONE and command.words:
            raise _Doubt(f"nothing was done: write /{command.name} alone on its line, and your words below it")
    return found


def _on_case(question: Question, commands: tuple[AgentCommand, ...]) -> Decision:
    """A reply, a note, or commands on the case that the mail names."""
    mail, facts, known = question.mail, question.facts, question.facts.by_agent
    assert known is not None
    why, case = _case(question)
    text = mail.words if mail.commands else mail.new_text
    is_internal = known.answers_internal or _to_note_address(question)
    is_internal = is_internal or any(command.name is AgentCommandName.NOTE for command in commands)
    files = _files(question)
    if not is_internal:
        _must_be_fit(question, case, text)
    says = "a note" if is_internal else "a reply"
    is_empty = not text.strip() and not any(command.words for command in commands if command.name == "note")
    if is_empty and not commands:
        raise _Doubt("there is nothing new in it; nothing was sent")
    if is_empty and files:
        raise _Doubt("there are files in it and no words; write a line that says what they are. Nothing was sent")
    what = " and ".join(filter(None, (says if not is_empty else "", "commands" if commands else "")))
    action = _mail(question, commands, text, files, is_internal=is_internal, case=case.number)
    reason = f"{what} of {facts.agent.address if facts.agent else ''}: {why}"
    return Decision(kind=DecisionKind.AGENT_REPLY, reason=reason, case=case.number, actions=(action,))


def _mail(
    question: Question,
    commands: tuple[AgentCommand, ...],
    text: str,
    files: tuple[Attachment, ...],
    *,
    is_internal: bool,
    case: CaseNumber | None,
) -> AgentMail:
    mail, facts, known = question.mail, question.facts, question.facts.by_agent
    assert facts.agent is not None
    assert known is not None
    return AgentMail(
        agent=facts.agent,
        mail=ByMail(
            intake=question.raw.id,
            message_id=mail.message_id,
            reached=frozenset((*mail.to, *mail.cc)),
            attachments=files,
        ),
        commands=commands,
        text=text,
        is_internal=is_internal,
        case=case,
        opens_for=known.wanted if case is None else None,
        forwarded=known.forwarded if case is None else None,
        seen_by=tuple(contact.address for contact in facts.copied) if is_internal else (),
        answered_at=known.answered_at,
        quiet=question.marks.silences,
    )


def _case(question: Question) -> tuple[str, Case]:
    """The one case that the mail names, and by what. A token needs its check part: an agent writes on all accounts."""
    first: dict[ClueKind, list[tuple[str, Case]]] = {}
    wrong: list[Case] = []
    seen = set()
    for clue, case in question.facts.cases:
        if clue in seen:  # of one clue the case itself comes first, then those that followed it
            continue
        seen.add(clue)
        if clue.valid:
            first.setdefault(clue.kind, []).append((f"{clue.kind} {case.number}", case))
        else:
            wrong.append(case)
    named = [found for kind in _EXPLICIT for found in first.get(kind, ())]
    is_explicit = bool(named)
    named = named or first.get(ClueKind.REFERENCES, [])[:1] or first.get(ClueKind.BODY, [])
    if len(numbers := {case.number for _, case in named}) > 1:
        both = " and ".join(str(number) for number in sorted(numbers))
        raise _Doubt(f"it names the cases {both}; leave the token of one of them. Nothing was done")
    if not named and not wrong:
        raise _Doubt(f"it names no case; {HOW}. Nothing was done")
    if not named or (wrong and not is_explicit and wrong[0].number not in numbers):
        number = wrong[0].number
        raise _Doubt(f"the token of case {number} has a wrong or no check part; copy it from a mail about the case")
    return named[0]


def _to_note_address(question: Question) -> bool:
    return internal_address(question.mail, question.raw.envelope, question.tokens)


def _must_be_fit(question: Question, case: Case, text: str) -> None:
    """Nothing leaves that no customer may see: internal words, whole mails as files, a command nobody obeyed."""
    mail, known = question.mail, question.facts.by_agent
    assert known is not None
    unsent = "Nothing was sent; take it out, or write /note in the first line"
    if mail.encrypted:
        raise _Doubt("it is encrypted, so that nobody can see what would be sent. Nothing was sent")
    if stray := stray_command(text):
        raise _Doubt("a command stands below other words, and commands are the first lines. Nothing was sent", stray)
    texts = known.correspondence[case.number]
    policy = question.policy
    found = find_internal(text, texts, known.ours, question.tokens, policy.vendor, policy.mail.text)
    if found is not None:
        raise _Doubt(f"it holds words that the customer has not seen, as our internal mail does. {unsent}", found)
    for part in mail.attachments:
        if part.content_type.lower() in _CARRY_MAIL or part.name.lower().endswith(_MAIL_NAMES):
            raise _Doubt(f"a file of it holds a whole mail, with all that it quotes. {unsent}", part.name)
    for file in question.facts.files:
        if file.is_refused:
            limit = "was refused by the scanner" if file.state == "refused" else "is larger than [limits] attachment"
            raise _Doubt(f"a file of it {limit}; the customer would wait for it. Nothing was sent", file.name)


def _files(question: Question, *, with_pictures: bool = False) -> tuple[Attachment, ...]:
    """What goes along: no signatures of mail programs, and no logos of an agent's own signature."""
    return tuple(
        file
        for part, file in zip(question.mail.attachments, question.facts.files, strict=False)
        if part.content_type.lower() not in _SIGNATURES and (with_pictures or not _is_logo(part))
    )


def _is_logo(part: ParsedAttachment) -> bool:
    """A picture in the text that is no larger than a logo; a screenshot is larger."""
    return part.inline and part.content_type.startswith("image/") and len(part.data) <= SMALL_IMAGE


def _opens(question: Question, commands: tuple[AgentCommand, ...]) -> Decision:
    """A customer's mail, handed on to become a case in the customer's name."""
    known, mail = question.facts.by_agent, question.mail
    assert known is not None
    named = [command.words for command in commands if command.name is AgentCommandName.FOR]
    if len(named) != 1 or commands[0].name is not AgentCommandName.FOR:
        raise _Doubt("no case was opened: write /for once, as the first line")
    person = known.wanted
    if person is None:
        raise _Doubt("no case was opened: there is no such contact; `casegate contact add` makes one", named[0])
    if not person.may_write:
        lack = "has no access to cases" if person.active else "is un-registered"
        raise _Doubt(f"no case was opened: {person.address} {lack}")
    passed_on = known.forwarded
    if passed_on is None or not passed_on.text.strip():
        raise _Doubt(
            "no case was opened: no forwarded mail was found below your words; forward it with its header lines"
        )
    own_domain = split_address(question.policy.post.service_address)[2]
    is_ours = known.is_from_agent or any(split_address(sender)[2] == own_domain for sender in passed_on.senders)
    if is_ours:
        raise _Doubt("no case was opened: the forwarded mail is from our own side, and would be kept as the customer's")
    if others := [one for one in known.writers if one.account != person.account]:
        raise _Doubt(
            f"no case was opened: the forwarded mail is from {others[0].address} of {others[0].account}, "
            f"and {person.address} is of {person.account}"
        )
    if mail.encrypted:
        raise _Doubt("no case was opened: the mail is encrypted")
    policy = question.policy
    if (found := find_ours(passed_on.text, known.ours, policy.vendor, policy.mail.text)) is not None:
        raise _Doubt("no case was opened: the forwarded mail holds words of our internal mail", found)
    files = _files(question, with_pictures=True)
    action = _mail(question, commands, mail.words, files, is_internal=True, case=None)
    reason = f"a mail handed on by an agent, for {person.address} of {person.account}"
    return Decision(kind=DecisionKind.NEW_CASE, reason=reason, actions=(action,))
