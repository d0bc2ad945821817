"""What our mail says: the same in each language and in both forms, and nothing in it commands or loads anything."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from jinja2 import Environment, nodes

from gateway.domain.policy import Vendor
from gateway.domain.words import RegistrationWords
from gateway.mail.samples import VENDORS, samples
from gateway.mail.templates import Templates
from gateway.resources import data_dir

SHIPPED = data_dir("templates")
VENDOR = Vendor(name="Acme Support")
NAMES = Templates.load(SHIPPED).names()
LANGUAGES = ("de", "en")
WORDLESS = frozenset({"_button.html.j2", "_layout.html.j2", "_mail.txt.j2"})
"""Parts without a word in any language."""
BUTTONS = frozenset(
    {
        *("words.answer_link", "words.approve_link", "words.reject_link", "words.unsubscribe_link"),
        *("block.link", "result.more_link"),
    }
)
"""What only the HTML form has: the text form says in words what they do."""


@pytest.fixture(scope="module")
def shipped() -> Templates:
    return Templates.load(SHIPPED)


def every_mail() -> Iterator[tuple[str, str, Any, Vendor]]:
    """Each mail in each language, with each kind of sample."""
    for name in NAMES:
        for words in samples(name):
            yield from ((name, lang, words, vendor) for lang in LANGUAGES for vendor in VENDORS)


def tree_of(lang: str, file: str) -> nodes.Template:
    path = SHIPPED / lang / file
    path = path if path.exists() else SHIPPED / "en" / file
    return Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))


def chain(node: nodes.Node) -> str:
    """`words.level.due` of the node that reads it; "" for anything else."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr) and (inner := chain(node.node)):
        return f"{inner}.{node.attr}"
    return ""


def used(lang: str, file: str, replaced: frozenset[str] = frozenset(), *, deeply: bool) -> set[str]:
    """What a template reads of its words and vendor, if `deeply` with what it includes and extends."""
    tree, found, parents = tree_of(lang, file), set[str](), list[str]()

    def visit(node: nodes.Node) -> None:
        for child in node.iter_child_nodes():
            if isinstance(child, nodes.Block) and child.name in replaced:
                continue
            if isinstance(child, nodes.Include) and deeply:
                found.update(used(lang, child.template.value, deeply=True))  # type: ignore[attr-defined]  # a constant
            if isinstance(child, nodes.Extends):
                parents.append(child.template.value)  # type: ignore[attr-defined]  # a constant
            if chain(child).startswith(("words.", "vendor.", "result.", "block.")) and not isinstance(node, nodes.Call):
                found.add(chain(child))
            visit(child)

    visit(tree)
    own = frozenset(block.name for block in tree.find_all(nodes.Block))
    for parent in parents if deeply else ():
        found |= used(lang, parent, replaced | own, deeply=True)
    return found


@pytest.mark.parametrize("lang", sorted(set(LANGUAGES) - {"en"}))
def test_each_language_has_all_that_english_has(lang: str) -> None:
    english = {path.name for path in (SHIPPED / "en").iterdir()}
    assert set() == english - WORDLESS - {path.name for path in (SHIPPED / lang).iterdir()}
    assert {path.name for path in SHIPPED.iterdir()} == {*LANGUAGES, "pages"}


@pytest.mark.parametrize("file", sorted({path.name for path in (SHIPPED / "en").iterdir()} - WORDLESS))
def test_a_translation_says_what_the_english_one_says(file: str) -> None:
    """Each file reads the same of its words in each language."""
    for lang in LANGUAGES:
        assert used("en", file, deeply=False) == used(lang, file, deeply=False)


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_of_a_mail_say_the_same(name: str) -> None:
    for lang in LANGUAGES:
        text, html = (used(lang, f"{name}.{form}.j2", deeply=True) for form in ("txt", "html"))
        assert text == html - BUTTONS


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_mail_has_a_gap(shipped: Templates, lang: str) -> None:
    """One empty line between two paragraphs, and nothing at the end of a line but in a signature mark."""
    for name, _, words, vendor in (mail for mail in every_mail() if mail[1] == lang):
        text = shipped.render(name, lang, words, vendor).text
        assert "\n\n\n" not in text, name
        assert not re.search(r"(?<!^--)[ \t]$", text, re.MULTILINE), name


