"""`rules check`, `rules show`, `rules graph`: what is in force, what is wrong with it, and how it looks."""

import re
import shutil
from pathlib import Path

import pytest

from gateway.resources import data_dir
from tests.cli.typist import Typist, run

ROOT = Path(__file__).resolve().parents[2]
SETS = ("tracker", "production_support")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without any gateway."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CASEGATE_CONFIG", raising=False)
    return tmp_path


def test_show_prints_the_kinds_as_they_are_in_the_file(desk: Typist) -> None:
    found = desk.json("rules", "show")
    error = next(kind for kind in found["types"] if kind["name"] == "error")
    assert {
        "name": "error", "label": "Error", "also": ["bug"], "sla": "P4", "needs": [], "escalates_to": "third_level", "incident": False,
    } == error  # fmt: skip
    assert ["P1", "P2", "P3", "P4"] == [priority["name"] for priority in found["priorities"]]
    update = {"name": "update", "label": "Update a version", "type": "service_request", "order": True, "pin": False}
    assert update == found["categories"][0]
    assert {"name": "premium_support", "label": "Premium support", "incident_managers": True} == found["services"][1]


def test_show_says_to_people_what_scripts_get(desk: Typist) -> None:
    out = desk.do("rules", "show")
    for line in (
        r"closed +Closed +nobody +thanks do not wake it, customers reopen it for 30 days",
        r"incident +Incident +by priority +P1, P2, P3, P4 +nothing +incident managers join",
        r"error +Error +as P4 +none +nothing +escalates to third_level",
        r"close by vendor → closed \(not incident, hosting_incident\)",
        r"P3 +P3 medium +A partial, non-critical loss. +by mail",
        r"book +Book a service +service_request +decision makers order it",
        r"add_contact +Add a contact +service_request +with PIN",
        r"premium_support +Premium support +incident managers count",
    ):
        assert re.search(rf"^{line} *$", out, re.MULTILINE), line


