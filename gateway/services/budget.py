"""What of the mail that is to be owed really is: not what answers a machine, and no more than `[budget]` allows.

Called by `services.perform` inside its transaction, with all mails of one cause. Promises: an agent's own words always
leave; what is left out leaves no row, and raises one alarm of its kind, which ends by itself. Two daemons that
write at the same moment may go over the budget by what each of them is writing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from gateway.domain.budget import BudgetRules, Share, share_of
from gateway.domain.words import Notice
from gateway.mail.decision import Hush
from gateway.services.ports import Ports
from gateway.store import budget as store
from gateway.store import save
from gateway.store.budget import Spent

HOUR = timedelta(hours=1)
"""What budgets are counted over, and how long an alarm about one stands after the last mail that was left out."""

_MEND = (
    "`casegate outbox list` shows what was sent, `casegate intake list` what set it off; if it was no loop, raise "
    "the limit under [budget] and restart; cases and their history are complete"
)


@dataclass(frozen=True, slots=True)
class _Over:
    """A budget that is used up: its name in alarms, and what it is about."""

    name: str
    text: str


def within(tx: sa.Connection, ports: Ports, notices: Sequence[Notice], at: datetime, hush: Hush) -> list[Notice]:
    """The notices of one cause that may become mail."""
    told = [notice for notice in notices if not _is_hushed(notice, hush)]
    rules = ports.policy.budget
    counted = [notice for notice in told if share_of(notice) is not None]
    if not counted or not (rules.per_address_hour or rules.per_case_hour or rules.overall_hour):
        return told
    cases = {notice.case for notice in counted if notice.case is not None}
    spent = store.spent(tx, at - HOUR, {notice.recipient for notice in counted}, cases)
    return [notice for notice in told if _fits(tx, notice, spent, rules, at)]


def _is_hushed(notice: Notice, hush: Hush) -> bool:
    """Whether a notice would go on with an exchange between machines; questions have limits of their own."""
    return hush.is_silent and share_of(notice) is Share.OUTSIDE and not notice.question


def _fits(tx: sa.Connection, notice: Notice, spent: Spent, rules: BudgetRules, at: datetime) -> bool:
    """Count a mail, unless a budget is used up: then the alarm says so."""
    share = share_of(notice)
    if share is None:
        return True
    over = _over(notice, share, spent, rules)
    if over is None:
        spent.add(share, notice.recipient, notice.case)
        spent.add_to_sums(share, notice.case)
        return True
    text = f"over budget, automatic mail is left out: {over.text} within an hour"
    save.alarm_raised(tx, over.name, at=at, text=text, mend=_MEND, until=at + HOUR)
    return False


def _over(notice: Notice, share: Share, spent: Spent, rules: BudgetRules) -> _Over | None:
    to, case = notice.recipient, notice.case
    if share is Share.INSIDE:
        got, what = spent.about.get((share, to, case), 0), f"about case {case}" if case else "about no case"
        if 0 < rules.per_address_hour <= got:
            return _Over("budget-address", f"{got} mails to {to} {what}")
    elif 0 < rules.per_address_hour <= (got := spent.to.get((share, to), 0)):
        return _Over("budget-address", f"{got} mails to {to}")
    elif case is not None and 0 < rules.per_case_hour <= (got := spent.on.get((share, case), 0)):
        return _Over("budget-case", f"{got} mails on case {case}")
    if 0 < rules.overall_hour <= (got := spent.all.get(share, 0)):
        whom = "customers" if share is Share.OUTSIDE else "agents"
        return _Over("budget-overall", f"{got} mails to {whom}")
    return None
