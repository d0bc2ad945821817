"""The page of `report sla`: how much was kept, by month, priority, type and account (docs/reports.md)."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from gateway.domain.policy import Policy
from gateway.services import report_sums
from gateway.services.report import SlaQuestion, SlaRow
from gateway.services.report_sums import Kept
from gateway.terminal import charts, pages, show
from gateway.terminal.charts import Chart, Column, Part
from gateway.terminal.pages import Line, Table
from gateway.terminal.report import share

NONE = "\u2013"
"""Stands where nothing is decided."""


def page(found: Sequence[SlaRow], asked: SlaQuestion, policy: Policy) -> str:
    """The page of `report sla`."""
    total = report_sums.kept(found)
    months = report_sums.kept_by(found, lambda one: one.month)
    kinds = {kind.name: kind.label for kind in policy.workflow.types}
    names = {one.account: show.line(one.account_name) for one in found}
    by_priority = report_sums.kept_by(found, lambda one: one.priority)
    by_type = report_sums.kept_by(found, lambda one: kinds.get(one.type, one.type))
    by_account = report_sums.kept_by(found, lambda one: one.account)
    worst_first = dict(sorted(by_account.items(), key=lambda one: (-one[1].breached, -one[1].kept, one[0])))
    shown = {month: months.get(month, Kept()) for month in _months(sorted(months), asked)}
    return pages.render(
        "sla",
        policy,
        as_of=pages.utc(asked.now),
        account=pages.account_line(asked.account, names),
        period=pages.period(*((min(shown), max(shown)) if shown else ("", ""))),
        tiles=(
            pages.Tile(figure=share(total) or NONE, name="kept"),
            pages.Tile(figure=f"{total.kept:,}", name="targets kept", colour="kept"),
            pages.Tile(figure=f"{total.breached:,}", name="targets breached", colour="breached"),
            pages.Tile(figure=f"{total.open:,}", name="targets open"),
        ),
        chart=_share_chart(shown, total) if total.decided else None,
        average=share(total),
        months=_kept_table("By month", "Month", dict(reversed(shown.items())), total, with_bar=False),
        groups=(
            _kept_table("By priority", "Priority", dict(sorted(by_priority.items())), None),
            _kept_table("By type", "Type", dict(sorted(by_type.items())), None),
        ),
        accounts=_kept_table("By account", "Account", worst_first, total, names),
    )


def _months(found: Sequence[str], asked: SlaQuestion) -> list[str]:
    """All months that the page shows, in order, those included in which nothing was promised."""
    ends = [f"{day:%Y-%m}" for day in (asked.since, asked.until) if day]
    known = sorted([*found, *ends]) if found else []
    shown, day = [], date.fromisoformat(f"{known[0]}-01") if known else None
    while day and f"{day:%Y-%m}" <= known[-1]:
        shown.append(f"{day:%Y-%m}")
        day = (day + timedelta(days=31)).replace(day=1)
    return shown


def _share_chart(shown: Mapping[str, Kept], total: Kept) -> Chart:
    found = [
        Column(
            month,
            (Part(100 * one.kept / one.decided, "kept"), Part(100 * one.breached / one.decided, "breached"))
            if one.decided
            else (),
            f"{month}: {share(one)} kept ({one.kept:,} of {one.decided:,})",
        )
        for month, one in shown.items()
    ]
    return charts.columns(
        "Share kept by month", found, tall=240, ticks=(0, 25, 50, 75, 100), unit=" %", line=total.percent
    )


def _kept_table(
    caption: str,
    head: str,
    of: Mapping[str, Kept],
    total: Kept | None,
    names: Mapping[str, str] | None = None,
    *,
    with_bar: bool = True,
) -> Table:
    most = max((one.decided for one in of.values()), default=0) or 1
    lines = tuple(
        Line(
            name=show.line(name),
            more=names.get(name, "") if names else "",
            cells=_kept_cells(one),
            bar=(Part(100 * one.kept / most, "kept"), Part(100 * one.breached / most, "breached")) if with_bar else (),
        )
        for name, one in of.items()
    )
    foot = Line(name="all", cells=_kept_cells(total)) if total and len(lines) > 1 else None
    columns = ("Kept", "Breached", "Open", "Share")
    return Table(caption=caption, head=head, columns=columns, lines=lines, foot=foot)


def _kept_cells(one: Kept) -> tuple[str, ...]:
    return f"{one.kept:,}", f"{one.breached:,}", f"{one.open:,}", share(one) or NONE
