"""One connection to one mailbox by IMAP (RFC 3501): everything that `imap_in` says to a server, and nothing else.

It hides imapclient, whose traps are in what follows: a string range breaks `fetch`, a lost connection shows in IDLE
as "readable, and nothing there", and without time limits of ours it waits for ever. Errors are ours too: BadConfig
where login or TLS was refused, Refused where the server says no to a command, Unreachable for everything after
which this connection is of no use. Not one of them quotes a mail. One thread uses a Box; only `cut` may come from
another.
"""

import imaplib
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imapclient import DELETED, SEEN, IMAPClient, SocketTimeout
from imapclient.exceptions import CapabilityError, LoginError, ProtocolError

from gateway.errors import BadConfig, CasegateError, Refused, Unreachable

TIMES = SocketTimeout(connect=15, read=60)

_MOST_WORDS = 300
"""So much of what a server says is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """A mailbox as configured; `password()` is asked at each login, so that a mended one needs no restart."""

    name: str
    host: str
    port: int
    security: str
    username: str
    password: Callable[[], str]
    mailbox: str = "INBOX"
    done_mailbox: str | None = None
    authserv_id: str | None = None
    start: str = "unseen"
    max_size: int = 35_000_000
    tls: ssl.SSLContext | None = None


def tls_context(security: str, ca_file: Path | None) -> ssl.SSLContext | None:
    """What verifies the server's certificate and name; None without TLS. Raises BadConfig."""
    if security == "none":
        return None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise BadConfig(f"[[imap]] ca_file {ca_file}: no usable certificates: {error}") from error


class _Client(IMAPClient):  # type: ignore[misc]  # it has no types
    """Reads in IDLE what has come already: imapclient asks the socket, and lines may wait in its own buffer."""

    def _poll_socket(self, _sock: socket.socket, timeout: float | None = None) -> bool:  # noqa: ARG002  # its signature
        return True


class Box:
    """A mailbox, logged in to and selected; `uidvalidity` and `uidnext` are as the server said then."""

    def __init__(self, mailbox: Mailbox, announce: Callable[["Box"], None] = lambda _: None) -> None:
        """Connect. `announce` gets the Box as soon as there is something to cut."""
        self._mailbox = mailbox
        password = _password(mailbox)
        with _told(f"nobody answers at {mailbox.host}:{mailbox.port}"):
            direct = mailbox.security == "tls"
            self._client = _Client(
                mailbox.host, mailbox.port, ssl=direct, ssl_context=mailbox.tls if direct else None, timeout=TIMES
            )
        announce(self)
        try:
            with _told():
                _set_up(self._client.socket())
                self._log_in(password)
                self.can_idle: bool = self._client.has_capability("IDLE")
                self.uidvalidity, self.uidnext = self._select()
        except BaseException:  # whatever it was, no half-open connection is left behind
            self.close()
            raise

    def _log_in(self, password: str) -> None:
        if self._mailbox.security == "starttls":
            try:
                self._client.starttls(ssl_context=self._mailbox.tls)
            except (CapabilityError, LoginError) as error:
                raise BadConfig("the server offers no STARTTLS") from error
        username = self._mailbox.username
        if username.isascii() and password.isascii():
            self._client.login(username, password)
        else:  # LOGIN is for ASCII only
            self._client.plain_login(username, password)

    def _select(self) -> tuple[int, int]:
        found = self._client.select_folder(self._mailbox.mailbox)
        if not (uidvalidity := int(found.get(b"UIDVALIDITY", 0))):
            raise Refused("the server gives mail no lasting numbers (no UIDVALIDITY)")
        return uidvalidity, int(found.get(b"UIDNEXT", 0)) or 1 + max(self._client.search(["ALL"]), default=0)

    def waiting(self, *criteria: object, above: int, below: int | None = None) -> list[int]:
        """The UIDs above and below these that meet the criteria, ascending."""
        last = "*" if below is None else str(below - 1)
        with _told():
            found = self._client.search([*criteria, "UID", f"{above + 1}:{last}"])
        return sorted({uid for uid in found if uid > above})  # "9:*" finds the last one also if that is 8

    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """How large these mails are; one that has gone meanwhile is left out."""
        with _told():
            found = self._client.fetch(list(uids), ["RFC822.SIZE"])
        return {uid: size for uid, item in found.items() if isinstance(size := item.get(b"RFC822.SIZE"), int)}

    def fetch(self, uids: Sequence[int]) -> dict[int, bytes]:
        """The very bytes of these mails, without setting a flag; one that has gone meanwhile is left out."""
        with _told():
            found = self._client.fetch(list(uids), ["BODY.PEEK[]"])
        return {uid: data for uid, item in found.items() if isinstance(data := item.get(b"BODY[]"), bytes)}

    def put_away(self, uids: Sequence[int]) -> None:
        """Move these to the done mailbox, which is made if it is missing, or flag them as seen where there is none."""
        done = self._mailbox.done_mailbox
        with _told():
            if done is None:
                self._client.add_flags(list(uids), [SEEN], silent=True)
                return
        try:
            with _told():
                self._move(uids, done)
        except Refused:
            with suppress(Refused), _told():  # it is there already: then the second try says what is wrong
                self._client.create_folder(done)
                self._client.subscribe_folder(done)
            with _told():
                self._move(uids, done)

    def _move(self, uids: Sequence[int], done: str) -> None:
        if self._client.has_capability("MOVE"):  # RFC 6851
            self._client.move(list(uids), done)
            return
        self._client.copy(list(uids), done)
        self._client.add_flags(list(uids), [DELETED], silent=True)
        if self._client.has_capability("UIDPLUS"):  # RFC 4315; without it a bare EXPUNGE would take others' mail too
            self._client.uid_expunge(list(uids))

    def wait(self, seconds: float) -> None:
        """Return when the server says that something changed (RFC 2177), or after so long. Raises Unreachable."""
        with _told():
            self._client.idle()
            end = time.monotonic() + seconds
            poller = select.poll()
            poller.register(self._client.socket(), select.POLLIN)
            news = self._client.idle_check(timeout=0)
            while not any(item[0] != b"OK" for item in news):  # more than "still here"
                if (left := end - time.monotonic()) <= 0 or not poller.poll(left * 1000):
                    break
                news = self._client.idle_check(timeout=0)
                if not news:  # readable, and nothing there: imapclient does not say that the server has gone
                    raise Unreachable("the server closed the connection")
            self._client.idle_done()

    def cut(self) -> None:
        """End the connection under whatever waits on it; for another thread. Nothing is left undone by it."""
        with suppress(OSError):
            socket.socket.shutdown(self._client.socket(), socket.SHUT_RDWR)  # not SSLSocket's, which unwraps

    def close(self) -> None:
        """Give the connection back, without a word: a server that hangs would keep us."""
        with suppress(OSError, imaplib.IMAP4.error):
            self._client.shutdown()


