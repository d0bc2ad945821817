"""`casegate why`, and what agents do with mail that was set aside."""

import pytest

from tests.cli.typist import ALICE, Typist
from tests.world import a_mail

WHY = ["decision", "rung", "reason", "evidence", "alternatives"]
DAN = "dan@customer.example"


def test_why_says_all_that_the_contract_names(desk: Typist) -> None:
    number = desk.mail(a_mail())

    found = desk.json("why", "intake", str(number))

    assert [] == [name for name in WHY if name not in found]
    assert ("new_case", "new case", "a new question of EX-1") == tuple(found[name] for name in WHY[:3])
    assert found["evidence"].startswith("unverified: ")
    assert {"rung": "reply", "reason": "nothing in it names a case"} in found["alternatives"]


def test_why_of_a_case_is_that_of_the_mail_that_opened_it_and_of_every_mail(desk: Typist) -> None:
    desk.mail(a_mail())
    token = desk.json("case", "show", "1001")["token"]
    desk.mail(a_mail(subject=f"Re: {token} And now the printer", message_id="<2@customer.example>"))

    found = desk.json("why", "case", "1001")

    assert ("new_case", 1, 1001) == (found["decision"], found["intake"], found["case"])
    assert [(1, "new_case"), (2, "reply")] == [(one["intake"], one["decision"]) for one in found["messages"]]
    assert "subject token 1001" == found["messages"][1]["reason"]
    out = desk.do("why", "case", "1001")
    assert "Reason    a new question of EX-1" in out
    assert "What did not hold" in out
    assert "subject token 1001" in out


def test_what_agents_opened_says_who_did(desk: Typist) -> None:
    desk.do("case", "open", "--for", "bob@customer.example", "--channel", "phone", "-m", "It smokes.", *ALICE)
    found = desk.json("why", "case", "1001")
    assert (None, "opened by Alice, by phone", [], []) == (
        found["decision"],
        found["reason"],
        found["alternatives"],
        found["messages"],
    )
    desk.mail(a_mail(subject=desk.json("case", "show", "1001")["token"]))
    message = desk.json("case", "show", "1001")["messages"][-1]["id"]
    desk.do("case", "split", "1001", str(message), *ALICE)
    split = desk.json("why", "case", "1002")
    assert ("opened by Alice, split off case 1001", ["reply"]) == (
        split["reason"],
        [one["decision"] for one in split["messages"]],
    )


def test_where_there_is_nothing_why_exits_1(desk: Typist, tmp_path_factory: pytest.TempPathFactory) -> None:
    mail = tmp_path_factory.mktemp("m") / "m.eml"
    mail.write_bytes(a_mail())
    desk.do("intake", str(mail))

    assert (1, "casegate: there is no case 7\n") == ((said := desk("why", "case", "7")).code, said.err)
    assert (1, True) == ((said := desk("why", "intake", "7")).code, "there is no mail 7" in said.err)
    assert (1, "casegate: mail 1 is not decided yet\n") == ((said := desk("why", "intake", "1")).code, said.err)


def test_the_agent_sees_a_changed_subject_and_a_foreign_mark(desk: Typist) -> None:
    """In the case itself, and in its history; a subject that sets colours sets none."""
    desk.do("account", "add", "Other Ltd", "--number", "OT-1")
    desk.do("contact", "add", "eve@other.example", "--account", "OT-1", "--name", "Eve")
    desk.mail(a_mail())
    token = desk.json("case", "show", "1001")["token"]
    desk.mail(a_mail(subject=f"Re: {token} Now =?utf-8?Q?=1B[31mred?=", message_id="<2@customer.example>"))
    desk.mail(a_mail("eve@other.example", f"Re: {token}", message_id="<3@other.example>"))

    shown, foreign = desk.do("case", "show", "1001"), desk.do("case", "show", "1002")

    assert "under another subject, Re: [CASE-1001." in shown
    assert "\x1b" not in shown
    assert "under another subject" in desk.do("case", "history", "1001")
    assert "WARNING" in foreign
    assert "the mark of case 1001" in " ".join(foreign.split())
    assert 1 == len(desk.json("case", "show", "1002")["warnings"])
    assert "WARNING" in desk.json("why", "case", "1002")["reason"]


def test_a_held_mail_is_released_in_the_agents_name(desk: Typist) -> None:
    number = str(desk.mail(a_mail("alice@vendor.example")))

    assert f"{number} released; the daemon decides it\n" == desk.do("intake", "release", number, *ALICE)

    row = desk.json("intake", "show", number)
    assert ("pending", None, "alice@vendor.example", True) == (
        row["state"],
        row["decision"],
        row["asked_by"],
        row["is_released"],
    )
    assert 1 == desk("intake", "release", number, *ALICE).code


def test_several_mails_are_one_transaction_each(desk: Typist) -> None:
    """What is refused is told, and does not stop the others."""
    numbers = [str(desk.mail(a_mail(DAN, message_id=f"<{one}@customer.example>"))) for one in range(3)]
    desk.mail(a_mail())

    said = desk("intake", "drop", "4", numbers[0], "99", *ALICE)
    again = desk.do("intake", "retry", *numbers, *ALICE)

    assert (1, "") == (said.code, said.out)
    assert ["mail 4 is decided: new_case, case 1001", "mail 1 is decided: unregistered"] == said.err.splitlines()[:2]
    assert "refused for 3 of 3 mails" in said.err
    assert "1 waits; the daemon decides it anew\n2 waits; the daemon decides it anew\n3 waits" in again
    assert "1 dropped\n" == desk.do("intake", "drop", "1", *ALICE)
    assert "dropped by alice@vendor.example" in desk.do("why", "intake", "1")


def test_who_asks_must_be_an_agent(desk: Typist) -> None:
    number = str(desk.mail(a_mail(DAN)))

    for command in ("release", "retry", "drop"):
        assert 1 == desk("intake", command, number, "--as", "nobody@vendor.example").code
        assert 2 == desk("intake", command, number).code
    assert "done" == desk.json("intake", "show", number)["state"]
