"""A rule set as a picture: Mermaid text, or SVG and PNG by Graphviz's `dot`. Called by `casegate rules graph`.

Statuses are boxes with their label and whose turn it is; an arrow says which events lead from one to the other, who
may trigger them, and for which types if not for all.
"""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.domain.policy import Policy, Transition, Workflow
from gateway.errors import Refused, Unreachable
from gateway.terminal import show

PATIENCE = 60
"""Seconds for `dot`."""

_PLAIN_ID = re.compile(r"[a-z][a-z0-9_]*")
_KEYWORDS = frozenset(
    {"class", "click", "default", "direction", "end", "hide", "href", "note", "scale", "state", "style"}
)
_UNSAFE = re.compile(r"[^\w .,()!?/+-]|(?<=direction) ")  # Mermaid takes "direction TB" for its own, even in quotes


def only_for(row: Transition, workflow: Workflow) -> str:
    """The types that a transition is for, the shorter way: `not incident`, `only task`; "" if for all."""
    if row.types is None:
        return ""
    names = [kind.name for kind in workflow.types]
    inside = [name for name in names if name in row.types]
    outside = [name for name in names if name not in row.types]
    if not outside:
        return ""
    return f"only {', '.join(inside)}" if len(inside) <= len(outside) else f"not {', '.join(outside)}"


def mermaid(policy: Policy) -> str:
    """The rule set as a Mermaid state diagram."""
    flow = policy.workflow
    ids = _ids(flow)
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{_escaped(text)}" as {ids[name]}' for name, text in _boxes(policy).items()]
    lines += [f"    [*] --> {ids[flow.initial]}"]
    lines += [
        f"    {ids[source]} --> {ids[target]}: {'<br/>'.join(events)}"
        for (source, target), events in _arrows(flow).items()
    ]
    return "\n".join(lines) + "\n"


def dot(policy: Policy) -> str:
    """The rule set in the language of Graphviz."""
    flow = policy.workflow
    lines = [f"digraph {_quoted(flow.set)} {{", '    node [shape=box, style="rounded", fontname="sans-serif"];']
    lines += ['    edge [fontname="sans-serif", fontsize=10];', "    start [shape=point];"]
    lines += [f"    {_quoted('=' + name)} [label={_quoted(text)}];" for name, text in _boxes(policy).items()]
    lines += [f"    start -> {_quoted('=' + flow.initial)};"]
    lines += [
        f"    {_quoted('=' + source)} -> {_quoted('=' + target)} [label={_quoted(*events)}];"
        for (source, target), events in _arrows(flow).items()
    ]
    return "\n".join([*lines, "}"]) + "\n"


def draw(policy: Policy, form: str, file: Path) -> None:
    """Write it to a file: `mermaid`, `svg` or `png`. Unreachable where those need Graphviz and it is not installed."""
    data = mermaid(policy).encode() if form == "mermaid" else _picture(policy, form)
    try:
        file.write_bytes(data)
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}; nothing was written") from error


def _picture(policy: Policy, form: str) -> bytes:
    try:
        done = subprocess.run(
            ["dot", f"-T{form}"], input=dot(policy).encode(), capture_output=True, check=False, timeout=PATIENCE
        )
    except FileNotFoundError as error:
        raise Unreachable(
            "Graphviz is not installed (no program `dot`); `casegate rules graph` alone prints Mermaid text"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise Refused(f"Graphviz took longer than {PATIENCE} s; nothing was written") from error
    if done.returncode:
        raise Refused(f"Graphviz failed: {show.line(done.stderr.decode(errors='replace'))}")
    return done.stdout


def _boxes(policy: Policy) -> Mapping[str, str]:
    """What stands in the box of each status."""
    statuses = policy.workflow.statuses
    return {status.name: f"{show.line(policy.label(status.name))} ({status.turn})" for status in statuses}


def _arrows(flow: Workflow) -> Mapping[tuple[str, str], Sequence[str]]:
    """All events between two statuses, in the order of the rule file."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in flow.transitions:
        only = only_for(row, flow)
        text = f"{row.event} ({', '.join(sorted(row.by))}{f', {only}' if only else ''})"
        for source in row.sources:
            arrows.setdefault((source, row.target), []).append(text)
    order = [status.name for status in flow.statuses]
    return dict(sorted(arrows.items(), key=lambda arrow: (order.index(arrow[0][0]), order.index(arrow[0][1]))))


def _ids(flow: Workflow) -> Mapping[str, str]:
    """A name for each status that Mermaid takes for nothing else."""
    return {
        status.name: status.name if _PLAIN_ID.fullmatch(status.name) and status.name not in _KEYWORDS else f"_{place}"
        for place, status in enumerate(flow.statuses, 1)
    }


def _escaped(text: str) -> str:
    """Text inside Mermaid's quotes: what could end them, or mean something, becomes a character code."""
    return _UNSAFE.sub(lambda found: f"#{ord(found[0])};", text)


def _quoted(*lines: str) -> str:
    """One string of Graphviz's, with centred lines."""
    return '"{}"'.format("\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines))
