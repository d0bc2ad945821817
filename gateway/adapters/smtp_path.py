"""Addresses as MAIL and RCPT write them (RFC 5321 sections 3.3 and 4.1.2, RFC 6531 section 3.3).

Called by `smtp_gate` only. Promises: what is read as an address has one reading, no control characters and at
most 254 bytes; time is linear. Whether it is ours, or anybody's, is not asked here.
"""

import re

LONGEST_ADDRESS = 254

# Dots may stand anywhere in a local part, as some large senders have them.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff.-]++"
_QUOTED = r'"(?:[ !#-\[\]-~\x80-\U0010ffff]|\\[ -~])*+"'
_LABEL = r"[A-Za-z0-9_\x80-\U0010ffff-]++"
_ADDRESS = re.compile(rf"(?P<local>{_ATOM}|{_QUOTED})@(?P<domain>{_LABEL}(?:\.{_LABEL})*+|\[[A-Za-z0-9:.-]+\])")
# A source route is taken and ignored (RFC 5321 appendix C).
_PATH = re.compile(r' ?<(?:@[^<>:" ]*:)?(?P<address>(?:"(?:[^"\\]|\\.)*+"|[^<>" ])*+)>(?: +(?P<parameters>.*))?')
_NEEDLESSLY_QUOTED = re.compile(r'"([A-Za-z0-9!#$%&\'*+/=?^_`{|}~.-]+)"')


def read_path(argument: str, keyword: str) -> tuple[str, list[str]] | None:
    """What stands between the angle brackets after `FROM:` or `TO:`, and the parameters; None if it is no path."""
    if argument[: len(keyword)].upper() != keyword:
        return None
    found = _PATH.fullmatch(argument[len(keyword) :])
    return (found["address"], (found["parameters"] or "").split()) if found else None


def clean_address(text: str) -> str | None:
    """An address as we keep it, needless quotes taken off; None for anything that is none."""
    found = _ADDRESS.fullmatch(text)
    if found is None or not text.isprintable() or len(text.encode()) > LONGEST_ADDRESS:
        return None
    plain = _NEEDLESSLY_QUOTED.fullmatch(found["local"])
    return f"{plain[1]}@{found['domain']}" if plain else text
