"""The page of `template preview`: a mail's text beside its HTML form, light and dark, as wide as a desk and as a phone."""

from gateway.domain.policy import Policy
from gateway.mail.sandbox import Rendered
from gateway.terminal import pages

DARK = "@media (prefers-color-scheme: dark)"
"""How our frame asks for the reader's choice; the page has both side by side, whatever the reader chose."""


def as_page(name: str, lang: str, mail: Rendered, policy: Policy) -> str:
    """A page that loads and runs nothing: each form of the HTML is a document of its own that may do nothing."""
    looks = {
        "Light": mail.html.replace(DARK, "@media not all"),
        "Dark": mail.html.replace(DARK, "@media all"),
    }
    return pages.render("preview", policy, template=name, lang=lang, mail=mail, looks=looks)
