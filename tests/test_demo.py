"""`casegate demo` as a program: it tells its whole story, and leaves neither a file nor a process behind."""

import codecs
import os
import re
import signal
import smtplib
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_WAIT_SECONDS = 300
"""A limit against hanging; nothing is measured with it."""


class Demo:
    """A running demo whose folder is made in `home`; `screen` is what it has printed so far, less colours."""

    def __init__(self, home: Path, *, terminal: bool) -> None:
        self.home = home
        self._output = ""
        self._news = threading.Condition()
        self._ours, theirs = os.openpty() if terminal else os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "cli.py"), "demo"],
            stdin=theirs if terminal else subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.STDOUT,
            # What is set for another gateway is not heeded.
            env=os.environ | {"TMPDIR": str(home), "CASEGATE_SMTP__PORT": "1", "CASEGATE_AGENT": "nobody"},
            start_new_session=True,
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        with suppress(OSError):  # how the end of a terminal reads
            while data := os.read(self._ours, 65536):
                with self._news:
                    self._output += decoder.decode(data)
                    self._news.notify_all()
        with self._news:
            self._news.notify_all()

    @property
    def screen(self) -> str:
        return re.sub(r"\x1b\[[0-9;]*m|\r", "", self._output)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first place on the screen where this stands."""

        def found() -> re.Match[str] | None:
            return re.search(pattern, self.screen)

        with self._news:
            self._news.wait_for(lambda: found() or not self._reader.is_alive(), LONGEST_WAIT_SECONDS)
            place = found()
        assert place, f"no {pattern!r} on\n{self.screen}"
        return place

    def end(self) -> int:
        """Its exit code."""
        code = self.process.wait(LONGEST_WAIT_SECONDS)
        self._reader.join()
        return code

    def left_behind(self) -> list[str]:
        """Files, and processes of its group; to be asked after its end."""
        names = [entry.name for entry in self.home.iterdir()]
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, 0)
            names.append("a process")
        return names

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()
        os.close(self._ours)


@contextmanager
def a_demo(home: Path, *, terminal: bool = False) -> Iterator[Demo]:
    demo = Demo(home, terminal=terminal)
    try:
        yield demo
    finally:
        demo.close()


def the_daemon(demo: Demo) -> int:
    """The process id of the demo's `serve`."""
    children = Path(f"/proc/{demo.process.pid}/task/{demo.process.pid}/children").read_text().split()
    return next(int(child) for child in children if b"serve" in Path(f"/proc/{child}/cmdline").read_bytes())


STORY = [
    r"\$ casegate init ",
    r"\$ casegate account add Globex --number GLOBEX-1",
    r"\$ casegate agent add Mira ",
    r"ready, SMTP on 127\.0\.0\.1:\d+",
    # a question
    r"from Ann Archer <ann@acme\.example>",
    r"250 2\.0\.0 accepted as 1",
    r"decided  new_case, case 1001",
    r"why  a new question of ACME-1",
    r"status  new → Open",
    r"to ann@acme\.example",
    r"\[CASE-1001\.\w{8}\]",
    # the agent
    r"\$ casegate case start 1001",
    r"status  Open → Harbour Support Investigating",
    r"\$ casegate case reply 1001",
    r"status  Harbour Support Investigating → Waiting for Customer",
    # the colleague
    r"from Carl Cooper",
    r"decided  reply, case 1001",
    r"status  Waiting for Customer → Waiting for Harbour Support",
    r"decided  duplicate, no case",
    # what changes nothing
    r"decided  automatic, case 1001",
    r"status  stays Waiting for Harbour Support",
    r"mail out  none",
    # the stranger, and the other customer
    r"decided  unregistered, no case",
    r"to paul@elsewhere\.example",
    r"decided  new_case, case 1002",
    # the end
    r"\$ casegate case resolve 1001",
    r"status  Waiting for Harbour Support → Resolved",
    r"6 mails came in, 2 cases were opened, (\d+) mails were delivered",
    r"\$ swaks --server 127\.0\.0\.1:\d+",
    r"\$ casegate cases",
]


def test_the_story_is_told_to_its_end_and_nothing_is_left(tmp_path: Path) -> None:
    """Each step in its place; as many mails as are shown were delivered; without a terminal it ends by itself."""
    with a_demo(tmp_path) as demo:
        assert 0 == demo.end(), demo.screen

        place = 0
        for pattern in STORY:
            found = re.compile(pattern).search(demo.screen, place)
            assert found, f"no {pattern!r} after\n{demo.screen[:place][-500:]}\nbut\n{demo.screen[place:]}"
            place = found.end()
        shown = re.findall(r"mailbox/\d\d-\S+\.eml", demo.screen)
        assert str(len(set(shown))) == demo.wait_for(r"(\d+) mails were delivered")[1]
        assert [] == demo.left_behind()


def test_at_a_terminal_it_stays_up_takes_a_mail_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    """That mail is told of like those of the story, and made safe; Ctrl-C reaches every process, and is no failure."""
    with a_demo(tmp_path, terminal=True) as demo:
        port = int(demo.wait_for(r"ready, SMTP on 127\.0\.0\.1:(\d+)")[1])
        demo.wait_for("Ctrl-C ends it")
        with smtplib.SMTP("127.0.0.1", port, "localhost") as client:
            mail = "From: ann@acme.example\nSubject: Mine\x1b[2J\n\nHello\x1b[2J"
            client.sendmail("ann@acme.example", "service@harbour.example", mail)
        demo.wait_for(r"(?s)Ctrl-C ends it.*decided  new_case, case 1003.*status  new → Open")

        os.killpg(demo.process.pid, signal.SIGINT)

        assert 0 == demo.end(), demo.screen
        assert "\x1b" not in demo.screen
        assert [] == demo.left_behind()


@pytest.mark.parametrize("whom", ["the demo", "the daemon"])
def test_when_it_is_stopped_midway_it_says_so_in_one_line(tmp_path: Path, whom: str) -> None:
    """Exit 1, and nothing is left."""
    with a_demo(tmp_path) as demo:
        demo.wait_for("250 2.0.0 accepted as 1")

        os.kill(demo.process.pid if whom == "the demo" else the_daemon(demo), signal.SIGTERM)

        assert 1 == demo.end(), demo.screen
        last = demo.screen.splitlines()[-1]
        assert {"the demo": "stopped before its end", "the daemon": "the daemon has ended"}[whom] in last
        assert "Traceback" not in demo.screen
        assert [] == demo.left_behind()
