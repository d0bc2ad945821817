"""The figures of `casegate report`: targets kept and missed, and how much work there is. Nothing here writes.

Days and months are those of one zone for the whole report: the zone of the default calendar of `rules/sla.toml`.
`docs/sla.md` says what counts as kept, `docs/reports.md` what counts as load.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from gateway.domain import sla
from gateway.domain.fold import fold
from gateway.domain.model import Account, Case, Event
from gateway.domain.policy import Policy
from gateway.services.sla_view import until
from gateway.store import load_people
from gateway.store import report as rows
from gateway.store.report import CaseSpan, Happened

Progress = Callable[[int, int], None]
"""Is told how many cases are done, and of how many."""

MARGIN = timedelta(days=2)
"""So much may a clock have been set back; what lies nearer to the time that is asked for is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaQuestion:
    """What is asked about targets. `since` and `until` are the first and the last month, each by any of its days.

    `now` is the instant as of which all is counted; `as_of_then` says that what happened later is not known.
    """

    now: datetime
    as_of_then: bool = False
    account: str | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaRow:
    """How many targets were kept and missed of cases of one account, type and priority.

    `month`, such as `2026-03`, is the one in which they came under the SLA. `kept` and `breached` are the sums of those
    of first response and solution; `open` targets are neither yet.
    """

    account: str
    type: str
    priority: str
    month: str
    kept: int
    breached: int
    open: int
    first_response_kept: int
    first_response_breached: int
    solution_kept: int
    solution_breached: int
    account_name: str


class Figure(StrEnum):
    """What a row of the load counts."""

    OPENED = "opened"
    ANSWERED = "answered"
    CLOSED = "closed"
    OPEN = "open"


class Age(StrEnum):
    """How long ago an open case was opened."""

    DAY = "under 1 day"
    DAYS = "1 to 3 days"
    WEEK = "3 to 7 days"
    MONTH = "7 to 30 days"
    QUARTER = "30 to 90 days"
    OLDER = "over 90 days"


_AGES = ((1, Age.DAY), (3, Age.DAYS), (7, Age.WEEK), (30, Age.MONTH), (90, Age.QUARTER))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadQuestion:
    """What is asked about work: the first and the last day, of one account or of all; ages are as of `now`."""

    now: datetime
    since: date
    until: date
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRow:
    """How much there is of one thing: on a day, or for open cases (which have no day) of an age."""

    figure: Figure
    day: date | None
    age: Age | None
    account: str
    team: str
    count: int
    account_name: str


def zone(policy: Policy) -> ZoneInfo:
    """Where the days and months of reports are meant."""
    return ZoneInfo(policy.sla.default_calendar.zone)


def targets(tx: sa.Connection, asked: SlaQuestion, policy: Policy, tell: Progress) -> tuple[SlaRow, ...]:
    """Targets kept and missed, by account, month, type and priority; NotFound for an account that is not there."""
    accounts = {found.number: found for found in _accounts(tx, asked.account)}
    span, here = _span(asked, policy), zone(policy)
    first, last = (_month(day) if day else None for day in (asked.since, asked.until))
    counted: Counter[tuple[str, str, str, str, str, _Stand]] = Counter()
    total = rows.how_many(tx, span)
    for done, (case, history) in enumerate(rows.histories(tx, span), 1):
        for clock, stand, known in _stands(case, history, accounts[case.account].calendar, policy, asked):
            month = _month(clock.began_at.astimezone(here))
            if (first or month) <= month <= (last or month):
                counted[case.account, month, known.type, _priority(known, policy), clock.name, stand] += 1
        tell(done, total)
    keys = sorted({key[:4] for key in counted})
    return tuple(_sla_row(key, accounts[key[0]].name, counted) for key in keys)


class _Stand(StrEnum):
    """What became of a target."""

    KEPT = "kept"
    BREACHED = "breached"
    OPEN = "open"


def _accounts(tx: sa.Connection, named: str | None) -> Sequence[Account]:
    return (load_people.account(tx, named),) if named is not None else load_people.accounts(tx)


def _span(asked: SlaQuestion, policy: Policy) -> CaseSpan:
    """Cases of which something may count: the SLA began as they were opened or changed."""
    here = zone(policy)
    return CaseSpan(
        types=tuple(kind.name for kind in policy.workflow.types if kind.sla is not None),
        also_before=asked.as_of_then,
        account=asked.account,
        changed_since=_begin(asked.since.replace(day=1), here) - MARGIN if asked.since else None,
        opened_before=_begin(_next_month(asked.until), here) + MARGIN if asked.until else None,
    )


