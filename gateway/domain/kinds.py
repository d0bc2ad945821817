"""What takes a certain kind of agent (SPEC section 3): the rules call it for whoever acts, the terminal for set-up.

Promises: who is refused is told who may, or how to make somebody who may.
"""

from collections.abc import Iterable, Sequence

from gateway.domain.model import Agent, AgentKind
from gateway.errors import Refused

ADMINS = (AgentKind.ADMIN,)
MANAGERS = (AgentKind.SUPPORT_MANAGER, AgentKind.ADMIN)

_NAMES = {AgentKind.AGENT: "an agent", AgentKind.SUPPORT_MANAGER: "a support manager", AgentKind.ADMIN: "an admin"}


def must_be(kinds: Sequence[AgentKind], does: str, actor: Agent | None, agents: Iterable[Agent]) -> None:
    """Refused for anybody else: `does` says what they do, as in "releases orders"; `agents` are all there are."""
    if actor is not None and actor.active and actor.kind in kinds:
        return
    only = f"only {' or '.join(_NAMES[kind] for kind in kinds)} {does}"
    able = [agent.address for agent in agents if agent.active and agent.kind in kinds]
    if not able:
        mend = f"`casegate agent add NAME --address A --kind {kinds[0]}` makes one"
        raise Refused(f"{only}, and there is none; {mend}")
    raise Refused(f"{only}; --as one of: {', '.join(able)}")
