"""Words by which machines and absence notices give themselves away, in subject and text (SPEC section 7, rung 5).

Called by `automatic`. The words are data (`rules/absence.toml`). Promises: pure; time grows with the text, of which
only the first lines are read. In doubt a person wrote it: what is asked for beside the absence ("I am out of office
next week, please close the case then") is a person's, and so is a subject that goes on after the words of a responder
("Automatic reply does not work").
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise, product

from gateway.domain.mail_rules import AbsenceLanguage
from gateway.mail.thanks import fold

MAX_CHARACTERS = 4_000
"""Characters of a text that are read: whoever says that he is away says it first."""
MAX_SENTENCES = 40
FIRST_SENTENCES = 4
"""So many sentences may stand above the one that says it: a greeting, thanks, a word about oneself."""
MAX_GAP_WORDS = 10
"""Words that `…` in an expression stands for: dates, names, "currently"."""
FEW_WORDS = 3
"""A sentence so short is a name, a greeting or part of a signature."""

_WORD = re.compile(r"[^\W_]+")
_LINK = re.compile(r"(?:https?://|www\.)\S+|[^\s@]{1,64}@\S+")
# Wide marks of East Asian keyboards are made narrow first.
_MARKS = re.compile(r"(?<!\w)[-–—]+|[-–—]+(?!\w)|[|()\[\]{}!.,;:。【】「」『』、<>《》*]+")  # noqa: RUF001  # as people type them
_REPLY_PREFIX = re.compile(r"\s*(?:\[[^\]]*\]\s*)*[^\W\d_]{1,5}\s*(?:\[\d+\]|\(\d+\)|\d+)?\s*:")
_LABEL = re.compile(r"[\w ]{1,30}\s?:\s")
_SENTENCE_END = re.compile(r"(?<=[^\W\d_]{3})[.!]+(?=\s|$)|[!?]+(?=\s|$)|。|(?<=[\u1100-\uffff])[!?]|\n")
_EAST_ASIAN = re.compile(r"[\u1100-\u11ff\u2e80-\ud7ff\uf900-\ufaff]")
_WRAPPED_LINE = 45
"""Characters of a line that a mail program may have broken."""
_PHONE = re.compile(r"(?:\d[\s()/.-]*){7}")


class _Kind(StrEnum):
    """The list in which an expression stands; `AbsenceLanguage` says what each is."""

    REPLIES = "replies"
    ALONE = "alone"
    FOLLOWS = "follows"
    RECEIPTS = "receipts"
    AWAY = "away"
    MACHINE = "machine"
    WHOLE = "whole"
    ASIDES = "asides"
    ASKS = "asks"
    CLOSINGS = "closings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the words of a mail say of who wrote it, each the words found or None.

    `subject`: a responder's words in the subject, which `leads` if it begins with them; `text`: the new text is a
    notice of absence, or says that a machine wrote it; `whole`: nothing but a reaction, a receipt or an answer to an
    invitation.
    """

    subject: str | None = None
    leads: bool = False
    text: str | None = None
    whole: str | None = None


def read_words(subject: str, new_text: str, languages: tuple[AbsenceLanguage, ...]) -> Said:
    """Look at the subject and at what the sender wrote now, in all languages at once."""
    words = _words(languages)
    subject, new_text = (unicodedata.normalize("NFKC", text) for text in (subject, new_text[:MAX_CHARACTERS]))
    notice, whole = _Notice(words), None
    for sentence in _sentences(new_text):
        if not notice.takes(sentence):
            break
    segments = [] if _is_answer(subject, words) else list(_segments(subject))
    first, is_all = segments[0] if segments else "", len(segments) == 1
    receipt = None if is_all else _opening(first, words, _Kind.RECEIPTS)
    if notice.whole or (receipt and notice.is_wordless):
        whole = notice.whole or receipt
    found = [said for segment in segments if (said := _of_responder(segment, words))]
    if (is_all or first.rstrip()[-1:].isdigit()) and (said := _opening(first, words, _Kind.ALONE)):
        found.append(said)
    return Said(
        subject=found[0] if found else None,
        leads=bool(found) and bool(_of_responder(first, words)),
        text=notice.text,
        whole=whole,
    )


