"""Builds the Policy from rule files, and says what is wrong with them (SPEC section 5).

Called at start by `config.load_policy`, and by `casegate rules check`. It reads texts, not files. Every
problem is one line, `rules/tracker/workflow.toml:17: …`, and one run shows all of them. The workflow is read in
`domain.workflow_file`.
"""

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace

from gateway.domain.absence_file import read_absence
from gateway.domain.bounce_rules import BounceRules, FailureReason
from gateway.domain.escalation_rules import EscalationRules, read_escalation_rules
from gateway.domain.letter_rules import LetterRules, read_letter_rules
from gateway.domain.mail_rules import (
    AboutRules,
    AutomaticRules,
    HeaderMark,
    MailRules,
    TextRules,
    ThanksLanguage,
    ThanksRules,
)
from gateway.domain.model import NoticeKind
from gateway.domain.policy import NoticeRule, Policy, PostRules, TrustRules, Vendor
from gateway.domain.sla_file import HolidayBook, read_sla
from gateway.domain.toml_lines import Page, Table
from gateway.domain.workflow_file import EVENTS, read_workflow
from gateway.errors import BadConfig

RECIPIENTS = (
    *("reporter", "author", "participants", "vendor", "team", "managers", "sender", "user_managers"),
    *(
        "registrant",
        "approvers",
        "approver",
        "requester",
        "deciders",
        "called",
        "involved",
        "agents",
        "assignee",
        "named",
    ),
)
VENDORS_PEOPLE = frozenset(
    {"vendor", "team", "managers", "deciders", "called", "involved", "agents", "assignee", "named", ""}
)
"""Those of them who are never customers."""
STEPS = {
    NoticeKind.REGISTRATION: frozenset(
        {"asked", "incomplete", "confirmed", "known", "taken", "answered", "expired", "unanswered", "to_decide"}
        | {"roles", "removed", "returned", "erased", "subscribed", "unsubscribed"}
    ),
    NoticeKind.APPROVAL: frozenset(
        {"asked", "reminder", "done", "answered", "hint", "expired"}
        | {"order_undecided", "order_approved", "order_rejected", "order_expired", "order_released"}
    ),
    NoticeKind.DIGEST: frozenset({"ended", "gathered"}),
    NoticeKind.ALARM: frozenset({"set_aside", "trouble"}),
    NoticeKind.ESCALATION: frozenset(
        {"escalated", "joined", "untaken", "taken", "planned", "meeting", "stopped", "resolved"}
        | {"invited", "uninvited", "lessons", "logged", "noted", "learned"}
    ),
}
"""What happens with people, by the kind of mail that tells it; notices may name these as their events."""
ALL_EVENTS = (*EVENTS, *sorted(frozenset().union(*STEPS.values())))
INSIDE = frozenset({"untaken", "noted"})
"""What of an escalation is told to the vendor's people only."""
AUTO_SUBMITTED = ("auto-replied", "auto-generated")
_TEXT_KEYS = tuple(field.name for field in fields(TextRules))
_TEXT_NEEDED = frozenset(field.name for field in fields(TextRules) if field.default is MISSING)
_BOUNCE_KEYS = tuple(field.name for field in fields(BounceRules) if field.name != "reasons")
_THANKS_KEYS = tuple(field.name for field in fields(ThanksLanguage) if field.type == tuple[str, ...])


_NO_MAIL = MailRules(
    automatic=AutomaticRules(strong=(), weak=(), senders=(), absence=()),
    text=TextRules(wrote=(), labels=(), dividers=(), taglines=()),
)


@dataclass(frozen=True, slots=True)
class Document:
    """One rule file: its name as problems show it, and its text."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rule files in force, a set's own or the shared ones, and who knows the holidays that they refer to.

    Without `mail`, `absence`, `thanks` and `registration` no mail can be read by these rules; a command that reads none
    saves the time.
    """

    workflow: Document
    notices: Document
    mail: Document | None
    absence: Document | None
    thanks: Document | None
    sla: Document
    holidays: HolidayBook
    registration: Document | None = None
    escalation: Document | None = None


