"""`sla explain`, and the clocks in `case show`: what is due, what was counted and why."""

from datetime import datetime, timedelta

import pytest

from gateway.services.sla_view import ClockView
from gateway.terminal import clock_words, show
from tests.cli.terminal import at_terminal
from tests.cli.typist import ALICE, Typist
from tests.world import START, a_mail

TARGET = ["target_seconds", "due_at", "met_at", "breached"]


@pytest.fixture
def case(desk: Typist, monkeypatch: pytest.MonkeyPatch) -> Typist:
    """Bob asked, as a question; what is printed is as wide as a small terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    desk.mail(a_mail())
    return desk


@pytest.fixture
def urgent(case: Typist) -> Typist:
    """His question is an incident that must be answered within the hour, around the clock."""
    case.do("case", "type", "1001", "incident", "--priority", "P1", *ALICE)
    return case


def under_sla_at(desk: Typist) -> datetime:
    """When the case became an incident."""
    (at,) = [entry["at"] for entry in desk.json("case", "history", "1001") if entry["event"] == "type_changed"]
    return datetime.fromisoformat(at)


def after(desk: Typist, **gap: float) -> str:
    """So long after that, as an agent types it."""
    return f"{under_sla_at(desk) + timedelta(**gap):%Y-%m-%dT%H:%M:%SZ}"


def test_the_json_says_what_each_clock_counted(urgent: Typist) -> None:
    """Whole seconds, and those of the segments are all that was used."""
    found = urgent.json("sla", "explain", "1001", "--at", after(urgent, minutes=30, seconds=1))

    response, processing = found["clocks"]
    named = ["name", "target_seconds", "calendar", "used_seconds", "due_at", "met_at", "breached", "round", "segments"]
    assert (1001, named) == (found["case"], list(response))
    assert ("first_response", 3600, "24x7", None, False, 1) == (
        response["name"], response["target_seconds"], response["calendar"],
        response["met_at"], response["breached"], response["round"],
    )  # fmt: skip
    assert under_sla_at(urgent) + timedelta(hours=1) == datetime.fromisoformat(response["due_at"])
    assert response["used_seconds"] in {1800, 1801}
    (segment,) = response["segments"]
    assert ["from", "to", "turn", "counts", "seconds"] == list(segment)
    assert ("vendor", True, response["used_seconds"]) == (segment["turn"], segment["counts"], segment["seconds"])
    assert (found["at"], "business", None) == (segment["to"], processing["calendar"], processing["target_seconds"])


def test_the_case_says_what_is_promised(urgent: Typist) -> None:
    """In its JSON as CONTRACT names it; the earliest due time stands in its summary."""
    found = urgent.json("case", "show", "1001")

    assert ["first_response", "solution", "processing_seconds"] == list(found["sla"])
    assert TARGET == list(found["sla"]["first_response"])
    assert (None, found["processing_seconds"]) == (found["sla"]["solution"], found["sla"]["processing_seconds"])
    assert found["sla_due_at"] == found["sla"]["first_response"]["due_at"]
    assert "clocks" not in found


def test_a_question_has_no_sla_and_its_time_is_counted(case: Typist) -> None:
    found = case.json("case", "show", "1001")
    assert (None, None, True) == (found["sla"], found["sla_due_at"], isinstance(found["processing_seconds"], int))
    assert ["processing"] == [clock["name"] for clock in case.json("sla", "explain", "1001")["clocks"]]
    head = case.do("case", "show", "1001").partition("──")[0]
    assert "\nSLA " not in head
    assert " on calendar business" in head


def test_the_head_of_a_case_says_what_is_due_and_what_came_in_time(urgent: Typist) -> None:
    due = show.when(under_sla_at(urgent) + timedelta(hours=1))
    assert f"\nSLA       first response due {due}, " in urgent.do("case", "show", "1001")

    urgent.do("case", "reply", "1001", "-m", "Restart it.", *ALICE)

    assert "\nSLA       first response met after 0 min\n" in urgent.do("case", "show", "1001")


def test_a_table_tells_people_at_80_columns(urgent: Typist) -> None:
    """Local times, one line a segment, and what will be if nothing happens."""
    out = urgent.do("sla", "explain", "1001", "--at", after(urgent, hours=3, seconds=1))

    lines = out.splitlines()
    begun = under_sla_at(urgent)
    assert f"case 1001 as of {show.when(begun + timedelta(hours=3, seconds=1))}" == lines[0]
    due = show.when(begun + timedelta(hours=1))
    head = f"first response: BREACHED by 2 h, was due {due} · 3 h of 1 h used on calendar 24x7"
    assert head == " ".join(lines[2 : lines.index(next(line for line in lines if line.startswith("From")))])
    assert ["From", "To", "Turn", "Counts", "Time"] == lines[4].split()
    assert ["vendor", "yes", "3", "h"] == lines[5].split()[4:]
    assert lines[7].startswith("processing: ")
    assert [] == [line for line in lines if show.cells_of(line) > 80]


def test_as_of_a_time_what_came_later_is_not_known(urgent: Typist) -> None:
    """And before the case was opened there is nothing to say."""
    urgent.do("case", "reply", "1001", "-m", "Restart it.", *ALICE)
    opened = datetime.fromisoformat(urgent.json("case", "history", "1001")[0]["at"])

    now, *_ = urgent.json("sla", "explain", "1001")["clocks"]
    then = urgent.json("sla", "explain", "1001", "--at", "9000-01-01")["clocks"][0]
    early = urgent("sla", "explain", "1001", "--at", f"{opened - timedelta(seconds=2):%Y-%m-%dT%H:%M:%SZ}")

    assert now["met_at"] is not None
    assert (now["met_at"], now["used_seconds"]) == (then["met_at"], then["used_seconds"])
    assert (1, f"casegate: case 1001 was opened {opened:%Y-%m-%d %H:%M:%S} UTC; nothing is counted before that\n") == (
        early.code,
        early.err,
    )


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("4711",), 1, "there is no case 4711"),
        (("4711", "--at", "2026-12-01"), 1, "there is no case 4711"),
        (("1001", "--at", "soon"), 2, "'soon' is no time; write it as "),
    ],
)
def test_what_is_not_there_is_told_in_a_line(case: Typist, words: tuple[str, ...], code: int, told: str) -> None:
    said = case("sla", "explain", *words)
    assert (code, "", True) == (said.code, said.out, told in said.err)
    assert 1 == said.err.count("\n")


def test_at_a_terminal_what_is_late_is_red(urgent: Typist) -> None:
    words = ("sla", "explain", "1001", "--at", after(urgent, hours=2, seconds=1))
    with at_terminal(urgent.config, *words, columns=120) as screen:
        assert 0 == screen.read_to_end()
    assert "\x1b[1;31mfirst response: BREACHED by 1 h" in screen.seen


def a_clock(**more: object) -> ClockView:
    given = {
        "name": "first_response", "target_seconds": 3600, "calendar": "24x7", "used_seconds": 1500, "due_at": None,
        "met_at": None, "breached": False, "round": 1, "segments": (),
    }  # fmt: skip
    return ClockView(**{**given, **more})  # type: ignore[arg-type]  # names and values as the tests give them


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        (a_clock(due_at=START), f"due {show.when(START)}, 35 min left"),
        (a_clock(), "stands still, 35 min left"),
        (a_clock(met_at=START, used_seconds=720), "met after 12 min"),
        (a_clock(met_at=START, used_seconds=7200, breached=True), "met after 2 h, BREACHED: 1 h promised"),
        (a_clock(due_at=START, used_seconds=10_800, breached=True), f"BREACHED by 2 h, was due {show.when(START)}"),
        (a_clock(used_seconds=10_800, breached=True), "BREACHED by 2 h, stands still"),
        (a_clock(target_seconds=None, used_seconds=12_000, calendar="business"), "3 h 20 min on calendar business"),
    ],
)
def test_each_stand_of_a_clock_has_its_words(clock: ClockView, said: str) -> None:
    """Without colour too."""
    assert said == clock_words.stand(clock)
