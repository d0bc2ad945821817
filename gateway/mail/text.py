"""What the sender wrote now, apart from what was quoted, in plain text (SPEC section 7, "Text").

Called by `parse` with the text of a mail, which for HTML was made by `html`. Two steps: each line gets a kind
(`lines`, `attribution`), then one fold over the lines decides what is new. Promises: linear in the text; every line
ends up in exactly one of the two answers, in order; where nothing new is left, or the split is doubtful, the whole
text is new: never less than the customer wrote.
"""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from gateway.domain.mail_rules import TextRules
from gateway.mail.attribution import mark_attributions, mark_header_blocks, mark_other_quotes, unmark_own_quotations
from gateway.mail.lines import MARKS, MAX_LOOKED_AT, Kind, Words, divides, is_link, kind_of, looked_at, words_of
from gateway.mail.signature import MAX_SIGNATURE, above_signature

MAX_LINES = 20_000
"""Lines that are looked at; what is below them is like the last of them."""
MAX_FOOTER = 10
"""Lines of a mailing list's footer below a line across."""
MIN_NOTICE = 100
"""Characters of a legal or security notice."""
MAX_NOTICE = 4_000
MAX_BANNER = 4
"""Lines of a paragraph that one phrase of `banners` makes a notice."""
NOTICE_PHRASES = 3
"""Different phrases of `disclaimers` that make a paragraph a notice; a person may well write two."""
MAX_HEADING = 80
"""Characters of a line above a notice, or of a mark that a gateway puts above a mail."""
MAX_ANNOUNCED = 40
"""Lines in which answers further down are announced."""
MAX_ARMOR = 100
"""Lines of an OpenPGP signature."""

_FOOTER_RULE = re.compile(r"_{20,}\s*")
_COMMENT = re.compile(r"-- \w")
_SENTENCE = re.compile(r"(?:\S+[ \t]+){4}.*[.?!]\s*$")
# "[EXTERNAL]", which a gateway puts above a mail.
_BRACKETED = re.compile(r"[\[(*]+ ?([^\[\]()*\n]{3,60}?) ?[\])*]+:?")
_DASHES = frozenset({"-", "--", "---", "\u2013", "\u2014"})
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE_BEGINS, _SIGNATURE_ENDS = "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----"


def split_text(text: str, rules: TextRules, part_starts: AbstractSet[int] = frozenset()) -> tuple[str, str]:
    """New text and quoted text (all the rest, the signature included) of a mail.

    `part_starts` are the lines at which another part of the mail begins: no signature reaches into it.
    """
    lines = text.split("\n")
    words = words_of(rules)
    kinds = _classify(lines[:MAX_LINES], words)
    is_new = _fold(lines, kinds, words, part_starts)
    is_new += [Kind.HISTORY not in kinds] * (len(lines) - len(kinds))
    new = _join(line for line, keep in zip(lines, is_new, strict=True) if keep)
    if not new.replace(">", " ").strip() or _announces_answers(lines, kinds, is_new, words):
        return text.strip("\n"), ""
    return new, _join(line for line, keep in zip(lines, is_new, strict=True) if not keep)


def _announces_answers(lines: list[str], kinds: list[Kind], is_new: list[bool], words: Words) -> bool:
    """True if new text says that answers stand within the old text ("in red below"), and none was found there."""
    old = next((n for n, kind in enumerate(kinds) if kind in (Kind.QUOTED, Kind.HISTORY, Kind.ATTRIBUTION)), len(kinds))
    if old == len(kinds) or any(kinds[n] is Kind.WORDS and is_new[n] for n in range(old, len(kinds))):
        return False
    said = "\n".join(line[:MAX_LOOKED_AT] for line in lines[: min(old, MAX_ANNOUNCED)]).casefold()
    if not any(word in said for word in words.answer_words):
        return False
    return any(
        any(word in line for word in words.answer_words) and any(place in line for place in words.answer_places)
        for line in said.split("\n")
    )


def _join(lines: Iterable[str]) -> str:
    return "\n".join(lines).strip("\n")


def _classify(lines: list[str], words: Words) -> list[Kind]:
    kinds = [kind_of(looked_at(line), words) for line in lines]
    for position, line in enumerate(lines):
        # A line "From here on" had to become ">From here on" in a mailbox file (RFC 4155); a quotation has company.
        if (
            line.startswith(">From ")
            and Kind.QUOTED not in kinds[position - 1 : position] + kinds[position + 1 : position + 2]
        ):
            kinds[position] = Kind.WORDS
    mark_header_blocks(lines, kinds, words)
    mark_other_quotes(lines, kinds, words)
    mark_attributions(lines, kinds, words)
    unmark_own_quotations(lines, kinds, words)
    _mark_armor(lines, kinds)
    return kinds


