"""The worked examples of `docs/sla.md`, read from the page itself, come out as they were worked out by hand."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest

from gateway import config
from gateway.config.public_holidays import PublicHolidays
from gateway.domain.policy import Policy
from gateway.domain.sla import Clock, clocks
from gateway.domain.sla_file import read_sla
from gateway.domain.toml_lines import Page
from tests.histories import history, moment
from tests.world import settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sla.md"
TEXT = PAGE.read_text(encoding="utf-8")
NAMES = {"response": "first_response", "solution": "solution", "processing": "processing"}


@dataclass(frozen=True, slots=True)
class Example:
    number: int
    calendar: str
    history: str
    now: str
    figures: str
    why: str


def examples() -> list[Example]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line[:1] == "|"]
    return [Example(int(row[0]), *row[1:]) for row in rows if row[0].isdigit()]


@cache
def policy() -> Policy:
    """The shipped rules with the `sla.toml` of the page."""
    shipped = config.load_policy(settings())
    found = re.search(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert found
    page = Page(str(PAGE), found[1])
    priorities = [priority.name for priority in shipped.workflow.priorities]
    rules = read_sla(page, priorities, PublicHolidays(2026))
    assert page.problems == ()
    return replace(shipped, sla=rules)


def spelled(seconds: float) -> str:
    assert seconds % 60 == 0
    return f"{int(seconds // 3600)}:{int(seconds // 60 % 60):02}"


def check(clock: Clock, figure: str, zone: str, today: date) -> None:
    """One figure of an example, such as `used 3:00` or `50 % at 10:30`."""

    def when(text: str) -> datetime:
        return moment(text, zone, today).astimezone(UTC)

    word, _, rest = figure.partition(" ")
    match word:
        case "used":
            assert rest == spelled(clock.used_seconds)
        case "target":
            assert clock.target_seconds is not None
            assert rest == spelled(clock.target_seconds)
        case "due":
            assert (None if rest == "none" else when(rest)) == clock.due_at
        case "met":
            assert when(rest) == clock.met_at
        case "not":
            assert clock.met_at is None
        case "kept" | "breached":
            assert (word == "breached") == clock.breached
        case "round":
            assert int(rest) == clock.round
        case "on":
            assert rest == clock.calendar
        case _:
            level, time = re.fullmatch(r"(\d+) % at (.+)", figure).groups()  # type: ignore[union-attr]  # fails the test
            assert [when(time)] == [reached.due_at for reached in clock.levels if reached.level == int(level)]


@pytest.mark.parametrize("example", examples(), ids=lambda example: str(example.number))
def test_an_example_comes_out_as_written(example: Example) -> None:
    account = None if example.calendar == "none" else example.calendar
    named = policy().sla.calendar_named(account)
    zone = named.zone if named else "UTC"
    events = history(example.history, policy().workflow, zone)
    now = moment(example.now, zone, events[-1].at.astimezone(moment("Thu 1970-01-01 00:00", zone).tzinfo).date())
    found = {clock.name: clock for clock in clocks(events, policy(), account, now.astimezone(UTC))}
    for part in example.figures.split(";"):
        name, _, figures = part.strip().partition(" ")
        if name == "no":
            assert NAMES[figures] not in found
            continue
        for figure in figures.split(", "):
            check(found[NAMES[name]], figure, zone, now.date())


def test_the_examples_are_there() -> None:
    """At least forty, numbered without gaps, each with its reason, and each figure is one that is checked."""
    numbers = [example.number for example in examples()]
    assert [*range(1, len(numbers) + 1)] == numbers
    assert len(numbers) >= 40
    assert all(example.why for example in examples())


def test_the_page_promises_first_responses_as_shipped() -> None:
    """Its targets are those of `rules/sla.toml`, with solutions beside them."""
    shipped = config.load_policy(settings()).sla
    assert shipped.targets == tuple(replace(target, solution=None) for target in policy().sla.targets)
    assert (shipped.levels, shipped.default_calendar) == (policy().sla.levels, policy().sla.default_calendar)
