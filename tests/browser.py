"""One real browser for many pages: told over a pipe what to show and how, and asked what it made of it.

It speaks the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/) over two pipes, so that it needs
no port and no library. There is no network: what a page asks for is listed, and fails.
"""

import base64
import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tests import servers

HANG_SECONDS = 120
"""A limit against hanging; nothing is measured with it."""


class Browser:
    """A page without a window; `fetched` is all that it has asked for since it was made."""

    def __init__(self, orders: BinaryIO, answers: BinaryIO) -> None:
        self.fetched: list[str] = []
        self._orders, self._answers = orders, answers
        self._number = 0
        self._session: str | None = None
        target = self._do("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._frame = self._do("Page.getFrameTree")["frameTree"]["frame"]["id"]
        self._do("Network.enable")
        self._do("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)

    def wear(self, *, width: int, dark: bool) -> None:
        """Be so wide, and light or dark as the reader likes it."""
        self._do("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._do("Emulation.setEmulatedMedia", features=[scheme])

    def show(self, html: str) -> None:
        """Show a page."""
        self._do("Page.setDocumentContent", frameId=self._frame, html=html)

    def ask(self, question: str) -> Any:
        """What an expression of JavaScript gives, on the page that is shown."""
        found = self._do("Runtime.evaluate", expression=question, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self, file: Path) -> None:
        """Draw all of the page into a PNG."""
        taken = self._do("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(taken["data"]))

    def _do(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        order = {"id": self._number, "method": method, "params": params, **session}
        self._orders.write(json.dumps(order).encode() + b"\0")
        self._orders.flush()
        while True:
            said = json.loads(self._heard())
            if said.get("method") == "Network.requestWillBeSent":
                self.fetched.append(said["params"]["request"]["url"])
            if said.get("id") == self._number:
                assert "error" not in said, said
                result: dict[str, Any] = said["result"]
                return result

    def _heard(self) -> bytes:
        heard = bytearray()
        while (octet := self._answers.read(1)) != b"\0":
            assert octet, "the browser has ended"
            heard += octet
        return bytes(heard)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser until the end of the block; the test is skipped by name where there is none."""
    program = servers.needs("chromium")
    (its_in, orders), (answers, its_out) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(prefix="browser", ignore_cleanup_errors=True) as profile:
        # The pipes are descriptors 3 and 4 by definition; a shell puts them there.
        running = subprocess.Popen(
            [
                "/bin/sh", "-c", f'exec "$@" 3</dev/fd/{its_in} 4>/dev/fd/{its_out}', "sh",
                program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--hide-scrollbars", f"--user-data-dir={profile}", "--remote-debugging-pipe",
            ],
            pass_fds=(its_in, its_out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(its_in)
        os.close(its_out)
        with os.fdopen(orders, "wb") as out, os.fdopen(answers, "rb") as heard:
            try:
                yield Browser(out, heard)
            finally:
                running.terminate()
                running.wait(HANG_SECONDS)