def test_show_says_where_closing_by_itself_is_asked_for_and_cannot_be(
    desk: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASEGATE_RULES__AUTO_CLOSE_DAYS", "14")
    assert "does nothing" not in desk.do("rules", "show")
    monkeypatch.setenv("CASEGATE_RULES__SET", "production_support")
    assert "auto_close_days = 14 does nothing: this set has no auto_close" in desk.do("rules", "show")


@pytest.mark.parametrize("name", ["", "workflow.toml"])
def test_check_takes_a_folder_or_its_file(nowhere: Path, name: str) -> None:
    shutil.copytree(data_dir("rules") / "tracker", nowhere / "mine")
    said = run("rules", "check", str(Path("mine") / name))
    assert (0, "the rules are sound\n") == (said.code, said.out)

    text = (nowhere / "mine" / "workflow.toml").read_text()
    (nowhere / "mine" / "workflow.toml").write_text(text.replace('to = "reopened"', 'to = "repoened"', 1))
    said = run("rules", "check", str(Path("mine") / name))
    line = text[: text.index('to = "reopened"')].count("\n") + 1
    problem = f'mine/workflow.toml:{line}: [[transition]] to: unknown name "repoened"; did you mean reopened?\n'
    assert (1, problem) == (said.code, said.out)


@pytest.mark.parametrize("path", ["tracker", "./tracker"])
def test_a_folder_of_ones_own_is_not_the_shipped_set_of_that_name(nowhere: Path, path: str) -> None:
    """Who copied a set and kept its name wants the copy checked."""
    (nowhere / "tracker").mkdir()
    (nowhere / "tracker" / "workflow.toml").write_text("nonsense = 1\n")
    said = run("rules", "check", path)
    assert 1 == said.code
    assert said.out.startswith("tracker/workflow.toml:1: ")


def test_a_folder_in_the_configuration_is_not_the_shipped_set_of_that_name(nowhere: Path) -> None:
    (nowhere / "tracker").mkdir()
    (nowhere / "tracker" / "workflow.toml").write_text("nonsense = 1\n")
    (nowhere / "config.toml").write_text('[mail]\nservice_address = "s@acme.example"\n[rules]\nset = "./tracker"\n')
    assert "tracker/workflow.toml:1: " in run("rules", "check").out


@pytest.mark.parametrize("set_name", SETS)
def test_the_page_for_people_holds_the_graph(nowhere: Path, set_name: str) -> None:
    """docs/workflow.md shows exactly what the command prints."""
    page = (ROOT / "docs" / "workflow.md").read_text(encoding="utf-8")
    said = run("rules", "graph", set_name)
    assert 0 == said.code
    assert f"## {set_name}\n" in page.partition(f"```mermaid\n{said.out}```\n")[0]


def test_the_graph_shows_the_vendors_name_and_the_set_in_force(desk: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = desk.do("rules", "graph").splitlines()
    assert "stateDiagram-v2" == lines[0]
    assert '    state "Waiting for Acme (vendor)" as waiting_for_vendor' in lines
    assert "    [*] --> open" in lines
    assert "    closed --> reopened: customer_reply (customer)<br/>reopen (customer, vendor)" in lines
    monkeypatch.setenv("CASEGATE_RULES__SET", "production_support")
    assert '    state "Waiting on Acme (vendor)" as waiting_on_vendor' in desk.do("rules", "graph").splitlines()


def test_names_and_labels_cannot_break_the_graph(nowhere: Path) -> None:
    """Words that Mermaid knows, and characters that mean something to it."""
    text = (data_dir("rules") / "production_support" / "workflow.toml").read_text()
    for old, new in (("resolved", "state"), ("closed", "end-note"), ("deferred", "Später")):
        text = text.replace(f'"{old}"', f'"{new}"')
    text = text.replace('label = "Open"', """label = 'a "b": c; #d <b> direction TB %%'""")
    (nowhere / "workflow.toml").write_text(text)
    lines = run("rules", "graph", str(nowhere)).out.splitlines()
    label = "a #34;b#34;#58; c#59; #35;d #60;b#62; direction#32;TB #37;#37; (vendor)"
    assert f'    state "{label}" as open' in lines
    assert '    state "Resolved (nobody)" as _5' in lines
    assert '    state "Closed (nobody)" as _6' in lines
    assert '    state "Deferred (nobody)" as _8' in lines
    assert "    _5 --> _6: close (customer)" in lines


def a_dot(folder: Path, *lines: str) -> None:
    """A program called `dot`, alone on the PATH."""
    folder.mkdir()
    (folder / "dot").write_text("\n".join(("#!/bin/sh", *lines, "")))
    (folder / "dot").chmod(0o755)


def test_a_picture_is_drawn_by_graphviz(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form follows from the end of the file's name; what `dot` gets is the whole graph."""
    a_dot(nowhere / "bin", "echo $*", 'while read -r line; do echo "$line"; done')
    monkeypatch.setenv("PATH", str(nowhere / "bin"))
    for file, form, words in (("a.svg", "svg", ()), ("b.png", "png", ()), ("c", "svg", ("--format", "svg"))):
        said = run("rules", "graph", "tracker", "-o", file, *words)
        assert (0, f"written to {file}\n") == (said.code, said.out)
        written = (nowhere / file).read_text()
        assert written.startswith(f"-T{form}\ndigraph ")
        assert "resolved" in written


def test_graphviz_draws_what_it_gets(nowhere: Path) -> None:
    """The real one, where it is installed."""
    if shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    for set_name, label in (("tracker", "Waiting for Vendor (vendor)"), ("production_support", "In Progress (vendor)")):
        assert 0 == run("rules", "graph", set_name, "-o", "rules.svg").code
        assert label in (nowhere / "rules.svg").read_text()


def test_without_graphviz_one_line_says_so(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(nowhere))
    said = run("rules", "graph", "tracker", "-o", "a.svg")
    assert (4, 1) == (said.code, said.err.count("\n"))
    assert "Graphviz is not installed" in said.err
    assert not (nowhere / "a.svg").exists()


def test_what_graphviz_says_is_told(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_dot(nowhere / "bin", "echo 'no such \033[31mformat' >&2", "exit 1")
    monkeypatch.setenv("PATH", str(nowhere / "bin"))
    said = run("rules", "graph", "tracker", "-o", "a.svg")
    assert 1 == said.code
    assert "Graphviz failed: no such " in said.err
    assert "\x1b" not in said.err
    assert not (nowhere / "a.svg").exists()


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--format", "svg"), 2, "-o"),
        (("--format", "gif", "-o", "a"), 2, "gif"),
        (("-o", "no/such/folder.mmd"), 1, "nothing was written"),
        (("nothing",), 3, "no rule set here"),
    ],
)
def test_a_graph_that_cannot_be_says_why(nowhere: Path, words: tuple[str, ...], code: int, text: str) -> None:
    said = run("rules", "graph", *words)
    assert code == said.code
    assert text in said.err


def test_a_mermaid_file_is_what_would_be_printed(nowhere: Path) -> None:
    assert 0 == run("rules", "graph", "-o", "rules.mmd").code
    assert run("rules", "graph").out == (nowhere / "rules.mmd").read_text()
