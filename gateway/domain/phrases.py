"""Sentences of ours that reach a mail in the reader's language (docs/decisions/0022).

Code writes them in English: `Phrase("case {number} is closed", number=1042)`. A Phrase is that English text, so the
terminal, JSON and logs show it as it is; it also remembers what it was made of. `mail.sandbox` says it in the language
of the mail that it stands in, by that language's `phrases.toml`. What people wrote is only ever a value, never a phrase.
"""

import re
from collections.abc import Mapping
from typing import Any, Self

PLACE = re.compile(r"\{([a-z_]+)\}")
"""Where a value goes."""

Value = str | int | tuple[str, ...]
"""What can be said in a phrase: text, a number, or a list, which is told with commas; each text may be a Phrase."""


class Phrase(str):
    """A text of ours. As a string it is the English one; `said` gives it in another language."""

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, Value]

    def __new__(cls, template: str, /, **values: Value) -> Self:
        """Fill the values into the places named in the template; a place without a value stays as it stands."""
        phrase = super().__new__(cls, _filled(template, values, {}))
        phrase.template, phrase.values = template, values
        return phrase

    def given(self, **values: Value) -> "Phrase":
        """The same phrase with more values."""
        return Phrase(self.template, **{**self.values, **values})

    def said(self, phrases: Mapping[str, str]) -> str:
        """In the language of these phrases, with every phrase among its values; in English what they do not know."""
        return _filled(phrases.get(self.template, self.template), self.values, phrases)

    def as_json(self) -> dict[str, Any]:
        """What `from_json` makes a phrase of."""
        values = {name: _to_json(value) for name, value in self.values.items()}
        return {"text": self.template, "values": values}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Phrase":
        """The phrase that `as_json` wrote."""
        return cls(data["text"], **{name: _from_json(value) for name, value in data["values"].items()})


def say(value: str, phrases: Mapping[str, str]) -> str:
    """A text as its reader gets it: a Phrase in their language, anything else as it is."""
    return value.said(phrases) if isinstance(value, Phrase) else value


def places(template: str) -> frozenset[str]:
    """The names of the values that a phrase takes."""
    return frozenset(PLACE.findall(template))


def _filled(template: str, values: Mapping[str, Value], phrases: Mapping[str, str]) -> str:
    """The template with its values. What a value itself holds is not looked through again."""

    def value(found: re.Match[str]) -> str:
        return _shown(values[found[1]], phrases) if found[1] in values else found[0]

    return PLACE.sub(value, template)


def _shown(value: Value, phrases: Mapping[str, str]) -> str:
    if isinstance(value, tuple):
        return ", ".join(say(one, phrases) for one in value)
    return str(say(value, phrases)) if isinstance(value, str) else str(value)


def _to_json(value: Value) -> Any:
    if isinstance(value, tuple):
        return [_to_json(one) for one in value]
    return value.as_json() if isinstance(value, Phrase) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_from_json(one) for one in value)
    return Phrase.from_json(value) if isinstance(value, Mapping) else value
