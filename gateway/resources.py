"""Where the shipped rules, templates and example configuration are: inside an installed wheel, or in a checkout.

`config` and the terminal ask; nothing is opened at import time.
"""

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent
_HOMES = (_PACKAGE / "_data", _PACKAGE.parent)
"""The wheel carries a copy in `_data`; a checkout and an editable install have them beside the package."""


def data_dir(name: Literal["rules", "templates"]) -> Path:
    """Where the shipped rule sets or templates are."""
    return _find(name)


def example_config() -> str:
    """Read the shipped `config.example.toml`."""
    return _find("config.example.toml").read_text(encoding="utf-8")


def _find(name: str) -> Path:
    for home in _HOMES:
        if (home / name).exists():
            return home / name
    raise FileNotFoundError(f"{name} is missing from this installation")
