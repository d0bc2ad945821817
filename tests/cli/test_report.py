"""`report sla` and `report load`: tables, JSON, CSV without formulas, and pages that a real browser shows."""

import csv
import io
import os
import pty
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from gateway.domain.model import Account
from gateway.services.report import Age, Figure, LoadQuestion, LoadRow, SlaQuestion, SlaRow
from gateway.store import people
from gateway.store.db import Database
from gateway.terminal import charts, load_page, show, sla_page, spreadsheet
from tests.browser import Browser
from tests.cli.terminal import at_terminal
from tests.cli.typist import ALICE, Typist
from tests.world import a_mail, settings

MONTH, TODAY = f"{datetime.now(UTC):%Y-%m}", datetime.now(UTC).date()  # noqa: TID251  # the commands' own clock
SLA = [
    "account", "type", "priority", "month", "kept", "breached", "open",
    "first_response_kept", "first_response_breached", "solution_kept", "solution_breached", "account_name",
]  # fmt: skip
LOAD = ["figure", "day", "age", "account", "team", "count", "account_name"]
HOSTILE = '<script>alert(1)</script><img src="http://evil.example/x">'
BOMBS = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "\uff1d1"]


@pytest.fixture
def worked(desk: Typist, monkeypatch: pytest.MonkeyPatch) -> Typist:
    """One incident answered, one that waits, and a question."""
    monkeypatch.setenv("COLUMNS", "100")
    for place in range(3):
        desk.mail(a_mail(message_id=f"<{place}@customer.example>", body=f"No. {place}"))
    for number in ("1001", "1002"):
        desk.do("case", "type", number, "incident", "--priority", "P1", *ALICE)
    desk.do("case", "reply", "1001", "-m", "Restart it.", *ALICE)
    return desk


def in_hours(hours: int) -> str:
    return f"{datetime.now(UTC) + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"  # noqa: TID251  # as above


def cells(line: str) -> list[str]:
    """A line of a table as its cells."""
    return re.split(r"\s{2,}", line.strip())


def test_the_json_of_sla_has_the_fields_that_scripts_rely_on(worked: Typist) -> None:
    """One kept and one open now; in two hours that one is breached."""
    (row,) = worked.json("report", "sla")
    assert SLA == list(row)
    assert {
        "account": "EX-1",
        "type": "incident",
        "priority": "P1",
        "month": MONTH,
        "kept": 1,
        "breached": 0,
    }.items() <= (row.items())
    assert (1, 1, "Example Ltd") == (row["open"], row["first_response_kept"], row["account_name"])
    (row,) = worked.json("report", "sla", "--at", in_hours(2))
    assert (1, 1, 0) == (row["kept"], row["breached"], row["open"])


def test_the_table_of_sla_has_shares_and_a_sum(worked: Typist) -> None:
    worked.do("case", "type", "1003", "task", *ALICE)
    lines = worked.do("report", "sla", "--at", in_hours(2)).splitlines()

    assert ["Account", "Month", "Type", "Prio", "Kept", "Breached", "Open", "Share kept"] == cells(lines[0])
    assert ["EX-1", MONTH, "incident", "P1", "1", "1", "0", "50.0 %"] == cells(lines[1])
    assert ["EX-1", MONTH, "task", "P4", "0", "0", "1"] == cells(lines[2])
    assert ["all", "1", "1", "1", "50.0 %"] == cells(lines[3])
    assert 4 == len(lines)


def test_the_json_of_load_has_one_kind_of_row(worked: Typist) -> None:
    found = worked.json("report", "load", "--account", "EX-1")

    assert {tuple(LOAD)} == {tuple(row) for row in found}
    today = TODAY.isoformat()
    assert [
        ("opened", today, None, 3),
        ("answered", today, None, 1),
        ("open", None, "under 1 day", 3),
    ] == [(row["figure"], row["day"], row["age"], row["count"]) for row in found]
    assert {("EX-1", "first_level", "Example Ltd")} == {
        (row["account"], row["team"], row["account_name"]) for row in found
    }


