"""Which kind of agent may do what (SPEC section 3)."""

import pytest

from gateway.domain.kinds import ADMINS, MANAGERS, must_be
from gateway.domain.model import Agent, AgentId, AgentKind
from gateway.errors import Refused


def agent(kind: AgentKind, *, active: bool = True) -> Agent:
    return Agent(id=AgentId(1), name=kind.title(), address=f"{kind}@vendor.example", kind=kind, active=active)


PLAIN, MANAGER, ADMIN = map(agent, AgentKind)


@pytest.mark.parametrize(
    ("kinds", "able"), [(ADMINS, {"admin"}), (MANAGERS, {"support_manager", "admin"})], ids=["admins", "managers"]
)
def test_who_is_of_the_kind_may(kinds: tuple[AgentKind, ...], able: set[str]) -> None:
    for one in (PLAIN, MANAGER, ADMIN):
        if one.kind in able:
            must_be(kinds, "does it", one, ())
        else:
            with pytest.raises(Refused):
                must_be(kinds, "does it", one, (ADMIN,))


def test_who_may_is_named_and_how_somebody_may_where_nobody_does() -> None:
    gone = agent(AgentKind.SUPPORT_MANAGER, active=False)
    with pytest.raises(Refused) as refused:
        must_be(MANAGERS, "releases orders", PLAIN, (PLAIN, MANAGER, gone, ADMIN))
    wanted = "only a support manager or an admin releases orders; --as one of: support_manager@vendor.example, admin@vendor.example"
    assert wanted == refused.value.public
    with pytest.raises(Refused) as refused:
        must_be(MANAGERS, "releases orders", gone, (PLAIN, gone))
    wanted = "only a support manager or an admin releases orders, and there is none; `casegate agent add NAME --address A --kind support_manager` makes one"
    assert wanted == refused.value.public


def test_nobody_and_who_has_left_may_nothing() -> None:
    for one in (None, agent(AgentKind.ADMIN, active=False)):
        with pytest.raises(Refused):
            must_be(ADMINS, "does it", one, (ADMIN,))
