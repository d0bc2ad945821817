"""The last rungs: a registered customer's mail finds its case, or opens one (SPEC section 7, rungs 11 to 13)."""

from dataclasses import dataclass, replace

from gateway.domain.actions import CustomerReply, Incoming, OpenCase
from gateway.domain.commands import OPENING, SETTLING, CarryOut, CommandName
from gateway.domain.facts import is_theirs
from gateway.domain.model import Authenticity, Case, CaseNumber, Contact, FileState, Party, PartyKind
from gateway.domain.post import Clue, ClueKind, DecisionKind, ParsedMail
from gateway.domain.waiting import is_past_reopening
from gateway.mail.about_lines import read_about
from gateway.mail.commands import understand
from gateway.mail.decision import Answer, Decision, Question
from gateway.mail.subject import bare_subject, is_other_subject
from gateway.mail.thanks import is_only_thanks
from gateway.mail.token import is_our_id, marks_in, split_address

MOST_HEARD = 10
"""So many Message-IDs that a mail answers are kept: a colleague may answer the same mail without our token."""


def reply(question: Question) -> Answer:
    """Something in it names a case that this contact may write on."""
    contact = question.facts.contact
    assert contact is not None  # rung 9 answered otherwise
    found = case_for(question, contact)
    if found.case is None:
        return found.why
    words = incoming(question, only_thanks=found.only_thanks, account=found.case.account)
    commands = commands_of(question, found.case.number)
    said = CustomerReply(case=found.case.number, contact=contact, incoming=words)
    says = not commands or _says_more(question) or _is_for_people(commands)  # else it asks, and says nothing
    passed = tuple(("reply", why) for why in found.passed)
    actions = (*((said,) if says else ()), *commands)
    return Decision(kind=DecisionKind.REPLY, reason=found.why, case=found.case.number, actions=actions, passed=passed)


def only_commands(question: Question) -> Answer:
    """Nothing but commands, none of which opens a case."""
    commands = commands_of(question, None)
    if not commands:
        return "no commands"
    if _says_more(question):
        return "it says something beside its commands"
    if _foreign(question, commands[0].contact):
        return "it names what is another account's"
    names = {command.name for command in commands[0].commands}
    if names & OPENING:
        return "its commands open a case"
    if CommandName.REOPEN in names and case_for(question, commands[0].contact).closed:
        return "it reopens what is closed too long: a new case follows it"
    shown = ", ".join(command.line.split()[0] for command in commands[0].commands)
    return Decision(kind=DecisionKind.COMMAND, reason=f"commands that need no case: {shown}", actions=commands)


def _is_for_people(asked: tuple[CarryOut, ...]) -> bool:
    """Whether somebody must read a command: what is ordered, or a line that may be none ("/home is full")."""
    return any(command.name in {CommandName.ORDER, None} for one in asked for command in one.commands)


def _says_more(question: Question) -> bool:
    """Whether a mail says something beside its commands: words, or files but for a signature's logo."""
    return bool(question.mail.words) or any(file.state is not FileState.REPEATED for file in question.facts.files)


def commands_of(question: Question, case: CaseNumber | None, *, is_lost: bool = False) -> tuple[CarryOut, ...]:
    """What a mail asks for by its first lines; never what a machine wrote."""
    contact, mail = question.facts.contact, question.mail
    if contact is None or not mail.commands or question.marks.silences:
        return ()
    return (
        CarryOut(
            contact=contact,
            commands=understand(mail.commands, question.tokens),
            case=case,
            is_proved=question.evidence.authenticity is Authenticity.AUTHENTICATED,
            message_id=mail.message_id,
            is_lost=is_lost,
        ),
    )


