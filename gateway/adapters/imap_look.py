"""Looking into a mailbox: what is new is stored, then put away, then written into the ledger, in this order.

`imap_in` makes a Reader for each connection and has it look. A mail that can't be taken or put away stays in the
mailbox and ahead of the ledger: each look asks for it again, which costs its number and no download, so that it is
taken as soon as it can be, also after a restart.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeVar

from gateway.adapters.imap_box import Box, Mailbox
from gateway.domain.post import Envelope, Transport
from gateway.errors import Refused
from gateway.services import inbound
from gateway.services import mailboxes as ledgers
from gateway.services.ports import Ports

NOTED_SECONDS = 60.0
"""How often a look that found nothing is written down."""

ASKED = 200
"""Of so many mails at once we ask how large they are, and whether we have them."""

BATCH = 50
BATCH_BYTES = 5_000_000
"""So much is fetched and stored at once; a larger mail goes alone."""

SLACK = timedelta(days=1)
"""SINCE knows days only, and in the server's time zone (RFC 3501 §6.4.4)."""

MOST_NAMED = 5

T = TypeVar("T")


class Do(Protocol):
    """Has the writer thread do a job, and waits for what it returns or raises."""

    def __call__(self, job: Callable[[], T], /) -> T:
        """What the job returned."""
        ...


@dataclass(frozen=True, slots=True)
class Problem:
    """Mail that stays in the mailbox, and how that is mended."""

    text: str
    mend: str


class Reader:
    """Reads a mailbox over one connection; `problem` is what the last look could not do."""

    def __init__(self, box: Box, mailbox: Mailbox, ports: Ports, do: Do) -> None:
        self._box = box
        self._mailbox = mailbox
        self._ports = ports
        self._do = do
        opened = partial(ledgers.open_ledger, ports, mailbox.name, uidvalidity=box.uidvalidity, uidnext=box.uidnext)
        self._ledger = do(partial(opened, start=mailbox.start))
        self._noted_at = float("-inf")
        self._settled: set[int] = set()
        self._missed: set[int] = set()
        self._kept: Refused | None = None
        self.problem: Problem | None = None

    def look(self) -> bool:
        """Take what waits, oldest first; True if anything was stored. Raises what Box raises, and Temporary."""
        self._kept = None
        waiting = self._waiting()
        todo = [uid for uid in waiting if uid not in self._settled]
        came, large, missed = False, list[int](), set[int]()
        for start in range(0, len(todo), ASKED):
            chunk = todo[start : start + ASKED]
            fresh = self._not_stored(chunk)
            self._put_away([uid for uid in chunk if uid not in fresh])
            sizes = self._box.sizes(fresh) if fresh else {}
            large += [uid for uid in fresh if sizes.get(uid, 0) > self._mailbox.max_size]
            fitting = [uid for uid in fresh if uid in sizes and sizes[uid] <= self._mailbox.max_size]
            taken = {uid for group in _groups(fitting, sizes) for uid in self._take(group)}
            came = came or bool(taken)
            missed |= {uid for uid in fresh if uid not in taken and uid not in large}
        self.problem = self._find_problem(large, sorted(missed & self._missed))
        self._missed = missed  # seen twice, and not there: no other client's doing
        self._note(waiting, came=came)
        return came

    def _waiting(self) -> list[int]:
        """All mail that the ledger is not past and that is ours, ascending; `start` rules what was there before us."""
        ledger, start = self._ledger, self._mailbox.start
        newer = self._box.waiting(above=max(ledger.last_uid, ledger.first_uid - 1))
        if ledger.last_uid + 1 >= ledger.first_uid:
            return newer
        since = ("SINCE", (ledger.began_at - SLACK).date())
        wanted: tuple[object, ...] = ("UNSEEN",)  # "new" has a ledger that is past it all; for "all" all is newer
        if ledger.is_rescan:  # all UIDs have changed: what came since we began was taken, and is found by its content
            wanted = since if start == "new" else ("OR", "UNSEEN", *since)
        return [*self._box.waiting(*wanted, above=ledger.last_uid, below=ledger.first_uid), *newer]

    def _id(self, uid: int) -> str:
        return f"imap:{self._mailbox.name}:{self._ledger.uidvalidity}:{uid}"

    def _not_stored(self, uids: Sequence[int]) -> list[int]:
        """Those that no commit has; a daemon that died between commit and ledger, or another one, may have stored some."""
        stored = self._do(partial(ledgers.stored, self._ports, [self._id(uid) for uid in uids]))
        return [uid for uid in uids if self._id(uid) not in stored]

    def _take(self, uids: Sequence[int]) -> list[int]:
        """Fetch, store in one commit, put away; which of them were there."""
        mails = self._box.fetch(uids)
        deliveries = [
            inbound.Delivery(
                Envelope(transport=Transport.IMAP, transport_id=self._id(uid), authserv_id=self._mailbox.authserv_id),
                mails[uid],
            )
            for uid in uids
            if uid in mails
        ]
        if deliveries:
            self._do(partial(inbound.accept, self._ports, deliveries))
            self._put_away(list(mails))
        return list(mails)

    def _put_away(self, uids: Sequence[int]) -> None:
        """Move or flag what is stored; if the server says no, it is stored none the less, and asked at the next look."""
        if not uids or self._kept:
            return
        try:
            self._box.put_away(uids)
        except Refused as error:
            self._kept = error
        else:
            self._settled.update(uids)

    def _note(self, waiting: Sequence[int], *, came: bool) -> None:
        """Write into the ledger up to where all is dealt with."""
        ledger = self._ledger
        open_ = next((uid for uid in waiting if uid not in self._settled), None)
        end = open_ - 1 if open_ is not None else max([ledger.last_uid, ledger.first_uid - 1, *waiting[-1:]])
        now = time.monotonic()
        if not came and end == ledger.last_uid and now - self._noted_at < NOTED_SECONDS:
            return
        self._do(partial(ledgers.advance, self._ports, ledger.name, ledger.uidvalidity, end))
        self._noted_at = now
        self._ledger = replace(ledger, last_uid=end)
        self._settled = {uid for uid in self._settled if uid > end}

    def _find_problem(self, large: Sequence[int], missed: Sequence[int]) -> Problem | None:
        found = []
        if self._kept:
            mend = "make room in done_mailbox of this [[imap]], allow writing there, or name another and restart"
            found.append(Problem(f"mail is taken, and can't be put away: {self._kept.public}", mend))
        if large:
            text = f"larger than max_size ({self._mailbox.max_size} bytes), left in the mailbox: {_named(large)}"
            found.append(Problem(text, "move it elsewhere, or raise max_size under [smtp] and restart"))
        if missed:
            text = f"the server lists mail and does not give it: {_named(missed)}"
            found.append(Problem(text, "look at it with a mail program, and move it elsewhere"))
        if not found:
            return None
        return Problem("; ".join(problem.text for problem in found), "; ".join(problem.mend for problem in found))


def _groups(uids: Sequence[int], sizes: dict[int, int]) -> Iterator[list[int]]:
    """Groups to fetch at once, bounded in number and bytes."""
    group: list[int] = []
    held = 0
    for uid in uids:
        if group and (len(group) >= BATCH or held + sizes[uid] > BATCH_BYTES):
            yield group
            group, held = [], 0
        group.append(uid)
        held += sizes[uid]
    if group:
        yield group


def _named(uids: Sequence[int]) -> str:
    more = f" and {len(uids) - MOST_NAMED} more" if len(uids) > MOST_NAMED else ""
    return f"UID {', '.join(map(str, uids[:MOST_NAMED]))}{more}"
