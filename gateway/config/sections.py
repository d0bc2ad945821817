"""What a configuration may say: the sections, keys and defaults of CONTRACT, "Configuration keys".

`config.loading` fills them; everything here is a frozen value, and refuses unknown keys. How a problem is
told, and what a relative path is relative to, is the loader's business.
"""

import re
import shlex
from datetime import time
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "CASEGATE_"
"""How the names of our environment variables start."""

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1|\[::1\]")
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN_ADDRESS = re.compile(rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")


def _one_line(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("must be one line, without control characters")
    return text


def _size(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d+)\s*([KMG]?I?B?)", value.strip().upper())
    if not found or found[2] not in _UNITS:
        raise ValueError('must be a number of bytes, or a size such as "25MB"')
    return int(found[1]) * _UNITS[found[2]]


def _address(text: str) -> str:
    plain = text.lower()
    if _PLAIN_ADDRESS.fullmatch(plain):
        return plain
    import email_validator  # slow to import, and needed for unusual addresses only

    try:
        found = email_validator.validate_email(
            text, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False
        )
    except email_validator.EmailNotValidError as error:
        raise ValueError(f"not a mail address: {error}") from error
    return f"{found.ascii_local_part}@{found.ascii_domain}".lower()


def _network(text: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_network(text)).removesuffix("/32").removesuffix("/128")
    except ValueError as error:
        raise ValueError(f'not an IP address or network, such as "192.0.2.0/24": {error}') from error


def _nameserver(text: str) -> str:
    import ipaddress

    found = re.fullmatch(r"\[(?P<six>[^]]+)\](?::(?P<six_port>\d+))?|(?P<four>[0-9.]+)(?::(?P<four_port>\d+))?", text)
    host = (found["six"] or found["four"]) if found else text
    port = int((found["six_port"] or found["four_port"] or 53) if found else 53)
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise ValueError(f'not the address of a name server, such as "127.0.0.1:5353": {error}') from error
    if not 1 <= port <= 65_535:
        raise ValueError("the port must be 1 to 65535")
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _time_of_day(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError('not a time of the day, such as "08:00"')
    return value


def _words(value: object) -> object:
    """In the environment a list is written with commas."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _command(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError('must be a command in quotes, such as "clamdscan --no-summary"')  # noqa: TRY004  # pydantic's way
    try:
        words = shlex.split(_one_line(value))
    except ValueError as error:
        raise ValueError(f"no shell would understand this: {str(error).lower()}") from error
    if not words:
        raise ValueError("must not be empty; leave it out to have nothing scanned")
    return words


Line = Annotated[str, AfterValidator(_one_line)]
Command = Annotated[tuple[str, ...], BeforeValidator(_command)]
"""A program and its arguments, which runs without a shell."""
Host = Annotated[str, Field(min_length=1), AfterValidator(_one_line)]
Size = Annotated[int, Field(ge=1), BeforeValidator(_size)]
Address = Annotated[str, AfterValidator(_address)]
Network = Annotated[str, AfterValidator(_network)]
Nameserver = Annotated[str, AfterValidator(_nameserver)]
ListenPort = Annotated[int, Field(ge=0, le=65535)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=0)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Security = Literal["tls", "starttls", "none"]


class _Section(BaseModel):
    """What all sections share: frozen, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class VendorSection(_Section):
    """`[vendor]`: what mails say of the organisation."""

    name: Line = "Support"
    hotline: str | None = None
    knowledge_base: Line | None = None
    feedback_address: Address | None = None
    footer: str | None = None


class MailSection(_Section):
    """`[mail]`: our addresses, and how strangers and copies are treated."""

    service_address: Address
    registration_address: Address = Field(
        default_factory=lambda values: "+register@".join(values["service_address"].rsplit("@", 1))
    )
    unregistered: Literal["notify", "reject", "hold"] = "notify"
    secret_file: Path = Path("secret")
    cc_policy: Literal["contacts", "domains"] = "contacts"
    plus_addressing: bool = True
    token_prefix: str = "CASE"  # noqa: S105  # stands in every subject

    @field_validator("token_prefix")
    @classmethod
    def _prefix(cls, text: str) -> str:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,15}", text):
            raise ValueError("must be 1 to 16 letters and digits, a letter first")
        return text.upper()


class SmtpSection(_Section):
    """`[smtp]`: the inbound listener."""

    enabled: bool = True
    host: Host = "127.0.0.1"
    port: ListenPort = 8025
    max_size: Size = 35_000_000
    connections: Annotated[int, Field(ge=1)] = 200
    connections_per_peer: Annotated[int, Field(ge=1)] = 20
    per_sender_hour: Count = 0
    tls_cert: Path | None = None
    tls_key: Path | None = None
    users_file: Path | None = None

    @field_validator("users_file")
    @classmethod
    def _not_in_the_clear(cls, users_file: Path | None, info: ValidationInfo) -> Path | None:
        if users_file is not None and not (info.data.get("tls_cert") and info.data.get("tls_key")):
            raise ValueError("passwords are taken over TLS only; set tls_cert and tls_key too")
        return users_file


class LmtpSection(_Section):
    """`[lmtp]`: the listener behind a mail server."""

    enabled: bool = False
    host: Host = "127.0.0.1"
    port: ListenPort = 8024


class _Server(_Section):
    """A mail server that we log in to."""

    host: Host
    port: Port
    security: Security
    ca_file: Path | None = None

    @field_validator("security")
    @classmethod
    def _no_open_login(cls, security: str, info: ValidationInfo) -> str:
        if security == "none" and not _LOOPBACK.fullmatch(info.data.get("host", "localhost")):
            raise ValueError("none is for a loopback host only; use tls or starttls")
        return security


class ImapSection(_Server):
    """`[[imap]]`: one mailbox that is polled."""

    port: Port = 993
    security: Security = "tls"
    username: Line
    password_file: Path
    mailbox: Line = "INBOX"
    done_mailbox: Line | None = None
    authserv_id: Line | None = None
    start: Literal["unseen", "all", "new"] = "unseen"

    @field_validator("done_mailbox")
    @classmethod
    def _elsewhere(cls, done: str | None, info: ValidationInfo) -> str | None:
        mailbox = info.data.get("mailbox", "")
        if done is not None and (done == mailbox or done.upper() == mailbox.upper() == "INBOX"):
            raise ValueError("must be another mailbox than the one that is read")
        return done

    @property
    def name(self) -> str:
        """What statuses, alarms and logs call it."""
        return f"{self.username}@{self.host}/{self.mailbox}"


class OutboundSection(_Server):
    """`[outbound]`: the server that takes our mail."""

    host: Host = "127.0.0.1"
    port: Port = 25
    security: Security = "starttls"
    username: Line | None = None
    password_file: Path | None = None


class TrustSection(_Section):
    """`[trust]`: whose evidence about senders is believed, and how much of it is needed."""

    authserv_id: Line | None = None
    relays: Annotated[tuple[Network, ...], BeforeValidator(_words)] = ("127.0.0.1", "::1")
    require: Literal["authenticated", "unverified"] = "authenticated"


class DatabaseSection(_Section):
    """`[database]`: where everything but blobs is kept."""

    url: str = Field(default="sqlite:///casegate.db", repr=False)

    @field_validator("url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if not url.startswith(("sqlite://", "postgresql+psycopg://")):
            raise ValueError('must be "sqlite:///FILE" or "postgresql+psycopg://USER@HOST/NAME"')
        return url


class StorageSection(_Section):
    """`[storage]`: where attachments and large mails are kept. `file:blobs` is relative to the config file."""

    url: Line = "file:blobs"
    shared: bool = False
    scan_command: Command | None = None

    @field_validator("url")
    @classmethod
    def _known_storage(cls, url: str) -> str:
        if not url.startswith(("file:", "s3://")) or not url.partition(":")[2].strip("/"):
            raise ValueError('must be "file:///FOLDER", "file:FOLDER" beside this file, or "s3://BUCKET"')
        return url

    @property
    def folder(self) -> Path | None:
        """The folder of a file storage; None for another."""
        scheme, _, rest = self.url.partition(":")
        return Path(unquote(rest.removeprefix("//"))) if scheme == "file" else None


class RulesSection(_Section):
    """`[rules]`: the rule set in force, a shipped one or a folder."""

    set: Line = "tracker"
    auto_close_days: Count = 0
    customer_reminder_days: Count = 0
    digest_at: TimeOfDay = time(8)


class BudgetSection(_Section):
    """`[budget]`: how much automatic mail may leave; 0 is no limit."""

    per_address_hour: Count = 30
    per_case_hour: Count = 60
    overall_hour: Count = 2000


class LimitsSection(_Section):
    """`[limits]`: how large things may be, and how often strangers may ask to be registered; 0: no limit."""

    attachment: Size = 25_000_000
    wrong_pins_hour: Count = 50
    registrations_hour: Count = 200
    registrations_per_account_hour: Count = 50


class DnsSection(_Section):
    """`[dns]`: SPF, DKIM and DMARC checked here."""

    enabled: bool = False
    nameservers: Annotated[tuple[Nameserver, ...], BeforeValidator(_words)] = ()


class TemplatesSection(_Section):
    """`[templates]`: a folder whose files win over the shipped ones."""

    dir: Path | None = None


class AlarmSection(_Section):
    """`[alarm]`: whom to wake."""

    command: Line | None = None


class MetricsSection(_Section):
    """`[metrics]`: figures and health on a local port."""

    enabled: bool = True
    host: Host = "127.0.0.1"
    port: ListenPort = 9125


class Settings(BaseSettings):
    """All of the configuration; made by `config.load`, which has the environment win over the file."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__", enable_decoding=False
    )

    vendor: VendorSection = VendorSection()
    mail: MailSection
    smtp: SmtpSection | None = None
    lmtp: LmtpSection = LmtpSection()
    imap: tuple[ImapSection, ...] = ()
    outbound: OutboundSection | None = None
    trust: TrustSection = TrustSection()
    database: DatabaseSection = DatabaseSection()
    storage: StorageSection = StorageSection()
    rules: RulesSection = RulesSection()
    budget: BudgetSection = BudgetSection()
    limits: LimitsSection = LimitsSection()
    dns: DnsSection = DnsSection()
    templates: TemplatesSection = TemplatesSection()
    alarm: AlarmSection = AlarmSection()
    metrics: MetricsSection = MetricsSection()

    @property
    def database_url(self) -> str:
        """The database, as SQLAlchemy names it; a file is absolute."""
        return self.database.url

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the environment first, then the file."""
        return env_settings, init_settings
