"""What may leave with an agent's answer, and what is read of a mail that an agent hands on."""

import pytest

from gateway import config
from gateway.domain.agent_mail import AgentCommandName, Correspondence
from gateway.domain.policy import Policy
from gateway.mail.agent_commands import stray_command, understand
from gateway.mail.forwarded import forwarded
from gateway.mail.internal_words import find_internal, find_ours
from gateway.mail.token import Tokens
from tests.world import SECRET, settings

POLICY: Policy = config.load_policy(settings())
TOKENS = Tokens(POLICY.post, SECRET)
KNOWN = Correspondence(
    shown=f"Since Monday everything is slow.\nMy case is {TOKENS.mint(1001)}.\nWe restarted it and it did not help.",
    notes=("They never pay their invoices in time.\nKind regards from the third floor", "no hurry"),
)
NOTICE = "Alice has given case 1001 to Mira.\nSince Monday everything is slow.\nAcme Support Team of Acme\n"


def found(text: str, *ours: str) -> str | None:
    return find_internal(text, KNOWN, ours, TOKENS, POLICY.vendor, POLICY.mail.text)


@pytest.mark.parametrize(
    "text",
    [
        "Hello Bob,\n\nplease restart it.\n\nKind regards\nAlice",
        "> Since Monday everything is slow.\n\nSince when exactly?",
        "> everything\n> is   SLOW.\nSure?",
        "We know that everything is slow since Monday.",
        "There is no hurry with this.",
        f"> My case is {TOKENS.mint(1001)}.\nThis is right.",
        "a > b and c",
        "",
    ],
)
def test_an_agents_own_words_and_the_customers_pass(text: str) -> None:
    assert found(text, NOTICE) is None


@pytest.mark.parametrize(
    "text",
    [
        "> They never pay their invoices in time.\nas we said",
        "as we said they NEVER pay\ntheir invoices in time. so what",
        "> They never\n> pay their\n> invoices in time.",
        "> Bob is known to be rude\nis he?",
        "no hurry",
        "Hello\nno hurry\nAlice",
        "Acme wrote\nAlice has given case 1001 to Mira.",
        "Read all of it: casegate  case show 1001",
        "see casegate\ncase show 1001",
        f"see {TOKENS.mint(1001)}",
        6000 * "a\n",
        "Acme <service+1001.aaaaaaaa@vendor.example> wrote",
        "Acme <SERVICE+1001.aaaaaaaa.n@vendor.example> wrote",
    ],
)
def test_what_no_customer_saw_is_found(text: str) -> None:
    """However a mail program marks, wraps or spells it."""
    assert found(text, NOTICE) is not None


def test_a_mail_that_is_handed_on_may_quote_what_we_wrote_to_the_customer() -> None:
    """But nothing of our mail to agents."""
    text = f"It burns.\n> {TOKENS.mint(1001)} It is slow\n> Just reply to this mail to add something."
    assert find_ours(text, (NOTICE,), POLICY.vendor, POLICY.mail.text) is None
    internal = f"It burns.\n> {NOTICE}"
    assert "Alice has given case 1001 to Mira." == find_ours(internal, (NOTICE,), POLICY.vendor, POLICY.mail.text)


def test_commands_are_known_or_named() -> None:
    """In any case of letters; what stands behind them is kept."""
    commands, unknown = understand(("/NOTE: they called", "/Assign mira", "/notes"))
    assert [(AgentCommandName.NOTE, "they called"), (AgentCommandName.ASSIGN, "mira")] == [
        (command.name, command.words) for command in commands
    ]
    assert "/notes" == unknown


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Hello\n /note: secret", "/note: secret"), ("see /notes/a", None), ("/note/a", None), ("/close.sh", None)],
)
def test_a_command_below_other_words_is_found(text: str, expected: str | None) -> None:
    assert expected == stray_command(text)


@pytest.mark.parametrize(
    ("quoted", "expected"),
    [
        (
            "-- \nAlice\n\nFrom: Ann <Ann@customer.example>\nTo: x@y.example,\n z@y.example\nSubject: It burns\n\nNow.",
            (("ann@customer.example",), "It burns", "Now."),
        ),
        (
            "From: Ann <ann@customer.example>\nSubject: It burns\nNo gap above this.",
            (("ann@customer.example",), "It burns", "No gap above this."),
        ),
        (
            "*From:* Ann [mailto:ann@customer.example]\n\n*Sent:* Monday\n\n*Subject:* It burns\n\nNow.\n\nFrom: Berlin",
            (("ann@customer.example",), "It burns", "Now.\n\nFrom: Berlin"),
        ),
        (
            "> From: Ann Archer\n> Subject: It burns\n>\n> Now.\n>> Old.\n",
            ((), "It burns", "Now.\n> Old."),
        ),
        ("> Now.\n> And then.", None),
        ("From: Ann\nDate: Monday\n\nNo subject.", None),
        ("", None),
    ],
)
def test_a_forwarded_mail_is_read_by_its_header_lines(
    quoted: str, expected: tuple[tuple[str, ...], str, str] | None
) -> None:
    """Sender, subject and all of the text below, whatever stands above."""
    mail = forwarded(quoted, POLICY.mail.text)
    assert expected == (mail and (mail.senders, mail.subject, mail.text))
