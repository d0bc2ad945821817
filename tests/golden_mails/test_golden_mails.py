"""A golden file for each kind of mail that we send: its envelope, its full headers, its parts (SPEC section 13)."""

import re

import pytest

from gateway.domain.model import NoticeKind
from tests.golden_mails.golden import FOLDER, POLICY, REGISTRANT, Row, composed, rows

ROWS = tuple(rows())
UNBORN = {NoticeKind.UPLOAD}
"""Kinds that nothing tells yet."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_headers_are_as_decided(row: Row) -> None:
    """`make golden-accept` writes what they are; read the diff."""
    assert (FOLDER / f"{row.name}.txt").read_text(encoding="utf-8") == composed(row.rule)


def test_there_is_no_other_file() -> None:
    assert {f"{row.name}.txt" for row in ROWS} == {path.name for path in FOLDER.glob("*.txt")}


def test_every_kind_is_told_by_some_rule() -> None:
    assert set(NoticeKind) - UNBORN == {NoticeKind(row.rule.kind) for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_headers_follow_from_what_a_mail_is(row: Row) -> None:
    """AL-16, said once more as rules, so that no careless accept gets by."""
    mail, is_own = composed(row.rule), row.rule.automatic is None
    names = re.findall(r"^([A-Za-z-]+): ", mail, re.MULTILINE)
    wanted = {"Content-Type", "MIME-Version", "From", "To", "Reply-To", "Subject", "Date", "Message-ID"}
    marks = set() if is_own else {"Auto-Submitted", "X-Auto-Response-Suppress"}
    threads = {"In-Reply-To", "References"} & set(names)
    lists = {"List-Id", "List-Unsubscribe"} if row.rule.kind == NoticeKind.ANNOUNCEMENT else set()
    assert sorted(names) == sorted(wanted | marks | threads | lists)
    assert (f"Auto-Submitted: {row.rule.automatic}" in mail) != is_own
    assert "Precedence" not in mail
    assert ("MAIL FROM:<>" in mail) == (row.rule.kind == NoticeKind.UNREGISTERED)
    asks = row.rule.to == "approvers" or row.rule.template == REGISTRANT
    assert asks == ("service+a." in mail)
    if "+1042." in mail:
        assert f"[{POLICY.post.token_prefix}-1042." in mail
    assert max(len(line) for line in mail.splitlines() if not line.startswith("List-Unsubscribe: ")) <= 78