def _mark_armor(lines: list[str], kinds: list[Kind]) -> None:
    """Marks what OpenPGP puts around a text that is signed in clear (RFC 9580 §7)."""
    stripped = [line.rstrip() if line.startswith("-----") else "" for line in lines]
    if _SIGNATURE_BEGINS not in stripped:
        return
    for position, line in enumerate(stripped):
        if line == _SIGNED:
            end = next(
                (n for n in range(position, min(len(lines), position + MAX_ARMOR)) if not lines[n].strip()), position
            )
            kinds[position : end + 1] = [Kind.ARMOR] * (end + 1 - position)
        elif line == _SIGNATURE_BEGINS and _SIGNATURE_ENDS in stripped[position : position + MAX_ARMOR]:
            end = stripped.index(_SIGNATURE_ENDS, position)
            kinds[position : end + 1] = [Kind.ARMOR] * (end + 1 - position)


def _fold(lines: list[str], kinds: list[Kind], words: Words, part_starts: AbstractSet[int]) -> list[bool]:
    """For each line whether it is new."""
    history = next((position for position, kind in enumerate(kinds) if kind is Kind.HISTORY), len(kinds))
    if history < len(kinds):
        while history > 0 and (kinds[history - 1] in (Kind.RULE, Kind.BLANK) or divides(lines[history - 1], words)):
            history -= 1
    old = (Kind.QUOTED, Kind.ATTRIBUTION, Kind.ARMOR)
    is_new = [position < history and kind not in old for position, kind in enumerate(kinds)]
    for run in _runs(is_new, history, part_starts):
        _drop_ends(lines, kinds, is_new, run, words)
    _keep_answered(kinds, is_new, history)
    return is_new


def _runs(is_new: list[bool], history: int, part_starts: AbstractSet[int]) -> list[range]:
    """The runs of new lines, between what is old and within one part of the mail."""
    runs: list[range] = []
    start = 0
    for position in range(history + 1):
        if position == history or not is_new[position] or position in part_starts:
            if position > start:
                runs.append(range(start, position))
            start = position if position < history and is_new[position] else position + 1
    return runs


def _drop_ends(lines: list[str], kinds: list[Kind], is_new: list[bool], run: range, words: Words) -> None:
    """Takes out, at the end of a run of new lines, what stands below `-- `, taglines, notices and signatures."""
    start, end = run.start, run.stop
    end = _above_rules(kinds, start, end) if run.stop < len(kinds) else end
    is_noticed = False
    for _ in range(3):  # a notice below a tagline below a signature
        last = end
        end = _above_taglines(lines, kinds, start, end)
        end = _above_footer(lines, kinds, start, end, words)
        above_notice = _above_notice(lines, kinds, start, end, words)
        is_noticed = is_noticed or above_notice < end
        end = _above_mark(lines, kinds, start, above_notice)
        end = above_signature(lines, kinds, start, end, words, is_noticed=is_noticed)
        if end == last:
            break
    end = _above_rules(kinds, start, end) if run.stop < len(kinds) else end
    for position in range(end, run.stop):
        is_new[position] = False
    top = _below_notice(lines, kinds, start, end, words) if start == 0 else start
    for position in range(start, top):
        is_new[position] = False


def _above_mark(lines: list[str], kinds: list[Kind], start: int, end: int) -> int:
    marks = [
        position
        for position in range(max(start, end - 2 * MAX_SIGNATURE), end)
        if kinds[position] is Kind.SIGNATURE and not _is_comment(lines, position, start, end)
    ]
    if not marks or end - marks[-1] > MAX_SIGNATURE:
        return end
    return marks[0] if end - marks[0] <= MAX_SIGNATURE else marks[-1]


def _is_comment(lines: list[str], mark: int, start: int, end: int) -> bool:
    """True for the `-- ` of SQL, beside "-- words", and for one with a paragraph below that goes on with a sentence."""
    beside = lines[max(start, mark - 1) : mark] + lines[mark + 1 : min(end, mark + 2)]
    if any(_COMMENT.match(line) for line in beside):
        return True
    for position in range(mark + 2, min(end, mark + MAX_SIGNATURE)):
        if lines[position][:1].islower() and not lines[position - 1].strip():
            return _SENTENCE.match(lines[position][:MAX_LOOKED_AT]) is not None
    return False


