"""`make fuzz`: many mails that nobody would write, through all that reads mail; two minutes, or `--seconds`.

What must hold: no exception, no mail that takes longer than its size allows, no word of a whole mail lost, the same
answer for the same bytes. A mail that breaks one of these is written to `build/fuzz/` and named, with the seed that makes it
again; what is mended becomes a test with a mail made by hand.
"""

import argparse
import random
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from gateway.domain.policy import PostRules
from gateway.domain.post import Envelope, ParsedMail, Transport
from gateway.domain.rulebook import read_mail_rules
from gateway.domain.toml_lines import Page
from gateway.mail.automatic import find_marks
from gateway.mail.parse import read_mail
from gateway.mail.text import split_text
from gateway.mail.token import Tokens, find_clues
from tests.fuzz.mails import broken_mail, long_mails, whole_mail

ROOT = Path(__file__).parents[2]
RULES = read_mail_rules(Page("mail.toml", (ROOT / "rules" / "mail.toml").read_text()))
POST = PostRules(service_address="service@vendor.example", registration_address="service+register@vendor.example")
TOKENS = Tokens(POST, b"a secret that only the tests know")
ENVELOPE = Envelope(transport=Transport.PIPE, transport_id="fuzz")
FOUND = ROOT / "build" / "fuzz"

SECONDS_A_MAIL = 0.5
"""Processor time of one mail of a few kB; it takes a hundredth of it."""
LONG = 300_000
"""Bytes of a mail that repeats one thing."""
SECONDS_A_LONG_MAIL = 2.0


@dataclass(slots=True)
class Findings:
    """What was wrong, each with the file that shows it."""

    lines: list[str] = field(default_factory=list)

    def add(self, what: str, data: bytes) -> None:
        FOUND.mkdir(parents=True, exist_ok=True)
        file = FOUND / f"{len(self.lines):03d}.eml"
        file.write_bytes(data)
        self.lines.append(f"{file.relative_to(ROOT)}: {what}")


def read(data: bytes, seconds: float, findings: Findings, seed: str) -> ParsedMail | None:
    """One mail through everything that reads mail; None if it was unreadable or broke something."""
    started = time.process_time()
    try:
        mail = read_mail(data, RULES)
        if isinstance(mail, ParsedMail):
            find_clues(mail, ENVELOPE, TOKENS)
            find_marks(mail, ENVELOPE, RULES.automatic)
            _check_split(mail.text)
        elif mail.reason.startswith("the mail could not be parsed"):
            findings.add(f"{seed}: {mail.reason}", data)
    except Exception:  # noqa: BLE001 - finding these is what this program is for
        findings.add(f"{seed}: {traceback.format_exc(limit=-2)}", data)
        return None
    if (took := time.process_time() - started) > seconds:
        findings.add(f"{seed}: took {took:.1f} s", data)
    return mail if isinstance(mail, ParsedMail) else None


def _check_split(text: str) -> None:
    new, quoted = split_text(text, RULES.text)
    if sorted(text.replace("\n", " ").split()) != sorted(f"{new} {quoted}".split()):
        raise AssertionError("a word is in neither the new nor the quoted text, or in both")
    if text.strip() and not new.strip():
        raise AssertionError("nothing is new")


def whole(seed: int, findings: Findings) -> None:
    """A whole mail: every text of it is in the text, the quoted text or a file."""
    made = whole_mail(random.Random(seed))
    mail = read(made.data, SECONDS_A_MAIL, findings, f"whole {seed}")
    if mail is None:
        findings.add(f"whole {seed}: unreadable", made.data)
        return
    shown = f"{mail.text} {mail.quoted_text} " + " ".join(file.data.decode("latin-1") for file in mail.attachments)
    lost = [word for word in made.words if word not in shown and word not in shown.replace("\x00", "")]
    if lost:
        findings.add(f"whole {seed}: lost {' '.join(lost)}", made.data)


def broken(seed: int, findings: Findings) -> None:
    """A broken mail: read twice, it says the same."""
    data = broken_mail(random.Random(seed))
    mail = read(data, SECONDS_A_MAIL, findings, f"broken {seed}")
    if mail is not None and mail != read_mail(data, RULES):
        findings.add(f"broken {seed}: read differently the second time", data)


def main() -> int:
    """Runs until the time is over; the exit status says whether something was found."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--seconds", type=float, default=120)
    ask.add_argument("--seed", type=int, default=0, help="where to begin; a run tells where it ended")
    asked = ask.parse_args()
    findings, seed = Findings(), asked.seed
    for what, data in long_mails(LONG):
        read(data, SECONDS_A_LONG_MAIL, findings, what)
    end = time.monotonic() + asked.seconds
    while time.monotonic() < end and len(findings.lines) < 20:
        whole(seed, findings)
        broken(seed, findings)
        seed += 1
    print("\n".join([*findings.lines, f"{2 * (seed - asked.seed)} mails, seeds {asked.seed} to {seed - 1}"]))
    return 1 if findings.lines else 0


if __name__ == "__main__":
    sys.exit(main())
