"""`casegate demo`: a support desk on this machine, with mail in and answers out, on nothing but Python.

The Typer app mounts `demo`; `make demo` runs it. Promises: it needs no configuration and heeds none, touches nothing
outside a folder of its own, and leaves neither that folder nor a process behind. At a terminal it stays up after the
story until it is told to stop; elsewhere it ends then. Whatever goes wrong is one line and exit 1.
"""

import asyncio
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import CasegateError

if TYPE_CHECKING:
    from gateway.terminal.demo_stage import Stage
    from gateway.terminal.demo_teller import Teller


def demo() -> None:
    """Show Casegate at work on this machine: mail in, cases, answers out. Needs nothing, leaves nothing behind."""
    for name in [*os.environ]:
        if name.startswith("CASEGATE_") and name != "CASEGATE_DEBUG":
            del os.environ[name]  # meant for another gateway
    try:
        asyncio.run(_play(stays=sys.stdin.isatty() and sys.stdout.isatty()))
    except asyncio.CancelledError:
        raise CasegateError("the demo was stopped before its end") from None
    except OSError as error:
        raise CasegateError(f"the demo cannot go on: {error}") from error


async def _play(*, stays: bool) -> None:
    from rich.console import Console

    from gateway.terminal import demo_story
    from gateway.terminal.demo_stage import Stage
    from gateway.terminal.demo_teller import WIDEST

    _end_on_signals()
    console = Console(markup=False, highlight=False, emoji=False)
    with tempfile.TemporaryDirectory(prefix="casegate-demo-") as folder:
        async with Stage(Path(folder), columns=min(console.width, WIDEST) - 2) as stage:
            teller = await demo_story.tell(stage, console)
            demo_story.how_to_go_on(stage, teller)
            if stays:
                with suppress(asyncio.CancelledError):  # that is how it is told to stop
                    await _stay(stage, teller)
    console.print()
    console.print("The daemon has ended and its folder is removed." + ("" if stays else " At a terminal, both stay."))


async def _stay(stage: "Stage", teller: "Teller") -> None:
    """Tell what comes in and goes out, until we are told to stop."""
    teller.chapter("The demo stays up; Ctrl-C ends it and removes its folder")
    while True:
        happening = await stage.happening()
        if happening.event == "intake.decided":
            await teller.tell_arrival(happening)
        elif happening.event == "outbox.attempted":
            teller.tell_mails()


def _end_on_signals() -> None:
    """Have the first signal cancel what we do; during the orderly end that follows, more of them change nothing."""
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, lambda: task.cancelling() or task.cancel())
