"""Sample words of mails to agents about no case; `mail.samples` gives them with all others."""

from collections.abc import Iterator
from dataclasses import replace

from gateway.domain.desk_words import AlarmWords, AsideWords, DigestWords, FailedWords, TroubleWords
from gateway.domain.words import Words

_ASIDE = AsideWords(
    number=9001,
    state="held",
    sender="bob@customer.example",
    subject="Please change our bank account",
    reason="the sender's evidence failed: dmarc=fail",
    name="Bob Example",
    account="ACME-1",
)


def desk_samples(name: str) -> Iterator[Words]:
    """What agents read of mail that was set aside, and of mail that failed."""
    unread = replace(_ASIDE, number=9002, state="quarantined", subject="", reason="more than 1000 parts")
    if name == "set_aside":
        for mail in (_ASIDE, unread):
            full = AlarmWords(recipient="Mira Agent", mail=mail, account_name="Acme Europe", is_proved=False)
            yield from (full, replace(full, recipient="", is_proved=True))
        return
    if name == "trouble":
        text = "the template note failed: en/note.txt.j2:3: there is no words.tokn here"
        broken = TroubleWords(recipient="Mira Agent", text=text, mend="casegate template check, then restart")
        yield from (broken, replace(broken, recipient=""))
        return
    stranger = replace(_ASIDE, number=9003, sender="", name=None, account=None)
    gone = FailedWords(
        address="carl@customer.example",
        error="5.1.1 no such user",
        mails=3,
        name="Carl Example",
        account="ACME-1",
        phone="+49 30 5550101",
    )
    failed = (gone, FailedWords(address="dora@customer.example", error="5.2.2 mailbox full", mails=1))
    day = DigestWords(recipient="Mira Agent", failed=failed, aside=(_ASIDE, unread, stranger))
    yield replace(day, more_failed=7, more_aside=12)
    yield from (day, replace(day, recipient="", failed=()), replace(day, aside=()))
