"""registration …, approval …, contact invite: what they list, decide, refuse, and never show (SPEC sections 3 and 9)."""

import re
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from gateway import config as settings_of
from gateway import wiring
from gateway.domain.actions import Action, Cause
from gateway.domain.approval import ApprovalKind
from gateway.domain.approval_actions import Ask
from gateway.domain.model import CaseNumber
from gateway.domain.post import Envelope, ParsedMail, Transport
from gateway.mail.parse import read_mail
from gateway.services import inbound, people, post_room
from gateway.services.perform import perform
from gateway.services.ports import Ports
from tests.cli.typist import ALICE, Typist
from tests.world import a_mail

REGISTER = "service+register@vendor.example"
ANN, BOB, DORA, NEW = (f"{name}@customer.example" for name in ("ann", "bob", "dora", "new"))
SAM, ROOT = ("--as", "sam@vendor.example"), ("--as", "root@vendor.example")
PIN = "4711-0815"
REGISTRATION = ["id", "address", "account", "name", "state", "requested_at", "expires_at"]
APPROVAL = ["id", "kind", "account", "case", "asked", "state", "expires_at"]


@pytest.fixture
def office(desk: Typist) -> Typist:
    """With an account that has a PIN, and a support manager."""
    desk.do("account", "add", "Pinned", "--number", "PIN-1", "--pin", PIN, "--domain", "customer.example")
    desk.do("agent", "add", "Sam", "--address", "sam@vendor.example", "--kind", "support_manager")
    return desk


@contextmanager
def ports_of(desk: Typist) -> Iterator[Ports]:
    ports = wiring.build_ports(settings_of.load(desk.config))
    try:
        yield ports
    finally:
        ports.db.close()


def deliver(desk: Typist, sender: str, to: str, body: str, subject: str = "Hello") -> int:
    """A mail comes by SMTP, which knows its recipient, and is decided; its number."""
    id_ = uuid.uuid4().hex
    data = a_mail(sender, subject, body, message_id=f"<{id_}@customer.example>", to=to)
    envelope = Envelope(transport=Transport.SMTP, transport_id=id_, mail_from=sender, rcpt_to=(to,), peer="127.0.0.1")
    with ports_of(desk) as ports:
        (number,) = inbound.accept(ports, [inbound.Delivery(envelope, data)])
        (raw,) = inbound.lease(ports)
        parsed = read_mail(raw.data, ports.policy.mail)
        assert isinstance(parsed, ParsedMail)
        inbound.handle(ports, raw, parsed)
    return number


def answer_address(desk: Typist, recipient: str) -> str:
    """Where the newest mail to somebody wants its answer, as they read it."""
    row = next(row for row in desk.json("outbox", "list") if row["recipient"] == recipient)
    with ports_of(desk) as ports:
        data = ports.db.read(post_room.outbox_mail, row["id"])
    found = re.search(rb"^Reply-To: .*<(.*)>", data, re.MULTILINE)
    assert found
    return found[1].decode()


def register(desk: Typist, address: str = NEW, name: str = "Nora New", pin: str = PIN) -> None:
    """By letter, and confirmed by a reply."""
    deliver(desk, address, REGISTER, f"PIN: {pin}\nName: {name}\nPhone: +49 30 123456")
    deliver(desk, address, answer_address(desk, address), "")


def act(desk: Typist, action: Action) -> None:
    with ports_of(desk) as ports:
        perform(ports, action, Cause.cli(uuid.uuid4().hex))


def order(desk: Typist, *, decision_maker: bool = True) -> int:
    """An order of Bob's on case 1001 that waits for its approval; the approval's number."""
    if decision_maker:
        desk.do("contact", "add", DORA, "--account", "EX-1", "--name", "Dora", "--role", "decision_maker")
    desk.mail(a_mail(BOB))
    with ports_of(desk) as ports:
        bob = ports.db.read(people.contact, BOB)
    act(desk, Ask(kind=ApprovalKind.ORDER, actor=bob.party, text="update to 8.2", case=CaseNumber(1001)))
    (open_one,) = desk.json("approval", "list")
    number: int = open_one["id"]
    return number


# --- Registrations --------------------------------------------------------------------------------------


