"""Tells a reply that is only thanks ("Thank you, works now") from one that says or asks more (SPEC section 5.3).

Called by `ladder` with the new text of a reply. The words are data (`rules/thanks.toml`), no whole
sentences. Promises: pure; linear in the text, and text longer than a short note is never only thanks; one word, sign
or mark that the data does not know, and it is not only thanks. In doubt it is not: to reopen a case for a thank-you
is a nuisance, to leave one closed on a customer with a problem is worse.

Text is cut into clauses, a clause into the longest expressions of one language, and each clause must say something
good by itself: "Problem solved" may stand beside thanks, "Problem again" may not.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Flag, auto
from functools import lru_cache
from itertools import product

from gateway.domain.mail_rules import ThanksLanguage, ThanksRules

MAX_CHARACTERS = 500
"""Characters of a text that may be only thanks."""
MAX_WORDS = 40
"""Words of such a text."""
MAX_NAME_WORDS = 4
"""Words of the name in a greeting or on a line of a signature."""
MAX_SIGNATURE_LINES = 2
"""Lines of an unknown name below a closing."""
WRAPPED_LINE = 50
"""Characters of a line that may have been broken by the mail program and not by its writer."""

_BREAKS = frozenset(".,!¡;:…/–—-·•|")  # noqa: RUF001  # the marks of people and of their keyboards
_BLANKS = frozenset("'’‘`´\"„“”«»‹›*_&+")  # noqa: RUF001  # as above
_INVISIBLE = dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFE0F, 0xFEFF, *range(0x1F3FB, 0x1F400)))
"""Joiners, and what colours an emoji."""
_BEYOND_MARKS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe"})
"""Letters that are no base letter with a mark, as people without the key write them."""
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_WORD = re.compile(r"[^\W\d_]+")
_STRETCHED = re.compile(r"(\w)\1{2,}")


class _Says(Flag):
    """What an expression says, by the list it stands in."""

    THANKS = auto()
    WORKS = auto()
    SOLVED = auto()
    PRAISE = auto()
    YES = auto()
    HELP = auto()
    LINK = auto()
    THING = auto()
    TROUBLE = auto()
    FILLER = auto()
    GREETING = auto()
    CLOSING = auto()
    NEVER = auto()
    DELIGHT = auto()


_NOTHING = _Says(0)
_GOOD_NEWS = _Says.WORKS | _Says.SOLVED
_GRATITUDE = _Says.THANKS | _Says.PRAISE | _GOOD_NEWS
_ANCHOR = _GRATITUDE | _Says.YES | _Says.GREETING | _Says.CLOSING


@dataclass(frozen=True, slots=True)
class _Word:
    """A word as the vocabulary has it, and whether it is written like a name."""

    text: str
    is_capital: bool


@dataclass(frozen=True, slots=True)
class _Clause:
    """Words between two marks; `addressed`: a comma and the end of the line follow, as above a name."""

    words: tuple[_Word, ...]
    addressed: bool


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """The expressions of one language, ready for looking up."""

    says: dict[tuple[str, ...], _Says]
    longest: int
    capital_nouns: bool


@dataclass(frozen=True, slots=True)
class _Words:
    """ThanksRules made ready for looking up."""

    signs: tuple[str, ...]
    titles: frozenset[str]
    particles: frozenset[str]
    never: frozenset[str]
    vocabularies: tuple[_Vocabulary, ...]


def is_only_thanks(new_text: str, rules: ThanksRules, names: tuple[str, ...] = ()) -> bool:
    """True if the text thanks or says that all is well, and nothing else (SPEC section 5.3).

    `names` are the sender's, as `Ann Example`; they may stand where a signature or an address would.
    """
    text = new_text.strip()
    if not text or len(text) > MAX_CHARACTERS:
        return False
    words = _words(rules)
    clauses = _read(text, words)
    if clauses is None or sum(len(clause.words) for clause in clauses) > MAX_WORDS:
        return False
    if not clauses:
        return any(text.startswith(sign) for sign in words.signs)
    known = frozenset(fold(word) for name in names for word in _WORD.findall(name)) - words.never
    return any(_Reader(vocabulary, words, known).accepts(clauses) for vocabulary in words.vocabularies)


def fold(word: str) -> str:
    """A word without letter case and diacritics: `Grüße` is `grusse`."""
    bare = unicodedata.normalize("NFKD", word.casefold().translate(_BEYOND_MARKS))
    return "".join(letter for letter in bare if not unicodedata.combining(letter))


def _read(text: str, words: _Words) -> list[_Clause] | None:
    """The clauses of a text; None if it holds anything but words, harmless marks and signs of joy."""
    clauses: list[_Clause] = []
    current: list[_Word] = []
    text = unicodedata.normalize("NFC", text.translate(_INVISIBLE)).replace("\r", "")
    at = line_start = 0
    while at < len(text):
        mark = text[at]
        if sign := next((sign for sign in words.signs if text.startswith(sign, at)), ""):
            at += len(sign)
            is_break = True
        elif found := _WORD.match(text, at):
            current.append(_Word(_STRETCHED.sub(r"\1", fold(found[0])), _is_capital(found[0])))
            at = found.end()
            continue
        elif mark in _BREAKS or mark in _BLANKS or mark.isspace():
            is_break = _is_break(text, at, line_start, current, words)
            at += 1
            line_start = at if mark == "\n" else line_start
        else:
            return None
        if is_break and current:
            clauses.append(_Clause(tuple(current), bool(re.match(r",[ \t]*\n", text[at - 1 : at + 8]))))
            current = []
    return [*clauses, _Clause(tuple(current), addressed=False)] if current else clauses


def _is_break(text: str, at: int, line_start: int, current: Sequence[_Word], words: _Words) -> bool:
    """True if the mark at this place ends a clause."""
    mark = text[at]
    if mark == "\n":
        return at - line_start < WRAPPED_LINE or text[at + 1 : at + 2] == "\n"
    if mark == "-":
        return not (text[at - 1 : at].isalpha() and text[at + 1 : at + 2].isalpha())
    if mark == ".":
        return not (current and (current[-1].text in words.titles or len(current[-1].text) == 1))
    return mark in _BREAKS


def _is_capital(word: str) -> bool:
    """True for `Ann`, `McCoy` and `AE`; a long word in capitals is shouted."""
    return word[0].isupper() and (len(word) <= 3 or not word.isupper())


class _Reader:
    """Reads clauses with the eyes of one language."""

    def __init__(self, vocabulary: _Vocabulary, words: _Words, known: frozenset[str]) -> None:
        self._vocabulary = vocabulary
        self._words = words
        self._known = known

    def accepts(self, clauses: Sequence[_Clause]) -> bool:
        """True if every clause is friendly, and one of them thanks, tells that it works, or is delighted."""
        said, before = _NOTHING, _NOTHING
        for place, clause in enumerate(clauses):
            if place and self._is_signature(clauses[place:], before, addressed=clauses[place - 1].addressed):
                break
            if _Says.THANKS in before and self._is_addressed(clause.words):
                continue
            parts = self._cut(clause.words)
            if parts is None:
                return False
            parts = self._without_name(clause.words, parts, is_first=place == 0, is_last=place == len(clauses) - 1)
            if parts and not _is_friendly(parts):
                return False
            for part in parts:
                said |= part
            before = parts[-1] if parts else _NOTHING
        # "Yes, thanks" may accept an offer; "Yes, works, thanks" does not.
        return bool(said & (_GOOD_NEWS if _Says.YES in said else _Says.THANKS | _GOOD_NEWS | _Says.DELIGHT))

    def _cut(self, words: Sequence[_Word]) -> list[_Says] | None:
        """What the longest expressions say, one after the other; `_NOTHING` for an unknown word, None for a refused."""
        parts: list[_Says] = []
        at = 0
        while at < len(words):
            for size in range(min(self._vocabulary.longest, len(words) - at), 0, -1):
                key = tuple(word.text for word in words[at : at + size])
                if says := self._vocabulary.says.get(key):
                    break
            else:
                says, size = _NOTHING, 1
            if _Says.NEVER in says:
                return None
            parts.append(says)
            at += size
        return parts

    def _without_name(
        self, words: Sequence[_Word], parts: list[_Says], *, is_first: bool, is_last: bool
    ) -> list[_Says]:
        """The parts without a name at the end, where a name may stand."""
        size = 0
        while size < len(parts) and not parts[-1 - size]:
            size += 1
        if not size:
            return parts
        name, rest = words[-size:], parts[:-size]
        before = rest[-1] if rest else _NOTHING
        may_be_strange = (
            (is_first and _Says.GREETING in before and size <= MAX_NAME_WORDS)
            or (is_last and _Says.CLOSING in before and size <= MAX_NAME_WORDS and self._is_sender(name))
            or (_Says.THANKS in before and size == 1 and not self._vocabulary.capital_nouns)
        )
        if all(word.text in self._known for word in name) or (may_be_strange and self._is_name(name)):
            return rest
        return parts

    def _is_name(self, words: Sequence[_Word]) -> bool:
        """True for words that are written like a person's name and are not known to be anything else."""
        return all(
            word.text in self._known
            or word.text in self._words.titles | self._words.particles
            or self._is_strange(word)
            for word in words
        ) and any(word.is_capital for word in words)

    def _is_strange(self, word: _Word) -> bool:
        says = self._vocabulary.says.get((word.text,), _NOTHING)
        return word.is_capital and word.text not in self._words.never and not says & (_Says.THING | _Says.TROUBLE)

    def _is_signature(self, clauses: Sequence[_Clause], before: _Says, *, addressed: bool) -> bool:
        """True if all that is left is a name below "Kind regards", or one below "Thanks," at the end of its line."""
        if _Says.CLOSING in before:
            lines, size = MAX_SIGNATURE_LINES, MAX_NAME_WORDS
        elif _Says.THANKS in before and addressed:
            lines, size = 1, 2
        else:
            return False
        if not self._is_sender(clauses[0].words):
            return False
        return len(clauses) <= lines and all(
            len(clause.words) <= size and self._is_name(clause.words) for clause in clauses
        )

    def _is_sender(self, words: Sequence[_Word]) -> bool:
        """True if a name of several words has one that is known: "Cancel Contract" is written like a name, too."""
        names = [word for word in words if word.text not in self._words.titles]
        return len(names) < 2 or any(word.text in self._known for word in names)

    def _is_addressed(self, words: Sequence[_Word]) -> bool:
        """True for "Frau Müller", who is thanked."""
        return 1 < len(words) <= MAX_NAME_WORDS and words[0].text in self._words.titles and self._is_name(words[1:])


