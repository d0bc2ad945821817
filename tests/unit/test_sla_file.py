"""`sla.toml` is read as its comments say, and every mistake in it is told with file, line and a way to mend it."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gateway.config import check_rules
from gateway.config.public_holidays import PublicHolidays
from gateway.domain.calendars import Hours
from gateway.domain.sla_file import read_sla
from gateway.domain.targets import SlaRules, Span, Target, Unit
from gateway.domain.toml_lines import Page
from gateway.resources import data_dir

BOOK = PublicHolidays(2026)
PRIORITIES = ("P1", "P2", "P3", "P4")

HEAD = 'default_calendar = "c"\nlevels = [50]\n[[calendar]]\nname = "c"\n'
OFFICE = HEAD + 'zone = "Europe/Berlin"\ndays = ["mon"]\nhours = ["09:00-17:00"]\n'
ALWAYS = HEAD + "always = true\n"
BACKWARD = "ends before it begins; hours past midnight are two: 22:00-24:00, 00:00-06:00"
OWN_FILE = "a set with priorities of its own has its own sla.toml, beside its workflow.toml"
NO_SPAN = 'is no span such as "30m", "4h" or "2d" (business days), at most 9999'
UNKNOWN_KEY = "unknown key; possible: always, closed, country, day_hours, days, hours, name, region, zone"
TARGET = '[[target]]\npriority = "P1"\ncalendar = "c"\n'


def read(text: str, priorities: tuple[str, ...] = PRIORITIES) -> tuple[SlaRules, tuple[str, ...]]:
    page = Page("sla.toml", text)
    return read_sla(page, priorities, BOOK), page.problems


def good(text: str) -> SlaRules:
    rules, problems = read(text)
    assert problems == ()
    return rules


def test_the_shipped_file_promises_what_the_spec_says() -> None:
    """SPEC section 6: P1 1 h and P2 4 h on 24x7, P3 one and P4 two business days of 8 h; no solution targets."""
    rules = good((data_dir("rules") / "sla.toml").read_text(encoding="utf-8"))
    expected = [("P1", "24x7", 1), ("P2", "24x7", 4), ("P3", "business", 8), ("P4", "business", 16)]
    told = [
        (target.priority, target.calendar.name, target.first_response.on(target.calendar) / timedelta(hours=1))
        for target in rules.targets
        if target.first_response
    ]
    assert expected == told
    assert {None} == {target.solution for target in rules.targets}
    assert ((50, 75, 100), "business") == (rules.levels, rules.default_calendar.name)
    business = rules.default_calendar
    assert ((Hours(540, 1020),),) * 5 + ((),) * 2 == business.hours
    assert ("UTC", frozenset(), 8 * 3600) == (business.zone, business.closed, business.day_seconds)


def test_a_calendar_says_when_it_is_open() -> None:
    text = HEAD + (
        'zone = "Asia/Kolkata"\ndays = ["sat", "mon"]\nhours = ["13:00 - 24:00", "8:30-12:15"]\nday_hours = 7.5\n'
        "closed = [2026-12-24]\n"
    )
    calendar = good(text).default_calendar
    hours = (Hours(510, 735), Hours(780, 1440))
    assert (hours, (), (), (), (), hours, ()) == calendar.hours
    assert ("Asia/Kolkata", 27_000, frozenset({date(2026, 12, 24)})) == (
        calendar.zone,
        calendar.day_seconds,
        calendar.closed,
    )


def test_a_day_is_as_long_as_it_is_open_where_nothing_else_is_said() -> None:
    assert 8 * 3600 == good(OFFICE).default_calendar.day_seconds
    assert 24 * 3600 == good(ALWAYS).default_calendar.day_seconds


def test_hours_that_meet_do_not_overlap() -> None:
    text = HEAD + 'zone = "UTC"\ndays = ["mon"]\nhours = ["09:00-12:00", "12:00-17:00"]\n'
    assert 8 * 3600 == good(text).default_calendar.day_seconds


def test_public_holidays_are_plain_dates_beside_own_closing_days() -> None:
    """For ten years back and five ahead; the region's own with those of the country."""
    closed = good(OFFICE + 'country = "DE"\nregion = "BE"\nclosed = [2026-12-24]\n').default_calendar.closed
    assert {date(2026, 12, 24), date(2027, 3, 8), date(2016, 1, 1), date(2031, 12, 26)} <= closed
    assert {2016, 2031} == {min(day.year for day in closed), max(day.year for day in closed)}
    everywhere = good(OFFICE + 'country = "DE"\n').default_calendar.closed
    assert date(2027, 3, 8) not in everywhere
    assert date(2026, 12, 25) in everywhere


