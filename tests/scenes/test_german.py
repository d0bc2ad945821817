"""Somebody who reads German reads nothing else in our mail: not in answers to commands, labels or questions."""

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.domain.actions import AgentReply, ChangeType, Fire
from gateway.domain.model import CaseNumber
from gateway.store import people
from gateway.store import tables as t
from tests.answers import ANN, BOB, CARL, NEW, PIN, contact, last, reply, text, with_people, write
from tests.world import SERVICE, World, a_mail, a_world

ENGLISH = frozenset(
    """a about address again already an and another any approval are answer as ask asked bytes can cannot case category
    changed closed company critical customer decision did does done down each either every find first for from gets give
    got have hello here high how i if it its kept know large later list logs low made maker manager many may medium message
    more must name named needs new no nobody not nothing now number of off on one only opened or other our out own
    people person please possible production question read reason registered reply resolved role see sent shown
    since somebody someone subject such than thank that the their them then there these they thing this those to too until
    updated use users waiting we what when where which who whose why with write wrong yes you your""".split()  # noqa: SIM905 - a list of it is a page long
) - {"an", "name", "person", "on"}
"""Words that no German text has; `name`, `person`, `an` and the like are German as well."""

TYPED = re.compile(
    r"""/\w+(?:\ [\w@.,•-]+)*            # a command
    |\b(?:type|order|help|cases|show|status)\ [a-z][\w. ]*   # one as it is told, without its slash
    |\bopen,\ closed.*?priority          # what /cases takes
    |[\w.+-]+@[\w.-]+                    # an address
    |\[CASE-[\w.]+\]
    |question(?:,\ \w+)+                  # the types by their names
    |\b\w+_\w+\b""",
    re.VERBOSE,
)
"""What people type as it stands, in every language."""


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """One whose customers read German; ann is a user manager, and names are no words of any language."""
    with a_world(database_url, tmp_path) as made:
        with_people(made, ANN)
        with made.ports.db.begin() as tx:
            tx.execute(sa.update(t.account).values(lang="de"))
            for address in (ANN, BOB, CARL):
                people.changed(tx, replace(contact(made, address), lang="de"))
        yield made


def words_of(mail: EmailMessage) -> Iterator[str]:
    """Every word that its reader sees, in both forms and the subject, without what is typed."""
    form = mail.get_body(("html",))
    assert form is not None
    page = re.sub(r"<style>.*?</style>|<[^>]*>", " ", str(form.get_content()), flags=re.DOTALL)
    for part in (str(mail["Subject"]), text(mail), html.unescape(page)):
        yield from re.findall(r"[^\W\d_]+", TYPED.sub(" ", part).lower())


def english(world: World) -> dict[str, frozenset[str]]:
    """The English words of all mail to customers, by its subject and kind."""
    found: dict[str, frozenset[str]] = {}
    for mail in world.outbox():
        if "@customer.example" in str(mail["To"]) and (left := ENGLISH & set(words_of(mail))):
            found[f"{mail['X-Test-Kind']}: {text(mail)}"] = left
    return found


def test_what_happens_to_a_case_is_told_in_german(world: World) -> None:
    world.mail(a_mail(subject="Alles steht", body="Seit Montag geht nichts mehr."))
    world.act(ChangeType(case=CaseNumber(1001), actor=world.alice, type="incident", priority="P1"))
    world.act(AgentReply(case=CaseNumber(1001), actor=world.alice, text="Geht es jetzt?"))
    world.act(Fire(case=CaseNumber(1001), actor=world.alice, trigger="resolve"))
    assert {} == english(world)
    assert "Störung · Gelöst" in text(last(world, BOB))
    assert any("Art: Störung\r\nPriorität: P1 kritisch" in text(mail) for mail in world.outbox())


ON_CASE = (
    *("/status", "/cases", "/cases alle", "/cases all 9", "/show", "/show 4711", "/search Montag", "/search ???"),
    *("/help", "/help priorities", "/unsinn", "/users", "/type", "/type unsinn", "/type incident", "/type incident P9"),
    *("/priority", "/priority P9", "/priority P2", "/order", "/order update 8.1", "/order update 8.1", "/add x"),
    *("/add nobody@customer.example", "/add carl@customer.example", "/remove carl@customer.example"),
    *("/remove ann@customer.example", "/remove bob@customer.example", "/escalate Es eilt", "/reopen", "/close"),
    *("/address home@customer.example", "/address x", "/approve", "/reject"),
)


