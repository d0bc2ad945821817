"""A real browser for pages that are files: what it makes of one, without a window and without the network."""

import html
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests import servers

HANG_SECONDS = 120
"""A limit against hanging; nothing is measured with it."""

_FRAME = (
    '<!DOCTYPE html><meta name="color-scheme" content="light dark"><iframe style="border: 0" width="{}" srcdoc="{}">'
)
"""A window is at least 500 pixels wide, a frame in it as narrow as a telephone; it has the colours of the window."""

_POLICY = '<meta http-equiv="Content-Security-Policy"'
_PROBE = """<script>
parent.document.title = JSON.stringify({
  wide: document.documentElement.scrollWidth, room: innerWidth, scripts: document.scripts.length,
  fetched: performance.getEntriesByType('resource').length, dark: matchMedia('(prefers-color-scheme: dark)').matches,
  ground: getComputedStyle(document.body).backgroundColor, columns: document.querySelectorAll('.field rect').length,
  drawn: Math.round(Math.max(0, ...[...document.querySelectorAll('.field rect')].map(box => box.getBoundingClientRect().height))),
});
</script>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the browser says of a page: its width and the window's, its scripts, what it fetched, how it looks."""

    wide: int
    room: int
    scripts: int
    fetched: int
    dark: bool
    ground: str
    columns: int
    drawn: int


def look(page: Path, *, width: int, dark: bool = False) -> Seen:
    """Show a page at this width; what runs in it to find that out is put into a copy."""
    chromium = servers.needs("chromium")
    text = page.read_text(encoding="utf-8")
    assert _POLICY in text
    asking = text.replace(_POLICY, "<meta data-was").replace("</body>", f"{_PROBE}</body>")
    copy = page.with_suffix(".probe.html")
    copy.write_text(_FRAME.format(width, html.escape(asking)), encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="browser") as profile:
        done = subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                f"--blink-settings=preferredColorScheme={0 if dark else 1}", f"--user-data-dir={profile}",
                "--window-size=1600,900", "--dump-dom", copy.as_uri(),
            ],
            capture_output=True, text=True, check=True, timeout=HANG_SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    title = done.stdout.partition("<title>")[2].partition("</title>")[0]
    return Seen(**json.loads(title))
