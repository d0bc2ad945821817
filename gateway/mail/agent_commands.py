"""The command lines of an agent's mail. `agent_rungs` and `services.agent_facts` call it."""

import re
from collections.abc import Sequence

from gateway.domain.agent_mail import AgentCommand, AgentCommandName

_NAMES = {name.value: name for name in AgentCommandName}
_STRAY = re.compile(rf"[ \t]*/(?:{'|'.join(_NAMES)})(?![\w/.-])[^\n]*", re.IGNORECASE)


def understand(lines: Sequence[str]) -> tuple[tuple[AgentCommand, ...], str | None]:
    """The commands of these lines, and the first line that is none of an agent's."""
    found: list[AgentCommand] = []
    for line in lines:
        word, _, rest = line.removeprefix("/").partition(" ")
        name = _NAMES.get(word.rstrip(":").lower())
        if name is None:
            return tuple(found), line
        found.append(AgentCommand(line=line, name=name, words=rest.strip()))
    return tuple(found), None


def stray_command(text: str) -> str | None:
    """A line of the text that reads like a command and stands too far down to be one."""
    return next((line.strip() for line in text.split("\n") if _STRAY.match(line)), None)
