"""text/enriched and text/richtext as plain text."""

import pytest

from gateway.mail.enriched import enriched_to_text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<bold>Now</bold> is <italic>the</italic> time.", "Now is the time."),
        ("one\ntwo\n\nthree\n\n\nfour", "one two\nthree\n\nfour"),
        ("a <<b> c < d", "a <b> c < d"),
        ("<nofill>one\n two</nofill>\nthree", "one\n two three"),
        ("<color><param>red</param>hot</color>", "hot"),
        ("<param>never closed", "never closed"),
    ],
)
def test_formatting_goes_and_words_stay(text: str, plain: str) -> None:
    """RFC 1896."""
    assert enriched_to_text(text) == plain


def test_the_older_form_writes_out_its_line_ends_and_brackets() -> None:
    """RFC 1341 §7.1.3."""
    text = "<bold>a</bold>\nb<nl>c <lt>d<comment>no</comment>"

    assert enriched_to_text(text, richtext=True) == "a b\nc <d"
