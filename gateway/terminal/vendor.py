"""The vendor's own people: agents (SPEC section 15)."""

from typing import Annotated

import typer

from gateway.domain.model import Agent, AgentId, AgentKind
from gateway.errors import BadUsage, NotFound
from gateway.terminal import shapes, show
from gateway.terminal.context import Desk, acting_agent, find_agent, trusted
from gateway.terminal.room import AsOption, JsonOption, Room

_SIGNATURE = "What stands under their answers; several lines are one argument in quotes. Without it: name and vendor."

agents = Room("Persons who work on cases.")


@agents.task(
    "add",
    "agent add Mira --address mira@vendor.example --team first_level --os-user mira",
    'agent add "Sam Smith" --address sam@vendor.example --kind support_manager',
)
def add_agent(  # noqa: PLR0913, PLR0917  # each is an option
    desk: Desk,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What customers read as the agent's name.")],
    address: Annotated[str, typer.Option(metavar="A", help="Where notices go.")],
    kind: Annotated[AgentKind, typer.Option(help="What they may do.")] = AgentKind.AGENT,
    team: Annotated[list[str] | None, typer.Option(metavar="T", help="A team; several add up.")] = None,
    os_user: Annotated[str | None, typer.Option(metavar="NAME", help="Acts when this system user runs it.")] = None,
    signature: Annotated[str | None, typer.Option(metavar="TEXT", help=_SIGNATURE)] = None,
    lang: Annotated[str, typer.Option(metavar="LANG", help="The language of mail to them.")] = "en",
    as_: AsOption = None,
) -> None:
    """Add an agent.

    Support managers also release orders; admins do that too, add agents, issue PINs and erase people. An agent who adds
    others must be an admin, once there is one; where nobody acts by name, as in a set-up, Casegate trusts whoever can
    read its secret file.
    """
    from gateway.services import people

    trusted(desk, as_, "adds agents")
    teams = tuple(team or ())
    agent = Agent(
        id=AgentId(0),
        name=name,
        address=address,
        kind=kind,
        teams=teams,
        os_user=os_user,
        signature=signature,
        lang=lang,
    )
    people.refuse_ours(desk.tokens, address)
    stored = people.add_agent(desk.db, agent)
    show.say(f"agent {stored.address} added")


@agents.task(
    "sign",
    'agent sign mira@vendor.example "Mira Agent, second level"',
    'agent sign Mira ""',
)
def sign_agent(
    desk: Desk,
    who: Annotated[str, typer.Argument(metavar="AGENT", help="An address or a unique name.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help='The signature; "" is name and vendor again.')],
    as_: AsOption = None,
) -> None:
    """Say what stands under an agent's answers from now on.

    Agents do so for themselves; admins for all, once there is one. Whoever signs an answer in its text has no second one.
    """
    from gateway.services import people

    agent = find_agent(desk, who)
    if _acting(desk, as_) != agent:
        trusted(desk, as_, "signs for others")
    people.sign(desk.db, agent, text)
    show.say(
        f"agent {agent.address}: {'a signature of their own' if text.strip() else 'name and vendor'} under answers"
    )


@agents.task("list", "agent list", "agent list --json")
def list_agents(desk: Desk, json: JsonOption = False) -> None:
    """List all agents."""
    from gateway.services import people

    found = desk.read(people.agents)
    if json:
        show.print_json([shapes.agent(agent) for agent in found])
        return
    columns = [
        show.Column(head=head, gives=head != "Address") for head in ("Address", "Name", "Kind", "Teams", "System user")
    ]
    rows = [(agent.address, agent.name, agent.kind, ", ".join(agent.teams), agent.os_user) for agent in found]
    show.table(columns, rows, empty="no agents yet; `casegate agent add` makes one")


@agents.task("show", "agent show mira@vendor.example", "agent show Mira --json")
def show_agent(
    desk: Desk,
    who: Annotated[str, typer.Argument(metavar="AGENT", help="An address or a unique name.")],
    json: JsonOption = False,
) -> None:
    """Show an agent."""
    agent = find_agent(desk, who)
    if json:
        show.print_json(shapes.agent(agent))
        return
    show.facts(
        [
            ("Name", agent.name),
            ("Address", agent.address),
            ("Kind", agent.kind),
            ("Teams", ", ".join(agent.teams)),
            ("System user", agent.os_user),
            ("Signature", agent.signature),
            ("Language", agent.lang),
        ]
    )


def _acting(desk: Desk, named: str | None) -> Agent | None:
    """Who acts; None where that is nobody, of which `trusted` says what it means."""
    try:
        return acting_agent(desk, named)
    except (BadUsage, NotFound):
        return None
