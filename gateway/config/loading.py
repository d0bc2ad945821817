"""From files to Settings and Policy, with every problem as one line that says where and how to mend it."""

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.config.public_holidays import PublicHolidays
from gateway.config.sections import PREFIX, Settings
from gateway.domain.budget import BudgetRules
from gateway.domain.policy import Policy, PostRules, RegistrationLimits, TrustRules, Vendor
from gateway.domain.rulebook import Document, Rules, build, check
from gateway.domain.toml_lines import Page, Where, label, suggest
from gateway.errors import BadConfig
from gateway.resources import data_dir, example_config

LEAST_SECRET = 16
"""A secret of fewer bytes than this can be guessed."""

_MENDS = {
    "missing": "missing; it has no default",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text in quotes",
    "string_too_short": "must not be empty",
    "path_type": "must be a path in quotes",
    "tuple_type": 'must be a list, such as ["…"]',
    "model_type": "must be a section with keys",
}


def find_config(option: Path | None) -> Path:
    """The configuration file to use: `--config`, $CASEGATE_CONFIG, ./config.toml, /etc/casegate/config.toml."""
    if option is not None:
        return option
    if named := os.environ.get(f"{PREFIX}CONFIG"):
        return Path(named)
    for path in (Path("config.toml"), Path("/etc/casegate/config.toml")):
        if path.is_file():
            return path
    raise BadConfig("no config.toml here or in /etc/casegate; `casegate init DIR` makes one, --config names one")


def load(path: Path) -> Settings:
    """Read the file and the environment; paths become absolute. Raises BadConfig with every problem."""
    page = Page(str(path), _read(path, "`casegate init` makes one"))
    problems = [*page.problems, *_unknown_variables()]
    try:
        settings = Settings(**page.data)
    except ValidationError as error:
        if not page.problems:
            problems += _explain(page, error)
        raise BadConfig(*problems) from error
    if _rule_folder(settings.rules.set, path.parent) is None:
        sets = ", ".join(_shipped_sets())
        text = f'no rule set "{settings.rules.set}"; possible: {sets}, or a folder with a workflow.toml'
        problems.append(_problem(page, ("rules", "set"), text))
    if problems:
        raise BadConfig(*problems)
    return _anchor(settings, path.parent)


def _read(path: Path, mend: str) -> str:
    """The text of a file, or BadConfig that says how to come by one."""
    try:
        data = path.read_bytes()
        return data.decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError as error:
        raise BadConfig(f"{path}: no such file; {mend}") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadConfig(f"{path}:{line}: not UTF-8 text") from error
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error


def _unknown_variables() -> list[str]:
    """Variables that look like ours and name no section; pydantic-settings ignores them."""
    names = [name for name in sorted(os.environ) if name.upper().startswith(PREFIX) and "__" in name]
    sections = {name: name.upper().removeprefix(PREFIX).partition("__")[0].lower() for name in names}
    return [
        f"{name}: unknown section; {suggest(section, Settings.model_fields)}"
        for name, section in sections.items()
        if section not in Settings.model_fields
    ]


def _explain(page: Page, error: ValidationError) -> list[str]:
    """One line for each error, in the order of the file."""
    errors = [item for item in error.errors() if item["type"] != "default_factory_not_called"]
    errors.sort(key=lambda item: page.line(item["loc"]) or 0)
    return [_problem(page, item["loc"], _mend(item)) for item in errors]


def _problem(page: Page, where: Where, text: str) -> str:
    """The problem with the variable that caused it, or else with file and line."""
    names = [str(part).upper() for part in where if isinstance(part, str)]
    ours = {name.upper(): name for name in os.environ}
    for end in range(len(names), 0, -1):
        if variable := ours.get(PREFIX + "__".join(names[:end])):
            return f"{variable}: {text}"
    return page.problem(where, f"{label(where)}: {text}")


