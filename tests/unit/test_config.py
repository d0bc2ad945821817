"""The configuration: CONTRACT's keys and defaults, environment over file, secrets in files (SPEC section 16)."""

import os
import re
from datetime import time
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from gateway.config import (
    Settings,
    check_rules,
    find_config,
    initial_text,
    load,
    load_policy,
    post_rules,
    read_password,
    read_secret,
    require_programs,
    trust_rules,
    vendor,
)
from gateway.domain.policy import PostRules, TrustRules, Vendor
from gateway.errors import BadConfig
from gateway.resources import data_dir, example_config

MINIMAL = '[mail]\nservice_address = "service@acme.example"\n'


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CASEGATE_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, text: str = MINIMAL) -> Settings:
    return load(written(folder, text))


def problems(folder: Path, text: str = MINIMAL) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        loaded(folder, text)
    return [problem.replace(f"{folder}/", "") for problem in caught.value.problems]


def test_the_example_holds_the_defaults(tmp_path: Path) -> None:
    """It changes nothing but names and addresses, and has the listener and the relay of CONTRACT."""
    example = loaded(tmp_path, example_config())
    least = loaded(tmp_path, '[vendor]\nname = "Acme Support"\n[smtp]\n[outbound]\n' + MINIMAL)
    assert least == example


def test_defaults_are_those_of_the_contract(tmp_path: Path) -> None:
    """A sample of them, by value; sections without defaults are off."""
    settings = loaded(tmp_path)
    assert (None, None, ()) == (settings.smtp, settings.outbound, settings.imap)
    assert (False, 8024) == (settings.lmtp.enabled, settings.lmtp.port)
    assert (True, "127.0.0.1", 9125) == (settings.metrics.enabled, settings.metrics.host, settings.metrics.port)
    assert (30, 60, 2000) == tuple(value for _, value in settings.budget)
    assert ("tracker", 0, 0, time(8, 0)) == tuple(value for _, value in settings.rules)
    assert 25_000_000 == settings.limits.attachment
    assert f"sqlite:///{tmp_path}/casegate.db" == settings.database_url
    assert tmp_path / "blobs" == settings.storage.folder
    assert tmp_path / "secret" == settings.mail.secret_file


def keys_of_the_example() -> list[tuple[str, str]]:
    section, keys = "", []
    for line in example_config().splitlines():
        if header := re.match(r"(?:# )?\[\[?(\w+)\]\]?", line):
            section = header[1]
        elif key := re.match(r"(?:# )?(\w+) = ", line):
            keys.append((section, key[1]))
    return keys


def keys_of_the_settings() -> set[tuple[str, str]]:
    keys = set()
    for name, field in Settings.model_fields.items():
        options = get_args(field.annotation) or (field.annotation,)
        section = next(item for item in options if isinstance(item, type) and issubclass(item, BaseModel))
        keys |= {(name, key) for key in section.model_fields}
    return keys


def test_the_example_explains_every_key_once() -> None:
    """All there are, and no others."""
    keys = keys_of_the_example()
    assert keys_of_the_settings() == set(keys)
    assert len(set(keys)) == len(keys)


def test_the_example_with_everything_switched_on_is_valid(tmp_path: Path) -> None:
    """What stands behind a `#` is right as well."""
    text = re.sub(r"^# (\w+ = |\[\[)", r"\1", example_config(), flags=re.MULTILINE)
    settings = loaded(tmp_path, text)
    assert tmp_path / "imap-password" == settings.imap[0].password_file
    assert "Casegate/Done" == settings.imap[0].done_mailbox
    assert ("127.0.0.1:5353",) == settings.dns.nameservers


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("127.0.0.1", "127.0.0.1:53"),
        ("192.0.2.1:5353", "192.0.2.1:5353"),
        ("2001:db8::1", "[2001:db8::1]:53"),
        ("[2001:DB8::1]", "[2001:db8::1]:53"),
        ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
    ],
)
def test_name_servers_have_a_port(tmp_path: Path, written: str, expected: str) -> None:
    text = f'[mail]\nservice_address = "s@acme.example"\n[dns]\nnameservers = ["{written}"]\n'
    assert (expected,) == loaded(tmp_path, text).dns.nameservers


