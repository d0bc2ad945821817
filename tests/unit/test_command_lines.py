"""Which lines of a mail are commands, and which only look like it (SPEC section 8; TESTPLAN RA-11, IJ-06)."""

from pathlib import Path

import pytest

from gateway.domain.post import ParsedMail
from gateway.domain.rulebook import read_mail_rules
from gateway.domain.toml_lines import Page
from gateway.mail.command_lines import MAX_COMMANDS, MAX_LENGTH, own_lines, read_commands, says_the_same
from gateway.mail.html import MAX_NESTING
from gateway.mail.parse import read_mail

RULES = read_mail_rules(Page("mail.toml", (Path(__file__).parents[2] / "rules" / "mail.toml").read_text()))
QUOTED = "On Mon, Oct 2, 2023 at 5:43 PM Support <s@vendor.example> wrote:\n> /approve\n> Reply to approve."
MANY = "\n".join(["/status"] * (MAX_COMMANDS + 1))


def commands(text: str) -> tuple[str, ...]:
    """The commands of this new text, the first of its mail."""
    return read_commands(text)[0]


def read(body: str, kind: str = "text/plain", header: str = "") -> ParsedMail:
    """A mail with this body."""
    data = f"From: ann@customer.example\nContent-Type: {kind}; charset=utf-8\n{header}\n{body}".encode()
    mail = read_mail(data, RULES)
    assert isinstance(mail, ParsedMail)
    return mail


def parts(*bodies: tuple[str, str], kind: str = "alternative") -> ParsedMail:
    """A multipart mail of these parts: header lines of a part without its charset, and its body."""
    inner = "".join(f"--b\nContent-Type: {head}\n\n{body}\n" for head, body in bodies)
    data = (
        f'From: ann@customer.example\nMIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary="b"\n\n{inner}--b--\n'
    )
    mail = read_mail(data.encode(), RULES)
    assert isinstance(mail, ParsedMail)
    return mail


@pytest.mark.parametrize(
    ("text", "found", "below"),
    [
        ("/close", ("/close",), ""),
        ("/Close\nThanks", ("/Close",), "Thanks"),
        ("/type incident P2", ("/type incident P2",), ""),
        ("/close\n/type incident P2\n\n/help", ("/close", "/type incident P2", "/help"), ""),
        ("\n \n  /close  \n\n  Indented words\n\n", ("/close",), "  Indented words"),
        ("\ufeff/close", ("/close",), ""),
        ("\u200b\u00a0/close\u200b", ("/close",), ""),
        ("\u202a/close\u202c", ("/close",), ""),
        ("/type\u00a0incident\tP2", ("/type incident P2",), ""),
        ("/approved", ("/approved",), ""),
        ("/no-such_word at all", ("/no-such_word at all",), ""),
        ("/close\nWords\n/reopen", ("/close",), "Words\n/reopen"),
        (
            "/escalate the line is so long that\nit was wrapped",
            ("/escalate the line is so long that",),
            "it was wrapped",
        ),
        ("/close\n/var/log/messages is full", ("/close",), "/var/log/messages is full"),
        ("/escalate: nobody answers\n/status:", ("/escalate: nobody answers", "/status:"), ""),
        (f"/reject {'a' * (MAX_LENGTH - 8)}", (f"/reject {'a' * (MAX_LENGTH - 8)}",), ""),
        (MANY, ("/status",) * MAX_COMMANDS, "/status"),
    ],
)
def test_the_first_lines_are_commands_up_to_the_first_that_is_none(
    text: str, found: tuple[str, ...], below: str
) -> None:
    assert read_commands(text) == (found, below)


@pytest.mark.parametrize(
    "text",
    [
        *("", "\n", "/", "//", "/ close", "/1", "/-", "/_/", "/close.", "/close!", "/clo\u200bse", "/close/reopen"),
        *("/var/log/messages is full", "/etc/hosts", "//close", "\\close", "\uff0fclose", "\u2215close", "/\u212aill"),
        *(
            "> /approve",
            ">/approve",
            " > /approve",
            "| /approve",
            "* /approve",
            "*/approve*",
            "- /approve",
            "`/approve`",
        ),
        *(
            "Hello,\n/close",
            "I will not /approve this",
            "Please\n\n/approve",
            "-- \n/approve",
            f"/reject {'a' * MAX_LENGTH}",
        ),
    ],
)
def test_what_only_looks_like_a_command_is_words(text: str) -> None:
    assert read_commands(text) == ((), text.strip("\n"))


def test_text_that_is_not_the_first_of_its_mail_has_no_commands() -> None:
    assert read_commands("\n/close\n", 0) == ((), "/close")