def _is_friendly(parts: Sequence[_Says]) -> bool:
    """True if a clause has something good to say, and says nothing that could be a request or a complaint."""
    if not all(parts) or not any(part & _ANCHOR for part in parts):
        return False
    is_good_news, is_solved = any(part & _GOOD_NEWS for part in parts), any(_Says.SOLVED in part for part in parts)
    before = _NOTHING
    for part in parts:
        may = _ANCHOR | _Says.FILLER
        if before & _GRATITUDE:  # "great support", but not "quick support"
            may |= _Says.HELP
        if _Says.HELP in before:  # "help with", but not "works with"
            may |= _Says.LINK
        is_about_help = _Says.HELP in before and _Says.LINK in before
        if is_good_news or is_about_help:  # "printer works", "help with the printer"; not "thanks, printer"
            may |= _Says.THING
        if is_solved or is_about_help:  # "problem solved"; not "problem works again"
            may |= _Says.TROUBLE
        if not part & may:
            return False
        before |= part & may
    return True


@lru_cache(maxsize=4)
def _words(rules: ThanksRules) -> _Words:
    never = {key[0] for language in rules.languages for key in _spellings(language.never) if len(key) == 1}
    return _Words(
        signs=tuple(sorted(rules.signs, key=len, reverse=True)),
        titles=frozenset(map(fold, rules.titles)),
        particles=frozenset(map(fold, rules.particles)),
        never=frozenset(never),
        vocabularies=tuple(_vocabulary(language, rules) for language in rules.languages),
    )


