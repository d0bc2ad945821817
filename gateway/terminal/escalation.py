"""Escalations for support management: what is open, and what is done about it (SPEC section 10).

One is asked for with `casegate case escalate`, or by mail. Each command here says in one line what became of it.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain import times
from gateway.domain.actions import Action
from gateway.domain.escalation import GAPS, Gap, series
from gateway.domain.escalation_actions import LogProgress, PlanMeetings, ResolveEscalation, TakeEscalation
from gateway.domain.model import CaseNumber
from gateway.domain.notices import local_time
from gateway.errors import BadUsage
from gateway.terminal import show
from gateway.terminal.context import Desk
from gateway.terminal.room import AsOption, JsonOption, Room
from gateway.terminal.text_input import FileOption, MessageOption
from gateway.terminal.work import Number

if TYPE_CHECKING:
    from datetime import datetime

    from rich.text import Text

    from gateway.domain.actions import Outcome
    from gateway.domain.escalation import Meetings
    from gateway.domain.model import Case, Escalation
    from gateway.services.escalations import Escalated

LONGEST_CHANNEL = 100
"""Characters of a channel."""

escalations = Room("Cases that need more than their agent: who takes them, when people meet, what becomes of it.")

_COLUMNS = (
    show.Column(head=""),
    show.Column(head="Case", right=True),
    show.Column(head="Since", right=True),
    show.Column(head="State"),
    show.Column(head="Taken by", most=24, gives=True),
    show.Column(head="Next meeting"),
    show.Column(head="Prio"),
    show.Column(head="Account", most=10),
    show.Column(head="Subject", gives=True),
    show.Column(head="Kind", from_width=110),
    show.Column(head="Status", most=22, from_width=130),
)


@escalations.task("list", "escalation list", "escalation list --all --json")
def list_escalations(
    desk: Desk,
    every: Annotated[bool, typer.Option("--all", help="Also those that are resolved.")] = False,
    json: JsonOption = False,
) -> None:
    """List the escalations that are open, the oldest first.

    Below each stands what was written into its log last, or why it was asked for.
    """
    from gateway.services import escalations as view

    found, now = desk.read(view.escalations, desk.policy, desk.now, resolved=every), desk.now
    if json:
        from gateway.terminal import shapes

        show.print_json([shapes.escalation(one) for one in found])
        return
    below = [_below(one, now) for one in found]
    show.table(_COLUMNS, [_row(one, now) for one in found], empty="no escalations", below=below)
    if free := [one.case for one in found if one.escalation.state == "requested"]:
        show.say(f"! nobody has taken it; a support manager does with: casegate escalation take {free[0]}")


def _row(one: "Escalated", now: "datetime") -> tuple[str | int | None, ...]:
    asked = one.escalation
    is_free = asked.state == "requested"
    who = f"nobody for {show.age(asked.requested_at, now)}" if is_free else asked.manager_name
    meeting = show.when(asked.next_meeting_at) if asked.next_meeting_at else ""
    about = (one.priority, one.account, one.subject, _kind(one), one.status_label)
    since = show.age(asked.requested_at, now)
    return "!" if is_free else "", one.case, since, asked.state, who, meeting, *about


def _kind(one: "Escalated") -> str:
    team = one.escalation.team
    return one.escalation.kind.replace("_", "-") + (f" to {team}" if team else "")


def _below(one: "Escalated", now: "datetime") -> "Text | None":
    from rich.text import Text

    log, reason = one.escalation.log, one.escalation.reason
    if log:
        last = log[-1]
        side = " (internal)" if last.internal else ""
        told = f"{show.age(last.at, now)} ago {show.line(last.author_name, 40)}{side}: {show.line(last.text)}"
    else:
        told = show.line(reason)
    return Text(f"    {told}", style="dim") if told else None


@escalations.task("take", "escalation take 4711", "escalation take 4711 --as max@vendor.example")
def take(desk: Desk, number: Number, as_: AsOption = None) -> None:
    """Take an escalation: you are its escalation manager from now on.

    For support managers and admins. The customer and the other managers are told.
    """
    from gateway.terminal.acting import actor, mails

    agent = actor(desk, as_)
    outcome = _perform(desk, TakeEscalation(case=CaseNumber(number), actor=agent))
    what = f"escalation taken · {mails(outcome)}" if outcome.events else "its escalation is yours already"
    show.say(f"{number} {what}")


@escalations.task(
    "plan",
    'escalation plan 4711 --every 1d --at 09:00 --channel "video call"',
    "escalation plan 4711 --at 10:30",
    "escalation plan 4711 --stop",
)
def plan(
    desk: Desk,
    number: Number,
    every: Annotated[str | None, typer.Option(metavar="GAP", help=f"How often: {GAPS}.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help=f"When, from the first one on: {times.FORMS}.")] = None,
    channel: Annotated[str | None, typer.Option(metavar="C", help='Over what: "video call", or a link.')] = None,
    stop: Annotated[bool, typer.Option("--stop", help="No more meetings.")] = False,
    as_: AsOption = None,
) -> None:
    """Plan the meetings that both sides agreed on.

    They come into the calendars of both sides, who are reminded before each one. What is not named stays as it is.
    A time without a zone is that of the case's account, and stays so when the clocks change. For support managers and
    admins.
    """
    from gateway.terminal.acting import actor, changed, known_case, mails

    if stop and (every or at or channel):
        raise BadUsage("--stop ends the meetings; leave the other options out")
    agent, case = actor(desk, as_), known_case(desk, number)
    wanted = None if stop else _wanted(desk, case, every, at, channel)
    outcome = _perform(desk, PlanMeetings(case=CaseNumber(number), actor=agent, meetings=wanted))
    if wanted is None:
        show.say(f"{number} {f'no more meetings · {mails(outcome)}' if outcome.events else 'had no meetings'}")
        return
    asked = changed(outcome).escalation
    told = _meetings(asked, desk.ports.now()) if asked else ""
    show.say(f"{number} {f'{told} · {mails(outcome)}' if outcome.events else f'{told} already'}")


def _wanted(desk: Desk, case: "Case", every: str | None, at: str | None, channel: str | None) -> "Meetings":
    """The meetings as they are to be; what is not named is as before."""
    from gateway.terminal.acting import account_zones

    before = case.escalation.meetings if case.escalation and case.escalation.is_open else None
    every = every or (str(before.gap) if before else None)
    at = at or (before.at if before else None)
    channel = channel if channel is not None else (before.channel if before else None)
    if every is None or at is None or channel is None:
        raise BadUsage('name --every, --at and --channel, as in --every 1d --at 09:00 --channel "video call"')
    if len(channel) > LONGEST_CHANNEL or not channel.isprintable() or not channel.strip():
        raise BadUsage(f"the channel must be one line of 1 to {LONGEST_CHANNEL} characters, without control characters")
    zone = account_zones(desk, [case.number])[case.number].key
    return series(Gap.parse(every), at, zone, channel.strip(), desk.ports.now())


@escalations.task(
    "log",
    'escalation log 4711 -m "The patch is on staging; the test runs until tonight."',
    'escalation log 4711 --internal -m "Their director threatens to leave."',
)
def log(
    desk: Desk,
    number: Number,
    message: MessageOption = None,
    file: FileOption = None,
    internal: Annotated[bool, typer.Option("--internal", help="For us only; the customer never sees it.")] = False,
    as_: AsOption = None,
) -> None:
    """Write into the log of an escalation; everyone on the case gets it.

    With --internal it never leaves the vendor. What was learned is written here, too, once the escalation is resolved.
    """
    from gateway.terminal import text_input
    from gateway.terminal.acting import actor, mails

    text = text_input.given(message, file)
    if text is None:
        raise BadUsage("name the text with -m or --file")
    agent = actor(desk, as_)
    outcome = _perform(desk, LogProgress(case=CaseNumber(number), actor=agent, text=text, internal=internal))
    show.say(f"{number} {'logged for us only' if internal else 'logged'} · {mails(outcome)}")


@escalations.task(
    "resolve",
    "escalation resolve 4711",
    'escalation resolve 4711 -m "8.1.2 is in production." --meeting "2026-12-01 14:30"',
)
def resolve(
    desk: Desk,
    number: Number,
    message: MessageOption = None,
    file: FileOption = None,
    meeting: Annotated[str | None, typer.Option(metavar="TIME", help=f"When to meet to learn: {times.FORMS}.")] = None,
    as_: AsOption = None,
) -> None:
    """End an escalation, and invite everyone involved to a meeting to learn from it.

    Its planned meetings leave the calendars. The status of the case stays. For support managers, admins, and the team
    that it is addressed to.
    """
    from gateway.terminal import text_input
    from gateway.terminal.acting import account_zones, actor, changed, known_case, mails

    text = text_input.given(message, file)
    agent = actor(desk, as_)
    known_case(desk, number)
    zone = account_zones(desk, [number])[number]
    at = times.at(meeting, zone, desk.ports.now()) if meeting is not None else None
    asked = ResolveEscalation(case=CaseNumber(number), actor=agent, text=text or "", meeting=at)
    outcome = _perform(desk, asked)
    found = changed(outcome).escalation
    lessons = local_time(found.lessons_at, zone.key) if found and found.lessons_at else ""
    show.say(f"{number} escalation resolved · lessons learned {lessons} · {mails(outcome)}")


def _perform(desk: Desk, action: Action) -> "Outcome":
    from gateway.terminal.acting import perform

    return perform(desk, action)


def _meetings(asked: "Escalation", now: "datetime") -> str:
    """`meetings every 1d at 09:00, video call, next 2026-12-01 09:00 CET`."""
    found = asked.meetings
    if found is None:
        return ""
    following = local_time(found.next_after(now), found.zone)
    return f"meetings every {found.gap} at {found.at}, {show.line(found.channel)}, next {following}"