def _password(mailbox: Mailbox) -> str:
    password = mailbox.password()
    if any(ord(sign) < 32 for sign in password):  # CVE-2025-15366: imaplib would send a second command
        raise BadConfig("the password has more than one line, or control characters")
    return password


def _set_up(sock: socket.socket) -> None:
    """Have the system notice a peer that is gone, also where nothing is said; and send small pieces at once."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


@contextmanager
def _told(absent: str = "the connection was lost") -> Iterator[None]:
    """Turn what imapclient, imaplib, ssl and sockets raise into ours; no text of theirs that may quote a mail."""
    try:
        yield
    except (imaplib.IMAP4.error, OSError, ValueError) as error:
        raise _ours(error, absent) from error


def _ours(error: Exception, absent: str) -> CasegateError:
    match error:
        case LoginError() if isinstance(error.__context__, imaplib.IMAP4.abort) or "[UNAVAILABLE]" in str(error):
            return Unreachable("the server broke off the login")  # RFC 5530
        case LoginError():
            return BadConfig(f"the login was refused: {_words(error)}")
        case imaplib.IMAP4.readonly():
            return Refused("the server gives the mailbox for reading only")
        case imaplib.IMAP4.abort() | ProtocolError():
            return Unreachable("the server closed the connection, or said what is not IMAP")
        case imaplib.IMAP4.error():
            return Refused(f"the server refused: {_words(error)}")
        case ssl.SSLCertVerificationError():
            return BadConfig(f"the server's certificate is not good: {error.verify_message}")
        case ssl.SSLError() if not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return BadConfig(f"no TLS with this server: {error.reason}")
        case OSError():
            return Unreachable(f"{absent}: {error.strerror or 'it took too long'}")
        case _:  # a ValueError: what a server may say that no parser expects
            return Unreachable("the server said what is not IMAP")


def _words(error: Exception) -> str:
    """What a server said to a command of ours, for people."""
    said: Any = error.args[0] if error.args else ""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return "".join(sign if sign.isprintable() else " " for sign in text)[:_MOST_WORDS]
