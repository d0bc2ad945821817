"""What agents hand on by mail: customers' mail with `/for`, and files (SPEC section 7, rung 10), on both databases."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.mail.decision import Decision
from tests.agents import ALICE, MIRA, PROVEN, answers, to_customers, with_agents, write
from tests.answers import ANN, BOB, kinds, last
from tests.world import World, a_world


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """One with two agents and a case of bob's."""
    with a_world(database_url, tmp_path) as made:
        yield with_agents(made)


FORWARDED = "From: Ann Archer <ann@customer.example>\nDate: Mon, 2 Mar 2026 08:00\nSubject: Fwd: Printer on fire\nTo: Alice <alice@vendor.example>"
FORWARDS = {
    "gmail": f"---------- Forwarded message ---------\n{FORWARDED}\n\nThe printer burns.\n\nAnn",
    "apple": "Begin forwarded message:\n\n"
    + "\n".join(f"> {line}" for line in (*FORWARDED.split("\n"), "", "The printer burns.", "", "Ann")),
    "outlook": f"________________________________\n{FORWARDED.replace('Date:', 'Sent:')}\n\nThe printer burns.\n\nAnn",
    "thunderbird": f"-------- Forwarded Message --------\n{FORWARDED}\n\n\n\nThe printer burns.\n\nAnn",
    "german": "-----Ursprüngliche Nachricht-----\nVon: Ann Archer <ann@customer.example>\nGesendet: Montag, 2. März 2026 08:00\n"
    "An: Alice <alice@vendor.example>\nBetreff: WG: Printer on fire\n\nThe printer burns.\n\nAnn",
}


@pytest.mark.parametrize("program", FORWARDS)
def test_for_opens_a_case_in_the_customers_name(world: World, program: str) -> None:
    """The forwarded mail is hers, the agent's own words are a note, further commands are about the new case."""
    body = f"/for {ANN}\n/priority P2\n/assign me\n\nShe called me as well.\n\n{FORWARDS[program]}"
    decision = write(world, body, subject="Fwd: Printer on fire")
    assert ("new_case", 1002) == (decision.kind, decision.case)
    case = world.case(1002)
    assert ("Printer on fire", ANN, "mail", ALICE) == (
        case.summary.subject,
        case.summary.reporter,
        case.channel,
        case.summary.assignee,
    )
    assert [("inbound", ANN, "The printer burns.\n\nAnn"), ("note", ALICE, "She called me as well.")] == [
        (one.direction, one.author, one.text) for one in case.messages
    ]
    assert ["case_opened"] == kinds(world, ANN)
    assert "She called me as well" not in to_customers(world)
    assert "case 1002 is open for Ann of EX-1" in " ".join(answers(world)[0].split())


def test_for_takes_an_attached_mail_as_well(world: World) -> None:
    """Which is kept with it; who wrote it is said where that is not who it is for."""
    world.later(minutes=1)
    old = EmailMessage()
    old["From"], old["Subject"], old["Date"] = "ann@home.example", "AW: Printer", "Mon, 02 Mar 2026 08:00:00 +0000"
    old.set_content("The printer burns.\n\nAnn")
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = ALICE, "service@vendor.example", "Fwd: Printer"
    mail["Message-ID"], mail["Authentication-Results"] = "<attached@vendor.example>", PROVEN
    mail.set_content(f"/for {ANN}\n")
    mail.add_attachment(old)
    assert "new_case" == world.mail(mail.as_bytes()).kind
    case = world.case(1002)
    assert [("Printer", "The printer burns.\n\nAnn", 1)] == [
        (one.subject, one.text, len(one.attachments)) for one in case.messages
    ]
    assert "the mail below is from ann@home.example" in " ".join(answers(world)[0].split())


@pytest.mark.parametrize(
    ("first", "below", "why"),
    [
        ("/for nobody@customer.example", FORWARDS["gmail"], "there is no such contact"),
        ("/for reads@customer.example", FORWARDS["gmail"], "has no access"),
        ("/for", FORWARDS["gmail"], "there is no such contact"),
        (f"/for {ANN}", "Only my own words.", "no forwarded mail was found"),
        ("/for eve@other.example", FORWARDS["gmail"], "is of OT-1"),
        (f"/for {ANN}", FORWARDS["gmail"].replace(ANN, MIRA), "from our own side"),
        (f"/start\n/for {ANN}", FORWARDS["gmail"], "as the first line"),
    ],
)
def test_for_that_is_not_clear_opens_nothing(world: World, first: str, below: str, why: str) -> None:
    """Held, and the agent is told why."""
    assert "held" == write(world, f"{first}\n\n{below}", subject="Fwd: Printer on fire").kind
    assert [1001] == list(world.cases())
    assert why in " ".join(answers(world)[0].split())


def with_file(
    world: World, notice: EmailMessage, body: str, name: str, data: bytes, *, disposition: str = "attachment"
) -> Decision:
    """An agent's answer with a file."""
    world.later(minutes=1)
    mail = EmailMessage()
    mail["From"], mail["To"] = ALICE, str(notice["Reply-To"].addresses[0].addr_spec)
    mail["Subject"], mail["Message-ID"] = f"Re: {notice['Subject']}", f"<file-{name}{len(body)}@vendor.example>"
    mail["In-Reply-To"], mail["Authentication-Results"] = str(notice["Message-ID"]), PROVEN
    mail.set_content(body)
    main, sub = ("image", "png") if name.endswith(".png") else ("application", "octet-stream")
    mail.add_attachment(data, maintype=main, subtype=sub, filename=name, disposition=disposition)
    return world.mail(mail.as_bytes(), rcpt=str(mail["To"]))


def test_files_go_along_with_a_reply_and_stay_with_a_note(world: World) -> None:
    """Kept before anything names them; a logo in the text is none."""
    notice = last(world, ALICE, "case_opened")
    assert "agent_reply" == with_file(world, notice, "The patch.", "patch.zip", b"PK patch").kind
    sent = last(world, BOB, "agent_replied")
    assert [("patch.zip", b"PK patch")] == [(one.get_filename(), one.get_content()) for one in sent.iter_attachments()]
    assert ["patch.zip"] == [one.name for one in world.case().messages[-1].attachments]
    with_file(world, notice, "/resolve\n\nAnd one more.", "more.zip", b"PK more")
    assert ["more.zip"] == [one.get_filename() for one in last(world, BOB, "agent_replied").iter_attachments()]
    with_file(world, notice, "/note Their log.", "log.csv", b"a;b")
    assert ("note", ["log.csv"]) == (
        world.case().messages[-1].direction,
        [one.name for one in world.case().messages[-1].attachments],
    )
    with_file(world, notice, "With my logo.", "logo.png", b"\x89PNG", disposition="inline")
    assert [] == list(last(world, BOB, "agent_replied").iter_attachments())
    assert "log.csv" not in to_customers(world)


@pytest.mark.parametrize("name", ["old.eml", "old.msg", "winmail.dat"])
def test_a_file_that_holds_a_whole_mail_never_goes_to_a_customer(world: World, name: str) -> None:
    """It quotes whatever its writer read; with a note it stays here."""
    notice = last(world, ALICE, "case_opened")
    before = len(world.outbox())
    assert "held" == with_file(world, notice, "See there.", name, b"a mail").kind
    assert [ALICE] == [str(mail["To"]) for mail in world.outbox()[before:]]
    assert name in answers(world)[0]
    assert "holds a whole mail" in " ".join(answers(world)[0].split())
    assert "agent_reply" == with_file(world, notice, "/note See.", name, b"a mail").kind
