"""The tables: constraints and indexes carry the promises, code only makes them pleasant.

`case_rows` and `work_rows` hold the models; here are their Core tables, which all of `store/` works on. Rows never
leave `store/`; `load` and `save` translate.
"""

import sqlalchemy as sa
from sqlmodel import SQLModel

from gateway.store.announcement_rows import AnnouncementRecipientRow, AnnouncementRow
from gateway.store.approval_rows import ApprovalRow, AskedRow, RegistrationRow, WrongPinRow
from gateway.store.case_rows import (
    AccountRow,
    AddressRow,
    AgentRow,
    AttachmentRow,
    CaseRow,
    ContactRow,
    EscalationRow,
    EventRow,
    MessageRow,
    ParticipantRow,
    SnippetRow,
    ThreadRow,
)
from gateway.store.work_rows import (
    AlarmRow,
    CounterRow,
    HandledRow,
    InForceRow,
    IntakeRow,
    MailboxRow,
    OutboxMailRow,
    RawMailRow,
    TimerRow,
    ToTellRow,
    UnwantedBlobRow,
)


def table(model: type[SQLModel]) -> sa.Table:
    """The Core table of a model, for the hot path."""
    found: sa.Table = model.__table__  # type: ignore[attr-defined]  # SQLModel adds it; the stubs do not say so
    return found


account = table(AccountRow)
contact = table(ContactRow)
agent = table(AgentRow)
address = table(AddressRow)
cases = table(CaseRow)
participant = table(ParticipantRow)
escalation = table(EscalationRow)
timer = table(TimerRow)
snippet = table(SnippetRow)
event = table(EventRow)
message = table(MessageRow)
attachment = table(AttachmentRow)
thread = table(ThreadRow)
intake = table(IntakeRow)
raw_mail = table(RawMailRow)
unwanted_blob = table(UnwantedBlobRow)
handled = table(HandledRow)
outbox = table(OutboxMailRow)
to_tell = table(ToTellRow)
alarm = table(AlarmRow)
mailbox = table(MailboxRow)
counter = table(CounterRow)
in_force = table(InForceRow)
registration = table(RegistrationRow)
approval = table(ApprovalRow)
asked = table(AskedRow)
wrong_pin = table(WrongPinRow)
announcement = table(AnnouncementRow)
announcement_recipient = table(AnnouncementRecipientRow)