def build(
    rules: Rules,
    *,
    vendor: Vendor,
    post: PostRules,
    trust: TrustRules | None = None,
    attachment_limit: int = 25_000_000,
    auto_close_days: int = 0,
    customer_reminder_days: int = 0,
) -> Policy:
    """Read the rules into one Policy. Raises BadConfig with every problem of every file."""
    pages = {
        name: Page(document.path, document.text)
        for name in ("workflow", "notices", "mail", "absence", "thanks", "registration", "sla", "escalation")
        if (document := getattr(rules, name))
    }
    workflow, notices = read_workflow(pages["workflow"]), read_notices(pages["notices"])
    mail = _how_mail_is_read(rules, pages)
    thanks = read_thanks(pages["thanks"]) if rules.thanks else ThanksRules()
    letters = read_letter_rules(pages["registration"]) if rules.registration else LetterRules()
    priorities = () if pages["workflow"].problems else tuple(priority.name for priority in workflow.priorities)
    sla = read_sla(pages["sla"], priorities, rules.holidays)
    escalations = read_escalation_rules(pages["escalation"]) if rules.escalation else EscalationRules()
    if problems := [problem for page in pages.values() for problem in page.problems]:
        raise BadConfig(*problems)
    return Policy(
        workflow=workflow,
        mail=mail,
        thanks=thanks,
        letters=letters,
        notices=notices,
        vendor=vendor,
        post=post,
        trust=trust or TrustRules(),
        sla=sla,
        escalations=escalations,
        attachment_limit=attachment_limit,
        auto_close_days=auto_close_days,
        customer_reminder_days=customer_reminder_days,
    )


def _how_mail_is_read(rules: Rules, pages: Mapping[str, Page]) -> MailRules:
    mail = read_mail_rules(pages["mail"]) if rules.mail else _NO_MAIL
    absence = read_absence(pages["absence"]) if rules.absence else ()
    return replace(mail, automatic=replace(mail.automatic, absence=absence))


def check(rules: Rules) -> tuple[str, ...]:
    """Every problem of the rules, in the order of files and lines; none if they are good."""
    try:
        build(rules, vendor=Vendor(name="-"), post=PostRules(service_address="-", registration_address="-"))
    except BadConfig as error:
        return error.problems
    return ()


def read_notices(page: Page) -> tuple[NoticeRule, ...]:
    """Read `notices.toml`: what is told to whom, by which template; complains to the page."""
    top = Table.top(page)
    top.only("notice")
    rules: list[tuple[int | None, NoticeRule]] = []
    for table in top.tables("notice"):
        rule = _notice(table)
        for line, earlier in rules:
            common = (rule.events or frozenset(ALL_EVENTS)) & (earlier.events or frozenset(ALL_EVENTS))
            if rule.kind and (rule.kind, rule.to) == (earlier.kind, earlier.to) and common:
                table.complain("kind", f"{rule.to} would get two mails: line {line} tells of {rule.kind} already")
        rules.append((table.line("kind"), rule))
    return tuple(rule for _, rule in rules)


def _notice(table: Table) -> NoticeRule:
    table.only("kind", "to", "template", "automatic", "events", "from_level", "internal")
    rule = NoticeRule(
        kind=table.text("kind", list(NoticeKind)),
        to=table.text("to", RECIPIENTS),
        template=table.text("template"),
        automatic=table.text_or_none("automatic", AUTO_SUBMITTED),
        events=frozenset(table.texts("events", ALL_EVENTS)) if table.has("events") else None,
        from_level=_from_level(table),
        internal=table.flag("internal"),
    )
    if rule.internal and rule.to not in VENDORS_PEOPLE:
        table.complain("to", f'internal mail never leaves the vendor, and "{rule.to}" may be a customer')
    if rule.to == "named" and rule.kind not in {NoticeKind.NOTE, ""}:
        table.complain("to", "only notes name people")
    if rule.to == "user_managers" and rule.kind not in {NoticeKind.REGISTRATION, ""}:
        table.complain("to", "user_managers are told of their account's people only: registration")
    if rule.kind == NoticeKind.NOTE and not rule.internal:
        table.complain("kind", "a note never leaves the vendor: internal = true is missing")
    if rule.kind == NoticeKind.ESCALATION and not rule.internal and INSIDE & (rule.events or INSIDE):
        table.complain("kind", f"{' and '.join(sorted(INSIDE))} never leave the vendor: internal = true is missing")
    return rule


