"""The page of `report load`: what came in and went out by day, and what is open (docs/reports.md)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from gateway.domain.policy import Policy
from gateway.services import report_sums
from gateway.services.report import Age, Figure, LoadQuestion, LoadRow
from gateway.services.report_sums import Work
from gateway.terminal import charts, pages, show
from gateway.terminal.charts import Chart, Column, Part
from gateway.terminal.pages import Line, Table

DAYS_ALONE = 92
"""So many days have columns of their own; of a longer time each column is a week."""

WEEKS_ALONE = 53
"""So many weeks are named by their first day; more, by its month."""


def page(found: Sequence[LoadRow], asked: LoadQuestion, policy: Policy) -> str:
    """The page of `report load`."""
    total = report_sums.work(found)
    names = {one.account: show.line(one.account_name) for one in found}
    spans = _spans(asked)
    first_of = {day: span[0] for span in spans for day in span}
    by_span = report_sums.work_by((one for one in found if one.day), lambda one: first_of[one.day or asked.since])
    shown = {span[0]: by_span.get(span[0], Work()) for span in spans}
    flow = Work(opened=total.opened, answered=total.answered, closed=total.closed)
    return pages.render(
        "load",
        policy,
        as_of=pages.utc(asked.now),
        account=pages.account_line(asked.account, names),
        period=pages.period(asked.since.isoformat(), asked.until.isoformat()),
        tiles=(
            pages.Tile(figure=f"{total.opened:,}", name="cases opened", colour="opened"),
            pages.Tile(figure=f"{total.answered:,}", name="answers sent", colour="answered"),
            pages.Tile(figure=f"{total.closed:,}", name="cases closed", colour="closed"),
            pages.Tile(figure=f"{total.open:,}", name="cases open now", colour="open"),
        ),
        charts=_work_charts(shown, asked) if flow.all else (),
        days=_work_table(
            "By day" if len(spans) == len(first_of) else "By week",
            "Day" if len(spans) == len(first_of) else "Week of",
            {day.isoformat(): one for day, one in reversed(shown.items())},
            flow,
            with_open=False,
        ),
        ages=_age_table(found, total),
        teams=_work_table("By team", "Team", _by_work(report_sums.work_by(found, lambda one: one.team)), None),
        accounts=_work_table(
            "By account", "Account", _by_work(report_sums.work_by(found, lambda one: one.account)), total, names
        ),
    )


def _spans(asked: LoadQuestion) -> list[list[date]]:
    """The days of the page as its columns have them: each alone, or those of a week."""
    days = [asked.since + timedelta(days=place) for place in range((asked.until - asked.since).days + 1)]
    if len(days) <= DAYS_ALONE:
        return [[day] for day in days]
    weeks: dict[date, list[date]] = {}
    for day in days:
        weeks.setdefault(day - timedelta(days=day.weekday()), []).append(day)
    return list(weeks.values())


def _work_charts(shown: Mapping[date, Work], asked: LoadQuestion) -> tuple[Chart, ...]:
    """What was opened, answered and closed, on one scale, so that they compare."""
    is_long = (asked.until - asked.since).days > WEEKS_ALONE * 7
    figures = (Figure.OPENED, Figure.ANSWERED, Figure.CLOSED)
    most = max(getattr(one, figure.value) for one in shown.values() for figure in figures)
    return tuple(
        charts.columns(
            figure.value.capitalize(),
            [
                Column(
                    f"{day:%Y-%m}" if is_long else f"{day:%m-%d}",
                    (Part(getattr(one, figure.value), figure.value),),
                    f"{day}: {getattr(one, figure.value):,} {figure.value}",
                )
                for day, one in shown.items()
            ],
            tall=150,
            ticks=charts.round_ticks(most),
        )
        for figure in figures
    )


def _by_work(of: Mapping[str, Work]) -> dict[str, Work]:
    return dict(sorted(of.items(), key=lambda one: (-one[1].all, one[0])))


def _work_table(
    caption: str,
    head: str,
    of: Mapping[str, Work],
    total: Work | None,
    names: Mapping[str, str] | None = None,
    *,
    with_open: bool = True,
) -> Table:
    most = max((one.open for one in of.values()), default=0) or 1
    lines = tuple(
        Line(
            name=show.line(name),
            more=names.get(name, "") if names else "",
            cells=_work_cells(one, with_open),
            bar=(Part(100 * one.open / most, "open"),) if with_open else (),
        )
        for name, one in of.items()
    )
    foot = Line(name="all", cells=_work_cells(total, with_open)) if total and len(lines) > 1 else None
    columns = ("Opened", "Answered", "Closed", *(("Open",) if with_open else ()))
    return Table(caption=caption, head=head, columns=columns, lines=lines, foot=foot)


def _work_cells(one: Work, with_open: bool) -> tuple[str, ...]:
    figures = (one.opened, one.answered, one.closed, *((one.open,) if with_open else ()))
    return tuple(f"{figure:,}" for figure in figures)


def _age_table(found: Sequence[LoadRow], total: Work) -> Table:
    ages = Counter[Age]()
    for one in found:
        if one.age:
            ages[one.age] += one.count
    most = max(ages.values(), default=0) or 1
    lines = tuple(
        Line(
            name=age.value,
            cells=(f"{ages[age]:,}", f"{100 * ages[age] / total.open:.0f} %"),
            bar=(Part(100 * ages[age] / most, "open"),),
        )
        for age in (Age if total.open else ())
    )
    return Table(caption="Age of open cases", head="Opened", columns=("Cases", "Share"), lines=lines)
