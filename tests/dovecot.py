"""A real Dovecot on loopback for tests: by TLS, STARTTLS and in the clear, run by an ordinary user."""

import grp
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme
from imapclient import IMAPClient

from tests.servers import free_port, needs

PASSWORD = "ouvre-toi-sésame"  # not ASCII, which LOGIN could not say
LONGEST_WAIT_SECONDS = 60
"""A limit against hanging; nothing is measured with it."""

CONFIG = """
base_dir = {d}/run
state_dir = {d}/state
log_path = {d}/dovecot.log
listen = 127.0.0.1
protocols = imap lmtp
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:~/Maildir
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain login
{capability}
ssl = yes
ssl_cert = <{d}/cert.pem
ssl_key = <{d}/key.pem
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={d}/home/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service auth {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
"""


class Dovecot:
    """A running server; `ca` is a file with the authority that its certificate is good by.

    Every user is one of its, with the one password; `user` is whose mailboxes all methods mean.
    """

    def __init__(self, folder: Path) -> None:
        self.user = "support@vendor.example"
        self.imap, self.imaps, self.lmtp = free_port(), free_port(), free_port()
        self.ca = folder / "ca.pem"
        self._folder = folder
        self._account = pwd.getpwnam("dovecot") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, capability: str, host: str) -> None:
        """All files that it reads."""
        authority = trustme.CA()
        certificate = authority.issue_cert(host)
        authority.cert_pem.write_to_path(self.ca)
        certificate.cert_chain_pems[0].write_to_path(self._folder / "cert.pem")
        certificate.private_key_pem.write_to_path(self._folder / "key.pem")
        uid, gid = self._account.pw_uid, self._account.pw_gid
        (self._folder / "dovecot.conf").write_text(
            CONFIG.format(
                d=self._folder,
                user=self._account.pw_name,
                group=grp.getgrgid(gid).gr_name,
                uid=uid,
                gid=gid,
                password=PASSWORD,
                imap=self.imap,
                imaps=self.imaps,
                lmtp=self.lmtp,
                capability=f"imap_capability = {capability}" if capability else "",
            )
        )
        (self._folder / "home").mkdir()
        for path in (self._folder, *self._folder.rglob("*")):
            os.chown(path, uid, gid)
        self._folder.chmod(0o755)

    def start(self) -> None:
        """Run it, and return when it answers."""
        program = needs("dovecot")
        account = self._account
        rights = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        with (self._folder / "out").open("ab") as out:
            self._process = subprocess.Popen(
                [program, "-F", "-c", str(self._folder / "dovecot.conf")],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                **rights,  # type: ignore[call-overload]  # either none or all three
            )
        end = time.monotonic() + LONGEST_WAIT_SECONDS
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.imap), timeout=1):
                    return
            except OSError:
                assert self._process.poll() is None, (self._folder / "out").read_text()
                assert time.monotonic() < end, self.log()
                time.sleep(0.02)  # it has no other way to say that it is ready

    def stop(self) -> None:
        """End it at once, its sessions too, which would go on for some seconds."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(LONGEST_WAIT_SECONDS)
            self._process = None

    def log(self) -> str:
        """What it wrote."""
        log = self._folder / "dovecot.log"
        return log.read_text() if log.exists() else ""

    def deliver(self, *mails: bytes, folder: str = "INBOX", seen: bool = False) -> list[int]:
        """Put mails into a mailbox, as another program does; their UIDs."""
        with self.login() as client:
            said = [client.append(folder, mail, flags=[rb"\Seen"] if seen else []) for mail in mails]
        return [int(text.decode().split("APPENDUID ")[1].split("]")[0].split()[1]) for text in said]

    @contextmanager
    def login(self) -> Iterator[IMAPClient]:
        """A client of our own."""
        context = ssl.create_default_context(cafile=self.ca)
        with IMAPClient("127.0.0.1", self.imaps, ssl_context=context, timeout=LONGEST_WAIT_SECONDS) as client:
            client.plain_login(self.user, PASSWORD)
            yield client

    def flags(self, folder: str = "INBOX") -> dict[int, set[bytes]]:
        """The mails of a folder by UID, with their flags (but \\Recent); none for a folder that is not there."""
        with self.login() as client:
            if not client.folder_exists(folder):
                return {}
            client.select_folder(folder, readonly=True)
            uids = client.search("ALL")
            found = client.get_flags(uids) if uids else {}
        return {uid: set(flags) - {rb"\Recent"} for uid, flags in found.items()}


@contextmanager
def dovecot(*, capability: str = "", host: str = "127.0.0.1") -> Iterator[Dovecot]:
    """A server for the length of a block; `capability` replaces what it says it can, `host` is in its certificate."""
    needs("dovecot")
    folder = Path(tempfile.mkdtemp(prefix="dc"))  # not under tmp_path: a socket's path has 107 bytes at most
    server = Dovecot(folder)
    try:
        server.write(capability, host)
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
