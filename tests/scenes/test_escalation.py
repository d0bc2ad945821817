"""The whole life of an escalation, on both databases: asked for, taken, meetings, log, end; and who is told what."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import icalendar
import pytest

from gateway.domain.actions import ChangePriority, ChangeType, Escalate, Fire, Merge
from gateway.domain.escalation import EscalationKind, Gap, series
from gateway.domain.escalation_actions import LogProgress, PlanMeetings, ResolveEscalation, TakeEscalation
from gateway.domain.model import (
    Agent,
    AgentId,
    AgentKind,
    CaseNumber,
    ContactRole,
    Party,
    TimerKind,
)
from gateway.errors import Refused
from gateway.services import escalations, timers
from gateway.services.escalations import EscalationView
from gateway.store import people
from tests.answers import give, text, write
from tests.world import SERVICE, START, World, a_mail, a_world

ONE, TWO = CaseNumber(1001), CaseNumber(1002)
ALICE, BOB, CARL, ANN = (
    "alice@vendor.example",
    "bob@customer.example",
    "carl@customer.example",
    "ann@customer.example",
)
MAX, MIA, TIM = "max@vendor.example", "mia@vendor.example", "tim@vendor.example"
SECRET = "They have a case in court against us."


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Bob asked; nobody is a support manager. On a Monday at 9:00 UTC."""
    with a_world(database_url, tmp_path, vendor={"name": "Acme", "hotline": "+49 30 555 0100"}) as made:
        made.mail(a_mail())
        yield made


