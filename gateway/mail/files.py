"""What becomes of the files of a mail: kept, folded away as seen before, or refused (SPEC section 7, "Attachments").

`services.mail_files` calls it before anything is stored, and the ladder gets the answer with the facts. Nothing is
unpacked or rendered; a file is its bytes, its hash and what the sender says of it.
"""

import hashlib
from collections.abc import Sequence

from gateway.domain.model import Attachment, FileState
from gateway.domain.post import ParsedAttachment, ParsedMail

SMALL_IMAGE = 30_000
"""Bytes of a logo or a badge, which some programs send as an ordinary attachment; a screenshot is larger."""


def hashes_of(mail: ParsedMail) -> tuple[str, ...]:
    """The hash of each file of a mail, in hexadecimal."""
    return tuple(hashlib.sha256(part.data).hexdigest() for part in mail.attachments)


def files_of(
    mail: ParsedMail, hashes: Sequence[str], *, limit: int, harmful: frozenset[str], seen: frozenset[str]
) -> tuple[Attachment, ...]:
    """The files of a mail in their order, with what becomes of each.

    `limit` is the largest that is kept, in bytes; `harmful` and `seen` are hashes: what the scanner refused, and what
    this account sent before.
    """
    found: list[Attachment] = []
    known = set(seen)
    for part, sha256 in zip(mail.attachments, hashes, strict=True):
        state = FileState.KEPT
        if len(part.data) > limit:
            state = FileState.TOO_LARGE
        elif sha256 in harmful:
            state = FileState.REFUSED
        elif sha256 in known and may_fold(part):
            state = FileState.REPEATED
        known.add(sha256)
        size, kind = len(part.data), part.content_type
        found.append(Attachment(name=part.name, size=size, sha256=sha256, content_type=kind, state=state))
    return tuple(found)


def may_fold(part: ParsedAttachment) -> bool:
    """True for a picture that belongs to a text or is as small as a logo: sent again, it says nothing new.

    One that comes for the first time is always shown: it may be the screenshot that the mail is about.
    """
    return part.content_type.startswith("image/") and (part.inline or len(part.data) <= SMALL_IMAGE)
