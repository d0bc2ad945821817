"""What all rows share: names of constraints, columns that hold an enum, and no checks of their own."""

from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def choice(kind: type[StrEnum]) -> Any:
    """A column type that stores the values of an enum and refuses all others, in Python and in SQL."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        length=20,
        name=kind.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


class Row(SQLModel):
    """What all rows share: they check nothing themselves, so that no command waits until pydantic has made checks."""

    model_config = {"defer_build": True}  # pydantic takes it so