def test_commands_on_a_case_are_answered_in_german(world: World) -> None:
    """What was done, what was not, and why."""
    world.mail(a_mail(subject="Alles steht", body="Seit Montag geht nichts mehr."))
    opened = last(world, BOB)
    for line in ON_CASE:
        reply(world, opened, line)
        assert {} == english(world), line
        world.later(hours=2)
    write(world, BOB, SERVICE, "/close", subject="ohne Vorgang")
    assert {} == english(world)


OF_MANAGERS = (
    *("/users", f"/roles {BOB} unsinn {PIN}", f"/roles {BOB} {PIN}", f"/roles {BOB} decision_maker 9999-9999"),
    *(f"/roles {BOB} decision_maker {PIN}", f"/roles {BOB} decision_maker {PIN}", f"/roles {ANN} none {PIN}"),
    *(f"/invite {NEW} Neu {PIN}", f"/invite {NEW} Neu {PIN}", f"/invite {BOB} Bob {PIN}", f"/invite x y {PIN}"),
    *(f"/unregister {CARL}", "/unregister nobody@customer.example", f"/unregister {ANN}", "/cases all"),
)
PROVED = {"authentication_results": "mx.vendor.example; dmarc=pass header.from=customer.example"}


@pytest.mark.parametrize("evidence", [PROVED, {}], ids=["proved", "unproved"])
def test_commands_about_people_are_answered_in_german(world: World, evidence: dict[str, str]) -> None:
    """With all that they bring with them: questions, records, mail to others."""
    for line in OF_MANAGERS:
        write(world, ANN, SERVICE, line, subject=f"{line.split()[0]}", **evidence)
        assert {} == english(world), line
        world.later(hours=2)


def test_a_question_stays_german_when_it_is_answered_later(world: World) -> None:
    """What was asked for is kept as a phrase, not as the English text."""
    write(world, ANN, SERVICE, f"/unregister {CARL}", subject="Abmeldung")
    asked = last(world, ANN, "approval")
    assert "Carl <carl@customer.example> abmelden" in text(asked)
    reply(world, asked, "/reject")
    answered = last(world, ANN, "approval")
    assert answered["Message-ID"] != asked["Message-ID"]
    assert "Carl <carl@customer.example> abmelden" in text(answered)
    assert {} == english(world)


def test_the_case_that_keeps_a_request_has_a_german_subject(world: World) -> None:
    write(world, ANN, SERVICE, f"/roles {BOB} decision_maker {PIN}", **PROVED)
    assert "Rollen von Bob: Auftragsfreigabe" == world.case().summary.subject


def test_english_readers_of_the_same_mail_read_english(world: World) -> None:
    with world.ports.db.begin() as tx:
        people.changed(tx, replace(contact(world, CARL), lang="en"))
    world.mail(a_mail(subject="Alles steht", cc=CARL))
    world.act(Fire(case=CaseNumber(1001), actor=world.alice, trigger="start"))
    assert "Acme untersucht" in text(last(world, BOB))
    assert "Acme Investigating" in text(last(world, CARL))


TERMINAL = frozenset({"show", "reply", "note", "take"})
HELD = frozenset({"automatic", "auto", "submitted", "not", "on", "a", "case", "of", "its", "sender"})
"""Why a mail was held is English in each language."""


def test_an_agent_who_reads_german_reads_german(world: World) -> None:
    """What happened to their cases; what is typed at the terminal is English in every language."""
    with world.ports.db.begin() as tx:
        tx.execute(sa.update(t.agent).values(lang="de"))
    world.mail(a_mail(subject="Alles steht", body="Der Server steht."))
    world.act(AgentReply(case=CaseNumber(1001), actor=world.alice, text="Läuft er wieder?"))
    subject = f"Re: {world.ports.tokens.mint(1001)} Alles steht"
    for number, body in enumerate(("/type incident P1\n\nNein.", "/escalate Nein.")):
        world.mail(a_mail(BOB, subject, body, message_id=f"<{number}@x.example>"))
    world.mail(a_mail(subject="Bericht", auto_submitted="auto-generated", message_id="<4@x.example>"))

    mails = [mail for mail in world.outbox() if mail["To"] == "alice@vendor.example"]
    assert {"case_opened", "customer_wrote", "escalation", "alarm"} <= {mail["X-Test-Kind"] for mail in mails}
    said = {word for mail in mails for word in words_of(mail)}
    assert set() == (said & ENGLISH) - TERMINAL - HELD
    assert "vorgang" in said