@pytest.mark.parametrize("wrong", ["ns.example", "192.0.2.1:0", "192.0.2.1:70000", "192.0.2.1:dns", "300.0.2.1", ""])
def test_a_name_server_is_an_address(tmp_path: Path, wrong: str) -> None:
    text = f'[mail]\nservice_address = "s@acme.example"\n[dns]\nnameservers = ["{wrong}"]\n'
    with pytest.raises(BadConfig, match="nameservers"):
        loaded(tmp_path, text)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key by key, in sections that the file has and in those it has not; lists are written with commas."""
    monkeypatch.setenv("CASEGATE_SMTP__PORT", "2525")
    monkeypatch.setenv("CASEGATE_OUTBOUND__PORT", "587")
    monkeypatch.setenv("CASEGATE_TRUST__RELAYS", "192.0.2.7, 10.0.0.0/8")
    monkeypatch.setenv("CASEGATE_AGENT", "mira")
    settings = loaded(tmp_path, MINIMAL + '[smtp]\nport = 25\nmax_size = "1KiB"\n')
    assert settings.smtp
    assert settings.outbound
    assert (2525, 1024, 587) == (settings.smtp.port, settings.smtp.max_size, settings.outbound.port)
    assert ("192.0.2.7", "10.0.0.0/8") == settings.trust.relays


def test_a_problem_of_the_environment_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the file, which is right."""
    monkeypatch.setenv("CASEGATE_SMTP__PORT", "many")
    monkeypatch.setenv("CASEGATE_SMPT__PORT", "25")
    monkeypatch.setenv("CASEGATE_TRUST__REQUIER", "unverified")
    assert [
        "CASEGATE_SMPT__PORT: unknown section; did you mean smtp?",
        "CASEGATE_SMTP__PORT: must be a whole number",
        "CASEGATE_TRUST__REQUIER: unknown key; did you mean require?",
    ] == sorted(problems(tmp_path, MINIMAL + "[smtp]\nport = 25\n"))


def test_a_key_outside_of_sections_is_told(tmp_path: Path) -> None:
    """The easiest slip of all."""
    assert ["config.toml:1: hotline: unknown key; every key stands in a section, such as [mail]"] == problems(
        tmp_path, 'hotline = "112"\n' + MINIMAL
    )


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the command was called from; an absolute path and a server stay as they are."""
    (tmp_path / "etc").mkdir()
    written(
        tmp_path / "etc", MINIMAL + 'secret_file = "/run/key"\n[templates]\ndir = "own"\n[storage]\nurl = "file:a b/c"'
    )
    monkeypatch.chdir(tmp_path)
    settings = load(Path("etc/config.toml"))
    assert Path("/run/key") == settings.mail.secret_file
    assert tmp_path / "etc" / "own" == settings.templates.dir
    assert tmp_path / "etc" / "a b" / "c" == settings.storage.folder
    assert f"sqlite:///{tmp_path}/etc/casegate.db" == settings.database_url


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://u@db/x", "sqlite://", "sqlite:////var/x.db", "sqlite:///:memory:"]
)
def test_other_databases_stay_as_they_are(tmp_path: Path, url: str) -> None:
    """Servers, memory, absolute files."""
    assert url == loaded(tmp_path, f'{MINIMAL}[database]\nurl = "{url}"\n').database_url


def test_a_database_password_is_never_shown(tmp_path: Path) -> None:
    """Neither in a problem nor in the settings' own words."""
    told = problems(tmp_path, MINIMAL + '[database]\nurl = "postgres://u:geheim@db/x"\n')
    settings = loaded(tmp_path, MINIMAL + '[database]\nurl = "postgresql+psycopg://u:geheim@db/x"\n')
    assert "geheim" not in f"{told} {settings!r}"


@pytest.mark.parametrize(
    ("address", "stored"),
    [
        ("Service@ACME.example", "service@acme.example"),
        ("service@localhost", "service@localhost"),
        ("service@corp.local", "service@corp.local"),
        ("service@bücher.example", "service@xn--bcher-kva.example"),
    ],
)
def test_addresses_are_kept_in_stored_form(tmp_path: Path, address: str, stored: str) -> None:
    """SPEC section 3: ASCII lower case, domain as A-label; the registration address follows."""
    mail = loaded(tmp_path, f'[mail]\nservice_address = "{address}"\n').mail
    assert stored == mail.service_address
    assert stored.replace("service@", "service+register@") == mail.registration_address


@pytest.mark.parametrize(
    "address", ["", "service", "a b@acme.example", "a@", "a@-x.example", "a..b@acme.example", "ü@a.example"]
)
def test_what_is_no_address_is_refused(tmp_path: Path, address: str) -> None:
    """With one problem, not a second one for the registration address that follows from it."""
    (problem,) = problems(tmp_path, f'[mail]\nservice_address = "{address}"\n')
    assert problem.startswith("config.toml:2: [mail] service_address: not a mail address: ")


