"""What comes from code and rule files is said in the reader's language, and what people wrote never is."""

import ast
import copy
import json
import pickle
import tomllib

import pytest

from gateway.domain.phrases import Phrase, places, say
from gateway.domain.toml_lines import Page
from gateway.errors import Refused
from gateway.resources import data_dir
from tests.phrase_list import GATEWAY, all_phrases, calls, of_code, of_rules

SHIPPED = data_dir("templates")
LANGUAGES = sorted({path.parent.name for path in SHIPPED.glob("*/*.j2")} - {"en"})
GERMAN = {"case {number} is {label}": "Vorgang {number}: {label}", "open": "offen", "{a}, {b}": "{b}, {a}"}


def test_a_phrase_is_its_english_text() -> None:
    phrase = Phrase("case {number} is {label}", number=1042, label=Phrase("open"))
    assert "case 1042 is open" == phrase
    assert '"case 1042 is open"' == json.dumps(phrase)
    assert "(case 1042 is open)" == f"({phrase})"


def test_a_phrase_is_said_with_all_phrases_in_it() -> None:
    phrase = Phrase("case {number} is {label}", number=1042, label=Phrase("open"))
    assert "Vorgang 1042: offen" == phrase.said(GERMAN)
    assert "case 1042 is open" == phrase.said({})
    assert "offen, open, offen" == Phrase("{names}", names=(Phrase("open"), "open", Phrase("open"))).said(GERMAN)


def test_what_people_wrote_is_neither_said_nor_filled_in() -> None:
    assert "open" == say("open", GERMAN)
    assert "{b}, open" == Phrase("{a}, {b}", a="open", b="{b}").said({**GERMAN, "{a}, {b}": "{b}, {a}"})
    assert "{vendor} {__class__} {0} {" == Phrase("{vendor} {__class__} {0} {")


def test_a_phrase_keeps_what_it_is_made_of() -> None:
    phrase = Phrase("{a}, {b}", a=Phrase("open"), b=(Phrase("open"), "x", "y"))
    for kept in (
        Phrase.from_json(json.loads(json.dumps(phrase.as_json()))),
        copy.deepcopy(phrase),
        pickle.loads(pickle.dumps(phrase)),
    ):
        assert ("offen, x, y, offen", "open, open, x, y") == (kept.said(GERMAN), kept)


def test_a_refusal_keeps_its_phrase() -> None:
    assert "offen" == say(Refused(Phrase("open")).public, GERMAN)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_language_has_every_phrase_with_its_places(lang: str) -> None:
    """Named are those that lack: write them into `templates/<language>/phrases.toml`."""
    file = SHIPPED / lang / "phrases.toml"
    known = tomllib.loads(file.read_text(encoding="utf-8"))
    assert {} == {text: place for text, place in all_phrases().items() if text not in known}
    assert [] == [text for text, said in known.items() if places(text) != places(said)]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_language_has_a_phrase_that_nobody_says(lang: str) -> None:
    page, ours = Page("", (SHIPPED / lang / "phrases.toml").read_text(encoding="utf-8")), of_rules() | of_code()
    assert [] == [page.problem((text,), text) for text in page.data if text not in ours]


ANSWERS = {"Result": 1, "Refused": 0, "NotFound": 0, "BadUsage": 0}
"""What becomes the answer to a command, and which argument is its text."""


def is_spoken(node: ast.expr) -> bool:
    """True for text that a phrase file can say, or for none; names were made somewhere else."""
    if isinstance(node, ast.IfExp):
        return is_spoken(node.body) and is_spoken(node.orelse)
    return not isinstance(node, ast.JoinedStr) and not (isinstance(node, ast.Constant) and node.value)


def reaches_mail(place: str) -> bool:
    """The rooms of the gateway whose refusals are read in mails by customers."""
    rooms = ("services/command_", "services/commanding", "services/agent_commanding", "domain/draft")
    return place.startswith(rooms)


def test_no_answer_to_a_command_is_plain_text() -> None:
    """A text that is no Phrase stays English in all languages."""
    plain = [
        place
        for name, at in ANSWERS.items()
        for place, call in calls(name)
        if reaches_mail(place) and len(call.args) > at and not is_spoken(call.args[at])
    ]
    assert [] == plain, f"write Phrase(…) around these texts in {GATEWAY}"


def test_no_piece_of_an_answer_is_plain_text() -> None:
    """Also the lines below a heading, and what a result or an approval says by name."""
    plain = []
    for name in ("BlockWords", "ResultWords", "Ask"):
        for place, call in calls(name):
            for given in call.keywords:
                if given.arg not in {"about", "text", "line"} or not reaches_mail(place):
                    continue
                parts = given.value.elts if isinstance(given.value, ast.Tuple) else [given.value]
                plain += [place for part in parts if isinstance(part, ast.Constant | ast.JoinedStr)]
    assert [] == [place for place in plain if "agent_commanding.py" not in place]
