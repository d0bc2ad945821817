"""Templates are checked when they are loaded, harmless when they run, and never cost a mail."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.policy import Vendor
from gateway.domain.words import CaseWords, EscalationWords, LevelWords, StrangerWords
from gateway.errors import BadConfig, NotFound
from gateway.mail.samples import samples
from gateway.mail.sandbox import MAX_TEXT, Variables, one_line
from gateway.mail.templates import Templates
from gateway.resources import data_dir

SHIPPED = data_dir("templates")
VENDOR = Vendor(name="Acme Support")
WORDS = CaseWords(
    number=1042,
    token="[CASE-1042.k7q2mh3x]",
    subject="Staging is slow",
    type_label="Question",
    status_label="Open",
    account="ACME-1",
    account_name="Acme Europe",
    reporter="Ann Example",
    assignee=None,
    recipient="Ann Example",
    author="Bob Example",
    text="It is slow.\n  Since Monday.",
    level=LevelWords(
        clock="first_response",
        percent=50,
        target="4 h",
        reached="2026-12-01 11:00 CET",
        due="2026-12-01 13:00 CET",
        is_late=True,
        is_met=False,
    ),
)
CASE_MAIL = (
    "agent_replied",
    "agent_replied_vendor",
    "assigned",
    "attachment_refused",
    "case_changed",
    "case_changed_vendor",
    "case_opened",
    "customer_wrote",
    "customer_wrote_vendor",
    "delivery_failed",
    "escalated",
    "escalated_vendor",
    "escalation_step",
    "escalation_step_vendor",
    "new_case",
    "note",
    "order",
    "order_vendor",
    "reminder",
    "reopened_vendor",
    "sla_level",
    "status_changed",
)
PEOPLE_MAIL = (
    "announce_release",
    "approval",
    "approval_done",
    "approval_hint",
    "command_answer",
    "contact_changed",
    "digest",
    "registration",
    "registration_step",
    "registration_unanswered",
    "registration_vendor",
    "rejected",
    "set_aside",
    "trouble",
    "unregistered",
    "unsubscribed",
    "welcome",
)
ESCALATED = EscalationWords(event="escalated", kind="technical", requester="Ann", since="2026-03-02 09:00 UTC")
NAMES = tuple(sorted((*CASE_MAIL, *PEOPLE_MAIL)))


@pytest.fixture(scope="module")
def shipped() -> Templates:
    return Templates.load(SHIPPED)


def about(name: str, words: CaseWords) -> CaseWords:
    """What a mail of this name can say."""
    return replace(words, event="escalated", escalation=ESCALATED) if name.startswith("escal") else words


def bare(subject: str) -> str:
    return subject.removeprefix("50 % of the time: ").removeprefix("ESCALATED: ")


def overriding(folder: Path, **files: str) -> Templates:
    """The shipped templates under these: `note_txt` is `en/note.txt.j2`, `fr_note_txt` the French one."""
    return Templates.load(SHIPPED, written(folder, **files))


def written(folder: Path, **files: str) -> Path:
    for key, text in files.items():
        language = "fr" if key.startswith("fr_") else "en"
        name, _, form = key.removeprefix("fr_").rpartition("_")
        path = folder / language / f"{name}.{form}.j2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def refused(folder: Path, **files: str) -> tuple[str, ...]:
    with pytest.raises(BadConfig) as caught:
        overriding(folder, **files)
    return tuple(problem.replace(f"{folder}/", "") for problem in caught.value.problems)


def test_every_mail_of_the_rules_has_a_template(shipped: Templates) -> None:
    assert NAMES == shipped.names()


def test_what_we_ship_has_no_problem(shipped: Templates) -> None:
    assert shipped.check() == ()


@pytest.mark.parametrize("name", CASE_MAIL)
def test_mail_about_a_case_says_which_and_who_else_gets_it(shipped: Templates, name: str) -> None:
    """In both forms; nobody is named where nobody else gets it."""
    words = replace(WORDS, others=("Carl <carl@customer.example>",))
    mail = shipped.render(name, "en", about(name, words), replace(VENDOR, footer="Acme Ltd, Exampleton"))
    assert bare(mail.subject) == "Staging is slow"
    for form in (mail.text, mail.html.replace("&lt;", "<").replace("&gt;", ">")):
        assert "[CASE-1042.k7q2mh3x]" in form
        assert "Also sent to: Carl <carl@customer.example>" in form
        assert "Acme Ltd, Exampleton" in form
    assert "Also sent to" not in shipped.render(name, "en", about(name, WORDS), VENDOR).text


def test_an_agents_reply_begins_with_the_agents_own_words(shipped: Templates) -> None:
    """Below them their signature, as they wrote it, above the mark of ours."""
    mail = shipped.render("agent_replied", "en", replace(WORDS, signature="Mira\nSecond level"), VENDOR)
    assert mail.text.startswith("It is slow.\n  Since Monday.\n\nMira\nSecond level\n\n-- \n")
    assert ">Mira<br>Second level</p>" in mail.html
    assert ">It is slow.<br>  Since Monday.</div>" in mail.html


@pytest.mark.parametrize("event", ["start", "resolve", "close", "auto_close", "reopen", "defer", "wait_for_client"])
def test_each_transition_has_words_of_its_own_and_says_to_reply(shipped: Templates, event: str) -> None:
    mail = shipped.render("status_changed", "en", replace(WORDS, event=event), VENDOR)
    unknown = shipped.render("status_changed", "en", replace(WORDS, event="something_new"), VENDOR)
    assert mail.text != unknown.text
    assert "reply to this mail" in " ".join(mail.text.split())
    assert "Status: Open" in mail.text


def test_feedback_is_asked_for_when_a_case_ends(shipped: Templates) -> None:
    vendor = replace(VENDOR, feedback_address="feedback@acme.example")
    ended = shipped.render("status_changed", "en", replace(WORDS, event="close"), vendor)
    started = shipped.render("status_changed", "en", replace(WORDS, event="start"), vendor)
    assert "feedback@acme.example" in ended.text
    assert "feedback@acme.example" in ended.html
    assert "feedback@acme.example" not in started.text


def test_a_stranger_is_told_how_to_register(shipped: Templates) -> None:
    words = StrangerWords(registration_address="service+register@acme.example")
    mail = shipped.render("unregistered", "en", words, VENDOR)
    assert mail.subject == "Your mail to Acme Support"
    assert "service+register@acme.example" in mail.text
    assert "company PIN" in mail.html


@pytest.mark.parametrize(
    "hostile",
    ["{{7*7}}", "{{ cycler.__init__.__globals__ }}", '{% include "x" %}', "{# #}", "{{ words.token }}", "${7*7}"],
)
def test_templates_in_data_stay_data(shipped: Templates, hostile: str) -> None:
    """IJ-04: literal in subject, names and text; in no form is it run."""
    words = replace(WORDS, subject=hostile, text=hostile, author=hostile, reporter=hostile, account_name=hostile)
    for name in CASE_MAIL:
        mail = shipped.render(name, "en", about(name, words), VENDOR)
        assert bare(mail.subject) == hostile
        assert hostile in mail.text
        assert "49" not in mail.text + mail.html
        assert mail.fell_back is None


def test_html_of_people_is_escaped(shipped: Templates) -> None:
    """IJ-05, in every place where a person's words stand."""
    evil = '<script>alert(1)</script><img src=x onerror="y">'
    words = replace(
        WORDS,
        subject=evil,
        type_label=evil,
        status_label=evil,
        account=evil,
        account_name=evil,
        reporter=evil,
        recipient=evil,
        author=evil,
        text=evil,
        others=(evil,),
        attachments=(evil,),
    )
    for name in CASE_MAIL:
        html = shipped.render(name, "en", about(name, words), replace(VENDOR, name=evil, footer=evil)).html
        assert "<script" not in html
        assert "<img" not in html
        assert "&lt;script&gt;" in html