def test_no_line_of_ours_is_a_command(shipped: Templates) -> None:
    """Whoever sends our mail back must not have given an order with it."""
    for name, lang, words, vendor in every_mail():
        lines = shipped.render(name, lang, words, vendor).text.splitlines()
        assert not [line for line in lines if line.lstrip().startswith("/")], name


@pytest.mark.parametrize("name", ["approval", "approval_hint", "welcome"])
def test_no_line_becomes_a_command_when_a_program_wraps_it_anew(shipped: Templates, name: str) -> None:
    """What there is to type stands behind an arrow on a line so short that nobody breaks it."""
    for _, lang, words, vendor in (mail for mail in every_mail() if mail[0] == name):
        lines = shipped.render(name, lang, words, vendor).text.splitlines()
        typed = [line for line in lines if " /" in line]
        broken = [part for line in typed for wide in range(24, 79) for part in textwrap.wrap(line, wide)]
        assert not [part for part in broken if part.startswith("/")]


def test_no_action_becomes_a_command_when_a_program_wraps_it_anew(shipped: Templates) -> None:
    """They stand at the foot of all mail about a case."""
    full = next(samples("status_changed"))
    for lang in LANGUAGES:
        lines = shipped.render("status_changed", lang, full, VENDOR).text.splitlines()
        typed = [line for line in lines if "->  /" in line]
        broken = [part for line in typed for wide in range(24, 79) for part in textwrap.wrap(line, wide)]
        assert len(typed) == 3
        assert not [part for part in broken if part.startswith("/")]


def test_html_loads_nothing_from_anywhere(shipped: Templates) -> None:
    for name, lang, words, _ in every_mail():
        html = shipped.render(name, lang, words, VENDOR).html
        assert not re.search(r"https?:|<img|<link|<script|url\(|@import| src=", html)


def test_own_words_of_ours_fit_a_terminal(shipped: Templates) -> None:
    """Lines without a variable are wrapped at 78."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(SHIPPED.glob("*/*.txt.j2"))]
    assert [line for text in texts for line in text.splitlines() if len(line) > 78 and "{" not in line] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_lines_with_usual_names_and_times_fit_a_terminal_too(shipped: Templates, lang: str) -> None:
    """Also who else gets it, however many; only the answers to commands are as long as they are."""
    too_long = set()
    for name, _, words, vendor in (mail for mail in every_mail() if mail[1] == lang):
        brief = replace(words, results=()) if hasattr(words, "results") else words
        full = replace(brief, others=brief.others * 10) if hasattr(brief, "others") else brief
        text = shipped.render(name, lang, full, vendor).text
        too_long |= {(name, line) for line in text.splitlines() if len(line) > 78}
    assert too_long == set()


FREE = frozenset(
    """account_name author text recipient name address phone requester request reason inviter answered_by shown subject
    heading line about roles others attachments refused category_label priority_label sender error""".split()  # noqa: SIM905 - a list of it is a page long
)
"""What people write, and names of ours that are data to a template."""


def spoiled(value: Any, evil: str, name: str = "") -> Any:
    """The words with this text wherever people's own may stand."""
    if isinstance(value, str):
        return evil if name in FREE else value
    if isinstance(value, tuple):
        return tuple(spoiled(one, evil, name) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: spoiled(getattr(value, one.name), evil, one.name) for one in fields(value)})
    return value


def test_words_of_people_stay_data_in_every_mail(shipped: Templates) -> None:
    """IJ-04 and IJ-05: neither run nor markup, in both languages."""
    evil = '<script>{{ 7*7 }}</script>" onclick="x'
    for name, lang, words, vendor in every_mail():
        mail = shipped.render(name, lang, spoiled(words, evil), vendor)
        assert "<script" not in mail.html
        assert '" onclick' not in mail.html
        assert "<script>49" not in mail.text


def test_the_first_mail_of_a_registration_says_nothing_of_what_was_right(shipped: Templates) -> None:
    """SPEC section 9, point 2: whoever is asked reads the same, whatever the letter held."""
    for lang in LANGUAGES:
        *_, asked = samples("registration")
        assert isinstance(asked, RegistrationWords)
        other = replace(
            asked, is_first=not asked.is_first, number=8, account="ACME-2", account_name="Other", roles=("x",)
        )
        assert shipped.render("registration", lang, asked, VENDOR) == shipped.render(
            "registration", lang, other, VENDOR
        )