def test_open_registrations_are_listed_with_whose_move_it_is(office: Typist) -> None:
    assert "no registrations\n" == office.do("registration", "list")
    deliver(office, NEW, REGISTER, f"PIN: {PIN}\nName: Nora New")
    (one,) = office.json("registration", "list")
    assert REGISTRATION == list(one)[: len(REGISTRATION)]
    assert (NEW, "PIN-1", "Nora New", "requested") == (one["address"], one["account"], one["name"], one["state"])
    assert all(one[name].endswith("Z") for name in ("requested_at", "expires_at"))
    assert "their reply, until 20" in office.do("registration", "list")

    deliver(office, NEW, answer_address(office, NEW), "")

    said = office.do("registration", "list")
    assert "the vendor, until 20" in said
    assert "1 waits for you; make sure by phone, then: casegate registration approve 1" in said
    assert ["confirmed"] == [one["state"] for one in office.json("registration", "list")]
    assert [] == office.json("registration", "list", "--state", "requested")


def test_wrong_pins_and_unknown_accounts_are_seen_by_agents(office: Typist) -> None:
    deliver(office, NEW, REGISTER, "PIN: 9999-1234\nName: Nora New")
    (one,) = office.json("registration", "list")
    assert (None, 1, False) == (one["account"], one["wrong_pins"], one["has_pin"])
    assert "their reply with the PIN" in office.do("registration", "list")
    assert "1 wrong PIN" in office.do("registration", "list")


def test_the_vendor_approves_a_first_user_manager_once(office: Typist) -> None:
    register(office)
    said = office.do("registration", "approve", "1", *ALICE)
    assert f"1 approved: Nora New <{NEW}> is user manager of PIN-1 · 1 mail queued\n" == said
    assert ["user_manager"] == office.json("contact", "show", NEW)["role"]
    assert [] == office.json("registration", "list")
    (one,) = office.json("registration", "list", "--all")
    assert ("approved", "alice@vendor.example") == (one["state"], one["answered_by"])
    assert "by alice@vendor.example" in office.do("registration", "list", "--state", "approved")

    again = office("registration", "approve", "1", *ALICE)

    assert (1, "casegate: registration 1 is approved already\n") == (again.code, again.err)


def test_an_account_with_a_user_manager_decides_itself(office: Typist) -> None:
    office.do("contact", "add", ANN, "--account", "PIN-1", "--name", "Ann", "--role", "user_manager")
    register(office)
    assert f"{ANN}, until 20" in office.do("registration", "list")
    for words in (("approve", "1"), ("reject", "1", "-m", "No")):
        said = office("registration", *words, *ALICE)
        assert (1, 1) == (said.code, said.err.count("\n"))
        assert f"account PIN-1 decides itself; its user managers are asked: {ANN}" in said.err
    assert ["confirmed"] == [one["state"] for one in office.json("registration", "list")]


def test_a_rejected_person_is_told_why(office: Typist) -> None:
    register(office)
    said = office.do("registration", "reject", "1", "-m", " Nobody knows you. ", *ALICE)
    assert f"1 rejected: {NEW} · 1 mail queued\n" == said
    mail = next(row for row in office.json("outbox", "list") if row["kind"] == "rejected")
    assert "Nobody knows you." in office.do("outbox", "show", str(mail["id"]))
    (one,) = office.json("registration", "list", "--all")
    assert ("rejected", "Nobody knows you.") == (one["state"], one["reason"])
    assert "by alice@vendor.example · Nobody knows you." in office.do("registration", "list", "--all")


def test_one_that_is_refused_does_not_stop_the_others(office: Typist) -> None:
    register(office)
    deliver(office, "late@customer.example", REGISTER, f"PIN: {PIN}\nName: Late")
    said = office("registration", "reject", "7", "2", "1", *ALICE)
    assert (1, f"1 rejected: {NEW} · 1 mail queued\n") == (said.code, said.out)
    assert "there is no registration 7; `casegate registration list` shows them" in said.err
    assert "late@customer.example has not confirmed yet" in said.err
    assert "casegate: refused for 2 of 3 registrations\n" in said.err


def test_what_stands_out_of_an_address_is_said_before_anybody_approves(office: Typist) -> None:
    register(office, "new@custorner.example")
    said = office.do("registration", "list")
    assert "warning: 1: new@custorner.example is outside PIN-1's mail domains (customer.example)" in said
    assert "warning: 1: new@custorner.example can be mistaken for another address" in said
    assert 2 == len(office.json("registration", "list")[0]["warnings"])


