"""What lies in a folder of templates: `LANGUAGE/NAME.txt.j2` with its `.html.j2`, and `LANGUAGE/phrases.toml`.

`mail.templates` reads the shipped folder and the override with it; nothing is checked here but names and UTF-8.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import BadConfig

FALLBACK = "en"
PHRASES = "phrases.toml"

_TEMPLATE = re.compile(r"[A-Za-z-]+/[^/]+\.(txt|html)\.j2")
_PHRASES = re.compile(rf"[A-Za-z-]+/{re.escape(PHRASES)}")


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one file, and its path as people know it."""

    shown: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Templates by their place in the folder, such as `en/note.txt.j2`, and phrases by language."""

    templates: Mapping[str, Source] = field(default_factory=dict)
    phrases: Mapping[str, Source] = field(default_factory=dict)


def read_folder(folder: Path) -> Folder:
    """All templates and phrases in the folder's languages; BadConfig for what is in a wrong place or no text."""
    if not folder.is_dir():
        raise BadConfig(f"{folder}: there is no such folder of templates")
    templates: dict[str, Source] = {}
    phrases: dict[str, Source] = {}
    problems = []
    for path in sorted((*folder.rglob("*.j2"), *folder.rglob(PHRASES))):
        name = path.relative_to(folder).as_posix()
        if not (_TEMPLATE.fullmatch(name) or _PHRASES.fullmatch(name)):
            problems.append(f"{path}: {_expected(path.name)}")
            continue
        try:
            source = Source(str(path), path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path}: cannot be read as UTF-8 text: {error}")
            continue
        if path.name == PHRASES:
            phrases[path.parent.name] = source
        else:
            templates[name] = source
    if problems:
        raise BadConfig(*problems)
    return Folder(templates=templates, phrases=phrases)


def _expected(file: str) -> str:
    if file == PHRASES:
        return f"phrases are LANGUAGE/{PHRASES}, such as fr/{PHRASES}"
    return "a template is LANGUAGE/NAME.txt.j2 or LANGUAGE/NAME.html.j2, such as en/note.txt.j2"
