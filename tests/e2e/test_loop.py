"""The real daemon among machines that answer: no loop lasts longer than one exchange (SPEC section 17)."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.daemon import Daemon, cli, cli_json, gateway, running
from tests.sink import Sink, Taken
from tests.world import a_mail

ALICE = ("--as", "alice@vendor.example")
NORTH, SOUTH = "service@north.example", "service@south.example"
BOB = "bob@customer.example"
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


AWAY = {
    "a known phrase": ("I am away", "I am away until further notice."),
    "words that nobody knows": ("Your lines", "The office dog has carried your lines to the right desk."),
}


@pytest.mark.parametrize("name", AWAY)
def test_a_machine_that_says_in_no_header_what_it_is_is_left_alone(tmp_path: Path, sink: Sink, name: str) -> None:
    """AL-11: it answers all mail of ours; after one exchange there is silence and one alarm, and others are heard."""
    config = gateway(tmp_path / "gw", relay_port=sink.port)
    subject, text = AWAY[name]
    with running(config) as daemon:
        daemon.send(a_mail(BOB, message_id="<person@customer.example>"))
        answered = 0
        for _round in range(MOST_ROUNDS):
            daemon.settle()
            mails = [mail for mail in sink.taken if mail.rcpt_to == (BOB,)]
            if len(mails) == answered:
                break
            for _ in mails[answered:]:
                answered += 1
                away = a_mail(BOB, f"{subject} ({answered})", text, message_id=f"<away-{answered}@customer.example>")
                daemon.send(away, sender=BOB)
        assert answered <= 2
        assert ["loop"] == [alarm["name"] for alarm in cli_json(config, "status")["alarms"]]
        daemon.send(a_mail("carl@customer.example", message_id="<canary@customer.example>"))
        daemon.settle()
        assert ("carl@customer.example",) in [mail.rcpt_to for mail in sink.taken]
    cli(config, "db", "verify")


@pytest.mark.parametrize("rule", ["notify", "hold"])
def test_forged_strangers_use_up_a_budget_and_no_more(tmp_path: Path, sink: Sink, rule: str) -> None:
    """AL-15 where no evidence is asked for: what is over the budget is silence and one alarm."""
    config = gateway(tmp_path / "gw", relay_port=sink.port)
    text = config.read_text().replace("[smtp]", f'unregistered = "{rule}"\n[smtp]')
    config.write_text(f"{text}\n[budget]\noverall_hour = 5\n")
    with running(config) as daemon:
        for number in range(20):
            address = f"x{number}@stranger.example"
            daemon.send(a_mail(address, message_id=f"<{number}@stranger.example>"), sender=address)
        daemon.settle()
        assert (5 if rule == "notify" else 0) == len(sink.taken)
        alarms = [alarm["name"] for alarm in cli_json(config, "status")["alarms"]]
    assert (["budget-overall"] if rule == "notify" else []) == alarms
    assert [] == cli_json(config, "cases")