def test_the_tables_of_load(worked: Typist) -> None:
    worked.do("case", "resolve", "1003", *ALICE)
    blocks = [block.splitlines() for block in worked.do("report", "load").split("\n\n")]

    day, team, account, ages = ([cells(line) for line in block] for block in blocks)
    assert [["Day", "Opened", "Answered", "Closed"], [TODAY.isoformat(), "3", "1", "1"]] == day
    assert [["Team", "Opened", "Answered", "Closed", "Open now"], ["first_level", "3", "1", "1", "2"]] == team
    assert [["Account", "Opened", "Answered", "Closed", "Open now"], ["EX-1", "3", "1", "1", "2"]] == account
    assert [["Age of open cases", "Cases"], ["under 1 day", "2"]] == ages


@pytest.mark.parametrize(
    ("words", "told", "page"),
    [
        (("report", "sla"), "nothing was promised: no case of that time is under the SLA\n", "Nothing was promised"),
        (("report", "load"), "nothing happened in that time, and nothing is open\n", "Nothing was opened, answered"),
    ],
)
def test_nothing_is_told_kindly(desk: Typist, tmp_path: Path, words: tuple[str, ...], told: str, page: str) -> None:
    """An empty list, a head without rows, and a page that says so."""
    assert told == desk.do(*words)
    assert [] == desk.json(*words)
    assert 1 == desk.do(*words, "--csv").count("\r\n")
    desk.do(*words, "--html", str(tmp_path / "page.html"))
    assert page in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("sla", "--at", "soon"), 2, "'soon' is no time; write it as "),
        (("sla", "--since", "2026"), 2, "'2026' is no month; write it as 2026-12"),
        (("sla", "--until", "2026-13"), 2, "'2026-13' is no month"),
        (("sla", "--until", "9999-12"), 2, "'9999-12' is no month"),
        (("sla", "--since", "2026-02", "--until", "2026-01"), 2, "--since is later than --until"),
        (("sla", "--json", "--csv"), 2, "--json, --csv and --html are three ways to print; name one"),
        (("load", "--csv", "--html", "x.html"), 2, "name one"),
        (("sla", "--account", "NO-1"), 1, "there is no account NO-1"),
        (("sla", "--account", "NO-1", "--at", "2026-12-01"), 1, "there is no account NO-1"),
        (("load", "--account", "NO-1"), 1, "there is no account NO-1"),
        (("load", "--since", "2026-02-30"), 2, "'2026-02-30' is no day; write it as 2026-12-01"),
        (("load", "--since", "yesterday"), 2, "'yesterday' is no day"),
        (("load", "--since", "2026-02-01", "--days", "3"), 2, "leave one out"),
        (("load", "--since", "2026-02-02", "--until", "2026-02-01"), 2, "--since is later than --until"),
        (("load", "--days", "0"), 2, "--days"),
        (("load", "--html", "no/such/folder/x.html"), 1, "No such file or directory; nothing was written"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(desk: Typist, words: tuple[str, ...], code: int, told: str) -> None:
    said = desk("report", *words)
    assert (code, "", True) == (said.code, said.out, told in said.err)
    assert 1 == said.err.count("\n")


def test_a_time_without_a_zone_is_that_of_the_account_or_of_the_default_calendar(worked: Typist) -> None:
    """What happened an hour ago in UTC is long past in Auckland."""
    worked.do("account", "add", "Far Ltd", "--number", "FAR-1", "--timezone", "Pacific/Auckland")
    worked.do("contact", "add", "far@far.example", "--account", "FAR-1", "--name", "Far")
    worked.do(
        "case", "open", "--for", "far@far.example", "--type", "incident", "--priority", "P1", "-m", "It broke.", *ALICE
    )
    at = f"{datetime.now(UTC) + timedelta(minutes=5):%Y-%m-%d %H:%M}"  # noqa: TID251  # the commands' own clock

    assert 2 == len(worked.json("report", "sla", "--at", at))
    assert [] == worked.json("report", "sla", "--account", "FAR-1", "--at", at)


def add_accounts(desk: Typist, *names: str) -> None:
    """Accounts of these names, each with a case; the command that adds them would not take them all."""
    database = Database(f"sqlite:///{desk.config.parent}/casegate.db")
    with database.begin() as tx:
        for place, name in enumerate(names):
            people.add_account(tx, Account(number=f"N-{place}", name=name), pin_hash=None)
    database.close()
    for place in range(len(names)):
        desk.do("contact", "add", f"{place}@n.example", "--account", f"N-{place}", "--name", "N")
        desk.do("case", "open", "--for", f"{place}@n.example", "--type", "task", "-m", "Please.", *ALICE)


@pytest.mark.parametrize("kind", ["sla", "load"])
def test_csv_has_no_formula(desk: Typist, kind: str) -> None:
    """Cells of people that a spreadsheet would run begin with an apostrophe; numbers stay numbers."""
    add_accounts(desk, *BOMBS, 'A "quoted", name\nof two lines', "\x1b]0;x\x07")
    out = desk.do("report", kind, "--csv")

    head, *rows = csv.reader(io.StringIO(out, newline=""))
    assert (SLA if kind == "sla" else LOAD) == head
    names = {row[head.index("account")]: row[head.index("account_name")] for row in rows}
    assert {
        "N-0": "'=1+1", "N-1": "'+1", "N-2": "'-1", "N-3": "'@x", "N-4": "'=1", "N-5": "'=1", "N-6": "' =1",
        "N-7": "'\uff1d1", "N-8": 'A "quoted", name of two lines', "N-9": r"\x1b]0;x\x07",
    } == names  # fmt: skip
    counts = [row[head.index("open" if kind == "sla" else "count")] for row in rows]
    assert {"1"} == set(counts)
    assert out.endswith("\r\n")
    assert out.count("\n") == out.count("\r\n") == len(rows) + 1


@pytest.mark.parametrize(
    ("value", "expected"), [(-5, -5), (None, None), ("-5", "'-5"), ("a=1", "a=1"), ("", ""), ("'=1", "'=1")]
)
def test_a_number_of_ours_is_no_text(value: spreadsheet.Cell, expected: spreadsheet.Cell) -> None:
    assert expected == spreadsheet.safe(value)


@pytest.mark.parametrize("kind", ["sla", "load"])
def test_a_page_has_names_only_as_text(desk: Typist, tmp_path: Path, kind: str) -> None:
    """Nothing in it runs or is fetched from anywhere; escape sequences are visible."""
    add_accounts(desk, HOSTILE, "'\"><svg onload=alert(1)>", "{{ 7*7 }}", "\x1b[2J\u202egnp")
    page = tmp_path / "page.html"
    assert f"written to {page}\n" == desk.do("report", kind, "--html", str(page))

    text = page.read_text(encoding="utf-8")
    tree = LexborHTMLParser(text)
    assert [] == tree.css("script, img, link, iframe, object, embed, form, base, foreignObject")
    attributes = {name for node in tree.css("*") for name in node.attributes}
    assert set() == attributes & {"src", "href", "srcset", "action", "data", "xlink:href", "onload", "onerror"}
    assert None is re.search(r"url\(|@import|http://(?!evil\.example)|https://", text)
    shown = [node.text() for node in tree.css("tbody small")]
    assert sorted([HOSTILE, "'\"><svg onload=alert(1)>", "{{ 7*7 }}", r"\x1b[2J\u202egnp"]) == sorted(shown)
    title = "Service levels · Acme" if kind == "sla" else "Work load · Acme"
    assert [title] == [node.text() for node in tree.css("head title")]
    assert len(tree.css("th")) == len(tree.css("th[scope]"))
    assert all(node.css_first("caption") for node in tree.css("table"))


def test_a_page_of_one_account_names_it(worked: Typist, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    worked.do("report", "sla", "--account", "EX-1", "--html", str(page))
    assert "EX-1 · Example Ltd · " in page.read_text()


def test_a_page_takes_the_place_of_a_file_whole_and_with_its_rights(worked: Typist, tmp_path: Path) -> None:
    """A new one is its owner's only; a link leads to the file that is replaced; nothing else is left behind."""
    page, link = tmp_path / "out" / "page.html", tmp_path / "link.html"
    page.parent.mkdir()
    worked.do("report", "load", "--html", str(page))
    assert 0o600 == stat.S_IMODE(page.stat().st_mode)
    page.write_text("old")
    page.chmod(0o644)
    link.symlink_to(page)

    worked.do("report", "load", "--html", str(link))

    assert (0o644, True) == (stat.S_IMODE(page.stat().st_mode), page.read_text().startswith("<!DOCTYPE html>"))
    assert (True, [page]) == (link.is_symlink(), [*page.parent.iterdir()])
    said = worked("report", "load", "--html", str(tmp_path))
    assert (1, True) == (said.code, "nothing was written" in said.err)


def test_a_device_is_written_to_and_stays(worked: Typist) -> None:
    worked.do("report", "load", "--html", "/dev/null")
    assert Path("/dev/null").is_char_device()


def test_at_a_terminal_a_table_fits(worked: Typist) -> None:
    """And no bar is left of work that took no time."""
    with at_terminal(worked.config, "report", "sla", columns=80) as screen:
        assert 0 == screen.read_to_end()
    lines = screen.seen.replace("\r", "").splitlines()
    assert [] == [line for line in lines if show.cells_of(re.sub(r"\x1b\[[\d;]*m", "", line)) > 80]
    assert "reading" not in screen.seen


NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def many_targets(accounts: int, months: int) -> Iterator[SlaRow]:
    """So many accounts with long names, over so many months."""
    for account in range(accounts):
        for place in range(months):
            year, month = divmod(2026 * 12 + 10 - place, 12)
            yield SlaRow(
                account=f"ACME-{account}", account_name="Donaudampfschifffahrtsgesellschaft" * 3, type="hosting_incident",
                priority=f"P{account % 4 + 1}", month=f"{year}-{month + 1:02}", kept=9_000 + place, breached=account % 7,
                open=1, first_response_kept=9_000, first_response_breached=0, solution_kept=0, solution_breached=0,
            )  # fmt: skip


def much_work(accounts: int, days: int) -> Iterator[LoadRow]:
    for account in range(accounts):
        who = {
            "account": f"ACME-{account}",
            "account_name": "Donaudampfschifffahrtsgesellschaft" * 3,
            "team": f"t{account}",
        }
        for place in range(days):
            day = NOW.date() - timedelta(days=place)
            for figure in (Figure.OPENED, Figure.ANSWERED, Figure.CLOSED):
                yield LoadRow(figure=figure, day=day, age=None, count=1_000 + place, **who)
        for age in Age:
            yield LoadRow(figure=Figure.OPEN, day=None, age=age, count=70, **who)


@pytest.fixture(scope="module", params=[(0, 0), (1, 1), (40, 36)], ids=["nothing", "one", "much"])
def pages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, int]]:
    """The page of each report with little and with much in it, and how many boxes its charts have."""
    from gateway import config

    accounts, months = request.param
    folder, policy = tmp_path_factory.mktemp("pages"), config.load_policy(settings(), reads_mail=False)
    sla, load = folder / "sla.html", folder / "load.html"
    sla.write_text(sla_page.page([*many_targets(accounts, months)], SlaQuestion(now=NOW), policy))
    asked = LoadQuestion(now=NOW, since=NOW.date() - timedelta(days=29), until=NOW.date())
    load.write_text(load_page.page([*much_work(accounts, 30 if accounts else 0)], asked, policy))
    return {"sla": (sla, months * (2 if accounts > 1 else 1)), "load": (load, 90 if accounts else 0)}