def _mend(error: ErrorDetails) -> str:
    """What is wrong, in words for people. The value is shown only where it can be no password."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        if len(error["loc"]) == 1 and not isinstance(error["input"], dict | list):
            return "unknown key; every key stands in a section, such as [mail]"
        what = "section" if len(error["loc"]) == 1 else "key"
        return f"unknown {what}; {suggest(str(error['loc'][-1]), _keys(error['loc'][:-1]))}"
    if kind == "literal_error":
        return f'must be {context["expected"]}, not "{error["input"]}"'
    if kind == "value_error":
        return str(context["error"])
    if kind in {"greater_than_equal", "less_than_equal"}:
        bound = f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"
        return f"must be {bound}"
    return _MENDS.get(kind, error["msg"])


def _keys(where: Where) -> list[str]:
    """The keys that a section knows."""
    section: type[BaseModel] = Settings
    for name in where:
        if isinstance(name, str):
            section = _section_in(section.model_fields[name].annotation)
    return list(section.model_fields)


def _section_in(annotation: Any) -> type[BaseModel]:
    """The section of a field, which may be optional or a list of them."""
    options = get_args(annotation) or (annotation,)
    return next(option for option in options if isinstance(option, type) and issubclass(option, BaseModel))


def _anchor(settings: Settings, folder: Path) -> Settings:
    """The same settings with every relative path made absolute, from the folder of the file."""
    base = folder.absolute()

    def anchored(value: Any) -> Any:
        if isinstance(value, Path):
            return base / value.expanduser()
        if isinstance(value, BaseModel):
            return value.model_copy(update={name: anchored(field) for name, field in value})
        return tuple(anchored(item) for item in value) if isinstance(value, tuple) else value

    database, storage, rules = settings.database, settings.storage, settings.rules
    if (command := storage.scan_command) and "/" in command[0]:
        words = (str(base / Path(command[0]).expanduser()), *command[1:])
        storage = storage.model_copy(update={"scan_command": words})
    scheme, slashes, name = database.url.partition(":///")
    if scheme.startswith("sqlite") and name and not name.startswith((":memory:", "file:")):
        database = database.model_copy(update={"url": f"{scheme}{slashes}{base / name}"})
    if storage.folder:
        storage = storage.model_copy(update={"url": (base / storage.folder).as_uri()})
    if rules.set not in _shipped_sets():
        own = str(folder / rules.set)
        own = f"./{own}" if own in _shipped_sets() else own  # "./tracker" is not the shipped one
        rules = rules.model_copy(update={"set": own})
    copied: Settings = anchored(settings)
    return copied.model_copy(update={"database": database, "storage": storage, "rules": rules})


def require_programs(settings: Settings, path: Path) -> None:
    """BadConfig, with the line of the file at `path`, where a command names no program that can be run."""
    command = settings.storage.scan_command
    if command and shutil.which(command[0]) is None:
        page = Page(str(path), _read(path, "`casegate init` makes one"))
        text = f"{command[0]} is no program that can be run; install it, or name its whole path"
        raise BadConfig(_problem(page, ("storage", "scan_command"), text))


def read_secret(settings: Settings) -> bytes:
    """The key of the token check. Raises BadConfig where it is missing or can be guessed."""
    path = settings.mail.secret_file
    secret = _read_secret_file(path, "`casegate init` makes one")
    if len(secret) < LEAST_SECRET:
        raise BadConfig(f"{path}: a secret has at least {LEAST_SECRET} bytes; `casegate init` makes one")
    return secret


def read_password(path: Path) -> str:
    """The password in a `password_file`, without its line end. Raises BadConfig where it is missing."""
    try:
        return _read_secret_file(path, "it holds the password, in one line").decode()
    except UnicodeDecodeError as error:
        raise BadConfig(f"{path}: not UTF-8 text") from error


def _read_secret_file(path: Path, mend: str) -> bytes:
    """The file, or the systemd credential of the same name where there is no such file."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    try:
        if credentials and not path.exists():
            path = Path(credentials) / path.name
        return path.read_bytes().strip(b"\r\n")
    except FileNotFoundError as error:
        raise BadConfig(f"{path}: no such file; {mend}") from error
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error


def vendor(settings: Settings) -> Vendor:
    """`[vendor]` as the domain knows it."""
    return Vendor(**dict(settings.vendor))


def post_rules(settings: Settings) -> PostRules:
    """`[mail]` as the domain knows it: all of it but the secret."""
    return PostRules(**{name: value for name, value in settings.mail if name != "secret_file"})


def trust_rules(settings: Settings) -> TrustRules:
    """`[trust]` as the domain knows it."""
    return TrustRules(**dict(settings.trust))


