"""Figures over many cases: `report sla|load` (SPEC sections 6 and 15). They only read; a page is drawn with --html."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from gateway.domain import times
from gateway.errors import BadUsage
from gateway.terminal import show
from gateway.terminal.context import Desk
from gateway.terminal.progress import progress
from gateway.terminal.room import JsonOption, Room

if TYPE_CHECKING:
    from gateway.services.report import LoadRow, SlaRow
    from gateway.services.report_sums import Kept, Work

USUAL_DAYS = 30
"""So many days of work are shown unless others are asked for."""

MOST_DAYS = 36_600
FIRST_YEAR, LAST_YEAR = 1900, 9000
"""No day outside these is a typing of a day of ours, and none leaves the range of dates in any zone."""

MOST_GROUPS = 20
"""So many teams and accounts are shown in a table, those with the most work; the others are added up."""

room = Room("See how targets were kept, and how much work there is.")

AccountOption = Annotated[str | None, typer.Option("--account", metavar="A", help="Only of this account.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV for spreadsheets.")]
HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a page with charts into this file.")
]

_SLA_COLUMNS = (
    show.Column(head="Account", most=20, gives=True),
    show.Column(head="Month"),
    show.Column(head="Type", most=18, gives=True),
    show.Column(head="Prio"),
    show.Column(head="Kept", right=True),
    show.Column(head="Breached", right=True),
    show.Column(head="Open", right=True),
    show.Column(head="Share kept", right=True),
)
_LOAD_COLUMNS = tuple(show.Column(head=head, right=True) for head in ("Opened", "Answered", "Closed", "Open now"))


@room.task(
    "sla",
    "report sla",
    "report sla --account ACME-1 --since 2026-01 --until 2026-03",
    "report sla --at 2026-12-01 --json",
    "report sla --csv > sla.csv",
    "report sla --html sla.html",
)
def sla(  # noqa: PLR0913, PLR0917  # each is an option
    desk: Desk,
    account: AccountOption = None,
    since: Annotated[str | None, typer.Option(metavar="MONTH", help="The first month, such as 2026-01.")] = None,
    until: Annotated[str | None, typer.Option(metavar="MONTH", help="The last month.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help=f"As of that time: {times.FORMS}.")] = None,
    json: JsonOption = False,
    csv: CsvOption = False,
    html: HtmlOption = None,
) -> None:
    """Count the targets that were kept and breached, by account, month, type and priority.

    The month is the one in which a case came under the SLA. Open targets are neither kept nor breached yet. A time
    without a zone is that of the account, or without --account of the default calendar.
    """
    from gateway.services import report

    _must_be_one(json, csv, html)
    first, last = (_month(text) if text is not None else None for text in (since, until))
    _must_follow(first, last)
    now = desk.now
    moment = times.at(at, _zone(desk, account), now) if at is not None else None
    asked = report.SlaQuestion(
        now=moment or now, as_of_then=moment is not None, account=account, since=first, until=last
    )
    with progress("reading histories") as tell:
        found = desk.read(report.targets, asked, desk.policy, tell)
    if json:
        show.print_json(found)
    elif csv:
        _print_csv(report.SlaRow, found)
    elif html is not None:
        from gateway.terminal import sla_page

        _write(html, sla_page.page(found, asked, desk.policy))
    else:
        _print_sla(found)


@room.task(
    "load",
    "report load",
    "report load --days 7 --account ACME-1",
    "report load --since 2026-01-01 --until 2026-03-31 --csv > load.csv",
    "report load --html load.html",
)
def load(  # noqa: PLR0913, PLR0917  # each is an option
    desk: Desk,
    account: AccountOption = None,
    days: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=MOST_DAYS, help="So many days; 30 unless said otherwise.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="The first day, such as 2026-12-01.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="The last day; today unless said otherwise.")] = None,
    json: JsonOption = False,
    csv: CsvOption = False,
    html: HtmlOption = None,
) -> None:
    """Count what was opened, answered and closed each day, by team and account, and how old the open cases are.

    Days are those of the default calendar's zone. Ages are as of now.
    """
    from gateway.services import report

    _must_be_one(json, csv, html)
    if since is not None and days is not None:
        raise BadUsage("--since and --days both say where to begin; leave one out")
    now = desk.now
    last = _day(until) if until is not None else now.astimezone(report.zone(desk.policy)).date()
    first = _day(since) if since is not None else last - timedelta(days=(days or USUAL_DAYS) - 1)
    _must_follow(first, last)
    asked = report.LoadQuestion(now=now, since=first, until=last, account=account)
    found = desk.read(report.load, asked, desk.policy)
    if json:
        show.print_json(found)
    elif csv:
        _print_csv(report.LoadRow, found)
    elif html is not None:
        from gateway.terminal import load_page

        _write(html, load_page.page(found, asked, desk.policy))
    else:
        _print_load(found)


def _must_be_one(json: bool, csv: bool, html: Path | None) -> None:
    if json + csv + (html is not None) > 1:
        raise BadUsage("--json, --csv and --html are three ways to print; name one")


def _must_follow(first: date | None, last: date | None) -> None:
    if first and last and first > last:
        raise BadUsage("--since is later than --until")


def _zone(desk: Desk, account: str | None) -> ZoneInfo:
    """The zone of times that are typed without one."""
    from gateway.services import people, report

    if account is None:
        return report.zone(desk.policy)
    return times.zone_named(desk.read(people.account, account).timezone)


def _month(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d{2}", text, re.ASCII):
        raise BadUsage(f"{text!r} is no month; write it as 2026-12")
    return _date(f"{text}-01", f"{text!r} is no month; write it as 2026-12")


def _day(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise BadUsage(f"{text!r} is no day; write it as 2026-12-01")
    return _date(text, f"{text!r} is no day; write it as 2026-12-01")


def _date(text: str, problem: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise BadUsage(problem) from error
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise BadUsage(problem)
    return found


def _print_csv(kind: type[Any], found: "Sequence[SlaRow | LoadRow]") -> None:
    from gateway.terminal import spreadsheet

    names = [field.name for field in fields(kind)]
    spreadsheet.print_rows(names, ([_cell(getattr(one, name)) for name in names] for one in found))


def _cell(value: str | int | date | None) -> str | int | None:
    return value.isoformat() if isinstance(value, date) else value


def _write(file: Path, page: str) -> None:
    from gateway.terminal import pages

    pages.write(file, page)
    show.say(f"written to {show.line(str(file))}")


def share(sums: "Kept") -> str:
    """`97.4 %` of what is decided was kept; "" where nothing is."""
    if sums.percent is None:
        return ""
    return "100 %" if sums.percent == 100 else f"{sums.percent:.1f} %"


def _print_sla(found: "Sequence[SlaRow]") -> None:
    from gateway.services import report_sums

    rows = [
        (one.account, one.month, one.type, one.priority, *_sla_cells(sums))
        for one in found
        for sums in (report_sums.kept((one,)),)
    ]
    if len(rows) > 1:
        rows.append(("all", "", "", "", *_sla_cells(report_sums.kept(found))))
    show.table(_SLA_COLUMNS, rows, empty="nothing was promised: no case of that time is under the SLA")


def _sla_cells(sums: "Kept") -> tuple[str, ...]:
    return *(f"{number:,}" for number in (sums.kept, sums.breached, sums.open)), share(sums)


def _print_load(found: "Sequence[LoadRow]") -> None:
    from gateway.services import report_sums
    from gateway.services.report import Age

    if not found:
        show.say("nothing happened in that time, and nothing is open")
        return
    days = sorted(report_sums.work_by((one for one in found if one.day), lambda one: str(one.day)).items())
    _print_work("Day", days, with_open=False)
    for head, names in (
        ("Team", report_sums.work_by(found, lambda one: one.team)),
        ("Account", report_sums.work_by(found, lambda one: one.account)),
    ):
        show.say("")
        _print_work(head, _most_first(names))
    ages = report_sums.work_by(found, lambda one: one.age)
    show.say("")
    columns = (show.Column(head="Age of open cases"), show.Column(head="Cases", right=True))
    rows = [(age.value, f"{ages[age].open:,}") for age in Age if age in ages]
    show.table(columns, rows, empty="no case is open")


def _print_work(head: str, of: "Sequence[tuple[str, Work]]", *, with_open: bool = True) -> None:
    """One line each, and all of them."""
    columns = _LOAD_COLUMNS if with_open else _LOAD_COLUMNS[:3]
    numbers = [(name, (one.opened, one.answered, one.closed, one.open)[: len(columns)]) for name, one in of]
    if len(numbers) > 1:
        numbers.append(("all", tuple(sum(column) for column in zip(*(row for _, row in numbers), strict=True))))
    rows = [(name, *(f"{number:,}" for number in row)) for name, row in numbers]
    show.table((show.Column(head=head, most=40, gives=True), *columns), rows, empty="nothing happened in that time")


def _most_first(of: "Mapping[str, Work]") -> "list[tuple[str, Work]]":
    """Those with the most work, and how much the others have together."""
    from gateway.services.report_sums import Work

    found = sorted(of.items(), key=lambda one: (-one[1].all, one[0]))
    rest = [one for _, one in found[MOST_GROUPS:]]
    if len(rest) < 2:
        return found
    others = Work(
        opened=sum(one.opened for one in rest),
        answered=sum(one.answered for one in rest),
        closed=sum(one.closed for one in rest),
        open=sum(one.open for one in rest),
    )
    return [*found[:MOST_GROUPS], (f"{len(rest)} others", others)]
