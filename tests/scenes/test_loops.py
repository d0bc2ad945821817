"""No mail loop lasts longer than one exchange (SPEC section 17; TESTPLAN AL-11 to AL-13, AL-15)."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.domain.actions import AgentReply, ChangeParticipants, Fire
from gateway.domain.model import CaseNumber, Contact, ContactId, ContactRole
from gateway.store import migrate, people
from tests.answers import ANN, BOB, CARL, NEW, REGISTER, give, kinds, letter, with_people, write
from tests.simulator import Babbler, House, Letter, Machine, Mirror, Post, Responder, alarms
from tests.world import SERVICE, World, a_mail, a_world

ALICE = "alice@vendor.example"
SECONDS, HOURS = timedelta(seconds=2), timedelta(hours=2)
FORMAL = "Vielen Dank für Ihre Nachricht. Wir melden uns in Kürze."


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(database_url, tmp_path) as made:
        yield with_people(made)


def ours(world: World, address: str) -> int:
    """How many mails this address got from a machine of ours."""
    return len([kind for kind in kinds(world, address) if kind != "agent_replied"])


def assert_carl_is_heard(world: World) -> None:
    """I2: who has nothing to do with the loop is answered as ever."""
    before = ours(world, CARL)
    assert "new_case" == write(world, CARL, SERVICE, "A canary.", subject="Another matter").kind
    assert before + 1 == ours(world, CARL)


MACHINES: dict[str, Callable[[], Machine]] = {
    "away": lambda: Machine("I am away until further notice.", "I am away"),
    "away, quoting": lambda: Machine("I am away until further notice.", "Re: {subject}", quotes=True, threads=True),
    "unknown words": Machine,
    "unknown words, quoting": lambda: Machine(quotes=True),
    "unknown words, quoting without marks": lambda: Machine(plainly=True),
    "unknown words in our thread": lambda: Machine(subject="Re: {subject}", threads=True, replies=True),
    "formal": lambda: Machine(FORMAL, "Ihre Anfrage {n}"),
    "formal, quoting": lambda: Machine(FORMAL, "Ihre Anfrage {n}", quotes=True),
    "no two alike": lambda: Machine("Your ticket {n}-A{n}7 was opened at 9:{n}. Somebody will call.", "Ticket {n}"),
    "a desk": lambda: Machine("Your request was registered as [HD#{n}].", "[HD#{n}] Request registered"),
    "a desk that keeps our subject": lambda: Machine("Registered as [HD#{n}].", "[HD#{n}] {subject}"),
    "a list": lambda: Mirror(subject="[all] news {n}"),
    "a list that keeps our subject": lambda: Mirror(subject="[all] {subject}"),
    "a bouncer": lambda: Machine("Your mail no. {n} could not be put into the box.", "Mail {n} failed", quotes=True),
    "a digest": lambda: Machine("You have {n} new letters, the last from Acme.", "Your {n} letters"),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("gap", "most"), [(SECONDS, 2), (HOURS, 3)], ids=["seconds", "hours"])
@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_gets_two_mails_at_most(world: World, name: str, gap: timedelta, most: int) -> None:
    """AL-11: a person's mail, our answer to it, one to the machine that stands in; then silence, nothing lost.

    Where hours lie between, it must have said the same thing twice.
    """
    machine = MACHINES[name]()
    post = Post(world, {BOB: machine}, gap)
    world.mail(a_mail(BOB))
    post.carry()
    assert ours(world, BOB) <= most
    assert len(world.cases()) <= most + 1
    assert machine.written == len(world.intake()) - 1
    assert all(state in {"done", "held"} for state, _ in world.intake())
    assert set(alarms(world)) <= {"loop"}
    assert_carl_is_heard(world)


@pytest.mark.parametrize("name", ["away", "unknown words", "no two alike", "a desk", "formal"])
def test_what_answers_at_once_raises_one_alarm_that_ends(world: World, name: str) -> None:
    world.mail(a_mail(BOB))
    Post(world, {BOB: MACHINES[name]()}).carry()
    assert ["loop"] == alarms(world)
    world.later(hours=1, seconds=1)
    assert [] == alarms(world)


def test_even_a_machine_without_a_pattern_ends(world: World) -> None:
    """Only its haste betrays it, so a few mails more are answered."""
    world.mail(a_mail(BOB))
    Post(world, {BOB: Babbler()}).carry()
    assert 5 == ours(world, BOB)
    assert 6 == len(world.cases())
    assert ["loop"] == alarms(world)
    assert_carl_is_heard(world)


def test_after_an_agents_words_an_exchange_begins_anew(world: World) -> None:
    """The machine is answered as once before, and no more often: bounded by what people write."""
    post = Post(world, {BOB: Machine()})
    world.mail(a_mail(BOB))
    post.carry()
    for number in range(5):
        before = ours(world, BOB)
        world.later(hours=1)
        world.act(AgentReply(case=CaseNumber(1001), actor=world.alice, text=f"Is it better now? {number}"))
        post.carry()
        assert ours(world, BOB) - before <= 3
    assert_carl_is_heard(world)


@pytest.mark.parametrize("gap", [SECONDS, HOURS], ids=["seconds", "hours"])
def test_two_machines_on_one_case_do_not_talk_through_us(world: World, gap: timedelta) -> None:
    """Each would be told what the other one wrote, for ever."""
    case = CaseNumber(1001)
    world.mail(a_mail(BOB))
    world.act(ChangeParticipants(case=case, actor=world.alice, add=(world.carl,)))
    post = Post(world, {BOB: in_thread(), CARL: in_thread("Carl's machine thanks you for these friendly words.")}, gap)
    post.leave()
    world.act(AgentReply(case=case, actor=world.alice, text="Try it again."))
    post.carry()
    assert kinds(world, BOB).count("customer_wrote") <= 3
    assert kinds(world, CARL).count("customer_wrote") <= 3
    assert "loop" in alarms(world)
    assert 1 == len(world.cases())


def in_thread(text: str = "Bob's machine has put that onto a pile.") -> Machine:
    """A machine that answers in our thread, where our Reply-To says."""
    return Machine(text, "Re: {subject}", threads=True, replies=True)


def test_a_machine_reopens_a_case_once_each_time_that_an_agent_is_done(world: World) -> None:
    case = CaseNumber(1001)
    post = Post(world, {BOB: in_thread()})
    world.mail(a_mail(BOB))
    post.carry()
    for _ in range(3):
        before = ours(world, BOB)
        world.act(Fire(case=case, actor=world.alice, trigger="resolve"))
        post.carry()
        assert ours(world, BOB) - before <= 2
        world.later(hours=2)


@pytest.mark.parametrize(
    "machine",
    [Machine("/help", "Re: help"), Machine("/help\n/halp", "help {n}", quotes=True), Mirror(subject="help {n}")],
    ids=["the same command", "two, quoting", "a mirror"],
)
def test_commands_are_not_answered_for_ever(world: World, machine: Responder) -> None:
    post = Post(world, {BOB: machine})
    write(world, BOB, SERVICE, "/help", subject="help")
    post.carry()
    assert ours(world, BOB) <= 8
    assert_carl_is_heard(world)


def test_a_machine_that_registers_gets_few_mails(world: World) -> None:
    """Its answers count as the person's, whose address it has; our side of it ends."""
    letter(world, NEW, "PIN: 4711-0815\nName: A Machine")
    post = Post(world, {NEW: Machine("We got it.", "Re: {subject}", replies=True)})
    post.carry()
    assert ours(world, NEW) <= 3
    assert_carl_is_heard(world)


