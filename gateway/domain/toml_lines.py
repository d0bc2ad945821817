"""TOML with line numbers: tomllib reads the values, this says where each of them stands.

`config` and `domain.rulebook` use it so that every problem names file, line and key, and a likely
spelling. A `Table` is read key by key; what is wrong is noted on its `Page`, and reading goes on, so that
one run shows all problems.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

Where = tuple[str | int, ...]
"""The way to a value: keys, and places in lists, such as `("transition", 3, "to")`."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r"""\"{3}(?:[^\\]|\\.)*?\"{3,5}(?!\")|'{3}.*?'{3,5}(?!')|"(?:[^"\\]|\\.)*"|'[^']*'""",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]*")
_PLACE_IN_ERROR = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class _Scan:
    """Walks over text that tomllib has accepted, and notes the place of every key, table and element."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Where, int] = {}
        self._sizes: dict[Where, int] = {}

    def run(self) -> dict[Where, int]:
        """The line of every way."""
        table: Where = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self.found

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if found := pattern.match(self.text, self.at):
            self.at = found.end()

    def _note(self, where: Where) -> None:
        self.found.setdefault(where, self.text.count("\n", 0, self.at) + 1)

    def _key(self) -> list[str]:
        """A dotted key; ends behind the blanks that follow it."""
        parts = []
        while found := _KEY.match(self.text, self.at):
            word = found[0]
            parts.append(tomllib.loads(f"word = {word}")["word"] if word[0] in "\"'" else word)
            self.at = found.end()
            self._skip(_SPACE)
            if not self.text.startswith(".", self.at):
                break
            self.at += 1
            self._skip(_SPACE)
        return parts

    def _header(self) -> Where:
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        start, self.at = self.at, self.at + brackets
        self._skip(_SPACE)
        parts = self._key()
        end, self.at = self.at + brackets, start
        where: Where = ()
        for place, part in enumerate(parts, 1):
            where = (*where, part)
            self._note(where)
            is_new = brackets == 2 and place == len(parts)
            if is_new:
                self._sizes[where] = self._sizes.get(where, 0) + 1
            if where in self._sizes:
                where = (*where, self._sizes[where] - 1)
                self._note(where)
        self.at = end
        return where

    def _pair(self, table: Where) -> None:
        start = self.at
        parts = self._key()
        equals, self.at = self.at, start
        for place in range(1, len(parts) + 1):
            self._note((*table, *parts[:place]))
        self.at = equals + 1
        self._skip(_SPACE)
        self._value((*table, *parts))

    def _value(self, where: Where) -> None:
        self._note(where)
        opening = self.text[self.at : self.at + 1]
        if opening in {"[", "{"}:
            self._elements(where, in_list=opening == "[")
        else:
            self._skip(_STRING if opening in {'"', "'"} else _SCALAR)

    def _elements(self, where: Where, *, in_list: bool) -> None:
        """The inside of a list or an inline table, up to and with its closing bracket."""
        self.at += 1
        self._skip(_BLANK)
        place = 0
        while self.text[self.at] not in "]}":
            if in_list:
                self._value((*where, place))
            else:
                self._pair(where)
            place += 1
            self._skip(_BLANK)
            if self.text[self.at] == ",":
                self.at += 1
            self._skip(_BLANK)
        self.at += 1


def find_lines(text: str) -> dict[Where, int]:
    """The line, from 1, of every key, table and list element of TOML that tomllib accepts."""
    return _Scan(text).run()


def suggest(word: str, known: Collection[str]) -> str:
    """How to mend an unknown word: the one that was probably meant, else all there are."""
    import difflib

    if near := difflib.get_close_matches(word, sorted(known), n=1):
        return f"did you mean {near[0]}?"
    return f"possible: {', '.join(sorted(known))}"


def label(where: Where) -> str:
    """A way as people write it: `[smtp] port`, `[[transition]] to`, `initial`."""
    while len(where) > 1 and isinstance(where[-1], int):
        where = where[:-1]
    section = ".".join(part for part in where[:-1] if isinstance(part, str))
    if not section:
        return str(where[-1])
    is_list = any(isinstance(part, int) for part in where[:-1])
    return f"[[{section}]] {where[-1]}" if is_list else f"[{section}] {where[-1]}"


class Page:
    """One TOML file: its values, and what was found wrong with them. One that is no TOML is empty, and says only that."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._text = text
        self._lines: dict[Where, int] | None = None
        self._complaints: list[tuple[int, str]] = []
        self._is_toml = True
        self.data: Mapping[str, Any] = {}
        try:
            self.data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            self._is_toml = False
            place = _PLACE_IN_ERROR.search(str(error))
            line = int(place[1]) if place and place[1] else text.count("\n") + 1
            self._complaints.append((line, f"{path}:{line}: not TOML: {_PLACE_IN_ERROR.sub('', str(error))}"))

    def line(self, where: Where) -> int | None:
        """The line of a value, or of the table it would stand in; None if nothing of it is in the file."""
        if self._lines is None:
            self._lines = find_lines(self._text)
        while where:
            if where in self._lines:
                return self._lines[where]
            where = where[:-1]
        return None

    def problem(self, where: Where, text: str) -> str:
        """One line for people: file, line, what is wrong."""
        line = self.line(where)
        return f"{self.path}:{line}: {text}" if line else f"{self.path}: {text}"

    def complain(self, where: Where, text: str) -> None:
        """Note that something is wrong with a value; what is missing at the top is so from line 1."""
        if self._is_toml:
            line = self.line(where) or 1
            self._complaints.append((line, f"{self.path}:{line}: {label(where)}: {text}"))

    @property
    def problems(self) -> tuple[str, ...]:
        """All complaints, in the order of the file."""
        return tuple(dict.fromkeys(text for _, text in sorted(self._complaints, key=lambda complaint: complaint[0])))


class Table:
    """One table of a page, read key by key. A wrong or missing value is complained about, and read as empty."""

    def __init__(self, page: Page, where: Where, data: Mapping[str, Any]) -> None:
        self.page = page
        self.where = where
        self._data = data

    @classmethod
    def top(cls, page: Page) -> "Table":
        """The table that is the whole page."""
        return cls(page, (), page.data)

    def complain(self, key: str, text: str) -> None:
        """Note that something is wrong with the value of a key."""
        self.page.complain((*self.where, key), text)

    def line(self, key: str) -> int | None:
        """Where a key stands."""
        return self.page.line((*self.where, key))

    def only(self, *keys: str) -> None:
        """Complain about every key that is none of these."""
        for key in self._data.keys() - set(keys):
            self.complain(key, f"unknown key; {suggest(key, keys)}")

    def text(self, key: str, known: Collection[str] | None = None) -> str:
        """Text that must be there; one of `known`, if given."""
        if key not in self._data:
            self.complain(key, "missing")
        return self.text_or_none(key, known) or ""

    def text_or_none(self, key: str, known: Collection[str] | None = None) -> str | None:
        """Text that may be absent."""
        value = self._data.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            self.complain(key, 'must be text in quotes, such as "…"')
            return None
        return value if self._is_known((*self.where, key), value, known) else None

    def texts(
        self, key: str, known: Collection[str] | None = None, *, empty: str = "must name at least one"
    ) -> tuple[str, ...]:
        """A list of at least one text, none twice if they are names; an `empty` one is complained about so."""
        value = self._data.get(key)
        if not value:
            self.complain(key, "missing" if value is None else empty)
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            self.complain(key, 'must be a list of texts, such as ["…", "…"]')
            return ()
        for place, item in enumerate(value):
            if known is not None and item in value[:place]:
                self.page.complain((*self.where, key, place), f'"{item}" is named twice')
        right = [item for n, item in enumerate(value) if self._is_known((*self.where, key, n), item, known)]
        return tuple(dict.fromkeys(right))

    def flag(self, key: str) -> bool:
        """True or false; absent is false."""
        value = self._data.get(key, False)
        if not isinstance(value, bool):
            self.complain(key, "must be true or false")
        return value is True

    def number_or_none(self, key: str) -> int | None:
        """A whole number from 1, which may be absent."""
        value = self._data.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
            return value
        self.complain(key, "must be a whole number, at least 1")
        return None

    def value(self, key: str) -> Any:
        """What stands there, for kinds that only one file has; None if nothing does."""
        return self._data.get(key)

    def table(self, key: str) -> "Table":
        """A table within, `[key]`."""
        value = self._data.get(key)
        if not isinstance(value, dict):
            self.complain(key, f"missing; it is a table, [{key}]" if value is None else f"must be a table, [{key}]")
            value = None
        return Table(self.page, (*self.where, key), value or {})

    def tables(self, key: str) -> tuple["Table", ...]:
        """Tables within, each `[[key]]`; at least one."""
        value = self._data.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            names = ".".join(str(part) for part in (*self.where, key))
            self.complain(key, f"must be tables, each [[{names}]]")
            return ()
        return tuple(Table(self.page, (*self.where, key, place), item) for place, item in enumerate(value))

    def has(self, key: str) -> bool:
        """True if the key is there."""
        return key in self._data

    def _is_known(self, where: Where, value: str, known: Collection[str] | None) -> bool:
        if known is None or value in known:
            return True
        self.page.complain(where, f'unknown name "{value}"; {suggest(value, known)}')
        return False


def unique_names(tables: Iterable[Table], key: str = "name") -> tuple[str, ...]:
    """The `name` (or another key) of each of these tables; complains about one that comes again."""
    lines: dict[str, int | None] = {}
    for table in tables:
        name = table.text(key)
        if name and name in lines:
            table.complain(key, f'"{name}" stands already in line {lines[name]}')
        lines.setdefault(name, table.line(key))
    return tuple(name for name in lines if name)
