"""Alembic's entry: runs the revisions on the connection that `store.migrate` hands over."""

import sqlmodel.sql.sqltypes  # noqa: F401  # revisions name its column types
from alembic import context
from sqlmodel import SQLModel

from gateway.store import partial, search, tables  # noqa: F401  # importing the tables fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    include_name=search.is_compared,
)
with context.begin_transaction():
    context.run_migrations()