def _from_level(table: Table) -> int:
    """From which percentage of an SLA target on somebody is told; 0: from the first level."""
    level = table.value("from_level")
    if level is None:
        return 0
    if type(level) is not int or not 1 <= level <= 100:
        table.complain("from_level", "is no percent from 1 to 100")
        return 0
    if table.value("kind") != NoticeKind.SLA_LEVEL:
        table.complain("from_level", "only sla_level has levels")
    return level


def read_mail_rules(page: Page) -> MailRules:
    """Read `mail.toml`: marks of automatic mail but its words, words around quoted text; complains to the page."""
    top = Table.top(page)
    top.only("automatic", "text", "bounce", "about")
    automatic, text = top.table("automatic"), top.table("text")
    automatic.only("strong", "responders", "weak", "daemons", "senders", "parts")
    text.only(*_TEXT_KEYS)
    return MailRules(
        automatic=AutomaticRules(
            strong=_marks(automatic, "strong"),
            weak=_marks(automatic, "weak"),
            responders=_marks(automatic, "responders") if automatic.has("responders") else (),
            daemons=automatic.texts("daemons") if automatic.has("daemons") else (),
            senders=automatic.texts("senders"),
            parts=automatic.texts("parts") if automatic.has("parts") else (),
            absence=(),  # a file of its own, `absence.toml`
        ),
        text=TextRules(**{key: text.texts(key) for key in _TEXT_KEYS if key in _TEXT_NEEDED or text.has(key)}),
        bounce=_bounce(top.table("bounce")) if top.has("bounce") else BounceRules(),
        about=_about(top.table("about")) if top.has("about") else AboutRules(),
    )


def _about(table: Table) -> AboutRules:
    names = [field.name for field in fields(AboutRules)]
    table.only(*names)
    return AboutRules(**{name: table.texts(name) for name in names})


def _bounce(table: Table) -> BounceRules:
    """All in the form in which texts are compared."""
    table.only(*_BOUNCE_KEYS, "reasons")
    reasons = []
    for reason in table.tables("reasons"):
        reason.only("detail", "words")
        detail = reason.text("detail")
        if detail and not re.fullmatch(r"\d{1,3}\.\d{1,3}", detail):
            reason.complain("detail", 'must be the status without its class, such as "2.2"')
        reasons.append(FailureReason(detail, _folded(reason.texts("words"))))
    return BounceRules(**{key: _folded(table.texts(key)) for key in _BOUNCE_KEYS}, reasons=tuple(reasons))


def _folded(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text.casefold() for text in texts)


def read_thanks(page: Page) -> ThanksRules:
    """Read `thanks.toml`: the expressions of replies that are only thanks; complains to the page."""
    table = Table.top(page)
    table.only("signs", "titles", "particles", "closings", "delights", "language")
    languages = table.tables("language")
    names = [language.text("name") for language in languages]
    for place, language in enumerate(languages):
        if names[place] in names[:place]:
            language.complain("name", f'"{names[place]}" is named twice')
    return ThanksRules(
        signs=table.texts("signs"),
        titles=table.texts("titles"),
        particles=table.texts("particles"),
        closings=table.texts("closings"),
        delights=table.texts("delights") if table.has("delights") else (),
        languages=tuple(_thanks_language(language) for language in languages),
    )


def _thanks_language(table: Table) -> ThanksLanguage:
    table.only("name", "capital_nouns", *_THANKS_KEYS)
    lists = {key: table.texts(key) for key in _THANKS_KEYS}
    for key, expressions in lists.items():
        for expression in sorted(set(expressions) & set(lists["never"])) if key != "never" else ():
            table.complain(key, f'"{expression}" stands in never, too')
    return ThanksLanguage(name=table.text("name"), capital_nouns=table.flag("capital_nouns"), **lists)


def _marks(table: Table, key: str) -> tuple[HeaderMark, ...]:
    return tuple(_mark(mark) for mark in table.tables(key))


def _mark(table: Table) -> HeaderMark:
    table.only("header", "pattern")
    mark = HeaderMark(header=table.text("header").lower(), pattern=table.text("pattern"))
    try:
        re.compile(mark.pattern)
    except re.error as error:
        table.complain("pattern", f"not a regular expression: {error}")
    return mark
