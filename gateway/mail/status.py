"""Status codes of mail servers: enhanced ones (RFC 3463), replies of SMTP (RFC 5321), and what their words mean.

Called by `report` and `bounce_text`.
"""

import re

from gateway.domain.bounce_rules import BounceRules

# Neither a piece of an address (192.5.1.1), of a version (5.7.1.2), nor of a date.
_ENHANCED = re.compile(r"(?<![0-9.])([245])\.([0-9]{1,3})\.([0-9]{1,3})(?![0-9]|\.[0-9])")
_REPLY = re.compile(r"(?<![0-9.\-/:])([45])([0-5][0-9])(?=[\s\-:;,#]|$)(?!\s*(?:bytes|kb|mb|octets|\.))", re.IGNORECASE)
_DETAILS = {
    "421": "4.4.2",
    "450": "4.2.0",
    "451": "4.3.0",
    "452": "4.2.2",
    "550": "5.1.0",
    "551": "5.1.6",
    "552": "5.2.2",
    "553": "5.1.3",
    "554": "5.0.0",
}
"""What a reply means where nobody says more (RFC 5321 §4.2.3, RFC 5248 §2)."""


def enhanced(text: str) -> str | None:
    """The first enhanced status code in a text that tells of trouble, else the first."""
    found = ["{}.{}.{}".format(*match.groups()) for match in _ENHANCED.finditer(text)]
    return next((code for code in found if code[0] != "2" and code[1:] != ".0.0"), next(iter(found), None))


def has_reply(text: str) -> bool:
    """True if the text has a reply of a mail server that refuses."""
    return _REPLY.search(text) is not None or enhanced(text) is not None


def status_of(text: str, rules: BounceRules) -> str | None:
    """The status in a text: an enhanced code, else what its words mean, else what the reply code means."""
    if (code := enhanced(text)) and code[0] != "2" and code[1:] != ".0.0":
        return code
    reply = _REPLY.search(text)
    kind = reply[1] if reply else code[0] if code else "5"
    folded = text.casefold()
    for reason in rules.reasons:
        if any(words in folded for words in reason.words):
            return f"{kind}.{reason.detail}"
    if reply:
        return _DETAILS.get(reply[1] + reply[2], f"{kind}.0.0")
    return code
