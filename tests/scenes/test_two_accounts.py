"""AC-13: two companies play the whole product at once, and nothing of one is in any byte that left for the other."""

import base64
import quopri
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.leaks import found_in
from tests.two_accounts import INSIDE, SETTINGS, Stage, leaks, play
from tests.world import a_world

FIELDS = (
    "subject1", "text", "answer", "bymail", "words", "all", "company", "person", "file1", "sentbytes", "sentfile", "reason",
    "registrant0", "because", "order0", "no", "urgent", "linked", "still", "invited", "rang", "late",
    "channel", "progress", "over", "learned", "news",
)  # fmt: skip
"""Of these at least something must be in a mail, or there was nothing that could have leaked."""

MAILS = {
    "reminder", "sla_level", "escalation", "approval", "welcome", "rejected", "case_changed", "command_answer", "registration",
    "case_opened", "customer_wrote", "agent_replied", "status_changed", "note", "assigned", "unregistered", "announcement",
}  # fmt: skip


@pytest.mark.parametrize(
    "database_url",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.servers, pytest.mark.slow])],
    indirect=True,
)
def test_ac_13_no_byte_of_one_account_leaves_for_the_other(database_url: str, tmp_path: Path) -> None:
    """And there was something to leak: each mark is in mail to somebody. Then a leak is planted, and found."""
    with a_world(database_url, tmp_path, **SETTINGS) as world:
        stage = play(world, ("en", "de") if world.ports.db.is_sqlite else ("de", "en"))
        assert [] == leaks(stage)
        assert [] == unsaid(stage)
        assert set() == MAILS - {kind for kind, _ in stage.kinds()}
        to, data = next(mail for mail in stage.left.values() if mail[0] == stage.both[0].reporter)
        stage.left[0] = (to, data + b"\r\n" + base64.b64encode(b"all of otmarkanswer"))
        assert [f"mail 0 to {to}: otmark"] == leaks(stage)


def unsaid(stage: Stage) -> list[str]:
    """Marks that are in no mail at all."""
    marks = [f"{side.mark}{name}" for side in stage.both for name in FIELDS]
    said = {mark for _, data in stage.left.values() for mark in found_in(data, marks)}
    return [mark for mark in marks if mark not in said]


SECRET = "otmarksecret"  # a word to be found


def _with_file(kind: str, data: bytes, name: str) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail.set_content("x")
    main, _, sub = kind.partition("/")
    mail.add_attachment(data, "application", "octet-stream", filename=name)
    (part,) = mail.iter_attachments()
    part.replace_header("Content-Type", f"{main}/{sub}" if main != "message" else "application/octet-stream")
    return mail.as_bytes()


WRITTEN: dict[str, bytes] = {
    "plain": f"Subject: x\r\n\r\n{SECRET}".encode(),
    "upper case": f"Subject: x\r\n\r\n{SECRET.upper()}".encode(),
    "header": f"References: <1@x.example>\r\n <{SECRET}@x.example>\r\n\r\nx".encode(),
    "RFC 2047": f"Subject: {Header(f'Größe {SECRET} ' * 5, 'utf-8').encode()}\r\n\r\nx".encode(),
    "quoted-printable": (
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quopri.encodestring(f"{'x' * 70}{SECRET}".encode())
    ),
    "base64": b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(f"ab {SECRET}".encode()),
    "base64 in a text": b"\r\n\r\nsee " + base64.b64encode(f"what {SECRET} is".encode()),
    "entities": ("\r\n\r\n" + "".join(f"&#{ord(letter)};" for letter in SECRET)).encode(),
    "percents": f"\r\n\r\nmailto:a@b.example?body={quote(f'/show {SECRET}')}".encode(),
    "percents in entities": ("\r\n\r\n" + "".join(f"&#37;{ord(letter):02x}" for letter in SECRET)).encode(),
    "a file's name": _with_file("text/x-log", b"x", f"über {SECRET} {'x' * 90}.log"),
    "a file": _with_file("application/octet-stream", f"\0\1 {SECRET}".encode(), "x.bin"),
    "a calendar": _with_file("text/calendar", f"SUMMARY:{SECRET[:5]}\r\n {SECRET[5:]}\r\n".encode(), "x.ics"),
    "an attached mail": _with_file("message/rfc822", f"Subject: {SECRET}\r\n\r\nx".encode(), "x.eml"),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_the_scan_finds_what_is_there(way: str) -> None:
    """However it is written; and nothing that is not."""
    data = WRITTEN[way]
    assert {SECRET} == found_in(data, [SECRET, INSIDE])
