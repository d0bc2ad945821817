"""What `intake explain` says of a golden mail, as the text of its `expected.toml`.

Used by `test_golden`, which compares, and by `make golden-accept`, which writes.
"""

import re
from pathlib import Path

from gateway import config
from gateway.mail.token import Tokens
from gateway.services.explain import explain

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("*/mail.eml"))
POLICY = config.load_policy(config.Settings.model_validate({"mail": {"service_address": "service@vendor.example"}}))

_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def understood(folder: Path) -> str:
    """The mail of a folder as it is read today, as TOML; what is empty is left out."""
    found = explain((folder / "mail.eml").read_bytes(), POLICY.mail, ports=None, tokens=Tokens(POLICY.post, None))
    mail = found.mail
    if mail is None:
        return f"decision = {_quoted(str(found.decision))}\nreason = {_quoted(str(found.reason))}\n"
    said: dict[str, str | tuple[str, ...]] = {
        "from": mail.sender_shown,
        "from_name": mail.sender_name,
        "from_defect": mail.sender_defect or "",
        "to": mail.to,
        "cc": mail.cc,
        "subject": mail.subject,
        "attachments": tuple(f"{file.name} ({file.content_type}, {len(file.data)})" for file in mail.attachments),
        "encrypted": "yes" if mail.encrypted else "",
        "defects": mail.defects,
        "commands": mail.commands,
        "new_text": mail.new_text,
        "quoted_text": mail.quoted_text,
    }
    return "".join(f"{name} = {_value(value)}\n" for name, value in said.items() if value)


def _value(value: str | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_quoted, value))}]"
    return f'"""\n{_escaped(value)}"""' if "\n" in value else _quoted(value)


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """As a basic string of TOML; blanks before a line end are spelled, since editors eat them."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace(" \n", "\\u0020\n").replace("\t", "\\t")
    return _UNSAFE.sub(lambda letter: f"\\u{ord(letter[0]):04x}", text)