@pytest.mark.parametrize(
    "body",
    [
        "/close\n\n-- \nAnn Archer\nExample Ltd\n",
        "/close\n\nSent from my iPhone\n",
        "/close\n\nKind regards\nAnn Archer\nHead of IT\nPhone: +49 30 1234567\nann@customer.example\n",
        f"/close\n\n{QUOTED}\n",
        f"/close\n\n-- \nAnn\n\n{QUOTED}\n",
        (
            "/close\n\n________________________________\nFrom: Support <s@vendor.example>\nSent: Monday, 2 October 2023\n"
            "To: Ann\nSubject: Fire\n\n/approve\n"
        ),
        "/close\n\n-----Original Message-----\nFrom: Support\n\n/approve\n",
        (
            "/close\n\n---------- Forwarded message ---------\nFrom: Bob <bob@x.example>\nDate: Mon, 2 Oct 2023\n"
            "Subject: Fire\nTo: Ann\n\n/approve\n"
        ),
        f"{QUOTED}\n\n/close\n",
        "[EXTERNAL]\n\n/close\n",
        (
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n/close\n-----BEGIN PGP SIGNATURE-----\n\niQ\n"
            "-----END PGP SIGNATURE-----\n"
        ),
    ],
)
def test_what_mail_programs_put_around_a_command_changes_nothing(body: str) -> None:
    assert (read(body).commands, read(body).words) == (("/close",), "")


@pytest.mark.parametrize(
    "body",
    [
        QUOTED,
        "> /approve\n> /close",
        "\uff1e /approve",
        # Outlook quotes without marks: what introduces it is the first line, and whatever stands below is old.
        "On Mon, Oct 2, 2023 at 5:43 PM Ann <ann@customer.example> wrote:\n/approve",
        "On Mon, Oct 2, 2023 at 5:43 PM Ann <ann@customer.example> wrote:\n\n/approve\n\nThanks",
        "From: Ann\nSent: Monday, 2 October 2023\nTo: Support\nSubject: Fire\n\n/approve",
        "-----Original Message-----\nFrom: Ann\n\n/approve",
        "---------- Forwarded message ---------\nFrom: Bob <bob@x.example>\nDate: Mon, 2 Oct 2023\nSubject: Fire\n\n/approve",
        "Begin forwarded message:\n\nFrom: Bob <bob@x.example>\nSubject: Fire\nDate: 2 October 2023\nTo: Ann\n\n/approve",
        "Begin forwarded message:\n\n/approve",
        # The rest of a quoted line, which a program on the way wrapped; and an introduction above a mixture.
        "> Whatever you do, never answer with the words\n/approve\n> before you have read it.",
        "On 2 Oct 2023 Ann <ann@customer.example> wrote:\n/approve\n> Is it out?",
        "-- \n/approve",
        "Hello,\n\n/approve",
    ],
)
def test_what_is_old_below_a_greeting_or_a_signature_is_no_command(body: str) -> None:
    assert read(body).commands == ()


def test_flowed_lines_are_read_as_they_were_written() -> None:
    flowed = "text/plain; format=flowed"

    assert read(" /close\n", flowed).commands == ("/close",)
    assert read("I will not \n/approve this\n", flowed).commands == ()
    assert read("> /approve\n", flowed).commands == ()
    assert read(" > /approve\n", flowed).commands == ()


def test_a_command_in_the_subject_or_in_a_name_of_a_file_is_none() -> None:
    assert read("Hello", header="Subject: /approve\n").commands == ()
    assert parts(('text/plain; name="/approve"', "Hello"), ("text/plain", "Hello"), kind="mixed").commands == ()


@pytest.mark.parametrize(
    "page",
    [
        "<div>/close</div>",
        "<html><body><div dir=ltr>/close<br></div></body></html>",
        '<p class=MsoNormal><span style="font-size:11.0pt;font-family:&quot;Calibri&quot;,sans-serif;color:#1F497D">/close</span></p>',
        '<div style="color: rgb(0, 0, 0); background-color: rgb(255, 255, 255); line-height: 1; width: 100%">/close</div>',
        '<div style="font:400 12pt Arial">/close</div><p style="text-indent:-18.0pt;margin-left:36pt"></p>',
        "<style>/* Font Definitions */ @font-face {font-family:Calibri} v\\:* {behavior:url(#default#VML)}</style><p>/close</p>",
        '<style style="display:none">P {margin-top:0;margin-bottom:0}</style><div>/close</div>',
        "<div>/close</div><div><br></div><div id=Signature>Ann Archer</div>",
        (
            '<div>/close</div><div class="gmail_quote"><div class="gmail_attr">On 2 Oct 2023 Support wrote:<br></div>'
            '<blockquote class="gmail_quote"><div style="font-size:1px">/approve</div></blockquote></div>'
        ),
        "<pre>/close</pre>",
        "<div>&#8203;/close&nbsp;</div>",
        '<div style="display:none">/approve</div><!-- /approve --><div>/close</div>',
    ],
)
def test_a_command_that_is_seen_in_html_is_one(page: str) -> None:
    assert (read(page, "text/html").commands, read(page, "text/html").words) == (("/close",), "")