def load_policy(settings: Settings, *, reads_mail: bool = True) -> Policy:
    """All rules in force, read and checked. Raises BadConfig with every problem of every rule file.

    `reads_mail` False leaves out the long lists of words by which mails are read, for a command that reads none.
    """
    return _policy(_rules(settings.rules.set, reads_mail=reads_mail), settings)


def named_policy(path: Path | None, settings: Settings | None) -> Policy:
    """The rules of the set that a command names, else those in force; the default ones without any settings."""
    return _policy(_named_rules(path, settings), settings)


def check_rules(path: Path | None, settings: Settings | None) -> tuple[str, ...]:
    """What is wrong with the rule set in a folder (or its workflow.toml), else with the one in force."""
    try:
        return check(_named_rules(path, settings))
    except BadConfig as error:
        return error.problems


def _policy(rules: Rules, settings: Settings | None) -> Policy:
    if settings is None:
        post = PostRules(service_address="service@vendor.example", registration_address="register@vendor.example")
        return build(rules, vendor=Vendor(name="Vendor"), post=post)
    policy = build(
        rules,
        vendor=vendor(settings),
        post=post_rules(settings),
        trust=trust_rules(settings),
        attachment_limit=settings.limits.attachment,
        auto_close_days=settings.rules.auto_close_days,
        customer_reminder_days=settings.rules.customer_reminder_days,
    )
    limits = settings.limits
    registrations = RegistrationLimits(
        hour=limits.registrations_hour,
        account_hour=limits.registrations_per_account_hour,
        wrong_pins_hour=limits.wrong_pins_hour,
    )
    budget = BudgetRules(**dict(settings.budget))
    return replace(policy, budget=budget, registrations=registrations, digest_at=settings.rules.digest_at)


def _shipped_sets() -> list[str]:
    return sorted(found.parent.name for found in data_dir("rules").glob("*/workflow.toml"))


def _rule_folder(name: str, base: Path = Path()) -> Path | None:
    """The folder of a rule set: a shipped one by its name, else one of the user's; None if it is neither."""
    return _with_workflow(data_dir("rules") / name if name in _shipped_sets() else base / name)


def _with_workflow(path: Path) -> Path | None:
    """The folder that this is, or whose workflow.toml; None if there is no such file."""
    folder = path.parent if path.name == "workflow.toml" else path
    return folder if (folder / "workflow.toml").is_file() else None


def _named_rules(path: Path | None, settings: Settings | None) -> Rules:
    """Those that a command names: a path that is there, else a shipped set; without a name those in force."""
    if path is None:
        return _rules(settings.rules.set if settings else "tracker")
    own = _with_workflow(path)
    return _files(own) if own else _rules(str(path))


def _rules(name: str, *, reads_mail: bool = True) -> Rules:
    """The files of a rule set."""
    folder = _rule_folder(name)
    if folder is None:
        raise BadConfig(f"{name}: no rule set here; it is a folder with a workflow.toml")
    return _files(folder, reads_mail=reads_mail)


def _files(folder: Path, *, reads_mail: bool = True) -> Rules:
    """The files of the set in this folder: its own, and the shared one where it has none."""
    shared = data_dir("rules")

    def document(name: str) -> Document:
        path = folder / f"{name}.toml" if (folder / f"{name}.toml").exists() else shared / f"{name}.toml"
        shown = path.relative_to(shared.parent) if path.is_relative_to(shared) else path
        return Document(str(shown), _read(path, "it is shipped with Casegate: install it again"))

    this_year = datetime.now(UTC).year  # noqa: TID251  # rules are read before there is a clock to hand in
    return Rules(
        workflow=document("workflow"),
        notices=document("notices"),
        mail=document("mail") if reads_mail else None,
        absence=document("absence") if reads_mail else None,
        thanks=document("thanks") if reads_mail else None,
        registration=document("registration") if reads_mail else None,
        sla=document("sla"),
        escalation=document("escalation"),
        holidays=PublicHolidays(this_year),
    )


def initial_text(*, unverified: bool = True) -> str:
    """What `casegate init` writes: the example, taking mail without evidence about its sender if so wanted."""
    if not unverified:
        return example_config()
    warning = "# This takes mail from anyone who writes a contact's address into From. Better: set authserv_id above."
    return example_config().replace('require = "authenticated"', f'{warning}\nrequire = "unverified"', 1)
