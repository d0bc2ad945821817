"""A parse child for tests, which does what the mail says; started by `test_parsing` as the pool's command."""

import os
import signal
import time
from pathlib import Path

from gateway.domain.mail_rules import MailRules
from gateway.domain.post import ParsedMail, Unreadable
from gateway.parsing import serve


class Stranger(Unreadable):
    """A class that the parent does not know."""


def read(data: bytes, rules: MailRules) -> ParsedMail | Unreadable:  # noqa: C901 - one case for each way to misbehave
    """Answer with our process id and the mail, or misbehave."""
    word, _, rest = data.partition(b" ")
    match word:
        case b"hang":
            while True:
                time.sleep(1)
        case b"bloat":
            kept = bytearray(int(rest) * 1_000_000)
            return Unreadable(reason=f"{os.getpid()} bloat {len(kept)}")
        case b"raise":
            raise ValueError(rest.decode())
        case b"killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case b"print":
            print(rest.decode(), flush=True)
        case b"stranger":
            return Stranger(reason="")
        case b"wait":  # until the other end of this pipe is opened
            Path(os.fsdecode(rest)).read_bytes()
        case b"around":
            handles = (str(at.readlink()) for at in Path("/proc/self/fd").iterdir() if at.is_symlink())
            return Unreadable(reason=" ".join([",".join(os.environ), str(os.getsid(0) == os.getpid()), *handles]))
        case b"rules":
            return Unreadable(reason=repr(rules))
    return Unreadable(reason=f"{os.getpid()} {data.decode(errors='replace')}")


if __name__ == "__main__":
    serve(read)
