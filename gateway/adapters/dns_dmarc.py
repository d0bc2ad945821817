"""DMARC: what the domain in From says about mail that is not aligned, and which domains speak for it (RFC 9989).

Used by `dns_auth`. The organisational domain is found by the walk up the DNS tree (section 4.10), as the
standard has it since it left the list of public suffixes: what is asked is always what the domain says today.
"""

from dataclasses import dataclass, field

from gateway.adapters.dns_ask import Dns

_MOST_LABELS = 8
"""From a longer name the walk jumps to its last seven labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A DMARC record, and the domain that it was found at; unknown values are the defaults."""

    domain: str
    policy: str
    subdomain_policy: str
    strict_dkim: bool
    strict_spf: bool
    psd: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What DMARC says about mail from a domain: whether mail that is not aligned is refused, and how strict that is."""

    domain: str
    refuses: bool
    strict_dkim: bool
    strict_spf: bool


@dataclass(frozen=True, slots=True)
class Dmarc:
    """The questions of one mail; what was asked once is not asked again."""

    dns: Dns
    _records: dict[str, Record | None] = field(default_factory=dict)

    async def wish(self, domain: str) -> Wish | None:
        """What holds for mail from this domain (section 4.10.1); None without a record. UnansweredError."""
        found = await self._walk(domain)
        own = next((record for record in found if record.domain == domain), None)
        organisation = _organisation(domain, found)
        record = own or next((record for record in found if record.domain == organisation), None)
        record = record or next((record for record in found if record.psd == "y"), None)
        if record is None:
            return None
        policy = record.policy if record is own else record.subdomain_policy
        return Wish(
            domain=domain,
            refuses=policy in {"quarantine", "reject"},
            strict_dkim=record.strict_dkim,
            strict_spf=record.strict_spf,
        )

    async def is_aligned(self, domain: str, other: str, *, strict: bool) -> bool:
        """Whether `other` speaks for mail from `domain` (section 4.4). UnansweredError."""
        if strict or domain == other:
            return domain == other
        return _organisation(domain, await self._walk(domain)) == _organisation(other, await self._walk(other))

    async def _walk(self, domain: str) -> list[Record]:
        """All records from the domain up, the first with `psd=n` or `psd=y` being the last."""
        labels = domain.split(".")
        above = range(max(1, len(labels) - _MOST_LABELS + 1), len(labels))
        found = []
        for name in (domain, *(".".join(labels[at:]) for at in above)):
            if record := await self._record(name):
                found.append(record)
                if record.psd in {"y", "n"}:
                    break
        return found

    async def _record(self, domain: str) -> Record | None:
        if domain not in self._records:
            read = [_read(domain, text) for text in await self.dns.texts(f"_dmarc.{domain}")]
            records = [record for record in read if record]
            self._records[domain] = records[0] if len(records) == 1 else None  # several are none
        return self._records[domain]


def _organisation(domain: str, found: list[Record]) -> str:
    """The organisational domain, from what the walk up from `domain` found (section 4.10.2)."""
    if not found:
        return domain
    highest = found[-1]  # with `psd=n`, or the one with the fewest labels
    if highest.psd == "y" and highest.domain != domain:  # a registry: the organisation is one label below
        return ".".join(domain.split(".")[-highest.domain.count(".") - 2 :])
    return highest.domain


def _read(domain: str, text: bytes) -> Record | None:
    """A DMARC record (section 4.7); None for any other text."""
    parts = [part.partition("=") for part in text.decode("ascii", "replace").split(";")]
    tags = [(name.strip().lower(), value.strip()) for name, _, value in parts]
    if tags[0] != ("v", "DMARC1"):
        return None
    known = {name: value.lower() for name, value in reversed(tags)}
    policies = {name: known.get(name, "") for name in ("p", "sp")}
    policy = policies["p"] if policies["p"] in {"none", "quarantine", "reject"} else "none"
    subdomains = policies["sp"] if policies["sp"] in {"none", "quarantine", "reject"} else policy
    if known.get("t") == "y":  # in test: one step less, and only refusing is a step above quarantine
        policy, subdomains = (_one_step_less(one) for one in (policy, subdomains))
    return Record(
        domain=domain,
        policy=policy,
        subdomain_policy=subdomains,
        strict_dkim=known.get("adkim") == "s",
        strict_spf=known.get("aspf") == "s",
        psd=known.get("psd", "u"),
    )


def _one_step_less(policy: str) -> str:
    return "quarantine" if policy == "reject" else "none"