class Managed:
    """A world with two support managers, and one agent of the third level."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.max = self.add("Max", MAX, AgentKind.SUPPORT_MANAGER)
        self.mia = self.add("Mia", MIA, AgentKind.SUPPORT_MANAGER)
        self.tim = self.add("Tim", TIM, AgentKind.AGENT, "third_level")

    def add(self, name: str, address: str, kind: AgentKind, *teams: str) -> Party:
        agent = Agent(id=AgentId(0), name=name, address=address, kind=kind, teams=teams)
        with self.world.ports.db.begin() as tx:
            return Party.agent(people.add_agent(tx, agent))

    def escalate(self, reason: str = "It costs us a day.", actor: Party | None = None) -> None:
        kind = EscalationKind.NON_TECHNICAL
        self.world.act(Escalate(case=ONE, actor=actor or self.world.alice, kind=kind, reason=reason))

    def plan(self, every: str = "1d", at: str = "09:00", zone: str = "UTC", channel: str = "video call") -> None:
        meetings = series(Gap.parse(every), at, zone, channel, self.world.now)
        self.world.act(PlanMeetings(case=ONE, actor=self.max, meetings=meetings))

    def stop(self) -> None:
        self.world.act(PlanMeetings(case=ONE, actor=self.max, meetings=None))


@pytest.fixture
def managed(world: World) -> Managed:
    return Managed(world)


def escalation(world: World, number: int = 1001) -> EscalationView:
    found = world.case(number).escalation
    assert found is not None
    return found


def new_mail(world: World, before: int) -> dict[str, EmailMessage]:
    """What was owed since, by recipient; of several to one person the last."""
    return {mail["To"].addresses[0].addr_spec: mail for mail in world.outbox()[before:]}


def count(world: World) -> int:
    return len(world.outbox())


def tick(world: World) -> list[TimerKind]:
    """What a daemon does that looks at its clock now, and which of it took effect."""
    happened = []
    while rows := timers.lease(world.ports):
        happened += [row.kind for row in rows if timers.fire(world.ports, row)]
    return happened


def event_of(mail: EmailMessage) -> tuple[str, Any]:
    """(method, VEVENT) of the calendar part; it must stand where mail programs look for invitations."""
    (part,) = [one for one in mail.walk() if one.get_content_type() == "text/calendar"]
    assert mail.get_content_type() == "multipart/alternative"
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    calendar = icalendar.Calendar.from_ical(data)
    (event,) = calendar.walk("VEVENT")
    assert str(calendar["method"]) == part.get_param("method")
    return str(calendar["method"]), event


def has_calendar(mail: EmailMessage) -> bool:
    return any(one.get_content_type() == "text/calendar" for one in mail.walk())


# --- Asked for ------------------------------------------------------------------------------------------


def test_support_management_is_told_at_once_with_what_the_customer_wrote(managed: Managed) -> None:
    world = managed.world
    before = count(world)
    write(world, BOB, SERVICE, "/escalate It costs us a day.", subject=f"Re: {world.ports.tokens.mint(1001)} x")
    found = new_mail(world, before)
    assert {MAX, MIA, BOB} == set(found)
    assert "ESCALATED: It is slow" in found[MAX]["Subject"]
    assert "It costs us a day." in text(found[MAX])
    assert "Since Monday everything is slow." in text(found[MAX])
    assert "case escalation take" not in text(found[BOB])
    assert "What comes next: one of our support managers takes charge" in text(found[BOB])


def test_without_a_support_manager_all_agents_are_told(world: World) -> None:
    before = count(world)
    write(world, BOB, SERVICE, "/escalate Please", subject=f"Re: {world.ports.tokens.mint(1001)} x")
    assert {ALICE, BOB} == set(new_mail(world, before))


def test_what_an_agent_writes_to_support_management_is_not_told_to_the_customer(managed: Managed) -> None:
    before = count(managed.world)
    managed.escalate(SECRET)
    found = new_mail(managed.world, before)
    assert SECRET in text(found[MAX])
    assert SECRET.encode() not in found[BOB].as_bytes()
    assert "Your case has been escalated" in text(found[BOB])


@pytest.mark.parametrize("booked", [False, True])
def test_incident_managers_come_in_while_they_count(managed: Managed, booked: bool) -> None:
    """And are told, as all who are on the case."""
    world = managed.world
    give(world, CARL, ContactRole.INCIDENT_MANAGER)
    if booked:
        with world.ports.db.begin() as tx:
            people.set_services(tx, "EX-1", ("incident_management",))
    before = count(world)
    managed.escalate()
    assert booked == (CARL in world.case().participants)
    assert booked == (CARL in new_mail(world, before))


@pytest.mark.parametrize(("hour", "called"), [(9, False), (20, True)])
def test_the_hotline_is_named_for_what_is_urgent_outside_business_hours(
    managed: Managed, hour: int, called: bool
) -> None:
    world = managed.world
    world.now = START.replace(hour=hour)
    world.act(ChangeType(case=ONE, actor=world.alice, type="incident", priority="P1"))
    before = count(world)
    write(world, BOB, SERVICE, "/escalate", subject=f"Re: {world.ports.tokens.mint(1001)} x")
    assert called == ("+49 30 555 0100" in text(new_mail(world, before)[BOB]))
    world.act(ChangePriority(case=ONE, actor=world.alice, priority="P2"))
    before = count(world)
    write(world, BOB, SERVICE, "/escalate", subject=f"Re: {world.ports.tokens.mint(1001)} x")
    assert "+49 30 555 0100" not in text(new_mail(world, before)[BOB])


@pytest.mark.parametrize("trigger", ["resolve", "close"])
def test_an_escalated_case_lives_again(managed: Managed, trigger: str) -> None:
    world = managed.world
    world.act(Fire(case=ONE, actor=world.alice, trigger="resolve"))
    if trigger == "close":
        world.act(Fire(case=ONE, actor=world.alice, trigger="close"))
    before = count(world)
    managed.escalate()
    assert "reopened" == world.case().summary.status
    told = text(new_mail(world, before)[BOB])
    assert "Status: Re-opened" in told
    assert "Your case has been escalated" in told


def test_a_second_request_adds_its_words_and_everybody_in_charge_hears_them(managed: Managed) -> None:
    world = managed.world
    managed.escalate()
    world.act(TakeEscalation(case=ONE, actor=managed.max))
    before = count(world)
    write(world, BOB, SERVICE, "/escalate The board calls.", subject=f"Re: {world.ports.tokens.mint(1001)} x")
    found = new_mail(world, before)
    assert "The board calls." in text(found[MAX])
    assert "Max is in charge of it." in text(found[BOB])
    assert ("taken", "It costs us a day.\n\nThe board calls.") == (escalation(world).state, escalation(world).reason)


def test_an_error_goes_to_the_third_level_and_the_customer_hears_of_the_error_only(managed: Managed) -> None:
    world = managed.world
    before = count(world)
    world.act(ChangeType(case=ONE, actor=world.alice, type="error"))
    found = new_mail(world, before)
    assert {TIM, BOB} == set(found) - {ALICE}
    assert "technical escalation to team third_level" in text(found[TIM])
    assert "scalat" not in text(found[BOB]).replace("\r\n", "\n").partition("\n-- \n")[0]
    assert "->  /escalate" in text(found[BOB])


# --- Taken, or not --------------------------------------------------------------------------------------


def test_only_a_support_manager_takes_one(managed: Managed) -> None:
    managed.escalate()
    with pytest.raises(
        Refused, match=f"only a support manager or an admin takes escalations; --as one of: {MAX}, {MIA}"
    ):
        managed.world.act(TakeEscalation(case=ONE, actor=managed.world.alice))


def test_who_takes_it_is_its_manager_and_both_sides_are_told(managed: Managed) -> None:
    world = managed.world
    managed.escalate()
    before = count(world)
    world.act(TakeEscalation(case=ONE, actor=managed.max))
    assert ("taken", MAX, START) == (escalation(world).state, escalation(world).manager, escalation(world).taken_at)
    assert {BOB, MIA} == set(new_mail(world, before))
    assert "Max has taken charge of your case" in text(new_mail(world, before)[BOB])
    assert 0 == world.act(TakeEscalation(case=ONE, actor=managed.max)).events
    world.act(TakeEscalation(case=ONE, actor=managed.mia))
    assert MIA == escalation(world).manager


def test_what_nobody_takes_reminds_support_management_once(managed: Managed) -> None:
    world = managed.world
    managed.escalate()
    before = count(world)
    world.later(minutes=59)
    assert [] == tick(world)
    world.later(minutes=1)
    assert [TimerKind.ESCALATION_UNTAKEN] == tick(world)
    world.later(days=3)
    assert [] == tick(world)
    assert {MAX, MIA} == set(new_mail(world, before))
    assert 2 == count(world) - before
    assert "NOT TAKEN YET" in new_mail(world, before)[MAX]["Subject"]


def test_what_is_taken_reminds_nobody(managed: Managed) -> None:
    managed.escalate()
    managed.world.act(TakeEscalation(case=ONE, actor=managed.max))
    managed.world.later(hours=2)
    assert [] == tick(managed.world)


def test_steps_that_passed_in_the_dark_are_told_of_once(managed: Managed) -> None:
    world = managed.world
    steps = (timedelta(hours=1), timedelta(hours=2), timedelta(hours=8))
    rules = replace(world.ports.policy.escalations, untaken=steps)
    world.ports = replace(world.ports, policy=replace(world.ports.policy, escalations=rules))
    managed.escalate()
    world.later(hours=3)
    assert [TimerKind.ESCALATION_UNTAKEN] == tick(world)
    world.later(hours=5)
    assert [TimerKind.ESCALATION_UNTAKEN] == tick(world)


def test_a_line_in_the_rules_reaches_escalations_that_are_open_already(managed: Managed) -> None:
    world = managed.world
    rules = world.ports.policy.escalations
    world.ports = replace(world.ports, policy=replace(world.ports.policy, escalations=replace(rules, untaken=())))
    managed.escalate()
    world.ports = replace(world.ports, policy=replace(world.ports.policy, escalations=rules))
    assert 1 == sum(timers.refresh(world.ports, numbers) for numbers in timers.to_refresh(world.ports))
    world.later(hours=1)
    assert [TimerKind.ESCALATION_UNTAKEN] == tick(world)


# --- Meetings -------------------------------------------------------------------------------------------


def test_planned_meetings_come_into_the_calendars_of_both_sides(managed: Managed) -> None:
    world = managed.world
    managed.escalate()
    before = count(world)
    managed.plan(zone="Europe/Berlin")
    found = new_mail(world, before)
    assert {BOB, MAX, MIA} == set(found)
    assert not has_calendar(found[MIA])
    for address in (BOB, MAX):
        method, event = event_of(found[address])
        assert "REQUEST" == method
        assert f"mailto:{address}" == event["attendee"]
        assert datetime(2026, 3, 3, 8, tzinfo=UTC) == event["dtstart"].dt.astimezone(UTC)
        assert ("DAILY", "Europe/Berlin", "video call") == (
            event["rrule"]["freq"][0],
            event["dtstart"].params["TZID"],
            event["location"],
        )
    assert "every day, over video call." in text(found[BOB])
    view = escalation(world)
    assert ("taken", "1d", "09:00", "video call") == (view.state, view.every, view.at, view.channel)
    assert datetime(2026, 3, 3, 8, tzinfo=UTC) == view.next_meeting_at


def test_uid_stays_sequence_rises_and_the_end_cancels(managed: Managed) -> None:
    """The golden calendar: plan, plan anew, a reminder, stop, plan again, resolve."""
    world = managed.world
    managed.escalate()
    seen: list[tuple[str, str, int]] = []

    def look(before: int) -> None:
        for mail in world.outbox()[before:]:
            if mail["To"].addresses[0].addr_spec == BOB and has_calendar(mail):
                method, event = event_of(mail)
                seen.append((method, str(event["uid"]), int(event["sequence"])))

    for step in ("plan", "again", "remind", "stop", "plan", "resolve"):
        before = count(world)
        if step in {"plan", "again"}:
            managed.plan("1d" if step == "plan" else "2d")
        elif step == "remind":
            world.now = datetime(2026, 3, 3, 8, 30, tzinfo=UTC)
            assert [TimerKind.MEETING] == tick(world)
        elif step == "stop":
            world.act(PlanMeetings(case=ONE, actor=managed.max, meetings=None))
        else:
            world.act(ResolveEscalation(case=ONE, actor=managed.max, text="Done."))
        look(before)
    methods, uids, sequences = zip(*seen, strict=True)
    assert ("REQUEST", "REQUEST", "REQUEST", "CANCEL", "REQUEST", "REQUEST", "CANCEL") == methods
    first, second, lessons = uids[0], uids[4], uids[5]
    assert (first, first, first, first, second, lessons, second) == uids
    assert 3 == len({first, second, lessons})
    assert sequences[0] < sequences[1] == sequences[2] < sequences[3]
    assert sequences[4] < sequences[6]
    assert "Max has resolved the escalation" in text(new_mail(world, before)[MIA])


def test_both_sides_are_reminded_before_each_meeting(managed: Managed) -> None:
    world = managed.world
    managed.escalate()
    managed.plan()
    for day in (3, 4):
        before = count(world)
        world.now = datetime(2026, 3, day, 8, 30, tzinfo=UTC)
        assert [TimerKind.MEETING] == tick(world)
        found = new_mail(world, before)
        assert {BOB, MAX} == set(found)
        method, event = event_of(found[BOB])
        meeting = datetime(2026, 3, day, 9, tzinfo=UTC)
        assert ("REQUEST", meeting, meeting) == (method, event["dtstart"].dt, event["recurrence-id"].dt)
        assert "rrule" not in event


def test_meetings_by_the_hour_move_one_entry_on(managed: Managed) -> None:
    world = managed.world
    managed.escalate()
    managed.plan("4h")
    sequences, starts = [], []
    for hour in (12, 16):
        before = count(world)
        world.now = START.replace(hour=hour, minute=30)
        assert [TimerKind.MEETING] == tick(world)
        _, event = event_of(new_mail(world, before)[BOB])
        sequences.append(int(event["sequence"]))
        starts.append(event["dtstart"].dt.hour)
        assert "recurrence-id" not in event
    assert sequences == sorted(set(sequences))
    assert [13, 17] == starts


def test_of_meetings_that_passed_in_the_dark_nobody_is_told(managed: Managed) -> None:
    world = managed.world
    managed.escalate()
    managed.plan()
    before = count(world)
    world.now = datetime(2026, 3, 7, 12, tzinfo=UTC)
    assert [TimerKind.MEETING] == tick(world)
    assert 0 == count(world) - before
    world.now = datetime(2026, 3, 8, 8, 30, tzinfo=UTC)
    assert [TimerKind.MEETING] == tick(world)
    assert {BOB, MAX} == set(new_mail(world, before))
    assert "meetings_missed" in world.history()


def test_a_meeting_that_is_still_ahead_is_told_of_late(managed: Managed) -> None:
    world = managed.world
    managed.escalate()
    managed.plan()
    before = count(world)
    world.now = datetime(2026, 3, 5, 8, 50, tzinfo=UTC)
    assert [TimerKind.MEETING, TimerKind.MEETING] == tick(world)
    assert 2 == count(world) - before
    assert "2026-03-05 09:00 UTC" in text(new_mail(world, before)[BOB])


def test_the_same_plan_again_changes_nothing(managed: Managed) -> None:
    managed.escalate()
    managed.plan()
    before = count(managed.world)
    managed.plan()
    assert before == count(managed.world)


# --- Log and end ----------------------------------------------------------------------------------------


def test_an_entry_of_the_log_goes_to_the_participants(managed: Managed) -> None:
    world = managed.world
    managed.escalate()
    before = count(world)
    world.act(LogProgress(case=ONE, actor=world.alice, text="The patch is on staging."))
    found = new_mail(world, before)
    assert {BOB, MAX, MIA} == set(found)
    assert "The patch is on staging." in text(found[BOB])
    assert found[BOB]["Auto-Submitted"] is None
    (entry,) = escalation(world).log
    assert ("The patch is on staging.", ALICE, False) == (entry.text, entry.author, entry.internal)


def test_an_internal_entry_never_leaves(managed: Managed) -> None:
    world = managed.world
    managed.escalate()
    before = count(world)
    world.act(LogProgress(case=ONE, actor=world.alice, text=SECRET, internal=True))
    world.act(TakeEscalation(case=ONE, actor=managed.max))
    managed.plan()
    world.act(ResolveEscalation(case=ONE, actor=managed.max))
    write(world, BOB, SERVICE, "/show 1001", subject=f"Re: {world.ports.tokens.mint(1001)} x")
    assert SECRET in text(world.outbox()[before])
    for mail in world.outbox():
        if mail["To"].addresses[0].addr_spec == BOB:
            assert "court" not in text(mail)
            assert b"court" not in mail.as_bytes()


def test_at_the_end_everyone_involved_is_invited_to_learn(managed: Managed) -> None:
    """On the fifth business day after, at 10:00."""
    world = managed.world
    world.act(Fire(case=ONE, actor=world.alice, trigger="start"))
    managed.escalate()
    world.act(TakeEscalation(case=ONE, actor=managed.max))
    before = count(world)
    world.act(ResolveEscalation(case=ONE, actor=managed.mia, text="8.1.2 is in production."))
    found = new_mail(world, before)
    assert {BOB, MAX, MIA, ALICE} == {address for address, mail in found.items() if has_calendar(mail)}
    method, event = event_of(found[BOB])
    assert ("REQUEST", datetime(2026, 3, 9, 10, tzinfo=UTC)) == (method, event["dtstart"].dt)
    assert "8.1.2 is in production." in text(found[BOB])
    view = escalation(world)
    assert ("resolved", START, None) == (view.state, view.resolved_at, view.next_meeting_at)
    world.later(days=8)
    world.act(LogProgress(case=ONE, actor=world.alice, text="Test restores each month."))
    assert [False, True] == [entry.lessons for entry in escalation(world).log]


def test_both_sides_are_reminded_once_before_they_meet_to_learn(managed: Managed) -> None:
    """Who took it, who ended it, the assignee, and all on the case; by the entry that is in their calendars."""
    world = managed.world
    world.act(Fire(case=ONE, actor=world.alice, trigger="start"))
    managed.escalate()
    world.act(TakeEscalation(case=ONE, actor=managed.max))
    before = count(world)
    world.act(ResolveEscalation(case=ONE, actor=managed.mia))
    _, invited = event_of(new_mail(world, before)[BOB])
    before = count(world)
    world.now = datetime(2026, 3, 9, 9, 29, tzinfo=UTC)
    assert [] == tick(world)
    world.later(minutes=1)
    assert [TimerKind.LESSONS] == tick(world)
    found = new_mail(world, before)
    assert {BOB, MAX, MIA, ALICE} == set(found)
    for mail in found.values():
        method, event = event_of(mail)
        assert ("REQUEST", str(invited["uid"]), invited["dtstart"].dt) == (
            method,
            str(event["uid"]),
            event["dtstart"].dt,
        )
        assert int(event["sequence"]) > int(invited["sequence"])
        assert "2026-03-09 10:00 UTC" in text(mail)
    world.act(LogProgress(case=ONE, actor=world.alice, text="Test restores each month."))
    world.later(days=3)
    assert [] == tick(world)
    assert 1 == world.history().count("lessons_reminded")


def test_of_a_meeting_to_learn_that_passed_in_the_dark_nobody_is_told(managed: Managed) -> None:
    world = managed.world
    managed.escalate()
    world.act(ResolveEscalation(case=ONE, actor=managed.max))
    before = count(world)
    world.now = datetime(2026, 3, 9, 10, tzinfo=UTC)
    tick(world)
    assert before == count(world)
    assert "lessons_reminded" not in world.history()


@pytest.mark.parametrize("end", ["escalated", "merged", "deferred"])
def test_nobody_is_reminded_to_learn_where_nothing_is_left_to_learn_from(managed: Managed, end: str) -> None:
    """Escalated once more before, merged, or deferred beyond that time."""
    world = managed.world
    world.mail(a_mail(BOB, "Slow too", "Here as well.", message_id="<two@customer.example>"))
    managed.escalate()
    world.act(ResolveEscalation(case=ONE, actor=managed.max))
    if end == "escalated":
        managed.escalate("Again.")
        world.act(TakeEscalation(case=ONE, actor=managed.max))
    elif end == "merged":
        world.act(Merge(case=ONE, actor=world.alice, into=TWO))
    else:
        world.act(Fire(case=ONE, actor=world.alice, trigger="defer", until=world.now + timedelta(days=20)))
    world.now = datetime(2026, 3, 9, 9, 30, tzinfo=UTC)
    assert TimerKind.LESSONS not in tick(world)
    if end == "deferred":
        world.later(days=20)
        before = count(world)
        assert TimerKind.WAKE in tick(world)
        assert not any("lessons" in str(mail["Subject"]) or has_calendar(mail) for mail in world.outbox()[before:])


def test_customers_who_never_heard_of_it_are_not_reminded_to_learn(managed: Managed) -> None:
    world = managed.world
    world.act(ChangeType(case=ONE, actor=world.alice, type="error"))
    world.act(ResolveEscalation(case=ONE, actor=managed.tim, text="It is mended."))
    before = count(world)
    world.now = datetime(2026, 3, 9, 9, 30, tzinfo=UTC)
    assert TimerKind.LESSONS in tick(world)
    assert {TIM} == {address for address, mail in new_mail(world, before).items() if has_calendar(mail)}
    assert BOB not in new_mail(world, before)


def test_who_ends_one_is_a_manager_or_of_its_team(managed: Managed) -> None:
    world = managed.world
    world.act(ChangeType(case=ONE, actor=world.alice, type="error"))
    with pytest.raises(Refused, match="only a support manager or an admin resolves escalations"):
        world.act(ResolveEscalation(case=ONE, actor=world.alice))
    before = count(world)
    world.act(ResolveEscalation(case=ONE, actor=managed.tim, text="It is mended."))
    assert BOB not in new_mail(world, before)  # who never heard of it
    assert "resolved" == escalation(world).state
    with pytest.raises(Refused, match="is resolved; `casegate case escalate 1001` asks for one"):
        world.act(TakeEscalation(case=ONE, actor=managed.max))


def test_after_the_end_another_one_can_be_asked_for(managed: Managed) -> None:
    world = managed.world
    managed.escalate()
    world.act(ResolveEscalation(case=ONE, actor=managed.max))
    managed.escalate("Again.")
    view = escalation(world)
    assert ("requested", "Again.", None, ()) == (view.state, view.reason, view.manager, view.log)


def test_a_merge_takes_its_escalation_along_and_its_meetings_out_of_calendars(managed: Managed) -> None:
    world = managed.world
    world.mail(a_mail(BOB, "Slow too", "Here as well.", message_id="<two@customer.example>"))
    managed.escalate()
    managed.plan()
    before = count(world)
    world.act(Merge(case=ONE, actor=world.alice, into=TWO))
    assert "CANCEL" in {event_of(mail)[0] for mail in world.outbox()[before:] if has_calendar(mail)}
    assert ("taken", MAX) == (escalation(world, 1002).state, escalation(world, 1002).manager)


def test_the_list_has_what_is_open_the_oldest_first(managed: Managed) -> None:
    world = managed.world
    world.mail(a_mail(BOB, "Slow too", "Here as well.", message_id="<two@customer.example>"))
    world.act(Escalate(case=TWO, actor=world.alice, kind=EscalationKind.TECHNICAL, reason="A race."))
    world.later(hours=1)
    managed.escalate()

    def listed(*, resolved: bool = False) -> list[int]:
        found = world.ports.db.read(escalations.escalations, world.ports.policy, world.now, resolved=resolved)
        return [one.case for one in found]

    assert [1002, 1001] == listed()
    world.act(ResolveEscalation(case=TWO, actor=managed.max))
    assert [1001] == listed()
    assert [1001, 1002] == listed(resolved=True)


def test_what_a_calendar_program_answers_is_no_reply(managed: Managed) -> None:
    world = managed.world
    managed.escalate()
    before = count(world)
    managed.plan()
    status = world.case().summary.status
    _, event = event_of(new_mail(world, before)[BOB])
    write(world, BOB, SERVICE, "", subject=f"Accepted: {event['summary']}")
    assert status == world.case().summary.status
