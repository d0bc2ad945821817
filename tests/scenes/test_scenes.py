"""The scenes of the main job, on both databases: a mail in, what it becomes, who is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.actions import AddNote, AgentReply, Fire
from gateway.domain.model import Attachment, CaseNumber
from gateway.domain.post import DecisionKind
from gateway.errors import NotFound, Refused
from gateway.services import case_view
from tests.world import SERVICE, World, a_mail, a_world

FIRST = CaseNumber(1001)
ALICE, ANN, BOB, CARL, EVE = (
    "alice@vendor.example",
    "ann@customer.example",
    "bob@customer.example",
    "carl@customer.example",
    "eve@other.example",
)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(database_url, tmp_path) as made:
        yield made


@pytest.fixture
def answered(world: World) -> World:
    """A world in which bob asked and alice answered."""
    world.mail(a_mail())
    world.act(AgentReply(case=FIRST, actor=world.alice, text="Please restart it."))
    return world


def test_a_contacts_mail_becomes_a_question(world: World) -> None:
    """No priority, no SLA, the vendor's turn."""
    decision = world.mail(a_mail())

    case = world.case()
    assert DecisionKind.NEW_CASE == decision.kind
    assert ("question", None, "open", "vendor", "EX-1", BOB) == (
        case.summary.type,
        case.summary.priority,
        case.summary.status,
        case.summary.turn,
        case.summary.account,
        case.summary.reporter,
    )
    assert [("inbound", BOB, "unverified", "Since Monday everything is slow.")] == [
        (m.direction, m.author, m.authenticity, m.text.strip()) for m in case.messages
    ]


def test_the_acknowledgement_carries_the_token_and_threads(world: World) -> None:
    """A mail program puts it under the customer's own mail, and no responder answers it."""
    world.mail(a_mail())

    ack = next(mail for mail in world.outbox() if mail["X-Test-Kind"] == "case_opened" and BOB in mail["To"])
    assert world.ports.tokens.mint(1001) in ack["Subject"]
    assert "auto-replied" == ack["Auto-Submitted"]
    assert "<one@customer.example>" == ack["In-Reply-To"]
    assert "<one@customer.example>" in ack["References"]
    assert world.ports.tokens.plus_address(1001) in ack["Reply-To"]
    assert SERVICE in ack["From"]
    assert [(BOB, "case_opened"), (ALICE, "case_opened")] == world.told()


@pytest.mark.parametrize("way", ["token", "plus-address", "references"])
def test_a_reply_finds_its_case(answered: World, way: str) -> None:
    """By any one of the three clues alone."""
    sent = next(mail for mail in answered.outbox() if mail["X-Test-Kind"] == "agent_replied")
    ways = {
        "token": (a_mail(subject=f"AW: {sent['Subject']}", message_id="<two@x.example>"), SERVICE),
        "plus-address": (
            a_mail(subject="without", message_id="<two@x.example>"),
            answered.ports.tokens.plus_address(1001),
        ),
        "references": (
            a_mail(subject="without", message_id="<two@x.example>", references=sent["Message-ID"]),
            SERVICE,
        ),
    }
    data, rcpt = ways[way]

    decision = answered.mail(data, rcpt=rcpt)

    assert (DecisionKind.REPLY, FIRST) == (decision.kind, decision.case)
    assert "waiting_for_vendor" == answered.case().summary.status
    assert [1001] == answered.cases()


def test_a_colleague_who_replies_becomes_a_participant(answered: World) -> None:
    """And from then on gets the case's mail, as the reporter does."""
    token = answered.ports.tokens.mint(1001)

    answered.mail(a_mail(CARL, f"Re: {token}", "Same here.", message_id="<c@customer.example>"))

    assert (CARL,) == answered.case().participants
    assert (BOB, "customer_wrote") in answered.told()
    answered.act(AgentReply(case=FIRST, actor=answered.alice, text="To both of you."))
    assert {(BOB, "agent_replied"), (CARL, "agent_replied")} <= set(answered.told()[-2:])


def test_a_copied_colleague_joins_and_a_stranger_does_not(world: World) -> None:
    """Only an active contact of the same account becomes a participant by Cc."""
    world.mail(a_mail(cc=f"{CARL}, {EVE}, mallory@evil.example, reads@customer.example"))

    assert (CARL,) == world.case().participants


