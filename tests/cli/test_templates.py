"""`template list`, `template check`, `template preview`: what our mail says, what is wrong with it, how it looks."""

import html
import json
import re
from pathlib import Path

import pytest

from tests.cli.typist import Typist, run


@pytest.fixture
def own(desk: Typist) -> Path:
    """The folder whose files win over the shipped ones, with one of each kind."""
    folder = desk.config.parent / "ours"
    (folder / "en").mkdir(parents=True)
    desk.config.write_text(f'{desk.config.read_text()}\n[templates]\ndir = "ours"\n')
    (folder / "en" / "note.txt.j2").write_text("Subject: ours\n\n{{ words.text }}\n")
    (folder / "en" / "_foot.txt.j2").write_text("\nOur own foot\n")
    return folder


def test_list_says_languages_notices_and_where_from(desk: Typist, own: Path) -> None:
    rows = {row["name"]: row for row in desk.json("template", "list")}
    assert {
        "name": "note",
        "languages": ["de", "en"],
        "kinds": ["note"],
        "overridden": True,
        "files": [str(own / "en" / "note.txt.j2")],
    } == rows["note"]
    assert (["digest", "registration"], False, []) == tuple(
        rows["registration_vendor"][name] for name in ("kinds", "overridden", "files")
    )
    out = desk.do("template", "list")
    assert re.search(r"^case_opened +de, en +case_opened +shipped *$", out, re.MULTILINE)
    assert re.search(rf"^note +de, en +note +.*{re.escape('ours/en/note.txt.j2')} *$", out, re.MULTILINE)
    assert out.endswith(f"In all of them, where they include it:\n  {own / 'en' / '_foot.txt.j2'}\n")


def test_check_says_that_all_is_well(desk: Typist, own: Path) -> None:
    assert "the templates are sound\n" == desk.do("template", "check")
    assert [] == desk.json("template", "check")


def test_check_names_file_line_and_what_was_meant(desk: Typist, own: Path) -> None:
    (own / "en" / "note.txt.j2").write_text("Subject: x\n\n{{ words.tokn }}\n")
    said = desk("template", "check")
    expected = f"{own}/en/note.txt.j2:3: there is no words.tokn here; did you mean token?\n"
    assert (1, expected, "casegate: 1 problem found\n") == (said.code, said.out, said.err)
    assert [expected.rstrip()] == json.loads(desk("template", "check", "--json").out)


def test_check_names_what_a_language_lacks(desk: Typist, own: Path) -> None:
    (own / "fr").mkdir()
    (own / "fr" / "phrases.toml").write_text('"Open" = "Ouvert"\n')
    said = desk("template", "check")
    assert 1 == said.code
    assert "fr: no templates for agent_replied, agent_replied_vendor, " in said.out
    assert f'{own}/fr/phrases.toml: "Resolved" is missing, so that it stays in English' in said.out
    assert '"Open"' not in said.out


def test_check_knows_the_labels_of_the_rules_in_force(desk: Typist, own: Path) -> None:
    """A label of the vendor's own may stay as it is, or be translated; only a phrase that nobody says is a mistake."""
    (own / "de").mkdir()
    (own / "de" / "phrases.toml").write_text('"In Progress" = "Läuft"\n"Parked" = "Geparkt"\n')
    said = desk("template", "check")
    assert f'{own}/de/phrases.toml:2: "Parked": nothing of ours reads so; leave it out\n' == said.out


def test_check_looks_at_a_folder_that_is_not_in_force(desk: Typist, tmp_path: Path) -> None:
    (tmp_path / "new" / "en").mkdir(parents=True)
    (tmp_path / "new" / "en" / "note.txt.j2").write_text("Subject: x\n\n{{ words.text }\n")
    said = desk("template", "check", str(tmp_path / "new"))
    assert (1, f"{tmp_path}/new/en/note.txt.j2:3: unexpected '}}'\n") == (said.code, said.out)


def test_preview_shows_a_mail_as_its_reader_gets_it(desk: Typist, own: Path) -> None:
    assert desk.do("template", "preview", "note").startswith("From: Acme\nSubject: ours\n\n")
    assert "Our own foot" in desk.do("template", "preview", "case_opened")
    german = desk.do("template", "preview", "case_opened", "--lang", "de")
    assert "Frage · Wartet auf den Kunden" in german
    assert "Our own foot" not in german
    found = desk.json("template", "preview", "case_opened", "--lang", "de")
    assert {"name", "lang", "subject", "text", "html"} == set(found)
    assert found["text"] in german
    assert found["html"].rstrip() == desk.do("template", "preview", "case_opened", "--lang", "de", "--html").rstrip()


def test_preview_makes_a_page_that_loads_and_runs_nothing(desk: Typist, tmp_path: Path) -> None:
    """Both forms, light and dark, wide and narrow; what customers wrote is text in it."""
    page = tmp_path / "page.html"
    assert f"written to {page}\n" == desk.do("template", "preview", "agent_replied", "--page", str(page))
    text = page.read_text()
    frames = re.findall(r'<iframe sandbox title="([^"]*)" srcdoc="([^"]*)"></iframe>', text)
    assert ["Light, wide", "Light, narrow", "Dark, wide", "Dark, narrow"] == [title for title, _ in frames]
    light, _, dark, _ = (html.unescape(frame) for _, frame in frames)
    assert ("@media not all" in light, "@media all" in dark) == (True, True)
    assert light.replace("@media not all", "@media all") == dark
    assert "&lt;cache&gt;" in light
    assert "<cache>" not in text
    assert "default-src 'none'" in text
    assert not re.search(r"https?:(?!//help\.acme\.example)|<script|<link|url\(|@import", html.unescape(text))


@pytest.mark.parametrize(
    ("code", "words", "told"),
    [
        (1, "preview case_opend", "did you mean case_opened?"),
        (1, "preview xyz", "agent_replied, agent_replied_vendor"),
        (1, "preview note --lang fr", "note is not written in fr; there are: de, en"),
        (2, "preview note --html --page x.html", "choose one of"),
        (1, "preview note --page nowhere/x.html", "nothing was written"),
        (1, "check nowhere", "1 problem found"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(desk: Typist, code: int, words: str, told: str) -> None:
    said = desk("template", *words.split())
    assert code == said.code
    assert told in said.err
    assert 1 == said.err.count("\n")


def test_templates_without_any_gateway_are_the_shipped_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CASEGATE_CONFIG", raising=False)
    assert "case_opened" in run("template", "list").out
    assert 0 == run("template", "preview", "case_opened").code
