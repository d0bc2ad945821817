"""What a text loses with a person who was erased, and what it keeps (`domain.erasing`)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.erasing import Mask, must_be_admin
from gateway.domain.model import Agent, AgentId, AgentKind, Contact, ContactId
from gateway.errors import Refused

ADDRESSES = ("ann@acme.example", "ann+x@home.example")


def a_mask(name: str = "Ann Example", phone: str | None = "+49 (30) 123-4567") -> Mask:
    return Mask.of(Contact(id=ContactId(12), account="EX-1", name=name, addresses=ADDRESSES, phone=phone))


@pytest.mark.parametrize(
    "text",
    [
        "ann@acme.example",
        "ANN@Acme.Example",
        "ann+x@home.example",
        "Ann Example",
        "ann EXAMPLE",
        "Ann\tExample",
        "Ann\nExample",
        "Ann\r\n> Example",
        "Example, Ann",
        "EXAMPLE,Ann",
        "+49 (30) 123-4567",
        "+49301234567",
        "49/30/1234567",
        "+49.30.12 34 56 7",
    ],
)
@pytest.mark.parametrize("around", ["{}", "<{}>", "“{}”,", "mailto:{}?subject=x", "Is it {}.", "\n{}\n", "({})"])
def test_what_names_them_is_replaced_as_a_whole(text: str, around: str) -> None:
    after = a_mask().everything(around.format(text))
    before, behind = around.split("{}")
    assert after.startswith(before)
    assert after.endswith(behind)
    assert after.removeprefix(before).removesuffix(behind) in {
        "Erased person 12",
        "erased-12@erased.invalid",
        "[erased phone]",
    }


@pytest.mark.parametrize(
    "text",
    [
        "joann@acme.example",
        "x.ann@acme.example",
        "ann@acme.example.org",
        "ann@acme.examples",
        "ann@acme.example-x.org",
        "Ann",
        "Example",
        "Joann Example",
        "Ann Examples",
        "Ann\n\nExample",
        "030 1234567",
        "+49 (0)30-1234567",
        "149301234567",
        "493012345678",
    ],
)
def test_what_is_somebody_elses_stays(text: str) -> None:
    assert text == a_mask().everything(text)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("Will", "Will, you will.", "Erased person 12, you will."),
        ("Miles O'Brien", "<b>Miles O&#39;Brien</b> Miles O&#x27;Brien", "<b>Erased person 12</b> Erased person 12"),
        ("王小明", "您好王小明先生", "您好Erased person 12先生"),
        ("Jürgen Müßig", "JÜRGEN  MÜßIG", "Erased person 12"),
        ("A+B (C)", "A+B (C)?", "Erased person 12?"),
    ],
)
def test_names_of_every_kind(name: str, before: str, after: str) -> None:
    assert after == a_mask(name).everything(before)


@pytest.mark.parametrize("phone", [None, "", "112", "ext. 12"])
def test_a_number_of_few_digits_is_any_number(phone: str | None) -> None:
    assert "Error 112 on 12" == a_mask(phone=phone).everything("Error 112 on 12")


def test_what_says_how_a_case_stands_loses_addresses_only() -> None:
    mask = a_mask(name="incident")
    detail = {
        "type": "incident",
        "subject": "incident",
        "party": "external:ann@acme.example",
        "before": {"type": "incident", "reason": "incident"},
        "messages": [1, 2],
        "late": True,
    }
    assert {
        "type": "incident",
        "subject": "Erased person 12",
        "party": "external:erased-12@erased.invalid",
        "before": {"type": "incident", "reason": "Erased person 12"},
        "messages": [1, 2],
        "late": True,
    } == mask.inside(detail)


@given(st.text() | st.lists(st.sampled_from([*ADDRESSES, "Ann Example", "Example, Ann", " ", "\n", "."])).map("".join))
def test_a_text_without_them_is_not_changed_again(text: str) -> None:
    mask = a_mask()
    once = mask.everything(text)
    assert once == mask.everything(once)


def test_only_an_active_admin_may() -> None:
    admin = Agent(id=AgentId(1), name="Root", address="root@vendor.example", kind=AgentKind.ADMIN)
    must_be_admin(admin, ())
    manager = Agent(id=AgentId(2), name="Max", address="max@vendor.example", kind=AgentKind.SUPPORT_MANAGER)
    for actor in (None, manager):
        with pytest.raises(Refused, match="root@vendor"):
            must_be_admin(actor, (admin, manager))
        with pytest.raises(Refused, match="casegate agent add"):
            must_be_admin(actor, (manager,))
