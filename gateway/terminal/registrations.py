"""Who wants to become a contact, and what the vendor decides about it (SPEC section 9, points 3 to 5).

User managers decide by mail; the vendor does for an account that has none yet. Each decision is an Action of its own
through `acting.perform`.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain.approval import OPEN_REGISTRATIONS, RegistrationState
from gateway.errors import BadUsage, NotFound, Refused
from gateway.terminal import show
from gateway.terminal.context import Desk
from gateway.terminal.room import AsOption, JsonOption, Room

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gateway.domain.actions import Outcome
    from gateway.domain.approval_actions import Says
    from gateway.services.approval_view import RegistrationView

MOST_REASON = 2_000
"""Characters of a reason; the person reads it in a mail."""

Ids = Annotated[list[int], typer.Argument(metavar="ID", min=1, max=10**12, help="The numbers of the registrations.")]

registrations = Room("Persons who want to become contacts.")

_COLUMNS = (
    show.Column(head="Id", right=True),
    show.Column(head="Address", gives=True),
    show.Column(head="Name", gives=True),
    show.Column(head="Account", most=12),
    show.Column(head="Phone", most=18, from_width=110),
    show.Column(head="State"),
    show.Column(head="Age", right=True),
    show.Column(head="Waits for / answer", gives=True),
)


@registrations.task(
    "list", "registration list", "registration list --all", "registration list --state confirmed --json"
)
def list_registrations(
    desk: Desk,
    state: Annotated[list[RegistrationState] | None, typer.Option(help="Only in this state; several add up.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that came to an end.")] = False,
    json: JsonOption = False,
) -> None:
    """List who wants to become a contact, the oldest first; without --all or --state those that are open.

    What waits for the vendor is said below the list, with what to look at before anybody approves.
    """
    from gateway.services import approval_view

    if state and every:
        raise BadUsage("either --state or --all")
    states = None if every else tuple(state or sorted(OPEN_REGISTRATIONS))
    found = desk.read(approval_view.registrations, states)
    if json:
        show.print_json(found)
        return
    now = desk.now
    show.table(_COLUMNS, [_row(one, now) for one in found], empty="no registrations")
    for one in found:
        for warning in one.warnings if one.state == RegistrationState.CONFIRMED else ():
            show.say(f"warning: {one.id}: {show.line(warning)}", style="bold")
    if ours := [str(one.id) for one in found if one.waits_for_vendor]:
        which = ours[0] if len(ours) == 1 else "ID"
        waits = "waits" if len(ours) == 1 else "wait"
        show.say(
            f"{', '.join(ours)} {waits} for you; make sure by phone, then: casegate registration approve {which}"
            f" (or: registration reject {which} -m REASON)"
        )


def _row(one: "RegistrationView", now: "datetime") -> tuple[str | int | None, ...]:
    age = show.age(one.requested_at, now)
    return one.id, one.address, one.name, one.account, one.phone, one.state, age, _waits_for(one)


def _waits_for(one: "RegistrationView") -> str:
    """Whose move it is, and until when; how it ended where it did."""
    until = f"until {show.when(one.expires_at)}"
    match one.state:
        case RegistrationState.REQUESTED:
            tries = f", {show.count(one.wrong_pins, 'wrong PIN')}" if one.wrong_pins else ""
            if one.bounced:
                return f"nobody: our mail bounced, ring them up{tries} ({one.bounced})"
            return f"their reply{'' if one.has_pin else ' with the PIN'}, {until}{tries}"
        case RegistrationState.CONFIRMED if one.asked:
            return f"{', '.join(one.asked)}, {until}"
        case RegistrationState.CONFIRMED:
            return f"the vendor, {until}"
    by = f"by {one.answered_by}" if one.answered_by else ""
    pins = f"after {show.count(one.wrong_pins, 'wrong PIN')}" if one.state == RegistrationState.ENDED else ""
    return " · ".join(filter(None, (by, one.reason, pins if one.wrong_pins else "")))


@registrations.task("approve", "registration approve 3", "registration approve 3 4 --as mira@vendor.example")
def approve(desk: Desk, ids: Ids, as_: AsOption = None) -> None:
    """Make somebody the first user manager of their company; they get a welcome mail.

    Only while the company has none: from then on its user managers decide, and are asked about others who wait.
    """
    from gateway.domain.approval_actions import Says

    def told(one: "RegistrationView", outcome: "Outcome") -> str:
        from gateway.terminal.acting import mails

        name = show.line(one.name or one.address, 60)
        return f"{one.id} approved: {name} <{one.address}> is user manager of {one.account} · {mails(outcome)}"

    _decide(desk, ids, as_, Says.APPROVE, None, told)


@registrations.task("reject", "registration reject 3", 'registration reject 3 4 -m "Nobody of that name works there."')
def reject(
    desk: Desk,
    ids: Ids,
    reason: Annotated[str | None, typer.Option("-m", "--message", metavar="REASON", help="They read it.")] = None,
    as_: AsOption = None,
) -> None:
    """Refuse somebody whose company has no user manager yet; they are told so, with the reason if there is one."""
    from gateway.domain.approval_actions import Says

    if reason is not None and not 0 < len(reason.strip()) <= MOST_REASON:
        raise BadUsage(f"the reason has 1 to {MOST_REASON:,} characters; leave -m out to give none")

    def told(one: "RegistrationView", outcome: "Outcome") -> str:
        from gateway.terminal.acting import mails

        return f"{one.id} rejected: {one.address} · {mails(outcome)}"

    _decide(desk, ids, as_, Says.REJECT, reason.strip() if reason else None, told)


def _decide(
    desk: Desk,
    ids: list[int],
    as_: str | None,
    says: "Says",
    reason: str | None,
    told: "Callable[[RegistrationView, Outcome], str]",
) -> None:
    """Each registration is a transaction of its own: one that is refused is told, and does not stop the others."""
    from gateway.domain.approval import RegistrationId
    from gateway.domain.approval_actions import DecideRegistration
    from gateway.services import approval_view
    from gateway.terminal.acting import actor, perform

    agent = actor(desk, as_)
    wanted = list(dict.fromkeys(ids))
    refused = 0
    for id_ in wanted:
        asked = DecideRegistration(registration=RegistrationId(id_), actor=agent, says=says, reason=reason)
        try:
            outcome = perform(desk, asked)
        except (Refused, NotFound) as refusal:
            if len(wanted) == 1:
                raise
            refused += 1
            show.complain(refusal.public)
        else:
            show.say(told(desk.read(approval_view.registration, id_), outcome))
    if refused:
        raise Refused(f"refused for {refused} of {len(wanted)} registrations")