class _Notice:
    """Reads a text sentence by sentence, and says in the end whether it is a notice."""

    def __init__(self, words: "_Words") -> None:
        self._words = words
        self._read = self._told = self._bare = self._other = 0
        self._said: str | None = None
        self._whole: str | None = None
        self._is_asking = False

    def takes(self, sentence: str) -> bool:
        """Read one sentence; False when the rest does not matter."""
        plain = _plain(_LINK.sub(" ", sentence))
        whole = self._words.find(_Kind.WHOLE, plain)
        machine = self._words.find(_Kind.MACHINE, plain)
        said = machine or self._words.find(_Kind.AWAY, plain)
        aside = machine or self._words.find(_Kind.ASIDES, plain)
        if not (whole or said or aside) and self._words.find(_Kind.CLOSINGS, plain):
            return False
        is_bare = _is_bare(plain, sentence)
        if not aside and (self._words.find(_Kind.ASKS, plain) or (sentence.endswith("?") and not is_bare)):
            self._is_asking = True
        if whole and self._read - self._told <= 1:
            self._whole = self._whole or whole
        elif said and (machine or self._read < FIRST_SENTENCES):
            self._said = self._said or said
        if whole or said or aside:
            self._told += 1
        elif not _LABEL.match(sentence):
            self._bare += is_bare
            self._other += not is_bare
        self._read += not is_bare
        return not self._is_asking

    @property
    def text(self) -> str | None:
        """The words of a notice; None if this is none, or asks for something."""
        return None if self._is_asking or self._other >= self._told else self._said

    @property
    def whole(self) -> str | None:
        """The words that are all there is."""
        return self._whole if self.is_wordless else None

    @property
    def is_wordless(self) -> bool:
        """True if the sender wrote nothing of his own."""
        return not (self._is_asking or self._other or self._bare)


def _sentences(text: str) -> Iterator[str]:
    """The sentences of a text; a line ends one unless it is so long that a mail program may have broken it."""
    lines = text.replace("\r", "").split("\n")
    joined = "".join(
        f"{line} " if len(line) > _WRAPPED_LINE and following.strip() else f"{line}\n"
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
    )
    start = count = 0
    for end in _SENTENCE_END.finditer(joined + "\n"):
        sentence, start = joined[start : end.end()].strip(), end.end()
        if _WORD.search(sentence):
            yield sentence
            count += 1
        if count >= MAX_SENTENCES:
            return


def _segments(subject: str) -> Iterator[str]:
    """The parts of a subject between marks, as plain words."""
    for part in _MARKS.split(subject):
        plain = _plain(part)
        if any(letter.isalpha() for letter in plain):
            yield plain


def _is_answer(subject: str, words: "_Words") -> bool:
    """True if the subject begins as a person's answer does, with "Re:" or its like."""
    prefix = _REPLY_PREFIX.match(subject)
    if not prefix:
        return False
    first = _plain(prefix[0])
    return not any(_opening(first, words, kind) for kind in (_Kind.REPLIES, _Kind.RECEIPTS))


def _of_responder(segment: str, words: "_Words") -> str | None:
    """The words of a responder in one part of a subject."""
    return _opening(segment, words, _Kind.REPLIES) or words.find(_Kind.AWAY, segment)


def _opening(segment: str, words: "_Words", kind: _Kind) -> str | None:
    """The longest expression that this part of a subject begins with, if it ends there or with a date or a name."""
    for expression in words.beginning(kind, segment):
        rest = segment[len(expression.rstrip()) :]
        if not _WORD.search(rest) or rest.lstrip()[:1].isdigit():
            return expression.strip()
        if any(rest.startswith(follow) for follow in words.follows):
            return expression.strip()
    return None


def _is_bare(plain: str, sentence: str) -> bool:
    """True for a name, a greeting, an address or a number."""
    size = len(plain.split()) if not _is_spaceless(plain) else len(plain) // 2
    return size <= FEW_WORDS or bool(_LINK.search(sentence) and size <= 2 * FEW_WORDS) or bool(_PHONE.search(sentence))


