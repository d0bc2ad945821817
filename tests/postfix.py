"""A real Postfix on loopback with a configuration and a spool of its own: the mail server that Casegate works beside.

Its master must be started by root; others skip by name, as they do where it is not installed.
"""

import json
import os
import pwd
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.servers import free_port, needs

LONGEST_WAIT_SECONDS = 60
"""A limit against hanging; nothing is measured with it."""

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file_prefixes = {folder}
maillog_file = {folder}/mail.log
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mta.test
mydestination =
local_recipient_maps =
local_transport = error:no local delivery
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
recipient_delimiter = +
transport_maps = texthash:{folder}/transport
smtp_dns_support_level = disabled
smtp_host_lookup = native
lmtp_host_lookup = native
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
maximal_queue_lifetime = 60s
bounce_queue_lifetime = 60s
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix n - n 60    1 pickup
cleanup   unix n - n -     0 cleanup
qmgr      unix n - n 300   1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n -     - trivial-rewrite
bounce    unix - - n -     0 bounce
defer     unix - - n -     0 bounce
trace     unix - - n -     0 bounce
verify    unix - - n -     1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n -     - proxymap
smtp      unix - - n -     - smtp
relay     unix - - n -     - smtp
lmtp      unix - - n -     - lmtp
showq     unix n - n -     - showq
error     unix - - n -     - error
retry     unix - - n -     - error
discard   unix - - n -     - discard
anvil     unix - - n -     1 anvil
scache    unix - - n -     1 scache
postlog   unix-dgram n - n - 1 postlogd
"""
"""Nothing in a chroot; without the last line the log stays empty."""


class Postfix:
    """A running Postfix that takes mail on `port` of 127.0.0.1."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder

    def send(self, data: bytes, *, to: str | list[str], sender: str) -> None:
        """A mail over SMTP, as the mail server of a customer brings it."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=LONGEST_WAIT_SECONDS) as client:
            assert {} == client.sendmail(sender, to, data)

    def queue(self) -> list[dict[str, Any]]:
        """What it has not delivered yet, an object a mail, as `postqueue -j` tells it."""
        lines = _run("postqueue", "-c", str(self._folder / "etc"), "-j")
        return [json.loads(line) for line in lines.splitlines()]

    def log(self) -> str:
        """What it has logged so far."""
        return (self._folder / "mail.log").read_text()

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Return as soon as something holds; what it did until then is told if it never does."""
        until = time.monotonic() + LONGEST_WAIT_SECONDS
        while not holds():
            assert time.monotonic() < until, self.log()
            time.sleep(0.02)  # it tells nobody what it does: we can only look

    def wait_until_empty(self) -> None:
        """Return when nothing is in its queue."""
        self.wait_until(lambda: self.queue() == [])


@contextmanager
def postfix(routes: Mapping[str, str], port: int | None = None) -> Iterator[Postfix]:
    """A Postfix that lives as long as the block.

    `routes` are its transport_maps, from an address, a domain or `*` to `smtp:[127.0.0.1]:PORT` or
    `lmtp:inet:[127.0.0.1]:PORT`; an address brings its plus-addresses along.
    """
    needs("postfix")
    if os.geteuid() != 0:
        pytest.skip("postfix can only be started by root")
    folder = Path(tempfile.mkdtemp(prefix="mta"))  # not under tmp_path: a socket's path has 107 bytes at most
    port = port or free_port()
    try:
        _set_up(folder, routes, port)
        etc = str(folder / "etc")
        master = f"{_run('postconf', '-c', etc, '-xh', 'daemon_directory').strip()}/master"
        process = subprocess.Popen([master, "-c", etc, "-d"], stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            _wait_for_greeting(port, process)
            yield Postfix(folder, port)
        finally:
            process.terminate()  # its children go with it
            process.wait(LONGEST_WAIT_SECONDS)
    finally:
        shutil.rmtree(folder)


def _set_up(folder: Path, routes: Mapping[str, str], port: int) -> None:
    """The files and folders, as Postfix wants them owned."""
    folder.chmod(0o755)
    for name in ("etc", "spool", "data"):
        (folder / name).mkdir(mode=0o755)
    (folder / "data").chmod(0o700)
    os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
    (folder / "etc/main.cf").write_text(MAIN.format(folder=folder))
    (folder / "etc/master.cf").write_text(MASTER.format(port=port))
    (folder / "transport").write_text("".join(f"{pattern} {hop}\n" for pattern, hop in routes.items()))
    _run("postfix", "-c", str(folder / "etc"), "check")  # makes the folders of the queue


def _run(program: str, *arguments: str) -> str:
    done = subprocess.run([needs(program), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{program}: {done.stderr}"
    return done.stdout


def _wait_for_greeting(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    greeting = b""
    while not greeting:
        assert process.poll() is None, "postfix ended"
        assert time.monotonic() < until, "postfix takes no mail"
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(LONGEST_WAIT_SECONDS)
            greeting = client.recv(100)
        time.sleep(0.02)
