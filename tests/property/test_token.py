"""A token comes back whole, whatever mail programs and relays do around it and to it."""

import base64
import quopri
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.post import ParsedMail
from gateway.mail.parse import read_mail
from gateway.mail.subject import bare_subject
from gateway.mail.token import marks_in, subject_tokens
from tests.unit.test_parse import RULES
from tests.unit.test_subject import TOKENS

NUMBERS = st.integers(1, 999_999_999_999)
PREFIXES = st.sampled_from(
    [
        *("Re: ", "RE: ", "AW: ", "WG: ", "SV: ", "VS: ", "Antw: ", "RE[2]: ", "Re(3): ", "Re^2: ", "Re*2: ", "Odp: "),
        *(
            "回复: ",
            "回复\uff1a",
            "答复: ",
            "转发: ",
            "返信: ",
            "Ynt: ",
            "İlt: ",
            "TR : ",
            "RV: ",
            "ENC: ",
            "Отв: ",
            "Σχετ: ",
        ),
        *("Fwd: ", "FW:", "[EXT] ", "[External] ", "***SPAM*** ", "{Spam?} ", "EXTERN: ", "[list-name] ", ">> "),
    ]
)
BEFORE = st.lists(PREFIXES, max_size=6).map("".join)
AFTER = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=60)
BLANKS = st.sampled_from(["", " ", "  ", "_"])
BRACKETS = st.sampled_from(
    [*map(tuple, ("[]", "()", "  ", "{}", "<>", "\uff3b\uff3d", "\uff08\uff09", "\u3010\u3011"))]
)


@st.composite
def tokens(draw: st.DrawFn) -> tuple[int, str]:
    """A case's token as it may come back."""
    number = draw(NUMBERS)
    opening, closing = draw(BRACKETS)
    one, two, three = draw(BLANKS), draw(BLANKS), draw(BLANKS)
    check = TOKENS.check(number)
    cut = draw(st.integers(0, 8))
    torn = check[:cut] + draw(st.sampled_from(["", " "])) + check[cut:]
    text = f"{opening}CASE{one}-{two}{number}{three}.{torn}{closing}"
    return number, draw(st.sampled_from([text, text.lower(), text.upper(), text.title()]))


def first(subject: str) -> tuple[int, bool] | None:
    clues = subject_tokens(subject, TOKENS)
    return (int(clues[0].number or 0), clues[0].valid) if clues else None


@settings(deadline=None)
@given(BEFORE, tokens(), AFTER)
def test_prefixes_marks_blanks_case_and_brackets(before: str, token: tuple[int, str], after: str) -> None:
    """TT-01."""
    number, text = token

    assert (number, True) == first(f"{before}{text}{after}")
    assert not [mark for mark in marks_in(bare_subject(f"{before}{text}{after}", TOKENS), TOKENS) if mark.is_right]


def encoded(text: str, kind: str) -> str:
    data = text.encode()
    if kind == "B":
        return f"=?utf-8?B?{base64.b64encode(data).decode()}?="
    quoted = quopri.encodestring(data, header=True).decode().replace("=\n", "").replace("?", "=3F")
    return f"=?utf-8?Q?{quoted}?="


@settings(deadline=None)
@given(BEFORE, NUMBERS, st.lists(st.integers(0, 200), max_size=3), st.sampled_from("BQ"), st.booleans())
def test_encoded_words_may_cut_it_anywhere(before: str, number: int, cuts: list[int], kind: str, folded: bool) -> None:
    """TT-01: between two words, folded or not, no blank is meant (RFC 2047 section 6.2)."""
    subject = f"{before}{TOKENS.mint(number)} über"
    places = sorted({min(cut, len(subject)) for cut in (0, *cuts, len(subject))})
    words = [subject[start:end] for start, end in pairwise(places)]
    value = ("\r\n " if folded else " ").join(encoded(word, kind) for word in words)
    mail = read_mail(f"From: bob@customer.example\r\nSubject: {value}\r\n\r\nHi.\r\n".encode(), RULES)

    assert isinstance(mail, ParsedMail)
    assert (number, True) == first(mail.subject)


@settings(deadline=None)
@given(BEFORE.filter(str.isascii), NUMBERS, st.integers(0, 200), st.sampled_from(["\r\n ", "\r\n\t", "\n "]))
def test_folding_may_cut_it_anywhere(before: str, number: int, cut: int, fold: str) -> None:
    """Some relays fold after so many characters, wherever that is (TT-01)."""
    subject = f"{before}{TOKENS.mint(number)} slow"
    place = min(cut, len(subject))
    raw = f"From: bob@customer.example\r\nSubject: x{subject[:place]}{fold}{subject[place:]}\r\n\r\nHi.\r\n"
    mail = read_mail(raw.encode(), RULES)

    assert isinstance(mail, ParsedMail)
    assert (number, True) == first(mail.subject)


@settings(deadline=None)
@given(NUMBERS, st.integers(0, 7), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_another_letter_is_never_right(number: int, place: int, letter: str) -> None:
    """TT-04."""
    check = TOKENS.check(number)
    other = check[:place] + letter + check[place + 1 :]

    assert (number, other == check) == first(f"Re: [CASE-{number}.{other}]")


@settings(deadline=None)
@given(st.text(max_size=1000))
def test_any_text_at_all(text: str) -> None:
    """Nothing raises, and nothing that we did not mint is right."""
    assert not [mark for mark in marks_in(text, TOKENS) if mark.is_right]
