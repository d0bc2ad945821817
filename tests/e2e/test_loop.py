"""Two real gateways, each of whose service address is a contact of the other: they must not talk for ever."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.daemon import Daemon, cli, cli_json, gateway, running
from tests.sink import Sink, Taken
from tests.world import a_mail

ALICE = ("--as", "alice@vendor.example")
NORTH, SOUTH = "service@north.example", "service@south.example"
MOST_ROUNDS = 10
"""Whoever still writes then never stops."""


@pytest.fixture
def sink() -> Iterator[Sink]:
    """The relay of both."""
    with Sink() as made:
        yield made


def house(folder: Path, sink: Sink, own: str, other: str) -> Path:
    """A gateway with a secret of its own that knows the other one as a customer."""
    config = gateway(folder, relay_port=sink.port)
    config.write_text(config.read_text().replace("service@vendor.example", own))
    (folder / "secret").write_bytes(own.encode() * 4)  # the stock's copies share one
    cli(config, "contact", "add", other, "--account", "EX-1", "--name", "The other house")
    return config


class Post:
    """Brings what one house wrote to the other."""

    def __init__(self, sink: Sink, houses: Mapping[str, Daemon]) -> None:
        self._sink = sink
        self._houses = houses
        self.carried: list[Taken] = []

    def carry(self) -> list[str]:
        """Go to and fro until neither house writes any more; to whom all mails were, so far."""
        for _round in range(MOST_ROUNDS):
            for daemon in self._houses.values():
                daemon.settle()
            letters = [mail for mail in self._sink.taken if self._house(mail) is not None]
            if letters == self.carried:
                return [mail.rcpt_to[0] for mail in letters]
            for mail in letters[len(self.carried) :]:
                addressee = self._house(mail)
                assert addressee is not None
                addressee.send(mail.data, to=mail.rcpt_to[0], sender=mail.mail_from)
            self.carried = letters
        raise AssertionError(f"still writing after {len(self.carried)} mails")

    def _house(self, mail: Taken) -> Daemon | None:
        return self._houses.get(mail.rcpt_to[0].partition("@")[2])


def test_two_gateways_fall_silent_after_one_exchange(tmp_path: Path, sink: Sink) -> None:
    """AL-13: a mail in the name of one house, a person's answer to it, and three mails in all between the two."""
    north, south = house(tmp_path / "n", sink, NORTH, SOUTH), house(tmp_path / "s", sink, SOUTH, NORTH)
    with running(north) as left, running(south) as right:
        post = Post(sink, {"north.example": left, "south.example": right})
        left.send(a_mail(SOUTH, to=NORTH), to=NORTH)
        assert [SOUTH] == post.carry()  # acknowledged by a machine, and that was all

        cli(north, "case", "reply", "1001", "-m", "Is this for us?", *ALICE)
        assert [SOUTH, SOUTH, NORTH] == post.carry()  # said by a person, acknowledged by a machine

    assert ["automatic", "new_case"] == [row["decision"] for row in cli_json(north, "intake", "list")]
    assert ["new_case", "held"] == [row["decision"] for row in cli_json(south, "intake", "list")]
