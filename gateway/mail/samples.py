"""Sample words for each template: what `template check` renders, and `template preview` shows.

One of each kind of Words that a mail may be written with; the first is the one to show.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from gateway.domain.announcement import PREFIX
from gateway.domain.approval_actions import Lack
from gateway.domain.notices import local_day, local_time
from gateway.domain.phrases import Phrase
from gateway.domain.policy import Vendor
from gateway.domain.words import (
    ActionWords,
    ApprovalWords,
    BlockWords,
    CaseWords,
    CommandWords,
    ContactWords,
    EscalationWords,
    LevelWords,
    RegistrationWords,
    ResultWords,
    StrangerWords,
    Words,
)
from gateway.mail.announcement_samples import announcements
from gateway.mail.desk_samples import desk_samples

VENDORS = (
    Vendor(
        name="Acme Support",
        hotline="+49 30 555 0100",
        knowledge_base="https://help.acme.example",
        feedback_address="feedback@acme.example",
        footer="Acme Software Ltd, 1 Example Road, Exampleton",
    ),
    Vendor(name="Acme Support"),
)


def _time(utc: str) -> Phrase:
    return local_time(datetime.fromisoformat(f"{utc}+00:00"), "Europe/Berlin")


def _day(utc: str) -> Phrase:
    return local_day(datetime.fromisoformat(f"{utc}T12:00+00:00"), "Europe/Berlin")


_FULL = CaseWords(
    number=1042,
    token="[CASE-1042.k7q2mh3x]",  # noqa: S106 - a sample, and a token is no password
    subject="The staging server is slow since Monday",
    type_label=Phrase("Question"),
    status_label=Phrase("Waiting for Customer"),
    account="ACME-1",
    account_name="Acme Europe",
    reporter="Ann Example",
    assignee="Mira Agent",
    recipient="Ann Example",
    author="Mira Agent",
    text="Hello Ann,\n\nwe have found the cause & mended it: <cache> was full.\nDoes it work for you now?",
    event="resolve",
    others=("Bob Example <bob@customer.example>", "Carl Example <carl@customer.example>"),
    attachments=("before.png", "after.png"),
    priority_label=Phrase("P2 high"),
    category_label=Phrase("Restore a backup"),
    planned=_time("2026-12-01T13:30"),
    changes=("type", "priority", "category", "plan"),
    when=_time("2026-12-15T08:00"),
    signature="Mira Agent\nSecond level, Acme Support",
    renamed="And now the printer",
    foreign=("1007",),
    actions=tuple(
        ActionWords(
            command=name,
            link=f"mailto:service+1042.k7q2mh3x@acme.example?subject=%5BCASE-1042.k7q2mh3x%5D&body=%2F{name}",
        )
        for name in ("close", "reopen", "escalate")
    ),
)
_CONTACT = ContactWords(
    event="roles",
    recipient="Ann Example",
    account="ACME-1",
    account_name="Acme Europe",
    name="Bob Example",
    address="bob@customer.example",
    author="Mira Agent",
    roles=("decision maker", "incident manager"),
    added=("incident manager",),
    removed=("user manager",),
)
_CONTACTS = (
    _CONTACT,
    replace(_CONTACT, recipient="", roles=(), added=()),
    replace(_CONTACT, event="returned"),
    replace(_CONTACT, event="subscribed"),
    replace(_CONTACT, event="unsubscribed"),
    replace(_CONTACT, event="returned", roles=(), added=()),
    replace(_CONTACT, event="removed", cases=("[CASE-1042.k7q2mh3x] Staging is slow",), successor="Carl Example"),
    replace(_CONTACT, event="removed", by_vendor=False),
    replace(_CONTACT, event="erased", name="Erased person 12", address="erased-12@erased.invalid", touched=3),
    replace(_CONTACT, event="erased", touched=1, cases=("[CASE-1042.k7q2mh3x] Staging is slow",)),
)
_HALF = LevelWords(
    clock="first_response",
    percent=50,
    target="4 h",
    reached=_time("2026-12-01T10:00"),
    due=_time("2026-12-01T12:00"),
    is_late=False,
    is_met=False,
)
_LEVELS = (
    _HALF,
    replace(_HALF, clock="solution", percent=100, reached=_time("2026-12-01T12:00"), is_late=True),
    replace(_HALF, due=None, is_late=True, is_met=True),
)
_EVENTS = (
    None,
    "start",
    "close",
    "auto_close",
    "reopen",
    "defer",
    "wait_for_client",
    "merge",
    "split",
    "opened_for",
    "customer_reminder",
    "auto_close_reminder",
    "other",
)

_ESCALATED = EscalationWords(
    event="escalated",
    kind="non_technical",
    requester="Ann Example",
    since="2026-12-01 09:00 CET",
    team="third_level",
    manager="Max Manager",
    is_urgent=True,
    amount=1,
    unit="d",
    meeting="2026-12-02 09:00 CET",
    channel="video call",
    lessons="2026-12-15 10:00 CET",
    text="It is slow since Monday.\n\nNobody can work.",
)
_REQUESTED = replace(_ESCALATED, kind="technical", team=None, manager=None, is_urgent=False, channel="", text="")
_STEPS = (
    "taken",
    "planned",
    "meeting",
    "stopped",
    "resolved",
    "lessons",
    "invited",
    "uninvited",
    "logged",
    "noted",
    "learned",
)

_ORDERS = ("order_approved", "order_rejected", "order_released", "order_expired", "order_undecided")
_BLOCK = BlockWords(
    heading="[CASE-1042.k7q2mh3x] Staging is slow",
    about=(
        Phrase("{what} · {more}", what=Phrase("Question"), more=Phrase("Waiting for Customer")),
        "Ann Example",
        "/show 1042 shows all of it",
    ),
    text="It is slow since Monday.\n\n/etc/hosts was changed before.",
    link="mailto:service@acme.example?subject=commands&body=%2Fshow%201042",
)
_RESULTS = (
    ResultWords(line="/close", came="done", text=Phrase("the case is closed")),
    ResultWords(
        line="/show 1042",
        came="shown",
        more="/show 1042 3",
        more_link="mailto:service@acme.example?subject=commands&body=%2Fshow%201042%203",
        blocks=(_BLOCK, BlockWords(text="/upload holds all files")),
    ),
    ResultWords(
        line="/help",
        came="shown",
        text=Phrase("/{name}: {about}", name="close", about=Phrase("close the case")),
        blocks=(replace(_BLOCK, heading=""),),
    ),
    ResultWords(line="/frobnicate", came="refused", text=Phrase("there is no such command; /help lists them")),
    ResultWords(
        line="/roles bob@customer.example decision_maker ••••",
        came="asked",
        text=Phrase("we have asked you in a mail of its own whether this was you; approve it there"),
    ),
)
_BARE_RESULTS = tuple(ResultWords(line="/status", came=came) for came in ("done", "asked", "refused", "shown"))


def samples(name: str) -> Iterator[Words]:
    """One of each kind of Words that a mail may be written with; the first is the one to show."""
    if name == "unregistered":
        yield StrangerWords(registration_address="service+register@acme.example")
        return
    if name == "contact_changed":
        yield from _CONTACTS
        return
    if name.startswith(PREFIX) or name == "unsubscribed":
        yield from announcements(("version", "notes"), ("version",))
        return
    if name in _MADE:
        yield from _MADE[name](name)
        return
    if name == "sla_level":
        for level in _LEVELS:
            yield from (replace(_FULL, level=level), replace(_FULL, level=level, assignee=None, priority_label=None))
        return
    if name in {"order", "order_vendor"}:
        yield from (replace(_FULL, event=event, text=text) for event in _ORDERS for text in ("As agreed.", ""))
        yield from (replace(_FULL, event=event, text="", actions=(), reads_only=True) for event in _ORDERS)
        return
    refused = replace(_FULL, refused=("dump.bin (30 MB)",), largest_file="25 MB", encrypted=True, results=_RESULTS)
    refused = replace(refused, escalation=_ESCALATED)
    yield from (refused, _FULL) if name == "attachment_refused" else (_FULL, refused)
    yield from (replace(_FULL, event=event, other=1007) for event in _EVENTS)
    yield from (replace(_FULL, event=event, other=1007, actions=(), reads_only=True) for event in _EVENTS)
    yield from (replace(_FULL, event=event, when=None) for event in ("customer_reminder", "auto_close_reminder"))
    yield replace(_FULL, event=None, signature="", out_of_hours=True, around_the_clock=True)
    bare = replace(_FULL, assignee=None, text="", event=None, recipient="", others=(), attachments=(), changes=())
    yield replace(
        bare, priority_label=None, category_label=None, planned=None, when=None, renamed=None, foreign=(), actions=()
    )


def _escalations(name: str) -> Iterator[Words]:
    """One of each step that this template tells of, with all there is to say, and with as little as can be."""
    for event in _STEPS if "step" in name else ("escalated", "joined", "untaken"):
        over = replace(_ESCALATED, amount=0, unit="", meeting=None)
        weekly, hourly = replace(_ESCALATED, amount=2, unit="w"), replace(_REQUESTED, unit="h")
        for words in (_ESCALATED, weekly, over, _REQUESTED, hourly):
            full = replace(_FULL, event=event, escalation=replace(words, event=event), when="2026-12-02 09:00 CET")
            yield full if words.channel else replace(full, text="", attachments=(), recipient="", priority_label=None)


_REGISTRATIONS = {
    "registration": ("asked",),
    "registration_step": ("incomplete", "confirmed", "known", "taken", "answered", "expired"),
    "registration_unanswered": ("unanswered",),
    "registration_vendor": ("to_decide", "unanswered", "ended"),
    "welcome": ("welcome",),
    "rejected": ("rejected",),
}


def _registrations(name: str) -> Iterator[Words]:
    """One of each step that this template tells of, with all that can be known, and with as little as can be."""
    for event in _REGISTRATIONS[name]:
        full = RegistrationWords(
            event=event,
            recipient="Bob Example",
            name="Bob Example",
            address="bob@customer.example",
            service_address="service@acme.example",
            registration_address="service+register@acme.example",
            number=7,
            account="ACME-1",
            account_name="Acme Europe",
            phone="+49 30 5550100",
            inviter="Ann Example",
            until=_day("2026-12-08"),
            reason="We do not know Bob.",
            roles=("user manager", "decision maker", "incident manager", "version recipient"),
            needs_pin=True,
            answer_address="service+a.k7q2mh3xk7q2mh3xk7q2mh3xk7@acme.example",
            answer_link="mailto:service+a.k7q2mh3xk7q2mh3xk7q2mh3xk7@acme.example?subject=OK",
        )
        yield full
        yield replace(full, needs_pin=False, is_first=True)
        bare = replace(full, recipient="", name="", phone=None, inviter=None, reason=None, roles=())
        yield replace(bare, account="", account_name="") if event == "asked" else bare


_ASKED = ApprovalWords(
    kind="registration",
    event="asked",
    recipient="Ann Example",
    account="ACME-1",
    account_name="Acme Europe",
    request="register Bob Example <bob@xn--custmer-q4a.example>",
    name="Bob Example",
    address="bob@xn--custmer-q4a.example",
    phone="+49 30 5550100",
    gave_pin=True,
    is_outside=True,
    shown="bob@xn--custmer-q4a.example",
    until=_day("2026-12-15"),
    state="open",
    service_address="service@acme.example",
    answer_address="service+a.k7q2mh3xk7q2mh3xk7q2mh3xk7@acme.example",
    approve_link="mailto:service+a.k7q2mh3xk7q2mh3xk7q2mh3xk7@acme.example?subject=approve&body=%2Fapprove",
    reject_link="mailto:service+a.k7q2mh3xk7q2mh3xk7q2mh3xk7@acme.example?subject=reject&body=%2Freject",
)
_ASKS = replace(
    _ASKED,
    name="",
    address="",
    phone=None,
    gave_pin=False,
    is_outside=False,
    shown=None,
    requester="Bob Example <bob@customer.example>",
)
"""What is asked about a registration, and about anything else."""


def _approvals(name: str) -> Iterator[Words]:
    """One of each question, and of each answer to it."""
    kinds = (
        _ASKED,
        replace(
            _ASKED, recipient="", name="", phone=None, gave_pin=False, is_outside=False, shown=None, event="reminder"
        ),
        replace(_ASKS, kind="order", request="update to 8.1", token="[CASE-1042.k7q2mh3x]", subject="Update staging"),  # noqa: S106 - a sample, and a token is no password
        replace(
            _ASKS, kind="roles", request=Phrase("change roles, {what}", what="bob@customer.example: decision_maker")
        ),
        replace(
            _ASKS,
            kind="address",
            request=Phrase("use {address} beside {known}", address="bob@home.example", known="bob@customer.example"),
        ),
        replace(
            _ASKS, kind="step_up", request=Phrase("un-register {person}", person="Carl Example <carl@customer.example>")
        ),
    )
    if name == "approval":
        yield from kinds
    elif name == "approval_hint":
        for lack in Lack:
            yield replace(_ASKED, event="hint", lack=lack, state="approved", answered_by="Carl Example")
        yield replace(_ASKED, event="hint", lack="answered", state="rejected", recipient="")
    else:
        for event, state in (
            ("done", "approved"),
            ("done", "rejected"),
            ("answered", "approved"),
            ("answered", "rejected"),
            ("expired", "expired"),
        ):
            yield replace(
                _ASKS, kind="roles", event=event, state=state, answered_by="Carl Example", reason="As agreed."
            )
            yield replace(_ASKS, kind="roles", event=event, state=state, recipient="")
            yield replace(_ASKED, event=event, state=state, answered_by="Carl Example", reason="As agreed.")
        yield replace(_ASKS, kind="step_up", event="done", state="approved", failed="they are a contact no more")


def _commands(_name: str) -> Iterator[Words]:
    """An answer to commands, with and without a case."""
    full = CommandWords(
        recipient="Ann Example",
        results=_RESULTS,
        service_address="service@acme.example",
        token="[CASE-1042.k7q2mh3x]",  # noqa: S106 - a sample, and a token is no password
        subject="Staging is slow",
        actions=_FULL.actions,
    )
    yield full
    yield replace(full, escalation=_ESCALATED)
    yield replace(full, recipient="", token=None, subject="", results=_BARE_RESULTS, actions=())


_MADE: dict[str, Callable[[str], Iterator[Words]]] = {
    **dict.fromkeys(_REGISTRATIONS, _registrations),
    **dict.fromkeys(("approval", "approval_hint", "approval_done"), _approvals),
    **dict.fromkeys(("escalated", "escalated_vendor", "escalation_step", "escalation_step_vendor"), _escalations),
    **dict.fromkeys(("set_aside", "digest", "trouble"), desk_samples),
    "command_answer": _commands,
}
"""Who makes the samples of mails that have many."""
