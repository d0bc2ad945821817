"""What every command starts from: the configuration, the database, and who is acting.

A Desk opens things when they are first asked for, so that a command that only reads loads nothing else
(HOUSE section 2), and gives them back when the command ends.
"""

import os
import pwd
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from gateway.errors import BadUsage, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from gateway.config import Settings
    from gateway.domain.model import Agent
    from gateway.domain.policy import Policy
    from gateway.mail.token import Tokens
    from gateway.services.ports import Ports
    from gateway.store.db import Database

P = ParamSpec("P")
T = TypeVar("T")


class Desk:
    """One command's view of the gateway; `config` is what `--config` named."""

    def __init__(self, config: Path | None) -> None:
        self.config = config

    @cached_property
    def settings(self) -> "Settings":
        """The configuration; BadConfig with every problem."""
        from gateway import config

        return config.load(config.find_config(self.config))

    @property
    def is_configured(self) -> bool:
        """False where no configuration is named and none is found."""
        from gateway import config
        from gateway.errors import BadConfig

        try:
            config.find_config(self.config)
        except BadConfig:
            return False
        return True

    @cached_property
    def policy(self) -> "Policy":
        """The rules in force, but for the words by which mails are read."""
        from gateway import config

        return config.load_policy(self.settings, reads_mail=False)

    @cached_property
    def tokens(self) -> "Tokens":
        """Mints the tokens that lists show."""
        from gateway import wiring

        return wiring.open_tokens(self.settings)

    @cached_property
    def ports(self) -> "Ports":
        """All that services use, for commands that act."""
        from gateway import wiring

        return wiring.build_ports(self.settings, policy=self.policy)

    @cached_property
    def db(self) -> "Database":
        """The database, for commands that only read."""
        from gateway import wiring

        return wiring.open_database(self.settings)

    @property
    def now(self) -> "datetime":
        """What time it is."""
        from gateway import wiring

        return wiring.now()

    def prepare(self) -> None:
        """Open all that acting needs, so that what could stop it shows before anyone types a text."""
        self.db = self.ports.db

    def read(self, query: "Callable[Concatenate[sa.Connection, P], T]", /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What a read model says, from one snapshot."""
        return self.db.read(query, *args, **kwargs)

    def close(self) -> None:
        """Give the database's connections back."""
        opened = self.__dict__
        if "ports" in opened:
            self.ports.db.close()
        if "db" in opened:
            self.db.close()


def acting_agent(desk: Desk, named: str | None) -> "Agent":
    """Who acts: `--as`, else CASEGATE_AGENT, else the agent whose `--os-user` runs the command.

    NotFound or BadUsage, naming the choices, where that is nobody or not clear.
    """
    agents = _active_agents(desk)
    if wanted := named or os.environ.get("CASEGATE_AGENT"):
        return _one(agents, wanted)
    user = _os_user()
    mine = [agent for agent in agents if user and agent.os_user == user]
    if len(mine) == 1:
        return mine[0]
    why = f"several agents have the system user {user}" if mine else f"no agent has the system user {user}"
    raise BadUsage(f"who acts? {why}; use --as with one of: {_choices(mine or agents)}")


def trusted(desk: Desk, named: str | None, does: str) -> "Agent | None":
    """Who does what takes an admin; None where nobody acts whom Casegate knows, as in a set-up by whoever reads its secret.

    An agent who acts must be an admin, once there is one: else Refused, naming who is. `does` is as in "adds agents".
    """
    from gateway.domain.kinds import ADMINS, must_be

    try:
        agent = acting_agent(desk, named)
    except (BadUsage, NotFound):
        if named is not None:
            raise
        return None
    agents = _active_agents(desk)
    if any(one.kind in ADMINS for one in agents):
        must_be(ADMINS, does, agent, agents)
    return agent


def find_agent(desk: Desk, named: str) -> "Agent":
    """The active agent of this address or unique name; NotFound or BadUsage, naming the choices."""
    return _one(_active_agents(desk), named)


def _active_agents(desk: Desk) -> "Sequence[Agent]":
    from gateway.services import people

    return [agent for agent in desk.read(people.agents) if agent.active]


def _one(agents: "Sequence[Agent]", wanted: str) -> "Agent":
    asked = wanted.strip().casefold()
    for found in (
        [agent for agent in agents if agent.address == asked],
        [agent for agent in agents if agent.name.casefold() == asked],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise BadUsage(f"several agents are called {wanted}; use an address: {_choices(found)}")
    raise NotFound(f"there is no agent {wanted}; there are: {_choices(agents)}")


def _choices(agents: "Sequence[Agent]") -> str:
    return ", ".join(agent.address for agent in agents) or "none yet; `casegate agent add` makes one"


def _os_user() -> str | None:
    try:
        return pwd.getpwuid(os.getuid()).pw_name  # not $USER: that is whatever somebody typed
    except KeyError:
        return None
