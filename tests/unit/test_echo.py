"""What betrays a machine that says in no header that it is one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway import config
from gateway.domain.facts import Heard, MailFacts
from gateway.domain.model import Authenticity, IntakeId
from gateway.domain.post import DecisionKind, Envelope, Evidence, ParsedMail, RawMail, Transport
from gateway.mail.automatic import Marks
from gateway.mail.decision import NO_HUSH, Decision, Hush, Question
from gateway.mail.echo import find_hush
from gateway.mail.token import Tokens
from tests.world import SECRET, START, UNLIMITED, settings

CHOSEN = settings()
POLICY = config.load_policy(CHOSEN)
SAID = "Your ticket 17\nWe have filed your request as number 17, and somebody will call you."
AGAIN = "We have filed your request as number 18, and somebody will call you."
OTHER = "It is still broken, and now the shop is gone as well."
NEW_CASE = Decision(kind=DecisionKind.NEW_CASE, reason="-")


def asked(
    text: str, *, after: float, rounds: int = 0, unmarked: bool = False, commands: tuple[str, ...] = ()
) -> Question:
    """A mail of this text, so many seconds after our last automatic mail."""
    received = START + timedelta(seconds=after)
    return Question(
        mail=ParsedMail(
            fingerprint="-",
            sender="bob@customer.example",
            sender_defect=None,
            sender_shown="-",
            subject="Your ticket 18",
            new_text=text,
            commands=commands,
        ),
        raw=RawMail(
            id=IntakeId(1),
            envelope=Envelope(transport=Transport.SMTP, transport_id="-"),
            received_at=received,
            data=b"",
        ),
        evidence=Evidence(authenticity=Authenticity.UNVERIFIED, reason="-"),
        marks=Marks(is_unmarked=unmarked),
        facts=MailFacts(heard=Heard(at=START, rounds=rounds, words=SAID)),
        policy=POLICY,
        tokens=Tokens(config.post_rules(CHOSEN), SECRET),
    )


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (asked(OTHER, after=61, rounds=9), NO_HUSH),
        (asked(OTHER, after=60), Hush(rounds=1)),
        (asked(OTHER, after=60, rounds=3), Hush(rounds=4)),
        (asked(OTHER, after=60, rounds=4), Hush(rounds=5, is_silent=True, is_alarm=True)),
        (asked(AGAIN, after=5), Hush(rounds=1)),
        (asked(AGAIN, after=5, rounds=1), Hush(rounds=2, is_silent=True, is_alarm=True)),
        (asked(AGAIN, after=7200, rounds=1), Hush(rounds=2, is_silent=True, is_alarm=True)),
        (asked(AGAIN, after=7200, rounds=1, commands=("/cases",)), NO_HUSH),
        (asked(OTHER, after=5, rounds=6, commands=("/cases",)), Hush(rounds=7)),
        (asked(OTHER, after=5, rounds=7, commands=("/cases",)), Hush(rounds=8, is_silent=True, is_alarm=True)),
        (asked(OTHER, after=5, unmarked=True), Hush(rounds=1, is_alarm=True)),
        (asked(AGAIN, after=-1, rounds=9), NO_HUSH),
        (asked("", after=7200, rounds=9), NO_HUSH),
    ],
)
def test_haste_and_the_same_words_count(question: Question, expected: Hush) -> None:
    assert expected == find_hush(question, NEW_CASE)


def test_who_released_a_mail_has_looked() -> None:
    question = asked(AGAIN, after=5, rounds=9)
    assert NO_HUSH == find_hush(replace(question, raw=replace(question.raw, is_released=True)), NEW_CASE)


def test_without_a_budget_of_addresses_nothing_is_hushed() -> None:
    policy = config.load_policy(settings(budget=UNLIMITED))
    assert NO_HUSH == find_hush(replace(asked(AGAIN, after=5, rounds=9), policy=policy), NEW_CASE)


def test_what_is_held_anyway_is_told_only_if_its_words_alone_gave_it_away() -> None:
    held = Decision(kind=DecisionKind.HELD, reason="-")
    assert NO_HUSH == find_hush(asked(AGAIN, after=5, rounds=9), held)
    assert find_hush(asked(AGAIN, after=5, unmarked=True), held).is_alarm