def test_a_holiday_on_a_weekend_is_moved_where_the_country_moves_it() -> None:
    assert date(2026, 7, 3) in BOOK.dates("US", None)


def test_targets_are_spans_on_calendars() -> None:
    rules = good(ALWAYS + TARGET + 'first_response = "30m"\nsolution = "2d"\n')
    expected = Target(
        priority="P1", calendar=rules.calendars[0], first_response=Span(30, Unit.MINUTE), solution=Span(2, Unit.DAY)
    )
    assert (expected,) == rules.targets
    assert (expected, None, None) == tuple(rules.target_of(name) for name in ("P1", "P2", None))


def test_there_may_be_no_targets_no_levels_and_no_priorities() -> None:
    text = 'default_calendar = "c"\nlevels = []\n[[calendar]]\nname = "c"\nalways = true\n'
    assert ((), ()) == ((rules := good(text)).targets, rules.levels)
    assert () == read(ALWAYS + TARGET + 'first_response = "1h"\n', ())[1]


def test_levels_rise() -> None:
    assert (50, 75, 100) == good(ALWAYS.replace("[50]", "[100, 50, 75]")).levels


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD + 'zone = "UTC"\nhours = ["09:00-17:00"]\n', "3: [[calendar]] days: missing"),
        (HEAD + 'zone = "UTC"\ndays = ["mon"]\n', "3: [[calendar]] hours: missing"),
        (OFFICE.replace('["09:00-17:00"]', "[]"), "7: [[calendar]] hours: it never opens"),
        (OFFICE.replace('["mon"]', "[]"), "6: [[calendar]] days: without a day it never opens"),
        (OFFICE.replace('"mon"', '"monday"'), '6: [[calendar]] days: unknown name "monday"; did you mean mon?'),
        (OFFICE.replace('"mon"', '"mon", "mon"'), '6: [[calendar]] days: "mon" is named twice'),
        (
            OFFICE.replace("Europe/Berlin", "Europe/Berln"),
            '5: [[calendar]] zone: there is no time zone "Europe/Berln"; did you mean Europe/Berlin?',
        ),
        (
            OFFICE.replace("Europe/Berlin", "../x"),
            '5: [[calendar]] zone: there is no time zone "../x"; it has a name such as Europe/Berlin',
        ),
        (HEAD + 'days = ["mon"]\nhours = ["09:00-17:00"]\n', "3: [[calendar]] zone: missing"),
        (
            OFFICE + 'country = "Germany"\n',
            '8: [[calendar]] country: no holidays are known of a country "Germany"; countries have codes such as DE',
        ),
        (
            OFFICE + 'country = "DE"\nregion = "BER"\n',
            '9: [[calendar]] region: unknown name "BER"; did you mean BE?',
        ),
        (OFFICE + 'region = "BE"\n', "8: [[calendar]] region: is a region of which country? country is missing"),
        (
            OFFICE.replace("09:00-17:00", "17:00-09:00"),
            f'7: [[calendar]] hours: "17:00-09:00" {BACKWARD}',
        ),
        (
            OFFICE.replace("09:00-17:00", "09:00-24:01"),
            '7: [[calendar]] hours: "09:00-24:01" are no hours such as "09:00-17:00"; a day ends at 24:00',
        ),
        (
            OFFICE.replace("09:00-17:00", "09:60-17:00"),
            '7: [[calendar]] hours: "09:60-17:00" are no hours such as "09:00-17:00"; a day ends at 24:00',
        ),
        (
            OFFICE.replace("09:00-17:00", "9 to 5"),
            '7: [[calendar]] hours: "9 to 5" are no hours such as "09:00-17:00"; a day ends at 24:00',
        ),
        (
            OFFICE.replace('"09:00-17:00"', '"12:00-17:00", "09:00-12:30"'),
            "7: [[calendar]] hours: 12:00 lies in hours that end at 12:30",
        ),
        (OFFICE + "day_hours = 0\n", "8: [[calendar]] day_hours: must be a number of hours up to 24, such as 8 or 7.5"),
        (
            OFFICE + "day_hours = true\n",
            "8: [[calendar]] day_hours: must be a number of hours up to 24, such as 8 or 7.5",
        ),
        (
            OFFICE + "day_hours = nan\n",
            "8: [[calendar]] day_hours: must be a number of hours up to 24, such as 8 or 7.5",
        ),
        (
            OFFICE + 'closed = ["2026-12-24"]\n',
            '8: [[calendar]] closed: "2026-12-24" is no date without quotes, such as 2026-12-24',
        ),
        (OFFICE + "closed = [2026-12-24, 2026-12-24]\n", "8: [[calendar]] closed: 2026-12-24 is named twice"),
        (
            OFFICE + "closed = 2026-12-24\n",
            "8: [[calendar]] closed: must be a list of dates without quotes, such as [2026-12-24]",
        ),
        (
            ALWAYS + 'zone = "UTC"\n',
            "6: [[calendar]] zone: says nothing of a calendar that is always open; always = true stands here",
        ),
        (ALWAYS + '[[calendar]]\nname = "c"\nalways = true\n', '7: [[calendar]] name: "c" stands already in line 4'),
        (ALWAYS + "zzz = 1\n", f"6: [[calendar]] zzz: {UNKNOWN_KEY}"),
        (
            ALWAYS.replace("[50]", "[0]"),
            "2: levels: 0 is no percent from 1 to 100",
        ),
        (ALWAYS.replace("[50]", "[101]"), "2: levels: 101 is no percent from 1 to 100"),
        (ALWAYS.replace("[50]", '["50"]'), '2: levels: "50" is no percent from 1 to 100'),
        (ALWAYS.replace("[50]", "[true]"), "2: levels: True is no percent from 1 to 100"),
        (ALWAYS.replace("[50]", "[50, 50]"), "2: levels: 50 is named twice"),
        (ALWAYS.replace("[50]", "50"), "2: levels: must be a list of percents, such as [50, 75, 100]"),
        (
            ALWAYS.replace('default_calendar = "c"', 'default_calendar = "cc"'),
            '1: default_calendar: unknown name "cc"; did you mean c?',
        ),
        (
            ALWAYS + TARGET.replace('"c"', '"d"') + 'first_response = "1h"\n',
            '8: [[target]] calendar: unknown name "d"; possible: c',
        ),
        (
            ALWAYS + TARGET.replace("P1", "P9") + 'first_response = "1h"\n',
            f'7: [[target]] priority: the rule set has no priority "P9", only P1, P2, P3, P4; {OWN_FILE}',
        ),
        (
            ALWAYS + (TARGET + 'first_response = "1h"\n') * 2,
            '11: [[target]] priority: "P1" stands already in line 7',
        ),
        (
            ALWAYS + TARGET,
            "6: [[target]] first_response: this promises nothing; a priority without a target is not named at all",
        ),
        *(
            (
                ALWAYS + TARGET + f'first_response = "{span}"\n',
                f'9: [[target]] first_response: "{span}" {NO_SPAN}',
            )
            for span in ("1", "0h", "1.5h", "1w", "-1h", "10000d", "1 h")
        ),
        (ALWAYS + TARGET + "first_response = 1\n", '9: [[target]] first_response: must be text in quotes, such as "…"'),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, problem: str) -> None:
    assert (f"sla.toml:{problem}",) == read(text)[1]


