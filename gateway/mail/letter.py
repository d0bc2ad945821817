"""What somebody who registers wrote of themselves: company PIN, name, phone, language (SPEC section 9).

The service of registrations calls `read_letter` for a letter to the registration address and for a reply to the
registration mail, and `without_pins` for whatever of it is stored or shown. Promises: pure; never raises; time grows
with the text, of which the first MAX_CHARACTERS are read; neither name nor phone holds the PIN, a link or an address.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice, takewhile

from gateway.domain.letter_rules import LetterRules
from gateway.domain.post import ParsedMail
from gateway.mail.letter_labels import (
    INTERNATIONAL,
    LEAST_PIN,
    LONGEST_PIN,
    MAX_LINE,
    MOST_VALUES,
    WRAPPING,
    Kind,
    Said,
    Words,
    key,
    labelled,
    run_of,
    words_of,
)
from gateway.mail.token import bare_pin

MOST_PINS = 3
PIN_LETTERS = "34679CDFGHJKMNPQRTVWXY"
"""What a PIN of ours is made of, in three groups of four."""
LONGEST_NAME, LONGEST_PHONE = 200, 40
MAX_CHARACTERS = 100_000
MASK = "••••"

_GAP_WORDS = 6
"""Words that may stand between the word PIN and the PIN."""
_BRACKETS = (("(", ")"), ("[", "]"), ("<", ">"), ("{", "}"))
_OPENING = frozenset("([<{")
_OWN_GROUP = f"[{PIN_LETTERS}{PIN_LETTERS.lower()}]{{4}}"
_OWN_PIN = re.compile(
    r"(?<![^\W_])(?<![^\W_]-)" + r"[ -]{0,5}\n? {0,3}".join([_OWN_GROUP] * 3) + r"(?!-?[^\W_])",
)
_DIALLED = re.compile(r"[+(]{0,2}[0-9][0-9A-Za-z+() ./#*-]{2,}")
_ABBREVIATION = re.compile(r"[^\W\d_]{1,3}\.")
_LINK = re.compile(r"@|://|www\.", re.IGNORECASE)
_MARKDOWN = re.compile(r"[*_`]{1,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What somebody who registers wrote of themselves. `pins` are what may be the company PIN, the likeliest first.

    `name` is "" if it is not said; `phone` has the form that contacts are stored with; `lang` is a language of the
    rules, None where it cannot be told.
    """

    name: str
    phone: str | None
    lang: str | None
    pins: tuple[str, ...] = field(repr=False)


def read_letter(mail: ParsedMail, rules: LetterRules) -> Letter:
    """Read the new text and the subject; where a PIN has a label, only those with one count."""
    words = words_of(rules)
    body, subject = _plain(mail.new_text[:MAX_CHARACTERS]), _plain(mail.subject[:MAX_LINE]).replace("\n", " ")
    text = f"{body}\n\n\n\n{subject}"
    said = labelled(text, words)
    choices = [list(_pins_of(value, words)) for value in said[Kind.PIN]]
    pins = _different([pins[0] for pins in choices if pins] + [pin for pins in choices for pin in pins[1:]])
    dialled = [key(_phone(value, words) or "") for value in said[Kind.PHONE]]
    loose = (pin for pin in _loose_pins(text, words) if not any(phone.startswith(key(pin)) for phone in dialled))
    pins = pins or _different(loose)
    phones = [*said[Kind.PHONE], *_loose_phones(without_pins(text, pins), words)]
    names = [*_names(said), mail.sender_name[:MAX_LINE]]
    return Letter(
        name=_first(_name(without_pins(name, pins), words) for name in names) or "",
        phone=_first(_phone(without_pins(phone, pins), words) for phone in phones),
        lang=_told_lang(mail, words) or _spoken_lang(f"{body[:20_000]}\n{subject}", words),
        pins=pins,
    )


def without_pins(text: str, pins: tuple[str, ...]) -> str:
    """The text with every occurrence of a PIN masked, however it is spaced, dashed, cased or broken by marks.

    For subjects, names and reasons, which are short. A PIN that has the letters of the mask is none.
    """
    bare = [folded for pin in pins if (folded := _fold(pin)) and MASK[0] not in folded]
    whole = _fold(text)
    if not any(pin in whole for pin in bare):
        return text
    places = [place for place, character in enumerate(text) for _ in _fold(character)]
    spans: list[tuple[int, int]] = []
    for pin in bare:
        at = whole.find(pin)
        while at >= 0:
            start, end = places[at], places[at + len(pin) - 1] + 1
            if spans and spans[-1][0] <= start < spans[-1][1]:
                start = spans.pop()[0]
            spans.append((start, end))
            at = whole.find(pin, at + 1)
    parts, done = [], 0
    for start, end in _merged(spans):
        parts += [text[done:start], MASK]
        done = end
    return "".join([*parts, text[done:]])


