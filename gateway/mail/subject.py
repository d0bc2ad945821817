"""What a subject says beneath all that mail programs and gateways put around it.

Called where a subject is shown, sent or compared; promises linear time on what `parse` lets through.
"""

import re

from gateway.mail.token import Tokens, marks_in

_COUNT = r"(?:\s?\[\d+\]|\s?\(\d+\)|\*\d+|\^\d+)?"
_ANSWERING = re.compile(
    r"(?:re|r[eé]f?|aw|antw|antwort|sv|vs|vast|vl|rif|res|odp|odpoved|ynt|ilt|fwd?|fs|wg|tr|rv|vb|pd|enc|doorst|trs|atb|"
    r"va|vá|továbbítás|bls|trả lời|chuyển tiếp|απ|σχετ|πρθ|отв|ответ|пересл|відп|回复|回覆|答复|答覆|返信|转发|轉寄|転送|"
    r"회신|답장|전달|השב|הועבר|رد|إعادة توجيه|ตอบ|ตอบกลับ|ส่งต่อ)"
    rf"{_COUNT}\s?[:\uff1a]\s*",
    re.IGNORECASE,
)
"""What stands before a subject that is shown without it: words that nobody begins a subject with."""

_AROUND = re.compile(
    rf"\s*(?:[^\W\d_]{{1,12}}{_COUNT}\s?[:\uff1a]|\[[^\[\]]{{1,40}}\]|\{{[^{{}}]{{1,40}}\}}|\*{{2,}}[^*]{{1,40}}\*{{2,}})[\s_]*"
)
"""For comparing, whatever looks like a prefix or a gateway's mark: `Ynt:`, `[EXT]`, `***SPAM***`, `{Spam?}`."""

SHORTEST_CUT = 20
"""Letters and digits of a subject that must be left before it may count as the cut form of a longer one."""


def bare_subject(subject: str, tokens: Tokens) -> str:
    """A subject without "Re:", "WG:" … in front, and without anything in it that reads as a token of ours."""
    before, subject = "", subject[:1000]
    while subject != before:  # taking one away may bring another one together
        before, subject = subject, _without_tokens(subject, tokens)
        while found := _ANSWERING.match(subject):
            subject = subject[found.end() :]
    return subject


def _without_tokens(subject: str, tokens: Tokens) -> str:
    for mark in reversed(marks_in(subject, tokens)):
        if mark.is_whole:
            subject = f"{_OPENING.sub('', subject[: mark.start])} {_CLOSING.sub('', subject[mark.end :])}"
    return subject.strip()


_OPENING = re.compile(r"[\[({<\uff3b\uff08\u3010][\s_]*$|_+$")
_CLOSING = re.compile(r"^[\s_]*[\])}>\uff3d\uff09\u3011]_*|^_+")


def is_other_subject(subject: str, known: str, tokens: Tokens) -> bool:
    """True if a reply is about something else than `known`, as far as subjects tell.

    Prefixes, tokens, marks of gateways, case, blanks and punctuation make no difference, nor does a subject that was
    cut short on its way (Outlook: 255 characters). One that says nothing says nothing else.
    """
    said, meant = _letters(subject, tokens), _letters(known, tokens)
    if not said or said == meant:
        return False
    short, long = sorted((said, meant), key=len)
    is_cut = len(short) >= SHORTEST_CUT or subject.rstrip().endswith(("…", "..."))
    return not (is_cut and short and long.startswith(short))


def _letters(subject: str, tokens: Tokens) -> str:
    subject = bare_subject(subject, tokens)
    while found := _AROUND.match(subject):
        subject = subject[found.end() :]
    return "".join(letter for letter in subject.casefold() if letter.isalnum())
