"""Questions that wait for an answer by mail: what they are about, who was asked; and orders that go on without one.

SPEC sections 3 and 9. The answers come by mail; only an order can be released from here.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.domain.approval import ApprovalId
from gateway.errors import BadUsage
from gateway.terminal import show
from gateway.terminal.context import Desk
from gateway.terminal.room import AsOption, JsonOption, Room

if TYPE_CHECKING:
    from datetime import datetime

    from gateway.services.approval_view import ApprovalView

MOST_REASON = 2_000
"""Characters of a reason; those on the case read it in a mail."""

approvals = Room("Questions to people with authority: registrations, orders, roles, addresses.")

_COLUMNS = (
    show.Column(head="Id", right=True),
    show.Column(head="Kind"),
    show.Column(head="Account", most=12),
    show.Column(head="Case", right=True),
    show.Column(head="What", gives=True),
    show.Column(head="State"),
    show.Column(head="Age", right=True),
    show.Column(head="Waits for / answer", gives=True),
)


@approvals.task("list", "approval list", "approval list --all --json")
def list_approvals(
    desk: Desk,
    every: Annotated[bool, typer.Option("--all", help="Also those that were answered or expired.")] = False,
    json: JsonOption = False,
) -> None:
    """List what was asked of people with authority and is not answered yet, the oldest first."""
    from gateway.services import approval_view

    found = desk.read(approval_view.approvals, None if every else approval_view.OPEN)
    if json:
        show.print_json(found)
        return
    now = desk.now
    show.table(_COLUMNS, [_row(one, now) for one in found], empty="no approvals")
    waiting = [one for one in found if one.is_open]
    if first := next((one for one in waiting if one.registration is not None and not one.asked), None):
        show.say(f"a first user manager is approved with: casegate registration approve {first.registration}")
    if first := next((one for one in waiting if one.is_order), None):
        show.say(f"a support manager lets an order go on with: casegate approval release {first.id} -m REASON")


def _row(one: "ApprovalView", now: "datetime") -> tuple[str | int | None, ...]:
    age = show.age(one.requested_at, now)
    return one.id, one.kind, one.account, one.case, one.text, one.state, age, _waits_for(one)


def _waits_for(one: "ApprovalView") -> str:
    """Whose move it is, and until when; who answered where somebody has."""
    if not one.is_open:
        by = f"by {one.answered_by}" if one.answered_by else ""
        return " · ".join(filter(None, (by, show.when(one.answered_at), one.reason)))
    whom = ", ".join(one.asked) or ("nobody is a decision maker" if one.is_order else "the vendor")
    return f"{whom}, until {show.when(one.expires_at)}"


@approvals.task("release", 'approval release 4 -m "Bea agreed by phone."')
def release(
    desk: Desk,
    id_: Annotated[int, typer.Argument(metavar="ID", min=1, max=10**12, help="The number of the approval.")],
    reason: Annotated[str, typer.Option("-m", "--message", metavar="REASON", help="Why; those on the case read it.")],
    as_: AsOption = None,
) -> None:
    """Let an order go on that waits for a decision maker's approval.

    For support managers and admins. The reason is kept with the case, and told to those who are on it.
    """
    from gateway.domain.approval_actions import ReleaseOrder
    from gateway.terminal.acting import actor, changed, perform, status_line

    if len(reason.strip()) > MOST_REASON:
        raise BadUsage(f"the reason has at most {MOST_REASON:,} characters")
    agent = actor(desk, as_)
    outcome = perform(desk, ReleaseOrder(approval=ApprovalId(id_), actor=agent, reason=reason))
    show.say(f"order {id_} released · {status_line(desk, changed(outcome).number, outcome)}")