def _merged(spans: list[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    start, end = min(spans)
    for begin, stop in sorted(spans):
        if begin > end:
            yield start, end
            start, end = begin, stop
        end = max(end, stop)
    yield start, end


class _Characters(dict[int, str]):
    """A table for `str.translate` that is worked out as characters come."""

    def __init__(self, change: Callable[[str], str]) -> None:
        self._change = change

    def __missing__(self, code: int) -> str:
        """Changed now, and kept unless there are many: any script fits, and a hostile mail brings all of them."""
        changed = self._change(chr(code))
        if len(self) < 5_000:
            self[code] = changed
        return changed


def _plain_character(character: str) -> str:
    if character in "\n\t":
        return character
    if "\uff01" <= character <= "\uff5e" or "\ufe50" <= character <= "\ufe6f":  # wide and small forms of ASCII
        character = unicodedata.normalize("NFKC", character)
    kind = unicodedata.category(character[:1])
    if kind == "Pd" or character == "\u2212":
        return "-"
    if kind == "Zs":
        return " "
    if kind in {"Zl", "Zp"} or character in "\x0b\x0c\x85":
        return "\n"
    return character if character.isprintable() else ""


def _folded_character(character: str) -> str:
    plain = _plain_character(character)
    return "" if plain in {"-", " ", "\n", "\t"} else unicodedata.normalize("NFD", plain).casefold()


_PLAIN = _Characters(_plain_character)
_FOLD = _Characters(_folded_character)


def _plain(text: str) -> str:
    """Text with one kind of blank, dash and line end, and nothing that is not seen."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", lines.translate(_PLAIN))


def _fold(text: str) -> str:
    """What counts of a PIN, character by character, so that a part of a text is a part of its fold."""
    return text.casefold().translate(_FOLD)


def _pins_of(value: str, words: Words) -> Iterable[str]:
    """What may be the PIN of a value that has its label: ours, the whole, or what it begins with."""
    if own := list(islice(_own_pins(value), MOST_PINS)):
        return own
    whole = _unbracketed(value.strip(WRAPPING + "."))
    head = re.split(r"[,;(]", whole, maxsplit=1)[0].strip(WRAPPING + ".")
    if key(whole) in words.empty or key(head) in words.empty:
        return ()
    found = [" ".join(one.split())[:LONGEST_PIN].rstrip() for one in (head, whole, run_of(whole.split()) or "")]
    return [pin for pin in found if _is_pin(pin, words)]


def _unbracketed(value: str) -> str:
    """A value in brackets without them if it has a digit; otherwise they say what is to be filled in."""
    for opening, closing in _BRACKETS:
        if value.startswith(opening) and value.endswith(closing):
            return value[1:-1].strip(WRAPPING + ".") if any(map(str.isdigit, value)) else ""
    return value


def _is_pin(pin: str, words: Words) -> bool:
    folded = _fold(pin)
    if len(bare_pin(pin)) < LEAST_PIN or MASK[0] in folded or not any(map(str.isalnum, folded)):
        return False
    if any(map(str.isdigit, folded)):
        return not (pin.startswith("+") and INTERNATIONAL.fullmatch(pin))
    return len(set(folded)) > 1 and not words.pin_word.search(pin)


def _own_pins(text: str) -> Iterable[str]:
    """PINs of our own making, wherever they stand; figures alone are a phone number, one letter is a form."""
    for found in _OWN_PIN.finditer(text):
        if not _fold(found[0]).isdigit() and len(set(_fold(found[0]))) > 1:
            yield " ".join(found[0].split())


def _loose_pins(text: str, words: Words) -> Iterable[str]:
    """PINs without a label: of our own making, then what stands behind the word PIN and looks like one."""
    yield from islice(_own_pins(text), MOST_PINS)
    for word in islice(words.pin_word.finditer(text), MOST_VALUES):
        rest = text[word.end() : word.end() + 200]
        first, blank, _ = rest.partition("\n\n")
        parts = (rest if first.rstrip().endswith(":") and blank else first).split()
        for place, part in enumerate(parts[: _GAP_WORDS + 1]):
            if pin := run_of(parts[place:]):
                yield pin
                break
            is_last = (part[-1:] in ".;!?" and not _ABBREVIATION.fullmatch(part)) or (
                part[-1:] == "," and not run_of(parts[place + 1 :])
            )
            if is_last or any(map(str.isdigit, part)) or "@" in part or key(part) in words.kinds:
                break


def _different(pins: Iterable[str]) -> tuple[str, ...]:
    """The first few PINs that are not the same but for case, blanks and dashes."""
    found: dict[str, str] = {}
    for pin in pins:
        found.setdefault(_fold(pin), pin)
    return tuple(islice(found.values(), MOST_PINS))


def _first(values: Iterable[str | None]) -> str | None:
    return next(filter(None, values), None)


def _names(said: Said) -> Iterable[str]:
    """The names that were said; a family name beside a given one is half of it."""
    given, family = (said[kind][:1] for kind in (Kind.GIVEN, Kind.FAMILY))
    whole = said[Kind.NAME]
    if given and (family or whole[:1]) and given[0] not in "".join(whole[:1]):
        return [f"{given[0]} {(family or whole)[0]}", *whole]
    return [*whole, *given, *family]


def _name(raw: str, words: Words) -> str:
    """A name as it may be printed in mails to others: one line, no link, no address, no number; "" if it is none."""
    name = " ".join(_MARKDOWN.sub("", _plain(raw)).split()).strip(WRAPPING)
    if name[:1] in _OPENING or _LINK.search(name) or key(name) in words.empty:
        return ""
    name = _OWN_PIN.split(name, maxsplit=1)[0].partition(MASK[0])[0]
    name = re.split(r"[ ,;|(/]+\+?[0-9]", name, maxsplit=1)[0]
    parts = takewhile(lambda part: key(part) not in words.kinds, re.split(r" ?[,;|] ?", name))
    # Mail programs make a link of "evil.example".
    name = re.sub(r"(?<=[^\W_])\.(?=[^\W_])", ". ", ", ".join(parts))[:LONGEST_NAME]
    name = _without_last_label(name.rstrip(WRAPPING + "(-/"), words)
    name = name if len(name.rpartition(" ")[2]) <= len("Jun.") else name.rstrip(".")
    return name if any(map(str.isalpha, name)) and not _LINK.search(name) else ""


def _without_last_label(text: str, words: Words) -> str:
    """A value without the label of another one that was cut off."""
    rest, _, last = text.rpartition(" ")
    return rest.rstrip(WRAPPING) if key(last) in words.kinds else text


def _phone(value: str, words: Words) -> str | None:
    """A phone number as contacts are stored with it, with the words of an extension; None if there is none."""
    found = _DIALLED.search(value)
    if found is None:
        return None
    number = re.split(r"\.(?=[A-Za-z])| (?=\w+\.[A-Za-z])", found[0], maxsplit=1)[0]  # no links
    number = number if "(" in number else number.partition(")")[0]
    if len(number) > LONGEST_PHONE or number.count("(") != number.count(")"):
        number = re.split(r"[A-Za-z]|\([^)]*$", number, maxsplit=1)[0][:LONGEST_PHONE]
    number = _without_last_label(number.strip(" ./*#-"), words)
    return number if sum(map(str.isdigit, number)) >= 3 else None


def _loose_phones(text: str, words: Words) -> Iterable[str]:
    """Numbers without a label that name their country, but those of a fax."""
    for found in islice(INTERNATIONAL.finditer(text), MOST_VALUES):
        before = re.findall(r"[^\W\d_]+", text[max(0, found.start() - 20) : found.start()])
        is_fax = bool(before) and words.kinds.get(key(before[-1])) is Kind.FAX
        if not is_fax and 7 <= sum(map(str.isdigit, found[0])) <= 15:
            yield found[0]


def _told_lang(mail: ParsedMail, words: Words) -> str | None:
    """The first language of ours that the header names (RFC 3282)."""
    values = (*mail.values("content-language"), *mail.values("accept-language"))
    for tag in re.split(r"[,\s]+", ",".join(values)[:MAX_LINE].casefold()):
        bare = tag.partition(";")[0]
        for known in (bare, bare.partition("-")[0]):
            if known in words.langs:
                return known
    return None


def _spoken_lang(text: str, words: Words) -> str | None:
    """The language whose words are twice as many as those of the next one, and two at least."""
    known = (words.lang_of.get(word) for word in re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.casefold()))
    best = Counter(lang for lang in known if lang).most_common(2)
    if not best or best[0][1] < 2 or (len(best) > 1 and best[0][1] < 2 * best[1][1]):
        return None
    return best[0][0]
