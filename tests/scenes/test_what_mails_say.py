"""What mails say beside their news: hotline, knowledge base, feedback, signature, who else gets them (SPEC section 13)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.domain.actions import AgentReply, ChangeParticipants, ChangePriority, ChangeType, Fire, OpenFor
from gateway.domain.model import CaseNumber
from gateway.services import people as people_service
from gateway.store import load_people
from tests.answers import contact
from tests.world import World, a_mail, a_world

CASE = CaseNumber(1001)
BOB, CARL = "bob@customer.example", "carl@customer.example"
HOTLINE, BASE, FEEDBACK = "+49 30 555 0100", "https://help.vendor.example", "feedback@vendor.example"
VENDOR = {
    "name": "Acme",
    "hotline": HOTLINE,
    "knowledge_base": BASE,
    "feedback_address": FEEDBACK,
    "footer": "Acme Ltd",
}
MONDAY_MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REACHED = "who of you can be reached at any hour"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(database_url, tmp_path, vendor=VENDOR) as made:
        made.now = MONDAY_MORNING
        yield made


def forms(mail: EmailMessage) -> tuple[str, str]:
    """Text and HTML of a mail, each with single spaces."""
    found = []
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        found.append(" ".join(part.get_content().replace("&#34;", '"').split()))
    return found[0], found[1]


def last(world: World, to: str = BOB) -> EmailMessage:
    return [mail for mail in world.outbox() if mail["To"] == to][-1]


def says(mail: EmailMessage, words: str) -> bool:
    """Whether both forms say it; never one alone."""
    plain, html = (words in form.replace("<strong>", "").replace("</strong>", "") for form in forms(mail))
    assert plain == html
    return plain


@pytest.mark.parametrize(("at", "expected"), [(MONDAY_MORNING, False), (SUNDAY, True)])
def test_acknowledgements_name_the_hotline_out_of_hours(
    world: World, at: datetime, expected: bool
) -> None:  # a column of the table
    """And the knowledge base at any hour; the team's notice names neither."""
    world.now = at
    world.mail(a_mail())

    assert expected == says(last(world), HOTLINE)
    assert says(last(world), BASE)
    assert not says(last(world, "alice@vendor.example"), HOTLINE)


def test_the_calendar_of_the_account_says_what_is_out_of_hours(world: World) -> None:
    """24x7 is never closed; also for a case that an agent opens for the customer."""
    world.now = SUNDAY
    opened = OpenFor(contact=contact(world, BOB), actor=world.alice, subject="Call", text="Hm", channel="phone")
    world.act(opened)
    assert says(last(world), HOTLINE)

    with world.ports.db.begin() as tx:
        tx.exec_driver_sql("update account set calendar = '24x7' where number = 'EX-1'")
    world.act(opened)
    assert not says(last(world), HOTLINE)


def test_who_can_be_reached_is_asked_for_the_most_urgent_priority(world: World) -> None:
    world.mail(a_mail())
    world.act(ChangeType(case=CASE, actor=world.alice, type="incident", priority="P2"))
    assert not says(last(world), REACHED)
    world.act(ChangePriority(case=CASE, actor=world.alice, priority="P1"))
    assert says(last(world), REACHED)


@pytest.mark.parametrize("body", ["/type incident P1", "/type incident P2\n/priority P1"])
def test_who_makes_it_most_urgent_by_mail_is_asked_too(world: World, body: str) -> None:
    world.mail(a_mail(body=body + "\n\nAll is down."))
    assert says(last(world), REACHED)


def test_a_german_who_makes_it_most_urgent_is_asked_in_german(world: World) -> None:
    with world.ports.db.begin() as tx:
        tx.exec_driver_sql("update contact set lang = 'de' where name = 'Bob'")
    world.mail(a_mail(body="/type incident P1\n\nAlles steht."))
    assert says(last(world), "wer bei Ihnen jederzeit erreichbar ist")
    assert not says(last(world), REACHED)


def test_search_answers_name_the_knowledge_base(world: World) -> None:
    world.mail(a_mail(body="/search printer", subject="find"))
    assert says(last(world), BASE)


@pytest.mark.parametrize(("trigger", "text", "expected"), [
    ("start", None, False), ("resolve", None, True), ("resolve", "Mended.", True),
])  # fmt: skip
def test_who_is_done_is_asked_how_we_did(
    world: World, trigger: str, text: str | None, expected: bool
) -> None:  # a column of the table
    """Also where the agent's words say that it is resolved."""
    world.mail(a_mail())
    world.act(Fire(case=CASE, actor=world.alice, trigger=trigger, text=text))
    assert expected == says(last(world), FEEDBACK)
    assert says(last(world), "reply to this mail")


