"""Whatever customers, strangers, machines and agents do, in any order: the promises of SPEC section 17 hold."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.domain.actions import Action, AddNote, AgentReply, Fire, Merge
from gateway.domain.approval import ApprovalId, ApprovalKind
from gateway.domain.approval_actions import Answer, Ask, Says
from gateway.domain.model import CaseNumber, ContactRole, Turn
from gateway.errors import NotFound, Refused
from gateway.services import approval_view, queue, views
from gateway.store import migrate
from tests.answers import CARL, give
from tests.world import World, a_mail

PEOPLE = {
    "EX-1": ["ann@customer.example", "bob@customer.example", "carl@customer.example"],
    "OT-1": ["eve@other.example"],
}
CONTACTS = [*PEOPLE["EX-1"], *PEOPLE["OT-1"]]
TRIGGERS = ["start", "resolve", "close", "reopen", "defer"]
SECRET = "internal words"


class GatewayMachine(RuleBasedStateMachine):
    """Random days of a small support desk."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        url = f"sqlite:///{self.folder / 'x.db'}"
        migrate.upgrade(url)
        self.world = World(url, self.folder)
        give(self.world, CARL, ContactRole.DECISION_MAKER)
        self.mails = 0
        self.last = a_mail()

    def teardown(self) -> None:
        self.world.ports.db.close()
        shutil.rmtree(self.folder)

    def send(self, sender: str, subject: str, **headers: str) -> None:
        self.mails += 1
        body = f"Words of {sender} number {self.mails}."
        self.last = a_mail(sender, subject, body, message_id=f"<{self.mails}@mail.example>", **headers)
        self.world.mail(self.last)

    @rule(sender=st.sampled_from([*CONTACTS, "mallory@evil.example", "reads@customer.example"]))
    def writes(self, sender: str) -> None:
        self.send(sender, "A question")

    @rule(sender=st.sampled_from(CONTACTS), number=st.integers(1001, 1004), away=st.booleans())
    def answers(self, sender: str, number: int, away: bool) -> None:
        headers = {"auto_submitted": "auto-replied"} if away else {}
        self.send(sender, f"Re: {self.world.ports.tokens.mint(number)}", **headers)

    @rule()
    def a_copy_comes(self) -> None:
        cases, told = self.world.cases(), self.world.told()
        self.world.mail(b"Received: once more\r\n" + self.last)
        if self.mails:
            assert (cases, told) == (self.world.cases(), self.world.told())

    @rule(number=st.integers(1001, 1004), trigger=st.sampled_from(TRIGGERS), text=st.sampled_from([None, "Done so."]))
    def fires(self, number: int, trigger: str, text: str | None) -> None:
        self._act(Fire(case=CaseNumber(number), actor=self.world.alice, trigger=trigger, text=text))

    @rule(number=st.integers(1001, 1004))
    def replies(self, number: int) -> None:
        self._act(AgentReply(case=CaseNumber(number), actor=self.world.alice, text="An answer."))

    @rule(number=st.integers(1001, 1004))
    def notes(self, number: int) -> None:
        self._act(AddNote(case=CaseNumber(number), actor=self.world.alice, text=SECRET))

    @rule(number=st.integers(1001, 1002), into=st.integers(1001, 1002))
    def merges(self, number: int, into: int) -> None:
        self._act(Merge(case=CaseNumber(number), actor=self.world.alice, into=CaseNumber(into)))

    @rule(number=st.integers(1001, 1004))
    def orders(self, number: int) -> None:
        if number in self.world.cases() and self.world.case(number).summary.account == "EX-1":
            order = Ask(kind=ApprovalKind.ORDER, actor=self.world.bob, text="an update", case=CaseNumber(number))
            self._act(order)

    @rule(says=st.sampled_from(Says))
    def decides(self, says: Says) -> None:
        for one in self.world.ports.db.read(approval_view.approvals, approval_view.OPEN)[:1]:
            self._act(Answer(approval=ApprovalId(one.id), asked=one.id, address=CARL, says=says))

    @rule(hours=st.integers(1, 40))
    def time_passes(self, hours: int) -> None:
        self.world.later(hours=hours)

    def _act(self, action: Action) -> None:
        with suppress(Refused, NotFound):
            self.world.act(action)

    @invariant()
    def histories_make_the_cases(self) -> None:
        assert [] == self.world.ports.db.read(views.broken_cases)

    @invariant()
    def lists_and_queue_know_whose_turn_it_is(self) -> None:
        """What SQL selects is what `Policy.turn_of` says of each case."""
        ports = self.world.ports

        def listed(turn: Turn | None) -> list[views.Summary]:
            asked = views.CaseFilter(turn=turn, sort="number")
            return list(ports.db.read(views.cases, asked, ports.policy, ports.tokens))

        for turn in Turn:
            assert listed(turn) == [case for case in listed(None) if case.turn == turn]
        found = ports.db.read(queue.queue, queue.QueueFilter(), ports.policy, ports.tokens, self.world.now).found
        assert {one.summary.number for one in found} == {case.number for case in listed(Turn.VENDOR)}

    @invariant()
    def mail_stays_in_its_account(self) -> None:
        found = self.world.ports.db.read(
            views.cases, views.CaseFilter(), self.world.ports.policy, self.world.ports.tokens
        )
        owner = {case.token: case.account for case in found}
        for mail in self.world.outbox():
            recipient = mail["To"].addresses[0].addr_spec
            account = next((owner[token] for token in owner if token in mail["Subject"]), None)
            assert account is None or recipient == "alice@vendor.example" or recipient in PEOPLE[account]
            assert SECRET not in mail.as_string() or recipient == "alice@vendor.example"

    @invariant()
    def everything_is_decided(self) -> None:
        assert all(state != "pending" for state, _ in self.world.intake())


TestGateway = GatewayMachine.TestCase
TestGateway.settings = settings(
    deadline=None, max_examples=15, stateful_step_count=15, suppress_health_check=list(HealthCheck)
)