def test_the_status_moves_as_tracker_says(world: World) -> None:
    """open → investigating → waiting_for_customer → waiting_for_vendor → resolved → reopened → closed."""
    token = world.ports.tokens.mint(1001)
    seen = []

    def note() -> None:
        seen.append(world.case().summary.status)

    world.mail(a_mail())
    note()
    world.act(Fire(case=FIRST, actor=world.alice, trigger="start"))
    note()
    world.act(AgentReply(case=FIRST, actor=world.alice, text="Which server?"))
    note()
    world.mail(a_mail(subject=token, body="The second.", message_id="<2@customer.example>"))
    note()
    world.act(Fire(case=FIRST, actor=world.alice, trigger="resolve", text="Restarted."))
    note()
    world.mail(a_mail(subject=token, body="Broken again.", message_id="<3@customer.example>"))
    note()
    world.act(Fire(case=FIRST, actor=world.alice, trigger="resolve"))
    world.act(Fire(case=FIRST, actor=world.alice, trigger="close"))
    note()

    assert [
        "open",
        "investigating",
        "waiting_for_customer",
        "waiting_for_vendor",
        "resolved",
        "reopened",
        "closed",
    ] == seen


def test_start_and_reply_take_an_unassigned_case(world: World) -> None:
    """Later agents do not take it away."""
    world.mail(a_mail())

    world.act(Fire(case=FIRST, actor=world.alice, trigger="start"))

    assert ALICE == world.case().summary.assignee
    assert ["opened", "assigned", "start"] == world.history()


def test_the_customer_gets_the_agents_own_words(answered: World) -> None:
    """Marked neither automatic nor bulk: a person wrote it."""
    mail = answered.outbox()[-1]

    assert BOB in mail["To"]
    assert "Please restart it." in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert mail["Auto-Submitted"] is None
    assert mail["Precedence"] is None


def test_a_note_never_leaves_the_vendor(answered: World) -> None:
    """Not to a customer, not even when a customer is on the case."""
    before = len(answered.outbox())

    answered.act(AddNote(case=FIRST, actor=answered.alice, text="They forgot to pay."))

    assert all("forgot" not in mail.as_string() for mail in answered.outbox() if "customer" in mail["To"])
    assert before == len(answered.outbox())  # alice is the assignee and wrote it herself
    assert "note" == answered.case().messages[-1].direction


def test_events_that_are_not_listed_are_refused_and_name_what_is_possible(world: World) -> None:
    """Nothing is written."""
    world.mail(a_mail())

    with pytest.raises(Refused, match=r"case 1001 is Open; possible: start, agent_reply, resolve, defer"):
        world.act(Fire(case=FIRST, actor=world.alice, trigger="close"))
    with pytest.raises(NotFound, match="no case 4711"):
        world.act(Fire(case=CaseNumber(4711), actor=world.alice, trigger="start"))

    assert ["opened"] == world.history()


def test_a_reply_to_a_closed_case_is_sent_and_the_status_stays(answered: World) -> None:
    """SPEC 5.3."""
    answered.act(Fire(case=FIRST, actor=answered.alice, trigger="resolve"))
    answered.act(Fire(case=FIRST, actor=answered.alice, trigger="close"))

    answered.act(AgentReply(case=FIRST, actor=answered.alice, text="One more thing."))

    assert "closed" == answered.case().summary.status
    assert (BOB, "agent_replied") == answered.told()[-1]


def test_defer_and_reopen_tell_the_customer(answered: World) -> None:
    """Statuses that change without a message are told."""
    answered.mail(a_mail(subject=answered.ports.tokens.mint(1001), message_id="<d@customer.example>"))

    answered.act(Fire(case=FIRST, actor=answered.alice, trigger="defer"))
    assert ("deferred", (BOB, "status_changed")) == (answered.case().summary.status, answered.told()[-1])
    answered.act(Fire(case=FIRST, actor=answered.alice, trigger="reopen"))
    assert ("reopened", (BOB, "status_changed")) == (answered.case().summary.status, answered.told()[-1])


