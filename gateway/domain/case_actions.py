"""What is asked about cases by mail alone. Apart from `domain.actions`, which knows these as well."""

from dataclasses import dataclass

from gateway.domain.model import Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRequest:
    """What a contact had changed by mail is kept as a case of this category, opened and resolved at once."""

    contact: Contact
    category: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the first mail of a case says that it is about, in `Name: value` lines; None for what it does not say."""

    product: str | None = None
    product_version: str | None = None
    environment: str | None = None


NOT_SAID = About()