def test_a_machine_at_the_registration_address_gets_few_mails(world: World) -> None:
    machine = Machine("We got it.", "no. {n}")

    def to_registration(mail: EmailMessage) -> list[Letter]:
        return [(data.replace(SERVICE.encode(), REGISTER.encode()), REGISTER) for data, _ in machine(mail)]

    letter(world, NEW, "Please register me")
    Post(world, {NEW: to_registration}).carry()
    assert ours(world, NEW) <= 2


def test_a_machine_that_is_asked_for_an_approval_gets_one_hint(world: World) -> None:
    """And what it writes on that is taken for a question."""
    give(world, ANN, ContactRole.USER_MANAGER)
    letter(world, NEW, "PIN: 4711-0815\nName: New Person")
    registrant = Machine("Yes.", "Re: {subject}", replies=True)
    manager = Machine("/approved, perhaps", "Re: {subject}", replies=True)
    Post(world, {NEW: registrant, ANN: manager}).carry()
    assert ["approval", "approval", "case_opened"] == kinds(world, ANN)


def test_a_stranger_s_machine_gets_one_answer(world: World) -> None:
    world.mail(a_mail("x@stranger.example"))
    Post(world, {"x@stranger.example": Machine()}).carry()
    assert ["unregistered"] == kinds(world, "x@stranger.example")


