"""A daemon whose parse child hangs or bloats over marked mails; started by `test_mime` as a program of its own.

The child (this file with the word `child`) reads mail as it always does, but for those that say `X-Hang` or `X-Bloat`:
no mail that we know does that to the real one.
"""

import sys
import time
from functools import partial

from gateway.domain.mail_rules import MailRules
from gateway.domain.post import ParsedMail, Unreadable
from gateway.parsing import ParsePool, serve


def read(data: bytes, rules: MailRules) -> ParsedMail | Unreadable:
    """As the real child, or not at all."""
    from gateway.mail.parse import read_mail

    while b"\nX-Hang:" in data:
        time.sleep(1)
    if b"\nX-Bloat:" in data:
        return Unreadable(reason=str(len(bytearray(1_000_000_000))))
    return read_mail(data, rules)


def main() -> None:
    """The daemon, with the words of the command line."""
    from gateway import app
    from gateway.terminal.app import main as casegate

    child = [sys.executable, "-P", __file__, "child"]
    vars(app)["ParsePool"] = partial(ParsePool, seconds=0.5, slow_seconds=0.2, command=child)
    casegate()


if __name__ == "__main__":
    if sys.argv[1:] == ["child"]:
        serve(read)
    else:
        main()
