"""Questions to the DNS: the records of a name, or that nobody could tell.

Used by `dns_auth` and its rooms. Promises: a question ends within `answer_seconds`; "there is nothing" and "nobody
answered" are told apart, since only the first is a fact about the domain.
"""

from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver
from spftrace import BaseResolver

from gateway.errors import BadConfig

TRY_SECONDS = 2.0
"""So long one name server has for one try."""
ANSWER_SECONDS = 5.0
"""So long all tries of one question take at most."""
LARGEST_ANSWER = 16_384
"""Bytes of all TXT records of a name; what is larger is nobody's policy or key."""
REMEMBERED = 5_000
"""Answers that are kept for as long as they are valid."""


class UnansweredError(Exception):
    """Nobody could tell: a time-out, a server that failed, an answer that is none."""


class Dns(BaseResolver):
    """The configured name servers, or the system's where none are named; spftrace asks through `_lookup`."""

    def __init__(self, nameservers: Sequence[str] = (), *, answer_seconds: float = ANSWER_SECONDS) -> None:
        """`nameservers` are `ADDRESS:PORT`, as the configuration makes them. BadConfig where there are none at all."""
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration as error:
            raise BadConfig("[dns] nameservers: this machine has none in /etc/resolv.conf; name them") from error
        if nameservers:
            self._resolver.nameservers = [_nameserver(text) for text in nameservers]
        self._resolver.timeout = TRY_SECONDS
        self._resolver.lifetime = answer_seconds
        self._resolver.cache = dns.resolver.LRUCache(REMEMBERED)
        self._resolver.use_edns(0, 0, 1232)

    async def texts(self, name: str) -> list[bytes]:
        """The TXT records of a name, each as one piece; UnansweredError if nobody could tell."""
        answer = await self._ask(name, "TXT")
        texts = [b"".join(record.strings) for record in answer] if answer else []
        if sum(map(len, texts)) > LARGEST_ANSWER:
            raise UnansweredError(f"{name}: more text than anybody needs")
        return texts

    async def _ask(self, name: str, kind: str) -> dns.resolver.Answer | None:
        """The records; None if there are none of this kind, or no such name."""
        try:
            absolute = dns.name.from_text(name)
        except (dns.exception.DNSException, UnicodeError):
            return None  # no name at all, so nothing is there
        try:
            answer = await self._resolver.resolve(absolute, kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return None
        except (dns.exception.DNSException, OSError) as error:
            raise UnansweredError(f"{name}: {type(error).__name__}") from error
        return answer if answer.rrset is not None else None

    async def _lookup(self, name: str, rtype: str) -> tuple[str, list[str]]:
        """What spftrace wants to know: how the question was answered, and the answers as text."""
        try:
            if rtype == "TXT":
                return "NOERROR", [text.decode("utf-8", "replace") for text in await self.texts(name)]
            answer = await self._ask(name, rtype)
        except UnansweredError:
            return "SERVFAIL", []
        attribute = {"MX": "exchange", "PTR": "target"}.get(rtype, "address")
        return "NOERROR", [str(getattr(record, attribute)).rstrip(".") for record in answer or ()]


def _nameserver(text: str) -> dns.nameserver.Nameserver:
    host, _, port = text.rpartition(":")
    return dns.nameserver.Do53Nameserver(host.strip("[]"), int(port))
