"""What happens by itself: deferred cases come back, resolved ones close, customers are reminded; on both databases."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway import config
from gateway.domain.actions import AddNote, AgentReply, Assign, Cause, ChangeType, Fire, Merge
from gateway.domain.model import Agent, AgentId, CaseNumber, Party, TimerKind
from gateway.services import case_view, inbound, post_room, timers
from gateway.services.perform import perform
from gateway.services.ports import Ports
from gateway.store import people
from gateway.store import tables as t
from gateway.store.timers import LeasedTimer
from tests.world import START, World, a_mail, a_world, settings

FIRST, SECOND = CaseNumber(1001), CaseNumber(1002)
ALICE, BOB, CARL = "alice@vendor.example", "bob@customer.example", "carl@customer.example"
REMINDER, WAKE = TimerKind.AUTO_CLOSE_REMINDER, TimerKind.WAKE


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Bob asked; rules as they are shipped, which close and remind nothing."""
    with a_world(database_url, tmp_path) as made:
        made.mail(a_mail())
        yield made


@pytest.fixture
def strict(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Bob asked; customers are reminded after 7 days, resolved cases closed after 14."""
    with a_world(database_url, tmp_path, rules={"auto_close_days": 14, "customer_reminder_days": 7}) as made:
        made.mail(a_mail())
        yield made


def tick(world: World) -> list[tuple[TimerKind, bool]]:
    """What a daemon does that looks at its clock now, and which of it took effect."""
    happened = []
    while rows := timers.lease(world.ports):
        happened += [(row.kind, timers.fire(world.ports, row)) for row in rows]
    return happened


def refresh(world: World) -> int:
    """What a daemon does at its start; how many cases waited for something else."""
    return sum(timers.refresh(world.ports, numbers) for numbers in timers.to_refresh(world.ports))


def with_rules(world: World, **rules: int) -> None:
    """A restart with other lines under [rules]."""
    policy = config.load_policy(settings(rules=rules))
    world.ports = replace(world.ports, policy=policy)


def fire(world: World, trigger: str, *, days: float | None = None, case: CaseNumber = FIRST) -> None:
    """Alice triggers an event; a defer with an end in so many days."""
    until = world.now + timedelta(days=days) if days is not None else None
    world.act(Fire(case=case, actor=world.alice, trigger=trigger, until=until))


def reply(world: World, number: int, body: str = "It is still slow.") -> None:
    """Bob answers."""
    subject = f"Re: {world.ports.tokens.mint(1001)} It is slow"
    world.mail(a_mail(subject=subject, body=body, message_id=f"<answer-{number}@customer.example>"))


def status(world: World, case: int = 1001) -> str:
    return world.case(case).summary.status


def rows(world: World) -> list[tuple[str, str, datetime]]:
    """(kind, state, due) of every timer row, in the order in which they come due."""
    query = sa.select(t.timer).order_by(t.timer.c.due_at, t.timer.c.id)
    with world.ports.db.begin() as tx:
        return [(row.kind.value, row.state.value, row.due_at) for row in tx.execute(query)]


def pending(world: World) -> list[tuple[str, float]]:
    """(kind, days after START) of what is waited for."""
    return [(kind, (due - START) / timedelta(days=1)) for kind, state, due in rows(world) if state == "pending"]


def told(world: World, kind: str) -> list[str]:
    """Who got a mail of this kind."""
    return [recipient for recipient, what in world.told() if what == kind]


# --- Deferred ---------------------------------------------------------------------------------------------


def test_a_deferred_case_comes_back_in_the_name_of_who_deferred_it(world: World) -> None:
    """A reopen by the agent, caused by the timer; the customer and the agent herself are told."""
    fire(world, "defer", days=3)
    world.later(days=2, hours=23)
    assert ([], "deferred") == (tick(world), status(world))
    before = len(world.told())

    world.later(hours=1)
    assert [(WAKE, True)] == tick(world)
    event = world.ports.db.read(case_view.history, 1001)[-1]
    assert ("reopen", "deferred", "reopened", ALICE) == (event.event, event.from_status, event.to_status, event.actor)
    assert event.cause.startswith("timer:")
    assert [(BOB, "status_changed"), (ALICE, "status_changed")] == world.told()[before:]
    assert [] == pending(world)
    assert [] == tick(world)


def test_the_agent_who_deferred_is_named_also_when_the_case_is_somebody_elses_now(world: World) -> None:
    mira = Agent(id=AgentId(0), name="Mira", address="mira@vendor.example", teams=("first_level",))
    with world.ports.db.begin() as tx:
        party = Party.agent(people.add_agent(tx, mira))
    fire(world, "defer", days=3)
    world.act(Assign(case=FIRST, actor=world.alice, assignee=party))
    world.later(days=3)
    tick(world)

    (notice,) = [mail for mail in world.outbox()[-2:] if "mira@vendor.example" in mail["To"]]
    body = notice.get_body(("plain",))
    assert body is not None
    assert "is open again, by Alice." in body.get_content()


def test_a_case_that_its_customer_woke_does_not_come_back_again(world: World) -> None:
    fire(world, "defer", days=3)
    world.later(days=1)
    reply(world, 1)
    history = world.history()

    world.later(days=9)
    assert [] == tick(world)
    assert history == world.history()


def test_a_case_deferred_anew_comes_back_at_the_new_time_only(world: World) -> None:
    fire(world, "defer", days=3)
    fire(world, "reopen")
    fire(world, "defer", days=10)
    world.later(days=5)
    assert ([], "deferred") == (tick(world), status(world))
    world.later(days=5)
    assert ([(WAKE, True)], "reopened") == (tick(world), status(world))


def test_a_note_does_not_make_it_forget(world: World) -> None:
    """A change between the lease and the firing that moves nothing leaves the timer in the hands of its worker."""
    fire(world, "defer", days=3)
    world.later(days=3)
    (leased,) = timers.lease(world.ports)
    world.act(AddNote(case=FIRST, actor=world.alice, text="Their release is late."))

    assert timers.fire(world.ports, leased) is True
    assert [] == tick(world)
    assert "reopened" == status(world)


def test_no_reminder_about_a_deferred_case_leaves(strict: World) -> None:
    """Neither of its own, nor one from the status before, after months of darkness."""
    strict.act(AgentReply(case=FIRST, actor=strict.alice, text="Please restart it."))
    strict.later(days=6)
    fire(strict, "start")
    fire(strict, "defer", days=200)
    strict.later(days=199)
    assert [] == tick(strict)
    assert [] == told(strict, "reminder")


def test_a_merged_case_does_not_come_back(world: World) -> None:
    fire(world, "defer", days=3)
    world.mail(a_mail(message_id="<two@customer.example>"))
    world.act(Merge(case=FIRST, actor=world.alice, into=SECOND))
    assert [] == pending(world)
    world.later(days=4)
    assert [] == tick(world)


# --- Reminders --------------------------------------------------------------------------------------------


def test_a_customer_is_reminded_once_and_again_after_the_next_question(strict: World) -> None:
    strict.act(AgentReply(case=FIRST, actor=strict.alice, text="Please restart it."))
    strict.later(days=7)
    assert [(TimerKind.CUSTOMER_REMINDER, True)] == tick(strict)
    strict.later(days=300)
    assert [] == tick(strict)
    assert [BOB] == told(strict, "reminder")
    assert "waiting_for_customer" == status(strict)

    reply(strict, 1)
    strict.act(AgentReply(case=FIRST, actor=strict.alice, text="And now?"))
    strict.later(days=7)
    tick(strict)
    assert [BOB, BOB] == told(strict, "reminder")


def test_a_second_answer_by_an_agent_begins_the_time_anew(strict: World) -> None:
    strict.act(AgentReply(case=FIRST, actor=strict.alice, text="Please restart it."))
    strict.later(days=5)
    strict.act(AgentReply(case=FIRST, actor=strict.alice, text="And please send the log."))
    strict.later(days=5)
    assert [] == tick(strict)
    strict.later(days=2)
    assert [(TimerKind.CUSTOMER_REMINDER, True)] == tick(strict)


def test_an_automatic_reply_puts_off_no_reminder(strict: World) -> None:
    strict.act(AgentReply(case=FIRST, actor=strict.alice, text="Please restart it."))
    subject = f"Away: {strict.ports.tokens.mint(1001)}"
    strict.later(days=5)
    strict.mail(a_mail(subject=subject, message_id="<away@customer.example>", auto_submitted="auto-replied"))
    strict.later(days=2)
    assert [(TimerKind.CUSTOMER_REMINDER, True)] == tick(strict)


def test_the_reminder_says_what_to_do_and_answers_no_responder(strict: World) -> None:
    """Everyone on the customer's side gets it, under the token, marked as automatic."""
    carl = f"Re: {strict.ports.tokens.mint(1001)} It is slow"
    strict.mail(a_mail(CARL, carl, "Here too.", message_id="<two@customer.example>"))
    fire(strict, "resolve")
    strict.later(days=7)
    tick(strict)

    assert [BOB, CARL] == told(strict, "reminder")
    mail = strict.outbox()[-1]
    body = mail.get_body(("plain",))
    assert body is not None
    assert "auto-generated" == mail["Auto-Submitted"]
    assert strict.ports.tokens.mint(1001) in mail["Subject"]
    assert f"on {strict.now + timedelta(days=7):%Y-%m-%d %H:%M} UTC" in body.get_content()
    assert "just reply to this mail" in body.get_content()


# --- Closing ----------------------------------------------------------------------------------------------


def test_a_resolved_case_is_closed_after_one_reminder(strict: World) -> None:
    fire(strict, "resolve")
    strict.later(days=7)
    assert [(REMINDER, True)] == tick(strict)
    strict.later(days=6, hours=23)
    assert ([], "resolved") == (tick(strict), status(strict))

    strict.later(hours=1)
    assert [(TimerKind.AUTO_CLOSE, True)] == tick(strict)
    event = strict.ports.db.read(case_view.history, 1001)[-1]
    assert ("auto_close", "closed") == (event.event, event.to_status)
    assert [BOB] == told(strict, "reminder")
    mail = strict.outbox()[-1]
    body = mail.get_body(("plain",))
    assert body is not None
    assert "not heard from you" in body.get_content()
    assert [] == pending(strict)


def test_after_weeks_of_darkness_the_customer_still_has_half_the_time(strict: World) -> None:
    fire(strict, "resolve")
    strict.later(days=60)
    assert [(REMINDER, True)] == tick(strict)
    assert [("auto_close", 67.0)] == pending(strict)
    strict.later(days=6)
    assert ([], "resolved") == (tick(strict), status(strict))
    strict.later(days=1)
    assert ([(TimerKind.AUTO_CLOSE, True)], "closed") == (tick(strict), status(strict))


def test_an_answer_to_the_reminder_keeps_it_open(strict: World) -> None:
    """And when it is resolved once more, all begins anew."""
    fire(strict, "resolve")
    strict.later(days=7)
    tick(strict)
    reply(strict, 1)
    strict.later(days=100)
    assert ([], "reopened") == (tick(strict), status(strict))

    fire(strict, "resolve")
    strict.later(days=14)
    assert ([(REMINDER, True)], "resolved") == (tick(strict), status(strict))
    assert [BOB, BOB] == told(strict, "reminder")


def test_only_thanks_stops_nothing(strict: World) -> None:
    fire(strict, "resolve")
    strict.later(days=7)
    tick(strict)
    reply(strict, 1, "Thank you, works now.")
    strict.later(days=7)
    assert ([(TimerKind.AUTO_CLOSE, True)], "closed") == (tick(strict), status(strict))


def test_an_incident_is_not_closed_by_time(strict: World) -> None:
    """Nor a case that becomes one while its closing is near."""
    fire(strict, "resolve")
    strict.later(days=7)
    tick(strict)
    strict.act(ChangeType(case=FIRST, actor=strict.alice, type="incident", priority="P2"))
    assert [] == pending(strict)
    strict.later(days=100)
    assert ([], "resolved") == (tick(strict), status(strict))


# --- Other rules than yesterday's -------------------------------------------------------------------------


def test_closing_that_is_switched_on_later_reaches_what_was_resolved_before(world: World) -> None:
    fire(world, "resolve")
    assert [] == pending(world)
    world.later(days=30)
    with_rules(world, auto_close_days=14)

    assert (1, 0) == (refresh(world), refresh(world))
    assert [(REMINDER, True)] == tick(world)
    assert [("auto_close", 37.0)] == pending(world)


def test_closing_that_is_switched_off_ends(strict: World) -> None:
    fire(strict, "resolve")
    strict.later(days=7)
    tick(strict)
    with_rules(strict)
    assert 1 == refresh(strict)
    assert [] == pending(strict)

    with_rules(strict, auto_close_days=14)
    assert 1 == refresh(strict)
    assert [("auto_close", 14.0)] == pending(strict)


def test_other_days_move_what_waits(strict: World) -> None:
    fire(strict, "resolve")
    assert [("auto_close_reminder", 7.0)] == pending(strict)
    with_rules(strict, auto_close_days=30)
    assert 1 == refresh(strict)
    assert [("auto_close_reminder", 15.0)] == pending(strict)


def test_a_row_of_older_rules_is_moved_and_not_fired(strict: World) -> None:
    """Before the refresh, or where another process still has the old configuration; it speaks in its time."""
    fire(strict, "resolve")
    with_rules(strict, auto_close_days=30)
    strict.later(days=7)
    assert [(REMINDER, False)] == tick(strict)
    assert [("auto_close_reminder", 15.0)] == pending(strict)
    strict.later(days=8)
    assert [(REMINDER, True)] == tick(strict)


def test_a_refresh_leaves_what_is_right_alone(strict: World) -> None:
    """Fired rows, rows that wait, a deferred case, a closed one: nothing is written."""
    strict.mail(a_mail(message_id="<two@customer.example>"))
    fire(strict, "resolve")
    fire(strict, "defer", days=30, case=SECOND)
    strict.later(days=7)
    tick(strict)
    before = rows(strict)
    assert 0 == refresh(strict)
    assert before == rows(strict)


def test_reminders_that_are_switched_on_do_not_repeat_themselves(strict: World) -> None:
    strict.act(AgentReply(case=FIRST, actor=strict.alice, text="Please restart it."))
    strict.later(days=7)
    tick(strict)
    with_rules(strict)
    refresh(strict)
    with_rules(strict, customer_reminder_days=3)
    assert 0 == refresh(strict)
    assert [] == tick(strict)


def test_what_has_fired_never_speaks_again(world: World) -> None:
    """Also where the rules left it nothing to do, and the case stands as it stood."""
    fire(world, "defer", days=3)
    flow = world.ports.policy.workflow
    stuck = replace(flow, transitions=tuple(row for row in flow.transitions if row.event != "reopen"))
    world.ports = replace(world.ports, policy=replace(world.ports.policy, workflow=stuck))
    world.later(days=3)
    tick(world)
    world.act(AddNote(case=FIRST, actor=world.alice, text="Still nothing."))

    assert (0, [], []) == (refresh(world), pending(world), tick(world))
    assert ["fired"] == [state for _, state, _ in rows(world)]


# --- Workers, crashes, clocks -----------------------------------------------------------------------------


def test_two_workers_that_lease_at_once_share_what_is_due(world: World) -> None:
    for number in range(2, 12):
        world.mail(a_mail(message_id=f"<{number}@customer.example>"))
    for case in world.cases():
        fire(world, "defer", days=3, case=CaseNumber(case))
    world.later(days=3)
    ready = threading.Barrier(2)
    taken: list[list[int]] = []

    def work() -> None:
        ready.wait()
        taken.append([row.id for row in timers.lease(world.ports)])

    together(work, work)
    assert sorted(id_ for ids in taken for id_ in ids) == list(range(1, 12))


def test_a_timer_that_two_workers_hold_takes_effect_once(world: World) -> None:
    """As when one was slow and its lease ran out."""
    fire(world, "defer", days=3)
    world.later(days=3)
    (leased,) = timers.lease(world.ports)
    ready = threading.Barrier(2)
    done: list[bool] = []

    def work() -> None:
        ready.wait()
        done.append(timers.fire(world.ports, leased))

    together(work, work)
    assert [False, True] == sorted(done)
    assert 1 == world.history().count("reopen")
    assert [BOB, ALICE] == told(world, "status_changed")[-2:]


def test_a_timer_and_an_agent_at_once_do_not_undo_each_other(world: World) -> None:
    """Whoever is first; the other finds the case as it is then."""
    for turn in range(10):
        fire(world, "defer", days=3)
        world.later(days=3)
        (leased,) = timers.lease(world.ports)
        ready = threading.Barrier(2)

        def wake(row: LeasedTimer = leased, ready: threading.Barrier = ready) -> None:
            ready.wait()
            timers.fire(world.ports, row)

        def note(number: int = turn, ready: threading.Barrier = ready) -> None:
            ready.wait()
            action = AddNote(case=FIRST, actor=world.alice, text="Their release is late.")
            perform(world.ports, action, Cause.cli(f"note-{number}"))

        together(wake, note)
        tick(world)
        assert "reopened" == status(world)
    assert (10, 10) == (world.history().count("reopen"), world.history().count("note_added"))


def together(*jobs: Callable[[], None]) -> None:
    """Run them at once; pytest makes an error in one an error of the test."""
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_what_a_dead_daemon_held_is_free_for_the_next_one(world: World) -> None:
    fire(world, "defer", days=3)
    world.later(days=3)
    assert 1 == len(timers.lease(world.ports))
    assert [] == tick(world)
    inbound.take_back(world.ports)
    assert [(WAKE, True)] == tick(world)


def test_a_lease_runs_out(world: World) -> None:
    fire(world, "defer", days=3)
    world.later(days=3)
    timers.lease(world.ports)
    world.later(seconds=timers.LEASE_SECONDS)
    assert [(WAKE, True)] == tick(world)


def test_a_timer_that_fails_waits_longer_each_time(world: World) -> None:
    """From the fifth try on an alarm names it, until it has fired."""
    fire(world, "defer", days=3)
    world.later(days=3)
    for minutes in (1, 5, 15, 60, 60):
        assert () == standing(world).alarms
        (leased,) = timers.lease(world.ports)
        timers.failed(world.ports, leased)
        world.later(minutes=minutes, seconds=-1)
        assert () == timers.lease(world.ports)
        world.later(seconds=1)

    (alarm,) = standing(world).alarms
    assert ("timer", START + timedelta(days=3)) == (alarm.name, alarm.since)
    assert "1 (wake of case 1001, tried 5 times)" in alarm.text
    assert [(WAKE, True)] == tick(world)
    assert () == standing(world).alarms


def test_a_timer_that_fails_holds_up_no_other(world: World) -> None:
    world.mail(a_mail(message_id="<two@customer.example>"))
    fire(world, "defer", days=3)
    fire(world, "defer", days=4, case=SECOND)
    world.later(days=4)
    first, second = timers.lease(world.ports)
    timers.failed(world.ports, first)
    assert timers.fire(world.ports, second) is True
    assert [] == tick(world)
    assert ("deferred", "reopened") == (status(world), status(world, 1002))


def test_a_clock_that_is_set_back_fires_nothing_twice_and_nothing_early(strict: World) -> None:
    fire(strict, "resolve")
    strict.later(days=7)
    (leased,) = timers.lease(strict.ports)
    strict.later(hours=-2)
    assert timers.fire(strict.ports, leased) is False
    assert [] == tick(strict)

    strict.later(hours=2)
    assert [(REMINDER, True)] == tick(strict)
    strict.later(days=-30)
    assert [] == tick(strict)
    strict.later(days=36)
    assert ([], "resolved") == (tick(strict), status(strict))
    strict.later(days=1)
    assert ([(TimerKind.AUTO_CLOSE, True)], "closed") == (tick(strict), status(strict))
    assert [BOB] == told(strict, "reminder")


# --- What status says -------------------------------------------------------------------------------------


def standing(world: World) -> post_room.Standing:
    return world.ports.db.read(post_room.standing, world.now, outbound=True)


def test_status_says_what_is_due_and_what_comes_next(world: World) -> None:
    assert (0, None) == (standing(world).timers.due, standing(world).timers.next_at)
    world.mail(a_mail(message_id="<two@customer.example>"))
    fire(world, "defer", days=3)
    fire(world, "defer", days=5, case=SECOND)
    emptied(world.ports)
    assert (0, START + timedelta(days=3)) == (standing(world).timers.due, standing(world).timers.next_at)
    assert standing(world).settled

    world.later(days=3)
    assert (1, START + timedelta(days=5)) == (standing(world).timers.due, standing(world).timers.next_at)
    assert not standing(world).settled
    tick(world)
    emptied(world.ports)
    assert standing(world).settled


def emptied(ports: Ports) -> None:
    """All mail has left."""
    with ports.db.begin() as tx:
        tx.execute(sa.update(t.outbox).values(state="sent"))