@pytest.mark.parametrize("zone", ["Europe", "/etc/passwd", "Europe/Berlin/", "\\u0000", "europe/berlin"])
def test_what_is_no_zone_is_told_whatever_it_is(zone: str) -> None:
    """Also the name of a folder of zones, a path, or what no file can be called."""
    (problem,) = read(OFFICE.replace("Europe/Berlin", zone))[1]
    assert problem.startswith("sla.toml:5: [[calendar]] zone: there is no time zone ")


def test_a_file_without_calendars_has_no_default_either() -> None:
    expected = (
        "sla.toml:1: default_calendar: missing",
        "sla.toml:1: calendar: must be tables, each [[calendar]]",
        "sla.toml:1: levels: missing",
    )
    assert sorted(expected) == sorted(read("")[1])


def test_all_mistakes_are_told_at_once() -> None:
    text = OFFICE.replace("[50]", "[500]").replace("Berlin", "Berln") + TARGET + 'solution = "soon"\n'
    assert [2, 5, 11] == [int(problem.split(":")[1]) for problem in read(text)[1]]


def test_a_set_has_its_own_file(tmp_path: Path) -> None:
    """A copy beside workflow.toml counts instead of the shared one, and is checked with it."""
    workflow = (data_dir("rules") / "tracker" / "workflow.toml").read_text(encoding="utf-8")
    (tmp_path / "workflow.toml").write_text(workflow, encoding="utf-8")
    assert () == check_rules(tmp_path, None)
    (tmp_path / "sla.toml").write_text(OFFICE.replace("Berlin", "Berln"), encoding="utf-8")
    (problem,) = check_rules(tmp_path, None)
    assert problem.startswith(f"{tmp_path}/sla.toml:5: [[calendar]] zone: there is no time zone")


def test_holidays_are_those_of_the_years_around_the_reading() -> None:
    """Whoever reads the rules next year has them for a year more."""
    this_year = datetime(2027, 1, 1, tzinfo=UTC).year
    assert date(2032, 12, 25) in PublicHolidays(this_year).dates("DE", None)
    assert date(2032, 12, 25) not in BOOK.dates("DE", None)