def new_case(question: Question) -> Answer:
    """What is left is a question of a registered customer."""
    contact = question.facts.contact
    assert contact is not None  # rung 9 answered otherwise
    subject = question.mail.subject
    if marks_in(subject, question.tokens):  # another case's mark would follow this one about
        subject = bare_subject(subject, question.tokens)
    words = replace(incoming(question), subject=subject or "(no subject)")
    old = case_for(question, contact).closed
    reason = f"a follow-up of case {old.number}, closed too long ago" if old else f"a new question of {contact.account}"
    if words.foreign:
        reason += f"; WARNING: it names what is another account's: {', '.join(map(str, words.foreign))}"
    about = read_about(question.mail.words, question.policy.mail.about)
    action = OpenCase(contact=contact, incoming=words, follows=old.number if old else None, about=about)
    commands = commands_of(question, None, is_lost=bool(words.foreign))
    return Decision(kind=DecisionKind.NEW_CASE, reason=reason, actions=(action, *commands))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the clues of a mail lead to: a case or none, and why.

    `passed` says why no other clue leads; `closed` is a case that is closed too long to reopen.
    """

    case: Case | None = None
    why: str
    only_thanks: bool = False
    closed: Case | None = None
    passed: tuple[str, ...] = ()


def case_for(question: Question, contact: Contact) -> Found:
    """The case of the first clue that this contact may use, and that may still be written on."""
    missed: list[str] = []
    closed: Case | None = None
    for place, (clue, case) in enumerate(question.facts.cases):
        if why_not := _misses(question, contact, clue, case):
            missed.append(why_not)
            continue
        only_thanks = question.policy.workflow.status(case.status).settled and _only_thanks(question)
        if only_thanks or not is_past_reopening(case, question.policy, question.raw.received_at):
            why = f"{_named(clue, case)}{'; only thanks' if only_thanks else ''}"
            passed = (*missed, *_not_asked(question.facts.cases[place + 1 :], case))
            return Found(case=case, why=why, only_thanks=only_thanks, passed=passed)
        missed.append(f"{clue.kind} {case.number} is closed too long to be reopened")
        if case.account == contact.account:  # a guest's late answer is a new matter of the guest's own account
            closed = closed or case
    return Found(why="; ".join(missed) or "nothing in it names a case", closed=closed)


def _misses(question: Question, contact: Contact, clue: Clue, case: Case) -> str | None:
    """Why a clue does not lead this contact to a case; None if it does."""
    if not (clue.valid or question.evidence.authenticity is Authenticity.AUTHENTICATED):
        return f"{clue.kind} {case.number} has a wrong check part"
    if not is_theirs(case, contact):
        return f"{clue.kind} {case.number} is not a case of this sender"
    # People take any old mail to write to us, and some machines give all their mail one Message-ID.
    is_faint = clue.kind is ClueKind.ORIGINAL
    if is_faint and is_other_subject(question.mail.subject, case.subject, question.tokens):
        return f"{clue.kind} {case.number}, but under another subject"
    return None


def _not_asked(rest: tuple[tuple[Clue, Case], ...], found: Case) -> tuple[str, ...]:
    others = (
        f"{clue.kind} {case.number} was not asked: another clue came first" for clue, case in rest if case != found
    )
    return tuple(dict.fromkeys(others))


def _only_thanks(question: Question) -> bool:
    """True if the writer asks for nothing; an attachment says more than thanks, but for a signature's logo."""
    assert question.facts.contact is not None
    names = (question.facts.contact.name, *question.facts.names)
    mail = question.mail
    if any(file.state is not FileState.REPEATED for file in question.facts.files):
        return False
    return is_only_thanks(mail.new_text, question.policy.thanks, names)


def _named(clue: Clue, case: Case) -> str:
    return f"{clue.kind} {case.number}{'' if clue.valid else ', check part wrong but the sender is authenticated'}"


def _joining(question: Question, contact: Contact, account: str) -> tuple[Party, ...]:
    """Who in To and Cc joins a case of this account: its contacts; as readers also others whom `cc_policy` allows.

    A guest brings nobody of the own company in: that is for agents to do (SPEC section 3).
    """
    colleagues = (
        other.party
        for other in question.facts.copied
        if other.account == account and other != contact and not question.tokens.is_ours(other.address)
    )
    readers = (
        Party(PartyKind.EXTERNAL, address)
        for address in question.facts.outsiders
        if contact.account == account and not question.tokens.is_ours(address)
    )
    return (*colleagues, *readers)


def incoming(question: Question, *, only_thanks: bool = False, account: str | None = None) -> Incoming:
    """The mail as an action takes it; `account` is that of the case it is for, if not the writer's own."""
    mail, contact = question.mail, question.facts.contact
    assert contact is not None
    commands = understand(mail.commands, question.tokens)
    return Incoming(
        intake=question.raw.id,
        subject=mail.subject,
        text="\n".join((*(command.line for command in commands), "", mail.words)).strip()
        if commands
        else mail.new_text,
        quoted=mail.quoted_text,
        message_id=mail.message_id,
        authenticity=question.evidence.authenticity,
        attachments=question.facts.files,
        reached=frozenset((*mail.to, *mail.cc)),
        joining=_joining(question, contact, account or contact.account),
        quiet=question.marks.silences,
        only_thanks=only_thanks,
        keeps_status=not question.marks.silences
        and bool(commands)
        and (not _says_more(question) or any(command.name in SETTLING for command in commands)),
        encrypted=mail.encrypted,
        refers_to=_refers_to(mail, split_address(question.policy.post.service_address)[2]),
        foreign=_foreign(question, contact),
    )


def _refers_to(mail: ParsedMail, our_domain: str) -> tuple[str, ...]:
    """The mail that this one answers, the first of its thread, and the newest others; none that claims to be ours."""
    ids = (*mail.in_reply_to, *mail.references[:1], *reversed(mail.references))
    return tuple(id_ for id_ in dict.fromkeys(ids) if not is_our_id(id_, our_domain))[:MOST_HEARD]


def _foreign(question: Question, contact: Contact) -> tuple[CaseNumber, ...]:
    """The cases of other accounts whose marks, with the right check part, this mail carries."""
    named = (
        clue.number
        for clue, case in question.facts.cases
        if clue.number is not None and clue.valid and not is_theirs(case, contact)
    )
    return tuple(dict.fromkeys(named))
