"""Ready answers: `mailto:` links that carry the address, the command and whatever mark the subject needs (RFC 6068).

`compose` puts them into the words of mails that ask something: one click and "send" answers.
"""

from dataclasses import replace
from urllib.parse import quote

from gateway.domain.words import ApprovalWords, RegistrationWords, Words
from gateway.mail.token import Tokens


def mailto(address: str, *, subject: str, body: str = "") -> str:
    """A link to a mail with exactly this recipient, subject and body; line ends in it are CRLF (RFC 6068 section 5)."""
    text = body.replace("\r\n", "\n").replace("\n", "\r\n")
    fields = [f"subject={quote(subject, safe='')}", *([f"body={quote(text, safe='')}"] if text else [])]
    return f"mailto:{quote(address, safe='@+.-_=')}?{'&'.join(fields)}"


def with_answer(words: Words, token: str | None, tokens: Tokens) -> Words:
    """The words with the one-time address in them, and the links that answer there."""
    if token is None:
        return words
    address, mark = tokens.answer_address(token), tokens.answer_mark(token)

    def link(subject: str, body: str = "") -> str:
        return mailto(address, subject=f"{mark} {subject}".strip(), body=body)

    if isinstance(words, RegistrationWords):
        lacks_pin = words.needs_pin and (words.event == "incomplete" or words.inviter is not None)
        lines = f"PIN: \nName: {words.name}\n" if lacks_pin else ""  # labels that mail.letter knows in each language
        return replace(words, answer_address=address, answer_link=link("OK", lines))
    if isinstance(words, ApprovalWords):
        approve, reject = link("approve", "/approve\n"), link("reject", "/reject\n")
        return replace(words, answer_address=address, approve_link=approve, reject_link=reject)
    return words
