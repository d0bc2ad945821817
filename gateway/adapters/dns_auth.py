"""Who vouches for a sender, asked of the DNS: DKIM, SPF and DMARC checked here (SPEC section 7, "Evidence").

Made by `wiring` where `[dns]` is enabled; the daemon asks before it decides a mail, outside any transaction, and
`intake explain` does. Promises: an answer within `check_seconds`; no answer from the DNS is no evidence, neither for
nor against. Only `mail.auth` weighs what is found here against the rest.
"""

import asyncio

import spftrace

from gateway.adapters.dns_ask import Dns, UnansweredError
from gateway.adapters.dns_dkim import Signature, SignedMail
from gateway.adapters.dns_dmarc import Dmarc, Wish
from gateway.domain.model import Authenticity
from gateway.domain.policy import TrustRules
from gateway.domain.post import Envelope, Evidence, ParsedMail, RawMail
from gateway.mail.auth import is_direct, needs_look_up, signer_vouches
from gateway.mail.sender import stored_form

CHECK_SECONDS = 10.0
"""So long all questions about one mail take at most."""
LARGE = 1_000_000
"""Bytes from which on a mail waits for its turn: checking it takes several times its size."""


class DnsAuth:
    """Asks about mails; one for the whole process."""

    def __init__(self, dns: Dns, trust: TrustRules, *, check_seconds: float = CHECK_SECONDS) -> None:
        self._dns = dns
        self._trust = trust
        self._check_seconds = check_seconds
        self._turn = asyncio.Semaphore(1)

    async def check(self, raw: RawMail, mail: ParsedMail) -> Evidence | None:
        """What the DNS says about the sender of this mail; None where it need not be asked. Raises nothing."""
        if mail.sender is None or not needs_look_up(mail, raw.envelope):
            return None
        domain = mail.sender.rpartition("@")[2]
        try:
            async with asyncio.timeout(self._check_seconds):
                return await self._check(raw, domain, is_signed=bool(mail.values("dkim-signature")))
        except TimeoutError:
            return _unverified(f"the DNS did not answer for {domain} within {self._check_seconds:.0f} seconds")
        except UnansweredError as error:
            return _unverified(f"the DNS did not answer: {error}")

    async def _check(self, raw: RawMail, domain: str, *, is_signed: bool) -> Evidence:
        """What proves most with the fewest questions comes first."""
        signers, unsure = await self._signers(raw.data, domain) if is_signed else ([], False)
        if domain in signers:
            return _authenticated(f"dkim=pass header.d={domain}, checked here")
        dmarc = Dmarc(self._dns)
        wish = await dmarc.wish(domain)
        if wish is None:
            for signer in signers:
                if signer_vouches(signer, domain):
                    return _authenticated(f"dkim=pass header.d={signer}, checked here")
            return _unverified(f"no signature of {domain} that holds, and no DMARC record")
        for signer in signers:
            if await dmarc.is_aligned(domain, signer, strict=wish.strict_dkim):
                return _authenticated(f"dmarc=pass header.from={domain} by dkim={signer}, checked here")
        return await self._by_spf(raw.envelope, wish, dmarc, unsure=unsure)

    async def _by_spf(self, envelope: Envelope, wish: Wish, dmarc: Dmarc, *, unsure: bool) -> Evidence:
        """The last thing that can speak for the mail; if it could be asked and does not, DMARC has failed."""
        sent_by = stored_form(envelope.mail_from or "")
        if sent_by is None or envelope.peer is None or not is_direct(envelope, self._trust):
            return _unverified(f"no signature of {wish.domain} that holds, and SPF cannot tell who sent this")
        spf = await self._spf(envelope.peer, sent_by)
        author = sent_by.rpartition("@")[2]
        if spf == "pass" and await dmarc.is_aligned(wish.domain, author, strict=wish.strict_spf):
            return _authenticated(f"dmarc=pass header.from={wish.domain} by spf={author}, checked here")
        if unsure or spf == "temperror":
            return _unverified(f"the DNS did not answer all questions about {wish.domain}")
        reason = f"dmarc=fail header.from={wish.domain} (spf={spf}), checked here"
        if wish.refuses:
            return Evidence(authenticity=Authenticity.FAILED, reason=reason)
        return _unverified(f"{reason}; the domain asks for nothing (p=none)")

    async def _spf(self, peer: str, sent_by: str) -> str:
        """The result of SPF for MAIL FROM (RFC 7208), `temperror` where it could not be had."""
        limits = spftrace.Limits(time_limit=self._check_seconds)
        try:
            return str((await spftrace.Evaluator(self._dns, limits).evaluate(peer, sent_by)).result)
        except (ValueError, UnicodeError):  # a record that is none, in a way that it does not know of
            return "permerror"

    async def _signers(self, data: bytes, domain: str) -> tuple[list[str], bool]:
        """The domains near `domain` whose signature holds; and whether a key could not be had."""
        if len(data) <= LARGE:
            return await self._valid(data, domain)
        async with self._turn:
            return await self._valid(data, domain)

    async def _valid(self, data: bytes, domain: str) -> tuple[list[str], bool]:
        mail = await asyncio.to_thread(SignedMail, data)
        related = ".".join(domain.split(".")[-2:])  # an aligned domain shares at least these labels
        signatures = mail.signatures([related])
        keys = await asyncio.gather(*(self._keys(signature) for signature in signatures))
        found = [(signature, records) for signature, records in zip(signatures, keys, strict=True) if records]
        signers = [one.domain for one, records in found if await asyncio.to_thread(mail.is_valid, one, records)]
        return signers, None in keys

    async def _keys(self, signature: Signature) -> list[bytes] | None:
        """The records where its key should be; None if nobody could tell."""
        try:
            return await self._dns.texts(signature.key_name)
        except UnansweredError:
            return None


def _authenticated(reason: str) -> Evidence:
    return Evidence(authenticity=Authenticity.AUTHENTICATED, reason=reason)


def _unverified(reason: str) -> Evidence:
    return Evidence(authenticity=Authenticity.UNVERIFIED, reason=reason)