def test_a_name_is_one_line(shipped: Templates) -> None:
    """A name can neither begin a line of its own, nor open a second header."""
    words = replace(WORDS, author="Bob\r\nBcc: mallory@evil.example\n/approve", attachments=("a\n/close",))
    mail = shipped.render("customer_wrote", "en", words, VENDOR)
    assert "Bob Bcc: mallory@evil.example /approve has written" in mail.text
    assert "Attached: a /close" in mail.text


def test_one_line_has_no_control_characters() -> None:
    raw = "a\0b\x1b[2J\x85c\u2028d\u2029\r\n e\udc80"
    assert one_line(raw) == "a b [2J c d e?"


def test_text_keeps_its_lines_and_shows_control_characters(shipped: Templates) -> None:
    mail = shipped.render("agent_replied", "en", replace(WORDS, text="one\r\ntwo\rthree\n\n\tfour\x1b[2J\0"), VENDOR)
    assert mail.text.startswith("one\ntwo\nthree\n\n\tfour\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}\n")


def test_endless_text_ends_with_a_note(shipped: Templates) -> None:
    mail = shipped.render("customer_wrote", "en", replace(WORDS, text="€" * 4_000_000), VENDOR)
    assert mail.text.count("€") == MAX_TEXT // 3
    assert "€\n\n[The text is too long for one mail and ends here." in mail.text
    assert "[The text is too long for one mail and ends here." in mail.html


def test_the_largest_text_of_the_worst_characters_is_still_a_mail(shipped: Templates) -> None:
    mail = shipped.render("customer_wrote", "en", replace(WORDS, text="'\n" * MAX_TEXT), VENDOR)
    assert mail.html.count("&#39;<br>") == MAX_TEXT // 2


