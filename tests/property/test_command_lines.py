"""Commands begin with a slash, stand in the new text, and come out of no quotation; nothing is lost beside them."""

from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.domain.post import ParsedMail
from gateway.domain.rulebook import read_mail_rules
from gateway.domain.toml_lines import Page
from gateway.mail.command_lines import AROUND, MAX_COMMANDS, MAX_LENGTH, own_lines, read_commands, says_the_same
from gateway.mail.parse import read_mail

RULES = read_mail_rules(Page("mail.toml", (Path(__file__).parents[2] / "rules" / "mail.toml").read_text()))

LINES = st.sampled_from(
    [
        *(
            "",
            " ",
            "/close",
            "  /type incident P2 ",
            "/approve",
            "/approved",
            "\ufeff/close",
            "\u200b",
            "\u00a0/a\u00a0b",
        ),
        *(
            "/var/log",
            "/ close",
            "> /approve",
            ">/close",
            "Hello,",
            "-- ",
            "/" + "a" * MAX_LENGTH,
            "_" * 32,
            "\t/close",
        ),
        *("On 2 Oct 2023 Ann <ann@x.example> wrote:", "-----Original Message-----", "From: a", "Sent: b", "Subject: c"),
        *(
            "Begin forwarded message:",
            "Kind regards",
            "Sent from my iPhone",
            "[EXTERNAL]",
            "/close\u2028/approve",
            "/\x85",
        ),
    ]
)
TEXTS = st.lists(LINES | st.text(max_size=20), max_size=40).map("\n".join)


def parsed(text: str, kind: str = "text/plain") -> ParsedMail:
    """A mail with this text."""
    head = f"From: ann@x.example\nContent-Type: {kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    mail = read_mail((head + text).encode("utf-8", "replace"), RULES)
    assert isinstance(mail, ParsedMail)
    return mail


def letters(text: str) -> list[str]:
    """What can be seen of it."""
    return [letter for letter in text if letter not in AROUND and not letter.isspace()]


@settings(deadline=None)
@given(TEXTS | st.text(), st.none() | st.integers(0, 10))
@example("/status\n" * (MAX_COMMANDS + 5), None)
def test_commands_and_words_together_are_the_new_text(text: str, first_lines: int | None) -> None:
    commands, words = read_commands(text, first_lines)

    assert letters("".join(commands) + words) == letters(text)
    assert all(command.startswith("/") and command == command.strip() for command in commands)
    assert len(commands) <= MAX_COMMANDS
    assert all(len(command) <= MAX_LENGTH and "\n" not in command for command in commands)
    assert words == words.strip("\n")


@settings(deadline=None)
@given(TEXTS)
def test_of_any_mail_commands_and_words_are_its_new_text(text: str) -> None:
    for kind in ("text/plain", "text/plain; format=flowed", "text/html"):
        mail = parsed(text, kind)

        assert letters("".join(mail.commands) + mail.words) == letters(mail.new_text)
        assert all(command.startswith("/") for command in mail.commands)


@settings(deadline=None)
@given(TEXTS, st.sampled_from(["> ", ">", ">> ", " > "]))
def test_what_is_quoted_has_no_commands(text: str, mark: str) -> None:
    quoted = "\n".join(mark + line for line in text.split("\n"))

    assert parsed(quoted).commands == ()
    assert parsed(f"On 2 Oct 2023 Ann <ann@x.example> wrote:\n{quoted}").commands == ()
    assert parsed(f"Hello,\n\n{quoted}").commands == ()


@settings(deadline=None)
@given(TEXTS, TEXTS, st.integers(0, 50))
def test_lines_that_may_be_commands_are_some_of_the_new_text(new_text: str, text: str, first_lines: int) -> None:
    assert 0 <= own_lines(new_text, text, first_lines) <= len(new_text.split("\n"))
    assert says_the_same(new_text, text) == says_the_same(text, new_text)
