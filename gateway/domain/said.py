"""What people mean when they name a type or a priority in their own way: "Hosting incident (P1)", "bug", "high".

Called where a line by mail is carried out. Names and labels count, in any case, without the punctuation around them.
"""

import re

from gateway.domain.policy import CaseType, Workflow

_WORD = re.compile(r"[^\s,;:.!()\[\]\"']+")


def type_said(flow: Workflow, line: str) -> tuple[CaseType | None, str]:
    """The type that the first words of a line name, and the priority that the others name: "" for none."""
    words = _words(line)
    known = {tuple(_words(shown)): kind for kind in flow.types for shown in (kind.name, kind.label, *kind.also)}
    for end in range(len(words), 0, -1):
        if (kind := known.get(tuple(words[:end]))) is not None:
            return kind, priority_said(flow, " ".join(words[end:]))
    return None, ""


def priority_said(flow: Workflow, line: str) -> str:
    """The name of the priority that a line names, by its name or a word of its label; else the line, in capitals."""
    words = _words(line)
    for priority in flow.priorities:
        if words and set(words) <= set(_words(f"{priority.name} {priority.label}")):
            return priority.name
    return " ".join(words).upper()


def _words(line: str) -> list[str]:
    return _WORD.findall(line.lower().replace("_", " ").replace("-", " "))
