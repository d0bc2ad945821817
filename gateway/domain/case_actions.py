"""Verbs about cases that only commands by mail use. Apart from `domain.actions`, which knows these as well."""

from dataclasses import dataclass

from gateway.domain.model import Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRequest:
    """What a contact had changed by mail is kept as a case of this category, opened and resolved at once."""

    contact: Contact
    category: str
    subject: str
    text: str