def _vocabulary(language: ThanksLanguage, rules: ThanksRules) -> _Vocabulary:
    says: dict[tuple[str, ...], _Says] = {}
    for kind, expressions in (
        (_Says.THANKS, language.thanks),
        (_Says.WORKS, language.works),
        (_Says.SOLVED, language.solved),
        (_Says.PRAISE, language.praise),
        (_Says.YES, language.yes),
        (_Says.HELP, language.help),
        (_Says.LINK, language.links),
        (_Says.THING, language.things),
        (_Says.TROUBLE, language.troubles),
        (_Says.FILLER, language.fillers),
        (_Says.GREETING, language.greetings),
        (_Says.CLOSING, language.closings + rules.closings),
        (_Says.NEVER, language.never),
        (_Says.DELIGHT | _Says.PRAISE, rules.delights),
    ):
        for key in _spellings(expressions):
            says[key] = says.get(key, _NOTHING) | kind
    return _Vocabulary(says, max(map(len, says), default=0), language.capital_nouns)


def _spellings(expressions: Iterable[str]) -> set[tuple[str, ...]]:
    """Every way to write these expressions: `quick|ly help/reply` is four."""
    return {
        key
        for expression in expressions
        for key in product(*(_forms(word) for word in re.split(r"['’ -]+", expression) if word))  # noqa: RUF001  # both apostrophes
    }


@lru_cache(maxsize=8192)
def _forms(word: str) -> frozenset[str]:
    """The forms of one word of an expression, each also with two letters for an umlaut."""
    forms = set()
    for choice in word.split("/"):
        stem, *endings = choice.split("|")
        forms |= {stem, *(stem + ending for ending in endings)}
    return frozenset(map(fold, forms)) | {fold(form.casefold().translate(_TWO_LETTERS)) for form in forms}