def test_a_name_cannot_write_to_the_terminal(office: Typist) -> None:
    register(office, name="\x1b[31mRed\x07")
    for words in (["registration", "list"], ["approval", "list"], ["registration", "approve", "1", *ALICE]):
        assert not {"\x1b", "\x07"} & set(office.do(*words))


WRONG: list[tuple[int, list[str], str]] = [
    (1, ["registration", "approve", "7", *ALICE], "casegate registration list"),
    (1, ["registration", "reject", "7", *ALICE], "casegate registration list"),
    (2, ["registration", "approve", "1"], "alice@vendor.example"),
    (1, ["registration", "approve", "1", "--as", "nobody"], "alice@vendor.example"),
    (2, ["registration", "approve", *ALICE], "--help"),
    (2, ["registration", "approve", "0", *ALICE], "--help"),
    (2, ["registration", "reject", "1", "-m", " ", *ALICE], "leave -m out"),
    (2, ["registration", "reject", "1", "-m", "x" * 2_001, *ALICE], "leave -m out"),
    (2, ["registration", "list", "--all", "--state", "confirmed"], "either --state or --all"),
    (2, ["registration", "list", "--state", "bogus"], "--help"),
    (1, ["approval", "release", "7", "-m", "x", *SAM], "casegate approval list"),
    (2, ["approval", "release", "7", *SAM], "--help"),
    (2, ["approval", "release", "7", "-m", "x"], "sam@vendor.example"),
    (2, ["approval", "release", "7", "-m", "x" * 2_001, *SAM], "2,000"),
]


def test_what_cannot_be_is_refused_in_one_line(office: Typist) -> None:
    register(office)
    for code, words, mend in WRONG:
        said = office(*words)
        assert (code, 1) == (said.code, said.err.count("\n")), said
        assert mend in said.err
    assert ["confirmed"] == [one["state"] for one in office.json("registration", "list")]


# --- Inviting -------------------------------------------------------------------------------------------


def test_an_agent_invites_and_the_person_replies_with_the_pin(office: Typist) -> None:
    words = ("contact", "invite", "New@Customer.example", "--account", "PIN-1", "--name", " Nora New ")
    said = office.do(*words, "--role", "decision_maker", "--phone", "+49 30 1", *ALICE)
    assert re.fullmatch(rf"registration 1: {NEW} has until \S+ \S+ to reply with the PIN · 1 mail queued\n", said)
    (one,) = office.json("registration", "list")
    assert (NEW, "Nora New", "+49 30 1", ["decision_maker"], "alice@vendor.example") == tuple(
        one[name] for name in ("address", "name", "phone", "roles", "invited_by")
    )
    assert "their reply with the PIN" in office.do("registration", "list")

    deliver(office, NEW, answer_address(office, NEW), f"PIN: {PIN}")
    office.do("registration", "approve", "1", *ALICE)

    assert ["decision_maker", "user_manager"] == office.json("contact", "show", NEW)["role"]


def test_an_invitation_nobody_can_reply_to_warns(office: Typist) -> None:
    said = office.do("contact", "invite", "x@elsewhere.example", "--account", "EX-1", "--name", "X", *ALICE)
    assert "warning: EX-1 has no PIN to reply with; `casegate account pin EX-1 --new` issues one\n" in said
    assert "warning: x@elsewhere.example is outside EX-1's mail domains (customer.example)\n" in said
    shown = office.json("contact", "invite", NEW, "--account", "PIN-1", "--name", "Nora", *ALICE)
    assert (2, "requested", False) == (shown["id"], shown["state"], shown["has_pin"])


UNINVITED: list[tuple[int, dict[str, str], str]] = [
    (2, {"address": "nobody"}, "no mail address"),
    (1, {"address": "service+x@vendor.example"}, "address of this gateway"),
    (1, {"address": "sam@vendor.example"}, "agent"),
    (1, {"address": BOB}, "two companies"),
    (1, {"--account": "NONE"}, "casegate account list"),
    (2, {"--name": "A\nB"}, "one line"),
    (2, {"--phone": "\x1b"}, "phone number"),
    (2, {"--lang": "english!"}, "language"),
    (2, {"--as": ""}, "--as with one of"),
]


