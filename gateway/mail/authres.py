"""The grammar of Authentication-Results (RFC 8601 section 2.2), read in one pass from left to right.

Called by `auth` only. Promises: never raises, takes time linear in the length, and believes nothing: a field
that does not follow the grammar from its first to its last character has no results at all. Two liberties are
taken because real servers take them and nobody gains by them: a semicolon may end the field, and an unquoted
property value may hold any visible character but those that end it.

The value has to be the field as it came, only unfolded: RFC 2047 words are not decoded, since what a sender
wrote into his address would otherwise turn into semicolons and quotes.
"""

import re
from dataclasses import dataclass

_BLANKS = re.compile(r"[ \t\r\n]*+")
_COMMENT_TEXT = re.compile(r"(?:[^()\\]|\\.)*+", re.DOTALL)
_TOKEN = re.compile(r"[^\x00-\x20\x7f()<>@,;:\\\"/\[\]?=]++")  # RFC 2045 §5.1, with the UTF-8 of RFC 8601 §5
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*+)"')
_QUOTED_PAIR = re.compile(r"\\(.)")
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*+")
_DIGITS = re.compile(r"[0-9]++")
_PLAIN_VALUE = re.compile(r'[^\x00-\x20\x7f();"]*+')
_DOMAIN_PART = re.compile(r'@[^\x00-\x20\x7f();"]++')


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one method came to, `dkim=pass`; names in lower case, values as written but unquoted."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...] = ()

    def one(self, name: str) -> str | None:
        """The value of a property such as `header.from`; None if it is not there exactly once."""
        found = [value for key, value in self.properties if key == name]
        return found[0] if len(found) == 1 else None

    def __str__(self) -> str:
        return f"{self.method}={self.result}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationResults:
    """One field: who speaks, and what was found; `results` is None where the rest cannot be read."""

    authserv_id: str
    results: tuple[Result, ...] | None


class _MalformedError(ValueError):
    """The text leaves the grammar here."""


def read_field(value: str) -> AuthenticationResults | None:
    """Read one Authentication-Results value; None where not even the authserv-id can be read."""
    scan = _Scan(value)
    try:
        scan.skip()
        authserv_id = scan.value()
    except _MalformedError:
        return None
    try:
        return AuthenticationResults(authserv_id=authserv_id, results=_read_results(scan))
    except _MalformedError:
        return AuthenticationResults(authserv_id=authserv_id, results=None)


def _read_results(scan: "_Scan") -> tuple[Result, ...]:
    scan.boundary()
    scan.take(_DIGITS)  # authres-version
    scan.skip()
    results: list[Result] = []
    while not scan.at_end():
        scan.need(";")
        scan.skip()
        if results and scan.at_end():
            break
        method = scan.keyword()
        scan.skip()
        if method == "none" and not results and scan.at_end():
            return ()
        results.append(_read_result(scan, method))
    if not results:
        raise _MalformedError
    return tuple(results)


def _read_result(scan: "_Scan", method: str) -> Result:
    if scan.found("/"):
        scan.skip()
        if scan.take(_DIGITS) is None:
            raise _MalformedError
        scan.skip()
    scan.need("=")
    scan.skip()
    result = scan.keyword()
    scan.boundary()
    properties: list[tuple[str, str]] = []
    while not scan.at_end() and not scan.sees(";"):
        name = scan.keyword()
        scan.skip()
        if scan.found("."):
            scan.skip()
            name = f"{name}.{scan.keyword()}"
            scan.skip()
        elif name != "reason" or properties:
            raise _MalformedError
        scan.need("=")
        scan.skip()
        properties.append((name, scan.property_value()))
        scan.boundary()
    return Result(method=method, result=result, properties=tuple(properties))


class _Scan:
    """A place in the text that only moves forward."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def at_end(self) -> bool:
        return self._at == len(self._text)

    def sees(self, mark: str) -> bool:
        return self._text.startswith(mark, self._at)

    def found(self, mark: str) -> bool:
        """Step over the mark, if it stands here."""
        if not self.sees(mark):
            return False
        self._at += len(mark)
        return True

    def need(self, mark: str) -> None:
        if not self.found(mark):
            raise _MalformedError

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return match

    def keyword(self) -> str:
        word = self.take(_KEYWORD)
        if word is None:
            raise _MalformedError
        return word[0].lower()

    def quoted(self) -> str | None:
        match = self.take(_QUOTED)
        return None if match is None else _QUOTED_PAIR.sub(r"\1", match[1])

    def value(self) -> str:
        """A token or a quoted string (RFC 2045 section 5.1)."""
        text = self.quoted()
        if text is not None:
            return text
        token = self.take(_TOKEN)
        if token is None:
            raise _MalformedError
        return token[0]

    def property_value(self) -> str:
        """A pvalue: a value, or an address whose local part may be quoted; servers leave it empty for `<>`."""
        text = self.quoted()
        if text is not None:
            domain = self.take(_DOMAIN_PART)
            return text + domain[0] if domain else text
        plain = self.take(_PLAIN_VALUE)
        return plain[0] if plain else ""

    def boundary(self) -> None:
        """Step over blanks and comments, of which something must be here, unless the part or the field ends."""
        before = self._at
        self.skip()
        if self._at == before and not self.at_end() and not self.sees(";"):
            raise _MalformedError

    def skip(self) -> None:
        """Step over blanks and comments, which nest (RFC 5322 section 3.2.2)."""
        self.take(_BLANKS)
        while self.found("("):
            depth = 1
            while depth:
                self.take(_COMMENT_TEXT)
                if self.found("("):
                    depth += 1
                elif self.found(")"):
                    depth -= 1
                else:
                    raise _MalformedError
            self.take(_BLANKS)
