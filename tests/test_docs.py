"""The documents are true as far as a program can tell: commands, options, files and links that they name exist."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from gateway.terminal.app import EPILOG, contents
from gateway.terminal.room import WordsOrFiles

ROOT = Path(__file__).resolve().parent.parent
ROOT_COMMAND: Any = typer.main.get_command(contents())
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "ARCHITECTURE", "CHANGELOG", "CONTRIBUTING")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
FOR_USERS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ELSEWHERE = ("http:", "https:", "mailto:")

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:py|toml|md|txt|j2)")
_AFTER_EXAMPLE = re.compile(r"\s{3,}.*")
_SHELL = frozenset({"<", ">", "|", "&&", ";"})


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands(group: Any = ROOT_COMMAND, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that people see, by its words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        elif not command.hidden:
            yield (*path, name), command


def understood(line: str) -> None:
    """Raise what Typer raises unless this command line is one of ours; nothing is run."""
    words = shlex.split(line, comments=True)
    words = words[words.index("casegate") + 1 :]
    words = words[: next((place for place, word in enumerate(words) if word in _SHELL), len(words))]
    group = ROOT_COMMAND
    while hasattr(group, "commands"):
        while words[:1] == ["--config"]:
            words = words[2:]
        if words and words[0] in group.commands:
            group, words = group.commands[words[0]], words[1:]
        elif isinstance(group, WordsOrFiles):
            group = group.commands[group.default]
        else:
            group.make_context("casegate", [*words])  # --version, or what is no command
            assert words[:1] in (["--version"], ["--help"]), f"{line}: no such command"
            return
    group.make_context("casegate", words)


def written_lines() -> Iterator[tuple[str, str]]:
    """Every `casegate …` line in a shell block, with the page that has it."""
    for page in PAGES:
        for language, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
            if language == "sh":
                for line in block.splitlines():
                    if re.match(r"(?:[A-Z_]+=\S+ )*casegate ", line):
                        yield named(page), line


def shown_lines() -> Iterator[tuple[str, str]]:
    """Every example in the help of a command."""
    helps = [("casegate", EPILOG), *((" ".join(words), command.epilog or "") for words, command in commands())]
    for name, text in helps:
        for line in text.splitlines():
            if line.startswith("  casegate "):
                yield name, _AFTER_EXAMPLE.sub("", line.strip())


@pytest.mark.parametrize(("words", "command"), [pytest.param(*found, id=" ".join(found[0])) for found in commands()])
def test_every_command_is_described_with_an_example(words: tuple[str, ...], command: Any) -> None:
    """In README or a page beside it, and in its own help."""
    spelled = f"casegate {' '.join(words)}"

    assert [] != [named(page) for page in FOR_USERS if re.search(rf"{spelled}\b", page.read_text(encoding="utf-8"))]
    assert command.help
    assert f"  {spelled}" in command.epilog


@pytest.mark.parametrize(("page", "line"), [*written_lines(), *shown_lines()])
def test_every_command_line_that_is_shown_is_understood(page: str, line: str) -> None:
    """Its words are a command, its options and arguments exist; nothing is run."""
    understood(line)


@pytest.mark.parametrize("line", ["casegate nothing", "casegate cases --bogus", "casegate case reply", "casegate case"])
def test_a_wrong_command_line_would_be_found(line: str) -> None:
    with pytest.raises((typer.TyperException, AssertionError)):
        understood(line)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_in_running_text_exist(page: Path) -> None:
    """At least by their words: what follows may be a placeholder."""
    lost = [code for code in _CODE.findall(page.read_text(encoding="utf-8")) if not begins_well(code)]
    assert [] == lost


def begins_well(code: str) -> bool:
    """True for what is no command line of ours, and for one that begins with the words of a command or a group."""
    first, *words = code.split() or [""]
    group = ROOT_COMMAND
    while first == "casegate" and words and hasattr(group, "commands") and words[0] not in {"…", "<"}:
        if words[0] not in group.commands:
            return isinstance(group, WordsOrFiles)
        group, words = group.commands[words[0]], words[1:]
    return True


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading that it has."""
    lost = []
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(ELSEWHERE):
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (heading and heading not in headings(target)):
            lost.append(link)
    assert [] == lost


def headings(page: Path) -> set[str]:
    """The anchors of a page, as forges make them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", [ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"], ids=named)
def test_files_of_ours_that_are_named_exist(page: Path) -> None:
    """A path in backticks, seen from the root, from `gateway/`, or as the name of a module."""
    modules = {file.name for file in (ROOT / "gateway").rglob("*.py")}
    lost = [
        path
        for code in _CODE.findall(page.read_text(encoding="utf-8"))
        if (found := _FILE.fullmatch(code)) and (path := found[0])
        if not ((ROOT / path).exists() or (ROOT / "gateway" / path).exists() or path in modules)
    ]
    assert [] == lost


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_make_targets_that_are_named_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    assert set() == set(re.findall(r"(?:^ *|`|PYTHON=\S+ )make ([a-z-]+)\b", text, re.MULTILINE)) - targets


def test_decisions_are_numbered_without_gaps() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [*range(1, len(pages) + 1)] == [int(page.name[:4]) for page in pages]
    titles = [page.read_text(encoding="utf-8").partition(".")[0] for page in pages]
    assert [f"# {number}" for number in range(1, len(pages) + 1)] == titles


def test_the_page_on_notices_names_each_of_them() -> None:
    """A row that is added to the rules is added there."""
    rules = tomllib.loads((ROOT / "rules" / "notices.toml").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "notices.md").read_text(encoding="utf-8")
    assert [] == sorted({row["template"] for row in rules["notice"] if f"`{row['template']}`" not in page})
