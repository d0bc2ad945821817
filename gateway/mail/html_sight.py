"""What in an HTML mail its reader does not see, and what perhaps not.

Called by `html`. Promises: what counts as hidden is surely hidden, for text that is dropped may be a customer's; what
could be hidden in any other way, by a style sheet or beyond what is looked at, is doubtful, for a command that nobody
saw is nobody's (SPEC section 8).
"""

import re
from collections.abc import Mapping

from gateway.mail.html_marks import MAX_STYLE, squeezed

_HIDDEN = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|mso-hide:all"
    r"|(?<![a-z-])(?:font-size|opacity|max-height):0(?:\.0+)?(?![.\d])"
)
_WHITES = r"(?:white|#fff(?:fff)?|rgb\(255,255,255\))(?![0-9a-f])"
_WHITE = re.compile(rf"(?<![a-z-])color:{_WHITES}")
_BARE_WHITE = re.compile(_WHITES)
_BACKGROUND = re.compile(r"background(?:-color|-image)?:")
# Nearly white or see-through, and all that is not written in the way of mail programs.
_PALE = (
    r"(?:transparent|white|snow|ivory|azure|seashell|mintcream|honeydew|aliceblue|whitesmoke|ghostwhite|floralwhite"
    r"|#(?:[ef][0-9a-f]?){3,4}(?![0-9a-f])|#[0-9a-f]{6}[0-9a-f]{2}|#[0-9a-f]{4}(?![0-9a-f])"
    r"|rgba?\((?:(?:2[2-5]\d[,)]){3}|[^,)]*\)|[^,)]*,[^,)]*,[^,)]*,(?!1\)))"
    r"|(?:hsla?|hwb|lab|lch|oklab|oklch|color|color-mix|var|calc)\()"
)
# Small, flat, cut off or far away; a backslash or a comment may spell anything.
_DOUBTFUL = re.compile(
    rf"\\|/\*|(?<![a-z-])color:{_PALE}|text-fill-color:|(?<![a-z-])(?:clip|clip-path|transform|filter|scale|zoom|mask):"
    r"|(?<![a-z-])position:(?:absolute|fixed)|content-visibility:|(?:indent|left|right|top|bottom):-\d{3}"
    r"|(?<![a-z-])opacity:(?:0?\.[0-4]|[0-4]?\d(?:\.\d+)?%)"
    r"|(?<![a-z-])(?:height|width|max-height|max-width):(?:0(?![.\d])|[01](?:\.\d+)?p[xt])"
    r"|(?<![a-z-])line-height:0(?![.\d])"
    r"|(?<![a-z-])font-size:(?:[0-4]?(?:\.\d+)?p[xt]|0?\.[0-3]\d*r?em|[0-3]?\d(?:\.\d+)?%|calc|var|min)"
    r"|(?<![a-z-])font:(?:[^;]{0,24}[^\d.;])?[0-4](?![\d.])"
)
_OWN_COLOR = re.compile(r"(?<![a-z-])color:([^;]+)")
_OWN_BACKGROUND = re.compile(r"(?<![a-z-])background(?:-color)?:([^;]+)")
_PALE_NAME = re.compile(_PALE)
# "v\:*" is a name; Outlook writes it into each mail.
_ESCAPED = re.compile(r"\\(?!:)")
_CLOSED = frozenset({"details", "dialog"})
"""Elements that show what is in them when they are opened."""


def is_hidden(attributes: Mapping[str, str | None], style: str, *, painted: bool) -> bool:
    """True if nobody sees what is in this element; `painted`: an element around it has a colour or an image behind it."""
    if "hidden" in attributes:
        return True
    if style and _HIDDEN.search(style):
        return True
    return _is_white(attributes, style) and not painted and not _BACKGROUND.search(style)


def is_doubtful(tag: str, attributes: Mapping[str, str | None], style: str) -> bool:
    """True if a reader may not have seen what is in this element, though it is not surely hidden."""
    if not attributes:
        return tag in _CLOSED
    if tag in _CLOSED or len(attributes.get("style") or "") > MAX_STYLE or _is_white(attributes, style):
        return True
    if any(_PALE_NAME.match(squeezed(attributes.get(name))) for name in ("color", "text")):
        return True
    if not style:
        return False
    own, behind = _OWN_COLOR.search(style), _OWN_BACKGROUND.search(style)
    return bool(_DOUBTFUL.search(style)) or (own is not None and behind is not None and own[1] == behind[1])


def hides(sheet: str) -> bool:
    """True if a style sheet hides something, whatever it is, or may."""
    first, *rest = sheet.split("/*")
    rules = squeezed("".join((first, *(piece.partition("*/")[2] for piece in rest))), len(sheet))
    return bool(_HIDDEN.search(rules) or _WHITE.search(rules) or _ESCAPED.search(rules)) or "@import" in rules


def paints(attributes: Mapping[str, str | None], style: str) -> bool:
    """True if white text on it could be seen."""
    return "bgcolor" in attributes or "background" in attributes or bool(_BACKGROUND.search(style))


def _is_white(attributes: Mapping[str, str | None], style: str) -> bool:
    if style and _WHITE.search(style):
        return True
    return "color" in attributes and _BARE_WHITE.match(squeezed(attributes["color"])) is not None
