"""Which charset bytes are in that no sender named, or named wrongly: told by the letters that they would make.

Called by `charset` for bytes that are neither ASCII nor UTF-8. Promises: None wherever western text is as likely; looks
at the first few kB only. Western text has its odd letters one by one between plain ones, and everything here has
whole words of them.
"""

# ruff: noqa: RUF001  # letters of other scripts that look like ours are what this is about

import re

LOOKED_AT = 4_000
LEAST = 6
"""Bytes above ASCII below which nothing is guessed."""

_HIGH = re.compile(rb"[\x80-\xff]+")
_ALPHABETS = (
    # Letters by how common they are in mail: the first ten make more than half of any text.
    ("koi8_r", "а-яё", "А-ЯЁ", "оеаинтсрвл"),
    ("cp1251", "а-яёіїєґ", "А-ЯЁІЇЄҐ", "оеаинтсрвл"),
    ("cp866", "а-яё", "А-ЯЁ", "оеаинтсрвл"),
    ("iso8859_5", "а-яёіїє", "А-ЯЁІЇЄ", "оеаинтсрвл"),
    ("cp1253", "ΐά-ώ", "Ά-Ϋ", "αοιετσνηυρά"),
    ("cp1255", "א-ת", "א-ת", "יוהלארתםבמ"),
)
_WORDS = {
    codec: re.compile(
        rf"(?<![A-Za-z{lower}{upper}])(?:[{upper}]?[{lower}]{{2,}}|[{upper}]{{3,}})(?![A-Za-z{lower}{upper}])"
    )
    for codec, lower, upper, _ in _ALPHABETS
}
_BIG5 = re.compile(rb"(?:[\xa1-\xf9][\x40-\x7e\xa1-\xfe])+")
_SHIFT_JIS = re.compile(rb"(?:[\x81-\x9f\xe0-\xfc][\x40-\x7e\x80-\xfc])+")


def guessed(data: bytes) -> str | None:
    """The Python codec of bytes that nobody names rightly; None if they are not clearly in one."""
    sample = data[:LOOKED_AT]
    if len(data) > LOOKED_AT:  # not to end inside a letter
        sample = sample[: max(sample.rfind(b" "), sample.rfind(b"\n")) + 1] or sample
    runs = _HIGH.findall(sample)
    if sum(map(len, runs)) < LEAST:
        return None
    return _alphabet(sample) or _two_byte(runs) or _with_low_bytes(sample)


def _alphabet(sample: bytes) -> str | None:
    """Scripts with an alphabet: whole words in sound case, of letters that are common in that script."""
    scores: dict[str, float] = {}
    for codec, _, _, common in _ALPHABETS:
        text = sample.decode(codec, "replace")
        high = sum(letter > "\x7f" for letter in text)
        letters = "".join(_WORDS[codec].findall(text)).lower()
        if len(letters) * 10 >= high * 7 and len(set(letters)) > 3:  # a row of dashes is no word
            scores[codec] = sum(letter in common for letter in letters) / len(letters)
    best = max(scores, key=lambda codec: scores[codec], default=None)
    return best if best and scores[best] > 0.45 else None


def _two_byte(runs: list[bytes]) -> str | None:
    """The family of EUC: pairs of high bytes, of which the first says the row of the table."""
    if any(len(run) % 2 or min(run) < 0xA1 for run in runs):
        return None
    if sum(len(run) for run in runs if len(run) >= 4) * 10 < sum(map(len, runs)) * 6:
        return None
    rows = b"".join(run[::2] for run in runs)
    if len({pair for run in runs for pair in zip(run[::2], run[1::2], strict=True)}) < 3:
        return None  # a row of dashes
    kana = sum(row in {0xA4, 0xA5} for row in rows)
    signs = sum(row in {0xA1, 0xA2, 0xA3} for row in rows)
    if kana * 4 >= len(rows):
        return "euc_jp"
    if (signs + sum(0xB0 <= row <= 0xC8 for row in rows)) * 100 >= len(rows) * 97:
        return "cp949"  # Hangul ends there, and Chinese does not
    if (signs + sum(0xB0 <= row <= 0xD7 for row in rows)) * 10 >= len(rows) * 9:
        return "gb18030"
    return None


def _with_low_bytes(sample: bytes) -> str | None:
    """Shift_JIS and Big5, whose second bytes may be ASCII."""
    for codec, pattern in (("cp932", _SHIFT_JIS), ("big5hkscs", _BIG5)):
        runs = pattern.findall(sample)
        joined = b"".join(run for run in runs if len(run) >= 4)
        leads = joined[::2]
        if len(joined) < LEAST or len(joined) * 10 < sum(map(len, runs)) * 7 or _HIGH.search(pattern.sub(b"", sample)):
            continue
        usual = {0x81, 0x82, 0x83} if codec == "cp932" else set(range(0xA1, 0xC7))
        if sum(lead in usual for lead in leads) * 10 >= len(leads) * (4 if codec == "cp932" else 9):
            return codec
    return None
