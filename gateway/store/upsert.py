"""INSERT as each database has it. Apart from `db`, since naming a dialect loads it, and commands that read need none."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

INSERT: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""Both know ON CONFLICT; `dialect.name` says which."""
