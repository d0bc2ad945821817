"""A bar on stderr for work that takes longer than a moment, where a person reads along there."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOMENT = 0.7
"""Seconds that anyone waits without asking."""


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function to be told how much is done, and of how much; the bar is gone when the block ends."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task, begun = bar.add_task(what), time.monotonic()

    def tell(done: int, total: int) -> None:
        if bar.live.is_started:
            bar.update(task, completed=done, total=total)
        elif time.monotonic() > begun + MOMENT:
            bar.start()

    try:
        yield tell
    finally:
        bar.stop()
