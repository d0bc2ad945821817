"""What a mail says that it is about: lines such as "Product: Importer", "Version: 8.1", "Umgebung: Test" (SPEC section 4).

Called for the mail that opens a case. Promises: linear in the lines looked at; the first line of each kind counts; a
value too long to be one is left in the text alone.
"""

import re

from gateway.domain.case_actions import About

FIRST_LINES = 60
"""Lines of a mail that are looked at: below them stand logs, which name versions of all kinds."""

LONGEST = 200
"""Characters of a value."""

_LABELS = {
    "product": "product",
    "produkt": "product",
    "version": "product_version",
    "product version": "product_version",
    "produktversion": "product_version",
    "environment": "environment",
    "umgebung": "environment",
}
"""What stands before the colon, in the languages shipped, and which field of a case it fills."""

_LINE = re.compile(
    rf"[ \t*•-]{{0,8}}({'|'.join(_LABELS)})[ \t*]{{0,4}}[:\uff1a]([^\n]{{1,{LONGEST + 20}}})", re.IGNORECASE
)


def read_about(words: str) -> About:
    """The product, version and environment that these words name."""
    said: dict[str, str] = {}
    for line in words.split("\n", FIRST_LINES)[:FIRST_LINES]:
        if (found := _LINE.fullmatch(line)) and (value := found[2].strip(" \t\r\xa0*")) and len(value) <= LONGEST:
            said.setdefault(_LABELS[found[1].lower()], value)
    return About(**said)