SEEN = """(() => {
  const root = document.documentElement, boxes = [...document.querySelectorAll('.field rect')];
  const tall = boxes.map(box => box.getBoundingClientRect().height);
  return {room: innerWidth, fits: root.scrollWidth <= innerWidth, scripts: document.scripts.length,
    columns: boxes.length, drawn: Math.max(0, ...tall) > 100, ground: getComputedStyle(document.body).backgroundColor};
})()"""


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["sla", "load"])
@pytest.mark.parametrize(("width", "dark"), [(360, False), (1200, True)], ids=["narrow", "wide and dark"])
def test_a_browser_shows_it_at_any_width_and_asks_nobody(
    pages: dict[str, tuple[Path, int]], kind: str, width: int, dark: bool, browser: Browser
) -> None:
    """Nothing sticks out to the right, nothing is fetched; columns are drawn; night and day have their colours."""
    page, columns = pages[kind]
    browser.wear(width=width, dark=dark)
    browser.show(page.read_text(encoding="utf-8"))
    ground = "rgb(15, 20, 27)" if dark else "rgb(245, 246, 248)"
    expected = {"room": width, "fits": True, "scripts": 0, "columns": columns, "drawn": bool(columns), "ground": ground}
    assert expected == browser.ask(SEEN)
    assert [] == browser.fetched