HIDING = [
    *("display:none", "DISPLAY : NONE", "display:none!important", "visibility:hidden", "mso-hide:all", "opacity:0"),
    *(
        "font-size:0",
        "font-size:0px",
        "font-size: 0.0em",
        "font-size:1px",
        "font-size:.1em",
        "font-size:2%",
        "font:0/0 a",
    ),
    *("font:bold 1px Arial", "line-height:0", "max-height:0;overflow:hidden", "height:0;overflow:hidden", "width:1px"),
    *("color:white", "color:#fff", "color:#FFFFFF", "color: rgb(255, 255, 255)", "color:#fefefe", "color:snow"),
    *("color:transparent", "color:rgba(0,0,0,0)", "color:rgba(0,0,0,.01)", "color:rgb(254,254,254)", "color:#0000"),
    *("color:rgb(255 255 255)", "color:hsl(0,0%,100%)", "color:#00000000", "background:#fff;color:white", "opacity:.1"),
    *("color:#eee", "color:#123456;background:#123456", "position:absolute;left:-9999px", "text-indent:-9999px"),
    *("clip:rect(0,0,0,0)", "transform:scale(0)", "d\\69splay:none", "display/**/:none", f"{'a:b;' * 600}display:none"),
]


@pytest.mark.parametrize("style", HIDING)
def test_a_command_that_a_style_hides_is_none(style: str) -> None:
    for page in (f'<div style="{style}">/close</div>Hello', f'<div style="{style}"><p>/close</p></div><p>Hello</p>'):
        assert read(page, "text/html").commands == ()


@pytest.mark.parametrize(
    "page",
    [
        "<!-- /close -->Hello",
        "<!--\n/close\n--><p>Hello</p>",
        "<!--[if mso]>/close<![endif]--><p>Hello</p>",
        "<title>/close</title>Hello",
        "<style>/close</style>Hello",
        "<script>/close</script>Hello",
        "<template>/close</template>Hello",
        "<datalist><option>/close</option></datalist>Hello",
        "<select><option>/close</option></select>Hello",
        "<details><summary></summary>/close</details>Hello",
        "<dialog>/close</dialog>Hello",
        "<div hidden>/close</div>Hello",
        '<font color="white">/close</font><br>Hello',
        '<font color="#FEFEFE">/close</font><br>Hello',
        '<body text="white"><p>/close</p>Hello',
        '<table bgcolor="white"><tr><td style="color:white">/close</td></tr></table>Hello',
        "<style>.x{display:none}</style><div class=x>/close</div>Hello",
        "<style>.x{display/* */:none}</style><div class=x>/close</div>Hello",
        "<style>.x{d\\69splay:none}</style><div class=x>/close</div>Hello",
        "<style>.x{color:#fff}</style><div class=x>/close</div>Hello",
        "<svg><style>.x{display:none}</style></svg><div class=x>/close</div>Hello",
        # Too much to be laid out: then tags are cut out, and with them what they hide.
        f"<p style='display:none'>/close</p>{'<div>' * (MAX_NESTING + 1)}Hello",
        # Old text, by the names that mail programs give it, and nothing else.
        '<div class="protonmail_quote">/close</div>',
        "<blockquote>/close</blockquote>",
        "<div id=Signature>/close</div>",
        "<ul><li>/close</li></ul>",
        "<b>*</b>/close",
    ],
)
def test_what_a_reader_of_html_does_not_see_as_new_words_is_no_command(page: str) -> None:
    assert read(page, "text/html").commands == ()