# --- Overrides -------------------------------------------------------------------------------------------


def test_an_override_wins_and_the_other_half_stays(tmp_path: Path) -> None:
    templates = overriding(tmp_path, note_txt="Subject: {{ words.subject }}\n\nOurs: {{ words.text }}\n")
    mail = templates.render("note", "en", WORDS, VENDOR)
    assert mail.text == "Ours: It is slow.\n  Since Monday.\n"
    assert "Internal note on case" in mail.html
    assert mail.fell_back is None


def test_a_language_is_found_with_and_without_its_region(tmp_path: Path) -> None:
    """And a language that nobody wrote for gets English; a part is found in English too."""
    french = "Subject: {{ words.subject }}\n\nNote interne\n{% include '_foot.txt.j2' %}"
    templates = overriding(tmp_path, fr_note_txt=french, fr_note_html="{{ lang }}")
    for lang in ("fr", "fr-CA"):
        mail = templates.render("note", lang, WORDS, VENDOR)
        assert (mail.text, mail.html) == ("Note interne\n\nAcme Support\n", "fr")
    assert "Internal note on case" in templates.render("note", "it", WORDS, VENDOR).text
    assert "Internal note on case" in templates.render("note", "../en", WORDS, VENDOR).text


def test_a_part_can_be_overridden_for_all_mail(tmp_path: Path) -> None:
    templates = overriding(tmp_path, _foot_txt="Our own foot\n")
    assert templates.render("note", "en", WORDS, VENDOR).text.endswith("Our own foot\n")


def test_broken_syntax_stops_the_start_with_its_line(tmp_path: Path) -> None:
    text = "Subject: x\n\n{% if words.text %}\n{{ words.text }\n"
    assert refused(tmp_path, note_txt=text) == ("en/note.txt.j2:4: unexpected '}'",)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    names = ", ".join(NAMES)
    expected = (
        f"en/nota.txt.j2: no mail uses a template of this name; there are {names}",
        "en/nota.txt.j2: its other half is missing; add en/nota.html.j2",
        "en/note.html.j2:1: No filter named 'safe'.",
        "fr/note.html.j2: its other half is missing; add fr/note.txt.j2",
    )
    assert expected == refused(tmp_path, fr_note_html="x", nota_txt="Subject: x", note_html="{{ words.text | safe }}")


def test_a_file_in_the_wrong_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "note.txt.j2").write_text("Subject: x")
    expected = ("note.txt.j2: a template is LANGUAGE/NAME.txt.j2 or LANGUAGE/NAME.html.j2, such as en/note.txt.j2",)
    assert expected == refused(tmp_path)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    written(tmp_path, note_txt="")
    (tmp_path / "en" / "note.txt.j2").write_bytes(b"Subject: \xff")
    assert refused(tmp_path)[0].startswith("en/note.txt.j2: cannot be read as UTF-8 text: ")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="nowhere: there is no such folder of templates"):
        Templates.load(SHIPPED, tmp_path / "nowhere")


FAILING = {
    "{{ words.tokn }}": "words has no attribute 'tokn'",
    "{{ vendor.phone }}": "vendor has no attribute 'phone'",
    "{{ nobody }}": "'nobody' is undefined",
    "{{ 1 / 0 }}": "ZeroDivisionError: division by zero",
    "{% include 'x.txt.j2' %}": "there is no en/x.txt.j2",
    "{{ 9**9**9 }}": "** makes too much of this",
    "{{ 'a' * 10**9 }}": "* makes too much of this",
    "{{ 'a' * 1000000000 }}": "* makes too much of this",
    "{{ '%999999999d' % 1 }}": "% makes too much of this",
    "{{ words.text.__class__.__mro__ }}": "access to attribute '__class__' of 'str' object is unsafe.",
    "{% for a in words.text * 99 %}{{ words.text * 999 }}{% endfor %}": "writes more than 12000000 characters",
}


@pytest.mark.parametrize(("line", "problem"), FAILING.items())
def test_an_override_that_fails_gives_way_and_says_where(tmp_path: Path, line: str, problem: str) -> None:
    """IJ-14, OF-10: it is bounded, the mail is written all the same, and the line is named."""
    templates = overriding(tmp_path, note_txt=f"Subject: {{{{ words.subject }}}}\n\n{line}\n")
    words = replace(WORDS, text="x" * 1000)
    mail = templates.render("note", "en", words, VENDOR)
    assert replace(mail, fell_back=None) == Templates.load(SHIPPED).render("note", "en", words, VENDOR)
    place = "note.txt.j2" if problem.startswith("writes") else "note.txt.j2:3"
    assert mail.fell_back == f"{tmp_path}/en/{place}: {problem}"


