"""How mail programs mark old text in HTML: by names of elements, and by the lines that they draw.

Called by `html`. The names are data (`rules/mail.toml`). Promises: only what a program writes around old text counts;
a quotation mark of a person, or an indented paragraph, does not.
"""

import re
from collections.abc import Mapping
from enum import Enum, auto
from functools import lru_cache
from itertools import islice

from selectolax.lexbor import LexborNode

from gateway.domain.mail_rules import TextRules

_NAMED_BY = ("class", "id", "name", "data-marker")
_SPACE = re.compile(r"\s+")
# Yahoo puts a number of its own before its names, Outlook on the web its mark of another mail's.
_PREFIX = re.compile(r"^(?:ydp[0-9a-f]+(?=[a-z])|(?:x_)+)")
# Outlook draws a line above the header lines of old text, or to the left of all of it (with "indent original").
_LINE_ABOVE = re.compile(
    r"border-top:(?:solid[^;]{0,20}1\.0pt|1\.0ptsolid[^;]{0,20});padding:3\.0pt0|border-top-color:rgb\(229,229,229\)"
)
_LINE_LEFT = re.compile(r"border-left:solid(?:blue|windowtext|#[0-9a-f]{6})1\.5pt;padding:0")
_INDENTED = re.compile(r"(?<![a-z-])border:(?:none|0)")

MAX_STYLE = 2_000
"""Characters of an element's own style that are looked at."""
MAX_BETWEEN = 6
"""Blanks and line ends between an introduction and its quotation."""


class Mark(Enum):
    """What an element is to the text of a mail."""

    QUOTE = auto()
    DIVIDER = auto()
    ATTRIBUTION = auto()
    SIGNATURE = auto()


@lru_cache(maxsize=4)
def _names(rules: TextRules) -> dict[str, Mark]:
    lists = (
        (Mark.SIGNATURE, rules.html_signatures),
        (Mark.ATTRIBUTION, rules.html_attributions),
        (Mark.QUOTE, rules.html_quotes),
        (Mark.DIVIDER, rules.html_dividers),
    )
    return {name: mark for mark, names in lists for name in names}


def squeezed(style: str | None, most: int = MAX_STYLE) -> str:
    """A style without blanks, in lower case; so many characters of it."""
    return _SPACE.sub("", style[:most]).lower() if style else ""


def mark_of(node: LexborNode, attributes: Mapping[str, str | None], style: str, rules: TextRules | None) -> Mark | None:
    """What this element is; None for nearly all of them. `style` is `squeezed`; without `rules` names say nothing."""
    if node.tag == "blockquote":
        return None if attributes and is_indented(attributes, style) else Mark.QUOTE
    if not attributes or not rules:
        return None
    if "border-" in style:
        if _LINE_ABOVE.search(style) and first_words(node).count(":") >= 2:
            return Mark.DIVIDER
        if _LINE_LEFT.search(style):
            return Mark.QUOTE
    names = _names(rules)
    for attribute in _NAMED_BY:
        for name in (attributes.get(attribute) or "")[:500].split():
            mark = names.get(_PREFIX.sub("", name)) or names.get(f"{attribute}={name}")
            # Within such an element answers stand beside the quotations, if it has quotations of its own.
            if mark is Mark.QUOTE and _holds_quotations(node):
                continue
            # Some programs give a forwarded mail's header lines the same name, without a quotation below them.
            if mark and not (mark is Mark.ATTRIBUTION and not _is_above_quotation(node)):
                return mark
    return None


def is_indented(attributes: Mapping[str, str | None], style: str) -> bool:
    """True if a `blockquote` is a paragraph that its writer moved to the right, as Gmail and Apple Mail do it."""
    name = (attributes.get("class") or "").lower()
    if attributes.get("type") == "cite" or "cite" in attributes or "quote" in name.replace("indent-blockquote", ""):
        return False
    return "indent-blockquote" in name or (_INDENTED.search(style) is not None and "border-left" not in style)


def first_words(node: LexborNode) -> str:
    """The beginning of what stands in an element; an element that holds half of the mail costs no more than another."""
    pieces = (inner.text_content or "" for inner in node.traverse(include_text=True) if inner.tag == "-text")
    return " ".join(piece[:200] for piece in islice(pieces, 40))


def _is_above_quotation(node: LexborNode) -> bool:
    below = node.next
    for _ in range(MAX_BETWEEN):
        if below is None or below.tag not in {"-text", "br"} or (below.text_content or "").strip():
            break
        below = below.next
    return below is not None and below.tag == "blockquote"


def _holds_quotations(node: LexborNode) -> bool:
    level = [node]
    for _ in range(2):
        level = [child for parent in level for child in parent.iter(include_text=False)][:50]
        if any(child.tag == "blockquote" for child in level):
            return True
    return False
