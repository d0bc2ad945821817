"""Addresses that can be mistaken for another one when a person reads them (SPEC section 9, point 4)."""

_ALIKE = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"), ("-", ""))


def shown_plainly(address: str, domains: tuple[str, ...] = ()) -> str | None:
    """The address in ASCII, where it has letters of other scripts or looks like one of `domains`; else None.

    `address` is in stored form, so its domain is in A-labels (RFC 5890) already.
    """
    domain = address.rpartition("@")[2]
    is_foreign = any(label.startswith("xn--") for label in domain.split("."))
    is_near = any(domain != own and _skeleton(domain) == _skeleton(own) for own in domains)
    return address if is_foreign or is_near else None


def _skeleton(domain: str) -> str:
    for alike, plain in _ALIKE:
        domain = domain.replace(alike, plain)
    return domain