@pytest.mark.parametrize(
    ("size", "octets"), [('"35MB"', 35_000_000), ('"2 gb"', 2 * 10**9), ('"1MiB"', 1048576), ("10", 10)]
)
def test_sizes_are_bytes(tmp_path: Path, size: str, octets: int) -> None:
    """MB is a million; MiB is 1024 times 1024."""
    assert octets == loaded(tmp_path, f"{MINIMAL}[limits]\nattachment = {size}\n").limits.attachment


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_security_may_be_none_on_loopback(tmp_path: Path, host: str) -> None:
    """There is nobody in between."""
    outbound = loaded(tmp_path, f'{MINIMAL}[outbound]\nhost = "{host}"\nsecurity = "none"\n').outbound
    assert outbound
    assert outbound.security == "none"


@pytest.mark.parametrize(
    "host", ["mail.acme.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.evil.example", "0.0.0.0"]
)
def test_security_may_not_be_none_elsewhere(tmp_path: Path, host: str) -> None:
    """A password would go through other people's hands (IM-14)."""
    assert ["config.toml:5: [outbound] security: none is for a loopback host only; use tls or starttls"] == problems(
        tmp_path, f'{MINIMAL}[outbound]\nhost = "{host}"\nsecurity = "none"\n'
    )


def test_the_configuration_is_found_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option, the variable, the folder; without any, `casegate init` is named."""
    monkeypatch.chdir(tmp_path)
    if not Path("/etc/casegate/config.toml").exists():
        with pytest.raises(BadConfig, match="casegate init"):
            find_config(None)
    written(tmp_path, MINIMAL)
    assert Path("config.toml") == find_config(None)
    monkeypatch.setenv("CASEGATE_CONFIG", "elsewhere.toml")
    assert Path("elsewhere.toml") == find_config(None)
    assert Path("option.toml") == find_config(Path("option.toml"))


def test_a_missing_file_names_init(tmp_path: Path) -> None:
    """Exit 3, with the mend."""
    with pytest.raises(BadConfig) as caught:
        load(tmp_path / "none.toml")
    assert (f"{tmp_path}/none.toml: no such file; `casegate init` makes one",) == caught.value.problems
    assert 3 == caught.value.exit_code


def test_a_file_in_another_charset_is_told(tmp_path: Path) -> None:
    """TOML is UTF-8."""
    (tmp_path / "config.toml").write_bytes(MINIMAL.encode() + b"# \xfc\n")
    with pytest.raises(BadConfig, match="not UTF-8 text"):
        load(tmp_path / "config.toml")


def test_the_secret_is_read_without_its_line_end(tmp_path: Path) -> None:
    """So that an editor that adds one changes no token."""
    (tmp_path / "secret").write_bytes(b"0123456789abcdef\r\n")
    assert b"0123456789abcdef" == read_secret(loaded(tmp_path))


@pytest.mark.parametrize("content", [None, b"", b"0123456789abcde\n"])
def test_a_secret_that_is_missing_or_short_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Tokens would be anybody's to make."""
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(BadConfig, match="casegate init"):
        read_secret(loaded(tmp_path))


def test_a_secret_may_be_a_systemd_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same name, where there is no file; the file wins."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "imap-password").write_text("from systemd\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "run"))
    assert "from systemd" == read_password(tmp_path / "imap-password")
    (tmp_path / "imap-password").write_text("from the file\n")
    assert "from the file" == read_password(tmp_path / "imap-password")


def test_domain_values_are_made_of_the_sections(tmp_path: Path) -> None:
    """Field for field, the secret's file left out."""
    settings = loaded(
        tmp_path,
        MINIMAL + 'token_prefix = "help"\nunregistered = "hold"\n[vendor]\nname = "Acme"\nhotline = "112"\n'
        '[trust]\nauthserv_id = "mx.acme.example"\nrelays = ["192.0.2.0/24"]\nrequire = "unverified"\n',
    )
    assert Vendor(name="Acme", hotline="112") == vendor(settings)
    assert PostRules(
        service_address="service@acme.example",
        registration_address="service+register@acme.example",
        unregistered="hold",
        token_prefix="HELP",
    ) == post_rules(settings)
    assert TrustRules(authserv_id="mx.acme.example", relays=("192.0.2.0/24",), require="unverified") == trust_rules(
        settings
    )


