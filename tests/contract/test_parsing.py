"""The parse child: no mail stops the next one (SPEC section 17, HOUSE section 12)."""

import asyncio
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

import gateway
from gateway.domain.mail_rules import AutomaticRules, MailRules, TextRules
from gateway.domain.post import ParsedMail, Unreadable
from gateway.errors import Temporary
from gateway.parsing import ParseFault, ParsePool

RULES = MailRules(
    automatic=AutomaticRules(strong=(), weak=(), senders=("noreply",), absence=()),
    text=TextRules(wrote=("wrote",), labels=("From",), dividers=(), taglines=()),
)
CHILD = [sys.executable, "-P", str(Path(__file__).with_name("parsing_child.py"))]
T = TypeVar("T")
Answer = ParsedMail | Unreadable | ParseFault


def ask(*mails: bytes, seconds: float = 30, slow_seconds: float = 10) -> list[Answer]:
    """The answers to mails that are handed over at the same time."""

    async def all_at_once(pool: ParsePool) -> list[Answer]:
        return await asyncio.gather(*(pool.parse(mail) for mail in mails))

    return with_pool(all_at_once, seconds=seconds, slow_seconds=slow_seconds)


def with_pool(use: Callable[[ParsePool], Awaitable[T]], *, seconds: float = 30, slow_seconds: float = 10) -> T:
    async def run() -> T:
        pool = ParsePool(RULES, seconds=seconds, slow_seconds=slow_seconds, megabytes=64, command=CHILD)
        try:
            return await use(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


def split(answer: Answer) -> tuple[int, str]:
    """The process id and the words of an answer."""
    assert isinstance(answer, Unreadable)
    pid, _, words = answer.reason.partition(" ")
    return int(pid), words


def test_mails_handed_over_together_are_answered_each_by_one_child() -> None:
    """More than one batch, and the answers are in the order of the questions."""
    mails = [b"mail %d" % number for number in range(70)]
    answers = [split(answer) for answer in ask(*mails)]
    assert [mail.decode() for mail in mails] == [words for _, words in answers]
    assert len({pid for pid, _ in answers}) == 1


def test_one_child_serves_later_mails_too() -> None:
    async def one_by_one(pool: ParsePool) -> list[Answer]:
        return [await pool.parse(b"one"), await pool.parse(b"two")]

    (first, _), (second, words) = (split(answer) for answer in with_pool(one_by_one))
    assert words == "two"
    assert first == second


def test_the_child_has_the_rules() -> None:
    assert [Unreadable(reason=repr(RULES))] == ask(b"rules")


def test_a_mail_larger_than_every_buffer_goes_both_ways() -> None:
    mail = b"large " + b"x" * 5_000_000
    answers = [split(answer)[1] for answer in ask(mail, b"small", mail)]
    assert [mail.decode(), "small", mail.decode()] == answers


@pytest.mark.parametrize("mail", [b"raise x", b"killed", b"bloat 100"], ids=lambda mail: mail.decode())
def test_a_mail_that_ends_the_child_is_a_fault_of_its_own(mail: bytes) -> None:
    """The one before it and those behind it are read all the same; 100 MB are too much where 64 are allowed."""
    before, fault, *after = ask(b"before", mail, b"after", b"last")
    assert ParseFault.CRASHED == fault
    assert ["before", "after", "last"] == [split(answer)[1] for answer in (before, *after)]
    assert split(before)[0] != split(after[0])[0]


def test_what_fits_the_memory_limit_is_read() -> None:
    assert "bloat 30000000" == split(ask(b"bloat 30")[0])[1]


def test_a_mail_that_hangs_is_stopped_and_counted_alone() -> None:
    before, fault, after = ask(b"before", b"hang", b"after", seconds=1)
    assert ParseFault.TIMEOUT == fault
    assert ["before", "after"] == [split(answer)[1] for answer in (before, after)]


def test_a_slow_mail_keeps_its_child_and_the_rest_goes_to_another(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def run(pool: ParsePool) -> tuple[bool, Answer, Answer, Answer]:
        slow = asyncio.create_task(pool.parse(b"wait " + os.fsencode(pipe)))
        rest = await asyncio.gather(pool.parse(b"behind"), pool.parse(b"last"))
        answered_before = slow.done()
        pipe.write_bytes(b"")  # opens when the child has opened it, too
        return answered_before, await slow, *rest

    answered_before, slow, behind, last = with_pool(run, slow_seconds=0.2)
    assert not answered_before
    assert split(slow)[1].startswith("wait ")
    assert ["behind", "last"] == [split(behind)[1], split(last)[1]]
    assert split(slow)[0] != split(behind)[0]


def test_with_two_slow_mails_the_third_waits_until_one_is_through(tmp_path: Path) -> None:
    pipes = [tmp_path / "one", tmp_path / "two"]
    for pipe in pipes:
        os.mkfifo(pipe)

    async def run(pool: ParsePool) -> tuple[bool, list[Answer]]:
        one, two = (asyncio.create_task(pool.parse(b"wait " + os.fsencode(pipe))) for pipe in pipes)
        third = asyncio.create_task(pool.parse(b"third"))
        second_child = await asyncio.to_thread(pipes[1].open, "wb")  # opens when a child is at work on the second mail
        waits = not third.done()
        pipes[0].write_bytes(b"")
        answers = [await one, await third]
        second_child.close()
        return waits, [*answers, await two, await pool.parse(b"later")]

    waits, answers = with_pool(run, slow_seconds=0.2)
    assert waits
    pids, words = zip(*(split(answer) for answer in answers), strict=True)
    assert [f"wait {pipes[0]}", "third", f"wait {pipes[1]}", "later"] == list(words)
    assert pids[0] != pids[2]


def test_a_child_killed_between_mails_costs_nothing() -> None:
    async def run(pool: ParsePool) -> tuple[Answer, Answer]:
        first = await pool.parse(b"first")
        ended = os.pidfd_open(split(first)[0])
        os.kill(split(first)[0], signal.SIGKILL)
        await asyncio.to_thread(select.select, [ended], [], [])
        os.close(ended)
        for _ in range(10):  # turns of the loop, for the end of the pipe to come through
            await asyncio.sleep(0)
        return first, await pool.parse(b"second")

    first, second = with_pool(run)
    assert "second" == split(second)[1]
    assert split(first)[0] != split(second)[0]


def test_no_child_to_be_had_is_no_fault_of_the_mail() -> None:
    """A broken installation must not quarantine all mail: Temporary, not a fault."""

    async def run(command: list[str]) -> None:
        pool = ParsePool(RULES, command=command)
        with pytest.raises(Temporary, match="the parser"):
            await asyncio.gather(pool.parse(b"one"), pool.parse(b"two"))
        await pool.close()

    asyncio.run(run([sys.executable, "-c", "raise SystemExit(1)"]))
    asyncio.run(run(["/nowhere/python"]))


def test_an_answer_of_another_version_is_no_fault_of_the_mail() -> None:
    """Our files were replaced while the daemon runs: nothing may be quarantined for that."""
    with pytest.raises(Temporary, match="restart"):
        ask(b"stranger")


def test_who_waits_while_the_pool_closes_is_told_so() -> None:
    async def run() -> int:
        pool = ParsePool(RULES, command=CHILD)
        first = await pool.parse(b"first")
        waiting = asyncio.create_task(pool.parse(b"hang"))
        await asyncio.sleep(0)
        await pool.close()
        with pytest.raises(Temporary, match="stopping"):
            await waiting
        with pytest.raises(Temporary, match="stopping"):
            await pool.parse(b"late")
        return split(first)[0]

    assert not Path(f"/proc/{asyncio.run(run())}").exists()


def test_a_caller_who_gives_up_leaves_the_others_alone() -> None:
    async def run(pool: ParsePool) -> Answer:
        leaving = asyncio.create_task(pool.parse(b"leaving"))
        staying = asyncio.create_task(pool.parse(b"staying"))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert "staying" == split(with_pool(run))[1]


def test_a_caller_who_gives_up_on_a_mail_in_work_leaves_the_others_alone(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def run(pool: ParsePool) -> Answer:
        leaving = asyncio.create_task(pool.parse(b"wait " + os.fsencode(pipe)))
        staying = asyncio.create_task(pool.parse(b"staying"))
        at_work = await asyncio.to_thread(pipe.open, "wb")
        leaving.cancel()
        await asyncio.sleep(0)
        at_work.close()
        return await staying

    assert "staying" == split(with_pool(run))[1]


def test_a_stray_print_does_not_speak_on_the_pipe() -> None:
    assert ["print x", "after"] == [split(answer)[1] for answer in ask(b"print x", b"after")]


def test_the_child_inherits_no_socket_and_no_environment() -> None:
    """One variable, a session of its own, and nothing open but its pipes."""
    os.environ["CASEGATE_DATABASE__URL"] = "secret"
    try:
        with socket.socket() as inherited:
            inherited.set_inheritable(True)
            (answer,) = ask(b"around")
    finally:
        del os.environ["CASEGATE_DATABASE__URL"]
    assert isinstance(answer, Unreadable)
    variables, leads_session, *handles = answer.reason.split(" ")
    assert {"PYTHONPATH"} == set(variables.split(",")) - {"LC_CTYPE"}  # which Python sets itself
    assert "True" == leads_session
    assert {"/dev/null", "pipe"} == {handle.partition(":")[0] for handle in handles}


def test_the_child_ends_when_its_pipe_closes() -> None:
    done = subprocess.run(CHILD, input=b"", capture_output=True, env=_environment(), timeout=60, check=False)
    assert (0, b"", b"") == (done.returncode, done.stdout, done.stderr)


def test_a_hung_child_whose_parent_was_killed_ends_by_itself() -> None:
    frames = b"".join(len(frame).to_bytes(4) + frame for frame in map(pickle.dumps, [(RULES, 0.1, 64), [b"hang"]]))
    done = subprocess.run(CHILD, input=frames, capture_output=True, env=_environment(), timeout=60, check=False)
    assert -signal.SIGALRM == done.returncode


def test_the_real_child_has_mail_and_domain_in_it_and_nothing_else() -> None:
    """`python -m gateway.parsing` reads mail without database, configuration, validation or event loop."""
    code = "import runpy, sys; runpy.run_module('gateway.parsing', run_name='__main__'); print(*sys.modules)"
    terms = pickle.dumps((RULES, 30, 512))
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        input=len(terms).to_bytes(4) + terms,
        capture_output=True,
        env=_environment(),
        timeout=60,
        check=True,
    )
    modules = done.stderr.decode().split()  # where what is printed goes, for the pipe is not for it
    assert "gateway.mail.parse" in modules
    ours = {name for name in modules if name.startswith("gateway.")}
    assert {name for name in ours if not name.startswith(("gateway.mail", "gateway.domain"))} <= {"gateway.errors"}
    unwanted = ("sqlalchemy", "sqlmodel", "pydantic", "asyncio", "structlog", "jinja2", "aiosmtplib", "aiosmtpd")
    assert {name for name in modules if name.partition(".")[0] in unwanted} == set()


def test_the_real_child_reads_a_real_mail() -> None:
    async def run() -> Answer:
        pool = ParsePool(RULES)
        try:
            return await pool.parse(b"From: Ann <ann@acme.example>\r\nSubject: Hello\r\n\r\nIt works now.\r\n")
        finally:
            await pool.close()

    answer = asyncio.run(run())
    assert isinstance(answer, ParsedMail)
    assert ("ann@acme.example", "Hello", "It works now.") == (answer.sender, answer.subject, answer.new_text.strip())


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(gateway.__file__).parent.parent)}