@pytest.mark.parametrize(
    ("most", "ticks"),
    [(0, (0, 1)), (1, (0, 1)), (5, (0, 1, 2, 3, 4, 5)), (6, (0, 2, 4, 6)), (99, (0, 20, 40, 60, 80, 100))],
)
def test_ticks_are_round_and_reach_the_top(most: int, ticks: tuple[int, ...]) -> None:
    assert ticks == charts.round_ticks(most)


def test_columns_stand_side_by_side_and_parts_on_each_other() -> None:
    """Percent across, pixels down; a label under the last column, and only as many as have room."""
    found = charts.columns(
        "Two",
        [
            charts.Column("a", (charts.Part(75, "kept"), charts.Part(25, "breached")), "a: 75 %"),
            charts.Column("b", (), "b"),
        ],
        tall=100,
        ticks=(0, 50, 100),
        line=50,
    )
    assert [(20.5, 9, 35, 75, "kept"), (20.5, 9, 10, 25, "breached")] == [
        (box.x, box.width, box.y, box.height, box.colour) for box in found.boxes
    ]
    assert [(110, "0"), (60, "50"), (10, "100")] == [(mark.place, mark.text) for mark in found.up]
    assert ([(25, "a"), (75, "b")], 60) == ([(mark.place, mark.text) for mark in found.across], found.line)
    many = charts.columns("Many", [charts.Column("2026-01", (), "")] * 36, tall=100, ticks=(0, 1)).across
    assert (8, 4, True) == (len(many), sum(mark.also_narrow for mark in many), many[-1].also_narrow)


BUSY = """
import time
from gateway.terminal.progress import MOMENT, progress
with progress("reading histories") as tell:
    end = time.monotonic() + 2 * MOMENT
    while time.monotonic() < end:
        tell(1, 2)
"""


def test_long_work_shows_a_bar_to_who_reads_along_and_to_nobody_else() -> None:
    """On stderr, and it is gone at the end."""
    outside, inside = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    done = subprocess.run([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, stderr=inside, env=env, check=True)
    os.close(inside)
    seen = os.read(outside, 1_000_000).decode()
    os.close(outside)
    assert ("reading histories" in seen, True, b"") == (True, seen.endswith("\x1b[2K"), done.stdout)

    quiet = subprocess.run([sys.executable, "-c", BUSY], capture_output=True, check=True)
    assert (b"", b"") == (quiet.stdout, quiet.stderr)
