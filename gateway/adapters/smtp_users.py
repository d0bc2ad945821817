"""Who may log in over SMTP: the names and hashed passwords of `[smtp] users_file`.

Read by `app`, asked by `smtp_auth`; `casegate smtp-user` writes the lines. Promises: no password is kept; a name that
is not there takes as long to be refused as a wrong password.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import BadConfig, BadUsage

_NAME = re.compile(r"[A-Za-z0-9._@+-]{1,64}")
# The PHC string format, as other programs write scrypt: no padding in the base64.
_HASH = re.compile(
    r"\$scrypt\$ln=(?P<ln>1[0-8]),r=(?P<r>[1-9]|[12]\d),p=(?P<p>[1-4])\$(?P<salt>[^$]+)\$(?P<hash>[^$]+)"
)
_LN, _R, _P = 15, 8, 1
"""32 MB and a tenth of a second a try."""
_BYTES = 32
_NOBODY_SALT = bytes(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hashed:
    """A password that nobody can read any more, and how it was hashed."""

    ln: int
    r: int
    p: int
    salt: bytes
    hashed: bytes = field(repr=False)

    def fits(self, password: str) -> bool:
        """Whether this is the password; compared in constant time."""
        return hmac.compare_digest(self.hashed, _scrypt(password, self.salt, self.ln, self.r, self.p))


_NOBODY = _Hashed(ln=_LN, r=_R, p=_P, salt=_NOBODY_SALT, hashed=b"")


@dataclass(frozen=True, slots=True)
class Users:
    """Those who may log in."""

    _hashes: Mapping[str, _Hashed]

    def may_enter(self, name: str, password: str) -> bool:
        """Whether name and password belong together. Takes a tenth of a second of processor time."""
        return self._hashes.get(name, _NOBODY).fits(password)


def read_users(path: Path) -> Users:
    """The users of a file: `name:$scrypt$…` a line, blank lines and # for comments. BadConfig with each wrong line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise BadConfig(f"{path}: {why}; `casegate smtp-user NAME` writes its lines") from error
    found: dict[str, _Hashed] = {}
    problems = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, text = line.strip().partition(":")
        hashed = _read_hash(text)
        if not _NAME.fullmatch(name) or hashed is None or name in found:
            problems.append(f"{path}:{number}: no line of `casegate smtp-user NAME`, or a name for the second time")
        else:
            found[name] = hashed
    if problems:
        raise BadConfig(*problems)
    return Users(found)


def user_line(name: str, password: str, salt: bytes) -> str:
    """A line of the file. BadUsage for a name or password that is none; `salt` is 16 random bytes."""
    if not _NAME.fullmatch(name):
        raise BadUsage("a name is up to 64 letters, digits and . _ @ + -")
    if len(password) < 12:
        raise BadUsage("a password has at least 12 characters: it may be tried by anyone who reaches the port")
    return f"{name}:$scrypt$ln={_LN},r={_R},p={_P}${_encoded(salt)}${_encoded(_scrypt(password, salt, _LN, _R, _P))}"


def _scrypt(password: str, salt: bytes, ln: int, r: int, p: int) -> bytes:
    most = 128 * r * (2**ln + p + 2) * 2
    return hashlib.scrypt(password.encode(), salt=salt, n=2**ln, r=r, p=p, maxmem=most, dklen=_BYTES)


def _read_hash(text: str) -> _Hashed | None:
    found = _HASH.fullmatch(text)
    if found is None:
        return None
    try:
        salt, hashed = (_decoded(found[name]) for name in ("salt", "hash"))
    except binascii.Error:
        return None
    ln, r, p = (int(found[name]) for name in ("ln", "r", "p"))
    return _Hashed(ln=ln, r=r, p=p, salt=salt, hashed=hashed) if len(hashed) == _BYTES and salt else None


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")
