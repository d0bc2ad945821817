"""Before a case keeps the files of a mail, the operator's scanner looks at them; what to do while it cannot.

`app.Gateway` asks for each mail between reading and deciding it, beside the writer thread: a slow scanner holds up no
other mail. A mail whose files cannot be scanned waits and is tried again, which is no fault of the mail's.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from gateway.domain.model import IntakeId
from gateway.domain.post import Evidence, ParsedMail, RawMail
from gateway.errors import Temporary
from gateway.services import screening
from gateway.services.ports import Ports, Scanner
from gateway.writer import Writer

GAPS = (timedelta(seconds=10), timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=5))
"""How long a mail waits after its first, second … fault of the scanner."""

LONGEST_SECONDS = 600.0
"""So long all files of one mail may take together; less than the time for which `screening.to_scan` holds it."""


class Unscanned(Temporary):
    """The files of this mail could not be scanned."""

    def __init__(self, public: str, gap: timedelta) -> None:
        """`gap` is how long the mail should wait."""
        super().__init__(public)
        self.gap = gap


class Scanning:
    """Has files scanned, and remembers which mails wait for that."""

    def __init__(self, ports: Ports, writer: Writer) -> None:
        self._ports = ports
        self._writer = writer
        self._misses: dict[IntakeId, int] = {}
        self._may_alarm = True  # an earlier run may have left the alarm
        self._known: dict[IntakeId, dict[str, bool]] = {}

    async def start(self) -> None:
        """Without a scanner nothing waits for it."""
        if self._ports.scanner is None:
            await self._writer.run(partial(screening.scanned, self._ports, ()))

    async def harmful(self, raw: RawMail, mail: ParsedMail, checked: Evidence | None) -> frozenset[str] | None:
        """The hashes of the files that the scanner refuses; None where no case will keep any, or nobody scans.

        Raises Unscanned with an alarm where the scanner cannot say.
        """
        scanner = self._ports.scanner
        if scanner is None or not mail.attachments:
            return None
        files = await self._writer.run(partial(screening.to_scan, self._ports, raw, mail, checked))
        if files is None:
            return None
        verdicts = self._known.setdefault(raw.id, {})
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await _scan(scanner, files, verdicts)
        except TimeoutError as error:
            raise await self._missed(raw, "the scanner takes too long for all files of a mail") from error
        except Temporary as fault:
            raise await self._missed(raw, fault.public) from fault
        self._known.pop(raw.id, None)
        await self._succeeded(raw)
        return frozenset(sha256 for sha256 in files if not verdicts[sha256])

    async def _missed(self, raw: RawMail, why: str) -> Unscanned:
        misses = self._misses[raw.id] = self._misses.get(raw.id, 0) + 1
        self._may_alarm = True
        await self._writer.run(partial(screening.unscanned, self._ports, len(self._misses), why))
        return Unscanned(why, GAPS[min(misses, len(GAPS)) - 1])

    async def _succeeded(self, raw: RawMail) -> None:
        self._misses.pop(raw.id, None)
        if self._may_alarm:
            asked = tuple(self._misses)
            waiting = await self._writer.run(partial(screening.scanned, self._ports, asked))
            for gone in {*asked} - waiting:  # decided by hand, or by another daemon
                self._misses.pop(gone, None)
                self._known.pop(gone, None)
            self._may_alarm = bool(self._misses)  # a miss meanwhile has raised it again


async def _scan(scanner: Scanner, files: Mapping[str, bytes], verdicts: dict[str, bool]) -> None:
    """Each content once, also over several tries of a mail."""
    for sha256, data in files.items():
        if sha256 not in verdicts:
            verdicts[sha256] = await scanner.is_clean(data)
