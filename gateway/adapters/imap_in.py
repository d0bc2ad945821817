"""Mail taken from mailboxes by IMAP (SPEC section 7): one thread a mailbox, told by IDLE, sure by looking.

`app` makes the watchers. Each promises: mail is stored before anything is done to it in the mailbox, and moved or
flagged only after that commit; a ledger of UIDs decides what is new, never a flag; what goes wrong in a mailbox is
tried again with growing gaps and is an alarm, and holds up nobody else. A mail that can't be taken stays where it
is: the ledger does not go past it, so that it is taken as soon as it can be.

Being cut off at any point is harmless: what is stored is known by its transport id and only put away.
"""

import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from gateway.adapters.imap_box import Box, Mailbox, tls_context
from gateway.adapters.imap_look import Do, Problem, Reader
from gateway.config import Settings, SmtpSection, read_password
from gateway.errors import BadConfig, CasegateError, Refused, Temporary, Unreachable
from gateway.services import mailboxes as ledgers
from gateway.services.ports import Ports

IDLE_SECONDS = 180.0
"""How long the server's word is waited for before we look ourselves; below the 9 minutes that a NAT remembers."""

SOON_SECONDS = 5.0
"""The same right after mail came: a server may have told of more while we were not waiting for its word."""

POLL_SECONDS = 30.0
"""How often a server is asked that knows no IDLE."""

GAPS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""How long we wait after the first, second … failure in a row."""

LOGIN_GAPS = (5.0, 15.0, 60.0, 300.0)
"""The same where login or TLS was refused: accounts are locked for trying often. A changed password is tried at once."""

STEADY_SECONDS = 60.0
"""A connection that held so long ends a row of failures."""

STOP_SECONDS = 0.8
"""How long a watcher may take to end; one that still waits for a connection is left behind."""

log = structlog.get_logger()


def watchers(settings: Settings, ports: Ports, do: Do) -> list["Watcher"]:
    """One for each `[[imap]]`. Raises BadConfig where two have one mailbox, or a file can't be used."""
    smtp = settings.smtp or SmtpSection()
    names = [section.name for section in settings.imap]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadConfig(f"[[imap]] {twice}: configured twice")
    made = []
    for section in settings.imap:
        read_password(section.password_file)  # told before anything starts
        mailbox = Mailbox(
            name=section.name,
            host=section.host,
            port=section.port,
            security=section.security,
            username=section.username,
            password=partial(read_password, section.password_file),
            mailbox=section.mailbox,
            done_mailbox=section.done_mailbox,
            authserv_id=section.authserv_id,
            start=section.start,
            max_size=smtp.max_size,
            tls=tls_context(section.security, section.ca_file),
        )
        made.append(Watcher(mailbox, ports, do))
    return made


