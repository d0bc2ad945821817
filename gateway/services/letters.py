"""What a mail that registers somebody, or answers a question of ours, stands for: read before the ladder decides.

Called by `services.inbound`. A PIN is hashed here, and goes no further: what is decided on knows whose it is.
"""

from dataclasses import replace

import sqlalchemy as sa

from gateway.domain.approval import Letter
from gateway.domain.facts import AnswerFacts, LetterFacts
from gateway.domain.post import Envelope, ParsedMail
from gateway.mail.letter import read_letter, without_pins
from gateway.mail.token import one_time_tokens, our_recipients
from gateway.services.ports import Ports
from gateway.store import approvals, load_people

MOST_READ = 5_000
"""Characters in which a PIN is looked for that the subject may repeat; this is read while others wait to write."""


def answer_facts(tx: sa.Connection, ports: Ports, mail: ParsedMail, envelope: Envelope) -> AnswerFacts | None:
    """What the one-time address that this mail came to was made for; None for mail to no such address."""
    tokens = one_time_tokens(mail, envelope, ports.tokens)
    if not tokens:
        return None
    return AnswerFacts(asked=approvals.asked_by(tx, tokens))


def letter_facts(
    tx: sa.Connection, ports: Ports, mail: ParsedMail, envelope: Envelope, answer: AnswerFacts | None
) -> LetterFacts | None:
    """What the writer says of themselves, where this mail registers them; None for any other mail."""
    answers = answer is not None and answer.asked is not None and answer.asked.registration is not None
    address = ports.policy.post.registration_address
    if mail.sender is None or not (answers or address in our_recipients(mail, envelope, ports.tokens)):
        return None
    found = read_letter(mail, ports.policy.letters)
    accounts = (load_people.account_of_pin(tx, ports.tokens.pin_hash(pin)) for pin in found.pins)
    letter = Letter(
        address=mail.sender,
        name=found.name,
        phone=found.phone,
        lang=found.lang,
        account=next(filter(None, accounts), None),
        has_pin=bool(found.pins),
        message_id=mail.message_id,
    )
    return LetterFacts(letter=letter, over=_over(tx, ports, letter))


def without_pin(ports: Ports, mail: ParsedMail) -> ParsedMail:
    """The mail with a sender and a subject that may be kept and shown (SPEC section 9).

    For mail that is on no case: whoever registers may write the PIN into a header, and to the wrong address.
    """
    found = read_letter(replace(mail, new_text=mail.new_text[:MOST_READ]), ports.policy.letters)
    return replace(
        mail,
        subject=without_pins(mail.subject, found.pins),
        sender_shown=without_pins(mail.sender_shown, found.pins),
    )


def _over(tx: sa.Connection, ports: Ports, letter: Letter) -> str | None:
    """Which budget is used up: what guesses PINs, or has us write to strangers, ends in silence (SPEC section 9)."""
    since, limits = ports.now() - approvals.HOUR, ports.policy.registrations
    if 0 < limits.wrong_pins_hour <= approvals.wrong_pins_since(tx, since):
        return f"{limits.wrong_pins_hour} wrong PINs within an hour"
    if 0 < limits.hour <= approvals.mailed_since(tx, since):
        return f"{limits.hour} registration mails within an hour"
    if letter.account and 0 < limits.account_hour <= approvals.mailed_since(tx, since, account=letter.account):
        return f"{limits.account_hour} registration mails for {letter.account} within an hour"
    return None
