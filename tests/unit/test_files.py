"""What becomes of the files of a mail: kept, folded as seen before, or refused."""

import hashlib

import pytest

from gateway.domain.model import FileState
from gateway.domain.post import ParsedAttachment, ParsedMail
from gateway.mail.files import SMALL_IMAGE, files_of, hashes_of

LOGO, SHOT = b"logo", b"s" * (SMALL_IMAGE + 1)


def part(data: bytes, content_type: str = "image/png", *, inline: bool = False) -> ParsedAttachment:
    return ParsedAttachment(name="x", content_type=content_type, data=data, inline=inline)


def states(*parts: ParsedAttachment, seen: tuple[bytes, ...] = (), harmful: tuple[bytes, ...] = ()) -> list[str]:
    mail = ParsedMail(fingerprint="", sender=None, sender_defect=None, sender_shown="", attachments=parts)
    known, bad = (frozenset(hashlib.sha256(one).hexdigest() for one in some) for some in (seen, harmful))
    return [file.state.value for file in files_of(mail, hashes_of(mail), limit=100_000, harmful=bad, seen=known)]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (part(LOGO, inline=True), "repeated"),
        (part(LOGO), "repeated"),
        (part(SHOT, inline=True), "repeated"),
        (part(SHOT), "kept"),  # a screenshot sent again on purpose
        (part(LOGO, "text/plain", inline=True), "kept"),
        (part(LOGO, "application/pdf"), "kept"),
    ],
)
def test_only_pictures_of_a_text_and_small_ones_are_folded(one: ParsedAttachment, expected: str) -> None:
    """And only those that came before: a pasted screenshot is shown."""
    assert ["kept"] == states(one)
    assert [expected] == states(one, seen=(one.data,))


def test_the_same_logo_twice_in_one_mail_is_shown_once() -> None:
    """Below each of the mails that it quotes."""
    assert ["kept", "repeated"] == states(part(LOGO, inline=True), part(LOGO, inline=True))


def test_the_limit_is_the_largest_that_is_kept() -> None:
    assert ["kept", "too_large"] == states(part(b"x" * 100_000), part(b"x" * 100_001))


def test_what_is_too_large_or_harmful_is_never_folded() -> None:
    big = b"x" * 100_001
    assert ["too_large", "refused"] == states(
        part(big, inline=True), part(LOGO, inline=True), seen=(big, LOGO), harmful=(big, LOGO)
    )


def test_a_file_knows_what_it_was() -> None:
    mail = ParsedMail(
        fingerprint="", sender=None, sender_defect=None, sender_shown="", attachments=(part(LOGO, "image/gif"),)
    )
    (file,) = files_of(mail, hashes_of(mail), limit=1, harmful=frozenset(), seen=frozenset())
    expected = ("x", 4, hashlib.sha256(LOGO).hexdigest(), "image/gif", FileState.TOO_LARGE, True)
    assert expected == (file.name, file.size, file.sha256, file.content_type, file.state, file.is_refused)