def test_a_stranger_gets_one_polite_answer_and_no_case(world: World) -> None:
    """Once a day, with nothing of their mail in it, from the null return path."""
    first = world.mail(a_mail("mallory@evil.example", "Buy now", "Very cheap."))
    again = world.mail(a_mail("mallory@evil.example", "Buy more", "Cheaper.", message_id="<2@evil.example>"))
    world.later(days=1, seconds=1)
    world.mail(a_mail("mallory@evil.example", "Third", message_id="<3@evil.example>"))

    assert [DecisionKind.UNREGISTERED] * 2 == [first.kind, again.kind]
    assert [("mallory@evil.example", "unregistered")] * 2 == world.told()
    answer = world.outbox()[0]
    assert "<>" == answer["X-Test-Return-Path"]
    assert "Buy now" not in answer.as_string()
    assert "cheap" not in answer.as_string()
    assert "service+register@vendor.example" in answer.as_string()
    assert [] == world.cases()


def test_a_contact_without_access_and_a_stranger_get_the_same_words(world: World) -> None:
    """Nobody learns who is registered."""
    world.mail(a_mail("reads@customer.example"))
    world.mail(a_mail("mallory@evil.example", message_id="<2@evil.example>"))

    one, other = (mail.get_body(("plain",)).get_content() for mail in world.outbox())  # type: ignore[union-attr]
    assert one == other


@pytest.mark.parametrize(
    "mark", [{"auto_submitted": "auto-replied"}, {"auto_submitted": "AUTO-GENERATED; x=y"}, {"return_path": "<>"}]
)
def test_an_automatic_reply_changes_nothing(answered: World, mark: dict[str, str]) -> None:
    """It is kept on its case; no status, no answer to anybody."""
    before, told = answered.case().summary.status, answered.told()
    subject = f"Out of office: {answered.ports.tokens.mint(1001)}"

    decision = answered.mail(a_mail(subject=subject, message_id="<away@customer.example>", **mark))

    assert DecisionKind.AUTOMATIC == decision.kind
    assert before == answered.case().summary.status
    assert told == answered.told()
    assert answered.case().messages[-1].automatic


def test_an_automatic_mail_without_a_case_is_held(world: World) -> None:
    """It opens none, and nobody is answered; agents hear that a contact's mail waits."""
    decision = world.mail(a_mail(auto_submitted="auto-generated"))

    assert (DecisionKind.HELD, [("alice@vendor.example", "alarm")]) == (decision.kind, world.told())


def test_our_own_mail_coming_back_is_dropped(answered: World) -> None:
    """Unchanged, or reduced to its sender."""
    with answered.ports.db.begin() as tx:
        own = bytes(tx.exec_driver_sql("SELECT data FROM outbox ORDER BY id LIMIT 1").scalar_one())
    told = answered.told()

    assert DecisionKind.DROPPED == answered.mail(own).kind
    assert DecisionKind.DROPPED == answered.mail(a_mail(SERVICE, message_id="<z@vendor.example>")).kind
    assert told == answered.told()


def test_what_the_parser_cannot_take_is_quarantined_and_the_next_goes_through(world: World) -> None:
    """Five thousand nested parts are no mail."""
    torture = b"From: bob@customer.example\r\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth) for depth in range(5000)
    )
    world.accept(torture)
    world.accept(a_mail())

    kinds = [decision.kind for decision in world.handle()]

    assert [DecisionKind.QUARANTINED, DecisionKind.NEW_CASE] == kinds
    assert [("quarantined", "quarantined"), ("done", "new_case")] == world.intake()


def test_the_same_mail_twice_is_one_message(world: World) -> None:
    """Whatever relays wrote on top of it, and whatever line ends it came with."""
    world.mail(a_mail())

    copy = b"Received: from elsewhere\r\n\tby relay\r\n" + a_mail().replace(b"\r\n", b"\n")
    assert DecisionKind.DUPLICATE == world.mail(copy).kind
    assert [1001] == world.cases()
    assert 1 == len(world.case().messages)


def test_nothing_crosses_accounts(answered: World) -> None:
    """Another account's contact with our token and Message-IDs opens a case of their own."""
    token = answered.ports.tokens.mint(1001)
    sent = answered.outbox()[-1]["Message-ID"]

    decision = answered.mail(
        a_mail(EVE, f"Re: {token} It is slow", "Tell me.", message_id="<e@other.example>", in_reply_to=sent),
        rcpt=answered.ports.tokens.plus_address(1001),
    )

    assert DecisionKind.NEW_CASE == decision.kind
    assert ("OT-1", "It is slow") == (answered.case(1002).summary.account, answered.case(1002).summary.subject)
    to_eve = [mail.as_string() for mail in answered.outbox() if EVE in mail["To"]]
    assert to_eve
    assert all("Please restart" not in text and "EX-1" not in text for text in to_eve)