def test_two_gateways_write_three_mails_at_most(database_url: str, tmp_path: Path) -> None:
    """AL-13, with a secret, a database and people of their own."""
    north, south = "service@north.example", "service@south.example"
    (tmp_path / "other").mkdir()
    url = f"sqlite:///{tmp_path / 'other' / 'casegate.db'}"
    migrate.upgrade(url)
    with (
        a_world(database_url, tmp_path, **house(north)) as left,
        a_world(url, tmp_path / "other", **house(south)) as right,
    ):
        for world, other in ((left, south), (right, north)):
            with world.ports.db.begin() as tx:
                contact = Contact(id=ContactId(0), account="EX-1", name="House", addresses=(other,))
                people.add_contact(tx, contact)
        left.mail(a_mail(south, to=north), rcpt=north)
        Post(left, {south: House(right)}).carry()
        left.act(AgentReply(case=CaseNumber(1001), actor=left.alice, text="Is this for us?"))
        Post(left, {south: House(right)}).carry()
        sent = [address for address, _ in (*left.told(), *right.told()) if address in {north, south}]
        assert len(sent) <= 3


def house(address: str) -> dict[str, object]:
    """The settings of a gateway of this address."""
    return {
        "vendor": {"name": address},
        "mail": {"service_address": address},
        "trust": {"require": "unverified", "authserv_id": "mx.vendor.example"},
    }


def test_a_customer_who_writes_quick_mails_is_answered(world: World) -> None:
    """About an outage, in one minute: that is no machine."""
    post = Post(world, {})
    texts = ("The shop is down!", "Now the mail server does not answer either.", "And nobody can log in.", "Hello?")
    for text in texts:
        write(world, BOB, SERVICE, text, subject=text)
        post.leave()
        world.later(seconds=20)
    assert ["case_opened"] * 4 == kinds(world, BOB)
    assert [] == alarms(world)


def test_who_sends_the_same_mail_twice_is_answered_twice(world: World) -> None:
    post = Post(world, {})
    for _ in range(2):
        write(world, BOB, SERVICE, "The shop is down!", subject="The shop is down!")
        post.leave()
        world.later(seconds=20)
    assert ["case_opened", "case_opened"] == kinds(world, BOB)
    assert [] == alarms(world)


def test_a_burst_is_no_exchange(world: World) -> None:
    """Monitoring sends a hundred alike mails at once: none of them can answer what has not left."""
    for number in range(12):
        write(world, BOB, SERVICE, f"Disk {number} is full.", subject=f"Alert {number}")
    assert ["case_opened"] * 12 == kinds(world, BOB)
    assert [] == alarms(world)


def test_an_agents_machine_and_a_customers_do_not_talk_through_us(world: World) -> None:
    """What an agent's machine writes in our thread would go out as the agent's own words."""
    world.mail(a_mail(BOB))

    def agents(mail: EmailMessage) -> list[Letter]:
        proof = b"Authentication-Results: mx.vendor.example; dmarc=pass header.from=vendor.example\r\n"
        return [(proof + data, to) for data, to in machine(mail)]

    machine = in_thread("The vendor's machine says hello to whom it may concern.")
    Post(world, {BOB: in_thread(), ALICE: agents}).carry()
    assert len(kinds(world, BOB)) <= 4
    assert "loop" in alarms(world)


def test_over_budget_of_an_address_is_silence_and_one_alarm(database_url: str, tmp_path: Path) -> None:
    """AL-15's neighbour: what comes is taken, and an agent's own words still leave."""
    budget = {"per_address_hour": 3, "per_case_hour": 0, "overall_hour": 0}
    with a_world(database_url, tmp_path, **house(SERVICE), budget=budget) as world:
        for number in range(5):
            assert "new_case" == write(world, BOB, SERVICE, f"Question {number}", subject=f"Q {number}").kind
        assert ["case_opened"] * 3 == kinds(world, BOB)
        assert ["case_opened"] * 5 == kinds(world, ALICE)
        assert ["budget-address"] == alarms(world)
        world.act(AgentReply(case=CaseNumber(1005), actor=world.alice, text="Answered by hand."))
        assert "agent_replied" == kinds(world, BOB)[-1]
        assert_carl_is_heard(world)
        world.later(hours=1, seconds=1)
        assert [] == alarms(world)
        write(world, BOB, SERVICE, "An hour later", subject="Later")
        assert "case_opened" == kinds(world, BOB)[-1]


