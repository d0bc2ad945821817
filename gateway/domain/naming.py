"""Whom of the vendor's people a text names: by address, or by `@name`. For notes (SPEC section 13)."""

import re
from collections.abc import Sequence

from gateway.domain.model import Agent

_WORD = re.compile(r"(?<![\w.+@-])@?[\w][\w.+-]*(?:@[\w.-]*\w)?")
_END = ".-+"


def named_in(text: str, agents: Sequence[Agent]) -> list[Agent]:
    """The agents whom a text names, in their order.

    `mira@vendor.example` names who has the address, `@mira` who has it before the `@`, or this full name written
    together, or else the one agent of this first name.
    """
    words = {word.casefold().rstrip(_END) for word in _WORD.findall(text) if "@" in word}
    found = [agent for word in sorted(words) for agent in _called(word, agents)]
    return [agent for agent in agents if agent in found]


def _called(word: str, agents: Sequence[Agent]) -> list[Agent]:
    if not word.startswith("@"):
        return [agent for agent in agents if agent.address == word]
    name = word[1:]
    if "@" in name:
        return [agent for agent in agents if agent.address == name]
    known = [agent for agent in agents if name in {agent.address.partition("@")[0], _together(agent.name)}]
    first = [agent for agent in agents if agent.name.casefold().split()[:1] == [name]]
    return known or (first if len(first) == 1 else [])


def _together(name: str) -> str:
    return "".join(name.casefold().split())
