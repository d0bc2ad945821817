"""Help: every command says what it does, and shows how."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from gateway.terminal.app import contents
from tests.cli.typist import run
from tests.daemon import CASEGATE


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command by its words."""
    group = group or typer.main.get_command(contents())
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


ALL = list(commands())


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_has_a_sentence_and_examples(words: tuple[str, ...]) -> None:
    said = run(*words, "--help")
    text = said.out
    assert 0 == said.code
    assert "." in text.split("\n\n")[1]
    assert "Examples:\n    casegate " in text
    if words[-1] != "take":
        assert f"casegate {' '.join(words)}" in text.split("Examples:")[1]
    if words != ("demo",):
        assert "--config" in text


def test_the_commands_of_the_contract_are_there() -> None:
    wanted = """
        init serve status settle cases search account_add account_list account_show contact_add contact_list contact_show
        agent_add agent_list agent_show case_show case_start case_reply case_note case_resolve case_close case_reopen
        case_defer case_wait case_history intake_list intake_show intake_explain outbox_list outbox_show rules_show
        rules_check template_list template_check template_preview db_upgrade db_verify demo
        case_open case_type case_priority case_plan case_set case_assign case_merge case_split case_link
        case_participants case_escalate case_attachments snippet_add snippet_list snippet_remove sla_explain
        account_pin account_services account_check contact_role contact_remove contact_invite
        registration_list registration_approve registration_reject approval_list approval_release
        why_case why_intake intake_release intake_retry intake_drop
    """
    assert set() == set(wanted.split()) - {"_".join(words) for words in ALL}


def test_no_words_at_all_show_the_help() -> None:
    said = run()
    assert 0 == said.code
    assert "Exit codes:" in said.out
    assert "CASEGATE_DEBUG" in said.out


def test_the_version_is_told() -> None:
    said = run("--version")
    assert (0, True) == (said.code, said.out.startswith("casegate "))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("ca", ["case", "cases"]),
        ("intake ", ["drop", "explain", "list", "release", "retry", "show"]),
        ("cases --turn ", ["customer", "nobody", "vendor"]),
    ],
)
def test_a_shell_completes_commands_and_choices(monkeypatch: pytest.MonkeyPatch, words: str, wanted: list[str]) -> None:
    monkeypatch.setenv("_CASEGATE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"casegate {words}")
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ") + 1))
    done = subprocess.run(CASEGATE, capture_output=True, text=True, check=True)
    assert wanted == sorted(done.stdout.split())