def test_every_customer_mail_names_who_else_gets_it_and_ends_with_the_footer(world: World) -> None:
    world.mail(a_mail())
    world.act(ChangeParticipants(case=CASE, actor=world.alice, add=(world.carl,)))
    world.act(AgentReply(case=CASE, actor=world.alice, text="Restart it."))
    world.act(Fire(case=CASE, actor=world.alice, trigger="start"))
    world.act(ChangeType(case=CASE, actor=world.alice, type="task"))

    told = [mail for mail in world.outbox() if mail["To"] in {BOB, CARL} and mail["X-Test-Kind"] != "case_opened"]
    assert ["agent_replied", "status_changed", "case_changed"] * 2 == [
        mail["X-Test-Kind"] for who in (BOB, CARL) for mail in told if mail["To"] == who
    ]
    for mail in told:
        other = CARL if mail["To"] == BOB else BOB
        assert says(mail, "Also sent to: ")
        assert f"<{other}>" in forms(mail)[0]
        assert forms(mail)[0].endswith("Acme Acme Ltd")


def test_only_an_agents_words_are_marked_neither_automatic_nor_bulk(world: World) -> None:
    world.mail(a_mail())
    world.act(AgentReply(case=CASE, actor=world.alice, text="Restart it."))
    world.act(Fire(case=CASE, actor=world.alice, trigger="resolve"))

    marks = {
        mail["X-Test-Kind"]: [name for name in ("Auto-Submitted", "X-Auto-Response-Suppress") if mail[name]]
        for mail in world.outbox()
    }
    both = ["Auto-Submitted", "X-Auto-Response-Suppress"]
    assert {"case_opened": both, "agent_replied": [], "status_changed": both} == marks
    assert not [mail for mail in world.outbox() if mail["Precedence"]]


def sign(world: World, text: str) -> None:
    agent = world.ports.db.read(load_people.agent_by_address, "alice@vendor.example")
    assert agent is not None
    people_service.sign(world.ports.db, agent, text)


def replied(world: World, text: str) -> str:
    world.mail(a_mail())
    world.act(AgentReply(case=CASE, actor=world.alice, text=text))
    part = last(world).get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_reply_is_signed_by_name_and_vendor(world: World) -> None:
    """Above the mark of ours, so that no program cuts it off."""
    assert replied(world, "Restart it.").startswith("Restart it.\n\nAlice\nAcme\n\n-- \n[CASE-1001.")


def test_a_reply_is_signed_as_the_agent_wants(world: World) -> None:
    sign(world, "--\nAlice Agent\nSecond level, Acme")
    assert replied(world, "Restart it.").startswith("Restart it.\n\nAlice Agent\nSecond level, Acme\n\n-- \n")
    assert "Alice Agent<br>Second level, Acme" in forms(last(world))[1]


@pytest.mark.parametrize("end", ["Kind regards\nAlice", "Alice\nAcme", "alice \n\n+49 30 5550199"])
def test_who_signed_in_the_text_is_not_signed_twice(world: World, end: str) -> None:
    text = f"Restart it.\n\n{end}"
    assert replied(world, text).startswith(f"{text}\n\n-- \n")


def test_html_in_a_signature_is_text(world: World) -> None:
    sign(world, "<b>Alice</b>")
    assert "<b>Alice</b>" in replied(world, "Restart it.")
    assert "&lt;b&gt;Alice&lt;/b&gt;" in forms(last(world))[1]


def both(world: World) -> None:
    """Carl takes part in bob's case."""
    world.mail(a_mail())
    world.act(ChangeParticipants(case=CASE, actor=world.alice, add=(world.carl,)))


def bob_writes(world: World, body: str) -> None:
    subject = f"Re: {world.ports.tokens.mint(CASE)} It is slow"
    world.mail(a_mail(subject=subject, body=body, message_id="<second@customer.example>"))


def test_who_else_is_on_a_case_reads_what_the_words_in_a_mail_came_with(world: World) -> None:
    """Type, status and what is possible are those after its commands, for colleagues and for agents."""
    both(world)
    bob_writes(world, "/close\n\nIt works again, thanks.")

    copy, notice = last(world, CARL), last(world, "alice@vendor.example")
    assert ("customer_wrote", "customer_wrote") == (copy["X-Test-Kind"], notice["X-Test-Kind"])
    assert says(copy, "It works again, thanks.")
    assert says(copy, "Your case is now closed.")
    assert "Question · Closed" in forms(copy)[0]
    assert "Question · Closed" in forms(notice)[0]
    assert "/reopen" in forms(copy)[0]
    assert "/close" not in forms(copy)[0].partition("-- ")[2]


def test_what_a_mail_changed_beside_its_words_is_told_with_them(world: World) -> None:
    both(world)
    bob_writes(world, "/type incident P2\n\nNobody can work.")

    for to in (CARL, "alice@vendor.example"):
        assert says(last(world, to), "Also changed:")
        assert says(last(world, to), "Type: Incident")
        assert says(last(world, to), "Priority: P2")


def test_agents_read_that_an_answer_opens_the_case_again(world: World) -> None:
    both(world)
    world.act(Fire(case=CASE, actor=world.alice, trigger="resolve"))
    bob_writes(world, "It is as slow as before.")

    assert says(last(world, "alice@vendor.example"), "That opens the case again.")
    assert says(last(world, CARL), "Your case is open again")