@pytest.mark.parametrize(
    "call", ["center(10**8)", "ljust(100000000)", "zfill(100000000)", "format(1)", "expandtabs(9)"]
)
def test_methods_that_widen_text_are_refused(tmp_path: Path, call: str) -> None:
    templates = overriding(tmp_path, note_txt=f"Subject: x\n\n{{{{ '{{:>99999999}}'.{call} }}}}\n")
    assert templates.render("note", "en", WORDS, VENDOR).fell_back is not None


def test_an_override_without_a_subject_gives_way(tmp_path: Path) -> None:
    templates = overriding(tmp_path, note_txt="Hello\n")
    mail = templates.render("note", "en", WORDS, VENDOR)
    assert mail.subject == "Staging is slow"
    assert mail.fell_back == f"{tmp_path}/en/note.txt.j2:1: the first line must be `Subject: …`"


def test_a_failing_part_of_an_override_is_named(tmp_path: Path) -> None:
    """The shipped mail is then written with the shipped part."""
    mail = overriding(tmp_path, _foot_txt="\n{{ words.nothing }}\n").render("note", "en", WORDS, VENDOR)
    assert mail.fell_back == f"{tmp_path}/en/_foot.txt.j2:2: words has no attribute 'nothing'"
    assert mail.text.endswith("\nAcme Support\n")


def test_a_failing_shipped_template_is_an_error(tmp_path: Path) -> None:
    written(tmp_path, note_txt="Subject: x\n\n{{ words.nothing }}\n", note_html="")
    with pytest.raises(BadConfig, match=r"en/note.txt.j2:3: words has no attribute 'nothing'"):
        Templates.load(tmp_path).render("note", "en", WORDS, VENDOR)


def test_check_finds_what_shows_only_with_certain_data(tmp_path: Path) -> None:
    templates = overriding(
        tmp_path,
        note_txt="Subject: x\n\n{% if not words.others %}\n{{ words.nothing }}\n{% endif %}\n",
        status_changed_html="{% if words.event == 'defer' %}\n{{ words.until }}{% endif %}",
        unregistered_txt="Subject: {{ words.subject }}\n",
        case_opened_txt="Subject: x\n\nto close it, answer with\n/close\n",
    )
    assert [problem.removeprefix(f"{tmp_path}/").partition(";")[0] for problem in templates.check()] == [
        "en/note.txt.j2:4: there is no words.nothing here",
        "en/status_changed.html.j2:2: there is no words.until here",
        "en/unregistered.txt.j2:1: there is no words.subject here",
        "en/case_opened.txt.j2: a line begins with a slash, which is how commands begin",
    ]


def test_preview_shows_the_override_or_its_fault(tmp_path: Path) -> None:
    templates = overriding(tmp_path, note_txt="Subject: x\n\nours\n", new_case_txt="Subject: x\n\n{{ nothing }}\n")
    assert templates.preview("note", "en").text == "ours\n"
    with pytest.raises(BadConfig, match=r"new_case.txt.j2:3: 'nothing' is undefined"):
        templates.preview("new_case", "en")


def test_an_unknown_template_is_not_found(shipped: Templates) -> None:
    with pytest.raises(
        NotFound,
        match=r"there is no template no_such; there are agent_replied, agent_replied_vendor, announce_release, ",
    ):
        shipped.render("no_such", "en", WORDS, VENDOR)


# --- Announcements of the vendor's own -------------------------------------------------------------------


def test_the_vendor_writes_announcements_of_their_own(tmp_path: Path) -> None:
    """They say what they read, in whichever file, and are checked with a text for each of it."""
    own = overriding(
        tmp_path,
        announce_outage_txt="Subject: {{ system }} is down\n\n{% include '_when.txt.j2' %}\n",
        announce_outage_html="{% extends '_layout.html.j2' %}{% block body %}{{ words.recipient }}{% endblock %}",
        _when_txt="{% set by = 'us' %}{{ start }}{% if end is defined %} to {{ end }}{% endif %} by {{ by }}",
    )

    assert ("outage", "release") == own.announcements()
    assert Variables(needed=frozenset({"system", "start"}), optional=frozenset({"end"})) == own.variables(
        "announce_outage"
    )
    assert Variables(needed=frozenset({"version"}), optional=frozenset({"notes"})) == own.variables("announce_release")
    assert () == own.check()
    assert "[system] is down" == own.preview("announce_outage", "de").subject


def test_an_announcement_that_fails_is_not_replaced_by_the_shipped_one(tmp_path: Path) -> None:
    """It is written by hand, and can wait."""
    own = overriding(tmp_path, announce_release_txt="Subject: {{ words.nothing }}", announce_release_html="")
    with pytest.raises(BadConfig, match=r"announce_release\.txt\.j2:1: words has no attribute 'nothing'"):
        own.render("announce_release", "en", next(samples("announce_release")), VENDOR)