@pytest.mark.parametrize(("vouched", "kind"), [(True, "reply"), (False, "new_case")])
def test_a_token_without_its_check_part_threads_for_the_authenticated(
    answered: World, vouched: bool, kind: str
) -> None:
    """TT-04: for all others it counts as no token."""
    headers = (
        {"authentication_results": "mx.vendor.example; dmarc=pass header.from=customer.example"} if vouched else {}
    )

    assert kind == answered.mail(a_mail(subject="Re: [CASE-1001]", message_id="<t@customer.example>", **headers)).kind


@pytest.mark.parametrize(("results", "kind"), [("fail", "held"), ("pass", "new_case")])
def test_evidence_that_failed_is_never_enough(world: World, results: str, kind: str) -> None:
    """Even where unverified mail is."""
    header = f"mx.vendor.example; dmarc={results} header.from=customer.example"

    assert kind == world.mail(a_mail(authentication_results=header)).kind


def test_a_bounce_to_the_keyed_return_path_settles_its_row(answered: World) -> None:
    """And is noted on the case; the second report about it tells nothing new."""
    reply = answered.outbox()[-1]
    report = (
        b"From: mailer-daemon@customer.example\r\nTo: x\r\nSubject: Undelivered\r\nMessage-ID: <b@customer.example>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; mx.customer.example\r\n\r\n"
        b"Final-Recipient: rfc822; bob@customer.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--b--\r\n"
    )
    rcpt = reply["X-Test-Return-Path"]

    decision = answered.mail(report, rcpt=rcpt, mail_from="")
    answered.mail(report.replace(b"<b@", b"<b2@"), rcpt=rcpt, mail_from="")

    assert (DecisionKind.BOUNCE, FIRST) == (decision.kind, decision.case)
    assert ["delivery_failed"] == [name for name in answered.history() if name == "delivery_failed"]
    assert "held" == answered.mail(report.replace(b"<b@", b"<c@"), rcpt=SERVICE, mail_from="").kind


def test_attachments_are_kept_by_hash_and_a_strangers_are_not(world: World, tmp_path: Path) -> None:
    """A mail over 1 MB is a blob itself, written before the row that names it."""
    big = b"x" * 1_500_000
    head = a_mail(mime_version="1.0", content_type="multipart/mixed; boundary=b").partition(b"\r\n\r\n")[0]
    body = b"\r\n\r\n--b\r\n\r\nSee the log.\r\n--b\r\nContent-Type: application/octet-stream\r\n" + (
        b"Content-Disposition: attachment; filename=server.log\r\n\r\n" + big + b"\r\n--b--\r\n"
    )
    blobs = tmp_path / "blobs"

    world.mail(head.replace(b"bob@customer", b"mallory@evil") + body)
    stranger = [path for path in blobs.rglob("*") if path.is_file()]
    world.mail(head + body)

    (file,) = world.case().messages[0].attachments
    assert ("server.log", len(big)) == (file.name, file.size)
    assert big == world.ports.blobs.get(file.sha256)
    assert 1 == len(stranger)  # the raw mail alone


def test_an_agents_attachment_reaches_the_customer(answered: World) -> None:
    """And stands on the message."""
    data = b"one line of a log\n"
    sha256 = answered.ports.blobs.put(data)
    file = Attachment(name="fix.txt", size=len(data), sha256=sha256, content_type="text/plain")

    answered.act(AgentReply(case=FIRST, actor=answered.alice, text="See the file.", attachments=(file,)))

    (part,) = answered.outbox()[-1].iter_attachments()
    assert ("fix.txt", "one line of a log") == (part.get_filename(), part.get_content().strip())
    assert ["fix.txt"] == [kept.name for kept in answered.case().messages[-1].attachments]


@pytest.mark.parametrize("subject", ["contact:2", "agent:1", "=?utf-8?B?Y29udGFjdDrCsg==?=", "contact:" + "9" * 30])
def test_a_subject_that_looks_like_a_person_is_text(world: World, subject: str) -> None:
    """The history shows it as it is, and never an address that it seems to name."""
    world.mail(a_mail(subject=subject))

    opened = world.ports.db.read(case_view.history, 1001)[0]

    assert (world.case().summary.subject, BOB) == (opened.detail["subject"], opened.detail["reporter"])