def _is_spaceless(text: str) -> bool:
    """True for what is written in an East Asian script, where words have no spaces or endings stick to them."""
    return not text.isascii() and _EAST_ASIAN.search(text) is not None


def _plain(text: str) -> str:
    """A text as words between single spaces, folded; of East Asian script without any space."""
    return _spaced(_WORD.findall(fold(text)))


def _spaced(words: Iterable[str]) -> str:
    """` one two `, so that a whole word is found as ` two `; of East Asian script `onetwo`."""
    spaced = f" {' '.join(words)} "
    if _is_spaceless(spaced):
        return spaced.replace(" ", "")
    return spaced if spaced.strip() else ""


@dataclass(frozen=True, slots=True)
class _Words:
    """All expressions, ready for looking up: by list and first word; `spaceless` ones are searched for as they are."""

    spaced: dict[tuple[_Kind, str], list[tuple[str, ...]]]
    spaceless: dict[_Kind, list[tuple[str, ...]]]
    follows: tuple[str, ...]

    def find(self, kind: _Kind, plain: str) -> str | None:
        """The first expression of this list that stands in a sentence."""
        if _is_spaceless(plain):
            candidates: Iterable[tuple[str, ...]] = self.spaceless[kind]
        else:
            each = dict.fromkeys(plain.split())
            candidates = (pieces for word in each for pieces in self.spaced.get((kind, word), ()))
        return next((_shown(pieces) for pieces in candidates if _holds(plain, pieces)), None)

    def beginning(self, kind: _Kind, plain: str) -> list[str]:
        """The expressions of this list that a part of a subject begins with, the longest first."""
        first = plain.split()[:1]
        candidates = self.spaceless[kind] if _is_spaceless(plain) else self.spaced.get((kind, "".join(first)), [])
        return sorted((pieces[0] for pieces in candidates if plain.startswith(pieces[0])), key=len, reverse=True)


def _holds(plain: str, pieces: tuple[str, ...]) -> bool:
    """True if the pieces stand in the sentence in this order, with few words between."""
    at = plain.find(pieces[0])
    for before, piece in pairwise(pieces):
        if at < 0:
            return False
        end = at + len(before.rstrip())
        at = plain.find(piece, end)
        if at >= 0 and plain.count(" ", end, at) > MAX_GAP_WORDS:
            return False
    return at >= 0


def _shown(pieces: tuple[str, ...]) -> str:
    return " … ".join(piece.strip() for piece in pieces)


@lru_cache(maxsize=4)
def _words(languages: tuple[AbsenceLanguage, ...]) -> _Words:
    spaced: dict[tuple[_Kind, str], list[tuple[str, ...]]] = {}
    spaceless: dict[_Kind, list[tuple[str, ...]]] = {kind: [] for kind in _Kind}
    follows: list[str] = []
    for language in languages:
        for kind in _Kind:
            for pieces in _spellings(getattr(language, kind)):
                if kind is _Kind.FOLLOWS:
                    follows.append(pieces[0])
                elif _is_spaceless(pieces[0]):
                    spaceless[kind].append(pieces)
                else:
                    spaced.setdefault((kind, pieces[0].split()[0]), []).append(pieces)
    return _Words(spaced, spaceless, tuple(dict.fromkeys(follows)))


def _spellings(expressions: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Every way to write these expressions, in pieces between their gaps: `away/absent … monday` is two."""
    for expression in expressions:
        pieces = [
            [_spaced(chosen) for chosen in product(*map(_forms, _tokens(piece)))] for piece in expression.split("…")
        ]
        yield from product(*pieces)


def _tokens(piece: str) -> list[str]:
    return [token for token in re.split(r"[\s'’-]+", piece) if token]  # noqa: RUF001  # both apostrophes


@lru_cache(maxsize=8192)
def _forms(token: str) -> tuple[str, ...]:
    """The forms of one word of an expression: `repl|y|ies/answer` is four."""
    forms: list[str] = []
    for choice in token.split("/"):
        stem, *endings = choice.split("|")
        forms += [stem, *(stem + ending for ending in endings)]
    return tuple(dict.fromkeys(map(fold, forms)))