def test_who_cannot_be_invited(office: Typist) -> None:
    usual = {"address": NEW, "--account": "PIN-1", "--name": "Nora", "--as": "alice@vendor.example"}
    for code, changed, mend in UNINVITED:
        given = {**usual, **changed}
        address = given.pop("address")
        said = office("contact", "invite", address, *(word for pair in given.items() if pair[1] for word in pair))
        assert (code, 1) == (said.code, said.err.count("\n")), said
        assert mend in said.err
    assert ([], []) == (office.json("registration", "list", "--all"), office.json("outbox", "list"))


# --- Orders ---------------------------------------------------------------------------------------------


def test_an_order_that_waits_is_listed_and_named_on_its_case(office: Typist) -> None:
    assert "no approvals\n" == office.do("approval", "list")
    number = order(office)
    (one,) = office.json("approval", "list")
    assert set(APPROVAL) <= set(one)
    assert ("order", "EX-1", 1001, [DORA], "open") == tuple(
        one[name] for name in ("kind", "account", "case", "asked", "state")
    )
    assert one["expires_at"].endswith("Z")
    assert [one] == office.json("case", "show", "1001")["approvals"]
    release = f"casegate approval release {number} -m REASON"
    assert f"{DORA}, until 20" in office.do("approval", "list")
    assert release in office.do("approval", "list")
    head = " ".join(office.do("case", "show", "1001").split())
    assert f"Order waits for the approval of {DORA} · until 20" in head
    assert release in head


def test_a_support_manager_releases_an_order_once(office: Typist) -> None:
    number = str(order(office))
    words = ("approval", "release", number, "-m", "Dora agreed by phone.")

    plain = office(*words, *ALICE)
    assert (1, "only a support manager or an admin releases orders; --as one of: sam@vendor.example") == (
        plain.code,
        plain.err.removeprefix("casegate: ").strip(),
    )
    assert ["open"] == [one["state"] for one in office.json("approval", "list")]
    blank = office("approval", "release", number, "-m", " ", *SAM)
    assert (1, True) == (blank.code, "say why" in blank.err)

    assert re.fullmatch(rf"order {number} released · 1001 Open · \d mails queued\n", office.do(*words, *SAM))

    assert [] == office.json("approval", "list")
    (one,) = office.json("case", "show", "1001")["approvals"]
    assert ("released", "sam@vendor.example", "Dora agreed by phone.") == (
        one["state"],
        one["answered_by"],
        one["reason"],
    )
    shown = office.do("case", "show", "1001")
    assert f"Sam: approval {number} released: Dora agreed by phone." in shown
    assert "casegate approval release" not in shown
    event = office.json("case", "history", "1001")[-1]
    assert ("approval_answered", "sam@vendor.example") == (event["event"], event["detail"]["by"])
    assert (1, True) == ((again := office(*words, *SAM)).code, "is released already" in again.err)
    assert "by sam@vendor.example" in office.do("approval", "list", "--all")


def test_where_nobody_may_release_the_mend_is_named_and_an_admin_may(desk: Typist) -> None:
    number = str(order(desk, decision_maker=False))
    assert "nobody is a decision maker, until" in desk.do("approval", "list")
    refused = desk("approval", "release", number, "-m", "x", *ALICE)
    assert (1, True) == (refused.code, "--kind support_manager` makes one" in refused.err)
    desk.do("agent", "add", "Root", "--address", "root@vendor.example", "--kind", "admin")
    assert "released" in desk.do("approval", "release", number, "-m", "x", *ROOT)


def test_only_an_order_can_be_released(office: Typist) -> None:
    register(office)
    (one,) = office.json("approval", "list")
    assert ("registration", 1) == (one["kind"], one["registration"])
    said = office("approval", "release", str(one["id"]), "-m", "x", *SAM)
    assert (1, True) == (said.code, "only an order can be released" in said.err)
    assert "casegate registration approve 1" in office.do("approval", "list")


# --- What is never shown --------------------------------------------------------------------------------


