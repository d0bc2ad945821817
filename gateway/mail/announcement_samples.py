"""Sample words of announcements, with texts for whatever their templates read; `mail.samples` and `mail.templates` ask."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gateway.domain.announcement import Audience
from gateway.domain.words import AnnouncementWords, VariableWords, Words


def announcements(every: Sequence[str], needed: Sequence[str]) -> Iterator[Words]:
    """One to each audience, with all that its template may be given by name, and with what it must be given."""
    texts = {"version": "8.1", "notes": "Searching is twice as fast.\n\nPrinting works again."}

    def given(names: Sequence[str]) -> tuple[VariableWords, ...]:
        return tuple(VariableWords(variable=name, text=texts.get(name, f"[{name}]")) for name in names)

    address = "service+u.12.k7q2mh3xk7q2mh3x@acme.example"
    full = AnnouncementWords(
        recipient="Ann Example",
        account="ACME-1",
        account_name="Acme Europe",
        service_address="service@acme.example",
        audience=Audience.VERSION_RECIPIENTS,
        variables=given(every),
        unsubscribe_address=address,
        unsubscribe_subject="unsubscribe",
        unsubscribe_link=f"mailto:{address}?subject=unsubscribe",
    )
    yield full
    yield from (replace(full, audience=audience) for audience in (Audience.ALL, Audience.ACCOUNT))
    yield replace(full, recipient="", variables=given(needed))