@pytest.mark.parametrize(
    ("plain", "page", "found"),
    [
        ("/close", "<div>/close</div>", ("/close",)),
        ("/close\n\nThanks", "<p>/close</p><p>Thanks</p>", ("/close",)),
        ("/close\n/help", "<div>/close</div><div>/help</div>", ("/close", "/help")),
        ("/close", '<div>/close</div><br><blockquote type="cite">/approve</blockquote>', ("/close",)),
        ("/add bob@x.example<mailto:bob@x.example>", "/add <a href='mailto:b'>bob@x.example</a>", ("/add bob@x.example<mailto:bob@x.example>",)),
        ("/escalate it burns\nsince noon", "<div>/escalate it burns since noon</div>", ("/escalate it burns",)),
        ("", "<div>/close</div>", ("/close",)),
        ("/close", "<div>Hello</div>", ()),
        ("/close", "<div>/reopen</div>", ()),
        ("/close", "<div>/close the door</div>", ()),
        ("/close", "<div>Hello</div><div>/close</div>", ()),
        ("/close", "<div style='display:none'>/close</div><div>Hello</div>", ()),
        ("/close", "<style>.x{display:none}</style><div class=x>/close</div><div>Hello</div>", ()),
        ("/close\n/approve", "<div>/close</div>", ()),
        ("/close", "<div>/close</div><div>/approve</div>", ()),
        ("/close", "<blockquote>/close</blockquote>", ()),
        ("/close", "", ()),
        ("Hello", "<div>/close</div>", ()),
        ("This is an HTML mail.", f"<div>/close</div><p>{'words ' * 100}</p>", ()),
        ("/close", f"<p>{'Other words. ' * 60}</p>", ()),
    ],
)  # fmt: skip
def test_alternatives_have_to_say_the_same(plain: str, page: str, found: tuple[str, ...]) -> None:
    assert parts(("text/plain", plain), ("text/html", page)).commands == found


def test_an_alternative_beside_pictures_has_to_say_the_same_too() -> None:
    related = 'multipart/related; boundary="c"\n\n--c\nContent-Type: text/html\n\n{}\n--c\nContent-Type: image/png\n\nx\n--c--'

    assert parts(("text/plain", "/close"), (related.format("<p>/close"), "")).commands == ("/close",)
    assert parts(("text/plain", "/close"), (related.format("<p>Hello"), "")).commands == ()


def test_alternatives_beside_a_file_have_to_say_the_same_too() -> None:
    for page, found in (("<p>/close", ("/close",)), ("<p>Hello", ())):
        alternatives = (
            'multipart/alternative; boundary="c"\n\n--c\nContent-Type: text/plain\n\n/close\n'
            f"--c\nContent-Type: text/html\n\n{page}\n--c--"
        )
        assert parts((alternatives, ""), ("image/png", "x"), kind="mixed").commands == found


@pytest.mark.parametrize(
    ("bodies", "found"),
    [
        ([("text/plain", "/close"), ("image/png", "x")], ("/close",)),
        ([("image/png", "x"), ("text/plain", "/close")], ("/close",)),
        ([("text/plain", "/close"), ("text/plain", "List footer")], ("/close",)),
        ([("text/plain", "Hello"), ("text/plain", "/close")], ()),
        ([("text/plain", "\n"), ("text/plain", "/close")], ()),
        ([("text/plain", "> old\n> words"), ("text/plain", "/close")], ()),
        ([("text/plain", "/close"), ("text/plain", "/approve")], ("/close",)),
        ([('text/plain; name="a.txt"', "/close")], ()),
        ([("text/plain\nContent-Disposition: attachment", "/close")], ()),
        ([("text/plain\nContent-Disposition: attachment; filename=a.txt", "/close"), ("image/png", "x")], ()),
        ([("text/plain", ""), ("text/plain\nContent-Disposition: attachment", "/close")], ()),
        ([("message/rfc822", "From: b@x.example\n\n/close")], ()),
        ([("text/plain", ""), ("message/rfc822", "From: b@x.example\n\n/close")], ()),
        ([("text/plain", "Hello"), ("message/rfc822", "From: b@x.example\n\n/close")], ()),
        ([("text/csv", "/close")], ()),
    ],
)
def test_only_the_first_text_of_the_mail_has_commands(bodies: list[tuple[str, str]], found: tuple[str, ...]) -> None:
    assert parts(*bodies, kind="mixed").commands == found


def test_only_lines_that_stand_together_apart_from_what_is_quoted_may_be_commands() -> None:
    assert own_lines("/close", "/close\n> words", 2) == 1
    assert own_lines("\n/close\n", " /close \n\n> words", 3) == 3
    assert own_lines("/close\n/approve", "/close\n> old\n/approve", 3) == 1
    assert own_lines("/close\n/approve", "/close\n/approve", 1) == 1
    assert own_lines("/close", "> old\n\n/close", 3) == 1
    assert own_lines("/close", "> old\n/close", 2) == 0
    assert own_lines("/close", "Ann wrote:\n\n/close", 3) == 0
    assert own_lines("/close", "Hello\n\n/close", 2) == 0
    assert own_lines("", "", 1) == 0


def test_two_texts_without_commands_agree_on_none() -> None:
    assert says_the_same("/close", "/close")
    assert not says_the_same("Hello", "Hello")
