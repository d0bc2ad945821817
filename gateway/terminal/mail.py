"""Mail on its way out: what is owed, to whom, and the very mail (SPEC sections 14 and 15)."""

from typing import Annotated

import typer

from gateway.domain.post import OutboxState
from gateway.terminal import show
from gateway.terminal.context import Desk
from gateway.terminal.room import JsonOption, Room

room = Room("Mail on its way out.")

_COLUMNS = (
    show.Column(head="Id", right=True),
    show.Column(head="Case", right=True),
    show.Column(head="Recipient", most=26),
    show.Column(head="Kind", most=15),
    show.Column(head="State", most=9),
    show.Column(head="Tries", right=True),
    show.Column(head="Next try"),
    show.Column(head="Last answer", gives=True, from_width=100),
)
_HEADERS = ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "Auto-Submitted")


@room.task("list", "outbox list", "outbox list --state failed --json")
def list_outbox(
    desk: Desk,
    state: Annotated[OutboxState | None, typer.Option(help="Only in this state.")] = None,
    json: JsonOption = False,
) -> None:
    """List mail that is owed or has left, newest first."""
    from gateway.services import post_room

    found = desk.read(post_room.outbox_rows, state=state)
    if json:
        show.print_json(found)
        return
    rows = [
        (r.id, r.case, r.recipient, r.kind, r.state, r.attempts, show.when(r.next_attempt_at), r.last_error)
        for r in found
    ]
    show.table(_COLUMNS, rows, empty="no mail")


@room.task("show", "outbox show 17", "outbox show 17 --json")
def show_outbox(
    desk: Desk,
    id_: Annotated[int, typer.Argument(metavar="ID", min=1, max=10**12, help="The number of the mail.")],
    json: JsonOption = False,
) -> None:
    """Show one outgoing mail: how far it came, and what it says.

    Where it asks its reader something, the one-time address of the answer is masked: nobody else is to answer.
    """
    from gateway.mail.masking import shown_mail
    from gateway.services import post_room

    (row,) = desk.read(post_room.outbox_rows, id_=id_)
    data = desk.read(post_room.outbox_mail, id_)
    if json:
        show.print_json({**show.members(row), "mail": shown_mail(data)})
        return
    show.facts(
        [
            ("Mail", f"{row.id} ({row.kind}) to {row.recipient}"),
            ("Case", str(row.case) if row.case else None),
            ("State", f"{row.state}, tried {show.count(row.attempts, 'time')}"),
            ("Next try", show.when(row.next_attempt_at)),
            ("Last answer", row.last_error),
        ]
    )
    show.say("")
    if data:
        _print_mail(data)
    else:
        show.say("its text was erased with the person it was to")


def _print_mail(data: bytes) -> None:
    """The mail as its recipient reads it: headers, text, names of attachments."""
    from email import message_from_bytes, policy
    from email.message import EmailMessage

    from gateway.mail.masking import without_tokens

    mail = message_from_bytes(data, policy=policy.default)  # our own bytes, never a stranger's
    assert isinstance(mail, EmailMessage)
    show.facts([(name, without_tokens(str(mail[name])) if mail[name] else None) for name in _HEADERS])
    show.say("")
    text = mail.get_body(("plain",))
    show.say(show.body(without_tokens(text.get_content()) if text else "").strip("\n"))
    for part in mail.iter_attachments():
        show.say(f"[attached: {show.line(part.get_filename('no name'))}, {show.line(part.get_content_type())}]")