def test_the_budget_of_a_case_is_that_of_all_its_people(database_url: str, tmp_path: Path) -> None:
    budget = {"per_address_hour": 0, "per_case_hour": 2, "overall_hour": 0}
    with a_world(database_url, tmp_path, **house(SERVICE), budget=budget) as world:
        case = CaseNumber(1001)
        world.mail(a_mail(BOB))
        world.act(ChangeParticipants(case=case, actor=world.alice, add=(world.carl, world.ann)))
        before = len(world.told())
        world.act(Fire(case=case, actor=world.alice, trigger="resolve"))
        assert 1 == len(world.told()) - before
        assert ["budget-case"] == alarms(world)
        assert_carl_is_heard(world)


def test_customers_cannot_use_up_what_agents_need(database_url: str, tmp_path: Path) -> None:
    budget = {"per_address_hour": 0, "per_case_hour": 0, "overall_hour": 3}
    with a_world(database_url, tmp_path, **house(SERVICE), budget=budget) as world:
        for number in range(3):
            world.mail(a_mail(f"x{number}@stranger.example", message_id=f"<{number}@stranger.example>"))
        assert 3 == len(world.told())
        write(world, BOB, SERVICE, "Does it work?", subject="It")
        assert ([], ["case_opened"]) == (kinds(world, BOB), kinds(world, ALICE))
        assert ["budget-overall"] == alarms(world)


def test_an_agent_is_told_of_other_cases_while_one_is_flooded(database_url: str, tmp_path: Path) -> None:
    budget = {"per_address_hour": 3, "per_case_hour": 0, "overall_hour": 0}
    with a_world(database_url, tmp_path, **house(SERVICE), budget=budget) as world:
        world.mail(a_mail(BOB))
        for number in range(9):
            token = str(world.outbox()[0]["Subject"])
            write(world, BOB, SERVICE, f"And this is no. {number}", subject=token)
        assert 3 == len(kinds(world, ALICE))
        write(world, CARL, SERVICE, "Something else", subject="Else")
        assert 4 == len(kinds(world, ALICE))
        assert ["budget-address"] == alarms(world)


@pytest.mark.parametrize("rule", ["notify", "hold", "reject"])
def test_forged_strangers_stay_inside_the_overall_budget(database_url: str, tmp_path: Path, rule: str) -> None:
    """AL-15 where no evidence is asked for, on a smaller scale."""
    mail = {"service_address": SERVICE, "unregistered": rule}
    with a_world(database_url, tmp_path, **{**house(SERVICE), "mail": mail}, budget={"overall_hour": 100}) as world:
        for number in range(150):
            address = f"x{number}@stranger.example"
            world.mail(a_mail(address, message_id=f"<{number}@stranger.example>"))
        assert (100 if rule == "notify" else 0) == len(world.told())
        assert (["budget-overall"] if rule == "notify" else []) == alarms(world)
        assert [] == world.cases()


@pytest.mark.parametrize("require", ["authenticated", "unverified"])
def test_proved_strangers_get_one_answer_a_day(database_url: str, tmp_path: Path, require: str) -> None:
    """AL-15 with evidence: one each, nothing of the mail in it; without evidence none where it is asked for."""
    trust = {"require": require, "authserv_id": "mx.vendor.example"}
    with a_world(database_url, tmp_path, **{**house(SERVICE), "trust": trust}, budget={"overall_hour": 100}) as world:
        for number in range(60):
            address = f"x{number % 20}@stranger.example"
            proved = {"authentication_results": "mx.vendor.example; dmarc=pass header.from=stranger.example"}
            data = a_mail(address, body="Zinnober", message_id=f"<{number}@stranger.example>", **proved)
            world.mail(data)
        assert 20 == len(world.told())
        assert not any("Zinnober" in str(mail) for mail in world.outbox())
        world.mail(a_mail("y@stranger.example"))
        assert (20 if require == "authenticated" else 21) == len(world.told())