def _begin(day: date, here: ZoneInfo) -> datetime:
    """Where a day begins, in UTC."""
    return datetime.combine(day, time(), here).astimezone(ZoneInfo("UTC"))


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _stands(
    case: Case, history: Sequence[Event], calendar: str | None, policy: Policy, asked: SlaQuestion
) -> Iterator[tuple[sla.Clock, _Stand, Case]]:
    """The clocks of a case that have a target, how they stand, and the case as it is known then.

    Of a case that is settled or merged nothing is open: what was neither met nor missed until then is left out.
    """
    known = until(history, asked.now) if asked.as_of_then else history
    then = case if len(known) == len(history) else fold(known)
    if then is None:
        return
    is_over = then.merged_into is not None or policy.workflow.status(then.status).settled
    for clock in sla.clocks(known, policy, calendar, asked.now):
        if clock.target_seconds is None:
            continue
        if clock.breached:
            yield clock, _Stand.BREACHED, then
        elif clock.met_at is not None:
            yield clock, _Stand.KEPT, then
        elif not is_over:
            yield clock, _Stand.OPEN, then


def _priority(case: Case, policy: Policy) -> str:
    """The priority whose targets count for a case: its own, or the one that its type always goes by."""
    kind = policy.workflow.type_named(case.type)
    return (case.priority if kind is None or kind.has_priority else kind.sla) or ""


def _sla_row(
    key: tuple[str, str, str, str], name: str, counted: Counter[tuple[str, str, str, str, str, _Stand]]
) -> SlaRow:
    account, month, case_type, priority = key

    def count(stand: _Stand, *clocks: str) -> int:
        return sum(counted[*key, clock, stand] for clock in clocks)

    both = (sla.FIRST_RESPONSE, sla.SOLUTION)
    return SlaRow(
        account=account,
        type=case_type,
        priority=priority,
        month=month,
        kept=count(_Stand.KEPT, *both),
        breached=count(_Stand.BREACHED, *both),
        open=count(_Stand.OPEN, *both),
        first_response_kept=count(_Stand.KEPT, sla.FIRST_RESPONSE),
        first_response_breached=count(_Stand.BREACHED, sla.FIRST_RESPONSE),
        solution_kept=count(_Stand.KEPT, sla.SOLUTION),
        solution_breached=count(_Stand.BREACHED, sla.SOLUTION),
        account_name=name,
    )


def load(tx: sa.Connection, asked: LoadQuestion, policy: Policy) -> tuple[LoadRow, ...]:
    """What came in, was answered and came to rest by day, and how old what is open is; NotFound for no such account."""
    names = {found.number: found.name for found in _accounts(tx, asked.account)}
    here, settled = zone(policy), [status.name for status in policy.workflow.statuses if status.settled]
    span = (_begin(asked.since, here), _begin(asked.until + timedelta(days=1), here), asked.account)
    by_day = {
        Figure.OPENED: rows.opened(tx, *span),
        Figure.ANSWERED: rows.answered(tx, *span),
        Figure.CLOSED: rows.closed(tx, *span, settled),
    }
    found = [row for figure, happened in by_day.items() for row in _daily(figure, happened, here, names)]
    return (*found, *_aged(rows.still_open(tx, asked.account, settled), asked.now, names))


def _daily(figure: Figure, happened: Iterator[Happened], here: ZoneInfo, names: dict[str, str]) -> Iterator[LoadRow]:
    counted = Counter((one.at.astimezone(here).date(), one.account, one.team) for one in happened)
    for (day, account, team), count in sorted(counted.items()):
        yield LoadRow(
            figure=figure, day=day, age=None, account=account, team=team, count=count, account_name=names[account]
        )


def _aged(waiting: Iterator[Happened], now: datetime, names: dict[str, str]) -> Iterator[LoadRow]:
    order = list(Age)
    counted = Counter((order.index(age_of(now - one.at)), one.account, one.team) for one in waiting)
    for (place, account, team), count in sorted(counted.items()):
        yield LoadRow(
            figure=Figure.OPEN,
            day=None,
            age=order[place],
            account=account,
            team=team,
            count=count,
            account_name=names[account],
        )


def age_of(age: timedelta) -> Age:
    """The span that an age lies in; exactly a day is `1 to 3 days`."""
    return next((name for days, name in _AGES if age < timedelta(days=days)), Age.OLDER)
