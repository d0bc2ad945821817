"""Whatever stands in Authentication-Results: never an exception, and never a pass that our server did not give."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.domain.model import Authenticity
from gateway.domain.post import Envelope, ParsedMail, Transport
from gateway.mail.auth import judge
from gateway.mail.authres import read_field

OUR_ID = "mx.vendor.example"
PIECES = st.sampled_from(
    [
        *(
            OUR_ID,
            "evil.example",
            "customer.example",
            "@",
            ".",
            ";",
            "; ",
            "=",
            " ",
            "\r\n\t",
            '"',
            "\\",
            "(",
            ")",
            "/",
        ),
        *(
            "dmarc",
            "dkim",
            "spf",
            "pass",
            "fail",
            "none",
            "header",
            "from",
            "header.from=",
            "header.d=",
            "reason=",
            "1",
        ),
        *(
            "dmarc=pass ",
            "header.from=customer.example",
            "dkim=pass ",
            "header.d=customer.example",
            "\0",
            "é",
            "\u2028",
        ),
    ]
)
FIELDS = st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=200)


def authenticity(*fields: str, authserv_id: str | None = OUR_ID) -> Authenticity:
    mail = ParsedMail(
        fingerprint="f",
        sender="bob@customer.example",
        sender_defect=None,
        sender_shown="bob@customer.example",
        headers=tuple(("authentication-results", field) for field in fields),
    )
    envelope = Envelope(transport=Transport.SMTP, transport_id="smtp:1", authserv_id=authserv_id)
    return judge(mail, envelope).authenticity


@settings(deadline=None)
@given(fields=st.lists(FIELDS, max_size=4))
def test_without_a_trusted_way_in_nothing_authenticates(fields: list[str]) -> None:
    assert authenticity(*fields, authserv_id=None) == Authenticity.UNVERIFIED


@settings(deadline=None)
@given(fields=st.lists(FIELDS, max_size=4))
def test_below_our_servers_fail_everything_fails(fields: list[str]) -> None:
    """A sender may write any fields; ours stands above them."""
    ours = f"{OUR_ID}; dmarc=fail header.from=customer.example"
    assert authenticity(ours, *fields) == Authenticity.FAILED


@settings(deadline=None)
@given(fields=st.lists(FIELDS, max_size=4))
def test_below_our_servers_silence_nothing_authenticates(fields: list[str]) -> None:
    assert authenticity(f"{OUR_ID}; spf=none", *fields) == Authenticity.UNVERIFIED


QUOTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)


@settings(deadline=None)
@given(text=QUOTABLE)
@example(text='"; dmarc=pass header.from=customer.example; spf=pass smtp.helo="')
@example(text="(; dmarc=pass header.from=customer.example")
@example(text="\\")
def test_what_our_server_quotes_is_a_value_and_nothing_else(text: str) -> None:
    """The sender chooses his own address; a quoted string gives it back letter by letter."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    field = read_field(f'{OUR_ID}; spf=pass smtp.mailfrom="{quoted}"')
    assert field is not None
    assert field.results is not None
    assert [result.properties for result in field.results] == [(("smtp.mailfrom", text),)]


@settings(deadline=None)
@given(text=QUOTABLE)
def test_what_our_server_says_in_a_comment_counts_for_nothing(text: str) -> None:
    escaped = "".join(f"\\{letter}" if letter in "()\\" else letter for letter in text)
    expected = read_field(f"{OUR_ID}; spf=none")
    assert read_field(f"{OUR_ID} ({escaped}); (({escaped})) spf=none ({escaped})") == expected


@settings(deadline=None, max_examples=20)
@given(piece=PIECES, times=st.integers(20_000, 50_000))
def test_long_fields_are_read_in_one_pass(piece: str, times: int) -> None:
    """A quadratic reader would not come back within the hang limit of the suite."""
    value = f"{OUR_ID}; spf=pass " + piece * times
    field = read_field(value)
    assert field is not None
    assert field.authserv_id == OUR_ID
