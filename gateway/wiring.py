"""From settings to Ports, the same for `serve` and the CLI; and how we log. Imports what is asked for, late."""

import fcntl
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway import config
from gateway.config import Settings
from gateway.domain.policy import Policy
from gateway.errors import BadConfig
from gateway.mail.token import Tokens
from gateway.store.db import Database
from gateway.store.migrate import require_head

if TYPE_CHECKING:
    from gateway.domain.actions import Stamp
    from gateway.services.ports import LookUp, Ports, Scanner

LOGGED = frozenset(
    {
        "event", "level", "timestamp", "id", "case", "cause", "kind", "decision", "rung", "state", "outcome",
        "attempts", "ms", "trace", "error", "smtp", "lmtp", "metrics", "recipients", "version", "text", "mend", "where",
        "mailbox", "peer", "registration", "approval",
    }
)  # fmt: skip
"""Only these keys reach a log, so that no content of a mail can."""


def now() -> datetime:
    """The wall clock, aware and in UTC."""
    return datetime.now(UTC)  # noqa: TID251  # the one place where the clock is read


def stamp() -> "Stamp":
    """The stamp of one transaction."""
    from gateway.domain.actions import Stamp  # late: commands that only read know no actions

    return Stamp(now(), secrets.token_bytes(16))


def open_database(settings: Settings) -> Database:
    """The configured database, of the right revision. BadConfig where there is none yet, Unreachable without a server."""
    database = Database(settings.database_url)
    if database.file is not None and not database.file.is_file():
        raise BadConfig(
            f"{database.file}: no such database; `casegate init` makes a new gateway, "
            "`casegate db upgrade` an empty database where the configuration says"
        )
    require_head(database)
    return database


def open_tokens(settings: Settings) -> Tokens:
    """The tokens of this gateway; BadConfig without its secret."""
    return Tokens(config.post_rules(settings), config.read_secret(settings))


def build_ports(
    settings: Settings, *, policy: Policy | None = None, nudge: Callable[[], None] = lambda: None
) -> "Ports":
    """All that services use. Raises BadConfig with every problem of rules and templates, Unreachable."""
    from gateway.adapters.blobs import FileBlobs
    from gateway.mail.templates import Templates
    from gateway.resources import data_dir
    from gateway.services.ports import Ports

    folder = settings.storage.folder
    if folder is None:
        raise BadConfig('[storage] url: only "file:" storage is built so far')
    policy = policy or config.load_policy(settings)
    templates = Templates.load(data_dir("templates"), settings.templates.dir)
    known = templates.names()
    if strange := sorted({rule.template for rule in policy.notices} - set(known)):
        raise BadConfig(*(f'notices.toml: no template "{name}"; there are {", ".join(known)}' for name in strange))
    return Ports(
        db=open_database(settings),
        policy=policy,
        tokens=open_tokens(settings),
        templates=templates,
        blobs=FileBlobs(folder),
        now=now,
        stamp=stamp,
        nudge=nudge,
        outbound=settings.outbound is not None,
        look_up=_look_up(settings, policy),
        scanner=_scanner(settings),
    )


def _look_up(settings: Settings, policy: Policy) -> "LookUp | None":
    """Who asks the DNS about senders; None where nobody does. BadConfig without the libraries for it."""
    if not settings.dns.enabled:
        return None
    try:
        from gateway.adapters.dns_ask import Dns
        from gateway.adapters.dns_auth import DnsAuth
    except ImportError as error:
        mend = "install casegate[dns], or leave the checks to your relay: enabled = false"
        raise BadConfig(f"[dns] enabled: {error.name} is not installed; {mend}") from error
    return DnsAuth(Dns(settings.dns.nameservers), policy.trust)


def _scanner(settings: Settings) -> "Scanner | None":
    """Who looks at files before a case keeps them; None where the operator has nobody for that."""
    if settings.storage.scan_command is None:
        return None
    from gateway.adapters.scanner import CommandScanner

    return CommandScanner(settings.storage.scan_command)


@contextmanager
def only_daemon(settings: Settings) -> Iterator[None]:
    """Hold the SQLite file for one daemon; a second one is BadConfig. On PostgreSQL daemons share the work."""
    file = Database(settings.database_url).file
    if file is None:
        yield
        return
    lock = Path(f"{file}.lock")
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadConfig(f"{file}: another daemon works on this database; stop it, or use PostgreSQL") from error
        yield
    finally:
        os.close(handle)


def configure_logging() -> None:
    """One JSON object a line on stderr; readable lines at a terminal."""
    import structlog

    readable = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_listed_keys,
            structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd says several lines a command
    logging.getLogger("mail.log").addHandler(logging.NullHandler())
    logging.getLogger("imapclient").addHandler(logging.NullHandler())  # it quotes what a server says


def _only_listed_keys(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value for key, value in entry.items() if key in LOGGED}