def _above_taglines(lines: list[str], kinds: list[Kind], start: int, end: int) -> int:
    """Takes out taglines, the addresses of pages right below them, and the mark right above them."""
    last, found = end, None
    while end > start:
        first = end
        while first > start and kinds[first - 1] is Kind.WORDS and is_link(lines[first - 1]):
            first -= 1
        if first > start and kinds[first - 1] is Kind.TAGLINE:
            found = end = first - 1
        elif kinds[end - 1] is Kind.BLANK:
            end -= 1
        else:
            break
    if found is None:
        return last
    if found > start and (lines[found - 1].strip() in _DASHES or _FOOTER_RULE.fullmatch(lines[found - 1])):
        return found - 1
    return found


def _above_rules(kinds: list[Kind], start: int, end: int) -> int:
    """Takes out a line that was drawn above what is old."""
    last = end
    while end > start and kinds[end - 1] in (Kind.BLANK, Kind.RULE):
        end -= 1
    return end if Kind.RULE in kinds[end:last] else last


def _above_footer(lines: list[str], kinds: list[Kind], start: int, end: int, words: Words) -> int:
    """Takes out a mailing list's footer: a line across, and few lines below it that say how to leave the list.

    Below a line of underscores, as most lists draw it, an address is enough.
    """
    last = end
    while last > start and kinds[last - 1] in (Kind.BLANK, Kind.RULE):
        last -= 1
    for position in range(last - 1, max(start, last - 1 - MAX_FOOTER) - 1, -1):
        if kinds[position] is Kind.RULE:
            below = " ".join(line[:MAX_LOOKED_AT] for line in lines[position + 1 : last])
            if "@" not in below and "://" not in below:
                break
            folded = below.casefold()
            if _FOOTER_RULE.fullmatch(lines[position]) or any(word in folded for word in words.list_words):
                return position
            break
    return end


def _above_notice(lines: list[str], kinds: list[Kind], start: int, end: int, words: Words) -> int:
    """Takes out the last paragraph if it is a legal notice, with a rule around it."""
    last = end
    while last > start and kinds[last - 1] in (Kind.BLANK, Kind.RULE):
        last -= 1
    first = last
    while first > start and kinds[first - 1] not in (Kind.BLANK, Kind.RULE):
        first -= 1
    if not _is_notice(lines[first:last], words):
        return end
    first = _above_rules_and_blanks(kinds, start, first)
    if first > start and _is_heading(lines[first - 1], words):
        first = _above_rules_and_blanks(kinds, start, first - 1)
    return first


def _above_rules_and_blanks(kinds: list[Kind], start: int, end: int) -> int:
    while end > start and kinds[end - 1] in (Kind.BLANK, Kind.RULE):
        end -= 1
    return end


def _is_heading(line: str, words: Words) -> bool:
    """True for "Disclaimer" above a notice."""
    return len(line) <= MAX_HEADING and line.strip(MARKS).casefold() in words.notice_headings


def _below_notice(lines: list[str], kinds: list[Kind], start: int, end: int, words: Words) -> int:
    """Where the text begins below a warning that a gateway put above it."""
    first = start
    while first < end and kinds[first] in (Kind.BLANK, Kind.RULE):
        first += 1
    last = first
    while last < end and kinds[last] not in (Kind.BLANK, Kind.RULE):
        last += 1
    marked = _BRACKETED.fullmatch(lines[first].strip()[:MAX_HEADING]) if last == first + 1 else None
    is_banner = marked is not None and marked[1].casefold().startswith(words.banner_marks)
    if last == end or not (is_banner or _is_notice(lines[first:last], words)):
        return start
    while last < end and kinds[last] in (Kind.BLANK, Kind.RULE):
        last += 1
    return last


def _is_notice(paragraph: list[str], words: Words) -> bool:
    text = " ".join(" ".join(paragraph[:60])[:MAX_NOTICE].split()).replace("\u2019", "'").casefold()
    if len(paragraph) <= MAX_BANNER and any(phrase in text for phrase in words.banners):
        return True
    # Chinese and its neighbours say as much in a third of the characters.
    size = len(text) if text.isascii() else len(text) + 2 * sum(letter > "\u2e80" for letter in text)
    # A person who writes of such things asks something.
    return (
        size >= MIN_NOTICE and "?" not in text and sum(phrase in text for phrase in words.disclaimers) >= NOTICE_PHRASES
    )


def _keep_answered(kinds: list[Kind], is_new: list[bool], history: int) -> None:
    """Where answers stand between quoted lines, keeps the line that each of them answers (SPEC section 7)."""
    answered: list[int] = []
    between = False
    last_quoted = None
    open_answer = False
    for position in range(history):
        if kinds[position] is Kind.QUOTED:
            between = between or open_answer
            open_answer = False
            last_quoted = position
        elif is_new[position] and kinds[position] is not Kind.BLANK and last_quoted is not None:
            if not open_answer:
                answered.append(last_quoted)
            open_answer = True
    if between:
        for position in answered:
            is_new[position] = True
