"""What leaves is folded as the standard library folds it, whichever way a header takes."""

from email.policy import compat32

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.mail.compose import LINE_LENGTH, _Wire

STANDARD = compat32.clone(linesep="\r\n", max_line_length=LINE_LENGTH)
WIRE = _Wire(linesep="\r\n", max_line_length=LINE_LENGTH)


@settings(deadline=None)
@given(
    name=st.sampled_from(["To", "Subject", "X-Auto-Response-Suppress"]),
    value=st.text(st.sampled_from("ab ,;<>@=?é\t\x0b\x7f"), max_size=100),
)
@example("To", "")
@example("To", " a")
@example("To", "a" * (LINE_LENGTH - 4))
@example("To", "a " * (LINE_LENGTH // 2))
def test_a_header_is_folded_as_compat32_folds_it(name: str, value: str) -> None:
    assert STANDARD.fold_binary(name, value) == WIRE.fold_binary(name, value)


@pytest.mark.parametrize("length", range(LINE_LENGTH - 10, LINE_LENGTH + 3))
def test_lines_of_every_length_around_the_limit(length: int) -> None:
    value = "word " * (length // 5) + "x" * (length % 5 + 1)
    assert STANDARD.fold_binary("Subject", value) == WIRE.fold_binary("Subject", value)
