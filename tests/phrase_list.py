"""Every phrase of ours: those that code writes as `Phrase("…")`, and what the shipped rule sets call things."""

import ast
from collections.abc import Iterator
from pathlib import Path

from gateway import config
from gateway.domain.phrases import PLACE
from tests.world import settings

GATEWAY = Path(config.__file__).parents[1]
SETS = ("tracker", "production_support")
FROM_RULES = frozenset({"domain/workflow_file.py", "domain/policy.py", "domain/phrases.py"})
"""Where a Phrase is made of what a rule file says, or of another Phrase."""


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call of this function in the gateway, with `path:line`."""
    for path in sorted(GATEWAY.rglob("*.py")):
        place = path.relative_to(GATEWAY).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield f"{place}:{node.lineno}", node


def of_code() -> dict[str, str]:
    """The English text of each phrase in the code, with where it stands."""
    found = {}
    for place, call in calls("Phrase"):
        if place.partition(":")[0] in FROM_RULES:
            continue
        text = call.args[0] if call.args else None
        assert isinstance(text, ast.Constant), f"{place}: a phrase is a text written out, so that it can be found"
        assert isinstance(text.value, str)
        found[text.value] = place
    return found


def of_rules() -> dict[str, str]:
    """The labels of both shipped rule sets, and what their priorities mean."""
    found: dict[str, str] = {}
    for name in SETS:
        flow = config.load_policy(settings(rules={"set": name})).workflow
        found |= dict.fromkeys(flow.labels, f"rules/{name}/workflow.toml")
    return found


def all_phrases() -> dict[str, str]:
    """All that a language must know, with where it stands; a phrase of places alone is the same in all of them."""
    return {text: place for text, place in (of_rules() | of_code()).items() if any(map(str.isalpha, bare(text)))}


def bare(text: str) -> str:
    """The words of a phrase."""
    return PLACE.sub("", text)
