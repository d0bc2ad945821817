"""Whether the transitions of a rule set fit together: no contradictions, no status that cannot be reached or left.

Called by `domain.workflow_file` only; what is wrong is complained about at the line of its table (SPEC section 5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.policy import Transition, Workflow
from gateway.domain.toml_lines import Table

Steps = frozenset[tuple[str, str]]
"""From where to where, without those that stay."""


@dataclass(frozen=True, slots=True)
class Row:
    """A transition and the table it was read from."""

    transition: Transition
    table: Table


def find_contradictions(rows: Sequence[Row], workflow: Workflow) -> None:
    """Two rows for one event, status, actor and type: which of them counts would depend on their order."""
    all_types = frozenset(case_type.name for case_type in workflow.types)
    for place, row in enumerate(rows):
        for earlier in rows[:place]:
            one, other = row.transition, earlier.transition
            if not one.event or one.event != other.event or not one.target or not other.target:
                continue
            sources = [source for source in one.sources if source in other.sources]
            types = (one.types or all_types) & (other.types or all_types)
            if sources and types and one.by & other.by:
                who, line = " and ".join(sorted(one.by & other.by)), earlier.table.line("event")
                says = "says again what" if one.target == other.target else f'goes to "{one.target}" and contradicts'
                also = " says" if one.target == other.target else f', which goes to "{other.target}"'
                what = f'"{one.event}" by {who} from {", ".join(sources)}'
                row.table.complain("event", f"{what} {says} line {line}{also}")


def find_dead_ends(workflow: Workflow, tables: Sequence[Table]) -> None:
    """Statuses that no case can come to, or that none, or none of some type, can leave."""
    steps = {kind.name: _steps(workflow, kind.name) for kind in workflow.types}
    reached = {kind: _reached(workflow.initial, steps[kind]) for kind in steps}
    for status, table in zip(workflow.statuses, tables, strict=True):
        name = status.name
        if not any(name in found for found in reached.values()):
            table.complain("name", f'no transition leads from "{workflow.initial}" to "{name}"')
        stuck = [kind for kind in steps if not any(source == name for source, _ in steps[kind])]
        if len(stuck) == len(steps):
            table.complain("name", f'no transition leads out of "{name}"')
        elif kinds := [kind for kind in stuck if name in reached[kind]]:
            table.complain("name", f'no transition leads out of "{name}" for cases of type {", ".join(kinds)}')


def _steps(workflow: Workflow, case_type: str) -> Steps:
    rows = [row for row in workflow.transitions if row.types is None or case_type in row.types]
    return frozenset((source, row.target) for row in rows for source in row.sources if source != row.target)


def _reached(start: str, steps: Steps) -> frozenset[str]:
    reached, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        further = {target for source, target in steps if source == here} - reached
        reached |= further
        waiting += further
    return frozenset(reached)