def test_the_policy_holds_rules_and_limits(tmp_path: Path) -> None:
    """The shipped set, and the numbers of the file."""
    policy = load_policy(
        loaded(tmp_path, MINIMAL + '[rules]\nset = "production_support"\n[limits]\nattachment = "5MB"\n')
    )
    assert ("production_support", 5_000_000) == (policy.workflow.set, policy.attachment_limit)
    assert "service@acme.example" == policy.post.service_address


def test_a_set_of_ones_own_wins_over_the_shared_files(tmp_path: Path) -> None:
    """Its own notices, the shared rest."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "workflow.toml").write_text((data_dir("rules") / "tracker" / "workflow.toml").read_text(), encoding="utf-8")
    (own / "notices.toml").write_text('[[notice]]\nkind = "case_opened"\nto = "reporter"\ntemplate = "hello"\n')
    policy = load_policy(loaded(tmp_path, MINIMAL + '[rules]\nset = "own"\n'))
    assert ["hello"] == [rule.template for rule in policy.notices]
    assert policy.mail.automatic.strong


def test_rules_are_checked_by_path_or_as_configured(tmp_path: Path) -> None:
    """A shipped set by its name, a folder, its workflow.toml; without all of that the default set."""
    assert () == check_rules(None, None) == check_rules(Path("production_support"), None)
    assert () == check_rules(None, loaded(tmp_path))
    assert () == check_rules(data_dir("rules") / "tracker" / "workflow.toml", None)
    assert (f"{tmp_path}: no rule set here; it is a folder with a workflow.toml",) == check_rules(tmp_path, None)


@pytest.mark.parametrize(("unverified", "require"), [(True, "unverified"), (False, "authenticated")])
def test_init_writes_the_example(tmp_path: Path, unverified: bool, require: str) -> None:
    """Without mailbox and credentials; `--yes` takes unverified mail, and says so in the file."""
    text = initial_text(unverified=unverified)
    settings = loaded(tmp_path, text)
    assert (require, (), None) == (settings.trust.require, settings.imap, settings.trust.authserv_id)
    assert settings.smtp
    assert settings.outbound
    assert ("127.0.0.1", 25, None) == (settings.outbound.host, settings.outbound.port, settings.outbound.username)
    assert unverified == ("takes mail from anyone" in text)


@pytest.mark.parametrize(
    ("written_as", "words"),
    [
        ("clamdscan --no-summary", ("clamdscan", "--no-summary")),
        ("/usr/bin/scan 'a b'", ("/usr/bin/scan", "a b")),
        ("bin/scan --x", ("{folder}/bin/scan", "--x")),
    ],
)
def test_a_command_is_words_for_no_shell(tmp_path: Path, written_as: str, words: tuple[str, ...]) -> None:
    """A program with a folder before it is relative to the file, any other is looked for in PATH."""
    found = loaded(tmp_path, f'{MINIMAL}[storage]\nscan_command = "{written_as}"\n').storage.scan_command
    assert tuple(word.replace("{folder}", str(tmp_path)) for word in words) == found


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ('"scan \'x"', "no shell would understand this: no closing quotation"),
        ('" "', "must not be empty; leave it out to have nothing scanned"),
        ("7", 'must be a command in quotes, such as "clamdscan --no-summary"'),
        ('["scan"]', 'must be a command in quotes, such as "clamdscan --no-summary"'),
    ],
)
def test_a_command_that_is_none_is_told_with_its_line(tmp_path: Path, value: str, why: str) -> None:
    text = f"{MINIMAL}[storage]\nscan_command = {value}\n"
    assert [f"config.toml:4: [storage] scan_command: {why}"] == problems(tmp_path, text)


def test_a_scanner_that_is_not_there_is_told_with_its_line(tmp_path: Path) -> None:
    """Also one that nobody may run; commands that need none are not stopped by it."""
    path = written(tmp_path, f'{MINIMAL}[storage]\nscan_command = "bin/scan -x"\n')
    program = tmp_path / "bin" / "scan"
    program.parent.mkdir()
    mend = f"{program} is no program that can be run; install it, or name its whole path"
    for make in (lambda: None, lambda: program.write_text("#!/bin/sh\n")):
        make()
        with pytest.raises(BadConfig) as caught:
            require_programs(load(path), path)
        assert (f"{path}:4: [storage] scan_command: {mend}",) == caught.value.problems
    program.chmod(0o755)
    require_programs(load(path), path)
    require_programs(loaded(tmp_path), path)
