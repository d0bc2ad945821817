"""What a mail says that it is about: lines such as "Product: Importer", "Version: 8.1", "Umgebung: Test" (SPEC section 4).

Called for the mail that opens a case. Promises: linear in the lines looked at; the first line of each kind counts; a
value too long to be one is left in the text alone.
"""

import re
from dataclasses import asdict
from functools import cache

from gateway.domain.case_actions import About
from gateway.domain.mail_rules import AboutRules

FIRST_LINES = 60
"""Lines of a mail that are looked at: below them stand logs, which name versions of all kinds."""

LONGEST = 200
"""Characters of a value."""


def read_about(words: str, rules: AboutRules) -> About:
    """The product, version and environment that these words name."""
    fields, pattern = _labels(rules)
    said: dict[str, str] = {}
    for line in words.split("\n", FIRST_LINES)[:FIRST_LINES] if fields else ():
        if (found := pattern.fullmatch(line)) and (value := found[2].strip(" \t\r\xa0*")) and len(value) <= LONGEST:
            said.setdefault(fields[found[1].casefold()], value)
    return About(**said)


@cache
def _labels(rules: AboutRules) -> tuple[dict[str, str], re.Pattern[str]]:
    """Which field each label fills, and what a line with one of them looks like."""
    fields = {label.casefold(): name for name, labels in asdict(rules).items() for label in labels}
    labels = "|".join(map(re.escape, fields))
    return fields, re.compile(
        rf"[ \t*\u2022-]{{0,8}}({labels})[ \t*]{{0,4}}[:\uff1a]([^\n]{{1,{LONGEST + 20}}})", re.IGNORECASE
    )