def test_a_pin_in_a_subject_is_neither_kept_nor_shown(office: Typist) -> None:
    """In a letter, in a reply, by somebody who writes it to the wrong address, and where it comes once more."""
    body = f"PIN: {PIN}\nName: Nora New"
    ids = [deliver(office, NEW, REGISTER, body, f"Registration PIN {PIN}")]
    ids += [deliver(office, NEW, answer_address(office, NEW), "", f"Re: PIN: {PIN}")]
    ids += [deliver(office, "other@customer.example", "service@vendor.example", body, f"Let me in, {PIN}")]
    with closing(sqlite3.connect(office.config.parent / "casegate.db")) as connection:
        kept = [str(row) for row in connection.execute("SELECT subject, sender, reason, passed FROM intake")]
    shown = [office.do("intake", "list"), office.do("registration", "list"), office.do("approval", "list", "--json")]
    for id_ in map(str, ids):
        shown += [
            office.do(*words, id_, *more)
            for words in (("intake", "show"), ("why", "intake"))
            for more in ((), ("--json",))
        ]
    shown += [office.do("outbox", "show", str(row["id"])) for row in office.json("outbox", "list")]
    assert 3 == len(kept)
    assert "Registration PIN ••••" in shown[0]
    for text in (*kept, *shown):
        for form in (PIN, PIN.replace("-", ""), PIN.replace("-", " ")):
            assert form not in text


def test_a_one_time_address_is_masked_wherever_mail_is_shown(office: Typist) -> None:
    deliver(office, NEW, REGISTER, f"PIN: {PIN}\nName: Nora New")
    address = answer_address(office, NEW)
    token = address.partition("+a.")[2].partition("@")[0]
    assert 26 == len(token)
    id_ = str(deliver(office, NEW, address, "", f"Re: [CASE.{token}] it"))

    shown = {
        " ".join(words): office.do(*words)
        for words in (
            *(("intake", "show", id_, *more) for more in ((), ("--json",))),
            *(("why", "intake", id_, *more) for more in ((), ("--json",))),
            *(("intake", "list", *more) for more in ((), ("--json",))),
            *(
                ("outbox", "show", str(row["id"]), *more)
                for row in office.json("outbox", "list")
                for more in ((), ("--json",))
            ),
        )
    }

    assert [] == [words for words, text in shown.items() if token in text.replace("=\\r\\n", "")]
    assert "service+a.…@vendor.example" in shown[f"intake show {id_}"]
    assert "Re: [CASE.…] it" in shown[f"why intake {id_}"]
    assert "Reply-To        Acme <service+a.…@vendor.example>" in shown["outbox show 1"]
    assert ["service+a.…@vendor.example"] == office.json("intake", "show", id_)["rcpt_to"]


def test_decisions_about_registrations_read_well(office: Typist) -> None:
    register(office)
    first, second = (office.do("why", "intake", id_) for id_ in "12")
    assert f"Reason    {NEW} registers\n" in first
    assert "Reason    a reply to the mail of registration 1\n" in second
    assert ["registration", "registration"] == [row["decision"] for row in office.json("intake", "list")]


# --- Kinds of agents ------------------------------------------------------------------------------------

ADDS = ("agent", "add", "Zoe", "--address", "zoe@vendor.example")
ISSUES = ("account", "pin", "EX-1", "--new")


@pytest.mark.parametrize(("words", "does"), [(ADDS, "adds agents"), (ISSUES, "issues PINs")])
def test_what_takes_an_admin_is_refused_to_other_agents_once_there_is_one(
    office: Typist, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], does: str
) -> None:
    """By whatever name they act; where nobody does, whoever reads the secret file is trusted (SPEC section 3)."""
    office.do("agent", "add", "Root", "--address", "root@vendor.example", "--kind", "admin")
    wanted = f"casegate: only an admin {does}; --as one of: root@vendor.example\n"
    for named in (ALICE, SAM):
        assert (1, wanted) == ((said := office(*words, *named)).code, said.err)
    assert (1, True) == ((said := office(*words, "--as", "nobody")).code, "there is no agent nobody" in said.err)
    monkeypatch.setenv("CASEGATE_AGENT", "alice@vendor.example")
    assert (1, wanted) == ((said := office(*words)).code, said.err)
    assert not office.json("account", "pin", "EX-1")["is_set"]
    assert 3 == len(office.json("agent", "list"))
    office.do(*words, *ROOT)
    assert (office.json("account", "pin", "EX-1")["is_set"], len(office.json("agent", "list"))) in {
        (True, 3),
        (False, 4),
    }


@pytest.mark.parametrize("words", [ADDS, ISSUES])
def test_a_set_up_needs_no_admin(office: Typist, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    """No admin is there to ask; and with one, nobody who acts by name, or a name that is not known yet."""
    office.do(*words, *ALICE)
    again = [word.replace("zoe", "zed") for word in words]
    office.do("agent", "add", "Root", "--address", "root@vendor.example", "--kind", "admin")
    monkeypatch.setenv("CASEGATE_AGENT", "later@vendor.example")
    office.do(*again)