class Watcher:
    """Takes mail from one mailbox, in a thread from `start()` to `stop()` and `join()`, or once, in the caller's."""

    def __init__(self, mailbox: Mailbox, ports: Ports, do: Do) -> None:
        self._mailbox = mailbox
        self._ports = ports
        self._do = do
        self._thread = threading.Thread(target=self._work, name=f"imap {mailbox.name}", daemon=True)
        self._stopping = threading.Event()
        self._box: Box | None = None
        self._failures = 0
        self._told = ""
        self._left = ""
        self._alarmed = True  # what an earlier daemon saw is not known; the first good look clears it

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Have the thread, or `once`, end; returns at once."""
        self._stopping.set()
        if box := self._box:
            box.cut()

    def join(self) -> None:
        """Wait for the end of the thread, but not for long: what hangs in it is not worth it."""
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)

    def once(self) -> None:
        """Look once (`serve --once`). What goes wrong is logged and an alarm, never raised."""
        self._attempt(self._look_once, patient=False)

    def _work(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            problem = self._attempt(self._watch, patient=True)
            if time.monotonic() - started > STEADY_SECONDS:
                self._failures = 0
            if not self._stopping.is_set():
                self._pause(problem)

    def _attempt(self, job: Callable[[Box], None], *, patient: bool) -> CasegateError | None:
        """One connection to its end; what ended it is told and returned, by an alarm at the second time if `patient`."""
        problem: CasegateError | None = None
        try:
            box = self._connect()
            try:
                job(box)
            finally:
                self._box = None
                box.close()
        except CasegateError as error:
            problem = error
        except Exception as error:  # noqa: BLE001  # a loop top: a fault of ours is told like one of the server's
            last = traceback.extract_tb(error.__traceback__)[-1]
            problem = Temporary(f"a fault of ours: {type(error).__name__} at {Path(last.filename).name}:{last.lineno}")
        if problem and not self._stopping.is_set():
            self._failures += 1
            self._tell(problem, is_passing=patient and isinstance(problem, Unreachable))
        return problem

    def _connect(self) -> Box:
        def announce(box: Box) -> None:
            self._box = box
            if self._stopping.is_set():
                box.cut()

        return Box(self._mailbox, announce)

    def _tell(self, problem: CasegateError, *, is_passing: bool) -> None:
        """Log it, at growing distances while it stays the same; raise an alarm, if passing only at the second time."""
        text = problem.public
        if text != self._told or self._failures & (self._failures - 1) == 0:
            log.warning("mailbox.failed", mailbox=self._mailbox.name, error=text, attempts=self._failures)
        self._told = text
        if not (is_passing and self._failures == 1):
            self._alarm(f"no mail is taken: {text}", _mend(problem))

    def _alarm(self, text: str, mend: str) -> None:
        with suppress(CasegateError):  # no database: then that is the alarm
            self._do(partial(ledgers.trouble, self._ports, self._mailbox.name, text, mend))
            self._alarmed = True

    def _pause(self, problem: CasegateError | None) -> None:
        """Wait before the next attempt; not after a password was changed that the server had refused."""
        gaps = LOGIN_GAPS if isinstance(problem, BadConfig) else GAPS
        end = time.monotonic() + gaps[min(self._failures, len(gaps)) - 1]
        password = self._password()
        while (left := end - time.monotonic()) > 0 and not self._stopping.wait(min(left, 1.0)):
            if isinstance(problem, BadConfig) and self._password() != password:
                return

    def _password(self) -> str | None:
        try:
            return self._mailbox.password()
        except BadConfig:
            return None

    def _look_once(self, box: Box) -> None:
        reader = Reader(box, self._mailbox, self._ports, self._do)
        while self._look(reader):
            continue

    def _watch(self, box: Box) -> None:
        """Look, wait for the server's word or a while, look again; ends by an error only, or told to stop."""
        reader = Reader(box, self._mailbox, self._ports, self._do)
        soon = True
        while not self._stopping.is_set():
            if self._look(reader):
                soon = True
            elif box.can_idle:
                box.wait(SOON_SECONDS if soon else IDLE_SECONDS)
                soon = False
            else:
                self._stopping.wait(POLL_SECONDS)

    def _look(self, reader: Reader) -> bool:
        came = reader.look()
        if reader.problem:
            self._say_left(reader.problem)
        elif self._alarmed:
            self._do(partial(ledgers.mended, self._ports, self._mailbox.name))
            self._alarmed, self._left = False, ""
            log.info("mailbox.watched", mailbox=self._mailbox.name)
        return came

    def _say_left(self, problem: Problem) -> None:
        if problem.text != self._left:
            log.warning("mailbox.left", mailbox=self._mailbox.name, text=problem.text, mend=problem.mend)
        self._left = problem.text
        self._alarm(problem.text, problem.mend)


def _mend(problem: CasegateError) -> str:
    if isinstance(problem, BadConfig):
        return (
            "check username, password_file, security and ca_file of this [[imap]]; a changed password is tried at once"
        )
    if isinstance(problem, Refused):
        return "check mailbox of this [[imap]], and what its user may do there"
    return "start the server, or check host and port of this [[imap]]; mail waits there and is lost in no case"
