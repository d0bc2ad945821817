"""A third language is one folder of templates and one phrase file, and `template check` says what it lacks."""

import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import Environment

from gateway.domain.phrases import PLACE
from gateway.domain.policy import Vendor
from gateway.domain.words import CaseWords
from gateway.errors import BadConfig
from gateway.mail.samples import samples
from gateway.mail.templates import Templates
from gateway.resources import data_dir

SHIPPED = data_dir("templates")
VENDOR = Vendor(name="Acme")
_WORD = re.compile(r"(?<![\w&#:/.<-])([A-Za-z])([A-Za-z]{2,})(?![\w:=-])")


def french(text: str) -> str:
    """A language that everybody can read: each word with a mark behind its first letter."""
    return _WORD.sub("\\1~\\2", text)


def french_template(source: str) -> str:
    """A text template whose own words are French, and nothing else."""
    return "".join(
        french(value) if kind == "data" else value for _, kind, value in Environment().lex(source.partition("\n")[2])
    )


def french_phrase(text: str) -> str:
    parts = PLACE.split(text)
    return "".join(f"{{{part}}}" if place % 2 else french(part) for place, part in enumerate(parts))


def toml(phrases: dict[str, str]) -> str:
    return "".join(f'"{_escaped(key)}" = "{_escaped(text)}"\n' for key, text in phrases.items())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An override with all of the third language."""
    (tmp_path / "fr").mkdir()
    for path in (SHIPPED / "en").iterdir():
        source = path.read_text(encoding="utf-8")
        if path.name.endswith(".txt.j2"):
            source = source.partition("\n")[0] + "\n" + french_template(source)
        (tmp_path / "fr" / path.name).write_text(source, encoding="utf-8")
    known = tomllib.loads((SHIPPED / "de" / "phrases.toml").read_text(encoding="utf-8"))
    (tmp_path / "fr" / "phrases.toml").write_text(toml({key: french_phrase(key) for key in known}), encoding="utf-8")
    return tmp_path


def problems(folder: Path) -> list[str]:
    """What `template check` says, with paths as they are in the folder."""
    try:
        found = Templates.load(SHIPPED, folder).check()
    except BadConfig as error:
        found = error.problems
    return [problem.replace(f"{folder}/", "") for problem in found]


def test_mail_to_its_readers_is_written_in_it(folder: Path) -> None:
    """Its own words, and the phrases that come from code and rule files."""
    templates = Templates.load(SHIPPED, folder)
    mail = templates.render("status_changed", "fr", next(samples("status_changed")), VENDOR)
    assert "Status: W~aiting f~or C~ustomer" in mail.text
    assert "W~aiting" in mail.html
    for name in templates.names():
        words = next(samples(name))
        assert templates.render(name, "fr", words, VENDOR).text != templates.render(name, "en", words, VENDOR).text
    assert (
        "Wartet auf den Kunden"
        in templates.render("status_changed", "de", next(samples("status_changed")), VENDOR).text
    )


def test_a_region_speaks_the_language(folder: Path) -> None:
    templates = Templates.load(SHIPPED, folder)
    words = next(samples("status_changed"))
    assert templates.render("status_changed", "fr", words, VENDOR) == templates.render(
        "status_changed", "fr-CA", words, VENDOR
    )


def test_a_whole_language_lacks_nothing(folder: Path) -> None:
    assert [] == problems(folder)


def changed(file: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def does(folder: Path) -> None:
        path = folder / "fr" / file
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    return does


def gone(*files: str) -> Callable[[Path], None]:
    def does(folder: Path) -> None:
        for file in files:
            (folder / "fr" / file).unlink()

    return does


def without(key: str) -> Callable[[str], str]:
    return lambda text: "".join(line for line in text.splitlines(keepends=True) if not line.startswith(f'"{key}" ='))


WRONG = {
    "a mail": (
        gone("note.txt.j2", "note.html.j2"),
        "fr: no templates for note, which are written in English; add fr/note.txt.j2 and fr/note.html.j2, and so on",
    ),
    "a half": (gone("note.html.j2"), "fr/note.txt.j2: its other half is missing; add fr/note.html.j2"),
    "a part": (gone("_said.txt.j2"), "fr/agent_replied_vendor.txt.j2:5: _said.txt.j2 is taken from English here; add fr/_said.txt.j2"),
    "a phrase": (
        changed("phrases.toml", without("the case is closed")),
        'fr/phrases.toml: "the case is closed" is missing, so that it stays in English; add it with its translation',
    ),
    "all phrases": (
        gone("phrases.toml"),
        r"fr/phrases.toml: missing, so that \d+ phrases stay in English: .* copy a shipped one and translate",
    ),
    "a place": (
        changed("phrases.toml", lambda text: text.replace('= "W~aiting f~or {vendor}"', '= "Attend {vendeur}"')),
        r'fr/phrases.toml:\d+: "Waiting for {vendor}": the translation lacks {vendor}; there is no {vendeur} in the English text',
    ),
    "no phrase of ours": (
        changed("phrases.toml", lambda text: f'"the case is closde" = "x"\n{text}'),
        'fr/phrases.toml:1: "the case is closde": nothing of ours reads so; did you mean the case is closed?',
    ),
    "no text": (changed("phrases.toml", lambda text: f'"x" = 3\n{text}'), 'fr/phrases.toml:1: "x": its translation must be text in quotes'),
    "no toml": (changed("phrases.toml", lambda text: f"x\n{text}"), "fr/phrases.toml:1: not TOML: "),
    "a variable": (
        changed("note.txt.j2", lambda text: f"{text}{{% if words.number == 7 %}}{{{{ words.tokn }}}}{{% endif %}}\n"),
        r"fr/note.txt.j2:\d+: there is no words.tokn here; did you mean token\?",
    ),
    "a name": (
        changed("note.txt.j2", lambda text: f"{text}{{% if words.number == 7 %}}{{{{ word.token }}}}{{% endif %}}\n"),
        r"fr/note.txt.j2:\d+: there is no word; did you mean words\?",
    ),
    "the syntax": (changed("note.txt.j2", lambda text: f"Subject: x\n\n{{{{ words.text }}\n{text}"), r"fr/note.txt.j2:3: unexpected '}'"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_it_lacks_is_named(folder: Path, what: str) -> None:
    """One problem, with its file and how to mend it."""
    spoil, expected = WRONG[what]
    spoil(folder)
    (found,) = problems(folder)
    assert re.match(expected.replace("{", r"\{").replace("(", r"\("), found), found


def test_a_single_phrase_can_be_worded_anew(tmp_path: Path) -> None:
    """Also in English, and labels of a vendor's own rules."""
    for lang in ("de", "en"):
        (tmp_path / lang).mkdir()
        (tmp_path / lang / "phrases.toml").write_text(f'"Waiting for Customer" = "Ball bei Ihnen ({lang})"\n')
    templates = Templates.load(SHIPPED, tmp_path)
    words = next(samples("status_changed"))
    for lang in ("de", "en"):
        assert f"Status: Ball bei Ihnen ({lang})" in templates.render("status_changed", lang, words, VENDOR).text
    assert "Frage" in templates.render("status_changed", "de", words, VENDOR).text
    assert () == templates.check()


def test_labels_of_own_rules_may_be_translated(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "phrases.toml").write_text('"Parked" = "Geparkt"\n')
    templates = Templates.load(SHIPPED, tmp_path)
    assert () == templates.check({"Parked"})
    assert 1 == len(templates.check())


def test_a_text_of_the_vendors_own_that_reads_like_a_phrase_stays() -> None:
    """And so does what customers write."""
    sample = next(samples("agent_replied"))
    assert isinstance(sample, CaseWords)
    words = replace(sample, text="the case is closed", author="Open", subject="Question")
    mail = Templates.load(SHIPPED).render("agent_replied", "de", words, VENDOR)
    assert mail.text.startswith("the case is closed\n")
    assert "Question" == mail.subject
