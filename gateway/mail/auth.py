"""Who vouches for the sender of a mail (SPEC section 7, "Evidence about the sender"; SECURITY S2).

Called by the intake service before the ladder, and at the door. Promises: a mail is `authenticated` only by a session
that logged in, by the one Authentication-Results field that the server we trust wrote last, or by what was checked
here with the DNS; whatever is missing, ambiguous or unreadable is no evidence. Whether the field may be believed at
all was decided at the door: `envelope.authserv_id` is None unless the mail came in by a trusted way.
Nothing else decides identity, and nothing else reads those fields (`tests/test_floors.py`).
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from gateway.domain.model import Authenticity
from gateway.domain.policy import TrustRules
from gateway.domain.post import Envelope, Evidence, ParsedMail, Transport
from gateway.mail.authres import AuthenticationResults, Result, read_field
from gateway.mail.sender import stored_form

_SHOWN_RESULTS = 8
"""Results that a reason names; a field may hold hundreds."""


def judge(mail: ParsedMail, envelope: Envelope, checked: Evidence | None = None) -> Evidence:
    """Say how well the sender named in From is proven, and why.

    `checked` is what was found with the DNS, where it was asked. It counts only where our own server is silent: two
    that differ are no proof, and the server saw more than we can.
    """
    if mail.sender is None:
        return _unverified(mail.sender_defect or "the mail names no sender")
    trusted = _trusted_fields(mail, envelope)
    said = _read_trusted(trusted, mail.sender.rpartition("@")[2]) if trusted else None
    if envelope.login and not (said and said.authenticity is Authenticity.FAILED):
        return Evidence(authenticity=Authenticity.AUTHENTICATED, reason=f"SMTP AUTH as {envelope.login}")
    if evidence := said or checked:
        return evidence
    if not envelope.authserv_id:
        return _unverified("nobody is trusted to vouch for mail that comes in this way")
    return _unverified(f"no Authentication-Results of {envelope.authserv_id}")


def needs_look_up(mail: ParsedMail, envelope: Envelope) -> bool:
    """True if what the DNS says about the sender could count: nobody else vouches for or against this mail."""
    return mail.sender is not None and not envelope.login and not _trusted_fields(mail, envelope)


def is_direct(envelope: Envelope, trust: TrustRules) -> bool:
    """True if the peer is a stranger's mail server: SMTP, without login, from no configured relay."""
    if envelope.transport is not Transport.SMTP or envelope.login or envelope.peer is None:
        return False
    return not is_relay(envelope.peer, trust.relays)


def is_relay(peer: str, relays: Sequence[str]) -> bool:
    """True if the address is one of these addresses or networks."""
    address: IPv4Address | IPv6Address = ip_address(peer)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return any((mapped or address) in ip_network(relay, strict=False) for relay in relays)


def _trusted_fields(mail: ParsedMail, envelope: Envelope) -> list[AuthenticationResults]:
    """The fields of the server that is believed on this way in, top-down.

    A mailbox has no peer that we know, so there the very first field must be its server's: below another's it may
    have been written by anyone.
    """
    if not envelope.authserv_id:
        return []
    values = mail.values("authentication-results")
    trusted = _fields_of(envelope.authserv_id, values)
    if envelope.transport is Transport.IMAP and not _fields_of(envelope.authserv_id, values[:1]):
        return []
    return trusted


def _read_trusted(trusted: Sequence[AuthenticationResults], domain: str) -> Evidence:
    # Each server adds its field on top (RFC 8601 §5), so the first is the one that no sender can have written.
    evidence = _weigh(trusted[0], domain)
    if evidence.authenticity is Authenticity.AUTHENTICATED and any(
        _weigh(field, domain).authenticity is Authenticity.FAILED for field in trusted[1:]
    ):
        return _unverified(f"Authentication-Results of {trusted[0].authserv_id} contradict each other")
    return evidence


def _unverified(reason: str) -> Evidence:
    return Evidence(authenticity=Authenticity.UNVERIFIED, reason=reason)


def _fields_of(authserv_id: str, values: Sequence[str]) -> list[AuthenticationResults]:
    fields = (read_field(value) for value in values)
    return [field for field in fields if field and _same_name(field.authserv_id, authserv_id)]


def _same_name(name: str, other: str) -> bool:
    """Equal but for ASCII case; no other letter is another's capital (SECURITY S3)."""
    return name == other or (name.isascii() and other.isascii() and name.lower() == other.lower())


def _weigh(field: AuthenticationResults, domain: str) -> Evidence:
    results = field.results
    if results is None:
        return _unverified(f"Authentication-Results of {field.authserv_id} cannot be read")
    dmarc = [result for result in results if result.method == "dmarc"]
    aligned = [result for result in dmarc if _domain(result.one("header.from")) == domain]
    said = {result.result for result in aligned}
    if said == {"fail"}:
        return Evidence(authenticity=Authenticity.FAILED, reason=f"dmarc=fail header.from={domain}")
    if said == {"pass"} and len(aligned) == len(dmarc):
        return Evidence(authenticity=Authenticity.AUTHENTICATED, reason=f"dmarc=pass header.from={domain}")
    # RFC 7489 §4.2: an aligned DKIM pass is a DMARC pass. Where DMARC says otherwise, one of the two is wrong.
    if all(result.result not in {"pass", "fail"} for result in dmarc):
        for result in results:
            signer = _signer(result)
            if signer and signer_vouches(signer, domain):
                return Evidence(authenticity=Authenticity.AUTHENTICATED, reason=f"dkim=pass header.d={signer}")
    found = ", ".join(map(str, results[:_SHOWN_RESULTS])) or "none"
    return _unverified(f"{field.authserv_id} does not vouch for {domain} ({found})")


def _signer(result: Result) -> str | None:
    """The domain of a DKIM signature that passed (RFC 8601 section 2.7.1): `header.d`, else that of `header.i`."""
    if (result.method, result.result) != ("dkim", "pass"):
        return None
    has_domain = any(name == "header.d" for name, _ in result.properties)
    return _domain(result.one("header.d" if has_domain else "header.i"))


def _domain(value: str | None) -> str | None:
    """The domain of a property in stored form, so that it compares with a sender's; None if it is none."""
    if value is None:
        return None
    stored = stored_form(f"x@{value.rpartition('@')[2]}")
    return stored.partition("@")[2] if stored else None


def signer_vouches(signer: str, domain: str) -> bool:
    """Whether a signature of `signer` speaks for mail from `domain`: the same domain, or one above it.

    Who runs a domain runs what is below it. The other direction would need the list of public suffixes.
    """
    return signer == domain or ("." in signer and domain.endswith(f".{signer}"))
